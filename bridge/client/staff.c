/* See staff.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/staff.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/internal_topic.h"
#include "client/own_channel.h"
#include "client/rest_question.h"
#include "client/settings_store.h"
#include "client/staff_answer.h"
#include "mqtt/reader.h"

enum {
    SUBSCRIBE_ID = 1,    /* below FIRST_ID; no answer is waited for */
    FIRST_ID = 16,       /* of PUBLISHes */
    RANDOM_BYTES = 8,    /* in the name */
    LIFE_SIGN_MS = 2000, /* by then whoever lives has said so */
    PACKET_MARGIN = 64,  /* more than a PUBLISH has beside topic, properties and payload */
    SELF = STAFF_PEERS_MAX,
};

#define BIT(number) (UINT64_C(1) << (number))

struct staff {
    struct own_channel own;
    struct gateway *gateway;
    char name[STAFF_NAME_MAX + 1];
    char peers[STAFF_PEERS_MAX][STAFF_NAME_MAX + 1]; /* empty: nobody */
    struct staff_pieces pieces[STAFF_PEERS_MAX];     /* of answers, by peer */
    struct list sent;                                /* struct staff_sent, oldest first */
    struct list asks;                                /* struct staff_ask */
    struct staff_ask life_sign;
    uint32_t sent_count, ask_count;
    uint32_t next_number;
    uint32_t packet_max; /* bytes */
    uint16_t next_packet_id;
    bool is_ready;
    const struct staff_listener *listener; /* NULL: nobody */
};

static struct staff *staff_of(struct own_channel *own)
{
    return CONTAINER_OF(own, struct staff, own);
}

/* A topic with this name in place of a connection id, in gateway->topic. */
static struct slice topic_of(struct staff *staff, enum internal_kind kind, const char *name)
{
    struct buffer *topic = &staff->gateway->topic;

    topic->length = 0;
    internal_topic_append(topic, kind, SLICE_EMPTY, slice_from_string(name), SLICE_EMPTY);
    return buffer_slice(topic);
}

static void tell_changed(const struct staff *staff)
{
    if (staff->listener) {
        staff->listener->changed(staff->listener->context);
    }
}

static void put_birth(struct staff *staff, const char *name, bool lives)
{
    write_publish(&staff->gateway->packet, &(struct publication){
                                               .topic = topic_of(staff, INTERNAL_STAFF_UP, name),
                                               .data.bytes = slice_make("1", lives),
                                               .is_plain = true,
                                               .retain = true,
                                           });
}

/* ---------------------------------------------------------------- messages */

bool staff_is_ready(const struct staff *staff)
{
    return staff->is_ready;
}

void staff_set_listener(struct staff *staff, const struct staff_listener *listener)
{
    staff->listener = listener;
}

size_t staff_names(const struct staff *staff, const char *names[STAFF_PEERS_MAX + 1])
{
    size_t count = 0;

    if (!staff->is_ready) {
        return 0;
    }
    names[count++] = staff->name;
    for (int number = 0; number < STAFF_PEERS_MAX; number++) {
        if (staff->peers[number][0]) {
            names[count++] = staff->peers[number];
        }
    }
    return count;
}

bool staff_takes(const struct staff *staff, const struct publication *publication)
{
    return publication->topic.length <= UINT16_MAX &&
           publication->topic.length + publication->user_properties.length +
                   publication->data.bytes.length + PACKET_MARGIN <=
               staff->packet_max;
}

static struct staff_sent *find_sent(const struct staff *staff, uint16_t packet_id)
{
    LIST_FOREACH (link, &staff->sent) { /* they are answered in turn, so it is the first */
        struct staff_sent *sent = CONTAINER_OF(link, struct staff_sent, link);
        if (sent->packet_id == packet_id) {
            return sent;
        }
    }
    return NULL;
}

bool staff_publish(struct staff *staff, struct publication *publication, struct staff_sent *sent)
{
    if (!staff->own.is_connected || staff->sent_count >= STAFF_SENT_MAX ||
        channel_backlog(&staff->own.channel) >= STAFF_BACKLOG_MAX) {
        return false;
    }
    /* Fewer wait than there are identifiers, and those of the forgotten are long free. */
    publication->packet_id = staff->next_packet_id;
    publication->qos = QOS_1;
    staff->next_packet_id =
        staff->next_packet_id == UINT16_MAX ? FIRST_ID : (uint16_t)(staff->next_packet_id + 1);
    write_publish(&staff->gateway->packet, publication);
    sent->packet_id = publication->packet_id;
    list_add_last(&staff->sent, &sent->link);
    staff->sent_count++;
    own_channel_send(&staff->own);
    return true;
}

