/* Event handlers and listeners of hubs: in the configuration file, and with the other settings of a
 * hub as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"

#define HUB "hubs:\n  - name: chat\n"

static void check_handler(const struct event_handler *handler)
{
    CHECK_STRING_EQUAL(handler->url_template, "http://127.0.0.1:3000/{hub}/{event}?code=a");
    CHECK_STRING_EQUAL(handler->user_event_pattern, "a.b,c");
    CHECK_INT_EQUAL(handler->system_events, SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECT) |
                                                SYSTEM_EVENT_BIT(SYSTEM_EVENT_DISCONNECTED) |
                                                SYSTEM_EVENT_BIT(SYSTEM_EVENT_LEFT));
    CHECK_STRING_EQUAL(handler->group_filters[0], "room.*");
    CHECK_STRING_EQUAL(handler->group_filters[1], "g**");
    CHECK(!handler->group_filters[2]);
    CHECK_INT_EQUAL(handler->timeout_ms, 1500);
    CHECK_INT_EQUAL(handler->attempts, 2);
    CHECK(handler->skips_validation);
}

static void check_listener(const struct event_listener *listener)
{
    CHECK_STRING_EQUAL(listener->topic, "log/{hub}/{event}");
    CHECK_STRING_EQUAL(listener->user_event_pattern, "*");
    CHECK_INT_EQUAL(listener->system_events, SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECTED) |
                                                 SYSTEM_EVENT_BIT(SYSTEM_EVENT_JOINED));
    CHECK(!listener->group_filters);
}

/* --- the file --- */

static const char everything[] =
    HUB "    event_handlers:\n"
        "      - url_template: \"http://127.0.0.1:3000/{hub}/{event}?code=a\"\n"
        "        user_event_pattern: a.b , c\n"
        "        system_events: [disconnected, connect]\n"
        "        group_presence_events:\n"
        "          event_names: [left]\n"
        "          group_filters: [\"room.*\", \"g**\"]\n"
        "        timeout: 1500ms\n"
        "        attempts: 2\n"
        "        skip_validation: true\n"
        "      - url_template: https://example.com\n"
        "    event_listeners:\n"
        "      - topic: log/{hub}/{event}\n"
        "        user_event_pattern: \"*\"\n"
        "        system_events: [connected]\n"
        "        group_presence_events: {event_names: [joined]}\n";

TEST(all_that_can_be_said_about_events)
{
    struct config *config = load_good(everything);
    const struct hub_config *hub = &config->hubs[0];
    CHECK_INT_EQUAL(hub->event_handler_count, 2);
    check_handler(&hub->event_handlers[0]);
    const struct event_handler *plain = &hub->event_handlers[1];
    CHECK_STRING_EQUAL(plain->user_event_pattern, "");
    CHECK_INT_EQUAL(plain->system_events, 0);
    CHECK(!plain->group_filters && !plain->skips_validation);
    CHECK_INT_EQUAL(plain->timeout_ms, 100000);
    CHECK_INT_EQUAL(plain->attempts, 4);
    CHECK_INT_EQUAL(hub->event_listener_count, 1);
    check_listener(&hub->event_listeners[0]);
    CHECK_INT_EQUAL(config->hubs[1].event_handler_count, 0);
    CHECK_INT_EQUAL(config->hubs[1].event_listener_count, 0);
    config_free(config);
}

TEST(events_that_are_printed_can_be_loaded)
{
    struct config *config = load_good(everything);
    char *text = print(config);
    struct config *again = load_good(text);
    char *text_again = print(again);
    CHECK_STRING_EQUAL(text_again, text);
    check_handler(&again->hubs[0].event_handlers[0]);
    check_listener(&again->hubs[0].event_listeners[0]);
    free(text_again);
    free(text);
    config_free(again);
    config_free(config);
}

TEST(urls_that_are_good)
{
    static const char *const urls[] = {
        "http://a",
        "https://a.example:8443/x?y=%20&z={event}",
        "http://[::1]:80/{event}/{hub}",
        "http://a?{event}",
    };
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct buffer text = {0};
        buffer_append_format(&text, HUB "    event_handlers: [{url_template: \"%s\"}]\n", urls[i]);
        buffer_append_byte(&text, '\0');
        struct config *config = load_good((const char *)text.data);
        CHECK_STRING_EQUAL(config->hubs[0].event_handlers[0].url_template, urls[i]);
        config_free(config);
        buffer_release(&text);
    }
}

