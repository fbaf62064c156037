/* Command line of `pubgrid bench`: one table row per option, which also prints the help.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_match.h"
#include "bench_wire.h"

enum option_kind {
    KIND_FLAG,
    KIND_TEXT,
    KIND_INT,
    KIND_INT64,
    KIND_NUMBER,
    KIND_PROCESSES,
    KIND_VERSION,
    KIND_SELF_TEST,
    KIND_REST,
};

struct option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    size_t offset;
    double minimum, maximum; /* of numbers */
    const char *argument;
    const char *help;
};

#define AT(member) offsetof(struct bench_options, member)

static const struct option options[] = {
    {"host", 'h', KIND_TEXT, AT(endpoint.host), 0, 0, "HOST", "broker to measure (localhost)"},
    {"port", 'p', KIND_INT, AT(endpoint.port), 1, 65535, "PORT", "its port (1883)"},
    {"protocol", 0, KIND_TEXT, AT(protocol), 0, 0, "NAME",
     "mqtt (the default), json, json-reliable, json-event or socketio"},
    {"rest", 0, KIND_REST, AT(rest), 0, 0, "TARGET",
     "publishers use HTTP: group, user, hub of the REST API; event; mqtt; or health, the empty "
     "route"},
    {"keys", 0, KIND_TEXT, AT(keys), 0, 0, "FILE", "REST: the server's access keys"},
    {"batch", 0, KIND_INT, AT(batch), 1, 5000, "N", "REST event: events in a request (1)"},
    {"event-key", 0, KIND_TEXT, AT(event_key), 0, 0, "KEY", "REST event: the topic's key"},
    {"filter", 0, KIND_TEXT, AT(filter), 0, 0, "ODATA", "REST: a filter"},
    {"protocol-version", 'V', KIND_VERSION, AT(version), 0, 0, "VERSION", "311 or 5 (311)"},
    {"username", 'u', KIND_TEXT, AT(user_name), 0, 0, "NAME", "user name"},
    {"password", 'P', KIND_TEXT, AT(password), 0, 0, "WORD", "password"},
    {"count", 'n', KIND_INT, AT(count), 1, 1000000, "K", "the cell's number of clients"},
    {"publishers", 0, KIND_INT, AT(publishers), 1, 100000, "N", "share: publishers (K)"},
    {"group-size", 0, KIND_INT, AT(group_size), 1, 1000000, "M", "groups: members of each (10)"},
    {"filters", 0, KIND_INT, AT(filters), 1000, BENCH_MATCH_FILTERS_MAX, "N",
     "match: filters of all subscribers together (1000)"},
    {"idle", 0, KIND_INT, AT(idle), 1, 1000000, "N",
     "so many more connections, each with a subscription, to which nothing is sent"},
    {"qos", 'q', KIND_INT, AT(qos), 0, 2, "QOS", "0, 1 or 2 (0; durable: 1)"},
    {"payload", 's', KIND_INT, AT(payload), BENCH_STAMP_SIZE, 64 << 20, "BYTES",
     "payload size, at least 24, JSON 48 (64)"},
    {"window", 'w', KIND_INT, AT(window), 1, 60000, "W",
     "closed loop: messages in flight per publisher"},
    {"rate", 'r', KIND_NUMBER, AT(rate), 0.001, 1e8, "R",
     "open loop: messages a second, all publishers together"},
    {"seconds", 0, KIND_NUMBER, AT(seconds), 0.01, 86400, "S", "measured time (2)"},
    {"messages", 0, KIND_INT64, AT(messages), 1, 1e15, "N",
     "measured messages, instead of a time; retained: how many (10000)"},
    {"warmup", 0, KIND_NUMBER, AT(warmup), 0, 3600, "S", "time before measuring (0.5)"},
    {"lazy-us", 0, KIND_INT, AT(lazy_us), 1, 1000000, "US",
     "least time between two turns of the generator, so that bursts form"},
    {"pid", 0, KIND_PROCESSES, AT(broker), 0, 0, "P[,P...]",
     "the server's processes, for their CPU and memory; may be repeated"},
    {"sources", 0, KIND_INT, AT(sources), 1, 254, "N", "source addresses on loopback (16)"},
    {"concurrency", 0, KIND_INT, AT(concurrency), 1, 10000, "N",
     "connections being set up at once (64)"},
    {"stuck", 0, KIND_INT, AT(stuck), 1, 100000, "N",
     "fan-out: so many of the subscribers stop reading, and do not count"},
    {"timeout", 0, KIND_NUMBER, AT(timeout), 0.1, 3600, "S", "stop after S without progress (5)"},
    {"durable", 0, KIND_FLAG, AT(durable), 0, 0, NULL,
     "the subscribers' sessions outlive their connections"},
    {"receive-maximum", 0, KIND_INT, AT(receive_maximum), 1, UINT16_MAX, "N",
     "durable, MQTT 5: a subscriber's Receive Maximum (1000)"},
    {"between", 0, KIND_TEXT, AT(between), 0, 0, "COMMAND",
     "durable: run it before the subscriber comes back; may print the new pids"},
    {"label", 0, KIND_TEXT, AT(label), 0, 0, "TEXT", "put into the output line as \"label\""},
    {"self-test", 0, KIND_SELF_TEST, AT(self_test), 0, 0, "MODE",
     "measure a built-in relay: relay, drop, duplicate or swap"},
    {"human", 0, KIND_FLAG, AT(human), 0, 0, NULL, "a line for people instead of JSON"},
    {"help", 0, KIND_FLAG, AT(help), 0, 0, NULL, "this text"},
};

