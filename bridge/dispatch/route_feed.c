/* See route_feed.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/route_feed.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/uuid.h"
#include "dispatch/ear.h"
#include "dispatch/queue_name.h"
#include "dispatch/runner_state.h"
#include "eventgrid/route_wrap.h"

enum { EXPIRY_S = LIFETIME_DAYS_MAX * 24 * 60 * 60 };

struct route_feed {
    struct ear ear;
    struct list link; /* in runner->routes */
    struct runner *runner;
    struct buffer source_key, queue; /* of the namespace; of the session */
    struct buffer namespace_name;
    /* Of the namespace's properties; NULL: it is no route any more. */
    const struct routing *routing;
    const struct route *route;
    struct catalog_source *target; /* NULL: to be found, since sources have changed */
    uint64_t number;               /* route_number() */
    bool has_heard;                /* it was subscribed once */
};

static struct route_feed *feed_of(struct ear *ear)
{
    return CONTAINER_OF(ear, struct route_feed, ear);
}

/* ---------------------------------------------------------------- events */

/* NULL: there is no such topic now, or it takes no CloudEvents. */
static struct catalog_source *find_target(struct route_feed *feed)
{
    struct catalog_source *target = feed->target;

    if (!target && feed->route) {
        target = catalog_find(feed->runner->grid->catalog, feed->route->source_key);
    }
    if (target && catalog_properties(target)->schema == SCHEMA_CLOUD_EVENTS) {
        feed->target = target;
        return target;
    }
    if (feed->route) {
        LOG_LIMITED(
            LOG_WARNING, "a route has no event topic", "route=%s topic=\"%.*s\" reason=\"%s\"",
            (const char *)feed->ear.session.queue.data, SLICE_PRINT(feed->route->source_key),
            target ? "its inputSchema is not CloudEventSchemaV1_0" : "there is none");
    }
    return NULL;
}

/* The same whenever the message comes again; at QoS 0 it does not. */
static void append_id(struct buffer *out, const struct route_feed *feed,
                      const struct routed_message *message, uint32_t sequence)
{
    if (sequence == 0) {
        uuid_append(out, feed->runner->gateway->random);
    } else {
        routed_message_append_id(out, message, feed->number, sequence);
    }
}

static const struct event *wrap(const struct route_feed *feed, const struct catalog_source *target,
                                const struct heard *heard, const struct packet *publish)
{
    struct runner *runner = feed->runner;
    struct route_wrapper *wrapper = &runner->wrapper;
    struct routed_message message;
    struct route_target to = {
        .namespace_name = buffer_slice(&feed->namespace_name),
        .enrichments = &feed->routing->enrichments,
        .topic = catalog_properties(target),
        .topic_id = catalog_topic_id(target),
        .now_ms = runner_now(runner),
        .random = runner->gateway->random,
    };

    routed_message_read(&message, publish, &wrapper->pairs);
    runner->event_id.length = 0;
    append_id(&runner->event_id, feed, &message, heard->sequence);
    return route_wrap(wrapper, &to, &message, buffer_slice(&runner->event_id));
}

static enum ear_answer pass_over(const struct packet *publish, struct catalog_source *target)
{
    LOG_LIMITED(LOG_WARNING, "a message is too large for an event", "topic=%s bytes=%zu",
                log_quote(publish->publish.topic), publish->publish.payload.length);
    catalog_statistics(target)->refused++;
    return EAR_DONE;
}

static enum ear_answer take(struct ear *ear, struct heard *heard, const struct packet *publish)
{
    struct route_feed *feed = feed_of(ear);
    struct catalog_source *target = find_target(feed);
    const struct event *event;

    if (!target) {
        return EAR_NOT_NOW;
    }
    event = wrap(feed, target, heard, publish);
    if (!event) {
        return pass_over(publish, target);
    }
    switch (door_accept(ear->grid->door, target, event, 1, 1, &heard->load)) {
    case DOOR_WAITS:
        return EAR_WAITS;
    case DOOR_BUSY:
        return EAR_NOT_NOW;
    case DOOR_TOO_LARGE:
        return pass_over(publish, target);
    case DOOR_ACCEPTED:
        break;
    }
    catalog_statistics(target)->published++;
    return EAR_DONE;
}

static void accepted(struct ear *ear, const struct heard *heard, size_t events)
{
    struct catalog_source *target = find_target(feed_of(ear));

    (void)heard;
    if (target) {
        catalog_statistics(target)->published += events;
    }
}

/* ---------------------------------------------------------------- the session */

static void opened(struct ear *ear)
{
    feed_of(ear)->has_heard = true;
}

static bool is_wanted(struct ear *ear)
{
    const struct route_feed *feed = feed_of(ear);

    return runner_owns(feed->runner, buffer_slice(&feed->queue));
}

static const struct ear_events events = {
    .take = take,
    .accepted = accepted,
    .opened = opened,
    .is_wanted = is_wanted,
};

static void write_filters(struct buffer *out, const struct route *route)
{
    for (size_t i = 0; i < route->filter_count; i++) {
        write_filter(
            out, route->filters[i],
            &(struct subscription_options){.qos = QOS_1, .no_local = true, .retain_handling = 2});
    }
}

