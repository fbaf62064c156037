/* client/metrics_report.h: what a process tells under $SYS/bridge/, hears, and shows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/metrics_report.h"

#include "support/bridge_fakes.h"
#include "test.h"

enum { INTERVAL_MS = 10000 };

/* Which of the fakes' channels is the reporter's. */
static struct channel *reporter_channel(struct fakes *fakes)
{
    fakes_lose(fakes);
    fakes_return(fakes);
    fakes_to_broker(fakes);
    for (size_t i = FAKES_CHANNELS_MAX; i-- > 0;) {
        if (fakes->channels[i]) {
            return fakes->channels[i];
        }
    }
    return NULL;
}

static void welcome(struct fakes *fakes, struct channel *channel)
{
    struct packet connack = {.type = PACKET_CONNACK};
    struct buffer bytes = {0};

    (void)fakes;
    packet_encode(&bytes, &connack, MQTT_5);
    channel->events->packet(channel, buffer_slice(&bytes));
    buffer_release(&bytes);
}

static void hear(struct channel *channel, const char *topic, const char *text, bool retain)
{
    struct packet publish = {.type = PACKET_PUBLISH,
                             .publish = {.topic = slice_from_string(topic),
                                         .payload = slice_from_string(text),
                                         .retain = retain}};
    struct fanout_scratch scratch = {0};
    struct fanout fanout;
    struct buffer bytes = {0};

    packet_encode(&bytes, &publish, MQTT_5);
    fanout_init(&fanout, &scratch, MQTT_5, buffer_slice(&bytes));
    channel->events->publish(channel, &fanout, 0);
    fanout_release(&fanout);
    fanout_scratch_release(&scratch);
    buffer_release(&bytes);
}

static struct fakes *begin(struct channel **channel)
{
    struct fakes *fakes = fakes_new();

    fakes->gateway.sys_interval_ms = INTERVAL_MS;
    fakes->gateway.index = 2;
    *channel = reporter_channel(fakes);
    CHECK(*channel);
    return fakes;
}

static const char *scrape(struct fakes *fakes, struct buffer *out)
{
    out->length = 0;
    gateway_write_metrics(&fakes->gateway, out);
    buffer_append_byte(out, '\0');
    return (const char *)out->data;
}

#define CHECK_HAS(text, part)                                                                      \
    do {                                                                                           \
        const char *has_text = (text);                                                             \
        test_note("%s", has_text);                                                                 \
        CHECK(strstr(has_text, part));                                                             \
    } while (0)
#define CHECK_LACKS(text, part)                                                                    \
    do {                                                                                           \
        const char *has_text = (text);                                                             \
        test_note("%s", has_text);                                                                 \
        CHECK(!strstr(has_text, part));                                                            \
    } while (0)

static void pass_time(struct fakes *fakes, msec_t ms)
{
    fakes_now += ms;
    gateway_advance(&fakes->gateway);
}

TEST(it_tells_all_and_then_what_changed)
{
    struct channel *channel;
    struct fakes *fakes = begin(&channel);
    const char *told;

    metrics_count_refused(&fakes->gateway.metrics, 401);
    welcome(fakes, channel);
    told = fakes_to_broker(fakes);
    CHECK_HAS(told, "PUBLISH \"$SYS/bridge/2/refused_upgrades_total/401\" qos=0 retain [1]\n");
    CHECK_HAS(told, "PUBLISH \"$SYS/bridge/2/ready\" qos=0 retain [1]\n");
    CHECK_HAS(told, "SUBSCRIBE id=2 \"$SYS/bridge/#\" qos=0 \"$SYS/broker/#\" qos=0\n");
    pass_time(fakes, INTERVAL_MS);
    told = fakes_to_broker(fakes);
    CHECK_HAS(told, "$SYS/bridge/2/uptime_seconds");
    CHECK_LACKS(told, "refused");
    metrics_count_refused(&fakes->gateway.metrics, 401);
    pass_time(fakes, INTERVAL_MS - 1);
    CHECK_STRING_EQUAL(fakes_to_broker(fakes), "");
    pass_time(fakes, 1);
    CHECK_HAS(fakes_to_broker(fakes),
              "$SYS/bridge/2/refused_upgrades_total/401\" qos=0 retain [2]");
    fakes_free(fakes);
}

