/* The memory of ackIds against a model of the broker's side: the set of QoS 2 packet identifiers
 * that a session has received. Whatever happens in between, each ackId's message is routed exactly
 * once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "client/ack_memory.h"
#include "mqtt/packet.h"

/* The broker, and what of each ackId it has routed. */
struct model {
    bool received[ACK_PACKET_IDS + 1];
    unsigned routed[60000]; /* by ackId */
};

static struct model *model_new(void)
{
    return calloc(1, sizeof(struct model));
}

/* PUBRELs come before the PUBLISH. */
static void take_packets(struct model *model, struct buffer *packets)
{
    struct packet_limits limits = {.version = MQTT_5, .packet_size_max = PACKET_SIZE_MAX};
    struct slice rest = buffer_slice(packets);
    struct packet packet;

    while (rest.length > 0) {
        ssize_t used = packet_decode(&packet, rest, &limits);
        CHECK(used > 0 && packet.type == PACKET_PUBREL);
        CHECK(packet.ack.packet_id >= 1 && packet.ack.packet_id <= ACK_PACKET_IDS);
        model->received[packet.ack.packet_id] = false;
        rest = slice_from(rest, (size_t)used);
    }
    packets->length = 0;
}

static void publish(struct model *model, uint16_t packet_id, uint64_t ack_id)
{
    if (!model->received[packet_id]) {
        model->received[packet_id] = true;
        model->routed[ack_id]++;
    }
}

/* A request from beginning to end. `lost`: the answer does not arrive. */
static void request(struct ack_memory *memory, struct model *model, uint64_t ack_id, bool lost)
{
    struct buffer packets = {0};
    uint16_t packet_id = ack_memory_claim(memory, ack_id, &packets);

    CHECK(packet_id != 0);
    take_packets(model, &packets);
    publish(model, packet_id, ack_id);
    if (!lost) {
        ack_memory_unclaim(memory, ack_id, true, &packets);
        take_packets(model, &packets);
    }
    buffer_release(&packets);
}

TEST(the_last_thousand_are_known)
{
    struct ack_memory *memory = ack_memory_new(false);
    struct model *model = model_new();

    for (uint64_t id = 1; id <= 3000; id++) {
        CHECK(!ack_memory_knows(memory, id));
        request(memory, model, id, false);
        CHECK(ack_memory_knows(memory, id));
        CHECK(id <= ACK_MEMORY_SIZE || !ack_memory_knows(memory, id - ACK_MEMORY_SIZE));
        CHECK(id < ACK_MEMORY_SIZE || ack_memory_knows(memory, id - ACK_MEMORY_SIZE + 1));
    }
    ack_memory_free(memory);
    free(model);
}

TEST(nothing_is_known_of_no_memory)
{
    CHECK(!ack_memory_knows(NULL, 1));
}

TEST(a_failure_is_not_remembered)
{
    struct ack_memory *memory = ack_memory_new(false);
    struct buffer packets = {0};

    CHECK(ack_memory_claim(memory, 7, &packets) != 0);
    ack_memory_unclaim(memory, 7, false, &packets);
    CHECK(!ack_memory_knows(memory, 7));
    CHECK(ack_memory_claim(memory, 7, &packets) != 0);
    buffer_release(&packets);
    ack_memory_free(memory);
}

TEST(two_under_way_never_share_an_identifier)
{
    struct ack_memory *memory = ack_memory_new(false);
    struct buffer packets = {0};

    CHECK(ack_memory_claim(memory, 5, &packets) != 0);
    CHECK_INT_EQUAL(ack_memory_claim(memory, 5 + ACK_PACKET_IDS, &packets), 0);
    CHECK_INT_EQUAL(ack_memory_claim(memory, 5, &packets), 0);
    buffer_release(&packets);
    ack_memory_free(memory);
}

TEST(an_identifier_that_is_held_is_released_for_another)
{
    struct ack_memory *memory = ack_memory_new(false);
    struct model *model = model_new();

    request(memory, model, 5, false);
    request(memory, model, 5 + ACK_PACKET_IDS, false);
    CHECK_INT_EQUAL(model->routed[5 + ACK_PACKET_IDS], 1);
    CHECK(ack_memory_knows(memory, 5));
    ack_memory_free(memory);
    free(model);
}

