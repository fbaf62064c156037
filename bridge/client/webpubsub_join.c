/* The groups of a Web PubSub client, and what else its session is subscribed to: see webpubsub.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/internal_topic.h"
#include "client/webpubsub.h"

enum { FIRST_PACKET_ID = 1 }; /* there is no ackId yet whose identifier it could be */

static enum qos qos_of(const struct webpubsub *wps)
{
    return is_reliable(wps) ? QOS_1 : QOS_0;
}

/* ---------------------------------------------------------------- the beginning */

/* What the server sends to all, to the user, and to the connection. */
static void put_filters_of_server(struct webpubsub *wps, struct buffer *filters)
{
    static const enum internal_kind kinds[] = {INTERNAL_ALL, INTERNAL_USER, INTERNAL_CONN};
    struct subscription_options options = {.qos = qos_of(wps), .retain_handling = 2};
    struct buffer *topic = &wps->client.gateway->topic;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i] == INTERNAL_USER && user_id(wps).length == 0) {
            continue;
        }
        topic->length = 0;
        internal_topic_append(topic, kinds[i], slice_from_string(wps->client.upgrade->hub),
                              connection_id(wps), user_id(wps));
        write_filter(filters, buffer_slice(topic), &options);
    }
}

/* No permission is needed for the groups of the token (spec/webpubsub.md 1.2). */
static void put_token_groups(struct webpubsub *wps, struct buffer *filters)
{
    const struct upgrade *upgrade = wps->client.upgrade;
    struct subscription_options options = {
        .qos = qos_of(wps),
        .retain_handling = upgrade->settings->retained_on_join ? 1 : 2,
    };

    for (size_t i = 0; i < upgrade->group_count; i++) {
        write_filter(filters, webpubsub_topic(wps, buffer_slice(&upgrade->groups[i])), &options);
    }
}

void webpubsub_subscribe_first(struct webpubsub *wps)
{
    struct buffer filters = {0};

    put_filters_of_server(wps, &filters);
    put_token_groups(wps, &filters);
    write_subscribe(&wps->client.gateway->packet, FIRST_PACKET_ID, buffer_slice(&filters));
    webpubsub_await(wps, PENDING_BEGINNING, FIRST_PACKET_ID);
    buffer_release(&filters);
}

void webpubsub_has_begun(struct webpubsub *wps)
{
    const struct upgrade *upgrade = wps->client.upgrade;

    webpubsub_raise_connected(wps);
    for (size_t i = 0; i < upgrade->group_count; i++) {
        client_joined(&wps->client, buffer_slice(&upgrade->groups[i]));
    }
}

/* ---------------------------------------------------------------- joining and leaving */

struct pending *webpubsub_join(struct webpubsub *wps, struct slice group, struct slice filter)
{
    struct subscription_options options = {
        .qos = qos_of(wps),
        .retain_handling = wps->client.upgrade->settings->retained_on_join ? 1 : 2,
    };
    uint16_t packet_id = webpubsub_packet_id(wps);
    struct buffer filters = {0};
    struct pending *pending;

    write_filter(&filters, filter, &options);
    write_subscribe(&wps->client.gateway->packet, packet_id, buffer_slice(&filters));
    buffer_release(&filters);
    pending = webpubsub_await(wps, PENDING_JOIN, packet_id);
    buffer_append(&pending->name, group);
    return pending;
}

struct pending *webpubsub_leave(struct webpubsub *wps, struct slice group, struct slice filter)
{
    uint16_t packet_id = webpubsub_packet_id(wps);
    struct pending *pending;

    write_unsubscribe(&wps->client.gateway->packet, packet_id, filter);
    pending = webpubsub_await(wps, PENDING_LEAVE, packet_id);
    buffer_append(&pending->name, group);
    group_state_leave(wps, group);
    return pending;
}

void webpubsub_joined(struct webpubsub *wps, const struct pending *pending, uint8_t reason)
{
    if (!reason_is_error(reason)) {
        client_joined(&wps->client, buffer_slice(&pending->name));
    }
    webpubsub_acknowledge(wps, pending, reason);
}

void webpubsub_left(struct webpubsub *wps, const struct pending *pending, uint8_t reason)
{
    if (!reason_is_error(reason)) {
        client_left(&wps->client, buffer_slice(&pending->name));
    }
    webpubsub_acknowledge(wps, pending, reason);
}

