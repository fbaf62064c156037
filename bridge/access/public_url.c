/* See public_url.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/public_url.h"

#include <string.h>

#include "access/characters.h"

/* A host that can stand in a URL as it is. */
static bool host_is_good(struct slice host)
{
    for (size_t i = 0; i < host.length; i++) {
        uint8_t c = host.data[i];
        if (c <= ' ' || c >= 0x7F || strchr("\"\\/?#@<>%", c)) {
            return false;
        }
    }
    return host.length > 0;
}

/* The authority of "https://host:port/". */
static struct slice authority_of(const char *endpoint)
{
    const char *begin = strstr(endpoint, "://");
    begin = begin ? begin + 3 : endpoint;
    return slice_make(begin, strcspn(begin, "/"));
}

bool public_url_append(struct buffer *out, const struct upgrade_context *context, struct slice host,
                       bool is_tls)
{
    const char *const *endpoints = context->public_endpoints;
    const char *scheme = is_tls ? "https://" : "http://";
    for (; endpoints && *endpoints; endpoints++) {
        struct slice authority = authority_of(*endpoints);
        if (host.length == 0 || equal_ignoring_case(authority, host)) {
            host = authority;
            scheme = strncmp(*endpoints, "https:", 6) == 0 ? "https://" : "http://";
            break;
        }
    }
    if (!host_is_good(host)) {
        return false;
    }
    buffer_append_string(out, scheme);
    buffer_append(out, host);
    return true;
}
