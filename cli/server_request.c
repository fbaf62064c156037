/* See server_request.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "server_request.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "secret/jwt.h"
#include "json/json.h"

enum { TOKEN_SECONDS = 300, CONNECT_SECONDS = 10, ANSWER_MAX = 64 << 20 };

struct server {
    struct access_place place;
    struct access_keys *keys; /* NULL: there are none, so no token is sent, */
    struct buffer why_none;   /* for this reason */
    CURL *curl;
    const char *endpoint_option;
    bool is_insecure; /* takes any certificate */
};

/* Those of the configuration may be out of reach (another user's, or the server has others), and
 * are not made: a server on this machine may want no token. False after an error message. */
static bool read_keys(struct server *server)
{
    if (server->place.keys_given) {
        server->keys = access_place_keys(&server->place);
        return server->keys;
    }
    server->keys = access_keys_read(server->place.keys, &server->why_none);
    return true;
}

struct server *server_open(const struct access_options *options, bool is_insecure)
{
    struct server *server = memory_allocate_zero(sizeof(*server));

    server->endpoint_option = options->endpoint_option ? options->endpoint_option : "--endpoint";
    server->is_insecure = is_insecure;
    if (access_options_resolve(options, &server->place) && read_keys(server)) {
        server->curl = curl_easy_init();
    }
    if (!server->curl) {
        server_close(server);
        return NULL;
    }
    return server;
}

void server_close(struct server *server)
{
    if (server) {
        curl_easy_cleanup(server->curl);
        access_keys_free(server->keys);
        buffer_release(&server->why_none);
        access_place_release(&server->place);
        free(server);
    }
}

/* ---------------------------------------------------------------- the request */

static void append_url(const struct server *server, const struct server_request *request,
                       struct buffer *url)
{
    buffer_append_string(url, server->place.endpoint);
    buffer_append(url, request->path);
    if (request->query.length > 0) {
        buffer_append_format(url, "?%.*s", SLICE_PRINT(request->query));
    }
    buffer_append_byte(url, '\0');
}

static void append_authorization(const struct server *server, const char *url,
                                 struct buffer *header)
{
    struct buffer claims = {0};

    access_append_claims(&claims, url, TOKEN_SECONDS);
    buffer_append_byte(&claims, '}');
    buffer_append_string(header, "Authorization: Bearer ");
    jwt_append(header, buffer_slice(&claims), access_keys_get(server->keys, ACCESS_KEY_PRIMARY));
    buffer_append_byte(header, '\0');
    buffer_release(&claims);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct buffer *answer = context;

    (void)size; /* 1 */
    if (answer->length + count > ANSWER_MAX) {
        return 0;
    }
    buffer_append(answer, slice_make(bytes, count));
    return count;
}

static CURLcode perform(struct server *server, const struct server_request *request,
                        const char *url, struct curl_slist *headers, struct buffer *answer)
{
    CURL *curl = server->curl;

    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (strcmp(request->method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                         request->body.length > 0 ? (const char *)request->body.data : "");
    }
    if (server->is_insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return curl_easy_perform(curl);
}

/* ---------------------------------------------------------------- the answer */

/* "message" of the body, which is JSON or nothing. */
static bool append_message(struct buffer *out, struct slice body)
{
    struct json_value object, inner, message;

    if (!json_parse(body, &object) || object.type != JSON_OBJECT) {
        return false;
    }
    if (jwt_claim(&object, "error", &inner) && inner.type == JSON_OBJECT) {
        object = inner;
    }
    if (!jwt_claim(&object, "message", &message) || message.type != JSON_STRING) {
        return false;
    }
    json_append_string_value(out, &message);
    return true;
}

static void report_refusal(const struct server *server, long status, struct slice body)
{
    struct buffer message = {0};

    if (append_message(&message, body)) {
        fprintf(stderr, "Error: the server says (%ld): %.*s\n", status, SLICE_PRINT(message));
    } else {
        fprintf(stderr, "Error: the server at %s answered %ld\n", server->place.endpoint, status);
    }
    if (status == 401 && !server->keys) {
        fprintf(stderr, "No token was sent: %.*s. See -c and --keys.\n",
                SLICE_PRINT(server->why_none));
    } else if (status == 401) {
        fprintf(stderr, "Are these its keys? See -c, --keys and %s.\n", server->endpoint_option);
    }
    buffer_release(&message);
}

static struct curl_slist *make_headers(const struct server_request *request,
                                       const char *authorization)
{
    struct curl_slist *headers = NULL;
    struct buffer type = {0};

    if (authorization) {
        headers = curl_slist_append(headers, authorization);
    }
    if (request->body.length > 0) {
        buffer_append_format(&type, "Content-Type: %s",
                             request->content_type ? request->content_type : "application/json");
        buffer_append_byte(&type, '\0');
        headers = curl_slist_append(headers, (const char *)type.data);
        buffer_release(&type);
    }
    return request->header ? curl_slist_append(headers, request->header) : headers;
}

bool server_ask(struct server *server, const struct server_request *request, struct buffer *answer)
{
    struct buffer url = {0}, authorization = {0};
    struct curl_slist *headers;
    CURLcode failed;
    long status = 0;

    answer->length = 0;
    append_url(server, request, &url);
    if (server->keys) {
        append_authorization(server, (const char *)url.data, &authorization);
    }
    headers = make_headers(request, (const char *)authorization.data);
    failed = perform(server, request, (const char *)url.data, headers, answer);
    curl_easy_getinfo(server->curl, CURLINFO_RESPONSE_CODE, &status);
    if (failed != CURLE_OK) {
        fprintf(stderr, "Error: the server at %s cannot be reached: %s\nSee -c and %s.\n",
                server->place.endpoint, curl_easy_strerror(failed), server->endpoint_option);
    } else if (status < 200 || status > 299) {
        report_refusal(server, status, buffer_slice(answer));
    }
    buffer_append_byte(answer, '\0');
    answer->length--;
    curl_slist_free_all(headers);
    buffer_release(&url);
    buffer_release(&authorization);
    return failed == CURLE_OK && status >= 200 && status <= 299;
}
