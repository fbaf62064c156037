/* See life_cycle.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/life_cycle.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "dispatch/ear.h"
#include "dispatch/runner_state.h"
#include "eventgrid/client_event.h"
#include "mqtt/life_cycle.h"

#define TOPIC_TYPE SLICE_LITERAL(NAMESPACES_TOPIC_TYPE)

enum {
    EXPIRY_S = LIFETIME_DAYS_MAX * 24 * 60 * 60,
    AGAIN_MS = 1000,
    CHANGES_MAX = 10000, /* that wait for the door */
};

struct life_cycle {
    struct ear ear;
    struct runner *runner;
    struct buffer topic_key;      /* of the system topic; empty: there is none */
    struct buffer namespace_name; /* of its source */
    bool is_wanted, has_heard;
    struct list changes; /* struct told_change, of client resources */
    size_t change_count;
    struct timer again; /* those that wait are told again */
    struct publish_scratch scratch;
    struct buffer body;
};

/* The event of a client resource, until it is accepted. */
struct told_change {
    struct door_load load;
    struct life_cycle *life_cycle;
    struct list link;
    struct buffer body;
    bool waits;
};

static struct life_cycle *of_ear(struct ear *ear)
{
    return CONTAINER_OF(ear, struct life_cycle, ear);
}

/* ---------------------------------------------------------------- to the door */

/* Gives the event in `body` to the door of the system topic. */
static enum ear_answer hand_over(struct life_cycle *life_cycle, struct slice body,
                                 struct door_load *load)
{
    struct grid *grid = life_cycle->runner->grid;
    struct catalog_source *topic =
        catalog_find(grid->catalog, buffer_slice(&life_cycle->topic_key));
    const struct event *events;
    struct publish_error error;
    size_t count;

    if (!topic) {
        return EAR_DONE; /* there are no such events any more */
    }
    if (!publish_parse(&(struct publish_request){.topic = catalog_properties(topic),
                                                 .topic_id = catalog_topic_id(topic),
                                                 .content_type = SLICE_LITERAL("application/json"),
                                                 .body = body,
                                                 .now_ms = runner_now(life_cycle->runner),
                                                 .random = grid->gateway->random},
                       &life_cycle->scratch, &events, &count, &error)) {
        LOG_LIMITED(LOG_ERROR, "an event of a client is not good", "reason=\"%.*s\"",
                    SLICE_PRINT(error.message));
        return EAR_DONE;
    }
    switch (door_accept(grid->door, topic, events, count, 1, load)) {
    case DOOR_WAITS:
        return EAR_WAITS;
    case DOOR_BUSY:
        return EAR_NOT_NOW;
    case DOOR_TOO_LARGE:
        return EAR_DONE; /* names that long are not worth an event */
    case DOOR_ACCEPTED:
        break;
    }
    catalog_statistics(topic)->published += count;
    return EAR_DONE;
}

static void count_published(const struct life_cycle *life_cycle, size_t events)
{
    struct catalog_source *topic =
        catalog_find(life_cycle->runner->grid->catalog, buffer_slice(&life_cycle->topic_key));

    if (topic) {
        catalog_statistics(topic)->published += events;
    }
}

/* ---------------------------------------------------------------- sessions */

static enum ear_answer take(struct ear *ear, struct heard *heard, const struct packet *publish)
{
    struct life_cycle *life_cycle = of_ear(ear);
    struct client_session_change change;

    if (!client_session_change_read(&change, publish)) {
        return EAR_DONE;
    }
    life_cycle->body.length = 0;
    client_session_event_append(&life_cycle->body, buffer_slice(&life_cycle->namespace_name),
                                &change);
    return hand_over(life_cycle, buffer_slice(&life_cycle->body), &heard->load);
}

static void accepted(struct ear *ear, const struct heard *heard, size_t events)
{
    (void)heard;
    count_published(of_ear(ear), events);
}

static void opened(struct ear *ear)
{
    of_ear(ear)->has_heard = true;
}

static bool is_ours(const struct life_cycle *life_cycle)
{
    return life_cycle->topic_key.length > 0 &&
           runner_owns(life_cycle->runner, SLICE_LITERAL(LIFE_CYCLE_LISTENER));
}

static bool is_wanted(struct ear *ear)
{
    return is_ours(of_ear(ear));
}

static const struct ear_events events = {
    .take = take,
    .accepted = accepted,
    .opened = opened,
    .is_wanted = is_wanted,
};

/* ---------------------------------------------------------------- client resources */

static void change_free(struct told_change *change)
{
    list_remove(&change->link);
    change->life_cycle->change_count--;
    buffer_release(&change->body);
    free(change);
}

static void wait_for_again(struct told_change *change)
{
    struct life_cycle *life_cycle = change->life_cycle;

    change->waits = true;
    timers_set(&life_cycle->runner->gateway->timers, &life_cycle->again,
               runner_now(life_cycle->runner) + AGAIN_MS);
}

static void change_done(struct door_load *load, bool is_accepted)
{
    struct told_change *change = CONTAINER_OF(load, struct told_change, load);

    if (is_accepted) {
        count_published(change->life_cycle, 1);
        change_free(change);
    } else {
        wait_for_again(change);
    }
}

static void tell_change(struct told_change *change)
{
    change->waits = false;
    change->load = (struct door_load){.done = change_done};
    switch (hand_over(change->life_cycle, buffer_slice(&change->body), &change->load)) {
    case EAR_DONE:
        change_free(change);
        break;
    case EAR_NOT_NOW:
        wait_for_again(change);
        break;
    case EAR_WAITS:
        break;
    }
}

