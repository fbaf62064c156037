/* Texts to values: numbers with units, words, ranges. See table.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/option_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/memory.h"
#include "config/config.h"
#include "config/option_list.h"
#include "mqtt/utf8.h"

enum { RELOAD = true, RESTART = false };

#define PATH_top(name)            #name
#define PATH_store(name)          "store." #name
#define PATH_auth(name)           "auth." #name
#define PATH_mqtt(name)           "mqtt." #name
#define PATH_session(name)        "session." #name
#define PATH_limits(name)         "limits." #name
#define PATH_bridge(name)         "bridge." #name
#define PATH_event_grid(name)     "event_grid." #name
#define PATH_hub(name)            #name
#define PATH_event_handler(name)  #name
#define PATH_event_listener(name) #name

#define STRUCTURE_top            struct config
#define STRUCTURE_store          struct config
#define STRUCTURE_auth           struct config
#define STRUCTURE_mqtt           struct config
#define STRUCTURE_session        struct config
#define STRUCTURE_limits         struct config
#define STRUCTURE_bridge         struct config
#define STRUCTURE_event_grid     struct config
#define STRUCTURE_hub            struct hub_config
#define STRUCTURE_event_handler  struct event_handler
#define STRUCTURE_event_listener struct event_listener

#define ROW(section, name, option_kind, initial_text, smallest, largest, reload, target)           \
    {                                                                                              \
        .path = PATH_##section(name),                                                              \
        .initial = (initial_text),                                                                 \
        .least = (smallest),                                                                       \
        .most = (largest),                                                                         \
        .offset = offsetof(STRUCTURE_##section, target),                                           \
        .width = sizeof(((STRUCTURE_##section *)NULL)->target),                                    \
        .kind = (option_kind),                                                                     \
        .reloadable = (reload),                                                                    \
    },

const struct option config_options[] = {OPTIONS_ALL(ROW)};
const size_t config_option_count = sizeof(config_options) / sizeof(config_options[0]);
const struct option hub_options[] = {OPTIONS_HUB(ROW)};
const size_t hub_option_count = sizeof(hub_options) / sizeof(hub_options[0]);
const struct option event_handler_options[] = {OPTIONS_EVENT_HANDLER(ROW)};
const size_t event_handler_option_count =
    sizeof(event_handler_options) / sizeof(event_handler_options[0]);
const struct option event_listener_options[] = {OPTIONS_EVENT_LISTENER(ROW)};
const size_t event_listener_option_count =
    sizeof(event_listener_options) / sizeof(event_listener_options[0]);

#undef ROW

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit sizes[] = {
    {"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0},
};
static const struct unit durations_ms[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};
static const struct unit durations_s[] = {
    {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0},
};

static const char *const auto_words[] = {"auto", "yes", "no", NULL};
static const char *const durability_words[] = {"commit", "relaxed", NULL};
static const char *const policy_words[] = {"deny", "allow", NULL};
static const char *const booleans[] = {"false", "true", NULL};

struct kind {
    const struct unit *units;   /* numbers */
    const char *const *choices; /* words; the index is the value */
    const char *example;
};

static const struct kind kinds[] = {
    [NUMBER] = {no_units, NULL, "a whole number"},
    [SIZE] = {sizes, NULL, "a size such as 65536, 64KiB or 2MiB"},
    [DURATION_MS] = {durations_ms, NULL, "a duration such as 500ms, 10s, 5m or 1h"},
    [DURATION_S] = {durations_s, NULL, "a duration in whole seconds such as 30s, 10m, 12h or 7d"},
    [FACTOR] = {no_units, NULL, "a number such as 1.0 or 0.001"},
    [BOOL] = {NULL, booleans, NULL},
    [TEXT] = {NULL, NULL, NULL},
    [CHOICE_LOG_LEVEL] = {NULL, log_level_names, NULL},
    [CHOICE_ANONYMOUS] = {NULL, auto_words, NULL},
    [CHOICE_DURABILITY] = {NULL, durability_words, NULL},
    [CHOICE_PAGE] = {NULL, auto_words, NULL},
    [CHOICE_CONNECT_POLICY] = {NULL, policy_words, NULL},
};

