/* What is configured for a hub is what the bridge goes by: every setting, and the default last; and
 * what is set at run time goes before.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"
#include "hubs.h"

static const struct hub_settings *find(const struct hub_tables *hubs, const char *name)
{
    size_t count;
    const struct hub_settings *table = hub_tables_current(hubs, &count);
    CHECK_STRING_EQUAL(table[count - 1].name, "_default");
    return hub_settings_find(table, count, slice_from_string(name));
}

static void set(struct hub_tables *hubs, const char *name, const char *json)
{
    struct buffer error = {0};
    if (!hub_tables_set(hubs, slice_from_string(name), slice_from_string(json), &error)) {
        test_fail(__FILE__, __LINE__, "refused: %.*s", SLICE_PRINT(error));
    }
    buffer_release(&error);
}

/* As when the broker is there, without any hub that is set. */
static void tell_nothing(struct hub_tables *hubs)
{
    hub_tables_begin(hubs);
    hub_tables_complete(hubs);
}

TEST(each_setting_arrives)
{
    struct config *config = load_good("hubs:\n"
                                      "  - name: _default\n"
                                      "    recovery_window: 3s\n"
                                      "  - name: Chat\n"
                                      "    anonymous_connect_policy: allow\n"
                                      "    web_socket_keep_alive_interval: 7s\n"
                                      "    recovery_window: 8s\n"
                                      "    queue_messages_maximum: 9\n"
                                      "    queue_bytes_maximum: 2KiB\n"
                                      "    reliable_messages_maximum: 11\n"
                                      "    reliable_bytes_maximum: 3KiB\n"
                                      "    retained_on_join: false\n"
                                      "    wildcards: true\n"
                                      "    protobuf_json_as_text: true\n"
                                      "    event_handlers: [{url_template: http://a}]\n"
                                      "    event_listeners: [{topic: a}, {topic: b}]\n");
    struct hub_tables *hubs = hub_tables_new(config);
    const struct hub_settings *chat = find(hubs, "chat"), *others = find(hubs, "other");
    CHECK_STRING_EQUAL(chat->name, "chat");
    CHECK(chat->anonymous_allowed && !chat->retained_on_join);
    CHECK(chat->wildcards && chat->protobuf_json_as_text);
    CHECK_INT_EQUAL(chat->keep_alive_s, 7);
    CHECK_INT_EQUAL(chat->recovery_s, 8);
    CHECK_INT_EQUAL(chat->queue_messages, 9);
    CHECK_INT_EQUAL(chat->queue_bytes, 2048);
    CHECK_INT_EQUAL(chat->reliable_messages, 11);
    CHECK_INT_EQUAL(chat->reliable_bytes, 3072);
    CHECK_INT_EQUAL(chat->event_handler_count, 1);
    CHECK_STRING_EQUAL(chat->event_handlers[0].url_template, "http://a");
    CHECK_INT_EQUAL(chat->event_listener_count, 2);
    CHECK_STRING_EQUAL(chat->event_listeners[1].topic, "b");
    CHECK_STRING_EQUAL(others->name, "_default");
    CHECK(!others->anonymous_allowed && others->retained_on_join);
    CHECK(!others->wildcards && !others->protobuf_json_as_text);
    CHECK_INT_EQUAL(others->recovery_s, 3);
    CHECK_INT_EQUAL(others->queue_messages, 10000);
    hub_tables_free(hubs);
    config_free(config);
}

TEST(run_time_goes_before)
{
    struct config *config = load_good("hubs:\n"
                                      "  - {name: chat, recovery_window: 8s, wildcards: true}\n"
                                      "  - {name: news, recovery_window: 9s}\n");
    struct hub_tables *hubs = hub_tables_new(config);
    tell_nothing(hubs);
    set(hubs, "chat", "{\"recoveryWindowInSeconds\":80}");
    CHECK_INT_EQUAL(find(hubs, "chat")->recovery_s, 80);
    CHECK(!find(hubs, "chat")->wildcards); /* all of it, not single settings */
    CHECK_INT_EQUAL(find(hubs, "news")->recovery_s, 9);
    set(hubs, "new", "{\"recoveryWindowInSeconds\":70}");
    CHECK_INT_EQUAL(find(hubs, "new")->recovery_s, 70);
    set(hubs, "_default", "{\"recoveryWindowInSeconds\":60}");
    CHECK_INT_EQUAL(find(hubs, "any")->recovery_s, 60);
    CHECK_INT_EQUAL(find(hubs, "new")->recovery_s, 70);
    set(hubs, "chat", "");
    CHECK_INT_EQUAL(find(hubs, "chat")->recovery_s, 8);
    set(hubs, "new", "");
    CHECK_INT_EQUAL(find(hubs, "new")->recovery_s, 60);
    set(hubs, "_default", "");
    CHECK_INT_EQUAL(find(hubs, "new")->recovery_s, 30);
    set(hubs, "never_set", "");
    hub_tables_free(hubs);
    config_free(config);
}

