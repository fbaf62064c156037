/* Counters of one shard, read by others for $SYS: the owner adds without a locked instruction,
 * readers see a value that was true a moment ago.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_COUNTERS_H
#define PUBGRID_CORE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* COUNTER(name): all of them; sums over shards make the $SYS values. */
#define COUNTERS(COUNTER)                                                                          \
    COUNTER(bytes_received)                                                                        \
    COUNTER(bytes_sent)                                                                            \
    COUNTER(packets_received)                                                                      \
    COUNTER(packets_sent)                                                                          \
    COUNTER(publish_received)                                                                      \
    COUNTER(publish_sent)                                                                          \
    COUNTER(publish_dropped)                                                                       \
    COUNTER(publish_refused)                                                                       \
    COUNTER(queue_dropped)                                                                         \
    COUNTER(publish_bytes_received)                                                                \
    COUNTER(publish_bytes_sent)                                                                    \
    COUNTER(messages_queued)                                                                       \
    COUNTER(messages_queued_bytes)                                                                 \
    COUNTER(clients_total_connects)                                                                \
    COUNTER(clients_connected)                                                                     \
    COUNTER(clients_disconnected)                                                                  \
    COUNTER(clients_expired)                                                                       \
    COUNTER(sockets_opened)                                                                        \
    COUNTER(channels)                                                                              \
    COUNTER(internal_sessions)                                                                     \
    COUNTER(internal_subscriptions)                                                                \
    COUNTER(connections_refused)                                                                   \
    COUNTER(messages_delayed)

struct counters {
#define COUNTER(name) _Atomic uint64_t name;
    COUNTERS(COUNTER)
#undef COUNTER
};

/* Owner only. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + amount, memory_order_relaxed);
}

/* Owner only. */
static inline void counter_subtract(_Atomic uint64_t *counter, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value - amount, memory_order_relaxed);
}

static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
