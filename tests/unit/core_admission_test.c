/* Who is let in by the rules of which shard: a connection moves from the one that has accepted it
 * to the one that owns the session, and the rules may change meanwhile.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "mqtt/packet.h"
#include "mqtt/placement.h"
#include "support/core_harness.h"

static struct rule_set *rules_with(bool is_enabled)
{
    struct rule_set *rules = rule_set_new();

    rule_set_begin_namespace(rules);
    rule_set_add_client(
        rules, &(struct registered_client){.name = SLICE_LITERAL("a"), .is_enabled = is_enabled});
    return rules;
}

/* Of the user a, with an identifier whose session is not on shard 0. */
static void send_connect(struct core_link *link)
{
    struct buffer bytes = {0};
    char identifier[] = "a0";

    while (placement_of(slice_from_string(identifier), 2) != 1) {
        identifier[1]++;
    }
    packet_encode(&bytes,
                  &(struct packet){.type = PACKET_CONNECT,
                                   .connect = {.version = MQTT_5,
                                               .clean_start = true,
                                               .client_identifier = slice_from_string(identifier),
                                               .has_user_name = true,
                                               .user_name = SLICE_LITERAL("a")}},
                  MQTT_5);
    core_link_send(link, buffer_slice(&bytes));
    buffer_release(&bytes);
}

static uint8_t connack_reason(struct core_link *link)
{
    struct packet packet;
    struct packet_limits limits = {
        .version = MQTT_5, .from_server = true, .packet_size_max = UINT32_MAX};

    CHECK(packet_decode(&packet, buffer_slice(core_link_received(link)), &limits) > 0);
    CHECK_INT_EQUAL(packet.type, PACKET_CONNACK);
    return packet.connack.reason;
}

TEST(who_is_disabled_on_its_way_to_another_shard_is_refused_there)
{
    struct core_harness_settings settings;

    core_harness_defaults(&settings);
    settings.shards = 2;
    settings.access = rules_with(true);
    struct core_harness *harness = core_harness_new(&settings);
    struct core_link *link = core_harness_open(harness);
    core_harness_by_hand(harness, true);
    send_connect(link);
    core_harness_turn_begin(harness, 0);
    core_harness_turn_end(harness, 0); /* the connection is in the mail */
    CHECK_INT_EQUAL(core_link_received(link)->length, 0);
    core_harness_change_rules(harness, rules_with(false));
    CHECK_INT_EQUAL(connack_reason(link), REASON_NOT_AUTHORIZED);
    CHECK(core_link_is_closed(link));
    core_link_close(link);
    core_harness_free(harness);
}