const struct option *option_find(const char *path)
{
    for (size_t i = 0; i < config_option_count; i++) {
        if (strcmp(config_options[i].path, path) == 0) {
            return &config_options[i];
        }
    }
    return NULL;
}

bool option_parse_bool(const char *text, bool *value)
{
    static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (int truth = 0; truth < 2; truth++) {
            if (strcasecmp(text, words[i][truth]) == 0) {
                *value = truth == 1;
                return true;
            }
        }
    }
    return false;
}

static void *target_of(const struct option *option, void *structure)
{
    return (char *)structure + option->offset;
}

uint64_t option_number_value(const struct option *option, const void *structure)
{
    const char *at = (const char *)structure + option->offset;
    uint64_t value = 0;
    memcpy(&value, at, option->width); /* little endian */
    return value;
}

static void write_target(const struct option *option, void *structure, uint64_t value)
{
    memcpy(target_of(option, structure), &value, option->width); /* little endian */
}

const char *option_text_value(const struct option *option, const void *structure)
{
    const char *text;
    memcpy(&text, (const char *)structure + option->offset, sizeof(text));
    return text;
}

/* A number with one of the units; false if it is no such thing. */
static bool parse_number(const char *text, const struct unit *units, uint64_t *value)
{
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    for (; units->name; units++) {
        if (strcasecmp(units->name, end) == 0) {
            return errno == 0 && !__builtin_mul_overflow(number, units->factor, value);
        }
    }
    *value = 0;
    return errno == 0 && number == 0 && *end == '\0'; /* zero needs no unit */
}

/* "1.5" is 1500 thousandths; no more than three digits behind the point. */
static bool parse_factor(const char *text, uint64_t *value)
{
    const char *point = text + strspn(text, "0123456789");
    size_t digits = *point == '.' ? strspn(point + 1, "0123456789") : 0;
    char whole[32];

    if (point == text || digits > 3 || strlen(text) >= sizeof(whole) - 3 ||
        (*point == '.' ? digits == 0 || point[1 + digits] != '\0' : *point != '\0')) {
        return false;
    }
    snprintf(whole, sizeof(whole), "%.*s%.*s%.*s", (int)(point - text), text, (int)digits,
             *point ? point + 1 : "", (int)(3 - digits), "000");
    return parse_number(whole, no_units, value);
}

static void print_factor(uint64_t thousandths, struct buffer *out)
{
    buffer_append_format(out, "%llu.%03llu", (unsigned long long)(thousandths / 1000),
                         (unsigned long long)(thousandths % 1000));
    while (out->data[out->length - 1] == '0' && out->data[out->length - 2] != '.') {
        out->length--;
    }
}

static void print_number(uint64_t value, const struct unit *units, struct buffer *out)
{
    const struct unit *best = units;
    for (; units->name; units++) {
        if (value > 0 && value % units->factor == 0 && units->factor > best->factor) {
            best = units;
        }
    }
    buffer_append_format(out, "%llu%s", (unsigned long long)(value / best->factor), best->name);
}

/* A Session Expiry Interval that never comes is written so. */
static bool is_never(const struct option *option, uint64_t value)
{
    return option->kind == DURATION_S && option->most == UINT32_MAX && value == UINT32_MAX;
}

static void print_value(const struct option *option, uint64_t value, struct buffer *out)
{
    if (option->kind == FACTOR) {
        print_factor(value, out);
    } else {
        print_number(value, kinds[option->kind].units, out);
    }
}

