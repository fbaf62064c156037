/* Channels by number: two levels, so that a high number costs one page and finding takes no search.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_CHANNEL_TABLE_H
#define PUBGRID_NET_CHANNEL_TABLE_H

#include <stdint.h>

#include "trunk/trunk.h"

struct channel;

enum { CHANNEL_PAGE_BITS = 9, CHANNEL_PAGE_SIZE = 1 << CHANNEL_PAGE_BITS };

struct channel_page {
    uint32_t count;
    struct channel *channels[CHANNEL_PAGE_SIZE];
};

/* Zeroed memory is empty. */
struct channel_table {
    struct channel_page **pages; /* TRUNK_CHANNELS_MAX / CHANNEL_PAGE_SIZE; NULL while empty */
    uint32_t count;
};

/* NULL if there is none. The number is below TRUNK_CHANNELS_MAX. */
static inline struct channel *channel_table_find(const struct channel_table *table, uint32_t number)
{
    const struct channel_page *page =
        table->pages ? table->pages[number >> CHANNEL_PAGE_BITS] : NULL;

    return page ? page->channels[number % CHANNEL_PAGE_SIZE] : NULL;
}

/* The number must be free. */
void channel_table_add(struct channel_table *table, uint32_t number, struct channel *channel);
/* The number must be taken. */
void channel_table_remove(struct channel_table *table, uint32_t number);
/* The channel with the least number at or above `*number`, which becomes its number; NULL: none.
 * For walks. */
struct channel *channel_table_next(const struct channel_table *table, uint32_t *number);
void channel_table_release(struct channel_table *table);

#endif
