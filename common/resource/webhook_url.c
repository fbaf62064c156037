/* URLs of webhooks. See webhook_url.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/webhook_url.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/buffer.h"
#include "base/memory.h"

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7F) {
            return false;
        }
    }
    return true;
}

/* "http://host:port" out of "http://user:password@host:port/path?query"; the caller frees it. */
static char *origin_of(const char *url)
{
    const char *authority = strstr(url, "://") + 3;
    size_t length = strcspn(authority, "/?");
    const char *at = memrchr(authority, '@', length);
    const char *host = at ? at + 1 : authority;
    struct buffer origin = {0};

    buffer_append(&origin, slice_make(url, (size_t)(authority - url)));
    buffer_append(&origin, slice_make(host, (size_t)(authority + length - host)));
    buffer_append_byte(&origin, '\0');
    return (char *)origin.data;
}

bool webhook_url_is_good(struct slice text)
{
    static const struct address_scheme schemes[] = {
        {"http://", 0, 80, false},
        {"https://", 1, 443, false},
    };
    char *url = memory_copy_string(text);
    bool good = is_printable(text) && !strpbrk(url, "#\\<>\"{}") && strstr(url, "://");

    if (good) {
        struct address address;
        char *origin = origin_of(url);
        good = address_parse(origin, schemes, 2, &address);
        if (good) {
            free(address.host);
        }
        free(origin);
    }
    free(url);
    return good;
}
