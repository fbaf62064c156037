/* Fuzzes the core with scripts: bytes -> clients, packets and time steps (session_world.h), with
 * the protocol's promises as the oracle (session_check.c).
 *
 * The first byte chooses the settings. Then each step is a byte (5 bits what, 3 bits which client)
 * and what the operation reads behind it; bytes that are missing are 0, so every input is a script.
 * At the end everybody reads and acknowledges everything, and nothing may be missing or leaked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "fuzz/fuzz.h"
#include "fuzz/session_world.h"

struct script {
    struct slice rest;
};

static uint8_t next_byte(struct script *script)
{
    uint8_t byte = 0;

    if (script->rest.length > 0) {
        byte = script->rest.data[0];
        script->rest = slice_from(script->rest, 1);
    }
    return byte;
}

/* --- operations --- */

typedef void operation(struct world *world, struct peer *peer, struct script *script);

static void read_connect(struct world *world, struct peer *peer, struct script *script, bool corked)
{
    uint8_t flags = next_byte(script);
    struct connect_choice choice = {
        .version = flags & 1 ? MQTT_3_1_1 : MQTT_5,
        .clean_start = flags & 2,
        .will = flags & 4,
        .user = flags & 8,
        .expiry = flags >> 4 & 3,
        .authenticate = flags >> 6 == 3,
        .corked = corked,
    };

    if (choice.will) {
        choice.will_byte = next_byte(script);
    }
    if (flags & 64) {
        uint8_t limits = next_byte(script);
        choice.receive_maximum = limits & 3;
        choice.packet_maximum = limits >> 2 & 3;
        choice.alias_maximum = limits >> 4 & 3;
        choice.keep_alive = limits >> 6;
    }
    peer_connect(world, peer, &choice);
}

static void do_connect(struct world *world, struct peer *peer, struct script *script)
{
    read_connect(world, peer, script, false);
}

/* A new connection whose first packets go out in one piece, CONNECT among them. */
static void do_connect_corked(struct world *world, struct peer *peer, struct script *script)
{
    read_connect(world, peer, script, true);
}

static void do_subscribe(struct world *world, struct peer *peer, struct script *script)
{
    struct debt wanted = {0};
    uint8_t filter;

    do {
        filter = next_byte(script);
        wanted.filters[wanted.count] = (uint8_t)((filter & 15) % FILTERS);
        wanted.options[wanted.count] = next_byte(script);
        wanted.count++;
    } while (filter & 128 && wanted.count < FILTERS_EACH_MAX);
    peer_subscribe(world, peer, &wanted);
}

static void do_unsubscribe(struct world *world, struct peer *peer, struct script *script)
{
    peer_unsubscribe(world, peer, (uint8_t)((next_byte(script) & 15) % FILTERS));
}

static void do_publish(struct world *world, struct peer *peer, struct script *script)
{
    uint8_t what = next_byte(script);

    peer_publish(world, peer, what, next_byte(script));
}

static void do_publish_plainly(struct world *world, struct peer *peer, struct script *script)
{
    peer_publish(world, peer, next_byte(script) & 31, 0);
}

static void do_publish_again(struct world *world, struct peer *peer, struct script *script)
{
    peer_publish_again(world, peer, next_byte(script));
}

static void do_release(struct world *world, struct peer *peer, struct script *script)
{
    (void)script;
    peer_release(world, peer);
}

static void do_acknowledge_first(struct world *world, struct peer *peer, struct script *script)
{
    (void)script;
    for (unsigned i = 0; i < peer->session.held_count; i++) {
        if (peer_acknowledge(world, peer, i, false)) {
            return;
        }
    }
}

static void do_acknowledge(struct world *world, struct peer *peer, struct script *script)
{
    uint8_t which = next_byte(script);

    if (peer->session.held_count > 0) {
        peer_acknowledge(world, peer, (which >> 1) % peer->session.held_count, which & 1);
    }
}

static void do_acknowledge_nothing(struct world *world, struct peer *peer, struct script *script)
{
    peer_acknowledge_nothing(world, peer, next_byte(script));
}

static void do_automatic(struct world *world, struct peer *peer, struct script *script)
{
    (void)world;
    (void)script;
    peer->automatic = !peer->automatic;
}

static void do_ping(struct world *world, struct peer *peer, struct script *script)
{
    (void)script;
    peer_ping(world, peer);
}

static void do_authenticate(struct world *world, struct peer *peer, struct script *script)
{
    peer_authenticate(world, peer, next_byte(script));
}

