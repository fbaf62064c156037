/* Which changes of settings this process has heard, and who waits until it has.
 *
 * A change has a mark, the Correlation Data of its retained message: the process that made it, by a
 * random number, and the number of the change. Those of one process come in the order in which it
 * made them, so that the last one says that all before it were heard.
 *
 * Who has stored a change asks all living processes for its mark, over the staff:
 *
 *   mark      origin (4), number (4)
 *   question  SETTINGS_QUESTION, mark, prefix of the topics
 *   answer    empty, when the mark was heard; or after SETTINGS_HEARD_MS, for a process that is
 *             late is not dead
 *
 * Single-threaded; pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_SETTINGS_HEARD_H
#define PUBGRID_CLIENT_SETTINGS_HEARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "client/staff.h"

enum {
    SETTINGS_QUESTION = 'S', /* the first byte; those of rest_question.h have another */
    SETTINGS_MARK_SIZE = 8,
    SETTINGS_ORIGINS_MAX = STAFF_PEERS_MAX + 1,
    SETTINGS_HEARD_MS = 2000, /* less than STAFF_TIMEOUT_MS */
};

struct settings_mark {
    uint32_t origin, number; /* from 1 on; 0: none */
};

/* False: the bytes are no mark. */
bool settings_mark_parse(struct slice bytes, struct settings_mark *out);
void settings_mark_append(struct buffer *out, const struct settings_mark *mark);
/* False: the bytes are no question about settings. `prefix` borrows them. */
bool settings_question_parse(struct slice bytes, struct settings_mark *mark, struct slice *prefix);
void settings_question_append(struct buffer *out, const struct settings_mark *mark,
                              struct slice prefix);

struct settings_heard {
    struct gateway *gateway;
    /* The last one of each origin; whose was heard last is first. */
    struct settings_mark last[SETTINGS_ORIGINS_MAX];
    struct list waiting; /* who asked for what was not heard yet, the oldest first */
    struct timer timer;  /* of the oldest */
    bool is_complete;
};

void settings_heard_init(struct settings_heard *heard, struct gateway *gateway);
/* Who waits gets no answer. */
void settings_heard_release(struct settings_heard *heard);
/* All that is stored is told from now on; nothing is in force, or answered, until that is
 * complete. */
void settings_heard_begin(struct settings_heard *heard);
void settings_heard_complete(struct settings_heard *heard);
/* A change came, and is in force. */
void settings_heard_take(struct settings_heard *heard, const struct settings_mark *mark);
/* Answers, now or later. */
void settings_heard_answer(struct settings_heard *heard, const struct settings_mark *mark,
                           const struct staff_asker *asker);

#endif
