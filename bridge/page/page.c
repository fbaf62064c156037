/* The page's files and the negotiate answer. The files come from cmake/embed.cmake, so that the
 * program needs none beside it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "page/page.h"

#include <inttypes.h>

#include "mqtt/utf8.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"
#include "json/json.h"

const struct page_header page_headers[] = {
    {"content-security-policy",
     "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; frame-ancestors 'none'"},
    {"x-content-type-options", "nosniff"},
    {"referrer-policy", "no-referrer"},
    {NULL, NULL},
};

/* ---------------------------------------------------------------- files */

static const struct {
    const char *suffix, *content_type;
} content_types[] = {
    {".html", "text/html; charset=utf-8"},     {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"}, {".svg", "image/svg+xml"},
    {".md", "text/plain; charset=utf-8"},      {"LICENSE", "text/plain; charset=utf-8"},
};

static bool ends_with(struct slice text, const char *suffix)
{
    struct slice end = slice_from_string(suffix);

    return text.length >= end.length &&
           slice_equal(slice_from(text, text.length - end.length), end);
}

static const char *content_type_of(struct slice path)
{
    for (size_t i = 0; i < sizeof(content_types) / sizeof(content_types[0]); i++) {
        if (ends_with(path, content_types[i].suffix)) {
            return content_types[i].content_type;
        }
    }
    return "application/octet-stream";
}

bool page_find(const struct embedded_file *files, struct slice path, struct page_file *file)
{
    if (slice_equal(path, SLICE_LITERAL("/"))) {
        path = SLICE_LITERAL("/index.html");
    }
    for (const struct embedded_file *at = files; at->path != NULL; at++) {
        if (slice_equal(path, slice_from_string(at->path))) {
            *file = (struct page_file){.content_type = content_type_of(path),
                                       .tag = at->tag,
                                       .content = slice_make(at->bytes, at->length)};
            return true;
        }
    }
    return false;
}

/* The header is `*` or a list of tags, perhaps with W/ before (RFC 9110 13.1.2, weak comparison);
 * ours have nothing in them that could stand in another's text. */
bool page_is_current(const struct page_file *file, struct slice if_none_match)
{
    struct slice tag = slice_from_string(file->tag);

    if (slice_equal(if_none_match, SLICE_LITERAL("*"))) {
        return true;
    }
    for (size_t at = 0; at + tag.length <= if_none_match.length; at++) {
        if (slice_starts_with(slice_from(if_none_match, at), tag)) {
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- negotiate */

/* host[:port], also [IPv6]:port: nothing that could change the meaning of a URL. */
static bool host_is_good(struct slice host)
{
    for (size_t i = 0; i < host.length; i++) {
        uint8_t byte = host.data[i];
        bool is_alphanumeric = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                               (byte >= 'A' && byte <= 'Z');
        if (byte == '\0' || (!is_alphanumeric && strchr(".-_:[]", byte) == NULL)) {
            return false;
        }
    }
    return host.length > 0;
}

static void append_endpoint(struct buffer *out, const char *scheme, const struct page_visit *visit)
{
    buffer_append_format(out, "%s%s://%.*s/client/hubs/" PAGE_HUB, scheme, visit->is_tls ? "s" : "",
                         SLICE_PRINT(visit->host));
}

/* What spec/webpubsub.md 1.2 and 1.3 say of a token for the browser. */
static void append_claims(struct buffer *out, const struct page_visit *visit)
{
    buffer_append_string(out, "{\"aud\":\"");
    append_endpoint(out, "http", visit);
    buffer_append_format(out, "\",\"iat\":%" PRId64 ",\"exp\":%" PRId64 ",\"sub\":", visit->now,
                         visit->now + PAGE_TOKEN_SECONDS);
    json_append_string(out, visit->user);
    buffer_append_string(out,
                         ",\"role\":[\"webpubsub.joinLeaveGroup\",\"webpubsub.sendToGroup\"]}");
}

bool page_negotiate(struct buffer *json, const struct access_keys *keys,
                    const struct page_visit *visit)
{
    struct buffer claims = {0};

    if (!host_is_good(visit->host) || visit->user.length == 0 ||
        visit->user.length > PAGE_USER_MAX || !utf8_is_valid_string(visit->user)) {
        return false;
    }
    append_claims(&claims, visit);
    buffer_append_string(json, "{\"url\":\"");
    append_endpoint(json, "ws", visit);
    buffer_append_string(json, "?access_token=");
    jwt_append(json, buffer_slice(&claims), access_keys_get(keys, ACCESS_KEY_PRIMARY));
    buffer_append_string(json, "\"}");
    buffer_release(&claims);
    return true;
}
