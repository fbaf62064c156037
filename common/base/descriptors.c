/* See descriptors.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/descriptors.h"

#include <stdint.h>
#include <sys/resource.h>

#include "base/log.h"

void descriptors_raise_limit(void)
{
    struct rlimit limit;
    rlim_t before;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return;
    }
    before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        limit.rlim_cur = before;
    }
    log_write(LOG_INFO, "open files", "limit=%ju before=%ju", (uintmax_t)limit.rlim_cur,
              (uintmax_t)before);
}
