/* Names of dead letter files: the folder of a subscription, and UUIDs whose first eight digits tell
 * whose queue the events were on, for two subscriptions may have the same name and container. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_DEAD_LETTER_NAME_H
#define PUBGRID_DISPATCH_DEAD_LETTER_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "dispatch/catalog.h"

/* Where the files of the subscription are, without a slash at the end. */
void dead_letter_folder_append(struct buffer *out, const struct catalog_subscription *subscription);
void dead_letter_name_append(struct buffer *out, struct slice queue,
                             void (*random)(void *out, size_t length));
/* Is the file at this path one of the queue's? */
bool dead_letter_name_is_of(struct slice path, struct slice queue);

#endif
