/* The keys that filters ask for ("data.color.name"), as a tree by their parts, so that an event's
 * members are looked up level by level while its JSON is walked. Names are compared without regard
 * to case. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_FILTER_KEYS_H
#define PUBGRID_EVENTGRID_FILTER_KEYS_H

#include "base/map.h"
#include "base/slice.h"

/* What filters need of the value at a key. */
enum key_wants { WANTS_TEXT = 1, WANTS_NUMBER = 2, WANTS_ELEMENTS = 4, WANTS_LETTERS = 8 };

struct key_node {
    struct map_node link;
    struct map children; /* by name */
    uint32_t slot;       /* the number of the key's value */
    uint8_t wants;
    size_t length;
    uint8_t name[]; /* folded */
};

struct key_node *keys_new(void);
void keys_free(struct key_node *root);
/* The node of a key, made if need be with the number *slots, which is counted up; NULL if it has
 * more parts than JSON has levels. */
struct key_node *keys_add(struct key_node *root, struct slice key, uint32_t *slots);
/* NULL: there is none. `folded` is a name. */
struct key_node *keys_child(const struct key_node *node, struct slice folded);

#endif
