/* Names of blob containers, which are folders here, by Azure's rule: so none leads anywhere else.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_CONTAINER_H
#define PUBGRID_RESOURCE_CONTAINER_H

#include "base/slice.h"

/* NULL, or the end of a sentence: what it should have. */
const char *container_name_check(struct slice name);

#endif
