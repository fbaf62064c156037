/* Where a hub's events go: event handlers (webhooks) and event listeners (MQTT topics), read and
 * checked alike whether they stand in the configuration file or come as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "config/loading.h"
#include "mqtt/topic.h"
#include "names/role_pattern.h"

enum {
    TARGETS_MAX = 100, /* handlers, and listeners, of a hub */
    TEMPLATE_MAX = 4096,
    HANDLER_EVENTS = SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECT) |
                     SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECTED) |
                     SYSTEM_EVENT_BIT(SYSTEM_EVENT_DISCONNECTED),
    LISTENER_EVENTS = HANDLER_EVENTS & ~SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECT),
};

const char *const system_event_names[SYSTEM_EVENTS] = {
    [SYSTEM_EVENT_CONNECT] = "connect",
    [SYSTEM_EVENT_CONNECTED] = "connected",
    [SYSTEM_EVENT_DISCONNECTED] = "disconnected",
    [SYSTEM_EVENT_JOINED] = "joined",
    [SYSTEM_EVENT_LEFT] = "left",
};

/* A list of texts, and where it stands. */
struct word_list {
    const char *key, *name; /* of the section it is in; its own */
    char *const *words;
    size_t count;
};

/* --- mistakes --- */

/* "key.name.index" */
static void begin_mistake_in_list(struct loading *loading, const struct word_list *list,
                                  size_t index)
{
    char place[PLACE_MAX + KEY_MAX]; /* the section has a place of its own */

    snprintf(place, sizeof(place), "%s.%s.%zu", list->key, list->name, index);
    loading_begin_mistake(loading, place);
}

/* What is wrong with the option `name` of the section `key`. */
static void report(struct loading *loading, const char *key, const char *name, const char *what,
                   const char *text)
{
    char place[PLACE_MAX], spelled[KEY_MAX];

    snprintf(place, sizeof(place), "%s.%s", key, name);
    MISTAKE(loading, place, "`%s` %s, not `%s`", loading_spell(loading, name, spelled), what,
            text ? text : "");
}

/* --- templates --- */

/* Only {hub} and {event} stand in braces. */
static bool braces_are_good(const char *text)
{
    static const char *const names[] = {"{hub}", "{event}"};

    while ((text = strpbrk(text, "{}")) != NULL) {
        size_t length = 0;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (strncmp(text, names[i], strlen(names[i])) == 0) {
                length = strlen(names[i]);
            }
        }
        if (length == 0) {
            return false;
        }
        text += length;
    }
    return true;
}

static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text >= 0x7F) {
            return false;
        }
    }
    return true;
}

/* NULL, or what a URL template is instead. */
static const char *check_url(const char *text)
{
    static const struct address_scheme schemes[] = {
        {"http://", 0, 80, false},
        {"https://", 1, 443, false},
    };
    struct address address;
    const char *path = text ? strstr(text, "://") : NULL;

    if (!path || strlen(text) > TEMPLATE_MAX || !is_printable(text) || strchr(text, '#')) {
        return "is a URL such as http://HOST:PORT/eventhandler/{event}";
    }
    path += strlen("://");
    path += strcspn(path, "/?");
    char *origin = memory_copy_string(slice_make(text, (size_t)(path - text)));
    const char *wrong = NULL;
    if (strpbrk(origin, "{}")) {
        wrong = "has {hub} and {event} in the path and in the query only";
    } else if (strpbrk(origin, "@\\") || !address_parse(origin, schemes, 2, &address)) {
        wrong = "begins with http://HOST:PORT or https://HOST:PORT";
    } else {
        free(address.host);
        wrong = braces_are_good(path) ? NULL : "has no braces but those of {hub} and {event}";
    }
    free(origin);
    return wrong;
}

static const char *check_topic(const char *text)
{
    if (!text || strlen(text) > TEMPLATE_MAX || text[0] == '$' ||
        !topic_name_is_valid(slice_from_string(text))) {
        return "is an MQTT topic such as events/{hub}/{event}, without $ in front and without "
               "wildcards";
    }
    return braces_are_good(text) ? NULL : "has no braces but those of {hub} and {event}";
}

/* --- which events --- */

/* "*", or names with commas between, around which spaces are taken away. False: there is a name
 * that no event can have. */
