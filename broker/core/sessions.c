/* The sessions of one shard: found by client identifier, or by a session_ref that may be stale.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/access.h"
#include "core/session.h"
#include "core/session_counts.h"
#include "mqtt/life_cycle.h"

enum { SLOT_NONE = UINT32_MAX, SLOTS_MIN = 64 };

static bool slots_grow(struct shard *shard)
{
    uint32_t count = shard->slot_count ? shard->slot_count * 2 : SLOTS_MIN;
    if (count > SESSION_SLOTS_MAX) {
        return false;
    }
    shard->slots = memory_resize(shard->slots, count * sizeof(*shard->slots));
    for (uint32_t i = shard->slot_count; i < count; i++) {
        shard->slots[i] = (struct session_slot){
            .generation = 1,
            .next_free = i + 1 < count ? i + 1 : SLOT_NONE,
        };
    }
    shard->slot_free = shard->slot_count;
    shard->slot_count = count;
    return true;
}

struct session *sessions_find(struct shard *shard, struct slice client_identifier)
{
    struct map_node *node = map_find(&shard->sessions, client_identifier);
    return node ? CONTAINER_OF(node, struct session, by_client_identifier) : NULL;
}

struct session *sessions_resolve(struct shard *shard, struct session_ref ref)
{
    uint32_t slot = session_ref_slot(ref);
    if (slot >= shard->slot_count || shard->slots[slot].generation != ref.generation) {
        return NULL;
    }
    return shard->slots[slot].session;
}

/* Of what the broker tells to those who listen only. */
static void count_listener(const struct session *session, int by)
{
    struct broker *broker = session->shard->broker;

    if (session->hears_publisher) {
        atomic_fetch_add_explicit(&broker->publisher_listeners, (unsigned)by, memory_order_relaxed);
    }
    if (session->hears_life_cycle) {
        atomic_fetch_add_explicit(&broker->life_cycle_listeners, (unsigned)by,
                                  memory_order_relaxed);
    }
}

struct session *sessions_add(struct shard *shard, struct slice client_identifier)
{
    if (shard->slot_free == SLOT_NONE && !slots_grow(shard)) {
        return NULL;
    }
    uint32_t slot = shard->slot_free;
    shard->slot_free = shard->slots[slot].next_free;

    struct session *session = memory_allocate_zero(sizeof(*session) + client_identifier.length);
    session->shard = shard;
    session->ref = (struct session_ref){
        .place = (uint32_t)shard->index << 24 | slot,
        .generation = shard->slots[slot].generation,
    };
    session->next_sequence = session->sent_next = DELIVERY_FIRST_SEQUENCE;
    session->is_bridge = access_is_bridge_identifier(client_identifier);
    session->hears_publisher = access_is_route_identifier(client_identifier);
    session->hears_life_cycle = slice_equal(client_identifier, SLICE_LITERAL(LIFE_CYCLE_LISTENER));
    session->holds_events = !session->hears_publisher && !session->hears_life_cycle &&
                            access_is_event_identifier(client_identifier);
    count_listener(session, 1);
    counter_add(&shard->counters.internal_sessions, session->is_bridge);
    session->client_identifier_length = (uint16_t)client_identifier.length;
    if (client_identifier.length > 0) {
        memcpy(session->client_identifier, client_identifier.data, client_identifier.length);
    }
    shard->slots[slot].session = session;
    map_insert(&shard->sessions, &session->by_client_identifier);
    return session;
}

struct session_count *sessions_count_user(struct shard *shard, const struct identity *identity,
                                          uint32_t most, bool *is_refused)
{
    *is_refused = false;
    if (identity->anonymous || identity->trusted) {
        return NULL;
    }
    struct session_count *count =
        session_counts_take(shard->broker->session_counts, identity->user_name, most);
    *is_refused = !count;
    return count;
}

void session_forget_rights(struct session *session)
{
    rights_free(session->rights);
    session->rights = NULL;
}

void session_set_identity(struct session *session, struct identity *identity)
{
    identity_release(session->identity);
    session->identity = identity_hold(identity);
    session_forget_rights(session);
}

static void free_will(struct session *session)
{
    if (session->will) {
        message_release(session->will->message);
        free(session->will);
        session->will = NULL;
    }
}

void sessions_remove(struct session *session)
{
    struct shard *shard = session->shard;
    assert(!session->connection);
    uint32_t slot = session_ref_slot(session->ref);
    assert(shard->slots[slot].session == session);

    count_listener(session, -1);
    counter_subtract(&shard->counters.internal_sessions, session->is_bridge);
    session_drop_schedule(session);
    map_remove(&shard->sessions, &session->by_client_identifier);
    shard->slots[slot].session = NULL;
    /* Generation 0 is SESSION_REF_NONE's. */
    if (++shard->slots[slot].generation == 0) {
        shard->slots[slot].generation = 1;
    }
    shard->slots[slot].next_free = shard->slot_free;
    shard->slot_free = slot;

    counter_subtract(&shard->counters.messages_queued, session->queue.count);
    counter_subtract(&shard->counters.messages_queued_bytes, session->queue.bytes);
    shard->window_bytes -= session->queue.present_bytes;
    session_drop_record(session);
    delivery_queue_release(&session->queue);
    inflight_release(&session->inflight);
    packet_ids_release(&session->received);
    packet_ids_release(&session->received_now);
    map_release(&session->subscriptions);
    free_will(session);
    session_counts_give(shard->broker->session_counts, session->counted);
    identity_release(session->identity);
    rights_free(session->rights);
    free(session);
}
