/* What the files of management share: a request that is being carried out.
 *
 *     management.c               requests, who may, which operation; the end of calls
 *     management_read.c          what is answered at once
 *     management_source.c        topics, domains, system topics, namespaces are made, changed,
 *                                deleted
 *     management_rival.c         two namespaces with MQTT were made at the same moment
 *     management_child.c         what namespaces have beside topics is
 *     management_subscription.c  event subscriptions are
 *     management_log.c           attempts to deliver
 *     management_queue.c         what waits for a subscription
 *     management_work.c          dead letters, replay, test of filters
 *     management_changes.c       settings are stored
 *
 * A call is answered once, and freed then. If the client goes before that, work stops where it is,
 * but changes are carried out all the same: half of them may be done already.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_MANAGEMENT_CALL_H
#define PUBGRID_DISPATCH_MANAGEMENT_CALL_H

#include "base/list.h"
#include "base/timers.h"
#include "client/rest.h"
#include "dispatch/arm_path.h"
#include "dispatch/call.h"
#include "dispatch/catalog.h"
#include "dispatch/consent.h"
#include "dispatch/grid.h"
#include "dispatch/job.h"
#include "dispatch/management_changes.h"
#include "dispatch/runner.h"

/* Of ARM_SOURCE_LOG. */
struct log_progress {
    size_t next; /* in call->queues */
    bool is_asking, is_answered, has_failed;
};

struct management_call {
    struct list link; /* in management->calls */
    struct grid *grid;
    struct grid_reply *reply; /* NULL: nobody waits any more */
    struct arm_scratch scratch;
    struct arm_call path;            /* what is asked for */
    struct buffer target, body, url; /* as they came; url: this server, as the client reaches it */
    /* Only until carry_out() returns: */
    const struct grid_request *request;
    struct catalog_source *source; /* that the path names, and its subscription; NULL: not there */
    struct catalog_subscription *subscription;
    struct catalog_child *child; /* of a namespace */
    /* Of steps that take their time. */
    struct buffer key;                     /* of the source */
    struct buffer place;                   /* what is changed, behind `$config/eventgrid/` */
    struct buffer names;                   /* that the path does not have */
    struct event_subscription *properties; /* of a subscription that is to be: one count */
    struct consent consent;
    struct runner_wait session;
    bool begins_archive; /* of the source: it is kept from now on */
    struct changes changes;
    struct buffer before; /* what was stored of the source */
    struct timer again;   /* of management_rival.c */
    msec_t give_up;       /* likewise; 0: not yet */
    struct job job;
    struct rest_reply rest;
    struct buffer found;  /* of work: what was found so far */
    struct buffer queues; /* of ARM_SOURCE_LOG and ARM_QUEUE: whom to ask */
    struct log_progress progress;
    uint32_t page_size;
    enum subscription_state state;
    int64_t consent_until_ms; /* stored_subscription.h */
    int status;               /* when the changes are in force */
};

/* --- the end --- */

/* JSON, or nothing. Frees the call. */
void management_answer(struct management_call *call, int status, struct slice body);
void management_answer_text(struct management_call *call, int status, const char *text);
void management_refuse(struct management_call *call, int status, const char *code,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
void management_refuse_for_now(struct management_call *call); /* 503 */
/* 409: it cannot be deleted here; somebody has deleted it meanwhile. */
void management_refuse_declared(struct management_call *call);
void management_refuse_deleted(struct management_call *call);
/* 400 with the first of a reader's lines. */
void management_refuse_value(struct management_call *call, const struct buffer *lines);

/* --- what it is about --- */

/* A source as a GET shows it. */
void management_append_shown(struct buffer *out, const struct management_call *call,
                             const struct catalog_source *source);

/* How many the query wants at a time: call->page_size. False: it has been refused. */
bool management_read_page_size(struct management_call *call);

/* The member of the body's object. False: there is none, or it is null. */
bool management_body_member(const struct management_call *call, const char *name,
                            struct json_value *value);
/* Appends what is stored of the source that the path names: this ARM resource, with the keys and
 * the account that it has, or new ones. */
void management_append_source(struct buffer *out, const struct management_call *call,
                              struct slice resource);

/* What the change of a source comes to, when it is in force. */
void management_answer_source(struct management_call *call);

#define MANAGEMENT_SECOND_MQTT                                                                     \
    "topicSpacesConfiguration.state: another namespace is Enabled already; this server has MQTT "  \
    "clients for one namespace."
/* The same for a namespace: if there is another one with MQTT, one of the two is taken back. */
void management_settle_rivalry(struct management_call *call);

/* Deletes what is stored at call->place: 200. */
void management_delete_place(struct management_call *call);

/* --- operations: each ends in an answer, now or later --- */

typedef void management_operation(struct management_call *call);

management_operation management_operations, management_topic_types, management_topic_type,
    management_event_types, management_sources, management_all_subscriptions, management_get_source,
    management_list_keys, management_source_event_types, management_subscriptions,
    management_get_subscription, management_full_url, management_attributes;
management_operation management_put_source, management_patch_source, management_delete_source,
    management_regenerate_key;
management_operation management_children, management_get_child, management_put_child,
    management_delete_child;
management_operation management_put_subscription, management_patch_subscription,
    management_delete_subscription, management_consent;
management_operation management_test, management_replay, management_resend, management_source_log,
    management_log, management_queue, management_dead_letters, management_resend_dead_letters;

#endif
