/* The bridge's part of the configuration: listeners, paths, hubs, and what is said about mistakes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <unistd.h>

#include "config_fixture.h"

#define LETTERS_50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"

static const struct hub_config *find_hub(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->hub_count; i++) {
        if (strcmp(config->hubs[i].name, name) == 0) {
            return &config->hubs[i];
        }
    }
    test_fail(__FILE__, __LINE__, "there is no hub %s", name);
}

/* --- good files --- */

TEST(without_a_word_there_is_one_bridge_on_loopback)
{
    struct config *config = load_good("store: {path: /srv/x}\n");
    const struct bridge_config *bridge = &config->bridge;
    CHECK_INT_EQUAL(bridge->processes, 1);
    CHECK_INT_EQUAL(bridge->listener_count, 1);
    CHECK_STRING_EQUAL(bridge->listeners[0].address, "127.0.0.1");
    CHECK_INT_EQUAL(bridge->listeners[0].port, 8080);
    CHECK(!bridge->listeners[0].tls && bridge->listeners[0].page);
    CHECK_STRING_EQUAL(bridge->trunk, "/srv/x/trunk.sock");
    CHECK_STRING_EQUAL(bridge->keys, "/srv/x/keys");
    CHECK(!bridge->public_endpoints && !bridge->ignore_audience_host);
    CHECK_INT_EQUAL(bridge->maximum_message_size, 1 << 20);
    config_free(config);
}

TEST(a_bridge_with_everything)
{
    struct config *config = load_good("bridge:\n"
                                      "  processes: 3\n"
                                      "  trunk: /run/t\n"
                                      "  keys: /run/k\n"
                                      "  ignore_audience_host: true\n"
                                      "  maximum_message_size: 64KiB\n"
                                      "  listeners:\n"
                                      "    - http://[::]\n"
                                      "    - address: https://localhost\n"
                                      "      certificate: a.pem\n"
                                      "      key: b.pem\n"
                                      "  public_endpoints: [\"https://a.example/\", "
                                      "\"http://b:81\"]\n");
    const struct bridge_config *bridge = &config->bridge;
    const struct http_listener_config *plain = &bridge->listeners[0], *tls = &bridge->listeners[1];
    CHECK_INT_EQUAL(bridge->processes, 3);
    CHECK_STRING_EQUAL(bridge->trunk, "/run/t");
    CHECK_STRING_EQUAL(bridge->keys, "/run/k");
    CHECK(bridge->ignore_audience_host);
    CHECK_INT_EQUAL(bridge->maximum_message_size, 65536);
    CHECK_INT_EQUAL(bridge->listener_count, 2);
    CHECK_STRING_EQUAL(plain->address, "::");
    CHECK(plain->port == 8080 && !plain->tls && !plain->page);
    CHECK_STRING_EQUAL(tls->certificate, "a.pem");
    CHECK(tls->port == 8443 && tls->tls && tls->page);
    CHECK_INT_EQUAL(bridge->public_endpoint_count, 2);
    CHECK_STRING_EQUAL(bridge->public_endpoints[0], "https://a.example");
    CHECK_STRING_EQUAL(bridge->public_endpoints[1], "http://b:81");
    CHECK(!bridge->public_endpoints[2]);
    config_free(config);
}

static void check_host(const char *text, const char *expected)
{
    struct config *config = load_good(text);
    struct buffer host = {0};

    bridge_config_append_host(&host, &config->bridge);
    CHECK_SLICE_EQUAL(buffer_slice(&host), slice_from_string(expected));
    buffer_release(&host);
    config_free(config);
}

TEST(the_host_that_it_is_known_by)
{
    char name[HOST_NAME_MAX + 1] = "";

    CHECK_INT_EQUAL(gethostname(name, sizeof(name) - 1), 0);
    check_host("", "127.0.0.1");
    check_host("bridge:\n  public_endpoints: [\"https://a.example:8443\", \"http://b\"]\n",
               "a.example");
    check_host("bridge:\n  public_endpoints: [\"https://[::1]:8443\"]\n", "[::1]");
    check_host("bridge:\n  listeners:\n    - address: http://0.0.0.0:80\n"
               "    - address: http://10.0.0.7:81\n",
               "10.0.0.7");
    check_host("bridge:\n  listeners:\n    - address: http://0.0.0.0:80\n", name);
}

