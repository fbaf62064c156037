/* Destinations that are messages: to the browsers of a hub, one of its groups or users, on the
 * topics that the REST API's sends use (client/internal_topic.h), and to an MQTT topic whose
 * placeholders stand for what is in the event. That nobody is subscribed is no failure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/hub.h"
#include "client/internal_topic.h"
#include "dispatch/destination.h"
#include "dispatch/runner_state.h"
#include "eventgrid/filter_set.h"
#include "mqtt/topic.h"

enum { RETRY_LEAST_S = 10 };

static const struct delivery_verdict delivered = {OUTCOME_DELIVERED, true, 0, 0};
static const struct delivery_verdict busy = {OUTCOME_BUSY, false, RETRY_LEAST_S, 0};
static const struct delivery_verdict too_large = {OUTCOME_PAYLOAD_TOO_LARGE, true, 0, 0};
static const struct delivery_verdict bad_topic = {OUTCOME_BAD_REQUEST, true, 0, 0};

static void end(struct delivery_run *run, const struct delivery_verdict *verdict)
{
    delivery_run_done(run, &(struct run_result){.verdict = *verdict});
}

static void acknowledged(struct staff_sent *sent, uint8_t reason)
{
    struct delivery_run *run = CONTAINER_OF(sent, struct delivery_run, sent);

    if (!reason_is_error(reason)) {
        end(run, &delivered);
    } else {
        end(run, reason == REASON_TOPIC_NAME_INVALID ? &bad_topic : &busy);
    }
}

/* ---------------------------------------------------------------- sending */

static bool publish(struct delivery_run *run, struct publication *publication)
{
    struct staff *staff = run->feed->runner->gateway->staff;
    const struct window_event *event = delivery_run_first(run);

    publication->data = (struct payload){DATA_JSON, event->event.json};
    if (!staff_is_ready(staff)) {
        return false;
    }
    if (!topic_name_is_valid(publication->topic) || !staff_takes(staff, publication)) {
        delivery_run_end_later(run,
                               topic_name_is_valid(publication->topic) ? &too_large : &bad_topic);
        return true;
    }
    run->sent.acknowledged = acknowledged;
    run->is_sent = staff_publish(staff, publication, &run->sent);
    return run->is_sent;
}

static void cancel(struct delivery_run *run)
{
    if (run->is_sent) {
        staff_forget_sent(&run->sent);
    }
}

static bool send_to_browsers(struct delivery_run *run)
{
    const struct destination *destination = &run->properties->destination;
    struct buffer *topic = &run->feed->runner->gateway->topic;

    topic->length = 0;
    if (destination->group.length > 0) {
        buffer_append(topic, destination->hub);
        buffer_append_byte(topic, '/');
        topic_append_escaped(topic, destination->group);
    } else if (destination->user.length > 0) {
        internal_topic_append(topic, INTERNAL_USER, destination->hub, SLICE_EMPTY,
                              destination->user);
    } else {
        internal_topic_append(topic, INTERNAL_ALL, destination->hub, SLICE_EMPTY, SLICE_EMPTY);
    }
    return publish(run, &(struct publication){.topic = buffer_slice(topic)});
}

/* ---------------------------------------------------------------- placeholders */

/* What it stands for in the schemas that events are delivered in: {topic} is CloudEvents' source.
 */
static const struct {
    const char *text;
    const char *paths[EVENT_SCHEMAS];
} placeholders[] = {
    {"{subject}", {"subject", "subject", "subject"}},
    {"{type}", {"eventType", "type", "eventType"}},
    {"{id}", {"id", "id", "id"}},
    {"{topic}", {"topic", "source", "topic"}},
};

enum { PLACEHOLDERS = sizeof(placeholders) / sizeof(placeholders[0]) };

/* Its value, without a slash at the front, which would make an empty level. Nothing if the event
 * has none. */
static void append_value(struct buffer *out, const struct queued_event *event, const char *path)
{
    struct buffer value = {0};
    struct slice text;

    event_path_append(event->json, event->schema, slice_from_string(path), &value);
    text = buffer_slice(&value);
    while (text.length > 0 && text.data[0] == '/') {
        text = slice_from(text, 1);
    }
    topic_append_escaped(out, text);
    buffer_release(&value);
}

static size_t find_placeholder(struct slice text)
{
    size_t i = 0;

    while (i < PLACEHOLDERS && !slice_starts_with(text, slice_from_string(placeholders[i].text))) {
        i++;
    }
    return i;
}

static void append_topic(struct buffer *out, struct slice pattern, const struct queued_event *event)
{
    while (pattern.length > 0) {
        size_t found = find_placeholder(pattern);
        if (found < PLACEHOLDERS) {
            append_value(out, event, placeholders[found].paths[event->schema]);
            pattern = slice_from(pattern, strlen(placeholders[found].text));
        } else {
            buffer_append_byte(out, pattern.data[0]);
            pattern = slice_from(pattern, 1);
        }
    }
}

/* It never leads to the server's own topics: what it begins with stands in the settings, and is no
 * `$`. A CloudEvent goes in the structured mode of CloudEvents' binding for MQTT. */
static bool send_to_topic(struct delivery_run *run)
{
    static const struct slice cloud_event_type = SLICE_LITERAL("application/cloudevents+json");
    bool is_cloud_event = delivery_run_first(run)->event.schema == SCHEMA_CLOUD_EVENTS;
    const struct destination *destination = &run->properties->destination;
    struct buffer *topic = &run->feed->runner->gateway->topic;

    topic->length = 0;
    append_topic(topic, destination->topic, &delivery_run_first(run)->event);
    return publish(
        run, &(struct publication){.topic = buffer_slice(topic),
                                   .is_plain = is_cloud_event,
                                   .content_type = is_cloud_event ? cloud_event_type : SLICE_EMPTY,
                                   .retain = destination->retain});
}

const struct destination_ops destination_web_pub_sub = {.begin = send_to_browsers,
                                                        .cancel = cancel};
const struct destination_ops destination_mqtt_topic = {.begin = send_to_topic, .cancel = cancel};
