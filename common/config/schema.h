/* The configuration file as libcyaml loads it: still texts, checked for shape only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_SCHEMA_H
#define PUBGRID_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "config/option_list.h"

#define FIELD(section, name, kind, initial, least, most, reload, target) char *name;
struct yaml_top_scalars {
    OPTIONS_TOP(FIELD)
};
struct yaml_store {
    OPTIONS_STORE(FIELD)
};
struct yaml_auth {
    OPTIONS_AUTH(FIELD)
};
struct yaml_mqtt {
    OPTIONS_MQTT(FIELD)
};
struct yaml_session {
    OPTIONS_SESSION(FIELD)
};
struct yaml_limits {
    OPTIONS_LIMITS(FIELD)
};
struct yaml_http_listener {
    char *address, *certificate, *key;
};
struct yaml_bridge {
    OPTIONS_BRIDGE(FIELD)
    struct yaml_http_listener *listeners;
    char **public_endpoints;
    unsigned listeners_count, public_endpoints_count;
};
struct yaml_presence_events {
    char **event_names, **group_filters;
    unsigned event_names_count, group_filters_count;
};
struct yaml_handler_auth { /* in JSON only */
    char *type;
};
struct yaml_event_handler {
    OPTIONS_EVENT_HANDLER(FIELD)
    char **system_events;
    unsigned system_events_count;
    struct yaml_presence_events *group_presence_events;
    struct yaml_handler_auth *auth;
};
struct yaml_event_listener {
    OPTIONS_EVENT_LISTENER(FIELD)
    char **system_events;
    unsigned system_events_count;
    struct yaml_presence_events *group_presence_events;
};
struct yaml_hub {
    char *name;
    OPTIONS_HUB(FIELD)
    struct yaml_event_handler *event_handlers;
    struct yaml_event_listener *event_listeners;
    unsigned event_handlers_count, event_listeners_count;
};

struct yaml_event_grid {
    OPTIONS_EVENT_GRID(FIELD)
};
#undef FIELD

struct yaml_listener {
    char *address, *mode, *certificate, *key, *ca, *crl;
    char *require_client_certificate, *use_certificate_as_user, *allow_anonymous;
};

struct yaml_group {
    char *name;
    char **users;
    unsigned users_count;
};

struct yaml_access {
    char *user, *group, *deny;
    char **publish, **subscribe;
    unsigned publish_count, subscribe_count;
};

struct yaml_config {
    struct yaml_top_scalars top;
    struct yaml_store *store;
    struct yaml_auth *auth;
    struct yaml_mqtt *mqtt;
    struct yaml_session *session;
    struct yaml_limits *limits;
    struct yaml_bridge *bridge;
    struct yaml_event_grid *event_grid;
    struct yaml_listener *listeners;
    struct yaml_group *groups;
    struct yaml_access *access;
    struct yaml_hub *hubs;
    unsigned listeners_count, groups_count, access_count, hubs_count;
};

struct yaml_positions;

/* NULL with `path:line: ...` lines in `error`. Notes where each key stands in `positions`. */
struct yaml_config *yaml_config_parse(struct slice text, const char *path,
                                      struct yaml_positions *positions, struct buffer *error);
void yaml_config_free(struct yaml_config *config);

#endif
