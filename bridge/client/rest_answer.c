/* See rest_answer.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/rest_answer.h"

#include <stdlib.h>

#include "access/url.h"
#include "base/memory.h"
#include "client/rest_list.h"
#include "mqtt/reader.h"
#include "json/json.h"

static const char newest_version[] = "2024-12-01";

/* ---------------------------------------------------------------- statuses */

const struct rest_result rest_ok = {.status = 200};
const struct rest_result rest_accepted = {.status = 202};
const struct rest_result rest_unavailable = {503, "Error.ServiceUnavailable", NULL,
                                             "The request cannot be carried out now. Try again."};
const struct rest_result rest_too_large = {413, "Error.PayloadTooLarge", NULL,
                                           "The message is larger than the broker takes."};

static const struct rest_result no_content = {.status = 204};
static const struct rest_result no_permission = {404, "Info.Permission.NotExisted", "Permission",
                                                 "The connection does not have the permission."};
static const struct rest_result conflict = {
    409, "Error.Connection.Conflict", "Permission",
    "The connection has too many permissions of this kind."};

#define NO_CONNECTION(code)                                                                        \
    {                                                                                              \
        404, code, "Connection", "There is no such connection."                                    \
    }
#define NO_USER                                                                                    \
    {                                                                                              \
        404, "Warning.User.NotExisted", "User", "The user has no connection."                      \
    }

/* What is said when no connection was found. status 0: as if one had. */
static const struct {
    const struct rest_result *success;
    struct rest_result miss[TARGET_CONNECTION + 1];
} results[REST_KINDS] = {
    [REST_CLOSE] = {&no_content, {{0}}},
    [REST_EXISTS] = {&rest_ok,
                     {
                         [TARGET_HUB] = {404, "Warning.Hub.NotExisted", "Hub",
                                         "The hub has no connection."},
                         [TARGET_GROUP] = {404, "Warning.Group.NotExisted", "Group",
                                           "The group has no connection."},
                         [TARGET_USER] = NO_USER,
                         [TARGET_CONNECTION] = NO_CONNECTION("Warning.Connection.NotExisted"),
                     }},
    [REST_LIST] = {&rest_ok, {{0}}},
    [REST_LIST_GROUPS] = {&rest_ok, {{0}}},
    [REST_LIST_USERS] = {&rest_ok, {{0}}},
    [REST_COUNT] = {&rest_ok, {{0}}},
    [REST_HUB_LOG] = {&rest_ok, {{0}}},
    [REST_EVENT_LOG] = {&rest_ok, {{0}}},
    [REST_EVENT_QUEUE] = {&rest_ok, {{0}}},
    [REST_JOIN] = {&rest_ok,
                   {
                       [TARGET_USER] = NO_USER,
                       [TARGET_CONNECTION] = NO_CONNECTION("Error.Connection.NotExisted"),
                   }},
    [REST_LEAVE] = {&no_content, {{0}}},
    [REST_LEAVE_ALL] = {&no_content, {{0}}},
    [REST_JOIN_MANY] = {&rest_ok, {{0}}},
    [REST_LEAVE_MANY] = {&rest_ok, {{0}}},
    [REST_GRANT] = {&rest_ok, {[TARGET_CONNECTION] = NO_CONNECTION("Info.Connection.NotExisted")}},
    [REST_REVOKE] = {&no_content, {{0}}},
    [REST_HAS_PERMISSION] = {&rest_ok,
                             {[TARGET_CONNECTION] = NO_CONNECTION("Info.Connection.NotExisted")}},
};

static const struct rest_result *result_of(const struct rest_merge *merge)
{
    enum rest_kind kind = merge->operation.kind;
    const struct rest_result *miss = &results[kind].miss[merge->operation.target];

    if (merge->total.connections == 0 && miss->status != 0) {
        return miss;
    }
    if (kind == REST_HAS_PERMISSION && !(merge->total.flags & ANSWER_HOLDS)) {
        return &no_permission;
    }
    if (merge->total.flags & ANSWER_FAILED) {
        return kind == REST_GRANT ? &conflict : &rest_unavailable;
    }
    return results[kind].success;
}

