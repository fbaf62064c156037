/* bridge/eventgrid/blob_event, media_type, folder_journal: files as blobs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/media_type.h"
#include "eventgrid/blob_event.h"
#include "eventgrid/folder_journal.h"
#include "test.h"
#include "json/json.h"

#define TEXT(literal) slice_from_string(literal)

static const struct blob_place place = {
    .container = SLICE_LITERAL("pictures"),
    .directory = SLICE_LITERAL("/srv/my pictures"),
};

static struct blob_change change_of(const char *path)
{
    return (struct blob_change){
        .path = TEXT(path),
        .facts = {.size = 7, .modified_ns = 1, .inode = 2},
        .sequence = 255,
        .time_ms = INT64_C(1700000000000),
    };
}

/* The text of a member of the event, or of its data, "null" if there is none; released by the
 * caller. */
static struct buffer member(const struct blob_place *where, const struct blob_change *change,
                            const char *name)
{
    struct buffer event = {0}, text = {0};
    struct json_value whole, data, value;

    blob_event_append(&event, where, change);
    CHECK(json_parse(buffer_slice(&event), &whole));
    if (!json_find_member(&whole, name, &value)) {
        CHECK(json_find_member(&whole, "data", &data));
        json_find_member(&data, name, &value);
    }
    if (value.type == JSON_STRING) {
        json_append_string_value(&text, &value);
    } else {
        buffer_append(&text, value.text);
    }
    buffer_append_byte(&text, '\0');
    buffer_release(&event);
    return text;
}

static void check_member(const struct blob_place *where, const struct blob_change *change,
                         const char *name, const char *expected)
{
    struct buffer text = member(where, change, name);

    test_note("%s", name);
    CHECK_STRING_EQUAL((const char *)text.data, expected);
    buffer_release(&text);
}

TEST(a_file_that_was_made)
{
    static const char *const members[][2] = {
        {"eventType", "Microsoft.Storage.BlobCreated"},
        {"subject", "/blobServices/default/containers/pictures/blobs/a/b c.PNG"},
        {"eventTime", "2023-11-14T22:13:20.000Z"},
        {"dataVersion", ""},
        {"api", "PutBlob"},
        {"contentType", "image/png"},
        {"contentLength", "7"},
        {"blobType", "BlockBlob"},
        {"url", "file:///srv/my%20pictures/a/b%20c.PNG"},
        {"sequencer", "000000000000000000000000000000ff"},
    };
    struct blob_change change = change_of("a/b c.PNG");

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        check_member(&place, &change, members[i][0], members[i][1]);
    }
}

TEST(a_file_that_is_gone)
{
    struct blob_change change = change_of("a.txt");

    change.is_gone = true;
    check_member(&place, &change, "eventType", "Microsoft.Storage.BlobDeleted");
    check_member(&place, &change, "api", "DeleteBlob");
    check_member(&place, &change, "contentType", "text/plain");
    check_member(&place, &change, "eTag", "null");
    check_member(&place, &change, "contentLength", "null");
}

TEST(addresses)
{
    struct blob_place web = place;
    struct blob_change change = change_of("\xC3\xA9?#%\xFF");

    web.url = TEXT("https://acct.blob.core.windows.net/pictures");
    check_member(&web, &change, "url",
                 "https://acct.blob.core.windows.net/pictures/%C3%A9%3F%23%25%FF");
    check_member(&web, &change, "subject",
                 "/blobServices/default/containers/pictures/blobs/\xC3\xA9?#%\xEF\xBF\xBD");
}

/* Do two events have the same id? */
static bool is_same(const struct blob_change *one, const struct blob_change *other)
{
    struct buffer a = member(&place, one, "id"), b = member(&place, other, "id");
    bool same = strcmp((const char *)a.data, (const char *)b.data) == 0;

    CHECK_INT_EQUAL(a.length, 37);
    CHECK_INT_EQUAL(a.data[14], '8');
    CHECK(strchr("89ab", a.data[19]));
    buffer_release(&a);
    buffer_release(&b);
    return same;
}

