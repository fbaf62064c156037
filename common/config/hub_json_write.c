/* The settings of one hub written as JSON, and how its names are spelled there. See hub_json.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/loading.h"
#include "json/json.h"

/* --- names --- */

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

const char *json_spell(const char *name, char *space)
{
    size_t length = 0;

    for (; *name && length < KEY_MAX - 1; name++) {
        bool begins_word = name[0] == '_' && name[1] != '\0';
        name += begins_word;
        space[length++] = begins_word ? upper(*name) : *name;
    }
    space[length] = '\0';
    return space;
}

/* What stands behind the name of an option of this kind. */
static const char *suffix_of(uint8_t kind)
{
    return kind == DURATION_MS ? "InMilliseconds" : kind == DURATION_S ? "InSeconds" : "";
}

const char *json_spell_option(const struct option *option, char *space)
{
    size_t length;

    json_spell(option->path, space);
    length = strlen(space);
    snprintf(space + length, KEY_MAX - length, "%s", suffix_of(option->kind));
    return space;
}

void json_append_place(struct buffer *out, const char *key)
{
    buffer_append_string(out, *key ? "" : "settings");
    key += *key == '.';
    for (; *key; key++) {
        bool begins_word = key[0] == '_' && key[1] != '\0';
        key += begins_word;
        buffer_append_byte(out, (uint8_t)(begins_word ? upper(*key) : *key));
    }
    buffer_append_string(out, ": ");
}

/* --- writing --- */

static void append_name(struct buffer *out, const char *spelled)
{
    uint8_t last = out->length > 0 ? out->data[out->length - 1] : '{';

    buffer_append_format(out, "%s\"%s\":", last == '{' ? "" : ",", spelled);
}

static void append_option(struct buffer *out, const struct option *option, const void *structure)
{
    char spelled[KEY_MAX];

    append_name(out, json_spell_option(option, spelled));
    if (option->kind == TEXT) {
        const char *text = option_text_value(option, structure);
        json_append_string(out, slice_from_string(text ? text : ""));
    } else if (option->kind == BOOL) {
        option_print(option, structure, out);
    } else if (option->kind >= CHOICE_LOG_LEVEL) {
        buffer_append_byte(out, '"');
        option_print(option, structure, out);
        buffer_append_byte(out, '"');
    } else {
        buffer_append_format(out, "%" PRIu64, option_number_value(option, structure));
    }
}

static void append_options(struct buffer *out, const struct option *table, size_t count,
                           const void *structure)
{
    for (size_t i = 0; i < count; i++) {
        append_option(out, &table[i], structure);
    }
}

static void append_event_names(struct buffer *out, uint32_t events, int first, int end)
{
    buffer_append_byte(out, '[');
    for (int i = first, count = 0; i < end; i++) {
        if (events & SYSTEM_EVENT_BIT(i)) {
            buffer_append_format(out, "%s\"%s\"", count++ > 0 ? "," : "", system_event_names[i]);
        }
    }
    buffer_append_byte(out, ']');
}

static void append_events(struct buffer *out, uint32_t events, const char *const *filters)
{
    append_name(out, "systemEvents");
    append_event_names(out, events, 0, SYSTEM_EVENT_JOINED);
    if (events >> SYSTEM_EVENT_JOINED == 0) {
        return;
    }
    append_name(out, "groupPresenceEvents");
    buffer_append_byte(out, '{');
    append_name(out, "eventNames");
    append_event_names(out, events, SYSTEM_EVENT_JOINED, SYSTEM_EVENTS);
    append_name(out, "groupFilters");
    buffer_append_byte(out, '[');
    for (size_t i = 0; filters && filters[i]; i++) {
        buffer_append_string(out, i > 0 ? "," : "");
        json_append_string(out, slice_from_string(filters[i]));
    }
    buffer_append_string(out, "]}");
}

static void append_handler(struct buffer *out, const struct event_handler *wanted_handler)
{
    buffer_append_byte(out, '{');
    append_options(out, event_handler_options, event_handler_option_count, wanted_handler);
    append_events(out, wanted_handler->system_events, wanted_handler->group_filters);
    append_name(out, "auth");
    buffer_append_string(out, "{\"type\":\"None\"}}");
}

static void append_listener(struct buffer *out, const struct event_listener *wanted_listener)
{
    buffer_append_byte(out, '{');
    append_options(out, event_listener_options, event_listener_option_count, wanted_listener);
    append_events(out, wanted_listener->system_events, wanted_listener->group_filters);
    buffer_append_byte(out, '}');
}

void hub_config_append_json(struct buffer *out, const struct hub_config *hub)
{
    buffer_append_byte(out, '{');
    append_name(out, "eventHandlers");
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < hub->event_handler_count; i++) {
        buffer_append_string(out, i > 0 ? "," : "");
        append_handler(out, &hub->event_handlers[i]);
    }
    buffer_append_byte(out, ']');
    append_name(out, "eventListeners");
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < hub->event_listener_count; i++) {
        buffer_append_string(out, i > 0 ? "," : "");
        append_listener(out, &hub->event_listeners[i]);
    }
    buffer_append_byte(out, ']');
    append_options(out, hub_options, hub_option_count, hub);
    buffer_append_byte(out, '}');
}