/* ---------------------------------------------------------------- merging */

/* Items are JSON of their own. */
static bool is_log(enum rest_kind kind)
{
    return kind == REST_HUB_LOG || kind == REST_EVENT_LOG || kind == REST_EVENT_QUEUE;
}

static bool is_list(enum rest_kind kind)
{
    return kind == REST_LIST || kind == REST_LIST_GROUPS || kind == REST_LIST_USERS || is_log(kind);
}

/* How many of a list are wanted in this page. */
static uint32_t page_of(const struct rest_operation *operation)
{
    return operation->top > 0 && operation->top < operation->page_size ? operation->top
                                                                       : operation->page_size;
}

static struct slice keep(struct buffer *texts, size_t *at, struct slice text)
{
    struct slice kept = slice_make(texts->data + *at, text.length);

    *at += text.length;
    return kept;
}

/* The question has most of it; for the links of lists some more is kept. */
void rest_merge_init(struct rest_merge *merge, const struct rest_operation *operation)
{
    struct rest_operation asked = *operation;
    size_t at = 0;

    *merge = (struct rest_merge){0};
    if (is_list(operation->kind)) {
        asked.page_size = page_of(operation) + 1; /* the last one only tells that there is more */
    }
    rest_question_append(&merge->question, &asked);
    rest_question_parse(buffer_slice(&merge->question), &merge->operation, &merge->lists);
    merge->operation.page_size = operation->page_size;
    merge->operation.top = operation->top;
    buffer_append(&merge->texts, operation->base_url);
    buffer_append(&merge->texts, operation->path);
    buffer_append(&merge->texts, operation->api_version);
    merge->operation.base_url = keep(&merge->texts, &at, operation->base_url);
    merge->operation.path = keep(&merge->texts, &at, operation->path);
    merge->operation.api_version = keep(&merge->texts, &at, operation->api_version);
}

void rest_merge_release(struct rest_merge *merge)
{
    for (size_t i = 0; i < merge->answer_count; i++) {
        buffer_release(&merge->answers[i]);
    }
    free(merge->answers);
    buffer_release(&merge->question);
    buffer_release(&merge->lists);
    buffer_release(&merge->texts);
    buffer_release(&merge->items);
    buffer_release(&merge->users);
    buffer_release(&merge->groups);
}

static void take_hashes(struct reader *reader, struct buffer *hashes)
{
    uint32_t count = reader_u32(reader);

    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        uint64_t high = reader_u32(reader), hash = high << 32 | reader_u32(reader);
        buffer_append(hashes, slice_make(&hash, sizeof(hash)));
    }
}

static void take_items(struct rest_merge *merge, struct slice items)
{
    struct buffer *answer;
    struct slice rest;
    struct rest_item item;

    merge->answers =
        memory_resize(merge->answers, (merge->answer_count + 1) * sizeof(*merge->answers));
    answer = &merge->answers[merge->answer_count++];
    *answer = (struct buffer){0};
    buffer_append(answer, items);
    rest = buffer_slice(answer);
    while (rest_answer_next(&rest, &item)) {
        buffer_append(&merge->items, slice_make(&item, sizeof(item)));
    }
}

void rest_merge_add(struct rest_merge *merge, struct slice bytes)
{
    struct rest_answer answer;

    if (!rest_answer_parse(bytes, &answer)) {
        return;
    }
    merge->total.flags |= answer.flags;
    merge->total.connections += answer.connections;
    merge->total.users += answer.users;
    merge->total.groups += answer.groups;
    if (merge->operation.kind == REST_COUNT) {
        struct reader reader = reader_make(answer.items);
        take_hashes(&reader, &merge->users);
        take_hashes(&reader, &merge->groups);
    } else if (is_list(merge->operation.kind)) {
        take_items(merge, answer.items);
    }
}

bool rest_merge_is_away(const struct rest_merge *merge)
{
    static const bool can_wait[REST_KINDS] = {
        [REST_CLOSE] = true,     [REST_EXISTS] = true, [REST_JOIN] = true,   [REST_LEAVE] = true,
        [REST_LEAVE_ALL] = true, [REST_GRANT] = true,  [REST_REVOKE] = true,
    };

    return merge->operation.target == TARGET_CONNECTION && merge->total.connections == 0 &&
           can_wait[merge->operation.kind];
}

