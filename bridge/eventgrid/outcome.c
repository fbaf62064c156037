/* See outcome.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/outcome.h"

const char *delivery_outcome_name(enum delivery_outcome outcome)
{
    static const char *const names[DELIVERY_OUTCOMES] = {
        [OUTCOME_DELIVERED] = "Delivered",
        [OUTCOME_NOT_FOUND] = "NotFound",
        [OUTCOME_DISABLED] = "Disabled",
        [OUTCOME_FULL] = "Full",
        [OUTCOME_UNAUTHORIZED] = "Unauthorized",
        [OUTCOME_BAD_REQUEST] = "BadRequest",
        [OUTCOME_TIMED_OUT] = "TimedOut",
        [OUTCOME_BUSY] = "Busy",
        [OUTCOME_PAYLOAD_TOO_LARGE] = "PayloadTooLarge",
        [OUTCOME_PROBATION] = "Probation",
        [OUTCOME_CANCELED] = "Canceled",
        [OUTCOME_ABORTED] = "Aborted",
        [OUTCOME_SOCKET_ERROR] = "SocketError",
        [OUTCOME_RESOLUTION_ERROR] = "ResolutionError",
        [OUTCOME_DELIVERING] = "Delivering",
        [OUTCOME_FORBIDDEN] = "Forbidden",
    };

    return names[outcome];
}
