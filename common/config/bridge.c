/* The bridge's part: HTTP listeners, the URLs that it is known by, and its files, which lie beside
 * the store unless the configuration says otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/memory.h"
#include "config/loading.h"

enum { TRUNK_PATH_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 };

static const char default_listener[] = "http://127.0.0.1:8080";

enum { PLAIN, TLS };

static const struct address_scheme schemes[] = {
    {"http://", PLAIN, 8080, false},
    {"https://", TLS, 8443, false},
};

/* --- listeners --- */

static struct http_listener_config *add_listener(struct loading *loading, const char *key,
                                                 const char *text)
{
    struct bridge_config *bridge = &loading->config->bridge;
    struct address address;
    if (!text || !address_parse(text, schemes, sizeof(schemes) / sizeof(schemes[0]), &address)) {
        MISTAKE(loading, key,
                "`address` of a bridge's listener is http://HOST:PORT or https://HOST:PORT, "
                "not `%s`",
                text ? text : "");
        return NULL;
    }
    bridge->listeners =
        memory_resize(bridge->listeners, (bridge->listener_count + 1) * sizeof(*bridge->listeners));
    bridge->listeners[bridge->listener_count] = (struct http_listener_config){
        .text = loading_copy_text(text),
        .address = address.host,
        .port = address.port,
        .tls = address.kind == TLS,
    };
    return &bridge->listeners[bridge->listener_count++];
}

static void read_listener(struct loading *loading, const struct yaml_http_listener *yaml,
                          size_t index)
{
    char key[KEY_MAX];
    snprintf(key, sizeof(key), "bridge.listeners.%zu", index);
    struct http_listener_config *listener = add_listener(loading, key, yaml->address);
    if (!listener) {
        return;
    }
    listener->certificate = loading_copy_text(yaml->certificate);
    listener->key = loading_copy_text(yaml->key);
    if (listener->tls && (!listener->certificate || !listener->key)) {
        MISTAKE(loading, key, "an https:// listener needs `certificate` and `key` (PEM files)");
    } else if (!listener->tls && (listener->certificate || listener->key)) {
        MISTAKE(loading, key, "`certificate` and `key` go with an https:// address");
    }
}

static void free_http_listeners(struct bridge_config *bridge)
{
    for (size_t i = 0; i < bridge->listener_count; i++) {
        free(bridge->listeners[i].text);
        free(bridge->listeners[i].address);
        free(bridge->listeners[i].certificate);
        free(bridge->listeners[i].key);
    }
    free(bridge->listeners);
    bridge->listeners = NULL;
    bridge->listener_count = 0;
}

/* --set bridge.listeners=http://127.0.0.1:8081 */
void bridge_listeners_set(struct loading *loading, const char *text)
{
    char *copy = memory_copy_string(slice_from_string(text)), *rest = copy, *address;
    free_http_listeners(&loading->config->bridge);
    while ((address = strsep(&rest, ",")) != NULL) {
        struct http_listener_config *listener = add_listener(loading, "bridge.listeners", address);
        if (listener && listener->tls) {
            MISTAKE(loading, "bridge.listeners",
                    "an https:// listener needs its certificate: write it in the "
                    "configuration file");
        }
    }
    free(copy);
}

/* --- URLs --- */

/* "http://host", "https://host:port", without path. */
static bool is_endpoint(struct slice url)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        struct slice prefix = slice_from_string(schemes[i].prefix);
        if (slice_starts_with(url, prefix) && url.length > prefix.length) {
            struct slice host = slice_from(url, prefix.length);
            return !memchr(host.data, '/', host.length) && !memchr(host.data, ' ', host.length);
        }
    }
    return false;
}