/* The place is kept until PUBACK is there, but nobody is told. */
static void nobody_waits(struct staff_sent *sent, uint8_t reason)
{
    (void)reason;
    free(sent);
}

void staff_forget_sent(struct staff_sent *sent)
{
    struct staff_sent *placeholder = memory_allocate_zero(sizeof(*placeholder));

    placeholder->acknowledged = nobody_waits;
    placeholder->packet_id = sent->packet_id;
    list_add_last(&sent->link, &placeholder->link);
    list_remove(&sent->link);
}

static void acknowledged(struct staff *staff, struct staff_sent *sent, uint8_t reason)
{
    list_remove(&sent->link);
    staff->sent_count--;
    sent->acknowledged(sent, reason);
}

/* ---------------------------------------------------------------- questions */

static void end_ask(struct staff_ask *ask, bool complete)
{
    struct staff *staff = ask->staff;

    staff_forget_ask(ask);
    if (ask != &staff->life_sign) {
        metrics_count_ask(&staff->gateway->metrics, complete ? ASK_ANSWERED : ASK_FAILED);
    }
    ask->done(ask, complete);
}

void staff_forget_ask(struct staff_ask *ask)
{
    timers_cancel(&ask->staff->gateway->timers, &ask->timer);
    list_remove(&ask->link);
    ask->staff->ask_count--;
}

/* The process with this number answers no more: nobody waits for it. */
static void lose_peer(struct staff *staff, int number)
{
    struct list complete; /* what the end of one brings with it may take others off */

    list_init(&complete);
    staff->peers[number][0] = '\0';
    staff_pieces_release(&staff->pieces[number]);
    LIST_FOREACH_SAFE (link, &staff->asks) {
        struct staff_ask *ask = CONTAINER_OF(link, struct staff_ask, link);
        ask->awaited &= ~BIT(number);
        if (ask->awaited == 0) {
            list_remove(link);
            list_add_last(&complete, link);
        }
    }
    while (!list_is_empty(&complete)) {
        end_ask(CONTAINER_OF(complete.next, struct staff_ask, link), true);
    }
    tell_changed(staff);
}

static void on_timeout(struct timer *timer, void *context)
{
    struct staff_ask *ask = CONTAINER_OF(timer, struct staff_ask, timer);
    struct staff *staff = ask->staff;
    uint64_t silent = ask->awaited;

    (void)context;
    end_ask(ask, false);
    for (int number = 0; number < STAFF_PEERS_MAX; number++) {
        if ((silent & BIT(number)) && staff->peers[number][0]) {
            log_write(LOG_WARNING, "another bridge process does not answer", "name=%s",
                      staff->peers[number]);
            put_birth(staff, staff->peers[number], false);
            own_channel_send(&staff->own);
            lose_peer(staff, number);
        }
    }
}

static uint64_t all_peers(const struct staff *staff)
{
    uint64_t all = 0;

    for (int number = 0; number < STAFF_PEERS_MAX; number++) {
        all |= staff->peers[number][0] ? BIT(number) : 0;
    }
    return all;
}

/* -1: nobody has the name. An empty one: a free place. */
static int find_peer(const struct staff *staff, struct slice name)
{
    for (int number = 0; number < STAFF_PEERS_MAX; number++) {
        if (slice_equal(slice_from_string(staff->peers[number]), name)) {
            return number;
        }
    }
    return -1;
}

/* To the process `name`; NULL: to all. */
static void put_question(struct staff *staff, const char *name, uint32_t number,
                         struct slice question)
{
    struct buffer *properties = &staff->gateway->properties;
    struct buffer correlation = {0};

    buffer_append_u32(&correlation, number);
    properties->length = 0;
    write_property(properties, PROPERTY_RESPONSE_TOPIC,
                   topic_of(staff, INTERNAL_ANSWER, staff->name));
    write_property(properties, PROPERTY_CORRELATION_DATA, buffer_slice(&correlation));
    write_publish(&staff->gateway->packet, &(struct publication){
                                               .topic = name ? topic_of(staff, INTERNAL_ORDER, name)
                                                             : topic_of(staff, INTERNAL_ASK, ""),
                                               .data.bytes = question,
                                               .is_plain = true,
                                               .user_properties = buffer_slice(properties),
                                           });
    buffer_release(&correlation);
}

