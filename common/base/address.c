/* Taking addresses apart. See address.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > UINT16_MAX) {
        return false;
    }
    *port = (uint16_t)value;
    return true;
}

/* "host", "host:port", "[v6]:port", "v6" */
static bool parse_host(const char *text, struct address *address)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : strrchr(text, ':');
    struct slice host;
    if (text[0] == '[') {
        if (!end || (end[1] != '\0' && end[1] != ':')) {
            return false;
        }
        host = slice_make(text + 1, (size_t)(end - text - 1));
        end = end[1] ? end + 1 : NULL;
    } else if (end && strchr(text, ':') == end) {
        host = slice_make(text, (size_t)(end - text));
    } else {
        host = slice_from_string(text); /* a name, or a bare IPv6 address */
        end = NULL;
    }
    if (host.length == 0 || (end && !parse_port(end + 1, &address->port))) {
        return false;
    }
    address->host = memory_copy_string(host);
    return true;
}

bool address_parse(const char *text, const struct address_scheme *schemes, size_t count,
                   struct address *address)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, length) != 0) {
            continue;
        }
        *address = (struct address){.kind = schemes[i].kind, .port = schemes[i].port};
        if (!schemes[i].is_path) {
            return parse_host(text + length, address);
        }
        if (text[length] == '\0') {
            return false;
        }
        address->path = memory_copy_string(slice_from_string(text + length));
        return true;
    }
    return false;
}

bool address_is_loopback(const char *host)
{
    struct in_addr v4;
    if (strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0) {
        return true;
    }
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

bool address_is_wildcard(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

struct slice address_host_of_url(struct slice url)
{
    const uint8_t *scheme = url.length > 0 ? memmem(url.data, url.length, "://", 3) : NULL;
    struct slice host = scheme ? slice_from(url, (size_t)(scheme - url.data) + 3) : url;
    bool is_in_brackets = false;

    for (size_t i = 0; i < host.length; i++) {
        is_in_brackets = i == 0 ? host.data[i] == '[' : is_in_brackets && host.data[i - 1] != ']';
        if (!is_in_brackets && (host.data[i] == ':' || host.data[i] == '/')) {
            host.length = i;
        }
    }
    return host;
}
