/* The match cell's filters: every topic matches its own filter and no other one, by the rules of
 * topic filters (MQTT 5, 4.7).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../cli/bench_match.c"

enum { FILTERS = 700 /* 7 groups */ };

/* One level after the other. */
static bool matches(struct slice filter, struct slice topic)
{
    while (filter.length > 0) {
        const uint8_t *filter_end = memchr(filter.data, '/', filter.length);
        const uint8_t *topic_end = topic.length > 0 ? memchr(topic.data, '/', topic.length) : NULL;
        size_t level = filter_end ? (size_t)(filter_end - filter.data) : filter.length;
        size_t name = topic_end ? (size_t)(topic_end - topic.data) : topic.length;
        if (slice_equal(slice_make(filter.data, level), SLICE_LITERAL("#"))) {
            return true;
        }
        if (!slice_equal(slice_make(filter.data, level), SLICE_LITERAL("+")) &&
            !slice_equal(slice_make(filter.data, level), slice_make(topic.data, name))) {
            return false;
        }
        if ((filter_end == NULL) != (topic_end == NULL)) {
            return false;
        }
        filter = slice_from(filter, level + (filter_end != NULL));
        topic = slice_from(topic, name + (topic_end != NULL));
    }
    return topic.length == 0;
}

TEST(a_topic_matches_its_filter_alone)
{
    for (uint32_t i = 0; i < FILTERS; i++) {
        uint8_t topic[BENCH_MATCH_TOPIC_SIZE];
        bench_match_topic_write(topic, i);
        for (uint32_t f = 0; f < FILTERS; f++) {
            char filter[32];
            bench_match_filter_write(filter, sizeof(filter), f);
            if (matches(slice_from_string(filter), slice_make(topic, sizeof(topic))) != (f == i)) {
                test_note("filter %s, topic %.*s", filter, (int)sizeof(topic), (char *)topic);
                CHECK(false);
            }
        }
    }
}

TEST(kinds_have_their_shares)
{
    unsigned count[256] = {0};
    char filter[32];
    for (uint32_t i = 0; i < 100000; i++) {
        bench_match_filter_write(filter, sizeof(filter), i);
        bool below = filter[strlen(filter) - 1] == '#';
        count[filter[0] == '+' ? 'x' : strstr(filter, "/+/") ? 'w' : below ? 'h' : 't']++;
    }
    CHECK(count['t'] > 59000 && count['t'] < 61000);
    CHECK(count['w'] > 14500 && count['w'] < 15500);
    CHECK(count['x'] > 14500 && count['x'] < 15500);
    CHECK(count['h'] > 9500 && count['h'] < 10500);
}

TEST(the_last_filter_fits)
{
    uint8_t topic[BENCH_MATCH_TOPIC_SIZE];
    bench_match_topic_write(topic, BENCH_MATCH_FILTERS_MAX - 1);
    CHECK(memcmp(topic, "g09999/d99/", 11) == 0);
}

TEST(messages_go_everywhere)
{
    unsigned count[10] = {0};
    for (uint64_t sequence = 0; sequence < 10000; sequence++) {
        uint32_t number = bench_match_number(3, sequence, 1000);
        CHECK(number < 1000);
        CHECK_INT_EQUAL(number, bench_match_number(3, sequence, 1000));
        count[number / 100]++;
    }
    for (size_t i = 0; i < 10; i++) {
        CHECK(count[i] > 800 && count[i] < 1200);
    }
}