static void add_endpoint(struct loading *loading, const char *key, const char *text)
{
    struct bridge_config *bridge = &loading->config->bridge;
    struct slice url = slice_from_string(text ? text : "");
    if (url.length > 0 && url.data[url.length - 1] == '/') {
        url.length--;
    }
    if (!is_endpoint(url)) {
        MISTAKE(loading, key,
                "an entry of `public_endpoints` is a URL without path such as "
                "https://pubsub.example.com, not `%s`",
                text ? text : "");
        return;
    }
    bridge->public_endpoints =
        memory_resize(bridge->public_endpoints,
                      (bridge->public_endpoint_count + 2) * sizeof(*bridge->public_endpoints));
    bridge->public_endpoints[bridge->public_endpoint_count++] = memory_copy_string(url);
    bridge->public_endpoints[bridge->public_endpoint_count] = NULL;
}

static void free_endpoints(struct bridge_config *bridge)
{
    for (size_t i = 0; i < bridge->public_endpoint_count; i++) {
        free(bridge->public_endpoints[i]);
    }
    free(bridge->public_endpoints);
    bridge->public_endpoints = NULL;
    bridge->public_endpoint_count = 0;
}

/* --set bridge.public_endpoints=https://a,https://b; nothing at all: none */
void bridge_endpoints_set(struct loading *loading, const char *text)
{
    char *copy = memory_copy_string(slice_from_string(text)), *rest = copy, *url;
    free_endpoints(&loading->config->bridge);
    while (text[0] && (url = strsep(&rest, ",")) != NULL) {
        add_endpoint(loading, "bridge.public_endpoints", url);
    }
    free(copy);
}

/* --- all together --- */

void bridge_read(struct loading *loading, const struct yaml_bridge *yaml)
{
    for (size_t i = 0; i < yaml->listeners_count; i++) {
        read_listener(loading, &yaml->listeners[i], i);
    }
    for (size_t i = 0; i < yaml->public_endpoints_count; i++) {
        char key[KEY_MAX];
        snprintf(key, sizeof(key), "bridge.public_endpoints.%zu", i);
        add_endpoint(loading, key, yaml->public_endpoints[i]);
    }
}

static bool shows_page(const struct http_listener_config *listener, uint8_t page)
{
    return page == PAGE_YES || (page == PAGE_AUTO && address_is_loopback(listener->address));
}

void bridge_finish(struct loading *loading)
{
    struct bridge_config *bridge = &loading->config->bridge;
    if (bridge->listener_count == 0 && !loading->failed) {
        add_listener(loading, "bridge.listeners", default_listener);
    }
    for (size_t i = 0; i < bridge->listener_count; i++) {
        struct http_listener_config *listener = &bridge->listeners[i];
        listener->page = shows_page(listener, bridge->page);
        listener->console = shows_page(listener, bridge->console);
        listener->metrics = shows_page(listener, bridge->metrics);
    }
    bridge->trunk = loading_resolve_path(loading->config, bridge->trunk_given, "trunk.sock");
    bridge->keys = loading_resolve_path(loading->config, bridge->keys_given, "keys");
    if (bridge->processes > 0 && strlen(bridge->trunk) > TRUNK_PATH_MAX) {
        MISTAKE(loading, "bridge.trunk",
                "the path of a Unix socket has at most %d bytes: name a shorter one than `%s`",
                (int)TRUNK_PATH_MAX, bridge->trunk);
    }
}

void bridge_free(struct bridge_config *bridge)
{
    free_http_listeners(bridge);
    free_endpoints(bridge);
    free(bridge->trunk);
    free(bridge->keys);
}

/* --- who we are --- */

void bridge_config_append_host(struct buffer *out, const struct bridge_config *bridge)
{
    char name[HOST_NAME_MAX + 1] = "localhost";

    if (bridge->public_endpoint_count > 0) {
        buffer_append(out, address_host_of_url(slice_from_string(bridge->public_endpoints[0])));
        return;
    }
    for (size_t i = 0; i < bridge->listener_count; i++) {
        if (!address_is_wildcard(bridge->listeners[i].address)) {
            buffer_append(out, address_host_of_url(slice_from_string(bridge->listeners[i].text)));
            return;
        }
    }
    gethostname(name, sizeof(name) - 1);
    buffer_append_string(out, name);
}
