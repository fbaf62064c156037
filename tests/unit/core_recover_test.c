/* Recovery: sessions are as they were, from frames, from rows, and from both; with any number of
 * shards, and as often as one likes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "durable_check.h"

#include "base/memory.h"
#include "core/facts.h"
#include "core/identity.h"
#include "support/durable_store.h"

/* Empties what the client received; the number of packets whose first byte, without DUP, is so. */
static unsigned receive_all(struct durable_client *client, uint8_t first_byte, uint16_t *last_id,
                            bool *dup)
{
    uint8_t first;
    uint16_t packet_id;
    unsigned count = 0;

    while (durable_receive(client, &first, &packet_id, NULL)) {
        bool is_publish = first >> 4 == PACKET_PUBLISH;
        if ((is_publish ? first & ~8 : first) == first_byte) {
            *last_id = packet_id;
            *dup = is_publish && first & 8;
            count++;
        }
    }
    return count;
}

/* The bridge's own sessions have no user name, and neither have anonymous clients. */
TEST(that_a_session_is_the_bridges_makes_nobody_else_trusted)
{
    struct durable_world world;
    struct identity *bridge = identity_new_trusted(SLICE_EMPTY);

    durable_world_init(&world);
    start(&world, 1, 0);
    world.origin.verified = bridge;
    durable_connect(&world, "$wps//janitor/0", false, UINT32_MAX, NULL);
    world.origin.verified = NULL;
    durable_stop(&world);
    start(&world, 2, world.now);
    CHECK(durable_session(&world, "$wps//janitor/0")->identity->trusted);
    struct identity *nobody = identity_new(SLICE_EMPTY, NULL, 0);
    CHECK(!nobody->trusted);
    identity_release(nobody);
    identity_release(bridge);
    durable_stop(&world);
    durable_world_release(&world);
}

/* ---------------------------------------------------------------- by example */

static void with_everything(struct durable_world *world)
{
    const struct will will = {
        .present = true,
        .qos = QOS_2,
        .retain = true,
        .topic = SLICE_LITERAL("last/words"),
        .payload = SLICE_LITERAL("bye"),
        .properties = {.present = UINT64_C(1) << PROPERTY_WILL_DELAY_INTERVAL |
                                  UINT64_C(1) << PROPERTY_MESSAGE_EXPIRY_INTERVAL,
                       .will_delay_interval = 50,
                       .message_expiry_interval = 77},
    };
    struct durable_client *a = durable_connect(world, "a", true, 1000, &will);
    struct durable_client *b = durable_connect(world, "b", true, UINT32_MAX, NULL);
    durable_subscribe(a, "t/#", 2, 7);
    durable_subscribe(a, "t/+", 1 | 4 | 8, 0x0FFFFFFF); /* No Local, Retain As Published */
    durable_subscribe(a, "$share/g/s", 2, 0);
    durable_subscribe(b, "u/#", 1, 0);
    durable_publish(b, "t/1", "one", QOS_2, 1, false);
    durable_publish(b, "t/2", "two", QOS_1, 2, true);
    durable_publish(b, "t/3/x", "three", QOS_2, 3, false);
    durable_publish(b, "u/1", "four", QOS_0, 0, false);
    durable_publish(b, "$delayed/100/t/4", "later", QOS_1, 4, false);
    durable_publish(b, "t/2", "", QOS_1, 5, true);
    durable_publish(b, "r/1", "kept", QOS_1, 6, true);
    durable_acknowledge(b, PACKET_PUBREL, 3);
    durable_acknowledge(a, PACKET_PUBREC, 1); /* the first delivery: released now */
    durable_lose(a);
    durable_lose(b);
}

