/* The connection of the door, its window, and who waits for PUBACKs; see door.h.
 *
 * The broker answers PUBLISHes in their order, so a PUBACK is for the oldest load.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/door.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "dispatch/door_state.h"

static struct door *door_of(struct own_channel *own)
{
    return CONTAINER_OF(own, struct door, own);
}

/* ---------------------------------------------------------------- room */

bool door_is_ready(const struct door *door)
{
    return door->own.is_connected && catalog_is_complete(door->grid->catalog);
}

size_t door_room(const struct door *door)
{
    size_t unacknowledged = (size_t)(door->published - door->acknowledged);

    return channel_backlog(&door->own.channel) >= DOOR_BACKLOG_MAX ? 0
                                                                   : DOOR_WINDOW - unacknowledged;
}

/* Those that wait go on when it is worth it. */
static bool has_room_again(const struct door *door)
{
    return door_room(door) >= DOOR_WINDOW / 2 &&
           channel_backlog(&door->own.channel) <= DOOR_BACKLOG_MAX / 2;
}

/* ---------------------------------------------------------------- loads */

static void stop_waiting(struct door *door, struct door_load *load)
{
    list_remove(&load->waiting);
    if (load->kept) {
        door->kept_bytes -= kept_request_size(load->kept);
        kept_request_free(load->kept);
        load->kept = NULL;
    }
}

static void leave(struct door *door, struct door_load *load)
{
    stop_waiting(door, load);
    list_remove(&load->sent);
}

static void finish_if_over(struct door *door, struct door_load *load)
{
    if (load->unacknowledged == 0 && (!load->kept || load->has_failed)) {
        leave(door, load);
        load->done(load, !load->has_failed);
    }
}

static void keep_waiting(struct door *door, struct door_load *load,
                         const struct door_request *request)
{
    load->kept = kept_request_new(request);
    door->kept_bytes += kept_request_size(load->kept);
    list_add_last(&door->waiting, &load->waiting);
}

/* ---------------------------------------------------------------- requests */

static bool parse(struct door *door, const struct catalog_source *source,
                  const struct door_request *request, const struct event **events, size_t *count,
                  struct publish_error *error)
{
    struct publish_request publish = {
        .topic = catalog_properties(source),
        .topic_id = catalog_topic_id(source),
        .domain_topic = request->domain_topic,
        .content_type = request->content_type,
        .attributes = request->attributes,
        .is_mqtt = request->is_from_mqtt,
        .body = request->body,
        .now_ms = gateway_now(door->gateway),
        .random = door->gateway->random,
    };

    return publish_parse(&publish, &door->scratch, events, count, error);
}

/* Bytes of its messages, at most. A custom event stands in them beside what was mapped from it, and
 * what is mapped may be long. */
static size_t message_max(const struct event *event)
{
    size_t mapped = event->id.length + event->type.length + event->subject.length +
                    event->time.length + event->data_version.length;

    return event->whole.text.length + DOOR_EVENT_MARGIN +
           (event->schema == SCHEMA_CUSTOM ? mapped * DOOR_ESCAPED_MAX : 0);
}

/* A broker that takes no such packet would end the connection. */
static bool all_fit(const struct door *door, const struct event *events, size_t count,
                    struct publish_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (message_max(&events[i]) > door->packet_max) {
            *error = (struct publish_error){
                413, "PayloadTooLarge", "PayloadTooLarge",
                SLICE_LITERAL("The event is larger than what the broker takes "
                              "(mqtt.maximum_packet_size).")};
            return false;
        }
    }
    return true;
}

/* Sends what there is room for. True: all of it. */
static bool send_on(struct door *door, struct catalog_source *source,
                    const struct door_request *request, const struct event *events, size_t count,
                    struct door_load *load)
{
    bool is_sent = door_send(door, source, events, count, load,
                             door->grid->options.shows_mqtt && !request->is_from_mqtt);

    if (load->unacknowledged > 0 && list_is_empty(&load->sent)) {
        list_add_last(&door->sent, &load->sent);
    }
    return is_sent;
}

