/* Every scalar option, one row each: the tables that the YAML schema, --set, range checks, reload
 * and --print-config are made from.
 *
 * OPTION(section, name, kind, default, least, most, reload, target)
 *   kind    NUMBER, SIZE (bytes; KiB MiB GiB), DURATION_MS, DURATION_S (ms s m h d), FACTOR (in
 *           thousandths; 1.5), BOOL, TEXT, or
 *           CHOICE_x (a list of words in table.c)
 *   reload  RELOAD: SIGHUP changes it; RESTART: it does not
 *   target  member of struct config; of the section `hub` member of struct hub_config, of
 *           `event_handler` and `event_listener` of the struct of that name
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_OPTION_LIST_H
#define PUBGRID_CONFIG_OPTION_LIST_H

#define OPTIONS_TOP(OPTION)                                                                        \
    OPTION(top, workers, NUMBER, "0", 0, 255, RESTART, workers)                                    \
    OPTION(top, max_connections, NUMBER, "0", 0, 16000000, RESTART, connections_max)               \
    OPTION(top, log_level, CHOICE_LOG_LEVEL, "info", 0, 0, RELOAD, log_level)

#define OPTIONS_STORE(OPTION)                                                                      \
    OPTION(store, path, TEXT, "/var/lib/pubgrid", 0, 0, RESTART, store_path)                       \
    OPTION(store, durability, CHOICE_DURABILITY, "commit", 0, 0, RESTART, durability)              \
    OPTION(store, relaxed_interval, DURATION_MS, "200ms", 1, 60000, RESTART, relaxed_ms)           \
    OPTION(store, size_maximum, SIZE, "64GiB", 16777216, 70368744177664, RESTART,                  \
           store_size_maximum)                                                                     \
    OPTION(store, reserve, SIZE, "16MiB", 65536, 1073741824, RESTART, store_reserve)               \
    OPTION(store, save_bytes, SIZE, "64MiB", 4096, 1099511627776, RESTART, store_save_bytes)

#define OPTIONS_AUTH(OPTION)                                                                       \
    OPTION(auth, allow_anonymous, CHOICE_ANONYMOUS, "auto", 0, 0, RESTART, allow_anonymous)        \
    OPTION(auth, password_file, TEXT, "", 0, 0, RELOAD, password_file)                             \
    OPTION(auth, scram, BOOL, "true", 0, 0, RELOAD, scram)

#define OPTIONS_MQTT(OPTION)                                                                       \
    OPTION(mqtt, maximum_packet_size, SIZE, "2MiB", 256, 268435460, RELOAD,                        \
           core.maximum_packet_size)                                                               \
    OPTION(mqtt, receive_maximum, NUMBER, "1024", 1, 65535, RELOAD, core.receive_maximum)          \
    OPTION(mqtt, inflight_maximum, NUMBER, "1024", 1, 65535, RELOAD, core.inflight_maximum)        \
    OPTION(mqtt, topic_alias_maximum, NUMBER, "64", 0, 65535, RELOAD, core.topic_alias_maximum)    \
    OPTION(mqtt, keep_alive_maximum, DURATION_S, "0s", 0, 65535, RELOAD, core.keep_alive_maximum)  \
    OPTION(mqtt, retain_available, BOOL, "true", 0, 0, RELOAD, core.retain_available)              \
    OPTION(mqtt, overlapping_separately, BOOL, "false", 0, 0, RELOAD, core.overlapping_separately) \
    OPTION(mqtt, validate_payload_format, BOOL, "false", 0, 0, RELOAD,                             \
           core.validate_payload_format)                                                           \
    OPTION(mqtt, sys_interval, DURATION_MS, "10s", 0, 86400000, RELOAD, core.sys_interval_ms)

#define OPTIONS_SESSION(OPTION)                                                                    \
    OPTION(session, expiry_maximum, DURATION_S, "never", 0, 4294967295, RELOAD,                    \
           core.session_expiry_maximum)                                                            \
    OPTION(session, queue_messages_maximum, NUMBER, "100000", 1, 100000000, RELOAD,                \
           core.queue_messages_maximum)                                                            \
    OPTION(session, queue_bytes_maximum, SIZE, "64MiB", 1024, 1099511627776, RELOAD,               \
           core.queue_bytes_maximum)                                                               \
    OPTION(session, stored_messages_maximum, NUMBER, "20000000", 1, 1000000000, RELOAD,            \
           core.stored_messages_maximum)                                                           \
    OPTION(session, stored_bytes_maximum, SIZE, "8GiB", 1024, 70368744177664, RELOAD,              \
           core.stored_bytes_maximum)                                                              \
    OPTION(session, window_bytes, SIZE, "256KiB", 0, 1073741824, RELOAD, core.window_bytes)        \
    OPTION(session, queue_qos0, BOOL, "false", 0, 0, RELOAD, core.queue_qos0)                      \
    OPTION(session, subscriptions_maximum, NUMBER, "1000000", 1, 4000000000, RELOAD,               \
           core.subscriptions_maximum)

#define OPTIONS_LIMITS(OPTION)                                                                     \
    OPTION(limits, connect_timeout, DURATION_MS, "10s", 100, 3600000, RELOAD,                      \
           core.connect_timeout_ms)                                                                \
    OPTION(limits, output_bytes_maximum, SIZE, "1MiB", 4096, 1073741824, RELOAD,                   \
           core.output_bytes_maximum)                                                              \
    OPTION(limits, window_bytes, SIZE, "64MiB", 0, 1099511627776, RELOAD, core.window_total_bytes) \
    OPTION(limits, memory_maximum, SIZE, "0B", 0, 70368744177664, RELOAD, core.memory_maximum)     \
    OPTION(limits, delayed_messages_maximum, NUMBER, "100000", 0, 100000000, RELOAD,               \
           core.delayed_messages_maximum)                                                          \
    OPTION(limits, delayed_seconds_maximum, DURATION_S, "365d", 0, 4294967295, RELOAD,             \
           core.delayed_seconds_maximum)

#define OPTIONS_BRIDGE(OPTION)                                                                     \
    OPTION(bridge, processes, NUMBER, "1", 0, 64, RESTART, bridge.processes)                       \
    OPTION(bridge, trunk, TEXT, "", 0, 0, RESTART, bridge.trunk_given)                             \
    OPTION(bridge, keys, TEXT, "", 0, 0, RESTART, bridge.keys_given)                               \
    OPTION(bridge, ignore_audience_host, BOOL, "false", 0, 0, RELOAD, bridge.ignore_audience_host) \
    OPTION(bridge, page, CHOICE_PAGE, "auto", 0, 0, RESTART, bridge.page)                          \
    OPTION(bridge, console, CHOICE_PAGE, "auto", 0, 0, RESTART, bridge.console)                    \
    OPTION(bridge, metrics, CHOICE_PAGE, "auto", 0, 0, RESTART, bridge.metrics)                    \
    OPTION(bridge, maximum_message_size, SIZE, "1MiB", 1024, 268435456, RESTART,                   \
           bridge.maximum_message_size)                                                            \
    OPTION(bridge, webhook_connections, NUMBER, "1024", 1, 100000, RESTART,                        \
           bridge.webhook_connections)                                                             \
    OPTION(bridge, webhook_connections_per_handler, NUMBER, "128", 1, 100000, RESTART,             \
           bridge.webhook_connections_per_handler)                                                 \
    OPTION(bridge, webhook_events_maximum, NUMBER, "20000", 1, 10000000, RESTART,                  \
           bridge.webhook_events)                                                                  \
    OPTION(bridge, webhook_bytes_maximum, SIZE, "64MiB", 1048576, 1099511627776, RESTART,          \
           bridge.webhook_bytes)                                                                   \
    OPTION(bridge, webhook_ca, TEXT, "", 0, 0, RESTART, bridge.webhook_ca)

/* Besides the event topics that it declares. */
#define OPTIONS_EVENT_GRID(OPTION)                                                                 \
    OPTION(event_grid, open_management, BOOL, "true", 0, 0, RESTART, event_grid.opens_management)  \
    OPTION(event_grid, dead_letter_directory, TEXT, "", 0, 0, RESTART,                             \
           event_grid.dead_letters_given)                                                          \
    OPTION(event_grid, archive_directory, TEXT, "", 0, 0, RESTART, event_grid.archive_given)       \
    OPTION(event_grid, source_state_directory, TEXT, "", 0, 0, RESTART, event_grid.sources_given)  \
    OPTION(event_grid, allow_private_addresses, BOOL, "true", 0, 0, RESTART,                       \
           event_grid.allows_private_addresses)                                                    \
    OPTION(event_grid, retry_scale, FACTOR, "1.0", 1, 1000000, RESTART,                            \
           event_grid.retry_thousandths)                                                           \
    OPTION(event_grid, validation, BOOL, "true", 0, 0, RESTART, event_grid.asks_consent)

