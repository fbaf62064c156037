/* Snapshots of who may come in. See directory.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/directory.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"

static void hold(_Atomic unsigned *references)
{
    atomic_fetch_add_explicit(references, 1, memory_order_relaxed);
}

static bool was_last(_Atomic unsigned *references)
{
    return atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel) == 1;
}

/* --- accounts --- */

struct accounts *accounts_new(const struct auth_options *options, struct buffer *error)
{
    struct password_table *passwords = NULL;
    if (options->password_file) {
        passwords = password_table_load(options->password_file, error);
        if (!passwords) {
            return NULL;
        }
    }
    struct accounts *accounts = memory_allocate_zero(sizeof(*accounts));
    atomic_init(&accounts->references, 1);
    accounts->scram = options->scram;
    accounts->passwords = passwords;
    accounts->groups = groups_new(options->groups, options->group_count);
    return accounts;
}

struct accounts *accounts_hold(struct accounts *accounts)
{
    hold(&accounts->references);
    return accounts;
}

void accounts_release(struct accounts *accounts)
{
    if (was_last(&accounts->references)) {
        password_table_free(accounts->passwords);
        groups_free(accounts->groups);
        free(accounts);
    }
}

/* --- directories --- */

struct directory *directory_new(struct accounts *accounts, struct sign_in *sign_in)
{
    struct directory *directory = memory_allocate_zero(sizeof(*directory));
    atomic_init(&directory->references, 1);
    directory->accounts = accounts_hold(accounts);
    directory->sign_in = sign_in_hold(sign_in);
    return directory;
}

struct directory *directory_hold(struct directory *directory)
{
    hold(&directory->references);
    return directory;
}

void directory_release(struct directory *directory)
{
    if (was_last(&directory->references)) {
        accounts_release(directory->accounts);
        sign_in_release(directory->sign_in);
        free(directory);
    }
}
