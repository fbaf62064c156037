/* client/settings_store.h: what is retained under $config/hubs/ reaches the listener, and changes
 * are answered.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/settings_store.h"

#include "client/hub_admin.h"
#include "client/settings_heard.h"
#include "support/bridge_fakes.h"
#include "test.h"

struct world {
    struct fakes *fakes;
    struct hub_listener listener;
    struct channel *channel;
    struct buffer heard; /* a line a call of the listener */
};

static void begin(void *context)
{
    buffer_append_string(&((struct world *)context)->heard, "begin\n");
}

static void changed(void *context, struct slice hub, struct slice settings)
{
    buffer_append_format(&((struct world *)context)->heard, "%.*s=%.*s\n", SLICE_PRINT(hub),
                         SLICE_PRINT(settings));
}

static void complete(void *context)
{
    buffer_append_string(&((struct world *)context)->heard, "complete\n");
}

static const char *heard(struct world *world)
{
    buffer_append_byte(&world->heard, '\0');
    world->heard.length = 0;
    return (const char *)world->heard.data;
}

static void answer(struct world *world, const struct packet *packet)
{
    struct buffer bytes = {0};
    packet_encode(&bytes, packet, MQTT_5);
    world->channel->events->packet(world->channel, buffer_slice(&bytes));
    buffer_release(&bytes);
}

static void hear_bytes(struct world *world, const char *topic, struct slice payload,
                       uint32_t sequence)
{
    struct packet publish = {.type = PACKET_PUBLISH,
                             .publish = {.topic = slice_from_string(topic), .payload = payload}};
    struct fanout_scratch scratch = {0};
    struct fanout fanout;
    struct buffer bytes = {0};
    packet_encode(&bytes, &publish, MQTT_5);
    fanout_init(&fanout, &scratch, MQTT_5, buffer_slice(&bytes));
    world->channel->events->publish(world->channel, &fanout, sequence);
    fanout_release(&fanout);
    fanout_scratch_release(&scratch);
    buffer_release(&bytes);
}

static void hear(struct world *world, const char *topic, const char *text, uint32_t sequence)
{
    hear_bytes(world, topic, slice_from_string(text), sequence);
}

/* Its channel is the one that is opened between the janitor's and the reporter's. */
static void start(struct world *world)
{
    *world = (struct world){.fakes = fakes_new()};
    world->listener = (struct hub_listener){.settings = {world, begin, changed, complete}};
    world->fakes->gateway.hub_listener = &world->listener;
    world->fakes->gateway.index = 2;
    fakes_lose(world->fakes);
    fakes_return(world->fakes);
    for (size_t i = 0; i < FAKES_CHANNELS_MAX; i++) {
        if (world->fakes->channels[i] && world->fakes->channels[i]->events->packet &&
            !world->channel) {
            world->channel = world->fakes->channels[i + 1];
        }
    }
    CHECK(world->channel);
    CHECK(strstr(fakes_to_broker(world->fakes), "CONNECT"));
    answer(world, &(struct packet){.type = PACKET_CONNACK});
}

static void end(struct world *world)
{
    fakes_free(world->fakes);
    buffer_release(&world->heard);
}

struct waiter {
    struct settings_change change;
    int stored; /* -1: not done */
};

static void done(struct settings_change *change, bool is_stored)
{
    CONTAINER_OF(change, struct waiter, change)->stored = is_stored;
}

TEST(it_subscribes_and_hears_all_that_is_retained)
{
    struct world world;
    start(&world);
    const char *sent = fakes_to_broker(world.fakes);
    CHECK(strstr(sent, "SUBSCRIBE id=2 \"$config/hubs/+\" qos=1"));
    CHECK(strstr(sent, "PUBLISH"));
    CHECK(strstr(sent, "$wps//mark/settings-2"));
    CHECK_STRING_EQUAL(heard(&world), "begin\n");
    hear(&world, "$config/hubs/chat", "{}", 1);
    hear(&world, "$wps//mark/settings-2", "", 2);
    hear(&world, "$config/hubs/chat", "", 3);
    CHECK_STRING_EQUAL(heard(&world), "chat={}\ncomplete\nchat=\n");
    sent = fakes_to_broker(world.fakes);
    CHECK(strstr(sent, "PUBACK id=1") && strstr(sent, "PUBACK id=2") &&
          strstr(sent, "PUBACK id=3"));
    end(&world);
}