/* Of each entry of `hubs`, besides its name. */
#define OPTIONS_HUB(OPTION)                                                                        \
    OPTION(hub, anonymous_connect_policy, CHOICE_CONNECT_POLICY, "deny", 0, 0, RELOAD,             \
           anonymous_connect_policy)                                                               \
    OPTION(hub, web_socket_keep_alive_interval, DURATION_S, "20s", 1, 120, RELOAD, keep_alive_s)   \
    OPTION(hub, recovery_window, DURATION_S, "30s", 1, 86400, RELOAD, recovery_s)                  \
    OPTION(hub, queue_messages_maximum, NUMBER, "10000", 1, 100000000, RELOAD, queue_messages)     \
    OPTION(hub, queue_bytes_maximum, SIZE, "16MiB", 1024, 1099511627776, RELOAD, queue_bytes)      \
    OPTION(hub, reliable_messages_maximum, NUMBER, "100000", 1, 100000000, RELOAD,                 \
           reliable_messages)                                                                      \
    OPTION(hub, reliable_bytes_maximum, SIZE, "16MiB", 1024, 1099511627776, RELOAD,                \
           reliable_bytes)                                                                         \
    OPTION(hub, retained_on_join, BOOL, "true", 0, 0, RELOAD, retained_on_join)                    \
    OPTION(hub, wildcards, BOOL, "false", 0, 0, RELOAD, wildcards)                                 \
    OPTION(hub, protobuf_json_as_text, BOOL, "false", 0, 0, RELOAD, protobuf_json_as_text)

