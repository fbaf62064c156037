/* See rest_log.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/rest_log.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "client/rest_list.h"
#include "client/rest_question.h"
#include "events/delivery_log.h"

/* A name has what is left until then, so that the newest sorts to the front. */
#define TIME_END   9999999999999ULL /* Unix ms, 13 digits */
#define NUMBER_END 9999999999ULL    /* 10 digits */

enum { NAME_SIZE = 32, DELIVERIES_MAX = 2 * DELIVERY_LOG_SIZE };

static struct slice name_of(const struct delivery *delivery, unsigned process, char *space)
{
    int length = snprintf(space, NAME_SIZE, "%013llu-%02u-%010llu",
                          (TIME_END - (unsigned long long)delivery->time) % (TIME_END + 1),
                          process % 100, (NUMBER_END - delivery->number) % (NUMBER_END + 1));

    return slice_make(space, (size_t)length);
}

/* All of them, oldest first; the caller frees the array. */
static struct delivery *collect(const struct delivery_log *log, bool only_failures, size_t *count)
{
    struct delivery *deliveries = memory_allocate(DELIVERIES_MAX * sizeof(*deliveries));
    struct delivery delivery = {0};

    *count = 0;
    while (*count < DELIVERIES_MAX &&
           delivery_log_next(log, delivery.number, only_failures, &delivery)) {
        deliveries[(*count)++] = delivery;
    }
    return deliveries;
}

/* The log that is meant, and how its deliveries are told. */
struct source {
    const struct delivery_log *log; /* NULL: empty */
    void (*append_json)(struct buffer *out, const struct delivery *delivery);
};

static struct source source_of(const struct gateway *gateway,
                               const struct rest_operation *operation)
{
    const struct events *events = &gateway->events;
    const struct event_logs *logs = gateway->event_logs;

    if (operation->kind == REST_EVENT_LOG && logs) {
        return (struct source){logs->find(logs->context, operation->name), logs->append_json};
    }
    if (operation->kind == REST_EVENT_LOG) {
        return (struct source){NULL, delivery_append_json};
    }
    return (struct source){
        events->ops && events->ops->log ? events->ops->log(events->context, operation->hub) : NULL,
        delivery_append_json};
}

/* The JSON with the name as `id`, and the process, in front. */
static void append(struct buffer *items, const struct source *source,
                   const struct delivery *delivery, unsigned process, struct slice name)
{
    struct buffer json = {0}, text = {0};

    source->append_json(&json, delivery);
    buffer_append_format(&text, "{\"id\":\"%.*s\",\"process\":%u,", SLICE_PRINT(name), process);
    buffer_append(&text, slice_from(buffer_slice(&json), 1));
    rest_item_append(items, &(struct rest_item){.name = name, .user = buffer_slice(&text)});
    buffer_release(&json);
    buffer_release(&text);
}

void rest_log(const struct gateway *gateway, const struct rest_operation *operation,
              struct buffer *items)
{
    struct source source = source_of(gateway, operation);
    uint32_t left = operation->page_size;
    struct delivery *deliveries;
    size_t count;

    deliveries = collect(source.log, operation->only_failures, &count);
    while (count-- > 0 && left > 0) {
        char space[NAME_SIZE];
        struct slice name = name_of(&deliveries[count], gateway->index, space);
        if (rest_name_compare(name, operation->continuation) > 0) {
            append(items, &source, &deliveries[count], gateway->index, name);
            left--;
        }
    }
    free(deliveries);
}

void rest_queue(const struct gateway *gateway, const struct rest_operation *operation,
                struct buffer *items)
{
    const struct event_logs *logs = gateway->event_logs;
    struct buffer state = {0};

    if (logs && logs->append_state(logs->context, operation->name, &state)) {
        rest_item_append(items, &(struct rest_item){.name = SLICE_LITERAL("queue"),
                                                    .user = buffer_slice(&state)});
    }
    buffer_release(&state);
}
