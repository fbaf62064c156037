/* What the broker of bridge_broker.h keeps: messages of sessions of events, until PUBACK, and
 * delayed ones.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_BRIDGE_BROKER_KEEP_H
#define PUBGRID_TESTS_BRIDGE_BROKER_KEEP_H

#include "support/bridge_broker.h"

/* Of bridge_broker.c: on its way to the bridge. */
void broker_queue_bytes(struct broker_session *session, struct slice bytes, bool is_publish,
                        uint32_t sequence);

void kept_add(struct broker_session *session, struct slice packet);
/* What the window and credit allow. */
void kept_send(struct broker_session *session);
/* All of them, over another connection. */
void kept_send_again(struct broker_session *session);
void kept_acknowledge(struct broker_session *session, uint16_t packet_id);
/* The session ends. */
void kept_release(struct broker_session *session);

/* A PUBLISH to `$delayed/<seconds>/<topic>`; the reason of its PUBACK. */
uint8_t delayed_add(struct broker *broker, const struct packet *packet);
/* Those that are due. */
void delayed_publish(struct broker *broker, msec_t now, size_t (*route)(const struct packet *));
void delayed_release(struct broker *broker);

#endif