/* An empty one is about nothing but life. */
static void take_question(struct staff *staff, const struct staff_asker *asker,
                          struct slice question)
{
    if (question.length == 0) {
        staff_answer(staff, asker, SLICE_EMPTY);
    } else if (!settings_take_question(staff->gateway, asker, question)) {
        rest_take_question(staff->gateway, asker, question);
    }
}

static void begin_ask(struct staff *staff, struct staff_ask *ask, uint64_t awaited, msec_t timeout)
{
    struct gateway *gateway = staff->gateway;

    ask->staff = staff;
    ask->awaited = awaited;
    ask->number = staff->next_number++;
    list_add_last(&staff->asks, &ask->link);
    staff->ask_count++;
    timer_init(&ask->timer, on_timeout);
    timers_set(&gateway->timers, &ask->timer, gateway_now(gateway) + timeout);
}

static bool may_ask(const struct staff *staff)
{
    return staff->is_ready && staff->ask_count < STAFF_ASKS_MAX &&
           channel_backlog(&staff->own.channel) < STAFF_BACKLOG_MAX;
}

bool staff_ask(struct staff *staff, struct staff_ask *ask, struct slice question)
{
    uint64_t peers = all_peers(staff);
    struct staff_asker self = {.number = staff->next_number};

    if (!may_ask(staff)) {
        return false;
    }
    begin_ask(staff, ask, peers | BIT(SELF), STAFF_TIMEOUT_MS);
    if (peers != 0) {
        put_question(staff, NULL, self.number, question);
        own_channel_send(&staff->own);
    }
    memcpy(self.name, staff->name, sizeof(self.name));
    take_question(staff, &self, question);
    return true;
}

bool staff_order(struct staff *staff, struct staff_ask *ask, const char *name, struct slice order,
                 msec_t timeout_ms)
{
    int number = find_peer(staff, slice_from_string(name));

    if (number < 0 || !may_ask(staff)) {
        return false;
    }
    begin_ask(staff, ask, BIT(number), timeout_ms);
    put_question(staff, name, ask->number, order);
    own_channel_send(&staff->own);
    return true;
}

/* Only one is asked. */
void staff_hurry(struct staff_ask *ask)
{
    struct staff *staff = ask->staff;
    int number = 0;

    while (number < STAFF_PEERS_MAX && !(ask->awaited & BIT(number))) {
        number++;
    }
    if (number < STAFF_PEERS_MAX) {
        put_question(staff, staff->peers[number], ask->number, SLICE_EMPTY);
        own_channel_send(&staff->own);
    }
}

size_t staff_answer_max(const struct staff *staff)
{
    return staff->packet_max - PACKET_MARGIN - 2 * STAFF_NAME_MAX;
}

static void take_answer(struct staff *staff, uint32_t number, int from, struct slice answer)
{
    LIST_FOREACH (link, &staff->asks) {
        struct staff_ask *ask = CONTAINER_OF(link, struct staff_ask, link);
        if (ask->number == number && (ask->awaited & BIT(from))) {
            ask->answered(ask, answer);
            ask->awaited &= ~BIT(from);
            if (ask->awaited == 0) {
                end_ask(ask, true);
            }
            return;
        }
    }
}

void staff_answer(struct staff *staff, const struct staff_asker *asker, struct slice answer)
{
    struct staff_answer whole = {
        .number = asker->number, .name = slice_from_string(staff->name), .bytes = answer};
    struct buffer body = {0};
    size_t at = 0;

    if (strcmp(asker->name, staff->name) == 0) {
        take_answer(staff, asker->number, SELF, answer);
        return;
    }
    do {
        body.length = 0;
        staff_answer_append(&body, &whole, staff_answer_max(staff), &at);
        write_publish(&staff->gateway->packet,
                      &(struct publication){
                          .topic = topic_of(staff, INTERNAL_ANSWER, asker->name),
                          .data.bytes = buffer_slice(&body),
                          .is_plain = true,
                      });
    } while (at < answer.length);
    own_channel_send(&staff->own);
    buffer_release(&body);
}

/* ---------------------------------------------------------------- the others */

static bool name_is_valid(struct slice name)
{
    return name.length > 0 && name.length <= STAFF_NAME_MAX &&
           !memchr(name.data, '\0', name.length);
}

