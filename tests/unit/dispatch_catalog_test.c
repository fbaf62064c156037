/* dispatch/catalog.h: what is declared and what is stored, in any order, which of them counts, what
 * is announced, and who the targets of events are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/catalog.h"

#include <stdlib.h>

#include "test.h"

#define WEBHOOK(url)                                                                               \
    "{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":\"" url "\"}}" \
    "}"
#define MQTT(topic)                                                                                \
    "{\"destination\":{\"endpointType\":\"MqttTopic\",\"properties\":{\"topic\":\"" topic "\"}}}"

struct world {
    struct catalog *catalog;
    struct catalog_listener listener;
    struct buffer heard; /* a line an announcement */
};

static void note(void *context, const char *what, struct slice name)
{
    buffer_append_format(&((struct world *)context)->heard, "%s %.*s\n", what, SLICE_PRINT(name));
}

static void subscription_changed(void *context, struct catalog_subscription *subscription)
{
    CHECK(subscription->properties && subscription->is_there);
    note(context, "+", slice_from(buffer_slice(&subscription->queue), strlen("$wps//events/")));
}

static void subscription_removed(void *context, struct catalog_subscription *subscription)
{
    CHECK(subscription->properties != NULL);
    note(context, "-", slice_from(buffer_slice(&subscription->queue), strlen("$wps//events/")));
}

static void source_changed(void *context, struct catalog_source *source)
{
    note(context, "+", buffer_slice(&source->key));
}

static void source_removed(void *context, struct catalog_source *source)
{
    note(context, "-", buffer_slice(&source->key));
}

static void start(struct world *world)
{
    *world = (struct world){.listener = {
                                .context = world,
                                .subscription_changed = subscription_changed,
                                .subscription_removed = subscription_removed,
                                .source_changed = source_changed,
                                .source_removed = source_removed,
                            }};
    world->catalog = catalog_new(&world->listener);
}

static void end(struct world *world)
{
    catalog_free(world->catalog);
    buffer_release(&world->heard);
}

static void expect_heard(struct world *world, const char *wanted)
{
    CHECK_SLICE_EQUAL(buffer_slice(&world->heard), slice_from_string(wanted));
    world->heard.length = 0;
}

static bool set(struct world *world, const char *place, const char *json)
{
    struct buffer error = {0};
    bool is_good = catalog_set_stored(world->catalog, slice_from_string(place),
                                      slice_from_string(json), &error);

    CHECK(is_good == (error.length == 0));
    buffer_release(&error);
    return is_good;
}

static struct catalog_source *source(const struct world *world, const char *key)
{
    return catalog_find(world->catalog, slice_from_string(key));
}

static struct catalog_subscription *subscription(const struct world *world, const char *key,
                                                 const char *name)
{
    return catalog_find_subscription(world->catalog, slice_from_string(key),
                                     slice_from_string(name));
}

static void load_nothing(struct world *world)
{
    catalog_begin(world->catalog);
    catalog_complete(world->catalog);
}

/* ---------------------------------------------------------------- declared */

static const char declared[] =
    "{\"topics\":[{\"name\":\"Orders\",\"key1\":\"k1\",\"properties\":{},\"eventSubscriptions\":["
    "{\"name\":\"Billing\",\"properties\":" WEBHOOK(
        "http://127.0.0.1/b") "},"
                              "{\"name\":\"audit\",\"properties\":" MQTT(
                                  "audit") "}]}],"
                                           "\"domains\":[{\"name\":\"shop\",\"properties\":{},"
                                           "\"topics\":[{\"name\":\"Sales\",\"eventSubscriptions\":"
                                           "["
                                           "{\"name\":\"live\",\"properties\":" MQTT(
                                               "live") "}]}]}],"
                                                       "\"systemTopics\":[{\"name\":\"store\","
                                                       "\"properties\":{\"source\":\"/"
                                                       "subscriptions/s\","
                                                       "\"topicType\":\"Microsoft.Storage."
                                                       "StorageAccounts\"}}]}";

