/* Fuzzes what webhooks answer when they are asked for their consent. Input: a line with the status,
 * header lines up to an empty one, the body.
 *
 * Oracles: consent is never taken from a status that does not give it, nor without the code in the
 * body or our origin in the head; there is a sentence unless it is given, of printable characters,
 * and without what is secret in the URL.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "eventgrid/validation.h"
#include "json/json.h"

#define CODE   "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"
#define SECRET "q7Zx"

static bool contains(struct slice text, const char *part)
{
    return text.length > 0 && memmem(text.data, text.length, part, strlen(part)) != NULL;
}

/* Up to the empty line, which is taken, too. */
static struct slice take_head(struct slice *rest)
{
    static const char end[] = "\r\n\r\n";
    const uint8_t *at = rest->length > 0 ? memmem(rest->data, rest->length, end, 4) : NULL;
    struct slice head = slice_make(rest->data, at ? (size_t)(at - rest->data) : rest->length);

    *rest = at ? slice_from(*rest, head.length + 4) : SLICE_EMPTY;
    return head;
}

static void check_sentence(struct slice sentence, bool is_good)
{
    FUZZ_CHECK((sentence.length == 0) == is_good);
    for (size_t i = 0; i < sentence.length; i++) {
        FUZZ_CHECK(sentence.data[i] >= 0x20 && sentence.data[i] < 0x7F);
    }
}

static void check(enum event_schema schema, int status, struct slice head, struct slice body)
{
    struct event_subscription subscription = {
        .delivery_schema = schema,
        .destination.url = SLICE_LITERAL("https://u:" SECRET "@h/x?code=" SECRET)};
    struct validation validation = {.subscription = &subscription, .code = SLICE_LITERAL(CODE)};
    struct buffer sentence = {0};
    enum validation_verdict verdict =
        validation_judge(&validation, status, head, body, "no answer", &sentence);
    bool is_success = status == 200 || (schema == SCHEMA_CLOUD_EVENTS && status == 204);
    struct json_value value;

    check_sentence(buffer_slice(&sentence), verdict == VALIDATION_GOOD);
    FUZZ_CHECK(is_success || verdict == VALIDATION_FAILED);
    if (verdict == VALIDATION_GOOD && schema == SCHEMA_CLOUD_EVENTS) {
        FUZZ_CHECK(contains(head, "*") || memchr(head.data, '.', head.length));
    } else if (verdict == VALIDATION_GOOD) {
        bool has_mark = body.length > 3 && body.data[0] == 0xEF;
        FUZZ_CHECK(json_parse(has_mark ? slice_from(body, 3) : body, &value));
        FUZZ_CHECK(body.length > strlen(CODE));
    }
    if (!contains(head, SECRET) && !contains(body, SECRET)) {
        FUZZ_CHECK(!contains(buffer_slice(&sentence), SECRET));
    }
    buffer_release(&sentence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size), line = fuzz_take_line(&rest);
    struct slice head = fuzz_copy(take_head(&rest)), body = fuzz_copy(rest);
    char digits[4] = "";

    memcpy(digits, line.data, line.length < 3 ? line.length : 3);
    for (int schema = 0; schema < EVENT_SCHEMAS; schema++) {
        check((enum event_schema)schema, (int)strtoul(digits, NULL, 10), head, body);
    }
    fuzz_free(head);
    fuzz_free(body);
    return 0;
}
