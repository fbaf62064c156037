/* See listener.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/listener.h"

#include "access/hub.h"
#include "events/attributes.h"
#include "events/match.h"
#include "events/url_template.h"

#define PREFIX "cloudEvents:"

enum { NAMES_SIZE = LISTENER_PAIRS_MAX * 40 };

static void add(struct listener_message *message, const char *prefix, const char *name,
                struct slice value)
{
    size_t from = message->names.length;

    buffer_append_string(&message->names, prefix);
    buffer_append_string(&message->names, name);
    message->pairs[message->pair_count++] =
        (struct pair){slice_from(buffer_slice(&message->names), from), value};
}

/* "<connection id>/<number>" */
static struct slice message_id(struct listener_message *message, const struct client_event *event)
{
    message->id.length = 0;
    buffer_append(&message->id, event->connection_id);
    buffer_append_format(&message->id, "/%u", event->number);
    return buffer_slice(&message->id);
}

void listener_message_begin(struct listener_message *message, const struct client_event *event,
                            const struct access_keys *keys, int64_t time)
{
    struct event_attribute attributes[EVENT_ATTRIBUTES_MAX];
    size_t count = event_attributes(event, keys, time, attributes, &message->values);

    message->pair_count = message->names.length = 0;
    buffer_reserve(&message->names, NAMES_SIZE); /* the slices must not move */
    for (size_t i = 0; i < count; i++) {
        add(message, PREFIX, attributes[i].name, attributes[i].value);
    }
    add(message, "", "partitionKey", event->connection_id);
    add(message, "", "messageId", message_id(message, event));
    message->content_type = event_content_type(event);
    message->payload = event->data;
}

void listener_message_address(struct listener_message *message, const struct client_event *event,
                              const struct event_listener *listener)
{
    message->topic_text.length = 0;
    template_expand(&message->topic_text, slice_from_string(listener->topic), event->hub,
                    event_name(event), topic_append_escaped);
    message->topic = buffer_slice(&message->topic_text);
}

void listener_message_release(struct listener_message *message)
{
    buffer_release(&message->topic_text);
    buffer_release(&message->values);
    buffer_release(&message->names);
    buffer_release(&message->id);
}