TEST(what_is_not_told_again_is_gone)
{
    struct config *config = load_good("");
    struct hub_tables *hubs = hub_tables_new(config);
    hub_tables_begin(hubs);
    set(hubs, "a", "{\"recoveryWindowInSeconds\":1}");
    set(hubs, "b", "{\"recoveryWindowInSeconds\":2}");
    CHECK_INT_EQUAL(find(hubs, "a")->recovery_s, 30); /* not before all are there */
    hub_tables_complete(hubs);
    CHECK_INT_EQUAL(find(hubs, "a")->recovery_s, 1);
    CHECK_INT_EQUAL(find(hubs, "b")->recovery_s, 2);
    /* The broker was restarted; meanwhile another process took `a` away. */
    hub_tables_begin(hubs);
    CHECK_INT_EQUAL(find(hubs, "a")->recovery_s, 1);
    set(hubs, "b", "{\"recoveryWindowInSeconds\":2}");
    hub_tables_complete(hubs);
    CHECK_INT_EQUAL(find(hubs, "a")->recovery_s, 30);
    CHECK_INT_EQUAL(find(hubs, "b")->recovery_s, 2);
    hub_tables_free(hubs);
    config_free(config);
}

TEST(a_new_configuration_keeps_what_is_set)
{
    struct config *config = load_good("hubs: [{name: chat, recovery_window: 8s}]\n");
    struct config *next = load_good("hubs: [{name: chat, recovery_window: 7s},"
                                    "{name: b, recovery_window: 6s}]\n");
    struct hub_tables *hubs = hub_tables_new(config);
    tell_nothing(hubs);
    set(hubs, "chat", "{\"recoveryWindowInSeconds\":80}");
    hub_tables_set_config(hubs, next);
    CHECK_INT_EQUAL(find(hubs, "chat")->recovery_s, 80);
    CHECK_INT_EQUAL(find(hubs, "b")->recovery_s, 6);
    set(hubs, "chat", "");
    CHECK_INT_EQUAL(find(hubs, "chat")->recovery_s, 7);
    hub_tables_free(hubs);
    config_free(config);
    config_free(next);
}

TEST(who_holds_settings_keeps_them)
{
    struct config *config = load_good("");
    struct hub_tables *hubs = hub_tables_new(config);
    tell_nothing(hubs);
    set(hubs, "chat",
        "{\"recoveryWindowInSeconds\":1,\"eventHandlers\":"
        "[{\"urlTemplate\":\"http://one\"}]}");
    const struct hub_settings *old = find(hubs, "chat");
    hub_settings_hold(old);
    for (int i = 2; i < 10; i++) {
        char json[64];
        snprintf(json, sizeof(json), "{\"recoveryWindowInSeconds\":%d}", i);
        set(hubs, "chat", json);
    }
    CHECK_INT_EQUAL(old->recovery_s, 1); /* ASan sees it if they were freed */
    CHECK_STRING_EQUAL(old->event_handlers[0].url_template, "http://one");
    CHECK_INT_EQUAL(find(hubs, "chat")->recovery_s, 9);
    hub_settings_release(old);
    /* The same again changes nothing. */
    const struct hub_settings *now = find(hubs, "chat");
    set(hubs, "chat", "{\"recoveryWindowInSeconds\":9}");
    CHECK(find(hubs, "chat") == now);
    hub_tables_free(hubs);
    config_free(config);
}

TEST(what_is_not_good_changes_nothing)
{
    static const struct {
        const char *name, *json, *said;
    } rows[] = {
        {"Chat", "{}", "no such name"}, {"a/b", "{}", "no such name"},
        {"", "{}", "no such name"},     {"chat", "{\"wildcard\":1}", "write `wildcards` instead"},
        {"chat", "x", "a JSON object"},
    };
    struct config *config = load_good("hubs: [{name: chat, recovery_window: 8s}]\n");
    struct hub_tables *hubs = hub_tables_new(config);
    tell_nothing(hubs);
    const struct hub_settings *before = find(hubs, "chat");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer error = {0};
        test_note("%s", rows[i].json);
        CHECK(!hub_tables_set(hubs, slice_from_string(rows[i].name),
                              slice_from_string(rows[i].json), &error));
        buffer_append_byte(&error, '\0');
        CHECK(strstr((const char *)error.data, rows[i].said));
        CHECK(find(hubs, "chat") == before);
        buffer_release(&error);
    }
    hub_tables_free(hubs);
    config_free(config);
}

TEST(as_json)
{
    struct config *config = load_good("hubs: [{name: chat, recovery_window: 8s}]\n");
    struct hub_tables *hubs = hub_tables_new(config);
    struct buffer list = {0}, one = {0}, other = {0};
    tell_nothing(hubs);
    set(hubs, "new", "{\"wildcards\":true}");
    hub_tables_append_list(hubs, &list);
    buffer_append_byte(&list, '\0');
    const char *text = (const char *)list.data;
    CHECK(strstr(text, "{\"name\":\"chat\",\"source\":\"configuration\",\"settings\":{"));
    CHECK(strstr(text, "{\"name\":\"new\",\"source\":\"runTime\",\"settings\":{"));
    CHECK(strstr(text, "{\"name\":\"_default\",\"source\":\"configuration\",\"settings\":{"));
    hub_tables_append_settings(hubs, SLICE_LITERAL("chat"), &one);
    buffer_append_byte(&one, '\0');
    CHECK(strstr((const char *)one.data, "\"recoveryWindowInSeconds\":8,"));
    hub_tables_append_settings(hubs, SLICE_LITERAL("nobody_knows"), &other);
    buffer_append_byte(&other, '\0');
    CHECK(strstr((const char *)other.data, "\"recoveryWindowInSeconds\":30,"));
    buffer_release(&list);
    buffer_release(&one);
    buffer_release(&other);
    hub_tables_free(hubs);
    config_free(config);
}
