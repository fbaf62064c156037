/* See channel_table.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/channel_table.h"

#include <stdlib.h>

#include "base/memory.h"

#define NONE UINT32_MAX

void channel_table_init(struct channel_table *table)
{
    *table = (struct channel_table){.first_free = NONE};
}

void channel_table_release(struct channel_table *table)
{
    free(table->slots);
    channel_table_init(table);
}

static uint32_t append(struct channel_table *table)
{
    if (table->count == table->capacity) {
        table->capacity = table->capacity > 0 ? table->capacity * 2 : 64;
        table->slots = memory_resize(table->slots, table->capacity * sizeof(*table->slots));
    }
    return table->count++;
}

uint32_t channel_table_add(struct channel_table *table, struct channel *channel)
{
    uint32_t number = table->first_free;

    if (number != NONE) {
        table->first_free = table->slots[number].next_free;
    } else {
        number = append(table);
    }
    table->slots[number] = (struct channel_slot){.channel = channel, .is_taken = true};
    return number;
}

struct channel *channel_table_find(const struct channel_table *table, uint32_t number)
{
    return number < table->count ? table->slots[number].channel : NULL;
}

void channel_table_close(struct channel_table *table, uint32_t number)
{
    table->slots[number].channel = NULL;
}

bool channel_table_free(struct channel_table *table, uint32_t number)
{
    if (number >= table->count || !table->slots[number].is_taken) {
        return false;
    }
    table->slots[number] = (struct channel_slot){.next_free = table->first_free};
    table->first_free = number;
    return true;
}
