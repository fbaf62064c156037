/* Everything that a reload, or a change of the MQTT namespace, changes about who may come in: one
 * counted, immutable snapshot, so that an authentication sees the old or the new set and never a
 * mixture.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_DIRECTORY_H
#define PUBGRID_NET_DIRECTORY_H

#include <stdbool.h>

#include "net/groups.h"
#include "net/password.h"
#include "net/sign_in.h"

/* What the configuration says of users. */
struct auth_options {
    const char *password_file; /* NULL: none */
    bool scram;                /* offer SCRAM-SHA-256 */
    const struct group_members *groups;
    size_t group_count;
    const char *webhook_ca; /* authorities that webhooks are trusted by; NULL: the system's. Of the
                               start: a reload does not change it */
};

/* The users that the configuration knows, counted. */
struct accounts {
    _Atomic unsigned references;
    struct password_table *passwords; /* owned; NULL: nobody has a password */
    struct groups *groups;            /* owned */
    bool scram;
};

/* One count, or NULL with `path:line: what is wrong` in `error`. */
struct accounts *accounts_new(const struct auth_options *options, struct buffer *error);
struct accounts *accounts_hold(struct accounts *accounts);
void accounts_release(struct accounts *accounts);

struct directory {
    _Atomic unsigned references;
    struct accounts *accounts; /* one count */
    struct sign_in *sign_in;   /* one count; NULL: there is no MQTT namespace */
};

/* One count. Holds one of each that it is made of. */
struct directory *directory_new(struct accounts *accounts, struct sign_in *sign_in);
struct directory *directory_hold(struct directory *directory);
void directory_release(struct directory *directory);

#endif
