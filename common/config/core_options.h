/* What the broker's core can be told: one immutable snapshot, swapped whole on reload. Filled from
 * the configuration, by tests directly (core/options.h has the defaults).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_CORE_OPTIONS_H
#define PUBGRID_CONFIG_CORE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct core_options {
    uint32_t maximum_packet_size;    /* bytes, both versions; larger packets are 0x95 */
    uint16_t receive_maximum;        /* unacknowledged QoS 1/2 PUBLISHes a client may have */
    uint16_t inflight_maximum;       /* the same towards a client that sets no Receive Maximum */
    uint16_t topic_alias_maximum;    /* aliases a client may set; also the most we set ourselves */
    uint16_t keep_alive_maximum;     /* seconds; 0: no limit. Longer or none -> Server Keep Alive */
    uint32_t session_expiry_maximum; /* seconds; UINT32_MAX: none. Longer ones are cut to it */
    uint32_t queue_messages_maximum; /* messages in memory that wait in one session */
    uint64_t queue_bytes_maximum;    /* their payload, property and topic bytes */
    uint32_t stored_messages_maximum; /* the same for messages in the store */
    uint64_t stored_bytes_maximum;
    uint32_t window_bytes;             /* of a session's stored messages that wait in memory too */
    uint64_t window_total_bytes;       /* the same of all sessions of a shard */
    uint64_t memory_maximum;           /* bytes of heap; 0: no limit */
    uint32_t output_bytes_maximum;     /* bytes of encoded packets held for one slow connection */
    uint32_t connect_timeout_ms;       /* from accept to a complete CONNECT */
    uint32_t sys_interval_ms;          /* between two $SYS updates; 0: off */
    uint32_t delayed_messages_maximum; /* waiting delayed messages of one worker */
    uint32_t delayed_seconds_maximum;
    uint32_t subscriptions_maximum; /* of one session */
    uint32_t user_sessions_maximum; /* sessions of one user, with and without connection; 0: any */
    bool identifiers_are_owned;     /* a client identifier with a session is its user's: others are
                                       refused, instead of ending that session */
    bool validate_payload_format;   /* check UTF-8 when Payload Format Indicator is 1 */
    bool overlapping_separately;    /* one copy per matching subscription instead of one in all */
    bool retain_available;
    bool queue_qos0; /* keep QoS 0 for offline durable sessions too */
};

#endif
