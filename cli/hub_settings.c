/* See hub_settings.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "hub_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/memory.h"
#include "json/json.h"

/* ---------------------------------------------------------------- changes */

static struct slice name_of(const char *change)
{
    const char *end = strchr(change, '=');

    return slice_make(change, end ? (size_t)(end - change) : 0);
}

/* The last change of this member; NULL: it stays. */
static const char *find_change(struct slice key, char *const *changes, size_t count)
{
    const char *found = NULL;

    for (size_t i = 0; i < count; i++) {
        if (slice_equal(name_of(changes[i]), key)) {
            found = changes[i];
        }
    }
    return found;
}

static bool is_url_of_handler(struct slice name, struct slice value)
{
    return slice_equal(name, SLICE_LITERAL("eventHandlers")) &&
           slice_starts_with(value, SLICE_LITERAL("http"));
}

static void append_change(struct buffer *out, const char *change)
{
    struct slice name = name_of(change), value = slice_from_string(change + name.length + 1);
    struct json_value json;

    buffer_append_string(out, out->length > 1 ? "," : "");
    json_append_string(out, name);
    buffer_append_byte(out, ':');
    if (is_url_of_handler(name, value)) {
        buffer_append_string(out, "[{\"urlTemplate\":");
        json_append_string(out, value);
        buffer_append_string(out, ",\"userEventPattern\":\"*\",\"systemEvents\":[\"connect\","
                                  "\"connected\",\"disconnected\"]}]");
    } else if (json_parse(value, &json)) {
        buffer_append(out, json.text);
    } else {
        json_append_string(out, value);
    }
}

/* Members of `json` that no change is about, as they are. */
static void append_others(struct buffer *out, struct slice json, char *const *changes, size_t count)
{
    struct json_value object, value;
    struct json_walk walk;
    struct slice key;

    if (!json_parse(json, &object) || object.type != JSON_OBJECT) {
        return;
    }
    walk = json_members(&object);
    while (json_next_member(&walk, &key, &value)) {
        if (!find_change(key, changes, count)) {
            buffer_append_format(out, "%s\"%.*s\":", out->length > 1 ? "," : "", SLICE_PRINT(key));
            buffer_append(out, value.text);
        }
    }
}

bool hub_settings_change(struct slice json, char *const *changes, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        if (name_of(changes[i]).length == 0) {
            fprintf(stderr, "Error: a change is NAME=VALUE, not %s\n", changes[i]);
            return false;
        }
    }
    buffer_append_byte(out, '{');
    append_others(out, json, changes, count);
    for (size_t i = 0; i < count; i++) {
        if (find_change(name_of(changes[i]), changes, count) == changes[i]) {
            append_change(out, changes[i]);
        }
    }
    buffer_append_byte(out, '}');
    return true;
}

/* ---------------------------------------------------------------- for people */

bool hub_print_list(struct slice json)
{
    struct json_walk walk;
    struct json_value hub, settings;
    struct buffer name = {0}, source = {0}, policy = {0};

    if (!answer_walk(json, "value", &walk)) {
        return false;
    }
    printf("%-24s %-14s %-10s %8s %9s\n", "HUB", "SET", "ANONYMOUS", "HANDLERS", "LISTENERS");
    while (json_next_element(&walk, &hub)) {
        if (hub.type != JSON_OBJECT || !json_find_member(&hub, "settings", &settings)) {
            continue;
        }
        answer_text(&hub, "source", &source);
        bool is_run_time = strcmp((const char *)source.data, "runTime") == 0;
        printf("%-24s %-14s %-10s %8zu %9zu\n", answer_text(&hub, "name", &name),
               is_run_time ? "at run time" : "configuration",
               answer_text(&settings, "anonymousConnectPolicy", &policy),
               answer_count(&settings, "eventHandlers"), answer_count(&settings, "eventListeners"));
    }
    buffer_release(&name);
    buffer_release(&source);
    buffer_release(&policy);
    return true;
}

/* ---------------------------------------------------------------- deliveries */

void hub_print_delivery(const struct json_value *delivery)
{
    static const char *const columns[] = {"time",  "status", "latencyMs",
                                          "event", "url",    "connectionId"};
    struct buffer text = {0};

    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        const char *value = answer_text(delivery, columns[i], &text);
        bool is_status = strcmp(columns[i], "status") == 0;
        bool is_latency = strcmp(columns[i], "latencyMs") == 0;
        printf("%s%s%s", i > 0 ? " " : "", is_status && strcmp(value, "0") == 0 ? "---" : value,
               is_latency ? "ms" : "");
    }
    const char *attempt = answer_text(delivery, "attempt", &text);
    if (strcmp(attempt, "1") != 0) {
        printf(" attempt %s", attempt);
    }
    const char *reason = answer_text(delivery, "reason", &text);
    printf("%s%s\n", reason[0] ? ": " : "", reason);
    buffer_release(&text);
}

bool hub_print_check(struct slice json, bool as_json, bool *all_good)
{
    struct json_value object, good, line;
    struct json_walk walk;
    struct buffer text = {0};

    if (!answer_walk(json, "lines", &walk) || !json_parse(json, &object) ||
        !json_find_member(&object, "good", &good)) {
        return false;
    }
    *all_good = good.type == JSON_TRUE;
    if (as_json) {
        printf("%.*s\n", SLICE_PRINT(json));
        return true;
    }
    while (json_next_element(&walk, &line)) {
        text.length = 0;
        if (line.type == JSON_STRING) {
            json_append_string_value(&text, &line);
        }
        printf("%.*s\n", SLICE_PRINT(text));
    }
    buffer_release(&text);
    return true;
}
