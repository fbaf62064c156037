/* A source of events that is a folder: what becomes of its files are events of a system topic, by
 * the door, so filters, conversion and retries are those of any event. A line in the folder's state
 * file (eventgrid/folder_journal.h) says that something is about to be told of a file, and another
 * one what was told, when the door has accepted the event. So what happens while nobody looks is
 * told at the next start, and so is what a crash has left open: at worst twice, with the same id,
 * or that a file is gone of which nobody has heard.
 *
 *     folder_watch    what is seen                          (dispatch/folder_watch.h, bridge/net)
 *     folder_files    what was told and seen of each file, so what is due
 *     folder_source   due -> events -> door -> a line in the state file
 *     folder_sources  which of the sources this process has
 *
 * Single-threaded; pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_FOLDER_SOURCE_H
#define PUBGRID_DISPATCH_FOLDER_SOURCE_H

#include <stdbool.h>

#include "base/slice.h"

struct folder_source;
struct grid;

/* `entry`: JSON of event_grid.sources, as it was checked (resource/folder.h). NULL: it is not good.
 */
struct folder_source *folder_source_new(struct grid *grid, struct slice entry);
void folder_source_free(struct folder_source *source);

#endif