TEST(an_event_that_is_told_again_has_the_same_id_and_no_other_has)
{
    struct blob_change first = change_of("a"), other = first;

    other.sequence++, other.time_ms++;
    CHECK(is_same(&first, &other));
    other.is_repeated = true;
    CHECK(!is_same(&first, &other));
    other = first, other.is_gone = true;
    CHECK(!is_same(&first, &other));
    other = first, other.facts.modified_ns++;
    CHECK(!is_same(&first, &other));
    other = first, other.facts.inode++;
    CHECK(!is_same(&first, &other));
    other = change_of("b");
    CHECK(!is_same(&first, &other));
}

TEST(media_types)
{
    static const char *const rows[][2] = {
        {"a.txt", "text/plain"},
        {"A/B.JPEG", "image/jpeg"},
        {"x.tar.gz", "application/gzip"},
        {"a.7z", "application/x-7z-compressed"},
        {"a.zst", "application/zstd"},
        {"a.html", "text/html"},
        {"noname", "application/octet-stream"},
        {"a.", "application/octet-stream"},
        {"a.averylongextension", "application/octet-stream"},
        {"", "application/octet-stream"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("%s", rows[i][0]);
        CHECK_STRING_EQUAL(media_type_of(TEXT(rows[i][0])), rows[i][1]);
    }
}

/* ---------------------------------------------------------------- the journal */

static void check_again(const struct journal_line *line)
{
    struct buffer text = {0}, space = {0};
    struct journal_line again;

    journal_append(&text, line);
    CHECK(memchr(text.data, '\n', text.length) == text.data + text.length - 1);
    CHECK(journal_read(slice_make(text.data, text.length - 1), &space, &again));
    CHECK(again.kind == line->kind && again.sequence == line->sequence);
    CHECK(file_facts_equal(&again.facts, &line->facts));
    CHECK_SLICE_EQUAL(again.path, line->path);
    buffer_release(&text);
    buffer_release(&space);
}

TEST(lines_are_read_as_they_were_written)
{
    check_again(&(struct journal_line){
        .kind = JOURNAL_TOLD, .sequence = 3, .facts = {1, 2, 3}, .path = TEXT("a b/c")});
    check_again(&(struct journal_line){.kind = JOURNAL_TOLD,
                                       .sequence = UINT64_MAX,
                                       .facts = {UINT64_MAX, INT64_MAX, UINT64_MAX},
                                       .path = TEXT("\n%\t\x7F\xFF")});
    check_again(&(struct journal_line){
        .kind = JOURNAL_TOLD, .facts = {1, -5, 3}, .path = TEXT("before 1970")});
    check_again(&(struct journal_line){.sequence = 5, .path = TEXT("begun")});
    check_again(&(struct journal_line){.kind = JOURNAL_GONE, .sequence = 4, .path = TEXT(" ")});
}

TEST(what_is_no_line_is_none)
{
    static const char *const rows[] = {
        "",
        "+",
        "+ 1",
        "+ 1 2 3 4",
        "+ 1 2 3 4 ",
        "- 1",
        "- 1 ",
        "- x a",
        "* 1 a",
        "+ 1 2 3 x a",
        "+ 1 2 -3 4 %",
        "- 1 %G0",
        "- 1 /a",
        "- 1 a/",
        "- 1 a//b",
        "- 1 ../a",
        "- 1 a/../b",
        "- 1 .",
        "- 1 %00a",
        "- 1 a%2F.",
        "+ 1 2 -- 4 a",
        "+  2 3 4 a",
        "+ 1 2 3 4 a/..",
        "+ 18446744073709551616 2 3 4 a",
        "+ 1 2 9223372036854775808 4 a",
    };
    struct buffer space = {0};
    struct journal_line line;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("%s", rows[i]);
        CHECK(!journal_read(TEXT(rows[i]), &space, &line));
    }
    buffer_release(&space);
}

TEST(heads)
{
    struct buffer text = {0}, space = {0};
    struct slice directory;

    journal_append_head(&text, TEXT("/srv/a\nb"));
    CHECK(journal_read_head(slice_make(text.data, text.length - 1), &space, &directory));
    CHECK_SLICE_EQUAL(directory, TEXT("/srv/a\nb"));
    CHECK(!journal_read_head(TEXT("pubgrid-folder 2 /srv"), &space, &directory));
    CHECK(!journal_read_head(TEXT("+ 1 2 3 4 a"), &space, &directory));
    buffer_release(&text);
    buffer_release(&space);
}