TEST(what_is_declared_counts_when_stored_settings_have_come)
{
    struct world world;

    start(&world);
    catalog_set_declared(world.catalog, SLICE_LITERAL(declared));
    CHECK(!source(&world, "topics/orders") && !catalog_is_complete(world.catalog));
    load_nothing(&world);
    CHECK(catalog_is_complete(world.catalog));
    struct catalog_source *orders = source(&world, "topics/orders");
    CHECK_SLICE_EQUAL(orders->name.name, SLICE_LITERAL("Orders"));
    CHECK_SLICE_EQUAL(buffer_slice(&orders->key1), SLICE_LITERAL("k1"));
    CHECK_INT_EQUAL(orders->key2.length, 0);
    CHECK(orders->is_declared && !orders->is_set);
    CHECK_SLICE_EQUAL(buffer_slice(&orders->id),
                      SLICE_LITERAL("/subscriptions/00000000-0000-0000-0000-000000000000/"
                                    "resourceGroups/pubgrid/providers/Microsoft.EventGrid/"
                                    "topics/Orders"));
    CHECK_INT_EQUAL(orders->subscription_count, 2);
    struct catalog_subscription *billing = subscription(&world, "topics/orders", "bILLING");
    CHECK_SLICE_EQUAL(buffer_slice(&billing->name), SLICE_LITERAL("Billing"));
    CHECK_SLICE_EQUAL(buffer_slice(&billing->queue),
                      SLICE_LITERAL("$wps//events/topics/orders/eventsubscriptions/billing"));
    CHECK_INT_EQUAL(billing->state, STATE_CREATING);
    CHECK_INT_EQUAL(subscription(&world, "topics/orders", "audit")->state, STATE_SUCCEEDED);
    struct catalog_source *sales = source(&world, "domains/shop/topics/sales");
    CHECK(sales->domain == source(&world, "domains/shop") && !sales->properties);
    CHECK(catalog_properties(sales) == sales->domain->properties);
    CHECK_SLICE_EQUAL(sales->name.topic, SLICE_LITERAL("Sales"));
    CHECK(subscription(&world, "domains/shop/topics/sales", "live"));
    CHECK(source(&world, "systemtopics/store"));
    end(&world);
}

TEST(sources_are_walked_in_the_order_of_their_keys)
{
    static const char *const keys[] = {"domains/shop", "domains/shop/topics/sales",
                                       "systemtopics/store", "topics/orders"};
    struct world world;
    struct catalog_source *at = NULL;

    start(&world);
    CHECK(!catalog_next(world.catalog, NULL));
    catalog_set_declared(world.catalog, SLICE_LITERAL(declared));
    load_nothing(&world);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        at = catalog_next(world.catalog, at);
        CHECK_SLICE_EQUAL(buffer_slice(&at->key), slice_from_string(keys[i]));
    }
    CHECK(!catalog_next(world.catalog, at));
    end(&world);
}

TEST(only_what_really_differs_is_announced)
{
    struct world world;

    start(&world);
    catalog_set_declared(world.catalog, SLICE_LITERAL("{\"topics\":[{\"name\":\"one\"}]}"));
    expect_heard(&world, "");
    load_nothing(&world);
    expect_heard(&world, "+ topics/one\n");
    catalog_set_declared(world.catalog, SLICE_LITERAL("{\"topics\":[{\"name\":\"one\"}]}"));
    load_nothing(&world);
    expect_heard(&world, "");
    catalog_set_declared(world.catalog,
                         SLICE_LITERAL("{\"topics\":[{\"name\":\"one\",\"eventSubscriptions\":[{"
                                       "\"name\":\"sub\",\"properties\":" MQTT("x") "}]}]}"));
    expect_heard(&world, "+ topics/one/eventsubscriptions/sub\n");
    catalog_set_declared(world.catalog,
                         SLICE_LITERAL("{\"topics\":[{\"name\":\"one\",\"eventSubscriptions\":[{"
                                       "\"name\":\"sub\",\"properties\":" MQTT("y") "}]}]}"));
    expect_heard(&world, "+ topics/one/eventsubscriptions/sub\n");
    catalog_set_declared(world.catalog, SLICE_LITERAL("{}"));
    expect_heard(&world, "- topics/one/eventsubscriptions/sub\n- topics/one\n");
    CHECK(!source(&world, "topics/one"));
    end(&world);
}

