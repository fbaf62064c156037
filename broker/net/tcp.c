/* TCP and Unix sockets; see transport.h. One system call per operation: a short count means that
 * the socket's buffer is empty (or full), and epoll tells when that changes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/tcp.h"

#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_transient(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static ssize_t tcp_read(struct transport *transport, void *into, size_t length)
{
    ssize_t got = recv(transport->fd, into, length, 0);

    if (got > 0) {
        return got;
    }
    if (got == 0) {
        return TRANSPORT_END;
    }
    return is_transient(errno) ? 0 : -errno;
}

static ssize_t tcp_writev(struct transport *transport, const struct iovec *vectors, int count)
{
    /* The vectors are only read; msghdr cannot say so. */
    struct msghdr message = {
        .msg_iov = (struct iovec *)(uintptr_t)vectors,
        .msg_iovlen = (size_t)count,
    };
    /* Mostly it is one run of bytes, and send has less to look at. */
    ssize_t sent = count == 1
                       ? send(transport->fd, vectors->iov_base, vectors->iov_len, MSG_NOSIGNAL)
                       : sendmsg(transport->fd, &message, MSG_NOSIGNAL);

    if (sent >= 0) {
        return sent;
    }
    return is_transient(errno) ? 0 : -errno;
}

static void tcp_shutdown(struct transport *transport)
{
    shutdown(transport->fd, SHUT_WR); /* fails only when the peer is gone already */
}

static void tcp_close(struct transport *transport)
{
    close(transport->fd);
    transport->fd = -1;
}

static const struct transport_ops tcp_ops = {
    .read = tcp_read,
    .writev = tcp_writev,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
};

void tcp_transport_init(struct transport *transport, int fd)
{
    *transport = (struct transport){.ops = &tcp_ops, .fd = fd};
}