TEST(everything_of_a_session_survives)
{
    for (unsigned how = 0; how < 8; how++) {
        struct durable_world world;
        test_note("from %u to %u shards, %s", how & 1 ? 3 : 1, how & 2 ? 3 : 1,
                  how & 4 ? "saved" : "not saved");
        durable_world_init(&world);
        start(&world, how & 1 ? 3 : 1, 0);
        with_everything(&world);
        if (how & 4) {
            durable_save(&world);
        }
        struct buffer text = {0};
        durable_describe(&world, &text);
        buffer_append_byte(&text, '\0');
        const char *said = (const char *)text.data;
        CHECK(strstr(said, "a filter t/+ number=1 qos=1"));
        CHECK(strstr(said, "a filter $share/g/s number=2"));
        CHECK(strstr(said, " 268435455 7\n")); /* both identifiers */
        CHECK(strstr(said, "a in flight 0000000001 state=3"));
        CHECK(strstr(said, "b received 00001"));
        CHECK(!strstr(said, "b received 00003"));
        CHECK(strstr(said, "delay=50 expiry=77,1 last/words=bye qos=2 retain=1"));
        CHECK(strstr(said, "retained r/1=kept"));
        CHECK(!strstr(said, "retained t/2"));
        CHECK(strstr(said, "delayed: 1"));
        buffer_release(&text);
        check_restart(&world, how & 2 ? 3 : 1);
        durable_advance(&world, 20000);
        check_restart(&world, how & 1 ? 3 : 1);
        durable_world_release(&world);
    }
}

/* Sessions of the bridge stay its own, and within their bounds. */
TEST(trust_and_bounds_survive)
{
    for (unsigned saved = 0; saved < 2; saved++) {
        struct durable_world world;
        struct durable_client *client, *sender;
        test_note("%s", saved ? "saved" : "not saved");
        durable_world_init(&world);
        start(&world, 1, 0);
        sender = durable_connect(&world, "sender", true, 0, NULL);
        world.origin.verified = identity_new_trusted(SLICE_LITERAL("ann"));
        world.origin.bounds = (struct session_bounds){.given = true, .messages = 2, .bytes = 1000};
        client = durable_connect(&world, "a", true, 1000, NULL);
        durable_subscribe(client, "t", 1, 0);
        durable_lose(client);
        durable_publish(sender, "t", "one", QOS_1, 1, false);
        durable_lose(sender);
        if (saved) {
            durable_save(&world);
        }
        check_restart(&world, 1);
        struct session *session = durable_session(&world, "a");
        CHECK(session->identity->trusted);
        CHECK_INT_EQUAL(session->bounds.messages, 2);
        CHECK_INT_EQUAL(session->bounds.bytes, 1000);
        identity_release(world.origin.verified);
        world.origin = (struct connection_origin){.peer_address = "test"};
        sender = durable_connect(&world, "sender", true, 0, NULL);
        durable_publish(sender, "t", "two", QOS_1, 1, false);
        CHECK(durable_session(&world, "a") == session);
        durable_publish(sender, "t", "three", QOS_1, 2, false);
        durable_advance(&world, 1);
        CHECK(durable_session(&world, "a") == NULL);
        durable_world_release(&world);
    }
}

/* One that has come to more than its bounds has lost a message: it must not be resumed. */
TEST(a_session_that_was_about_to_end_ends)
{
    struct durable_world world;
    struct durable_client *client, *sender;

    durable_world_init(&world);
    start(&world, 1, 0);
    sender = durable_connect(&world, "sender", true, 0, NULL);
    world.origin.bounds = (struct session_bounds){.given = true, .messages = 1, .bytes = 1000};
    client = durable_connect(&world, "a", true, 1000, NULL);
    durable_subscribe(client, "t", 1, 0);
    durable_lose(client);
    durable_publish(sender, "t", "one", QOS_1, 1, false);
    session_overflow(durable_session(&world, "a")); /* and the process ends before its next turn */
    struct batch *batch = shard_take_batch(&world.shards[0]);
    CHECK(batch);
    durable_store_commit(&world, batch);
    durable_stop(&world);
    start(&world, 1, world.now);
    CHECK(durable_session(&world, "a") == NULL); /* the first turn ends it */
    durable_world_release(&world);
}

