/* See the header.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_event.h"

#include <string.h>

#include "bench_options.h"

static void event_append(struct buffer *out, size_t size, int number)
{
    static const struct slice tail = SLICE_LITERAL("\"}}");
    size_t start = out->length, filling;

    buffer_append_format(
        out,
        "{\"id\":\"00000000-0000-4000-8000-%012d\",\"subject\":\"/items/%d\","
        "\"eventType\":\"Items.Created\",\"eventTime\":\"2030-01-02T03:04:05.678Z\","
        "\"dataVersion\":\"1.0\",\"data\":{\"text\":\"",
        number, number);
    filling = out->length - start + tail.length;
    filling = filling < size ? size - filling : 0;
    memset(buffer_reserve(out, filling), 'x', filling);
    out->length += filling;
    buffer_append(out, tail);
}

void bench_event_request_append(struct buffer *out, const struct bench_shape *shape)
{
    const struct bench_options *options = shape->options;
    struct buffer body = {0};

    for (int i = 0; i < options->batch; i++) {
        buffer_append_byte(&body, i == 0 ? '[' : ',');
        event_append(&body, shape->payload, i);
    }
    buffer_append_byte(&body, ']');
    buffer_append_format(out,
                         "POST /topics/" BENCH_EVENT_TOPIC "/api/events?api-version=2018-01-01 "
                         "HTTP/1.1\r\nHost: %s\r\naeg-sas-key: %s\r\n"
                         "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                         options->endpoint.name, options->event_key ? options->event_key : "",
                         body.length);
    buffer_append(out, buffer_slice(&body));
    buffer_release(&body);
}