static void add_peer(struct staff *staff, struct slice name)
{
    int number = find_peer(staff, SLICE_EMPTY);

    if (find_peer(staff, name) >= 0) {
        return;
    }
    if (number < 0) {
        LOG_LIMITED(LOG_WARNING, "too many bridge processes", "known=%d", STAFF_PEERS_MAX);
        return;
    }
    memcpy(staff->peers[number], name.data, name.length);
    staff->peers[number][name.length] = '\0';
    if (staff->is_ready) {
        tell_changed(staff);
    }
}

static void no_answer(struct staff_ask *ask, struct slice answer)
{
    (void)ask, (void)answer;
}

static void no_end(struct staff_ask *ask, bool complete)
{
    (void)ask, (void)complete; /* on_timeout() has done what there is to do */
}

/* Our own birth comes back behind those that were there before. */
static void be_ready(struct staff *staff)
{
    uint64_t peers = all_peers(staff);

    staff->is_ready = true;
    if (peers != 0) {
        begin_ask(staff, &staff->life_sign, peers, LIFE_SIGN_MS);
        put_question(staff, NULL, staff->life_sign.number, SLICE_EMPTY);
        own_channel_send(&staff->own);
    }
    tell_changed(staff);
}

/* `is_stored`: the broker has kept it, and a broker that crashes keeps ours of before and those of
 * others who are gone, in any order. */
static void take_birth(struct staff *staff, struct slice name, bool lives, bool is_stored)
{
    bool is_own = slice_equal(name, slice_from_string(staff->name));
    int number = find_peer(staff, name);

    if (is_own && !lives) { /* somebody thought otherwise */
        put_birth(staff, staff->name, true);
        own_channel_send(&staff->own);
    } else if (is_own) {
        if (!staff->is_ready && !is_stored) {
            be_ready(staff);
        }
    } else if (lives) {
        add_peer(staff, name);
    } else if (number >= 0) {
        lose_peer(staff, number);
    }
}

/* ---------------------------------------------------------------- what comes */

static bool take_asker(const struct properties *properties, struct staff_asker *out)
{
    struct internal_topic topic;
    struct reader reader;

    if (!properties_have(properties, PROPERTY_RESPONSE_TOPIC) ||
        !properties_have(properties, PROPERTY_CORRELATION_DATA) ||
        !internal_topic_parse(properties->response_topic, &topic) ||
        topic.kind != INTERNAL_ANSWER || !name_is_valid(topic.connection_id)) {
        return false;
    }
    reader = reader_make(properties->correlation_data);
    out->number = reader_u32(&reader);
    memcpy(out->name, topic.connection_id.data, topic.connection_id.length);
    out->name[topic.connection_id.length] = '\0';
    return !reader.failed;
}

static void hear_question(struct staff *staff, const struct fanout *fanout)
{
    struct slice question = fanout->publish.publish.payload;
    struct staff_asker asker = {.number = 0};

    if (!take_asker(&fanout->publish.properties, &asker) || strcmp(asker.name, staff->name) == 0) {
        return;
    }
    add_peer(staff, slice_from_string(asker.name)); /* it lives, so it will be asked, too */
    take_question(staff, &asker, question);
}

static void hear_order(struct staff *staff, const struct fanout *fanout)
{
    const struct order_taker *taker = staff->gateway->order_taker;
    struct slice order = fanout->publish.publish.payload;
    struct staff_asker asker = {.number = 0};

    if (!taker || !take_asker(&fanout->publish.properties, &asker)) {
        return;
    }
    if (order.length > 0) {
        taker->take(taker->context, &asker, order);
    } else {
        taker->forget(taker->context, &asker);
    }
}

static void hear_answer(struct staff *staff, struct slice body)
{
    struct staff_answer answer;
    struct slice whole;
    int from = staff_answer_parse(body, &answer) ? find_peer(staff, answer.name) : -1;

    if (from >= 0 && staff_pieces_take(&staff->pieces[from], &answer, &whole)) {
        take_answer(staff, answer.number, from, whole);
        staff_pieces_release(&staff->pieces[from]);
    }
}

static void on_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    struct staff *staff = staff_of(own);
    struct internal_topic topic;

    (void)sequence; /* QoS 0 */
    if (fanout->is_valid && internal_topic_parse(fanout->publish.publish.topic, &topic)) {
        struct slice payload = fanout->publish.publish.payload;
        if (topic.kind == INTERNAL_ASK) {
            hear_question(staff, fanout);
        } else if (topic.kind == INTERNAL_ORDER) {
            hear_order(staff, fanout);
        } else if (topic.kind == INTERNAL_ANSWER) {
            hear_answer(staff, payload);
        } else if (topic.kind == INTERNAL_STAFF_UP && name_is_valid(topic.connection_id)) {
            take_birth(staff, topic.connection_id, payload.length > 0,
                       fanout->publish.publish.retain);
        }
    }
}