static bool tidy_pattern(const char *text, struct buffer *out)
{
    if (strcmp(text, "*") == 0 || text[0] == '\0') {
        buffer_append_string(out, text);
        return true;
    }
    for (;; text++) {
        text += strspn(text, " ");
        struct slice name = slice_make(text, strcspn(text, ","));
        text += name.length;
        while (name.length > 0 && name.data[name.length - 1] == ' ') {
            name.length--;
        }
        if (!event_name_is_valid(name)) {
            return false;
        }
        buffer_append(out, name);
        if (*text == '\0') {
            return true;
        }
        buffer_append_byte(out, ',');
    }
}

static void finish_pattern(struct loading *loading, const char *key, const char **pattern)
{
    struct buffer tidy = {0};

    if (!tidy_pattern(*pattern ? *pattern : "", &tidy)) {
        report(loading, key, "user_event_pattern",
               "is *, the name of an event, or names with commas between", *pattern);
    }
    free((void *)(uintptr_t)*pattern);
    *pattern = memory_copy_string(buffer_slice(&tidy));
    buffer_release(&tidy);
}

static uint32_t find_event(const char *word, uint32_t among)
{
    for (int i = 0; i < SYSTEM_EVENTS; i++) {
        if (word && strcmp(word, system_event_names[i]) == 0) {
            return SYSTEM_EVENT_BIT(i) & among;
        }
    }
    return 0;
}

static void report_event(struct loading *loading, const struct word_list *list, size_t index,
                         uint32_t among)
{
    char spelled[KEY_MAX];

    begin_mistake_in_list(loading, list, index);
    buffer_append_format(loading->error, "an entry of `%s` is one of",
                         loading_spell(loading, list->name, spelled));
    for (int known = 0, count = 0; known < SYSTEM_EVENTS; known++) {
        if (among & SYSTEM_EVENT_BIT(known)) {
            buffer_append_format(loading->error, "%s %s", count++ > 0 ? "," : "",
                                 system_event_names[known]);
        }
    }
    buffer_append_format(loading->error, ", not `%s`\n",
                         list->words[index] ? list->words[index] : "");
}

static void read_events(struct loading *loading, const struct word_list *list, uint32_t among,
                        uint32_t *events)
{
    for (size_t i = 0; i < list->count; i++) {
        uint32_t event = find_event(list->words[i], among);
        if (event == 0) {
            report_event(loading, list, i, among);
        }
        *events |= event;
    }
}

static const char *const *read_filters(struct loading *loading, const struct word_list *list)
{
    char spelled[KEY_MAX];

    if (list->count == 0) {
        return NULL;
    }
    const char **filters = memory_allocate_zero((list->count + 1) * sizeof(*filters));
    for (size_t i = 0; i < list->count; i++) {
        struct slice text = slice_from_string(list->words[i] ? list->words[i] : "");
        const char *wrong = role_pattern_check(text);
        if (wrong) {
            begin_mistake_in_list(loading, list, i);
            buffer_append_format(loading->error,
                                 "an entry of `%s` is the name of a group, with wildcards such as "
                                 "room.*; `%.*s` is %s\n",
                                 loading_spell(loading, list->name, spelled), SLICE_PRINT(text),
                                 wrong);
        }
        filters[i] = memory_copy_string(text);
    }
    return filters;
}

/* `group_presence_events` of the section `key`. */
static void read_presence(struct loading *loading, const char *key,
                          const struct yaml_presence_events *yaml, uint32_t *events,
                          const char *const **filters)
{
    enum {
        OF_GROUPS = SYSTEM_EVENT_BIT(SYSTEM_EVENT_JOINED) | SYSTEM_EVENT_BIT(SYSTEM_EVENT_LEFT)
    };
    char section[PLACE_MAX], names[2][KEY_MAX];

    if (!yaml) {
        return;
    }
    snprintf(section, sizeof(section), "%s.group_presence_events", key);
    read_events(
        loading,
        &(struct word_list){section, "event_names", yaml->event_names, yaml->event_names_count},
        OF_GROUPS, events);
    *filters =
        read_filters(loading, &(struct word_list){section, "group_filters", yaml->group_filters,
                                                  yaml->group_filters_count});
    if (yaml->group_filters_count > 0 && yaml->event_names_count == 0) {
        MISTAKE(loading, section, "`%s` needs `%s`: joined, left or both",
                loading_spell(loading, "group_filters", names[0]),
                loading_spell(loading, "event_names", names[1]));
    }
}

