/* Files and folders that are on the disk when a function says so.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_FILE_H
#define PUBGRID_BASE_FILE_H

#include <stdbool.h>

#include "base/slice.h"

/* All of these: false, with errno, if it did not go well. */

/* Writes all of it and has it on the disk. */
bool file_write_durably(int fd, struct slice bytes);
/* Has it on the disk that a file of this path was made, renamed or removed: syncs its folder. */
bool file_sync_folder_of(const char *path);
/* Makes the folders that are missing for a file of this path, for the owner only, and has them on
 * the disk. */
bool file_make_folders_for(const char *path);

#endif
