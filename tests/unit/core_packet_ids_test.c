/* The set of packet identifiers, against a plain array of flags.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "core/packet_ids.h"

TEST(an_empty_set_has_no_members)
{
    struct packet_ids ids = {0};
    uint32_t place = 0;

    CHECK_INT_EQUAL(packet_ids_next(&ids, &place), 0);
    CHECK(!packet_ids_contain(&ids, 1));
    CHECK(!packet_ids_remove(&ids, 1));
    packet_ids_release(&ids);
}

TEST(a_member_is_added_and_removed_once)
{
    struct packet_ids ids = {0};

    CHECK(packet_ids_add(&ids, 65535));
    CHECK(!packet_ids_add(&ids, 65535));
    CHECK(packet_ids_contain(&ids, 65535));
    CHECK(!packet_ids_contain(&ids, 15));
    CHECK_INT_EQUAL(packet_ids_count(&ids), 1);
    CHECK(packet_ids_remove(&ids, 65535));
    CHECK(!packet_ids_remove(&ids, 65535));
    CHECK_INT_EQUAL(packet_ids_count(&ids), 0);
    packet_ids_release(&ids);
    CHECK(!ids.table);
}

TEST(a_walk_meets_every_member_once)
{
    struct packet_ids ids = {0};
    bool met[100] = {false};
    uint32_t place = 0, count = 0;
    uint16_t id;

    for (uint16_t i = 1; i < 100; i++) {
        packet_ids_add(&ids, i);
    }
    packet_ids_remove(&ids, 50);
    while ((id = packet_ids_next(&ids, &place)) != 0) {
        CHECK(id < 100 && id != 50 && !met[id]);
        met[id] = true;
        count++;
    }
    CHECK_INT_EQUAL(count, packet_ids_count(&ids));
    CHECK_INT_EQUAL(count, 98);
    packet_ids_release(&ids);
}

/* 7 of 16 places are taken: whichever identifiers share a run, the rest stays found. */
TEST(removal_from_a_run_keeps_the_rest)
{
    for (unsigned base = 1; base < 60000; base += 7) {
        struct packet_ids ids = {0};
        test_note("from %u", base);
        for (unsigned i = 0; i < 7; i++) {
            packet_ids_add(&ids, (uint16_t)(base + i * i));
        }
        CHECK(packet_ids_remove(&ids, (uint16_t)(base + base % 7 * (base % 7))));
        for (unsigned i = 0; i < 7; i++) {
            CHECK(packet_ids_contain(&ids, (uint16_t)(base + i * i)) == (i != base % 7));
        }
        packet_ids_release(&ids);
    }
}

TEST(every_identifier_fits)
{
    struct packet_ids ids = {0};

    for (unsigned id = 1; id <= UINT16_MAX; id++) {
        CHECK(packet_ids_add(&ids, (uint16_t)id));
    }
    CHECK_INT_EQUAL(packet_ids_count(&ids), UINT16_MAX);
    for (unsigned id = 1; id <= UINT16_MAX; id++) {
        CHECK(packet_ids_remove(&ids, (uint16_t)id));
        CHECK(!packet_ids_contain(&ids, (uint16_t)id));
    }
    CHECK_INT_EQUAL(packet_ids_count(&ids), 0);
    packet_ids_release(&ids);
}

TEST(random_changes_agree_with_flags)
{
    enum { CHANGES = 300000, RANGE = 300 };
    struct packet_ids ids = {0};
    bool member[RANGE] = {false};
    uint64_t random = 7;
    uint32_t count = 0;

    for (int i = 0; i < CHANGES; i++) {
        unsigned which = test_random_below(&random, RANGE);
        uint16_t id = (uint16_t)(which * 211 + 1); /* spread, with collisions */
        test_note("change %d of %u", i, id);
        CHECK(packet_ids_contain(&ids, id) == member[which]);
        if (test_random_below(&random, 2)) {
            CHECK(packet_ids_add(&ids, id) == !member[which]);
            count += !member[which];
            member[which] = true;
        } else {
            CHECK(packet_ids_remove(&ids, id) == member[which]);
            count -= member[which];
            member[which] = false;
        }
        CHECK_INT_EQUAL(packet_ids_count(&ids), count);
    }
    packet_ids_release(&ids);
}
