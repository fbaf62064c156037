/* See settings_store.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/settings_store.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/internal_topic.h"
#include "client/own_channel.h"
#include "client/settings_heard.h"

/* Packet identifiers; those of changes come round behind the others. */
enum { SUBSCRIBE_ID = 2, MARK_ID = 3, CHANGE_ID_FIRST = 16 };

struct settings_store {
    struct own_channel own;
    struct gateway *gateway;
    const struct settings_kind *kind;
    const struct settings_listener *listener; /* NULL: not connected yet */
    struct list link;                         /* in gateway->settings_stores */
    struct list changes;                      /* that were sent, the oldest first */
    uint16_t last_id;
    struct settings_mark last_mark; /* of our own changes */
    struct settings_heard heard;
};

static struct settings_store *store_of(struct own_channel *own)
{
    return CONTAINER_OF(own, struct settings_store, own);
}

/* ---------------------------------------------------------------- what is retained */

/* A message to itself, behind all that was retained when it subscribed. */
static void append_mark_topic(const struct settings_store *store, struct buffer *out)
{
    struct buffer number = {0};

    buffer_append_format(&number, "%s-%u", store->kind->role, store->gateway->index);
    internal_topic_append(out, INTERNAL_MARK, SLICE_EMPTY, buffer_slice(&number), SLICE_EMPTY);
    buffer_release(&number);
}

static void subscribe(struct settings_store *store)
{
    struct subscription_options options = {.qos = QOS_1};
    struct buffer filters = {0}, mark = {0}, places = {0};
    struct buffer *packets = &store->gateway->packet;

    append_mark_topic(store, &mark);
    buffer_append(&places, store->kind->prefix);
    buffer_append_string(&places, store->kind->places);
    write_filter(&filters, buffer_slice(&places), &options);
    if (store->kind->followed.length > 0) {
        write_filter(&filters, SETTINGS_APPLIED, &options);
    }
    write_filter(&filters, buffer_slice(&mark), &options);
    write_subscribe(packets, SUBSCRIBE_ID, buffer_slice(&filters));
    write_publish(packets, &(struct publication){
                               .topic = buffer_slice(&mark),
                               .is_plain = true,
                               .qos = QOS_1,
                               .packet_id = MARK_ID,
                           });
    own_channel_send(&store->own);
    buffer_release(&filters);
    buffer_release(&places);
    buffer_release(&mark);
}

static void ask_who_has_heard(struct settings_change *change);

/* The broker has all changes of the mark's origin up to it in force. */
static void take_applied(struct settings_store *store, const struct settings_mark *mark)
{
    LIST_FOREACH_SAFE (link, &store->changes) {
        struct settings_change *change = CONTAINER_OF(link, struct settings_change, link);
        if (mark->origin != store->last_mark.origin || change->number > mark->number ||
            !change->is_followed) {
            continue;
        }
        change->is_followed = false;
        if (change->is_stored) {
            ask_who_has_heard(change);
        }
    }
}

static void hear_applied(struct settings_store *store, struct slice marks)
{
    struct settings_mark mark;

    while (marks.length >= SETTINGS_MARK_SIZE &&
           settings_mark_parse(slice_make(marks.data, SETTINGS_MARK_SIZE), &mark)) {
        take_applied(store, &mark);
        marks = slice_from(marks, SETTINGS_MARK_SIZE);
    }
}

static void hear(struct settings_store *store, const struct packet *packet)
{
    const struct settings_listener *listener = store->listener;
    const struct properties *properties = &packet->properties;
    struct slice topic = packet->publish.topic, prefix = store->kind->prefix;
    struct settings_mark mark;

    if (slice_equal(topic, SETTINGS_APPLIED)) {
        hear_applied(store, packet->publish.payload);
        return;
    }
    if (!slice_starts_with(topic, prefix)) {
        listener->complete(listener->context);
        settings_heard_complete(&store->heard);
        return;
    }
    listener->changed(listener->context, slice_from(topic, prefix.length), packet->publish.payload);
    if (properties_have(properties, PROPERTY_CORRELATION_DATA) &&
        settings_mark_parse(properties->correlation_data, &mark)) {
        settings_heard_take(&store->heard, &mark);
    }
}

