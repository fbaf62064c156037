/* See http_client.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_client.h"

#include "base/log.h"

enum {
    SPARE_MAX = 256, /* transfers */
    PARTS = 3,       /* that close by themselves: timer, curl, http */
};

/* ---------------------------------------------------------------- transfers */

struct transfer *http_client_take(struct http_client *client)
{
    struct transfer *transfer;

    if (list_is_empty(&client->spare)) {
        return transfer_new(&client->http, &client->curl, &client->trust);
    }
    /* The one used last: its memory is the warmest, and its URL may be the same. */
    transfer = CONTAINER_OF(client->spare.prev, struct transfer, link);
    list_remove(&transfer->link);
    client->spare_count--;
    return transfer;
}

void http_client_give_back(struct http_client *client, struct transfer *transfer)
{
    transfer_reset(transfer);
    if (client->spare_count == SPARE_MAX) {
        transfer_free(transfer);
    } else {
        list_add_last(&client->spare, &transfer->link);
        client->spare_count++;
    }
}

/* ---------------------------------------------------------------- time */

static void on_timer(uv_timer_t *timer)
{
    http_client_advance(timer->data);
}

/* One that is set too early is left alone: it sets itself again. */
static void arm(struct http_client *client)
{
    msec_t next = timers_next(&client->timers), now;

    if (next < client->timer_at && !client->is_closing) {
        now = client->clock();
        client->timer_at = next;
        uv_timer_start(&client->timer, on_timer, next > now ? (uint64_t)(next - now) : 0, 0);
    }
}

static void timer_set(void *context)
{
    arm(context);
}

void http_client_set_timer(struct http_client *client, struct timer *timer, msec_t deadline)
{
    timers_set(&client->timers, timer, deadline);
    arm(client);
}

void http_client_advance(struct http_client *client)
{
    client->timer_at = MSEC_NEVER;
    timers_advance(&client->timers, client->clock());
    arm(client);
}

/* ---------------------------------------------------------------- the end */

static void part_closed(void *context)
{
    struct http_client *client = context;

    if (--client->handles_left == 0) {
        client->closed(client->context);
    }
}

static void timer_closed(uv_handle_t *timer)
{
    part_closed(timer->data);
}

void http_client_close(struct http_client *client, void (*closed)(void *context), void *context)
{
    client->is_closing = true;
    client->closed = closed;
    client->context = context;
    client->handles_left = PARTS;
    LIST_FOREACH_SAFE (link, &client->spare) {
        list_remove(link);
        transfer_free(CONTAINER_OF(link, struct transfer, link));
    }
    uv_close((uv_handle_t *)&client->timer, timer_closed);
    plain_http_close(&client->http);
    curl_loop_close(&client->curl);
}

/* ---------------------------------------------------------------- the beginning */

bool http_client_open(struct http_client *client, uv_loop_t *loop,
                      const struct http_client_options *options)
{
    *client = (struct http_client){
        .loop = loop,
        .curl = {.refuses_private = options->refuses_private,
                 .closed = part_closed,
                 .context = client},
        .http = {.curl = &client->curl,
                 .timers = &client->timers,
                 .clock = options->clock,
                 .timer_set = timer_set,
                 .closed = part_closed,
                 .context = client,
                 .idle_max = options->connections},
        .trust = options->trust,
        .clock = options->clock,
        .timer_at = MSEC_NEVER,
    };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        !curl_loop_open(&client->curl, loop, (long)options->connections)) {
        log_write(LOG_ERROR, "libcurl cannot start", "version=%s", LIBCURL_VERSION);
        return false;
    }
    list_init(&client->spare);
    timers_init(&client->timers, options->clock(), options->timer_context);
    plain_http_open(&client->http);
    uv_timer_init(loop, &client->timer);
    uv_unref((uv_handle_t *)&client->timer);
    client->timer.data = client;
    return true;
}
