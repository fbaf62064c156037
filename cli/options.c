/* Reads the options of `pubgrid pub` and `pubgrid sub`: configuration file, then command line.
 *
 * The configuration file ($XDG_CONFIG_HOME/pubgrid_pub or ~/.config/pubgrid_pub, and _sub) has one
 * option a line, as mosquitto's; its values are defaults that the command line overrides. The rules
 * that concern several options at once stand in one table-like function each, after reading.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "option_table.h"
#include "property_option.h"
#include "version.h"

enum options_result { OPTIONS_GOOD, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_BAD };

enum { PORT_MQTT = 1883, PORT_MQTT_TLS = 8883, WORDS_MAX = 8 };

static const char *tool_name(enum tool tool)
{
    return tool == TOOL_PUB ? "pub" : "sub";
}

void string_list_add(struct string_list *list, const char *text)
{
    list->items = memory_resize(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = text;
}

char *options_own(struct options *options, char *text)
{
    string_list_add(&options->owned, text);
    return text;
}

void options_report(const struct options *options, const char *format, ...)
{
    va_list arguments;

    if (options->quiet) {
        return;
    }
    va_start(arguments, format);
    /* clang-tidy 14 does not see va_start() here. NOLINTNEXTLINE */
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static void set_defaults(struct options *options, enum tool tool)
{
    memset(options, 0, sizeof(*options));
    options->tool = tool;
    options->connection.port = PORT_UNSET;
    options->connection.keep_alive = 60;
    options->connection.version = MQTTVERSION_3_1_1;
    options->connection.session_expiry = SESSION_EXPIRY_UNSET;
    options->connection.inflight_max = 20;
    options->publish.repeat = 1;
    options->subscribe.chance = 100.0;
}

static const struct option *find_option(enum tool tool, const char *word)
{
    for (size_t i = 0; i < option_table_length; i++) {
        const struct option *option = &option_table[i];
        bool named = (option->short_name != NULL && strcmp(word, option->short_name) == 0) ||
                     (option->long_name != NULL && strcmp(word, option->long_name) == 0);

        if (named && (option->tools & tool) != 0) {
            return option;
        }
    }
    return NULL;
}

static bool read_option(struct options *options, struct arguments *arguments)
{
    const char *word = arguments->words[arguments->at];
    const struct option *option = find_option(options->tool, word);
    const char *value = NULL;

    if (option == NULL) {
        fprintf(stderr, "Error: Unknown option '%s'.\n", word);
        return false;
    }
    if (option->missing != NULL) {
        if (arguments->at + 1 >= arguments->count) {
            fprintf(stderr, "Error: %s argument given but no %s specified.\n",
                    option->short_name != NULL ? option->short_name : option->long_name,
                    option->missing);
            return false;
        }
        value = arguments->words[++arguments->at];
    }
    return option->apply == NULL || option->apply(option, options, arguments, value);
}

static enum options_result read_options(struct options *options, struct arguments *arguments)
{
    for (; arguments->at < arguments->count; arguments->at++) {
        const char *word = arguments->words[arguments->at];

        if (strcmp(word, "--help") == 0) {
            return OPTIONS_HELP;
        }
        if (strcmp(word, "--version") == 0) {
            return OPTIONS_VERSION;
        }
        if (!read_option(options, arguments)) {
            return OPTIONS_BAD;
        }
    }
    return OPTIONS_GOOD;
}

/* The option's name and the rest of the line; -D has several words behind it. */
static enum options_result read_line(struct options *options, char *line)
{
    char *words[WORDS_MAX], *rest = line;
    struct arguments arguments = {.words = words};
    bool is_property = strncmp(line, "-D ", 3) == 0 || strncmp(line, "--property ", 11) == 0;
    int words_max = is_property ? WORDS_MAX : 2;

    while (arguments.count < words_max && rest != NULL && *rest != '\0') {
        words[arguments.count++] = rest;
        rest = arguments.count < words_max ? strchr(rest, ' ') : NULL;
        if (rest != NULL) {
            *rest++ = '\0';
        }
    }
    return read_options(options, &arguments);
}