static void subscribe(struct staff *staff)
{
    struct subscription_options options = {.qos = QOS_0};
    struct buffer filters = {0};

    write_filter(&filters, topic_of(staff, INTERNAL_ASK, ""), &options);
    write_filter(&filters, topic_of(staff, INTERNAL_ANSWER, staff->name), &options);
    write_filter(&filters, topic_of(staff, INTERNAL_ORDER, staff->name), &options);
    write_filter(&filters, topic_of(staff, INTERNAL_STAFF_UP, "+"), &options);
    write_subscribe(&staff->gateway->packet, SUBSCRIBE_ID, buffer_slice(&filters));
    put_birth(staff, staff->name, true);
    own_channel_send(&staff->own);
    buffer_release(&filters);
}

static void on_connected(struct own_channel *own, const struct packet *connack)
{
    struct staff *staff = staff_of(own);

    staff->packet_max = properties_have(&connack->properties, PROPERTY_MAXIMUM_PACKET_SIZE)
                            ? connack->properties.maximum_packet_size
                            : PACKET_SIZE_MAX;
    subscribe(staff);
}

static void on_packet(struct own_channel *own, const struct packet *packet)
{
    struct staff *staff = staff_of(own);
    struct staff_sent *sent;

    if (packet->type == PACKET_PUBACK && (sent = find_sent(staff, packet->ack.packet_id))) {
        acknowledged(staff, sent, packet->ack.reason);
    }
}

/* Nobody gets an answer any more. */
static void on_ended(struct own_channel *own)
{
    struct staff *staff = staff_of(own);

    staff->is_ready = false;
    memset(staff->peers, 0, sizeof(staff->peers));
    for (int number = 0; number < STAFF_PEERS_MAX; number++) {
        staff_pieces_release(&staff->pieces[number]);
    }
    while (!list_is_empty(&staff->sent)) {
        acknowledged(staff, CONTAINER_OF(staff->sent.next, struct staff_sent, link),
                     REASON_SERVER_UNAVAILABLE);
    }
    while (!list_is_empty(&staff->asks)) {
        end_ask(CONTAINER_OF(staff->asks.next, struct staff_ask, link), false);
    }
}

/* The broker stops, then all is lost next; or it did not like what was sent. */
static void on_closed(struct own_channel *own, uint8_t reason)
{
    (void)own;
    log_write(LOG_WARNING, "the staff's connection was ended", "reason=\"%s\"",
              reason_text(reason));
}

static void connect_again(struct own_channel *own)
{
    staff_connect(staff_of(own));
}

static const struct own_channel_events events = {
    .connected = on_connected,
    .packet = on_packet,
    .publish = on_publish,
    .ended = on_ended,
    .closed = on_closed,
    .again = connect_again,
};

/* ---------------------------------------------------------------- making and ending */

struct staff *staff_new(struct gateway *gateway)
{
    struct staff *staff = memory_allocate_zero(sizeof(*staff));
    uint8_t random[RANDOM_BYTES];
    struct buffer name = {0};

    staff->gateway = gateway;
    own_channel_init(&staff->own, gateway, &events);
    staff->next_packet_id = FIRST_ID;
    staff->life_sign.answered = no_answer;
    staff->life_sign.done = no_end;
    list_init(&staff->sent);
    list_init(&staff->asks);
    gateway->random(random, sizeof(random));
    buffer_append_format(&name, "%u-", gateway->index);
    for (size_t i = 0; i < sizeof(random); i++) {
        buffer_append_format(&name, "%02x", random[i]);
    }
    assert(name.length <= STAFF_NAME_MAX);
    memcpy(staff->name, name.data, name.length);
    buffer_release(&name);
    return staff;
}

void staff_free(struct staff *staff)
{
    own_channel_close(&staff->own);
    on_ended(&staff->own);
    free(staff);
}

void staff_connect(struct staff *staff)
{
    own_channel_connect(&staff->own, "staff", staff->name,
                        (struct connect_request){
                            .clean_start = true,
                            .will_is_retained = true,
                            .will_topic = topic_of(staff, INTERNAL_STAFF_UP, staff->name),
                        });
}