/* ---------------------------------------------------------------- stored */

TEST(stored_settings_go_before_declared_ones)
{
    struct world world;

    start(&world);
    catalog_set_declared(world.catalog, SLICE_LITERAL(declared));
    load_nothing(&world);
    world.heard.length = 0;
    CHECK(set(&world, "topics/orders/eventsubscriptions/billing",
              "{\"properties\":" MQTT("b") ",\"state\":\"Succeeded\"}"));
    expect_heard(&world, "+ topics/orders/eventsubscriptions/billing\n");
    struct catalog_subscription *billing = subscription(&world, "topics/orders", "billing");
    CHECK(billing->is_set && billing->is_declared);
    CHECK_INT_EQUAL(billing->properties->destination.kind, DESTINATION_MQTT_TOPIC);
    CHECK_SLICE_EQUAL(buffer_slice(&billing->name), SLICE_LITERAL("Billing"));
    CHECK(set(&world, "topics/orders/eventsubscriptions/billing", ""));
    expect_heard(&world, "+ topics/orders/eventsubscriptions/billing\n");
    CHECK(subscription(&world, "topics/orders", "billing") == billing && !billing->is_set);
    CHECK_INT_EQUAL(billing->properties->destination.kind, DESTINATION_WEBHOOK);

    CHECK(set(&world, "topics/orders",
              "{\"resource\":{\"properties\":{\"inputSchema\":\"CloudEventSchemaV1_0\"}},"
              "\"key1\":\"new\",\"azureSubscription\":\"s\",\"resourceGroup\":\"g\"}"));
    struct catalog_source *orders = source(&world, "topics/orders");
    CHECK(orders->is_set && orders->is_declared);
    CHECK_INT_EQUAL(orders->properties->schema, SCHEMA_CLOUD_EVENTS);
    CHECK_SLICE_EQUAL(buffer_slice(&orders->key1), SLICE_LITERAL("new"));
    CHECK_SLICE_EQUAL(buffer_slice(&orders->id),
                      SLICE_LITERAL("/subscriptions/s/resourceGroups/g/providers/"
                                    "Microsoft.EventGrid/topics/Orders"));
    /* Its subscriptions are those of other events now. */
    CHECK_INT_EQUAL(billing->properties->delivery_schema, SCHEMA_CLOUD_EVENTS);
    end(&world);
}

