/* dispatch/catalog_store.h: what is retained below $config/eventgrid/ comes into the catalog,
 * declared topics get keys, changes are tried until they are stored.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/catalog_store.h"

#include "door_fixture.h"

/* Processes 0 and 1, each with a catalog of its own. */
struct world {
    struct broker *broker;
    struct grid grids[2];
};

static void connect(struct world *world, unsigned process)
{
    catalog_store_connect(world->grids[process].store);
    broker_run(world->broker);
}

/* The broker is gone, and there again. */
static void reconnect(struct world *world, unsigned process)
{
    struct link *link = world->grids[process].gateway->link;
    struct buffer id = {0};

    buffer_append_format(&id, "$wps//eventgrid-settings/%u", process);
    for (size_t i = 0; i < BROKER_SESSIONS; i++) {
        struct channel *channel = world->broker->sessions[i].channel;
        if (slice_equal(buffer_slice(&world->broker->sessions[i].id), buffer_slice(&id))) {
            link->ops->close(link, channel);
            channel->events->lost(channel);
            break;
        }
    }
    buffer_release(&id);
    connect(world, process);
}

static void start(struct world *world, const char *declared)
{
    static const struct catalog_listener nobody = {
        .subscription_changed = ignore_subscription,
        .subscription_removed = ignore_subscription,
        .source_changed = ignore_source,
        .source_removed = ignore_source,
    };

    *world = (struct world){.broker = broker_new()};
    for (unsigned i = 0; i < 2; i++) {
        struct grid *grid = &world->grids[i];
        grid->gateway = &world->broker->bridges[i].gateway;
        grid->catalog = catalog_new(&nobody);
        grid->store = catalog_store_new(grid);
        catalog_set_declared(grid->catalog, slice_from_string(declared));
    }
}

static void end(struct world *world)
{
    for (unsigned i = 0; i < 2; i++) {
        catalog_store_free(world->grids[i].store);
        catalog_free(world->grids[i].catalog);
    }
    broker_free(world->broker);
}

static struct catalog_source *find(struct world *world, unsigned process, const char *key)
{
    return catalog_find(world->grids[process].catalog, slice_from_string(key));
}

static void set(struct world *world, const char *place, const char *json)
{
    catalog_store_set(world->grids[0].store, slice_from_string(place), slice_from_string(json));
    broker_run(world->broker);
}

TEST(places_are_those_of_the_catalog)
{
    struct buffer place = {0};

    catalog_place_append(&place, SLICE_LITERAL("topics/abc"), SLICE_EMPTY);
    buffer_append_byte(&place, ' ');
    catalog_place_append(&place, SLICE_LITERAL("topics/abc"), SLICE_LITERAL("Sub"));
    CHECK_SLICE_EQUAL(buffer_slice(&place),
                      SLICE_LITERAL("topics/abc topics/abc/eventsubscriptions/sub"));
    buffer_release(&place);
}

TEST(all_processes_hear_what_is_set)
{
    struct world world;

    start(&world, "{}");
    connect(&world, 0);
    connect(&world, 1);
    CHECK(catalog_is_complete(world.grids[0].catalog) &&
          catalog_is_complete(world.grids[1].catalog));
    set(&world, "topics/abc", "{\"resource\":{\"properties\":{}}}");
    set(&world, "topics/abc/eventsubscriptions/sub", "{\"properties\":{" TO_MQTT("x") "}}");
    for (unsigned i = 0; i < 2; i++) {
        CHECK_INT_EQUAL(find(&world, i, "topics/abc")->subscription_count, 1);
    }
    /* Who comes back, and who does not understand it. */
    set(&world, "topics/def", "{\"resource\":{\"properties\":{\"inputSchema\":\"Unknown\"}}}");
    reconnect(&world, 1);
    CHECK(find(&world, 1, "topics/abc") && !find(&world, 1, "topics/def"));
    set(&world, "topics/abc", "");
    CHECK(!find(&world, 0, "topics/abc") && !find(&world, 1, "topics/abc"));
    end(&world);
}

TEST(declared_topics_get_keys_once)
{
    struct world world;
    struct buffer key = {0};

    start(&world, "{\"topics\":[{\"name\":\"orders\"},{\"name\":\"given\",\"key1\":\"k\"}],"
                  "\"domains\":[{\"name\":\"shop\"}]}");
    connect(&world, 1);
    CHECK_INT_EQUAL(find(&world, 1, "topics/orders")->key1.length, 0); /* it leaves that to 0 */
    connect(&world, 0);
    for (unsigned i = 0; i < 2; i++) {
        const struct catalog_source *orders = find(&world, i, "topics/orders");
        CHECK_INT_EQUAL(orders->key1.length, 44); /* base64 of 32 bytes */
        CHECK_INT_EQUAL(orders->key2.length, 44);
        CHECK(!slice_equal(buffer_slice(&orders->key1), buffer_slice(&orders->key2)));
        CHECK_INT_EQUAL(find(&world, i, "domains/shop")->key1.length, 44);
        CHECK_SLICE_EQUAL(buffer_slice(&find(&world, i, "topics/given")->key1), SLICE_LITERAL("k"));
    }
    buffer_append(&key, buffer_slice(&find(&world, 0, "topics/orders")->key1));
    reconnect(&world, 0);
    CHECK_SLICE_EQUAL(buffer_slice(&find(&world, 0, "topics/orders")->key1), buffer_slice(&key));
    buffer_release(&key);
    end(&world);
}

TEST(a_change_is_tried_until_it_is_stored)
{
    struct world world;

    start(&world, "{}");
    set(&world, "topics/one", "{\"resource\":{\"properties\":{}}}"); /* not connected */
    connect(&world, 0);
    CHECK(!find(&world, 0, "topics/one"));
    broker_now += 1000;
    gateway_advance(world.grids[0].gateway);
    broker_run(world.broker);
    CHECK(find(&world, 0, "topics/one"));
    world.broker->puback = REASON_QUOTA_EXCEEDED;
    set(&world, "topics/one", "");
    world.broker->puback = 0;
    broker_now += 1000;
    gateway_advance(world.grids[0].gateway);
    broker_run(world.broker);
    CHECK(!find(&world, 0, "topics/one"));
    world.broker->puback = REASON_QUOTA_EXCEEDED;
    set(&world, "topics/one", "{\"key1\":\"old\"}");
    world.broker->puback = 0;
    set(&world, "topics/one", "{\"resource\":{\"properties\":{}}}"); /* a later one counts */
    broker_now += 1000;
    gateway_advance(world.grids[0].gateway);
    broker_run(world.broker);
    CHECK(find(&world, 0, "topics/one"));
    set(&world, "topics/two", "{\"resource\":{\"properties\":{}}}");
    world.broker->puback = REASON_QUOTA_EXCEEDED;
    set(&world, "topics/two", ""); /* still waits at the end */
    end(&world);
}
