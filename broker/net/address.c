/* See address.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void address_name(const struct sockaddr *address, char *name)
{
    char text[INET6_ADDRSTRLEN] = "?";

    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
        snprintf(name, ADDRESS_NAME_SIZE, "%s:%u", text, ntohs(in.sin_port));
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
        snprintf(name, ADDRESS_NAME_SIZE, "[%s]:%u", text, ntohs(in6.sin6_port));
    } else {
        snprintf(name, ADDRESS_NAME_SIZE, "unix");
    }
}