TEST(keys_and_states_of_declared_ones_are_stored_alone)
{
    struct world world;

    start(&world);
    catalog_set_declared(world.catalog, SLICE_LITERAL(declared));
    load_nothing(&world);
    CHECK(set(&world, "domains/shop", "{\"key1\":\"a\",\"key2\":\"b\"}"));
    CHECK_SLICE_EQUAL(buffer_slice(&source(&world, "domains/shop")->key2), SLICE_LITERAL("b"));
    CHECK(!source(&world, "domains/shop")->is_set);
    CHECK(set(&world, "topics/orders/eventsubscriptions/billing",
              "{\"state\":\"Failed\",\"stateReason\":\"no answer\","
              "\"stateUrl\":\"http://127.0.0.1/b\"}"));
    struct catalog_subscription *billing = subscription(&world, "topics/orders", "billing");
    CHECK_INT_EQUAL(billing->state, STATE_FAILED);
    CHECK_SLICE_EQUAL(buffer_slice(&billing->state_reason), SLICE_LITERAL("no answer"));
    CHECK(!billing->is_set);
    /* Of another endpoint. */
    CHECK(set(&world, "topics/orders/eventsubscriptions/billing",
              "{\"state\":\"Succeeded\",\"stateUrl\":\"http://127.0.0.1/other\"}"));
    CHECK_INT_EQUAL(billing->state, STATE_CREATING);
    CHECK(set(&world, "topics/orders/eventsubscriptions/billing",
              "{\"state\":\"Succeeded\",\"stateUrl\":\"http://127.0.0.1/b\"}"));
    CHECK_INT_EQUAL(billing->state, STATE_SUCCEEDED);
    /* Of events in another schema. */
    CHECK(set(&world, "topics/orders/eventsubscriptions/billing",
              "{\"state\":\"Succeeded\",\"stateUrl\":\"http://127.0.0.1/b\","
              "\"stateSchema\":\"CustomInputSchema\"}"));
    CHECK_INT_EQUAL(billing->state, STATE_CREATING);
    /* Nobody declares it: there is nothing that it could be the state of. */
    CHECK(set(&world, "topics/orders/eventsubscriptions/nobody", "{\"state\":\"Succeeded\"}"));
    CHECK(!subscription(&world, "topics/orders", "nobody"));
    end(&world);
}

TEST(stored_settings_come_in_any_order)
{
    struct world world;

    start(&world);
    catalog_begin(world.catalog);
    CHECK(set(&world, "domains/dom/topics/t/eventsubscriptions/sub",
              "{\"name\":\"Sub\",\"properties\":" MQTT("x") "}"));
    CHECK(set(&world, "topics/aaa/eventsubscriptions/sub", "{\"properties\":" MQTT("x") "}"));
    CHECK(set(&world, "domains/dom", "{\"resource\":{\"properties\":{}}}"));
    expect_heard(&world, "");
    catalog_complete(world.catalog);
    expect_heard(&world, "+ domains/dom\n+ domains/dom/topics/t\n"
                         "+ domains/dom/topics/t/eventsubscriptions/sub\n");
    CHECK_SLICE_EQUAL(buffer_slice(&subscription(&world, "domains/dom/topics/t", "sub")->name),
                      SLICE_LITERAL("Sub"));
    CHECK(!source(&world, "topics/aaa"));
    CHECK(!set(&world, "topics/a", "{\"name\":\"A\",\"resource\":{\"properties\":{}}}"));
    CHECK(!source(&world, "topics/a")); /* too short a name */
    end(&world);
}

TEST(who_waits_for_its_source_comes_into_force_with_it)
{
    struct world world;

    start(&world);
    load_nothing(&world);
    CHECK(set(&world, "topics/abc/eventsubscriptions/sub", "{\"properties\":" MQTT("x") "}"));
    expect_heard(&world, "");
    CHECK(set(&world, "topics/abc", "{\"name\":\"ABC\",\"resource\":{\"properties\":{}}}"));
    expect_heard(&world, "+ topics/abc\n+ topics/abc/eventsubscriptions/sub\n");
    CHECK_SLICE_EQUAL(source(&world, "topics/abc")->name.name, SLICE_LITERAL("ABC"));
    CHECK(set(&world, "topics/abc", ""));
    expect_heard(&world, "- topics/abc/eventsubscriptions/sub\n- topics/abc\n");
    CHECK(set(&world, "topics/abc", "{\"resource\":{\"properties\":{}}}"));
    expect_heard(&world, "+ topics/abc\n+ topics/abc/eventsubscriptions/sub\n");
    end(&world);
}