/* It hears what its route says. */
static void listen(struct route_feed *feed)
{
    struct buffer filters = {0};

    write_filters(&filters, feed->route);
    if (!slice_equal(buffer_slice(&filters), buffer_slice(&feed->ear.session.filters))) {
        ear_listen(&feed->ear, buffer_slice(&filters), EXPIRY_S);
    }
    buffer_release(&filters);
}

/* ---------------------------------------------------------------- which there are */

/* The routes in force; NULL: none. */
static const struct routing *routing_of(const struct topic_properties *properties)
{
    return properties && properties->kind == SOURCE_NAMESPACE && properties->spaces.is_enabled
               ? &properties->spaces.routing
               : NULL;
}

static struct route_feed *find(const struct runner *runner, struct slice queue)
{
    LIST_FOREACH (link, &runner->routes) {
        struct route_feed *feed = CONTAINER_OF(link, struct route_feed, link);
        if (slice_equal(buffer_slice(&feed->queue), queue)) {
            return feed;
        }
    }
    return NULL;
}

static struct route_feed *feed_new(struct runner *runner, const struct catalog_source *source,
                                   struct slice queue)
{
    struct route_feed *feed = memory_allocate_zero(sizeof(*feed));

    feed->runner = runner;
    buffer_append(&feed->source_key, buffer_slice(&source->key));
    buffer_append(&feed->namespace_name, source->name.name);
    buffer_append(&feed->queue, queue);
    feed->number = route_number(queue);
    ear_init(&feed->ear, runner->grid, &events, queue);
    runner_session_keep(&runner->erasures, queue);
    list_add_last(&runner->routes, &feed->link);
    return feed;
}

static void feed_free(struct route_feed *feed)
{
    list_remove(&feed->link);
    ear_release(&feed->ear);
    buffer_release(&feed->source_key);
    buffer_release(&feed->namespace_name);
    buffer_release(&feed->queue);
    free(feed);
}

static void look_at(struct runner *runner, const struct catalog_source *source,
                    const struct routing *routing, const struct route *route)
{
    struct buffer queue = {0};
    struct route_feed *feed;

    route_queue_append(&queue, source->name.name, route->name);
    feed = find(runner, buffer_slice(&queue));
    if (runner_owns(runner, buffer_slice(&queue))) {
        feed = feed ? feed : feed_new(runner, source, buffer_slice(&queue));
        feed->routing = routing;
        feed->route = route;
        feed->target = NULL;
        listen(feed);
        ear_wake(&feed->ear);
    } else if (feed) {
        feed_free(feed);
    }
    buffer_release(&queue);
}

/* Those that are no routes any more end, with what waits for them. */
static void end_others(struct runner *runner, struct slice source_key)
{
    LIST_FOREACH_SAFE (link, &runner->routes) {
        struct route_feed *feed = CONTAINER_OF(link, struct route_feed, link);
        if (!feed->route && slice_equal(buffer_slice(&feed->source_key), source_key)) {
            runner_session_erase(runner->gateway, &runner->erasures, buffer_slice(&feed->queue));
            feed_free(feed);
        }
    }
}

void route_feeds_look(struct runner *runner, struct catalog_source *source)
{
    const struct routing *routing = routing_of(source->properties);

    end_others(runner, buffer_slice(&source->key));
    for (size_t i = 0; routing && i < routing->route_count; i++) {
        look_at(runner, source, routing, &routing->routes[i]);
    }
}

static const struct route *find_route(const struct routing *routing, const struct route_feed *feed)
{
    struct buffer queue = {0};
    const struct route *found = NULL;

    for (size_t i = 0; routing && !found && i < routing->route_count; i++) {
        queue.length = 0;
        route_queue_append(&queue, buffer_slice(&feed->namespace_name), routing->routes[i].name);
        if (slice_equal(buffer_slice(&queue), buffer_slice(&feed->queue))) {
            found = &routing->routes[i];
        }
    }
    buffer_release(&queue);
    return found;
}

/* What the feeds point to is about to go. */
void route_feeds_change(struct runner *runner, const struct catalog_source *source,
                        const struct topic_properties *properties)
{
    const struct routing *routing = routing_of(properties);
    struct slice key = buffer_slice(&source->key);

    LIST_FOREACH (link, &runner->routes) {
        struct route_feed *feed = CONTAINER_OF(link, struct route_feed, link);
        feed->target = NULL; /* it may be the one that has changed */
        if (slice_equal(buffer_slice(&feed->source_key), key)) {
            feed->routing = routing;
            feed->route = find_route(routing, feed);
        }
    }
    if (!properties) {
        end_others(runner, key);
    }
}

void route_feeds_connect(struct runner *runner)
{
    LIST_FOREACH (link, &runner->routes) {
        runner_session_connect(&CONTAINER_OF(link, struct route_feed, link)->ear.session);
    }
}

bool route_feeds_are_open(const struct runner *runner)
{
    LIST_FOREACH (link, &runner->routes) {
        if (!CONTAINER_OF(link, struct route_feed, link)->has_heard) {
            return false;
        }
    }
    return true;
}

void route_feeds_free(struct runner *runner)
{
    LIST_FOREACH_SAFE (link, &runner->routes) {
        feed_free(CONTAINER_OF(link, struct route_feed, link));
    }
}
