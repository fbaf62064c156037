/* client/metrics*.h: counters, as samples, on the board, and as text for Prometheus.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/metrics.h"

#include <stdio.h>

#include "client/metrics_board.h"
#include "client/metrics_text.h"
#include "test.h"

static struct traffic *traffic_of(struct metrics *metrics, char *hub, enum subprotocol subprotocol)
{
    return metrics_traffic(metrics, &(struct upgrade){.hub = hub, .subprotocol = subprotocol});
}

/* ---------------------------------------------------------------- counters */

TEST(each_hub_and_subprotocol_counts_for_itself)
{
    struct metrics metrics;
    char chat[] = "chat", news[] = "news";
    struct traffic *traffic;

    metrics_init(&metrics);
    traffic = traffic_of(&metrics, chat, SUBPROTOCOL_JSON);
    CHECK(traffic == traffic_of(&metrics, chat, SUBPROTOCOL_JSON));
    CHECK(traffic != traffic_of(&metrics, chat, SUBPROTOCOL_MQTT));
    CHECK(traffic != traffic_of(&metrics, news, SUBPROTOCOL_JSON));
    CHECK(traffic != traffic_of(&metrics, NULL, SUBPROTOCOL_JSON));
    metrics_release(&metrics);
}

TEST(hubs_beyond_the_bound_count_together)
{
    struct metrics metrics;
    char name[16];
    struct traffic *first, *beyond;

    metrics_init(&metrics);
    for (int i = 0; i < METRICS_HUBS_MAX; i++) {
        snprintf(name, sizeof(name), "h%d", i);
        traffic_of(&metrics, name, SUBPROTOCOL_JSON);
    }
    first = traffic_of(&metrics, (char[]){"h0"}, SUBPROTOCOL_JSON);
    beyond = traffic_of(&metrics, (char[]){"more"}, SUBPROTOCOL_JSON);
    CHECK(beyond == traffic_of(&metrics, (char[]){"and_more"}, SUBPROTOCOL_JSON));
    CHECK(beyond != first);
    CHECK(first == traffic_of(&metrics, (char[]){"h0"}, SUBPROTOCOL_JSON));
    CHECK_INT_EQUAL(metrics.by_name.count, METRICS_HUBS_MAX + 1);
    metrics_release(&metrics);
}

static void check_names(const char *(*name_of)(size_t index), size_t count)
{
    for (size_t i = 0; i < count; i++) {
        test_note("row %zu", i);
        CHECK(name_of(i) && name_of(i)[0]);
        for (size_t other = 0; other < i; other++) {
            CHECK(strcmp(name_of(i), name_of(other)) != 0);
        }
    }
}

TEST(all_names_are_there_and_differ)
{
    check_names(metrics_status_name, METRICS_STATUSES);
    check_names(metrics_protocol_name, METRICS_PROTOCOLS);
    check_names(metrics_operation_name, METRICS_OPERATIONS);
    check_names(metrics_ask_name, ASK_OUTCOMES);
}

static const char *family_name(size_t index)
{
    return metric_families[index].name;
}

static const char *broker_name(size_t index)
{
    return broker_metrics[index].name;
}

TEST(all_metrics_are_described)
{
    check_names(family_name, METRICS);
    check_names(broker_name, BROKER_METRICS);
    for (int i = 0; i < METRICS; i++) {
        test_note("family %d", i);
        CHECK(metric_families[i].help && metric_families[i].type);
    }
    for (int i = 0; i < BROKER_METRICS; i++) {
        test_note("broker %d", i);
        CHECK(broker_metrics[i].help && broker_metrics[i].type);
    }
}

/* ---------------------------------------------------------------- text */

static void add_to_text(void *context, const struct sample *sample)
{
    metrics_text_add(context, 1, sample);
}

static void write_text(const struct metrics *metrics, struct buffer *out)
{
    struct metrics_text text = {0};

    metrics_visit(metrics, add_to_text, &text);
    metrics_text_finish(&text, out);
    buffer_append_byte(out, '\0');
}

#define CHECK_SAYS(out, line)                                                                      \
    do {                                                                                           \
        test_note("%s in %s", line, (const char *)(out)->data);                                    \
        CHECK(strstr((const char *)(out)->data, line));                                            \
    } while (0)

