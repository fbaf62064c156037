/* The configuration: what a good file gives, and what is said about each kind of mistake.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"

/* --- good files --- */

TEST(without_a_file_everything_has_its_default)
{
    struct buffer error = {0};
    struct config *config = config_load(NULL, NULL, 0, &error);
    CHECK(config);
    CHECK_INT_EQUAL(config->listener_count, 1);
    CHECK_STRING_EQUAL(config->listeners[0].address, "127.0.0.1");
    CHECK_INT_EQUAL(config->listeners[0].port, 1883);
    CHECK(config->listeners[0].allow_anonymous);
    CHECK(!config->password_file);
    CHECK_STRING_EQUAL(config->store_path, "/var/lib/pubgrid");
    CHECK_INT_EQUAL(config->core.receive_maximum, 1024);
    CHECK_INT_EQUAL(config->core.session_expiry_maximum, UINT32_MAX);
    config_free(config);
}

TEST(empty_files_and_comments_are_defaults)
{
    static const char *const texts[] = {"", "\n", "# nothing\n", "---\n# nothing\n", "{}\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        test_note("%s", texts[i]);
        struct config *config = load_good(texts[i]);
        CHECK_INT_EQUAL(config->listener_count, 1);
        config_free(config);
    }
}

TEST(values_in_their_units)
{
    struct config *config = load_good("workers: 3\n"
                                      "log_level: debug\n"
                                      "mqtt:\n"
                                      "  maximum_packet_size: 64KiB\n"
                                      "  retain_available: no\n"
                                      "  sys_interval: 500ms\n"
                                      "session:\n"
                                      "  expiry_maximum: 2d\n"
                                      "  queue_bytes_maximum: \"1GiB\"\n"
                                      "limits: {connect_timeout: 1m}\n");
    CHECK_INT_EQUAL(config->workers, 3);
    CHECK_INT_EQUAL(config->log_level, LOG_DEBUG);
    CHECK_INT_EQUAL(config->core.maximum_packet_size, 65536);
    CHECK(!config->core.retain_available);
    CHECK_INT_EQUAL(config->core.sys_interval_ms, 500);
    CHECK_INT_EQUAL(config->core.session_expiry_maximum, 172800);
    CHECK_INT_EQUAL(config->core.queue_bytes_maximum, INT64_C(1) << 30);
    CHECK_INT_EQUAL(config->core.connect_timeout_ms, 60000);
    config_free(config);
}

struct listener_case {
    const char *address;
    enum listener_kind kind;
    const char *host; /* or the socket's path */
    uint16_t port;
    bool anonymous;
};

