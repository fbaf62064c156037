/* The dead letters of an event subscription that are files (eventgrid/dead_letter.h has their
 * layout): looked through, and sent again. Any process can do either.
 *
 * Two subscriptions may have the same name and container: the first eight digits of a file's name
 * tell whose it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_DEAD_LETTERS_H
#define PUBGRID_DISPATCH_DEAD_LETTERS_H

#include <stdint.h>

#include "dispatch/catalog.h"
#include "dispatch/job.h"

struct runner;

enum { DEAD_LETTER_FILES_PER_PAGE_MAX = 200 };

/* Appends {"value":[{"file":"<path>","event":{..}},..],"next":"<path>"} to `job->text`, of at most
 * `files_max` files, those behind the path `after` (empty: from the first one). "next", the last
 * path, is there if there may be more. Files are in the order of their hours. */
void dead_letters_list(struct runner *runner, const struct catalog_subscription *subscription,
                       struct slice after, uint32_t files_max, struct job *job);
/* Puts the event with this id, or all (empty), on the subscription's queue, with no attempts made;
 * each file goes when its events are there. */
void dead_letters_resend(struct runner *runner, const struct catalog_subscription *subscription,
                         struct slice event_id, struct job *job);

#endif
