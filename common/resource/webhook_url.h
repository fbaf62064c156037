/* The URL of a webhook: http:// or https://, a host, perhaps a user and a password.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_WEBHOOK_URL_H
#define PUBGRID_RESOURCE_WEBHOOK_URL_H

#include <stdbool.h>

#include "base/slice.h"

bool webhook_url_is_good(struct slice text);

#endif
