/* Fills Paho's TLS options: trust, client certificate, pre-shared key, ALPN, protocol versions.
 *
 * Paho 1.3.12 ignores its own version option when built with OpenSSL 1.1 or later, so the wanted
 * version goes in through OpenSSL's configuration ("system_default" applies to each new SSL_CTX).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client_tls.h"

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *option, *name;
} versions[] = {{"tlsv1.3", "TLSv1.3"}, {"tlsv1.2", "TLSv1.2"}, {"tlsv1.1", "TLSv1.1"}};

static const char *version_name(const char *option)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (strcmp(option, versions[i].option) == 0) {
            return versions[i].name;
        }
    }
    return NULL;
}

static bool load_configuration(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    CONF *configuration = NCONF_new(NULL);
    bool good = bio != NULL && configuration != NULL &&
                NCONF_load_bio(configuration, bio, NULL) > 0 &&
                CONF_modules_load(configuration, NULL, 0) > 0;

    NCONF_free(configuration);
    BIO_free(bio);
    return good;
}

static bool fix_version(const struct options *options)
{
    const char *name;
    char text[200];

    if (options->tls.version == NULL) {
        return true;
    }
    name = version_name(options->tls.version);
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL);
    if (name != NULL) {
        snprintf(text, sizeof(text),
                 "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = versions\n"
                 "[versions]\nMinProtocol = %s\nMaxProtocol = %s\n",
                 name, name);
    }
    if (name == NULL || !load_configuration(text)) {
        options_report(options, "Error: Problem setting TLS options, check the options are valid.");
        return false;
    }
    return true;
}

static int hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit == '\0' ? NULL : strchr(digits, digit | (digit > '9' ? 0x20 : 0));

    return found == NULL ? -1 : (int)(found - digits);
}

static bool decode_psk(struct client_tls *tls, const char *text)
{
    size_t length = strlen(text);

    if (length % 2 != 0 || length / 2 > sizeof(tls->psk)) {
        return false;
    }
    for (size_t i = 0; i < length / 2; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        tls->psk[i] = (unsigned char)(high << 4 | low);
    }
    tls->psk_length = length / 2;
    return length > 0;
}

/* OpenSSL's callback: the identity and the key; returns the key's length. */
static unsigned give_psk(const char *hint, char *identity, unsigned identity_max,
                         unsigned char *psk, unsigned psk_max, void *context)
{
    const struct client_tls *tls = context;
    const char *name = tls->options->tls.psk_identity;

    (void)hint;
    if (strlen(name) + 1 > identity_max || tls->psk_length > psk_max) {
        return 0;
    }
    memcpy(identity, name, strlen(name) + 1);
    memcpy(psk, tls->psk, tls->psk_length);
    return (unsigned)tls->psk_length;
}

static int report_error(const char *text, size_t length, void *context)
{
    options_report(context, "OpenSSL Error: %.*s", (int)length - (text[length - 1] == '\n'), text);
    return 1;
}

static bool check_files(const struct options *options)
{
    const char *const paths[] = {options->tls.ca_file, options->tls.ca_path,
                                 options->tls.certificate, options->tls.key};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (paths[i] != NULL && access(paths[i], R_OK) != 0) {
            options_report(options, "Error: Problem setting TLS options: File not found.");
            return false;
        }
    }
    return true;
}

static bool set_alpn(struct client_tls *tls, const char *name)
{
    if (name == NULL) {
        return true;
    }
    if (name[0] == '\0' || strlen(name) >= sizeof(tls->alpn)) {
        options_report(tls->options, "Error: Problem setting TLS ALPN protocol.");
        return false;
    }
    tls->alpn[0] = (unsigned char)strlen(name);
    memcpy(tls->alpn + 1, name, strlen(name));
    tls->ssl.protos = tls->alpn;
    tls->ssl.protos_len = (unsigned)strlen(name) + 1;
    return true;
}

bool client_tls_prepare(struct client_tls *tls, const struct options *options)
{
    const struct tls_options *wanted = &options->tls;
    MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;

    tls->options = options;
    ssl.trustStore = wanted->ca_file;
    ssl.CApath = wanted->ca_path;
    if (wanted->use_os_certificates && wanted->ca_file != NULL && wanted->ca_path == NULL) {
        ssl.CApath = X509_get_default_cert_dir();
    }
    ssl.keyStore = wanted->certificate;
    ssl.privateKey = wanted->key;
    ssl.enabledCipherSuites = wanted->ciphers;
    ssl.enableServerCertAuth = wanted->psk == NULL;
    ssl.verify = wanted->psk == NULL && !wanted->insecure;
    ssl.ssl_error_cb = report_error;
    ssl.ssl_error_context = (void *)(uintptr_t)options;
    tls->ssl = ssl;
    if (wanted->psk != NULL) {
        if (!decode_psk(tls, wanted->psk)) {
            options_report(options, "Error: Problem setting TLS-PSK options.");
            return false;
        }
        tls->ssl.ssl_psk_cb = give_psk;
        tls->ssl.ssl_psk_context = tls;
        tls->ssl.disableDefaultTrustStore = 1;
        tls->ssl.enabledCipherSuites = wanted->ciphers != NULL ? wanted->ciphers : "PSK";
    }
    return check_files(options) && set_alpn(tls, wanted->alpn) && fix_version(options);
}
