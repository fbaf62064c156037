/* Plain WebSocket (spec/webpubsub.md 1.5): a message is nothing but its payload, so there is
 * nothing to decode and nothing else to send.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "mqtt/utf8.h"
#include "wire/codec.h"

bool raw_is_text(const struct payload *payload)
{
    bool is_text = payload->type == DATA_TEXT || payload->type == DATA_JSON;

    /* Browsers close the connection on a text frame that is not UTF-8. */
    return is_text && utf8_is_well_formed(payload->bytes);
}

static void raw_put_message(struct buffer *body, const struct message_response *message)
{
    buffer_append(body, message->data.bytes);
}

static size_t raw_finish(struct slice body, uint64_t sequence_id, uint8_t *out)
{
    (void)sequence_id;
    if (body.length > 0) {
        memcpy(out, body.data, body.length);
    }
    return body.length;
}

const struct codec codec_raw = {.put_message = raw_put_message, .finish = raw_finish};
