/* See retry.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/retry.h"

#include <stdbool.h>

enum { STATUS_REQUEST_TIMEOUT = 408, STATUS_SERVER_ERRORS = 500, STATUS_END = 600 };

int32_t retry_delay_ms(int status, uint32_t attempt, uint32_t attempts)
{
    static const int32_t delays[] = {1000, 3000, 5000};
    const uint32_t last = sizeof(delays) / sizeof(delays[0]);
    bool may_pass = status == 0 || status == STATUS_REQUEST_TIMEOUT ||
                    (status >= STATUS_SERVER_ERRORS && status < STATUS_END);

    if (!may_pass || attempt >= attempts) {
        return RETRY_NEVER;
    }
    return delays[attempt < last ? attempt - 1 : last - 1];
}