/* The last message that it may have to wait for is its own will. */
TEST(a_session_that_ends_while_it_is_taken_over)
{
    struct will will = {
        .present = true, .topic = SLICE_LITERAL("t"), .payload = SLICE_LITERAL("x")};
    struct durable_world world;
    struct durable_client *client, *sender;

    durable_world_init(&world);
    world.options.queue_qos0 = true;
    start(&world, 1, 0);
    sender = durable_connect(&world, "sender", true, 0, NULL);
    world.origin.bounds = (struct session_bounds){.given = true, .messages = 1, .bytes = 1000};
    client = durable_connect(&world, "a", true, 1000, &will);
    durable_subscribe(client, "t", 1, 0);
    durable_publish(sender, "t", "one", QOS_1, 1, false);
    CHECK_INT_EQUAL(durable_session(&world, "a")->unacknowledged, 1);
    durable_connect(&world, "a", false, 1000, NULL);
    CHECK(durable_session(&world, "a") != NULL);
    CHECK_INT_EQUAL(durable_session(&world, "a")->subscriptions.count, 0);
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(what_was_due_meanwhile_happens)
{
    struct durable_world world;
    durable_world_init(&world);
    start(&world, 2, 0);
    with_everything(&world);
    struct durable_client *c = durable_connect(&world, "c", true, 3000, NULL);
    durable_subscribe(c, "last/#", 1, 0);
    durable_lose(c);
    msec_t alive = world.now;
    durable_stop(&world);
    world.now += 2000 * 1000; /* a's will, a's end, the delayed message */
    start(&world, 1, alive);
    durable_settle(&world);
    CHECK(durable_session(&world, "a") == NULL);
    CHECK(durable_session(&world, "b") != NULL);
    CHECK(durable_session(&world, "c") != NULL);
    CHECK_INT_EQUAL(durable_session(&world, "c")->queue.count, 1);
    check_restart(&world, 3);
    durable_world_release(&world);
}

/* A redelivery has DUP set and the same packet identifier (MQTT-3.3.1-1, MQTT-4.4.0-1). */
static void check_redelivery(bool lose_first, bool save)
{
    struct durable_world world;
    uint16_t id = 0, again_id = 0;
    bool dup = false;
    durable_world_init(&world);
    start(&world, 1, 0);
    struct durable_client *a = durable_connect(&world, "a", true, 1000, NULL);
    struct durable_client *b = durable_connect(&world, "b", true, 0, NULL);
    durable_subscribe(a, "t", 2, 0);
    durable_publish(b, "t", "x", QOS_1, 1, false);
    receive_all(a, 0x32, &id, &dup);
    CHECK(id != 0 && !dup);
    if (lose_first) {
        durable_lose(a);
    }
    if (save) {
        durable_save(&world);
    }
    durable_stop(&world);
    start(&world, 1, world.now);
    a = durable_connect(&world, "a", false, 1000, NULL);
    CHECK_INT_EQUAL(receive_all(a, 0x32, &again_id, &dup), 1);
    CHECK_INT_EQUAL(again_id, id);
    CHECK(dup);
    durable_world_release(&world);
}

TEST(a_redelivery_after_a_crash_is_marked)
{
    check_redelivery(false, false);
    check_redelivery(false, true);
}

TEST(so_is_one_whose_client_had_gone_before_the_crash)
{
    check_redelivery(true, true);
    check_redelivery(true, false);
}

/* The progress row was written before the subscription: a later one must not take its number. */
TEST(a_subscription_after_a_restart_takes_no_other_ones_row)
{
    struct durable_world world;
    durable_world_init(&world);
    start(&world, 1, 0);
    struct durable_client *a = durable_connect(&world, "a", true, 1000, NULL);
    durable_save(&world);
    durable_subscribe(a, "one", 1, 0);
    durable_stop(&world);
    start(&world, 1, world.now);
    a = durable_connect(&world, "a", false, 1000, NULL);
    durable_subscribe(a, "two", 1, 0);
    durable_lose(a);
    check_restart(&world, 1);
    CHECK_INT_EQUAL(durable_session(&world, "a")->subscriptions.count, 2);
    durable_world_release(&world);
}

/* Facts that make no sense end recovery with a sentence; each stands for a delivery at QoS 3. */
TEST(a_delivery_at_qos_3_is_damage)
{
    static const uint8_t frame[] = {1, 0, 0, 0, 1, 1, 3, 0, 1, 1, 0, 1, 't', 0};
    static const uint8_t row[] = {1, 1, 1, 1, 3, 0};

    for (int how = 0; how < 2; how++) {
        struct durable_world world;
        struct buffer error = {0};
        durable_world_init(&world);
        start(&world, 1, 0);
        durable_lose(durable_connect(&world, "a", true, 1000, NULL));
        struct fact_key key =
            fact_numbered_key(session_durable_id(durable_session(&world, "a")), 'q', 0);
        durable_stop(&world);
        if (how == 0) {
            durable_put_frame(&world, slice_make(frame, sizeof(frame)));
        } else {
            durable_put_row(&world, fact_key_slice(&key), 1, slice_make(row, sizeof(row)));
        }
        CHECK(!durable_start(&world, 1, world.now, &error));
        buffer_append_byte(&error, '\0');
        CHECK(strstr((const char *)error.data, "the file is damaged"));
        buffer_release(&error);
        durable_world_release(&world);
    }
}

static void publish_expiring(struct durable_client *client, uint16_t packet_id, uint32_t seconds)
{
    struct packet packet = {
        .type = PACKET_PUBLISH,
        .publish = {.qos = QOS_1, .packet_id = packet_id, .topic = SLICE_LITERAL("t")},
        .properties = {.present = UINT64_C(1) << PROPERTY_MESSAGE_EXPIRY_INTERVAL,
                       .message_expiry_interval = seconds},
    };

    durable_send(client, &packet);
}

/* A message that expired while it waited was dropped; that must be so after any number of restarts
 * and rounds of saving, also when an older one is still open. */
TEST(what_was_dropped_does_not_come_back)
{
    struct durable_world world;
    uint16_t id = 0;
    bool dup;
    durable_world_init(&world);
    start(&world, 1, 0);
    struct durable_client *a = durable_connect(&world, "a", true, 1000, NULL);
    struct durable_client *b = durable_connect(&world, "b", true, 0, NULL);
    durable_subscribe(a, "t", 2, 0);
    durable_lose(a);
    publish_expiring(b, 1, 1000);
    publish_expiring(b, 2, 1);
    CHECK_INT_EQUAL(durable_session(&world, "a")->queue.count, 2);
    durable_save(&world); /* its row knows both */
    durable_advance(&world, 2000);
    a = durable_connect(&world, "a", false, 1000, NULL);
    CHECK_INT_EQUAL(receive_all(a, 0x32, &id, &dup), 1);
    CHECK_INT_EQUAL(id, 1);
    CHECK_INT_EQUAL(durable_session(&world, "a")->queue.count, 0);
    for (int i = 0; i < 3; i++) { /* from the frame that says it, then from rows alone */
        test_note("restart %d", i);
        durable_stop(&world);
        start(&world, 1, world.now);
        CHECK_INT_EQUAL(durable_session(&world, "a")->queue.count, 1);
        CHECK_INT_EQUAL(world.pin_count, 1);
        durable_save(&world);
    }
    durable_world_release(&world);
}

/* ---------------------------------------------------------------- at random */

enum { CLIENTS = 6, STEPS = 400, PENDING = 64 };

static const char *const names[CLIENTS] = {"ann", "bob", "cid", "dora", "eve", "fay"};
static const char *const topics[] = {"a", "a/b", "a/b/c", "b", "b/c"};
static const char *const filters[] = {"a", "a/#", "+/b", "#", "b/+", "$share/g/#", "a/b/c"};

struct player {
    struct durable_client *client; /* NULL: not connected */
    uint16_t next_id;
    struct {
        uint8_t type; /* of the acknowledgement */
        uint16_t packet_id;
    } pending[PENDING];
    unsigned count;
};

struct play {
    struct durable_world world;
    struct player players[CLIENTS];
    uint64_t random;
    unsigned acknowledged, restarts;
};

static void expect(struct player *player, enum packet_type type, uint16_t packet_id)
{
    if (player->count < PENDING) {
        player->pending[player->count].type = (uint8_t)type;
        player->pending[player->count++].packet_id = packet_id;
    }
}

/* Notes what is to be acknowledged. */
static void listen(struct player *player)
{
    uint8_t first;
    uint16_t packet_id;

    while (durable_receive(player->client, &first, &packet_id, NULL)) {
        if (first >> 4 == PACKET_PUBLISH && packet_id != 0) {
            expect(player, first & 4 ? PACKET_PUBREC : PACKET_PUBACK, packet_id);
        } else if (first >> 4 == PACKET_PUBREC) {
            expect(player, PACKET_PUBREL, packet_id);
        } else if (first >> 4 == PACKET_PUBREL) {
            expect(player, PACKET_PUBCOMP, packet_id);
        }
    }
    CHECK(!player->client->closed);
}

static void listen_all(struct play *play)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (play->players[i].client) {
            listen(&play->players[i]);
        }
    }
}

