/* The connections of hubs that this process has: by connection id, by user, by group. For what the
 * REST API asks of them, for counts, and for filters (which see a connection's groups).
 *
 * A member is embedded in its client. It can be found by its id as soon as it was added, and counts
 * as a connection from registry_open() on. Every step costs the same however many members there
 * are, but for finding a group among those of one member. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_REGISTRY_H
#define PUBGRID_CLIENT_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/slice.h"

struct member;
struct filter_subject;

/* A user or group of a hub that has members. */
struct registry_name {
    struct map_node node;
    uint32_t length;
    uint32_t count; /* members */
    uint8_t text[];
};

struct registry_hub {
    struct map_node node;
    struct map members; /* struct member, `by_id` */
    struct map users;   /* struct registry_user */
    struct map groups;  /* struct registry_group */
    uint32_t open;      /* members that are */
    uint32_t length;
    uint8_t text[];
};

/* Is in the arrays of both sides, each of which knows its place in the other. */
struct membership {
    union {
        struct registry_group *group; /* in the member's array */
        struct member *member;        /* in the group's */
    };
    uint32_t place;
};

struct registry_group {
    struct membership *members; /* [name.count], room for a power of two */
    struct registry_name name;  /* last */
};

struct registry_user {
    struct list members;       /* of_user */
    struct registry_name name; /* last */
};

/* Zeroed memory is in no registry. */
struct member {
    struct map_node by_id;
    struct registry_hub *hub;   /* NULL: in no registry */
    struct registry_user *user; /* NULL: none, or not open */
    struct list of_user;
    union {
        struct membership group;   /* while it is the only one */
        struct membership *groups; /* [group_count], room for a power of two */
    };
    const uint8_t *id; /* [id_length] */
    uint32_t group_count;
    uint16_t id_length;
    bool is_open;
};

/* Zeroed memory is empty. */
struct registry {
    struct map hubs;
    struct slice *names; /* scratch of registry_describe() */
    size_t names_capacity;
};

void registry_init(struct registry *registry);
/* All members have been removed. */
void registry_release(struct registry *registry);

/* `id` stays where it is while the member is in the registry. No other has it in this hub. */
void registry_add(struct registry *registry, struct member *member, struct slice hub,
                  struct slice id);
/* `user` empty: none. */
void registry_open(struct member *member, struct slice user);
/* From its groups too. Harmless if it is in none. */
void registry_remove(struct registry *registry, struct member *member);

/* True if it was not in the group. The member is in the registry. */
bool registry_join(struct member *member, struct slice group);
/* True if it was in it. */
bool registry_leave(struct member *member, struct slice group);
/* The name of one of its groups, by number. */
struct slice registry_group_of(const struct member *member, uint32_t number);

/* NULL if there is none. */
struct registry_hub *registry_find_hub(const struct registry *registry, struct slice hub);
struct member *registry_find(const struct registry_hub *hub, struct slice id);
struct registry_user *registry_find_user(const struct registry_hub *hub, struct slice user);
struct registry_group *registry_find_group(const struct registry_hub *hub, struct slice group);

/* What a filter sees of it, but for the protocol. Until the next call. */
void registry_describe(struct registry *registry, const struct member *member,
                       struct filter_subject *out);

static inline struct slice member_id(const struct member *member)
{
    return slice_make(member->id, member->id_length);
}

static inline struct slice registry_text(const struct registry_name *name)
{
    return slice_make(name->text, name->length);
}

static inline struct slice member_user(const struct member *member)
{
    return member->user ? registry_text(&member->user->name) : SLICE_EMPTY;
}

#endif
