/* Fuzzes packet_decode() and packet_encode().
 *
 * The first byte chooses protocol version and direction, the rest is a stream of packets. Beyond
 * "no crash": a decoded packet's encoding decodes to the same packet; in 3.1.1, which has one
 * encoding only, it is the very bytes that came in; no proper prefix of a valid packet is one; what
 * subscribe_next() and properties_next() walk is what the struct says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "mqtt/packet.h"

static void check_properties(const struct properties *p)
{
    struct property_item item;
    uint64_t seen = 0;
    size_t length = 0;

    for (struct slice raw = p->raw; properties_next(&raw, &item);) {
        seen |= UINT64_C(1) << item.property;
        length += item.encoded.length;
    }
    FUZZ_CHECK(seen == p->present);
    FUZZ_CHECK(length == p->raw.length);
}

static void check_filters(const struct packet *packet, enum protocol_version version)
{
    struct slice filters = packet->subscribe.filters, filter;
    struct subscription_options options;
    size_t count = 0;

    if (packet->type == PACKET_SUBSCRIBE) {
        while (subscribe_next(&filters, version, &filter, &options)) {
            FUZZ_CHECK(options.qos <= QOS_2 && options.retain_handling <= 2);
            count += 1;
        }
    } else {
        while (unsubscribe_next(&filters, &filter)) {
            count += 1;
        }
    }
    FUZZ_CHECK(filters.length == 0);
    FUZZ_CHECK(count == packet->subscribe.count && count > 0);
}

static void check_fields(const struct packet *packet, enum protocol_version version)
{
    check_properties(&packet->properties);
    if (packet->type == PACKET_CONNECT && packet->connect.will.present) {
        check_properties(&packet->connect.will.properties);
    }
    if (packet->type == PACKET_SUBSCRIBE || packet->type == PACKET_UNSUBSCRIBE) {
        check_filters(packet, version);
    }
    if (packet->type == PACKET_PUBLISH) {
        FUZZ_CHECK(packet->publish.qos <= QOS_2);
        FUZZ_CHECK((packet->publish.packet_id != 0) == (packet->publish.qos != QOS_0));
    }
}

/* May the encoder leave out bytes that the sender wrote (a reason of 0, an empty list)? */
static bool is_abridged(enum packet_type type)
{
    const unsigned types = 1u << PACKET_PUBACK | 1u << PACKET_PUBREC | 1u << PACKET_PUBREL |
                           1u << PACKET_PUBCOMP | 1u << PACKET_DISCONNECT | 1u << PACKET_AUTH;

    return (types >> type & 1) != 0;
}

static void check_round_trip(const struct packet *packet, struct slice bytes,
                             enum protocol_version version, const struct packet_limits *limits)
{
    struct buffer first = {0}, second = {0};
    struct packet again;

    packet_encode(&first, packet, version);
    FUZZ_CHECK(packet_decode(&again, buffer_slice(&first), limits) == (ssize_t)first.length);
    FUZZ_CHECK(again.type == packet->type);
    FUZZ_CHECK(again.properties.present == packet->properties.present);
    packet_encode(&second, &again, version);
    FUZZ_CHECK(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    if (version == MQTT_3_1_1) {
        FUZZ_CHECK(slice_equal(buffer_slice(&first), bytes));
    } else if (is_abridged(packet->type)) {
        FUZZ_CHECK(first.length <= bytes.length && first.length + 2 >= bytes.length);
    } else {
        FUZZ_CHECK(first.length == bytes.length); /* the same properties, perhaps reordered */
    }
    buffer_release(&first);
    buffer_release(&second);
}

static void check_prefix(struct slice bytes, size_t length, const struct packet_limits *limits)
{
    struct packet packet;
    struct slice prefix = fuzz_copy(slice_make(bytes.data, length));

    FUZZ_CHECK(packet_decode(&packet, prefix, limits) == 0);
    fuzz_free(prefix);
}

/* Returns the bytes used, 0 if the stream ends here. */
static size_t one_packet(struct slice in, const struct packet_limits *limits)
{
    struct packet packet;
    ssize_t used;
    struct slice bytes;
    enum protocol_version version = limits->version;

    memset(&packet, 0xA5, sizeof(packet)); /* a decoder that leaves a field unset shows it */
    used = packet_decode(&packet, in, limits);
    if (used <= 0) {
        FUZZ_CHECK(used == 0 || (used <= -0x80 && used >= -0xA2));
        return 0;
    }
    FUZZ_CHECK((size_t)used <= in.length);
    FUZZ_CHECK(packet_size(in) == used);
    bytes = slice_make(in.data, (size_t)used);
    if (packet.type == PACKET_CONNECT) {
        version = packet.connect.version;
    }
    check_fields(&packet, version);
    check_round_trip(&packet, bytes, version, limits);
    check_prefix(bytes, bytes.length - 1, limits);
    check_prefix(bytes, bytes.length / 2, limits);
    return (size_t)used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum protocol_version versions[] = {MQTT_UNKNOWN, MQTT_3_1_1, MQTT_5, MQTT_5};
    struct packet_limits limits = {.packet_size_max = PACKET_SIZE_MAX};
    struct slice copy, rest;
    size_t used;

    if (size == 0) {
        return 0;
    }
    limits.version = versions[data[0] & 3];
    limits.from_server = (data[0] & 4) != 0;
    copy = rest = fuzz_copy(slice_make(data + 1, size - 1));
    do {
        used = one_packet(rest, &limits);
        rest = slice_from(rest, used);
    } while (used > 0 && rest.length > 0);
    fuzz_free(copy);
    return 0;
}