/* spec/eventgrid.md 2.1 */
TEST(a_domains_topic_comes_and_goes_with_its_subscriptions)
{
    struct world world;

    start(&world);
    load_nothing(&world);
    CHECK(set(&world, "domains/shop", "{\"resource\":{\"properties\":{}}}"));
    world.heard.length = 0;
    CHECK(set(&world, "domains/shop/topics/t/eventsubscriptions/one",
              "{\"properties\":" MQTT("x") "}"));
    expect_heard(&world, "+ domains/shop/topics/t\n"
                         "+ domains/shop/topics/t/eventsubscriptions/one\n");
    CHECK(set(&world, "domains/shop/topics/t/eventsubscriptions/two",
              "{\"properties\":" MQTT("x") "}"));
    CHECK(set(&world, "domains/shop/topics/t/eventsubscriptions/one", ""));
    CHECK(source(&world, "domains/shop/topics/t"));
    world.heard.length = 0;
    CHECK(set(&world, "domains/shop/topics/t/eventsubscriptions/two", ""));
    expect_heard(&world, "- domains/shop/topics/t/eventsubscriptions/two\n"
                         "- domains/shop/topics/t\n");
    CHECK(!source(&world, "domains/shop/topics/t"));
    /* One that was made as such stays. */
    CHECK(set(&world, "domains/shop/topics/t", "{\"resource\":{}}"));
    CHECK(set(&world, "domains/shop/topics/t/eventsubscriptions/one",
              "{\"properties\":" MQTT("x") "}"));
    CHECK(set(&world, "domains/shop/topics/t/eventsubscriptions/one", ""));
    CHECK(source(&world, "domains/shop/topics/t"));
    /* Without its domain nothing of it is there. */
    CHECK(set(&world, "domains/shop", ""));
    CHECK(!source(&world, "domains/shop/topics/t") && !source(&world, "domains/shop"));
    end(&world);
}

TEST(what_is_not_good_changes_nothing)
{
    static const char *const wrong[][2] = {
        {"topics/abc", "{"},
        {"topics/abc", "[]"},
        {"topics/abc", "{\"resource\":{\"properties\":{\"inputSchema\":\"Nonsense\"}}}"},
        {"topics/abc/eventsubscriptions/sub", "{\"properties\":{\"destination\":{}}}"},
        {"topics/abc/eventsubscriptions/sub", "{\"properties\":7}"},
        {"topics/abc/eventsubscriptions/x", "{}"},
        {"topics/abc/eventsubscriptions/", "{}"},
        {"domains/dom/topics/t/eventsubscriptions/x", ""},
        {"nonsense/abc", "{}"},
        {"", "{}"},
        {"topics/", "{}"},
    };
    struct world world;

    start(&world);
    load_nothing(&world);
    CHECK(set(&world, "topics/abc", "{\"resource\":{\"properties\":{}}}"));
    CHECK(set(&world, "topics/abc/eventsubscriptions/sub", "{\"properties\":" MQTT("x") "}"));
    world.heard.length = 0;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        test_note("%s %s", wrong[i][0], wrong[i][1]);
        CHECK(!set(&world, wrong[i][0], wrong[i][1]));
        expect_heard(&world, "");
    }
    CHECK(source(&world, "topics/abc") && subscription(&world, "topics/abc", "sub"));
    end(&world);
}

TEST(what_is_not_told_again_is_gone)
{
    struct world world;

    start(&world);
    load_nothing(&world);
    CHECK(set(&world, "topics/abc", "{\"resource\":{\"properties\":{}}}"));
    CHECK(set(&world, "topics/abc/eventsubscriptions/one", "{\"properties\":" MQTT("x") "}"));
    CHECK(set(&world, "topics/abc/eventsubscriptions/two", "{\"properties\":" MQTT("x") "}"));
    CHECK(set(&world, "topics/def", "{\"resource\":{\"properties\":{}}}"));
    world.heard.length = 0;
    catalog_begin(world.catalog);
    CHECK(set(&world, "topics/abc/eventsubscriptions/two", "{\"properties\":" MQTT("x") "}"));
    CHECK(set(&world, "topics/abc", "{\"resource\":{\"properties\":{}}}"));
    CHECK(source(&world, "topics/def") && subscription(&world, "topics/abc", "one"));
    catalog_complete(world.catalog);
    CHECK(!source(&world, "topics/def") && !subscription(&world, "topics/abc", "one"));
    CHECK(subscription(&world, "topics/abc", "two"));
    CHECK_INT_EQUAL(world.heard.length, strlen("- topics/abc/eventsubscriptions/one\n"
                                               "- topics/def\n"));
    end(&world);
}

