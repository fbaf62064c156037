/* Transports over a socket pair: what a read and a write return, TLS against an OpenSSL client in
 * the same thread, client certificates, and certificates that are replaced while in use.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/peer_certificate.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "tls/context.h"
#include "tls_credential.h"

enum { STEPS_MAX = 10000, BIG = 1 << 20 };

/* ---------------------------------------------------------------- TCP */

static void pair_make(int pair[2])
{
    signal(SIGPIPE, SIG_IGN);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
}

static ssize_t write_string(struct transport *transport, const char *text)
{
    struct iovec vectors[2] = {
        {(void *)(uintptr_t)text, 1},
        {(void *)(uintptr_t)(text + 1), strlen(text) - 1},
    };

    return transport->ops->writev(transport, vectors, 2);
}

TEST(tcp_reads_writes_and_ends)
{
    struct transport transport;
    char buffer[16];
    int pair[2];

    pair_make(pair);
    tcp_transport_init(&transport, pair[0]);
    CHECK_INT_EQUAL(transport.ops->read(&transport, buffer, sizeof(buffer)), 0);
    CHECK(write(pair[1], "abc", 3) == 3);
    CHECK_INT_EQUAL(transport.ops->read(&transport, buffer, sizeof(buffer)), 3);
    CHECK_INT_EQUAL(write_string(&transport, "hello"), 5);
    CHECK(read(pair[1], buffer, sizeof(buffer)) == 5 && memcmp(buffer, "hello", 5) == 0);
    transport.ops->shutdown(&transport);
    CHECK(read(pair[1], buffer, sizeof(buffer)) == 0);
    close(pair[1]);
    CHECK_INT_EQUAL(transport.ops->read(&transport, buffer, sizeof(buffer)), TRANSPORT_END);
    CHECK_INT_EQUAL(write_string(&transport, "x!"), -EPIPE);
    transport.ops->close(&transport);
    CHECK_INT_EQUAL(transport.fd, -1);
}

TEST(tcp_says_when_the_peer_takes_no_more)
{
    static uint8_t block[65536];
    struct iovec vector = {block, sizeof(block)};
    struct transport transport;
    ssize_t sent;
    int pair[2];

    pair_make(pair);
    tcp_transport_init(&transport, pair[0]);
    do {
        sent = transport.ops->writev(&transport, &vector, 1);
        CHECK(sent >= 0);
    } while (sent == (ssize_t)sizeof(block));
    CHECK_INT_EQUAL(transport.ops->writev(&transport, &vector, 1), 0);
    transport.ops->close(&transport);
    close(pair[1]);
}

/* ---------------------------------------------------------------- TLS */

struct tls_pair {
    struct transport server;
    SSL_CTX *client_context;
    SSL *client;
    int client_fd;
};

/* The client trusts anything; `own` is its certificate or NULL. */
static void tls_pair_make(struct tls_pair *pair, struct tls_context *context,
                          const struct credential *own)
{
    int fds[2];

    pair_make(fds);
    CHECK(tls_transport_init(&pair->server, fds[0], context, "test"));
    pair->client_fd = fds[1];
    pair->client_context = SSL_CTX_new(TLS_client_method());
    if (own) {
        CHECK(SSL_CTX_use_certificate(pair->client_context, own->certificate) == 1);
        CHECK(SSL_CTX_use_PrivateKey(pair->client_context, own->key) == 1);
    }
    pair->client = SSL_new(pair->client_context);
    SSL_set_fd(pair->client, fds[1]);
    SSL_set_connect_state(pair->client);
}

static void tls_pair_release(struct tls_pair *pair)
{
    pair->server.ops->close(&pair->server);
    SSL_free(pair->client);
    SSL_CTX_free(pair->client_context);
    close(pair->client_fd);
}

/* The client sends `text`; returns what the server's read of it returns in the end. */
static ssize_t tls_pair_send(struct tls_pair *pair, const char *text, char *into, size_t size)
{
    bool sent = false;

    for (int step = 0; step < STEPS_MAX; step++) {
        ssize_t got;
        ERR_clear_error();
        if (!sent) {
            sent = SSL_write(pair->client, text, (int)strlen(text)) > 0;
        }
        got = pair->server.ops->read(&pair->server, into, size);
        if (got != 0) {
            return got;
        }
    }
    return 0;
}

