/* The last of what was told under `$SYS/`: by each bridge process, this one included, and by the
 * broker. Pure; what it is given may come from anywhere.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_METRICS_BOARD_H
#define PUBGRID_CLIENT_METRICS_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/map.h"
#include "client/metrics_broker.h"
#include "client/metrics_sample.h"

enum {
    BOARD_PROCESSES_MAX = 64,    /* bridge.processes */
    BOARD_ENTRIES_MAX = 1 << 18, /* more are not kept */
};

struct board_entry {
    struct map_node by_topic;
    unsigned process;
    struct sample sample; /* its labels are in `topic` */
    struct buffer topic;  /* behind "$SYS/bridge/" */
};

struct metrics_board {
    struct map entries; /* struct board_entry by topic */
    msec_t heard[BOARD_PROCESSES_MAX];
    struct broker_numbers broker;
};

void board_init(struct metrics_board *board);
/* Forgets all. */
void board_clear(struct metrics_board *board);
void board_release(struct metrics_board *board);

/* `topic` is what stands behind "$SYS/bridge/". NULL: it is no sample, or too many. `is_new` says
 * whether there was another number before, or none. */
const struct board_entry *board_put(struct metrics_board *board, struct slice topic,
                                    struct slice text, bool *is_new);
const struct board_entry *board_find(const struct metrics_board *board, struct slice topic);
void board_remove(struct metrics_board *board, struct slice topic);
/* The process that the topic is of; false: it has no number in front, or one too large. */
bool board_process(struct slice topic, unsigned *process);

#endif