void webpubsub_rest_join(struct client *client, struct slice group, struct client_task *task)
{
    struct webpubsub *wps = webpubsub_of(client);
    bool is_wildcard;

    webpubsub_join(wps, group, webpubsub_filter(wps, group, &is_wildcard))->task = task;
}

void webpubsub_rest_leave(struct client *client, struct slice group, struct client_task *task)
{
    struct webpubsub *wps = webpubsub_of(client);
    bool is_wildcard;

    webpubsub_leave(wps, group, webpubsub_filter(wps, group, &is_wildcard))->task = task;
}

/* ---------------------------------------------------------------- permissions */

static const char *const action_names[ROLE_ACTIONS] = {
    [ROLE_JOIN_LEAVE] = "join",
    [ROLE_SEND] = "send",
};

/* What stands behind `grant` or `deny`: the action, and the group if it is for one. */
static struct slice marker_topic(struct webpubsub *wps, enum internal_kind kind,
                                 const struct permission *permission)
{
    struct buffer *topic = &wps->client.gateway->topic;
    struct buffer name = {0};

    buffer_append_string(&name, action_names[permission->action]);
    if (permission->group) {
        buffer_append_byte(&name, '/');
        buffer_append(&name, *permission->group);
    }
    topic->length = 0;
    internal_topic_append(topic, kind, slice_from_string(wps->client.upgrade->hub), SLICE_EMPTY,
                          buffer_slice(&name));
    buffer_release(&name);
    return buffer_slice(topic);
}

/* What is granted is not denied any more, and the other way round. A session that ends with its
 * connection needs no marks. */
void webpubsub_permit(struct client *client, const struct permission *permission,
                      struct client_task *task)
{
    struct subscription_options options = {.qos = QOS_0, .retain_handling = 2};
    struct webpubsub *wps = webpubsub_of(client);
    struct buffer *packet = &client->gateway->packet, filters = {0};
    enum internal_kind kind = permission->is_granted ? INTERNAL_GRANT : INTERNAL_DENY;
    enum internal_kind other = permission->is_granted ? INTERNAL_DENY : INTERNAL_GRANT;
    uint16_t packet_id;

    if (!client_set_permission(client, permission)) {
        task->done(task, false);
        return;
    }
    if (!is_reliable(wps)) {
        task->done(task, true);
        return;
    }
    write_unsubscribe(packet, webpubsub_packet_id(wps), marker_topic(wps, other, permission));
    packet_id = webpubsub_packet_id(wps);
    write_filter(&filters, marker_topic(wps, kind, permission), &options);
    write_subscribe(packet, packet_id, buffer_slice(&filters));
    webpubsub_await(wps, PENDING_PERMISSION, packet_id)->task = task;
    buffer_release(&filters);
}

/* ---------------------------------------------------------------- after a recovery */

/* A mark of this kind; false if it is none. `group` takes the group's name. */
static bool take_marker(const struct internal_topic *topic, struct buffer *group,
                        struct permission *out)
{
    struct slice name = topic->name;

    for (int action = 0; action < ROLE_ACTIONS; action++) {
        struct slice word = slice_from_string(action_names[action]);
        if (slice_starts_with(name, word) &&
            (name.length == word.length || name.data[word.length] == '/')) {
            out->action = (enum role_action)action;
            out->is_granted = topic->kind == INTERNAL_GRANT;
            group->length = 0;
            if (name.length > word.length) {
                topic_append_unescaped(group, slice_from(name, word.length + 1));
            }
            return true;
        }
    }
    return false;
}

/* First what is revoked for all groups, then what stands beside that. */
static void restore_permissions(struct webpubsub *wps, struct slice filters, bool for_all)
{
    struct internal_topic topic;
    struct permission permission;
    struct buffer group = {0};
    struct slice filter;

    while (trunk_next_filter(&filters, &filter)) {
        if (!internal_topic_parse(filter, &topic) ||
            (topic.kind != INTERNAL_GRANT && topic.kind != INTERNAL_DENY) ||
            !take_marker(&topic, &group, &permission)) {
            continue;
        }
        struct slice name = buffer_slice(&group);
        permission.group = name.length > 0 ? &name : NULL;
        if (for_all == (!permission.group && !permission.is_granted)) {
            client_set_permission(&wps->client, &permission);
        }
    }
    buffer_release(&group);
}

void webpubsub_restore(struct channel *channel, struct slice filters)
{
    struct webpubsub *wps = webpubsub_of(client_of(channel));

    client_restore_groups(&wps->client, filters);
    restore_permissions(wps, filters, true);
    restore_permissions(wps, filters, false);
}
