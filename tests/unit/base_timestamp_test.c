/* Times of the calendar.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/buffer.h"
#include "base/timestamp.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(times_are_read)
{
    static const struct {
        const char *text;
        int64_t ms;
        bool has_zone;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0, true},
        {"1969-12-31T23:59:59.999Z", -1, true},
        {"2031-01-01T00:00:00.000Z", 1924992000000, true},
        {"2000-02-29T12:00:00Z", 951825600000, true},
        {"2018-01-25T22:12:19.4556811Z", 1516918339455, true}, /* .NET's seven digits */
        {"2017-06-15t18:20:15z", 1497550815000, true},
        {"2017-06-15 20:20:15+02:00", 1497550815000, true},
        {"2017-06-15T12:50:15-05:30", 1497550815000, true},
        {"2030-12-31T00:05:09", 1924905909000, false},
        {"2016-12-31T23:59:60Z", 1483228800000, true},
        {"0001-01-01T00:00:00Z", -62135596800000, true},
        {"9999-12-31T23:59:59.999Z", 253402300799999, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms;
        bool has_zone;
        test_note("%s", rows[i].text);
        CHECK(timestamp_parse(slice_from_string(rows[i].text), &ms, &has_zone));
        CHECK_INT_EQUAL(ms, rows[i].ms);
        CHECK_INT_EQUAL(has_zone, rows[i].has_zone);
    }
}

TEST(what_is_no_time)
{
    static const char *const rows[] = {
        "",
        "2031",
        "2031-01-01",
        "2031-01-01T00:00Z",
        "2031-13-01T00:00:00Z",
        "2031-00-01T00:00:00Z",
        "2031-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2031-01-32T00:00:00Z",
        "2031-01-01T24:00:00Z",
        "2031-01-01T00:60:00Z",
        "2031-01-01T00:00:61Z",
        "2031-01-01T00:00:00.Z",
        "2031-01-01T00:00:00ZZ",
        "2031-01-01T00:00:00+0100",
        "2031-01-01T00:00:00+24:00",
        "2031-01-01T00:00:00+01:00Z",
        "0000-01-01T00:00:00Z",
        "1/1/2031 12:00:00 AM",
        "2031-1-1T00:00:00Z",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms;
        bool has_zone;
        test_note("%s", rows[i]);
        CHECK(!timestamp_parse(slice_from_string(rows[i]), &ms, &has_zone));
    }
}

static void check_same(int64_t ms, const char *text)
{
    struct buffer out = {0};
    int64_t again;
    bool has_zone;

    timestamp_append(&out, ms);
    test_note("%.*s", SLICE_PRINT(out));
    if (text) {
        CHECK_SLICE_EQUAL(buffer_slice(&out), slice_from_string(text));
    }
    CHECK(timestamp_parse(buffer_slice(&out), &again, &has_zone) && has_zone);
    CHECK_INT_EQUAL(again, ms);
    buffer_release(&out);
}

TEST(dates_of_http)
{
    static const char *const bad[] = {
        "",
        "Sun, ",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "120",
    };
    int64_t ms;

    CHECK(http_date_parse(SLICE_LITERAL("Sun, 06 Nov 1994 08:49:37 GMT"), &ms));
    CHECK_INT_EQUAL(ms, INT64_C(784111777000));
    CHECK(http_date_parse(SLICE_LITERAL("Thu, 29 Feb 2024 23:59:59 GMT"), &ms));
    CHECK_INT_EQUAL(ms, INT64_C(1709251199000));
    for (size_t i = 0; i < COUNT(bad); i++) {
        test_note("%s", bad[i]);
        CHECK(!http_date_parse(slice_from_string(bad[i]), &ms));
    }
}

TEST(what_is_written_is_read_again)
{
    uint64_t state = 1;

    check_same(0, "1970-01-01T00:00:00.000Z");
    check_same(951868799007, "2000-02-29T23:59:59.007Z");
    check_same(-62135596800000, "0001-01-01T00:00:00.000Z");
    for (int i = 0; i < 100000; i++) {
        uint64_t random = (uint64_t)test_random(&state) << 32 | test_random(&state);
        check_same((int64_t)(random % UINT64_C(315537897600000)) - INT64_C(62135596800000), NULL);
    }
}

TEST(what_lies_outside_is_the_nearest)
{
    CHECK_INT_EQUAL(civil_time_from_ms(INT64_MAX).year, 9999);
    CHECK_INT_EQUAL(civil_time_from_ms(INT64_MIN).year, 1);
}
