/* The operations' paths and methods (spec/webpubsub.md 6.3), and what we have beyond them.
 *
 * Paths were split on raw slashes and each segment was decoded once, so that a group may have a
 * slash in its name. Fixed segments are compared without case, as Azure does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/characters.h"
#include "rest/parser.h"

enum {
    OF_SEND_CONNECTION = PARAMETER_TTL,
    OF_SEND_USER = PARAMETER_TTL | PARAMETER_FILTER,
    OF_SEND = PARAMETER_TTL | PARAMETER_FILTER | PARAMETER_EXCLUDED,
    OF_CLOSE = PARAMETER_EXCLUDED | PARAMETER_REASON,
    OF_LIST = PARAMETER_PAGE_SIZE | PARAMETER_TOP | PARAMETER_CONTINUATION,
    OF_LOG = OF_LIST | PARAMETER_FAILURES,
    OF_TOKEN = PARAMETER_USER | PARAMETER_ROLE | PARAMETER_GROUP | PARAMETER_MINUTES |
               PARAMETER_CLIENT_TYPE,
};

/* clang-format off: a row a line */
static const struct rest_route routes[] = {
    {"HEAD", {"health"}, REST_HEALTH, TARGET_HUB, 0, BODY_NONE},
    {"GET", {"health"}, REST_HEALTH, TARGET_HUB, 0, BODY_NONE},
    {"POST", {"hubs", "{h}", ":send"}, REST_SEND, TARGET_HUB, OF_SEND, BODY_DATA},
    {"POST",
     {"hubs", "{h}", "groups", "{g}", ":send"},
     REST_SEND,
     TARGET_GROUP,
     OF_SEND,
     BODY_DATA},
    {"POST",
     {"hubs", "{h}", "users", "{u}", ":send"},
     REST_SEND,
     TARGET_USER,
     OF_SEND_USER,
     BODY_DATA},
    {"POST",
     {"hubs", "{h}", "connections", "{c}", ":send"},
     REST_SEND,
     TARGET_CONNECTION,
     OF_SEND_CONNECTION,
     BODY_DATA},
    {"POST", {"hubs", "{h}", ":closeConnections"}, REST_CLOSE, TARGET_HUB, OF_CLOSE, BODY_NONE},
    {"POST",
     {"hubs", "{h}", "groups", "{g}", ":closeConnections"},
     REST_CLOSE,
     TARGET_GROUP,
     OF_CLOSE,
     BODY_NONE},
    {"POST",
     {"hubs", "{h}", "users", "{u}", ":closeConnections"},
     REST_CLOSE,
     TARGET_USER,
     OF_CLOSE,
     BODY_NONE},
    {"DELETE",
     {"hubs", "{h}", "connections", "{c}"},
     REST_CLOSE,
     TARGET_CONNECTION,
     PARAMETER_REASON,
     BODY_NONE},
    {"HEAD", {"hubs", "{h}", "connections", "{c}"}, REST_EXISTS, TARGET_CONNECTION, 0, BODY_NONE},
    {"HEAD", {"hubs", "{h}", "groups", "{g}"}, REST_EXISTS, TARGET_GROUP, 0, BODY_NONE},
    {"HEAD", {"hubs", "{h}", "users", "{u}"}, REST_EXISTS, TARGET_USER, 0, BODY_NONE},
    {"GET",
     {"hubs", "{h}", "groups", "{g}", "connections"},
     REST_LIST,
     TARGET_GROUP,
     OF_LIST,
     BODY_NONE},
    {"PUT",
     {"hubs", "{h}", "groups", "{g}", "connections", "{c}"},
     REST_JOIN,
     TARGET_CONNECTION,
     0,
     BODY_NONE},
    {"DELETE",
     {"hubs", "{h}", "groups", "{g}", "connections", "{c}"},
     REST_LEAVE,
     TARGET_CONNECTION,
     0,
     BODY_NONE},
    {"DELETE",
     {"hubs", "{h}", "connections", "{c}", "groups"},
     REST_LEAVE_ALL,
     TARGET_CONNECTION,
     0,
     BODY_NONE},
    {"PUT", {"hubs", "{h}", "users", "{u}", "groups", "{g}"}, REST_JOIN, TARGET_USER, 0, BODY_NONE},
    {"DELETE",
     {"hubs", "{h}", "users", "{u}", "groups", "{g}"},
     REST_LEAVE,
     TARGET_USER,
     0,
     BODY_NONE},
    {"DELETE",
     {"hubs", "{h}", "users", "{u}", "groups"},
     REST_LEAVE_ALL,
     TARGET_USER,
     0,
     BODY_NONE},
    {"PUT",
     {"hubs", "{h}", "permissions", "{p}", "connections", "{c}"},
     REST_GRANT,
     TARGET_CONNECTION,
     PARAMETER_TARGET_NAME,
     BODY_NONE},
    {"DELETE",
     {"hubs", "{h}", "permissions", "{p}", "connections", "{c}"},
     REST_REVOKE,
     TARGET_CONNECTION,
     PARAMETER_TARGET_NAME,
     BODY_NONE},
    {"HEAD",
     {"hubs", "{h}", "permissions", "{p}", "connections", "{c}"},
     REST_HAS_PERMISSION,
     TARGET_CONNECTION,
     PARAMETER_TARGET_NAME,
     BODY_NONE},
    {"POST", {"hubs", "{h}", ":addToGroups"}, REST_JOIN_MANY, TARGET_HUB, 0, BODY_GROUPS},
    {"POST", {"hubs", "{h}", ":removeFromGroups"}, REST_LEAVE_MANY, TARGET_HUB, 0, BODY_GROUPS},
    {"POST", {"hubs", "{h}", ":generateToken"}, REST_TOKEN, TARGET_HUB, OF_TOKEN, BODY_NONE},
    /* Beyond Azure. */
    {"GET", {"hubs", "{h}", "connections"}, REST_LIST, TARGET_HUB, OF_LIST, BODY_NONE},
    {"GET",
     {"hubs", "{h}", "users", "{u}", "connections"},
     REST_LIST,
     TARGET_USER,
     OF_LIST,
     BODY_NONE},
    {"GET", {"hubs", "{h}", "groups"}, REST_LIST_GROUPS, TARGET_HUB, OF_LIST, BODY_NONE},
    {"GET", {"hubs", "{h}", "users"}, REST_LIST_USERS, TARGET_HUB, OF_LIST, BODY_NONE},
    {"GET", {"hubs", "{h}", ":count"}, REST_COUNT, TARGET_HUB, 0, BODY_NONE},
    {"GET", {"hubs"}, REST_HUBS, TARGET_HUB, 0, BODY_NONE},
    {"GET", {"hubs", "{h}"}, REST_HUB, TARGET_HUB, 0, BODY_NONE},
    {"PUT", {"hubs", "{h}"}, REST_SET_HUB, TARGET_HUB, 0, BODY_SETTINGS},
    {"DELETE", {"hubs", "{h}"}, REST_RESET_HUB, TARGET_HUB, 0, BODY_NONE},
    {"GET", {"hubs", "{h}", ":log"}, REST_HUB_LOG, TARGET_HUB, OF_LOG, BODY_NONE},
    {"POST", {"hubs", "{h}", ":check"}, REST_CHECK_HUB, TARGET_HUB, 0, BODY_NONE},
};
/* clang-format on */

