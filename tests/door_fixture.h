/* The door of one process before the small broker of bridge_broker.h, with a catalog that nobody
 * listens to; what publishers are answered, and what waits on the queues.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_DOOR_FIXTURE_H
#define PUBGRID_TESTS_DOOR_FIXTURE_H

#include "base/memory.h"
#include "client/gateway.h"
#include "dispatch/catalog.h"
#include "dispatch/door.h"
#include "dispatch/grid.h"
#include "dispatch/queue_name.h"
#include "support/bridge_broker.h"
#include "test.h"

#define TEST_KEY "a2V5"
#define GRID_EVENT(id)                                                                             \
    "{\"id\":\"" id "\",\"subject\":\"s\",\"eventType\":\"t\","                                    \
    "\"eventTime\":\"2025-01-05T14:07:09Z\",\"data\":{\"n\":1},\"dataVersion\":\"1\"}"
#define TO_MQTT(topic)                                                                             \
    "\"destination\":{\"endpointType\":\"MqttTopic\",\"properties\":{\"topic\":\"" topic "\"}}"

struct door_world {
    struct broker *broker;
    struct grid grid;
};

/* An answer that is waited for. */
struct asker {
    struct grid_reply reply;
    int status; /* 0: none yet */
    struct buffer headers, body;
    const char *content_type;
};

/* ---------------------------------------------------------------- the catalog */

static void ignore_subscription(void *context, struct catalog_subscription *subscription)
{
    (void)context, (void)subscription;
}

static void ignore_source(void *context, struct catalog_source *source)
{
    (void)context, (void)source;
}

static inline void door_set(struct door_world *world, const char *place, const char *json)
{
    struct buffer error = {0};

    if (!catalog_set_stored(world->grid.catalog, slice_from_string(place), slice_from_string(json),
                            &error)) {
        test_note("%.*s", SLICE_PRINT(error));
        CHECK(false);
    }
    buffer_release(&error);
}

static inline void door_topic(struct door_world *world, const char *key, const char *properties)
{
    struct buffer json = {0};

    buffer_append_format(
        &json, "{\"resource\":{\"properties\":{%s}},\"key1\":\"" TEST_KEY "\",\"key2\":\"eHg=\"}",
        properties);
    buffer_append_byte(&json, '\0');
    door_set(world, key, (const char *)json.data);
    buffer_release(&json);
}

/* A subscription with its session, which is not connected. */
static inline struct broker_session *door_subscribe(struct door_world *world, const char *key,
                                                    const char *name, const char *properties)
{
    struct broker_session *session = world->broker->sessions;
    struct buffer place = {0}, json = {0};

    buffer_append_format(&place, "%s/eventsubscriptions/%s", key, name);
    buffer_append_byte(&place, '\0');
    buffer_append_format(&json, "{\"properties\":{%s}}", properties);
    buffer_append_byte(&json, '\0');
    door_set(world, (const char *)place.data, (const char *)json.data);
    buffer_release(&place);
    buffer_release(&json);
    while (session->id.length > 0) {
        session++;
    }
    CHECK(session < world->broker->sessions + BROKER_SESSIONS);
    queue_name_append(&session->id, slice_from_string(key), slice_from_string(name));
    buffer_append_u16(&session->filters, (uint16_t)session->id.length);
    buffer_append(&session->filters, buffer_slice(&session->id));
    session->expiry = UINT32_MAX;
    return session;
}

/* ---------------------------------------------------------------- making and ending */

static inline void door_start(struct door_world *world)
{
    static const struct catalog_listener nobody = {
        .subscription_changed = ignore_subscription,
        .subscription_removed = ignore_subscription,
        .source_changed = ignore_source,
        .source_removed = ignore_source,
    };

    *world = (struct door_world){.broker = broker_new()};
    world->grid.gateway = &world->broker->bridges[0].gateway;
    world->grid.catalog = catalog_new(&nobody);
    world->grid.door = door_new(&world->grid);
    door_connect(world->grid.door);
    broker_run(world->broker);
}

