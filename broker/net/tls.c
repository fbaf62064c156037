/* TLS by OpenSSL on a non-blocking socket; see transport.h and tls.h.
 *
 * There is no handshake operation: SSL_read carries it out, and returns no bytes before it is done.
 * Writes are gathered into records of up to 16 KiB, since each record costs 22 bytes or more and a
 * pass of the cipher. A write that OpenSSL wants repeated must bring the same bytes again and at
 * least as many: the caller's output only ever grows at its end, and gathering always takes as much
 * as a record holds, so it does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/peer_certificate.h"
#include "tls/context.h"

enum { RECORD_SIZE = 16384 };

struct tls_peer {
    SSL *ssl;
    const char *peer_address;
    struct peer_certificate certificate; /* when it was asked for last */
    bool failed;                         /* after an error not even a shutdown may be tried */
};

/* ---------------------------------------------------------------- bytes */

/* Why the connection is lost, for the log: of the handshake's failures an administrator wants to
 * know; a reset later on is every day's business. */
static void tls_log_failure(const struct tls_peer *peer)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    long verified = SSL_get_verify_result(peer->ssl);

    if (SSL_is_init_finished(peer->ssl)) {
        return;
    }
    LOG_LIMITED(LOG_WARNING, "TLS handshake failed", "peer=%s reason=\"%s\"%s%s",
                peer->peer_address, reason ? reason : "connection lost",
                verified == X509_V_OK ? "" : " certificate=",
                verified == X509_V_OK ? "" : X509_verify_cert_error_string(verified));
}

/* What an SSL_read or SSL_write that returned no bytes means: 0 to try again, or the error.
 * `other_way` learns if the try has to wait for the direction that is not its own. */
static ssize_t tls_result(struct tls_peer *peer, int returned, int other, bool *other_way)
{
    int saved = errno;
    int code = SSL_get_error(peer->ssl, returned);

    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) {
        *other_way = code == other;
        return 0;
    }
    if (code == SSL_ERROR_ZERO_RETURN) {
        if (!SSL_is_init_finished(peer->ssl)) {
            peer->failed = true;
        }
        return TRANSPORT_END;
    }
    peer->failed = true;
    tls_log_failure(peer);
    ERR_clear_error();
    return code == SSL_ERROR_SYSCALL && saved != 0 ? -saved : -EPROTO;
}

static ssize_t tls_read(struct transport *transport, void *into, size_t length)
{
    struct tls_peer *peer = transport->tls;
    size_t total = 0;

    transport->read_wants_output = false;
    ERR_clear_error();
    while (total < length) {
        size_t got = 0;
        int returned = SSL_read_ex(peer->ssl, (uint8_t *)into + total, length - total, &got);
        if (returned != 1) {
            ssize_t result =
                tls_result(peer, returned, SSL_ERROR_WANT_WRITE, &transport->read_wants_output);
            /* An end behind good bytes is met again by the next read. */
            return total > 0 ? (ssize_t)total : result;
        }
        total += got;
    }
    return (ssize_t)total;
}

/* The next record's bytes: `*record` is them, in place or gathered into `room`. */
static void tls_gather(const struct iovec *vectors, int count, size_t skip, uint8_t *room,
                       struct slice *record)
{
    size_t length = 0;
    int first = 0;

    while (first < count && skip >= vectors[first].iov_len) {
        skip -= vectors[first].iov_len;
        first += 1;
    }
    if (first < count && (vectors[first].iov_len - skip >= RECORD_SIZE || first == count - 1)) {
        size_t left = vectors[first].iov_len - skip;
        *record = slice_make((const uint8_t *)vectors[first].iov_base + skip,
                             left < RECORD_SIZE ? left : RECORD_SIZE);
        return;
    }
    for (int i = first; i < count && length < RECORD_SIZE; i++, skip = 0) {
        size_t part = vectors[i].iov_len - skip;
        part = part < RECORD_SIZE - length ? part : RECORD_SIZE - length;
        memcpy(room + length, (const uint8_t *)vectors[i].iov_base + skip, part);
        length += part;
    }
    *record = slice_make(room, length);
}

static ssize_t tls_writev(struct transport *transport, const struct iovec *vectors, int count)
{
    struct tls_peer *peer = transport->tls;
    uint8_t room[RECORD_SIZE];
    ssize_t total = 0;

    transport->write_wants_input = false;
    ERR_clear_error();
    for (;;) {
        struct slice record;
        size_t written = 0;
        int returned;
        tls_gather(vectors, count, (size_t)total, room, &record);
        if (record.length == 0) {
            return total;
        }
        returned = SSL_write_ex(peer->ssl, record.data, record.length, &written);
        if (returned != 1) {
            ssize_t result =
                tls_result(peer, returned, SSL_ERROR_WANT_READ, &transport->write_wants_input);
            return result < 0 && total == 0 ? result : total;
        }
        total += (ssize_t)written;
    }
}

static void tls_shutdown(struct transport *transport)
{
    struct tls_peer *peer = transport->tls;

    if (!peer->failed && SSL_is_init_finished(peer->ssl)) {
        SSL_shutdown(peer->ssl); /* best effort: if it does not fit, the FIN says it too */
        ERR_clear_error();
    }
    shutdown(transport->fd, SHUT_WR);
}

static void tls_close(struct transport *transport)
{
    struct tls_peer *peer = transport->tls;

    SSL_free(peer->ssl);
    free(peer);
    transport->tls = NULL;
    close(transport->fd);
    transport->fd = -1;
}

static const struct peer_certificate *tls_certificate(const struct transport *transport)
{
    struct tls_peer *peer = transport->tls;

    peer->certificate = (struct peer_certificate){
        .leaf = SSL_get0_peer_certificate(peer->ssl),
        .chain = SSL_get_peer_cert_chain(peer->ssl),
        .is_trusted = SSL_get_verify_result(peer->ssl) == X509_V_OK,
    };
    return peer->certificate.leaf ? &peer->certificate : NULL;
}

static const struct transport_ops tls_ops = {
    .read = tls_read,
    .writev = tls_writev,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .certificate = tls_certificate,
    .buffers_input = true,
};

bool tls_transport_init(struct transport *transport, int fd, struct tls_context *context,
                        const char *peer_address)
{
    SSL *ssl = tls_context_begin(context);

    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        close(fd);
        return false;
    }
    SSL_set_accept_state(ssl);
    *transport = (struct transport){.ops = &tls_ops, .fd = fd};
    transport->tls = memory_allocate_zero(sizeof(*transport->tls));
    transport->tls->ssl = ssl;
    transport->tls->peer_address = peer_address;
    return true;
}
