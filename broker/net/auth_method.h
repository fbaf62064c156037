/* Methods of enhanced authentication (MQTT 5 section 4.12). To add one: write its three functions
 * and a row in auth_methods.c. They run on a worker, so they must be fast.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_AUTH_METHOD_H
#define PUBGRID_NET_AUTH_METHOD_H

#include "core/authenticator.h"
#include "net/directory.h"

struct auth_method {
    const char *name; /* Authentication Method */
    /* The Authentication Data of CONNECT or of AUTH 0x19. AUTH_CONTINUE keeps something in
     * `state`; with any other verdict it stays NULL. */
    enum auth_verdict (*start)(const struct directory *directory, struct slice data, void **state,
                               struct auth_answer *answer);
    /* The data of an AUTH 0x18. */
    enum auth_verdict (*step)(const struct directory *directory, void *state, struct slice data,
                              struct auth_answer *answer);
    void (*forget)(void *state);
};

/* NULL if there is none of this name. */
const struct auth_method *auth_method_find(struct slice name);

#endif
