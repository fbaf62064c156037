/* The target "trunk": our broker as a bridge reaches it. The runner has one trunk to the broker's
 * one worker, and every client is a channel of it, which the broker authenticates like any other.
 *
 * A bridge writes what it gets to a browser's socket; here that is `received`, which counts as
 * written as soon as the script has seen it. So a client that stops reading holds back credit.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "mqtt/packet.h"
#include "runner_broker.h"
#include "runner_target.h"
#include "trunk/trunk.h"

enum { TIMEOUT_MS = 5000, NOTICE_TIMEOUT_MS = 2000, READ_SIZE = 65536 };

struct target {
    struct target_settings settings;
    struct broker_process broker;
    int fd; /* -1: no trunk */
    bool greeted;
    struct buffer in;  /* frames not yet taken */
    struct list links; /* by the order of opening */
    uint32_t next_channel;
};

struct target_link {
    struct list all;
    struct target *target;
    uint32_t channel;
    int64_t credit;         /* bytes that the broker takes */
    uint32_t due;           /* credit that the broker gets back */
    struct buffer received; /* packets that the script has not seen */
    bool closed;            /* by the broker */
    bool closing;           /* by the script */
    bool stalled;           /* no credit is given back */
};

/* ---------------------------------------------------------------- frames from the broker */

static struct target_link *find_link(struct target *target, uint32_t channel)
{
    LIST_FOREACH (item, &target->links) {
        struct target_link *link = CONTAINER_OF(item, struct target_link, all);
        if (link->channel == channel) {
            return link;
        }
    }
    return NULL;
}

static void send_frames(struct target *target, struct buffer *frames)
{
    size_t sent = 0;

    while (target->fd >= 0 && sent < frames->length) {
        ssize_t count = send(target->fd, frames->data + sent, frames->length - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            break; /* the broker has gone, which receive says */
        }
        sent += (size_t)count;
    }
    buffer_release(frames);
}

/* The packet with its identifier: behind the fixed header and the topic. */
static void take_publish_for(struct target_link *link, struct slice packet, uint32_t sequence)
{
    uint32_t remaining;
    size_t start = link->received.length;
    size_t header = 1 + (size_t)varint_read(slice_from(packet, 1), &remaining);
    size_t topic = (size_t)packet.data[header] << 8 | packet.data[header + 1];

    buffer_append(&link->received, packet);
    if (sequence != 0) {
        uint8_t *identifier = link->received.data + start + header + 2 + topic;
        identifier[0] = (uint8_t)(sequence >> 8);
        identifier[1] = (uint8_t)sequence;
    }
}

static void take_publish(struct target *target, const struct trunk_publish *publish)
{
    struct slice packets = publish->packets;

    for (size_t number = 0; packets.length > 0; number++) {
        size_t size = (size_t)packet_size(packets);
        struct slice rest = publish->targets;
        struct trunk_target entry;
        while (trunk_next_target(publish, &rest, &entry)) {
            struct target_link *link = find_link(target, entry.channel);
            if (link) {
                take_publish_for(link, slice_make(packets.data, size),
                                 trunk_sequence_behind(entry.sequence, number));
            }
        }
        packets = slice_from(packets, size);
    }
}

static void take_credit(struct target *target, const struct trunk_credit *credit)
{
    struct slice rest = credit->items;
    struct trunk_credit_item item;

    while (trunk_next_credit(&rest, &item)) {
        struct target_link *link = find_link(target, item.channel);
        if (link) {
            link->credit += item.bytes;
        }
    }
}

static void say_close(struct target *target, uint32_t channel)
{
    struct buffer out = {0};

    trunk_put_close(&out, channel, 0);
    send_frames(target, &out);
}

static void take_close(struct target *target, const struct trunk_close *close)
{
    struct target_link *link = find_link(target, close->channel);

    if (link && !link->closed) {
        link->closed = true;
        if (!link->closing) {
            say_close(target, close->channel);
        }
    }
}