/* --- handlers and listeners --- */

#define TEXT_OF(section, name, kind, initial, least, most, reload, target) yaml->name,

static void read_handler(struct loading *loading, const struct yaml_event_handler *yaml,
                         const char *key, struct event_handler *handler)
{
    char *const texts[] = {OPTIONS_EVENT_HANDLER(TEXT_OF)};

    loading_read_options(loading, event_handler_options, event_handler_option_count, texts, key,
                         handler);
    const char *wrong = check_url(handler->url_template);
    if (wrong) {
        report(loading, key, "url_template", wrong, handler->url_template);
    }
    finish_pattern(loading, key, &handler->user_event_pattern);
    read_events(
        loading,
        &(struct word_list){key, "system_events", yaml->system_events, yaml->system_events_count},
        HANDLER_EVENTS, &handler->system_events);
    read_presence(loading, key, yaml->group_presence_events, &handler->system_events,
                  &handler->group_filters);
}

static void read_listener(struct loading *loading, const struct yaml_event_listener *yaml,
                          const char *key, struct event_listener *listener)
{
    char *const texts[] = {OPTIONS_EVENT_LISTENER(TEXT_OF)};

    loading_read_options(loading, event_listener_options, event_listener_option_count, texts, key,
                         listener);
    const char *wrong = check_topic(listener->topic);
    if (wrong) {
        report(loading, key, "topic", wrong, listener->topic);
    }
    finish_pattern(loading, key, &listener->user_event_pattern);
    read_events(
        loading,
        &(struct word_list){key, "system_events", yaml->system_events, yaml->system_events_count},
        LISTENER_EVENTS, &listener->system_events);
    read_presence(loading, key, yaml->group_presence_events, &listener->system_events,
                  &listener->group_filters);
}

#undef TEXT_OF

static size_t bound(struct loading *loading, const char *key, const char *name, size_t count)
{
    char place[PLACE_MAX], spelled[KEY_MAX];

    if (count <= TARGETS_MAX) {
        return count;
    }
    snprintf(place, sizeof(place), "%s.%s", key, name);
    MISTAKE(loading, place, "a hub has at most %d `%s`, not %zu", (int)TARGETS_MAX,
            loading_spell(loading, name, spelled), count);
    return 0;
}

void events_read(struct loading *loading, const struct yaml_hub *yaml, const char *key,
                 struct hub_config *hub)
{
    char place[PLACE_MAX];

    hub->event_handler_count = bound(loading, key, "event_handlers", yaml->event_handlers_count);
    hub->event_handlers =
        memory_allocate_zero((hub->event_handler_count + 1) * sizeof(*hub->event_handlers));
    for (size_t i = 0; i < hub->event_handler_count; i++) {
        snprintf(place, sizeof(place), "%s.event_handlers.%zu", key, i);
        read_handler(loading, &yaml->event_handlers[i], place, &hub->event_handlers[i]);
    }
    hub->event_listener_count = bound(loading, key, "event_listeners", yaml->event_listeners_count);
    hub->event_listeners =
        memory_allocate_zero((hub->event_listener_count + 1) * sizeof(*hub->event_listeners));
    for (size_t i = 0; i < hub->event_listener_count; i++) {
        snprintf(place, sizeof(place), "%s.event_listeners.%zu", key, i);
        read_listener(loading, &yaml->event_listeners[i], place, &hub->event_listeners[i]);
    }
}

/* --- end --- */

static void free_filters(const char *const *filters)
{
    for (size_t i = 0; filters && filters[i]; i++) {
        free((void *)(uintptr_t)filters[i]);
    }
    free((void *)(uintptr_t)filters);
}

void events_free(struct hub_config *hub)
{
    for (size_t i = 0; i < hub->event_handler_count; i++) {
        options_free(event_handler_options, event_handler_option_count, &hub->event_handlers[i]);
        free_filters(hub->event_handlers[i].group_filters);
    }
    free(hub->event_handlers);
    for (size_t i = 0; i < hub->event_listener_count; i++) {
        options_free(event_listener_options, event_listener_option_count, &hub->event_listeners[i]);
        free_filters(hub->event_listeners[i].group_filters);
    }
    free(hub->event_listeners);
}
