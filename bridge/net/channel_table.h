/* The channels of one trunk by number. A number is used again once both sides have closed it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_CHANNEL_TABLE_H
#define PUBGRID_NET_CHANNEL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct channel;

struct channel_slot {
    struct channel *channel; /* NULL: free, or closed on our side */
    uint32_t next_free;
    bool is_taken;
};

struct channel_table {
    struct channel_slot *slots; /* [capacity] */
    uint32_t count, capacity;   /* numbers below `count` have been used */
    uint32_t first_free;
};

void channel_table_init(struct channel_table *table);
void channel_table_release(struct channel_table *table);
/* Its number from now on. */
uint32_t channel_table_add(struct channel_table *table, struct channel *channel);
/* NULL if there is none, or we have closed it. */
struct channel *channel_table_find(const struct channel_table *table, uint32_t number);
/* We have closed it; the number stays taken until channel_table_free(). */
void channel_table_close(struct channel_table *table, uint32_t number);
/* Both sides have closed it. False if the number is not taken. */
bool channel_table_free(struct channel_table *table, uint32_t number);

#endif
