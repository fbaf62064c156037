/* Fuzzes the URLs for consent by hand. Input: lines with the source's key and the subscription's
 * name, and a query that somebody has made.
 *
 * Oracles: a query that we did not sign is not good; a URL that we make for any names has only
 * characters that a URL may have, is good, and says these names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "eventgrid/validation.h"
#include "secret/access_keys.h"

#define KEY "0123456789abcdef0123456789abcdef"

static const int64_t now = INT64_C(1772227430123);

static bool is_good(struct slice query, const struct access_keys *keys, struct buffer *texts,
                    struct validation_consent *consent)
{
    struct slice copy = fuzz_copy(query);
    bool good = validation_read_url(copy, keys, now, texts, consent);

    fuzz_free(copy);
    return good;
}

static void check_made(struct slice source, struct slice name, const struct access_keys *keys)
{
    struct event_subscription subscription = {.destination.url = source};
    struct validation validation = {.subscription = &subscription,
                                    .source_key = source,
                                    .name = name,
                                    .base_url = SLICE_LITERAL("http://h"),
                                    .code = SLICE_LITERAL("c"),
                                    .now_ms = now};
    struct validation_consent consent;
    struct buffer url = {0}, texts = {0};
    struct slice query;

    validation_append_url(&url, &validation, keys);
    for (size_t i = 0; i < url.length; i++) {
        FUZZ_CHECK(url.data[i] > ' ' && url.data[i] < 0x7F && !strchr("\"<>\\^`{|}", url.data[i]));
    }
    query = slice_from(buffer_slice(&url), strlen("http://h/eventgrid/validate?"));
    FUZZ_CHECK(is_good(query, keys, &texts, &consent));
    FUZZ_CHECK(slice_equal(consent.source_key, source));
    FUZZ_CHECK(slice_equal(consent.name, name));
    FUZZ_CHECK(slice_equal(consent.code, SLICE_LITERAL("c")));
    FUZZ_CHECK(validation_consents(&consent, &subscription));
    buffer_release(&url);
    buffer_release(&texts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);
    struct slice source = fuzz_take_line(&rest), name = fuzz_take_line(&rest);
    struct validation_consent consent;
    struct buffer error = {0}, texts = {0};
    struct access_keys *keys =
        access_keys_parse(SLICE_LITERAL("primary: " KEY "\nsecondary: " KEY "\n"), &error);

    FUZZ_CHECK(!is_good(rest, keys, &texts, &consent));
    check_made(source, name, keys);
    access_keys_free(keys);
    buffer_release(&error);
    buffer_release(&texts);
    return 0;
}
