/* See event_queue.h.
 *
 *   waiting --its turn--> under way --answer--> (held by the client) --go_on--> freed
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/event_queue.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "client/gateway.h"
#include "client/mqtt_keeper.h"
#include "mqtt/reader.h"

enum {
    WAITING_MAX = 100,     /* events, beyond which the client is not read from, */
    WAITING_BYTES = 65536, /* and their bytes */
};

/* Slices are of `text`. */
struct queued_event {
    struct list link;          /* in queue->waiting */
    struct client_event event; /* what the connection says of itself is as of when it is raised */
    struct pair *pairs;        /* of its metadata and properties */
    struct event_tag tag;
    struct buffer text;
};

struct event_queue {
    struct list all; /* in gateway->event_queues */
    struct gateway *gateway;
    struct event_audience audience;
    struct buffer hub, connection_id, user_id, subprotocol, physical_connection, session;
    struct buffer state, cookies;
    struct buffer reason; /* why the connection ends */
    uint32_t number;
    struct list waiting;          /* struct queued_event, oldest first */
    struct queued_event *current; /* raised and not answered, or answered and held */
    struct event_wait wait;       /* of `current` */
    size_t count, bytes;          /* of those that wait */
    bool is_held;                 /* the client is not done with the answer to `current` */
    bool is_ended;
};

/* ---------------------------------------------------------------- one event */

static struct slice keep(struct queued_event *queued, struct slice bytes)
{
    size_t start = queued->text.length;

    buffer_append(&queued->text, bytes);
    return slice_make(queued->text.data + start, bytes.length);
}

static size_t size_of_pairs(struct pairs pairs)
{
    size_t size = 0;

    for (size_t i = 0; i < pairs.count; i++) {
        size += pairs.items[i].key.length + pairs.items[i].value.length;
    }
    return size;
}

static size_t size_of(const struct client_event *event, const struct event_tag *tag)
{
    return event->name.length + event->group.length + event->content_type.length +
           event->data.bytes.length + size_of_pairs(event->metadata) +
           size_of_pairs(event->properties) + (tag ? tag->text.length : 0);
}

/* From the place `at` of its pairs on. */
static struct pairs keep_pairs(struct queued_event *queued, size_t at, struct pairs pairs)
{
    for (size_t i = 0; i < pairs.count; i++) {
        queued->pairs[at + i] = (struct pair){
            keep(queued, pairs.items[i].key),
            keep(queued, pairs.items[i].value),
        };
    }
    return (struct pairs){pairs.count > 0 ? queued->pairs + at : NULL, pairs.count};
}

static struct queued_event *queued_new(const struct client_event *event,
                                       const struct event_tag *tag)
{
    struct queued_event *queued = memory_allocate_zero(sizeof(*queued));
    struct client_event *kept = &queued->event;
    size_t pairs = event->metadata.count + event->properties.count;

    *kept = *event;
    buffer_reserve(&queued->text, size_of(event, tag) + 1); /* so that it stays where it is */
    kept->name = keep(queued, event->name);
    kept->group = keep(queued, event->group);
    kept->data.bytes = keep(queued, event->data.bytes);
    kept->content_type = keep(queued, event->content_type);
    queued->pairs = pairs > 0 ? memory_allocate(pairs * sizeof(*queued->pairs)) : NULL;
    kept->metadata = keep_pairs(queued, 0, event->metadata);
    kept->properties = keep_pairs(queued, event->metadata.count, event->properties);
    if (tag) {
        queued->tag = *tag;
        queued->tag.text = keep(queued, tag->text);
    }
    return queued;
}

static void queued_free(struct queued_event *queued)
{
    if (queued) {
        free(queued->pairs);
        buffer_release(&queued->text);
        free(queued);
    }
}

