/* Base64url, and tokens: what is signed with one of the keys and by HS256 is taken, nothing else.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "jwt_check.h"
#include "test.h"

#include "secret/base64url.h"
#include "secret/digest.h"
#include "secret/jwt.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct slice keys[] = {
    {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32},
    {(const uint8_t *)"fedcba9876543210fedcba9876543210", 32},
};

TEST(base64url_both_ways)
{
    static const struct {
        struct slice bytes;
        const char *text;
    } rows[] = {
        {SLICE_LITERAL(""), ""},           {SLICE_LITERAL("f"), "Zg"},
        {SLICE_LITERAL("fo"), "Zm8"},      {SLICE_LITERAL("foo"), "Zm9v"},
        {SLICE_LITERAL("foob"), "Zm9vYg"}, {SLICE_LITERAL("\xFB\xFF\xFE"), "-__-"},
        {SLICE_LITERAL("\0\0"), "AAA"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer out = {0};
        test_note("%s", rows[i].text);
        base64url_append(&out, rows[i].bytes);
        CHECK_SLICE_EQUAL(buffer_slice(&out), slice_from_string(rows[i].text));
        out.length = 0;
        CHECK(base64url_decode(&out, slice_from_string(rows[i].text)));
        CHECK_SLICE_EQUAL(buffer_slice(&out), rows[i].bytes);
        buffer_release(&out);
    }
}

TEST(what_is_no_base64url)
{
    /* A length that cannot be, padding, the other alphabet, white space, bits left over. */
    static const char *const texts[] = {"Z",      "Zm9vY", "Zg==", "Zm8=", "+//+",   "Zm 9",
                                        "Zm9v\n", "Zh",    "Zm9",  "Zg.",  "Zm\x80v"};
    struct buffer out = {0};
    buffer_append_byte(&out, 'x');
    for (size_t i = 0; i < COUNT(texts); i++) {
        test_note("%s", texts[i]);
        CHECK(!base64url_decode(&out, slice_from_string(texts[i])));
        CHECK_SLICE_EQUAL(buffer_slice(&out), SLICE_LITERAL("x"));
    }
    buffer_release(&out);
}

/* A token of any header and payload, with the right signature. */
static struct buffer sign(struct slice header, struct slice payload, struct slice key)
{
    struct buffer token = {0};
    uint8_t signature[DIGEST_SIZE];
    base64url_append(&token, header);
    buffer_append_byte(&token, '.');
    base64url_append(&token, payload);
    digest_hmac(key, buffer_slice(&token), signature);
    buffer_append_byte(&token, '.');
    base64url_append(&token, slice_make(signature, sizeof(signature)));
    return token;
}

static bool is_taken(struct slice token)
{
    struct buffer claims = {0};
    bool taken = jwt_check(token, keys, COUNT(keys), &claims);
    CHECK_INT_EQUAL(claims.length > 0, taken);
    buffer_release(&claims);
    return taken;
}

static bool is_signed_taken(const char *header, const char *payload)
{
    struct buffer token = sign(slice_from_string(header), slice_from_string(payload), keys[0]);
    bool taken = is_taken(buffer_slice(&token));
    buffer_release(&token);
    return taken;
}

TEST(the_example_of_rfc_7515)
{
    /* Appendix A.1.1; its key is given as base64url. */
    static const char token[] =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0c"
        "nVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    struct buffer key = {0}, claims = {0};
    CHECK(
        base64url_decode(&key, SLICE_LITERAL("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH"
                                             "75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")));
    struct slice rfc_key = buffer_slice(&key);
    CHECK(jwt_check(slice_from_string(token), &rfc_key, 1, &claims));
    CHECK(slice_starts_with(buffer_slice(&claims), SLICE_LITERAL("{\"iss\":\"joe\"")));
    buffer_release(&key);
    buffer_release(&claims);
}

TEST(either_key_signs)
{
    static const char payload[] = "{\"sub\":\"u\"}";
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct buffer token = {0}, claims = {0};
        jwt_append(&token, slice_from_string(payload), keys[i]);
        CHECK(jwt_check(buffer_slice(&token), keys, COUNT(keys), &claims));
        CHECK_SLICE_EQUAL(buffer_slice(&claims), slice_from_string(payload));
        CHECK(!jwt_check(buffer_slice(&token), &keys[1 - i], 1, &claims));
        CHECK(!jwt_check(buffer_slice(&token), keys, 0, &claims));
        buffer_release(&token);
        buffer_release(&claims);
    }
}

