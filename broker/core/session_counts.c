/* Sessions counted by user. See session_counts.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/session_counts.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"

struct session_count {
    struct map_node node;
    uint32_t sessions;
    uint32_t user_length;
    char user[];
};

struct session_counts {
    pthread_mutex_t lock;
    struct map users; /* those with sessions */
};

static struct slice user_of(const struct map_node *node)
{
    const struct session_count *count = CONTAINER_OF(node, const struct session_count, node);
    return slice_make(count->user, count->user_length);
}

struct session_counts *session_counts_new(void)
{
    struct session_counts *counts = memory_allocate_zero(sizeof(*counts));
    pthread_mutex_init(&counts->lock, NULL);
    map_init(&counts->users, user_of);
    return counts;
}

void session_counts_free(struct session_counts *counts)
{
    if (counts) {
        assert(counts->users.count == 0);
        map_release(&counts->users);
        pthread_mutex_destroy(&counts->lock);
        free(counts);
    }
}

/* Under the lock. */
static struct session_count *find_or_add(struct session_counts *counts, struct slice user)
{
    struct map_node *node = map_find(&counts->users, user);
    if (node) {
        return CONTAINER_OF(node, struct session_count, node);
    }
    struct session_count *count = memory_allocate_zero(sizeof(*count) + user.length);
    count->user_length = (uint32_t)user.length;
    memcpy(count->user, user.data, user.length);
    map_insert(&counts->users, &count->node);
    return count;
}

struct session_count *session_counts_take(struct session_counts *counts, struct slice user,
                                          uint32_t most)
{
    assert(most > 0 && user.length > 0);
    pthread_mutex_lock(&counts->lock);
    struct session_count *count = find_or_add(counts, user);
    bool room = count->sessions < most;
    if (room) {
        count->sessions++;
    }
    pthread_mutex_unlock(&counts->lock);
    return room ? count : NULL;
}

void session_counts_give(struct session_counts *counts, struct session_count *count)
{
    if (!count) {
        return;
    }
    pthread_mutex_lock(&counts->lock);
    assert(count->sessions > 0);
    bool last = --count->sessions == 0;
    if (last) {
        map_remove(&counts->users, &count->node);
    }
    pthread_mutex_unlock(&counts->lock);
    if (last) {
        free(count);
    }
}