/* What all events of the connection say. */
static void put_origin(const struct event_queue *queue, struct client_event *event)
{
    event->settings = gateway_hub(queue->gateway, buffer_slice(&queue->hub));
    event->hub = buffer_slice(&queue->hub);
    event->connection_id = buffer_slice(&queue->connection_id);
    event->user_id = buffer_slice(&queue->user_id);
    event->subprotocol = buffer_slice(&queue->subprotocol);
    event->state = buffer_slice(&queue->state);
    event->cookies = buffer_slice(&queue->cookies);
    event->physical_connection = buffer_slice(&queue->physical_connection);
    event->session = buffer_slice(&queue->session);
    event->number = queue->number;
}

/* ---------------------------------------------------------------- turns */

static void queue_free(struct event_queue *queue)
{
    list_remove(&queue->all);
    buffer_release(&queue->hub);
    buffer_release(&queue->connection_id);
    buffer_release(&queue->user_id);
    buffer_release(&queue->subprotocol);
    buffer_release(&queue->physical_connection);
    buffer_release(&queue->session);
    buffer_release(&queue->state);
    buffer_release(&queue->cookies);
    buffer_release(&queue->reason);
    free(queue);
}

static void take_off(struct event_queue *queue, struct queued_event *queued)
{
    list_remove(&queued->link);
    queue->count--;
    queue->bytes -= queued->text.length;
}

/* Raises the next one if it is its turn; a queue that is done with is freed. */
static void turn(struct event_queue *queue)
{
    const struct events *events = &queue->gateway->events;

    if (queue->current) {
        return;
    }
    if (list_is_empty(&queue->waiting)) {
        if (queue->is_ended) {
            queue_free(queue);
        }
        return;
    }
    queue->current = CONTAINER_OF(queue->waiting.next, struct queued_event, link);
    take_off(queue, queue->current);
    put_origin(queue, &queue->current->event);
    queue->number++;
    events->ops->raise(events->context, &queue->current->event, &queue->wait);
}

void event_queue_go_on(struct event_queue *queue)
{
    struct event_audience audience = queue->audience;

    queue->is_held = false;
    queued_free(queue->current);
    queue->current = NULL;
    turn(queue);
    if (audience.moved) {
        audience.moved(audience.context);
    }
}

static void set_bytes(struct buffer *buffer, struct slice bytes)
{
    buffer->length = 0;
    buffer_append(buffer, bytes);
}

/* Only events that the client waits for change what is remembered (7.4). */
static void learn(struct event_queue *queue, const struct event_answer *answer)
{
    if (!event_answer_is_success(answer)) {
        return;
    }
    if (answer->has_state) {
        set_bytes(&queue->state, answer->state);
    }
    if (answer->has_cookies) {
        set_bytes(&queue->cookies, answer->cookies);
    }
}

static void on_answer(struct event_wait *wait, const struct event_answer *answer)
{
    struct event_queue *queue = CONTAINER_OF(wait, struct event_queue, wait);
    const struct event_audience *audience = &queue->audience;

    if (queue->current->event.is_user_event) {
        learn(queue, answer);
        queue->is_held = true;
        if (audience->answered &&
            !audience->answered(audience->context, &queue->current->tag, answer)) {
            return;
        }
    }
    event_queue_go_on(queue);
}

/* ---------------------------------------------------------------- the client's side */

static bool has_somebody(const struct hub_settings *settings)
{
    return settings->event_handler_count > 0 || settings->event_listener_count > 0;
}

struct event_queue *event_queue_new(struct gateway *gateway, const struct event_origin *origin,
                                    struct event_audience audience)
{
    struct event_queue *queue;

    if (!gateway->events.ops || !has_somebody(gateway_hub(gateway, origin->hub))) {
        return NULL;
    }
    queue = memory_allocate_zero(sizeof(*queue));
    queue->gateway = gateway;
    queue->audience = audience;
    queue->wait.answered = on_answer;
    list_init(&queue->waiting);
    list_add_last(&gateway->event_queues, &queue->all);
    buffer_append(&queue->hub, origin->hub);
    buffer_append(&queue->connection_id, origin->connection_id);
    buffer_append(&queue->user_id, origin->user_id);
    buffer_append(&queue->subprotocol, origin->subprotocol);
    buffer_append(&queue->physical_connection, origin->physical_connection);
    buffer_append(&queue->session, origin->session);
    queue->number = 1; /* `connect` has 0 */
    return queue;
}

