/* See publisher.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/publisher.h"

#include "mqtt/publisher.h"
#include "mqtt/user_property.h"

struct slice publisher_describe(struct shard *shard, const struct identity *identity)
{
    struct buffer *list = &shard->told;

    list->length = 0;
    if (!identity->anonymous) {
        write_user_property(list, PUBLISHER_NAME, identity->user_name);
    }
    write_user_number(list, PUBLISHER_RECEIVED, (uint64_t)shard->now);
    return buffer_slice(list);
}
