/* What is wrong with a request of the namespaces' HTTP interfaces: pull delivery (pull_request.h)
 * and MQTT over HTTP (mqtt_request.h). Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_REQUEST_ERROR_H
#define PUBGRID_EVENTGRID_REQUEST_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

/* {"error":{"code":..,"message":..,"details":[]}} */
struct request_error {
    int status;
    const char *code; /* "BadRequest" */
    struct slice message;
};

extern const struct request_error request_unavailable; /* 503 */

/* Sets it to 400 with this message, and returns false. */
bool request_refuse(struct request_error *error, struct slice message);
void request_error_append(struct buffer *out, const struct request_error *error);

/* The number that a parameter is. False: it is none, or greater than `most`. */
bool request_number_read(struct slice text, uint32_t most, uint32_t *number);

#endif
