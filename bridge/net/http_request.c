/* What a request's head says, as libwebsockets has kept it or as we have read it; see http.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "access/url.h"
#include "net/http.h"
#include "net/http_head.h"

void http_header(struct lws *lws, enum lws_token_indexes header, struct buffer *value)
{
    int length = lws_hdr_total_length(lws, header);
    char *at;

    if (length <= 0) {
        return;
    }
    at = (char *)buffer_reserve(value, (size_t)length + 1);
    if (lws_hdr_copy(lws, at, length + 1, header) > 0) {
        value->length += (size_t)length;
    }
}

/* Argument number `index` of the query, "name=value" with both decoded, in place of what is in
 * `argument`. False: there are no more. */
static bool argument_at(struct lws *lws, int index, struct buffer *argument)
{
    int length = lws_hdr_fragment_length(lws, WSI_TOKEN_HTTP_URI_ARGS, index);
    char *at;

    argument->length = 0;
    at = (char *)buffer_reserve(argument, (size_t)length + 1);
    if (lws_hdr_copy_fragment(lws, at, length + 1, WSI_TOKEN_HTTP_URI_ARGS, index) < 0) {
        return false;
    }
    argument->length = (size_t)length;
    return true;
}

void http_argument(struct lws *lws, const char *name, struct buffer *value)
{
    struct slice wanted = slice_from_string(name);
    struct buffer argument = {0};

    for (int i = 0; argument_at(lws, i, &argument); i++) {
        struct slice found = buffer_slice(&argument);
        if (slice_starts_with(found, wanted) && found.length > wanted.length &&
            found.data[wanted.length] == '=') {
            value->length = 0; /* the last one counts */
            buffer_append(value, slice_from(found, wanted.length + 1));
        }
    }
    buffer_release(&argument);
}

static void append_encoded(struct buffer *out, struct slice text, const char *reserved)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.data[i];
        if (byte <= ' ' || byte >= 0x7f || byte == '%' || strchr(reserved, byte)) {
            buffer_append_format(out, "%%%02X", byte);
        } else {
            buffer_append_byte(out, byte);
        }
    }
}

void http_target(struct lws *lws, struct slice path, struct buffer *target)
{
    struct buffer argument = {0};

    append_encoded(target, path, "?#");
    for (int i = 0; argument_at(lws, i, &argument); i++) {
        buffer_append_byte(target, i == 0 ? '?' : '&');
        append_encoded(target, buffer_slice(&argument), "&+;#");
    }
    buffer_release(&argument);
}

/* ---------------------------------------------------------------- whoever has read it */

void http_request_header(const struct http_request *request, enum lws_token_indexes token,
                         struct buffer *value)
{
    if (request->head) {
        const char *name = (const char *)lws_token_to_string(token); /* with a colon */
        buffer_append(value, http_head_find(request->head, slice_make(name, strlen(name) - 1)));
    } else {
        http_header(request->lws, token, value);
    }
}

void http_request_argument(const struct http_request *request, const char *name,
                           struct buffer *value)
{
    if (request->head) {
        url_query_find(request->query, name, value);
    } else {
        http_argument(request->lws, name, value);
    }
}
