/* See the header.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_endpoint.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const struct scheme {
    const char *prefix;
    int port;
    bool websocket;
} schemes[] = {{"ws://", 80, true}, {"mqtt://", 1883, false}};

static bool port_parse(int *out, const char *text)
{
    enum { PORT_MAX = 65535 };
    char *end;
    long port = strtol(text, &end, 10);
    *out = (int)port;
    return end != text && *end == '\0' && port >= 1 && port <= PORT_MAX;
}

/* HOST[:PORT], where an IPv6 address stands in brackets. */
static bool authority_parse(struct bench_endpoint *out, char *text)
{
    char *colon = strrchr(text, ':');
    if (text[0] == '[') {
        char *bracket = strchr(text, ']');
        if (bracket == NULL || (bracket[1] != '\0' && bracket[1] != ':')) {
            return false;
        }
        *bracket = '\0';
        text++;
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
    }
    out->host = text;
    if (colon == NULL) {
        return *text != '\0';
    }
    *colon = '\0';
    return *text != '\0' && port_parse(&out->port, colon + 1);
}

static bool url_parse(struct bench_endpoint *out, const struct scheme *scheme, char *authority)
{
    char *slash = strchr(authority, '/');
    out->port = scheme->port;
    if (slash != NULL) {
        *slash = '\0';
    }
    if (scheme->websocket) {
        out->path = slash == NULL ? "" : slash + 1;
    } else if (slash != NULL && slash[1] != '\0') {
        return false;
    }
    return authority_parse(out, authority);
}

bool bench_endpoint_parse(struct bench_endpoint *out, char *text)
{
    static const char unix_prefix[] = "unix:";
    *out = (struct bench_endpoint){0};
    if (strncmp(text, unix_prefix, sizeof(unix_prefix) - 1) == 0) {
        size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);
        out->unix_path = text + sizeof(unix_prefix) - 1;
        return out->unix_path[0] != '\0' && strlen(out->unix_path) < room;
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t length = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, length) == 0) {
            return url_parse(out, &schemes[i], text + length);
        }
    }
    return false;
}

void bench_endpoint_name(struct bench_endpoint *endpoint)
{
    if (endpoint->unix_path != NULL) {
        snprintf(endpoint->name, sizeof(endpoint->name), "%s", endpoint->unix_path);
    } else {
        bool ipv6 = strchr(endpoint->host, ':') != NULL;
        snprintf(endpoint->name, sizeof(endpoint->name), ipv6 ? "[%s]:%d" : "%s:%d", endpoint->host,
                 endpoint->port);
    }
}

static void unix_address(const char *path, struct sockaddr_storage *address, socklen_t *length)
{
    struct sockaddr_un found = {.sun_family = AF_UNIX};
    snprintf(found.sun_path, sizeof(found.sun_path), "%s", path);
    memcpy(address, &found, sizeof(found));
    *length = sizeof(found);
}

bool bench_endpoint_resolve(const struct bench_endpoint *endpoint, struct sockaddr_storage *address,
                            socklen_t *length, char *error, size_t error_size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char port[8];
    if (endpoint->unix_path != NULL) {
        unix_address(endpoint->unix_path, address, length);
        return true;
    }
    snprintf(port, sizeof(port), "%d", endpoint->port);
    /* Brokers that listen on one address of localhost listen on 127.0.0.1. */
    const char *host = strcmp(endpoint->host, "localhost") == 0 ? "127.0.0.1" : endpoint->host;
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0) {
        snprintf(error, error_size, "host %s: %s", endpoint->host, gai_strerror(code));
        return false;
    }
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}
