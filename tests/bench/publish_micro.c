/* What an event costs from a publish request to what is delivered:
 *
 *     publish_micro [rounds, default 2000]
 *
 * A request has 100 events of 256 bytes. Rows: EventGrid schema and CloudEvents, read only, and
 * rendered as well, EventGrid events also as CloudEvents. One JSON line a row. Not run by ctest.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "eventgrid/publish.h"
#include "eventgrid/render.h"

enum { EVENTS = 100, EVENT_SIZE = 256, REPEATS = 5 };

static const char *const heads[EVENT_SCHEMAS] = {
    [SCHEMA_EVENT_GRID] = "{\"eventType\":\"Contoso.Items.Received\",\"subject\":\"/items/4711\","
                          "\"id\":\"00000000-0000-4000-8000-000000000000\",\"eventTime\":"
                          "\"2030-01-02T03:04:05.678Z\",\"dataVersion\":\"1.0\",\"data\":{",
    [SCHEMA_CLOUD_EVENTS] = "{\"type\":\"Contoso.Items.Received\",\"source\":\"/contoso/items\","
                            "\"id\":\"00000000-0000-4000-8000-000000000000\",\"time\":"
                            "\"2030-01-02T03:04:05.678Z\",\"specversion\":\"1.0\","
                            "\"datacontenttype\":\"application/json\",\"data\":{",
};

static void append_event(struct buffer *out, enum event_schema schema)
{
    static const char tail[] = "\",\"weight\":21.532}}";
    size_t start = out->length;

    buffer_append_string(out, heads[schema]);
    buffer_append_string(out, "\"text\":\"");
    while (out->length - start + sizeof(tail) - 1 < EVENT_SIZE) {
        buffer_append_byte(out, 'x');
    }
    buffer_append_string(out, tail);
}

static void make_body(struct buffer *out, enum event_schema schema)
{
    for (int i = 0; i < EVENTS; i++) {
        buffer_append_byte(out, i == 0 ? '[' : ',');
        append_event(out, schema);
    }
    buffer_append_byte(out, ']');
}

struct row {
    enum event_schema schema, as;
    bool renders;
};

static void handle(const struct publish_request *request, const struct row *row,
                   struct publish_scratch *scratch, struct buffer *out)
{
    struct publish_error error;
    const struct event *events;
    size_t count;

    if (!publish_parse(request, scratch, &events, &count, &error) || count != EVENTS) {
        abort();
    }
    for (size_t i = 0; row->renders && i < count; i++) {
        out->length = 0;
        event_render(out, &events[i], row->as, true);
    }
}

static void run(const struct row *row, unsigned rounds)
{
    struct topic_properties topic = {.kind = SOURCE_TOPIC, .schema = row->schema};
    struct buffer body = {0}, out = {0};
    struct publish_scratch scratch = {0};
    double best = 1e18;

    make_body(&body, row->schema);
    struct publish_request request = {
        .topic = &topic,
        .topic_id = SLICE_LITERAL("/subscriptions/00000000-0000-0000-0000-000000000000/"
                                  "resourceGroups/pubgrid/providers/Microsoft.EventGrid/topics/b"),
        .content_type = SLICE_LITERAL("application/cloudevents-batch+json; charset=utf-8"),
        .body = buffer_slice(&body),
        .random = random_bytes,
    };
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        int64_t start = clock_monotonic_ns();
        for (unsigned i = 0; i < rounds; i++) {
            handle(&request, row, &scratch, &out);
        }
        double ns = (double)(clock_monotonic_ns() - start) / rounds / EVENTS;
        best = ns < best ? ns : best;
    }
    printf("{\"schema\":\"%s\",\"rendered\":\"%s\",\"event_ns\":%.0f,\"out_bytes\":%zu}\n",
           schema_input_name(row->schema), row->renders ? schema_delivery_name(row->as) : "no",
           best, out.length);
    publish_scratch_release(&scratch);
    buffer_release(&body);
    buffer_release(&out);
}

int main(int argc, char **argv)
{
    static const struct row rows[] = {
        {SCHEMA_EVENT_GRID, SCHEMA_EVENT_GRID, false},
        {SCHEMA_EVENT_GRID, SCHEMA_EVENT_GRID, true},
        {SCHEMA_EVENT_GRID, SCHEMA_CLOUD_EVENTS, true},
        {SCHEMA_CLOUD_EVENTS, SCHEMA_CLOUD_EVENTS, false},
        {SCHEMA_CLOUD_EVENTS, SCHEMA_CLOUD_EVENTS, true},
    };
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run(&rows[i], rounds);
    }
    return 0;
}
