/* The configuration of all programs: conf/pubgrid.yaml and --set, checked and in the units that the
 * programs use. Each program checks all of it and uses its part, so a mistake is found by whichever
 * reads it first.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_CONFIG_H
#define PUBGRID_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "config/core_options.h"
#include "config/event_handler.h"
#include "names/names.h"
#include "policy/access_rule.h"

/* --- the broker's part --- */

enum listener_kind { LISTENER_TCP, LISTENER_TLS, LISTENER_UNIX };

struct listener_config {
    enum listener_kind kind;
    char *text;    /* as written: "tcp://127.0.0.1:1883" */
    char *address; /* host part; NULL for Unix sockets */
    uint16_t port;
    char *path;                         /* Unix socket; NULL otherwise */
    mode_t mode;                        /* of the Unix socket */
    char *certificate, *key, *ca, *crl; /* PEM files; NULL: not given */
    bool require_client_certificate;
    bool use_certificate_as_user;
    bool anonymous_given; /* the listener says itself whether it lets anonymous clients in */
    bool allow_anonymous; /* resolved: the listener's own word, else auth.allow_anonymous */
};

struct group_config {
    char *name;
    char **users;
    size_t user_count;
};

enum durability { DURABILITY_COMMIT, DURABILITY_RELAXED };
enum allow_anonymous { ANONYMOUS_AUTO, ANONYMOUS_YES, ANONYMOUS_NO };

/* --- the bridge's part --- */

struct http_listener_config {
    char *text;    /* as written: "http://127.0.0.1:8080" */
    char *address; /* host part */
    uint16_t port;
    bool tls;
    char *certificate, *key; /* PEM files; NULL: not given */
    bool page;               /* resolved: show the sample page at `/` */
    bool console;            /* resolved: the console at `/console/` */
    bool metrics;            /* resolved: show the metrics at `/metrics` */
};

/* Which listeners show a page; auto: those at a loopback address. */
enum bridge_page { PAGE_AUTO, PAGE_YES, PAGE_NO };

struct bridge_config {
    uint32_t processes;             /* 0: no bridge */
    char *trunk_given, *keys_given; /* NULL: beside the store */
    char *trunk;                    /* resolved: Unix socket between broker and bridge */
    char *keys;                     /* resolved: file of the two access keys */
    bool ignore_audience_host;
    uint8_t page, console, metrics; /* enum bridge_page */
    uint32_t maximum_message_size;
    uint32_t webhook_connections, webhook_connections_per_handler;
    uint32_t webhook_events; /* that wait */
    uint64_t webhook_bytes;  /* of them */
    char *webhook_ca;        /* PEM file; NULL: the system's certificates */
    struct http_listener_config *listeners;
    size_t listener_count;
    char **public_endpoints; /* "https://pubsub.example.com", without a slash at the end;
                              * NULL-terminated, NULL: none */
    size_t public_endpoint_count;
};

/* --- Event Grid's part --- */

struct event_grid_config {
    bool opens_management; /* programs on this machine manage without a token */
    char *dead_letters_given, *archive_given, *sources_given; /* NULL: beside the store */
    char *dead_letters, *archive, *sources;                   /* resolved: directories */
    bool allows_private_addresses;                            /* webhooks there */
    uint32_t retry_thousandths; /* factor on all delays of retries, times 1000 */
    bool asks_consent;          /* of webhooks (validation) */
    /* What the file declares, checked, as JSON in the shape of ARM:
     * {"topics":[{"name":..,"key1":..,"key2":..,"properties":{..},
     *             "eventSubscriptions":[{"name":..,"properties":{..}}]}],
     *  "domains":[as topics, and "topics":[{"name":..,"eventSubscriptions":[..]}]],
     *  "systemTopics":[as topics, without keys],
     *  "namespaces":[without event subscriptions, and "topics":[as topics], "clients":[{"name":..,
     *                "properties":{..}}], "clientGroups", "topicSpaces", "permissionBindings",
     *                "caCertificates"],
     *  "sources":[folders, resource/folder.h]} */
    struct buffer declared;
};

enum anonymous_connect_policy { ANONYMOUS_CONNECT_DENY, ANONYMOUS_CONNECT_ALLOW };

/* What a hub allows (spec/webpubsub.md section 8, and beyond). */
struct hub_config {
    char *name;                       /* lower case; HUB_DEFAULT: every hub that is not declared */
    uint8_t anonymous_connect_policy; /* enum anonymous_connect_policy */
    uint32_t keep_alive_s;            /* between two pings of the WebSocket */
    uint32_t recovery_s;
    uint32_t queue_messages, reliable_messages;
    uint64_t queue_bytes, reliable_bytes;
    bool retained_on_join;
    bool wildcards;
    bool protobuf_json_as_text;
    struct event_handler *event_handlers;   /* owned, with all that is in them */
    struct event_listener *event_listeners; /* likewise */
    size_t event_handler_count, event_listener_count;
};

/* Everything is owned; free with config_free(). */
struct config {
    uint32_t workers;         /* 0: one per core */
    uint32_t connections_max; /* 0: as many as descriptors allow */
    uint8_t log_level;        /* enum log_level */
    char *store_path;         /* directory */
    uint8_t durability;       /* enum durability */
    uint32_t relaxed_ms;
    uint64_t store_size_maximum, store_reserve, store_save_bytes;
    char *password_file;     /* NULL: none */
    uint8_t allow_anonymous; /* enum allow_anonymous */
    bool scram;              /* offer SCRAM-SHA-256 */
    struct core_options core;
    struct listener_config *listeners;
    size_t listener_count;
    struct group_config *groups;
    size_t group_count;
    struct access_rule *access_rules; /* slices are owned */
    size_t access_rule_count;
    struct bridge_config bridge;
    struct event_grid_config event_grid;
    struct hub_config *hubs; /* the last one is HUB_DEFAULT */
    size_t hub_count;
};

/* Reads `path` (NULL: defaults only) and applies `sets` ("a.b=c"), which win. NULL on failure: each
 * mistake is one line of `error`, `file:line: what is wrong and what to write instead`. */
struct config *config_load(const char *path, const char *const *sets, size_t set_count,
                           struct buffer *error);
/* The same from the text of the file; `file` is for messages, NULL: defaults only. */
struct config *config_parse(struct slice text, const char *file, const char *const *sets,
                            size_t set_count, struct buffer *error);
void config_free(struct config *config);

/* --- what it comes to --- */

/* Appends the host that the server is known by: of the first public endpoint, else of the first of
 * the bridge's listeners that has one, else the machine's name. Without a port. */
void bridge_config_append_host(struct buffer *out, const struct bridge_config *bridge);

/* --- one hub, as JSON (spec/webpubsub.md section 8, and what is beyond Azure) --- */

enum { HUB_JSON_MAX = 64 * 1024 /* bytes */ };

/* Reads it into *hub, which the caller releases; what is not said has its default. False with a
 * line for each mistake in `error`, `property: what is wrong and what to write instead`. */
bool hub_config_from_json(struct slice json, struct slice name, struct hub_config *hub,
                          struct buffer *error);
void hub_config_release(struct hub_config *hub);
/* Appends it, with every property. */
void hub_config_append_json(struct buffer *out, const struct hub_config *hub);

/* --- what is said about a configuration --- */

/* Appends the names of options that differ and that a reload cannot change, comma-separated. */
void config_need_restart(const struct config *now, const struct config *wanted,
                         struct buffer *names);

/* Appends every option with its value, as YAML. */
void config_print(const struct config *config, struct buffer *out);

#endif
