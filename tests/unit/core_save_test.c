/* Saving: rows alone say what the log has said, however deliveries were acknowledged, and rows of
 * what is over go.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "durable_check.h"

#include "core/facts.h"

enum { WINDOW = 300, MESSAGES = 3500, CHUNK = 1 << CHUNK_BITS };

struct crowd {
    struct durable_world world;
    struct durable_client *reader, *writer;
    uint16_t open[WINDOW];
    uint8_t kind[WINDOW];
    unsigned count; /* received and not acknowledged */
    uint64_t random;
    uint16_t packet_id;
};

static void crowd_init(struct crowd *crowd)
{
    *crowd = (struct crowd){.random = 23};
    durable_world_init(&crowd->world);
    crowd->world.options.inflight_maximum = WINDOW;
    crowd->world.options.window_bytes = 2000; /* most are read back */
    start(&crowd->world, 1, 0);
    crowd->reader = durable_connect(&crowd->world, "reader", true, 10000, NULL);
    crowd->writer = durable_connect(&crowd->world, "writer", true, 0, NULL);
    durable_subscribe(crowd->reader, "t/#", 2, 9);
}

static void publish_many(struct crowd *crowd, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%u", i);
        crowd->packet_id = (uint16_t)(crowd->packet_id % 60000 + 1);
        durable_publish(crowd->writer, "t/1", text, i % 5 ? QOS_1 : QOS_2, crowd->packet_id, false);
        if (i % 5 == 0) {
            durable_acknowledge(crowd->writer, PACKET_PUBREL, crowd->packet_id);
        }
        crowd->writer->received.length = 0;
    }
}

static void listen(struct crowd *crowd)
{
    uint8_t first;
    uint16_t packet_id;

    while (durable_receive(crowd->reader, &first, &packet_id, NULL)) {
        if (packet_id != 0) {
            CHECK(crowd->count < WINDOW);
            crowd->kind[crowd->count] = first >> 4 == PACKET_PUBREL ? PACKET_PUBCOMP
                                        : first & 4                 ? PACKET_PUBREC
                                                                    : PACKET_PUBACK;
            crowd->open[crowd->count++] = packet_id;
        }
    }
}

/* Until so many are open and nothing waits, or so many acknowledgements were sent. */
static void acknowledge(struct crowd *crowd, unsigned most, unsigned left)
{
    listen(crowd);
    for (unsigned i = 0; i < most && crowd->count > left; i++) {
        unsigned which = test_random_below(&crowd->random, crowd->count);
        uint16_t packet_id = crowd->open[which];
        uint8_t kind = crowd->kind[which];
        crowd->count--;
        crowd->open[which] = crowd->open[crowd->count];
        crowd->kind[which] = crowd->kind[crowd->count];
        durable_acknowledge(crowd->reader, kind, packet_id);
        listen(crowd);
    }
}

static size_t rows(struct crowd *crowd)
{
    return durable_count_rows(&crowd->world,
                              session_durable_id(durable_session(&crowd->world, "reader")), 'q');
}

static void lose_all(struct crowd *crowd)
{
    durable_lose(crowd->reader);
    durable_lose(crowd->writer);
}

/* From rows alone, in which everything is. */
static void check_rows_say_it(struct crowd *crowd)
{
    durable_save(&crowd->world);
    crowd->world.replay_from = crowd->world.log.length + 1;
    check_restart(&crowd->world, 1);
}

TEST(rows_alone_say_what_the_log_has_said)
{
    struct crowd crowd;
    crowd_init(&crowd);
    publish_many(&crowd, MESSAGES / 2);
    acknowledge(&crowd, MESSAGES / 4, 0);
    durable_save(&crowd.world);
    publish_many(&crowd, MESSAGES / 2);
    acknowledge(&crowd, MESSAGES / 4, 0);
    lose_all(&crowd);
    CHECK(durable_session(&crowd.world, "reader")->queue.count > CHUNK);
    CHECK(durable_session(&crowd.world, "reader")->inflight.count > 0);
    check_rows_say_it(&crowd);
    check_rows_say_it(&crowd); /* what was recovered can be saved again */
    durable_world_release(&crowd.world);
}

