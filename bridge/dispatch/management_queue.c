/* What is in an event subscription's queue (docs/eventgrid.md): all processes are asked, the one
 * that runs the queue says what it has in memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/management_call.h"
#include "json/json.h"

/* The list's only item. False: no process runs the queue. */
static bool take_state(struct slice body, struct slice *state)
{
    struct json_value whole, array, item;
    struct json_walk walk;
    bool is_there = json_parse(body, &whole) && json_find_member(&whole, "value", &array) &&
                    array.type == JSON_ARRAY;

    if (is_there) {
        walk = json_elements(&array);
        is_there = json_next_element(&walk, &item) && item.type == JSON_OBJECT;
        *state = item.text;
    }
    return is_there;
}

static void answered(struct rest_reply *reply, int status, const char *error_code,
                     struct slice body)
{
    struct management_call *call = CONTAINER_OF(reply, struct management_call, rest);
    struct buffer text = {0};
    struct slice state;

    if (error_code) {
        management_refuse_for_now(call);
    } else if (!take_state(body, &state)) {
        management_refuse(call, 503, "ServiceUnavailable",
                          "No process runs the queue at the moment; ask again.");
    } else {
        buffer_append_string(&text, "{\"session\":");
        json_append_string(&text, buffer_slice(&call->queues));
        buffer_append_byte(&text, ',');
        buffer_append(&text, slice_from(state, 1));
        management_answer(call, status, buffer_slice(&text));
        buffer_release(&text);
    }
}

void management_queue(struct management_call *call)
{
    struct rest_operation operation = {.kind = REST_EVENT_QUEUE, .page_size = 1};

    buffer_append(&call->queues, buffer_slice(&call->subscription->queue));
    operation.name = buffer_slice(&call->queues);
    call->rest = (struct rest_reply){.answer = answered};
    rest_carry_out(call->grid->gateway, &operation, &call->rest);
}
