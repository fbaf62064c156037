/* See webhook_transfer.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/webhook_transfer.h"

#include <stdlib.h>

#include "access/characters.h"
#include "base/memory.h"
#include "events/answer.h"

enum { KEEP_MAX = 64 << 10 }; /* of a buffer's memory between answers */

/* ---------------------------------------------------------------- the answer comes */

static size_t append_bounded(struct transfer *transfer, struct buffer *buffer, struct slice bytes,
                             size_t most)
{
    if (buffer->length + bytes.length > most) {
        transfer->is_too_long = true;
        return bytes.length + 1; /* not what libcurl expects: it ends the transfer */
    }
    buffer_append(buffer, bytes);
    return bytes.length;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct slice line = slice_make(data, size * count);

    if (slice_starts_with(line, SLICE_LITERAL("HTTP/"))) {
        transfer->head.length = 0; /* the answer behind a 100 Continue */
    }
    if (transfer->body.length > 0) {
        return line.length; /* a trailer */
    }
    return append_bounded(transfer, &transfer->head, line, ANSWER_HEAD_MAX);
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;

    return append_bounded(transfer, &transfer->body, slice_make(data, size * count),
                          transfer->body_max);
}

/* ---------------------------------------------------------------- making */

static void set_for_good(CURL *easy, struct transfer *transfer)
{
    const struct transfer_trust *trust = transfer->trust;

    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, trust->accepts_any_certificate ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, trust->accepts_any_certificate ? 0L : 2L);
    if (trust->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, trust->ca_file);
    }
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
}

static void plain_done(struct plain_request *request, CURLcode code)
{
    struct transfer *transfer = CONTAINER_OF(request, struct transfer, plain);

    transfer->is_too_long = code == CURLE_FILESIZE_EXCEEDED;
    transfer->done(transfer, code);
}

static void curl_done(struct curl_task *task, CURLcode code)
{
    struct transfer *transfer = CONTAINER_OF(task, struct transfer, task);

    curl_loop_remove(transfer->curl, task->easy);
    transfer->done(transfer, code);
}

struct transfer *transfer_new(struct plain_http *http, struct curl_loop *curl,
                              const struct transfer_trust *trust)
{
    struct transfer *transfer = memory_allocate_zero(sizeof(*transfer));

    transfer->http = http;
    transfer->curl = curl;
    transfer->trust = trust;
    transfer->body_max = trust->body_max > 0 ? trust->body_max : ANSWER_BODY_MAX;
    transfer->plain.body_max = transfer->body_max;
    transfer->plain.done = plain_done;
    transfer->plain.head = &transfer->head;
    transfer->plain.body = &transfer->body;
    transfer->task.done = curl_done;
    list_init(&transfer->link);
    return transfer;
}

/* ---------------------------------------------------------------- starting */

static void set_url(struct transfer *transfer, struct slice url)
{
    if (transfer->url.length == url.length + 1 &&
        memcmp(transfer->url.data, url.data, url.length) == 0) {
        return; /* most requests are as the one before */
    }
    transfer->url.length = 0;
    buffer_append(&transfer->url, url);
    buffer_append_byte(&transfer->url, '\0');
    curl_easy_setopt(transfer->task.easy, CURLOPT_URL, (const char *)transfer->url.data);
}

static void set_method(struct transfer *transfer, enum transfer_method method)
{
    static const char *const custom[TRANSFER_METHODS] = {[TRANSFER_OPTIONS] = "OPTIONS"};

    if (method == transfer->method) {
        return;
    }
    transfer->method = method;
    curl_easy_setopt(transfer->task.easy, method == TRANSFER_POST ? CURLOPT_POST : CURLOPT_HTTPGET,
                     1L);
    curl_easy_setopt(transfer->task.easy, CURLOPT_CUSTOMREQUEST, custom[method]);
}

/* libcurl takes "Name: " for "leave that header out", and "Name;" for an empty one. */
static char *header_text(uint8_t *line, size_t length)
{
    if (length >= 2 && line[length - 1] == ' ' && line[length - 2] == ':') {
        line[length - 2] = ';';
        line[length - 1] = '\0';
    }
    return (char *)line;
}

/* The list's nodes are made here, not by curl_slist_append(), which would allocate two pieces of
 * memory a header. */
static void set_headers(struct transfer *transfer, struct slice lines)
{
    size_t count = 0;

    transfer->lines.length = 0;
    buffer_append(&transfer->lines, lines);
    buffer_append(&transfer->lines, slice_make("Expect:\0Accept:", 16)); /* none of those */
    for (size_t at = 0; at < transfer->lines.length; count++) {
        uint8_t *line = transfer->lines.data + at;
        size_t length = strlen((const char *)line);
        if (count == transfer->list_room) {
            transfer->list_room = transfer->list_room > 0 ? transfer->list_room * 2 : 32;
            transfer->list =
                memory_resize(transfer->list, transfer->list_room * sizeof(*transfer->list));
        }
        transfer->list[count].data = header_text(line, length);
        at += length + 1;
    }
    for (size_t i = 0; i < count; i++) {
        transfer->list[i].next = i + 1 < count ? &transfer->list[i + 1] : NULL;
    }
    curl_easy_setopt(transfer->task.easy, CURLOPT_HTTPHEADER, transfer->list);
}

