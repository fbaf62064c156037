/* The REST data plane's operations (spec/webpubsub.md 6.3 to 6.8) in a neutral form: what came in
 * over HTTP, checked, between the parser (rest/parse.h) and who carries it out (client/rest.h).
 *
 * Slices borrow the request or the scratch memory that it was parsed with.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_REST_OPERATION_H
#define PUBGRID_REST_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/roles.h"
#include "base/slice.h"
#include "wire/message.h"

enum rest_kind {
    REST_HEALTH,
    REST_SEND,        /* to `target` */
    REST_CLOSE,       /* the connections of `target` */
    REST_EXISTS,      /* a connection, group or user */
    REST_LIST,        /* connections of a group; beyond Azure: of a user, of the hub */
    REST_LIST_GROUPS, /* beyond Azure: groups of the hub with their numbers of connections */
    REST_LIST_USERS,  /* beyond Azure: the same of users */
    REST_COUNT,       /* beyond Azure: connections, users, groups of the hub */
    REST_JOIN,        /* `target` is a connection or a user; joins `groups[0]` */
    REST_LEAVE,       /* leaves `groups[0]` */
    REST_LEAVE_ALL,   /* `target` leaves all its groups */
    REST_JOIN_MANY,   /* :addToGroups: all that the filter takes join `groups` */
    REST_LEAVE_MANY,  /* :removeFromGroups */
    REST_GRANT,       /* a permission of a connection */
    REST_REVOKE,
    REST_HAS_PERMISSION,
    REST_TOKEN, /* :generateToken */
    /* Beyond Azure: the settings of hubs (client/hub_admin.h) and what became of their events. */
    REST_HUBS,        /* all */
    REST_HUB,         /* one */
    REST_SET_HUB,     /* at run time, to `data` */
    REST_RESET_HUB,   /* to what is configured */
    REST_HUB_LOG,     /* deliveries to webhooks */
    REST_CHECK_HUB,   /* preflights, now */
    REST_EVENT_LOG,   /* deliveries of an event subscription: `name` is its queue; no path of 6.3 */
    REST_EVENT_QUEUE, /* what it has in memory, of the process that runs it */
    REST_KINDS
};

enum rest_target { TARGET_HUB, TARGET_GROUP, TARGET_USER, TARGET_CONNECTION };

struct rest_operation {
    enum rest_kind kind;
    enum rest_target target;
    struct slice hub;           /* lower case, valid */
    struct slice name;          /* of the target, decoded; empty for TARGET_HUB */
    const struct slice *groups; /* [group_count], decoded, valid; of :generateToken: `group`s */
    size_t group_count;
    const struct slice *excluded; /* [excluded_count] connection ids */
    size_t excluded_count;
    struct slice filter; /* its text; it was compiled once, so it is good; empty: none */
    struct slice reason; /* of a close; empty: none */
    struct payload data; /* of a send, or settings; JSON was found valid, text is UTF-8 */
    struct pairs metadata;
    uint32_t ttl_seconds; /* 0: none */
    /* Permissions. */
    enum role_action action;
    bool has_target_name; /* else the permission is for all groups */
    struct slice target_name;
    /* Lists. */
    uint32_t page_size;        /* 1 to 200 */
    uint32_t top;              /* the most in all pages together; 0: no limit */
    struct slice continuation; /* the last id of the page before; empty: the first page */
    /* :generateToken. */
    struct slice user;         /* empty: none */
    const struct slice *roles; /* [role_count] */
    size_t role_count;
    uint32_t minutes;
    bool is_mqtt; /* the URL is that of MQTT clients */
    /* :log */
    bool only_failures;
    /* For nextLink and tokens: "http://host:port" as the client knows us. */
    struct slice base_url;
    struct slice path;        /* as it came, without the query */
    struct slice api_version; /* empty: not given */
};

#endif
