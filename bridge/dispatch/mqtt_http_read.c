/* Retained messages over HTTP: one with its content, or a list of what there is, page by page.
 *
 * The broker looks at a bounded number of topics for a question, so that a page may take several;
 * after QUESTIONS_MAX of them it ends where it is, however few messages it has, and the next page
 * goes on there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "access/characters.h"
#include "access/public_url.h"
#include "access/url.h"
#include "base/memory.h"
#include "base/timestamp.h"
#include "dispatch/mqtt_http_state.h"
#include "json/json.h"

enum { QUESTIONS_MAX = 64 };

struct reading {
    struct mqtt_call call;
    bool is_list;
    uint32_t results_max, results; /* of a page; of those, what it has */
    unsigned questions;
    struct buffer filter, behind, page;
    struct buffer next_link; /* up to the token, and */
    struct buffer version;   /* what goes behind it */
    struct buffer user;
};

static void release(struct mqtt_call *call)
{
    struct reading *reading = CONTAINER_OF(call, struct reading, call);

    buffer_release(&reading->filter);
    buffer_release(&reading->behind);
    buffer_release(&reading->page);
    buffer_release(&reading->next_link);
    buffer_release(&reading->version);
    buffer_release(&reading->user);
    free(reading);
}

static void refuse(struct reading *reading, const struct request_error *error)
{
    struct mqtt_http *http = reading->call.http;

    mqtt_http_refuse(http, mqtt_http_end(&reading->call), error);
}

/* ---------------------------------------------------------------- messages */

static bool decode(struct packet *packet, const struct trunk_message *message)
{
    struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, true};

    return packet_decode(packet, message->packet, &limits) > 0 && packet->type == PACKET_PUBLISH;
}

static void append_time_header(struct buffer *headers, const char *name, uint64_t ms)
{
    if (ms > 0) {
        buffer_append_format(headers, "%s: ", name);
        timestamp_append(headers, (int64_t)ms);
        buffer_append_string(headers, "\r\n");
    }
}

/* What may not stand in a header is percent-encoded, and so is a percent sign. */
static void append_topic_header(struct buffer *headers, struct slice topic)
{
    buffer_append_string(headers, "x-ms-mqtt-topic: ");
    for (size_t i = 0; i < topic.length; i++) {
        uint8_t c = topic.data[i];
        if (c > ' ' && c < 0x7f && c != '%') {
            buffer_append_byte(headers, c);
        } else {
            percent_append(headers, c);
        }
    }
    buffer_append_string(headers, "\r\n");
}

static void append_headers(struct buffer *headers, const struct trunk_message *message,
                           const struct packet *packet)
{
    append_topic_header(headers, packet->publish.topic);
    buffer_append_format(headers, "x-ms-mqtt-qos: %d\r\nx-ms-mqtt-size: %u\r\n",
                         (int)packet->publish.qos, message->size);
    append_time_header(headers, "x-ms-mqtt-expiry", message->expires_at);
    append_time_header(headers, "x-ms-mqtt-last-modified", message->modified_at);
}

/* As a client of the message has written it, if that may stand in a header. */
static void append_content_type(struct buffer *out, const struct packet *packet)
{
    struct slice type = SLICE_LITERAL("application/octet-stream");
    bool is_good = properties_have(&packet->properties, PROPERTY_CONTENT_TYPE) &&
                   packet->properties.content_type.length > 0;

    for (size_t i = 0; is_good && i < packet->properties.content_type.length; i++) {
        uint8_t c = packet->properties.content_type.data[i];
        is_good = c >= ' ' && c < 0x7f;
    }
    buffer_append(out, is_good ? packet->properties.content_type : type);
    buffer_append_byte(out, '\0');
}

static void answer_message(struct reading *reading, const struct trunk_message *message,
                           const struct packet *packet)
{
    struct mqtt_http *http = reading->call.http;
    struct buffer headers = {0}, type = {0};

    append_headers(&headers, message, packet);
    append_content_type(&type, packet);
    mqtt_http_answer(http, mqtt_http_end(&reading->call), 200, buffer_slice(&headers),
                     (const char *)type.data, packet->publish.payload);
    buffer_release(&headers);
    buffer_release(&type);
}

static void take_message(struct reading *reading, const struct trunk_retained *retained)
{
    static const struct request_error none = {
        404, "NotFound", SLICE_LITERAL("There is no retained message of this topic.")};
    struct slice rest = retained->messages;
    struct trunk_message message;
    struct packet packet;

    if (trunk_next_message(&rest, &message) && decode(&packet, &message)) {
        answer_message(reading, &message, &packet);
    } else {
        refuse(reading, &none);
    }
}

/* ---------------------------------------------------------------- lists */

