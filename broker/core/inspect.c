/* Answers of the broker about its sessions: see inspect.h. An inspection is a mail that goes to the
 * shard that owns the session, or from shard to shard, and gathers what it finds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/inspect.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/timestamp.h"
#include "core/delayed.h"
#include "core/retained.h"
#include "core/router.h"
#include "mqtt/placement.h"
#include "mqtt/topic.h"
#include "json/json.h"

enum {
    SLOTS_A_TURN = 2000,
    LOOKS_A_TURN = 2000, /* at nodes of the tree of retained messages */
    LIMIT_DEFAULT = 100,
    LIMIT_MAX = 500,
    ANSWER_BYTES = 256 * 1024, /* a page ends beyond */
    FILTERS_MAX = 1000,        /* shown of a session */
};

static const struct slice question_prefix = {(const uint8_t *)"$wps//inspect/", 14};

struct question {
    const char *name;
    void (*run)(struct mail *mail, void *receiver);
    /* Of a question about the session `clientId`; NULL: there is none. Appends the answer. */
    void (*about)(struct session *session, struct buffer *out);
};

struct inspection {
    struct mail mail;
    const struct question *question;
    struct buffer response_topic, properties; /* of the answer */
    struct buffer contains, client, filter;   /* parameters */
    struct buffer topic;
    struct buffer after; /* a topic */
    bool all;            /* those of bridges, too */
    unsigned limit;
    struct buffer answer;
    /* Of a list, or a sum: where it is, and how many there were. */
    unsigned shard, count;
    uint32_t slot;
};

static void inspection_free(struct inspection *inspection)
{
    buffer_release(&inspection->response_topic);
    buffer_release(&inspection->properties);
    buffer_release(&inspection->contains);
    buffer_release(&inspection->client);
    buffer_release(&inspection->filter);
    buffer_release(&inspection->topic);
    buffer_release(&inspection->after);
    buffer_release(&inspection->answer);
    free(inspection);
}

/* Ends the inspection. */
static void answer(struct shard *shard, struct inspection *inspection)
{
    struct message *message = message_new(&(struct message_parts){
        .topic = buffer_slice(&inspection->response_topic),
        .payload = buffer_slice(&inspection->answer),
        .properties = buffer_slice(&inspection->properties),
        .forwards_all = true,
        .expires_at = MSEC_NEVER,
        .publisher = SESSION_REF_NONE,
        .qos = QOS_0,
    });

    router_publish_volatile(shard, message);
    message_release(message);
    inspection_free(inspection);
}

/* --- what is said of a session --- */

static void append_text(struct buffer *out, const char *name, struct slice text)
{
    buffer_append_format(out, ",\"%s\":", name);
    json_append_string(out, text);
}

static void append_expiry(struct buffer *out, const struct session *session)
{
    if (session->expiry_interval == SESSION_NEVER_EXPIRES) {
        buffer_append_string(out, ",\"expiryInterval\":null");
    } else {
        buffer_append_format(out, ",\"expiryInterval\":%u", session->expiry_interval);
    }
}

static void append_connection(struct buffer *out, const struct connection *connection)
{
    append_text(out, "peer", slice_from_string(connection_origin(connection).peer_address));
    buffer_append_format(out, ",\"keepAlive\":%u", connection->keep_alive);
}

/* Members, without the braces. */
static void append_session(struct buffer *out, const struct session *session)
{
    buffer_append_string(out, "\"clientId\":");
    json_append_string(out, session_client_identifier(session));
    append_text(out, "userName", session->identity->user_name);
    buffer_append_format(out, ",\"protocolVersion\":%u,\"isConnected\":%s,\"isDurable\":%s",
                         session->version, session->connection ? "true" : "false",
                         session_is_durable(session) ? "true" : "false");
    buffer_append_format(out, ",\"subscriptions\":%u,\"waiting\":%u,\"waitingBytes\":%llu",
                         session->subscriptions.count, session->queue.count,
                         (unsigned long long)session->queue.bytes);
    buffer_append_format(out, ",\"unacknowledged\":%u", session->unacknowledged);
    append_expiry(out, session);
    if (session->connection) {
        append_connection(out, session->connection);
    }
}

static void append_filters(struct buffer *out, const struct session *session)
{
    const struct map_node *node = NULL;
    unsigned count = 0;

    buffer_append_string(out, ",\"filters\":[");
    while (count < FILTERS_MAX && (node = map_next(&session->subscriptions, node))) {
        const struct session_subscription *subscription = CONTAINER_OF(
            (struct map_node *)(uintptr_t)node, struct session_subscription, by_filter);
        buffer_append_string(out, count++ > 0 ? ",{\"filter\":" : "{\"filter\":");
        json_append_string(out, slice_make(subscription->filter, subscription->filter_length));
        buffer_append_format(out, ",\"qos\":%u}", subscription->qos);
    }
    buffer_append_byte(out, ']');
}

/* --- a list --- */

static bool text_contains(struct slice text, struct slice part)
{
    return part.length == 0 || (text.length >= part.length &&
                                memmem(text.data, text.length, part.data, part.length) != NULL);
}

