/* What the command line of `pubgrid pub` and `pubgrid sub` asks for.
 *
 * Both tools share one table of options (option_table.c) and one struct, so that a person who
 * knows mosquitto_pub and mosquitto_sub finds every option where it was. The strings borrow argv
 * or text that the struct owns, and live as long as the struct.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_OPTIONS_H
#define PUBGRID_CLI_OPTIONS_H

#include <MQTTAsync.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits, because a row of the table may apply to both. */
enum tool { TOOL_PUB = 1, TOOL_SUB = 2, TOOL_BOTH = 3 };

struct string_list {
    const char **items; /* the array is owned, the strings are not */
    size_t count;
};

/* The property lists that -D can fill. */
enum property_target {
    FOR_CONNECT,
    FOR_PUBLISH,
    FOR_SUBSCRIBE,
    FOR_UNSUBSCRIBE,
    FOR_DISCONNECT,
    FOR_WILL,
    PROPERTY_TARGETS,
};

enum { PORT_UNSET = -1, SESSION_EXPIRY_UNSET = -1 };

struct connection_options {
    const char *host;
    const char *unix_path;    /* NULL: TCP */
    const char *bind_address; /* local address, or NULL */
    const char *proxy;        /* socks5h:// URL, or NULL */
    long port;                /* PORT_UNSET: 1883, or 8883 with TLS */
    bool use_srv;             /* ask DNS for _mqtt._tcp of the host */
    const char *id;
    const char *id_prefix;
    const char *user_name;
    const char *password;
    long keep_alive; /* seconds */
    int version;     /* MQTTVERSION_3_1, _3_1_1 or _5 */
    bool keep_session;
    int64_t session_expiry; /* seconds; UINT32_MAX: never; SESSION_EXPIRY_UNSET */
    long inflight_max;      /* messages without acknowledgement */
};

struct tls_options {
    const char *ca_file;
    const char *ca_path;
    const char *certificate;
    const char *key;
    const char *key_form;
    const char *ciphers;
    const char *version;
    const char *alpn;
    const char *psk; /* hexadecimal */
    const char *psk_identity;
    bool use_os_certificates;
    bool insecure; /* do not compare the host name with the certificate */
};

struct will_options {
    const char *topic;
    const char *payload;
    long qos;
    bool retain;
};

enum message_source {
    SOURCE_NONE,
    SOURCE_ARGUMENT,
    SOURCE_FILE,
    SOURCE_STDIN,
    SOURCE_LINES,
    SOURCE_EMPTY,
};

struct publish_options {
    const char *topic;
    enum message_source source;
    const char *text; /* -m: the message; -f: the path */
    bool retain;
    long repeat;           /* times */
    double repeat_delay_s; /* between them */
};

struct subscribe_options {
    struct string_list topics;
    struct string_list filter_out;
    struct string_list unsubscribe;
    const char *format; /* -F, or NULL */
    bool verbose;
    bool no_line_end;
    bool pretty;
    bool skip_retained;
    bool retained_only;
    bool remove_retained;
    bool retain_as_published;
    bool exit_after_subscribe;
    long message_count; /* 0: no limit */
    long timeout_s;     /* 0: none */
    double chance;      /* percent of messages that are printed */
};

struct options {
    enum tool tool;
    struct connection_options connection;
    struct tls_options tls;
    struct will_options will;
    struct publish_options publish;
    struct subscribe_options subscribe;
    long qos;
    bool debug;
    bool quiet;
    bool has_topic_alias; /* -D publish topic-alias */
    MQTTProperties properties[PROPERTY_TARGETS];
    struct string_list owned; /* allocated texts that other fields point into */
};

/* The words of a command line or of one line of the configuration file. */
struct arguments {
    int count;
    char **words;
    int at; /* the option that is being read */
};

/* Defaults, then the configuration file, then argv[1..]; then what must hold of them together.
 * NULL if there is nothing more to do: *status is then the exit status, and stderr says what is
 * wrong or stdout has the help. */
struct options *options_open(enum tool tool, int argc, char **argv, int *status);
void options_close(struct options *options);

void options_print_help(enum tool tool);

/* True if the connection is encrypted, whichever option says so. */
bool options_want_tls(const struct options *options);
uint16_t options_port(const struct options *options);

/* `text` was allocated and becomes the struct's; returns it. */
char *options_own(struct options *options, char *text);
void string_list_add(struct string_list *list, const char *text);

/* Prints "Error: ...", a newline, to stderr; unless --quiet was given. For faults at run time. */
void options_report(const struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
