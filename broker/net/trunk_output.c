/* Output of a trunk: see trunk_output.h.
 *
 * Two buffers take turns, so that nothing is moved when the socket takes a part of what waits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/trunk_output.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "mqtt/packet.h"

enum {
    KEPT_MAX = 256 * 1024, /* bytes of room that an empty buffer keeps */
    FORMS_PER_VERSION = PUBLISH_FORMS / 2,
    FORMS_PER_QOS = 2,
};

/* --- PUBLISHes that are shared --- */

static void put_sharing(struct trunk_output *output, struct trunk_sharing *sharing, int form)
{
    const struct trunk_target *targets = (const void *)sharing->targets.data;
    size_t count = sharing->targets.length / sizeof(*targets);
    struct trunk_publish publish = {
        .version = form < FORMS_PER_VERSION ? MQTT_3_1_1 : MQTT_5,
        .has_sequences = form % FORMS_PER_VERSION >= FORMS_PER_QOS,
        .packets = buffer_slice(&sharing->packet),
    };

    for (size_t done = 0; done < count;) {
        /* More only where a client gets a copy for each of its subscriptions. */
        size_t part = count - done < TRUNK_CHANNELS_MAX ? count - done : TRUNK_CHANNELS_MAX;
        trunk_put_publish(&output->filling, &output->tail, &publish, targets + done, part);
        done += part;
    }
    sharing->targets.length = 0;
    buffer_empty(&sharing->packet, KEPT_MAX);
}

void trunk_output_collect(struct trunk_output *output)
{
    if (!output->message) {
        return;
    }
    for (; output->open != 0; output->open &= output->open - 1) {
        int form = __builtin_ctz(output->open);
        put_sharing(output, &output->forms[form], form);
    }
    message_release(output->message);
    output->message = NULL;
    output->round++;
}

void trunk_output_begin(struct trunk_output *output, struct message *message)
{
    trunk_output_collect(output);
    output->message = message_hold(message);
}

/* --- the socket --- */

static void consume(struct trunk_output *output, size_t count)
{
    size_t left = output->writing.length - output->written;

    if (count < left) {
        output->written += count;
        return;
    }
    struct buffer done = output->writing;
    output->tail = (struct trunk_tail){0};
    buffer_empty(&done, KEPT_MAX);
    output->writing = output->filling;
    output->filling = done;
    output->written = count - left;
    if (output->written == output->writing.length) {
        buffer_empty(&output->writing, KEPT_MAX);
        output->written = 0;
    }
}

int trunk_output_write(struct trunk_output *output, int fd, size_t *taken)
{
    trunk_output_collect(output);
    while (trunk_output_pending(output) > 0) {
        struct iovec vectors[] = {
            {output->writing.data + output->written, output->writing.length - output->written},
            {output->filling.data, output->filling.length},
        };
        struct msghdr message = {.msg_iov = vectors, .msg_iovlen = 2};
        size_t offered = trunk_output_pending(output);
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
        }
        *taken += (size_t)sent;
        consume(output, (size_t)sent);
        if ((size_t)sent < offered) {
            return 0;
        }
    }
    return 1;
}

void trunk_output_release(struct trunk_output *output)
{
    message_release(output->message);
    for (int form = 0; form < PUBLISH_FORMS; form++) {
        buffer_release(&output->forms[form].packet);
        buffer_release(&output->forms[form].targets);
    }
    buffer_release(&output->alone);
    buffer_release(&output->writing);
    buffer_release(&output->filling);
    *output = (struct trunk_output){0};
}
