/* The target of a management request becomes an operation: Azure Resource Manager's paths
 * (spec/eventgrid.md 8.1) and the same in short, with what Azure does not have, below
 * /api/eventgrid (docs/eventgrid.md).
 *
 * A path names a resource in one of these ways; all that name the same one mean the same:
 *
 *     nested     /subscriptions/S/resourceGroups/G/providers/Microsoft.EventGrid/topics/T/...
 *     extension  {any resource id}/providers/Microsoft.EventGrid/eventSubscriptions/E
 *     short      /api/eventgrid/topics/T/...
 *
 * Segments are percent-decoded once, after the path was split; fixed ones are compared without
 * regard to case, and any Azure subscription and resource group will do. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_ARM_PATH_H
#define PUBGRID_DISPATCH_ARM_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "resource/namespace_child.h"
#include "resource/source.h"

enum arm_operation {
    /* Of the provider. */
    ARM_OPERATIONS,
    ARM_TOPIC_TYPES,
    ARM_TOPIC_TYPE,  /* `name` */
    ARM_EVENT_TYPES, /* of the topic type `name` */
    /* Lists. */
    ARM_SOURCES,           /* all of `kind`; of a domain or a namespace: its topics */
    ARM_ALL_SUBSCRIPTIONS, /* of all sources; with a `name`: of sources of that topic type */
    /* A source: a topic, a domain, a system topic, a namespace, a topic of a domain or of one. */
    ARM_GET_SOURCE,
    ARM_PUT_SOURCE,
    ARM_PATCH_SOURCE,
    ARM_DELETE_SOURCE,
    ARM_LIST_KEYS,
    ARM_REGENERATE_KEY,
    ARM_SOURCE_EVENT_TYPES,
    ARM_SUBSCRIPTIONS,
    /* What a namespace has beside its topics: all of `child`, or the one called `name`. */
    ARM_CHILDREN,
    ARM_GET_CHILD,
    ARM_PUT_CHILD,
    ARM_DELETE_CHILD,
    /* Its event subscription `name`. */
    ARM_GET_SUBSCRIPTION,
    ARM_PUT_SUBSCRIPTION,
    ARM_PATCH_SUBSCRIPTION,
    ARM_DELETE_SUBSCRIPTION,
    ARM_GET_FULL_URL,
    ARM_GET_DELIVERY_ATTRIBUTES,
    /* Beyond Azure. */
    ARM_TEST,                /* an event against all filters of a source */
    ARM_REPLAY,              /* what the source's archive has since then */
    ARM_RESEND,              /* one event of the archive */
    ARM_SOURCE_LOG,          /* attempts to deliver, of all subscriptions of a source */
    ARM_LOG,                 /* of one */
    ARM_QUEUE,               /* what waits for one */
    ARM_DEAD_LETTERS,        /* of one */
    ARM_RESEND_DEAD_LETTERS, /* of one */
    ARM_CONSENT,             /* /eventgrid/validate (4.7) */
    ARM_OPERATIONS_COUNT
};

enum { ARM_SEGMENTS_MAX = 32, ARM_TARGET_MAX = 16384, ARM_TOP_MAX = 100, ARM_TOP_DEFAULT = 20 };

/* Slices of the scratch memory. */
struct arm_call {
    enum arm_operation operation;
    bool is_short;                   /* below /api/eventgrid: no api-version is needed */
    struct slice azure_subscription; /* empty: the path names none */
    struct slice resource_group;
    bool has_source;
    enum source_kind kind; /* of `source`; ARM_SOURCES: of those listed */
    struct source_name source;
    /* The source is the system topic of this resource, by its id: "/subscriptions/S/..."; empty:
     * it is not. */
    struct slice scope;
    struct slice name;
    enum child_kind child; /* of ARM_CHILDREN and behind */
    /* Of the query. */
    struct slice query; /* as it came */
    struct slice filter, skip_token;
    uint32_t top;
};

/* What answers a request that cannot be carried out. */
struct arm_error {
    int status;
    const char *code;
    struct slice message; /* static, or the scratch memory's */
    struct slice allow;   /* of a 405: the header's value */
};

/* Zeroed memory is good; arm_scratch_release(). */
struct arm_scratch {
    struct buffer texts, message;
};

bool arm_is_path(struct slice target);
/* The path and the method. False: 400, 404 or 405. */
bool arm_find(struct slice method, struct slice target, struct arm_scratch *scratch,
              struct arm_call *call, struct arm_error *error);
/* The query, after that. False: 400. */
bool arm_read_query(struct arm_call *call, struct arm_scratch *scratch, struct arm_error *error);
/* Appends {"error":{"code":..,"message":..}}. */
void arm_error_append(struct buffer *out, const struct arm_error *error);
void arm_scratch_release(struct arm_scratch *scratch);

#endif
