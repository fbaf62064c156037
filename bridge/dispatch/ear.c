/* See ear.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/ear.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/grid.h"

enum {
    WINDOW = 4096,       /* messages in memory */
    BYTES_MAX = 2 << 20, /* of memory; what has credit by then still comes */
    AGAIN_MS = 1000,     /* before what was refused is tried again */
    TELL_MS = 10,        /* before an acknowledgement goes out by itself, */
    UNTOLD_MAX = 4096,   /* and how many bytes of them wait for that */
};

static struct ear *ear_of(struct runner_session *session)
{
    return CONTAINER_OF(session, struct ear, session);
}

static struct timers *timers_of(const struct ear *ear)
{
    return &ear->grid->gateway->timers;
}

/* ---------------------------------------------------------------- messages in memory */

void heard_decode(const struct heard *heard, struct packet *publish)
{
    static const struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, true};
    ssize_t size = packet_decode(publish, slice_make(heard->packet, heard->length), &limits);

    assert(size > 0); /* it could be when it came */
    (void)size;
}

static void heard_done(struct door_load *load, bool is_accepted);

/* What it takes, for of tiny ones at QoS 0 there may be any number. */
static size_t memory_of(const struct heard *heard)
{
    return sizeof(*heard) + heard->length;
}

static struct heard *heard_new(struct ear *ear, const struct fanout *fanout, uint32_t sequence)
{
    struct slice packet = fanout->packet;
    struct heard *heard = memory_allocate(sizeof(*heard) + packet.length);

    *heard = (struct heard){
        .load = {.done = heard_done},
        .ear = ear,
        .sequence = sequence,
        .length = (uint32_t)packet.length,
    };
    memcpy(heard->packet, packet.data, packet.length);
    list_add_last(&ear->heard, &heard->link);
    ear->bytes += memory_of(heard);
    if (ear->bytes <= BYTES_MAX) {
        own_channel_credit(&ear->session.own, packet.length);
    } else {
        ear->credit_owed += packet.length;
    }
    return heard;
}

static void heard_free(struct heard *heard)
{
    list_remove(&heard->link);
    free(heard);
}

/* Nobody waits for acknowledgements: they go out with what the next message makes, in a write that
 * there is anyway, and wake the broker once for both. */
static void tell(struct ear *ear)
{
    if (ear->untold.length > 0) {
        timers_cancel(timers_of(ear), &ear->telling);
        buffer_append(&ear->grid->gateway->packet, buffer_slice(&ear->untold));
        ear->untold.length = 0;
        own_channel_send(&ear->session.own);
    }
}

static void on_telling(struct timer *timer, void *context)
{
    (void)context;
    tell(CONTAINER_OF(timer, struct ear, telling));
}

static void tell_later(struct ear *ear, uint32_t sequence)
{
    if (sequence == 0) {
        return; /* at QoS 0 */
    }
    write_ack(&ear->untold, PACKET_PUBACK, (uint16_t)sequence);
    if (ear->untold.length >= UNTOLD_MAX) {
        tell(ear);
    } else if (!timer_is_set(&ear->telling)) {
        timers_set(timers_of(ear), &ear->telling, gateway_now(ear->grid->gateway) + TELL_MS);
    }
}

static void acknowledge(struct heard *heard)
{
    struct ear *ear = heard->ear;

    ear->bytes -= memory_of(heard);
    if (ear->credit_owed > 0 && ear->bytes <= BYTES_MAX) {
        own_channel_credit(&ear->session.own, ear->credit_owed);
        ear->credit_owed = 0;
    }
    tell_later(ear, heard->sequence);
    heard_free(heard);
}

/* ---------------------------------------------------------------- to the door */

static void hold(struct heard *heard)
{
    struct ear *ear = heard->ear;

    heard->waits = true;
    ear->is_held = true;
    if (!timer_is_set(&ear->again)) {
        timers_set(timers_of(ear), &ear->again, gateway_now(ear->grid->gateway) + AGAIN_MS);
    }
}

static enum ear_answer give(struct heard *heard, const struct packet *publish)
{
    enum ear_answer answer;

    heard->waits = false;
    answer = heard->ear->events->take(heard->ear, heard, publish);
    if (answer == EAR_DONE) {
        acknowledge(heard);
    } else if (answer == EAR_NOT_NOW) {
        hold(heard);
    }
    return answer;
}

