/* SCRAM's messages: see scram_message.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/scram_message.h"

#include "secret/text.h"

/* Takes the attribute `name`=value and the comma behind it off the front of `*rest`. */
static bool take_attribute(struct slice *rest, uint8_t name, struct slice *value)
{
    if (rest->length < 2 || rest->data[0] != name || rest->data[1] != '=') {
        return false;
    }
    size_t end = 2;
    while (end < rest->length && rest->data[end] != ',') {
        end++;
    }
    *value = slice_make(rest->data + 2, end - 2);
    *rest = slice_from(*rest, end < rest->length ? end + 1 : end);
    return true;
}

/* Printable ASCII without a comma (which take_attribute() has excluded). */
static bool is_nonce(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < 0x21 || text.data[i] > 0x7E) {
            return false;
        }
    }
    return text.length > 0 && text.length <= SCRAM_NONCE_MAX;
}

bool scram_parse_client_first(struct slice message, struct scram_client_first *first)
{
    enum { GS2_HEADER_SIZE = 3 };
    if (!slice_starts_with(message, SLICE_LITERAL("n,,")) &&
        !slice_starts_with(message, SLICE_LITERAL("y,,"))) {
        return false;
    }
    first->gs2_header = slice_make(message.data, GS2_HEADER_SIZE);
    first->bare = slice_from(message, GS2_HEADER_SIZE);
    /* An "m=" before the name would be an extension that must be understood: refused. Those behind
     * the nonce may be ignored. */
    struct slice rest = first->bare;
    return take_attribute(&rest, 'n', &first->user) && first->user.length > 0 &&
           take_attribute(&rest, 'r', &first->nonce) && is_nonce(first->nonce);
}

bool scram_parse_client_final(struct slice message, struct scram_client_final *final)
{
    enum { PROOF_TEXT = 44 }; /* base64 of 32 bytes */
    const size_t tail = PROOF_TEXT + 3;
    if (message.length <= tail) {
        return false;
    }
    final->without_proof = slice_make(message.data, message.length - tail);
    struct slice proof = slice_from(message, message.length - tail);
    struct slice rest = final->without_proof;
    if (!slice_starts_with(proof, SLICE_LITERAL(",p="))) {
        return false;
    }
    proof = slice_from(proof, 3);
    return text_take_digest(&proof, '\0', final->proof) &&
           take_attribute(&rest, 'c', &final->channel_binding) &&
           take_attribute(&rest, 'r', &final->nonce) && is_nonce(final->nonce);
}

bool scram_decode_name(struct slice encoded, struct buffer *name)
{
    for (size_t i = 0; i < encoded.length; i++) {
        struct slice rest = slice_from(encoded, i);
        if (slice_starts_with(rest, SLICE_LITERAL("=2C"))) {
            buffer_append_byte(name, ',');
            i += 2;
        } else if (slice_starts_with(rest, SLICE_LITERAL("=3D"))) {
            buffer_append_byte(name, '=');
            i += 2;
        } else if (rest.data[0] == '=' || rest.data[0] == '\0') {
            return false;
        } else {
            buffer_append_byte(name, rest.data[0]);
        }
    }
    return true;
}
