/* Share groups (MQTT 5 section 4.8.2): the sessions that share the messages of one
 * `$share/<name>/<filter>`, and whose turn it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SHARED_H
#define PUBGRID_CORE_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/slice.h"
#include "core/subscriber_set.h"

struct filter;

struct share_group {
    struct filter *filter;               /* what the group subscribes to */
    struct share_group *next, *previous; /* among the groups of `filter` */
    struct subscriber_set members;
    _Atomic uint32_t turn; /* advanced by matches, which hold the read lock only */
    uint16_t length;       /* of `text` */
    uint8_t text[];        /* `$share/<name>/<filter>` */
};

/* `text` is copied. The group is in no list and has no filter yet. */
struct share_group *share_group_new(struct slice text);
void share_group_free(struct share_group *group);

/* The member that gets the next message: the next one that is online, else the next durable one,
 * else false. `chosen` is flagged SUBSCRIBER_SHARED. Any thread, while nobody changes the group. */
bool share_group_choose(struct share_group *group, struct subscriber *chosen);

static inline struct slice share_group_text(const struct share_group *group)
{
    return slice_make(group->text, group->length);
}

#endif