TEST(only_hs256)
{
    static const char *const wrong[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":\"HS512\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"\"}",
        "{\"alg\":null}",
        "{\"alg\":[\"HS256\"]}",
        "{\"Alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"alg\":\"none\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
        "{}",
        "[]",
        "\"HS256\"",
        "{\"alg\":\"HS256\"",
        "",
    };
    CHECK(is_signed_taken("{\"alg\":\"HS256\"}", "{}"));
    CHECK(is_signed_taken(" { \"typ\" : \"x\", \"kid\":\"1\", \"alg\":\"HS25\\u0036\" } ", "{}"));
    for (size_t i = 0; i < COUNT(wrong); i++) {
        test_note("%s", wrong[i]);
        CHECK(!is_signed_taken(wrong[i], "{}"));
    }
}

TEST(claims_are_a_json_object)
{
    static const char *const wrong[] = {"", "[]", "1", "{\"a\":1", "{\"a\":\"\xFF\"}", "{} {}"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        test_note("%s", wrong[i]);
        CHECK(!is_signed_taken("{\"alg\":\"HS256\"}", wrong[i]));
    }
}

TEST(a_token_of_none_without_signature)
{
    struct buffer token = {0};
    base64url_append(&token, SLICE_LITERAL("{\"alg\":\"none\"}"));
    buffer_append_string(&token, ".e30.");
    CHECK(!is_taken(buffer_slice(&token)));
    token.length--;
    CHECK(!is_taken(buffer_slice(&token)));
    buffer_release(&token);
}

TEST(a_changed_character_anywhere)
{
    struct buffer token = {0};
    jwt_append(&token, SLICE_LITERAL("{\"sub\":\"u\",\"n\":12}"), keys[1]);
    CHECK(is_taken(buffer_slice(&token)));
    for (size_t i = 0; i < token.length; i++) {
        uint8_t before = token.data[i];
        test_note("character %zu", i);
        token.data[i] = before == 'A' ? 'B' : 'A';
        CHECK(!is_taken(buffer_slice(&token)));
        token.data[i] = '.';
        CHECK(before == '.' || !is_taken(buffer_slice(&token)));
        token.data[i] = before;
        CHECK(!is_taken(slice_make(token.data, i)));
    }
    buffer_append_byte(&token, '=');
    CHECK(!is_taken(buffer_slice(&token)));
    token.data[token.length - 1] = '.';
    CHECK(!is_taken(buffer_slice(&token)));
    buffer_release(&token);
}

/* A token that is exactly `length` long, or a little less. */
static struct buffer token_of_length(size_t length)
{
    static const char head[] = "{\"sub\":\"", tail[] = "\"}";
    struct buffer claims = {0}, token = {0};
    size_t fixed = 37 + 2 + 43; /* the header of jwt_append(), the dots, the signature */
    size_t payload = (length - fixed) / 4 * 3 - (sizeof(head) - 1) - (sizeof(tail) - 1);
    buffer_append_string(&claims, head);
    memset(buffer_reserve(&claims, payload), 'u', payload);
    claims.length += payload;
    buffer_append_string(&claims, tail);
    jwt_append(&token, buffer_slice(&claims), keys[0]);
    buffer_release(&claims);
    return token;
}

TEST(the_longest_token)
{
    struct buffer longest = token_of_length(JWT_SIZE_MAX),
                  longer = token_of_length(JWT_SIZE_MAX + 4);
    CHECK(longest.length > JWT_SIZE_MAX - 4 && longest.length <= JWT_SIZE_MAX);
    CHECK(longer.length > JWT_SIZE_MAX);
    CHECK(is_taken(buffer_slice(&longest)));
    CHECK(!is_taken(buffer_slice(&longer)));
    buffer_release(&longest);
    buffer_release(&longer);
}

TEST(claims_by_name)
{
    struct json_value claims, value;
    CHECK(json_parse(SLICE_LITERAL("{\"a\":1,\"b\":{\"a\":2},\"\\u0061b\":[],\"a\":3}"), &claims));
    CHECK(jwt_claim(&claims, "a", &value));
    CHECK_SLICE_EQUAL(value.text, SLICE_LITERAL("3")); /* the last one counts */
    CHECK(jwt_claim(&claims, "ab", &value));
    CHECK_INT_EQUAL(value.type, JSON_ARRAY);
    CHECK(!jwt_claim(&claims, "A", &value));
}

TEST(times)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: none */
    } rows[] = {
        {"0", 0},
        {"1795467965", 1795467965},
        {"1795467965.999", 1795467965},
        {"-1", -1},
        {"1e9", -1},
        {"1.5E3", -1},
        {"\"123\"", -1},
        {"null", -1},
        {"999999999999999", 999999999999999},
        {"true", -1},
        {"[1]", -1},
        {"1000000000000000", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json_value value;
        int64_t seconds;
        test_note("%s", rows[i].text);
        CHECK(json_parse(slice_from_string(rows[i].text), &value));
        CHECK_INT_EQUAL(jwt_time(&value, &seconds), rows[i].seconds >= 0);
        CHECK(rows[i].seconds < 0 || rows[i].seconds == seconds);
    }
}
