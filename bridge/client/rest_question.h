/* What bridge processes ask each other for the REST API, and what they answer (client/staff.h):
 * the bytes. Pure, and it trusts nobody.
 *
 * A question is the operation, without what only the process that got it needs. An answer is the
 * numbers and the items that one process has found. All numbers are big endian, and a text has its
 * length in two bytes before it:
 *
 *   question  version, kind, target, action | only_failures << 6 | has_target_name << 7;
 *             page size (4); texts hub, name, filter, reason, target name, continuation;
 *             lists groups, excluded: their count (4) and that many texts
 *   answer    version, flags, counts of connections, users, groups (8 each), then until the end
 *             items, each a number (4) and two texts, or two runs of hashes: their count (4) and
 *             that many (8 each)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_REST_QUESTION_H
#define PUBGRID_CLIENT_REST_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "client/staff.h"
#include "rest/operation.h"

enum answer_flag {
    ANSWER_HOLDS = 1 << 0,  /* the connection has the permission */
    ANSWER_FAILED = 1 << 1, /* a part could not be done, now or since it has too many permissions */
};

struct rest_answer {
    uint8_t flags;                       /* enum answer_flag */
    uint64_t connections, users, groups; /* that were found */
    struct slice items;                  /* walk with rest_answer_next(), or it is hashes */
};

struct rest_item {
    struct slice name; /* what lists are sorted by: a connection id, user or group */
    struct slice user; /* of a connection; empty: none; of a delivery: JSON */
    uint32_t number;   /* of connections: of a user or group */
};

void rest_question_append(struct buffer *out, const struct rest_operation *operation);
/* `lists` takes the slices of the lists; what the operation points to is `bytes` and `lists`. False
 * if the bytes are no question. */
bool rest_question_parse(struct slice bytes, struct rest_operation *out, struct buffer *lists);

void rest_answer_append(struct buffer *out, const struct rest_answer *answer);
void rest_item_append(struct buffer *items, const struct rest_item *item);
bool rest_answer_parse(struct slice bytes, struct rest_answer *out);
/* False at the end. */
bool rest_answer_next(struct slice *items, struct rest_item *out);

/* --- rest_work.c --- */

struct client;
struct gateway;

/* Another process, or this one, asks: does what is to be done for the connections that this process
 * has, and answers, at once or later. */
void rest_take_question(struct gateway *gateway, const struct staff_asker *asker,
                        struct slice question);

/* A question that came to one connection, as a message, since nobody had it when it was asked: does
 * what it says for this connection. */
void rest_take_command(struct client *client, struct slice question);

#endif