static struct tls_context *context_make(const struct credential *own, const char *authorities,
                                        bool require)
{
    struct tls_files files = {
        .certificate = own->certificate_path,
        .key = own->key_path,
        .authorities = authorities,
        .require_client_certificate = require,
    };
    struct buffer error = {0};
    struct tls_context *context = tls_context_new(&files, &error);

    CHECK_SLICE_EQUAL(buffer_slice(&error), SLICE_EMPTY);
    return context;
}

TEST(tls_reads_after_a_handshake_of_its_own)
{
    struct credential own;
    struct tls_context *context;
    struct tls_pair pair;
    char buffer[64];

    credential_make(&own, "server", NULL);
    context = context_make(&own, NULL, false);
    tls_pair_make(&pair, context, NULL);
    CHECK_INT_EQUAL(pair.server.ops->read(&pair.server, buffer, sizeof(buffer)), 0);
    CHECK_INT_EQUAL(tls_pair_send(&pair, "hello", buffer, sizeof(buffer)), 5);
    CHECK_SLICE_EQUAL(slice_make(buffer, 5), SLICE_LITERAL("hello"));
    CHECK(!pair.server.ops->certificate(&pair.server));
    CHECK_INT_EQUAL(pair.server.ops->read(&pair.server, buffer, sizeof(buffer)), 0);
    SSL_shutdown(pair.client);
    CHECK_INT_EQUAL(pair.server.ops->read(&pair.server, buffer, sizeof(buffer)), TRANSPORT_END);
    tls_pair_release(&pair);
    tls_context_free(context);
    credential_release(&own);
}

TEST(tls_gathers_small_vectors_into_one_record)
{
    struct iovec vectors[100];
    struct credential own;
    struct tls_context *context;
    struct tls_pair pair;
    char buffer[4096];

    credential_make(&own, "server", NULL);
    context = context_make(&own, NULL, false);
    tls_pair_make(&pair, context, NULL);
    CHECK_INT_EQUAL(tls_pair_send(&pair, "x", buffer, sizeof(buffer)), 1);
    for (size_t i = 0; i < 100; i++) {
        vectors[i] = (struct iovec){(void *)(uintptr_t) "0123456789", 10};
    }
    CHECK_INT_EQUAL(pair.server.ops->writev(&pair.server, vectors, 100), 1000);
    CHECK_INT_EQUAL(SSL_read(pair.client, buffer, sizeof(buffer)), 1000); /* one record a call */
    tls_pair_release(&pair);
    tls_context_free(context);
    credential_release(&own);
}

/* Offers `bytes` from `done` on, cut into vectors of uneven size. */
static size_t tls_offer(struct transport *transport, uint8_t *bytes, size_t done, size_t length)
{
    struct iovec vectors[64];
    int count = 0;
    ssize_t sent;

    for (size_t at = done; at < length && count < 64; count++) {
        size_t part = (at * 7) % 30000 + 1;
        part = part < length - at ? part : length - at;
        vectors[count] = (struct iovec){bytes + at, part};
        at += part;
    }
    sent = transport->ops->writev(transport, vectors, count);
    CHECK(sent >= 0);
    return (size_t)sent;
}

TEST(tls_writes_to_a_slow_reader_in_order)
{
    uint8_t *bytes = malloc(BIG), *got = malloc(BIG);
    size_t sent = 0, received = 0;
    struct credential own;
    struct tls_context *context;
    struct tls_pair pair;
    uint64_t seed = 5;

    credential_make(&own, "server", NULL);
    context = context_make(&own, NULL, false);
    tls_pair_make(&pair, context, NULL);
    CHECK_INT_EQUAL(tls_pair_send(&pair, "x", (char *)got, 10), 1);
    for (size_t i = 0; i < BIG; i++) {
        bytes[i] = (uint8_t)test_random(&seed);
    }
    while (received < BIG) {
        int part;
        if (sent < BIG) {
            sent += tls_offer(&pair.server, bytes, sent, BIG);
        }
        part = SSL_read(pair.client, got + received, (int)(BIG - received));
        CHECK(part > 0 || SSL_get_error(pair.client, part) == SSL_ERROR_WANT_READ);
        received += part > 0 ? (size_t)part : 0;
    }
    CHECK(memcmp(bytes, got, BIG) == 0);
    tls_pair_release(&pair);
    tls_context_free(context);
    credential_release(&own);
    free(bytes);
    free(got);
}