static bool set_number(const struct option *option, const char *text, void *structure,
                       struct buffer *error)
{
    const struct kind *kind = &kinds[option->kind];
    uint64_t value = UINT32_MAX;
    bool never = strcmp(text, "never") == 0 && is_never(option, value);
    if (!never && !(option->kind == FACTOR ? parse_factor(text, &value)
                                           : parse_number(text, kind->units, &value))) {
        buffer_append_format(error, "`%s` is %s, not `%s`", option->path, kind->example, text);
        return false;
    }
    if (value < option->least || value > option->most) {
        buffer_append_format(error, "`%s` is between ", option->path);
        print_value(option, option->least, error);
        buffer_append_string(error, " and ");
        print_value(option, option->most, error);
        buffer_append_format(error, ", not `%s`", text);
        return false;
    }
    write_target(option, structure, value);
    return true;
}

static bool set_choice(const struct option *option, const char *text, void *structure,
                       struct buffer *error)
{
    const char *const *choices = kinds[option->kind].choices;
    bool truth;
    if (option->kind == BOOL && option_parse_bool(text, &truth)) {
        write_target(option, structure, truth);
        return true;
    }
    for (uint64_t i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) == 0) {
            write_target(option, structure, i);
            return true;
        }
    }
    buffer_append_format(error, "`%s` is one of", option->path);
    for (size_t i = 0; choices[i]; i++) {
        buffer_append_format(error, "%s %s", i ? "," : "", choices[i]);
    }
    buffer_append_format(error, ", not `%s`", text);
    return false;
}

bool option_set(const struct option *option, const char *text, void *structure,
                struct buffer *error)
{
    if (kinds[option->kind].units) {
        return set_number(option, text, structure, error);
    }
    if (kinds[option->kind].choices) {
        return set_choice(option, text, structure, error);
    }
    char *copy = text[0] ? memory_copy_string(slice_from_string(text)) : NULL;
    free((void *)(uintptr_t)option_text_value(option, structure));
    memcpy(target_of(option, structure), &copy, sizeof(copy));
    return true;
}

/* Characters that YAML has as they are, and not as ends of lines (YAML 1.2, 5.1, 5.4). */
static bool is_printable(uint32_t c)
{
    return (c >= 0xA0 && c <= 0xFFFD && c != 0x2028 && c != 0x2029 && c != 0xFEFF) || c > 0xFFFF ||
           (c >= ' ' && c < 0x7F);
}

void option_print_text(struct buffer *out, const char *text)
{
    struct slice rest = slice_from_string(text ? text : "");
    buffer_append_byte(out, '"');
    while (rest.length > 0) {
        size_t length = utf8_character_length(rest);
        struct slice character = slice_make(rest.data, length > 0 ? length : 1);
        struct slice copy = character;
        uint32_t c = length > 0 ? utf8_take(&copy) : '?';
        rest = slice_from(rest, character.length);
        if (!is_printable(c)) {
            buffer_append_format(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\') {
            buffer_append_byte(out, '\\');
        }
        buffer_append(out, character);
    }
    buffer_append_byte(out, '"');
}

void option_print(const struct option *option, const void *structure, struct buffer *out)
{
    const struct kind *kind = &kinds[option->kind];
    if (option->kind == TEXT) {
        option_print_text(out, option_text_value(option, structure));
        return;
    }
    uint64_t value = option_number_value(option, structure);
    if (kind->choices) {
        buffer_append_string(out, kind->choices[value]);
    } else if (is_never(option, value)) {
        buffer_append_string(out, "never");
    } else {
        print_value(option, value, out);
    }
}

bool option_equal(const struct option *option, const void *a, const void *b)
{
    if (option->kind != TEXT) {
        return option_number_value(option, a) == option_number_value(option, b);
    }
    const char *x = option_text_value(option, a), *y = option_text_value(option, b);
    return x && y ? strcmp(x, y) == 0 : x == y;
}

void options_free(const struct option *table, size_t count, void *structure)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].kind == TEXT) {
            free((void *)(uintptr_t)option_text_value(&table[i], structure));
        }
    }
}
