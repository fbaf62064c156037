/* Deliveries: see delivery.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/delivery.h"

#include <assert.h>
#include <stdlib.h>

void delivery_release(struct delivery *delivery)
{
    if (!(delivery->flags & DELIVERY_ABSENT)) {
        message_release(delivery->message);
    }
    if (delivery->flags & DELIVERY_MANY_IDENTIFIERS) {
        free(delivery->identifiers);
    }
}

void delivery_forget_message(struct delivery *delivery)
{
    assert(delivery->position != 0);
    if (!(delivery->flags & DELIVERY_ABSENT)) {
        uint32_t length = delivery->message->length;
        message_release(delivery->message);
        delivery->length = length;
        delivery->flags |= DELIVERY_ABSENT;
    }
}