static bool is_listed(const struct inspection *inspection, const struct session *session)
{
    struct slice part = buffer_slice(&inspection->contains);

    return (inspection->all || !session->is_bridge) &&
           (text_contains(session_client_identifier(session), part) ||
            text_contains(session->identity->user_name, part));
}

static bool is_full(const struct inspection *inspection)
{
    return inspection->count >= inspection->limit || inspection->answer.length >= ANSWER_BYTES;
}

/* A piece of this shard's table. */
static void look_at_slots(const struct shard *shard, struct inspection *inspection)
{
    for (unsigned i = 0; i < SLOTS_A_TURN && !is_full(inspection); i++) {
        const struct session *session;
        if (inspection->slot >= shard->slot_count) {
            inspection->shard++;
            inspection->slot = 0;
            return;
        }
        session = shard->slots[inspection->slot++].session;
        if (session && is_listed(inspection, session)) {
            buffer_append_string(&inspection->answer, inspection->count++ > 0 ? ",{" : "{");
            append_session(&inspection->answer, session);
            buffer_append_byte(&inspection->answer, '}');
        }
    }
}

static void list_sessions(struct mail *mail, void *receiver)
{
    struct inspection *inspection = CONTAINER_OF(mail, struct inspection, mail);
    struct shard *shard = receiver;

    if (!shard) {
        inspection_free(inspection);
        return;
    }
    if (inspection->answer.length == 0) {
        buffer_append_string(&inspection->answer, "{\"sessions\":[");
    }
    look_at_slots(shard, inspection);
    if (inspection->shard < shard->broker->shard_count && !is_full(inspection)) {
        shard_post(shard, inspection->shard, &inspection->mail);
        return;
    }
    buffer_append_byte(&inspection->answer, ']');
    if (inspection->shard < shard->broker->shard_count) {
        buffer_append_format(&inspection->answer, ",\"after\":\"%u.%u\"", inspection->shard,
                             inspection->slot);
    }
    buffer_append_byte(&inspection->answer, '}');
    answer(shard, inspection);
}

/* --- one session, on the shard that owns it --- */

static void show_session(struct session *session, struct buffer *out)
{
    if (session) {
        buffer_append_string(out, "{\"session\":{");
        append_session(out, session);
        append_filters(out, session);
        buffer_append_string(out, "}}");
    } else {
        buffer_append_string(out, "{\"session\":null}");
    }
}

static void close_connection(struct session *session, struct buffer *out)
{
    bool is_connected = session && session->connection;

    if (is_connected) {
        connection_close(session->connection, REASON_ADMINISTRATIVE_ACTION, NULL);
    }
    buffer_append_format(out, "{\"closed\":%s}", is_connected ? "true" : "false");
}

/* One that ends with its connection is gone when that is. */
static void end_session(struct session *session, struct buffer *out)
{
    if (session && session->connection) {
        session_set_expiry(session, 0);
        connection_close(session->connection, REASON_ADMINISTRATIVE_ACTION, NULL);
    } else if (session) {
        session_end(session);
    }
    buffer_append_format(out, "{\"ended\":%s}", session ? "true" : "false");
}

static void look_at_session(struct mail *mail, void *receiver)
{
    struct inspection *inspection = CONTAINER_OF(mail, struct inspection, mail);

    if (!receiver) {
        inspection_free(inspection);
        return;
    }
    inspection->question->about(sessions_find(receiver, buffer_slice(&inspection->client)),
                                &inspection->answer);
    answer(receiver, inspection);
}

/* --- retained messages --- */

static void append_retained(struct buffer *out, const struct retained_item *item)
{
    const struct message *message = item->message;

    buffer_append_string(out, "{\"topic\":");
    json_append_string(out, message_topic(message));
    buffer_append_format(out, ",\"qos\":%u,\"size\":%zu,\"modified\":", message->qos,
                         message_payload(message).length);
    if (item->modified_at > 0) {
        buffer_append_byte(out, '"');
        timestamp_append(out, item->modified_at);
        buffer_append_byte(out, '"');
    } else {
        buffer_append_string(out, "null");
    }
    buffer_append_byte(out, '}');
}

static void list_retained(struct mail *mail, void *receiver)
{
    struct inspection *inspection = CONTAINER_OF(mail, struct inspection, mail);
    struct buffer *out = &inspection->answer;
    struct shard *shard = receiver;
    struct retained_page page;

    if (!shard) {
        inspection_free(inspection);
        return;
    }
    retained_read(shard->broker->retained,
                  &(struct retained_question){.filter = buffer_slice(&inspection->filter),
                                              .behind = buffer_slice(&inspection->after),
                                              .now = shard->now,
                                              .most = inspection->limit < RETAINED_PAGE_MAX
                                                          ? inspection->limit
                                                          : RETAINED_PAGE_MAX,
                                              .looks = LOOKS_A_TURN},
                  &page);
    buffer_append_string(out, "{\"retained\":[");
    for (size_t i = 0; i < page.count; i++) {
        buffer_append_string(out, i > 0 ? "," : "");
        append_retained(out, &page.items[i]);
    }
    buffer_append_byte(out, ']');
    if (page.next.length > 0) {
        append_text(out, "after", buffer_slice(&page.next));
    }
    buffer_append_byte(out, '}');
    retained_page_release(&page);
    answer(shard, inspection);
}

