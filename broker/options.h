/* The broker's configuration: conf/pubgrid.yaml and --set, checked and in the units that the
 * program uses.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BROKER_OPTIONS_H
#define PUBGRID_BROKER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "core/access.h"
#include "core/options.h"

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

/* Everything is owned; free with options_free(). */
struct broker_options {
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
};

/* Reads `path` (NULL: defaults only) and applies `sets` ("a.b=c"), which win. NULL on failure: each
 * mistake is one line of `error`, `file:line: what is wrong and what to write instead`. */
struct broker_options *options_load(const char *path, const char *const *sets, size_t set_count,
                                    struct buffer *error);
/* The same from the text of the file; `file` is for messages, NULL: defaults only. */
struct broker_options *options_parse(struct slice text, const char *file, const char *const *sets,
                                     size_t set_count, struct buffer *error);
void options_free(struct broker_options *options);

/* Appends the names of options that differ and that a reload cannot change, comma-separated. */
void options_need_restart(const struct broker_options *now, const struct broker_options *wanted,
                          struct buffer *names);

/* Appends every option with its value, as YAML. */
void options_print(const struct broker_options *options, struct buffer *out);

#endif