TEST(addresses_of_listeners)
{
    static const struct listener_case cases[] = {
        {"tcp://127.0.0.1:1884", LISTENER_TCP, "127.0.0.1", 1884, true},
        {"tcp://127.0.0.1", LISTENER_TCP, "127.0.0.1", 1883, true},
        {"mqtt://localhost", LISTENER_TCP, "localhost", 1883, true},
        {"tcp://0.0.0.0:1883", LISTENER_TCP, "0.0.0.0", 1883, false},
        {"tcp://[::1]:22401", LISTENER_TCP, "::1", 22401, true},
        {"tcp://[::]:22401", LISTENER_TCP, "::", 22401, false},
        {"tcp://[fe80::1]", LISTENER_TCP, "fe80::1", 1883, false},
        {"tcp://::1", LISTENER_TCP, "::1", 1883, true},
        {"tcp://127.9.9.9:0", LISTENER_TCP, "127.9.9.9", 0, true},
        {"tcp://128.0.0.1:1", LISTENER_TCP, "128.0.0.1", 1, false},
        {"unix:/run/mqtt.sock", LISTENER_UNIX, "/run/mqtt.sock", 0, true},
        {"unix:///run/mqtt.sock", LISTENER_UNIX, "/run/mqtt.sock", 0, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[128];
        test_note("%s", cases[i].address);
        snprintf(text, sizeof(text), "listeners:\n  - address: \"%s\"\n", cases[i].address);
        struct config *config = load_good(text);
        CHECK_INT_EQUAL(config->listener_count, 1);
        const struct listener_config *listener = &config->listeners[0];
        CHECK_INT_EQUAL(listener->kind, cases[i].kind);
        if (listener->kind == LISTENER_UNIX) {
            const char *path = listener->path;
            CHECK_STRING_EQUAL(strncmp(path, "//", 2) == 0 ? path + 2 : path, cases[i].host);
        } else {
            CHECK_STRING_EQUAL(listener->address, cases[i].host);
        }
        CHECK_INT_EQUAL(listener->port, cases[i].port);
        CHECK_INT_EQUAL(listener->allow_anonymous, cases[i].anonymous);
        config_free(config);
    }
}

TEST(a_listener_with_everything)
{
    struct config *config = load_good("auth: {allow_anonymous: \"no\"}\n"
                                      "listeners:\n"
                                      "  - address: tls://0.0.0.0\n"
                                      "    certificate: a.pem\n"
                                      "    key: b.pem\n"
                                      "    ca: c.pem\n"
                                      "    crl: d.pem\n"
                                      "    require_client_certificate: true\n"
                                      "    use_certificate_as_user: true\n"
                                      "    allow_anonymous: true\n"
                                      "  - address: unix:/tmp/x\n"
                                      "    mode: \"0600\"\n");
    const struct listener_config *tls = &config->listeners[0], *local = &config->listeners[1];
    CHECK_INT_EQUAL(config->listener_count, 2);
    CHECK_INT_EQUAL(tls->kind, LISTENER_TLS);
    CHECK_INT_EQUAL(tls->port, 8883);
    CHECK_STRING_EQUAL(tls->crl, "d.pem");
    CHECK(tls->require_client_certificate && tls->use_certificate_as_user && tls->allow_anonymous);
    CHECK_INT_EQUAL(local->mode, 0600);
    CHECK(!local->allow_anonymous);
    config_free(config);
}

TEST(groups_and_access_rules)
{
    struct config *config = load_good("groups:\n"
                                      "  - name: operators\n"
                                      "    users: [anna, omar]\n"
                                      "access:\n"
                                      "  - group: operators\n"
                                      "    publish: [\"#\", \"$SYS/x\"]\n"
                                      "    subscribe: [\"a/%u/+\"]\n"
                                      "  - user: guest\n"
                                      "    deny: true\n"
                                      "    subscribe:\n"
                                      "      - \"news/%c\"\n");
    CHECK_INT_EQUAL(config->group_count, 1);
    CHECK_STRING_EQUAL(config->groups[0].users[1], "omar");
    CHECK_INT_EQUAL(config->access_rule_count, 4);
    const struct access_rule *rules = config->access_rules;
    CHECK_SLICE_EQUAL(rules[1].filter, SLICE_LITERAL("$SYS/x"));
    CHECK_INT_EQUAL(rules[1].actions, ACCESS_PUBLISH);
    CHECK_SLICE_EQUAL(rules[2].filter, SLICE_LITERAL("a/%u/+"));
    CHECK_SLICE_EQUAL(rules[2].group, SLICE_LITERAL("operators"));
    CHECK_SLICE_EQUAL(rules[3].user, SLICE_LITERAL("guest"));
    CHECK(rules[3].deny && rules[3].actions == ACCESS_SUBSCRIBE);
    config_free(config);
}

/* --- mistakes --- */

TEST(unknown_keys_name_the_nearest_one)
{
    check_bad("workers: 1\nmqtt:\n  recieve_maximum: 2\n",
              ":3: ", "there is no option `recieve_maximum`; write `receive_maximum` instead");
    check_bad("worker: 1\n", ":1: ", "write `workers` instead");
    check_bad("listeners:\n  - adress: tcp://127.0.0.1\n", ":2: ", "write `address` instead");
    check_bad("access:\n  - publish: [a]\n    denny: true\n", ":3: ", "write `deny` instead");
    check_bad("store:\n  qqqqqqqq: 1\n", ":2: ", "the options here are path");
    /* Every one of them is told, not only the first. */
    check_bad("wrokers: 1\nmqtt:\n  bad_one_here: 2\nstoer: {}\n", ":4: ", "write `store` instead");
}

TEST(wrong_shapes)
{
    check_bad("mqtt: 7\n", ":1: ", "a section");
    check_bad("mqtt: [a]\n", ":1: ", "a section");
    check_bad("mqtt:\n  receive_maximum: [1, 2]\n", ":2: ", "a single value");
    check_bad("workers: {a: 1}\n", ":1: ", "a single value");
    check_bad("listeners: tcp://127.0.0.1\n", ":1: ", "a list");
    check_bad("listeners:\n  address: tcp://127.0.0.1\n", ":2: ", "a list");
    check_bad("groups:\n  - ops\n", ":2: ", "a section");
    check_bad("[a]: b\n", ":1: ", "a single word");
    check_bad("- a\n- b\n", ":1: ", "a section");
    check_bad("text\n", ":1: ", "a section");
    check_bad("access:\n  - publish: a/b\n", ":2: ", "a list");
    check_bad("mqtt: &x {}\nsession: *x\n", ":2: ", "alias");
}

TEST(keys_that_stand_twice)
{
    check_bad("workers: 1\nworkers: 2\n", ":2: ", "`workers` stands in line 1 already");
    check_bad("mqtt:\n  receive_maximum: 1\n  receive_maximum: 1\n",
              ":3: ", "`mqtt.receive_maximum` stands in line 2 already");
    check_bad("workers: 1\n---\nworkers: 2\n", ":2: ", "ends at `---`");
}

TEST(short_forms)
{
    struct config *config =
        load_good("listeners: [\"tcp://127.0.0.1:1\", {address: \"unix:/a\", mode: 0600}]\n"
                  "store:\naccess:\ngroups:\n");
    CHECK_INT_EQUAL(config->listener_count, 2);
    CHECK_INT_EQUAL(config->listeners[0].port, 1);
    CHECK_INT_EQUAL(config->listeners[1].mode, 0600);
    CHECK_INT_EQUAL(config->access_rule_count, 0);
    CHECK_STRING_EQUAL(config->store_path, "/var/lib/pubgrid");
    config_free(config);
}

TEST(what_is_not_yaml)
{
    check_bad("mqtt: [1, 2\nworkers: 2\n", ":2: ", "not YAML");
    check_bad("\tworkers: 2\n", ":1: ", "not YAML");
    check_bad("a: b: c\n", ":1: ", "not YAML");
    check_bad("\"\n", "not YAML", "");
}

TEST(wrong_values)
{
    check_bad("workers: many\n", ":1: ", "`workers` is a whole number, not `many`");
    check_bad("workers: -1\n", ":1: ", "not `-1`");
    check_bad("workers: 1.5\n", ":1: ", "not `1.5`");
    check_bad("workers: 256\n", ":1: ", "between 0 and 255, not `256`");
    check_bad("workers: 99999999999999999999999\n", ":1: ", "a whole number");
    check_bad("log_level: loud\n", ":1: ", "one of error, warning, info, debug");
    check_bad("auth: {allow_anonymous: maybe}\n", ":1: ", "one of auto, yes, no");
    check_bad("mqtt:\n  maximum_packet_size: 2MB\n", ":2: ", "a size such as");
    check_bad("mqtt:\n  maximum_packet_size: 1GiB\n", ":2: ", "between");
    check_bad("mqtt:\n  receive_maximum: 0\n", ":2: ", "between 1 and 65535");
    check_bad("mqtt:\n  sys_interval: 10\n", ":2: ", "a duration");
    check_bad("mqtt:\n  sys_interval: 10 parsecs\n", ":2: ", "a duration");
    check_bad("mqtt:\n  keep_alive_maximum: 500ms\n", ":2: ", "whole seconds");
    check_bad("mqtt:\n  retain_available: 2\n", ":2: ", "one of false, true");
    check_bad("session:\n  queue_bytes_maximum: never\n", ":2: ", "a size");
}

TEST(wrong_listeners)
{
    check_bad("listeners:\n  - address: 127.0.0.1:1883\n", ":2: ", "tcp://HOST:PORT");
    check_bad("listeners:\n  - mode: \"0600\"\n", ":2: ", "tcp://HOST:PORT");
    check_bad("listeners:\n  - address: tcp://\n", ":2: ", "tcp://HOST:PORT");
    check_bad("listeners:\n  - address: tcp://a:70000\n", ":2: ", "tcp://HOST:PORT");
    check_bad("listeners:\n  - address: \"tcp://[::1:1883\"\n", ":2: ", "tcp://HOST:PORT");
    check_bad("listeners:\n  - address: \"unix:\"\n", ":2: ", "unix:/PATH");
    check_bad("listeners:\n  - address: tls://127.0.0.1\n", ":2: ", "`certificate` and `key`");
    check_bad("listeners:\n  - address: tcp://127.0.0.1\n    key: a\n", ":2: ", "tls://");
    check_bad("listeners:\n  - address: unix:/a\n    mode: \"0999\"\n", ":3: ", "octal");
    check_bad("listeners:\n  - address: tcp://127.0.0.1\n    allow_anonymous: 3\n",
              ":3: ", "true or false");
    check_bad("listeners:\n  - address: tls://a\n    certificate: a\n    key: b\n"
              "    require_client_certificate: true\n",
              ":2: ", "needs `ca`");
}

TEST(wrong_groups_and_rules)
{
    check_bad("groups:\n  - users: [a]\n", ":2: ", "needs a `name`");
    check_bad("access:\n  - user: a\n", ":2: ", "needs `publish` or `subscribe`");
    check_bad("access:\n  - publish: [\"a#\"]\n", ":2: ", "`a#` is no topic filter");
    check_bad("access:\n  - publish: [a]\n    deny: perhaps\n", ":3: ", "true or false");
}

TEST(a_file_that_is_not_there)
{
    struct buffer error = {0};
    CHECK(!config_load("/nowhere/pubgrid.yaml", NULL, 0, &error));
    buffer_append_byte(&error, '\0');
    CHECK(strstr((const char *)error.data, "/nowhere/pubgrid.yaml: cannot be read: No such file"));
    buffer_release(&error);
}

/* --- --set --- */

TEST(set_wins_over_the_file)
{
    struct buffer error = {0};
    const char *const sets[] = {"workers=5", "mqtt.receive_maximum=7", "auth.password_file=/x=y",
                                "listeners=tcp://127.0.0.1:22402,unix:/tmp/y"};
    struct config *config = load("workers: 2\nlisteners:\n  - address: tcp://127.0.0.1:22403\n",
                                 sets, COUNT(sets), &error);
    CHECK(config);
    CHECK_INT_EQUAL(config->workers, 5);
    CHECK_INT_EQUAL(config->core.receive_maximum, 7);
    CHECK_STRING_EQUAL(config->password_file, "/x=y");
    CHECK_INT_EQUAL(config->listener_count, 2);
    CHECK_INT_EQUAL(config->listeners[0].port, 22402);
    CHECK_INT_EQUAL(config->listeners[1].kind, LISTENER_UNIX);
    config_free(config);
    buffer_release(&error);
}

TEST(mistakes_in_set)
{
    static const char *const cases[][2] = {
        {"workers", "--set workers: write --set section.option=value"},
        {"=1", "write --set section.option=value"},
        {"mqtt.nothing=1", "--set mqtt.nothing: there is no such option"},
        {"workers=x", "--set workers: `workers` is a whole number"},
        {"listeners=http://a", "--set listeners: `address` is tcp://HOST:PORT"},
        {"listeners=tls://a", "needs its certificate"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        test_note("%s", cases[i][0]);
        check_sets(&cases[i][0], 1, cases[i][1]);
    }
    check_sets((const char *const[]){"workers=3"}, 1, NULL);
}

/* --- reload --- */

TEST(what_needs_a_restart)
{
    struct config *a = load_good("workers: 1\nmqtt: {receive_maximum: 3}\n");
    struct config *b = load_good("workers: 2\nmqtt: {receive_maximum: 4}\n"
                                 "store: {path: /x}\n"
                                 "listeners:\n  - address: tcp://127.0.0.1:22404\n");
    struct buffer names = {0};
    config_need_restart(a, a, &names);
    CHECK_INT_EQUAL(names.length, 0);
    config_need_restart(a, b, &names);
    CHECK_SLICE_EQUAL(buffer_slice(&names), SLICE_LITERAL("workers, store.path, listeners"));
    buffer_release(&names);
    config_free(a);
    config_free(b);
}
