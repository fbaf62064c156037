/* A worker: one thread, one epoll set, one shard, one mailbox.
 *
 * A turn of its loop:
 *   1 wait for readiness, mail, or the next timer
 *   2 timers, then input: what is readable goes through core, which fills the shard's outbox
 *   3 the batch to the store, mail to the other workers, and the own mail run, until no more comes
 *   4 flush: one writev for each connection that has output; sockets that are done are closed
 * So output, mail and what is to be stored leave in batches whose size is the load's, without a
 * timer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_WORKER_H
#define PUBGRID_NET_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/mailbox.h"
#include "core/shard.h"
#include "store/store.h"

struct listener;
struct listener_source;
struct worker;

/* What a descriptor in a worker's epoll set belongs to; its owner embeds it. */
struct source {
    void (*ready)(struct source *source, struct worker *worker, uint32_t events);
};

/* Which clients of the bridge may come in without a user name, if the broker is to decide. */
struct trunk_access {
    bool anonymous_on_loopback, anonymous_elsewhere;
    uint32_t stall_ms; /* a bridge that has taken nothing for so long is given up; 0: never */
};

/* What all workers share. Made before them and outlives them. */
struct worker_group {
    struct worker *workers;
    unsigned count;
    struct mailbox **mailboxes; /* [count] */
    struct store *store;
    struct listener **listeners; /* each worker accepts from all of them */
    size_t listener_count;
    struct trunk_access trunk_access;
    uint32_t connections_max;     /* open sockets of all workers; 0: no limit */
    _Atomic uint32_t connections; /* open sockets of all workers */
};

enum { WORKER_READ_SIZE = 256 * 1024 };

struct worker {
    struct shard shard; /* mail runs with its address */
    struct worker_group *group;
    struct mailbox mailbox;
    struct source mailbox_source;
    struct listener_source *listener_sources; /* [listener_count]; NULL: accepts nothing (yet) */
    int epoll_fd;
    int spare_fd;         /* given up for a moment to refuse a peer when descriptors run out */
    uint8_t *read_buffer; /* WORKER_READ_SIZE bytes, for whichever stream is being read */
    struct list streams;  /* members `link` of the streams that are in neither of these: */
    struct list ending;   /* streams whose socket closes soon, in the order of their `close_at` */
    struct list gone;     /* streams without a socket, of which core waits for an answer */
    struct list trunks;   /* members `link` */
    struct list trunks_dirty;  /* members `dirty`: to be flushed at the end of the turn */
    struct list channels_gone; /* members `waiting` of channels without a trunk, likewise */
    struct timer accept_timer; /* ends a pause of accepting */
    bool accepting;            /* the listeners are in the epoll set */
    bool owes_turn; /* mail was run behind the last exchange: what follows from it waits */
    msec_t stop_at; /* a stopping worker ends then at the latest; MSEC_NEVER: not stopping */
    pthread_t thread;
    bool started;
};

/* The worker of a shard, and so of everything that core hands back. */
static inline struct worker *worker_of(struct shard *shard)
{
    return CONTAINER_OF(shard, struct worker, shard);
}

/* Worker `index` of the group, whose mailboxes are set up. Its shard is the broker's shard
 * `index` and takes one count of the settings. 0 or -errno. */
int worker_init(struct worker *worker, struct worker_group *group, unsigned index,
                struct broker *broker, struct settings *settings);
/* Starts the thread. 0 or -errno. */
int worker_start(struct worker *worker);
/* Any thread: asks for a graceful stop. Clients are told (DISCONNECT 0x8B) and get `drain_ms` to
 * read it; then the thread ends. */
void worker_stop(struct worker *worker, msec_t drain_ms);
/* Waits for the thread's end. */
void worker_join(struct worker *worker);
/* Closes what is still open and runs what is left in the mailbox with receiver NULL. No worker's
 * thread runs any more; call it for all workers before the first worker_release(). */
void worker_close(struct worker *worker);
void worker_release(struct worker *worker);

/* For streams and listeners. `events` 0 is a descriptor that only reports its death. */
int worker_poll_add(struct worker *worker, int fd, uint32_t events, struct source *source);
void worker_poll_change(struct worker *worker, int fd, uint32_t events, struct source *source);
void worker_poll_remove(struct worker *worker, int fd);

#endif