static void start_with_curl(struct transfer *transfer, const struct transfer_request *request)
{
    if (!transfer->task.easy) {
        curl_loop_prepare(transfer->curl, &transfer->task);
        if (!transfer->task.easy) {
            abort(); /* no memory, as in memory_allocate() */
        }
        set_for_good(transfer->task.easy, transfer);
    }
    set_url(transfer, request->url);
    set_method(transfer, request->method);
    set_headers(transfer, request->lines);
    if (request->method == TRANSFER_POST) {
        curl_easy_setopt(transfer->task.easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)request->body.length);
        curl_easy_setopt(transfer->task.easy, CURLOPT_POSTFIELDS,
                         request->body.length > 0 ? (const char *)request->body.data : "");
    }
    if (request->timeout_ms != transfer->timeout_ms) {
        transfer->timeout_ms = request->timeout_ms;
        curl_easy_setopt(transfer->task.easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    }
    curl_loop_add(transfer->curl, &transfer->task);
}

static void start_plain(struct transfer *transfer, const struct transfer_request *request)
{
    static const struct slice methods[TRANSFER_METHODS] = {
        [TRANSFER_POST] = SLICE_LITERAL("POST"),
        [TRANSFER_OPTIONS] = SLICE_LITERAL("OPTIONS"),
        [TRANSFER_GET] = SLICE_LITERAL("GET"),
    };

    transfer->plain.method = methods[request->method];
    transfer->plain.url = request->url;
    transfer->plain.lines = request->lines;
    transfer->plain.content = request->body;
    transfer->plain.has_content = request->method == TRANSFER_POST;
    transfer->plain.timeout_ms = request->timeout_ms;
    plain_http_send(transfer->http, &transfer->plain);
}

void transfer_start(struct transfer *transfer, const struct transfer_request *request)
{
    struct slice origin = slice_make(request->url.data, strlen("http://"));

    transfer->is_plain = request->url.length > origin.length &&
                         equal_ignoring_case(origin, SLICE_LITERAL("http://"));
    (transfer->is_plain ? start_plain : start_with_curl)(transfer, request);
}

void transfer_cancel(struct transfer *transfer)
{
    if (transfer->is_plain) {
        plain_http_cancel(&transfer->plain);
    } else {
        curl_loop_remove(transfer->curl, transfer->task.easy);
    }
}

/* ---------------------------------------------------------------- ending */

static const char *sentence_for(CURLcode code)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "the webhook's host is not known";
    case CURLE_COULDNT_CONNECT:
        return "the webhook cannot be reached";
    case CURLE_OPERATION_TIMEDOUT:
        return "the webhook did not answer in time";
    case CURLE_GOT_NOTHING:
        return "the webhook closed the connection without an answer";
    case CURLE_PARTIAL_FILE:
        return "the webhook closed the connection within its answer";
    case CURLE_RECV_ERROR:
        return "the connection to the webhook broke";
    case CURLE_WEIRD_SERVER_REPLY:
        return "the webhook's answer is not HTTP";
    case CURLE_REMOTE_ACCESS_DENIED:
        return "the webhook's address is private, which is not allowed here";
    case CURLE_PEER_FAILED_VERIFICATION:
        return "the webhook's certificate is not trusted";
    default:
        return curl_easy_strerror(code);
    }
}

static int status_of(const struct transfer *transfer)
{
    long status = 0;

    if (transfer->is_plain) {
        return transfer->plain.status;
    }
    curl_easy_getinfo(transfer->task.easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

struct transfer_result transfer_result(const struct transfer *transfer, CURLcode code)
{
    if (transfer->is_too_long) {
        return (struct transfer_result){.cut_status = status_of(transfer),
                                        .reason = "the answer is too long",
                                        .is_final = true};
    }
    if (code != CURLE_OK) {
        return (struct transfer_result){
            .reason = sentence_for(code),
            .is_final = code == CURLE_OPERATION_TIMEDOUT || code == CURLE_URL_MALFORMAT ||
                        code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_REMOTE_ACCESS_DENIED};
    }
    return (struct transfer_result){.status = status_of(transfer)};
}

void transfer_reset(struct transfer *transfer)
{
    buffer_empty(&transfer->head, KEEP_MAX);
    buffer_empty(&transfer->body, KEEP_MAX);
    buffer_empty(&transfer->lines, KEEP_MAX);
    transfer->is_too_long = false;
    transfer->owner = NULL;
}

void transfer_free(struct transfer *transfer)
{
    if (transfer->task.easy) {
        curl_easy_cleanup(transfer->task.easy);
    }
    buffer_release(&transfer->url);
    buffer_release(&transfer->lines);
    buffer_release(&transfer->head);
    buffer_release(&transfer->body);
    free(transfer->list);
    free(transfer);
}
