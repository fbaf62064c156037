/* What a namespace says about MQTT (spec/eventgrid.md 5.7): its topicSpacesConfiguration, which is
 * read as a part of the resource (resource/topic.h). Pure.
 *
 * Beyond Azure: `routes` (resource/routing.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_NAMESPACE_H
#define PUBGRID_RESOURCE_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "resource/client_authentication.h"
#include "resource/routing.h"
#include "json/json.h"

enum { SESSION_EXPIRY_MAX_HOURS = 8, SESSIONS_PER_NAME_MAX = 100, CUSTOM_DOMAINS_MAX = 50 };

struct topic_spaces_configuration {
    bool is_enabled;               /* state: MQTT clients are those of this namespace */
    uint32_t session_expiry_hours; /* of a session at most */
    uint32_t sessions_per_name;    /* of an authentication name, those that wait counted */
    struct routing routing;
    struct client_authentication authentication;
    const struct slice *custom_domains; /* [custom_domain_count] */
    size_t custom_domain_count;
    struct slice custom_domains_json, identity_json; /* as given, shown again; empty: none */
};

/* The defaults. */
void topic_spaces_begin(struct topic_spaces_configuration *spaces);
/* The object; a property_reader whose `into` is the configuration. */
void topic_spaces_read(struct reading *reading, const struct json_value *value, void *into);
/* Appends the object, defaults included; `host` is its hostname. */
void topic_spaces_append(struct buffer *out, const struct topic_spaces_configuration *spaces,
                         struct slice host);

#endif