TEST(a_change_is_a_retained_message)
{
    struct world world;
    struct waiter one = {.change.done = done, .stored = -1}, two = one, three = one;
    start(&world);
    fakes_to_broker(world.fakes);
    struct settings_store *store = world.fakes->gateway.hub_store;
    CHECK(
        settings_store_set(store, SLICE_LITERAL("chat"), SLICE_LITERAL("{\"a\":1}"), &one.change));
    const char *sent = fakes_to_broker(world.fakes);
    CHECK(strstr(sent, "\"$config/hubs/chat\""));
    CHECK(strstr(sent, "id=16") && strstr(sent, "qos=1") && strstr(sent, "retain"));
    CHECK(settings_store_set(store, SLICE_LITERAL("b"), SLICE_EMPTY, &two.change));
    CHECK(settings_store_set(store, SLICE_LITERAL("c"), SLICE_EMPTY, &three.change));
    CHECK_INT_EQUAL(one.stored, -1);
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {17, REASON_QUOTA_EXCEEDED}});
    CHECK_INT_EQUAL(two.stored, 0);
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {16, REASON_SUCCESS}});
    CHECK_INT_EQUAL(one.stored, 1);
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {3, REASON_SUCCESS}}); /* mark */
    settings_store_abandon(&three.change);
    settings_store_abandon(&one.change);
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {18, REASON_SUCCESS}});
    CHECK_INT_EQUAL(three.stored, -1);
    end(&world);
}

/* Else no change would be heard any more, nor could any be made. */
TEST(a_connection_that_the_broker_has_ended_is_made_anew)
{
    struct world world;
    struct waiter waiter = {.change.done = done, .stored = -1};
    start(&world);
    struct gateway *gateway = &world.fakes->gateway;
    CHECK(settings_store_set(gateway->hub_store, SLICE_LITERAL("chat"), SLICE_LITERAL("{}"),
                             &waiter.change));
    heard(&world);
    fakes_to_broker(world.fakes);
    world.channel->is_open = false;
    world.channel->events->closed(world.channel, REASON_PACKET_TOO_LARGE);
    CHECK_INT_EQUAL(waiter.stored, 0);
    CHECK_STRING_EQUAL(fakes_to_broker(world.fakes), "");
    fakes_now += 1000;
    gateway_advance(gateway);
    CHECK(strstr(fakes_to_broker(world.fakes), "CONNECT"));
    answer(&world, &(struct packet){.type = PACKET_CONNACK});
    CHECK(strstr(fakes_to_broker(world.fakes), "SUBSCRIBE id=2 \"$config/hubs/+\" qos=1"));
    CHECK_STRING_EQUAL(heard(&world), "begin\n");
    end(&world);
}

/* --- settings that the broker follows --- */

static const struct settings_kind followed_kind = {.prefix = SLICE_LITERAL("$config/plant/"),
                                                   .places = "#",
                                                   .role = "plant",
                                                   .followed = SLICE_LITERAL("rules/")};

enum { ORIGIN = 0x01010101 };

static void all_ones(void *out, size_t length)
{
    memset(out, 1, length);
}

/* A store of that kind, connected by the channel that is opened last. */
static struct settings_store *start_followed(struct world *world)
{
    start(world);
    world->fakes->gateway.random = all_ones; /* the origin of its marks */
    struct settings_store *store = settings_store_new(&world->fakes->gateway, &followed_kind);
    settings_store_connect(store, &world->listener.settings);
    for (size_t i = 0; i < FAKES_CHANNELS_MAX; i++) {
        if (world->fakes->channels[i] && world->fakes->channels[i]->events->packet) {
            world->channel = world->fakes->channels[i];
        }
    }
    fakes_to_broker(world->fakes);
    answer(world, &(struct packet){.type = PACKET_CONNACK});
    return store;
}

/* The broker has in force what has this mark, and another of somebody else. */
static void apply(struct world *world, uint32_t number)
{
    struct settings_mark other = {77, 999}, own = {ORIGIN, number};
    struct buffer marks = {0};
    settings_mark_append(&marks, &other);
    settings_mark_append(&marks, &own);
    buffer_append_byte(&marks, '\0');
    hear_bytes(world, "$config/applied", slice_make(marks.data, marks.length - 1), 0);
    buffer_release(&marks);
}

