/* See mqtt_topics.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_topics.h"

#include "mqtt/topic.h"

#define RESERVED SLICE_LITERAL("$webpubsub/")
#define EVENTS   SLICE_LITERAL("$webpubsub/server/events/")
#define ANSWERS  SLICE_LITERAL("$wps/")

/* ---------------------------------------------------------------- permissions */

/* Calls roles_allow() or roles_allow_filter() with what the topic's escapes stand for. */
static bool is_allowed(const struct upgrade *upgrade, enum role_action action, struct slice topic)
{
    struct buffer unescaped = {0};
    struct slice name = topic;
    bool allowed;

    if (memchr(topic.data, '%', topic.length)) {
        topic_append_unescaped(&unescaped, topic);
        name = buffer_slice(&unescaped);
    }
    allowed = topic_filter_has_wildcard(topic) ? roles_allow_filter(upgrade->roles, action, name)
                                               : roles_allow(upgrade->roles, action, name);
    buffer_release(&unescaped);
    return allowed;
}

enum topic_class mqtt_topic_class(const struct upgrade *upgrade, struct slice topic)
{
    if (topic.length > MQTT_TOPIC_MAX) {
        return TOPIC_TOO_LONG;
    }
    if (slice_starts_with(topic, EVENTS) && event_name_is_valid(slice_from(topic, EVENTS.length))) {
        return TOPIC_EVENT;
    }
    if (slice_starts_with(topic, RESERVED)) {
        return TOPIC_FORBIDDEN;
    }
    return is_allowed(upgrade, ROLE_SEND, topic) ? TOPIC_GROUP : TOPIC_FORBIDDEN;
}

bool mqtt_may_subscribe(const struct upgrade *upgrade, struct slice filter)
{
    struct slice share_name, rest = filter;

    topic_filter_split_share(filter, &share_name, &rest);
    if (filter.length > MQTT_TOPIC_MAX) {
        return false;
    }
    /* Answers to events come by themselves; who wants to subscribe to them may. */
    return slice_starts_with(rest, RESERVED) || is_allowed(upgrade, ROLE_JOIN_LEAVE, rest);
}

/* ---------------------------------------------------------------- in a hub */

void mqtt_append_topic(struct buffer *out, const char *hub, struct slice topic)
{
    buffer_append_string(out, hub);
    buffer_append_byte(out, '/');
    buffer_append(out, topic);
}

void mqtt_append_filter(struct buffer *out, const char *hub, struct slice filter)
{
    struct slice share_name, rest = filter;

    if (topic_filter_split_share(filter, &share_name, &rest)) {
        buffer_append_string(out, "$share/");
        buffer_append(out, share_name);
        buffer_append_byte(out, '/');
    }
    mqtt_append_topic(out, hub, rest);
}

/* What is behind the first level. */
static struct slice behind_level(struct slice topic)
{
    const uint8_t *slash = topic.length > 0 ? memchr(topic.data, '/', topic.length) : NULL;

    return slash ? slice_from(topic, (size_t)(slash + 1 - topic.data)) : SLICE_EMPTY;
}

struct slice mqtt_topic_in_hub(struct slice topic)
{
    return behind_level(topic);
}

/* ---------------------------------------------------------------- answers to events */

/* As far as it is the same for all answers of the client. */
static void append_answers_level(struct buffer *out, const char *hub, struct slice identifier)
{
    buffer_append(out, ANSWERS);
    buffer_append_string(out, hub);
    buffer_append_string(out, "/event/");
    buffer_append(out, identifier);
    buffer_append_byte(out, '/');
}

struct slice mqtt_event_name(struct slice topic)
{
    return slice_starts_with(topic, EVENTS) ? slice_from(topic, EVENTS.length) : SLICE_EMPTY;
}

void mqtt_append_answer(struct buffer *out, const char *hub, struct slice client_identifier,
                        struct slice topic, bool is_success)
{
    append_answers_level(out, hub, client_identifier);
    buffer_append(out, slice_from(topic, EVENTS.length));
    buffer_append_string(out, is_success ? "/succeeded" : "/failed");
}

void mqtt_append_answers(struct buffer *out, const char *hub, struct slice client_identifier)
{
    append_answers_level(out, hub, client_identifier);
    buffer_append_byte(out, '#');
}

bool mqtt_append_answer_topic(struct buffer *out, struct slice topic)
{
    struct slice what, event;

    if (!slice_starts_with(topic, ANSWERS)) {
        return false;
    }
    what = behind_level(behind_level(topic));
    event = behind_level(behind_level(what));
    if (!slice_starts_with(what, SLICE_LITERAL("event/")) || event.length == 0) {
        return false;
    }
    buffer_append(out, EVENTS);
    buffer_append(out, event);
    return true;
}
