/* The defaults of core's options: the numbers that conf/pubgrid.yaml documents.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/options.h"

static const struct core_options defaults = {
    .maximum_packet_size = 2 * 1024 * 1024,
    .receive_maximum = 1024,
    .inflight_maximum = 1024,
    .topic_alias_maximum = 64,
    .keep_alive_maximum = 0,
    .session_expiry_maximum = UINT32_MAX,
    .queue_messages_maximum = 100000,
    .queue_bytes_maximum = UINT64_C(64) * 1024 * 1024,
    .stored_messages_maximum = 20000000,
    .stored_bytes_maximum = UINT64_C(8) * 1024 * 1024 * 1024,
    .window_bytes = 256 * 1024,
    .window_total_bytes = UINT64_C(64) * 1024 * 1024,
    .memory_maximum = 0,
    .output_bytes_maximum = 1024 * 1024,
    .connect_timeout_ms = 10 * 1000,
    .sys_interval_ms = 10 * 1000,
    .delayed_messages_maximum = 100000,
    .delayed_seconds_maximum = 365 * 24 * 60 * 60,
    .subscriptions_maximum = 1000000,
    .user_sessions_maximum = 0,
    .identifiers_are_owned = false,
    .validate_payload_format = false,
    .overlapping_separately = false,
    .retain_available = true,
    .queue_qos0 = false,
};

void core_options_defaults(struct core_options *options)
{
    *options = defaults;
}
