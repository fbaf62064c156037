/* See metrics.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/metrics.h"

#include <stdlib.h>

#include "base/memory.h"

#define HUB_NONE  "_none"  /* plain MQTT at /mqtt belongs to no hub */
#define HUB_OTHER "_other" /* no hub's name begins so */

static const struct {
    int status;
    const char *name;
} statuses[METRICS_STATUSES] = {
    {206, "206"}, {200, "200"}, {202, "202"}, {204, "204"}, {304, "304"}, {400, "400"},
    {401, "401"}, {403, "403"}, {404, "404"}, {405, "405"}, {408, "408"}, {409, "409"},
    {411, "411"}, {413, "413"}, {414, "414"}, {415, "415"}, {426, "426"}, {429, "429"},
    {431, "431"}, {500, "500"}, {502, "502"}, {503, "503"}, {504, "504"}, {-1, "other"}, /* last */
};

static const char *const operations[METRICS_OPERATIONS] = {
    [REST_HEALTH] = "health",
    [REST_SEND] = "send",
    [REST_CLOSE] = "close",
    [REST_EXISTS] = "exists",
    [REST_LIST] = "list",
    [REST_LIST_GROUPS] = "list_groups",
    [REST_LIST_USERS] = "list_users",
    [REST_COUNT] = "count",
    [REST_JOIN] = "join",
    [REST_LEAVE] = "leave",
    [REST_LEAVE_ALL] = "leave_all",
    [REST_JOIN_MANY] = "join_many",
    [REST_LEAVE_MANY] = "leave_many",
    [REST_GRANT] = "grant",
    [REST_REVOKE] = "revoke",
    [REST_HAS_PERMISSION] = "has_permission",
    [REST_TOKEN] = "generate_token",
    [REST_HUBS] = "list_hubs",
    [REST_HUB] = "get_hub",
    [REST_SET_HUB] = "set_hub",
    [REST_RESET_HUB] = "reset_hub",
    [REST_HUB_LOG] = "hub_log",
    [REST_CHECK_HUB] = "check_hub",
    [REST_EVENT_LOG] = "event_log",
    [REST_EVENT_QUEUE] = "event_queue",
    [REST_KINDS] = "none",
};

static const char *const asks[ASK_OUTCOMES] = {
    [ASK_ANSWERED] = "answered",
    [ASK_FAILED] = "failed",
};

/* ---------------------------------------------------------------- names */

const char *metrics_status_name(size_t index)
{
    return statuses[index].name;
}

const char *metrics_protocol_name(size_t protocol)
{
    const char *name = subprotocol_name((enum subprotocol)protocol);

    return name ? name : "raw";
}

const char *metrics_operation_name(size_t operation)
{
    return operations[operation];
}

const char *metrics_ask_name(size_t outcome)
{
    return asks[outcome];
}

/* ---------------------------------------------------------------- traffic */

static struct slice hub_key(const struct map_node *node)
{
    return slice_from_string(CONTAINER_OF(node, struct hub_traffic, by_name)->name);
}

void metrics_init(struct metrics *metrics)
{
    *metrics = (struct metrics){0};
    map_init(&metrics->by_name, hub_key);
    list_init(&metrics->hubs);
}

void metrics_release(struct metrics *metrics)
{
    LIST_FOREACH_SAFE (link, &metrics->hubs) {
        struct hub_traffic *hub = CONTAINER_OF(link, struct hub_traffic, link);
        for (size_t i = 0; i < METRICS_PROTOCOLS; i++) {
            free(hub->protocols[i]);
        }
        free(hub->name);
        free(hub);
    }
    map_release(&metrics->by_name);
}

static struct hub_traffic *add_hub(struct metrics *metrics, const char *name)
{
    struct hub_traffic *hub = memory_allocate_zero(sizeof(*hub));

    hub->name = memory_copy_string(slice_from_string(name));
    map_insert(&metrics->by_name, &hub->by_name);
    list_add_last(&metrics->hubs, &hub->link);
    return hub;
}

static struct hub_traffic *find_hub(struct metrics *metrics, const char *name)
{
    struct map_node *node = map_find(&metrics->by_name, slice_from_string(name));

    if (!node && metrics->by_name.count >= METRICS_HUBS_MAX) {
        name = HUB_OTHER;
        node = map_find(&metrics->by_name, SLICE_LITERAL(HUB_OTHER));
    }
    return node ? CONTAINER_OF(node, struct hub_traffic, by_name) : add_hub(metrics, name);
}

struct traffic *metrics_traffic(struct metrics *metrics, const struct upgrade *upgrade)
{
    struct hub_traffic *hub = find_hub(metrics, upgrade->hub ? upgrade->hub : HUB_NONE);
    struct traffic **traffic = &hub->protocols[upgrade->subprotocol];

    if (!*traffic) {
        *traffic = memory_allocate_zero(sizeof(**traffic));
    }
    return *traffic;
}

/* ---------------------------------------------------------------- calls */

static size_t status_index(int status)
{
    size_t i = 0;

    while (i < METRICS_STATUSES - 1 && statuses[i].status != status) {
        i++;
    }
    return i;
}

void metrics_count_refused(struct metrics *metrics, int status)
{
    metrics->refused[status_index(status)]++;
}

void metrics_count_rest(struct metrics *metrics, enum rest_kind operation, int status,
                        uint64_t microseconds)
{
    struct rest_metrics *rest = &metrics->rest[operation];

    rest->statuses[status_index(status)]++;
    rest->latencies[event_latency_index(microseconds)]++;
    rest->microseconds += microseconds;
}
