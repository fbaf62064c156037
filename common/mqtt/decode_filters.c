/* The payloads of SUBSCRIBE and UNSUBSCRIBE: lists of topic filters, checked as a whole when the
 * packet is decoded and walked again by who acts on them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/decode.h"
#include "mqtt/topic.h"

/* Subscription Options, section 3.8.3.1; in 3.1.1 all but the QoS are reserved. */
enum {
    OPTION_QOS = 0x03,
    OPTION_NO_LOCAL = 0x04,
    OPTION_RETAIN_AS_PUBLISHED = 0x08,
    OPTION_RETAIN_HANDLING = 0x30,
    OPTION_RETAIN_HANDLING_SHIFT = 4,
    OPTION_RESERVED = 0xC0,
};

/* The value 3 of the two-bit fields is a Protocol Error in MQTT 5 (sections 3.8.3.1) and malformed
 * in 3.1.1 (MQTT-3-8.3-4), where only the bits of the QoS exist. */
static enum reason_code options_check(uint8_t options, enum protocol_version version,
                                      struct slice filter)
{
    if (version != MQTT_5) {
        return options <= QOS_2 ? REASON_SUCCESS : REASON_MALFORMED_PACKET;
    }
    if ((options & OPTION_RESERVED) != 0) {
        return REASON_MALFORMED_PACKET; /* MQTT-3.8.3-5 */
    }
    if ((options & OPTION_QOS) == OPTION_QOS ||
        (options & OPTION_RETAIN_HANDLING) == OPTION_RETAIN_HANDLING) {
        return REASON_PROTOCOL_ERROR;
    }
    if ((options & OPTION_NO_LOCAL) != 0 && slice_starts_with(filter, SLICE_LITERAL("$share/"))) {
        return REASON_PROTOCOL_ERROR; /* MQTT-3.8.3-4 */
    }
    return REASON_SUCCESS;
}

static enum reason_code filter_check(const struct reader *r, struct slice filter)
{
    if (r->failed) {
        return REASON_MALFORMED_PACKET;
    }
    return topic_filter_is_valid(filter)
               ? REASON_SUCCESS
               : decode_topic_verdict(filter, REASON_TOPIC_FILTER_INVALID);
}

enum reason_code decode_subscribe_filters(struct subscribe *subscribe,
                                          enum protocol_version version)
{
    struct reader reader = reader_make(subscribe->filters);
    enum reason_code reason = REASON_SUCCESS;

    for (subscribe->count = 0; reader.at != reader.end; subscribe->count++) {
        struct slice filter = reader_binary(&reader);
        uint8_t options = reader_u8(&reader);
        reason = filter_check(&reader, filter);
        if (reason == REASON_SUCCESS) {
            reason = options_check(options, version, filter);
        }
        if (reason != REASON_SUCCESS) {
            return reason;
        }
    }
    return subscribe->count > 0 ? REASON_SUCCESS : REASON_PROTOCOL_ERROR; /* MQTT-3.8.3-2 */
}

enum reason_code decode_unsubscribe_filters(struct subscribe *subscribe)
{
    struct reader reader = reader_make(subscribe->filters);

    for (subscribe->count = 0; reader.at != reader.end; subscribe->count++) {
        struct slice filter = reader_binary(&reader);
        enum reason_code reason = filter_check(&reader, filter);
        if (reason != REASON_SUCCESS) {
            return reason;
        }
    }
    return subscribe->count > 0 ? REASON_SUCCESS : REASON_PROTOCOL_ERROR; /* MQTT-3.10.3-2 */
}

/* Moves `*filters` to where the reader stands; false if it could not read. */
static bool filters_advance(struct slice *filters, const struct reader *reader)
{
    if (reader->failed) {
        return false;
    }
    *filters = slice_make(reader->at, reader_left(reader));
    return true;
}

bool subscribe_next(struct slice *filters, enum protocol_version version, struct slice *filter,
                    struct subscription_options *options)
{
    struct reader reader = reader_make(*filters);
    uint8_t byte;

    *filter = reader_binary(&reader);
    byte = reader_u8(&reader);
    *options = (struct subscription_options){.qos = (enum qos)(byte & OPTION_QOS)};
    if (version == MQTT_5) {
        options->no_local = (byte & OPTION_NO_LOCAL) != 0;
        options->retain_as_published = (byte & OPTION_RETAIN_AS_PUBLISHED) != 0;
        options->retain_handling =
            (uint8_t)((byte & OPTION_RETAIN_HANDLING) >> OPTION_RETAIN_HANDLING_SHIFT);
    }
    return filters_advance(filters, &reader);
}

bool unsubscribe_next(struct slice *filters, struct slice *filter)
{
    struct reader reader = reader_make(*filters);

    *filter = reader_binary(&reader);
    return filters_advance(filters, &reader);
}
