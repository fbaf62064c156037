/* What the parts that read declarations of Event Grid in the configuration file share: names that
 * are taken, and mistakes with the line of the file. Internal to this folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_DECLARING_H
#define PUBGRID_CONFIG_DECLARING_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/map.h"
#include "config/loading.h"
#include "resource/namespace_child.h"
#include "resource/reading.h"
#include "json/json.h"

struct declaring {
    struct reading reading; /* stands at what is being read; its lines become mistakes */
    struct loading *loading;
    struct map taken; /* sources' keys, and behind them the names of what they have */
    struct arena memory;
    struct buffer lines;
    struct slice mqtt_namespace; /* the one whose MQTT is enabled; empty: none so far */
};

void declaring_begin(struct declaring *declaring, struct loading *loading);
void declaring_end(struct declaring *declaring);

/* False: it is taken. */
bool declaring_take_name(struct declaring *declaring, struct slice key);
/* The same for the `name` where the reading stands: that it is taken is said, and what to do. */
bool declaring_take_own_name(struct declaring *declaring, struct slice key, const char *instead);
bool declaring_is_taken(const struct declaring *declaring, struct slice key);
/* What the reading itself has found: its places begin at the file's top. */
void declaring_say_own(struct declaring *declaring);
/* What was found in the value of the member `name` of where the reading stands; releases it. */
void declaring_say_below(struct declaring *declaring, const char *name, struct buffer *lines);
/* Reads each element of the array in the member `name` in its turn, with the same `into`; without
 * text there is none. */
void declaring_read_each(struct declaring *declaring, struct slice name,
                         const struct json_value *array, property_reader *read, void *into);

/* --- of a namespace, by the kinds of its children: arrays of {"name":..,"properties":{..}} --- */

struct declared_children {
    struct json_value arrays[CHILD_KINDS]; /* without text: none */
};

#define CHILDREN_ROWS(structure, member)                                                           \
    VALUE_PROPERTY(structure, "clients", member.arrays[CHILD_CLIENT]),                             \
        VALUE_PROPERTY(structure, "clientGroups", member.arrays[CHILD_CLIENT_GROUP]),              \
        VALUE_PROPERTY(structure, "topicSpaces", member.arrays[CHILD_TOPIC_SPACE]),                \
        VALUE_PROPERTY(structure, "permissionBindings", member.arrays[CHILD_PERMISSION_BINDING]),  \
        VALUE_PROPERTY(structure, "caCertificates", member.arrays[CHILD_CA_CERTIFICATE])

/* `key` is the namespace's. */
void declared_children_read(struct declaring *declaring, struct slice key,
                            const struct declared_children *children);

#endif
