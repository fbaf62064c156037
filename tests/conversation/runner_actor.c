/* Framing of what the server sends, and the ping barrier (see runner_actor.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner_actor.h"

enum { PINGRESP_BYTE = PACKET_PINGRESP << 4, CONNACK_BYTE = PACKET_CONNACK << 4 };

/* Looks at each whole packet of `in` once, as it comes. */
static void scan(struct actor *actor)
{
    for (;;) {
        struct slice rest = slice_from(buffer_slice(&actor->in), actor->scanned);
        ssize_t size = packet_size(rest);

        if (size <= 0 || (size_t)size > rest.length) {
            return;
        }
        if (rest.data[0] == PINGRESP_BYTE) {
            actor->pings_owed--;
            actor->pingresp_at = actor->scanned;
        } else if (rest.data[0] == CONNACK_BYTE && size >= 4 && rest.data[3] == 0) {
            actor->connected = true;
        }
        actor->scanned += (size_t)size;
    }
}

/* False if nothing new came. */
static bool receive(struct actor *actor, const struct target_operations *target, int timeout_ms)
{
    if (!actor->link || actor->peer_closed) {
        return false;
    }
    enum target_receive result = target->receive(actor->link, &actor->in, timeout_ms);

    actor->peer_closed = result == TARGET_CLOSED;
    scan(actor);
    return result == TARGET_BYTES;
}

static bool has_whole_packet(const struct actor *actor)
{
    return actor->scanned > 0;
}

enum actor_read actor_read(struct actor *actor, const struct target_operations *target,
                           int timeout_ms, struct packet *packet, size_t *size)
{
    struct packet_limits limits = {
        .version = actor->version, .packet_size_max = PACKET_SIZE_MAX, .from_server = true};

    while (!has_whole_packet(actor) && receive(actor, target, timeout_ms)) {
    }
    ssize_t used = packet_decode(packet, buffer_slice(&actor->in), &limits);

    if (used < 0) {
        return ACTOR_MALFORMED;
    }
    *size = (size_t)used;
    if (used > 0) {
        return ACTOR_PACKET;
    }
    return actor->peer_closed ? ACTOR_CLOSED : ACTOR_NOTHING;
}

void actor_consume(struct actor *actor, size_t size)
{
    buffer_consume(&actor->in, size);
    actor->scanned = actor->scanned > size ? actor->scanned - size : 0;
}

/* Takes out the PINGRESP that the barrier waited for; what came behind it stays. */
static void remove_pingresp(struct actor *actor)
{
    enum { PINGRESP_SIZE = 2 };
    uint8_t *at = actor->in.data + actor->pingresp_at;

    actor->in.length -= PINGRESP_SIZE;
    actor->scanned -= PINGRESP_SIZE;
    memmove(at, at + PINGRESP_SIZE, actor->in.length - actor->pingresp_at);
}

void actor_barrier(struct actor *actor, const struct target_operations *target, int timeout_ms)
{
    static const uint8_t pingreq[] = {PACKET_PINGREQ << 4, 0};

    if (!actor->link || !actor->connected || actor->half_sent || actor->peer_closed) {
        return;
    }
    target->send(actor->link, slice_make(pingreq, sizeof(pingreq)));
    actor->pings_owed++;
    while (actor->pings_owed > 0 && receive(actor, target, timeout_ms)) {
    }
    if (actor->pings_owed == 0) {
        remove_pingresp(actor);
    }
}

void actor_disconnect(struct actor *actor, const struct target_operations *target)
{
    if (actor->link) {
        target->close(actor->link);
    }
    actor->link = NULL;
    actor->in.length = 0;
    actor->scanned = 0;
    actor->pings_owed = 0;
    actor->connected = actor->half_sent = actor->peer_closed = false;
}
