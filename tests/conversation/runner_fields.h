/* Between the fields of a conversation line and struct packet, in both directions.
 *
 * fields_build() makes the bytes of a `>` line; fields_describe() turns a received packet into the
 * same kind of fields, so that comparing (runner_match.c) and printing need not know MQTT at all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERSATION_RUNNER_FIELDS_H
#define CONVERSATION_RUNNER_FIELDS_H

#include "base/buffer.h"
#include "mqtt/packet.h"
#include "runner_script.h"

enum { VARIABLES_MAX = 64, DESCRIPTION_MAX = 128 };

/* What `$name` stands for: set by the first `<` line that names it. */
struct variable {
    struct slice name;
    struct value value;
};

struct variables {
    struct variable list[VARIABLES_MAX];
    size_t count;
};

/* NULL if not set. */
const struct value *variables_find(const struct variables *variables, struct slice name);

/* A packet as fields; slices borrow the packet, names are static. */
struct description {
    struct field fields[DESCRIPTION_MAX];
    size_t count;
};

/* NULL, or what is wrong with the line. For a CONNECT `*version` is set, else it is used. */
const char *fields_build(struct script *script, const struct line *line,
                         const struct variables *variables, enum protocol_version *version,
                         struct buffer *out);

void fields_describe(const struct packet *packet, struct description *out);

/* Is this the name of a property (and not of a field of the packet itself)? */
bool field_is_property(const char *name);
/* Appends `PUBLISH "topic" qos=1 ...`. */
void fields_print(struct buffer *out, enum packet_type type, const struct description *fields);
void value_print(struct buffer *out, const struct value *value);

#endif
