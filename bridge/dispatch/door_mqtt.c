/* What MQTT clients publish on `$events/<topic>` (of a domain `$events/<domain>/<its topic>`) in
 * the CloudEvents MQTT binding: an ear (ear.h), whose session is `$wps//events/dispatch`. One
 * process has it; the others look now and then whether it is theirs. What the doors themselves
 * publish there does not come back (No Local).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/staff.h"
#include "dispatch/door_state.h"
#include "dispatch/ear.h"
#include "dispatch/ownership.h"

#define EVENTS_PREFIX "$events/"
#define EVENTS_FILTER EVENTS_PREFIX "#"
#define SESSION       "$wps//events/dispatch"

enum {
    LOOK_MS = 1000,  /* between two looks at whose the session is */
    SOON_MS = 50,    /* likewise, while that is not known */
    PAIRS_MAX = 128, /* user properties of an event */
};

struct door_ear {
    struct ear ear;
    struct door *door;
    struct timer look;
    bool is_settled; /* who hears is known; and if it is this process, the session is there */
};

static struct door_ear *door_ear_of(struct ear *ear)
{
    return CONTAINER_OF(ear, struct door_ear, ear);
}

/* ---------------------------------------------------------------- which topic */

/* Appends the key of the source that the topic behind the prefix names: a topic, or a domain and
 * its topic. */
static bool find_source(const struct door *door, struct buffer *key, struct slice rest,
                        struct slice *domain_topic)
{
    const uint8_t *slash = memchr(rest.data, '/', rest.length);
    size_t length = slash ? (size_t)(slash - rest.data) : rest.length;
    struct source_name name = {.kind = slash ? SOURCE_DOMAIN : SOURCE_TOPIC,
                               .name = slice_make(rest.data, length)};

    source_key_append(key, &name);
    *domain_topic = slash ? slice_from(rest, length + 1) : SLICE_EMPTY;
    if (!slash && !catalog_find(door->grid->catalog, buffer_slice(key))) {
        name.kind = SOURCE_DOMAIN; /* whose events say it themselves */
        key->length = 0;
        source_key_append(key, &name);
    }
    return catalog_find(door->grid->catalog, buffer_slice(key)) != NULL;
}

/* The user properties, in place. */
static size_t read_pairs(struct pair pairs[PAIRS_MAX], const struct properties *properties)
{
    struct slice raw = properties->raw;
    struct property_item item;
    size_t count = 0;

    while (count < PAIRS_MAX && properties_next(&raw, &item)) {
        if (item.property == PROPERTY_USER_PROPERTY) {
            pairs[count++] = (struct pair){item.name, item.value};
        }
    }
    return count;
}

/* What the message asks of the door. `key` holds the source's; false: there is none. */
static bool make_request(const struct door *door, const struct packet *publish,
                         struct pair pairs[PAIRS_MAX], struct buffer *key,
                         struct door_request *request)
{
    struct slice topic = publish->publish.topic;

    *request = (struct door_request){.body = publish->publish.payload, .is_from_mqtt = true};
    if (!slice_starts_with(topic, SLICE_LITERAL(EVENTS_PREFIX)) ||
        !find_source(door, key, slice_from(topic, sizeof(EVENTS_PREFIX) - 1),
                     &request->domain_topic)) {
        return false;
    }
    if (properties_have(&publish->properties, PROPERTY_CONTENT_TYPE)) {
        request->content_type = publish->properties.content_type;
    }
    request->source_key = buffer_slice(key);
    request->attributes = (struct pairs){pairs, read_pairs(pairs, &publish->properties)};
    return true;
}

/* ---------------------------------------------------------------- events */

/* Nobody can be told why. */
static void say_refused(const struct door_request *request, const struct publish_error *error)
{
    LOG_LIMITED(LOG_WARNING, "an event of an MQTT client was refused", "topic=%.*s reason=\"%.*s\"",
                SLICE_PRINT(request->source_key), SLICE_PRINT(error->message));
}

static enum ear_answer take_request(struct door *door, const struct door_request *request,
                                    struct heard *heard)
{
    struct publish_error error;

