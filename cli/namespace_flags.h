/* The flags of `pubgrid namespace`, and the JSON that they say: the body of the resource that is
 * made or changed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_NAMESPACE_FLAGS_H
#define PUBGRID_CLI_NAMESPACE_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* What a command is about. */
enum namespace_noun {
    NOUN_NAMESPACE,
    NOUN_TOPIC,
    NOUN_SUBSCRIPTION,
    NOUN_CLIENT,
    NOUN_GROUP,
    NOUN_SPACE,
    NOUN_BINDING,
    NOUN_CERTIFICATE,
    NOUNS
};

/* The objects that flags put members into. */
enum namespace_section {
    IN_PROPERTIES,
    IN_SPACES,      /* topicSpacesConfiguration */
    IN_DELIVERY,    /* the queue or push of deliveryConfiguration */
    IN_FILTERS,     /* filtersConfiguration */
    IN_CERTIFICATE, /* clientCertificateAuthentication */
    NAMESPACE_SECTIONS
};

enum { NAMESPACE_FLAGS_MAX = 32 };

struct namespace_flags {
    struct buffer sections[NAMESPACE_SECTIONS]; /* members, with commas between them */
    struct buffer lists[NAMESPACE_FLAGS_MAX];   /* elements of flags that may be repeated */
    unsigned nouns; /* a bit for each: those that all flags so far are of */
    bool is_push, is_given;
};

/* Zeroed but for this. */
#define NAMESPACE_FLAGS_NONE                                                                       \
    {                                                                                              \
        .nouns = (1U << NOUNS) - 1                                                                 \
    }

size_t namespace_flag_count(void);
const char *namespace_flag_name(size_t flag);
bool namespace_flag_has_value(size_t flag);
/* Takes it; false after an error message. */
bool namespace_flag_take(struct namespace_flags *flags, size_t flag, const char *value);
/* Appends {"properties":{..}}. */
void namespace_flags_append(struct namespace_flags *flags, struct buffer *out);
void namespace_flags_release(struct namespace_flags *flags);

#endif
