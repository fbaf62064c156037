/* The events of one connection: in order, one at a time (spec/webpubsub.md 7.2).
 *
 * The next is raised when the one before was answered: so `connected` is out before the first user
 * event, and `disconnected` is the last. System events wait for their answer as well, and nothing
 * is done with it.
 *
 * A queue outlives its client: event_queue_end() leaves it to itself, and it is freed when what was
 * in it has been raised.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_EVENT_QUEUE_H
#define PUBGRID_CLIENT_EVENT_QUEUE_H

#include "base/buffer.h"
#include "base/list.h"
#include "client/events.h"
#include "events/body.h"

struct gateway;
struct event_queue;

/* Whose events they are; copied. */
struct event_origin {
    struct slice hub, connection_id, user_id;
    struct slice subprotocol;                  /* empty: none */
    struct slice physical_connection, session; /* of MQTT; empty: none */
};

/* What is known of a connection's events from one to the next. */
struct event_memory {
    uint32_t number; /* ce-id of the next */
    struct slice state, cookies;
};

/* A user event (7.5, 5.2). */
struct user_event {
    struct slice name;
    struct payload data;
    struct slice content_type; /* MQTT; empty: by the data's type */
    struct pairs metadata;
    struct pairs properties; /* MQTT */
};

/* What the client wants to find again with the answer; copied. */
struct event_tag {
    uint8_t kind;
    bool flag;
    uint64_t number;
    struct slice text;
};

/* The client. */
struct event_audience {
    /* False: it is not done with it yet, and calls event_queue_go_on() when it is. */
    bool (*answered)(void *context, const struct event_tag *tag, const struct event_answer *answer);
    /* Fewer events wait. */
    void (*moved)(void *context);
    void *context;
};

/* NULL if no event of the hub goes anywhere now; the other functions then take that. Handlers that
 * are set later get events, too: ask again. */
struct event_queue *event_queue_new(struct gateway *gateway, const struct event_origin *origin,
                                    struct event_audience audience);
void event_queue_remember(struct event_queue *queue, const struct event_memory *memory);
/* Borrowed, until the next call. */
struct event_memory event_queue_memory(const struct event_queue *queue);

/* Does anybody take it? */
bool event_queue_takes(const struct event_queue *queue, enum system_event event);

/* Appends what another process needs to go on with the events of the connection. */
void event_queue_export(const struct event_queue *queue, struct buffer *out);
/* The connection is known, and its memory is to be what was exported. False: that is damaged. */
bool event_queue_import(struct event_queue *queue, struct slice bytes);
/* The connection has ended, and this is what was exported of it last: raises `disconnected`. */
void event_queue_farewell(struct gateway *gateway, struct slice hub, struct slice connection_id,
                          struct slice bytes);

/* Is there anybody for it? If not, nothing is queued. `group`: of JOINED and LEFT. */
bool event_queue_system(struct event_queue *queue, enum system_event event, struct slice group,
                        struct slice body);
bool event_queue_user(struct event_queue *queue, const struct user_event *event,
                      const struct event_tag *tag);
/* Why the connection ends; the first that is said counts. */
void event_queue_note_reason(struct event_queue *queue, const char *reason);
/* The last event; `mqtt` NULL: the connection was not MQTT. */
void event_queue_disconnected(struct event_queue *queue, const struct disconnected_mqtt *mqtt);
/* So much waits that the client is not to be read from. */
bool event_queue_is_full(const struct event_queue *queue);

/* The answer was dealt with: the next one. */
void event_queue_go_on(struct event_queue *queue);
/* Is it the tag of the event that is wanted? */
typedef bool event_matches(const struct event_tag *tag, const void *wanted);
/* Is there such a user event that the client is not done with? */
bool event_queue_has(const struct event_queue *queue, event_matches *matches, const void *wanted);
/* Nobody wants its answer any more. It may have been raised. */
void event_queue_forget(struct event_queue *queue, event_matches *matches, const void *wanted);
/* The client is gone. What waits is still raised, then the queue is freed. */
void event_queue_end(struct event_queue *queue);

/* Frees all queues of a gateway that is being released. */
void event_queues_free(struct gateway *gateway);

#endif