/* One of those that are pending, in any order. */
static void acknowledge_one(struct play *play, struct player *player)
{
    if (player->count == 0) {
        return;
    }
    unsigned which = test_random_below(&play->random, player->count);
    enum packet_type type = player->pending[which].type;
    uint16_t packet_id = player->pending[which].packet_id;
    memmove(&player->pending[which], &player->pending[which + 1],
            (--player->count - which) * sizeof(player->pending[0]));
    durable_acknowledge(player->client, type, packet_id);
    play->acknowledged++;
}

static void connect(struct play *play, unsigned index)
{
    struct player *player = &play->players[index];
    const struct will will = {.present = true,
                              .qos = test_random_below(&play->random, 3),
                              .retain = test_random_below(&play->random, 2),
                              .topic = SLICE_LITERAL("b"),
                              .payload = SLICE_LITERAL("will")};

    bool clean = test_random_below(&play->random, 12) == 0;
    player->count = 0;
    player->client = durable_connect(&play->world, names[index], clean,
                                     1000000 + test_random_below(&play->random, 1000),
                                     test_random_below(&play->random, 4) ? NULL : &will);
}

static void lose(struct player *player)
{
    if (player->client) {
        durable_lose(player->client);
        player->client = NULL;
    }
}

static void publish(struct play *play, struct player *player)
{
    const char *topic = topics[test_random_below(&play->random, 5)];
    char payload[64] = "";
    enum qos qos = test_random_below(&play->random, 3);
    bool retain = test_random_below(&play->random, 6) == 0;

    if (!retain || test_random_below(&play->random, 2)) {
        memset(payload, 'p', test_random_below(&play->random, sizeof(payload) - 1));
    }
    player->next_id++;
    durable_publish(player->client, topic, payload, qos, qos ? player->next_id : 0, retain);
}

