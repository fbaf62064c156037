/* The page at / where a person tries it out: its files, compiled in, and the answer of
 * GET /negotiate?user=NAME, with which it gets its WebSocket's URL. And the files of the console at
 * /console/, which needs no answer of ours: its user brings an access key. Pure.
 *
 * Only where the configuration enables them (bridge.page, bridge.console): whoever can reach
 * /negotiate gets a token for hub `playground`, for an hour.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_PAGE_PAGE_H
#define PUBGRID_PAGE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "page/embedded.h"

#define PAGE_HUB "playground"

enum { PAGE_USER_MAX = 256 /* bytes */, PAGE_TOKEN_SECONDS = 3600 };

struct access_keys; /* secret/access_keys.h */

struct page_file {
    const char *content_type;
    const char *tag; /* ETag header */
    struct slice content;
};

struct page_header {
    const char *name; /* lower case, without colon; NULL ends a table */
    const char *value;
};

/* For every answer here: what the browser may load and from where. */
extern const struct page_header page_headers[];
/* Cache-Control: a file is asked for again, by its tag; a token is not kept. */
#define PAGE_FILE_CACHE      "no-cache"
#define PAGE_NEGOTIATE_CACHE "no-store"

/* The file among `files`, page_files or console_files, at this path of the URL below theirs ("/"
 * and what stands beside it, without query). False: none. */
bool page_find(const struct embedded_file *files, struct slice path, struct page_file *file);
/* Does the browser have the file already, by its If-None-Match header (may be empty)? Then 304. */
bool page_is_current(const struct page_file *file, struct slice if_none_match);

struct page_visit {
    struct slice host; /* Host header: how the browser reached us */
    bool is_tls;
    struct slice user; /* percent-decoded */
    int64_t now;       /* Unix seconds */
};

/* Appends {"url":"ws://HOST/client/hubs/playground?access_token=..."}. False (answer 400) if there
 * is no user or host that a URL can be made of. */
bool page_negotiate(struct buffer *json, const struct access_keys *keys,
                    const struct page_visit *visit);

#endif