TEST(rows_of_finished_deliveries_go)
{
    struct crowd crowd;
    crowd_init(&crowd);
    publish_many(&crowd, MESSAGES);
    durable_save(&crowd.world);
    CHECK_INT_EQUAL(rows(&crowd), (MESSAGES + CHUNK) / CHUNK);
    acknowledge(&crowd, 2 * CHUNK + WINDOW + 500, 0);
    durable_save(&crowd.world);
    CHECK(rows(&crowd) < (MESSAGES + CHUNK) / CHUNK);
    while (crowd.count > 0) {
        acknowledge(&crowd, 10000, 0);
    }
    CHECK_INT_EQUAL(durable_session(&crowd.world, "reader")->queue.count, 0);
    CHECK_INT_EQUAL(durable_session(&crowd.world, "reader")->inflight.count, 0);
    durable_save(&crowd.world);
    CHECK(rows(&crowd) <= 1); /* the one that new ones come into */
    CHECK_INT_EQUAL(crowd.world.pin_count, 0);
    lose_all(&crowd);
    check_rows_say_it(&crowd);
    durable_world_release(&crowd.world);
}

/* One old delivery is never acknowledged, many later ones are. */
TEST(an_old_delivery_keeps_its_row)
{
    struct crowd crowd;
    crowd_init(&crowd);
    publish_many(&crowd, 10);
    listen(&crowd);
    uint16_t oldest = crowd.open[1]; /* QoS 1 */
    crowd.count = 0;
    publish_many(&crowd, 3 * CHUNK);
    for (unsigned i = 0; i < 30 * CHUNK; i++) {
        listen(&crowd);
        if (crowd.count == 0) {
            break;
        }
        crowd.count--;
        durable_acknowledge(crowd.reader, crowd.kind[crowd.count], crowd.open[crowd.count]);
        if (i % CHUNK == 0) {
            durable_save(&crowd.world);
        }
    }
    lose_all(&crowd);
    CHECK_INT_EQUAL(durable_session(&crowd.world, "reader")->queue.count, 10);
    check_rows_say_it(&crowd);
    CHECK_INT_EQUAL(
        delivery_packet_id(
            delivery_place_skip(
                delivery_queue_begin(&durable_session(&crowd.world, "reader")->queue), 1)
                .chunk->items[1]
                .sequence),
        oldest);
    durable_world_release(&crowd.world);
}

TEST(saving_again_writes_nothing)
{
    struct crowd crowd;
    crowd_init(&crowd);
    publish_many(&crowd, 50);
    durable_save(&crowd.world);
    struct batch *batch = crowd.world.shards[0].outbox.batch;
    crowd.world.shards[0].saving_round = 77;
    shard_finish(&crowd.world.shards[0]);
    CHECK_INT_EQUAL(batch->saved_round, 77);
    CHECK_INT_EQUAL(batch->rows.length, 0);
    batch->saved_round = 0;
    durable_world_release(&crowd.world);
}

/* Sequence numbers wrap in the middle of a backlog of several rows. */
TEST(the_wrap_of_sequence_numbers_survives)
{
    for (unsigned how = 0; how < 3; how++) {
        struct crowd crowd;
        test_note("how %u", how);
        crowd_init(&crowd);
        struct session *session = durable_session(&crowd.world, "reader");
        session->next_sequence = session->sent_next = UINT32_MAX - 2 * CHUNK - 70;
        session->record->saved_next = session->record->saved_first = session->next_sequence;
        durable_save(&crowd.world);
        publish_many(&crowd, 2 * CHUNK);
        acknowledge(&crowd, how * CHUNK / 2, 0);
        if (how < 2) {
            durable_save(&crowd.world);
        }
        publish_many(&crowd, 2 * CHUNK);
        CHECK(session->next_sequence < 3 * CHUNK);
        acknowledge(&crowd, how * CHUNK, 0);
        lose_all(&crowd);
        check_restart(&crowd.world, 1);
        check_rows_say_it(&crowd);
        crowd.reader = durable_connect(&crowd.world, "reader", false, 10000, NULL);
        crowd.writer = durable_connect(&crowd.world, "writer", true, 0, NULL);
        crowd.count = 0;
        do {
            acknowledge(&crowd, 100000, 0);
            listen(&crowd);
        } while (crowd.count > 0);
        session = durable_session(&crowd.world, "reader");
        CHECK_INT_EQUAL(session->queue.count, 0);
        CHECK_INT_EQUAL(session->inflight.count, 0);
        durable_save(&crowd.world);
        CHECK(rows(&crowd) <= 1);
        durable_world_release(&crowd.world);
    }
}