static void take_frame(struct target *target, const struct trunk_frame *frame)
{
    struct target_link *link;

    switch (frame->kind) {
    case TRUNK_HELLO:
        target->greeted = true;
        break;
    case TRUNK_BYTES:
        link = find_link(target, frame->bytes.channel);
        if (link) {
            buffer_append(&link->received, frame->bytes.packets);
        }
        break;
    case TRUNK_PUBLISH:
        take_publish(target, &frame->publish);
        break;
    case TRUNK_CREDIT_BACK:
        take_credit(target, &frame->credit);
        break;
    case TRUNK_CLOSE:
        take_close(target, &frame->close);
        break;
    case TRUNK_OPEN:
    case TRUNK_SUBSCRIPTIONS: /* nobody asks for these */
    case TRUNK_READ:
    case TRUNK_RETAINED:
        break;
    }
}

static void lose_trunk(struct target *target)
{
    if (target->fd >= 0) {
        close(target->fd);
    }
    target->fd = -1;
    target->greeted = false;
    target->in.length = 0;
    LIST_FOREACH (item, &target->links) {
        CONTAINER_OF(item, struct target_link, all)->closed = true;
    }
}

static void take_frames(struct target *target)
{
    struct trunk_frame frame;
    size_t used = 0;
    ssize_t size;

    while ((size = trunk_decode(&frame, slice_from(buffer_slice(&target->in), used))) > 0) {
        take_frame(target, &frame);
        used += (size_t)size;
    }
    buffer_consume(&target->in, used);
    if (size < 0) {
        lose_trunk(target); /* which no script expects */
    }
}

/* Takes what the broker has sent; false if nothing came in time. */
static bool pump(struct target *target, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = target->fd, .events = POLLIN};

    if (target->fd < 0 || poll(&poll_fd, 1, timeout_ms) <= 0) {
        return false;
    }
    ssize_t got = recv(target->fd, buffer_reserve(&target->in, READ_SIZE), READ_SIZE, 0);
    if (got <= 0) {
        lose_trunk(target);
        return true;
    }
    target->in.length += (size_t)got;
    take_frames(target);
    return true;
}

/* ---------------------------------------------------------------- the target */

static struct target *trunk_new(const struct target_settings *settings)
{
    struct target *target = memory_allocate_zero(sizeof(*target));

    target->settings = *settings;
    target->settings.workers = 1;
    target->fd = -1;
    list_init(&target->links);
    return target;
}

static void trunk_free(struct target *target)
{
    buffer_release(&target->in);
    free(target);
}

static const char *trunk_unsupported(struct target *target, const struct script *script)
{
    enum { REAL_WAIT_MAX_MS = 3000 };

    (void)target;
    if (script->longest_advance > REAL_WAIT_MAX_MS) {
        return "needs the fake clock: it advances by more than 3 s";
    }
    if (script_has_line(script, LINE_CONNECT)) {
        return "names transports";
    }
    if (script_has_line(script, LINE_HOLD) || script_has_line(script, LINE_COMMIT_SOME)) {
        return "holds the store's commits back";
    }
    if (script_has_line(script, LINE_CRASH)) {
        return "stops the broker between two commits";
    }
    return NULL;
}

static bool begin_trunk(struct target *target, struct buffer *report)
{
    struct trunk_hello hello = {.version = TRUNK_VERSION, .worker = TRUNK_ANY_WORKER};
    struct buffer out = {0};

    target->fd = broker_connect_unix(target->broker.trunk_path);
    trunk_put_hello(&out, &hello);
    send_frames(target, &out);
    while (!target->greeted && pump(target, TIMEOUT_MS)) {
    }
    if (!target->greeted) {
        buffer_append_string(report, "  the broker does not answer on its trunk\n");
    }
    return target->greeted;
}

static bool trunk_begin(struct target *target, const struct script *script, struct buffer *report)
{
    target->next_channel = 0;
    return broker_start(&target->broker, &target->settings, script, report) &&
           begin_trunk(target, report);
}

