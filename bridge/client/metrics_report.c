/* See metrics_report.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/metrics_report.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/metrics_board.h"
#include "client/metrics_text.h"
#include "client/own_channel.h"

#define SYS_BRIDGE "$SYS/bridge/"
#define SYS_BROKER "$SYS/broker/"
#define WATCHED    "watched" /* behind SYS_BROKER */

enum {
    SUBSCRIBE_ID = 2,         /* no answer is waited for */
    INTERVAL_LEAST_MS = 1000, /* the broker's own turn for $SYS, and while somebody watches */
    LOOK_MS = 60000,          /* at least so often it is seen that the setting has changed */
    SEND_BYTES = 16384,
    MISSED_MAX = 3, /* intervals without a word: the process is gone */
};

struct reporter {
    struct own_channel own;
    struct gateway *gateway;
    struct timer timer;
    struct metrics_board board;
    struct buffer topic, text; /* scratch */
    msec_t started_at, told_at;
    bool is_watched;
};

static struct reporter *reporter_of(struct own_channel *own)
{
    return CONTAINER_OF(own, struct reporter, own);
}

/* ---------------------------------------------------------------- all samples of this process */

static struct sample own_gauge(enum metric metric, uint64_t number)
{
    return (struct sample){.metric = metric, .numbers = {number}};
}

static void visit_own(struct reporter *reporter,
                      void (*visit)(void *context, const struct sample *sample), void *context)
{
    struct gateway *gateway = reporter->gateway;
    msec_t uptime = gateway_now(gateway) - reporter->started_at;
    struct sample up = own_gauge(METRIC_UPTIME, (uint64_t)uptime / 1000);
    struct sample ready = own_gauge(METRIC_READY, gateway_is_serving(gateway));

    visit(context, &up);
    visit(context, &ready);
    metrics_visit(&gateway->metrics, visit, context);
}

/* ---------------------------------------------------------------- telling */

/* `topic` is what stands behind SYS_BRIDGE. */
static void put_publish(struct reporter *reporter, struct slice topic, struct slice text)
{
    struct buffer *packets = &reporter->gateway->packet, *name = &reporter->gateway->topic;

    name->length = 0;
    buffer_append_string(name, SYS_BRIDGE);
    buffer_append(name, topic);
    write_publish(packets, &(struct publication){
                               .topic = buffer_slice(name),
                               .data = {DATA_TEXT, text},
                               .is_plain = true,
                               .retain = true,
                               .qos = QOS_0,
                           });
    if (packets->length >= SEND_BYTES) {
        own_channel_send(&reporter->own);
    }
}

/* If it is not what was told last. */
static void tell(void *context, const struct sample *sample)
{
    struct reporter *reporter = context;
    struct slice topic;
    bool is_new;

    reporter->topic.length = reporter->text.length = 0;
    buffer_append_format(&reporter->topic, "%u/", reporter->gateway->index);
    sample_append_topic(&reporter->topic, sample);
    sample_append_text(&reporter->text, sample);
    topic = buffer_slice(&reporter->topic);
    if (board_put(&reporter->board, topic, buffer_slice(&reporter->text), &is_new) && is_new) {
        put_publish(reporter, topic, buffer_slice(&reporter->text));
    }
}

static void tell_all(struct reporter *reporter)
{
    if (reporter->own.is_connected && reporter->gateway->sys_interval_ms > 0) {
        visit_own(reporter, tell, reporter);
        own_channel_send(&reporter->own);
        reporter->told_at = gateway_now(reporter->gateway);
    }
}

static msec_t interval(const struct reporter *reporter)
{
    msec_t set = reporter->gateway->sys_interval_ms;

    return set < INTERVAL_LEAST_MS ? INTERVAL_LEAST_MS : set;
}

/* How often what changed is told now. */
static msec_t pace(const struct reporter *reporter)
{
    return reporter->is_watched ? INTERVAL_LEAST_MS : interval(reporter);
}

static void set_timer(struct reporter *reporter)
{
    struct gateway *gateway = reporter->gateway;
    msec_t pause = pace(reporter);

    timers_set(&gateway->timers, &reporter->timer,
               gateway_now(gateway) + (pause < LOOK_MS ? pause : LOOK_MS));
}

static void on_timer(struct timer *timer, void *context)
{
    struct reporter *reporter = CONTAINER_OF(timer, struct reporter, timer);
    struct gateway *gateway = context;

    if (gateway_now(gateway) - reporter->told_at >= pace(reporter)) {
        tell_all(reporter);
    }
    set_timer(reporter);
}

/* ---------------------------------------------------------------- hearing */

/* Of this process: what its predecessor under the same index has left, and it does not know, is
 * cleared. What it has told itself, which comes back, it knows. */
static void hear_own(struct reporter *reporter, struct slice topic, struct slice text)
{
    if (text.length > 0 && !board_find(&reporter->board, topic)) {
        put_publish(reporter, topic, SLICE_EMPTY);
        own_channel_send(&reporter->own);
    }
}