/* Stored settings have come: there are none. */
static inline void door_complete(struct door_world *world)
{
    catalog_begin(world->grid.catalog);
    catalog_complete(world->grid.catalog);
}

static inline void door_end(struct door_world *world)
{
    door_free(world->grid.door);
    catalog_free(world->grid.catalog);
    broker_free(world->broker);
}

/* ---------------------------------------------------------------- requests */

static void take_answer(struct grid_reply *reply, int status, struct slice headers,
                        const char *content_type, struct slice body)
{
    struct asker *asker = CONTAINER_OF(reply, struct asker, reply);

    CHECK_INT_EQUAL(asker->status, 0);
    CHECK(!reply->call && !reply->abandon);
    asker->status = status;
    asker->content_type = content_type;
    buffer_append(&asker->headers, headers);
    buffer_append(&asker->body, body);
}

/* As it is before it is answered; the request is what differs from a good POST. */
static inline void door_ask(struct door_world *world, struct asker *asker,
                            struct grid_request request)
{
    static const struct pair headers[] = {
        {SLICE_LITERAL("Host"), SLICE_LITERAL("localhost:8080")},
        {SLICE_LITERAL("aeg-sas-key"), SLICE_LITERAL(TEST_KEY)},
        {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json")},
    };
    static const uint8_t loopback[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};

    *asker = (struct asker){.reply.answer = take_answer};
    if (request.headers.count == 0) {
        request.headers = (struct pairs){headers, sizeof(headers) / sizeof(headers[0])};
    }
    if (request.method.length == 0) {
        request.method = SLICE_LITERAL("POST");
    }
    if (!request.is_loopback && request.peer[0] == 0) {
        memcpy(request.peer, loopback, sizeof(loopback));
        request.is_loopback = true;
    }
    door_call(world->grid.door, &request, &asker->reply);
}

static inline void door_post(struct door_world *world, struct asker *asker, const char *target,
                             const char *body)
{
    door_ask(world, asker,
             (struct grid_request){.target = slice_from_string(target),
                                   .body = slice_from_string(body)});
}

static inline void asker_release(struct asker *asker)
{
    buffer_release(&asker->headers);
    buffer_release(&asker->body);
}

static inline bool says(const struct buffer *text, const char *part)
{
    return part[0] == '\0' ||
           (text->length > 0 && memmem(text->data, text->length, part, strlen(part)));
}

/* The answer that has come; it is released. */
static inline void expect_status(struct asker *asker, int status, const char *header,
                                 const char *part)
{
    CHECK_INT_EQUAL(asker->status, status);
    CHECK(says(&asker->headers, header));
    CHECK(says(&asker->body, part));
    CHECK(says(&asker->headers, "api-supported-versions: 2018-01-01\r\nx-ms-request-id: "));
    asker_release(asker);
}

static inline void expect_accepted(struct asker *asker)
{
    CHECK_INT_EQUAL(asker->body.length, 0);
    CHECK(asker->content_type == NULL);
    expect_status(asker, 200, "", "");
}

/* ---------------------------------------------------------------- queues */

/* Takes the next PUBLISH that waits in the session. False: none does. */
static inline bool take_waiting(struct broker_session *session, struct packet *packet,
                                struct buffer *bytes)
{
    struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, true};
    size_t length;

    if (session->waiting.length == 0) {
        return false;
    }
    length = (size_t)session->waiting.data[0] << 8 | session->waiting.data[1];
    bytes->length = 0;
    buffer_append(bytes, slice_make(session->waiting.data + 2, length));
    buffer_consume(&session->waiting, 2 + length);
    CHECK(packet_decode(packet, buffer_slice(bytes), &limits) > 0);
    return true;
}

static inline size_t count_waiting(const struct broker_session *session)
{
    size_t count = 0;

    for (size_t at = 0; at < session->waiting.length; count++) {
        at += 2 + ((size_t)session->waiting.data[at] << 8 | session->waiting.data[at + 1]);
    }
    return count;
}

#endif