TEST(tls_reads_exactly_what_is_asked_and_keeps_the_rest)
{
    struct credential own;
    struct tls_context *context;
    struct tls_pair pair;
    char buffer[64];

    credential_make(&own, "server", NULL);
    context = context_make(&own, NULL, false);
    tls_pair_make(&pair, context, NULL);
    CHECK_INT_EQUAL(tls_pair_send(&pair, "0123456789", buffer, 4), 4);
    CHECK(pair.server.ops->buffers_input);
    CHECK_INT_EQUAL(pair.server.ops->read(&pair.server, buffer, sizeof(buffer)), 6);
    CHECK_SLICE_EQUAL(slice_make(buffer, 6), SLICE_LITERAL("456789"));
    tls_pair_release(&pair);
    tls_context_free(context);
    credential_release(&own);
}

TEST(tls_refuses_garbage)
{
    struct credential own;
    struct tls_context *context;
    struct tls_pair pair;
    char buffer[64];
    ssize_t got;

    credential_make(&own, "server", NULL);
    context = context_make(&own, NULL, false);
    tls_pair_make(&pair, context, NULL);
    CHECK(write(pair.client_fd, "\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0", 14) == 14);
    got = pair.server.ops->read(&pair.server, buffer, sizeof(buffer));
    CHECK(got < 0 && got != TRANSPORT_END);
    pair.server.ops->shutdown(&pair.server);
    tls_pair_release(&pair);
    tls_context_free(context);
    credential_release(&own);
}

static void check_certificate(const struct tls_pair *pair, const struct credential *shown,
                              bool is_trusted)
{
    const struct peer_certificate *got = pair->server.ops->certificate(&pair->server);

    CHECK(got && X509_cmp(got->leaf, shown->certificate) == 0);
    CHECK_INT_EQUAL(got->is_trusted, is_trusted);
}

TEST(tls_knows_the_client_by_its_certificate)
{
    struct credential authority, own, client, stranger;
    struct tls_context *context;
    struct tls_pair pair;
    char buffer[64];

    credential_make(&authority, "authority", NULL);
    credential_make(&own, "server", &authority);
    credential_make(&client, "gerät-7", &authority);
    credential_make(&stranger, "gerät-7", NULL);
    context = context_make(&own, authority.certificate_path, true);

    tls_pair_make(&pair, context, &client);
    CHECK_INT_EQUAL(tls_pair_send(&pair, "x", buffer, sizeof(buffer)), 1);
    check_certificate(&pair, &client, true);
    tls_pair_release(&pair);

    tls_pair_make(&pair, context, &stranger);
    CHECK(tls_pair_send(&pair, "x", buffer, sizeof(buffer)) < 0);
    tls_pair_release(&pair);

    tls_pair_make(&pair, context, NULL);
    CHECK(tls_pair_send(&pair, "x", buffer, sizeof(buffer)) < 0);
    tls_pair_release(&pair);

    tls_context_free(context);
    credential_release(&authority);
    credential_release(&own);
    credential_release(&client);
    credential_release(&stranger);
}

/* Whoever is asked for any certificate may show one that nobody has signed, or none. */
static void check_asked(struct tls_context *context, const struct credential *shown,
                        bool is_trusted)
{
    struct tls_pair pair;
    char buffer[64];

    tls_pair_make(&pair, context, shown);
    CHECK_INT_EQUAL(tls_pair_send(&pair, "x", buffer, sizeof(buffer)), 1);
    if (shown) {
        check_certificate(&pair, shown, is_trusted);
    } else {
        CHECK(!pair.server.ops->certificate(&pair.server));
    }
    tls_pair_release(&pair);
}

TEST(tls_asks_for_any_certificate)
{
    struct credential authority, own, client, stranger;
    struct tls_context *with, *without, *strict;
    struct tls_pair pair;
    char buffer[64];

    credential_make(&authority, "authority", NULL);
    credential_make(&own, "server", &authority);
    credential_make(&client, "client", &authority);
    credential_make(&stranger, "stranger", NULL);
    with = context_make(&own, authority.certificate_path, false);
    without = context_make(&own, NULL, false);
    strict = context_make(&own, authority.certificate_path, true);

    check_asked(without, NULL, false);
    for (int ask = 1; ask >= 0; ask--) {
        tls_context_ask(with, ask);
        tls_context_ask(without, ask);
        tls_context_ask(strict, ask);
        check_asked(with, &client, true);
        check_asked(with, NULL, false);
        check_asked(strict, &client, true);
        if (ask) {
            check_asked(with, &stranger, false);
            check_asked(without, &client, false);
            check_asked(without, &stranger, false);
        } else {
            tls_pair_make(&pair, without, &client);
            CHECK_INT_EQUAL(tls_pair_send(&pair, "x", buffer, sizeof(buffer)), 1);
            CHECK(!pair.server.ops->certificate(&pair.server));
            tls_pair_release(&pair);
        }
        tls_pair_make(&pair, strict, &stranger);
        CHECK(tls_pair_send(&pair, "x", buffer, sizeof(buffer)) < 0);
        tls_pair_release(&pair);
    }
    tls_context_free(with);
    tls_context_free(without);
    tls_context_free(strict);
    credential_release(&authority);
    credential_release(&own);
    credential_release(&client);
    credential_release(&stranger);
}