TEST(what_the_broker_follows_is_done_when_the_broker_has_it_in_force)
{
    struct world world;
    struct waiter one = {.change.done = done, .stored = -1}, two = one, other = one;
    struct settings_store *store = start_followed(&world);
    CHECK(strstr(fakes_to_broker(world.fakes), "\"$config/applied\" qos=1"));
    CHECK(settings_store_set(store, SLICE_LITERAL("rules/a"), SLICE_LITERAL("{}"), &one.change));
    CHECK(settings_store_set(store, SLICE_LITERAL("rules/b"), SLICE_LITERAL("{}"), &two.change));
    CHECK(settings_store_set(store, SLICE_LITERAL("x"), SLICE_LITERAL("{}"), &other.change));
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {18, REASON_SUCCESS}});
    CHECK_INT_EQUAL(other.stored, 1); /* nobody follows that */
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {16, REASON_SUCCESS}});
    CHECK_INT_EQUAL(one.stored, -1);
    apply(&world, 1);
    CHECK_INT_EQUAL(one.stored, 1);
    apply(&world, 2); /* before it is acknowledged */
    CHECK_INT_EQUAL(two.stored, -1);
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {17, REASON_SUCCESS}});
    CHECK_INT_EQUAL(two.stored, 1);
    settings_store_free(store);
    end(&world);
}

TEST(a_broker_that_is_late_is_not_waited_for)
{
    struct world world;
    struct waiter one = {.change.done = done, .stored = -1}, two = one;
    struct settings_store *store = start_followed(&world);
    CHECK(settings_store_set(store, SLICE_LITERAL("rules/a"), SLICE_LITERAL("{}"), &one.change));
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {16, REASON_SUCCESS}});
    fakes_now += SETTINGS_HEARD_MS - 1;
    gateway_advance(&world.fakes->gateway);
    CHECK_INT_EQUAL(one.stored, -1);
    fakes_now += 1;
    gateway_advance(&world.fakes->gateway);
    CHECK_INT_EQUAL(one.stored, 1);
    /* Nor one that ends: what it has stored is in force when it is there again. */
    CHECK(settings_store_set(store, SLICE_LITERAL("rules/a"), SLICE_LITERAL("{}"), &two.change));
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {17, REASON_SUCCESS}});
    world.channel->is_open = false;
    world.channel->events->closed(world.channel, REASON_SERVER_SHUTTING_DOWN);
    CHECK_INT_EQUAL(two.stored, 1);
    settings_store_free(store);
    end(&world);
}

/* --- client/hub_admin.h --- */

struct asker {
    struct rest_reply reply;
    int status; /* 0: no answer */
    struct buffer body;
};

static void take_answer(struct rest_reply *reply, int status, const char *code, struct slice body)
{
    struct asker *asker = CONTAINER_OF(reply, struct asker, reply);
    CHECK_INT_EQUAL(asker->status, 0);
    CHECK_INT_EQUAL(code != NULL, status >= 400);
    asker->status = status;
    asker->body.length = 0;
    buffer_append(&asker->body, body);
    buffer_append_byte(&asker->body, '\0');
}

static void append_list(void *context, struct buffer *out)
{
    (void)context;
    buffer_append_string(out, "{\"value\":[]}");
}

static void append_settings(void *context, struct slice hub, struct buffer *out)
{
    (void)context;
    buffer_append_format(out, "{\"of\":\"%.*s\"}", SLICE_PRINT(hub));
}

static bool check(void *context, struct slice hub, struct slice settings, struct buffer *error)
{
    (void)context;
    (void)hub;
    if (slice_equal(settings, SLICE_LITERAL("{\"bad\": 1}"))) {
        buffer_append_string(error, "bad: it is\n");
        return false;
    }
    return true;
}

static void ask(struct world *world, struct asker *asker, enum rest_kind kind, const char *data)
{
    struct rest_operation operation = {
        .kind = kind, .hub = SLICE_LITERAL("chat"), .data = {DATA_JSON, slice_from_string(data)}};
    asker->status = 0;
    asker->reply.answer = take_answer;
    CHECK(hub_admin_carry_out(&world->fakes->gateway, &operation, &asker->reply));
}

