/* What management has beyond Azure (docs/eventgrid.md): dead letters, events that are sent again,
 * and filters that are tried out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "access/url.h"
#include "base/ascii.h"
#include "base/memory.h"
#include "base/timestamp.h"
#include "client/gateway.h"
#include "dispatch/archive.h"
#include "dispatch/dead_letters.h"
#include "dispatch/management_call.h"
#include "eventgrid/filter_set.h"
#include "eventgrid/publish.h"
#include "json/json.h"

enum { NAMES_MAX = 1000 };

/* Appends a text of the body to call->names, which must not grow much more; empty: there is none.
 */
static struct slice find_text(struct management_call *call, const char *name)
{
    struct json_value value;
    size_t start = call->names.length;

    if (management_body_member(call, name, &value) && value.type == JSON_STRING) {
        json_append_string_value(&call->names, &value);
    }
    return slice_from(buffer_slice(&call->names), start);
}

/* ---------------------------------------------------------------- jobs */

static bool refuse_failed(struct management_call *call)
{
    const char *error = call->job.error;

    if (error) {
        management_refuse(call, 503, "ServiceUnavailable", "%s", error);
    }
    return error != NULL;
}

static void list_found(struct job *job)
{
    struct management_call *call = CONTAINER_OF(job, struct management_call, job);

    if (!refuse_failed(call)) {
        management_answer(call, 200, buffer_slice(&job->text));
    }
}

static void events_sent(struct job *job)
{
    struct management_call *call = CONTAINER_OF(job, struct management_call, job);
    struct buffer body = {0};

    if (!refuse_failed(call)) {
        buffer_append_format(&body, "{\"events\":%zu}", job->events);
        management_answer(call, 200, buffer_slice(&body));
        buffer_release(&body);
    }
}

/* The same of the one event that the body names. */
static void event_sent(struct job *job)
{
    struct management_call *call = CONTAINER_OF(job, struct management_call, job);

    if (job->error || job->is_found || job->events > 0) {
        events_sent(job);
    } else {
        struct slice id = find_text(call, "id");
        management_refuse(call, 404, "ResourceNotFound", "The event '%.*s' was not found.",
                          SLICE_PRINT(id));
    }
}

/* ---------------------------------------------------------------- dead letters */

void management_dead_letters(struct management_call *call)
{
    struct buffer after = {0};

    if (management_read_page_size(call)) {
        url_query_find(call->path.query, "after", &after);
        call->job.done = list_found;
        dead_letters_list(call->grid->runner, call->subscription, buffer_slice(&after),
                          call->page_size, &call->job);
        buffer_release(&after);
    }
}

/* {"id":".."}: that event; without: all. */
void management_resend_dead_letters(struct management_call *call)
{
    struct slice id = find_text(call, "id");

    call->job.done = id.length > 0 ? event_sent : events_sent;
    dead_letters_resend(call->grid->runner, call->subscription, id, &call->job);
}

/* ---------------------------------------------------------------- the archive */

/* A time of the body; `otherwise` if there is none. False: it has been refused. */
static bool read_time(struct management_call *call, const char *name, int64_t otherwise,
                      int64_t *time)
{
    struct slice text = find_text(call, name);
    bool has_zone, is_good = true;

    *time = otherwise;
    if (text.length > 0) {
        is_good = timestamp_parse(text, time, &has_zone);
    }
    if (!is_good) {
        management_refuse(call, 400, "InvalidRequest",
                          "%s must be a time such as 2031-01-01T00:00:00Z.", name);
    }
    return is_good;
}

/* "eventSubscriptions": whom to send to. False: it has been refused. */
static bool read_names(struct management_call *call, struct slice names[NAMES_MAX], size_t *count)
{
    struct json_value array = {JSON_NULL, SLICE_EMPTY}, name;
    struct json_walk walk;

    *count = 0;
    if (!management_body_member(call, "eventSubscriptions", &array)) {
        return true;
    }
    buffer_reserve(&call->names, array.text.length); /* the names must not move */
    walk = json_elements(&array);
    while (array.type == JSON_ARRAY && json_next_element(&walk, &name)) {
        size_t start = call->names.length;
        if (name.type == JSON_STRING) {
            json_append_string_value(&call->names, &name);
        }
        struct slice text = slice_from(buffer_slice(&call->names), start);
        if (*count == NAMES_MAX ||
            !catalog_find_subscription(call->grid->catalog, buffer_slice(&call->key), text)) {
            management_refuse(call, 404, "ResourceNotFound",
                              "The event subscription '%.*s' was not found.", SLICE_PRINT(text));
            return false;
        }
        names[(*count)++] = text;
    }
    return true;
}

static bool refuse_without_archive(struct management_call *call)
{
    const struct topic_properties *properties = catalog_properties(call->source);

    if (properties->retention_days == 0) {
        management_refuse(call, 409, "Conflict",
                          "This topic keeps no events: set its property eventRetentionInDays.");
    }
    return properties->retention_days == 0;
}