/* Webhooks of one hub. */
static void each_hub(const void *context,
                     void (*visit)(void *visitor, struct slice hub,
                                   const struct event_statistics *statistics),
                     void *visitor)
{
    struct event_statistics statistics = {.listened = 5};

    (void)context;
    event_statistics_add(&statistics.kinds[EVENT_KIND_USER], EVENT_RESULT_2XX, 3000);
    event_statistics_add(&statistics.kinds[EVENT_KIND_USER], EVENT_RESULT_OVERFLOW, 3000);
    statistics.kinds[EVENT_KIND_USER].attempts = 2;
    visit(visitor, SLICE_LITERAL("chat"), &statistics);
}

static void gauges(const void *context, uint64_t *waiting, uint64_t *running)
{
    (void)context;
    *waiting = 3;
    *running = 4;
}

/* Event Grid with one topic. */
static void each_topic(const void *context,
                       void (*visit)(void *visitor, struct slice kind, struct slice topic,
                                     const struct topic_statistics *statistics),
                       void *visitor)
{
    (void)context;
    visit(visitor, SLICE_LITERAL("topics"), SLICE_LITERAL("orders"),
          &(struct topic_statistics){
              .published = 7,
              .matched = 6,
              .unmatched = 1,
              .refused = 2,
              .delivered = 5,
              .attempts_failed = 4,
              .dead_lettered = 3,
              .publish_latencies = {[1] = 8},
              .publish_microseconds = 1500000,
          });
    visit(visitor, SLICE_LITERAL("domains"), SLICE_LITERAL("idle"), &(struct topic_statistics){0});
}

TEST(event_topics_count_for_themselves)
{
    static const char *const lines[] = {
        "events_published_total{process=\"1\",kind=\"topics\",topic=\"orders\"} 7\n",
        "events_refused_requests_total{process=\"1\",kind=\"topics\",topic=\"orders\"} 2\n",
        "events_publish_seconds_sum{process=\"1\",kind=\"topics\",topic=\"orders\"} 1.500000\n",
        "events_publish_seconds_count{process=\"1\",kind=\"topics\",topic=\"orders\"} 8\n",
        "events_matched_total{process=\"1\",kind=\"topics\",topic=\"orders\"} 6\n",
        "events_unmatched_total{process=\"1\",kind=\"topics\",topic=\"orders\"} 1\n",
        "events_delivered_total{process=\"1\",kind=\"topics\",topic=\"orders\"} 5\n",
        "events_failed_attempts_total{process=\"1\",kind=\"topics\",topic=\"orders\"} 4\n",
        "events_dead_lettered_total{process=\"1\",kind=\"topics\",topic=\"orders\"} 3\n",
    };
    struct metrics metrics;
    struct buffer out = {0};

    metrics_init(&metrics);
    metrics.topics = (struct topic_source){each_topic, NULL};
    write_text(&metrics, &out);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        CHECK_SAYS(&out, lines[i]);
    }
    CHECK(!strstr((const char *)out.data, "dropped") && !strstr((const char *)out.data, "idle"));
    buffer_release(&out);
    metrics_release(&metrics);
}

