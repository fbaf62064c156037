/* Publishers to topics of namespaces (spec/eventgrid.md 5.2): their events go through the door as
 * all do. See namespace_http.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/namespace_state.h"

struct publishing {
    struct door_load load;
    struct list link; /* in http->publishings */
    struct namespace_http *http;
    struct grid_reply *reply;
    msec_t began;
    struct buffer key; /* of the topic: it may be gone in the end */
};

static void publishing_free(struct publishing *publishing)
{
    publishing->reply->call = NULL;
    publishing->reply->abandon = NULL;
    list_remove(&publishing->link);
    buffer_release(&publishing->key);
    free(publishing);
}

/* Answers, and frees it. `error` NULL: the events were accepted. */
static void finish(struct publishing *publishing, const struct request_error *error)
{
    struct namespace_http *http = publishing->http;
    struct grid_reply *reply = publishing->reply;
    struct catalog_source *source =
        catalog_find(http->grid->catalog, buffer_slice(&publishing->key));

    if (source && error) {
        source->statistics.refused++;
    } else if (source) {
        door_count_accepted(http->grid->door, source, publishing->load.next_event,
                            publishing->began);
    }
    publishing_free(publishing);
    if (error) {
        namespace_refuse(http, reply, error);
    } else {
        namespace_answer(http, reply, SLICE_LITERAL("{}"));
    }
}

static void done(struct door_load *load, bool is_accepted)
{
    finish(CONTAINER_OF(load, struct publishing, load), is_accepted ? NULL : &request_unavailable);
}

static void abandon(struct grid_reply *reply)
{
    struct publishing *publishing = reply->call;

    door_forget(publishing->http->grid->door, &publishing->load);
    publishing_free(publishing);
}

static struct publishing *publishing_new(const struct namespace_visit *visit)
{
    struct publishing *publishing = memory_allocate_zero(sizeof(*publishing));

    publishing->load.done = done;
    publishing->http = visit->http;
    publishing->reply = visit->reply;
    publishing->began = gateway_now(visit->http->grid->gateway);
    buffer_append(&publishing->key, buffer_slice(&visit->source->key));
    list_add_last(&visit->http->publishings, &publishing->link);
    visit->reply->call = publishing;
    visit->reply->abandon = abandon;
    return publishing;
}

void namespace_publish(const struct namespace_visit *visit)
{
    const struct grid_request *request = visit->request;
    struct publishing *publishing = publishing_new(visit);
    struct door_request wanted = {
        .source_key = buffer_slice(&visit->source->key),
        .content_type = grid_header(request, "content-type"),
        .attributes = request->headers,
        .body = request->body,
    };
    struct publish_error wrong;

    switch (door_take(visit->http->grid->door, &wanted, &publishing->load, &wrong)) {
    case TAKE_WAITS:
        break;
    case TAKE_ACCEPTED:
        finish(publishing, NULL);
        break;
    case TAKE_BUSY:
        finish(publishing, &request_unavailable);
        break;
    case TAKE_REFUSED:
        finish(publishing, &(struct request_error){wrong.status, wrong.code, wrong.message});
        break;
    }
}

void namespace_publishings_free(struct namespace_http *http)
{
    LIST_FOREACH_SAFE (link, &http->publishings) {
        struct publishing *publishing = CONTAINER_OF(link, struct publishing, link);
        door_forget(http->grid->door, &publishing->load);
        publishing_free(publishing);
    }
}
