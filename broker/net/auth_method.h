/* Methods of enhanced authentication (MQTT 5 section 4.12). To add one: write its functions and a
 * row in auth_methods.c. They run on a worker, so they must be fast.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_AUTH_METHOD_H
#define PUBGRID_NET_AUTH_METHOD_H

#include "core/authenticator.h"
#include "net/directory.h"

/* What a client sends, and what is asked then. */
struct auth_step {
    const struct directory *directory;
    struct slice data; /* Authentication Data */
    msec_t now;        /* by the clock of its shard */
};

struct auth_method {
    const char *name; /* Authentication Method */
    /* Else it is as if there were no such method. */
    bool (*is_offered)(const struct directory *directory);
    /* The data of CONNECT or of AUTH 0x19. AUTH_CONTINUE keeps something in `state`; with any other
     * verdict it stays NULL. */
    enum auth_verdict (*start)(const struct auth_step *step, void **state,
                               struct auth_answer *answer);
    /* The data of an AUTH 0x18, and the end of `state`. NULL with `forget`: it never continues. */
    enum auth_verdict (*step)(const struct auth_step *step, void *state,
                              struct auth_answer *answer);
    void (*forget)(void *state);
};

/* NULL if none of this name is offered. */
const struct auth_method *auth_method_find(const struct directory *directory, struct slice name);

#endif