/* Of each entry of a hub's `event_handlers` and `event_listeners`, besides their lists. */
#define OPTIONS_EVENT_HANDLER(OPTION)                                                              \
    OPTION(event_handler, url_template, TEXT, "", 0, 0, RELOAD, url_template)                      \
    OPTION(event_handler, user_event_pattern, TEXT, "", 0, 0, RELOAD, user_event_pattern)          \
    OPTION(event_handler, timeout, DURATION_MS, "100s", 100, 600000, RELOAD, timeout_ms)           \
    OPTION(event_handler, attempts, NUMBER, "4", 1, 10, RELOAD, attempts)                          \
    OPTION(event_handler, skip_validation, BOOL, "false", 0, 0, RELOAD, skips_validation)

#define OPTIONS_EVENT_LISTENER(OPTION)                                                             \
    OPTION(event_listener, topic, TEXT, "", 0, 0, RELOAD, topic)                                   \
    OPTION(event_listener, user_event_pattern, TEXT, "", 0, 0, RELOAD, user_event_pattern)

#define OPTIONS_ALL(OPTION)                                                                        \
    OPTIONS_TOP(OPTION)                                                                            \
    OPTIONS_STORE(OPTION)                                                                          \
    OPTIONS_AUTH(OPTION)                                                                           \
    OPTIONS_MQTT(OPTION)                                                                           \
    OPTIONS_SESSION(OPTION)                                                                        \
    OPTIONS_LIMITS(OPTION)                                                                         \
    OPTIONS_BRIDGE(OPTION)                                                                         \
    OPTIONS_EVENT_GRID(OPTION)

#endif