TEST(pages_and_metrics_are_where_they_are_wanted)
{
    static const struct {
        const char *page;
        bool loopback, everywhere;
    } cases[] = {{"auto", true, false}, {"\"yes\"", true, true}, {"\"no\"", false, false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[128];
        test_note("%s", cases[i].page);
        snprintf(text, sizeof(text),
                 "bridge: {page: %s, console: %s, metrics: %s, "
                 "listeners: [\"http://127.0.0.1\", \"http://0.0.0.0\"]}\n",
                 cases[i].page, cases[i].page, cases[i].page);
        struct config *config = load_good(text);
        CHECK_INT_EQUAL(config->bridge.listeners[0].page, cases[i].loopback);
        CHECK_INT_EQUAL(config->bridge.listeners[1].page, cases[i].everywhere);
        CHECK_INT_EQUAL(config->bridge.listeners[0].console, cases[i].loopback);
        CHECK_INT_EQUAL(config->bridge.listeners[1].console, cases[i].everywhere);
        CHECK_INT_EQUAL(config->bridge.listeners[0].metrics, cases[i].loopback);
        CHECK_INT_EQUAL(config->bridge.listeners[1].metrics, cases[i].everywhere);
        config_free(config);
    }
}

TEST(the_default_hub_is_always_there_and_the_last)
{
    struct config *config = load_good("");
    CHECK_INT_EQUAL(config->hub_count, 1);
    const struct hub_config *hub = &config->hubs[0];
    CHECK_STRING_EQUAL(hub->name, HUB_DEFAULT);
    CHECK_INT_EQUAL(hub->anonymous_connect_policy, ANONYMOUS_CONNECT_DENY);
    CHECK_INT_EQUAL(hub->keep_alive_s, 20);
    CHECK_INT_EQUAL(hub->recovery_s, 30);
    CHECK_INT_EQUAL(hub->queue_messages, 10000);
    CHECK_INT_EQUAL(hub->reliable_messages, 100000);
    CHECK_INT_EQUAL(hub->queue_bytes, 16 << 20);
    CHECK(hub->retained_on_join && !hub->wildcards && !hub->protobuf_json_as_text);
    config_free(config);

    config = load_good("hubs:\n"
                       "  - name: _default\n"
                       "    wildcards: true\n"
                       "  - name: Chat\n"
                       "    anonymous_connect_policy: allow\n"
                       "    web_socket_keep_alive_interval: 1m\n"
                       "  - name: \"a_`,.[]9\"\n");
    CHECK_INT_EQUAL(config->hub_count, 3);
    CHECK_STRING_EQUAL(config->hubs[2].name, HUB_DEFAULT);
    CHECK(config->hubs[2].wildcards);
    CHECK_INT_EQUAL(find_hub(config, "chat")->anonymous_connect_policy, ANONYMOUS_CONNECT_ALLOW);
    CHECK_INT_EQUAL(find_hub(config, "chat")->keep_alive_s, 60);
    CHECK_INT_EQUAL(find_hub(config, "chat")->recovery_s, 30);
    CHECK(!find_hub(config, "chat")->wildcards);
    CHECK_INT_EQUAL(find_hub(config, "a_`,.[]9")->keep_alive_s, 20);
    config_free(config);
}

/* --- mistakes --- */

TEST(unknown_keys_of_the_bridge_name_the_nearest_one)
{
    check_bad("bridge:\n  proceses: 2\n", ":2: ", "write `processes` instead");
    check_bad("brigde: {}\n", ":1: ", "write `bridge` instead");
    check_bad("bridge:\n  listeners:\n    - adress: http://a\n", ":3: ", "write `address` instead");
    check_bad("hub:\n  - name: a\n", ":1: ", "write `hubs` instead");
    check_bad("hubs:\n  - name: a\n    recovery_windows: 3s\n",
              ":3: ", "write `recovery_window` instead");
    check_bad("hubs:\n  - chat\n", ":2: ", "a section");
    check_bad("hubs: chat\n", ":1: ", "a list");
    check_bad("bridge:\n  public_endpoints: https://a\n", ":2: ", "a list");
}

TEST(wrong_values_of_the_bridge)
{
    check_bad("bridge:\n  processes: 65\n", ":2: ", "between 0 and 64");
    check_bad("bridge:\n  page: maybe\n", ":2: ", "one of auto, yes, no");
    check_bad("bridge:\n  maximum_message_size: 1\n", ":2: ", "between 1KiB and 256MiB");
    check_bad("bridge:\n  listeners: [\"tcp://127.0.0.1\"]\n", ":2: ", "http://HOST:PORT");
    check_bad("bridge:\n  listeners:\n    - address: http://a:b\n", ":3: ", "http://HOST:PORT");
    check_bad("bridge:\n  listeners:\n    - address: https://a\n      key: k\n",
              ":3: ", "needs `certificate` and `key`");
    check_bad("bridge:\n  listeners:\n    - address: http://a\n      key: k\n",
              ":3: ", "go with an https:// address");
    check_bad("bridge:\n  public_endpoints:\n    - pubsub.example.com\n", ":3: ", "a URL");
    check_bad("bridge:\n  public_endpoints:\n    - https://a/b\n", ":3: ", "without path");
    check_bad("bridge:\n  public_endpoints:\n    - https://\n", ":3: ", "a URL");
}

TEST(wrong_hubs)
{
    check_bad("hubs:\n  - wildcards: true\n", ":2: ", "needs a `name`");
    check_bad("hubs:\n  - name: 9a\n", ":2: ", "not `9a`");
    check_bad("hubs:\n  - name: \"a b\"\n", ":2: ", "not `a b`");
    check_bad("hubs:\n  - name: a" LETTERS_50 LETTERS_50 "ffffffffffgggggggggghhhhhhhh\n",
              ":2: ", "up to 127");
    check_bad("hubs:\n  - name: a\n  - name: A\n", ":3: ", "the hub `a`");
    check_bad("hubs:\n  - name: a\n    web_socket_keep_alive_interval: 121s\n",
              ":3: ", "between 1s and 2m");
    check_bad("hubs:\n  - name: a\n    anonymous_connect_policy: maybe\n",
              ":3: ", "one of deny, allow");
    check_bad("hubs:\n  - name: a\n    wildcards: 3\n", ":3: ", "one of false, true");
}

/* sun_path has room for 107 bytes and the end. */
TEST(the_trunk_needs_a_short_path)
{
    static const char longest[] = "/" LETTERS_50 LETTERS_50 "ffffff";
    char text[256];
    snprintf(text, sizeof(text), "bridge:\n  processes: 1\n  trunk: %s\n", longest);
    config_free(load_good(text));
    snprintf(text, sizeof(text), "bridge:\n  processes: 1\n  trunk: %sg\n", longest);
    check_bad(text, ":3: ", "at most 107 bytes");
    snprintf(text, sizeof(text), "bridge: {}\nstore:\n  path: %s\n", longest);
    check_bad(text, ":1: ", "at most 107 bytes");
    snprintf(text, sizeof(text), "bridge: {processes: 0}\nstore:\n  path: %s\n", longest);
    config_free(load_good(text));
}

/* --- --set, reload --- */

TEST(set_of_the_bridges_lists)
{
    struct buffer error = {0};
    const char *const sets[] = {"bridge.listeners=http://127.0.0.1:81,http://[::1]:82",
                                "bridge.public_endpoints=https://x,https://y", "bridge.trunk=/t"};
    struct config *config =
        load("bridge: {listeners: [\"http://a\"], public_endpoints: [\"http://b\"]}\n", sets,
             COUNT(sets), &error);
    CHECK(config);
    CHECK_INT_EQUAL(config->bridge.listener_count, 2);
    CHECK_INT_EQUAL(config->bridge.listeners[1].port, 82);
    CHECK_INT_EQUAL(config->bridge.public_endpoint_count, 2);
    CHECK_STRING_EQUAL(config->bridge.public_endpoints[1], "https://y");
    CHECK_STRING_EQUAL(config->bridge.trunk, "/t");
    config_free(config);
    buffer_release(&error);
    check_sets((const char *const[]){"bridge.public_endpoints="}, 1, NULL);
    check_sets((const char *const[]){"bridge.listeners=tcp://a"}, 1, "http://HOST:PORT");
    check_sets((const char *const[]){"bridge.listeners=https://a"}, 1, "needs its certificate");
    check_sets((const char *const[]){"bridge.listener=http://a"}, 1,
               "write `bridge.listeners` instead");
    check_sets((const char *const[]){"bridge.proceses=2"}, 1, "write `bridge.processes` instead");
}

TEST(what_of_the_bridge_needs_a_restart)
{
    struct config *a = load_good("hubs: [{name: a}]\n");
    struct config *b = load_good("bridge: {processes: 2, listeners: [\"http://127.0.0.1:1\"], "
                                 "ignore_audience_host: yes, public_endpoints: [\"http://b\"]}\n");
    struct buffer names = {0};
    config_need_restart(a, b, &names);
    CHECK_SLICE_EQUAL(buffer_slice(&names), SLICE_LITERAL("bridge.processes, bridge.listeners"));
    buffer_release(&names);
    config_free(a);
    config_free(b);
}
