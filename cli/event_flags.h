/* The flags of `pubgrid event`, those of `az eventgrid` (spec/eventgrid.md 8.2), and the JSON that
 * they say: the properties of a topic or an event subscription, or an event.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_EVENT_FLAGS_H
#define PUBGRID_CLI_EVENT_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* What a flag is for. */
enum {
    FLAG_OF_TOPIC = 1 << 0, /* topics and domains */
    FLAG_OF_SYSTEM_TOPIC = 1 << 1,
    FLAG_OF_SUBSCRIPTION = 1 << 2,
    FLAG_OF_EVENT = 1 << 3,
    FLAG_OF_TIME = 1 << 4, /* since when events are sent again */
};

/* The objects that flags put members into. */
enum flag_section {
    SECTION_RESOURCE,    /* beside the properties */
    SECTION_PROPERTIES,  /* of a topic or an event subscription */
    SECTION_MAPPING,     /* of a custom schema: fields */
    SECTION_DESTINATION, /* its properties */
    SECTION_FILTER,
    SECTION_ADVANCED, /* a list: filters */
    SECTION_ATTRIBUTES,
    SECTION_RETRY,
    SECTION_EVENT,
    SECTION_TEMPLATE, /* fields of an event's template (event_template.h) */
    FLAG_SECTIONS
};

struct event_flags {
    struct buffer uses; /* of the flags that were given: a byte each, FLAG_OF_* */
    struct buffer sections[FLAG_SECTIONS]; /* members, or elements, with commas between them */
    const char *endpoint, *endpoint_type;  /* NULL: not given */
    const char *data;                      /* of an event: JSON */
};

/* The number of flags, and their names: "endpoint". */
size_t event_flag_count(void);
const char *event_flag_name(size_t flag);
/* Does it take this word, behind so many? */
bool event_flag_wants(size_t flag, size_t taken, const char *word);
/* Takes the flag with the words behind it; false after an error message. */
bool event_flag_take(struct event_flags *flags, size_t flag, char *const *words, size_t count);
/* Was none given but for this? */
bool event_flags_fit(const struct event_flags *flags, unsigned uses);
void event_flags_release(struct event_flags *flags);

/* Appends the JSON of a topic, domain or system topic, or of an event subscription's properties.
 * False after an error message. */
void event_flags_append_topic(const struct event_flags *flags, struct buffer *out);
bool event_flags_append_subscription(const struct event_flags *flags, struct buffer *out);

#endif
