/* Connections to the broker as somebody: see guests.h.
 *
 * PUBLISHes are sent in turn, as many as the broker and GUEST_WINDOW allow; each has a place in
 * `in_flight`, which makes its packet identifier, so that answers are told apart though a refusal
 * may come before the PUBACK of what is being written. Of reads one at a time is under way, which
 * bounds what the broker makes for it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/guests.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "client/gateway.h"
#include "client/own_channel.h"

enum {
    GUEST_WINDOW = 256,
    LOOK_MS = 10 * 1000, /* between two looks at which connections are idle */
};

struct guests {
    struct gateway *gateway;
    struct map by_user;
    struct list all; /* struct guest; whose last use is the longest ago first */
    struct timer look;
    size_t bytes;    /* of PUBLISHes without an answer */
    uint64_t opened; /* connections, ever */
};

struct guest {
    struct own_channel own;
    struct guests *guests;
    struct map_node by_user;
    struct list link; /* in guests->all */
    msec_t used_at;
    struct list publishes, reads; /* struct guest_call: not sent yet */
    size_t call_count;            /* in both */
    /* By packet identifier - 1; NULL: free. */
    struct guest_call *in_flight[GUEST_WINDOW];
    uint16_t window, next; /* of them may be used; the next place */
    uint16_t in_flight_count;
    struct guest_call *reading; /* NULL: nobody waits for it any more */
    bool is_reading;
    unsigned uses; /* functions that have it in hand */
    uint32_t packet_max;
    uint16_t user_length;
    uint8_t user[];
};

/* In a place of in_flight: nobody waits for the answer. */
static struct guest_call forgotten;

static struct guest *guest_of(struct own_channel *own)
{
    return CONTAINER_OF(own, struct guest, own);
}

static struct slice guest_user(const struct map_node *node)
{
    const struct guest *guest = CONTAINER_OF(node, const struct guest, by_user);

    return slice_make(guest->user, guest->user_length);
}

/* ---------------------------------------------------------------- the ends of calls */

static void finish(struct guest *guest, struct guest_call *call, const struct guest_answer *answer)
{
    guest->guests->bytes -= call->size;
    buffer_release(&call->packet);
    call->guest = NULL;
    call->done(call, answer);
}

/* Takes it out of the list that it is in. */
static void leave_list(struct guest *guest, struct guest_call *call)
{
    list_remove(&call->link);
    guest->call_count--;
}

/* The place is free; returns who waits for its answer, or NULL. */
static struct guest_call *take_place(struct guest *guest, size_t place)
{
    struct guest_call *call = guest->in_flight[place];

    guest->in_flight[place] = NULL;
    guest->in_flight_count--;
    return call == &forgotten ? NULL : call;
}

static void fail_list(struct guest *guest, struct list *calls, const struct guest_answer *answer)
{
    struct list failed;

    list_init(&failed);
    list_move_all(&failed, calls);
    while (!list_is_empty(&failed)) {
        struct guest_call *call = CONTAINER_OF(failed.next, struct guest_call, link);
        leave_list(guest, call);
        finish(guest, call, answer);
    }
}

