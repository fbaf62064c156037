/* The parts that read a topic or domain share this. Internal to this folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_TOPIC_PARTS_H
#define PUBGRID_RESOURCE_TOPIC_PARTS_H

#include "resource/reading.h"
#include "resource/topic.h"

/* `inputSchemaMapping` */
void mapping_read(struct reading *reading, const struct json_value *value,
                  struct schema_mapping *mapping);
/* Has it what events of a custom schema need? */
void mapping_check(struct reading *reading, const struct schema_mapping *mapping, bool is_domain);
void mapping_append(struct buffer *out, const struct schema_mapping *mapping);

/* `inboundIpRules`; `into` is the topic. */
void ip_rules_read(struct reading *reading, const struct json_value *value, void *into);
void ip_rules_append(struct buffer *out, const struct topic_properties *topic);

#endif
