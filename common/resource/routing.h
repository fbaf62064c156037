/* Which MQTT messages of a namespace become events of which event topic, and with what attributes
 * (spec/eventgrid.md 5.7, 6.6): the members routeTopicResourceId and routingEnrichments of its
 * topicSpacesConfiguration, and beyond Azure `routes`. Pure.
 *
 *     "routeTopicResourceId": ID    is the route `default`, of all topics (#)
 *     "routes": [{"name": "alarms", "topicFilters": ["plant/+/alarm"], "topicResourceId": ID}]
 *
 * ID: the resource id of a topic of a namespace or of a custom topic with the CloudEvents schema;
 * or in short `topics/orders`, `namespaces/plant/topics/alarms`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_ROUTING_H
#define PUBGRID_RESOURCE_ROUTING_H

#include <stddef.h>

#include "resource/enrichment.h"

enum { ROUTES_MAX = 100, ROUTE_FILTERS_MAX = 100, ROUTE_NAME_MIN = 3, ROUTE_NAME_MAX = 50 };

#define ROUTE_DEFAULT_NAME "default"

struct route {
    struct slice name;           /* [A-Za-z0-9-]; compared without regard to case */
    const struct slice *filters; /* [filter_count] topic filters */
    size_t filter_count;
    struct slice topic_id;   /* as given */
    struct slice source_key; /* of the event topic (resource/source.h) */
    bool is_default;         /* routeTopicResourceId */
};

struct routing {
    const struct route *routes; /* [route_count]; `default` first, if there is one */
    size_t route_count;
    struct enrichments enrichments;
};

/* The three members as they stand in the JSON; without text: not given. */
struct routing_members {
    struct json_value topic_id, routes, enrichments;
};

/* Rows for the table of who has them. */
#define ROUTING_PROPERTIES(structure, members)                                                     \
    VALUE_PROPERTY(structure, "routeTopicResourceId", members.topic_id),                           \
        VALUE_PROPERTY(structure, "routes", members.routes),                                       \
        VALUE_PROPERTY(structure, "routingEnrichments", members.enrichments)

/* What is made lives in the reading's arena, or is a slice of the JSON. */
void routing_read(struct reading *reading, const struct routing_members *members,
                  struct routing *into);
/* Appends the members that there are, each with a comma in front. */
void routing_append_members(struct buffer *out, const struct routing *routing);

#endif