/* ---------------------------------------------------------------- targets */

static size_t targets(struct world *world, const char *key)
{
    struct catalog_source *of = source(world, key);

    catalog_prepare(of);
    CHECK(of->filters != NULL);
    return of->target_count;
}

TEST(subscriptions_with_consent_are_targets_and_those_of_the_domain)
{
    struct world world;

    start(&world);
    load_nothing(&world);
    CHECK(set(&world, "domains/shop", "{\"resource\":{\"properties\":{}}}"));
    CHECK(set(&world, "domains/shop/topics/t", "{\"resource\":{}}"));
    CHECK_INT_EQUAL(targets(&world, "domains/shop/topics/t"), 0);
    CHECK(set(&world, "domains/shop/eventsubscriptions/all", "{\"properties\":" MQTT("x") "}"));
    CHECK(set(&world, "domains/shop/topics/t/eventsubscriptions/zzz",
              "{\"properties\":" MQTT("x") "}"));
    CHECK(set(&world, "domains/shop/topics/t/eventsubscriptions/aaa",
              "{\"properties\":" MQTT("x") "}"));
    CHECK_INT_EQUAL(targets(&world, "domains/shop"), 1);
    CHECK_INT_EQUAL(targets(&world, "domains/shop/topics/t"), 3);
    struct catalog_source *topic = source(&world, "domains/shop/topics/t");
    CHECK(topic->targets[0] == subscription(&world, "domains/shop/topics/t", "aaa"));
    CHECK(topic->targets[2] == subscription(&world, "domains/shop", "all"));
    CHECK(set(&world, "domains/shop/topics/t/eventsubscriptions/aaa",
              "{\"properties\":" WEBHOOK("http://127.0.0.1/") ",\"state\":"
                                                              "\"AwaitingManualAction\"}"));
    CHECK_INT_EQUAL(targets(&world, "domains/shop/topics/t"), 2);
    CHECK(set(&world, "domains/shop/eventsubscriptions/all", ""));
    CHECK_INT_EQUAL(targets(&world, "domains/shop/topics/t"), 1);
    CHECK_INT_EQUAL(targets(&world, "domains/shop"), 0);
    end(&world);
}

TEST(states_have_names)
{
    enum subscription_state state = STATE_SUCCEEDED;

    CHECK(subscription_state_from_name(SLICE_LITERAL("awaitingmanualaction"), &state));
    CHECK_INT_EQUAL(state, STATE_AWAITING_MANUAL_ACTION);
    CHECK_STRING_EQUAL(subscription_state_name(state), "AwaitingManualAction");
    CHECK(!subscription_state_from_name(SLICE_LITERAL("Updating"), &state));
}

/* ---------------------------------------------------------------- namespaces */

static const char plant[] =
    "{\"namespaces\":[{\"name\":\"Plant\",\"key1\":\"nk\",\"topics\":[{\"name\":\"Readings\","
    "\"key1\":\"tk\",\"properties\":{\"eventRetentionInDays\":3},\"eventSubscriptions\":[{\"name\":"
    "\"pull\",\"properties\":{\"deliveryConfiguration\":{\"queue\":{\"eventTimeToLive\":\"P3D\"}}}}"
    "]}]}]}";

