/* Durations of ISO 8601.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/duration.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(durations)
{
    static const struct {
        const char *text;
        uint64_t seconds;
        const char *again; /* as they are written */
    } rows[] = {
        {"P1D", 86400, "P1D"},      {"PT1M", 60, "PT1M"},
        {"PT90S", 90, "PT1M30S"},   {"P0DT23H12M", 83520, "PT23H12M"},
        {"P1W", 604800, "P7D"},     {"P1W1DT1H1M1S", 694861, "P8DT1H1M1S"},
        {"P0Y0M2D", 172800, "P2D"}, {"P0D", 0, "PT0S"},
        {"PT24H", 86400, "P1D"},    {"PT4294967295S", 4294967295, "P49710DT6H28M15S"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer again = {0};
        uint64_t ms;
        test_note("%s", rows[i].text);
        CHECK(duration_parse(slice_from_string(rows[i].text), &ms));
        CHECK_INT_EQUAL(ms, rows[i].seconds * 1000);
        duration_append(&again, ms);
        CHECK_SLICE_EQUAL(buffer_slice(&again), slice_from_string(rows[i].again));
        buffer_release(&again);
    }
}

TEST(what_is_no_duration)
{
    static const char *const rows[] = {
        "",
        "P",
        "T",
        "PT",
        "1D",
        "P1",
        "PD",
        "P1DT",
        "P1H",
        "PT1D",
        "P1M",
        "P1Y",
        "PT1M1",
        "P1D1W",
        "P1DD",
        "p1d",
        "P-1D",
        "P1.5D",
        "PT1S ",
        " P1D",
        "P1DX",
        "PT1HT",
        "PT1S1M",
        "PT4294967296S",
        "PT1ST",
        "P1D1D",
        "PTT",
        "P1T1M",
        "P9999999999999999999D",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t ms;
        test_note("%s", rows[i]);
        CHECK(!duration_parse(slice_from_string(rows[i]), &ms));
    }
}
