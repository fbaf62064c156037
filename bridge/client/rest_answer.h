/* The answers of processes taken together, and what HTTP says of them (spec/webpubsub.md 6.3, 6.6,
 * 6.7). Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_REST_ANSWER_H
#define PUBGRID_CLIENT_REST_ANSWER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "client/rest_question.h"
#include "rest/operation.h"

/* A status, with an error (6.6) or without (`code` NULL). */
struct rest_result {
    int status;
    const char *code, *target, *message;
};

extern const struct rest_result rest_ok, rest_accepted, rest_unavailable, rest_too_large;

struct rest_merge {
    struct rest_operation operation; /* borrows `question` and `texts` */
    struct buffer question;          /* for all processes */
    struct buffer lists, texts;
    struct rest_answer total;
    struct buffer items;    /* of lists: struct rest_item, each borrowing `answers` */
    struct buffer *answers; /* [answer_count] */
    size_t answer_count;
    struct buffer users, groups; /* of a count: hashes */
};

/* Copies what it needs. */
void rest_merge_init(struct rest_merge *merge, const struct rest_operation *operation);
void rest_merge_release(struct rest_merge *merge);
/* An answer that is none is left out. */
void rest_merge_add(struct rest_merge *merge, struct slice answer);
/* Is it for a connection that nobody has, and could be carried out when that is back? */
bool rest_merge_is_away(const struct rest_merge *merge);
/* Appends the body of a success, if it has one. */
const struct rest_result *rest_merge_finish(struct rest_merge *merge, struct buffer *body);

#endif
