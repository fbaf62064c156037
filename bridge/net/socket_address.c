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

static bool name_v4(struct in_addr address, char *name)
{
    inet_ntop(AF_INET, &address, name, PEER_ADDRESS_SIZE);
    return ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool peer_address(int fd, char name[PEER_ADDRESS_SIZE])
{
    union address address = {.v6 = {0}};
    socklen_t length = sizeof(address);
    struct in_addr v4;

    name[0] = '\0';
    if (getpeername(fd, &address.any, &length) < 0) {
        return false;
    }
    if (address.any.sa_family == AF_INET) {
        return name_v4(address.v4.sin_addr, name);
    }
    if (address.any.sa_family != AF_INET6) {
        return false;
    }
    if (IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr)) {
        memcpy(&v4, address.v6.sin6_addr.s6_addr + 12, sizeof(v4));
        return name_v4(v4, name);
    }
    inet_ntop(AF_INET6, &address.v6.sin6_addr, name, PEER_ADDRESS_SIZE);
    return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
}

uint16_t socket_port(int fd)
{
    union address address = {.v6 = {0}};
    socklen_t length = sizeof(address);

    getsockname(fd, &address.any, &length);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}
