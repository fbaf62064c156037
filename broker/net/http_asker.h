/* A thread that POSTs JSON to webhooks for the workers, which never wait: libcurl's multi
 * interface, kept-alive connections, so many requests at a time, a bounded queue, and an end to
 * each wait. What comes of a request goes back to who asked as mail.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_HTTP_ASKER_H
#define PUBGRID_NET_HTTP_ASKER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mailbox.h"

enum {
    HTTP_QUESTION_MS = 5000,   /* from asking to the answer */
    HTTP_QUESTIONS_MAX = 1024, /* asked and not answered */
    HTTP_QUESTIONS_AT_ONCE = 64,
    HTTP_ANSWER_MAX = 64 * 1024, /* bytes */
};

struct http_asker;

/* Embedded in what it is about. The asker of it fills the first part. */
struct http_question {
    struct mail
        mail; /* `run` takes it back on the receiver's thread; receiver NULL: it only frees */
    struct mailbox *answer_to;
    struct buffer url; /* with a NUL at the end */
    struct buffer body;

    long status; /* of the answer; 0: none came */
    struct buffer answer;
    const char *failure; /* why none came */

    struct list link; /* the thread's own */
    msec_t deadline;
    void *easy, *headers;
};

/* `ca_file`: PEM file of the authorities that are trusted; NULL: the system's. NULL, with a
 * sentence in `error`, if there can be none. */
struct http_asker *http_asker_start(const char *ca_file, struct buffer *error);
/* Any thread. False if HTTP_QUESTIONS_MAX wait already: the question is still the caller's. */
bool http_asker_ask(struct http_asker *asker, struct http_question *question);
/* Ends the thread; questions without an answer are run with receiver NULL. Harmless with NULL. */
void http_asker_stop(struct http_asker *asker);

void http_question_release(struct http_question *question);

#endif
