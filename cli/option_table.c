/* The table of options of `pubgrid pub` and `pubgrid sub`, with mosquitto's names and meanings.
 *
 * Most rows store a text, a number or a flag at an offset. The rows with their own function are
 * those whose argument must be checked or that touch several fields. To add an option: add a
 * field, a row, and a line in docs/man/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "option_table.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"
#include "property_option.h"
#include "url.h"

static void *field_of(struct options *options, const struct option *option)
{
    return (char *)options + option->field;
}

static bool set_flag(const struct option *option, struct options *options,
                     struct arguments *arguments, const char *value)
{
    (void)arguments, (void)value;
    *(bool *)field_of(options, option) = true;
    return true;
}

static bool set_text(const struct option *option, struct options *options,
                     struct arguments *arguments, const char *value)
{
    (void)arguments;
    *(const char **)field_of(options, option) = value;
    return true;
}

static bool set_number(const struct option *option, struct options *options,
                       struct arguments *arguments, const char *value)
{
    const struct number_rule *rule = option->number;
    char *end;
    long number = strtol(value, &end, 10);

    (void)arguments;
    if (end == value || *end != '\0' || number < rule->minimum || number > rule->maximum) {
        fprintf(stderr, "Error: %s", rule->before);
        if (rule->after != NULL) {
            fprintf(stderr, "%s%s", value, rule->after);
        }
        fputc('\n', stderr);
        return false;
    }
    *(long *)field_of(options, option) = number;
    return true;
}

static bool check_utf8(const char *text, const char *argument)
{
    if (!utf8_is_valid_string(slice_from_string(text))) {
        fprintf(stderr, "Error: Malformed UTF-8 in %s argument.\n", argument);
        return false;
    }
    return true;
}

static bool check_name(const char *topic, const char *argument, const char *kind)
{
    if (!check_utf8(topic, argument)) {
        return false;
    }
    if (!topic_name_is_valid(slice_from_string(topic))) {
        fprintf(stderr, "Error: Invalid %s topic '%s', does it contain '+' or '#'?\n", kind, topic);
        return false;
    }
    return true;
}

static bool check_filter(const char *filter, const char *argument, const char *kind)
{
    if (!check_utf8(filter, argument)) {
        return false;
    }
    if (!topic_filter_is_valid(slice_from_string(filter))) {
        fprintf(stderr, "Error: Invalid %s topic '%s', are all '+' and '#' wildcards correct?\n",
                kind, filter);
        return false;
    }
    return true;
}

static bool add_topic(struct options *options, const char *topic, const char *argument)
{
    if (options->tool == TOOL_PUB) {
        options->publish.topic = topic;
        return check_name(topic, argument, "publish");
    }
    string_list_add(&options->subscribe.topics, topic);
    return check_filter(topic, argument, "subscription");
}

static bool set_topic(const struct option *option, struct options *options,
                      struct arguments *arguments, const char *value)
{
    (void)arguments;
    return add_topic(options, value, option->short_name);
}

static bool set_filter_out(const struct option *option, struct options *options,
                           struct arguments *arguments, const char *value)
{
    (void)arguments;
    string_list_add(&options->subscribe.filter_out, value);
    return check_filter(value, option->short_name, "filter");
}

static bool set_unsubscribe(const struct option *option, struct options *options,
                            struct arguments *arguments, const char *value)
{
    (void)arguments;
    string_list_add(&options->subscribe.unsubscribe, value);
    return check_filter(value, option->short_name, "unsubscribe");
}

static bool set_will_topic(const struct option *option, struct options *options,
                           struct arguments *arguments, const char *value)
{
    (void)arguments;
    options->will.topic = value;
    return check_name(value, option->long_name, "will");
}

static bool set_id(const struct option *option, struct options *options,
                   struct arguments *arguments, const char *value)
{
    (void)arguments;
    *(const char **)field_of(options, option) = value;
    if (options->connection.id != NULL && options->connection.id_prefix != NULL) {
        fprintf(stderr, "Error: -i and -I argument cannot be used together.\n");
        return false;
    }
    return true;
}

static bool set_source(const struct option *option, struct options *options,
                       struct arguments *arguments, const char *value)
{
    static const struct {
        const char *name;
        enum message_source source;
    } sources[] = {
        {"-f", SOURCE_FILE},  {"-l", SOURCE_LINES}, {"-m", SOURCE_ARGUMENT},
        {"-n", SOURCE_EMPTY}, {"-s", SOURCE_STDIN},
    };

    (void)arguments;
    if (options->publish.source != SOURCE_NONE) {
        fprintf(stderr, "Error: Only one type of message can be sent at once.\n");
        return false;
    }
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (strcmp(option->short_name, sources[i].name) == 0) {
            options->publish.source = sources[i].source;
        }
    }
    options->publish.text = value;
    return true;
}

static bool set_format(const struct option *option, struct options *options,
                       struct arguments *arguments, const char *value)
{
    (void)option, (void)arguments;
    options->subscribe.format = value;
    return format_check(value);
}

static bool set_unix(const struct option *option, struct options *options,
                     struct arguments *arguments, const char *value)
{
    (void)option, (void)arguments;
    options->connection.unix_path = value;
    return true;
}

static bool set_version(const struct option *option, struct options *options,
                        struct arguments *arguments, const char *value)
{
    static const struct {
        const char *name;
        int version;
    } versions[] = {
        {"mqttv31", MQTTVERSION_3_1}, {"31", MQTTVERSION_3_1},   {"mqttv311", MQTTVERSION_3_1_1},
        {"311", MQTTVERSION_3_1_1},   {"mqttv5", MQTTVERSION_5}, {"5", MQTTVERSION_5},
    };

    (void)option, (void)arguments;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (strcmp(value, versions[i].name) == 0) {
            options->connection.version = versions[i].version;
            return true;
        }
    }
    fprintf(stderr, "Error: Invalid protocol version argument given.\n");
    return false;
}

static bool set_session_expiry(const struct option *option, struct options *options,
                               struct arguments *arguments, const char *value)
{
    char *end;
    long seconds = strtol(value, &end, 0);

    (void)option, (void)arguments;
    if (strcmp(value, "∞") == 0) {
        seconds = -1;
    } else if (end == value || *end != '\0') {
        fprintf(stderr, "Error: session-expiry-interval not a number.\n");
        return false;
    }
    if (seconds < -1 || seconds > (long)UINT32_MAX) {
        fprintf(stderr, "Error: session-expiry-interval out of range.\n");
        return false;
    }
    options->connection.session_expiry = seconds == -1 ? (int64_t)UINT32_MAX : seconds;
    return true;
}

static bool set_fraction(const struct option *option, struct options *options,
                         struct arguments *arguments, const char *value)
{
    char *end;
    double number = strtod(value, &end);
    bool is_chance = option->field == offsetof(struct options, subscribe.chance);
    double minimum = is_chance ? 0.1 : 0.0, maximum = is_chance ? 100.0 : 1e9;

    (void)arguments;
    if (end == value || *end != '\0' || !(number >= minimum && number <= maximum)) {
        fprintf(stderr, "Error: %s %s\n", option->long_name,
                is_chance ? "chance must be between 0.1-100.0" : "argument must be >=0.0.");
        return false;
    }
    *(double *)field_of(options, option) = number;
    return true;
}

static bool set_property(const struct option *option, struct options *options,
                         struct arguments *arguments, const char *value)
{
    (void)option, (void)value;
    return property_option_read(options, arguments);
}

static bool set_url(const struct option *option, struct options *options,
                    struct arguments *arguments, const char *value)
{
    struct url url;
    char *copy = options_own(options, memory_copy_string(slice_from_string(value)));

    (void)option, (void)arguments;
    if (!url_parse(&url, copy)) {
        return false;
    }
    options->connection.host = url.host;
    options->connection.port = url.port;
    if (url.user_name != NULL) {
        options->connection.user_name = url.user_name;
    }
    if (url.password != NULL) {
        options->connection.password = url.password;
    }
    options->tls.use_os_certificates |= url.tls;
    return add_topic(options, url.topic, "-L topic");
}

static bool refuse(const struct option *option, struct options *options,
                   struct arguments *arguments, const char *value)
{
    (void)options, (void)arguments, (void)value;
    fprintf(stderr, "Error: %s is not available: keys are read from PEM files only.\n",
            option->long_name);
    return false;
}

static const struct number_rule port_rule = {0, 65535, "Invalid port given: ", ""};
static const struct number_rule qos_rule = {0, 2, "Invalid QoS given: ", ""};
static const struct number_rule will_qos_rule = {0, 2, "Invalid will QoS ", "."};
static const struct number_rule count_rule = {1, INT_MAX, "Invalid message count \"", "\"."};
static const struct number_rule timeout_rule = {1, INT_MAX, "Invalid timeout \"", "\"."};
static const struct number_rule repeat_rule = {1, INT_MAX, "--repeat argument must be >0.", NULL};
static const struct number_rule inflight_rule = {
    1, 65535, "Maximum inflight messages must be greater than 0.", NULL};
static const struct number_rule keep_alive_rule = {
    5, 65535, "Invalid keepalive given, it must be between 5 and 65535 inclusive.", NULL};

#define AT(member)                        offsetof(struct options, member), NULL
#define NUMBER(member, rule)              set_number, offsetof(struct options, member), &(rule)
#define FLAG(member)                      NULL, NULL, set_flag, AT(member)
#define TEXT(argument, missing, member)   argument, missing, set_text, AT(member)
#define CALL(argument, missing, function) argument, missing, function, 0, NULL

/* clang-format off */
const struct option option_table[] = {
    {"-A", NULL, TOOL_BOTH, TEXT("address", "address", connection.bind_address),
     "connect from this local address"},
    {"-c", "--disable-clean-session", TOOL_BOTH, FLAG(connection.keep_session),
     "keep the session (Clean Start 0); needs -i"},
    {"-C", NULL, TOOL_SUB, "count", "count", NUMBER(subscribe.message_count, count_rule),
     "exit after this many messages"},
    {"-d", "--debug", TOOL_BOTH, FLAG(debug), "print the packets that come and go"},
    {"-D", "--property", TOOL_BOTH, CALL("command name value", NULL, set_property),
     "add an MQTT 5 property to a packet (user-property: name and value)"},
    {"-E", NULL, TOOL_SUB, FLAG(subscribe.exit_after_subscribe),
     "exit when the subscriptions are acknowledged"},
    {"-f", "--file", TOOL_PUB, CALL("file", "file", set_source),
     "send the content of a file"},
    {"-F", NULL, TOOL_SUB, CALL("format", "format", set_format), "output format"},
    {"-h", "--host", TOOL_BOTH, TEXT("host", "host", connection.host),
     "server to connect to (localhost)"},
    {"-i", "--id", TOOL_BOTH, "id", "id", set_id, AT(connection.id), "client identifier"},
    {"-I", "--id-prefix", TOOL_BOTH, "prefix", "id prefix", set_id, AT(connection.id_prefix),
     "client identifier is this and the process id"},
    {"-k", "--keepalive", TOOL_BOTH, "seconds", "keepalive",
     NUMBER(connection.keep_alive, keep_alive_rule), "Keep Alive (60)"},
    {"-l", "--stdin-line", TOOL_PUB, CALL(NULL, NULL, set_source),
     "send each line of the standard input as a message"},
    {"-L", "--url", TOOL_BOTH, CALL("url", "URL", set_url),
     "mqtt(s)://[user[:password]@]host[:port]/topic"},
    {"-m", "--message", TOOL_PUB, CALL("message", "message", set_source), "send this message"},
    {"-M", NULL, TOOL_BOTH, "count", "count", NUMBER(connection.inflight_max, inflight_rule),
     "messages in flight at QoS 1 and 2 (20)"},
    {"-n", "--null-message", TOOL_PUB, CALL(NULL, NULL, set_source), "send an empty message"},
    {"-N", NULL, TOOL_SUB, FLAG(subscribe.no_line_end), "no line end after a message"},
    {"-p", "--port", TOOL_BOTH, "port", "port", NUMBER(connection.port, port_rule),
     "port (1883, with TLS 8883)"},
    {"-P", "--pw", TOOL_BOTH, TEXT("password", "password", connection.password), "password"},
    {"-q", "--qos", TOOL_BOTH, "qos", "QoS", NUMBER(qos, qos_rule), "quality of service (0)"},
    {"-r", "--retain", TOOL_PUB, FLAG(publish.retain), "retain the message"},
    {"-R", NULL, TOOL_SUB, FLAG(subscribe.skip_retained), "do not print retained messages"},
    {"-s", "--stdin-file", TOOL_PUB, CALL(NULL, NULL, set_source),
     "send the whole standard input as one message"},
    {"-S", NULL, TOOL_BOTH, FLAG(connection.use_srv),
     "find the server through DNS SRV records of -h"},
    {"-t", "--topic", TOOL_BOTH, CALL("topic", "topic", set_topic),
     "topic name, or topic filter (sub: may be repeated)"},
    {"-T", "--filter-out", TOOL_SUB, CALL("filter", "topic filter", set_filter_out),
     "do not print messages of these topics; may be repeated"},
    {"-u", "--username", TOOL_BOTH, TEXT("name", "username", connection.user_name), "user name"},
    {"-U", "--unsubscribe", TOOL_SUB, CALL("filter", "unsubscribe topic", set_unsubscribe),
     "unsubscribe from this topic filter; may be repeated"},
    {"-v", "--verbose", TOOL_SUB, FLAG(subscribe.verbose), "print the topic before the payload"},
    {"-V", "--protocol-version", TOOL_BOTH, CALL("version", "version", set_version),
     "MQTT version: 5, 311 (default) or 31"},
    {"-W", NULL, TOOL_SUB, "seconds", "timeout", NUMBER(subscribe.timeout_s, timeout_rule),
     "exit with status 27 after this time"},
    {"-x", NULL, TOOL_BOTH, CALL("seconds", "session expiry interval", set_session_expiry),
     "Session Expiry Interval; -1: never"},
    {NULL, "--cafile", TOOL_BOTH, TEXT("file", "file", tls.ca_file),
     "trusted CA certificates (PEM); turns TLS on"},
    {NULL, "--capath", TOOL_BOTH, TEXT("directory", "directory", tls.ca_path),
     "directory of trusted CA certificates; turns TLS on"},
    {NULL, "--cert", TOOL_BOTH, TEXT("file", "file", tls.certificate), "client certificate (PEM)"},
    {NULL, "--ciphers", TOOL_BOTH, TEXT("list", "ciphers", tls.ciphers), "OpenSSL cipher list"},
    {NULL, "--insecure", TOOL_BOTH, FLAG(tls.insecure),
     "do not compare the host name with the certificate"},
    {NULL, "--key", TOOL_BOTH, TEXT("file", "file", tls.key), "key of --cert (PEM)"},
    {NULL, "--keyform", TOOL_BOTH, TEXT("form", "keyform", tls.key_form), "key form: pem"},
    {NULL, "--nodelay", TOOL_BOTH, CALL(NULL, NULL, NULL),
     "accepted for compatibility: Nagle's algorithm is always off"},
    {NULL, "--pretty", TOOL_SUB, FLAG(subscribe.pretty), "indent the output of %j and %J"},
    {NULL, "--proxy", TOOL_BOTH, TEXT("url", "proxy url", connection.proxy),
     "socks5h://[user[:password]@]host[:port]"},
    {NULL, "--psk", TOOL_BOTH, TEXT("key", "key", tls.psk),
     "pre-shared key (hexadecimal); turns TLS on"},
    {NULL, "--psk-identity", TOOL_BOTH, TEXT("identity", "identity", tls.psk_identity),
     "identity that belongs to --psk"},
    {NULL, "--quiet", TOOL_BOTH, FLAG(quiet), "no messages about errors at run time"},
    {NULL, "--random-filter", TOOL_SUB, "percent", "chance", set_fraction, AT(subscribe.chance),
     "print about this share of the messages"},
    {NULL, "--remove-retained", TOOL_SUB, FLAG(subscribe.remove_retained),
     "clear each retained message that arrives"},
    {NULL, "--repeat", TOOL_PUB, "count", "count", NUMBER(publish.repeat, repeat_rule),
     "send the message this many times"},
    {NULL, "--repeat-delay", TOOL_PUB, "seconds", "time", set_fraction,
     AT(publish.repeat_delay_s), "pause between repeats (0)"},
    {NULL, "--retain-as-published", TOOL_SUB, FLAG(subscribe.retain_as_published),
     "keep the retain flag as published (MQTT 5)"},
    {NULL, "--retained-only", TOOL_SUB, FLAG(subscribe.retained_only),
     "print retained messages and exit at the first other one"},
    {NULL, "--tls-alpn", TOOL_BOTH, TEXT("protocol", "protocol", tls.alpn), "ALPN protocol name"},
    {NULL, "--tls-engine", TOOL_BOTH, CALL("engine", "engine_id", refuse),
     "not available; named in an error"},
    {NULL, "--tls-engine-kpass-sha1", TOOL_BOTH, CALL("hash", "kpass sha1", refuse),
     "not available; named in an error"},
    {NULL, "--tls-use-os-certs", TOOL_BOTH, FLAG(tls.use_os_certificates),
     "trust the system's CA certificates; turns TLS on"},
    {NULL, "--tls-version", TOOL_BOTH, TEXT("tls", "version", tls.version),
     "tlsv1.3, tlsv1.2 or tlsv1.1 (default: 1.2 and later)"},
    {NULL, "--unix", TOOL_BOTH, CALL("path", "socket path", set_unix),
     "connect to a Unix socket"},
    {NULL, "--will-payload", TOOL_BOTH, TEXT("payload", "will payload", will.payload),
     "payload of the will message"},
    {NULL, "--will-qos", TOOL_BOTH, "qos", "will QoS", NUMBER(will.qos, will_qos_rule),
     "QoS of the will message"},
    {NULL, "--will-retain", TOOL_BOTH, FLAG(will.retain), "retain the will message"},
    {NULL, "--will-topic", TOOL_BOTH, CALL("topic", "will topic", set_will_topic),
     "topic of the will message"},
};
/* clang-format on */

const size_t option_table_length = sizeof(option_table) / sizeof(option_table[0]);
