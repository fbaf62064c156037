/* See context.h.
 *
 * A reload makes a whole new SSL_CTX and swaps the pointer: OpenSSL counts its users, so the old
 * one lives as long as its last connection. Whatever is wrong with a file is found before the swap.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct tls_context {
    pthread_mutex_t lock;
    SSL_CTX *current;          /* one count; guarded by `lock` */
    _Atomic bool asks_for_any; /* certificate */
};

static void tls_explain(struct buffer *error, const char *what, const char *path)
{
    unsigned long code = ERR_peek_error(); /* the first is the cause, the others follow from it */
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

    if (code != 0 && ERR_SYSTEM_ERROR(code)) {
        reason = strerrordesc_np(ERR_GET_REASON(code));
    }
    buffer_append_format(error, "cannot use %s %s: %s", what, path,
                         reason ? reason : "unknown reason");
    ERR_clear_error();
}

static bool tls_is_set(const char *path)
{
    return path && path[0] != '\0';
}

/* Keys with a pass phrase cannot be used: nobody is there to type it. */
static int tls_no_pass_phrase(char *out, int size, int for_writing, void *context)
{
    (void)out, (void)size, (void)for_writing, (void)context;
    return -1;
}

static bool tls_load_own(SSL_CTX *ssl_context, const struct tls_files *files, struct buffer *error)
{
    SSL_CTX_set_default_passwd_cb(ssl_context, tls_no_pass_phrase);
    if (SSL_CTX_use_certificate_chain_file(ssl_context, files->certificate) != 1) {
        tls_explain(error, "the certificate", files->certificate);
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(ssl_context, files->key, SSL_FILETYPE_PEM) != 1) {
        tls_explain(error, "the private key", files->key);
        return false;
    }
    return true;
}

static bool tls_load_revoked(SSL_CTX *ssl_context, const char *path, struct buffer *error)
{
    X509_STORE *trusted = SSL_CTX_get_cert_store(ssl_context);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(trusted, X509_LOOKUP_file());

    if (!lookup || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) < 1) {
        tls_explain(error, "the list of revoked certificates", path);
        return false;
    }
    X509_STORE_set_flags(trusted, X509_V_FLAG_CRL_CHECK);
    return true;
}

static bool tls_load_authorities(SSL_CTX *ssl_context, const struct tls_files *files,
                                 struct buffer *error)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->authorities);

    if (!names || SSL_CTX_load_verify_file(ssl_context, files->authorities) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        tls_explain(error, "the certificate authorities in", files->authorities);
        return false;
    }
    SSL_CTX_set_client_CA_list(ssl_context, names);
    SSL_CTX_set_verify(
        ssl_context,
        SSL_VERIFY_PEER | (files->require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        NULL);
    return !tls_is_set(files->revoked) || tls_load_revoked(ssl_context, files->revoked, error);
}

