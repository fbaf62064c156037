/* Random bytes from getrandom(2), which blocks only before the kernel's pool is seeded at boot.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *out, size_t length)
{
    unsigned char *at = out;

    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);
        if (got < 0 && errno != EINTR) {
            abort(); /* no randomness: no keys, no identifiers, no hash seed */
        }
        if (got > 0) {
            at += got;
            length -= (size_t)got;
        }
    }
}
