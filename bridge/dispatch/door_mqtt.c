/* What MQTT clients publish on `$events/<topic>` (of a domain `$events/<domain>/<its topic>`) in
 * the CloudEvents MQTT binding: a durable session, `$wps//events/dispatch`, hears it, and PUBACK
 * leaves when the door has taken the event in. One process has the session; the others look now and
 * then whether it is theirs. What the doors themselves publish there does not come back (No Local).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/staff.h"
#include "dispatch/door_state.h"
#include "dispatch/ownership.h"

#define EVENTS_PREFIX "$events/"
#define EVENTS_FILTER EVENTS_PREFIX "#"

enum {
    SUBSCRIBE_ID = 1,
    WINDOW = 256,    /* messages that wait for the door */
    LOOK_MS = 1000,  /* between two looks at whose the session is */
    SOON_MS = 50,    /* likewise, while that is not known */
    AGAIN_MS = 1000, /* before an event that had no room is tried again */
    PAIRS_MAX = 128, /* user properties of an event */
};

struct door_ear {
    struct own_channel own;
    struct door *door;
    struct list heard; /* struct heard */
    struct timer look;
    struct timer again;
    bool is_settled; /* who hears is known; and if it is this process, the session is there */
};

/* An event that is not acknowledged yet. Its credit is held back until then, which bounds the bytes
 * of all, and the number of those at QoS 0. */
struct heard {
    struct door_load load;
    struct door_ear *ear;
    struct list link; /* in ear->heard */
    struct kept_request *kept;
    uint32_t sequence;
    size_t length; /* of the packet */
    bool waits;    /* for `again` */
};

static struct door_ear *ear_of(struct own_channel *own)
{
    return CONTAINER_OF(own, struct door_ear, own);
}

/* ---------------------------------------------------------------- events */

static void heard_free(struct heard *heard)
{
    own_channel_credit(&heard->ear->own, heard->length);
    list_remove(&heard->link);
    kept_request_free(heard->kept);
    free(heard);
}

static void acknowledge(struct heard *heard)
{
    struct door_ear *ear = heard->ear;
    uint32_t sequence = heard->sequence;

    heard_free(heard);
    own_channel_acknowledge(&ear->own, sequence);
}

static void wait(struct heard *heard)
{
    struct gateway *gateway = heard->ear->door->gateway;

    heard->waits = true;
    if (!timer_is_set(&heard->ear->again)) {
        timers_set(&gateway->timers, &heard->ear->again, gateway_now(gateway) + AGAIN_MS);
    }
}

static void on_done(struct door_load *load, bool is_accepted)
{
    struct heard *heard = CONTAINER_OF(load, struct heard, load);
    struct door *door = heard->ear->door;
    struct catalog_source *source =
        catalog_find(door->grid->catalog, heard->kept->request.source_key);

    if (!is_accepted) {
        wait(heard);
        return;
    }
    if (source) {
        source->statistics.published += load->next_event;
    }
    acknowledge(heard);
}

/* Nobody can be told why. */
static void refuse(struct heard *heard, const struct publish_error *error)
{
    LOG_LIMITED(LOG_WARNING, "an event of an MQTT client was refused", "topic=%.*s reason=\"%.*s\"",
                SLICE_PRINT(heard->kept->request.source_key), SLICE_PRINT(error->message));
    acknowledge(heard);
}

static void take(struct heard *heard)
{
    struct door *door = heard->ear->door;
    struct publish_error error;

    heard->waits = false;
    heard->load.done = on_done;
    switch (door_take(door, &heard->kept->request, &heard->load, &error)) {
    case TAKE_WAITS:
        break;
    case TAKE_ACCEPTED:
        on_done(&heard->load, true);
        break;
    case TAKE_BUSY:
        wait(heard);
        break;
    case TAKE_REFUSED:
        refuse(heard, &error);
    }
}