enum { OPTION_COUNT = sizeof(options) / sizeof(options[0]) };

static bool value_read_int64(int64_t *out, const struct option *option, const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return end != text && *end == '\0' && (double)value >= option->minimum &&
           (double)value <= option->maximum;
}

static bool value_read_number(double *out, const struct option *option, const char *text)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= option->minimum && *out <= option->maximum;
}

/* mosquitto_pub's spellings are taken too. */
static bool value_read_version(int *out, const char *text)
{
    static const struct {
        const char *text;
        int level;
    } versions[] = {{"311", 4}, {"mqttv311", 4}, {"4", 4}, {"5", 5}, {"mqttv5", 5}};
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (strcmp(text, versions[i].text) == 0) {
            *out = versions[i].level;
            return true;
        }
    }
    return false;
}

/* Its place among the words; -1: it is none of them. */
static int word_find(const char *const *words, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool value_read_self_test(enum bench_self_test *out, const char *text)
{
    static const char *const modes[] = {"off", "relay", "drop", "duplicate", "swap"};
    int found = word_find(modes, sizeof(modes) / sizeof(modes[0]), text);
    *out = (enum bench_self_test)found;
    return found >= 0;
}

static bool value_read_rest(enum bench_rest *out, const char *text)
{
    static const char *const targets[] = {"off", "group", "user", "hub", "health", "event", "mqtt"};
    int found = word_find(targets, sizeof(targets) / sizeof(targets[0]), text);
    *out = (enum bench_rest)found;
    return found >= 0;
}

/* Stores `text` where the option says; false if it is not such a value. */
static bool option_store(struct bench_options *out, const struct option *option, const char *text)
{
    void *place = (char *)out + option->offset;
    int64_t integer;
    switch (option->kind) {
    case KIND_FLAG:
        *(bool *)place = true;
        return true;
    case KIND_TEXT:
        *(const char **)place = text;
        return true;
    case KIND_INT:
        if (!value_read_int64(&integer, option, text)) {
            return false;
        }
        *(int *)place = (int)integer;
        return true;
    case KIND_INT64:
        return value_read_int64(place, option, text);
    case KIND_NUMBER:
        return value_read_number(place, option, text);
    case KIND_PROCESSES:
        return bench_processes_add(place, text);
    case KIND_VERSION:
        return value_read_version(place, text);
    case KIND_SELF_TEST:
        return value_read_self_test(place, text);
    case KIND_REST:
        return value_read_rest(place, text);
    }
    return false;
}

/* `text` is "--name", "--name=value" or "-x"; *value is what follows the `=`, or NULL. */
static const struct option *option_find(const char *text, const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        size_t length = strlen(options[i].name);
        if (text[1] != '-') {
            if (text[1] != '\0' && text[1] == options[i].letter && text[2] == '\0') {
                return &options[i];
            }
        } else if (strncmp(text + 2, options[i].name, length) == 0) {
            if (text[2 + length] == '=') {
                *value = text + 3 + length;
                return &options[i];
            }
            if (text[2 + length] == '\0') {
                return &options[i];
            }
        }
    }
    return NULL;
}

static bool option_complain(const char *text, const char *why)
{
    fprintf(stderr, "pubgrid bench: %s: %s (see pubgrid bench --help)\n", text, why);
    return false;
}

static bool option_take(struct bench_options *out, int argc, char **argv, int *at)
{
    const char *text = argv[*at];
    const char *value;
    const struct option *option = option_find(text, &value);
    if (option == NULL) {
        return option_complain(text, "unknown option");
    }
    if (option->kind != KIND_FLAG && value == NULL) {
        if (*at + 1 >= argc) {
            return option_complain(text, "needs a value");
        }
        value = argv[++*at];
    }
    if (!option_store(out, option, value)) {
        return option_complain(value, option->help);
    }
    return true;
}

bool bench_options_parse(struct bench_options *out, int argc, char **argv)
{
    *out = (struct bench_options){
        .endpoint = {.host = "localhost", .port = 1883},
        .version = 4,
        .qos = -1,
        .payload = 64,
        .group_size = 10,
        .filters = 1000,
        .batch = 1,
        .seconds = 2,
        .warmup = 0.5,
        .sources = 16,
        .concurrency = 64,
        .timeout = 5,
        .receive_maximum = 1000,
    };
    for (int at = 1; at < argc; at++) {
        if (argv[at][0] == '-') {
            if (!option_take(out, argc, argv, &at)) {
                return false;
            }
        } else if (out->cell == NULL) {
            out->cell = argv[at];
        } else if (out->endpoint_given) {
            return option_complain(argv[at], "one cell and one endpoint a run");
        } else if (!bench_endpoint_parse(&out->endpoint, argv[at])) {
            return option_complain(argv[at], "an endpoint is ws://, mqtt:// or unix:");
        } else {
            out->endpoint_given = true;
        }
    }
    bench_endpoint_name(&out->endpoint);
    return true;
}

void bench_options_print_help(void)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char letter[8] = "    ";
        char name[48];
        if (options[i].letter != 0) {
            snprintf(letter, sizeof(letter), "-%c, ", options[i].letter);
        }
        snprintf(name, sizeof(name), "%s %s", options[i].name,
                 options[i].argument == NULL ? "" : options[i].argument);
        printf("  %s--%-26s %s\n", letter, name, options[i].help);
    }
}
