/* Routing enrichments (spec/eventgrid.md 6.6): attributes that an MQTT message gets when it becomes
 * an event. Read from the JSON of a namespace, compiled, written again; what they come to for a
 * message is eventgrid/enrich.h. Pure.
 *
 * A dynamic value is text with expressions in it:
 *
 *     ${client.authenticationName}            ${client.attributes.KEY}
 *     ${mqtt.message.topicName}               ${mqtt.message.responseTopic}
 *     ${mqtt.message.correlationData}         ${mqtt.message.pfi}
 *     ${mqtt.message.userProperties.NAME}     ${mqtt.message.userProperties['any name']}
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_ENRICHMENT_H
#define PUBGRID_RESOURCE_ENRICHMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "json/json.h"

struct reading;

enum {
    ENRICHMENTS_MAX = 20,
    ENRICHMENT_KEY_MAX = 20,    /* characters of [a-z0-9] */
    ENRICHMENT_VALUE_MAX = 128, /* characters */
};

enum enrichment_source {
    ENRICH_TEXT,
    ENRICH_AUTHENTICATION_NAME,
    ENRICH_ATTRIBUTE,
    ENRICH_TOPIC_NAME,
    ENRICH_RESPONSE_TOPIC,
    ENRICH_CORRELATION_DATA,
    ENRICH_PAYLOAD_FORMAT,
    ENRICH_USER_PROPERTY,
};

struct enrichment_part {
    enum enrichment_source source;
    struct slice name; /* the text; of the attribute; of the user property */
};

struct enrichment {
    struct slice key, value; /* as given */
    bool is_dynamic;
    const struct enrichment_part *parts; /* [part_count], in their order */
    size_t part_count;
};

struct enrichments {
    const struct enrichment *items; /* [count], the static ones first */
    size_t count;
};

/* `routingEnrichments`: {"static":[{"key","value","valueType"}],"dynamic":[{"key","value"}]}. What
 * it makes lives in the reading's arena, or is a slice of the JSON. */
void enrichments_read(struct reading *reading, const struct json_value *value,
                      struct enrichments *into);
/* Appends the same as JSON. */
void enrichments_append(struct buffer *out, const struct enrichments *enrichments);

/* Compiles a dynamic value: *parts lives in the reading's arena. False: something in it is wrong;
 * said. */
bool enrichment_compile(struct reading *reading, struct slice value,
                        const struct enrichment_part **parts, size_t *count);

#endif
