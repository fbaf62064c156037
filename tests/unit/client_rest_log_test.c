/* client/rest_log.h: pages of a hub's delivery log.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/rest_log.h"

#include "client/rest_question.h"
#include "events/delivery_log.h"
#include "test.h"
#include "json/json.h"

static struct delivery_log *log_of_chat;

static const struct delivery_log *find_log(void *context, struct slice hub)
{
    (void)context;
    return slice_equal(hub, SLICE_LITERAL("chat")) ? log_of_chat : NULL;
}

static const struct events_ops operations = {.log = find_log};
static const struct gateway gateway = {.index = 3, .events = {&operations, NULL}};

static void add(msec_t time, const char *event, int status)
{
    delivery_log_add(&log_of_chat, &(struct delivery){
                                       .time = time,
                                       .attempt = 1,
                                       .status = status,
                                       .reason = status == 200 ? NULL : "it failed",
                                       .event = slice_from_string(event),
                                       .url = SLICE_LITERAL("http://a"),
                                       .connection = SLICE_LITERAL("c"),
                                   });
}

/* Their events, one behind the other; the name of the last item is left in `last`. */
static const char *page(struct rest_operation operation, struct buffer *last)
{
    static char said[64];
    struct buffer items = {0};
    struct rest_item item;
    struct slice rest;
    said[0] = '\0';
    operation.kind = REST_HUB_LOG;
    rest_log(&gateway, &operation, &items);
    rest = buffer_slice(&items);
    while (rest.length > 0) {
        struct json_value value;
        CHECK(rest_answer_next(&rest, &item));
        CHECK(json_parse(item.user, &value));
        struct json_walk walk = json_members(&value);
        struct slice key;
        while (json_next_member(&walk, &key, &value)) {
            if (json_string_equal(key, "event")) {
                snprintf(said + strlen(said), sizeof(said) - strlen(said), "%.*s",
                         SLICE_PRINT(json_string_raw(&value)));
            } else if (json_string_equal(key, "id")) {
                CHECK_SLICE_EQUAL(json_string_raw(&value), item.name);
            } else if (json_string_equal(key, "process")) {
                CHECK_SLICE_EQUAL(value.text, SLICE_LITERAL("3"));
            }
        }
        CHECK(last->length == 0 || memcmp(item.name.data, last->data, last->length) > 0);
        last->length = 0;
        buffer_append(last, item.name);
    }
    buffer_release(&items);
    return said;
}

TEST(pages_have_the_newest_first)
{
    struct buffer last = {0};
    struct rest_operation operation = {.hub = SLICE_LITERAL("chat"), .page_size = 3};
    add(1795467965000, "a", 200);
    add(1795467965000, "b", 500);
    add(1795467965001, "c", 200);
    add(1795467999000, "d", 0);
    CHECK_STRING_EQUAL(page(operation, &last), "dcb");
    operation.continuation = buffer_slice(&last);
    struct buffer next = {0};
    CHECK_STRING_EQUAL(page(operation, &next), "a");
    operation.continuation = buffer_slice(&next);
    struct buffer end = {0};
    CHECK_STRING_EQUAL(page(operation, &end), "");
    operation.continuation = SLICE_EMPTY;
    operation.only_failures = true;
    CHECK_STRING_EQUAL(page(operation, &end), "db");
    end.length = 0;
    operation.hub = SLICE_LITERAL("other");
    CHECK_STRING_EQUAL(page(operation, &end), "");
    buffer_release(&last);
    buffer_release(&next);
    buffer_release(&end);
    delivery_log_free(log_of_chat);
    log_of_chat = NULL;
}
