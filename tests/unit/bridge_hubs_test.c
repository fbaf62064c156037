/* What is configured for a hub is what the bridge goes by: every setting, and the default last.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"
#include "hubs.h"

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
    struct hub_settings *hubs = hubs_from_config(config);
    const struct hub_settings *chat = &hubs[0], *others = &hubs[1];
    CHECK_INT_EQUAL(config->hub_count, 2);
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
    free(hubs);
    config_free(config);
}
