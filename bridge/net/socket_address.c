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

/* ---------------------------------------------------------------- private ones */

/* The registries of special-purpose addresses (RFC 6890 and what updates it), IPv4 as IPv6 maps
 * it. */
#define V4(a, b, c) 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c

enum { V4_BITS = 96 }; /* before an IPv4 address */

static const struct {
    uint8_t bits;
    uint8_t bytes[16];
} private_networks[] = {
    {V4_BITS + 8, {V4(0, 0, 0)}},       /* this network */
    {V4_BITS + 8, {V4(10, 0, 0)}},      /* private */
    {V4_BITS + 10, {V4(100, 64, 0)}},   /* shared by customers of a provider */
    {V4_BITS + 8, {V4(127, 0, 0)}},     /* this machine */
    {V4_BITS + 16, {V4(169, 254, 0)}},  /* the link; clouds tell secrets there */
    {V4_BITS + 12, {V4(172, 16, 0)}},   /* private */
    {V4_BITS + 24, {V4(192, 0, 0)}},    /* protocols */
    {V4_BITS + 24, {V4(192, 0, 2)}},    /* documentation */
    {V4_BITS + 16, {V4(192, 168, 0)}},  /* private */
    {V4_BITS + 15, {V4(198, 18, 0)}},   /* benchmarks */
    {V4_BITS + 24, {V4(198, 51, 100)}}, /* documentation */
    {V4_BITS + 24, {V4(203, 0, 113)}},  /* documentation */
    {V4_BITS + 3, {V4(224, 0, 0)}},     /* groups, reserved, broadcast */
    {127, {0}},                         /* :: and ::1 */
    {48, {0, 0x64, 0xFF, 0x9B, 0, 1}},  /* a translator's, private */
    {64, {0x01}},                       /* discarded */
    {23, {0x20, 0x01, 0, 0}},           /* protocols, with Teredo */
    {32, {0x20, 0x01, 0x0D, 0xB8}},     /* documentation */
    {7, {0xFC}},                        /* private */
    {10, {0xFE, 0x80}},                 /* the link */
    {10, {0xFE, 0xC0}},                 /* the site, of old */
    {8, {0xFF}},                        /* groups */
};

static bool has_prefix(const uint8_t address[16], const uint8_t prefix[16], unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;

    return memcmp(address, prefix, bytes) == 0 &&
           (rest == 0 || (address[bytes] ^ prefix[bytes]) >> (8 - rest) == 0);
}

/* Networks whose addresses hold an IPv4 address, that the packets go to in the end. */
static void unwrap(uint8_t address[16])
{
    static const struct {
        uint8_t bits, at; /* at: of the IPv4 address */
        uint8_t bytes[16];
    } wrappers[] = {
        {96, 12, {0, 0x64, 0xFF, 0x9B}}, /* NAT64 */
        {16, 2, {0x20, 0x02}},           /* 6to4 */
    };
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};

    for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
        if (has_prefix(address, wrappers[i].bytes, wrappers[i].bits)) {
            memmove(address + sizeof(mapped), address + wrappers[i].at, 4);
            memcpy(address, mapped, sizeof(mapped));
            return;
        }
    }
}

bool address_is_private(const struct sockaddr *address)
{
    uint8_t bytes[16] = {[10] = 0xFF, [11] = 0xFF};
    union address copy;

    if (address->sa_family == AF_INET) {
        memcpy(&copy.v4, address, sizeof(copy.v4));
        memcpy(bytes + 12, &copy.v4.sin_addr, sizeof(copy.v4.sin_addr));
    } else if (address->sa_family == AF_INET6) {
        memcpy(&copy.v6, address, sizeof(copy.v6));
        memcpy(bytes, &copy.v6.sin6_addr, sizeof(bytes));
        unwrap(bytes);
    } else {
        return true;
    }
    for (size_t i = 0; i < sizeof(private_networks) / sizeof(private_networks[0]); i++) {
        if (has_prefix(bytes, private_networks[i].bytes, private_networks[i].bits)) {
            return true;
        }
    }
    return false;
}