static void prepare(struct door_load *load, uint8_t hops)
{
    list_init(&load->sent);
    list_init(&load->waiting);
    load->kept = NULL;
    load->next_event = 0;
    load->unacknowledged = 0;
    load->hops = hops;
    load->has_failed = false;
}

enum door_take door_take(struct door *door, const struct door_request *request,
                         struct door_load *load, struct publish_error *error)
{
    struct catalog_source *source = catalog_find(door->grid->catalog, request->source_key);
    const struct event *events;
    size_t count;

    prepare(load, 1);
    if (!source || !door_is_ready(door)) {
        return TAKE_BUSY;
    }
    if (!parse(door, source, request, &events, &count, error) ||
        !all_fit(door, events, count, error)) {
        return TAKE_REFUSED;
    }
    bool is_first = list_is_empty(&door->waiting);
    if (is_first && send_on(door, source, request, events, count, load)) {
        return load->unacknowledged > 0 ? TAKE_WAITS : TAKE_ACCEPTED;
    }
    if (!is_first && door->kept_bytes + request->body.length > DOOR_KEPT_MAX) {
        return TAKE_BUSY;
    }
    keep_waiting(door, load, request);
    return TAKE_WAITS;
}

/* The load that waits longest goes on. False: there is no room for all of it. */
static bool resume(struct door *door, struct door_load *load)
{
    const struct door_request *request = &load->kept->request;
    struct catalog_source *source = catalog_find(door->grid->catalog, request->source_key);
    struct publish_error error;
    const struct event *events;
    size_t count;

    if (load->has_failed || !source || !parse(door, source, request, &events, &count, &error)) {
        load->has_failed = true; /* a part was refused, or the topic is not what it was */
    } else if (!send_on(door, source, request, events, count, load)) {
        return false;
    }
    stop_waiting(door, load);
    finish_if_over(door, load);
    return true;
}

static void resume_all(struct door *door)
{
    while (!list_is_empty(&door->waiting) && has_room_again(door) && door_is_ready(door) &&
           resume(door, CONTAINER_OF(door->waiting.next, struct door_load, waiting))) {
    }
}

enum door_answer door_accept(struct door *door, struct catalog_source *source,
                             const struct event *events, size_t count, uint8_t hops,
                             struct door_load *load)
{
    struct publish_error error;

    catalog_prepare(source);
    prepare(load, hops);
    if (!door_is_ready(door) || !list_is_empty(&door->waiting) ||
        door_room(door) < DOOR_WINDOW / 2) {
        return DOOR_BUSY;
    }
    if (!all_fit(door, events, count, &error)) {
        return DOOR_TOO_LARGE;
    }
    /* Half of the window is room for any few events. */
    load->has_failed =
        !send_on(door, source, &(struct door_request){.is_from_mqtt = false}, events, count, load);
    if (load->unacknowledged > 0) {
        return DOOR_WAITS;
    }
    return load->has_failed ? DOOR_BUSY : DOOR_ACCEPTED;
}

/* ---------------------------------------------------------------- answers */

static bool is_extra(const struct door *door, uint64_t number)
{
    size_t at = (size_t)(number % DOOR_IDS);

    return door->extra[at / 8] >> at % 8 & 1;
}

static void take_puback(struct door *door, uint8_t reason)
{
    uint64_t number = door->acknowledged++;
    struct door_load *load;

    assert(!list_is_empty(&door->sent));
    load = CONTAINER_OF(door->sent.next, struct door_load, sent);
    if (!is_extra(door, number) &&
        (reason_is_error(reason) || reason == REASON_NO_MATCHING_SUBSCRIBERS)) {
        LOG_LIMITED(LOG_WARNING, "an event was refused", "reason=\"%s\"", reason_text(reason));
        load->has_failed = true;
    }
    if (--load->unacknowledged == 0) {
        list_remove(&load->sent);
        finish_if_over(door, load);
    }
}

static void fail(struct door *door, struct door_load *load)
{
    leave(door, load);
    load->done(load, false);
}

