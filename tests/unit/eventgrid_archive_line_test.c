/* bridge/eventgrid: the lines and files of archives.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/archive_line.h"

#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S            SLICE_LITERAL

static const int64_t published = INT64_C(1772227432000); /* 2026-02-27T21:23:52Z */

TEST(an_archived_event_is_one_line)
{
    struct archive_line line = {.accepted_ms = published,
                                .schema = SCHEMA_CLOUD_EVENTS,
                                .domain_topic = S("sales.eu"),
                                .json = S("{\"a\":\r\n[\"\\n\"]\n}")},
                        read;
    struct buffer out = {0};

    archive_line_append(&out, &line);
    CHECK_SLICE_EQUAL(buffer_slice(&out),
                      S("{\"accepted\":1772227432000,\"schema\":\"CloudEventSchemaV1_0\","
                        "\"domainTopic\":\"sales.eu\",\"event\":{\"a\":  [\"\\n\"] }}\n"));
    CHECK(archive_line_read(slice_make(out.data, out.length - 1), &read));
    CHECK_INT_EQUAL(read.accepted_ms, published);
    CHECK_INT_EQUAL(read.schema, SCHEMA_CLOUD_EVENTS);
    CHECK_SLICE_EQUAL(read.domain_topic, S("sales.eu"));
    CHECK_SLICE_EQUAL(read.json, S("{\"a\":  [\"\\n\"] }"));
    for (size_t i = 0; i < out.length - 1; i++) {
        CHECK(!archive_line_read(slice_make(out.data, i), &read)); /* a crash cut it off */
    }
    out.length = 0;
    line.domain_topic = SLICE_EMPTY;
    line.schema = SCHEMA_CUSTOM;
    archive_line_append(&out, &line);
    CHECK(archive_line_read(slice_make(out.data, out.length - 1), &read));
    CHECK_INT_EQUAL(read.schema, SCHEMA_CUSTOM);
    CHECK_INT_EQUAL(read.domain_topic.length, 0);
    buffer_release(&out);
}

TEST(lines_that_are_none)
{
    static const char *const lines[] = {
        "",
        "[]",
        "{\"accepted\":1,\"schema\":\"EventGridSchema\"}",
        "{\"accepted\":1,\"event\":{}}",
        "{\"schema\":\"EventGridSchema\",\"event\":{}}",
        "{\"accepted\":\"1\",\"schema\":\"EventGridSchema\",\"event\":{}}",
        "{\"accepted\":0,\"schema\":\"EventGridSchema\",\"event\":{}}",
        "{\"accepted\":9223372036854775808,\"schema\":\"EventGridSchema\",\"event\":{}}",
        "{\"accepted\":1,\"schema\":\"OtherSchema\",\"event\":{}}",
        "{\"accepted\":1,\"schema\":1,\"event\":{}}",
        "{\"accepted\":1,\"schema\":\"EventGridSchema\",\"event\":[]}",
        "{\"accepted\":1,\"schema\":\"EventGridSchema\",\"event\":{}} x",
    };
    struct archive_line line;

    for (size_t i = 0; i < COUNT(lines); i++) {
        test_note("row %zu", i);
        CHECK(!archive_line_read(slice_from_string(lines[i]), &line));
    }
    CHECK(archive_line_read(
        S("{\"new\":1,\"accepted\":1,\"schema\":\"EventGridSchema\",\"event\":{}}"), &line));
}

TEST(an_archive_has_a_file_an_hour)
{
    static const char *const others[] = {
        "",
        "2026-02-27T21.json",
        "2026-02-27T21.jsonl.gz",
        "2026-02-30T21.jsonl",
        "2026-02-27T24.jsonl",
        "2026-02-27 21.jsonl",
        "x026-02-27T21.jsonl",
        "2026-02-27T21.jsonl/x",
    };
    struct buffer path = {0};
    int64_t begins;

    archive_path_append(&path, S("domains/shop"), published);
    CHECK_SLICE_EQUAL(buffer_slice(&path), S("domains/shop/2026-02-27T21.jsonl"));
    CHECK(archive_path_time(buffer_slice(&path), &begins));
    CHECK_INT_EQUAL(begins, published - (23 * 60 + 52) * 1000);
    CHECK(archive_path_time(S("2026-02-27T21.jsonl"), &begins));
    for (size_t i = 0; i < COUNT(others); i++) {
        test_note("row %zu", i);
        CHECK(!archive_path_time(slice_from_string(others[i]), &begins));
    }
    buffer_release(&path);
}
