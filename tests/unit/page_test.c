/* The page: its files by path, what the browser may keep, and the negotiate answer, whose token is
 * read back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "page/page.h"

#include "secret/access_keys.h"
#include "test.h"
#include "json/json.h"

static const char key_file[] = "primary: 0123456789abcdef0123456789abcdef\n"
                               "secondary: fedcba9876543210fedcba9876543210\n";

static bool contains(struct slice text, const char *wanted)
{
    return memmem(text.data, text.length, wanted, strlen(wanted)) != NULL;
}

static struct access_keys *make_keys(void)
{
    struct buffer error = {0};
    struct access_keys *keys = access_keys_parse(slice_from_string(key_file), &error);

    CHECK(keys != NULL);
    buffer_release(&error);
    return keys;
}

/* The answer, read as JSON; "" if there is none. */
static struct buffer negotiate(const struct access_keys *keys, const struct page_visit *visit)
{
    struct buffer answer = {0}, url = {0};
    struct json_value object, member;
    struct json_walk walk;
    struct slice key;

    if (!page_negotiate(&answer, keys, visit)) {
        CHECK_INT_EQUAL(answer.length, 0);
        return url;
    }
    CHECK(json_parse(buffer_slice(&answer), &object));
    walk = json_members(&object);
    CHECK(json_next_member(&walk, &key, &member));
    CHECK(json_string_equal(key, "url"));
    json_append_string_value(&url, &member);
    CHECK(!json_next_member(&walk, &key, &member));
    buffer_release(&answer);
    return url;
}

TEST(files)
{
    static const struct {
        const char *path, *content_type, *within;
    } rows[] = {
        {"/", "text/html; charset=utf-8", "<!DOCTYPE html>"},
        {"/index.html", "text/html; charset=utf-8", "</html>"},
        {"/page.css", "text/css; charset=utf-8", "prefers-color-scheme: dark"},
        {"/theme.css", "text/css; charset=utf-8", "prefers-color-scheme: dark"},
        {"/page.js", "text/javascript; charset=utf-8", "import { ReliableClient }"},
        {"/reliable.js", "text/javascript; charset=utf-8", "export class ReliableClient"},
        {"/icon.svg", "image/svg+xml", "</svg>"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct page_file file;

        test_note("%s", rows[i].path);
        CHECK(page_find(page_files, slice_from_string(rows[i].path), &file));
        CHECK_STRING_EQUAL(file.content_type, rows[i].content_type);
        CHECK(contains(file.content, rows[i].within));
        CHECK(file.content.data[file.content.length - 1] == '\n');
    }
}

TEST(no_other_path)
{
    static const char *const paths[] = {"",        "index.html", "/page",      "/page.js?x",
                                        "/page.h", "//",         "/../page.js"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct page_file file;

        test_note("%s", paths[i]);
        CHECK(!page_find(page_files, slice_from_string(paths[i]), &file));
    }
}

TEST(tags)
{
    struct page_file script, style;
    struct buffer list = {0};

    CHECK(page_find(page_files, SLICE_LITERAL("/page.js"), &script));
    CHECK(page_find(page_files, SLICE_LITERAL("/page.css"), &style));
    CHECK(strcmp(script.tag, style.tag) != 0);
    CHECK(page_is_current(&script, slice_from_string(script.tag)));
    CHECK(page_is_current(&script, SLICE_LITERAL("*")));
    CHECK(!page_is_current(&script, SLICE_EMPTY));
    CHECK(!page_is_current(&script, slice_from_string(style.tag)));
    buffer_append_format(&list, "%s, W/%s", style.tag, script.tag);
    CHECK(page_is_current(&script, buffer_slice(&list)));
    list.length--;
    CHECK(!page_is_current(&script, buffer_slice(&list)));
    buffer_release(&list);
}

TEST(url_and_token)
{
    struct access_keys *keys = make_keys();
    struct page_visit visit = {SLICE_LITERAL("127.0.0.1:8080"), false,
                               SLICE_LITERAL("Anna \"\xc3\xbc\""), 1795467965};
    struct buffer url = negotiate(keys, &visit), claims = {0};
    static const char before[] = "ws://127.0.0.1:8080/client/hubs/playground?access_token=";

    CHECK(slice_starts_with(buffer_slice(&url), slice_from_string(before)));
    CHECK(access_keys_verify(keys, slice_from(buffer_slice(&url), sizeof(before) - 1), &claims));
    CHECK_SLICE_EQUAL(
        buffer_slice(&claims),
        SLICE_LITERAL("{\"aud\":\"http://127.0.0.1:8080/client/hubs/playground\","
                      "\"iat\":1795467965,\"exp\":1795471565,\"sub\":\"Anna \\\"\xc3\xbc\\\"\","
                      "\"role\":[\"webpubsub.joinLeaveGroup\",\"webpubsub.sendToGroup\"]}"));
    buffer_release(&claims);
    buffer_release(&url);
    access_keys_free(keys);
}

TEST(tls)
{
    struct access_keys *keys = make_keys();
    struct page_visit visit = {SLICE_LITERAL("[::1]:8443"), true, SLICE_LITERAL("bo"), 1};
    struct buffer url = negotiate(keys, &visit), claims = {0};
    static const char before[] = "wss://[::1]:8443/client/hubs/playground?access_token=";

    CHECK(slice_starts_with(buffer_slice(&url), slice_from_string(before)));
    CHECK(access_keys_verify(keys, slice_from(buffer_slice(&url), sizeof(before) - 1), &claims));
    CHECK(contains(buffer_slice(&claims), "\"aud\":\"https://[::1]:8443/client/hubs/playground\""));
    buffer_release(&claims);
    buffer_release(&url);
    access_keys_free(keys);
}

TEST(refused)
{
    static const struct {
        const char *host, *user;
    } rows[] = {
        {"127.0.0.1", ""},     {"", "anna"},       {"a/b", "anna"},  {"a\"b", "anna"},
        {"user@host", "anna"}, {"host?x", "anna"}, {"host", "\xff"}, {"host", "\xed\xa0\x80"},
    };
    struct access_keys *keys = make_keys();
    uint8_t name[PAGE_USER_MAX + 1];
    struct page_visit visit = {SLICE_LITERAL("host"), false, SLICE_EMPTY, 1};
    struct buffer url;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("%s %s", rows[i].host, rows[i].user);
        visit.host = slice_from_string(rows[i].host);
        visit.user = slice_from_string(rows[i].user);
        CHECK_INT_EQUAL(negotiate(keys, &visit).length, 0);
    }
    memset(name, 'a', sizeof(name));
    visit.host = SLICE_LITERAL("host");
    visit.user = slice_make(name, sizeof(name));
    CHECK_INT_EQUAL(negotiate(keys, &visit).length, 0);
    visit.user.length--;
    url = negotiate(keys, &visit);
    CHECK(url.length > 0);
    buffer_release(&url);
    access_keys_free(keys);
}
