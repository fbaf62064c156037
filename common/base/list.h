/* Intrusive doubly linked list: the links live inside the elements, nothing is allocated.
 *
 * The head is a link too; an empty list's head points at itself. A link that is in no list after
 * list_remove() points at itself, so removing twice is harmless. Zeroed links must be passed
 * through list_init() first.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_LIST_H
#define PUBGRID_BASE_LIST_H

#include <stdbool.h>

#include "base/memory.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_insert_between(struct list *link, struct list *prev, struct list *next)
{
    link->prev = prev;
    link->next = next;
    prev->next = link;
    next->prev = link;
}

static inline void list_add_last(struct list *list, struct list *link)
{
    list_insert_between(link, list->prev, list);
}

static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Moves all elements of `from` behind those of `to`; `from` is empty afterwards. */
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_is_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define LIST_FOREACH(link, head)                                                                   \
    for (struct list *link = (head)->next; link != (head); link = link->next)

/* The body may remove `link` (and only `link`). */
#define LIST_FOREACH_SAFE(link, head)                                                              \
    for (struct list *link = (head)->next, *link##_next = link->next; link != (head);              \
         link = link##_next, link##_next = link->next)

#endif
