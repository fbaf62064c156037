/* See metrics_board.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/metrics_board.h"

#include <stdlib.h>

#include "base/memory.h"

static struct board_entry *entry_of(struct map_node *node)
{
    return CONTAINER_OF(node, struct board_entry, by_topic);
}

static struct slice entry_key(const struct map_node *node)
{
    return buffer_slice(&CONTAINER_OF(node, const struct board_entry, by_topic)->topic);
}

static void entry_free(struct board_entry *entry)
{
    buffer_release(&entry->topic);
    free(entry);
}

void board_init(struct metrics_board *board)
{
    *board = (struct metrics_board){0};
    map_init(&board->entries, entry_key);
}

void board_clear(struct metrics_board *board)
{
    board_release(board);
    board_init(board);
}

void board_release(struct metrics_board *board)
{
    struct map_node *node = map_next(&board->entries, NULL), *next;

    for (; node; node = next) {
        next = map_next(&board->entries, node);
        map_remove(&board->entries, node);
        entry_free(entry_of(node));
    }
    map_release(&board->entries);
    broker_numbers_release(&board->broker);
}

bool board_process(struct slice topic, unsigned *process)
{
    struct slice digits = {topic.data, 0};
    uint64_t number;

    while (digits.length < topic.length && topic.data[digits.length] != '/') {
        digits.length++;
    }
    if (digits.length == topic.length || !number_parse(digits, &number) ||
        number >= BOARD_PROCESSES_MAX) {
        return false;
    }
    *process = (unsigned)number;
    return true;
}

/* Behind the process and its slash. */
static struct slice behind_process(struct slice topic)
{
    size_t at = 0;

    while (topic.data[at] != '/') {
        at++;
    }
    return slice_from(topic, at + 1);
}

static struct board_entry *add_entry(struct metrics_board *board, struct slice topic,
                                     unsigned process)
{
    struct board_entry *entry = memory_allocate_zero(sizeof(*entry));

    buffer_append(&entry->topic, topic);
    entry->process = process;
    map_insert(&board->entries, &entry->by_topic);
    return entry;
}

const struct board_entry *board_put(struct metrics_board *board, struct slice topic,
                                    struct slice text, bool *is_new)
{
    struct map_node *node = map_find(&board->entries, topic);
    struct board_entry *entry;
    struct sample sample;
    unsigned process;

    if (!board_process(topic, &process) || !sample_parse(behind_process(topic), text, &sample) ||
        (!node && board->entries.count >= BOARD_ENTRIES_MAX)) {
        return NULL;
    }
    entry = node ? entry_of(node) : add_entry(board, topic, process);
    *is_new = !node || memcmp(sample.numbers, entry->sample.numbers, sizeof(sample.numbers)) != 0;
    sample_parse(behind_process(buffer_slice(&entry->topic)), text, &entry->sample);
    return entry;
}

const struct board_entry *board_find(const struct metrics_board *board, struct slice topic)
{
    struct map_node *node = map_find(&board->entries, topic);

    return node ? entry_of(node) : NULL;
}

void board_remove(struct metrics_board *board, struct slice topic)
{
    struct map_node *node = map_find(&board->entries, topic);

    if (node) {
        map_remove(&board->entries, node);
        entry_free(entry_of(node));
    }
}