static void step(struct play *play)
{
    unsigned index = test_random_below(&play->random, CLIENTS);
    struct player *player = &play->players[index];
    uint32_t what = test_random_below(&play->random, 100);

    if (!player->client) {
        if (what < 30) {
            connect(play, index);
        }
        return;
    }
    if (what < 5) {
        lose(player);
    } else if (what < 10) {
        durable_subscribe(player->client, filters[test_random_below(&play->random, 7)],
                          (uint8_t)(test_random_below(&play->random, 3) |
                                    (unsigned)test_random_below(&play->random, 2) << 3),
                          test_random_below(&play->random, 3));
    } else if (what < 55) {
        publish(play, player);
    } else {
        acknowledge_one(play, player);
    }
    listen_all(play);
}

static void restart(struct play *play)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        lose(&play->players[i]);
    }
    if (test_random_below(&play->random, 3) == 0) {
        durable_save(&play->world);
    }
    check_restart(&play->world, 1 + test_random_below(&play->random, 3));
    play->restarts++;
}

static void play(uint64_t seed, unsigned *acknowledged, unsigned *restarts)
{
    struct play *play = memory_allocate_zero(sizeof(*play));

    play->random = seed;
    durable_world_init(&play->world);
    play->world.options.inflight_maximum = 8;
    play->world.options.window_bytes = 300;
    start(&play->world, 1 + (unsigned)seed % 3, 0);
    for (unsigned i = 0; i < STEPS; i++) {
        test_note("seed %u, step %u", (unsigned)seed, i);
        step(play);
        if (test_random_below(&play->random, 40) == 0) {
            durable_save(&play->world);
        }
        if (test_random_below(&play->random, 60) == 0) {
            restart(play);
        }
    }
    restart(play);
    *acknowledged += play->acknowledged;
    *restarts += play->restarts;
    durable_world_release(&play->world);
    free(play);
}

TEST(random_sessions_are_the_same_after_restarts)
{
    enum { SEEDS = 100 };
    unsigned acknowledged = 0, restarts = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        play(seed, &acknowledged, &restarts);
    }
    CHECK(acknowledged > 40 * SEEDS && restarts > 4 * SEEDS);
}
