/* Reliable Web PubSub clients when the broker goes, stops, does not answer or repeats itself, and
 * the numbers that they see.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "client/mqtt_write.h"
#include "support/bridge_fakes.h"

#define CHECK_HAS(actual, part)                                                                    \
    do {                                                                                           \
        const char *actual_text = (actual);                                                        \
        if (!strstr(actual_text, part)) {                                                          \
            test_fail(__FILE__, __LINE__, "got:\n%s\nwithout:\n%s", actual_text, part);            \
        }                                                                                          \
    } while (0)

static struct client *start(struct fakes *fakes, enum subprotocol subprotocol, const char *may)
{
    struct client *client =
        fakes_client(fakes, fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, subprotocol, "u1", may));

    fakes_connack(client, false);
    fakes_to_broker(fakes);
    fakes_to_browser(fakes);
    return client;
}

static void finish(struct fakes *fakes, struct client *client)
{
    client_socket_closed(client, 1000);
    fakes_free(fakes);
}

/* ---------------------------------------------------------------- streams */

static void send_fragment(struct client *client, unsigned number)
{
    char text[200];

    snprintf(text, sizeof(text),
             "{\"type\":\"streamData\",\"streamId\":\"S\",\"streamSequenceId\":%u,"
             "\"dataType\":\"text\",\"data\":\"a\"}",
             number);
    fakes_say(client, text);
}

TEST(no_fragment_is_acknowledged_behind_one_that_is_to_come_again)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.sendToGroup");

    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{\"streamId\":\"S\"}}");
    send_fragment(client, 1);
    send_fragment(client, 2);
    fakes_to_browser(fakes);
    fakes_answer(client, PACKET_PUBACK, 4097, REASON_QUOTA_EXCEEDED);
    CHECK_HAS(fakes_to_browser(fakes), "\"type\":\"streamNack\"");
    fakes_answer(client, PACKET_PUBACK, 4098, 0);
    CHECK_STRING_EQUAL(fakes_to_browser(fakes), "");
    send_fragment(client, 1);
    fakes_answer(client, PACKET_PUBACK, 4099, 0);
    CHECK_HAS(fakes_to_browser(fakes), "\"expectedSequenceId\":2}");
    finish(fakes, client);
}

TEST(what_is_kept_of_streams_outlives_the_session)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, "webpubsub.sendToGroup");

    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{\"streamId\":\"S\"}}");
    fakes_to_broker(fakes);
    client_socket_closed(client, 1006);
    CHECK_HAS(fakes_to_broker(fakes), "qos=0 retain expiry=90");
    fakes_free(fakes);
}
