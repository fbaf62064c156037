/* Where events come from, and what an event subscription belongs to: a custom topic, a domain, a
 * topic of a domain, a system topic (spec/eventgrid.md sections 1 and 2), a topic of a namespace
 * (section 5). A namespace itself is one, too, as far as it is a resource with keys that topics
 * stand in, but has no event subscriptions. Names are compared without regard to case; whatever
 * Azure subscription and resource group a client names, the source is the same.
 *
 * A source's key is its identity as text, in lower case:
 *
 *     topics/orders   domains/shop   domains/shop/topics/sales   systemtopics/store
 *     namespaces/plant   namespaces/plant/topics/readings
 *
 * Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_SOURCE_H
#define PUBGRID_RESOURCE_SOURCE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

enum source_kind {
    SOURCE_TOPIC,
    SOURCE_DOMAIN,
    SOURCE_DOMAIN_TOPIC,
    SOURCE_SYSTEM_TOPIC,
    SOURCE_NAMESPACE,
    SOURCE_NAMESPACE_TOPIC,
    SOURCE_KINDS
};

enum {
    TOPIC_NAME_MIN = 3,          /* characters of a topic, a domain, a system topic (1.10), a */
    TOPIC_NAME_MAX = 50,         /* namespace, a topic of one; [A-Za-z0-9-] */
    DOMAIN_TOPIC_NAME_MAX = 128, /* also . and _ */
    SUBSCRIPTION_NAME_MIN = 3,
    SUBSCRIPTION_NAME_MAX = 64,
    SOURCE_KEY_MAX = 256, /* bytes */
};

struct source_name {
    enum source_kind kind;
    struct slice name;  /* of the topic, domain, system topic or namespace */
    struct slice topic; /* of a domain or a namespace */
};

/* Is it a topic of something: a domain, or a namespace? */
bool source_has_parent(enum source_kind kind);
/* What such a topic stands in. */
struct source_name source_parent(const struct source_name *source);
/* The kind of the topics that stand in such a source. False: none do. */
bool source_topics_of(enum source_kind kind, enum source_kind *topics);
/* The last part of its name. */
static inline struct slice source_own_name(const struct source_name *source)
{
    return source_has_parent(source->kind) ? source->topic : source->name;
}

/* Has it access keys of its own? */
bool source_has_keys(enum source_kind kind);

/* NULL, or a sentence: what is wrong with it. */
const char *topic_name_check(struct slice name);
const char *namespace_name_check(struct slice name);
const char *domain_topic_name_check(struct slice name);
const char *subscription_name_check(struct slice name);
/* All parts of it. */
const char *source_name_check(const struct source_name *source);

/* Appends the key. */
void source_key_append(struct buffer *out, const struct source_name *source);
/* Slices of `key`. False: it is none. */
bool source_key_parse(struct slice key, struct source_name *out);

/* What stands for a client that names neither. */
#define DEFAULT_AZURE_SUBSCRIPTION "00000000-0000-0000-0000-000000000000"
#define DEFAULT_RESOURCE_GROUP     "pubgrid"

/* Appends the resource id:
 * `/subscriptions/S/resourceGroups/G/providers/Microsoft.EventGrid/topics/T`; empty slices: the
 * defaults. */
void source_id_append(struct buffer *out, const struct source_name *source,
                      struct slice azure_subscription, struct slice resource_group);
/* Slices of a resource id, of whatever Azure subscription and resource group, in any case. False:
 * it is none of a source. */
bool source_id_parse(struct slice id, struct source_name *out);
/* The same of a resource id or, in short, of a key in any case ("namespaces/Plant"): appends the
 * key. */
bool source_reference_parse(struct slice reference, struct buffer *key, enum source_kind *kind);

#endif
