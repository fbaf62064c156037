/* Changes of settings that the broker itself follows, while it runs: retained messages below
 * `$config/eventgrid/namespaces/`. The worker that routes one posts it to the main thread, which
 * takes all that have come as one change; hearing what is retained by then, not the order of the
 * mails, says what holds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BROKER_HEARING_H
#define PUBGRID_BROKER_HEARING_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/mailbox.h"
#include "core/shard.h"
#include "namespaces.h"

/* Of the main thread; readable (mailbox.wake_fd) when there is something to take. */
struct hearing {
    struct mailbox mailbox;
    struct retained *retained;
};

/* From now on `broker`, which is not running yet, tells it. 0 or -errno. */
int hearing_init(struct hearing *hearing, struct broker *broker);
/* No worker's thread runs any more. */
void hearing_release(struct hearing *hearing);

/* All that is retained, when nothing was heard yet. False: there is nothing that `namespaces` knows
 * of. */
bool hearing_take_stored(struct hearing *hearing, struct namespaces *namespaces);
/* What has changed since then goes to `namespaces`, and the marks of the changes (the Correlation
 * Data of their messages) to `marks`, one behind the other. False: nothing has that `namespaces`
 * knows of; topics and their event subscriptions, which are none of the broker's business, are told
 * there, too. */
bool hearing_take(struct hearing *hearing, struct namespaces *namespaces, struct buffer *marks);

#endif