/* --- delayed messages for one topic, on all shards --- */

static void count_delayed(struct mail *mail, void *receiver)
{
    struct inspection *inspection = CONTAINER_OF(mail, struct inspection, mail);
    struct shard *shard = receiver;

    if (!shard) {
        inspection_free(inspection);
        return;
    }
    inspection->count += delayed_count(shard, buffer_slice(&inspection->topic));
    if (++inspection->shard < shard->broker->shard_count) {
        shard_post(shard, inspection->shard, &inspection->mail);
        return;
    }
    buffer_append_format(&inspection->answer, "{\"delayed\":%u}", inspection->count);
    answer(shard, inspection);
}

/* --- questions --- */

static const struct question questions[] = {
    {"sessions", list_sessions, NULL},          {"retained", list_retained, NULL},
    {"session", look_at_session, show_session}, {"close", look_at_session, close_connection},
    {"end", look_at_session, end_session},      {"delayed", count_delayed, NULL},
};

static const struct question *find_question(struct slice name)
{
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        if (slice_equal(name, slice_from_string(questions[i].name))) {
            return &questions[i];
        }
    }
    return NULL;
}

static uint32_t number_of(struct slice text)
{
    uint64_t number = 0;

    for (size_t i = 0; i < text.length && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        number = number * 10 + (text.data[i] - '0');
        number = number < UINT32_MAX ? number : UINT32_MAX;
    }
    return (uint32_t)number;
}

/* "shard.slot" of a list of sessions, a topic of one of retained messages. */
static void set_place(struct inspection *inspection, struct slice after)
{
    if (inspection->question->run == list_retained) {
        buffer_append(&inspection->after, after);
    }
    if (inspection->question->run != list_sessions) {
        return;
    }
    const uint8_t *dot = after.length > 0 ? memchr(after.data, '.', after.length) : NULL;

    inspection->shard = number_of(after);
    inspection->slot = dot ? number_of(slice_from(after, (size_t)(dot + 1 - after.data))) : 0;
}

static void set_parameter(struct inspection *inspection, struct slice name, struct slice value)
{
    if (slice_equal(name, SLICE_LITERAL("contains"))) {
        buffer_append(&inspection->contains, value);
    } else if (slice_equal(name, SLICE_LITERAL("clientId"))) {
        buffer_append(&inspection->client, value);
    } else if (slice_equal(name, SLICE_LITERAL("filter"))) {
        buffer_append(&inspection->filter, value);
    } else if (slice_equal(name, SLICE_LITERAL("topic"))) {
        buffer_append(&inspection->topic, value);
    } else if (slice_equal(name, SLICE_LITERAL("after"))) {
        set_place(inspection, value);
    } else if (slice_equal(name, SLICE_LITERAL("all"))) {
        inspection->all = true;
    } else if (slice_equal(name, SLICE_LITERAL("limit"))) {
        uint32_t limit = number_of(value);
        inspection->limit = limit < 1 ? 1 : limit > LIMIT_MAX ? LIMIT_MAX : limit;
    }
}

static void read_parameters(struct inspection *inspection, struct slice raw)
{
    struct property_item item;

    while (properties_next(&raw, &item)) {
        if (item.property == PROPERTY_USER_PROPERTY) {
            set_parameter(inspection, item.name, item.value);
        } else if (item.property == PROPERTY_CORRELATION_DATA) {
            buffer_append(&inspection->properties, item.encoded);
        }
    }
}

static bool has_good_filter(const struct inspection *inspection)
{
    return inspection->question->run != list_retained ||
           topic_filter_is_valid(buffer_slice(&inspection->filter));
}

bool inspect_is_question(const struct session *session, struct slice topic)
{
    return session->identity->trusted && slice_starts_with(topic, question_prefix);
}

void inspect_ask(struct session *session, const struct packet *packet, struct slice topic)
{
    struct shard *shard = session->shard;
    const struct properties *properties = &packet->properties;
    const struct question *question = find_question(slice_from(topic, question_prefix.length));
    struct inspection *inspection;
    unsigned target;

    if (!question || !properties_have(properties, PROPERTY_RESPONSE_TOPIC)) {
        return;
    }
    inspection = memory_allocate_zero(sizeof(*inspection));
    inspection->question = question;
    inspection->mail.run = question->run;
    inspection->limit = LIMIT_DEFAULT;
    buffer_append(&inspection->response_topic, properties->response_topic);
    read_parameters(inspection, properties->raw);
    target = question->about
                 ? placement_of(buffer_slice(&inspection->client), shard->broker->shard_count)
                 : inspection->shard;
    if (target < shard->broker->shard_count && has_good_filter(inspection)) {
        shard_post(shard, target, &inspection->mail);
    } else {
        inspection_free(inspection);
    }
}
