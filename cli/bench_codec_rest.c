/* Publishers that use the REST API, over connections that are kept: an answer is the
 * acknowledgement of the oldest request. Nothing is delivered here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_codec.h"
#include "bench_fleet.h"
#include "bench_rest.h"
#include "bench_webpubsub.h"

enum { STATUS_OK = 200, STATUS_ACCEPTED = 202, STATUS_NO_CONTENT = 204 };

/* The first answer is the server's welcome. */
static void probe_send(struct bench_fleet *fleet, struct bench_connection *connection)
{
    rest_probe_append(&connection->out, fleet->options);
    bench_connection_queue(fleet, connection);
}

static void nothing_subscribe(struct bench_fleet *fleet, struct bench_connection *connection,
                              const struct slice *filters, size_t count)
{
    (void)fleet, (void)connection, (void)filters, (void)count;
}

static enum bench_next answer_next(struct bench_fleet *fleet, struct bench_connection *connection,
                                   struct slice in, struct bench_event *out, size_t *size)
{
    int status;

    switch (rest_answer_read(in, &status, size)) {
    case REST_ANSWER_INCOMPLETE:
        return BENCH_NEXT_INCOMPLETE;
    case REST_ANSWER_BAD:
        bench_fleet_fail(fleet, "the server's answer is not HTTP/1.1");
        return BENCH_NEXT_FAILED;
    case REST_ANSWER_WHOLE:
        break;
    }
    if (status != STATUS_OK && status != STATUS_ACCEPTED && status != STATUS_NO_CONTENT) {
        bench_fleet_fail(fleet, "the server refused a request with status %d: %.*s", status,
                         (int)*size, (const char *)in.data);
        return BENCH_NEXT_FAILED;
    }
    *out = (struct bench_event){
        .kind =
            connection->phase == BENCH_GREETING ? BENCH_EVENT_WELCOME : BENCH_EVENT_ACKNOWLEDGED,
        .receive_maximum = UINT16_MAX,
        .packet_id = 0,
    };
    return BENCH_NEXT_EVENT;
}

static void request_fill(const struct bench_template *template, uint8_t *at, uint16_t packet_id,
                         const struct bench_stamp *stamp)
{
    if (template->stamp.size > 0) {
        webpubsub_template_fill(template, at, packet_id, stamp);
    }
}

const struct bench_codec bench_codec_rest = {
    .protocol = "rest",
    .text = true,
    .promises = true,
    .qos_max = 1,
    .payload_min = WEBPUBSUB_STAMP_SIZE,
    .greet = probe_send,
    .subscribe = nothing_subscribe,
    .next = answer_next,
    .template_build = rest_template_build,
    .template_fill = request_fill,
};