/* --- places --- */

static const char *const place_names[] = {
    [PLACE_HUB] = "{h}",        [PLACE_GROUP] = "{g}",      [PLACE_USER] = "{u}",
    [PLACE_CONNECTION] = "{c}", [PLACE_PERMISSION] = "{p}",
};

static void capture(struct slice places[PLACES], const char *name, struct slice text)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (place_names[i][1] == name[1]) {
            places[i] = text;
        }
    }
}

/* The path has at least two segments. */
static bool path_fits(const struct rest_route *route, const struct url *url,
                      struct slice places[PLACES])
{
    size_t count = url->segment_count - 1; /* without "api" */
    const struct slice *segments = url->segments + 1;
    if ((count < URL_SEGMENTS_MAX && route->segments[count]) || !route->segments[count - 1]) {
        return false;
    }
    memset(places, 0, PLACES * sizeof(*places));
    for (size_t i = 0; i < count; i++) {
        const char *wanted = route->segments[i];
        if (wanted[0] == '{') {
            capture(places, wanted, segments[i]);
        } else if (!equal_ignoring_case(segments[i], slice_from_string(wanted))) {
            return false;
        }
    }
    return true;
}

/* --- the values of places --- */

/* Nobody is in the hub of the others, but it has settings. */
static bool is_default_hub(const struct parser *parser, struct slice name)
{
    enum rest_kind kind = parser->route->kind;
    bool may_be = kind == REST_HUB || kind == REST_SET_HUB || kind == REST_RESET_HUB;
    return may_be && slice_equal(name, SLICE_LITERAL(HUB_DEFAULT));
}

