/* The pure state of one worker: its sessions, timers and outbox, and what all workers share.
 *
 * A step of core is (state, input, now) -> outbox. It reads no clock, socket or random number; the
 * driver (broker/net/worker.c, the tests' core harness, the crash simulator) supplies them:
 *
 *   each loop turn: shard_advance(now)            timers fire
 *                   mail_list_run(&mail, shard)   mail from other shards and the store
 *                   connection_receive(...)       input
 *                   shard_finish(shard)           what the turn has come to
 *                   then take shard->outbox:      write dirty connections, post mail to the
 *                                                 shards' mailboxes, submit the batch to the
 *                                                 store and have it read what is to be read
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SHARD_H
#define PUBGRID_CORE_SHARD_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/map.h"
#include "base/timers.h"
#include "core/access.h"
#include "core/authenticator.h"
#include "core/connection.h"
#include "core/counters.h"
#include "core/encoding.h"
#include "core/options.h"
#include "core/output.h"
#include "core/retained.h"
#include "core/session_ref.h"
#include "core/subscriptions.h"
#include "store/batch.h"
#include "store/read.h"

struct message;
struct message_groups;
struct order;
struct session;
struct session_counts;
struct shard;
struct sys_topics;

/* What $SYS says of the store. */
struct store_numbers {
    uint64_t used, file_size, commits, commit_us, commit_us_maximum, log_size;
};

/* Who wants to hear of each retained message, or that there is none any more, whose topic begins
 * with `prefix`; called by the thread that routes it, before the commit. */
struct retained_watch {
    struct slice prefix; /* empty: nobody does */
    void (*changed)(void *context, struct message *message);
    void *context;
};

/* What all shards share. Made by the driver before the shards; immutable but for the three
 * locked structures. */
struct broker {
    unsigned shard_count;
    struct shard **shards; /* shard_count pointers: counters only; everything else is its owner's */
    struct subscriptions *subscriptions;
    struct retained *retained;
    struct retained_watch watch;
    struct session_counts *session_counts;
    struct authenticator authenticator;
    void (*random)(void *out, size_t length); /* base/random.h, or a seeded one in tests */
    msec_t started_at;
    uint64_t (*memory_used)(void);  /* bytes of heap for $SYS; may be NULL */
    const char *version;            /* "pubgrid version 0.1.0" for $SYS/broker/version */
    const _Atomic int *store_state; /* enum store_state */
    /* All shards have been posted what the store told in postings up to this one. */
    const _Atomic uint64_t *store_posted;
    void (*store_status)(void *context, struct store_numbers *numbers); /* for $SYS; may be NULL */
    void *store_context;
    _Atomic uint64_t next_durable_id; /* of sessions and delayed messages */
    _Atomic bool memory_full;         /* the bound for memory is reached */
    /* Sessions that are told who publishes; and which clients are connected. */
    _Atomic unsigned publisher_listeners, life_cycle_listeners;
};

/* Settings that a reload replaces: the driver hands each shard a new one by mail. */
struct settings {
    _Atomic unsigned references;
    struct core_options options;
    struct rule_set *access; /* owned */
    bool is_open;            /* there are no rules: what is not reserved is free */
};

struct settings *settings_new(const struct core_options *options, struct rule_set *access);
struct settings *settings_hold(struct settings *settings);
void settings_release(struct settings *settings);

/* What a step wants done. The driver empties it every turn. */
struct outbox {
    struct list dirty;      /* connections (member `dirty`) with output, or to be looked at */
    struct mail_list *mail; /* [shard_count]: mail to post to each shard's mailbox */
    struct batch *batch;    /* never NULL: for the store; take it if it is not empty */
    struct mail_list reads; /* struct store_read: for the store to answer */
};

struct session_slot {
    struct session *session; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
};

struct shard {
    struct broker *broker;
    struct settings *settings; /* one count */
    unsigned index;
    bool stopping;
    msec_t now; /* of this turn */
    struct timers timers;
    struct outbox outbox;
    struct output_pool pool;
    struct map sessions; /* by client identifier */
    struct session_slot *slots;
    uint32_t slot_count, slot_free; /* slot_free: first free slot, UINT32_MAX: none */
    struct recipients recipients;   /* scratch for matches */
    struct message_groups *groups;  /* scratch of stored_message.c; NULL: none yet */
    struct order *spare_orders;     /* router.c's memory for the next ones */
    uint32_t spare_order_count;
    struct encodings encodings;                /* of the message that is being delivered */
    struct buffer told, told_name, told_value; /* what is said of a publisher, and scratch */
    struct identity *told_of;                  /* whose `told` is; one count; NULL: nobody's */
    msec_t told_at;                            /* and of when */
    struct list delayed;                       /* delayed messages */
    struct map delayed_topics;                 /* struct delayed_topic: how many wait for it */
    struct list unsaved;                       /* sessions whose progress row is behind */
    struct list reporting;                     /* sessions with acknowledgements for the batch */
    uint64_t delivered_until;      /* all sealed objects of frames before this have been run */
    uint64_t window_bytes;         /* stored messages that wait in memory all the same */
    uint32_t saving_round;         /* != 0: all must be saved, then the store be told */
    struct timer sys_timer;        /* shard 0: $SYS and expired retained messages */
    struct sys_topics *sys_topics; /* shard 0; NULL elsewhere */
    struct counters counters;
};

/* Takes one count of `settings`. Shard `index` of `broker`. */
void shard_init(struct shard *shard, struct broker *broker, unsigned index,
                struct settings *settings, msec_t now);
/* Ends all sessions in memory without wills; connections must have been released. */
void shard_release(struct shard *shard);

/* Begins a turn: fires the timers up to `now`. */
void shard_advance(struct shard *shard, msec_t now);
/* Ends a turn. */
void shard_finish(struct shard *shard);
/* Takes the batch out of the outbox; NULL if there is nothing in it. */
struct batch *shard_take_batch(struct shard *shard);
/* A mail that makes a shard save all it has in rows: store_options.save. */
struct mail *shard_save_mail(uint32_t round);
/* When shard_advance must be called at the latest; MSEC_NEVER: no timer. */
msec_t shard_next_deadline(const struct shard *shard);

/* Queues a mail for a shard (also the own one). */
static inline void shard_post(struct shard *shard, unsigned target, struct mail *mail)
{
    mail_list_add(&shard->outbox.mail[target], mail);
}

/* Graceful stop: every attached client gets DISCONNECT 0x8B and is CLOSING, new ones are refused;
 * sessions and their wills stay. */
void shard_stop(struct shard *shard);

/* Swaps the settings (takes one count). Subscriptions whose right to read changed are checked
 * per message from now on; clients that were disabled or deleted lose their connections. */
void shard_reload(struct shard *shard, struct settings *settings);

#endif
