/* Everything that a reload changes about who may come in: one counted, immutable snapshot, so that
 * an authentication sees the old or the new set and never a mixture.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_DIRECTORY_H
#define PUBGRID_NET_DIRECTORY_H

#include <stdbool.h>

#include "net/groups.h"
#include "net/password.h"

/* What a directory is made from. */
struct auth_options {
    const char *password_file; /* NULL: none */
    bool scram;                /* offer SCRAM-SHA-256 */
    const struct group_members *groups;
    size_t group_count;
};

struct directory {
    _Atomic unsigned references;
    bool enhanced;                    /* methods of enhanced authentication are offered */
    struct password_table *passwords; /* owned; NULL: nobody has a password */
    struct groups *groups;            /* owned */
};

/* One count, or NULL with `path:line: what is wrong` in `error`. */
struct directory *directory_new(const struct auth_options *options, struct buffer *error);
struct directory *directory_hold(struct directory *directory);
void directory_release(struct directory *directory);

#endif