static bool take_hub(struct parser *parser, struct slice name)
{
    /* In place: the decoded path is ours. */
    uint8_t *bytes = (uint8_t *)(uintptr_t)name.data;
    if (!hub_name_is_valid(name) && !is_default_hub(parser, name)) {
        return rest_refuse_value(parser, "hub", "The name of the hub is not valid.");
    }
    for (size_t i = 0; i < name.length; i++) {
        bytes[i] = ascii_lower(bytes[i]);
    }
    parser->operation->hub = name;
    return true;
}

static bool take_permission(struct parser *parser, struct slice name)
{
    static const struct {
        struct slice name;
        enum role_action action;
    } permissions[] = {
        {SLICE_LITERAL("sendToGroup"), ROLE_SEND},
        {SLICE_LITERAL("1"), ROLE_SEND},
        {SLICE_LITERAL("joinLeaveGroup"), ROLE_JOIN_LEAVE},
        {SLICE_LITERAL("2"), ROLE_JOIN_LEAVE},
    };
    for (size_t i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++) {
        if (equal_ignoring_case(permissions[i].name, name)) {
            parser->operation->action = permissions[i].action;
            return true;
        }
    }
    return rest_refuse_value(parser, "permission",
                             "The permission must be sendToGroup or joinLeaveGroup.");
}

static bool take_group(struct parser *parser, struct slice name)
{
    if (!group_name_is_valid(name)) {
        return rest_refuse_value(parser, "group", "The name of the group is not valid.");
    }
    if (parser->route->target == TARGET_GROUP) {
        parser->operation->name = name;
    } else {
        rest_push(&parser->scratch->groups, name);
    }
    return true;
}

static bool take_user(struct parser *parser, struct slice name)
{
    parser->operation->name = name;
    return rest_name_is_valid(name) ||
           rest_refuse_value(parser, "userId", "The user id is not valid.");
}

static bool take_connection(struct parser *parser, struct slice name)
{
    parser->operation->name = name;
    return rest_name_is_valid(name) ||
           rest_refuse_value(parser, "connectionId", "The connection id is not valid.");
}

static bool take_places(struct parser *parser)
{
    static bool (*const takers[])(struct parser *, struct slice) = {
        [PLACE_HUB] = take_hub,
        [PLACE_GROUP] = take_group,
        [PLACE_USER] = take_user,
        [PLACE_CONNECTION] = take_connection,
        [PLACE_PERMISSION] = take_permission,
    };
    for (size_t i = 0; i < PLACES; i++) {
        if (parser->places[i].data && !takers[i](parser, parser->places[i])) {
            return false;
        }
    }
    return true;
}

/* --- finding --- */

static bool refuse_route(struct parser *parser)
{
    struct buffer *allow = &parser->scratch->message;
    struct slice unused[PLACES];
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (path_fits(&routes[i], &parser->scratch->url, unused)) {
            buffer_append_format(allow, "%s%s", allow->length > 0 ? ", " : "", routes[i].method);
        }
    }
    if (allow->length == 0) {
        return rest_refuse(parser, 404, NULL, SLICE_LITERAL("There is no such operation."));
    }
    parser->error->allow = buffer_slice(allow);
    return rest_refuse(parser, 405, NULL,
                       SLICE_LITERAL("This is not possible here with this method."));
}

static bool is_dots(struct slice segment)
{
    return slice_equal(segment, SLICE_LITERAL(".")) || slice_equal(segment, SLICE_LITERAL(".."));
}

static bool split_path(struct parser *parser)
{
    struct url *url = &parser->scratch->url;
    bool is_good = url_split(url, parser->request->target);
    for (size_t i = 0; is_good && i < url->segment_count; i++) {
        is_good = !is_dots(url->segments[i]);
    }
    return is_good || rest_refuse_value(parser, NULL, "The path of the URL is not valid.");
}

bool rest_find_route(struct parser *parser)
{
    const struct url *url = &parser->scratch->url;
    if (!split_path(parser)) {
        return false;
    }
    if (url->segment_count < 2 || !equal_ignoring_case(url->segments[0], SLICE_LITERAL("api"))) {
        return rest_refuse(parser, 404, NULL, SLICE_LITERAL("There is no such operation."));
    }
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (slice_equal(slice_from_string(routes[i].method), parser->request->method) &&
            path_fits(&routes[i], url, parser->places)) {
            parser->route = &routes[i];
            return true;
        }
    }
    return refuse_route(parser);
}

bool rest_read_places(struct parser *parser)
{
    parser->operation->kind = parser->route->kind;
    parser->operation->target = parser->route->target;
    return take_places(parser);
}