/* A file with a list that revokes the certificate. */
static void make_revoked(const struct credential *authority, const struct credential *revoked,
                         char path[64])
{
    X509_CRL *list = X509_CRL_new();
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *next = X509_gmtime_adj(NULL, 3600);
    FILE *file;

    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(authority->certificate));
    X509_CRL_set1_lastUpdate(list, now);
    X509_CRL_set1_nextUpdate(list, next);
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate));
    X509_REVOKED_set_revocationDate(entry, now);
    CHECK(X509_CRL_add0_revoked(list, entry) == 1);
    CHECK(X509_CRL_sign(list, authority->key, EVP_sha256()) > 0);
    snprintf(path, 64, "%s/crl.pem", authority->folder);
    file = fopen(path, "w");
    CHECK(file && PEM_write_X509_CRL(file, list) == 1);
    fclose(file);
    X509_CRL_free(list);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
}

TEST(tls_refuses_what_is_revoked)
{
    struct credential authority, own, client, stranger;
    struct tls_context *context;
    struct tls_pair pair;
    struct buffer error = {0};
    char path[64], buffer[64];

    credential_make(&authority, "authority", NULL);
    credential_make(&own, "server", NULL);
    credential_make(&client, "client", &authority);
    credential_make(&stranger, "stranger", NULL);
    make_revoked(&authority, &client, path);
    context = tls_context_new(&(struct tls_files){.certificate = own.certificate_path,
                                                  .key = own.key_path,
                                                  .authorities = authority.certificate_path,
                                                  .revoked = path},
                              &error);
    CHECK(context);
    for (int ask = 0; ask < 2; ask++) {
        tls_context_ask(context, ask);
        tls_pair_make(&pair, context, &client);
        CHECK(tls_pair_send(&pair, "x", buffer, sizeof(buffer)) < 0);
        tls_pair_release(&pair);
    }
    check_asked(context, &stranger, false);
    tls_context_free(context);
    unlink(path);
    credential_release(&authority);
    credential_release(&own);
    credential_release(&client);
    credential_release(&stranger);
}

static void check_server_name(struct tls_context *context, const char *name)
{
    struct tls_pair pair;
    char buffer[64];
    X509 *seen;

    tls_pair_make(&pair, context, NULL);
    CHECK_INT_EQUAL(tls_pair_send(&pair, "x", buffer, sizeof(buffer)), 1);
    seen = SSL_get1_peer_certificate(pair.client);
    X509_NAME_get_text_by_NID(X509_get_subject_name(seen), NID_commonName, buffer, sizeof(buffer));
    CHECK_STRING_EQUAL(buffer, name);
    X509_free(seen);
    tls_pair_release(&pair);
}

TEST(certificates_are_replaced_for_new_connections_only_if_they_are_good)
{
    struct credential first, second;
    struct tls_context *context;
    struct tls_files files;
    struct buffer error = {0};

    credential_make(&first, "first", NULL);
    credential_make(&second, "second", NULL);
    context = context_make(&first, NULL, false);
    check_server_name(context, "first");

    files = (struct tls_files){.certificate = second.certificate_path, .key = first.key_path};
    CHECK(!tls_context_load(context, &files, &error)); /* not its key */
    CHECK(error.length > 0);
    check_server_name(context, "first");

    files.key = second.key_path;
    CHECK(tls_context_load(context, &files, &error));
    check_server_name(context, "second");

    tls_context_free(context);
    buffer_release(&error);
    credential_release(&first);
    credential_release(&second);
}

TEST(a_missing_file_is_named)
{
    struct tls_files files = {.certificate = "/nowhere/cert.pem", .key = "/nowhere/key.pem"};
    struct buffer error = {0};

    CHECK(!tls_context_new(&files, &error));
    CHECK_SLICE_EQUAL(
        buffer_slice(&error),
        SLICE_LITERAL("cannot use the certificate /nowhere/cert.pem: No such file or directory"));
    buffer_release(&error);
}
