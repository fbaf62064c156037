/* The event topics and event subscriptions that are in force: what the configuration file declares
 * and what is set at run time, which goes before. Each bridge process has all of it. What is set at
 * run time is retained messages that every process hears (dispatch/catalog_store.h):
 *
 *     $config/eventgrid/<source key>
 *         {"name":"Orders","resource":{ARM JSON},"azureSubscription":..,"resourceGroup":..,
 *          "key1":..,"key2":..}
 *     $config/eventgrid/<source key>/eventsubscriptions/<name in lower case>
 *         {"name":"Billing","properties":{..},"state":"Succeeded","stateReason":"..",
 *          "stateUrl":"..","stateSchema":"..",
 *          "consentUntil":..}
 *     $config/eventgrid/<child key>   (resource/namespace_child.h; of clients with their letters)
 *         {"name":"Pump-1","properties":{..}}
 *
 * Without "resource" or "properties" those of the file count: a declared source without keys in the
 * file gets some at the first start, and the state of a declared subscription is kept, in such
 * messages. The state counts for "stateUrl" and "stateSchema" only, if these are given. In any
 * order: what belongs to a source that is not there (yet) waits. A domain's topic is there while it
 * is set or has subscriptions. A namespace's topic is a topic of its own, with its own properties,
 * keys and subscriptions; only that it is there goes with its namespace. Single-threaded; pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_CATALOG_H
#define PUBGRID_DISPATCH_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/map.h"
#include "client/metrics.h"
#include "eventgrid/filter_set.h"
#include "resource/namespace_child.h"
#include "resource/subscription.h"
#include "resource/topic.h"

enum subscription_state { /* provisioningState (3.1) */
                          STATE_SUCCEEDED,
                          STATE_CREATING, /* declared in the file, its webhook not asked yet */
                          STATE_AWAITING_MANUAL_ACTION,
                          STATE_FAILED,
};
const char *subscription_state_name(enum subscription_state state);
bool subscription_state_from_name(struct slice name, enum subscription_state *out);

/* What is said of a source or a subscription, as JSON; empty: nothing. */
struct catalog_texts {
    struct buffer declared, stored;
    struct buffer effective; /* what is in force, for comparison */
    bool is_told;            /* `stored`, since catalog_begin() */
};

/* A topic, domain, system topic or namespace, or a topic of a domain or a namespace. */
struct catalog_source {
    struct map_node node;                /* by key */
    struct buffer key;                   /* resource/source.h */
    struct source_name name;             /* in the letters it was made with; slices of `names` */
    struct buffer names, id;             /* id: the resource's */
    struct topic_properties *properties; /* of a domain topic NULL: the domain's count */
    struct buffer key1, key2;
    bool is_declared;          /* in the configuration file */
    bool is_set;               /* at run time */
    struct list subscriptions; /* struct catalog_subscription.link, by name */
    size_t subscription_count;
    struct filter_set *filters;            /* of all that count, in the order of `targets` */
    struct catalog_subscription **targets; /* [target_count] */
    size_t target_count;
    struct list topics; /* of a domain or a namespace: its topics, by .topic_link */
    struct list topic_link;
    struct catalog_source *parent;      /* of such a topic: what it stands in */
    struct catalog_source *domain;      /* of a domain's topic: the same */
    struct topic_statistics statistics; /* not of a domain topic: its domain's count */
    /* The catalog's own. */
    struct catalog *catalog;
    struct catalog_texts texts;
    struct list waiting;                  /* subscriptions that are not in force */
    struct list children;                 /* of a namespace, by .link: catalog_children() */
    struct list topic_entries, in_parent; /* as `topics`: also those that are not in force */
    bool is_there;
    bool is_prepared; /* `filters` and `targets` are true */
};

struct catalog_subscription {
    struct list link;
    struct catalog_source *source;
    struct buffer name;  /* as given; compared without regard to case */
    struct buffer queue; /* the topic that its events wait on, and the client identifier of its
                          * session: "$wps//events/<source key>/eventsubscriptions/<name>" */
    struct event_subscription *properties; /* one count */
    enum subscription_state state;
    struct buffer state_reason;
    int64_t consent_until_ms; /* of STATE_AWAITING_MANUAL_ACTION (stored_subscription.h) */
    bool is_declared, is_set;
    void *runner; /* dispatch/runner.h; NULL: this process does not run it */
    /* The catalog's own. */
    struct catalog_texts texts;
    bool is_there;
};