static char *config_path(enum tool tool)
{
    const char *home = getenv("XDG_CONFIG_HOME");
    const char *folder = "";
    char *path;

    if (home == NULL) {
        home = getenv("HOME");
        folder = "/.config";
    }
    if (home == NULL || asprintf(&path, "%s%s/pubgrid_%s", home, folder, tool_name(tool)) < 0) {
        return NULL;
    }
    return path;
}

static enum options_result read_config(struct options *options)
{
    enum options_result result = OPTIONS_GOOD;
    char *path = config_path(options->tool);
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;

    while (file != NULL && result == OPTIONS_GOOD && getline(&line, &capacity, file) >= 0) {
        char *text;

        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0') {
            continue;
        }
        text = options_own(options, memory_copy_string(slice_from_string(line)));
        result = read_line(options, text);
    }
    free(line);
    free(path);
    if (file != NULL) {
        fclose(file);
    }
    return result;
}

bool options_want_tls(const struct options *options)
{
    const struct tls_options *tls = &options->tls;

    return tls->ca_file != NULL || tls->ca_path != NULL || tls->psk != NULL ||
           tls->use_os_certificates ||
           (options->connection.port == PORT_MQTT_TLS && options->connection.unix_path == NULL);
}

uint16_t options_port(const struct options *options)
{
    const struct tls_options *tls = &options->tls;

    if (options->connection.port != PORT_UNSET) {
        return (uint16_t)options->connection.port;
    }
    return tls->ca_file != NULL || tls->ca_path != NULL || tls->psk != NULL ? PORT_MQTT_TLS
                                                                            : PORT_MQTT;
}

static bool check_will_and_tls(const struct options *options)
{
    const struct tls_options *tls = &options->tls;
    const struct will_options *will = &options->will;
    const struct {
        bool wrong;
        const char *message;
    } rules[] = {
        {will->payload != NULL && will->topic == NULL,
         "Will payload given, but no will topic given."},
        {will->retain && will->topic == NULL, "Will retain given, but no will topic given."},
        {(tls->certificate == NULL) != (tls->key == NULL),
         "Both certfile and keyfile must be provided if one of them is set."},
        {tls->key_form != NULL && tls->key == NULL,
         "If keyform is set, keyfile must be also specified."},
        {tls->key_form != NULL && strcmp(tls->key_form, "pem") != 0,
         "Problem setting key form, it must be 'pem'."},
        {(tls->ca_file != NULL || tls->ca_path != NULL) && tls->psk != NULL,
         "Only one of --psk or --cafile/--capath may be used at once."},
        {tls->psk != NULL && tls->psk_identity == NULL, "--psk-identity required if --psk used."},
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].wrong) {
            fprintf(stderr, "Error: %s\n", rules[i].message);
            return false;
        }
    }
    return true;
}

/* MQTT 5 has an interval where 3.1.1 has a flag: -c alone means a session that never expires. */
static bool check_session(struct options *options)
{
    struct connection_options *connection = &options->connection;
    bool has_id = connection->id != NULL && connection->id_prefix == NULL;
    MQTTProperty property = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL};

    if (connection->version < MQTTVERSION_5) {
        if (connection->keep_session && !has_id) {
            fprintf(stderr,
                    "Error: You must provide a client id if you are using the -c option.\n");
            return false;
        }
        return true;
    }
    if (connection->keep_session && connection->session_expiry == SESSION_EXPIRY_UNSET) {
        connection->session_expiry = UINT32_MAX;
    }
    if (connection->session_expiry <= 0) {
        return true;
    }
    if (connection->session_expiry == UINT32_MAX && !has_id) {
        fprintf(stderr, "Error: You must provide a client id if you are using an infinite session "
                        "expiry interval.\n");
        return false;
    }
    property.value.integer4 = (unsigned)connection->session_expiry;
    MQTTProperties_add(&options->properties[FOR_CONNECT], &property);
    return true;
}