static void append_time(struct buffer *page, const char *name, uint64_t ms)
{
    buffer_append_format(page, ",\"%s\":", name);
    if (ms > 0) {
        buffer_append_byte(page, '"');
        timestamp_append(page, (int64_t)ms);
        buffer_append_byte(page, '"');
    } else {
        buffer_append_string(page, "null");
    }
}

static void append_message(struct reading *reading, const struct trunk_message *message)
{
    struct buffer *page = &reading->page;
    struct packet packet;

    if (!decode(&packet, message)) {
        return;
    }
    buffer_append_string(page, reading->results++ > 0 ? ",{\"topic\":" : "{\"topic\":");
    json_append_string(page, packet.publish.topic);
    buffer_append_format(page, ",\"qos\":%d,\"size\":%u", (int)packet.publish.qos, message->size);
    append_time(page, "expiry", message->expires_at);
    append_time(page, "lastModifiedTime", message->modified_at);
    buffer_append_byte(page, '}');
}

static void append_next_link(struct reading *reading)
{
    struct buffer *link = &reading->next_link, *page = &reading->page;

    mqtt_token_append(link, buffer_slice(&reading->filter), buffer_slice(&reading->behind));
    buffer_append(link, buffer_slice(&reading->version));
    buffer_append_string(page, ",\"nextLink\":");
    json_append_string(page, buffer_slice(link));
}

static void answer_page(struct reading *reading)
{
    struct mqtt_http *http = reading->call.http;
    struct buffer page;

    buffer_append_byte(&reading->page, ']');
    if (reading->behind.length > 0) {
        append_next_link(reading);
    }
    buffer_append_byte(&reading->page, '}');
    page = reading->page;
    reading->page = (struct buffer){0};
    mqtt_http_answer(http, mqtt_http_end(&reading->call), 200, SLICE_EMPTY,
                     "application/json; charset=utf-8", buffer_slice(&page));
    buffer_release(&page);
}

static void ask(struct reading *reading);

static void take_page(struct reading *reading, const struct trunk_retained *retained)
{
    struct slice rest = retained->messages;
    struct trunk_message message;

    while (trunk_next_message(&rest, &message)) {
        append_message(reading, &message);
    }
    reading->behind.length = 0;
    buffer_append(&reading->behind, retained->next);
    if (reading->behind.length > 0 && reading->results < reading->results_max &&
        reading->questions < QUESTIONS_MAX) {
        ask(reading);
    } else {
        answer_page(reading);
    }
}

/* ---------------------------------------------------------------- questions */

static void done(struct guest_call *guest, const struct guest_answer *answer)
{
    struct reading *reading = CONTAINER_OF(guest, struct reading, call.guest);
    const struct request_error *error = mqtt_http_error(answer);

    if (error) {
        refuse(reading, error);
    } else if (reading->is_list) {
        take_page(reading, answer->retained);
    } else {
        take_message(reading, answer->retained);
    }
}

static void ask(struct reading *reading)
{
    struct guest *guest = guests_find(reading->call.http->guests, buffer_slice(&reading->user));
    struct link_read read = {
        .filter = buffer_slice(&reading->filter),
        .behind = buffer_slice(&reading->behind),
        .most = reading->is_list ? reading->results_max - reading->results : 1,
        .with_content = !reading->is_list,
    };

    reading->questions++;
    if (!guest) {
        done(&reading->call.guest, &mqtt_http_no_guest);
    } else if (!guest_read(guest, &reading->call.guest, &read)) {
        done(&reading->call.guest, &mqtt_http_no_room);
    }
}

/* What of the link to the next page comes from the request. */
static void prepare_link(struct reading *reading, const struct mqtt_visit *visit)
{
    struct slice query = visit->request->target;
    struct buffer version = {0};

    take_up_to(&query, '?');
    public_url_append(&reading->next_link, visit->http->gateway->access,
                      grid_header(visit->request, "host"), visit->request->is_tls);
    buffer_append_string(&reading->next_link, "/mqtt/retainedMessages?continuationToken=");
    buffer_append_format(&reading->version, "&maxResults=%u", visit->wanted->results_max);
    if (url_query_find(query, "api-version", &version)) {
        buffer_append_string(&reading->version, "&api-version=");
        url_append_encoded(&reading->version, buffer_slice(&version));
    }
    buffer_release(&version);
}

void mqtt_http_read(const struct mqtt_visit *visit)
{
    struct reading *reading = memory_allocate_zero(sizeof(*reading));

    reading->call.guest.done = done;
    reading->call.release = release;
    reading->is_list = visit->wanted->operation == MQTT_LIST;
    reading->results_max = visit->wanted->results_max;
    buffer_append(&reading->filter, visit->wanted->filter);
    buffer_append(&reading->behind, visit->wanted->behind);
    buffer_append(&reading->user, visit->user);
    if (reading->is_list) {
        buffer_append_string(&reading->page, "{\"retainedMessages\":[");
        prepare_link(reading, visit);
    }
    mqtt_http_wait(&reading->call, visit);
    ask(reading);
}
