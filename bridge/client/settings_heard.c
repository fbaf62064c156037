/* See settings_heard.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/settings_heard.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/gateway.h"
#include "mqtt/reader.h"

struct waiting {
    struct list link; /* in heard->waiting */
    struct settings_mark mark;
    struct staff_asker asker;
    msec_t until;
    bool is_told; /* the change was stored before all that is stored began to be told */
};

/* ---------------------------------------------------------------- bytes */

bool settings_mark_parse(struct slice bytes, struct settings_mark *out)
{
    struct reader reader = reader_make(bytes);

    out->origin = reader_u32(&reader);
    out->number = reader_u32(&reader);
    return !reader.failed && reader_left(&reader) == 0 && out->number != 0;
}

void settings_mark_append(struct buffer *out, const struct settings_mark *mark)
{
    buffer_append_u32(out, mark->origin);
    buffer_append_u32(out, mark->number);
}

bool settings_question_parse(struct slice bytes, struct settings_mark *mark, struct slice *prefix)
{
    struct reader reader = reader_make(bytes);
    uint8_t kind = reader_u8(&reader);
    struct slice written = reader_take(&reader, SETTINGS_MARK_SIZE);

    *prefix = reader_rest(&reader);
    return !reader.failed && kind == SETTINGS_QUESTION && settings_mark_parse(written, mark);
}

void settings_question_append(struct buffer *out, const struct settings_mark *mark,
                              struct slice prefix)
{
    buffer_append_byte(out, SETTINGS_QUESTION);
    settings_mark_append(out, mark);
    buffer_append(out, prefix);
}

/* ---------------------------------------------------------------- marks */

static bool was_heard(const struct settings_heard *heard, const struct settings_mark *mark)
{
    for (size_t i = 0; i < SETTINGS_ORIGINS_MAX && heard->last[i].number != 0; i++) {
        if (heard->last[i].origin == mark->origin) {
            return heard->last[i].number >= mark->number;
        }
    }
    return false;
}

/* What is told at the beginning comes in any order. */
static void remember(struct settings_heard *heard, struct settings_mark mark)
{
    size_t at = 0;

    while (at < SETTINGS_ORIGINS_MAX - 1 && heard->last[at].number != 0 &&
           heard->last[at].origin != mark.origin) {
        at++;
    }
    if (heard->last[at].origin == mark.origin && heard->last[at].number > mark.number) {
        mark.number = heard->last[at].number;
    }
    memmove(&heard->last[1], &heard->last[0], at * sizeof(heard->last[0]));
    heard->last[0] = mark;
}

/* ---------------------------------------------------------------- who waits */

static void answer(struct settings_heard *heard, struct waiting *waiting)
{
    struct staff_asker asker = waiting->asker;

    list_remove(&waiting->link);
    free(waiting);
    staff_answer(heard->gateway->staff, &asker, SLICE_EMPTY);
}

static void answer_heard(struct settings_heard *heard)
{
    LIST_FOREACH_SAFE (link, &heard->waiting) {
        struct waiting *waiting = CONTAINER_OF(link, struct waiting, link);
        if (waiting->is_told || was_heard(heard, &waiting->mark)) {
            answer(heard, waiting);
        }
    }
}

static void set_timer(struct settings_heard *heard)
{
    if (!list_is_empty(&heard->waiting)) {
        timers_set(&heard->gateway->timers, &heard->timer,
                   CONTAINER_OF(heard->waiting.next, struct waiting, link)->until);
    }
}

static void on_time(struct timer *timer, void *context)
{
    struct settings_heard *heard = CONTAINER_OF(timer, struct settings_heard, timer);
    msec_t now = gateway_now(heard->gateway);

    (void)context;
    LIST_FOREACH_SAFE (link, &heard->waiting) {
        struct waiting *waiting = CONTAINER_OF(link, struct waiting, link);
        if (waiting->until <= now) {
            log_write(LOG_DEBUG, "a change of settings was not heard in time", "asker=%s",
                      waiting->asker.name);
            answer(heard, waiting);
        }
    }
    set_timer(heard);
}

void settings_heard_answer(struct settings_heard *heard, const struct settings_mark *mark,
                           const struct staff_asker *asker)
{
    struct waiting *waiting;

    if (heard->is_complete && was_heard(heard, mark)) {
        staff_answer(heard->gateway->staff, asker, SLICE_EMPTY);
        return;
    }
    waiting = memory_allocate_zero(sizeof(*waiting));
    waiting->mark = *mark;
    waiting->asker = *asker;
    waiting->until = gateway_now(heard->gateway) + SETTINGS_HEARD_MS;
    list_add_last(&heard->waiting, &waiting->link);
    if (!timer_is_set(&heard->timer)) {
        set_timer(heard);
    }
}

void settings_heard_begin(struct settings_heard *heard)
{
    heard->is_complete = false;
    LIST_FOREACH (link, &heard->waiting) {
        CONTAINER_OF(link, struct waiting, link)->is_told = true;
    }
}

void settings_heard_complete(struct settings_heard *heard)
{
    heard->is_complete = true;
    answer_heard(heard);
}

void settings_heard_take(struct settings_heard *heard, const struct settings_mark *mark)
{
    remember(heard, *mark);
    if (heard->is_complete) {
        answer_heard(heard);
    }
}

/* ---------------------------------------------------------------- making and ending */

void settings_heard_init(struct settings_heard *heard, struct gateway *gateway)
{
    heard->gateway = gateway;
    list_init(&heard->waiting);
    timer_init(&heard->timer, on_time);
}

void settings_heard_release(struct settings_heard *heard)
{
    timers_cancel(&heard->gateway->timers, &heard->timer);
    LIST_FOREACH_SAFE (link, &heard->waiting) {
        struct waiting *waiting = CONTAINER_OF(link, struct waiting, link);
        list_remove(link);
        free(waiting);
    }
}