static void tls_set_modes(SSL_CTX *ssl_context)
{
    static const unsigned char session_context[] = "pubgrid";

    SSL_CTX_set_min_proto_version(ssl_context, TLS1_2_VERSION);
    SSL_CTX_set_mode(ssl_context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
    /* MQTT and HTTP say how long things are, so a missing close_notify truncates nothing unnoticed.
     */
    SSL_CTX_set_options(ssl_context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_read_ahead(ssl_context, 1); /* header and body of a record in one recv */
    /* Sessions resume by tickets, which cost no memory. Their keys belong to this
     * context, so a ticket from before a reload is worth nothing after it. */
    SSL_CTX_set_session_cache_mode(ssl_context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ssl_context, session_context, sizeof(session_context) - 1);
    SSL_CTX_set_num_tickets(ssl_context, 1);
}

/* OpenSSL's callback for a client that offers protocols. Without its own, none is chosen. */
static int tls_choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *length,
                               const unsigned char *offered, unsigned offered_length, void *wanted)
{
    struct slice name = slice_from_string(wanted);

    (void)ssl;
    for (unsigned at = 0; at < offered_length && offered[at] < offered_length - at;
         at += offered[at] + 1u) {
        if (slice_equal(slice_make(offered + at + 1, offered[at]), name)) {
            *chosen = offered + at + 1;
            *length = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *tls_make(const struct tls_files *files, struct buffer *error)
{
    SSL_CTX *ssl_context;

    ERR_clear_error();
    if (!tls_is_set(files->certificate) || !tls_is_set(files->key)) {
        buffer_append_string(error, "a TLS listener needs a certificate file and a key file");
        return NULL;
    }
    if (files->require_client_certificate && !tls_is_set(files->authorities)) {
        buffer_append_string(error, "client certificates can only be required with a file of the "
                                    "certificate authorities to check them against");
        return NULL;
    }
    ssl_context = SSL_CTX_new(TLS_server_method());
    if (!ssl_context) {
        tls_explain(error, "OpenSSL", "");
        return NULL;
    }
    tls_set_modes(ssl_context);
    if (files->protocol) {
        SSL_CTX_set_alpn_select_cb(ssl_context, tls_choose_protocol,
                                   (void *)(uintptr_t)files->protocol);
    }
    if (!tls_load_own(ssl_context, files, error) ||
        (tls_is_set(files->authorities) && !tls_load_authorities(ssl_context, files, error))) {
        SSL_CTX_free(ssl_context);
        return NULL;
    }
    return ssl_context;
}

struct tls_context *tls_context_new(const struct tls_files *files, struct buffer *error)
{
    SSL_CTX *ssl_context = tls_make(files, error);
    struct tls_context *context;

    if (!ssl_context) {
        return NULL;
    }
    context = memory_allocate_zero(sizeof(*context));
    pthread_mutex_init(&context->lock, NULL);
    context->current = ssl_context;
    return context;
}

bool tls_context_load(struct tls_context *context, const struct tls_files *files,
                      struct buffer *error)
{
    SSL_CTX *made = tls_make(files, error);
    SSL_CTX *old;

    if (!made) {
        return false;
    }
    pthread_mutex_lock(&context->lock);
    old = context->current;
    context->current = made;
    pthread_mutex_unlock(&context->lock);
    SSL_CTX_free(old);
    return true;
}

void tls_context_free(struct tls_context *context)
{
    if (!context) {
        return;
    }
    SSL_CTX_free(context->current);
    pthread_mutex_destroy(&context->lock);
    free(context);
}

void tls_context_ask(struct tls_context *context, bool ask)
{
    atomic_store_explicit(&context->asks_for_any, ask, memory_order_relaxed);
}

/* OpenSSL's callback for what it has to say of the peer's certificates. It stays known; but what an
 * authority has revoked is nothing that another one could vouch for. */
static int tls_take_any(int good, X509_STORE_CTX *about)
{
    return good || X509_STORE_CTX_get_error(about) != X509_V_ERR_CERT_REVOKED;
}

/* A resumed session has no chain to check, so none is resumed; and no names of authorities are
 * told, since clients would look among their certificates for one of them. */
static void tls_ask_for_any(SSL *ssl)
{
    SSL_set_verify(ssl, SSL_VERIFY_PEER, tls_take_any);
    SSL_set_client_CA_list(ssl, sk_X509_NAME_new_null());
    SSL_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_set_num_tickets(ssl, 0);
}

SSL *tls_context_begin(struct tls_context *context)
{
    SSL_CTX *ssl_context;
    SSL *ssl;

    pthread_mutex_lock(&context->lock);
    ssl_context = context->current;
    SSL_CTX_up_ref(ssl_context);
    pthread_mutex_unlock(&context->lock);
    ssl = SSL_new(ssl_context);
    SSL_CTX_free(ssl_context);
    if (ssl && atomic_load_explicit(&context->asks_for_any, memory_order_relaxed) &&
        !(SSL_get_verify_mode(ssl) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT)) {
        tls_ask_for_any(ssl);
    }
    return ssl;
}
