/* Fuzzes SAS tokens and the dates in them.
 *
 * Oracles: what is signed is what stands in front of the last "&s="; a token that is read is good
 * for no key that did not sign it; the same text signed with a key is good for that key, and for
 * none other, and not with another signature. A date is one that a calendar has.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "base/timestamp.h"
#include "eventgrid/sas_token.h"
#include "secret/base64.h"

#define KEY       SLICE_LITERAL("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
#define OTHER_KEY SLICE_LITERAL("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=")

static void append_signature(struct buffer *token)
{
    uint8_t key[DIGEST_SIZE], digest[DIGEST_SIZE];
    size_t length;

    FUZZ_CHECK(base64_decode(KEY, key, sizeof(key), &length));
    digest_hmac(slice_make(key, length), buffer_slice(token), digest);
    buffer_append_string(token, "&s=");
    base64_append(token, slice_make(digest, sizeof(digest)));
}

static void check_date(struct slice text)
{
    struct civil_time time;
    int64_t ms;

    if (sas_time_read(text, &ms)) {
        time = civil_time_from_ms(ms);
        FUZZ_CHECK(civil_time_is_valid(&time));
    }
}

/* The text as what is signed. */
static void check_signed(struct slice text, struct buffer *scratch)
{
    struct buffer token = {0};
    struct sas_token read;

    buffer_append(&token, text);
    append_signature(&token);
    if (sas_token_read(buffer_slice(&token), scratch, &read)) {
        FUZZ_CHECK(slice_equal(read.signed_text, text));
        FUZZ_CHECK(sas_token_is_signed_with(&read, KEY));
        FUZZ_CHECK(!sas_token_is_signed_with(&read, OTHER_KEY));
        FUZZ_CHECK(!sas_token_is_signed_with(&read, SLICE_EMPTY));
        FUZZ_CHECK(!sas_token_is_signed_with(&read, SLICE_LITERAL("no base64")));
        read.signature[7] ^= 1;
        FUZZ_CHECK(!sas_token_is_signed_with(&read, KEY));
    }
    buffer_release(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_copy(slice_make(data, size));
    struct buffer scratch = {0};
    struct sas_token token;

    if (sas_token_read(text, &scratch, &token)) {
        struct slice rest = slice_from(text, token.signed_text.length);

        FUZZ_CHECK(token.signed_text.data == text.data);
        FUZZ_CHECK(slice_starts_with(rest, SLICE_LITERAL("&s=")));
    }
    check_date(text);
    check_signed(text, &scratch);
    buffer_release(&scratch);
    fuzz_free(text);
    return 0;
}
