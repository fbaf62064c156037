/* The URLs of `pubgrid pub -L` and --proxy.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../cli/url.c"

#include "base/memory.h"

static char *copy_of(const char *text)
{
    return memory_copy_string(slice_from_string(text));
}

TEST(every_part_has_its_place)
{
    char *text = copy_of("mqtts://user:pa:ss@host.example:1234/a/b");
    struct url url;

    CHECK(url_parse(&url, text));
    CHECK(url.tls);
    CHECK_STRING_EQUAL(url.user_name, "user");
    CHECK_STRING_EQUAL(url.password, "pa:ss");
    CHECK_STRING_EQUAL(url.host, "host.example");
    CHECK_INT_EQUAL(url.port, 1234);
    CHECK_STRING_EQUAL(url.topic, "a/b");
    free(text);
}

TEST(most_parts_may_be_missing)
{
    char *text = copy_of("MQTT://host/topic");
    struct url url;

    CHECK(url_parse(&url, text));
    CHECK(!url.tls && url.user_name == NULL && url.password == NULL);
    CHECK_STRING_EQUAL(url.host, "host");
    CHECK_INT_EQUAL(url.port, 1883);
    CHECK_STRING_EQUAL(url.topic, "topic");
    free(text);
}

TEST(a_password_may_have_an_at_sign_and_a_host_colons)
{
    char *text = copy_of("mqtts://user:p@ss@[::1]:99/t");
    struct url url;

    CHECK(url_parse(&url, text));
    CHECK_STRING_EQUAL(url.password, "p@ss");
    CHECK_STRING_EQUAL(url.host, "::1");
    CHECK_INT_EQUAL(url.port, 99);
    free(text);
    text = copy_of("mqtts://[fe80::1]/t");
    CHECK(url_parse(&url, text));
    CHECK_STRING_EQUAL(url.host, "fe80::1");
    CHECK_INT_EQUAL(url.port, 8883);
    free(text);
}

TEST(wrong_urls_are_refused)
{
    static const char *const texts[] = {"http://host/t",      "mqtt:/host/t",    "mqtt://host",
                                        "mqtt://host:0/t",    "mqtt://host:x/t", "mqtt://[::1/t",
                                        "mqtt://host:70000/t"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *text = copy_of(texts[i]);
        struct url url;

        test_note("url %s", texts[i]);
        CHECK(!url_parse(&url, text));
        free(text);
    }
}

TEST(a_proxy_has_percent_codes)
{
    char *text = copy_of("socks5h://us%3aer:p%40s%25s@proxy");
    struct url url;

    CHECK(url_parse_proxy(&url, text));
    CHECK_STRING_EQUAL(url.user_name, "us:er");
    CHECK_STRING_EQUAL(url.password, "p@s%s");
    CHECK_STRING_EQUAL(url.host, "proxy");
    CHECK_INT_EQUAL(url.port, 1080);
    free(text);
}