/* No answer comes any more. What is under way is taken down first: who is told may begin anew. */
static void fail_all(struct guest *guest, const struct guest_answer *answer)
{
    struct guest_call *failed[GUEST_WINDOW + 1];
    size_t count = 0;

    failed[count++] = guest->reading;
    guest->reading = NULL;
    guest->is_reading = false;
    for (size_t i = 0; i < GUEST_WINDOW; i++) {
        if (guest->in_flight[i]) {
            failed[count++] = take_place(guest, i);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (failed[i]) {
            finish(guest, failed[i], answer);
        }
    }
    fail_list(guest, &guest->publishes, answer);
    fail_list(guest, &guest->reads, answer);
}

void guest_forget(struct guest_call *call)
{
    struct guest *guest = call->guest;

    if (!guest) {
        return;
    }
    guest->guests->bytes -= call->size;
    if (!list_is_empty(&call->link)) {
        leave_list(guest, call);
    } else if (guest->reading == call) {
        guest->reading = NULL;
    }
    for (size_t i = 0; i < GUEST_WINDOW; i++) {
        if (guest->in_flight[i] == call) {
            guest->in_flight[i] = &forgotten;
        }
    }
    buffer_release(&call->packet);
    call->guest = NULL;
}

/* ---------------------------------------------------------------- sending */

static struct guest_call *first_of(const struct list *calls)
{
    return list_is_empty(calls) ? NULL : CONTAINER_OF(calls->next, struct guest_call, link);
}

static void put_packet_id(struct buffer *packet, uint16_t packet_id)
{
    size_t at = packet_publish_id_at(buffer_slice(packet));

    packet->data[at] = (uint8_t)(packet_id >> 8);
    packet->data[at + 1] = (uint8_t)packet_id;
}

/* False: it waits. */
static bool send_publish(struct guest *guest, struct guest_call *call)
{
    static const struct guest_answer sent = {.reason = REASON_SUCCESS},
                                     too_large = {.reason = REASON_PACKET_TOO_LARGE};
    struct link *link = guest->own.gateway->link;
    bool is_acknowledged = packet_publish_id_at(buffer_slice(&call->packet)) > 0;
    bool fits = call->packet.length <= guest->packet_max;
    size_t place = guest->next;

    if (fits && (!link->ops->may_send(link, &guest->own.channel) ||
                 (is_acknowledged && guest->in_flight[place]))) {
        return false;
    }
    leave_list(guest, call);
    if (fits && is_acknowledged) {
        put_packet_id(&call->packet, (uint16_t)(place + 1));
        guest->in_flight[place] = call;
        guest->in_flight_count++;
        guest->next = (uint16_t)((place + 1) % guest->window);
    }
    if (fits) {
        link->ops->send(link, &guest->own.channel, buffer_slice(&call->packet));
    }
    if (!fits || !is_acknowledged) {
        finish(guest, call, fits ? &sent : &too_large);
    } else {
        buffer_release(&call->packet);
    }
    return true;
}

static void send_read(struct guest *guest)
{
    struct link *link = guest->own.gateway->link;
    struct guest_call *call = first_of(&guest->reads);

    if (call && !guest->is_reading) {
        leave_list(guest, call);
        guest->is_reading = true;
        guest->reading = call;
        link->ops->read(link, &guest->own.channel, &call->read);
    }
}

/* Sends what may be sent. */
static void pump(struct guest *guest)
{
    struct guest_call *call;

    guest->uses++;
    while (guest->own.is_connected && (call = first_of(&guest->publishes)) &&
           send_publish(guest, call)) {
    }
    if (guest->own.is_connected) {
        send_read(guest);
    }
    guest->uses--;
}

/* ---------------------------------------------------------------- the connection */

static void on_connected(struct own_channel *own, const struct packet *connack)
{
    struct guest *guest = guest_of(own);
    const struct properties *properties = &connack->properties;
    bool has_window = properties_have(properties, PROPERTY_RECEIVE_MAXIMUM) &&
                      properties->receive_maximum < GUEST_WINDOW;

    guest->window = has_window ? properties->receive_maximum : GUEST_WINDOW;
    guest->next = 0;
    guest->packet_max = properties_have(properties, PROPERTY_MAXIMUM_PACKET_SIZE)
                            ? properties->maximum_packet_size
                            : PACKET_SIZE_MAX;
    pump(guest);
}

static void on_packet(struct own_channel *own, const struct packet *packet)
{
    struct guest *guest = guest_of(own);
    size_t place = (size_t)packet->ack.packet_id - 1;
    struct guest_call *call;

    if (packet->type != PACKET_PUBACK || place >= GUEST_WINDOW || !guest->in_flight[place]) {
        return;
    }
    guest->uses++;
    call = take_place(guest, place);
    if (call) {
        finish(guest, call, &(struct guest_answer){.reason = packet->ack.reason});
    }
    guest->uses--;
    pump(guest);
}

static void on_retained(struct own_channel *own, const struct trunk_retained *retained)
{
    struct guest *guest = guest_of(own);
    struct guest_call *call = guest->reading;

    guest->uses++;
    guest->reading = NULL;
    guest->is_reading = false;
    if (call) {
        finish(guest, call,
               &(struct guest_answer){.reason = (uint8_t)retained->reason, .retained = retained});
    }
    guest->uses--;
    pump(guest);
}

static void on_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    (void)own, (void)fanout, (void)sequence; /* it subscribes to nothing */
}

static void on_writable(struct own_channel *own)
{
    pump(guest_of(own));
}

static void on_ended(struct own_channel *own)
{
    struct guest *guest = guest_of(own);

    guest->uses++;
    fail_all(guest, &(struct guest_answer){.reason = own->reason, .is_lost = own->reason == 0});
    guest->uses--;
}

static const struct own_channel_events events = {
    .connected = on_connected,
    .packet = on_packet,
    .publish = on_publish,
    .writable = on_writable,
    .retained = on_retained,
    .ended = on_ended,
};

/* Reserved identifiers, of no hub: their names begin with letters. */
static void open_guest(struct guest *guest)
{
    struct guests *guests = guest->guests;
    struct buffer identifier = {0};

    buffer_append_format(&identifier, "$wps/.http/%u-%llu", guests->gateway->index,
                         (unsigned long long)guests->opened++);
    own_channel_open_as(&guest->own, "http", slice_make(guest->user, guest->user_length),
                        &(struct connect_request){
                            .client_identifier = buffer_slice(&identifier),
                            .clean_start = true,
                        });
    buffer_release(&identifier);
}

