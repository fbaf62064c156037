/* From texts to options: scalars by the table, then listeners, groups and access rules. Every
 * mistake becomes one line with the place and what to write instead.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "mqtt/topic.h"
#include "options_nearest.h"
#include "options_table.h"
#include "options_walk.h"
#include "options_yaml.h"

static const char default_listener[] = "tcp://127.0.0.1:1883";

enum { UNIX_MODE_DEFAULT = 0660, KEY_MAX = 64, PLACE_MAX = 128 };

/* A load in progress. */
struct loading {
    const char *file; /* NULL: it is about --set */
    struct yaml_positions *positions;
    struct broker_options *options;
    struct buffer *error;
    bool failed;
};

/* --- mistakes --- */

/* "file:line: " of a key, or "--set key: ". */
static void begin_mistake(struct loading *loading, const char *key)
{
    loading->failed = true;
    if (loading->file) {
        buffer_append_format(loading->error, "%s:%u: ", loading->file,
                             yaml_line(loading->positions, key));
    } else {
        buffer_append_format(loading->error, "--set %s: ", key);
    }
}

#define MISTAKE(loading, key, ...)                                                                 \
    do {                                                                                           \
        begin_mistake(loading, key);                                                               \
        buffer_append_format((loading)->error, __VA_ARGS__);                                       \
        buffer_append_string((loading)->error, "\n");                                              \
    } while (0)

static char *copy_text(const char *text)
{
    return text && text[0] ? memory_copy_string(slice_from_string(text)) : NULL;
}

/* --- scalars --- */

static void set_scalar(struct loading *loading, const struct option *option, const char *text)
{
    struct buffer why = {0};
    if (!option_set(option, text, loading->options, &why)) {
        MISTAKE(loading, option->path, "%.*s", (int)why.length, (const char *)why.data);
    }
    buffer_release(&why);
}

static void set_given(struct loading *loading, const char *path, const char *text)
{
    if (text) {
        set_scalar(loading, option_find(path), text);
    }
}

static void read_scalars(struct loading *loading, const struct yaml_config *yaml)
{
#define READ_TOP(section, name, ...) set_given(loading, #name, yaml->top.name);
#define READ(section, name, ...)                                                                   \
    if (yaml->section) {                                                                           \
        set_given(loading, #section "." #name, yaml->section->name);                               \
    }
    OPTIONS_TOP(READ_TOP)
    OPTIONS_STORE(READ)
    OPTIONS_AUTH(READ)
    OPTIONS_MQTT(READ)
    OPTIONS_SESSION(READ)
    OPTIONS_LIMITS(READ)
#undef READ
#undef READ_TOP
}

/* --- listeners --- */

struct scheme {
    const char *prefix;
    enum listener_kind kind;
    uint16_t port; /* default */
};

static const struct scheme schemes[] = {
    {"tcp://", LISTENER_TCP, 1883}, {"mqtt://", LISTENER_TCP, 1883},
    {"tls://", LISTENER_TLS, 8883}, {"mqtts://", LISTENER_TLS, 8883},
    {"unix:", LISTENER_UNIX, 0},
};

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > UINT16_MAX) {
        return false;
    }
    *port = (uint16_t)value;
    return true;
}

/* "host", "host:port", "[v6]:port", "v6" */
static bool parse_host(const char *text, struct listener_config *listener)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : strrchr(text, ':');
    struct slice host;
    if (text[0] == '[') {
        if (!end || (end[1] != '\0' && end[1] != ':')) {
            return false;
        }
        host = slice_make(text + 1, (size_t)(end - text - 1));
        end = end[1] ? end + 1 : NULL;
    } else if (end && strchr(text, ':') == end) {
        host = slice_make(text, (size_t)(end - text));
    } else {
        host = slice_from_string(text); /* a name, or a bare IPv6 address */
        end = NULL;
    }
    if (host.length == 0 || (end && !parse_port(end + 1, &listener->port))) {
        return false;
    }
    listener->address = memory_copy_string(host);
    return true;
}

static bool parse_address(const char *text, struct listener_config *listener)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t length = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, length) != 0) {
            continue;
        }
        listener->kind = schemes[i].kind;
        listener->port = schemes[i].port;
        if (listener->kind == LISTENER_UNIX) {
            listener->path = copy_text(text + length);
            return listener->path != NULL;
        }
        return parse_host(text + length, listener);
    }
    return false;
}

