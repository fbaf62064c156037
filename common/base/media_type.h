/* The media type that a file's name says. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_MEDIA_TYPE_H
#define PUBGRID_BASE_MEDIA_TYPE_H

#include "base/slice.h"

/* By what stands behind the last dot, in any case; "application/octet-stream" for others. */
const char *media_type_of(struct slice path);

#endif
