/* What the broker hears of changed settings (broker/hearing.h): what is retained by then counts,
 * the marks come whatever it is about, and what the broker does not follow changes nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "core/message.h"
#include "core/retained.h"
#include "hearing.h"

struct world {
    struct broker broker;
    struct hearing hearing;
    struct namespaces *namespaces;
};

static void world_make(struct world *world)
{
    *world = (struct world){.broker.retained = retained_new(), .namespaces = namespaces_new()};
    CHECK_INT_EQUAL(hearing_init(&world->hearing, &world->broker), 0);
}

static void world_release(struct world *world)
{
    hearing_release(&world->hearing);
    namespaces_free(world->namespaces);
    retained_free(world->broker.retained);
}

/* As a worker routes it; the mark is `mark`. */
static void retain(struct world *world, const char *topic, const char *payload, const char *mark)
{
    struct buffer properties = {0};
    buffer_append_byte(&properties, PROPERTY_CORRELATION_DATA);
    buffer_append_u16(&properties, (uint16_t)strlen(mark));
    buffer_append_string(&properties, mark);
    struct message *message = message_new(&(struct message_parts){
        .topic = slice_from_string(topic),
        .payload = slice_from_string(payload),
        .properties = buffer_slice(&properties),
        .forwards_all = true,
        .expires_at = MSEC_NEVER,
        .publisher = SESSION_REF_NONE,
        .retain = true,
    });
    CHECK(slice_starts_with(message_topic(message), world->broker.watch.prefix));
    retained_set(world->broker.retained, message, 1);
    world->broker.watch.changed(world->broker.watch.context, message);
    message_release(message);
    buffer_release(&properties);
}

static void expect(struct world *world, bool has_changed, const char *marks)
{
    struct buffer got = {0};
    CHECK_INT_EQUAL(hearing_take(&world->hearing, world->namespaces, &got), has_changed);
    CHECK_SLICE_EQUAL(buffer_slice(&got), slice_from_string(marks));
    buffer_release(&got);
}

#define PLACE "$config/eventgrid/namespaces/plant"

TEST(what_the_broker_follows_changes_something)
{
    struct world world;
    struct slice name;
    world_make(&world);
    expect(&world, false, "");
    retain(&world, PLACE,
           "{\"name\":\"plant\",\"resource\":{\"properties\":"
           "{\"topicSpacesConfiguration\":{\"state\":\"Enabled\"}}}}",
           "1");
    retain(&world, PLACE "/clients/Sensor-1", "{\"name\":\"Sensor-1\",\"properties\":{}}", "2");
    expect(&world, true, "12");
    CHECK(namespaces_mqtt(world.namespaces, &name));
    retain(&world, PLACE "/clients/Sensor-1", "", "3");
    expect(&world, true, "3");
    retain(&world, PLACE, "", "4");
    expect(&world, true, "4");
    CHECK(!namespaces_mqtt(world.namespaces, &name));
    world_release(&world);
}

TEST(topics_and_event_subscriptions_are_the_bridges)
{
    struct world world;
    world_make(&world);
    retain(&world, PLACE "/topics/orders", "{\"name\":\"orders\"}", "1");
    retain(&world, PLACE "/topics/orders/eventsubscriptions/all", "{\"name\":\"all\"}", "2");
    expect(&world, false, "12");
    retain(&world, PLACE "/topics/orders", "", "3");
    expect(&world, false, "3");
    world_release(&world);
}

TEST(what_the_store_has_brought_changes_something_if_the_broker_follows_it)
{
    struct world world;
    world_make(&world);
    CHECK(!hearing_take_stored(&world.hearing, world.namespaces));
    retain(&world, PLACE "/topics/orders", "{\"name\":\"orders\"}", "1");
    CHECK(!hearing_take_stored(&world.hearing, world.namespaces));
    retain(&world, PLACE, "{\"name\":\"plant\"}", "2");
    CHECK(hearing_take_stored(&world.hearing, world.namespaces));
    expect(&world, true, "12");
    world_release(&world);
}
