/* What the files of the catalog share: entries of sources and subscriptions, of which each is in
 * force or waits. Internal to catalog*.c.
 *
 *     set or declared text -> entry -> resolve: read it, compare, listener
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_CATALOG_ENTRIES_H
#define PUBGRID_DISPATCH_CATALOG_ENTRIES_H

#include "dispatch/catalog.h"
#include "json/json.h"

struct catalog_order {
    struct catalog_source **items; /* [count] in force, by key */
    size_t count;
    bool is_stale;
};

struct catalog {
    struct map sources, children; /* all entries */
    const struct catalog_listener *listener;
    struct catalog_order *order;
    struct buffer key; /* scratch */
    bool is_loading;   /* stored settings are being told: texts only */
    bool is_complete;  /* they have been, once */
};

/* --- catalog_source.c --- */

/* The entry, made if need be; NULL: `key` is none of a source. */
struct catalog_source *source_entry(struct catalog *catalog, struct slice key);
/* The entry, in force or not. */
struct catalog_source *source_find_entry(const struct catalog *catalog, struct slice key);
/* Takes its texts into force, and then those of all that depends on it. False with a line in
 * `error`, and what was in force still is; of what depends on it the log says what is wrong. */
bool source_resolve(struct catalog_source *source, struct buffer *error);
/* Frees an entry that says nothing; source_tidy() then also what it stands in. */
void source_drop(struct catalog_source *source);
void source_tidy(struct catalog_source *source);
void source_free(struct catalog_source *source);

/* --- catalog_subscription.c --- */

/* The entry, made if need be; NULL: `name` is none, or the source is a namespace. */
struct catalog_subscription *subscription_entry(struct catalog_source *source, struct slice name);
struct catalog_subscription *subscription_find_entry(struct catalog_source *source,
                                                     struct slice name);
bool subscription_resolve(struct catalog_subscription *subscription, struct buffer *error);
/* Frees an entry that says nothing. */
void subscription_tidy(struct catalog_subscription *subscription);
/* Its source is not in force any more. */
void subscription_withdraw(struct catalog_subscription *subscription);
void subscription_free(struct catalog_subscription *subscription);

/* --- catalog_child.c --- */

struct slice child_key_of(const struct map_node *node);
/* The entry, made if need be; NULL: `key` is none of a child. */
struct catalog_child *child_entry(struct catalog *catalog, struct slice key);
bool child_resolve(struct catalog_child *child, struct buffer *error);
/* All of a namespace; of what is wrong the log says why. */
void children_resolve(struct catalog_source *source);
/* Frees an entry that says nothing. */
void child_tidy(struct catalog_child *child);
void child_free(struct catalog_child *child);

/* --- catalog_targets.c --- */

/* The targets of the source's events are not what they were. */
void targets_forget(struct catalog_source *source);

/* --- texts --- */

/* The member of what is stored, else of what is declared. False: of neither. */
bool texts_member(const struct catalog_texts *texts, const char *name, struct json_value *out);
bool text_member(const struct buffer *text, const char *name, struct json_value *out);
/* Appends the member of a text, if it is a string. */
void append_text_member(struct buffer *out, const struct buffer *text, const char *name);
void texts_release(struct catalog_texts *texts);

#endif
