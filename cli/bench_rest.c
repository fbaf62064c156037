/* See the header.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "bench_event.h"
#include "bench_webpubsub.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"

enum { TOKEN_LIFE_S = 3600 };

static const char client_path[] = "client/hubs/";

/* The hub that the subscribers' URL names. */
static struct slice hub_of(const struct bench_options *options)
{
    struct slice path = slice_from_string(options->endpoint.path);
    struct slice start = SLICE_LITERAL(client_path);
    struct slice hub =
        slice_starts_with(path, start) ? slice_from(path, start.length) : SLICE_EMPTY;

    for (size_t i = 0; i < hub.length; i++) {
        if (hub.data[i] == '?' || hub.data[i] == '/') {
            hub.length = i;
        }
    }
    return hub;
}

/* A token for this URL, by claims that go on with `more`. */
static void token_append(struct buffer *out, const struct bench_options *options, struct slice url,
                         const char *more)
{
    struct buffer claims = {0};

    buffer_append_format(&claims, "{\"aud\":\"%.*s\",\"exp\":%lld%s}", SLICE_PRINT(url),
                         (long long)time(NULL) + TOKEN_LIFE_S, more);
    jwt_append(out, buffer_slice(&claims),
               access_keys_get(options->access_keys, ACCESS_KEY_PRIMARY));
    buffer_release(&claims);
}

void rest_client_path_append(struct buffer *out, const struct bench_options *options, size_t number)
{
    struct slice hub = hub_of(options);
    struct buffer url = {0};
    char more[128];

    buffer_append_format(&url, "http://%s/%s%.*s", options->endpoint.name, client_path,
                         SLICE_PRINT(hub));
    snprintf(more, sizeof(more), ",\"sub\":\"u%zu\",\"role\":[\"webpubsub.joinLeaveGroup\"]",
             number);
    buffer_append_format(out, "%s%.*s?access_token=", client_path, SLICE_PRINT(hub));
    token_append(out, options, buffer_slice(&url), more);
    buffer_release(&url);
}

/* ---------------------------------------------------------------- requests */

static void escaped_append(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("-_.~", *text) != NULL || (*text >= '0' && *text <= '9') ||
            (*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z')) {
            buffer_append_byte(out, (uint8_t)*text);
        } else {
            buffer_append_format(out, "%%%02X", (unsigned)(unsigned char)*text);
        }
    }
}

/* Path of the operation, without the query. */
static void path_append(struct buffer *out, const struct bench_shape *shape)
{
    const struct bench_options *options = shape->options;
    struct slice hub = hub_of(options);

    if (options->rest == BENCH_REST_HEALTH) {
        buffer_append_string(out, "/api/health");
        return;
    }
    if (options->rest == BENCH_REST_MQTT) {
        buffer_append_string(out, "/mqtt/messages");
        return;
    }
    buffer_append_format(out, "/api/hubs/%.*s/", SLICE_PRINT(hub));
    if (options->rest == BENCH_REST_GROUP) {
        buffer_append_string(out, "groups/");
        escaped_append(out, shape->topic);
        buffer_append_byte(out, '/');
    } else if (options->rest == BENCH_REST_USER) {
        buffer_append_format(out, "users/u%zu/", shape->number);
    }
    buffer_append_string(out, ":send");
}

static void query_append(struct buffer *out, const struct bench_shape *shape)
{
    const struct bench_options *options = shape->options;

    if (options->rest == BENCH_REST_MQTT) {
        buffer_append_format(out, "?api-version=2025-02-15-preview&topic=bench%%2F%zu",
                             shape->number);
        return;
    }
    buffer_append_string(out, "?api-version=2024-12-01");
    if (options->filter != NULL) {
        buffer_append_string(out, "&filter=");
        escaped_append(out, options->filter);
    }
}

static void host_append(struct buffer *out, const struct bench_options *options)
{
    buffer_append_format(out, " HTTP/1.1\r\nHost: %s\r\n", options->endpoint.name);
}

void rest_probe_append(struct buffer *out, const struct bench_options *options)
{
    buffer_append_string(out, "GET /api/health?api-version=2024-12-01");
    host_append(out, options);
    buffer_append_string(out, "\r\n");
}

static void post_build(struct bench_template *out, struct buffer *text,
                       const struct bench_shape *shape)
{
    const struct bench_options *options = shape->options;
    struct buffer path = {0}, url = {0};

    path_append(&path, shape);
    buffer_append_format(&url, "http://%s%.*s", options->endpoint.name, SLICE_PRINT(path));
    buffer_append_string(text, "POST ");
    buffer_append(text, buffer_slice(&path));
    query_append(text, shape);
    host_append(text, options);
    buffer_append_string(text, "Authorization: Bearer ");
    token_append(text, options, buffer_slice(&url),
                 options->rest == BENCH_REST_MQTT ? ",\"sub\":\"bench\"" : "");
    buffer_append_format(text, "\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                         shape->payload);
    out->stamp = (struct bench_field){text->length, WEBPUBSUB_STAMP_SIZE};
    memset(buffer_reserve(text, shape->payload), 'x', shape->payload);
    text->length += shape->payload;
    buffer_release(&path);
    buffer_release(&url);
}

void rest_template_build(struct bench_template *out, const struct bench_shape *shape)
{
    struct buffer text = {0};

    *out = (struct bench_template){0};
    if (shape->options->rest == BENCH_REST_HEALTH) {
        rest_probe_append(&text, shape->options);
    } else if (shape->options->rest == BENCH_REST_EVENT) {
        bench_event_request_append(&text, shape);
    } else {
        post_build(out, &text, shape);
    }
    out->size = text.length;
    out->bytes = text.data;
}

/* ---------------------------------------------------------------- answers */

/* The number of Content-Length among the head's lines; 0: there is none. */
static size_t content_length(struct slice head)
{
    static const char name[] = "content-length:";
    size_t length = sizeof(name) - 1;

    for (size_t i = 0; i + length < head.length; i++) {
        if (head.data[i] == '\n' &&
            strncasecmp((const char *)head.data + i + 1, name, length) == 0) {
            return (size_t)strtoull((const char *)head.data + i + 1 + length, NULL, 10);
        }
    }
    return 0;
}

enum rest_answer rest_answer_read(struct slice in, int *status, size_t *size)
{
    static const struct slice version = SLICE_LITERAL("HTTP/1.1 ");
    const uint8_t *end = in.length == 0 ? NULL : memmem(in.data, in.length, "\r\n\r\n", 4);

    if (end == NULL) {
        return REST_ANSWER_INCOMPLETE;
    }
    if (!slice_starts_with(in, version)) {
        return REST_ANSWER_BAD;
    }
    *status = (int)strtol((const char *)in.data + version.length, NULL, 10);
    *size = (size_t)(end - in.data) + 4;
    *size += content_length(slice_make(in.data, *size - 2));
    return *size <= in.length ? REST_ANSWER_WHOLE : REST_ANSWER_INCOMPLETE;
}
