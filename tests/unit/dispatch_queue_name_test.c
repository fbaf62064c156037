/* dispatch/queue_name.h
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/queue_name.h"

#include "test.h"

TEST(names_of_queues_do_not_depend_on_the_case_of_subscriptions)
{
    struct buffer name = {0};

    queue_name_append(&name, SLICE_LITERAL("domains/shop/topics/sales"),
                      SLICE_LITERAL("Billing-1"));
    CHECK_SLICE_EQUAL(
        buffer_slice(&name),
        SLICE_LITERAL("$wps//events/domains/shop/topics/sales/eventsubscriptions/billing-1"));
    buffer_release(&name);
}
