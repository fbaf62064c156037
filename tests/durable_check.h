/* Restarting a durable_world (tests/support) and comparing its state before and after.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_DURABLE_CHECK_H
#define PUBGRID_TESTS_DURABLE_CHECK_H

#include "support/durable_world.h"
#include "test.h"

/* Where the texts begin to differ, or NULL. */
static inline const char *difference(const struct buffer *before, const struct buffer *after)
{
    static char text[1000];
    size_t line = 0, at = 0;

    while (at < before->length && at < after->length && before->data[at] == after->data[at]) {
        line = before->data[at] == '\n' ? at + 1 : line;
        at++;
    }
    if (at == before->length && at == after->length) {
        return NULL;
    }
    snprintf(text, sizeof(text), "before: %.*s\nafter: %.*s",
             (int)strcspn((char *)before->data + line, "\n"), before->data + line,
             (int)strcspn((char *)after->data + line, "\n"), after->data + line);
    return text;
}

static inline void start(struct durable_world *world, unsigned shards, msec_t alive_until)
{
    struct buffer error = {0};

    if (!durable_start(world, shards, alive_until, &error)) {
        test_fail(__FILE__, __LINE__, "%.*s", SLICE_PRINT(error));
    }
}

/* The process ends and begins again: the state must be the same. */
static inline void check_restart(struct durable_world *world, unsigned shards)
{
    struct buffer before = {0}, after = {0};

    durable_describe(world, &before);
    buffer_append_byte(&before, '\0');
    durable_stop(world);
    start(world, shards, world->now);
    durable_describe(world, &after);
    buffer_append_byte(&after, '\0');
    const char *text = difference(&before, &after);
    if (text) {
        test_fail(__FILE__, __LINE__, "not the same:\n%s\n", text);
    }
    buffer_release(&before);
    buffer_release(&after);
}

#endif
