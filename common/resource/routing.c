/* Routes, see routing.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/routing.h"

#include "base/ascii.h"
#include "mqtt/topic.h"
#include "resource/reading.h"
#include "resource/source.h"

enum { ID_MAX = 4096 };

/* --- event topics --- */

static void read_topic_id(struct reading *reading, const struct json_value *value, void *into)
{
    struct route *route = into;
    struct buffer key = {0};
    enum source_kind kind;

    if (!reading_text(reading, value, &route->topic_id)) {
        return;
    }
    if (route->topic_id.length <= ID_MAX && source_reference_parse(route->topic_id, &key, &kind) &&
        (kind == SOURCE_TOPIC || kind == SOURCE_NAMESPACE_TOPIC)) {
        route->source_key = arena_copy(reading->arena, buffer_slice(&key));
    } else {
        reading_mistake(reading, "is the resource id of a topic of a namespace or of a custom "
                                 "topic, or for example topics/orders");
    }
    buffer_release(&key);
}

/* --- a route --- */

static void read_name(struct reading *reading, const struct json_value *value, void *into)
{
    struct route *route = into;

    if (!reading_text(reading, value, &route->name)) {
        return;
    }
    if (route->name.length < ROUTE_NAME_MIN || route->name.length > ROUTE_NAME_MAX) {
        reading_mistake(reading, "has %d to %d characters", ROUTE_NAME_MIN, ROUTE_NAME_MAX);
    } else if (!ascii_has_only(route->name, "-")) {
        reading_mistake(reading, "has only letters (A to Z), digits and hyphens");
    }
}

/* What begins with $ is the broker's own, or the bridge's; events would come around there. */
static const char *filter_check(struct slice filter)
{
    if (!topic_filter_is_valid(filter) || topic_level_count(filter) > TOPIC_LEVELS_MAX) {
        return "is no topic filter; write for example plant/+/alarm or #";
    }
    return filter.data[0] == '$' ? "does not begin with $: such topics are not routed" : NULL;
}

static void read_filters(struct reading *reading, const struct json_value *value, void *into)
{
    struct route *route = into;

    route->filters = reading_texts(reading, value, &route->filter_count);
    if (route->filter_count > ROUTE_FILTERS_MAX) {
        reading_mistake(reading, "has at most %d filters, not %zu", ROUTE_FILTERS_MAX,
                        route->filter_count);
    }
    for (size_t i = 0; i < route->filter_count; i++) {
        const char *wrong = route->filters[i].length > 0 ? filter_check(route->filters[i]) : NULL;
        size_t before = reading_enter_index(reading, i);
        if (wrong) {
            reading_mistake(reading, "%s", wrong);
        }
        reading_leave(reading, before);
    }
}

static const struct property route_rows[] = {
    OWN_PROPERTY("name", read_name),
    OWN_PROPERTY("topicFilters", read_filters),
    OWN_PROPERTY("topicResourceId", read_topic_id),
};
static const struct property_table route_properties = PROPERTY_TABLE(route_rows);

static void read_route(struct reading *reading, const struct json_value *value, void *into)
{
    struct route *route = into;

    reading_object(reading, value, &route_properties, route);
    if (value->type != JSON_OBJECT) {
        return;
    }
    if (!route->name.data) {
        reading_mistake_at(reading, "name", "is missing");
    }
    if (route->filter_count == 0) {
        reading_mistake_at(reading, "topicFilters", "is missing; write [\"#\"] for all topics");
    }
    if (!route->topic_id.data) {
        reading_mistake_at(reading, "topicResourceId", "is missing");
    }
}

/* --- all of them --- */

static size_t count_routes(struct reading *reading, const struct json_value *routes)
{
    size_t count = routes->text.length > 0 ? reading_count(reading, routes) : 0;

    if (count > ROUTES_MAX) {
        reading_mistake(reading, "has at most %d routes, not %zu", ROUTES_MAX, count);
        count = 0;
    }
    return count;
}

static void check_names(struct reading *reading, const struct routing *routing)
{
    for (size_t i = 0; i < routing->route_count; i++) {
        struct slice name = routing->routes[i].name;
        for (size_t k = 0; k < i; k++) {
            if (name.length > 0 && equal_ignoring_case(name, routing->routes[k].name)) {
                reading_mistake(reading, "the name %.*s stands there twice; choose another one",
                                SLICE_PRINT(name));
            }
        }
    }
}

static void read_default(struct reading *reading, const struct json_value *value,
                         struct route *route)
{
    static const struct slice all[] = {SLICE_LITERAL("#")};
    size_t before = reading_enter(reading, SLICE_LITERAL("routeTopicResourceId"));

    *route = (struct route){.name = SLICE_LITERAL(ROUTE_DEFAULT_NAME),
                            .filters = all,
                            .filter_count = 1,
                            .is_default = true};
    read_topic_id(reading, value, route);
    reading_leave(reading, before);
}

static void read_routes(struct reading *reading, const struct routing_members *members,
                        struct routing *into)
{
    bool has_default = members->topic_id.text.length > 0;
    size_t before = reading_enter(reading, SLICE_LITERAL("routes"));
    size_t count = count_routes(reading, &members->routes);
    struct route *routes = arena_allocate(reading->arena, (count + has_default) * sizeof(*routes));

    if (count > 0) {
        reading_elements(reading, &members->routes, sizeof(*routes), read_route,
                         routes + has_default);
    }
    reading_leave(reading, before);
    if (has_default) {
        read_default(reading, &members->topic_id, routes);
    }
    into->routes = routes;
    into->route_count = count + has_default;
    before = reading_enter(reading, SLICE_LITERAL("routes"));
    check_names(reading, into);
    reading_leave(reading, before);
}

void routing_read(struct reading *reading, const struct routing_members *members,
                  struct routing *into)
{
    *into = (struct routing){0};
    read_routes(reading, members, into);
    if (members->enrichments.text.length > 0) {
        size_t before = reading_enter(reading, SLICE_LITERAL("routingEnrichments"));
        enrichments_read(reading, &members->enrichments, &into->enrichments);
        reading_leave(reading, before);
    }
}

/* --- writing --- */

static void append_route(struct buffer *out, const struct route *route)
{
    const char *before = "[";

    buffer_append_string(out, "{\"name\":");
    json_append_string(out, route->name);
    buffer_append_string(out, ",\"topicFilters\":");
    for (size_t i = 0; i < route->filter_count; i++) {
        buffer_append_string(out, before);
        json_append_string(out, route->filters[i]);
        before = ",";
    }
    buffer_append_string(out, "],\"topicResourceId\":");
    json_append_string(out, route->topic_id);
    buffer_append_byte(out, '}');
}

void routing_append_members(struct buffer *out, const struct routing *routing)
{
    const char *before = ",\"routes\":[";
    bool any = false;

    for (size_t i = 0; i < routing->route_count; i++) {
        const struct route *route = &routing->routes[i];
        if (route->is_default) {
            buffer_append_string(out, ",\"routeTopicResourceId\":");
            json_append_string(out, route->topic_id);
            continue;
        }
        buffer_append_string(out, before);
        append_route(out, route);
        before = ",";
        any = true;
    }
    buffer_append_string(out, any ? "]" : "");
    if (routing->enrichments.count > 0) {
        buffer_append_string(out, ",\"routingEnrichments\":");
        enrichments_append(out, &routing->enrichments);
    }
}