/* The bridge dies after `last`, whose answer may not have arrived; another one resumes. */
static void crash_and_go_on(uint64_t last, bool retries, unsigned then)
{
    struct ack_memory *memory = ack_memory_new(false);
    struct model *model = model_new();

    for (uint64_t id = 1; id < last; id++) {
        request(memory, model, id, false);
    }
    request(memory, model, last, true);
    ack_memory_free(memory);
    memory = ack_memory_new(true);
    for (uint64_t id = retries ? last : last + 1; id < last + then; id++) {
        request(memory, model, id, false);
    }
    for (uint64_t id = 1; id < last + then; id++) {
        test_note("ackId %" PRIu64 " of %" PRIu64, id, last);
        CHECK_INT_EQUAL(model->routed[id], 1);
    }
    ack_memory_free(memory);
    free(model);
}

TEST(after_a_crash_a_repetition_changes_nothing_and_nothing_new_is_swallowed)
{
    static const uint64_t lasts[] = {1, 2, 999, 1000, 1001, 4095, 4096, 4097, 9000};

    for (size_t i = 0; i < sizeof(lasts) / sizeof(lasts[0]); i++) {
        crash_and_go_on(lasts[i], true, 10000);
        crash_and_go_on(lasts[i], false, 10000);
    }
}

static struct ack_memory *hand_over(struct ack_memory *memory, const uint64_t *claims, size_t count)
{
    struct buffer bytes = {0};

    ack_memory_export(memory, &bytes);
    for (size_t i = 0; i < count; i++) {
        ack_memory_export_claim(&bytes, claims[i]);
    }
    ack_memory_free(memory);
    memory = ack_memory_new(true);
    CHECK(ack_memory_import(memory, buffer_slice(&bytes)));
    buffer_release(&bytes);
    return memory;
}

/* The browser is cut off with requests under way, again and again; it repeats some of them under
 * the same ackId, and others never (clients take a new one). */
TEST(handed_over_at_every_cut_each_is_routed_once)
{
    struct ack_memory *memory = ack_memory_new(false);
    struct model *model = model_new();
    uint64_t next = 1;

    for (unsigned cut = 0; cut < 100; cut++) {
        uint64_t claims[8];
        for (unsigned i = 0; i < 397; i++) {
            request(memory, model, next++, false);
        }
        for (size_t i = 0; i < 8; i++) {
            claims[i] = next++;
            request(memory, model, claims[i], true);
        }
        memory = hand_over(memory, claims, 8);
        for (size_t i = 0; i < 8; i += 2) {
            request(memory, model, claims[i], false);
        }
    }
    for (uint64_t id = 1; id < next; id++) {
        test_note("ackId %" PRIu64, id);
        CHECK_INT_EQUAL(model->routed[id], 1);
    }
    ack_memory_free(memory);
    free(model);
}

TEST(what_was_handed_over_is_known)
{
    struct ack_memory *memory = ack_memory_new(false);
    struct model *model = model_new();
    struct buffer packets = {0};

    for (uint64_t id = 1; id <= 1500; id++) {
        request(memory, model, id, false);
    }
    ack_memory_note(memory, 40000, &packets);
    memory = hand_over(memory, NULL, 0);
    CHECK(!ack_memory_knows(memory, 501));
    CHECK(ack_memory_knows(memory, 502));
    CHECK(ack_memory_knows(memory, 1500));
    CHECK(ack_memory_knows(memory, 40000));
    buffer_release(&packets);
    ack_memory_free(memory);
    free(model);
}

TEST(other_bytes_are_not_taken)
{
    struct ack_memory *memory = ack_memory_new(false);

    CHECK(!ack_memory_import(memory, SLICE_LITERAL("12345678")));
    CHECK(ack_memory_import(memory, SLICE_EMPTY));
    ack_memory_free(memory);
}

/* The bridge died, another one took over, and the client went again before it asked for anything:
 * that nothing is known must be known to the third. */
