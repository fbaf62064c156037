/* See trunk_socket.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/trunk_socket.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

enum { READ_SIZE = 256 * 1024 };

/* ---------------------------------------------------------------- output */

struct write {
    uv_write_t request;
    struct buffer bytes;
};

static void written(uv_write_t *request, int status)
{
    struct write *write = CONTAINER_OF(request, struct write, request);

    (void)status; /* reading tells when the broker is gone */
    buffer_release(&write->bytes);
    free(write);
}

static void write_rest(struct trunk_socket *socket, size_t done)
{
    struct write *write = memory_allocate_zero(sizeof(*write));
    uv_buf_t rest;

    write->bytes = socket->out;
    socket->out = (struct buffer){0};
    rest = uv_buf_init((char *)write->bytes.data + done, (unsigned)(write->bytes.length - done));
    if (uv_write(&write->request, (uv_stream_t *)&socket->pipe, &rest, 1, written) < 0) {
        buffer_release(&write->bytes);
        free(write);
    }
}

void trunk_socket_flush(struct trunk_socket *socket)
{
    uv_buf_t bytes;
    int done;

    if (socket->credit_count > 0) {
        trunk_put_credit(&socket->out, socket->credits, socket->credit_count);
        socket->credit_count = 0;
    }
    if (socket->out.length == 0 || socket->is_closing) {
        return;
    }
    socket->tail = (struct trunk_tail){0};
    bytes = uv_buf_init((char *)socket->out.data, (unsigned)socket->out.length);
    done = uv_try_write((uv_stream_t *)&socket->pipe, &bytes, 1);
    if (done == (int)socket->out.length) {
        socket->out.length = 0;
    } else {
        write_rest(socket, done > 0 ? (size_t)done : 0);
    }
}

void trunk_socket_credit(struct trunk_socket *socket, uint32_t number, uint32_t bytes)
{
    if (socket->credit_count == socket->credit_capacity) {
        socket->credit_capacity = socket->credit_capacity > 0 ? socket->credit_capacity * 2 : 64;
        socket->credits =
            memory_resize(socket->credits, socket->credit_capacity * sizeof(*socket->credits));
    }
    socket->credits[socket->credit_count++] = (struct trunk_credit_item){number, bytes};
}

/* ---------------------------------------------------------------- input */

static void input(struct trunk_socket *socket)
{
    struct slice in = buffer_slice(&socket->in);
    struct trunk_frame frame;
    ssize_t used = 1;

    while (in.length > 0 && !socket->is_closing && (used = trunk_decode(&frame, in)) > 0) {
        if (!socket->events->frame(socket, &frame)) {
            used = -1;
            break;
        }
        in = slice_from(in, (size_t)used);
    }
    if (socket->is_closing) {
        return;
    }
    if (used < 0) {
        LOG_LIMITED(LOG_ERROR, "the broker sent a frame that it may not send", "worker=%u",
                    socket->worker);
        socket->events->failed(socket);
        return;
    }
    buffer_consume(&socket->in, socket->in.length - in.length);
}

/* As much as is usual, or what a long frame lacks. */
static void provide(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct trunk_socket *socket = CONTAINER_OF(handle, struct trunk_socket, pipe);
    ssize_t size = trunk_frame_size(buffer_slice(&socket->in));
    size_t wanted = READ_SIZE;

    (void)suggested;
    if (size > 0 && (size_t)size > socket->in.length + wanted) {
        wanted = (size_t)size - socket->in.length;
    }
    *out = uv_buf_init((char *)buffer_reserve(&socket->in, wanted), (unsigned)wanted);
}

static void came(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct trunk_socket *socket = CONTAINER_OF(stream, struct trunk_socket, pipe);

    (void)bytes;
    if (count > 0) {
        socket->in.length += (size_t)count;
        input(socket);
    } else if (count < 0) {
        socket->events->failed(socket);
    }
}

/* ---------------------------------------------------------------- the socket */

static void connected(uv_connect_t *request, int status)
{
    struct trunk_socket *socket = request->data;

    free(request);
    if (socket->is_closing) {
        return;
    }
    if (status < 0) {
        socket->events->failed(socket);
        return;
    }
    trunk_put_hello(&socket->out,
                    &(struct trunk_hello){.version = TRUNK_VERSION, .worker = socket->worker});
    trunk_socket_flush(socket);
    uv_read_start((uv_stream_t *)&socket->pipe, provide, came);
}

struct trunk_socket *trunk_socket_new(uv_loop_t *loop, const char *path, uint16_t worker,
                                      const struct trunk_socket_events *events, void *owner)
{
    struct trunk_socket *socket = memory_allocate_zero(sizeof(*socket));
    uv_connect_t *request = memory_allocate_zero(sizeof(*request));

    socket->events = events;
    socket->owner = owner;
    socket->worker = worker;
    channel_table_init(&socket->channels);
    uv_pipe_init(loop, &socket->pipe, 0);
    request->data = socket;
    uv_pipe_connect(request, &socket->pipe, path, connected);
    return socket;
}

static void closed(uv_handle_t *handle)
{
    struct trunk_socket *socket = CONTAINER_OF(handle, struct trunk_socket, pipe);

    socket->events->gone(socket->owner);
    buffer_release(&socket->in);
    buffer_release(&socket->out);
    channel_table_release(&socket->channels);
    free(socket->credits);
    free(socket);
}

void trunk_socket_close(struct trunk_socket *socket)
{
    socket->is_closing = true;
    uv_close((uv_handle_t *)&socket->pipe, closed);
}
