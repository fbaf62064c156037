/* See certificate.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/certificate.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/log.h"

/* OpenSSL's callback for each handshake: 1 is success. */
static int choose(SSL *ssl, void *argument)
{
    const struct certificate *certificate = argument;
    STACK_OF(X509) *chain = NULL;

    SSL_CTX_get0_chain_certs(certificate->loaded, &chain);
    SSL_certs_clear(ssl);
    return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(certificate->loaded),
                                SSL_CTX_get0_privatekey(certificate->loaded), chain, 1);
}

static SSL_CTX *read_files(const char *certificate_file, const char *key_file)
{
    SSL_CTX *loaded = SSL_CTX_new(TLS_server_method());

    if (loaded && SSL_CTX_use_certificate_chain_file(loaded, certificate_file) == 1 &&
        SSL_CTX_use_PrivateKey_file(loaded, key_file, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(loaded) == 1) {
        return loaded;
    }
    SSL_CTX_free(loaded);
    return NULL;
}

bool certificate_load(struct certificate *certificate, SSL_CTX *tls, const char *certificate_file,
                      const char *key_file)
{
    SSL_CTX *loaded;

    ERR_clear_error();
    loaded = read_files(certificate_file, key_file);
    if (!loaded) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        log_write(LOG_ERROR, "certificate kept", "file=%s key=%s reason=\"%s\"", certificate_file,
                  key_file, reason ? reason : "unknown");
        ERR_clear_error();
        return false;
    }
    SSL_CTX_free(certificate->loaded); /* handshakes have counts of their own of what is in it */
    certificate->loaded = loaded;
    SSL_CTX_set_cert_cb(tls, choose, certificate);
    return true;
}

void certificate_release(struct certificate *certificate)
{
    SSL_CTX_free(certificate->loaded);
    certificate->loaded = NULL;
}
