/* See internal_topic.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/internal_topic.h"

#include "access/hub.h"

static const struct {
    const char *text;
    bool has_connection, has_name, is_from_server;
} kinds[INTERNAL_KINDS] = {
    [INTERNAL_GONE] = {"gone", true, false, false},
    [INTERNAL_STATE] = {"state", true, true, false},
    [INTERNAL_AWAY] = {"away", true, false, false},
    [INTERNAL_MARK] = {"mark", true, false, false},
    [INTERNAL_ALL] = {"all", false, false, true},
    [INTERNAL_USER] = {"user", false, true, true},
    [INTERNAL_CONN] = {"conn", true, false, true},
    [INTERNAL_GRANT] = {"grant", false, true, false},
    [INTERNAL_DENY] = {"deny", false, true, false},
    [INTERNAL_ASK] = {"ask", false, false, false},
    [INTERNAL_ANSWER] = {"answer", true, false, false},
    [INTERNAL_STAFF_UP] = {"staff-up", true, false, false},
    [INTERNAL_ORDER] = {"order", true, false, false},
};

void internal_topic_append(struct buffer *out, enum internal_kind kind, struct slice hub,
                           struct slice connection_id, struct slice name)
{
    buffer_append_string(out, "$wps/");
    buffer_append(out, hub);
    buffer_append_byte(out, '/');
    buffer_append_string(out, kinds[kind].text);
    if (kinds[kind].has_connection) {
        buffer_append_byte(out, '/');
        if (kinds[kind].is_from_server) {
            topic_append_escaped(out, connection_id); /* of an MQTT client: anything */
        } else {
            buffer_append(out, connection_id);
        }
    }
    if (kinds[kind].has_name) {
        buffer_append_byte(out, '/');
        topic_append_escaped(out, name);
    }
}

bool internal_topic_is_from_server(enum internal_kind kind)
{
    return kinds[kind].is_from_server;
}

/* The next level; what is behind it is left in `rest`. */
static struct slice take_level(struct slice *rest)
{
    size_t end = 0;
    struct slice level;

    while (end < rest->length && rest->data[end] != '/') {
        end++;
    }
    level = slice_make(rest->data, end);
    *rest = slice_from(*rest, end < rest->length ? end + 1 : end);
    return level;
}

bool internal_topic_parse(struct slice topic, struct internal_topic *out)
{
    struct slice rest = topic, text;
    int kind = 0;

    if (!topic_is_internal(topic)) {
        return false;
    }
    take_level(&rest);
    out->hub = take_level(&rest);
    text = take_level(&rest);
    while (kind < INTERNAL_KINDS && !slice_equal(text, slice_from_string(kinds[kind].text))) {
        kind++;
    }
    if (kind == INTERNAL_KINDS) {
        return false;
    }
    out->kind = (enum internal_kind)kind;
    out->connection_id = kinds[kind].has_connection ? take_level(&rest) : SLICE_EMPTY;
    out->name = rest;
    return !kinds[kind].has_connection || out->connection_id.length > 0;
}
