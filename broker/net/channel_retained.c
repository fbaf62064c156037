/* Retained messages that the bridge reads for a channel: what its session may read, as PUBLISHes in
 * one frame. How much is looked at is bounded here; the bridge asks again for the rest.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/retained.h"
#include "core/session.h"
#include "mqtt/topic.h"
#include "net/channel.h"
#include "net/trunk.h"

enum {
    LOOKS_MAX = 4096, /* nodes of the tree: some hundred microseconds */
    PACKET_ID = 1,    /* a PUBLISH at QoS > 0 has to have one */
};

_Static_assert((int)TRUNK_READ_MAX <= (int)RETAINED_PAGE_MAX,
               "a page has room for what is asked for");

static bool is_good(const struct trunk_read *read)
{
    struct slice name, rest;

    return (read->most == 1 || !read->with_content) && topic_filter_is_valid(read->filter) &&
           !topic_filter_split_share(read->filter, &name, &rest) &&
           topic_level_count(read->filter) <= TOPIC_LEVELS_MAX;
}

static void append_packet(struct buffer *out, const struct message *message, bool with_content)
{
    struct packet packet = {
        .type = PACKET_PUBLISH,
        .publish =
            {
                .retain = true,
                .qos = (enum qos)message->qos,
                .packet_id = message->qos > QOS_0 ? PACKET_ID : 0,
                .topic = message_topic(message),
                .payload = with_content ? message_payload(message) : SLICE_EMPTY,
            },
    };

    if (with_content) {
        properties_read(&packet.properties, message_properties(message), P_PUBLISH);
    }
    packet_encode(out, &packet, MQTT_5);
}

static void append_messages(struct buffer *out, const struct retained_page *page, bool with_content)
{
    struct buffer packet = {0};

    for (size_t i = 0; i < page->count; i++) {
        const struct message *message = page->items[i].message;
        bool expires = message->expires_at != MSEC_NEVER;
        packet.length = 0;
        append_packet(&packet, message, with_content);
        trunk_append_message(out, &(struct trunk_message){
                                      .modified_at = (uint64_t)page->items[i].modified_at,
                                      .expires_at = expires ? (uint64_t)message->expires_at : 0,
                                      .size = message->told_start,
                                      .packet = buffer_slice(&packet),
                                  });
    }
    buffer_release(&packet);
}

static void answer(struct channel *channel, struct trunk_retained retained)
{
    retained.channel = channel->number;
    trunk_put_retained(trunk_output_frames(&channel->trunk->output), &retained);
    trunk_mark_dirty(channel->trunk);
}

bool channel_read_retained(struct channel *channel, const struct trunk_read *read)
{
    struct session *session = channel->connection.session;
    struct buffer messages = {0};
    struct retained_page page;
    struct retained_question question = {
        .filter = read->filter,
        .behind = read->behind,
        .most = read->most,
        .looks = LOOKS_MAX,
    };

    if (!is_good(read)) {
        return false;
    }
    if (channel->close_sent) {
        return true; /* was sent before the bridge heard of it */
    }
    if (!session) {
        answer(channel, (struct trunk_retained){.reason = REASON_NOT_AUTHORIZED});
        return true;
    }
    question.now = channel->connection.shard->now;
    enum reason_code reason = session_read_retained(session, &question, &page);
    append_messages(&messages, &page, read->with_content);
    answer(channel, (struct trunk_retained){.reason = reason,
                                            .next = buffer_slice(&page.next),
                                            .messages = buffer_slice(&messages)});
    retained_page_release(&page);
    buffer_release(&messages);
    return true;
}
