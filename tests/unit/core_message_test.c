/* Messages: their bytes are what MQTT 5 sends, with the properties that a server forwards; and the
 * identities and options that come along in the same folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/buffer.h"
#include "core/identity.h"
#include "core/message.h"
#include "core/options.h"

TEST(the_bytes_lie_as_mqtt_5_sends_them)
{
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("a/b"),
        .payload = SLICE_LITERAL("xyz"),
        .expires_at = 99,
        .publisher = {5, 6},
        .qos = QOS_2,
        .retain = true,
    });

    CHECK_SLICE_EQUAL(slice_make(message->bytes, message->length), SLICE_LITERAL("\0\3a/b\0xyz"));
    CHECK_SLICE_EQUAL(message_topic(message), SLICE_LITERAL("a/b"));
    CHECK_SLICE_EQUAL(message_payload(message), SLICE_LITERAL("xyz"));
    CHECK_SLICE_EQUAL(message_properties(message), SLICE_EMPTY);
    CHECK_INT_EQUAL(message->publisher.place, 5);
    CHECK_INT_EQUAL(message->publisher.generation, 6);
    CHECK_INT_EQUAL(message->qos, QOS_2);
    CHECK(message->retain);
    CHECK(!message_is_expired(message, 98));
    CHECK(message_is_expired(message, 99));
    message_release(message);
}

TEST(only_forwarded_properties_are_kept)
{
    /* payload format 1, message expiry, topic alias 7, user property k=v, subscription id 3 */
    struct slice raw = SLICE_LITERAL("\x01\x01\x02\0\0\0\x05\x23\0\x07\x26\0\x01k\0\x01v\x0b\x03");
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("t"),
        .properties = raw,
        .payload = SLICE_LITERAL("p"),
        .expires_at = MSEC_NEVER,
    });

    CHECK_SLICE_EQUAL(message_properties(message), SLICE_LITERAL("\x01\x01\x26\0\x01k\0\x01v"));
    CHECK_SLICE_EQUAL(slice_make(message->bytes, message->length),
                      SLICE_LITERAL("\0\1t\x09\x01\x01\x26\0\x01k\0\x01vp"));
    message_release(message);
}

TEST(what_is_told_stands_behind_the_payload)
{
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("t"),
        .payload = SLICE_LITERAL("pay"),
        .told = SLICE_LITERAL("\x26\0\x01k\0\x01v"),
        .expires_at = MSEC_NEVER,
    });
    struct slice bytes = slice_make(message->bytes, message->length);

    CHECK_SLICE_EQUAL(bytes, SLICE_LITERAL("\0\1t\0pay\x26\0\x01k\0\x01v"));
    CHECK_SLICE_EQUAL(message_payload(message), SLICE_LITERAL("pay"));
    CHECK_SLICE_EQUAL(message_told(message), SLICE_LITERAL("\x26\0\x01k\0\x01v"));
    struct message *again = message_from_bytes(bytes, 7, MSEC_NEVER, QOS_0, false);
    CHECK_SLICE_EQUAL(message_payload(again), SLICE_LITERAL("pay"));
    CHECK_SLICE_EQUAL(message_told(again), message_told(message));
    message_release(again);
    CHECK(!message_from_bytes(bytes, 11, MSEC_NEVER, QOS_0, false));
    CHECK(!message_from_bytes(bytes, SIZE_MAX, MSEC_NEVER, QOS_0, false));
    message_release(message);
}

/* Filtering can make the length prefix shorter than was reckoned. */
TEST(property_lengths_around_128)
{
    for (size_t value_length = 100; value_length < 140; value_length++) {
        struct buffer raw = {0}, kept = {0};
        test_note("value of %zu bytes", value_length);
        buffer_append_byte(&kept, 0x09); /* correlation data */
        buffer_append_u16(&kept, (uint16_t)value_length);
        memset(buffer_reserve(&kept, value_length), 'c', value_length);
        kept.length += value_length;
        buffer_append(&raw, SLICE_LITERAL("\x02\0\0\0\x05"));
        buffer_append(&raw, buffer_slice(&kept));
        struct message *message = message_new(&(struct message_parts){
            .topic = SLICE_LITERAL("t"),
            .properties = buffer_slice(&raw),
            .payload = SLICE_LITERAL("payload"),
            .expires_at = MSEC_NEVER,
        });
        CHECK_SLICE_EQUAL(message_properties(message), buffer_slice(&kept));
        CHECK_SLICE_EQUAL(message_payload(message), SLICE_LITERAL("payload"));
        CHECK_INT_EQUAL(message->length, 3 + varint_size((uint32_t)kept.length) + kept.length + 7);
        message_release(message);
        buffer_release(&raw);
        buffer_release(&kept);
    }
}

TEST(counts)
{
    struct message *message =
        message_new(&(struct message_parts){.topic = SLICE_LITERAL("t"), .expires_at = MSEC_NEVER});

    CHECK(message_hold(message) == message);
    CHECK_INT_EQUAL(message->references, 2);
    CHECK_INT_EQUAL(message_payload(message).length, 0);
    message_release(message);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
    message_release(NULL);
}

TEST(identities_copy_their_names)
{
    char user[] = "alice";
    struct slice groups[] = {SLICE_LITERAL("staff"), SLICE_LITERAL("ops")};
    struct identity *identity = identity_new(slice_from_string(user), groups, 2);

    memset(user, 'x', 5);
    CHECK(identity_hold(identity) == identity);
    identity_release(identity);
    CHECK(!identity->anonymous);
    CHECK_SLICE_EQUAL(identity->user_name, SLICE_LITERAL("alice"));
    CHECK_INT_EQUAL(identity->group_count, 2);
    CHECK_SLICE_EQUAL(identity->groups[0], SLICE_LITERAL("staff"));
    CHECK_SLICE_EQUAL(identity->groups[1], SLICE_LITERAL("ops"));
    identity_release(identity);
    identity_release(NULL);
    identity = identity_new(SLICE_EMPTY, NULL, 0);
    CHECK(identity->anonymous);
    identity_release(identity);
}

TEST(defaults_are_usable)
{
    struct core_options options;

    memset(&options, 0xff, sizeof(options));
    core_options_defaults(&options);
    CHECK_INT_EQUAL(options.maximum_packet_size, 2 * 1024 * 1024);
    CHECK(options.receive_maximum > 0 && options.inflight_maximum > 0);
    CHECK(options.subscriptions_maximum >= 100000);
    CHECK(options.output_bytes_maximum > 0 && options.queue_bytes_maximum > 0);
    CHECK(options.retain_available && !options.queue_qos0 && !options.overlapping_separately);
}