static void replay(struct management_call *call, struct replay *replay)
{
    struct slice *names = memory_allocate(NAMES_MAX * sizeof(*names));

    replay->source_key = buffer_slice(&call->key);
    replay->names = names;
    if (read_names(call, names, &replay->name_count)) {
        call->job.done = replay->event_id.length > 0 ? event_sent : events_sent;
        archive_replay(call->grid->runner, replay, &call->job);
    }
    free(names);
}

void management_replay(struct management_call *call)
{
    struct replay wanted = {0};

    if (refuse_without_archive(call) || !read_time(call, "since", 0, &wanted.since_ms) ||
        !read_time(call, "until", 0, &wanted.until_ms)) {
        return;
    }
    if (wanted.since_ms == 0) {
        management_refuse(call, 400, "InvalidRequest",
                          "since is needed: a time such as 2031-01-01T00:00:00Z.");
        return;
    }
    replay(call, &wanted);
}

void management_resend(struct management_call *call)
{
    struct buffer id = {0};

    if (refuse_without_archive(call)) {
        return;
    }
    buffer_append(&id, find_text(call, "id"));
    if (id.length > 0) {
        replay(call, &(struct replay){.event_id = buffer_slice(&id)});
    } else {
        management_refuse(call, 400, "InvalidRequest", "id is needed: that of the event.");
    }
    buffer_release(&id);
}

/* ---------------------------------------------------------------- filters, tried out */

/* Does the subscription take the event, and why not? */
static void append_trial(struct buffer *out, const struct catalog_subscription *subscription,
                         const struct event *event)
{
    struct buffer reason = {0};

    if (catalog_subscription_counts(subscription)) {
        filter_explain(&subscription->properties->filter, event, &reason);
    } else {
        buffer_append_string(&reason, "its webhook has not given its consent");
    }
    buffer_append_string(out, "{\"name\":");
    json_append_string(out, buffer_slice(&subscription->name));
    buffer_append_string(out, ",\"topic\":");
    json_append_string(out, buffer_slice(&subscription->source->id));
    buffer_append_format(out, ",\"provisioningState\":\"%s\",\"takes\":%s",
                         subscription_state_name(subscription->state),
                         reason.length == 0 ? "true" : "false");
    if (reason.length > 0) {
        buffer_append_string(out, ",\"reason\":");
        json_append_string(out, buffer_slice(&reason));
    }
    buffer_append_byte(out, '}');
    buffer_release(&reason);
}

static void append_trials_of(struct buffer *out, const struct catalog_source *source,
                             const struct event *event)
{
    LIST_FOREACH (link, &source->subscriptions) {
        buffer_append_string(out, out->data[out->length - 1] == '[' ? "" : ",");
        append_trial(out, CONTAINER_OF(link, struct catalog_subscription, link), event);
    }
}

static void append_trials(struct buffer *out, const struct management_call *call,
                          const struct event *event)
{
    const struct catalog_source *source = call->source;
    const struct catalog_source *topic = catalog_source_of(call->source, event);

    buffer_append_string(out, "{\"id\":");
    json_append_string(out, event->id);
    buffer_append_string(out, ",\"eventSubscriptions\":[");
    append_trials_of(out, source, event);
    if (topic != source) {
        append_trials_of(out, topic, event);
    }
    if (source->domain) {
        append_trials_of(out, source->domain, event);
    }
    buffer_append_string(out, "]}");
}

/* The body is what a publisher would send. */
void management_test(struct management_call *call)
{
    const struct gateway *gateway = call->grid->gateway;
    struct publish_request request = {
        .topic = catalog_properties(call->source),
        .topic_id = catalog_topic_id(call->source),
        .domain_topic = call->source->domain ? call->source->name.topic : SLICE_EMPTY,
        .content_type = grid_header(call->request, "content-type"),
        .attributes = call->request->headers,
        .body = buffer_slice(&call->body),
        .now_ms = gateway_now(gateway),
        .random = gateway->random,
    };
    struct publish_scratch scratch = {0};
    struct publish_error error;
    const struct event *events;
    struct buffer body = {0};
    size_t count;

    if (!publish_parse(&request, &scratch, &events, &count, &error)) {
        management_refuse(call, error.status, error.code, "%.*s", SLICE_PRINT(error.message));
    } else {
        buffer_append_string(&body, "{\"value\":[");
        for (size_t i = 0; i < count; i++) {
            buffer_append_string(&body, i > 0 ? "," : "");
            append_trials(&body, call, &events[i]);
        }
        buffer_append_string(&body, "]}");
        management_answer(call, 200, buffer_slice(&body));
    }
    buffer_release(&body);
    publish_scratch_release(&scratch);
}
