/* REST operations carried out: sends are PUBLISHes; what concerns connections goes to the bridge
 * processes that have them (client/staff.h), which answer.
 *
 * Single-threaded. An operation is answered exactly once, now or later, unless it was abandoned.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_REST_H
#define PUBGRID_CLIENT_REST_H

#include "base/list.h"
#include "base/slice.h"
#include "rest/operation.h"

struct gateway;
struct hub_call;
struct rest_call;

/* Who waits for the answer; embedded in the owner's struct. */
struct rest_reply {
    /* `status` and `body`, JSON (empty: no content), are as in 6.3 and 6.6; `error_code` is for the
     * header x-ms-error-code (NULL: none). The body is borrowed. */
    void (*answer)(struct rest_reply *reply, int status, const char *error_code, struct slice body);
    struct rest_call *call;    /* set while it is under way; zero before */
    struct hub_call *hub_call; /* likewise, of client/hub_admin.h */
};

/* Carries the operation out (REST_HEALTH and REST_TOKEN are answered before, by net/http_call.c);
 * copies of it what it needs for longer than this call. 503 if the broker cannot be reached. */
void rest_carry_out(struct gateway *gateway, const struct rest_operation *operation,
                    struct rest_reply *reply);
/* The client is gone: no answer is wanted any more. Harmless if it was answered. */
void rest_abandon(struct rest_reply *reply);

/* Both, for those who are given them. */
struct rest_ops {
    void (*carry_out)(struct gateway *gateway, const struct rest_operation *operation,
                      struct rest_reply *reply);
    void (*abandon)(struct rest_reply *reply);
};

#endif