    switch (door_take(door, request, &heard->load, &error)) {
    case TAKE_WAITS:
        return EAR_WAITS;
    case TAKE_BUSY:
        return EAR_NOT_NOW;
    case TAKE_REFUSED:
        say_refused(request, &error);
        return EAR_DONE;
    case TAKE_ACCEPTED:
        break;
    }
    heard->ear->events->accepted(heard->ear, heard, heard->load.next_event);
    return EAR_DONE;
}

static enum ear_answer take(struct ear *ear, struct heard *heard, const struct packet *publish)
{
    struct door *door = door_ear_of(ear)->door;
    enum ear_answer answer = EAR_DONE;
    struct pair pairs[PAIRS_MAX];
    struct door_request request;
    struct buffer key = {0};

    if (make_request(door, publish, pairs, &key, &request)) {
        answer = take_request(door, &request, heard);
    } else {
        LOG_LIMITED(LOG_WARNING, "an event for no topic", "topic=%s",
                    log_quote(publish->publish.topic));
    }
    buffer_release(&key);
    return answer;
}

static void accepted(struct ear *ear, const struct heard *heard, size_t events)
{
    struct door *door = door_ear_of(ear)->door;
    struct catalog_source *source = NULL;
    struct slice domain_topic;
    struct buffer key = {0};
    struct packet publish;

    heard_decode(heard, &publish);
    if (find_source(door, &key, slice_from(publish.publish.topic, sizeof(EVENTS_PREFIX) - 1),
                    &domain_topic)) {
        source = catalog_find(door->grid->catalog, buffer_slice(&key));
    }
    if (source) {
        source->statistics.published += events;
    }
    buffer_release(&key);
}

/* ---------------------------------------------------------------- whose it is */

static bool is_ours(const struct door_ear *ear)
{
    const char *names[STAFF_PEERS_MAX + 1];
    size_t count = staff_names(ear->door->gateway->staff, names);

    return ear->door->grid->options.hears_mqtt && count > 0 &&
           ownership_choose(SLICE_LITERAL(EVENTS_FILTER), names, count) == 0;
}

static void opened(struct ear *ear)
{
    door_ear_of(ear)->is_settled = true;
}

static bool is_wanted(struct ear *ear)
{
    return is_ours(door_ear_of(ear));
}

bool door_hears(const struct door *door)
{
    return !door->grid->options.hears_mqtt || door->ear->is_settled;
}

static void look(struct door_ear *ear)
{
    struct gateway *gateway = ear->door->gateway;
    bool is_known = gateway_is_ready(gateway) && staff_is_ready(gateway->staff) &&
                    catalog_is_complete(ear->door->grid->catalog);
    bool is_wanted_here = is_known && is_ours(ear);

    ear->is_settled |= is_known && !is_wanted_here;
    if (is_wanted_here) {
        ear_wake(&ear->ear);
    } else {
        ear_close(&ear->ear);
    }
    timers_set(&gateway->timers, &ear->look, gateway_now(gateway) + (is_known ? LOOK_MS : SOON_MS));
}

static void on_look(struct timer *timer, void *context)
{
    (void)context;
    look(CONTAINER_OF(timer, struct door_ear, look));
}

static const struct ear_events events = {
    .take = take,
    .accepted = accepted,
    .opened = opened,
    .is_wanted = is_wanted,
};

struct door_ear *door_ear_new(struct door *door)
{
    struct door_ear *ear = memory_allocate_zero(sizeof(*ear));
    struct buffer filters = {0};

    ear->door = door;
    ear_init(&ear->ear, door->grid, &events, SLICE_LITERAL(SESSION));
    write_filter(
        &filters, SLICE_LITERAL(EVENTS_FILTER),
        &(struct subscription_options){.qos = QOS_1, .no_local = true, .retain_handling = 2});
    ear_listen(&ear->ear, buffer_slice(&filters), RUNNER_SESSION_FOREVER);
    timer_init(&ear->look, on_look);
    buffer_release(&filters);
    return ear;
}

void door_ear_connect(struct door_ear *ear)
{
    look(ear);
}

void door_ear_free(struct door_ear *ear)
{
    timers_cancel(&ear->door->gateway->timers, &ear->look);
    ear_release(&ear->ear);
    free(ear);
}
