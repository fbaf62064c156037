/* Channels by number: see channel_table.h. A page goes with its last channel.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/channel_table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

enum { PAGES = TRUNK_CHANNELS_MAX / CHANNEL_PAGE_SIZE };

void channel_table_add(struct channel_table *table, uint32_t number, struct channel *channel)
{
    if (!table->pages) {
        table->pages = memory_allocate_zero(PAGES * sizeof(struct channel_page *));
    }
    struct channel_page **page = &table->pages[number >> CHANNEL_PAGE_BITS];
    if (!*page) {
        *page = memory_allocate_zero(sizeof(**page));
    }
    assert(!(*page)->channels[number % CHANNEL_PAGE_SIZE]);
    (*page)->channels[number % CHANNEL_PAGE_SIZE] = channel;
    (*page)->count++;
    table->count++;
}

void channel_table_remove(struct channel_table *table, uint32_t number)
{
    struct channel_page **page = &table->pages[number >> CHANNEL_PAGE_BITS];

    assert((*page)->channels[number % CHANNEL_PAGE_SIZE]);
    (*page)->channels[number % CHANNEL_PAGE_SIZE] = NULL;
    table->count--;
    if (--(*page)->count == 0) {
        free(*page);
        *page = NULL;
    }
}

struct channel *channel_table_next(const struct channel_table *table, uint32_t *number)
{
    while (table->pages && *number < TRUNK_CHANNELS_MAX) {
        const struct channel_page *page = table->pages[*number >> CHANNEL_PAGE_BITS];
        if (!page) {
            *number = ((*number >> CHANNEL_PAGE_BITS) + 1) << CHANNEL_PAGE_BITS;
            continue;
        }
        struct channel *channel = page->channels[*number % CHANNEL_PAGE_SIZE];
        if (channel) {
            return channel;
        }
        ++*number;
    }
    return NULL;
}

void channel_table_release(struct channel_table *table)
{
    for (uint32_t i = 0; table->pages && i < PAGES; i++) {
        free(table->pages[i]);
    }
    free(table->pages);
    *table = (struct channel_table){0};
}
