/* The broker's core driven in one thread with a clock that the test turns: deterministic, no
 * descriptors, no sleeping. What the workers do in the program (deliver mail between shards, write
 * output, commit batches) happens here in a fixed order, until nothing is left to do.
 *
 * Used by the conversation runner, the session-script fuzz target and the crash simulator.
 *
 *   harness = core_harness_new(&settings);
 *   link = core_harness_open(harness);            a client connects
 *   core_link_send(link, bytes);                  it sends; replies are in core_link_received()
 *   core_harness_advance(harness, 30000);         timers fire in their order
 *
 * Or nothing happens by itself (core_harness_by_hand), and the caller decides which shard does what
 * when: as threads may, in any order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_CORE_HARNESS_H
#define SUPPORT_CORE_HARNESS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "core/access.h"
#include "core/options.h"

enum { CORE_HARNESS_SHARDS_MAX = 8 };

/* Who may connect with a password; without any user every name is taken. A client without a user
 * name is anonymous. */
struct core_harness_user {
    const char *name, *password, *group; /* group may be NULL */
};

struct core_harness_settings {
    unsigned shards; /* 1 to CORE_HARNESS_SHARDS_MAX */
    struct core_options options;
    struct rule_set *access;               /* taken over; NULL: no rules */
    const struct core_harness_user *users; /* outlive the harness */
    size_t user_count;
    bool anonymous_allowed;
    uint64_t seed; /* of the random numbers that core asks for */
    /* Directory of a real store (without waiting for the disk); NULL: the log is kept in memory,
     * and nothing survives. */
    const char *store_path;
    uint64_t store_save_bytes; /* of the log between two saves; 0: the default */
    int (*store_fault)(void *context, bool syncing); /* as in store_options */
    void *store_fault_context;
};

struct core_harness;
struct core_link;

/* One shard, the documented default options, no rules, anonymous clients. */
void core_harness_defaults(struct core_harness_settings *settings);
struct core_harness *core_harness_new(const struct core_harness_settings *settings);
/* Frees the links too. */
void core_harness_free(struct core_harness *harness);

/* A client connects; its connection is accepted by the shards in turn. */
struct core_link *core_harness_open(struct core_harness *harness);
/* The client sends; then everything that follows from it happens. */
void core_link_send(struct core_link *link, struct slice bytes);
/* What the server sent and the test has not consumed. */
struct buffer *core_link_received(struct core_link *link);
/* The server closed the network connection. */
bool core_link_is_closed(const struct core_link *link);
/* The client stops reading (its output stays in the connection), or reads again. */
void core_link_stall(struct core_link *link, bool stalled);
/* The client's side of the connection is gone; the link is freed. */
void core_link_close(struct core_link *link);

msec_t core_harness_now(const struct core_harness *harness);
/* Time passes from deadline to deadline. */
void core_harness_advance(struct core_harness *harness, msec_t duration);
/* As a reload of the settings does: these access rules (taken over) hold from now on. */
void core_harness_change_rules(struct core_harness *harness, struct rule_set *rules);
/* The graceful stop: clients get DISCONNECT 0x8B, new ones are refused. */
void core_harness_stop(struct core_harness *harness);
/* Runs until no shard has anything to do; the calls above do it by themselves. */
void core_harness_settle(struct core_harness *harness);

/* While held, batches wait: nothing that depends on their commit happens. `count` of the oldest
 * are committed, as one group, by core_harness_commit (returns how many were). */
void core_harness_hold_commits(struct core_harness *harness, bool hold);
size_t core_harness_commit(struct core_harness *harness, size_t count);
/* Batches that wait. */
size_t core_harness_waiting(const struct core_harness *harness);

/* The process ends here and now, after committing `count` of the waiting batches without anybody
 * hearing of it, and is started again on the same store, with `shards` shards, after `down_ms`. All
 * links are closed by the server; they must still be given to core_link_close(). With a store only.
 * False: the store cannot be read; the reason is in `error`. */
bool core_harness_crash(struct core_harness *harness, size_t count, unsigned shards, msec_t down_ms,
                        struct buffer *error);
/* enum store_state of the store. */
int core_harness_store_state(const struct core_harness *harness);
/* Users of frames of the log: 0 when no message waits for anybody. With a store only. */
uint64_t core_harness_pinned(const struct core_harness *harness);
/* Where the log ends, and its blocks that begin before a position. */
uint64_t core_harness_log_end(const struct core_harness *harness);
size_t core_harness_blocks_before(const struct core_harness *harness, uint64_t position);
/* How often all shards have saved, since the last restart. */
uint64_t core_harness_saves(const struct core_harness *harness);

/* By hand, the calls above only put down what has happened: bytes have arrived, a connection is
 * gone, it is later. Commits are held, and core_harness_settle() still does all there is to do. */
void core_harness_by_hand(struct core_harness *harness, bool by_hand);
/* The first half of a turn of a shard: timers, mail, input. Not twice without the second. */
void core_harness_turn_begin(struct core_harness *harness, unsigned shard);
/* The second: it writes output and has mail to post; when that is posted it submits its batch (both
 * at the latest when its next turn begins). False: it is not in a turn. */
bool core_harness_turn_end(struct core_harness *harness, unsigned shard);
/* Mail from one shard, or (from == number of shards) from the store, is posted. False: none was. */
bool core_harness_pass_mail(struct core_harness *harness, unsigned from, unsigned to);
/* One step of the store without new batches: it answers reads, cleans, tries again. */
void core_harness_store_step(struct core_harness *harness);
unsigned core_harness_shards(const struct core_harness *harness);

#endif
