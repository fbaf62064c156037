/* Events about MQTT clients: what each says (spec/eventgrid.md 2.3), and that its id goes with it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "eventgrid/client_event.h"
#include "json/json.h"

/* Without the id, which is checked to be one. */
static void check_event(const struct buffer *out, const char *expected)
{
    struct json_value value;

    CHECK(json_parse(buffer_slice(out), &value));
    CHECK(slice_starts_with(buffer_slice(out), SLICE_LITERAL("{\"id\":\"")));
    CHECK(out->length > 45);
    CHECK_SLICE_EQUAL(slice_from(buffer_slice(out), 45), slice_from_string(expected));
}

static const struct client_session_change connected = {
    .authentication_name = SLICE_LITERAL("client1"),
    .session = SLICE_LITERAL("session1"),
    .number = 1,
    .time_ms = 1000,
};

TEST(a_session_connected)
{
    struct buffer out = {0};

    client_session_event_append(&out, SLICE_LITERAL("ns"), &connected);
    check_event(&out, "\"eventType\":\"Microsoft.EventGrid.MQTTClientSessionConnected\","
                      "\"subject\":\"clients/client1/sessions/session1\","
                      "\"eventTime\":\"1970-01-01T00:00:01.000Z\",\"dataVersion\":\"1\",\"data\":{"
                      "\"namespaceName\":\"ns\",\"clientAuthenticationName\":\"client1\","
                      "\"clientSessionName\":\"session1\",\"sequenceNumber\":1}}");
    buffer_release(&out);
}

TEST(a_session_disconnected)
{
    struct client_session_change change = connected;
    struct buffer out = {0};

    change.reason = SLICE_LITERAL("SessionTakenOver");
    change.session = SLICE_LITERAL("a\"b");
    client_session_event_append(&out, SLICE_LITERAL("ns"), &change);
    check_event(&out, "\"eventType\":\"Microsoft.EventGrid.MQTTClientSessionDisconnected\","
                      "\"subject\":\"clients/client1/sessions/a\\\"b\","
                      "\"eventTime\":\"1970-01-01T00:00:01.000Z\",\"dataVersion\":\"1\",\"data\":{"
                      "\"namespaceName\":\"ns\",\"clientAuthenticationName\":\"client1\","
                      "\"clientSessionName\":\"a\\\"b\",\"sequenceNumber\":1,"
                      "\"disconnectionReason\":\"SessionTakenOver\"}}");
    buffer_release(&out);
}

TEST(a_client_resource)
{
    struct client_change change = {.name = SLICE_LITERAL("c"),
                                   .authentication_name = SLICE_LITERAL("C@x"),
                                   .is_enabled = true,
                                   .attributes = SLICE_LITERAL("{\"a\":[\"b\"]}")};
    struct buffer out = {0};

    client_event_append(&out, SLICE_LITERAL("ns"), &change, 2000);
    check_event(&out,
                "\"eventType\":\"Microsoft.EventGrid.MQTTClientCreatedOrUpdated\","
                "\"subject\":\"clients/c\",\"eventTime\":\"1970-01-01T00:00:02.000Z\","
                "\"dataVersion\":\"1\",\"data\":{\"namespaceName\":\"ns\",\"clientName\":\"c\","
                "\"clientAuthenticationName\":\"C@x\","
                "\"createdOn\":\"1970-01-01T00:00:02.000Z\","
                "\"updatedOn\":\"1970-01-01T00:00:02.000Z\",\"state\":\"Enabled\","
                "\"attributes\":{\"a\":[\"b\"]}}}");
    out.length = 0;
    change.created_ms = 1000;
    client_event_append(&out, SLICE_LITERAL("ns"), &change, 2000);
    CHECK(memmem(out.data, out.length,
                 "\"createdOn\":\"1970-01-01T00:00:01.000Z\","
                 "\"updatedOn\":\"1970-01-01T00:00:02.000Z\"",
                 77));
    out.length = 0;
    change.is_deleted = true;
    client_event_append(&out, SLICE_LITERAL("ns"), &change, 2000);
    check_event(&out,
                "\"eventType\":\"Microsoft.EventGrid.MQTTClientDeleted\","
                "\"subject\":\"clients/c\",\"eventTime\":\"1970-01-01T00:00:02.000Z\","
                "\"dataVersion\":\"1\",\"data\":{\"namespaceName\":\"ns\",\"clientName\":\"c\","
                "\"clientAuthenticationName\":\"C@x\"}}");
    buffer_release(&out);
}

TEST(the_same_event_has_the_same_id)
{
    struct client_session_change other = connected;
    struct buffer a = {0}, b = {0};

    client_session_event_append(&a, SLICE_LITERAL("ns"), &connected);
    client_session_event_append(&b, SLICE_LITERAL("ns"), &connected);
    CHECK_SLICE_EQUAL(buffer_slice(&a), buffer_slice(&b));
    other.number = 2;
    b.length = 0;
    client_session_event_append(&b, SLICE_LITERAL("ns"), &other);
    CHECK(memcmp(a.data, b.data, 44) != 0);
    buffer_release(&a);
    buffer_release(&b);
}