static void on_again(struct timer *timer, void *context)
{
    struct life_cycle *life_cycle = CONTAINER_OF(timer, struct life_cycle, again);

    (void)context;
    LIST_FOREACH_SAFE (link, &life_cycle->changes) {
        struct told_change *change = CONTAINER_OF(link, struct told_change, link);
        if (change->waits) {
            tell_change(change);
        }
    }
}

void life_cycle_take_child(struct life_cycle *life_cycle, const struct catalog_child *child,
                           bool is_deleted)
{
    const struct mqtt_client *client = child->resource ? &child->resource->client : NULL;
    struct told_change *told;

    if (child->kind != CHILD_CLIENT || !client || !is_ours(life_cycle) ||
        life_cycle->change_count == CHANGES_MAX ||
        !equal_ignoring_case(child->source->name.name, buffer_slice(&life_cycle->namespace_name))) {
        return;
    }
    told = memory_allocate_zero(sizeof(*told));
    told->life_cycle = life_cycle;
    client_event_append(&told->body, buffer_slice(&life_cycle->namespace_name),
                        &(struct client_change){.name = buffer_slice(&child->name),
                                                .authentication_name = client->authentication_name,
                                                .is_deleted = is_deleted,
                                                .created_ms = child->created_ms,
                                                .is_enabled = client->is_enabled,
                                                .attributes = client->attributes_json},
                        runner_now(life_cycle->runner));
    list_add_last(&life_cycle->changes, &told->link);
    life_cycle->change_count++;
    tell_change(told);
}

/* ---------------------------------------------------------------- the system topic */

/* The namespace that the system topic is about, if its MQTT is enabled; else NULL. */
static struct catalog_source *namespace_of(const struct catalog *catalog,
                                           const struct catalog_source *topic)
{
    struct buffer key = {0};
    struct catalog_source *source = NULL;
    struct source_name name;

    if (topic->name.kind == SOURCE_SYSTEM_TOPIC &&
        equal_ignoring_case(topic->properties->topic_type, TOPIC_TYPE) &&
        source_id_parse(topic->properties->source, &name) && name.kind == SOURCE_NAMESPACE) {
        source_key_append(&key, &name);
        source = catalog_find(catalog, buffer_slice(&key));
    }
    buffer_release(&key);
    return source && source->properties->spaces.is_enabled ? source : NULL;
}

static void find_topic(struct life_cycle *life_cycle)
{
    const struct catalog *catalog = life_cycle->runner->grid->catalog;
    struct catalog_source *topic = NULL, *of = NULL;

    life_cycle->topic_key.length = life_cycle->namespace_name.length = 0;
    while (!of && (topic = catalog_next(catalog, topic))) {
        of = namespace_of(catalog, topic);
    }
    if (of) {
        buffer_append(&life_cycle->topic_key, buffer_slice(&topic->key));
        buffer_append(&life_cycle->namespace_name, of->name.name);
    }
}

void life_cycle_look(struct life_cycle *life_cycle)
{
    struct runner *runner = life_cycle->runner;
    bool was_there = life_cycle->topic_key.length > 0;

    find_topic(life_cycle);
    life_cycle->is_wanted = is_ours(life_cycle);
    if (life_cycle->is_wanted) {
        runner_session_keep(&runner->erasures, SLICE_LITERAL(LIFE_CYCLE_LISTENER));
        ear_wake(&life_cycle->ear);
        return;
    }
    ear_close(&life_cycle->ear);
    if (was_there && life_cycle->topic_key.length == 0 &&
        runner_owns(runner, SLICE_LITERAL(LIFE_CYCLE_LISTENER))) {
        runner_session_erase(runner->gateway, &runner->erasures,
                             SLICE_LITERAL(LIFE_CYCLE_LISTENER));
    }
}

bool life_cycle_hears(const struct life_cycle *life_cycle)
{
    return !life_cycle->is_wanted || life_cycle->has_heard;
}

struct life_cycle *life_cycle_new(struct runner *runner)
{
    struct life_cycle *life_cycle = memory_allocate_zero(sizeof(*life_cycle));
    struct buffer filters = {0};

    life_cycle->runner = runner;
    list_init(&life_cycle->changes);
    timer_init(&life_cycle->again, on_again);
    ear_init(&life_cycle->ear, runner->grid, &events, SLICE_LITERAL(LIFE_CYCLE_LISTENER));
    write_filter(&filters, SLICE_LITERAL(LIFE_CYCLE_TOPIC),
                 &(struct subscription_options){.qos = QOS_1, .retain_handling = 2});
    ear_listen(&life_cycle->ear, buffer_slice(&filters), EXPIRY_S);
    buffer_release(&filters);
    return life_cycle;
}

void life_cycle_free(struct life_cycle *life_cycle)
{
    timers_cancel(&life_cycle->runner->gateway->timers, &life_cycle->again);
    LIST_FOREACH_SAFE (link, &life_cycle->changes) {
        struct told_change *change = CONTAINER_OF(link, struct told_change, link);
        door_forget(life_cycle->runner->grid->door, &change->load);
        change_free(change);
    }
    ear_release(&life_cycle->ear);
    publish_scratch_release(&life_cycle->scratch);
    buffer_release(&life_cycle->topic_key);
    buffer_release(&life_cycle->namespace_name);
    buffer_release(&life_cycle->body);
    free(life_cycle);
}
