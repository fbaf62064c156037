/* What is known of an MQTT client when it is asked what it may do: its names and its attributes
 * (spec/eventgrid.md 6.2). Attributes come from the client resource, from a JSON Web Token, or from
 * a webhook that let the client in.
 *
 * Attributes are a list whose memory belongs to whoever made it; keys are matched exactly. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_POLICY_ATTRIBUTES_H
#define PUBGRID_POLICY_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "json/json.h"

enum attribute_type { ATTRIBUTE_INTEGER, ATTRIBUTE_TEXT, ATTRIBUTE_TEXTS };

struct attribute {
    const struct attribute *next;
    struct slice key;
    enum attribute_type type;
    int64_t integer;           /* of ATTRIBUTE_INTEGER, which has no texts */
    const struct slice *texts; /* [text_count]; of ATTRIBUTE_TEXT it is one */
    size_t text_count;
};

struct client_profile {
    struct slice authentication_name; /* empty: none was proven */
    struct slice client_identifier;
    const struct slice *groups; /* [group_count], of the configuration; none if anonymous */
    size_t group_count;
    const struct attribute *attributes; /* that it has signed in with; these go before */
    bool is_registered;                 /* there is a client resource of that name */
    const struct attribute *registered; /* its attributes */
};

/* NULL: it has none of that key. */
const struct attribute *attributes_find(const struct attribute *first, struct slice key);
const struct attribute *client_attribute(const struct client_profile *client, struct slice key);
/* A copy of the whole list that lives in `arena`. */
const struct attribute *attributes_copy(const struct attribute *first, struct arena *arena);

/* May this be a key: letters, digits and _? */
bool attribute_key_is_valid(struct slice key);
/* Reads the value (not the key) of an attribute into `arena`. NULL, or what a value has to be. */
const char *attribute_read(const struct json_value *value, struct arena *arena,
                           struct attribute *out);
/* A whole number with or without a minus, nothing else, that fits. */
bool attribute_parse_integer(struct slice text, int64_t *out);
/* Appends the value as text; several are joined with commas. */
void attribute_append(struct buffer *out, const struct attribute *attribute);

#endif