static void do_disconnect(struct world *world, struct peer *peer, struct script *script)
{
    peer_disconnect(world, peer, next_byte(script));
}

static void do_drop(struct world *world, struct peer *peer, struct script *script)
{
    (void)script;
    peer_drop(world, peer);
}

static void do_stall(struct world *world, struct peer *peer, struct script *script)
{
    (void)script;
    peer_stall(world, peer, !peer->link.stalled);
}

static void do_cork(struct world *world, struct peer *peer, struct script *script)
{
    (void)script;
    peer_cork(world, peer, !peer->link.corked);
}

static void do_raw(struct world *world, struct peer *peer, struct script *script)
{
    size_t length = next_byte(script) & 31;
    struct slice bytes = script->rest;

    bytes.length = length < bytes.length ? length : bytes.length;
    script->rest = slice_from(script->rest, bytes.length);
    peer_send_raw(world, peer, bytes);
}

static void do_advance(struct world *world, struct peer *peer, struct script *script)
{
    static const msec_t steps[] = {1, 250, 999, 1000, 1500, 2000, 3000, 61000};

    (void)peer;
    core_harness_advance(world->harness, steps[next_byte(script) & 7]);
}

static void do_hold_commits(struct world *world, struct peer *peer, struct script *script)
{
    (void)script;
    core_harness_hold_commits(world->harness, peer->index % 2 == 0);
}

static void do_commit(struct world *world, struct peer *peer, struct script *script)
{
    (void)script;
    core_harness_commit(world->harness, peer->index + 1u);
}

static void do_stop(struct world *world, struct peer *peer, struct script *script)
{
    (void)peer;
    script->rest = SLICE_EMPTY;
    world->stopped = true;
    core_harness_stop(world->harness);
}

static operation *const operations[32] = {
    do_connect,
    do_connect,
    do_connect,
    do_subscribe,
    do_subscribe,
    do_subscribe,
    do_unsubscribe,
    do_publish,
    do_publish,
    do_publish,
    do_publish_plainly,
    do_publish_plainly,
    do_publish_again,
    do_release,
    do_acknowledge_first,
    do_acknowledge_first,
    do_acknowledge,
    do_acknowledge,
    do_acknowledge_nothing,
    do_automatic,
    do_ping,
    do_authenticate,
    do_disconnect,
    do_drop,
    do_stall,
    do_cork,
    do_connect_corked,
    do_raw,
    do_advance,
    do_hold_commits,
    do_commit,
    do_stop,
};

/* --- scripts --- */

static void choose_options(struct core_options *options, uint8_t byte)
{
    core_options_defaults(options);
    options->sys_interval_ms = 0;
    options->inflight_maximum = 100;
    options->overlapping_separately = byte & 2;
    options->queue_qos0 = byte & 4;
    options->queue_messages_maximum = byte & 8 ? 3 : 100000;
    options->receive_maximum = byte & 16 ? 3 : 20;
    options->output_bytes_maximum = byte & 32 ? 200 : 1024 * 1024;
    options->topic_alias_maximum = byte & 64 ? 2 : ALIASES_MAX;
    options->validate_payload_format = byte & 128;
}

static struct world *world_new(uint8_t byte)
{
    struct world *world = memory_allocate_zero(sizeof(*world));
    struct core_harness_settings settings;

    core_harness_defaults(&settings);
    settings.shards = byte & 1 ? 3 : 1;
    choose_options(&settings.options, byte);
    world->options = settings.options;
    world->harness = core_harness_new(&settings);
    for (uint8_t p = 0; p < PEERS; p++) {
        world->peers[p].index = p;
    }
    return world;
}

static void world_free(struct world *world)
{
    for (int p = 0; p < PEERS; p++) {
        struct link *link = &world->peers[p].link;
        buffer_release(&link->corked_bytes);
        for (int i = 0; i <= ALIASES_MAX; i++) {
            buffer_release(&link->topics_in[i]);
        }
    }
    for (unsigned i = 0; i < world->message_count; i++) {
        buffer_release(&world->messages[i].forwarded);
    }
    core_harness_free(world->harness);
    free(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {slice_make(data, size)};
    struct world *world;

    log_set_level(LOG_ERROR);
    world = world_new(next_byte(&script));
    while (script.rest.length > 0 && !world->exhausted) {
        uint8_t step = next_byte(&script);
        world->before = core_harness_now(world->harness);
        operations[step & 31](world, &world->peers[(step >> 5) % PEERS], &script);
        world_observe(world);
    }
    world_finish(world);
    world_free(world);
    return 0;
}
