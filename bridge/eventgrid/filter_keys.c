/* See filter_keys.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/filter_keys.h"

#include <stdlib.h>

#include "access/characters.h"
#include "base/memory.h"
#include "eventgrid/fold.h"
#include "json/json.h"

static struct slice name_of(const struct map_node *link)
{
    const struct key_node *node = CONTAINER_OF(link, struct key_node, link);

    return slice_make(node->name, node->length);
}

static struct key_node *node_new(struct slice name)
{
    struct key_node *node = memory_allocate_zero(sizeof(*node) + FOLDED_MAX(name.length));

    node->length = fold_text(node->name, name);
    map_init(&node->children, name_of);
    return node;
}

struct key_node *keys_new(void)
{
    return node_new(SLICE_EMPTY);
}

void keys_free(struct key_node *root)
{
    struct map_node *link = map_next(&root->children, NULL);

    while (link) {
        struct map_node *next = map_next(&root->children, link);
        keys_free(CONTAINER_OF(link, struct key_node, link));
        link = next;
    }
    map_release(&root->children);
    free(root);
}

struct key_node *keys_child(const struct key_node *node, struct slice folded)
{
    struct map_node *link = map_find(&node->children, folded);

    return link ? CONTAINER_OF(link, struct key_node, link) : NULL;
}

/* The child with that name, which is not folded yet. */
static struct key_node *child_made(struct key_node *node, struct slice name, uint32_t *slots)
{
    struct key_node *made = node_new(name), *child = keys_child(node, name_of(&made->link));

    if (child) {
        keys_free(made);
        return child;
    }
    made->slot = (*slots)++;
    map_insert(&node->children, &made->link);
    return made;
}

static size_t count_dots(struct slice key)
{
    size_t dots = 0;

    for (size_t i = 0; i < key.length; i++) {
        dots += key.data[i] == '.';
    }
    return dots;
}

struct key_node *keys_add(struct key_node *root, struct slice key, uint32_t *slots)
{
    size_t parts = count_dots(key) + 1;

    if (parts > JSON_DEPTH_MAX) {
        return NULL;
    }
    for (; parts > 0; parts--) {
        root = child_made(root, take_up_to(&key, '.'), slots);
    }
    return root;
}
