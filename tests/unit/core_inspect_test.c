/* Questions to the broker about its sessions (core/inspect.h), which those ask who are trusted.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "durable_check.h"

#include "core/identity.h"
#include "mqtt/user_property.h"

static struct durable_client *connect_console(struct durable_world *world)
{
    struct durable_client *client = durable_connect_as(world, identity_new_trusted(SLICE_EMPTY),
                                                       "$wps//console", false, 0, NULL);

    durable_subscribe(client, "answers", 0, 0);
    return client;
}

static void ask(struct durable_client *client, const char *topic, const char *name,
                const char *value)
{
    struct buffer properties = {0};

    write_user_property(&properties, name, slice_from_string(value));
    durable_send(client, &(struct packet){
                             .type = PACKET_PUBLISH,
                             .publish = {.topic = slice_from_string(topic)},
                             .properties = {.present = PROPERTY_BIT(RESPONSE_TOPIC) |
                                                       PROPERTY_BIT(USER_PROPERTY),
                                            .response_topic = SLICE_LITERAL("answers"),
                                            .raw = buffer_slice(&properties)},
                         });
    buffer_release(&properties);
}

/* Is that in the answer? Empty: there is no answer. */
static void expect(struct durable_client *client, const char *part)
{
    struct buffer payload = {0};
    uint8_t first;
    uint16_t packet_id;

    do {
        payload.length = 0;
        if (!durable_receive(client, &first, &packet_id, &payload)) {
            CHECK_STRING_EQUAL(part, "");
            buffer_release(&payload);
            return;
        }
    } while (first >> 4 != PACKET_PUBLISH);
    test_note("%.*s", SLICE_PRINT(payload));
    CHECK(part[0] && memmem(payload.data, payload.length, part, strlen(part)));
    buffer_release(&payload);
}

TEST(sessions_are_found_by_a_part_of_their_names)
{
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 2, 0);
    struct durable_client *console = connect_console(&world);
    struct durable_client *phone = durable_connect(&world, "phone-1", false, 0, NULL);
    ask(console, "$wps//inspect/sessions", "contains", "one-");
    expect(console, "\"clientId\":\"phone-1\",\"userName\":\"\"");
    ask(console, "$wps//inspect/sessions", "contains", "elsewhere");
    expect(console, "{\"sessions\":[]}");
    ask(phone, "$wps//inspect/sessions", "contains", "");
    expect(console, "");
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(messages_that_wait_for_a_topic_are_counted_on_all_shards)
{
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 2, 0);
    struct durable_client *console = connect_console(&world);
    for (uint16_t i = 0; i < 8; i++) {
        char name[] = "sensor-0";
        name[7] = (char)('0' + i);
        struct durable_client *sensor = durable_connect(&world, name, false, 0, NULL);
        durable_publish(sensor, i == 0 ? "$delayed/100/elsewhere" : "$delayed/100/later", "x",
                        QOS_1, 1, false);
    }
    ask(console, "$wps//inspect/delayed", "topic", "later");
    expect(console, "{\"delayed\":7}");
    durable_stop(&world);
    start(&world, 2, world.now);
    console = connect_console(&world);
    ask(console, "$wps//inspect/delayed", "topic", "later");
    expect(console, "{\"delayed\":7}");
    durable_advance(&world, 101 * 1000);
    ask(console, "$wps//inspect/delayed", "topic", "later");
    expect(console, "{\"delayed\":0}");
    durable_stop(&world);
    durable_world_release(&world);
}
