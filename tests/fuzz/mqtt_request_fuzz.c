/* Fuzzes requests of MQTT over HTTP. Input: the method, the target, then a line for each header
 * (name, colon, value); an empty line; the rest is the body.
 *
 * Oracles: a refusal has all that its answer needs; a PUBLISH can be written and is read as what
 * was asked for; a token that is made of a list's filter and position leads to them again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "access/characters.h"
#include "eventgrid/mqtt_request.h"
#include "mqtt/topic.h"

enum { HEADERS_MAX = 16 };

static void check_error(const struct request_error *error)
{
    struct buffer out = {0};

    FUZZ_CHECK(error->status == 400 || error->status == 404 || error->status == 405);
    FUZZ_CHECK(error->message.length > 0);
    request_error_append(&out, error);
    buffer_release(&out);
}

static void check_publish(struct mqtt_request *request, struct slice body)
{
    struct packet_limits limits = {.version = MQTT_5, .packet_size_max = PACKET_SIZE_MAX};
    struct buffer bytes = {0};
    struct packet packet;

    request->packet.publish.packet_id = request->packet.publish.qos > QOS_0;
    packet_encode(&bytes, &request->packet, MQTT_5);
    FUZZ_CHECK(packet_decode(&packet, buffer_slice(&bytes), &limits) == (ssize_t)bytes.length);
    FUZZ_CHECK(slice_equal(packet.publish.topic, request->filter));
    FUZZ_CHECK(slice_equal(packet.publish.payload, body));
    FUZZ_CHECK(packet.publish.qos <= QOS_1);
    buffer_release(&bytes);
}

static void check_list(const struct mqtt_request *request)
{
    struct buffer target = {0};
    struct mqtt_request again;
    struct request_error error;

    FUZZ_CHECK(topic_filter_is_valid(request->filter));
    FUZZ_CHECK(request->results_max >= 1 && request->results_max <= MQTT_RESULTS_MAX);
    if (request->behind.length == 0) {
        return;
    }
    buffer_append_string(&target, "/mqtt/retainedMessages?continuationToken=");
    mqtt_token_append(&target, request->filter, request->behind);
    FUZZ_CHECK(mqtt_request_parse(
        &again,
        &(struct mqtt_source){.method = SLICE_LITERAL("GET"), .target = buffer_slice(&target)},
        &error));
    FUZZ_CHECK(slice_equal(again.filter, request->filter));
    FUZZ_CHECK(slice_equal(again.behind, request->behind));
    mqtt_request_release(&again);
    buffer_release(&target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice copy = fuzz_copy(slice_make(data, size)), rest = copy, line;
    struct pair headers[HEADERS_MAX];
    struct mqtt_source source = {.headers = {headers, 0}};
    struct mqtt_request request;
    struct request_error error = {0};

    source.method = take_up_to(&rest, '\n');
    source.target = take_up_to(&rest, '\n');
    while (source.headers.count < HEADERS_MAX && (line = take_up_to(&rest, '\n')).length > 0) {
        struct slice key = take_up_to(&line, ':');
        headers[source.headers.count++] = (struct pair){key, line};
    }
    source.body = rest;
    if (!mqtt_request_parse(&request, &source, &error)) {
        check_error(&error);
    } else if (request.operation == MQTT_PUBLISH) {
        check_publish(&request, source.body);
    } else if (request.operation == MQTT_LIST) {
        check_list(&request);
    } else {
        FUZZ_CHECK(topic_name_is_valid(request.filter));
    }
    mqtt_request_release(&request);
    fuzz_free(copy);
    return 0;
}