static void go_on(struct ear *ear);

/* Those that wait are tried again: the first one, which tells of the others, or all. */
static void give_waiting(struct ear *ear, bool only_first)
{
    LIST_FOREACH_SAFE (link, &ear->heard) {
        struct heard *heard = CONTAINER_OF(link, struct heard, link);
        enum ear_answer answer;
        struct packet publish;
        if (!heard->waits) {
            continue;
        }
        heard_decode(heard, &publish);
        answer = give(heard, &publish);
        if (only_first && answer == EAR_DONE) {
            go_on(ear);
        }
        if (only_first || answer == EAR_NOT_NOW) {
            return;
        }
    }
}

static void go_on(struct ear *ear)
{
    if (ear->is_held) {
        ear->is_held = false;
        timers_cancel(timers_of(ear), &ear->again);
        give_waiting(ear, false);
    }
}

static void heard_done(struct door_load *load, bool is_accepted)
{
    struct heard *heard = CONTAINER_OF(load, struct heard, load);
    struct ear *ear = heard->ear;

    if (!is_accepted) {
        hold(heard);
        return;
    }
    ear->events->accepted(ear, heard, load->next_event);
    acknowledge(heard);
    go_on(ear);
}

static void on_again(struct timer *timer, void *context)
{
    (void)context;
    give_waiting(CONTAINER_OF(timer, struct ear, again), true);
}

/* ---------------------------------------------------------------- the session */

static void on_event(struct runner_session *session, struct fanout *fanout, uint32_t sequence)
{
    struct ear *ear = ear_of(session);
    struct heard *heard;

    if (!fanout->is_valid || fanout->version != MQTT_5) {
        own_channel_credit(&session->own, fanout->packet.length);
        own_channel_acknowledge(&session->own, sequence);
        return;
    }
    tell(ear);
    heard = heard_new(ear, fanout, sequence);
    if (ear->is_held) {
        heard->waits = true;
    } else {
        give(heard, &fanout->publish);
    }
}

/* What is not acknowledged comes again. */
static void on_ended(struct runner_session *session)
{
    struct ear *ear = ear_of(session);

    LIST_FOREACH_SAFE (link, &ear->heard) {
        struct heard *heard = CONTAINER_OF(link, struct heard, link);
        door_forget(ear->grid->door, &heard->load);
        heard_free(heard);
    }
    ear->untold.length = 0;
    timers_cancel(timers_of(ear), &ear->telling);
    ear->bytes = ear->credit_owed = 0;
    ear->is_held = false;
    timers_cancel(timers_of(ear), &ear->again);
}

static void on_opened(struct runner_session *session)
{
    struct ear *ear = ear_of(session);

    if (ear->events->opened) {
        ear->events->opened(ear);
    }
}

static bool is_wanted(struct runner_session *session)
{
    struct ear *ear = ear_of(session);

    return ear->events->is_wanted(ear);
}

static const struct runner_session_events session_events = {
    .opened = on_opened,
    .event = on_event,
    .ended = on_ended,
    .is_wanted = is_wanted,
};

void ear_init(struct ear *ear, struct grid *grid, const struct ear_events *events,
              struct slice name)
{
    ear->events = events;
    ear->grid = grid;
    list_init(&ear->heard);
    timer_init(&ear->again, on_again);
    timer_init(&ear->telling, on_telling);
    runner_session_init(&ear->session, grid->gateway, &session_events, name, WINDOW);
    ear->session.own.is_wide = true;
}

void ear_listen(struct ear *ear, struct slice filters, uint32_t expiry_s)
{
    bool was_connected = ear->session.state != SESSION_IDLE;

    ear_close(ear);
    runner_session_listen(&ear->session, filters, expiry_s);
    if (was_connected) {
        runner_session_connect(&ear->session);
    }
}

void ear_wake(struct ear *ear)
{
    runner_session_wake(&ear->session);
}

void ear_close(struct ear *ear)
{
    tell(ear);
    runner_session_close(&ear->session);
    on_ended(&ear->session);
}

void ear_release(struct ear *ear)
{
    ear_close(ear);
    runner_session_release(&ear->session);
    buffer_release(&ear->untold);
}