TEST(it_tells_each_second_while_somebody_watches)
{
    struct channel *channel;
    struct fakes *fakes = begin(&channel);

    welcome(fakes, channel);
    fakes_to_broker(fakes);
    hear(channel, "$SYS/broker/watched", "1", false);
    pass_time(fakes, 1000);
    CHECK_HAS(fakes_to_broker(fakes), "$SYS/bridge/2/uptime_seconds\" qos=0 retain [1]");
    pass_time(fakes, 1000);
    CHECK_HAS(fakes_to_broker(fakes), "$SYS/bridge/2/uptime_seconds\" qos=0 retain [2]");
    hear(channel, "$SYS/broker/watched", "0", false);
    pass_time(fakes, INTERVAL_MS - 1);
    CHECK_STRING_EQUAL(fakes_to_broker(fakes), "");
    pass_time(fakes, 1);
    CHECK_HAS(fakes_to_broker(fakes), "$SYS/bridge/2/uptime_seconds");
    fakes_free(fakes);
}

TEST(a_broker_that_is_back_is_told_all_again)
{
    struct channel *channel;
    struct fakes *fakes = begin(&channel);

    metrics_count_refused(&fakes->gateway.metrics, 401);
    welcome(fakes, channel);
    channel = reporter_channel(fakes);
    welcome(fakes, channel);
    CHECK_HAS(fakes_to_broker(fakes), "refused_upgrades_total/401\" qos=0 retain [1]");
    fakes_free(fakes);
}

TEST(without_an_interval_nothing_is_told)
{
    struct channel *channel;
    struct fakes *fakes = begin(&channel);

    fakes->gateway.sys_interval_ms = 0;
    welcome(fakes, channel);
    CHECK_LACKS(fakes_to_broker(fakes), "PUBLISH");
    pass_time(fakes, INTERVAL_MS);
    CHECK_LACKS(fakes_to_broker(fakes), "PUBLISH");
    fakes->gateway.sys_interval_ms = INTERVAL_MS; /* a reload */
    pass_time(fakes, 60000);
    CHECK_HAS(fakes_to_broker(fakes), "PUBLISH \"$SYS/bridge/2/uptime_seconds\"");
    fakes_free(fakes);
}

TEST(what_a_predecessor_has_left_is_cleared)
{
    struct channel *channel;
    struct fakes *fakes = begin(&channel);

    metrics_count_refused(&fakes->gateway.metrics, 401);
    welcome(fakes, channel);
    fakes_to_broker(fakes);
    hear(channel, "$SYS/bridge/2/refused_upgrades_total/401", "1", true);
    CHECK_STRING_EQUAL(fakes_to_broker(fakes), "");
    hear(channel, "$SYS/bridge/2/refused_upgrades_total/503", "9", true);
    CHECK_HAS(fakes_to_broker(fakes),
              "PUBLISH \"$SYS/bridge/2/refused_upgrades_total/503\" qos=0 retain []");
    fakes_free(fakes);
}

TEST(others_are_shown_while_they_are_heard_of)
{
    static const char theirs[] =
        "pubgrid_bridge_refused_upgrades_total{process=\"0\",status=\"503\"} 9\n";
    struct channel *channel;
    struct fakes *fakes = begin(&channel);
    struct buffer out = {0};

    welcome(fakes, channel);
    hear(channel, "$SYS/bridge/0/refused_upgrades_total/503", "9", true);
    hear(channel, "$SYS/broker/clients/connected", "5", true);
    hear(channel, "$SYS/bridge/nonsense", "5", false);
    CHECK_LACKS(scrape(fakes, &out), theirs); /* it may be dead */
    hear(channel, "$SYS/bridge/0/uptime_seconds", "100", false);
    CHECK_HAS(scrape(fakes, &out), theirs);
    CHECK_HAS(scrape(fakes, &out), "\npubgrid_broker_connected_clients 5\n");
    CHECK_HAS(scrape(fakes, &out), "\npubgrid_bridge_ready{process=\"2\"} 1\n");
    pass_time(fakes, 3 * (msec_t)INTERVAL_MS);
    CHECK_HAS(scrape(fakes, &out), theirs);
    pass_time(fakes, 1);
    CHECK_LACKS(scrape(fakes, &out), theirs);
    hear(channel, "$SYS/bridge/0/uptime_seconds", "1", false);
    hear(channel, "$SYS/bridge/0/refused_upgrades_total/503", "", false);
    CHECK_LACKS(scrape(fakes, &out), theirs);
    CHECK_HAS(scrape(fakes, &out), "uptime_seconds{process=\"0\"} 1\n");
    buffer_release(&out);
    fakes_free(fakes);
}

TEST(without_a_broker_it_shows_itself)
{
    struct channel *channel;
    struct fakes *fakes = begin(&channel);
    struct buffer out = {0};

    welcome(fakes, channel);
    hear(channel, "$SYS/broker/clients/connected", "5", true);
    fakes_lose(fakes);
    CHECK_LACKS(scrape(fakes, &out), "pubgrid_broker");
    CHECK_HAS(scrape(fakes, &out), "pubgrid_bridge_ready{process=\"2\"} 0\n");
    buffer_release(&out);
    fakes_free(fakes);
}
