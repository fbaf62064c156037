/* What an event has at the keys that filters ask for: one walk over its JSON fills a table of
 * values, in which each check looks. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_FILTER_VALUES_H
#define PUBGRID_EVENTGRID_FILTER_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "eventgrid/event.h"
#include "eventgrid/filter_keys.h"

enum value_kind {
    VALUE_ABSENT,
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_NUMBER,
    VALUE_TEXT,
    VALUE_ARRAY,
    VALUE_OBJECT,
};

struct event_value {
    enum value_kind kind;
    bool truth; /* VALUE_BOOL */
    union {
        double number;
        struct {
            uint32_t offset, length; /* in `texts` */
            uint64_t letters;        /* letters_of() */
        } text;
        struct {
            uint32_t first, count; /* in `elements`: scalars, the others as VALUE_OBJECT */
        } array;
    };
    struct slice shown; /* as it stands in the event: JSON, or the text of an envelope's field */
};

/* A bit for each byte that is in a folded text: what a text lacks tells that another is no part of
 * it. */
static inline uint64_t letters_of(struct slice text)
{
    uint64_t letters = 0;

    for (size_t i = 0; i < text.length; i++) {
        letters |= UINT64_C(1) << text.data[i] % 64;
    }
    return letters;
}

/* Slots that are no keys. */
enum { SLOT_TYPE, SLOT_SUBJECT, SLOT_SUBJECT_EXACT /* not folded */, SLOT_NEVER, SLOTS_FIXED };

struct event_values {
    struct key_node *keys;
    struct event_value *slots; /* [slot_count] */
    uint32_t slot_count;
    struct buffer texts;          /* folded */
    struct buffer elements;       /* struct event_value */
    struct buffer decoded, names; /* scratch */
};

void event_values_init(struct event_values *values);
void event_values_release(struct event_values *values);
/* The slot of a key, of which `wants` (enum key_wants) is needed, too. */
uint32_t event_values_slot(struct event_values *values, struct slice key, unsigned wants);
/* All keys are there. */
void event_values_prepare(struct event_values *values);
/* Valid until the next event is read, which must live as long. */
void event_values_read(struct event_values *values, const struct event *event);

static inline struct slice event_value_text(const struct event_values *values,
                                            const struct event_value *value)
{
    return slice_make(values->texts.data + value->text.offset, value->text.length);
}

static inline const struct event_value *event_value_elements(const struct event_values *values,
                                                             const struct event_value *array)
{
    return (const struct event_value *)(const void *)values->elements.data + array->array.first;
}

#endif
