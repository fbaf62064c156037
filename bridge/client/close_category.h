/* Why a browser's connection ended, in the words of Azure's metrics (spec/webpubsub.md 1.6). Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_CLOSE_CATEGORY_H
#define PUBGRID_CLIENT_CLOSE_CATEGORY_H

#include <stdint.h>

enum close_category {
    CLOSED_NORMAL, /* by the client, with a close frame or without; or pushed out by itself */
    CLOSED_THROTTLED,
    CLOSED_SEND_EVENT_FAILED,
    CLOSED_EVENT_HANDLER_NOT_FOUND,
    CLOSED_SLOW_CLIENT,
    CLOSED_TRANSIENT_ERROR, /* our fault */
    CLOSED_BAD_REQUEST,     /* the client's fault */
    CLOSED_SERVICE_RELOAD,  /* this process or the broker is stopped or started again */
    CLOSED_UNAUTHORIZED,
    CLOSED_BY_APP_SERVER, /* by the REST API */
    CLOSED_PING_TIMEOUT,
    CLOSE_CATEGORIES
};

/* "Normal", "Throttled", ... */
const char *close_category_name(enum close_category category);
/* What the reason stands for with which MQTT ended the connection. */
enum close_category close_category_of(uint8_t reason);

#endif
