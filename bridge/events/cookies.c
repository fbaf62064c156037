/* See cookies.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/cookies.h"

#include "access/characters.h"
#include "access/head.h"

void cookies_append_header(struct buffer *out, struct slice cookies, struct slice upstream)
{
    size_t before = out->length;

    while (cookies.length > 0) {
        struct slice line = take_up_to(&cookies, '\n');
        if (slice_equal(take_up_to(&line, '\t'), upstream)) {
            buffer_append_string(out, out->length > before ? "; " : "");
            buffer_append(out, line);
        }
    }
}

static bool is_plain(struct slice cookie)
{
    for (size_t i = 0; i < cookie.length; i++) {
        if (cookie.data[i] < 0x20 || cookie.data[i] >= 0x7F) {
            return false;
        }
    }
    return true;
}

/* Do the attributes behind the value say that the cookie is to go? */
static bool is_removal(struct slice attributes)
{
    while (attributes.length > 0) {
        struct slice value = trim_blanks(take_up_to(&attributes, ';'));
        struct slice name = trim_blanks(take_up_to(&value, '='));
        value = trim_blanks(value);
        if (equal_ignoring_case(name, SLICE_LITERAL("max-age"))) {
            return value.length > 0 && (value.data[0] == '0' || value.data[0] == '-');
        }
    }
    return false;
}

static void remove_cookie(struct buffer *cookies, struct slice upstream, struct slice name)
{
    size_t kept = 0;

    buffer_reserve(cookies, 1); /* if the last line has no LF */
    struct slice rest = buffer_slice(cookies);
    while (rest.length > 0) {
        struct slice line = take_up_to(&rest, '\n'), cookie = line;
        bool is_same = slice_equal(take_up_to(&cookie, '\t'), upstream) &&
                       slice_equal(take_up_to(&cookie, '='), name);
        if (!is_same) {
            memmove(cookies->data + kept, line.data, line.length);
            kept += line.length;
            cookies->data[kept++] = '\n';
        }
    }
    cookies->length = kept;
}

bool cookies_set(struct buffer *cookies, struct slice upstream, struct slice set_cookie)
{
    struct slice cookie = trim_blanks(take_up_to(&set_cookie, ';')), value = cookie;
    struct slice name = take_up_to(&value, '=');

    if (name.length == 0 || name.length == cookie.length || !is_plain(cookie)) {
        return false;
    }
    remove_cookie(cookies, upstream, name);
    if (is_removal(set_cookie)) {
        return true;
    }
    if (cookies->length + upstream.length + cookie.length + 2 > COOKIES_SIZE_MAX) {
        return false;
    }
    buffer_append(cookies, upstream);
    buffer_append_byte(cookies, '\t');
    buffer_append(cookies, cookie);
    buffer_append_byte(cookies, '\n');
    return true;
}
