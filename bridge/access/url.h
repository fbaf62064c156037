/* The target of a request, taken apart: the path's segments, percent-decoded once, and the
 * parameters of the query. Nothing is cleaned up: `..`, empty segments and what is encoded twice
 * stay what they are, and so match no path that we have.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_URL_H
#define PUBGRID_ACCESS_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"

enum { URL_SEGMENTS_MAX = 8 };

struct url {
    struct buffer bytes; /* what the segments point into; owned: url_release() */
    struct slice segments[URL_SEGMENTS_MAX];
    size_t segment_count; /* one empty segment at the end (a trailing slash) is left out */
    struct slice query;   /* not owned; behind the ?, still encoded */
};

/* False if the target does not begin with a slash, has more than URL_SEGMENTS_MAX segments, bytes
 * that do not belong into a target, or a % without two hex digits in its path. To be released in
 * any case. */
bool url_split(struct url *url, struct slice target);
void url_release(struct url *url);

/* Appends the text with each %xx decoded, and with + as a space if that is asked for. False: there
 * is a % without two hex digits. */
bool url_append_decoded(struct buffer *out, struct slice text, bool plus_is_space);
/* Appends the text with every byte as %xx that a URL may not have as it is (all but RFC 3986's
 * unreserved characters). */
void url_append_encoded(struct buffer *out, struct slice text);
/* Takes the next parameter off the front of the query, still encoded. False: there is none. */
bool url_query_take(struct slice *query, struct slice *name, struct slice *value);
/* Is each % of the query followed by two hex digits? */
bool url_query_is_valid(struct slice query);
/* Appends the parameter of this name, decoded (%xx, and + for a space); the last one if there are
 * several. Names are compared without case. False: there is none. */
bool url_query_find(struct slice query, const char *name, struct buffer *value);
/* Takes the first parameter from the front of `query` and appends its name and value, decoded; what
 * cannot be decoded stays as it is. False: there is none. */
bool url_query_next(struct slice *query, struct buffer *name, struct buffer *value);

#endif
