/* The topics of MQTT clients of a hub (spec/webpubsub.md 5.1, 5.2). Pure.
 *
 * To such a client the hub is the whole broker: its topic `T` is `<hub>/T` on the broker, its
 * filter `F` is `<hub>/F`, and `$share/<name>/F` is `$share/<name>/<hub>/F`. A topic is the name of
 * a group, escaped (access/hub.h), so roles decide on the unescaped one.
 *
 * Topics below `$webpubsub/` are no groups. An event goes to `$webpubsub/server/events/<event>`,
 * and its answer comes on that topic with `/succeeded` or `/failed` behind it, whether the client
 * subscribes to it or not. On the broker the answers of a client are
 * `$wps/<hub>/event/<client identifier>/<event>/failed` (beside those of internal_topic.h), to
 * which its session is subscribed. What the server sends to the hub, the user or the connection
 * comes on `$webpubsub/server/messages`, likewise without being asked for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_MQTT_TOPICS_H
#define PUBGRID_CLIENT_MQTT_TOPICS_H

#include <stdbool.h>

#include "access/upgrade.h"
#include "base/buffer.h"
#include "base/slice.h"

/* What the hub puts before a topic or filter of at most so many bytes still fits. */
enum { MQTT_TOPIC_MAX = UINT16_MAX - HUB_NAME_MAX - 1 /* bytes */ };

/* Where messages of the server come. */
#define MQTT_TOPIC_OF_SERVER "$webpubsub/server/messages"

enum topic_class {
    TOPIC_GROUP,     /* a group, and the client may publish to it */
    TOPIC_EVENT,     /* an event for the hub's handlers */
    TOPIC_FORBIDDEN, /* not authorized */
    TOPIC_TOO_LONG,
};

/* What becomes of a message to this (valid) topic name? */
enum topic_class mqtt_topic_class(const struct upgrade *upgrade, struct slice topic);
/* May the client subscribe to this (valid) filter? Not if it is longer than MQTT_TOPIC_MAX. */
bool mqtt_may_subscribe(const struct upgrade *upgrade, struct slice filter);

/* Appends the client's topic or filter as it is on the broker. */
void mqtt_append_topic(struct buffer *out, const char *hub, struct slice topic);
void mqtt_append_filter(struct buffer *out, const char *hub, struct slice filter);
/* The client's topic of one on the broker; empty if it is not in a hub. */
struct slice mqtt_topic_in_hub(struct slice topic);

/* Answers to events. `topic` is the client's, of class TOPIC_EVENT. */
void mqtt_append_answer(struct buffer *out, const char *hub, struct slice client_identifier,
                        struct slice topic, bool is_success);
/* The event's name; empty if the topic is none of that class. */
struct slice mqtt_event_name(struct slice topic);
/* The filter for all of them. */
void mqtt_append_answers(struct buffer *out, const char *hub, struct slice client_identifier);
/* Appends the client's topic of an answer; false if it is another topic. */
bool mqtt_append_answer_topic(struct buffer *out, struct slice topic);

#endif
