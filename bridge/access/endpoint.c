/* Finding endpoints in targets. Paths are compared without case because audiences must be (1.2),
 * and one rule serves both.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/endpoint.h"

#include "access/characters.h"

/* {hub} is the place of the hub's name. */
static const struct endpoint_path {
    enum endpoint_kind kind;
    const char *segments[URL_SEGMENTS_MAX];
} paths[] = {
    {ENDPOINT_CLIENT, {"client", "hubs", "{hub}"}},
    {ENDPOINT_CLIENT, {"client"}},
    {ENDPOINT_SYSTEM, {"clients", "mqtt", "hubs", "$system"}},
    {ENDPOINT_MQTT_HUB, {"clients", "mqtt", "hubs", "{hub}"}},
    {ENDPOINT_MQTT, {"mqtt"}},
};

enum { PATHS = sizeof(paths) / sizeof(paths[0]) };

static bool path_fits(const struct endpoint_path *path, const struct url *url, struct slice *hub)
{
    for (size_t i = 0; i < url->segment_count; i++) {
        const char *wanted = path->segments[i];
        if (!wanted) {
            return false;
        }
        if (strcmp(wanted, "{hub}") == 0) {
            *hub = url->segments[i];
        } else if (!equal_ignoring_case(url->segments[i], slice_from_string(wanted))) {
            return false;
        }
    }
    return url->segment_count == URL_SEGMENTS_MAX || !path->segments[url->segment_count];
}

static void set_hub(struct endpoint *endpoint, struct slice name)
{
    endpoint->hub_is_valid = hub_name_is_valid(name);
    for (size_t i = 0; endpoint->hub_is_valid && i < name.length; i++) {
        endpoint->hub[i] = (char)ascii_lower(name.data[i]);
    }
}

void endpoint_find(struct endpoint *endpoint, const struct url *url)
{
    struct slice hub = SLICE_EMPTY;
    struct buffer parameter = {0};
    *endpoint = (struct endpoint){.kind = ENDPOINT_NONE};
    for (size_t i = 0; i < PATHS && endpoint->kind == ENDPOINT_NONE; i++) {
        if (path_fits(&paths[i], url, &hub)) {
            endpoint->kind = paths[i].kind;
        }
    }
    if (endpoint->kind == ENDPOINT_CLIENT && url->segment_count == 1 &&
        url_query_find(url->query, "hub", &parameter)) {
        hub = buffer_slice(&parameter);
    }
    set_hub(endpoint, hub);
    buffer_release(&parameter);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    return a->kind == ENDPOINT_SYSTEM ||
           (a->hub_is_valid && b->hub_is_valid && strcmp(a->hub, b->hub) == 0);
}