/* Nobody gets an answer any more. */
static void fail_all(struct door *door)
{
    door->acknowledged = door->published;
    while (!list_is_empty(&door->sent)) {
        fail(door, CONTAINER_OF(door->sent.next, struct door_load, sent));
    }
    while (!list_is_empty(&door->waiting)) {
        fail(door, CONTAINER_OF(door->waiting.next, struct door_load, waiting));
    }
}

static void nobody_waits(struct door_load *load, bool is_accepted)
{
    (void)is_accepted;
    free(load);
}

/* Somebody else waits for what was sent. */
void door_forget(struct door *door, struct door_load *load)
{
    struct door_load *placeholder;

    if (!load->sent.next) {
        return; /* it was never given to the door */
    }
    if (load->unacknowledged > 0) {
        placeholder = memory_allocate_zero(sizeof(*placeholder));
        prepare(placeholder, load->hops);
        placeholder->done = nobody_waits;
        placeholder->unacknowledged = load->unacknowledged;
        list_add_last(&load->sent, &placeholder->sent);
        load->unacknowledged = 0;
    }
    leave(door, load);
}

/* ---------------------------------------------------------------- the connection */

static void on_connected(struct own_channel *own, const struct packet *connack)
{
    struct door *door = door_of(own);

    door->packet_max = properties_have(&connack->properties, PROPERTY_MAXIMUM_PACKET_SIZE)
                           ? connack->properties.maximum_packet_size
                           : PACKET_SIZE_MAX;
}

static void on_packet(struct own_channel *own, const struct packet *packet)
{
    struct door *door = door_of(own);
    uint16_t awaited = (uint16_t)(DOOR_FIRST_ID + door->acknowledged % DOOR_IDS);

    if (packet->type != PACKET_PUBACK) {
        return;
    }
    if (door->acknowledged == door->published || packet->ack.packet_id != awaited) {
        log_write(LOG_ERROR, "the broker answers out of turn", "awaited=%u got=%u", awaited,
                  packet->ack.packet_id);
        own_channel_close(own);
        fail_all(door);
        own_channel_try_later(own);
        return;
    }
    take_puback(door, packet->ack.reason);
    if (!list_is_empty(&door->waiting)) {
        resume_all(door);
    }
}

static void on_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    (void)own, (void)fanout, (void)sequence; /* it subscribes to nothing */
}

static void on_ended(struct own_channel *own)
{
    fail_all(door_of(own));
}

static void on_closed(struct own_channel *own, uint8_t reason)
{
    (void)own;
    log_write(LOG_WARNING, "the door's connection was ended", "reason=\"%s\"", reason_text(reason));
}

static void connect(struct door *door)
{
    struct buffer name = {0};

    buffer_append_format(&name, "door-%u", door->gateway->index);
    buffer_append_byte(&name, '\0');
    own_channel_connect(&door->own, "events", (const char *)name.data,
                        (struct connect_request){.clean_start = true});
    buffer_release(&name);
}

static void connect_again(struct own_channel *own)
{
    connect(door_of(own));
}

static const struct own_channel_events events = {
    .connected = on_connected,
    .packet = on_packet,
    .publish = on_publish,
    .ended = on_ended,
    .closed = on_closed,
    .again = connect_again,
};

void door_connect(struct door *door)
{
    connect(door);
    door_ear_connect(door->ear);
}

struct door *door_new(struct grid *grid)
{
    struct door *door = memory_allocate_zero(sizeof(*door));

    door->grid = grid;
    door->gateway = grid->gateway;
    own_channel_init(&door->own, grid->gateway, &events);
    door->own.is_wide = true;
    list_init(&door->sent);
    list_init(&door->waiting);
    list_init(&door->calls);
    uuid_series_begin(&door->request_ids, grid->gateway->random);
    door->ear = door_ear_new(door);
    return door;
}

void door_free(struct door *door)
{
    door_ear_free(door->ear);
    own_channel_close(&door->own);
    door_calls_free(door);
    fail_all(door);
    door_send_release(door);
    publish_scratch_release(&door->scratch);
    buffer_release(&door->topic);
    buffer_release(&door->properties);
    buffer_release(&door->key);
    free(door);
}
