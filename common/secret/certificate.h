/* What a certificate says of itself, in PEM.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_CERTIFICATE_H
#define PUBGRID_SECRET_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct certificate_facts {
    int64_t issued_ms, expires_ms; /* since 1970 */
    bool is_authority;             /* it may sign others */
};

/* `pem` is exactly one certificate (text around it does no harm). NULL, or what is wrong with it.
 */
const char *certificate_read(struct slice pem, struct certificate_facts *out);

#endif