/* ---------------------------------------------------------------- bodies */

/* Absolute, and followed as it is (6.7). */
static void append_next_link(struct buffer *body, const struct rest_operation *operation,
                             struct slice last)
{
    struct buffer link = {0};
    struct slice version = operation->api_version;

    buffer_append(&link, operation->base_url);
    buffer_append(&link, operation->path);
    buffer_append_string(&link, "?api-version=");
    url_append_encoded(&link, version.length > 0 ? version : slice_from_string(newest_version));
    buffer_append_format(&link, "&maxpagesize=%u", operation->page_size);
    buffer_append_string(&link, operation->only_failures ? "&failures=true" : "");
    if (operation->top > 0) {
        buffer_append_format(&link, "&top=%u", operation->top - page_of(operation));
    }
    buffer_append_string(&link, "&continuationToken=");
    url_append_encoded(&link, last);
    buffer_append_string(body, ",\"nextLink\":");
    json_append_string(body, buffer_slice(&link));
    buffer_release(&link);
}

static void append_item(struct buffer *body, enum rest_kind kind, const struct rest_item *item)
{
    static const char *const names[REST_KINDS] = {
        [REST_LIST] = "{\"connectionId\":",
        [REST_LIST_GROUPS] = "{\"group\":",
        [REST_LIST_USERS] = "{\"userId\":",
    };

    struct json_value delivery;

    if (is_log(kind)) { /* what another process says is looked at, too */
        buffer_append(body, json_parse(item->user, &delivery) ? item->user : SLICE_LITERAL("{}"));
        return;
    }
    buffer_append_string(body, names[kind]);
    json_append_string(body, item->name);
    if (kind != REST_LIST) {
        buffer_append_format(body, ",\"connections\":%u", item->number);
    } else if (item->user.length > 0) {
        buffer_append_string(body, ",\"userId\":");
        json_append_string(body, item->user);
    }
    buffer_append_byte(body, '}');
}

static void append_list(struct rest_merge *merge, struct buffer *body)
{
    const struct rest_operation *operation = &merge->operation;
    struct rest_item *items = (struct rest_item *)(void *)merge->items.data;
    size_t count = rest_list_merge(items, merge->items.length / sizeof(*items));
    size_t most = page_of(operation);
    bool is_last = count <= most || operation->top == most;

    count = count < most ? count : most;
    buffer_append_string(body, "{\"value\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_append_string(body, i > 0 ? "," : "");
        append_item(body, operation->kind, &items[i]);
    }
    buffer_append_byte(body, ']');
    if (!is_last && count > 0) {
        append_next_link(body, operation, items[count - 1].name);
    }
    buffer_append_byte(body, '}');
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t *one = a, *other = b;

    return (*one > *other) - (*one < *other);
}

/* Those that stand there more than once. */
static uint64_t count_doubles(struct buffer *hashes)
{
    uint64_t *items = (uint64_t *)(void *)hashes->data;
    size_t count = hashes->length / sizeof(*items);
    uint64_t doubles = 0;

    if (count > 0) {
        qsort(items, count, sizeof(*items), compare_hashes);
    }
    for (size_t i = 1; i < count; i++) {
        doubles += items[i] == items[i - 1];
    }
    return doubles;
}

static void append_count(struct rest_merge *merge, struct buffer *body)
{
    buffer_append_format(body, "{\"connections\":%llu,\"users\":%llu,\"groups\":%llu}",
                         (unsigned long long)merge->total.connections,
                         (unsigned long long)(merge->total.users - count_doubles(&merge->users)),
                         (unsigned long long)(merge->total.groups - count_doubles(&merge->groups)));
}

const struct rest_result *rest_merge_finish(struct rest_merge *merge, struct buffer *body)
{
    if (merge->operation.kind == REST_COUNT) {
        append_count(merge, body);
    } else if (is_list(merge->operation.kind)) {
        append_list(merge, body);
    }
    return result_of(merge);
}
