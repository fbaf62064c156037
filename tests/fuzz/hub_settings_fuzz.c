/* Fuzzes the settings of a hub as JSON: the body of PUT /api/hubs/{h} and what is retained under
 * `$config/hubs/`.
 *
 * Oracles: what is refused says why, in lines; what is accepted has only values in range, and
 * written as JSON reads as the same again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "config/config.h"
#include "json/json.h"

static void check_handlers(const struct hub_config *hub)
{
    for (size_t i = 0; i < hub->event_handler_count; i++) {
        const struct event_handler *handler = &hub->event_handlers[i];
        FUZZ_CHECK(strncmp(handler->url_template, "http", 4) == 0);
        FUZZ_CHECK(handler->user_event_pattern && handler->system_events < 1u << SYSTEM_EVENTS);
        FUZZ_CHECK(handler->timeout_ms >= 100 && handler->timeout_ms <= 600000);
        FUZZ_CHECK(handler->attempts >= 1 && handler->attempts <= 10);
    }
    for (size_t i = 0; i < hub->event_listener_count; i++) {
        const struct event_listener *listener = &hub->event_listeners[i];
        FUZZ_CHECK(listener->topic[0] != '\0' && listener->topic[0] != '$');
        FUZZ_CHECK(listener->user_event_pattern);
        FUZZ_CHECK(!(listener->system_events & SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECT)));
    }
}

static void check_written(const struct hub_config *hub)
{
    struct buffer text = {0}, again_text = {0}, error = {0};
    struct hub_config again;
    struct json_value value;

    hub_config_append_json(&text, hub);
    FUZZ_CHECK(json_parse(buffer_slice(&text), &value) && value.type == JSON_OBJECT);
    /* With every default written out it may have become too long. */
    if (text.length <= HUB_JSON_MAX) {
        FUZZ_CHECK(
            hub_config_from_json(buffer_slice(&text), SLICE_LITERAL("chat"), &again, &error));
        hub_config_append_json(&again_text, &again);
        FUZZ_CHECK(slice_equal(buffer_slice(&text), buffer_slice(&again_text)));
        hub_config_release(&again);
    }
    buffer_release(&text);
    buffer_release(&again_text);
    buffer_release(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer error = {0};
    struct hub_config hub;

    if (hub_config_from_json(slice_make(data, size), SLICE_LITERAL("chat"), &hub, &error)) {
        FUZZ_CHECK(error.length == 0);
        FUZZ_CHECK(hub.keep_alive_s >= 1 && hub.keep_alive_s <= 120);
        FUZZ_CHECK(hub.queue_messages >= 1 && hub.reliable_bytes >= 1024);
        check_handlers(&hub);
        check_written(&hub);
        hub_config_release(&hub);
    } else {
        FUZZ_CHECK(error.length > 0 && error.data[error.length - 1] == '\n');
    }
    buffer_release(&error);
    return 0;
}
