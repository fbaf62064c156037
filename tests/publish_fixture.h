/* A publish request as a test writes it: what differs from an ordinary one, and what it has come
 * to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_PUBLISH_FIXTURE_H
#define PUBGRID_TESTS_PUBLISH_FIXTURE_H

#include <stdlib.h>

#include "base/memory.h"
#include "eventgrid/publish.h"
#include "eventgrid/render.h"
#include "test.h"

#define TOPIC_ID                                                                                   \
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/pubgrid/providers/"        \
    "Microsoft.EventGrid/topics/orders"
#define DOMAIN_ID                                                                                  \
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/pubgrid/providers/"        \
    "Microsoft.EventGrid/domains/shop"
#define MADE_ID "00000000-0000-4000-8000-000000000000"
#define NOW_MS  INT64_C(1736086029000) /* 2025-01-05T14:07:09Z */

enum { FIXTURE_ATTRIBUTES_MAX = 10 };

/* What a test asks for; what it leaves out is ordinary: EventGrid schema, a custom topic, HTTP. */
struct ask {
    enum event_schema schema;
    const struct schema_mapping *mapping;
    const char *body;
    struct slice bytes; /* instead */
    const char *content_type;
    struct pair attributes[FIXTURE_ATTRIBUTES_MAX];
    enum source_kind kind;
    const char *domain_topic;
    bool is_mqtt;
};

/* One at a time. */
static struct {
    struct publish_scratch scratch;
    const struct event *events;
    size_t count;
    struct publish_error error;
    uint8_t *body; /* a copy of its own, so that a read too far is seen */
} published;

static inline struct slice text_of(const char *text)
{
    return text ? slice_from_string(text) : SLICE_EMPTY;
}

static inline struct pair pair(const char *key, const char *value)
{
    return (struct pair){slice_from_string(key), slice_from_string(value)};
}

static void zeros(void *out, size_t length)
{
    memset(out, 0, length);
}

static inline bool publish_ask(const struct ask *ask)
{
    struct topic_properties topic = {.kind = ask->kind, .schema = ask->schema};
    struct slice body = ask->body ? slice_from_string(ask->body) : ask->bytes;
    size_t count = 0;

    if (ask->mapping) {
        topic.mapping = *ask->mapping;
    }
    while (count < FIXTURE_ATTRIBUTES_MAX && ask->attributes[count].key.data) {
        count++;
    }
    free(published.body);
    published.body = memory_allocate(body.length + 1);
    memcpy(published.body, body.length > 0 ? body.data : (const uint8_t *)"", body.length);
    published.body = memory_resize(published.body, body.length > 0 ? body.length : 1);
    struct publish_request request = {
        .topic = &topic,
        .topic_id = ask->kind == SOURCE_DOMAIN ? SLICE_LITERAL(DOMAIN_ID) : SLICE_LITERAL(TOPIC_ID),
        .domain_topic = text_of(ask->domain_topic),
        .content_type = text_of(ask->content_type),
        .attributes = {ask->attributes, count},
        .is_mqtt = ask->is_mqtt,
        .body = slice_make(published.body, body.length),
        .now_ms = NOW_MS,
        .random = zeros,
    };
    return publish_parse(&request, &published.scratch, &published.events, &published.count,
                         &published.error);
}

/* 0: there are events. */
#define PUBLISH(...) (publish_ask(&(struct ask){__VA_ARGS__}) ? 0 : published.error.status)

static inline void published_release(void)
{
    publish_scratch_release(&published.scratch);
    free(published.body);
    published.body = NULL;
}

/* The event's JSON in a schema; valid until the next call. */
static inline struct slice rendered(size_t number, enum event_schema as, bool with_data_schema)
{
    static struct buffer out;
    struct json_value value;

    out.length = 0;
    CHECK(number < published.count);
    event_render(&out, &published.events[number], as, with_data_schema);
    CHECK(json_parse(buffer_slice(&out), &value) && value.type == JSON_OBJECT);
    return buffer_slice(&out);
}

#define CHECK_RENDERED(number, as, expected)                                                       \
    CHECK_SLICE_EQUAL(rendered(number, as, true), slice_from_string(expected))

/* The error's sentence must contain the text. */
static inline bool error_says(const char *text)
{
    struct slice message = published.error.message, wanted = slice_from_string(text);

    for (size_t i = 0; i + wanted.length <= message.length; i++) {
        if (slice_starts_with(slice_from(message, i), wanted)) {
            return true;
        }
    }
    printf("# it says: %.*s\n", SLICE_PRINT(message));
    return false;
}

#endif