/* ---------------------------------------------------------------- all of them */

static bool is_idle(const struct guest *guest)
{
    return guest->uses == 0 && guest->call_count == 0 && guest->in_flight_count == 0 &&
           !guest->is_reading;
}

static void guest_free(struct guest *guest)
{
    own_channel_close(&guest->own);
    map_remove(&guest->guests->by_user, &guest->by_user);
    list_remove(&guest->link);
    free(guest);
}

static void set_look(struct guests *guests)
{
    struct gateway *gateway = guests->gateway;

    if (!timer_is_set(&guests->look) && !list_is_empty(&guests->all)) {
        timers_set(&gateway->timers, &guests->look, gateway_now(gateway) + LOOK_MS);
    }
}

static void on_look(struct timer *timer, void *context)
{
    struct guests *guests = CONTAINER_OF(timer, struct guests, look);
    msec_t now = gateway_now(guests->gateway);

    (void)context;
    LIST_FOREACH_SAFE (link, &guests->all) {
        struct guest *guest = CONTAINER_OF(link, struct guest, link);
        if (guest->used_at + GUEST_IDLE_MS > now) {
            break;
        }
        if (is_idle(guest)) {
            guest_free(guest);
        }
    }
    set_look(guests);
}

/* One that is idle goes. False: none is. */
static bool make_room(struct guests *guests)
{
    LIST_FOREACH (link, &guests->all) {
        struct guest *guest = CONTAINER_OF(link, struct guest, link);
        if (is_idle(guest)) {
            guest_free(guest);
            return true;
        }
    }
    return false;
}

static struct guest *guest_new(struct guests *guests, struct slice user)
{
    struct guest *guest = memory_allocate_zero(sizeof(*guest) + user.length);

    guest->guests = guests;
    guest->user_length = (uint16_t)user.length;
    memcpy(guest->user, user.data, user.length);
    own_channel_init(&guest->own, guests->gateway, &events);
    list_init(&guest->publishes);
    list_init(&guest->reads);
    map_insert(&guests->by_user, &guest->by_user);
    list_add_last(&guests->all, &guest->link);
    return guest;
}

struct guest *guests_find(struct guests *guests, struct slice user)
{
    struct map_node *node = map_find(&guests->by_user, user);
    struct guest *guest = node ? CONTAINER_OF(node, struct guest, by_user) : NULL;

    if (!gateway_is_ready(guests->gateway)) {
        return NULL;
    }
    if (!guest) {
        if (guests->by_user.count >= GUESTS_MAX && !make_room(guests)) {
            return NULL;
        }
        guest = guest_new(guests, user);
    }
    if (!guest->own.channel.is_open) {
        open_guest(guest);
    }
    guest->used_at = gateway_now(guests->gateway);
    list_remove(&guest->link);
    list_add_last(&guests->all, &guest->link);
    set_look(guests);
    return guest;
}

static bool begin(struct guest *guest, struct guest_call *call, struct list *calls)
{
    if (guest->call_count >= GUEST_CALLS_MAX) {
        return false;
    }
    call->guest = guest;
    guest->guests->bytes += call->size;
    guest->call_count++;
    list_init(&call->link);
    list_add_last(calls, &call->link);
    pump(guest);
    return true;
}

bool guest_publish(struct guest *guest, struct guest_call *call, struct packet *packet)
{
    if (guest->guests->bytes + packet->publish.payload.length > GUEST_BYTES_MAX) {
        return false;
    }
    packet->publish.packet_id = packet->publish.qos > QOS_0; /* another one when it is sent */
    packet_encode(&call->packet, packet, MQTT_5);
    call->size = call->packet.length;
    if (!begin(guest, call, &guest->publishes)) {
        buffer_release(&call->packet);
        call->size = 0;
        return false;
    }
    return true;
}

bool guest_read(struct guest *guest, struct guest_call *call, const struct link_read *read)
{
    call->read = *read;
    call->size = 0;
    return begin(guest, call, &guest->reads);
}

struct guests *guests_new(struct gateway *gateway)
{
    struct guests *guests = memory_allocate_zero(sizeof(*guests));

    guests->gateway = gateway;
    map_init(&guests->by_user, guest_user);
    list_init(&guests->all);
    timer_init(&guests->look, on_look);
    return guests;
}

void guests_free(struct guests *guests)
{
    LIST_FOREACH_SAFE (link, &guests->all) {
        guest_free(CONTAINER_OF(link, struct guest, link));
    }
    timers_cancel(&guests->gateway->timers, &guests->look);
    map_release(&guests->by_user);
    free(guests);
}
