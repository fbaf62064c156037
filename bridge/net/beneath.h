/* Opening folders below a folder in which others may write, and put links in the place of folders
 * while we look: none of them is followed, at no part of the path.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_BENEATH_H
#define PUBGRID_NET_BENEATH_H

#include "base/slice.h"

/* The folder at `path` below `root`; "" is the root itself, which may be a link. Parts stand
 * between single slashes, and none is "..". `flags` as of open(), O_DIRECTORY and O_CLOEXEC beside
 * them. -1 with errno, which is ELOOP or ENOTDIR where there is a link. */
int beneath_open(const char *root, struct slice path, int flags);
/* The same part by part, for kernels, or filters of system calls, that know no openat2(). */
int beneath_open_by_parts(const char *root, struct slice path, int flags);

#endif