static void on_again(struct timer *timer, void *context)
{
    struct door_ear *ear = CONTAINER_OF(timer, struct door_ear, again);

    (void)context;
    LIST_FOREACH_SAFE (link, &ear->heard) {
        struct heard *heard = CONTAINER_OF(link, struct heard, link);
        if (heard->waits) {
            take(heard);
        }
    }
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

static void pass_over(struct door_ear *ear, size_t length, uint32_t sequence)
{
    own_channel_credit(&ear->own, length);
    own_channel_acknowledge(&ear->own, sequence);
}

static void hear(struct door_ear *ear, const struct fanout *fanout, uint32_t sequence)
{
    const struct packet *packet = &fanout->publish;
    struct pair pairs[PAIRS_MAX];
    struct door_request request = {.body = packet->publish.payload, .is_from_mqtt = true};
    struct slice rest = slice_from(packet->publish.topic, sizeof(EVENTS_PREFIX) - 1);
    struct heard *heard;
    struct buffer key = {0};

    if (properties_have(&packet->properties, PROPERTY_CONTENT_TYPE)) {
        request.content_type = packet->properties.content_type;
    }
    if (!find_source(ear->door, &key, rest, &request.domain_topic)) {
        LOG_LIMITED(LOG_WARNING, "an event for no topic", "topic=%s",
                    log_quote(packet->publish.topic));
        pass_over(ear, fanout->packet.length, sequence);
    } else {
        request.source_key = buffer_slice(&key);
        request.attributes = (struct pairs){pairs, read_pairs(pairs, &packet->properties)};
        heard = memory_allocate_zero(sizeof(*heard));
        heard->ear = ear;
        heard->sequence = sequence;
        heard->length = fanout->packet.length;
        heard->kept = kept_request_new(&request);
        list_add_last(&ear->heard, &heard->link);
        take(heard);
    }
    buffer_release(&key);
}

/* ---------------------------------------------------------------- the session */

static void on_connected(struct own_channel *own, const struct packet *connack)
{
    struct buffer filters = {0};

    (void)connack;
    write_filter(
        &filters, SLICE_LITERAL(EVENTS_FILTER),
        &(struct subscription_options){.qos = QOS_1, .no_local = true, .retain_handling = 2});
    write_subscribe(&own->gateway->packet, SUBSCRIBE_ID, buffer_slice(&filters));
    own_channel_send(own);
    buffer_release(&filters);
}

/* What is not acknowledged comes again. */
static void forget_all(struct door_ear *ear)
{
    LIST_FOREACH_SAFE (link, &ear->heard) {
        struct heard *heard = CONTAINER_OF(link, struct heard, link);
        door_forget(ear->door, &heard->load);
        heard_free(heard);
    }
    timers_cancel(&ear->door->gateway->timers, &ear->again);
}

static void let_go(struct door_ear *ear)
{
    own_channel_close(&ear->own);
    forget_all(ear);
}

static void on_packet(struct own_channel *own, const struct packet *packet)
{
    if (packet->type != PACKET_SUBACK) {
        return;
    }
    if (packet->suback.codes.length == 1 && !reason_is_error(packet->suback.codes.data[0])) {
        ear_of(own)->is_settled = true;
    } else {
        log_write(LOG_WARNING, "events of MQTT clients cannot be subscribed to", "filter=%s",
                  EVENTS_FILTER);
        let_go(ear_of(own)); /* the next look tries again */
    }
}

/* At QoS 0 there is nothing to wait for, but nothing else is different. */
static void on_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    if (fanout->is_valid &&
        slice_starts_with(fanout->publish.publish.topic, SLICE_LITERAL(EVENTS_PREFIX))) {
        hear(ear_of(own), fanout, sequence);
    } else {
        pass_over(ear_of(own), fanout->packet.length, sequence);
    }
}

static void on_ended(struct own_channel *own)
{
    forget_all(ear_of(own));
}

static const struct own_channel_events events = {
    .connected = on_connected,
    .packet = on_packet,
    .publish = on_publish,
    .ended = on_ended,
};

static bool is_ours(const struct door_ear *ear)
{
    const char *names[STAFF_PEERS_MAX + 1];
    size_t count = staff_names(ear->door->gateway->staff, names);

    return ear->door->grid->options.hears_mqtt &&
           ownership_choose(SLICE_LITERAL(EVENTS_FILTER), names, count) == 0;
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
    bool is_wanted = is_known && is_ours(ear);

    ear->is_settled |= is_known && !is_wanted;
    if (is_wanted && !ear->own.channel.is_open) {
        own_channel_connect(
            &ear->own, "events", "dispatch",
            (struct connect_request){.session_expiry_s = UINT32_MAX, .window = WINDOW});
    } else if (!is_wanted && ear->own.channel.is_open) {
        let_go(ear);
    }
    timers_set(&gateway->timers, &ear->look, gateway_now(gateway) + (is_known ? LOOK_MS : SOON_MS));
}

static void on_look(struct timer *timer, void *context)
{
    (void)context;
    look(CONTAINER_OF(timer, struct door_ear, look));
}

struct door_ear *door_ear_new(struct door *door)
{
    struct door_ear *ear = memory_allocate_zero(sizeof(*ear));

    ear->door = door;
    own_channel_init(&ear->own, door->gateway, &events);
    ear->own.holds_credit = true;
    list_init(&ear->heard);
    timer_init(&ear->look, on_look);
    timer_init(&ear->again, on_again);
    return ear;
}

void door_ear_connect(struct door_ear *ear)
{
    look(ear);
}

void door_ear_free(struct door_ear *ear)
{
    let_go(ear);
    timers_cancel(&ear->door->gateway->timers, &ear->look);
    free(ear);
}