TEST(operations_about_hubs)
{
    struct world world;
    struct asker asker = {0};
    start(&world);
    world.listener.append_list = append_list;
    world.listener.append_settings = append_settings;
    world.listener.check = check;
    fakes_to_broker(world.fakes);
    ask(&world, &asker, REST_HUBS, "");
    CHECK_INT_EQUAL(asker.status, 200);
    CHECK_STRING_EQUAL((const char *)asker.body.data, "{\"value\":[]}");
    ask(&world, &asker, REST_HUB, "");
    CHECK_INT_EQUAL(asker.status, 200);
    CHECK_STRING_EQUAL((const char *)asker.body.data, "{\"of\":\"chat\"}");
    ask(&world, &asker, REST_SET_HUB, "{\"bad\": 1}");
    CHECK_INT_EQUAL(asker.status, 400);
    CHECK(strstr((const char *)asker.body.data, "\"message\":\"bad: it is\""));
    CHECK_STRING_EQUAL(fakes_to_broker(world.fakes), "");
    ask(&world, &asker, REST_SET_HUB, "{\"good\": 1}");
    CHECK_INT_EQUAL(asker.status, 0);
    CHECK(strstr(fakes_to_broker(world.fakes), "\"$config/hubs/chat\""));
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {16, REASON_SUCCESS}});
    CHECK_INT_EQUAL(asker.status, 200);
    CHECK_STRING_EQUAL((const char *)asker.body.data, "{\"good\":1}");
    ask(&world, &asker, REST_RESET_HUB, "");
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {17, REASON_SUCCESS}});
    CHECK_INT_EQUAL(asker.status, 204);
    ask(&world, &asker, REST_RESET_HUB, "");
    answer(&world, &(struct packet){.type = PACKET_PUBACK, .ack = {18, REASON_QUOTA_EXCEEDED}});
    CHECK_INT_EQUAL(asker.status, 503);
    struct rest_operation send = {.kind = REST_SEND};
    CHECK(!hub_admin_carry_out(&world.fakes->gateway, &send, &asker.reply));
    buffer_release(&asker.body);
    end(&world);
}

/* --- checks of handlers --- */

static struct {
    struct event_check check;
    const struct hub_settings *settings;
    int begun, cancelled;
} checks;

static struct webhook_check *begin_check(void *context, const struct hub_settings *settings,
                                         struct slice hub, const struct event_check *wanted)
{
    (void)context;
    CHECK_SLICE_EQUAL(hub, SLICE_LITERAL("chat"));
    checks.check = *wanted;
    checks.settings = settings;
    checks.begun++;
    return (struct webhook_check *)&checks;
}

static void cancel_check(struct webhook_check *check)
{
    CHECK(check == (struct webhook_check *)&checks);
    checks.cancelled++;
}

static const struct events_ops checking = {.check = begin_check, .cancel_check = cancel_check};

TEST(handlers_are_checked)
{
    struct world world;
    struct asker asker = {0};
    size_t users = 0;
    start(&world);
    world.fakes->hub.users = &users;
    ask(&world, &asker, REST_CHECK_HUB, "");
    CHECK_INT_EQUAL(asker.status, 503); /* there are no events */
    world.fakes->gateway.events = (struct events){&checking, NULL};
    ask(&world, &asker, REST_CHECK_HUB, "");
    CHECK_INT_EQUAL(asker.status, 0);
    CHECK(checks.begun == 1 && users == 1);
    checks.check.line(checks.check.context, SLICE_LITERAL("one \"a\""));
    checks.check.line(checks.check.context, SLICE_LITERAL("two"));
    checks.check.done(checks.check.context, false);
    CHECK_INT_EQUAL(asker.status, 200);
    CHECK_STRING_EQUAL((const char *)asker.body.data,
                       "{\"good\":false,\"lines\":[\"one \\\"a\\\"\",\"two\"]}");
    CHECK_INT_EQUAL(users, 0);
    ask(&world, &asker, REST_CHECK_HUB, "");
    hub_admin_abandon(&asker.reply);
    CHECK(checks.cancelled == 1 && users == 0 && asker.status == 0);
    world.fakes->gateway.events = (struct events){0};
    buffer_release(&asker.body);
    end(&world);
}

TEST(operations_that_nobody_waits_for_or_the_broker_takes_along)
{
    struct world world;
    struct asker gone = {0}, lost = {0};
    start(&world);
    world.listener.check = check;
    ask(&world, &gone, REST_SET_HUB, "{}");
    ask(&world, &lost, REST_SET_HUB, "{}");
    hub_admin_abandon(&gone.reply);
    hub_admin_abandon(&gone.reply);
    fakes_lose(world.fakes);
    CHECK_INT_EQUAL(gone.status, 0);
    CHECK_INT_EQUAL(lost.status, 503);
    ask(&world, &lost, REST_RESET_HUB, "");
    CHECK_INT_EQUAL(lost.status, 503);
    buffer_release(&lost.body);
    end(&world);
}

TEST(the_broker_is_gone)
{
    struct world world;
    struct waiter one = {.change.done = done, .stored = -1}, two = one;
    start(&world);
    struct settings_store *store = world.fakes->gateway.hub_store;
    CHECK(settings_store_set(store, SLICE_LITERAL("chat"), SLICE_LITERAL("{}"), &one.change));
    fakes_lose(world.fakes);
    CHECK_INT_EQUAL(one.stored, 0);
    CHECK(!settings_store_set(store, SLICE_LITERAL("chat"), SLICE_LITERAL("{}"), &two.change));
    settings_store_abandon(&two.change);
    end(&world);
}
