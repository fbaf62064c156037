/* The archive of a source: its events wait on a queue like those of a subscription (ARCHIVE_NAME),
 * and whoever runs it appends them to files and removes old ones. Inside of the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_ARCHIVE_FEED_H
#define PUBGRID_DISPATCH_ARCHIVE_FEED_H

#include "dispatch/catalog.h"

struct runner;

/* Begins or ends what this process does for the archive of the source, if it has one. */
void archive_feed_look(struct runner *runner, struct catalog_source *source);
/* The source goes. Its files stay until they are too old for what it said last. */
void archive_feed_remove(struct runner *runner, struct catalog_source *source);
/* The broker is there. */
void archive_feeds_connect(struct runner *runner);
void archive_feeds_free(struct runner *runner);

#endif
