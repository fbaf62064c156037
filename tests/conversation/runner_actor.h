/* One actor of a conversation: its network connection and the packets that came on it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERSATION_RUNNER_ACTOR_H
#define CONVERSATION_RUNNER_ACTOR_H

#include "base/buffer.h"
#include "mqtt/packet.h"
#include "runner_target.h"

struct actor {
    const char *name;
    struct target_link *link; /* NULL: no network connection */
    enum protocol_version version;
    struct buffer in;   /* what came and was not yet expected */
    size_t scanned;     /* bytes of `in` already cut into packets */
    int pings_owed;     /* PINGREQs sent less PINGRESPs come */
    size_t pingresp_at; /* where in `in` the last PINGRESP is */
    bool connected;     /* a CONNACK with success has come */
    bool half_sent;     /* the last bytes sent were no whole packet: a PINGREQ would garble them */
    bool peer_closed;   /* the server closed; `in` may still hold packets */
};

enum actor_read { ACTOR_PACKET, ACTOR_NOTHING, ACTOR_CLOSED, ACTOR_MALFORMED };

/* The next packet (borrowing actor->in) and its size for actor_consume; waits at most
 * `timeout_ms`. MALFORMED: the server sent what the decoder refuses. */
enum actor_read actor_read(struct actor *actor, const struct target_operations *target,
                           int timeout_ms, struct packet *packet, size_t *size);
void actor_consume(struct actor *actor, size_t size);

/* Sends a PINGREQ and waits for its PINGRESP, which is taken out of `in`: whatever the server
 * owed the actor before is in `in` afterwards. Does nothing if it cannot ping. */
void actor_barrier(struct actor *actor, const struct target_operations *target, int timeout_ms);

void actor_disconnect(struct actor *actor, const struct target_operations *target);

#endif
