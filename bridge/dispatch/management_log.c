/* The log of attempts to deliver, as management shows it (docs/eventgrid.md): of one event
 * subscription, or of all of a source, which are asked for one after another.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "access/characters.h"
#include "access/url.h"
#include "client/rest_list.h"
#include "dispatch/management_call.h"
#include "json/json.h"

enum { PAGE_DEFAULT = 20, PAGE_MAX = 200, LENGTH_SIZE = 4 };

typedef void log_answer(struct rest_reply *reply, int status, const char *error_code,
                        struct slice body);

/* ---------------------------------------------------------------- parameters */

bool management_read_page_size(struct management_call *call)
{
    static const char *const names[] = {"top", "maxpagesize"}; /* as nextLink calls it */
    struct buffer text = {0};
    struct json_value value;
    uint64_t number = PAGE_DEFAULT;
    bool is_good = true;

    for (size_t i = 0; is_good && i < sizeof(names) / sizeof(names[0]); i++) {
        text.length = 0;
        if (url_query_find(call->path.query, names[i], &text)) {
            is_good = json_parse(buffer_slice(&text), &value) && value.type == JSON_NUMBER &&
                      json_to_u64(&value, &number) && number >= 1 && number <= PAGE_MAX;
        }
    }
    buffer_release(&text);
    call->page_size = (uint32_t)number;
    if (!is_good) {
        management_refuse(call, 400, "InvalidRequest", "top must be from 1 to %d.", PAGE_MAX);
    }
    return is_good;
}

static bool only_failures(const struct management_call *call)
{
    struct buffer text = {0};
    bool is_set = url_query_find(call->path.query, "failures", &text) &&
                  equal_ignoring_case(buffer_slice(&text), SLICE_LITERAL("true"));

    buffer_release(&text);
    return is_set;
}

/* ---------------------------------------------------------------- of one */

/* Asks all processes. */
static void ask(struct management_call *call, struct slice queue, log_answer *answer)
{
    struct slice path = buffer_slice(&call->target);
    struct buffer after = {0};

    url_query_find(call->path.query, "continuationToken", &after);
    struct rest_operation operation = {
        .kind = REST_EVENT_LOG,
        .name = queue,
        .only_failures = only_failures(call),
        .page_size = call->page_size,
        .continuation = buffer_slice(&after),
        .base_url = buffer_slice(&call->url),
        .path = take_up_to(&path, '?'),
    };
    call->rest = (struct rest_reply){.answer = answer};
    rest_carry_out(call->grid->gateway, &operation, &call->rest);
    buffer_release(&after);
}

static void answered(struct rest_reply *reply, int status, const char *error_code,
                     struct slice body)
{
    struct management_call *call = CONTAINER_OF(reply, struct management_call, rest);

    if (error_code) {
        management_refuse_for_now(call);
    } else {
        management_answer(call, status, body);
    }
}

void management_log(struct management_call *call)
{
    if (management_read_page_size(call)) {
        ask(call, buffer_slice(&call->subscription->queue), answered);
    }
}

/* ---------------------------------------------------------------- of a source */

/* Texts one behind the other, each with its length before it. */
static void push_text(struct buffer *out, struct slice text)
{
    buffer_append_u32(out, (uint32_t)text.length);
    buffer_append(out, text);
}

static bool take_text(struct slice *rest, struct slice *text)
{
    uint32_t length = 0;

    if (rest->length == 0) {
        return false;
    }
    for (int i = 0; i < LENGTH_SIZE; i++) {
        length = length << 8 | rest->data[i];
    }
    *text = slice_make(rest->data + LENGTH_SIZE, length);
    *rest = slice_from(*rest, LENGTH_SIZE + length);
    return true;
}

struct logged {
    struct slice id, text, subscription;
};

/* Appends what one answer has. */
static void collect(struct buffer *out, struct slice body, struct slice subscription)
{
    struct json_value whole, array, attempt, id;
    struct json_walk walk;

    if (!json_parse(body, &whole) || !json_find_member(&whole, "value", &array) ||
        array.type != JSON_ARRAY) {
        return;
    }
    walk = json_elements(&array);
    while (json_next_element(&walk, &attempt)) {
        if (json_find_member(&attempt, "id", &id)) {
            struct logged logged = {id.text, attempt.text, subscription};
            buffer_append(out, slice_make(&logged, sizeof(logged)));
        }
    }
}

/* Ids sort the newest to the front. */
static int compare(const void *left, const void *right)
{
    const struct logged *a = left, *b = right;

    return rest_name_compare(a->id, b->id);
}

static void append_logged(struct buffer *out, const struct logged *logged)
{
    buffer_append_string(out, "{\"eventSubscription\":");
    json_append_string(out, logged->subscription);
    buffer_append_byte(out, ',');
    buffer_append(out, slice_from(logged->text, 1));
}

static void answer_all(struct management_call *call)
{
    struct slice rest = buffer_slice(&call->found), name, text;
    struct buffer body = {0}, all = {0};

    while (take_text(&rest, &name) && take_text(&rest, &text)) {
        collect(&all, text, name);
    }
    struct logged *items = (struct logged *)(void *)all.data;
    size_t count = all.length / sizeof(*items);
    if (count > 0) {
        qsort(items, count, sizeof(*items), compare);
    }
    buffer_append_string(&body, "{\"value\":[");
    for (size_t i = 0; i < count && i < call->page_size; i++) {
        buffer_append_string(&body, i > 0 ? "," : "");
        append_logged(&body, &items[i]);
    }
    buffer_append_string(&body, "]}");
    buffer_release(&all);
    management_answer(call, 200, buffer_slice(&body));
    buffer_release(&body);
}

static void ask_all(struct management_call *call);

/* Perhaps from inside ask(). */
static void one_answered(struct rest_reply *reply, int status, const char *error_code,
                         struct slice body)
{
    struct management_call *call = CONTAINER_OF(reply, struct management_call, rest);

    (void)status;
    call->progress.has_failed = error_code != NULL;
    call->progress.is_answered = true;
    push_text(&call->found, body);
    if (!call->progress.is_asking) {
        ask_all(call);
    }
}

/* call->queues has names and queues in turn, of which those before `progress.next` are done. */
static void ask_all(struct management_call *call)
{
    struct log_progress *progress = &call->progress;
    struct slice name, queue, rest = slice_from(buffer_slice(&call->queues), progress->next);

    while (progress->is_answered && !progress->has_failed && take_text(&rest, &name) &&
           take_text(&rest, &queue)) {
        progress->next = call->queues.length - rest.length;
        progress->is_answered = false;
        progress->is_asking = true;
        push_text(&call->found, name);
        ask(call, queue, one_answered);
        progress->is_asking = false;
    }
    if (progress->has_failed) {
        management_refuse_for_now(call);
    } else if (progress->is_answered) {
        answer_all(call);
    }
}

void management_source_log(struct management_call *call)
{
    if (!management_read_page_size(call)) {
        return;
    }
    LIST_FOREACH (link, &call->source->subscriptions) {
        const struct catalog_subscription *subscription =
            CONTAINER_OF(link, struct catalog_subscription, link);
        push_text(&call->queues, buffer_slice(&subscription->name));
        push_text(&call->queues, buffer_slice(&subscription->queue));
    }
    call->progress.is_answered = true; /* nothing is under way */
    ask_all(call);
}