/* -C: what the server has sent beyond the wanted count would be acknowledged and lost. */
static void limit_receive_maximum(struct options *options)
{
    MQTTProperties *list = &options->properties[FOR_CONNECT];
    MQTTProperty property = {.identifier = MQTTPROPERTY_CODE_RECEIVE_MAXIMUM};
    long count = options->subscribe.message_count;

    if (options->connection.version < MQTTVERSION_5 || count == 0 ||
        count >= options->connection.inflight_max ||
        MQTTProperties_hasProperty(list, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)) {
        return;
    }
    property.value.integer2 = (unsigned short)count;
    MQTTProperties_add(list, &property);
}

static bool check_tool(const struct options *options)
{
    if (options->tool == TOOL_SUB && options->subscribe.topics.count == 0) {
        fprintf(stderr, "Error: You must specify a topic to subscribe to.\n");
        return false;
    }
    if (options->subscribe.skip_retained && options->subscribe.retained_only) {
        fprintf(stderr, "\nError: Combining '-R' and '--retained-only' makes no sense.\n");
        return false;
    }
    return true;
}

static enum options_result load(struct options *options, int argc, char **argv)
{
    struct arguments arguments = {argc, argv, 1};
    enum options_result result = read_config(options);

    if (result == OPTIONS_GOOD) {
        result = read_options(options, &arguments);
    }
    if (result == OPTIONS_GOOD && !(check_will_and_tls(options) && check_session(options) &&
                                    check_tool(options) && property_options_check(options))) {
        result = OPTIONS_BAD;
    }
    limit_receive_maximum(options);
    if (options->connection.host == NULL) {
        options->connection.host = "localhost";
    }
    return result;
}

struct options *options_open(enum tool tool, int argc, char **argv, int *status)
{
    struct options *options = memory_allocate(sizeof(*options));

    set_defaults(options, tool);
    *status = 0;
    switch (load(options, argc, argv)) {
    case OPTIONS_GOOD:
        return options;
    case OPTIONS_HELP:
        options_print_help(tool);
        break;
    case OPTIONS_VERSION:
        version_print();
        break;
    case OPTIONS_BAD:
        fprintf(stderr, "\nUse 'pubgrid %s --help' to see usage.\n", tool_name(tool));
        *status = 1;
        break;
    }
    options_close(options);
    return NULL;
}

void options_close(struct options *options)
{
    for (size_t i = 0; i < PROPERTY_TARGETS; i++) {
        MQTTProperties_free(&options->properties[i]);
    }
    for (size_t i = 0; i < options->owned.count; i++) {
        free((void *)(uintptr_t)options->owned.items[i]);
    }
    free(options->owned.items);
    free(options->subscribe.topics.items);
    free(options->subscribe.filter_out.items);
    free(options->subscribe.unsubscribe.items);
    free(options);
}

void options_print_help(enum tool tool)
{
    static const char *const synopsis[] = {
        [TOOL_PUB] = "Usage: pubgrid pub {[-h host] [-p port] -t topic | -L url} "
                     "{-f file | -l | -m message | -n | -s} [options]\n\n"
                     "Publishes a message, or each line of the standard input, and exits.\n\n",
        [TOOL_SUB] = "Usage: pubgrid sub {[-h host] [-p port] -t topic... | -L url} [options]\n\n"
                     "Subscribes to topics and prints the messages that arrive.\n\n",
    };

    fputs(synopsis[tool], stdout);
    for (size_t i = 0; i < option_table_length; i++) {
        const struct option *option = &option_table[i];
        char names[100];

        if ((option->tools & tool) == 0) {
            continue;
        }
        snprintf(names, sizeof(names), "%s%s%s%s%s", option->short_name ? option->short_name : "",
                 option->short_name && option->long_name ? ", " : "",
                 option->long_name ? option->long_name : "", option->argument ? " " : "",
                 option->argument ? option->argument : "");
        printf("  %-34s %s\n", names, option->help);
    }
    printf("  %-34s %s\n  %-34s %s\n", "--help", "print this and exit", "--version",
           "print the version and exit");
    printf("\nDefaults are read from ~/.config/pubgrid_%s. See pubgrid-%s(1).\n", tool_name(tool),
           tool_name(tool));
}