TEST(what_prometheus_reads)
{
    struct metrics metrics;
    struct buffer out = {0};
    struct traffic *traffic;

    metrics_init(&metrics);
    traffic = traffic_of(&metrics, (char[]){"chat"}, SUBPROTOCOL_JSON);
    traffic->connections = 2;
    traffic->bytes_out = UINT64_MAX;
    traffic->closed[CLOSED_SLOW_CLIENT] = 3;
    metrics_count_refused(&metrics, 401);
    metrics_count_rest(&metrics, REST_SEND, 202, 900);
    metrics_count_rest(&metrics, REST_SEND, 202, 1000);
    metrics_count_rest(&metrics, REST_SEND, 799, 99000000);
    metrics.webhooks = (struct webhook_source){each_hub, gauges, NULL};
    metrics_count_ask(&metrics, ASK_FAILED);
    write_text(&metrics, &out);
    CHECK_SAYS(&out, "# HELP pubgrid_bridge_connections WebSockets that are open.\n"
                     "# TYPE pubgrid_bridge_connections gauge\n"
                     "pubgrid_bridge_connections{process=\"1\",hub=\"chat\","
                     "subprotocol=\"json.webpubsub.azure.v1\"} 2\n");
    CHECK_SAYS(&out, "subprotocol=\"json.webpubsub.azure.v1\"} 18446744073709551615\n");
    CHECK_SAYS(&out, "\npubgrid_bridge_closed_total{process=\"1\",hub=\"chat\","
                     "subprotocol=\"json.webpubsub.azure.v1\",category=\"SlowClient\"} 3\n");
    CHECK(!strstr((const char *)out.data, "Throttled"));
    CHECK_SAYS(&out, "refused_upgrades_total{process=\"1\",status=\"401\"} 1\n");
    CHECK_SAYS(&out, "rest_requests_total{process=\"1\",operation=\"send\",status=\"202\"} 2\n");
    CHECK_SAYS(&out, "rest_requests_total{process=\"1\",operation=\"send\",status=\"other\"} 1\n");
    CHECK_SAYS(&out,
               "rest_request_seconds_bucket{process=\"1\",operation=\"send\",le=\"0.001\"} 2\n"
               "pubgrid_bridge_rest_request_seconds_bucket{process=\"1\",operation=\"send\","
               "le=\"0.0025\"} 2\n");
    CHECK_SAYS(&out, "le=\"10\"} 2\n");
    CHECK_SAYS(&out, "le=\"+Inf\"} 3\n");
    CHECK_SAYS(&out, "rest_request_seconds_sum{process=\"1\",operation=\"send\"} 99.001900\n"
                     "pubgrid_bridge_rest_request_seconds_count{process=\"1\",operation=\"send\"} "
                     "3\n");
    CHECK_SAYS(
        &out, "webhook_events_total{process=\"1\",hub=\"chat\",event=\"user\",result=\"2xx\"} 1\n");
    CHECK_SAYS(&out, "webhook_events_total{process=\"1\",hub=\"chat\",event=\"user\","
                     "result=\"overflow\"} 1\n");
    CHECK_SAYS(&out, "webhook_requests_total{process=\"1\",hub=\"chat\",event=\"user\"} 2\n");
    CHECK_SAYS(&out, "webhook_event_seconds_count{process=\"1\",hub=\"chat\",event=\"user\"} 1\n");
    CHECK_SAYS(&out, "webhook_copies_total{process=\"1\",hub=\"chat\"} 5\n");
    CHECK_SAYS(&out, "webhook_waiting_events{process=\"1\"} 3\n");
    CHECK_SAYS(&out, "webhook_running_requests{process=\"1\"} 4\n");
    CHECK(!strstr((const char *)out.data, "event=\"connect\""));
    CHECK_SAYS(&out, "asks_total{process=\"1\",outcome=\"failed\"} 1\n");
    CHECK(!strstr((const char *)out.data, "operation=\"close\""));
    buffer_release(&out);
    metrics_release(&metrics);
}

TEST(labels_are_escaped)
{
    struct metrics_text text = {0};
    struct buffer out = {0};

    metrics_text_add(&text, 0,
                     &(struct sample){.metric = METRIC_ASKS,
                                      .labels = {SLICE_LITERAL("a\"b\\c\nd\xc3\xbc")},
                                      .numbers = {7}});
    metrics_text_finish(&text, &out);
    buffer_append_byte(&out, '\0');
    CHECK_SAYS(&out, "outcome=\"a\\\"b\\\\c\\nd\xc3\xbc\"} 7\n");
    buffer_release(&out);
}