static bool trunk_end(struct target *target, struct buffer *report)
{
    lose_trunk(target);
    return broker_stop(&target->broker, report);
}

static struct target_link *trunk_open_link(struct target *target, const char *transport)
{
    struct target_link *link = memory_allocate_zero(sizeof(*link));
    struct trunk_open open = {.flags = TRUNK_IS_LOOPBACK, .peer = SLICE_LITERAL("127.0.0.1:1")};
    struct buffer out = {0};

    (void)transport;
    link->target = target;
    link->channel = open.channel = target->next_channel++;
    link->credit = TRUNK_CREDIT;
    link->closed = target->fd < 0;
    list_add_last(&target->links, &link->all);
    trunk_put_open(&out, &open);
    send_frames(target, &out);
    return link;
}

/* As many whole packets as there is credit for, the last one perhaps longer; what is no packet goes
 * as it is. */
static size_t affordable(const struct target_link *link, struct slice bytes)
{
    size_t size = 0;

    while (size < bytes.length && (int64_t)size < link->credit) {
        ssize_t packet = packet_size(slice_from(bytes, size));
        size = packet > 0 && (size_t)packet < bytes.length - size ? size + (size_t)packet
                                                                  : bytes.length;
    }
    return size;
}

static void trunk_send(struct target_link *link, struct slice bytes)
{
    struct target *target = link->target;

    while (bytes.length > 0 && !link->closed) {
        struct buffer out = {0};
        size_t size = affordable(link, bytes);
        if (size == 0) {
            if (!pump(target, TIMEOUT_MS)) {
                return; /* what the script expects next does not come */
            }
            continue;
        }
        trunk_put_bytes(&out, NULL, link->channel, slice_make(bytes.data, size));
        send_frames(target, &out);
        link->credit -= (int64_t)size;
        bytes = slice_from(bytes, size);
    }
}

static void give_credit(struct target_link *link)
{
    struct trunk_credit_item item = {link->channel, link->due};
    struct buffer out = {0};

    if (link->due > 0 && !link->closed && !link->stalled) {
        trunk_put_credit(&out, &item, 1);
        send_frames(link->target, &out);
        link->due = 0;
    }
}

static enum target_receive trunk_receive(struct target_link *link, struct buffer *in,
                                         int timeout_ms)
{
    while (link->received.length == 0 && !link->closed) {
        if (!pump(link->target, timeout_ms)) {
            return TARGET_TIMEOUT;
        }
    }
    if (link->received.length == 0) {
        return TARGET_CLOSED;
    }
    buffer_append(in, buffer_slice(&link->received));
    link->due += (uint32_t)link->received.length;
    link->received.length = 0;
    give_credit(link);
    return TARGET_BYTES;
}

/* Waits until the broker has noticed, so that what comes next in the script comes next for it. */
static void trunk_close_link(struct target_link *link)
{
    struct target *target = link->target;

    if (!link->closed) {
        link->closing = true; /* its answer is not answered again */
        say_close(target, link->channel);
    }
    while (!link->closed && pump(target, NOTICE_TIMEOUT_MS)) {
    }
    list_remove(&link->all);
    buffer_release(&link->received);
    free(link);
}

static void trunk_stall(struct target_link *link, bool stalled)
{
    link->stalled = stalled;
    give_credit(link);
}

static void trunk_advance(struct target *target, msec_t duration)
{
    struct timespec time = {duration / 1000, duration % 1000 * 1000000};

    (void)target;
    nanosleep(&time, NULL);
}

static void trunk_stop(struct target *target)
{
    broker_terminate(&target->broker);
}

const struct target_operations target_trunk = {
    .name = "trunk",
    .new = trunk_new,
    .free = trunk_free,
    .unsupported = trunk_unsupported,
    .begin = trunk_begin,
    .end = trunk_end,
    .open = trunk_open_link,
    .send = trunk_send,
    .receive = trunk_receive,
    .close = trunk_close_link,
    .advance = trunk_advance,
    .stall = trunk_stall,
    .stop = trunk_stop,
};