TEST(namespaces_and_their_topics_are_declared)
{
    struct world world;

    start(&world);
    load_nothing(&world);
    catalog_set_declared(world.catalog, SLICE_LITERAL(plant));
    expect_heard(&world, "+ namespaces/plant\n+ namespaces/plant/topics/readings\n"
                         "+ namespaces/plant/topics/readings/eventsubscriptions/pull\n");
    struct catalog_source *readings = source(&world, "namespaces/plant/topics/readings");
    CHECK(readings->parent == source(&world, "namespaces/plant") && !readings->domain);
    CHECK_SLICE_EQUAL(readings->name.name, SLICE_LITERAL("Plant"));
    CHECK_SLICE_EQUAL(readings->name.topic, SLICE_LITERAL("Readings"));
    CHECK_SLICE_EQUAL(buffer_slice(&readings->key1), SLICE_LITERAL("tk"));
    CHECK_INT_EQUAL(catalog_properties(readings)->lifetime_days, 3);
    CHECK_INT_EQUAL(subscription(&world, "namespaces/plant/topics/readings", "pull")
                        ->properties->destination.kind,
                    DESTINATION_QUEUE);
    catalog_prepare(readings);
    CHECK_INT_EQUAL(readings->target_count, 1);
    catalog_set_declared(world.catalog, SLICE_LITERAL("{}"));
    CHECK(!source(&world, "namespaces/plant") &&
          !source(&world, "namespaces/plant/topics/readings"));
    end(&world);
}

TEST(a_namespaces_topic_waits_for_its_namespace)
{
    struct world world;

    start(&world);
    load_nothing(&world);
    CHECK(set(&world, "namespaces/plant/topics/readings/eventsubscriptions/pull",
              "{\"name\":\"pull\",\"properties\":{}}"));
    CHECK(set(&world, "namespaces/plant/topics/readings",
              "{\"name\":\"readings\",\"resource\":{},\"key1\":\"t\"}"));
    expect_heard(&world, "");
    CHECK(set(&world, "namespaces/plant", "{\"name\":\"plant\",\"resource\":{}}"));
    expect_heard(&world, "+ namespaces/plant\n+ namespaces/plant/topics/readings\n"
                         "+ namespaces/plant/topics/readings/eventsubscriptions/pull\n");
    /* Unlike a domain's topic it is not there by a subscription alone. */
    CHECK(set(&world, "namespaces/plant/topics/readings", ""));
    expect_heard(&world, "- namespaces/plant/topics/readings/eventsubscriptions/pull\n"
                         "- namespaces/plant/topics/readings\n");
    /* Events of a namespace are of its topics only. */
    CHECK(!set(&world, "namespaces/plant/eventsubscriptions/pull",
               "{\"name\":\"pull\",\"properties\":{}}"));
    end(&world);
}

TEST(a_subscription_outlives_no_lifetime_of_its_topic)
{
    struct world world;

    start(&world);
    load_nothing(&world);
    CHECK(set(&world, "namespaces/plant", "{\"name\":\"plant\",\"resource\":{}}"));
    CHECK(set(&world, "namespaces/plant/topics/readings",
              "{\"resource\":{\"properties\":{\"eventRetentionInDays\":2}}}"));
    CHECK(set(&world, "namespaces/plant/topics/readings/eventsubscriptions/pull",
              "{\"properties\":{\"deliveryConfiguration\":{\"queue\":{"
              "\"eventTimeToLive\":\"P2D\"}}}}"));
    CHECK(!set(&world, "namespaces/plant/topics/readings/eventsubscriptions/other",
               "{\"properties\":{\"deliveryConfiguration\":{\"queue\":{"
               "\"eventTimeToLive\":\"P3D\"}}}}"));
    CHECK(set(&world, "namespaces/plant/topics/readings", "{\"resource\":{}}"));
    CHECK(!subscription(&world, "namespaces/plant/topics/readings", "pull"));
    end(&world);
}

static void child_changed(void *context, const struct catalog_child *child)
{
    CHECK(child->resource != NULL);
    note(context, "+", buffer_slice(&child->key));
}

static void child_removed(void *context, const struct catalog_child *child)
{
    note(context, "-", buffer_slice(&child->key));
}

static struct catalog_child *child(const struct world *world, const char *key)
{
    return catalog_find_child(world->catalog, slice_from_string(key));
}

