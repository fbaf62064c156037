/* Snapshots of the users and groups. See directory.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/directory.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"

struct directory *directory_new(const struct auth_options *options, struct buffer *error)
{
    struct password_table *passwords = NULL;
    if (options->password_file) {
        passwords = password_table_load(options->password_file, error);
        if (!passwords) {
            return NULL;
        }
    }
    struct directory *directory = memory_allocate_zero(sizeof(*directory));
    atomic_init(&directory->references, 1);
    directory->enhanced = options->scram;
    directory->passwords = passwords;
    directory->groups = groups_new(options->groups, options->group_count);
    return directory;
}

struct directory *directory_hold(struct directory *directory)
{
    atomic_fetch_add_explicit(&directory->references, 1, memory_order_relaxed);
    return directory;
}

void directory_release(struct directory *directory)
{
    if (atomic_fetch_sub_explicit(&directory->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    password_table_free(directory->passwords);
    groups_free(directory->groups);
    free(directory);
}