static void hear_bridge(struct reporter *reporter, struct slice topic, struct slice text,
                        bool is_retained)
{
    unsigned process;
    bool is_new;

    if (!board_process(topic, &process)) {
        return;
    }
    if (process == reporter->gateway->index) {
        hear_own(reporter, topic, text);
        return;
    }
    if (text.length == 0) {
        board_remove(&reporter->board, topic);
        return;
    }
    if (board_put(&reporter->board, topic, text, &is_new) && !is_retained) {
        reporter->board.heard[process] = gateway_now(reporter->gateway);
    }
}

static void hear_broker(struct reporter *reporter, struct slice topic, struct slice text)
{
    if (slice_equal(topic, SLICE_LITERAL(WATCHED))) {
        reporter->is_watched = slice_equal(text, SLICE_LITERAL("1"));
        set_timer(reporter);
    } else {
        broker_numbers_take(&reporter->board.broker, topic, text);
    }
}

static void on_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    static const struct slice bridge = {(const uint8_t *)SYS_BRIDGE, sizeof(SYS_BRIDGE) - 1};
    static const struct slice broker = {(const uint8_t *)SYS_BROKER, sizeof(SYS_BROKER) - 1};
    struct reporter *reporter = reporter_of(own);
    const struct publish *publish = &fanout->publish.publish;

    (void)sequence; /* QoS 0 */
    if (fanout->is_valid && slice_starts_with(publish->topic, bridge)) {
        hear_bridge(reporter, slice_from(publish->topic, bridge.length), publish->payload,
                    publish->retain);
    } else if (fanout->is_valid && slice_starts_with(publish->topic, broker)) {
        hear_broker(reporter, slice_from(publish->topic, broker.length), publish->payload);
    }
}

/* ---------------------------------------------------------------- the connection */

static void subscribe(struct reporter *reporter)
{
    struct subscription_options options = {
        .qos = QOS_0}; /* No Local would leave out the others, too */
    struct buffer filters = {0};

    write_filter(&filters, SLICE_LITERAL(SYS_BRIDGE "#"), &options);
    write_filter(&filters, SLICE_LITERAL(SYS_BROKER "#"), &options);
    write_subscribe(&reporter->gateway->packet, SUBSCRIBE_ID, buffer_slice(&filters));
    own_channel_send(&reporter->own);
    buffer_release(&filters);
}

/* Its own come first, so that hear_own() knows them. */
static void on_connected(struct own_channel *own, const struct packet *connack)
{
    struct reporter *reporter = reporter_of(own);

    (void)connack;
    tell_all(reporter);
    subscribe(reporter);
    set_timer(reporter);
}

/* The broker forgets what it had, or another is asked. */
static void on_ended(struct own_channel *own)
{
    board_clear(&reporter_of(own)->board);
    reporter_of(own)->is_watched = false;
}

static const struct own_channel_events events = {
    .connected = on_connected,
    .publish = on_publish,
    .ended = on_ended,
};

void reporter_connect(struct reporter *reporter)
{
    own_channel_connect(&reporter->own, "metrics", NULL,
                        (struct connect_request){.clean_start = true});
}

struct reporter *reporter_new(struct gateway *gateway)
{
    struct reporter *reporter = memory_allocate_zero(sizeof(*reporter));

    reporter->gateway = gateway;
    own_channel_init(&reporter->own, gateway, &events);
    reporter->started_at = gateway_now(gateway);
    board_init(&reporter->board);
    timer_init(&reporter->timer, on_timer);
    set_timer(reporter);
    return reporter;
}

void reporter_free(struct reporter *reporter)
{
    struct gateway *gateway = reporter->gateway;

    timers_cancel(&gateway->timers, &reporter->timer);
    own_channel_close(&reporter->own);
    board_release(&reporter->board);
    buffer_release(&reporter->topic);
    buffer_release(&reporter->text);
    free(reporter);
}

/* ---------------------------------------------------------------- /metrics */

struct scrape {
    struct metrics_text text;
    unsigned process;
};

static void add_sample(void *context, const struct sample *sample)
{
    struct scrape *scrape = context;

    metrics_text_add(&scrape->text, scrape->process, sample);
}

static bool is_alive(const struct reporter *reporter, unsigned process)
{
    msec_t heard = reporter->board.heard[process];

    return heard > 0 && gateway_now(reporter->gateway) - heard <= MISSED_MAX * interval(reporter);
}

void gateway_write_metrics(const struct gateway *gateway, struct buffer *out)
{
    struct reporter *reporter = gateway->reporter;
    struct scrape scrape = {.process = gateway->index};
    const struct map_node *node = NULL;

    visit_own(reporter, add_sample, &scrape);
    while ((node = map_next(&reporter->board.entries, node))) {
        const struct board_entry *entry = CONTAINER_OF(node, const struct board_entry, by_topic);
        if (entry->process != gateway->index && is_alive(reporter, entry->process)) {
            metrics_text_add(&scrape.text, entry->process, &entry->sample);
        }
    }
    metrics_text_finish(&scrape.text, out);
    metrics_text_append_broker(out, &reporter->board.broker);
}