static bool is_loopback(const struct listener_config *listener)
{
    struct in_addr v4;
    if (listener->kind == LISTENER_UNIX || strcmp(listener->address, "::1") == 0 ||
        strcmp(listener->address, "localhost") == 0) {
        return true;
    }
    return inet_pton(AF_INET, listener->address, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* Once everything is read: what a listener does not say itself. */
static void resolve_anonymous(struct broker_options *options)
{
    for (size_t i = 0; i < options->listener_count; i++) {
        struct listener_config *listener = &options->listeners[i];
        if (!listener->anonymous_given) {
            listener->allow_anonymous =
                options->allow_anonymous == ANONYMOUS_YES ||
                (options->allow_anonymous == ANONYMOUS_AUTO && is_loopback(listener));
        }
    }
}

static struct listener_config *add_listener(struct loading *loading, const char *key,
                                            const char *address)
{
    struct broker_options *options = loading->options;
    struct listener_config listener = {.mode = UNIX_MODE_DEFAULT};
    if (!address || !parse_address(address, &listener)) {
        MISTAKE(loading, key,
                "`address` is tcp://HOST:PORT, tls://HOST:PORT or unix:/PATH, not `%s`",
                address ? address : "");
        return NULL;
    }
    listener.text = copy_text(address);
    options->listeners = memory_resize(options->listeners,
                                       (options->listener_count + 1) * sizeof(*options->listeners));
    options->listeners[options->listener_count] = listener;
    return &options->listeners[options->listener_count++];
}

static void read_bool(struct loading *loading, const char *key, const char *name, const char *text,
                      bool *value)
{
    if (text && !option_parse_bool(text, value)) {
        char place[PLACE_MAX];
        snprintf(place, sizeof(place), "%s.%s", key, name);
        MISTAKE(loading, place, "`%s` is true or false, not `%s`", name, text);
    }
}

static void read_mode(struct loading *loading, const char *key, const char *text, mode_t *mode)
{
    char *end;
    if (!text) {
        return;
    }
    unsigned long value = strtoul(text, &end, 8);
    if (*end != '\0' || end == text || value > 0777) {
        char place[PLACE_MAX];
        snprintf(place, sizeof(place), "%s.mode", key);
        MISTAKE(loading, place, "`mode` is an octal number such as \"0660\", not `%s`", text);
        return;
    }
    *mode = (mode_t)value;
}

static void check_tls(struct loading *loading, const char *key,
                      const struct listener_config *listener)
{
    if (listener->kind == LISTENER_TLS && (!listener->certificate || !listener->key)) {
        MISTAKE(loading, key, "a tls:// listener needs `certificate` and `key` (PEM files)");
    } else if (listener->kind != LISTENER_TLS && (listener->certificate || listener->key)) {
        MISTAKE(loading, key, "`certificate` and `key` go with a tls:// address");
    }
    if (listener->require_client_certificate && !listener->ca) {
        MISTAKE(loading, key,
                "`require_client_certificate` needs `ca`, the file of the CAs that "
                "sign client certificates");
    }
}

static void read_listener(struct loading *loading, const struct yaml_listener *yaml, size_t index)
{
    char key[KEY_MAX];
    snprintf(key, sizeof(key), "listeners.%zu", index);
    struct listener_config *listener = add_listener(loading, key, yaml->address);
    if (!listener) {
        return;
    }
    listener->certificate = copy_text(yaml->certificate);
    listener->key = copy_text(yaml->key);
    listener->ca = copy_text(yaml->ca);
    listener->crl = copy_text(yaml->crl);
    read_mode(loading, key, yaml->mode, &listener->mode);
    read_bool(loading, key, "require_client_certificate", yaml->require_client_certificate,
              &listener->require_client_certificate);
    read_bool(loading, key, "use_certificate_as_user", yaml->use_certificate_as_user,
              &listener->use_certificate_as_user);
    read_bool(loading, key, "allow_anonymous", yaml->allow_anonymous, &listener->allow_anonymous);
    listener->anonymous_given = yaml->allow_anonymous != NULL;
    check_tls(loading, key, listener);
}

static void free_listeners(struct broker_options *options)
{
    for (size_t i = 0; i < options->listener_count; i++) {
        struct listener_config *listener = &options->listeners[i];
        char *const texts[] = {listener->text,        listener->address, listener->path,
                               listener->certificate, listener->key,     listener->ca,
                               listener->crl};
        for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
            free(texts[t]);
        }
    }
    free(options->listeners);
    options->listeners = NULL;
    options->listener_count = 0;
}

/* --set listeners=tcp://127.0.0.1:1884,unix:/tmp/x: replaces them all. */
static void set_listeners(struct loading *loading, const char *text)
{
    char *copy = memory_copy_string(slice_from_string(text)), *rest = copy, *address;
    free_listeners(loading->options);
    while ((address = strsep(&rest, ",")) != NULL) {
        struct listener_config *listener = add_listener(loading, "listeners", address);
        if (listener && listener->kind == LISTENER_TLS) {
            MISTAKE(loading, "listeners",
                    "a tls:// listener needs its certificate: write it in "
                    "the configuration file");
        }
    }
    free(copy);
}

/* --- groups and access rules --- */

static void read_group(struct loading *loading, const struct yaml_group *yaml, size_t index)
{
    char key[KEY_MAX];
    snprintf(key, sizeof(key), "groups.%zu", index);
    if (!yaml->name || !yaml->name[0]) {
        MISTAKE(loading, key, "a group needs a `name`");
        return;
    }
    struct group_config *group = &loading->options->groups[loading->options->group_count++];
    group->name = copy_text(yaml->name);
    group->users = memory_allocate_zero((yaml->users_count + 1) * sizeof(char *));
    for (size_t i = 0; i < yaml->users_count; i++) {
        if (yaml->users[i] && yaml->users[i][0]) {
            group->users[group->user_count++] = copy_text(yaml->users[i]);
        }
    }
}

static struct slice copy_slice(const char *text)
{
    char *copy = memory_copy_string(slice_from_string(text ? text : ""));
    return slice_from_string(copy);
}

static void add_rules(struct loading *loading, const char *key, const struct access_rule *model,
                      char **filters, size_t count)
{
    struct broker_options *options = loading->options;
    for (size_t i = 0; i < count; i++) {
        if (!filters[i] || !topic_filter_is_valid(slice_from_string(filters[i]))) {
            char place[PLACE_MAX];
            snprintf(place, sizeof(place), "%s.%s.%zu", key,
                     model->actions == ACCESS_PUBLISH ? "publish" : "subscribe", i);
            MISTAKE(loading, place, "`%s` is no topic filter: + and # are whole levels, # the last",
                    filters[i] ? filters[i] : "");
            continue;
        }
        options->access_rules =
            memory_resize(options->access_rules,
                          (options->access_rule_count + 1) * sizeof(*options->access_rules));
        struct access_rule *rule = &options->access_rules[options->access_rule_count++];
        *rule = *model;
        rule->filter = copy_slice(filters[i]);
        rule->user = copy_slice((const char *)model->user.data);
        rule->group = copy_slice((const char *)model->group.data);
    }
}

static void read_access(struct loading *loading, const struct yaml_access *yaml, size_t index)
{
    char key[KEY_MAX];
    struct access_rule model = {
        .user = slice_from_string(yaml->user ? yaml->user : ""),
        .group = slice_from_string(yaml->group ? yaml->group : ""),
    };
    snprintf(key, sizeof(key), "access.%zu", index);
    read_bool(loading, key, "deny", yaml->deny, &model.deny);
    if (yaml->publish_count == 0 && yaml->subscribe_count == 0) {
        MISTAKE(loading, key, "a rule needs `publish` or `subscribe`, a list of topic filters");
    }
    model.actions = ACCESS_PUBLISH;
    add_rules(loading, key, &model, yaml->publish, yaml->publish_count);
    model.actions = ACCESS_SUBSCRIBE;
    add_rules(loading, key, &model, yaml->subscribe, yaml->subscribe_count);
}

static void read_lists(struct loading *loading, const struct yaml_config *yaml)
{
    for (size_t i = 0; i < yaml->listeners_count; i++) {
        read_listener(loading, &yaml->listeners[i], i);
    }
    loading->options->groups =
        memory_allocate_zero((yaml->groups_count + 1) * sizeof(*loading->options->groups));
    for (size_t i = 0; i < yaml->groups_count; i++) {
        read_group(loading, &yaml->groups[i], i);
    }
    for (size_t i = 0; i < yaml->access_count; i++) {
        read_access(loading, &yaml->access[i], i);
    }
}

/* --- --set --- */

static void report_unknown_set(struct loading *loading, const char *key)
{
    struct nearest nearest = nearest_to(key);
    nearest_offer(&nearest, "listeners");
    for (size_t i = 0; i < option_count; i++) {
        nearest_offer(&nearest, option_table[i].path);
    }
    if (nearest_found(&nearest)) {
        MISTAKE(loading, key, "there is no such option; write `%s` instead", nearest.name);
    } else {
        MISTAKE(loading, key, "there is no such option; --print-config lists them");
    }
}

static void apply_set(struct loading *loading, const char *set)
{
    const char *equals = strchr(set, '=');
    if (!equals || equals == set) {
        MISTAKE(loading, set, "write --set section.option=value");
        return;
    }
    char *key = memory_copy_string(slice_make(set, (size_t)(equals - set)));
    const struct option *option = option_find(key);
    if (strcmp(key, "listeners") == 0) {
        set_listeners(loading, equals + 1);
    } else if (option) {
        set_scalar(loading, option, equals + 1);
    } else {
        report_unknown_set(loading, key);
    }
    free(key);
}

/* --- all together --- */

static void set_defaults(struct broker_options *options)
{
    struct buffer ignored = {0};
    for (size_t i = 0; i < option_count; i++) {
        option_set(&option_table[i], option_table[i].initial, options, &ignored);
    }
    buffer_release(&ignored);
}

static void read_text(struct loading *loading, struct slice text)
{
    loading->positions = yaml_positions_new();
    struct yaml_config *yaml =
        yaml_config_parse(text, loading->file, loading->positions, loading->error);
    if (yaml) {
        read_scalars(loading, yaml);
        read_lists(loading, yaml);
        yaml_config_free(yaml);
    } else {
        loading->failed = true;
    }
    yaml_positions_free(loading->positions);
    loading->positions = NULL;
}

static struct broker_options *finish(struct loading *loading)
{
    if (loading->options->listener_count == 0 && !loading->failed) {
        add_listener(loading, "listeners", default_listener);
    }
    resolve_anonymous(loading->options);
    if (loading->failed) {
        options_free(loading->options);
        return NULL;
    }
    return loading->options;
}

struct broker_options *options_parse(struct slice text, const char *file, const char *const *sets,
                                     size_t set_count, struct buffer *error)
{
    struct loading loading = {
        .options = memory_allocate_zero(sizeof(*loading.options)),
        .error = error,
    };
    set_defaults(loading.options);
    if (file) {
        loading.file = file;
        read_text(&loading, text);
        loading.file = NULL;
    }
    for (size_t i = 0; i < set_count; i++) {
        apply_set(&loading, sets[i]);
    }
    return finish(&loading);
}

/* False with the reason in errno. */
static bool read_file(const char *path, struct buffer *text)
{
    FILE *file = fopen(path, "re");
    size_t got;
    if (!file) {
        return false;
    }
    do {
        got = fread(buffer_reserve(text, BUFSIZ), 1, BUFSIZ, file);
        text->length += got;
    } while (got > 0);
    bool good = !ferror(file);
    int reason = errno;
    fclose(file);
    errno = reason;
    return good;
}

struct broker_options *options_load(const char *path, const char *const *sets, size_t set_count,
                                    struct buffer *error)
{
    struct broker_options *options = NULL;
    struct buffer text = {0};
    if (path && !read_file(path, &text)) {
        buffer_append_format(error, "%s: cannot be read: %s\n", path, strerrordesc_np(errno));
    } else {
        options = options_parse(buffer_slice(&text), path, sets, set_count, error);
    }
    buffer_release(&text);
    return options;
}

static void free_groups(struct broker_options *options)
{
    for (size_t i = 0; i < options->group_count; i++) {
        for (size_t u = 0; u < options->groups[i].user_count; u++) {
            free(options->groups[i].users[u]);
        }
        free(options->groups[i].users);
        free(options->groups[i].name);
    }
    free(options->groups);
}

void options_free(struct broker_options *options)
{
    if (!options) {
        return;
    }
    free_listeners(options);
    free_groups(options);
    for (size_t i = 0; i < options->access_rule_count; i++) {
        free((void *)(uintptr_t)options->access_rules[i].user.data);
        free((void *)(uintptr_t)options->access_rules[i].group.data);
        free((void *)(uintptr_t)options->access_rules[i].filter.data);
    }
    free(options->access_rules);
    free(options->store_path);
    free(options->password_file);
    free(options);
}
