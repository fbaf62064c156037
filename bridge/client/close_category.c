/* See close_category.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/close_category.h"

#include <stddef.h>

#include "mqtt/reason.h"

static const char *const names[CLOSE_CATEGORIES] = {
    [CLOSED_NORMAL] = "Normal",
    [CLOSED_THROTTLED] = "Throttled",
    [CLOSED_SEND_EVENT_FAILED] = "SendEventFailed",
    [CLOSED_EVENT_HANDLER_NOT_FOUND] = "EventHandlerNotFound",
    [CLOSED_SLOW_CLIENT] = "SlowClient",
    [CLOSED_TRANSIENT_ERROR] = "ServiceTransientError",
    [CLOSED_BAD_REQUEST] = "BadRequest",
    [CLOSED_SERVICE_RELOAD] = "ServiceReload",
    [CLOSED_UNAUTHORIZED] = "Unauthorized",
    [CLOSED_BY_APP_SERVER] = "ClosedByAppServer",
    [CLOSED_PING_TIMEOUT] = "PingTimeout",
};

/* Other reasons that are no errors are normal, and other errors the client's. */
static const struct {
    uint8_t reason, category;
} of_reasons[] = {
    {REASON_UNSPECIFIED_ERROR, CLOSED_TRANSIENT_ERROR},
    {REASON_IMPLEMENTATION_SPECIFIC_ERROR, CLOSED_TRANSIENT_ERROR},
    {REASON_BAD_USER_NAME_OR_PASSWORD, CLOSED_UNAUTHORIZED},
    {REASON_NOT_AUTHORIZED, CLOSED_UNAUTHORIZED},
    {REASON_BANNED, CLOSED_UNAUTHORIZED},
    {REASON_BAD_AUTHENTICATION_METHOD, CLOSED_UNAUTHORIZED},
    {REASON_SERVER_UNAVAILABLE, CLOSED_TRANSIENT_ERROR},
    {REASON_SERVER_BUSY, CLOSED_THROTTLED},
    {REASON_SERVER_SHUTTING_DOWN, CLOSED_SERVICE_RELOAD},
    {REASON_KEEP_ALIVE_TIMEOUT, CLOSED_PING_TIMEOUT},
    {REASON_SESSION_TAKEN_OVER, CLOSED_NORMAL},
    {REASON_MESSAGE_RATE_TOO_HIGH, CLOSED_THROTTLED},
    {REASON_QUOTA_EXCEEDED, CLOSED_SLOW_CLIENT},
    {REASON_ADMINISTRATIVE_ACTION, CLOSED_BY_APP_SERVER},
    {REASON_CONNECTION_RATE_EXCEEDED, CLOSED_THROTTLED},
};

const char *close_category_name(enum close_category category)
{
    return names[category];
}

enum close_category close_category_of(uint8_t reason)
{
    for (size_t i = 0; i < sizeof(of_reasons) / sizeof(of_reasons[0]); i++) {
        if (of_reasons[i].reason == reason) {
            return (enum close_category)of_reasons[i].category;
        }
    }
    return reason_is_error((enum reason_code)reason) ? CLOSED_BAD_REQUEST : CLOSED_NORMAL;
}
