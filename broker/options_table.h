/* The scalar options as data, and how their texts become values.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BROKER_OPTIONS_TABLE_H
#define PUBGRID_BROKER_OPTIONS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "options.h"

enum option_kind {
    NUMBER,
    SIZE,
    DURATION_MS,
    DURATION_S,
    BOOL,
    TEXT,
    CHOICE_LOG_LEVEL,
    CHOICE_ANONYMOUS,
    CHOICE_DURABILITY,
};

struct option {
    const char *path; /* "mqtt.receive_maximum"; without a section "workers" */
    const char *initial;
    uint64_t least, most;
    size_t offset; /* of the target in struct broker_options */
    uint8_t width; /* bytes of the target */
    uint8_t kind;  /* enum option_kind */
    bool reloadable;
};

extern const struct option option_table[];
extern const size_t option_count;

/* NULL if there is no such option. */
const struct option *option_find(const char *path);
/* Parses `text` into its target. False with "what to write instead" appended to `error`. */
bool option_set(const struct option *option, const char *text, struct broker_options *options,
                struct buffer *error);
/* Appends the value as one would write it. */
void option_print(const struct option *option, const struct broker_options *options,
                  struct buffer *out);
/* Appends a text (NULL: empty) in double quotes, with what these need escaped. */
void option_print_text(struct buffer *out, const char *text);
bool option_equal(const struct option *option, const struct broker_options *a,
                  const struct broker_options *b);
/* "true", "yes", "on" and their opposites; false if it is neither. */
bool option_parse_bool(const char *text, bool *value);

#endif
