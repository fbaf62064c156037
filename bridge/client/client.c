/* What all kinds of clients do alike: see client.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "client/fanout.h"

static const struct client_kind *kind_for(const struct upgrade *upgrade)
{
    return upgrade->kind == UPGRADE_WEBPUBSUB || upgrade->kind == UPGRADE_RAW ? &webpubsub_kind
                                                                              : &mqtt_kind;
}

struct client *client_new(struct gateway *gateway, struct websocket *websocket,
                          struct upgrade *upgrade, const char *peer, bool is_loopback)
{
    const struct client_kind *kind = kind_for(upgrade);
    struct client *client = memory_allocate_zero(kind->size);

    assert(upgrade->kind != UPGRADE_REFUSED);
    client->kind = kind;
    client->channel.events = &kind->events;
    client->gateway = gateway;
    client->websocket = websocket;
    client->upgrade = upgrade;
    client->peer = memory_copy_string(slice_from_string(peer));
    client->is_loopback = is_loopback;
    list_add_last(&gateway->clients, &client->all);
    kind->begin(client);
    return client;
}

void client_receive(struct client *client, struct slice message, bool is_text)
{
    if (!client->closing) {
        client->kind->receive(client, message, is_text);
    }
}

void client_written(struct client *client, size_t bytes)
{
    struct link *link = client->gateway->link;

    if (client->channel.is_open && bytes > 0) {
        link->ops->credit(link, &client->channel, (uint32_t)bytes);
    }
}

void client_socket_closed(struct client *client, uint16_t code)
{
    struct link *link = client->gateway->link;

    client->closing = true;
    client->kind->socket_closed(client, code);
    registry_remove(&client->gateway->registry, &client->member);
    if (client->channel.is_open) {
        link->ops->close(link, &client->channel);
    }
    event_queue_end(client->events);
    list_remove(&client->all);
    upgrade_free(client->upgrade);
    free(client->peer);
    free(client);
}

void client_open_channel(struct client *client, const struct link_open *open)
{
    struct link *link = client->gateway->link;
    struct link_open wanted = *open;

    wanted.peer = slice_from_string(client->peer);
    wanted.flags |= client->is_loopback ? TRUNK_IS_LOOPBACK : 0;
    link->ops->open(link, &client->channel, &wanted);
}

void client_forget_peer(struct client *client)
{
    free(client->peer);
    client->peer = NULL;
}

void client_send_packets(struct client *client, struct slice packets)
{
    struct link *link = client->gateway->link;

    if (client->channel.is_open) {
        link->ops->send(link, &client->channel, packets);
    }
}

void client_send_frame(struct client *client, struct slice frame, bool is_text)
{
    struct outgoing *outgoing;

    if (client->closing) {
        return;
    }
    outgoing = outgoing_new(frame, is_text);
    client->gateway->sockets->send(client->websocket, outgoing, 0);
    outgoing_release(outgoing);
}

void client_close(struct client *client, uint16_t code, enum close_category category,
                  const char *reason)
{
    if (!client->closing) {
        client->closing = true;
        event_queue_note_reason(client->events, reason);
        client->gateway->sockets->close(client->websocket, code, category,
                                        slice_from_string(reason));
    }
}

void client_drop(struct client *client, const struct fanout *fanout)
{
    client_written(client, fanout->packet.length);
}

/* A group presence event (spec/webpubsub.md 7.5). */
static void raise_presence(struct client *client, enum system_event event, struct slice group)
{
    struct buffer body = {0};

    if (!client->events) {
        return;
    }
    group_body_append(&body, group);
    event_queue_system(client->events, event, group, buffer_slice(&body));
    buffer_release(&body);
}

bool client_is_in(struct client *client, struct slice group)
{
    return client->member.hub && registry_join(&client->member, group);
}

void client_joined(struct client *client, struct slice group)
{
    if (client_is_in(client, group)) {
        raise_presence(client, SYSTEM_EVENT_JOINED, group);
    }
}

void client_restore_groups(struct client *client, struct slice filters)
{
    struct buffer name = {0};
    struct slice filter, hub = slice_from_string(client->upgrade->hub);

    while (trunk_next_filter(&filters, &filter)) {
        if (slice_starts_with(filter, hub) && filter.length > hub.length + 1 &&
            filter.data[hub.length] == '/') {
            name.length = 0;
            topic_append_unescaped(&name, slice_from(filter, hub.length + 1));
            client_is_in(client, buffer_slice(&name));
        }
    }
    buffer_release(&name);
}

void client_leaves_all(struct client *client)
{
    for (uint32_t i = 0; i < client->member.group_count; i++) {
        raise_presence(client, SYSTEM_EVENT_LEFT, registry_group_of(&client->member, i));
    }
}

void client_left(struct client *client, struct slice group)
{
    if (client->member.hub && registry_leave(&client->member, group)) {
        raise_presence(client, SYSTEM_EVENT_LEFT, group);
    }
}

static struct filter_subject subject_of(struct client *client)
{
    const char *protocol = subprotocol_name(client->upgrade->subprotocol);
    struct filter_subject subject = {.protocol = slice_from_string(protocol ? protocol : "")};

    registry_describe(&client->gateway->registry, &client->member, &subject);
    return subject;
}

bool client_passes(struct client *client, const struct filter *filter)
{
    struct filter_subject subject = subject_of(client);

    return filter_matches(filter, &subject);
}

bool client_is_meant(struct client *client, const struct fanout *fanout)
{
    struct filter_subject subject;

    if (fanout_is_for_all(fanout)) {
        return true;
    }
    subject = subject_of(client);
    return fanout_takes(fanout, &subject);
}

bool client_set_permission(struct client *client, const struct permission *permission)
{
    struct roles **roles = &client->upgrade->roles;

    if (permission->is_granted) {
        return roles_grant(roles, permission->action, permission->group);
    }
    roles_revoke(roles, permission->action, permission->group);
    return true;
}
