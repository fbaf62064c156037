/* client/close_category.h: the names of 1.6, and what MQTT's reasons come to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/close_category.h"

#include "mqtt/reason.h"
#include "test.h"

TEST(the_names_are_those_of_the_specification)
{
    static const char *const names[] = {"Normal",          "Throttled",
                                        "SendEventFailed", "EventHandlerNotFound",
                                        "SlowClient",      "ServiceTransientError",
                                        "BadRequest",      "ServiceReload",
                                        "Unauthorized",    "ClosedByAppServer",
                                        "PingTimeout"};

    CHECK_INT_EQUAL(sizeof(names) / sizeof(names[0]), CLOSE_CATEGORIES);
    for (int i = 0; i < CLOSE_CATEGORIES; i++) {
        CHECK(strcmp(close_category_name((enum close_category)i), names[i]) == 0);
    }
}

TEST(reasons_of_mqtt)
{
    static const struct {
        uint8_t reason;
        enum close_category category;
    } rows[] = {
        {REASON_SUCCESS, CLOSED_NORMAL},
        {REASON_DISCONNECT_WITH_WILL_MESSAGE, CLOSED_NORMAL},
        {REASON_SESSION_TAKEN_OVER, CLOSED_NORMAL},
        {REASON_QUOTA_EXCEEDED, CLOSED_SLOW_CLIENT},
        {REASON_KEEP_ALIVE_TIMEOUT, CLOSED_PING_TIMEOUT},
        {REASON_NOT_AUTHORIZED, CLOSED_UNAUTHORIZED},
        {REASON_SERVER_SHUTTING_DOWN, CLOSED_SERVICE_RELOAD},
        {REASON_ADMINISTRATIVE_ACTION, CLOSED_BY_APP_SERVER},
        {REASON_MESSAGE_RATE_TOO_HIGH, CLOSED_THROTTLED},
        {REASON_MALFORMED_PACKET, CLOSED_BAD_REQUEST},
        {REASON_PACKET_TOO_LARGE, CLOSED_BAD_REQUEST},
        {REASON_UNSPECIFIED_ERROR, CLOSED_TRANSIENT_ERROR},
        {0xff, CLOSED_BAD_REQUEST},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("row %zu", i);
        CHECK_INT_EQUAL(close_category_of(rows[i].reason), rows[i].category);
    }
}
