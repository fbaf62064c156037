/* See catalog.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/catalog.h"

const char *subscription_state_name(enum subscription_state state)
{
    static const char *const names[] = {
        [STATE_SUCCEEDED] = "Succeeded",
        [STATE_CREATING] = "Creating",
        [STATE_AWAITING_MANUAL_ACTION] = "AwaitingManualAction",
        [STATE_FAILED] = "Failed",
    };

    return names[state];
}
