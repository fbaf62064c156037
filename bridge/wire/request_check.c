/* The field rules of requests that all codecs share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "wire/request_check.h"

/* ^[!#$%&'*+\-.^_`|~0-9a-z]+$ : an HTTP token in lower case, because it becomes a header's name. */
static bool is_token(struct slice key)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < key.length; i++) {
        uint8_t c = key.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            !memchr(marks, c, sizeof(marks) - 1)) {
            return false;
        }
    }
    return key.length > 0;
}

static bool is_printable(struct slice value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < ' ' || value.data[i] > '~') {
            return false;
        }
    }
    return true;
}

/* User Properties that begin so are what the bridge itself says of a message. */
bool metadata_is_valid(struct pairs metadata)
{
    static const struct slice own_keys = {(const uint8_t *)"$wps.", 5};
    size_t total = 0;

    for (size_t i = 0; i < metadata.count; i++) {
        const struct pair *pair = &metadata.items[i];

        total += pair->key.length + pair->value.length;
        if (pair->key.length > METADATA_KEY_MAX || pair->value.length > METADATA_VALUE_MAX ||
            total > METADATA_MAX || !is_token(pair->key) || !is_printable(pair->value) ||
            slice_starts_with(pair->key, own_keys)) {
            return false;
        }
    }
    return true;
}

enum frame_verdict request_check(const struct request *request)
{
    bool is_good = request->ttl_seconds <= TTL_SECONDS_MAX &&
                   (!request->opens_stream || request->idle_timeout_ms > 0) &&
                   metadata_is_valid(request->metadata);

    return is_good ? FRAME_OK : FRAME_BAD_REQUEST;
}