void event_queue_remember(struct event_queue *queue, const struct event_memory *memory)
{
    if (queue) {
        queue->number = memory->number;
        set_bytes(&queue->state, memory->state);
        set_bytes(&queue->cookies, memory->cookies);
    }
}

struct event_memory event_queue_memory(const struct event_queue *queue)
{
    if (!queue) {
        return (struct event_memory){0};
    }
    return (struct event_memory){
        .number = queue->number,
        .state = buffer_slice(&queue->state),
        .cookies = buffer_slice(&queue->cookies),
    };
}

/* ---------------------------------------------------------------- what outlives the process */

enum { EXPORT_VERSION = 1 };

static void append_text(struct buffer *out, const struct buffer *text)
{
    buffer_append_u32(out, (uint32_t)text->length);
    buffer_append(out, buffer_slice(text));
}

/* Version, number, then texts, each behind its length of four bytes. */
void event_queue_export(const struct event_queue *queue, struct buffer *out)
{
    const struct buffer *texts[] = {&queue->state,
                                    &queue->cookies,
                                    &queue->user_id,
                                    &queue->subprotocol,
                                    &queue->physical_connection,
                                    &queue->session};

    buffer_append_byte(out, EXPORT_VERSION);
    buffer_append_u32(out, queue->number);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        append_text(out, texts[i]);
    }
}

struct exported {
    struct event_memory memory;
    struct event_origin origin;
};

static bool read_exported(struct slice bytes, struct exported *out)
{
    struct reader reader = reader_make(bytes);
    struct slice *const texts[] = {&out->memory.state,
                                   &out->memory.cookies,
                                   &out->origin.user_id,
                                   &out->origin.subprotocol,
                                   &out->origin.physical_connection,
                                   &out->origin.session};
    bool is_known = reader_u8(&reader) == EXPORT_VERSION;

    out->memory.number = reader_u32(&reader);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = reader_take(&reader, reader_u32(&reader));
    }
    return is_known && !reader.failed;
}

bool event_queue_import(struct event_queue *queue, struct slice bytes)
{
    struct exported exported = {0};

    if (!queue || !read_exported(bytes, &exported)) {
        return false;
    }
    event_queue_remember(queue, &exported.memory);
    set_bytes(&queue->session, exported.origin.session);
    return true;
}

void event_queue_farewell(struct gateway *gateway, struct slice hub, struct slice connection_id,
                          struct slice bytes)
{
    static const struct disconnected_mqtt lost; /* without a DISCONNECT */
    struct exported exported = {0};
    struct event_queue *queue;

    if (!read_exported(bytes, &exported)) {
        return;
    }
    exported.origin.hub = hub;
    exported.origin.connection_id = connection_id;
    if (slice_starts_with(connection_id, KEEPER_PREFIX)) {
        exported.origin.connection_id = slice_from(connection_id, KEEPER_PREFIX.length);
    }
    queue = event_queue_new(gateway, &exported.origin, (struct event_audience){0});
    event_queue_remember(queue, &exported.memory);
    event_queue_note_reason(queue, "the connection was lost");
    event_queue_disconnected(queue, exported.origin.physical_connection.length > 0 ? &lost : NULL);
    event_queue_end(queue);
}

/* ---------------------------------------------------------------- raising */

bool event_queue_takes(const struct event_queue *queue, enum system_event system)
{
    const struct events *events = queue ? &queue->gateway->events : NULL;
    struct client_event event = {.system = system};

    if (!queue) {
        return false;
    }
    put_origin(queue, &event);
    return events->ops->is_handled(events->context, &event);
}