static void on_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    if (fanout->is_valid) {
        hear(store_of(own), &fanout->publish);
    }
    own_channel_acknowledge(own, sequence);
}

/* ---------------------------------------------------------------- changes */

static void finish(struct settings_change *change, bool is_stored)
{
    list_remove(&change->link);
    timers_cancel(&change->store->gateway->timers, &change->timer);
    change->is_asking = false;
    change->done(change, is_stored);
}

static void one_has_heard(struct staff_ask *round, struct slice answer)
{
    (void)round, (void)answer; /* the staff counts them */
}

/* Who is silent is taken for dead. */
static void all_have_heard(struct staff_ask *round, bool complete)
{
    (void)complete;
    finish(CONTAINER_OF(round, struct settings_change, round), true);
}

/* Stored it is: who asks. If nobody can be asked now, nobody can be told anything else either. */
static void ask_who_has_heard(struct settings_change *change)
{
    struct settings_store *store = change->store;
    struct settings_mark mark = {store->last_mark.origin, change->number};
    struct buffer question = {0};

    settings_question_append(&question, &mark, store->kind->prefix);
    timers_cancel(&store->gateway->timers, &change->timer);
    change->round = (struct staff_ask){.answered = one_has_heard, .done = all_have_heard};
    change->is_asking = true;
    if (!staff_ask(store->gateway->staff, &change->round, buffer_slice(&question))) {
        log_write(LOG_DEBUG, "nobody was asked whether a change of settings was heard", "number=%u",
                  mark.number);
        finish(change, true);
    }
    buffer_release(&question);
}

static void broker_is_late(struct timer *timer, void *context)
{
    struct settings_change *change = CONTAINER_OF(timer, struct settings_change, timer);

    (void)context;
    log_write(LOG_WARNING, "a change of settings is not in force in time", "number=%u",
              change->number);
    change->is_followed = false; /* should it be in force after all, nobody is asked twice */
    ask_who_has_heard(change);
}

/* The broker has stored it. */
static void go_on(struct settings_change *change)
{
    struct gateway *gateway = change->store->gateway;

    change->is_stored = true;
    if (change->is_followed) {
        timers_set(&gateway->timers, &change->timer, gateway_now(gateway) + SETTINGS_HEARD_MS);
    } else {
        ask_who_has_heard(change);
    }
}

bool settings_take_question(struct gateway *gateway, const struct staff_asker *asker,
                            struct slice question)
{
    struct settings_mark mark;
    struct slice prefix;

    if (!settings_question_parse(question, &mark, &prefix)) {
        return false;
    }
    LIST_FOREACH (link, &gateway->settings_stores) {
        struct settings_store *store = CONTAINER_OF(link, struct settings_store, link);
        if (slice_equal(store->kind->prefix, prefix)) {
            settings_heard_answer(&store->heard, &mark, asker);
            return true;
        }
    }
    staff_answer(gateway->staff, asker, SLICE_EMPTY); /* they are not used here */
    return true;
}

static void on_packet(struct own_channel *own, const struct packet *packet)
{
    if (packet->type != PACKET_PUBACK) {
        return;
    }
    LIST_FOREACH_SAFE (link, &store_of(own)->changes) {
        struct settings_change *change = CONTAINER_OF(link, struct settings_change, link);
        if (change->packet_id != packet->ack.packet_id || change->is_stored) {
            continue;
        }
        if (reason_is_error(packet->ack.reason)) {
            finish(change, false);
        } else {
            go_on(change);
        }
        return;
    }
}

bool settings_store_set(struct settings_store *store, struct slice place, struct slice settings,
                        struct settings_change *change)
{
    struct buffer topic = {0}, mark = {0}, properties = {0};