TEST(what_nobody_knows_is_still_unknown_after_a_hand_over)
{
    struct model *model = model_new();
    struct ack_memory *memory = ack_memory_new(false), *unknowing;
    struct buffer bytes = {0};

    for (uint64_t ack_id = 1; ack_id <= 500; ack_id++) {
        request(memory, model, ack_id, false);
    }
    ack_memory_free(memory); /* the crash */
    unknowing = ack_memory_new(true);
    ack_memory_export(unknowing, &bytes);
    ack_memory_free(unknowing);
    memory = ack_memory_new(false);
    CHECK(ack_memory_import(memory, buffer_slice(&bytes)));
    for (uint64_t ack_id = 501; ack_id <= 500 + 2 * ACK_PACKET_IDS; ack_id++) {
        request(memory, model, ack_id, false);
        CHECK_INT_EQUAL(model->routed[ack_id], 1);
    }
    buffer_release(&bytes);
    ack_memory_free(memory);
    free(model);
}

/* The broker dies with PUBRELs on their way: they are repeated to the next one, and those that were
 * confirmed are not. */
TEST(a_release_that_was_lost_with_the_broker_is_repeated)
{
    struct model *model = model_new();
    struct ack_memory *memory = ack_memory_new(false);
    struct buffer lost = {0}, again = {0};

    ack_memory_repeat(NULL, &again);
    for (uint64_t ack_id = 1; ack_id <= ACK_MEMORY_SIZE; ack_id++) {
        request(memory, model, ack_id, false);
    }
    for (uint64_t ack_id = ACK_MEMORY_SIZE + 1; ack_id <= ACK_MEMORY_SIZE + 10; ack_id++) {
        publish(model, ack_memory_claim(memory, ack_id, &lost), ack_id);
        ack_memory_unclaim(memory, ack_id, true, &lost);
    }
    CHECK(lost.length > 0);
    for (uint16_t packet_id = 2; packet_id <= 6; packet_id++) { /* of ackIds 1 to 5 */
        model->received[packet_id] = false;
        ack_memory_released(memory, packet_id);
    }
    ack_memory_repeat(memory, &again);
    CHECK_INT_EQUAL(again.length, lost.length / 2);
    take_packets(model, &again);
    for (uint64_t ack_id = ACK_MEMORY_SIZE + 11; ack_id <= 2 * ACK_PACKET_IDS; ack_id++) {
        request(memory, model, ack_id, false);
        CHECK_INT_EQUAL(model->routed[ack_id], 1);
    }
    buffer_release(&lost);
    buffer_release(&again);
    ack_memory_free(memory);
    free(model);
}

/* Also if nothing was repeated before its identifier is wanted again. */
TEST(an_identifier_whose_release_was_not_confirmed_is_released_again)
{
    struct model *model = model_new();
    struct ack_memory *memory = ack_memory_new(false);
    struct buffer lost = {0};

    for (uint64_t ack_id = 1; ack_id <= 2 * ACK_PACKET_IDS; ack_id++) {
        struct buffer packets = {0};
        uint16_t packet_id = ack_memory_claim(memory, ack_id, &packets);
        take_packets(model, &packets);
        publish(model, packet_id, ack_id);
        CHECK_INT_EQUAL(model->routed[ack_id], 1);
        ack_memory_unclaim(memory, ack_id, true, &lost);
        buffer_release(&packets);
    }
    buffer_release(&lost);
    ack_memory_free(memory);
    free(model);
}

/* The bridge dies twice, the second time when the identifiers that were unsure after the first are
 * about to come round, so that the third memory takes them for those of its neighbours. */
TEST(what_was_unsure_after_a_crash_is_free_before_it_comes_round)
{
    for (uint64_t second = ACK_PACKET_IDS - 1500; second < ACK_PACKET_IDS + 3000; second += 250) {
        struct model *model = model_new();
        struct ack_memory *memory = ack_memory_new(false);

        for (uint64_t ack_id = 1; ack_id <= second + ACK_PACKET_IDS; ack_id++) {
            if (ack_id == 1200 || ack_id == second) {
                ack_memory_free(memory);
                memory = ack_memory_new(true);
            } else if (ack_id % 700 == 0) {
                memory = hand_over(memory, NULL, 0);
            }
            request(memory, model, ack_id, false);
            test_note("second crash at %" PRIu64 ", ackId %" PRIu64, second, ack_id);
            CHECK_INT_EQUAL(model->routed[ack_id], 1);
        }
        ack_memory_free(memory);
        free(model);
    }
}