/* One line below the hub, as a handler or listener. */
static void check_bad_entry(const char *list, const char *entry, const char *said)
{
    struct buffer text = {0};
    const char *plain =
        strcmp(list, "event_handlers") == 0 ? "url_template: http://a" : "topic: events/{event}";
    bool is_first = strncmp(entry, plain, strcspn(plain, ":")) == 0;
    buffer_append_format(&text, HUB "    %s:\n      - %s\n", list, is_first ? entry : plain);
    if (!is_first) {
        buffer_append_format(&text, "        %s\n", entry);
    }
    buffer_append_byte(&text, '\0');
    check_bad((const char *)text.data, is_first ? ":4: " : ":5: ", said);
    buffer_release(&text);
}

TEST(what_is_wrong_with_handlers)
{
    static const struct {
        const char *entry, *said;
    } rows[] = {
        {"url_template: ftp://a/{event}", "begins with http://HOST:PORT"},
        {"url_template: a.example/{event}", "is a URL such as http://"},
        {"url_template: \"\"", "is a URL such as http://"},
        {"url_template: \"http:///{event}\"", "begins with http://HOST:PORT"},
        {"url_template: \"http://a:99999/\"", "begins with http://HOST:PORT"},
        {"url_template: \"http://u:p@a/\"", "begins with http://HOST:PORT"},
        {"url_template: \"http://{event}.example/\"", "in the path and in the query only"},
        {"url_template: \"http://a/{events}\"", "no braces but those of {hub} and {event}"},
        {"url_template: \"http://a/}{\"", "no braces but those of {hub} and {event}"},
        {"url_template: \"http://a/ b\"", "is a URL such as"},
        {"url_template: \"http://a/\\u00e4\"", "is a URL such as"},
        {"url_template: \"http://a/#x\"", "is a URL such as"},
        {"user_event_pattern: \"a,,b\"", "names with commas between, not `a,,b`"},
        {"user_event_pattern: \"a*\"", "names with commas between, not `a*`"},
        {"user_event_pattern: \"*,a\"", "names with commas between"},
        {"user_event_pattern: \"1a\"", "names with commas between"},
        {"system_events: [conect]", "one of connect, connected, disconnected, not `conect`"},
        {"system_events: [joined]", "one of connect, connected, disconnected, not `joined`"},
        {"system_events: connect", "a list"},
        {"group_presence_events: {event_names: [came]}", "one of joined, left, not `came`"},
        {"group_presence_events: {event_names: [left], group_filters: [\"a\\\\b\"]}",
         "`a\\b` is a backslash"},
        {"group_presence_events: {group_filters: [a]}", "`group_filters` needs `event_names`"},
        {"group_presence_events: {event_name: [left]}", "write `event_names` instead"},
        {"timeout: 99ms", "`timeout` is between 100ms and 10m, not `99ms`"},
        {"timeout: 100", "`timeout` is a duration"},
        {"attempts: 0", "`attempts` is between 1 and 10, not `0`"},
        {"attempts: 11", "`attempts` is between 1 and 10"},
        {"skip_validation: maybe", "`skip_validation` is one of false, true"},
        {"url: http://a", "there is no option `url`"},
        {"auth: {type: None}", "there is no option `auth`"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_bad_entry("event_handlers", rows[i].entry, rows[i].said);
    }
    check_bad(HUB "    event_handlers: [http://a/]\n", ":3: ", "a section");
}

TEST(what_is_wrong_with_listeners)
{
    static const struct {
        const char *entry, *said;
    } rows[] = {
        {"topic: \"\"", "an MQTT topic such as"},
        {"topic: \"$SYS/x\"", "without $ in front"},
        {"topic: \"a/+\"", "without wildcards"},
        {"topic: \"a/{user}\"", "no braces but those of {hub} and {event}"},
        {"system_events: [connect]", "one of connected, disconnected, not `connect`"},
        {"user_event_pattern: \"a b\"", "names with commas between"},
        {"timeout: 1s", "there is no option `timeout`"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_bad_entry("event_listeners", rows[i].entry, rows[i].said);
    }
}

TEST(too_many_handlers)
{
    struct buffer text = {0};
    buffer_append_string(&text, HUB "    event_handlers:\n");
    for (int i = 0; i < 101; i++) {
        buffer_append_string(&text, "      - url_template: http://a\n");
    }
    buffer_append_byte(&text, '\0');
    check_bad((const char *)text.data, ":3: ", "at most 100 `event_handlers`, not 101");
    buffer_release(&text);
}

/* --- JSON --- */

static bool read_json(const char *json, struct hub_config *hub, struct buffer *error)
{
    bool good = hub_config_from_json(slice_from_string(json), SLICE_LITERAL("chat"), hub, error);
    buffer_append_byte(error, '\0');
    return good;
}

TEST(json_says_the_same)
{
    static const char json[] =
        "{\"eventHandlers\":[{\"urlTemplate\":\"http://127.0.0.1:3000/{hub}/{event}?code=a\","
        "\"userEventPattern\":\"a.b, c\",\"systemEvents\":[\"connect\",\"disconnected\"],"
        "\"auth\":{\"type\":\"None\"},\"groupPresenceEvents\":{\"eventNames\":[\"left\"],"
        "\"groupFilters\":[\"room.*\",\"g**\"]},\"timeoutInMilliseconds\":1500,\"attempts\":2,"
        "\"skipValidation\":true}],"
        "\"eventListeners\":[{\"topic\":\"log/{hub}/{event}\",\"userEventPattern\":\"*\","
        "\"systemEvents\":[\"connected\"],\"groupPresenceEvents\":{\"eventNames\":[\"joined\"]}}],"
        "\"anonymousConnectPolicy\":\"allow\",\"webSocketKeepAliveIntervalInSeconds\":7,"
        "\"recoveryWindowInSeconds\":8,\"queueMessagesMaximum\":9,\"queueBytesMaximum\":2048,"
        "\"reliableMessagesMaximum\":11,\"reliableBytesMaximum\":3072,\"retainedOnJoin\":false,"
        "\"wildcards\":true,\"protobufJsonAsText\":true}";
    struct buffer error = {0}, text = {0}, text_again = {0};
    struct hub_config hub, again;
    if (!read_json(json, &hub, &error)) {
        test_fail(__FILE__, __LINE__, "refused: %s", (const char *)error.data);
    }
    CHECK_STRING_EQUAL(hub.name, "chat");
    CHECK_INT_EQUAL(hub.event_handler_count, 1);
    check_handler(&hub.event_handlers[0]);
    CHECK_INT_EQUAL(hub.event_listener_count, 1);
    check_listener(&hub.event_listeners[0]);
    CHECK_INT_EQUAL(hub.anonymous_connect_policy, ANONYMOUS_CONNECT_ALLOW);
    CHECK_INT_EQUAL(hub.keep_alive_s, 7);
    CHECK_INT_EQUAL(hub.recovery_s, 8);
    CHECK_INT_EQUAL(hub.queue_messages, 9);
    CHECK_INT_EQUAL(hub.queue_bytes, 2048);
    CHECK_INT_EQUAL(hub.reliable_messages, 11);
    CHECK_INT_EQUAL(hub.reliable_bytes, 3072);
    CHECK(!hub.retained_on_join && hub.wildcards && hub.protobuf_json_as_text);

    hub_config_append_json(&text, &hub);
    CHECK(hub_config_from_json(buffer_slice(&text), SLICE_LITERAL("chat"), &again, &error));
    hub_config_append_json(&text_again, &again);
    CHECK_SLICE_EQUAL(buffer_slice(&text_again), buffer_slice(&text));
    hub_config_release(&hub);
    hub_config_release(&again);
    buffer_release(&text);
    buffer_release(&text_again);
    buffer_release(&error);
}

TEST(json_that_says_nothing_means_the_defaults)
{
    struct buffer error = {0}, text = {0}, of_file = {0};
    struct config *config = load_good("hubs: [{name: chat}]\n");
    struct hub_config hub;
    CHECK(read_json(" {\"eventHandlers\":null, \"eventListeners\":[]} ", &hub, &error));
    hub_config_append_json(&text, &hub);
    hub_config_append_json(&of_file, &config->hubs[0]);
    CHECK_SLICE_EQUAL(buffer_slice(&text), buffer_slice(&of_file));
    hub_config_release(&hub);
    config_free(config);
    buffer_release(&text);
    buffer_release(&of_file);
    buffer_release(&error);
}

TEST(json_as_azure_has_it)
{
    static const char json[] =
        "{\"eventHandlers\":[{\"urlTemplate\":\"http://127.0.0.1:3000/eventhandler/{event}\","
        "\"userEventPattern\":\"*\",\"systemEvents\":[\"connect\",\"connected\",\"disconnected\"],"
        "\"auth\":{\"type\":\"None\"},\"groupPresenceEvents\":{\"eventNames\":[\"joined\",\"left\"]"
        ","
        "\"groupFilters\":[\"room.*\"]}}],\"eventListeners\":[],\"anonymousConnectPolicy\":"
        "\"deny\","
        "\"webSocketKeepAliveIntervalInSeconds\":20}";
    struct buffer error = {0};
    struct hub_config hub;
    CHECK(read_json(json, &hub, &error));
    CHECK_INT_EQUAL(hub.event_handlers[0].system_events, (1u << SYSTEM_EVENTS) - 1);
    hub_config_release(&hub);
    buffer_release(&error);
}

TEST(what_is_wrong_with_json)
{
    static const struct {
        const char *json, *said;
    } rows[] = {
        {"", "settings: a JSON object"},
        {"[]", "settings: a JSON object"},
        {"{\"wildcards\":true}x", "settings: a JSON object"},
        {"{\"wildcards\":1}", "wildcards: `wildcards` is true or false"},
        {"{\"wildcard\":true}",
         "settings: there is no property `wildcard`; write `wildcards` instead"},
        {"{\"recoveryWindow\":1}", "write `recoveryWindowInSeconds` instead"},
        {"{\"recovery_window\":1}", "`recovery_window`; write `recoveryWindowInSeconds` instead"},
        {"{\"recoveryWindowInSeconds\":\"1s\"}", "is a whole number"},
        {"{\"recoveryWindowInSeconds\":1.5}", "is a whole number"},
        {"{\"recoveryWindowInSeconds\":-1}", "is a whole number"},
        {"{\"recoveryWindowInSeconds\":0}",
         "`recoveryWindowInSeconds` is between 1s and 1d, not `0s`"},
        {"{\"wildcards\":true,\"wildcards\":true}", "`wildcards` stands there twice"},
        {"{\"anonymousConnectPolicy\":\"maybe\"}", "one of deny, allow, not `maybe`"},
        {"{\"anonymousConnectPolicy\":true}", "is a text"},
        {"{\"anonymousConnectPolicy\":\"deny\\u0000\"}", "is a text"},
        {"{\"eventHandlers\":{}}", "`eventHandlers` is an array of objects"},
        {"{\"eventHandlers\":[1]}", "`eventHandlers` is an array of objects"},
        {"{\"eventHandlers\":[{}]}", "eventHandlers.0.urlTemplate: `urlTemplate` is a URL such as"},
        {"{\"eventHandlers\":[{\"urlTemplate\":\"http://a\"},{\"urlTemplate\":\"b\"}]}",
         "eventHandlers.1.urlTemplate: "},
        {"{\"eventHandlers\":[{\"urlTemplate\":\"http://a\",\"systemEvents\":[1]}]}",
         "`systemEvents` is an array of texts"},
        {"{\"eventHandlers\":[{\"urlTemplate\":\"http://a\",\"systemEvents\":[\"came\"]}]}",
         "eventHandlers.0.systemEvents.0: an entry of `systemEvents` is one of connect"},
        {"{\"eventHandlers\":[{\"urlTemplate\":\"http://a\",\"timeoutInMilliseconds\":1}]}",
         "`timeoutInMilliseconds` is between 100ms"},
        {"{\"eventHandlers\":[{\"urlTemplate\":\"http://"
         "a\",\"auth\":{\"type\":\"ManagedIdentity\"}}]}",
         "eventHandlers.0.auth.type: `type` is None"},
        {"{\"eventHandlers\":[{\"urlTemplate\":\"http://a\",\"groupPresenceEvents\":[]}]}",
         "`groupPresenceEvents` is an object"},
        {"{\"eventListeners\":[{\"topic\":\"#\"}]}", "eventListeners.0.topic: `topic` is an MQTT"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer error = {0};
        struct hub_config hub;
        test_note("%s", rows[i].json);
        CHECK(!read_json(rows[i].json, &hub, &error));
        CHECK(!hub.name);
        if (!strstr((const char *)error.data, rows[i].said)) {
            test_fail(__FILE__, __LINE__, "said: %s", (const char *)error.data);
        }
        buffer_release(&error);
    }
}

TEST(json_that_is_too_long)
{
    struct buffer json = {0}, error = {0};
    struct hub_config hub;
    while (json.length <= HUB_JSON_MAX) {
        buffer_append_string(&json, "                ");
    }
    CHECK(!hub_config_from_json(buffer_slice(&json), SLICE_LITERAL("chat"), &hub, &error));
    CHECK(slice_starts_with(buffer_slice(&error), SLICE_LITERAL("settings: at most 65536 bytes")));
    buffer_release(&json);
    buffer_release(&error);
}
