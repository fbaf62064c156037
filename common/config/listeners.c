/* The broker's listeners: addresses, certificates, and whom they let in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "config/loading.h"

enum { UNIX_MODE_DEFAULT = 0660 };

static const char default_listener[] = "tcp://127.0.0.1:1883";

static const struct address_scheme schemes[] = {
    {"tcp://", LISTENER_TCP, 1883, false}, {"mqtt://", LISTENER_TCP, 1883, false},
    {"tls://", LISTENER_TLS, 8883, false}, {"mqtts://", LISTENER_TLS, 8883, false},
    {"unix:", LISTENER_UNIX, 0, true},
};

static struct listener_config *add_listener(struct loading *loading, const char *key,
                                            const char *text)
{
    struct config *config = loading->config;
    struct address address;
    if (!text || !address_parse(text, schemes, sizeof(schemes) / sizeof(schemes[0]), &address)) {
        MISTAKE(loading, key,
                "`address` is tcp://HOST:PORT, tls://HOST:PORT or unix:/PATH, not `%s`",
                text ? text : "");
        return NULL;
    }
    config->listeners =
        memory_resize(config->listeners, (config->listener_count + 1) * sizeof(*config->listeners));
    config->listeners[config->listener_count] = (struct listener_config){
        .kind = (enum listener_kind)address.kind,
        .text = loading_copy_text(text),
        .address = address.host,
        .port = address.port,
        .path = address.path,
        .mode = UNIX_MODE_DEFAULT,
    };
    return &config->listeners[config->listener_count++];
}

static void read_mode(struct loading *loading, const char *key, const char *text, mode_t *mode)
{
    char *end;
    if (!text) {
        return;
    }
    unsigned long value = strtoul(text, &end, 8);
    if (*end != '\0' || end == text || value > 0777) {
        char place[PLACE_MAX];
        snprintf(place, sizeof(place), "%s.mode", key);
        MISTAKE(loading, place, "`mode` is an octal number such as \"0660\", not `%s`", text);
        return;
    }
    *mode = (mode_t)value;
}

static void check_tls(struct loading *loading, const char *key,
                      const struct listener_config *listener)
{
    if (listener->kind == LISTENER_TLS && (!listener->certificate || !listener->key)) {
        MISTAKE(loading, key, "a tls:// listener needs `certificate` and `key` (PEM files)");
    } else if (listener->kind != LISTENER_TLS && (listener->certificate || listener->key)) {
        MISTAKE(loading, key, "`certificate` and `key` go with a tls:// address");
    }
    if (listener->require_client_certificate && !listener->ca) {
        MISTAKE(loading, key,
                "`require_client_certificate` needs `ca`, the file of the CAs that "
                "sign client certificates");
    }
}

static void read_listener(struct loading *loading, const struct yaml_listener *yaml, size_t index)
{
    char key[KEY_MAX];
    snprintf(key, sizeof(key), "listeners.%zu", index);
    struct listener_config *listener = add_listener(loading, key, yaml->address);
    if (!listener) {
        return;
    }
    listener->certificate = loading_copy_text(yaml->certificate);
    listener->key = loading_copy_text(yaml->key);
    listener->ca = loading_copy_text(yaml->ca);
    listener->crl = loading_copy_text(yaml->crl);
    read_mode(loading, key, yaml->mode, &listener->mode);
    loading_read_bool(loading, key, "require_client_certificate", yaml->require_client_certificate,
                      &listener->require_client_certificate);
    loading_read_bool(loading, key, "use_certificate_as_user", yaml->use_certificate_as_user,
                      &listener->use_certificate_as_user);
    loading_read_bool(loading, key, "allow_anonymous", yaml->allow_anonymous,
                      &listener->allow_anonymous);
    listener->anonymous_given = yaml->allow_anonymous != NULL;
    check_tls(loading, key, listener);
}

void listeners_read(struct loading *loading, const struct yaml_config *yaml)
{
    for (size_t i = 0; i < yaml->listeners_count; i++) {
        read_listener(loading, &yaml->listeners[i], i);
    }
}

/* --set listeners=tcp://127.0.0.1:1884,unix:/tmp/x */
void listeners_set(struct loading *loading, const char *text)
{
    char *copy = memory_copy_string(slice_from_string(text)), *rest = copy, *address;
    listeners_free(loading->config);
    while ((address = strsep(&rest, ",")) != NULL) {
        struct listener_config *listener = add_listener(loading, "listeners", address);
        if (listener && listener->kind == LISTENER_TLS) {
            MISTAKE(loading, "listeners",
                    "a tls:// listener needs its certificate: write it in "
                    "the configuration file");
        }
    }
    free(copy);
}

static bool is_local(const struct listener_config *listener)
{
    return listener->kind == LISTENER_UNIX || address_is_loopback(listener->address);
}

void listeners_finish(struct loading *loading)
{
    struct config *config = loading->config;
    if (config->listener_count == 0 && !loading->failed) {
        add_listener(loading, "listeners", default_listener);
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        struct listener_config *listener = &config->listeners[i];
        if (!listener->anonymous_given) {
            listener->allow_anonymous =
                config->allow_anonymous == ANONYMOUS_YES ||
                (config->allow_anonymous == ANONYMOUS_AUTO && is_local(listener));
        }
    }
}

void listeners_free(struct config *config)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        struct listener_config *listener = &config->listeners[i];
        char *const texts[] = {listener->text,        listener->address, listener->path,
                               listener->certificate, listener->key,     listener->ca,
                               listener->crl};
        for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
            free(texts[t]);
        }
    }
    free(config->listeners);
    config->listeners = NULL;
    config->listener_count = 0;
}
