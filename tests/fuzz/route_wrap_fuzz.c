/* Fuzzes the wrapping of MQTT messages as events. Input: a line of `routingEnrichments` as JSON
 * (what is refused enriches nothing), and a PUBLISH of MQTT 5 as the broker sends it.
 *
 * Oracles: whatever the message says, there is an event unless it is too large; the event is JSON
 * that reads as a CloudEvent with the same parts; enrichments are there once; and the message that
 * such an event becomes in the MQTT binding is routed as the same event again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "eventgrid/publish.h"
#include "eventgrid/route_wrap.h"
#include "json/json.h"

#define ID "00000000-0000-4000-8000-000000000001"

/* resource/reading.h and mqtt/properties.h do not go together. */
bool route_wrap_fuzz_read_enrichments(struct arena *arena, struct slice json,
                                      struct enrichments *out);

static const struct topic_properties cloud_events = {.kind = SOURCE_TOPIC,
                                                     .schema = SCHEMA_CLOUD_EVENTS};

static void check_parsed(const struct event *event)
{
    struct publish_scratch scratch = {0};
    struct publish_error error;
    const struct event *parsed;
    size_t count;

    FUZZ_CHECK(publish_parse(
        &(struct publish_request){.topic = &cloud_events,
                                  .content_type = SLICE_LITERAL("application/cloudevents+json"),
                                  .body = event->whole.text},
        &scratch, &parsed, &count, &error));
    FUZZ_CHECK(count == 1 && slice_equal(parsed->id, event->id));
    FUZZ_CHECK(slice_equal(parsed->type, event->type));
    FUZZ_CHECK(slice_equal(parsed->source, event->source));
    FUZZ_CHECK(slice_equal(parsed->subject, event->subject));
    FUZZ_CHECK(slice_equal(parsed->time, event->time));
    FUZZ_CHECK(parsed->has_data == event->has_data && parsed->is_base64 == event->is_base64);
    FUZZ_CHECK(!event->has_data || slice_equal(parsed->data.text, event->data.text));
    FUZZ_CHECK(parsed->is_verbatim == event->is_verbatim);
    publish_scratch_release(&scratch);
}

static void check_enrichments(const struct event *event, const struct enrichments *enrichments)
{
    for (size_t i = 0; i < enrichments->count; i++) {
        struct json_walk walk = json_members(&event->whole);
        struct json_value value;
        struct slice key;
        size_t count = 0;
        while (json_next_member(&walk, &key, &value)) {
            count += json_string_says(key, enrichments->items[i].key);
        }
        FUZZ_CHECK(count >= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct packet_limits limits = {MQTT_5, 1 << 20, true};
    struct slice rest = slice_make(data, size);
    struct slice line = fuzz_take_line(&rest), bytes = fuzz_copy(rest);
    struct enrichments enrichments = {0};
    struct route_wrapper wrapper = {0};
    struct routed_message message;
    struct arena arena = {0};
    struct buffer room = {0};
    struct packet packet;

    if (!route_wrap_fuzz_read_enrichments(&arena, line, &enrichments)) {
        enrichments = (struct enrichments){0};
    }
    if (packet_decode(&packet, bytes, &limits) > 0 && packet.type == PACKET_PUBLISH) {
        struct route_target target = {.namespace_name = SLICE_LITERAL("plant"),
                                      .enrichments = &enrichments,
                                      .topic = &cloud_events,
                                      .now_ms = 1};
        routed_message_read(&message, &packet, &room);
        const struct event *event = route_wrap(&wrapper, &target, &message, SLICE_LITERAL(ID));
        FUZZ_CHECK(event); /* inputs are small */
        check_parsed(event);
        check_enrichments(event, &enrichments);
    }
    route_wrapper_release(&wrapper);
    buffer_release(&room);
    arena_release(&arena);
    fuzz_free(bytes);
    return 0;
}
