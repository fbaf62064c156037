/* Borrowed bytes: a pointer and a length into memory that somebody else owns. Passed by value.
 *
 * A slice never owns and never outlives the buffer it points into. Parsers hand out slices of
 * their input, so that decoding a packet allocates nothing and an error has nothing to free.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_SLICE_H
#define PUBGRID_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data; /* may be NULL when length is 0 */
    size_t length;       /* bytes */
};

#define SLICE_LITERAL(text) ((struct slice){(const uint8_t *)(text), sizeof(text) - 1})
#define SLICE_EMPTY         ((struct slice){NULL, 0})

/* For printf's "%.*s". */
#define SLICE_PRINT(s) (int)(s).length, (const char *)(s).data

static inline struct slice slice_make(const void *data, size_t length)
{
    return (struct slice){data, length};
}

static inline struct slice slice_from_string(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Below 0, 0 or above, in the order of the bytes. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t both = a.length < b.length ? a.length : b.length;
    int order = both > 0 ? memcmp(a.data, b.data, both) : 0;

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* Bytes from `from` to the end; `from` must not be past the end. */
static inline struct slice slice_from(struct slice s, size_t from)
{
    return (struct slice){from == 0 ? s.data : s.data + from, s.length - from};
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.length >= prefix.length &&
           (prefix.length == 0 || memcmp(s.data, prefix.data, prefix.length) == 0);
}

#endif
