/* Names of hubs, groups and events (spec/webpubsub.md 1.1). Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NAMES_NAMES_H
#define PUBGRID_NAMES_NAMES_H

#include <stdbool.h>

#include "base/slice.h"

enum {
    HUB_NAME_MAX = 128,
    EVENT_NAME_MAX = 128,
    GROUP_NAME_MAX = 1024, /* characters, */
    GROUP_NAME_BYTES_MAX = 4 * GROUP_NAME_MAX,
};

/* Every hub that is not declared. No client can name it: it is no valid name. */
#define HUB_DEFAULT "_default"

/* ^[A-Za-z][A-Za-z0-9_`,.[\]]{0,127}$ */
bool hub_name_is_valid(struct slice name);
/* 1 to 1024 characters of UTF-8, not only white space. */
bool group_name_is_valid(struct slice name);
/* Letter first, then letters, digits, _ . - up to 128. */
bool event_name_is_valid(struct slice name);

#endif