TEST(children_of_namespaces)
{
    struct world world;

    start(&world);
    world.listener.child_changed = child_changed;
    world.listener.child_removed = child_removed;
    load_nothing(&world);
    CHECK(
        set(&world, "namespaces/plant/clients/Pump-1", "{\"name\":\"Pump-1\",\"properties\":{}}"));
    expect_heard(&world, "");
    CHECK(set(&world, "namespaces/plant", "{\"name\":\"Plant\",\"resource\":{}}"));
    expect_heard(&world, "+ namespaces/plant\n+ namespaces/plant/clients/Pump-1\n");
    CHECK(set(&world, "namespaces/plant/clients/pump-1", "{\"properties\":{}}"));
    CHECK(set(&world, "namespaces/plant/clientgroups/pumps",
              "{\"name\":\"Pumps\",\"properties\":{\"query\":\"attributes.a = 1\"}}"));
    expect_heard(&world, "+ namespaces/plant/clients/pump-1\n"
                         "+ namespaces/plant/clientgroups/pumps\n");
    CHECK_SLICE_EQUAL(buffer_slice(&child(&world, "namespaces/plant/clientgroups/pumps")->name),
                      SLICE_LITERAL("Pumps"));
    CHECK(
        !set(&world, "namespaces/plant/clientgroups/pumps", "{\"properties\":{\"query\":\"x\"}}"));
    CHECK_SLICE_EQUAL(child(&world, "namespaces/plant/clientgroups/pumps")->resource->group.query,
                      SLICE_LITERAL("attributes.a = 1"));
    size_t count;
    struct catalog_child **clients =
        catalog_children(source(&world, "namespaces/plant"), CHILD_CLIENT, &count);
    CHECK_INT_EQUAL(count, 2);
    CHECK_SLICE_EQUAL(buffer_slice(&clients[0]->name), SLICE_LITERAL("Pump-1"));
    free(clients);
    CHECK(set(&world, "namespaces/plant/clients/pump-1", ""));
    expect_heard(&world, "- namespaces/plant/clients/pump-1\n");
    CHECK(set(&world, "namespaces/plant", ""));
    expect_heard(&world, "- namespaces/plant/clients/Pump-1\n"
                         "- namespaces/plant/clientgroups/pumps\n- namespaces/plant\n");
    CHECK(!set(&world, "namespaces/plant/clients/a/b", "{}"));
    CHECK(!set(&world, "namespaces/plant/queues/abc", "{}"));
    end(&world);
}

TEST(declared_children_and_what_is_stored_of_them)
{
    static const char declared_children[] =
        "{\"namespaces\":[{\"name\":\"plant\",\"clients\":[{\"name\":\"a\",\"properties\":{"
        "\"description\":\"declared\"}}],\"topicSpaces\":[{\"name\":\"own\",\"properties\":{"
        "\"topicTemplates\":[\"a\"]}}]}]}";
    struct world world;

    start(&world);
    load_nothing(&world);
    catalog_set_declared(world.catalog, SLICE_LITERAL(declared_children));
    CHECK(child(&world, "namespaces/plant/topicspaces/own")->is_declared);
    CHECK(
        set(&world, "namespaces/plant/clients/a", "{\"properties\":{\"description\":\"stored\"}}"));
    CHECK_SLICE_EQUAL(child(&world, "namespaces/plant/clients/a")->resource->description,
                      SLICE_LITERAL("stored"));
    CHECK(set(&world, "namespaces/plant/clients/a", ""));
    CHECK_SLICE_EQUAL(child(&world, "namespaces/plant/clients/a")->resource->description,
                      SLICE_LITERAL("declared"));
    /* Told anew, without it: it is gone. */
    CHECK(set(&world, "namespaces/plant/clients/b", "{\"properties\":{}}"));
    catalog_begin(world.catalog);
    catalog_complete(world.catalog);
    CHECK(!child(&world, "namespaces/plant/clients/b"));
    catalog_set_declared(world.catalog, SLICE_LITERAL("{}"));
    CHECK(!child(&world, "namespaces/plant/clients/a"));
    end(&world);
}
