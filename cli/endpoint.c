/* From options to a URI for Paho.
 *
 * Paho can do TCP to a host and port, with or without TLS. What it cannot (Unix sockets, a local
 * address, SOCKS5) goes through the relay of relay.h; DNS SRV records are looked up before.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "client.h"
#include "relay.h"
#include "srv.h"

enum { HOST_MAX = 1100, RELAY_TIMEOUT_S = 2 };

struct endpoint {
    const struct options *options;
    bool use_tls;
    char host[HOST_MAX];
    char uri[HOST_MAX + 40];
    char proxy_uri[60]; /* the relay as an HTTP proxy, or "" */
    char *proxy_text;   /* `proxy` points into it */
    struct url proxy;
    struct dial_target target;
    struct relay *relay; /* or NULL */
};

static int explain_dial(const struct options *options, enum dial_result result)
{
    if (result == DIAL_ERRNO) {
        options_report(options, "Error: %s", strerror(errno));
    } else {
        options_report(options, "Unable to connect (%s).",
                       result == DIAL_LOOKUP_FAILED ? "Lookup error." : "Proxy error.");
    }
    return EXIT_STATUS_ERROR;
}

static bool find_target(struct endpoint *endpoint)
{
    const struct connection_options *connection = &endpoint->options->connection;
    uint16_t port = options_port(endpoint->options);

    snprintf(endpoint->host, sizeof(endpoint->host), "%s", connection->host);
    if (connection->use_srv && !srv_find(connection->host, endpoint->use_tls, endpoint->host,
                                         sizeof(endpoint->host), &port)) {
        explain_dial(endpoint->options, DIAL_LOOKUP_FAILED);
        return false;
    }
    endpoint->target = (struct dial_target){.host = endpoint->host,
                                            .port = port,
                                            .unix_path = connection->unix_path,
                                            .bind_address = connection->bind_address};
    if (connection->proxy == NULL) {
        return true;
    }
    endpoint->proxy_text = memory_copy_string(slice_from_string(connection->proxy));
    endpoint->target.proxy = &endpoint->proxy;
    return url_parse_proxy(&endpoint->proxy, endpoint->proxy_text);
}

static bool start_relay(struct endpoint *endpoint)
{
    const struct dial_target *target = &endpoint->target;
    enum dial_result result;

    if (target->unix_path == NULL && target->bind_address == NULL && target->proxy == NULL) {
        return true;
    }
    endpoint->relay = relay_start(target, endpoint->use_tls, &result);
    if (endpoint->relay == NULL) {
        explain_dial(endpoint->options, result);
        return false;
    }
    return true;
}

/* A numeric IPv6 address needs brackets. */
static void make_uri(struct endpoint *endpoint)
{
    bool bare = strchr(endpoint->host, ':') == NULL || endpoint->host[0] == '[';
    uint16_t port = endpoint->relay != NULL ? relay_port(endpoint->relay) : 0;

    if (endpoint->relay != NULL && !endpoint->use_tls) {
        snprintf(endpoint->uri, sizeof(endpoint->uri), "tcp://127.0.0.1:%u", port);
        return;
    }
    if (endpoint->relay != NULL) {
        snprintf(endpoint->proxy_uri, sizeof(endpoint->proxy_uri), "https://127.0.0.1:%u", port);
    }
    snprintf(endpoint->uri, sizeof(endpoint->uri), bare ? "%s://%s:%u" : "%s://[%s]:%u",
             endpoint->use_tls ? "ssl" : "tcp", endpoint->host, endpoint->target.port);
}

struct endpoint *endpoint_open(const struct options *options)
{
    struct endpoint *endpoint = memory_allocate_zero(sizeof(*endpoint));

    endpoint->options = options;
    endpoint->use_tls = options_want_tls(options);
    if (!find_target(endpoint) || !start_relay(endpoint)) {
        endpoint_close(endpoint);
        return NULL;
    }
    make_uri(endpoint);
    return endpoint;
}

bool endpoint_try_others(struct endpoint *endpoint)
{
    struct dial_target first = endpoint->target;
    enum dial_result result;
    int fd;

    first.family = AF_INET;
    if (endpoint->relay != NULL) {
        return false;
    }
    result = dial(&first, &fd);
    if (result == DIAL_CONNECTED) {
        close(fd);
    }
    if (result != DIAL_ERRNO) {
        return false;
    }
    endpoint->relay = relay_start(&endpoint->target, endpoint->use_tls, &result);
    if (endpoint->relay == NULL) {
        return false;
    }
    make_uri(endpoint);
    return true;
}

void endpoint_close(struct endpoint *endpoint)
{
    free(endpoint->proxy_text);
    free(endpoint);
}

const char *endpoint_uri(const struct endpoint *endpoint)
{
    return endpoint->uri;
}

const char *endpoint_proxy(const struct endpoint *endpoint)
{
    return endpoint->proxy_uri[0] == '\0' ? NULL : endpoint->proxy_uri;
}

void endpoint_finish(struct endpoint *endpoint)
{
    if (endpoint->relay != NULL) {
        relay_wait_idle(endpoint->relay, RELAY_TIMEOUT_S);
    }
}

/* Trying the same by hand does say why. */
int endpoint_explain(const struct endpoint *endpoint)
{
    int fd;
    enum dial_result result = dial(&endpoint->target, &fd);

    if (result != DIAL_CONNECTED) {
        return explain_dial(endpoint->options, result);
    }
    close(fd);
    if (endpoint->use_tls) {
        options_report(endpoint->options, "Error: A TLS error occurred.");
        return EXIT_STATUS_TLS;
    }
    options_report(endpoint->options, "Error: The connection was lost.");
    return EXIT_STATUS_LOST;
}