/* The event but for what put_origin() puts in. */
static bool put(struct event_queue *queue, struct client_event *event, const struct event_tag *tag)
{
    const struct events *events = &queue->gateway->events;
    struct queued_event *queued;

    assert(!queue->is_ended);
    put_origin(queue, event);
    if (!events->ops->is_handled(events->context, event)) {
        return false;
    }
    queued = queued_new(event, tag);
    list_add_last(&queue->waiting, &queued->link);
    queue->count++;
    queue->bytes += queued->text.length;
    turn(queue);
    return true;
}

bool event_queue_system(struct event_queue *queue, enum system_event system, struct slice group,
                        struct slice body)
{
    struct client_event event = {.system = system, .group = group, .data = {DATA_JSON, body}};

    return queue && put(queue, &event, NULL);
}

void event_queue_note_reason(struct event_queue *queue, const char *reason)
{
    if (queue && queue->reason.length == 0) {
        buffer_append_string(&queue->reason, reason);
    }
}

void event_queue_disconnected(struct event_queue *queue, const struct disconnected_mqtt *mqtt)
{
    struct buffer body = {0};

    if (!queue) {
        return;
    }
    if (mqtt) {
        disconnected_mqtt_body_append(&body, buffer_slice(&queue->reason), mqtt);
    } else {
        disconnected_body_append(&body, buffer_slice(&queue->reason));
    }
    event_queue_system(queue, SYSTEM_EVENT_DISCONNECTED, SLICE_EMPTY, buffer_slice(&body));
    buffer_release(&body);
}

bool event_queue_user(struct event_queue *queue, const struct user_event *user,
                      const struct event_tag *tag)
{
    struct client_event event = {
        .is_user_event = true,
        .name = user->name,
        .data = user->data,
        .content_type = user->content_type,
        .metadata = user->metadata,
        .properties = user->properties,
    };

    return queue && put(queue, &event, tag);
}

bool event_queue_is_full(const struct event_queue *queue)
{
    return queue && (queue->count >= WAITING_MAX || queue->bytes >= WAITING_BYTES);
}

/* The user event of the client's that it looks for; NULL: none. */
static struct queued_event *find(const struct event_queue *queue, event_matches *matches,
                                 const void *wanted)
{
    struct queued_event *current = queue->current;

    if (current && current->event.is_user_event && matches(&current->tag, wanted)) {
        return current;
    }
    LIST_FOREACH (link, &queue->waiting) {
        struct queued_event *queued = CONTAINER_OF(link, struct queued_event, link);
        if (queued->event.is_user_event && matches(&queued->tag, wanted)) {
            return queued;
        }
    }
    return NULL;
}

bool event_queue_has(const struct event_queue *queue, event_matches *matches, const void *wanted)
{
    return queue && find(queue, matches, wanted);
}

void event_queue_forget(struct event_queue *queue, event_matches *matches, const void *wanted)
{
    const struct events *events = queue ? &queue->gateway->events : NULL;
    struct queued_event *queued = queue ? find(queue, matches, wanted) : NULL;

    if (!queued || (queued == queue->current && queue->is_held)) {
        return;
    }
    if (queued == queue->current) {
        events->ops->cancel(events->context, &queue->wait);
        event_queue_go_on(queue);
        return;
    }
    take_off(queue, queued);
    queued_free(queued);
}

void event_queue_end(struct event_queue *queue)
{
    if (!queue) {
        return;
    }
    queue->audience = (struct event_audience){0};
    queue->is_ended = true;
    if (queue->is_held) {
        event_queue_go_on(queue);
    } else {
        turn(queue);
    }
}

void event_queues_free(struct gateway *gateway)
{
    LIST_FOREACH_SAFE (link, &gateway->event_queues) {
        struct event_queue *queue = CONTAINER_OF(link, struct event_queue, all);
        if (queue->current && !queue->is_held) {
            gateway->events.ops->cancel(gateway->events.context, &queue->wait);
        }
        queued_free(queue->current);
        LIST_FOREACH_SAFE (waiting, &queue->waiting) {
            struct queued_event *queued = CONTAINER_OF(waiting, struct queued_event, link);
            list_remove(&queued->link);
            queued_free(queued);
        }
        queue_free(queue);
    }
}
