/* See http_stream.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"

enum {
    OWNER_MARK = 1,       /* in the opaque pointer: it is ours, not a handshake's */
    HANDED_TIME_S = 10,   /* libwebsockets' timeout for what it was handed */
    SERVICES_AT_ONCE = 3, /* the end of its handshake, then the request */
};

/* ---------------------------------------------------------------- beginning */

static void set_owner(struct lws *lws, void *owner)
{
    lws_set_opaque_user_data(lws, owner ? (void *)((uintptr_t)owner | OWNER_MARK) : NULL);
}

void *http_stream_owner(struct lws *lws)
{
    uintptr_t marked = (uintptr_t)lws_get_opaque_user_data(lws);

    return marked & OWNER_MARK ? (void *)(marked & ~(uintptr_t)OWNER_MARK) : NULL;
}

static bool open_tls(struct http_stream *stream, struct listener *listener, int fd, void *owner)
{
    stream->lws = lws_adopt_socket_vhost(listener->vhost, fd);
    if (!stream->lws) {
        return false;
    }
    stream->ssl = lws_get_ssl(stream->lws);
    stream->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (!stream->ssl || stream->fd < 0) {
        lws_set_timeout(stream->lws, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        return false;
    }
    set_owner(stream->lws, owner);
    lws_rx_flow_control(stream->lws, 0);
    lws_set_timeout(stream->lws, NO_PENDING_TIMEOUT, 0);
    return true;
}

bool http_stream_open(struct http_stream *stream, struct listener *listener, int fd, void *owner)
{
    *stream = (struct http_stream){.fd = fd};
    return !listener->tls || open_tls(stream, listener, fd, owner);
}

/* ---------------------------------------------------------------- bytes */

static ssize_t result_of_call(ssize_t length)
{
    bool is_nothing = length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);

    return is_nothing ? 0 : length;
}

static ssize_t result_of_tls(struct http_stream *stream, int length)
{
    int error = length > 0 ? SSL_ERROR_NONE : SSL_get_error(stream->ssl, length);

    if (length > 0) {
        return length;
    }
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int tls_size(size_t size)
{
    return size < INT32_MAX ? (int)size : INT32_MAX;
}

ssize_t http_stream_read(struct http_stream *stream, uint8_t *at, size_t size)
{
    ssize_t length;

    if (stream->ssl) {
        return result_of_tls(stream, SSL_read(stream->ssl, at, tls_size(size)));
    }
    length = recv(stream->fd, at, size, 0);
    return length == 0 ? -1 : result_of_call(length);
}

ssize_t http_stream_peek(struct http_stream *stream, uint8_t *at, size_t size)
{
    if (stream->ssl) {
        return result_of_tls(stream, SSL_peek(stream->ssl, at, tls_size(size)));
    }
    return result_of_call(recv(stream->fd, at, size, MSG_PEEK));
}

ssize_t http_stream_write(struct http_stream *stream, struct slice bytes)
{
    if (stream->ssl) {
        return result_of_tls(stream, SSL_write(stream->ssl, bytes.data, tls_size(bytes.length)));
    }
    return result_of_call(send(stream->fd, bytes.data, bytes.length, MSG_NOSIGNAL));
}

bool http_stream_wants_room(const struct http_stream *stream)
{
    return stream->ssl && SSL_want_write(stream->ssl);
}

/* ---------------------------------------------------------------- the end */

void http_stream_finish(struct http_stream *stream)
{
    if (stream->ssl && SSL_shutdown(stream->ssl) < 0) {
        ERR_clear_error();
    }
    shutdown(stream->fd, SHUT_WR);
}

void http_stream_lost(struct http_stream *stream)
{
    set_owner(stream->lws, NULL);
    close(stream->fd);
}

void http_stream_close(struct http_stream *stream)
{
    if (stream->lws) { /* it cannot be asked to close from just anywhere, but hears of an end */
        set_owner(stream->lws, NULL);
        shutdown(stream->fd, SHUT_RDWR);
        lws_rx_flow_control(stream->lws, 1);
        lws_set_timeout(stream->lws, PENDING_TIMEOUT_SSL_ACCEPT, HANDED_TIME_S);
    }
    close(stream->fd);
}

/* What was peeked at is in the SSL object, not in the socket any more: no event tells of it. */
static void wake(struct lws *lws, SSL *ssl)
{
    struct lws_context *context = lws_get_context(lws);
    int fd = lws_get_socket_fd(lws);

    for (int i = 0; i < SERVICES_AT_ONCE && SSL_pending(ssl) > 0; i++) {
        struct lws_pollfd event = {.fd = fd, .events = LWS_POLLIN, .revents = LWS_POLLIN};
        if (lws_service_fd(context, &event) != 0) {
            return;
        }
    }
}

void http_stream_hand_over(struct http_stream *stream, struct listener *listener, struct slice read)
{
    if (!stream->lws) {
        lws_adopt_socket_vhost_readbuf(listener->vhost, stream->fd, (const char *)read.data,
                                       read.length);
        return;
    }
    set_owner(stream->lws, NULL);
    close(stream->fd);
    lws_rx_flow_control(stream->lws, 1);
    lws_set_timeout(stream->lws, PENDING_TIMEOUT_SSL_ACCEPT, HANDED_TIME_S);
    wake(stream->lws, stream->ssl);
}