/* A client, a client group, a topic space, a permission binding or a certificate of a namespace. */
struct catalog_child {
    struct map_node node; /* by key */
    struct list link;     /* in source->children */
    struct catalog_source *source;
    enum child_kind kind;
    struct buffer key;                /* resource/namespace_child.h */
    struct buffer name;               /* as given */
    struct namespace_child *resource; /* NULL: it is not in force */
    bool is_declared, is_set;
    int64_t created_ms; /* when it was made at run time; 0: that is not known */
    /* The catalog's own. */
    struct catalog_texts texts;
};

/* Who follows changes. Nothing of the catalog may be changed from inside. */
struct catalog_listener {
    void *context;
    void (*subscription_changed)(void *context, struct catalog_subscription *subscription);
    void (*subscription_removed)(void *context, struct catalog_subscription *subscription);
    void (*source_changed)(void *context, struct catalog_source *source);
    void (*source_removed)(void *context, struct catalog_source *source);
    /* NULL: they do not matter. */
    void (*child_changed)(void *context, const struct catalog_child *child);
    void (*child_removed)(void *context, const struct catalog_child *child);
};

struct catalog;

struct catalog *catalog_new(const struct catalog_listener *listener);
void catalog_free(struct catalog *catalog);

/* The events for which a source counts: its own targets, and those of its domain. */
struct catalog_source *catalog_find(const struct catalog *catalog, struct slice key);
struct catalog_subscription *catalog_find_subscription(const struct catalog *catalog,
                                                       struct slice source_key, struct slice name);
/* Whose subscriptions get the event of a source: a domain's event is its topic's, if that has some
 * of its own. */
struct catalog_source *catalog_source_of(struct catalog_source *source, const struct event *event);
/* All sources in order of their keys: NULL begins, NULL ends. */
struct catalog_source *catalog_next(const struct catalog *catalog,
                                    const struct catalog_source *behind);

struct catalog_child *catalog_find_child(const struct catalog *catalog, struct slice key);
/* Those of the kind that a namespace has, in order of their keys: [*count], to be freed. */
struct catalog_child **catalog_children(const struct catalog_source *source, enum child_kind kind,
                                        size_t *count);

/* Subscriptions of which nothing but a state is stored: the configuration file has declared them
 * once, and does not any more. */
void catalog_each_leftover(const struct catalog *catalog,
                           void (*visit)(void *context,
                                         const struct catalog_subscription *subscription),
                           void *context);

/* The properties that count for events of the source: a domain's topic has those of the domain. */
static inline const struct topic_properties *catalog_properties(const struct catalog_source *source)
{
    return source->domain ? source->domain->properties : source->properties;
}
static inline struct topic_statistics *catalog_statistics(struct catalog_source *source)
{
    return source->domain ? &source->domain->statistics : &source->statistics;
}
/* What is stamped on its events as `topic`: of a system topic the resource that they are about
 * (spec/eventgrid.md 2.3). */
static inline struct slice catalog_topic_id(const struct catalog_source *source)
{
    return source->name.kind == SOURCE_SYSTEM_TOPIC ? source->properties->source
                                                    : buffer_slice(&source->id);
}
/* Makes `filters` and `targets`, if something has changed since. Targets are the subscriptions of
 * the source and of its domain that have their endpoint's consent, or are about to ask for it. */
void catalog_prepare(struct catalog_source *source);
/* Is the subscription one of them? */
bool catalog_subscription_counts(const struct catalog_subscription *subscription);

/* --- what changes it --- */

/* What the configuration declares, as a whole (config/config.h's event_grid section as JSON:
 * {"topics":[{"name":..,"properties":..,"key1":..,"eventSubscriptions":[..]}],"domains":..,
 * "systemTopics":..,"namespaces":..}); checked when the file was read. */
void catalog_set_declared(struct catalog *catalog, struct slice json);
/* A retained message of `$config/eventgrid/`: `place` is what stands behind that. Empty: it is
 * gone. False with a line in `error`, and nothing changes. */
bool catalog_set_stored(struct catalog *catalog, struct slice place, struct slice json,
                        struct buffer *error);
/* Stored settings are told anew: what has not come until catalog_complete() is gone. */
void catalog_begin(struct catalog *catalog);
void catalog_complete(struct catalog *catalog);
bool catalog_is_complete(const struct catalog *catalog);

#endif
