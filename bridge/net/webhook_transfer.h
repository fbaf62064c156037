/* One HTTP request to a webhook, and its answer: on a plain connection (plain_http.h), or with TLS
 * by an easy handle of libcurl that is used again and again. An answer that is too long is cut off;
 * redirects are not followed; only HTTP and HTTPS; no proxy of the environment is used.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_WEBHOOK_TRANSFER_H
#define PUBGRID_NET_WEBHOOK_TRANSFER_H

#include "base/buffer.h"
#include "base/list.h"
#include "net/curl_loop.h"
#include "net/plain_http.h"

enum transfer_method { TRANSFER_POST, TRANSFER_OPTIONS, TRANSFER_GET, TRANSFER_METHODS };

/* How far the servers of webhooks are trusted. Zeroed memory is good. */
struct transfer_trust {
    const char *ca_file;          /* NULL: the system's */
    bool accepts_any_certificate; /* for tests with certificates of their own making */
    size_t body_max;              /* bytes of an answer's content; 0: ANSWER_BODY_MAX */
};

struct transfer_request {
    enum transfer_method method;
    struct slice url;
    struct slice lines; /* headers, as events/request.h makes them */
    struct slice body;  /* of a POST */
    uint32_t timeout_ms;
};

struct transfer {
    struct list link; /* the owner's */
    struct plain_http *http;
    struct curl_loop *curl;
    struct plain_request plain;
    struct curl_task task; /* its easy handle is made when it is needed first */
    const struct transfer_trust *trust;
    bool is_plain;
    /* What libcurl has been told. */
    enum transfer_method method;
    struct buffer url;       /* with a NUL */
    struct buffer lines;     /* what the list points into */
    struct curl_slist *list; /* [list_room], linked; owned */
    size_t list_room;
    uint32_t timeout_ms;
    /* The answer. */
    struct buffer head, body;
    size_t body_max;
    bool is_too_long;
    /* The owner's: called from the loop when it is done. */
    void (*done)(struct transfer *transfer, CURLcode code);
    void *owner;
};

/* What became of it. */
struct transfer_result {
    int status;         /* 0: no whole answer */
    int cut_status;     /* of one that is too long; 0: not known */
    const char *reason; /* without one; static */
    bool is_final;      /* trying again would not help, or take too long: timed out, too long */
};

/* What it points to must outlive it. */
struct transfer *transfer_new(struct plain_http *http, struct curl_loop *curl,
                              const struct transfer_trust *trust);
/* URL and body are not copied: they stay until it is done. */
void transfer_start(struct transfer *transfer, const struct transfer_request *request);
/* It is not done any more. */
void transfer_cancel(struct transfer *transfer);
struct transfer_result transfer_result(const struct transfer *transfer, CURLcode code);
/* The answer is no longer needed. */
void transfer_reset(struct transfer *transfer);
/* Not while it is under way. */
void transfer_free(struct transfer *transfer);

#endif
