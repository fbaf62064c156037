/* Fuzzes what comes before anybody is known: SCRAM's client messages, and lines of the password
 * file. Input: client-first, a newline, client-final; both also as lines of a password file.
 *
 * Oracles: without the password nothing is proven, whatever the bytes; with it, a client-first that
 * was taken ends in a proof; a server-first begins with the client's nonce; a good line prints and
 * reads back as the same line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "base/buffer.h"
#include "net/scram.h"
#include "secret/base64.h"
#include "secret/password_line.h"

#define SERVER_NONCE "srvnonce"

static const struct slice password = {(const uint8_t *)"pencil", 6};

/* Everybody is known, with the same password. */
static bool look_up(void *context, struct slice user, struct scram_secret *secret)
{
    FUZZ_CHECK(user.length > 0);
    *secret = *(const struct scram_secret *)context;
    return true;
}

static struct scram_secret make_secret(void)
{
    struct scram_secret secret = {.iterations = 1, .salt_length = 8};
    memcpy(secret.salt, "saltsalt", 8);
    scram_secret_derive(&secret, password);
    return secret;
}

/* The text up to `end`, which is there. */
static struct slice up_to(struct slice text, char end)
{
    const uint8_t *at = memchr(text.data, end, text.length);
    FUZZ_CHECK(at);
    return slice_make(text.data, (size_t)(at - text.data));
}

/* The gs2 header ends at the second comma. */
static struct slice gs2_header_of(struct slice first)
{
    size_t flag = up_to(first, ',').length + 1;
    size_t authorization = up_to(slice_from(first, flag), ',').length + 1;
    return slice_make(first.data, flag + authorization);
}

/* A client that knows the password answers the challenge. */
static struct buffer right_answer(struct scram_secret *secret, struct slice first,
                                  struct slice challenge)
{
    struct slice header = gs2_header_of(first);
    struct buffer final = {0}, signed_text = {0};
    uint8_t proof[DIGEST_SIZE];
    buffer_append_string(&final, "c=");
    base64_append(&final, header);
    buffer_append_byte(&final, ',');
    buffer_append(&final, up_to(challenge, ','));
    buffer_append(&signed_text, slice_from(first, header.length));
    buffer_append_byte(&signed_text, ',');
    buffer_append(&signed_text, challenge);
    buffer_append_byte(&signed_text, ',');
    buffer_append(&signed_text, buffer_slice(&final));
    scram_client_proof(secret, password, buffer_slice(&signed_text), proof);
    buffer_append_string(&final, ",p=");
    base64_append(&final, slice_make(proof, sizeof(proof)));
    buffer_release(&signed_text);
    return final;
}

static void check_exchange(struct slice first, struct slice final, bool right)
{
    struct scram_secret secret = make_secret();
    struct buffer challenge = {0}, answer = {0}, signature = {0};
    struct scram_exchange *exchange =
        scram_begin(first, SLICE_LITERAL(SERVER_NONCE), look_up, &secret, &challenge);
    if (exchange) {
        FUZZ_CHECK(slice_starts_with(buffer_slice(&challenge), SLICE_LITERAL("r=")));
        if (right) {
            answer = right_answer(&secret, first, buffer_slice(&challenge));
            final = buffer_slice(&answer);
        }
        FUZZ_CHECK(scram_finish(exchange, final, &signature) == right);
        FUZZ_CHECK((signature.length > 0) == right);
        scram_free(exchange);
    }
    buffer_release(&challenge);
    buffer_release(&answer);
    buffer_release(&signature);
}

static void check_line(struct slice text)
{
    struct password_line line, again;
    struct buffer out = {0}, out_again = {0};
    if (!password_line_parse(&line, text) && line.user.length > 0) {
        password_line_print(&line, &out);
        struct slice printed = slice_make(out.data, out.length - 1);
        FUZZ_CHECK(!password_line_parse(&again, printed));
        FUZZ_CHECK(slice_equal(line.user, again.user));
        password_line_print(&again, &out_again);
        FUZZ_CHECK(slice_equal(buffer_slice(&out), buffer_slice(&out_again)));
    }
    buffer_release(&out);
    buffer_release(&out_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t length = newline ? (size_t)(newline - data) : size;
    struct slice first = fuzz_copy(slice_make(data, length));
    struct slice final = fuzz_copy(newline ? slice_from(in, length + 1) : SLICE_EMPTY);
    check_exchange(first, final, false);
    check_exchange(first, final, true);
    check_line(first);
    check_line(final);
    fuzz_free(first);
    fuzz_free(final);
    return 0;
}
