/* Where to go: URLs of the bench.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../cli/bench_endpoint.c"

/* Cuts a copy of `text` up. */
static bool parsed(struct bench_endpoint *out, const char *text)
{
    static char copy[256];
    snprintf(copy, sizeof(copy), "%s", text);
    test_note("%s", text);
    return bench_endpoint_parse(out, copy);
}

TEST(endpoints)
{
    struct bench_endpoint endpoint;
    CHECK(parsed(&endpoint, "ws://127.0.0.1:8080/client/hubs/bench?access_token=a.b:c"));
    CHECK_STRING_EQUAL(endpoint.host, "127.0.0.1");
    CHECK_INT_EQUAL(endpoint.port, 8080);
    CHECK_STRING_EQUAL(endpoint.path, "client/hubs/bench?access_token=a.b:c");
    bench_endpoint_name(&endpoint);
    CHECK_STRING_EQUAL(endpoint.name, "127.0.0.1:8080");

    CHECK(parsed(&endpoint, "ws://[::1]:81"));
    CHECK_STRING_EQUAL(endpoint.host, "::1");
    CHECK_STRING_EQUAL(endpoint.path, "");
    bench_endpoint_name(&endpoint);
    CHECK_STRING_EQUAL(endpoint.name, "[::1]:81");

    CHECK(parsed(&endpoint, "ws://host/mqtt") && endpoint.port == 80);
    CHECK(parsed(&endpoint, "mqtt://host") && endpoint.port == 1883 && endpoint.path == NULL);
    CHECK(parsed(&endpoint, "mqtt://host:1884/") && endpoint.port == 1884);
    CHECK(parsed(&endpoint, "unix:/run/pubgrid.sock"));
    CHECK_STRING_EQUAL(endpoint.unix_path, "/run/pubgrid.sock");
    bench_endpoint_name(&endpoint);
    CHECK_STRING_EQUAL(endpoint.name, "/run/pubgrid.sock");
}

TEST(what_is_no_endpoint)
{
    static const char *const rows[] = {
        "",         "host",      "http://host/", "ws://",     "ws://:80/",     "ws://host:/",
        "ws://h:x", "ws://h:0/", "ws://h:65536", "ws://[::1", "ws://[::1]80/", "mqtt://h/topic",
        "unix:"};
    struct bench_endpoint endpoint;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(!parsed(&endpoint, rows[i]));
    }
    char path[200] = "unix:/";
    memset(path + 6, 'x', 120);
    CHECK(!parsed(&endpoint, path));
}

TEST(addresses)
{
    struct bench_endpoint endpoint;
    struct sockaddr_storage address;
    socklen_t length;
    char error[128] = "";
    CHECK(parsed(&endpoint, "ws://localhost:80/"));
    CHECK(bench_endpoint_resolve(&endpoint, &address, &length, error, sizeof(error)));
    CHECK_INT_EQUAL(address.ss_family, AF_INET);
    CHECK(parsed(&endpoint, "unix:/x"));
    CHECK(bench_endpoint_resolve(&endpoint, &address, &length, error, sizeof(error)));
    CHECK_INT_EQUAL(address.ss_family, AF_UNIX);
    CHECK(parsed(&endpoint, "mqtt://not a host"));
    CHECK(!bench_endpoint_resolve(&endpoint, &address, &length, error, sizeof(error)));
    CHECK(strstr(error, "not a host") != NULL);
}