    if (!store->own.is_connected || !store->own.channel.is_open) {
        return false;
    }
    store->last_id =
        store->last_id < CHANGE_ID_FIRST ? CHANGE_ID_FIRST : (uint16_t)(store->last_id + 1);
    change->packet_id = store->last_id;
    change->store = store;
    change->number = ++store->last_mark.number;
    change->is_stored = false;
    change->is_followed =
        store->kind->followed.length > 0 && slice_starts_with(place, store->kind->followed);
    timer_init(&change->timer, broker_is_late);
    settings_mark_append(&mark, &store->last_mark);
    write_property(&properties, PROPERTY_CORRELATION_DATA, buffer_slice(&mark));
    list_add_last(&store->changes, &change->link);
    buffer_append(&topic, store->kind->prefix);
    buffer_append(&topic, place);
    write_publish(&store->gateway->packet, &(struct publication){
                                               .topic = buffer_slice(&topic),
                                               .data = {DATA_JSON, settings},
                                               .is_plain = settings.length == 0,
                                               .retain = true,
                                               .qos = QOS_1,
                                               .packet_id = store->last_id,
                                               .user_properties = buffer_slice(&properties),
                                           });
    own_channel_send(&store->own);
    buffer_release(&properties);
    buffer_release(&mark);
    buffer_release(&topic);
    return true;
}

void settings_store_abandon(struct settings_change *change)
{
    if (change->packet_id != 0) {
        list_remove(&change->link);
        timers_cancel(&change->store->gateway->timers, &change->timer);
    }
    if (change->is_asking) {
        staff_forget_ask(&change->round);
        change->is_asking = false;
    }
}

/* ---------------------------------------------------------------- the connection */

static void on_connected(struct own_channel *own, const struct packet *connack)
{
    struct settings_store *store = store_of(own);

    (void)connack;
    store->listener->begin(store->listener->context);
    settings_heard_begin(&store->heard);
    subscribe(store);
}

/* What was not acknowledged is not stored, as far as is known; what was, is in force when the
 * broker is there again. */
static void on_ended(struct own_channel *own)
{
    LIST_FOREACH_SAFE (link, &store_of(own)->changes) {
        struct settings_change *change = CONTAINER_OF(link, struct settings_change, link);
        if (!change->is_asking) {
            finish(change, change->is_stored);
        }
    }
}

/* It must hear what changes, so it does not stay away: the broker may not like what was sent. */
static void on_closed(struct own_channel *own, uint8_t reason)
{
    log_write(LOG_WARNING, "the connection for settings was ended", "role=%s reason=\"%s\"",
              store_of(own)->kind->role, reason_text(reason));
}

static void connect(struct own_channel *own)
{
    own_channel_connect(own, store_of(own)->kind->role, NULL,
                        (struct connect_request){.clean_start = true});
}

static const struct own_channel_events events = {
    .connected = on_connected,
    .packet = on_packet,
    .publish = on_publish,
    .ended = on_ended,
    .closed = on_closed,
    .again = connect,
};

void settings_store_connect(struct settings_store *store, const struct settings_listener *listener)
{
    store->listener = listener;
    connect(&store->own);
}

struct settings_store *settings_store_new(struct gateway *gateway, const struct settings_kind *kind)
{
    struct settings_store *store = memory_allocate_zero(sizeof(*store));

    store->gateway = gateway;
    store->kind = kind;
    own_channel_init(&store->own, gateway, &events);
    list_init(&store->changes);
    list_add_last(&gateway->settings_stores, &store->link);
    gateway->random(&store->last_mark.origin, sizeof(store->last_mark.origin));
    settings_heard_init(&store->heard, gateway);
    return store;
}

void settings_store_free(struct settings_store *store)
{
    own_channel_close(&store->own);
    on_ended(&store->own);
    while (!list_is_empty(&store->changes)) {
        struct settings_change *change =
            CONTAINER_OF(store->changes.next, struct settings_change, link);
        staff_forget_ask(&change->round);
        finish(change, true);
    }
    settings_heard_release(&store->heard);
    list_remove(&store->link);
    free(store);
}
