/* The bridge's side of the trunk against a broker of two workers that is nothing but sockets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/link_trunk.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/memory.h"
#include "client/fanout.h"
#include "client/link.h"
#include "test.h"
#include "trunk/trunk.h"

enum { WORKERS = 2, CHANNELS = 4, IN_MAX = 4096 };

struct peer {
    uv_pipe_t pipe;
    uint8_t in[IN_MAX];
    bool is_greeted;
};

static struct {
    uv_loop_t loop;
    uv_pipe_t listener;
    struct peer peers[WORKERS];
    unsigned peer_count;
    struct link_trunk *links;
    struct channel channels[CHANNELS];
    bool is_ready;
    unsigned lost, open_at_a_loss;
    uint32_t sequences[CHANNELS]; /* of the PUBLISHes that came, */
    uint8_t payloads[CHANNELS];   /* their only byte */
    unsigned published;
} world;

/* ---------------------------------------------------------------- the broker */

static void written(uv_write_t *request, int status)
{
    (void)status;
    free(request->data);
    free(request);
}

static void say(struct peer *peer, struct buffer *bytes)
{
    uv_write_t *request = memory_allocate_zero(sizeof(*request));
    uv_buf_t out = uv_buf_init((char *)bytes->data, (unsigned)bytes->length);

    request->data = bytes->data;
    uv_write(request, (uv_stream_t *)&peer->pipe, &out, 1, written);
}

static void provide(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct peer *peer = (struct peer *)(void *)handle;

    (void)suggested;
    *out = uv_buf_init((char *)peer->in, sizeof(peer->in));
}

/* The first that comes is HELLO; nothing else is of interest. */
static void came(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct peer *peer = (struct peer *)(void *)stream;
    struct buffer hello = {0};

    (void)bytes;
    if (count > 0 && !peer->is_greeted) {
        peer->is_greeted = true;
        trunk_put_hello(&hello, &(struct trunk_hello){
                                    .version = TRUNK_VERSION,
                                    .worker = (uint32_t)(peer - world.peers),
                                    .worker_count = WORKERS,
                                });
        say(peer, &hello);
    }
}

static void connecting(uv_stream_t *listener, int status)
{
    struct peer *peer = &world.peers[world.peer_count++];

    CHECK_INT_EQUAL(status, 0);
    uv_pipe_init(&world.loop, &peer->pipe, 0);
    uv_accept(listener, (uv_stream_t *)&peer->pipe);
    uv_read_start((uv_stream_t *)&peer->pipe, provide, came);
}

/* ---------------------------------------------------------------- the clients */

static void on_packet(struct channel *channel, struct slice packet)
{
    (void)channel, (void)packet;
}

static void on_publish(struct channel *channel, struct fanout *fanout, uint32_t sequence)
{
    (void)channel;
    CHECK(fanout->is_valid && world.published < CHANNELS);
    world.payloads[world.published] = fanout->publish.publish.payload.data[0];
    world.sequences[world.published++] = sequence;
}

static void on_subscriptions(struct channel *channel, struct slice filters)
{
    (void)channel, (void)filters;
}

static void on_writable(struct channel *channel)
{
    (void)channel;
}

static void on_closed(struct channel *channel, uint8_t reason)
{
    (void)channel, (void)reason;
}

static void on_lost(struct channel *channel)
{
    (void)channel;
    world.lost++;
    for (size_t i = 0; i < CHANNELS; i++) {
        world.open_at_a_loss += world.channels[i].is_open;
    }
}

static const struct channel_events events = {
    .packet = on_packet,
    .publish = on_publish,
    .subscriptions = on_subscriptions,
    .writable = on_writable,
    .closed = on_closed,
    .lost = on_lost,
};

static void ready(void *listener)
{
    (void)listener;
    world.is_ready = true;
}

static void start(void)
{
    char path[100];

    memset(&world, 0, sizeof(world));
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    snprintf(path, sizeof(path), "/tmp/pubgrid-link-trunk-%d", getpid());
    unlink(path);
    uv_loop_init(&world.loop);
    uv_pipe_init(&world.loop, &world.listener, 0);
    CHECK_INT_EQUAL(uv_pipe_bind(&world.listener, path), 0);
    CHECK_INT_EQUAL(uv_listen((uv_stream_t *)&world.listener, WORKERS, connecting), 0);
    world.links = link_trunk_new(&world.loop, path);
    link_trunk_link(world.links)->ready = ready;
    while (!world.is_ready) {
        uv_run(&world.loop, UV_RUN_ONCE);
    }
}

static void stop(void)
{
    link_trunk_close(world.links);
    uv_close((uv_handle_t *)&world.listener, NULL);
    for (unsigned i = 0; i < world.peer_count; i++) {
        if (!uv_is_closing((uv_handle_t *)&world.peers[i].pipe)) {
            uv_close((uv_handle_t *)&world.peers[i].pipe, NULL);
        }
    }
    uv_run(&world.loop, UV_RUN_DEFAULT);
    CHECK_INT_EQUAL(uv_loop_close(&world.loop), 0);
}

/* A client that hears of it may want to say something on the channel of another, as one with a
 * group state does on the janitor's. */
TEST(no_channel_is_open_any_more_when_the_first_is_told_that_the_broker_is_gone)
{
    struct link *link;

    start();
    link = link_trunk_link(world.links);
    for (size_t i = 0; i < CHANNELS; i++) {
        world.channels[i].events = &events;
        link->ops->open(link, &world.channels[i], &(struct link_open){0});
    }
    CHECK(world.channels[0].trunk != world.channels[1].trunk);
    uv_close((uv_handle_t *)&world.peers[0].pipe, NULL);
    while (world.lost < CHANNELS) {
        uv_run(&world.loop, UV_RUN_ONCE);
    }
    CHECK_INT_EQUAL(world.open_at_a_loss, 0);
    CHECK(!link->ops->is_ready(link));
    stop();
}

TEST(packets_of_a_frame_are_numbered_one_after_the_other)
{
    static const uint32_t sequences[] = {0x1fffe, 0x1ffff, 0x20001};
    struct link *link;
    struct buffer frames = {0};
    struct trunk_tail tail = {0};

    start();
    link = link_trunk_link(world.links);
    world.channels[0].events = &events;
    link->ops->open(link, &world.channels[0], &(struct link_open){0});
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t packet[] = {0x32, 7, 0, 1, 't', 0, 0, 0, (uint8_t)('x' + i)};
        struct trunk_target target = {world.channels[0].number, sequences[i]};
        trunk_put_publish(&frames, &tail,
                          &(struct trunk_publish){.version = 5,
                                                  .has_sequences = true,
                                                  .packets = slice_make(packet, sizeof(packet))},
                          &target, 1);
    }
    say(&world.peers[world.channels[0].trunk], &frames);
    while (world.published < 3) {
        uv_run(&world.loop, UV_RUN_ONCE);
    }
    for (size_t i = 0; i < 3; i++) {
        CHECK_INT_EQUAL(world.sequences[i], sequences[i]);
        CHECK_INT_EQUAL(world.payloads[i], 'x' + i);
    }
    stop();
}
