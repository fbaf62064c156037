/* See socket_address.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/socket_address.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* False: there is no peer. */
static bool peer_of(int fd, struct in6_addr *out)
{
    union address address = {.v6 = {0}};
    socklen_t length = sizeof(address);

    memset(out, 0, sizeof(*out));
    if (getpeername(fd, &address.any, &length) < 0) {
        return false;
    }
    if (address.any.sa_family == AF_INET) {
        out->s6_addr[10] = out->s6_addr[11] = 0xff;
        memcpy(out->s6_addr + 12, &address.v4.sin_addr, sizeof(address.v4.sin_addr));
        return true;
    }
    *out = address.v6.sin6_addr;
    return address.any.sa_family == AF_INET6;
}

static bool is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == IN_LOOPBACKNET);
}

bool peer_address(int fd, char name[PEER_ADDRESS_SIZE])
{
    struct in6_addr address;

    name[0] = '\0';
    if (!peer_of(fd, &address)) {
        return false;
    }
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        inet_ntop(AF_INET, address.s6_addr + 12, name, PEER_ADDRESS_SIZE);
    } else {
        inet_ntop(AF_INET6, &address, name, PEER_ADDRESS_SIZE);
    }
    return is_loopback(&address);
}

bool peer_address_bytes(int fd, uint8_t bytes[16])
{
    struct in6_addr address;
    bool is_there = peer_of(fd, &address);

    memcpy(bytes, address.s6_addr, sizeof(address.s6_addr));
    return is_there && is_loopback(&address);
}

uint16_t socket_port(int fd)
{
    union address address = {.v6 = {0}};
    socklen_t length = sizeof(address);

    getsockname(fd, &address.any, &length);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}
