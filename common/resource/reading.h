/* Reading an ARM resource's JSON by tables of properties: what each is called, of which type it is,
 * where its value goes. What is wrong becomes a line `path: what is wrong and what to write
 * instead`, the path with dots: filter.advancedFilters.0.key.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_READING_H
#define PUBGRID_RESOURCE_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "json/json.h"

enum { READING_PATH_MAX = 256, MISTAKES_MAX = 50 /* said; others are only counted */ };

struct reading {
    struct arena *arena; /* what is read lives in it, or is a slice of the JSON */
    struct buffer *error;
    size_t path_length;
    char path[READING_PATH_MAX];
    unsigned mistakes;
};

/* --- where it is --- */

/* Steps down to a member or an element; what it returns is for reading_leave(). */
size_t reading_enter(struct reading *reading, struct slice name);
size_t reading_enter_index(struct reading *reading, size_t index);
void reading_leave(struct reading *reading, size_t before);

/* A line about where it is, or about the member `name` of it. */
void reading_mistake(struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reading_mistake_at(struct reading *reading, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- values --- */

typedef void property_reader(struct reading *reading, const struct json_value *value, void *into);

/* Each says what is wrong if it is none. */
bool reading_text(struct reading *reading, const struct json_value *value, struct slice *out);
bool reading_bool(struct reading *reading, const struct json_value *value, bool *out);
bool reading_number(struct reading *reading, const struct json_value *value, uint32_t least,
                    uint32_t most, uint32_t *out);
bool reading_double(struct reading *reading, const struct json_value *value, double *out);
/* The number of elements; none, and a line, if it is no array. */
size_t reading_count(struct reading *reading, const struct json_value *array);
/* Reads each element of the array into its place of `into`, `size` bytes an element. */
void reading_elements(struct reading *reading, const struct json_value *array, size_t size,
                      property_reader *read, void *into);
/* An array of at most `most` elements, for sentences "templates", of `size` bytes each. */
struct array_kind {
    const char *what;
    size_t most, size;
    property_reader *read;
};
/* Its elements, in the arena; NULL, said: there are too many. */
void *reading_array(struct reading *reading, const struct json_value *array,
                    const struct array_kind *kind, size_t *count);
/* An array of texts, none of them empty. */
const struct slice *reading_texts(struct reading *reading, const struct json_value *array,
                                  size_t *count);

/* --- documents --- */

/* What stands in {"properties":{..}}, or the value itself if it is not wrapped so. */
struct json_value reading_unwrap(const struct json_value *value);
/* Keeps a compact copy of JSON of at most `most` bytes in `own`, which must not change any more:
 * *value is in it, and what is read will be. False: it is too long or no JSON; said. */
bool reading_keep_json(struct reading *reading, struct slice json, size_t most, struct buffer *own,
                       struct json_value *value);

/* --- objects --- */

enum property_kind {
    PROPERTY_TEXT,
    PROPERTY_BOOL,
    PROPERTY_NUMBER, /* whole, not negative */
    PROPERTY_VALUE,  /* any JSON, kept as a struct json_value */
    PROPERTY_OWN,    /* by `read` */
    PROPERTY_SHOWN,  /* what a GET shows and nobody sets: passed over */
};

struct property {
    const char *name;
    size_t offset, size;   /* of the member of the structure */
    property_reader *read; /* of PROPERTY_OWN */
    enum property_kind kind;
    uint32_t least, most; /* of a number, or of a text's bytes */
    uint32_t scale;       /* a number is stored times this */
};

struct property_table {
    const struct property *rows;
    size_t count;
};

#define PROPERTY_TABLE(rows)                                                                       \
    {                                                                                              \
        rows, sizeof(rows) / sizeof((rows)[0])                                                     \
    }
#define PROPERTY_PLACE(structure, member)                                                          \
    .offset = offsetof(structure, member), .size = sizeof(((structure *)NULL)->member)

#define TEXT_PROPERTY(structure, text_name, member, longest)                                       \
    {                                                                                              \
        .name = (text_name), .kind = PROPERTY_TEXT, PROPERTY_PLACE(structure, member), .least = 1, \
        .most = (longest)                                                                          \
    }
#define BOOL_PROPERTY(structure, bool_name, member)                                                \
    {                                                                                              \
        .name = (bool_name), .kind = PROPERTY_BOOL, PROPERTY_PLACE(structure, member)              \
    }
#define NUMBER_PROPERTY(structure, number_name, member, smallest, largest, times)                  \
    {                                                                                              \
        .name = (number_name), .kind = PROPERTY_NUMBER, PROPERTY_PLACE(structure, member),         \
        .least = (smallest), .most = (largest), .scale = (times)                                   \
    }
#define VALUE_PROPERTY(structure, value_name, member)                                              \
    {                                                                                              \
        .name = (value_name), .kind = PROPERTY_VALUE, PROPERTY_PLACE(structure, member)            \
    }
#define OWN_PROPERTY(own_name, function)                                                           \
    {                                                                                              \
        .name = (own_name), .kind = PROPERTY_OWN, .read = (function)                               \
    }
#define SHOWN_PROPERTY(shown_name)                                                                 \
    {                                                                                              \
        .name = (shown_name), .kind = PROPERTY_SHOWN                                               \
    }

/* Reads the object's members into the structure. A null is as if the member were not there; one
 * that is in no row, or there twice, is a mistake. */
void reading_object(struct reading *reading, const struct json_value *object,
                    const struct property_table *table, void *into);

#endif