TEST(the_brokers_numbers)
{
    static const struct {
        const char *topic, *text;
    } told[] = {
        {"clients/connected", "12"},
        {"uptime", "77 seconds"},
        {"store/commit/microseconds", "1500"},
        {"version", "pubgrid version 0.1\"x"},
        {"store/state", "read-only"},
        {"heap/current", "-1"},
        {"bytes/sent", "18446744073709551616"},
        {"subscriptions/count", ""},
        {"load/sockets/1min", "3"},
    };
    struct broker_numbers numbers = {0};
    struct buffer out = {0};

    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        broker_numbers_take(&numbers, slice_from_string(told[i].topic),
                            slice_from_string(told[i].text));
    }
    metrics_text_append_broker(&out, &numbers);
    buffer_append_byte(&out, '\0');
    CHECK_SAYS(&out, "# TYPE pubgrid_broker_connected_clients gauge\n"
                     "pubgrid_broker_connected_clients 12\n");
    CHECK_SAYS(&out, "\npubgrid_broker_uptime_seconds 77\n");
    CHECK_SAYS(&out, "\npubgrid_broker_store_commit_seconds 0.0015\n");
    CHECK_SAYS(&out, "pubgrid_broker_info{version=\"0.1\\\"x\"} 1\n");
    CHECK_SAYS(&out, "pubgrid_broker_store_state{state=\"read-only\"} 1\n");
    CHECK(!strstr((const char *)out.data, "heap"));
    CHECK(!strstr((const char *)out.data, "sent_bytes"));
    CHECK(!strstr((const char *)out.data, "subscriptions"));
    buffer_release(&out);
    broker_numbers_release(&numbers);
}

/* ---------------------------------------------------------------- the board */

/* What one process says, another understands. */
static void pass_on(void *context, const struct sample *sample)
{
    struct metrics_board *board = context;
    struct buffer topic = {0}, text = {0};
    const struct board_entry *entry;
    bool is_new = false;

    buffer_append_string(&topic, "63/");
    sample_append_topic(&topic, sample);
    sample_append_text(&text, sample);
    entry = board_put(board, buffer_slice(&topic), buffer_slice(&text), &is_new);
    test_note("%.*s", SLICE_PRINT(buffer_slice(&topic)));
    CHECK(entry && is_new && entry->process == 63);
    CHECK_INT_EQUAL(entry->sample.metric, sample->metric);
    for (size_t i = 0; i < metric_label_count(sample->metric); i++) {
        CHECK(slice_equal(entry->sample.labels[i], sample->labels[i]));
    }
    CHECK(memcmp(entry->sample.numbers, sample->numbers,
                 metric_number_count(sample->metric) * sizeof(uint64_t)) == 0);
    CHECK(board_put(board, buffer_slice(&topic), buffer_slice(&text), &is_new) && !is_new);
    board_remove(board, buffer_slice(&topic));
    CHECK(!board_find(board, buffer_slice(&topic)));
    buffer_release(&topic);
    buffer_release(&text);
}

TEST(samples_pass_from_process_to_process)
{
    struct metrics metrics;
    struct metrics_board board;

    metrics_init(&metrics);
    board_init(&board);
    traffic_of(&metrics, (char[]){"chat"}, SUBPROTOCOL_NONE)->closed[CLOSED_NORMAL] = 1;
    traffic_of(&metrics, NULL, SUBPROTOCOL_MQTT)->bytes_in = UINT64_MAX;
    metrics_count_refused(&metrics, 503);
    metrics_count_rest(&metrics, REST_KINDS, 404, 1000000);
    metrics.webhooks = (struct webhook_source){each_hub, gauges, NULL};
    metrics_visit(&metrics, pass_on, &board);
    board_release(&board);
    metrics_release(&metrics);
}

TEST(what_is_no_sample_is_not_kept)
{
    static const struct {
        const char *topic, *text;
    } wrong[] = {
        {"", "1"},
        {"0", "1"},
        {"uptime_seconds", "1"},
        {"64/uptime_seconds", "1"},
        {"-1/uptime_seconds", "1"},
        {"/uptime_seconds", "1"},
        {"0/uptime", "1"},
        {"0/uptime_seconds/", "1"},
        {"0/uptime_seconds/x", "1"},
        {"0/uptime_seconds", ""},
        {"0/uptime_seconds", "1 "},
        {"0/uptime_seconds", "1 2"},
        {"0/uptime_seconds", "1x"},
        {"0/uptime_seconds", "18446744073709551616"},
        {"0/connections/h", "1"},
        {"0/connections//json", "1"},
        {"0/connections/h/json/x", "1"},
        {"0/rest_request_seconds/send", "1 2 3"},
        {"0/rest_request_seconds/send", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"},
    };
    struct metrics_board board;
    bool is_new;

    board_init(&board);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        test_note("row %zu", i);
        CHECK(!board_put(&board, slice_from_string(wrong[i].topic),
                         slice_from_string(wrong[i].text), &is_new));
    }
    CHECK_INT_EQUAL(board.entries.count, 0);
    board_release(&board);
}
