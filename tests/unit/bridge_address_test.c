/* bridge/net: which addresses are private.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/socket_address.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "test.h"

static bool is_private(const char *text)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};

    if (strchr(text, ':')) {
        address.v6.sin6_family = AF_INET6;
        CHECK(inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1);
    } else {
        address.v4.sin_family = AF_INET;
        CHECK(inet_pton(AF_INET, text, &address.v4.sin_addr) == 1);
    }
    return address_is_private(&address.any);
}

/* The first and the last of each network. */
TEST(private_addresses)
{
    static const char *const texts[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.255",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.1.2.3",
        "::ffff:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::1",
        "2002:7f00:1::1",
        "2002:c0a8:101::",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "fc00::",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        test_note("%s", texts[i]);
        CHECK(is_private(texts[i]));
    }
}

/* Those beside them. */
TEST(public_addresses)
{
    static const char *const texts[] = {
        "1.0.0.0",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
        "100.128.0.0",     "126.255.255.255", "128.0.0.0",       "169.253.255.255",
        "169.255.0.0",     "172.15.255.255",  "172.32.0.0",      "192.0.1.0",
        "192.167.255.255", "192.169.0.0",     "198.17.255.255",  "198.20.0.0",
        "223.255.255.255", "8.8.8.8",         "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8",
        "2002:808:808::1", "2606:4700::1111", "2a00:1450::200e", "2001:4860:4860::8888",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        test_note("%s", texts[i]);
        CHECK(!is_private(texts[i]));
    }
}

TEST(other_families_are_not_public)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};

    CHECK(address_is_private((const struct sockaddr *)&local));
}
