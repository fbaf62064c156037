/* What the answer of a webhook means, apart from its status (spec/webpubsub.md 7.4, 7.5): data to
 * send on, the connection's state and cookies, metadata. Nothing in it is trusted: what comes out
 * is bounded and of the type that it says it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_ANSWER_H
#define PUBGRID_EVENTS_ANSWER_H

#include "base/buffer.h"
#include "events/event.h"

enum {
    ANSWER_BODY_MAX = 1 << 20,  /* bytes; longer ones are errors, */
    ANSWER_HEAD_MAX = 64 << 10, /* so are such headers */
    ANSWER_PAIRS_MAX = 64,      /* of each kind */
    ANSWER_STATE_MAX = 16384,
};

struct answer_parts {
    bool is_blocking; /* the event may change the state */
    int status;
    struct slice head; /* header lines as they came */
    struct slice body;
    struct slice upstream; /* who answered: url_template_origin() */
    struct slice cookies;  /* that the event came with */
};

/* Kept between answers, so that memory is reused; zeroed memory is good. answer_scratch_release().
 */
struct answer_scratch {
    struct buffer cookies, names;
    struct pair metadata[ANSWER_PAIRS_MAX], properties[ANSWER_PAIRS_MAX];
};

/* Slices of the answer are those of `parts` and of `scratch`. An answer that is not good is one
 * with status 0 and an error. */
void event_answer_parse(struct event_answer *answer, struct answer_scratch *scratch,
                        const struct answer_parts *parts);
void answer_scratch_release(struct answer_scratch *scratch);

#endif
