/* New settings for all workers, each of which swaps them in its own thread, and the news that all
 * have done so.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BROKER_SWAP_H
#define PUBGRID_BROKER_SWAP_H

#include "base/slice.h"
#include "net/worker.h"

/* Takes one count of the settings (NULL: those in force stay, and no session is looked at). The
 * last worker that has them in force publishes `marks`, which are copied, on `$config/applied`:
 * whoever has made the changes with these marks may say that they hold
 * (bridge/client/settings_store.h). Empty: nothing is published. */
void settings_swap(struct worker_group *group, struct settings *settings, struct slice marks);

#endif
