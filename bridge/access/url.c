/* Taking the target of a request apart. See url.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/url.h"

#include "access/characters.h"

/* --- the path --- */

/* Visible ASCII (RFC 3986, section 2); a fragment is not sent. */
static bool has_only_target_bytes(struct slice target)
{
    for (size_t i = 0; i < target.length; i++) {
        if (target.data[i] <= ' ' || target.data[i] >= 0x7F || target.data[i] == '#') {
            return false;
        }
    }
    return true;
}

bool url_append_decoded(struct buffer *out, struct slice text, bool plus_is_space)
{
    while (text.length > 0) {
        int byte = percent_decode(text);
        if (byte < 0 && text.data[0] == '%') {
            return false;
        }
        bool is_space = plus_is_space && text.data[0] == '+';
        buffer_append_byte(out, byte >= 0 ? (uint8_t)byte : is_space ? ' ' : text.data[0]);
        text = slice_from(text, byte >= 0 ? 3 : 1);
    }
    return true;
}

static bool is_unreserved(uint8_t byte)
{
    uint8_t lower = ascii_lower(byte);
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '.' || byte == '_' || byte == '~';
}

void url_append_encoded(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (is_unreserved(text.data[i])) {
            buffer_append_byte(out, text.data[i]);
        } else {
            percent_append(out, text.data[i]);
        }
    }
}

static bool add_segment(struct url *url, struct slice segment)
{
    size_t start = url->bytes.length;
    if (url->segment_count == URL_SEGMENTS_MAX ||
        !url_append_decoded(&url->bytes, segment, false)) {
        return false;
    }
    url->segments[url->segment_count++] = slice_from(buffer_slice(&url->bytes), start);
    return true;
}

bool url_split(struct url *url, struct slice target)
{
    *url = (struct url){0};
    if (target.length == 0 || target.data[0] != '/' || !has_only_target_bytes(target)) {
        return false;
    }
    url->query = slice_from(target, 1);
    struct slice path = take_up_to(&url->query, '?');
    buffer_reserve(&url->bytes, path.length); /* the segments must not move */
    while (path.length > 0) {
        if (!add_segment(url, take_up_to(&path, '/'))) {
            return false;
        }
    }
    return true;
}

void url_release(struct url *url)
{
    buffer_release(&url->bytes);
    url->segment_count = 0;
}

/* --- the query --- */

bool url_query_is_valid(struct slice query)
{
    for (; query.length > 0; query = slice_from(query, 1)) {
        if (query.data[0] == '%' && percent_decode(query) < 0) {
            return false;
        }
    }
    return true;
}

bool url_query_take(struct slice *query, struct slice *name, struct slice *value)
{
    if (query->length == 0) {
        return false;
    }
    *value = take_up_to(query, '&');
    *name = take_up_to(value, '=');
    return true;
}

bool url_query_find(struct slice query, const char *name, struct buffer *value)
{
    struct buffer decoded = {0};
    size_t before = value->length;
    bool found = false;
    struct slice key, parameter;
    while (url_query_take(&query, &key, &parameter)) {
        decoded.length = 0;
        if (url_append_decoded(&decoded, key, true) &&
            equal_ignoring_case(buffer_slice(&decoded), slice_from_string(name))) {
            value->length = before;
            found = url_append_decoded(value, parameter, true);
        }
    }
    if (!found) {
        value->length = before;
    }
    buffer_release(&decoded);
    return found;
}

static void append_what_it_is(struct buffer *out, struct slice text)
{
    size_t before = out->length;

    if (!url_append_decoded(out, text, true)) {
        out->length = before;
        buffer_append(out, text);
    }
}

bool url_query_next(struct slice *query, struct buffer *name, struct buffer *value)
{
    struct slice key, parameter;

    while (url_query_take(query, &key, &parameter)) {
        if (key.length > 0) {
            append_what_it_is(name, key);
            append_what_it_is(value, parameter);
            return true;
        }
    }
    return false;
}
