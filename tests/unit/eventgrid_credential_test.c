/* Credentials of publishers (spec/eventgrid.md 1.4, 1.5): keys, SAS tokens of every dialect, bearer
 * tokens.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access_fixture.h"

#include "eventgrid/credential.h"
#include "eventgrid/sas_token.h"
#include "secret/base64.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEY1         "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" /* that of the specification */
#define KEY2         "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
#define OTHER_KEY    "b3RoZXIga2V5IG9mIHRoaXJ0eS10d28gYnl0ZXMuLi4="
#define JS_TOKEN                                                                                   \
    "r=http%3A%2F%2F127.0.0.1%3A8801%2Fapi%2Fevents%3FapiVersion%3D2018-01-01&"                    \
    "e=12%2F31%2F2030%2012%3A05%3A09%20AM&s=GDALMoXESTk925zQahAgSfX48UfUzqNXf3hIlKPF644%3D"
#define BASE64_REASON                                                                              \
    " This is due to the reason: The input is not a valid Base-64 string as it contains a "        \
    "non-base 64 character, more than two padding characters, or an illegal character among the "  \
    "padding characters."

enum { HEADERS_MAX = 3 };

struct
try {
    struct pair headers[HEADERS_MAX];
    const char *query;
    const char *key1, *key2; /* NULL: those above */
    const char *host;
    int64_t now; /* seconds; 0: FIXTURE_NOW */
    bool disables_local_auth;
};

static struct buffer scratch;
static struct publish_error error;

static int try_it(const struct try *try)
{
    struct upgrade_context context = fixture_context();
    size_t count = 0;
    bool good;

    while (count < HEADERS_MAX && try->headers[count].key.data) {
        count++;
    }
    struct credential_request request = {
        .access = &context,
        .key1 = slice_from_string(try->key1 ? try->key1 : KEY1),
        .key2 = slice_from_string(try->key2 ? try->key2 : KEY2),
        .disables_local_auth = try->disables_local_auth,
        .headers = {try->headers, count},
        .host = slice_from_string(try->host ? try->host : "Orders.example:8080"),
        .path = SLICE_LITERAL("/topics/orders/api/events"),
        .query = slice_from_string(try->query ? try->query : ""),
        .now_ms = (try->now != 0 ? try->now : FIXTURE_NOW) * 1000,
    };
    good = credential_check(&request, &scratch, &error);
    fixture_context_free(&context);
    return good ? 0 : error.status;
}

/* 0: it is let in. */
#define TRY(...) try_it(&(struct try){__VA_ARGS__})
#define H(key, value)                                                                              \
    {                                                                                              \
        SLICE_LITERAL(key), SLICE_LITERAL(value)                                                   \
    }

static struct pair pair(const char *key, const char *value)
{
    return (struct pair){slice_from_string(key), slice_from_string(value)};
}

/* ---------------------------------------------------------------- keys */

static const struct {
    struct pair header;
    const char *query;
    int status;
    const char *code, *detail_code, *message;
} keys[] = {
    {H("aeg-sas-key", KEY1), NULL, 0, NULL, NULL, NULL},
    {H("AEG-SAS-Key", " " KEY2 " "), NULL, 0, NULL, NULL, NULL},
    {{{NULL, 0}, {NULL, 0}},
     "aeg-sas-key=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY%3D",
     0,
     NULL,
     NULL,
     NULL},
    {{{NULL, 0}, {NULL, 0}}, "api-version=2018-01-01&Aeg-Sas-Key=" KEY2, 0, NULL, NULL, NULL},
    {{{NULL, 0}, {NULL, 0}},
     NULL,
     401,
     "Unauthorized",
     "Unauthorized",
     "Request must contain one of the following authorization signature: aeg-sas-token, "
     "aeg-sas-key."},
    {{{NULL, 0}, {NULL, 0}},
     "aeg-sas-key=",
     400,
     "BadRequest",
     "InvalidSas",
     "Request must have a value for aeg-sas-key."},
    {H("aeg-sas-key", ""), NULL, 400, "BadRequest", "InvalidSas",
     "Request must have a value for aeg-sas-key."},
    {H("aeg-sas-key", OTHER_KEY), NULL, 401, "Unauthorized", "Unauthorized",
     "The request authorization key is not authorized for ORDERS.EXAMPLE."},
    {H("aeg-sas-key", "bad credential"), NULL, 401, "Unauthorized", "Unauthorized",
     "The request authorization key is not authorized for ORDERS.EXAMPLE." BASE64_REASON},
    {H("aeg-sas-key", OTHER_KEY), "aeg-sas-key=" KEY1, 401, "Unauthorized", "Unauthorized",
     "The request authorization key is not authorized for ORDERS.EXAMPLE."},
    {H("authorization", "Basic YTpi"), NULL, 401, "Unauthorized", "Unauthorized",
     "Request has an unsupported Authorization scheme (must be SharedAccessSignature or Bearer)."},
};

TEST(either_key_is_good_in_header_or_query)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        test_note("row %zu", i);
        CHECK_INT_EQUAL(TRY(.headers = {keys[i].header}, .query = keys[i].query), keys[i].status);
        if (keys[i].status > 0) {
            CHECK_STRING_EQUAL(error.code, keys[i].code);
            CHECK_STRING_EQUAL(error.detail_code, keys[i].detail_code);
            CHECK_SLICE_EQUAL(error.message, slice_from_string(keys[i].message));
        }
    }
    buffer_release(&scratch);
}

TEST(a_key_that_is_not_set_is_not_good)
{
    CHECK_INT_EQUAL(TRY(.headers = {H("aeg-sas-key", KEY1)}, .key2 = ""), 0);
    CHECK_INT_EQUAL(TRY(.headers = {H("aeg-sas-key", "")}, .key1 = "", .key2 = ""), 400);
    CHECK_INT_EQUAL(TRY(.headers = {H("aeg-sas-key", KEY1)}, .key1 = "", .key2 = ""), 401);
    CHECK_INT_EQUAL(TRY(.headers = {pair("aeg-sas-token", JS_TOKEN)}, .key1 = "", .key2 = ""), 401);
    buffer_release(&scratch);
}

TEST(a_plus_in_the_query_need_not_be_encoded)
{
    CHECK_INT_EQUAL(TRY(.key1 = "a+b/", .query = "aeg-sas-key=a+b/"), 0);
    CHECK_INT_EQUAL(TRY(.key1 = "a+b/", .query = "aeg-sas-key=a%2Bb%2F"), 0);
    buffer_release(&scratch);
}

TEST(the_host_is_named_without_its_port)
{
    static const struct {
        const char *host, *message;
    } hosts[] = {
        {"h", "The request authorization key is not authorized for H."},
        {"h:1", "The request authorization key is not authorized for H."},
        {"10.0.0.1", "The request authorization key is not authorized for 10.0.0.1."},
        {"[::1]:80", "The request authorization key is not authorized for [::1]."},
        {"", "The request authorization key is not authorized for ."},
    };

    for (size_t i = 0; i < COUNT(hosts); i++) {
        CHECK_INT_EQUAL(TRY(.headers = {H("aeg-sas-key", OTHER_KEY)}, .host = hosts[i].host), 401);
        CHECK_SLICE_EQUAL(error.message, slice_from_string(hosts[i].message));
    }
    buffer_release(&scratch);
}

TEST(local_credentials_can_be_switched_off)
{
    static const struct pair locals[] = {
        H("aeg-sas-key", KEY1),
        H("aeg-sas-token", JS_TOKEN),
        H("authorization", "SharedAccessSignature " JS_TOKEN),
    };

    for (size_t i = 0; i < COUNT(locals); i++) {
        CHECK_INT_EQUAL(TRY(.headers = {locals[i]}), 0);
        CHECK_INT_EQUAL(TRY(.headers = {locals[i]}, .disables_local_auth = true), 401);
    }
    CHECK_INT_EQUAL(TRY(.query = "aeg-sas-key=" KEY1, .disables_local_auth = true), 401);
    buffer_release(&scratch);
}

/* ---------------------------------------------------------------- SAS tokens */

/* A token with this text in front of "&s=", signed with the key. */
static const char *signed_token(const char *unsigned_text, const char *key, bool encodes_plus)
{
    static struct buffer token;
    struct buffer base64 = {0};
    uint8_t bytes[64], digest[DIGEST_SIZE];
    size_t length;

    CHECK(base64_decode(slice_from_string(key), bytes, sizeof(bytes), &length));
    digest_hmac(slice_make(bytes, length), slice_from_string(unsigned_text), digest);
    base64_append(&base64, slice_make(digest, sizeof(digest)));
    token.length = 0;
    buffer_append_format(&token, "%s&s=", unsigned_text);
    for (size_t i = 0; i < base64.length; i++) {
        if (base64.data[i] == '+' && !encodes_plus) {
            buffer_append_byte(&token, '+');
        } else if (strchr("+/=", base64.data[i])) {
            buffer_append_format(&token, "%%%02x", base64.data[i]);
        } else {
            buffer_append_byte(&token, base64.data[i]);
        }
    }
    buffer_append_byte(&token, '\0');
    buffer_release(&base64);
    return (const char *)token.data;
}

#define RESOURCE "r=https%3A%2F%2Fh%2Fapi%2Fevents"
#define AT_2030  INT64_C(1924905909) /* 2030-12-31T00:05:09Z */

TEST(the_token_of_the_javascript_sdk)
{
    CHECK_INT_EQUAL(TRY(.headers = {pair("aeg-sas-token", JS_TOKEN)}), 0);
    CHECK_INT_EQUAL(TRY(.headers = {pair("aeg-sas-token", JS_TOKEN)}, .key1 = KEY2, .key2 = KEY1),
                    0);
    CHECK_INT_EQUAL(TRY(.headers = {pair("Authorization", "SharedAccessSignature " JS_TOKEN)}), 0);
    CHECK_INT_EQUAL(TRY(.headers = {pair("Authorization", "sharedaccesssignature  " JS_TOKEN)}), 0);
    CHECK_INT_EQUAL(TRY(.headers = {pair("aeg-sas-token", JS_TOKEN)}, .now = AT_2030 + 299), 0);
    CHECK_INT_EQUAL(TRY(.headers = {pair("aeg-sas-token", JS_TOKEN)}, .now = AT_2030 + 300), 401);
    CHECK_SLICE_EQUAL(error.message, SLICE_LITERAL("The specified SAS token has expired for topic "
                                                   "'ORDERS.EXAMPLE'."));
    buffer_release(&scratch);
}

TEST(a_byte_that_is_changed_is_noticed)
{
    for (size_t i = 0; i < sizeof(JS_TOKEN) - 1; i++) {
        char token[] = JS_TOKEN;
        int status;

        token[i] = token[i] == 'A' ? 'B' : 'A';
        test_note("byte %zu", i);
        status = TRY(.headers = {pair("aeg-sas-token", token)});
        CHECK(status == 401 || status == 400);
    }
    CHECK_INT_EQUAL(TRY(.headers = {pair("aeg-sas-token", JS_TOKEN)}, .key1 = OTHER_KEY), 401);
    CHECK_SLICE_EQUAL(error.message,
                      SLICE_LITERAL("The specified SAS token signature is invalid for topic "
                                    "'ORDERS.EXAMPLE'."));
    buffer_release(&scratch);
}

TEST(tokens_of_every_dialect)
{
    static const char *const texts[] = {
        RESOURCE "%3FapiVersion%3D2018-01-01&e=12%2F31%2F2030%2012%3A05%3A09%20AM",  /* JS */
        "r=https%3a%2f%2fh%2fapi%2fevents&e=12%2f31%2f2030+12%3a05%3a09+AM",         /* .NET */
        "r=https%3a%2f%2fh%2fapi%2fevents&e=12%2f31%2f2030+12%3a05%3a09%e2%80%afAM", /* .NET 8 */
        RESOURCE "%3Fapi-version%3D2018-01-01&e=12%2F31%2F2030+12%3A5%3A9+AM",       /* Java */
        RESOURCE "&e=2030-12-31T00%3A05%3A09",                                       /* Python */
        RESOURCE "&e=2030-12-31T00%3A05%3A09%2B00%3A00",
        RESOURCE "&e=2030-12-31T00%3A05%3A09+00%3A00",
        RESOURCE "&e=2030-12-31+00%3A05%3A09.123456",
        RESOURCE "&e=31.12.2030+00%3A05%3A09",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        for (int encodes = 0; encodes < 2; encodes++) {
            struct pair header = pair("aeg-sas-token", signed_token(texts[i], KEY2, encodes));

            test_note("token %s", texts[i]);
            CHECK_INT_EQUAL(TRY(.headers = {header}), 0);
            CHECK_INT_EQUAL(TRY(.headers = {header}, .now = AT_2030 + 301), 401);
        }
    }
    buffer_release(&scratch);
}

/* Some signature has a plus: try until there is one. */
TEST(a_plus_in_the_signature_is_no_blank)
{
    for (int i = 0;; i++) {
        char text[128];
        const char *token;

        snprintf(text, sizeof(text), "r=https%%3A%%2F%%2Fh%d&e=2030-12-31T00%%3A05%%3A09", i);
        token = signed_token(text, KEY1, false);
        CHECK_INT_EQUAL(TRY(.headers = {pair("aeg-sas-token", token)}), 0);
        if (strchr(strstr(token, "&s="), '+')) {
            break;
        }
    }
    buffer_release(&scratch);
}

TEST(malformed_tokens)
{
    static const char *const texts[] = {
        "",
        "x",
        "&s=",
        "lrPUpeSQUJEMj3paatULJ1ejvtgMvU4PIy3o+sypQ0w=",
        "r=a&e=2030-12-31T00%3A05%3A09",
        "r=a&e=2030-12-31T00%3A05%3A09&s=",
        "r=a&e=2030-12-31T00%3A05%3A09&s=QUJD",
        "r=a&e=2030-12-31T00%3A05%3A09&s=%",
        "r=a&e=soon&s=GDALMoXESTk925zQahAgSfX48UfUzqNXf3hIlKPF644%3D",
        "r=a&e=%zz&s=GDALMoXESTk925zQahAgSfX48UfUzqNXf3hIlKPF644%3D",
        "e=2030-12-31T00%3A05%3A09&s=GDALMoXESTk925zQahAgSfX48UfUzqNXf3hIlKPF644%3D",
        "r=a&s=GDALMoXESTk925zQahAgSfX48UfUzqNXf3hIlKPF644%3D",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        test_note("token %s", texts[i]);
        CHECK_INT_EQUAL(TRY(.headers = {pair("aeg-sas-token", texts[i])}), 400);
        CHECK_STRING_EQUAL(error.code, "BadRequest");
        CHECK_STRING_EQUAL(error.detail_code, "InvalidSas");
    }
    buffer_release(&scratch);
}

TEST(dates)
{
    static const struct {
        const char *text;
        int64_t seconds; /* 0: none */
    } rows[] = {
        {"6/15/2017 6:20:15 PM", 1497550815}, /* 2017-06-15T18:20:15Z */
        {"06/15/2017 06:20:15 pm", 1497550815},
        {"6/15/2017 18:20:15", 1497550815},
        {"15/06/2017 18:20:15", 1497550815}, /* only so it is a date */
        {"15.06.2017 18:20:15", 1497550815},
        {"2017/06/15 18:20:15", 1497550815},
        {"2017-06-15T18:20:15", 1497550815},
        {"2017-06-15 18:20:15Z", 1497550815},
        {"2017-06-15T20:20:15+02:00", 1497550815},
        {" 2017-06-15T18:20:15.9Z ", 1497550815},
        {"6/15/2017 6:20 PM", 1497550800},
        {"6/15/2017 12:00:00 AM", 1497484800},
        {"6/15/2017 12:00:00 PM", 1497528000},
        {"6/15/2017", 0},
        {"6/15/2017 13:00:00 PM", 0},
        {"6/15/2017 0:00:00 AM", 0},
        {"6/15/2017 25:00:00", 0},
        {"6/31/2017 1:00:00 AM", 0},
        {"13/13/2017 1:00:00 AM", 0},
        {"6/15/2017 6:20:15 PM UTC", 0},
        {"6-15-2017 6:20:15 PM", 0},
        {"6/15 6:20:15 PM", 0},
        {"6/15/20170 6:20:15", 0},
        {"1497550815", 0},
        {"", 0},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = 0;

        test_note("date %s", rows[i].text);
        CHECK_INT_EQUAL(sas_time_read(slice_from_string(rows[i].text), &ms), rows[i].seconds != 0);
        CHECK_INT_EQUAL(rows[i].seconds != 0 ? ms / 1000 : 0, rows[i].seconds);
    }
}

/* ---------------------------------------------------------------- bearer tokens */

static struct pair bearer(const char *claims, const char *key)
{
    static struct buffer header;
    struct buffer text = {0};

    header.length = 0;
    buffer_append_format(&text, "{%s}", claims);
    buffer_append_string(&header, "Bearer ");
    jwt_append(&header, buffer_slice(&text), slice_from_string(key));
    buffer_release(&text);
    return (struct pair){SLICE_LITERAL("authorization"), buffer_slice(&header)};
}

TEST(bearer_tokens)
{
    static const struct {
        const char *claims;
        int status;
        const char *message;
    } rows[] = {
        {"\"aud\":\"https://eventgrid.azure.net\"," EXP, 0, NULL},
        {"\"aud\":\"https://EventGrid.azure.net/\"," EXP, 0, NULL},
        {"\"aud\":[\"x\",\"https://eventgrid.azure.net\"]," EXP, 0, NULL},
        {"\"aud\":\"http://orders.example:8080/topics/orders/api/events\"," EXP, 0, NULL},
        {"\"aud\":\"http://orders.example:8080/topics/orders/api/"
         "events?api-version=2018-01-01\"," EXP,
         0, NULL},
        {"\"aud\":\"/topics/orders/api/events\"," EXP, 0, NULL},
        {"\"aud\":\"http://orders.example:8080/topics/other/api/events\"," EXP, 401,
         "The token is for another audience."},
        {"\"aud\":\"http://orders.example:8080/client/hubs/hub1\"," EXP, 401,
         "The token is for another audience."},
        {EXP, 401, "The token is for another audience."},
        {"\"aud\":\"https://eventgrid.azure.net/.default\"," EXP, 0, NULL},
        {"\"aud\":\"http://orders.example:8080/\"," EXP, 0, NULL},
        {"\"aud\":7," EXP, 401, "The token is for another audience."},
        {"\"aud\":\"https://eventgrid.azure.net\",\"exp\":1000", 401, "The token has expired."},
        {"\"aud\":\"https://eventgrid.azure.net\"", 401, "The token has no expiry time."},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int off = 0; off < 2; off++) {
            test_note("claims %s", rows[i].claims);
            CHECK_INT_EQUAL(TRY(.headers = {bearer(rows[i].claims, FIXTURE_SECONDARY)},
                                .query = "api-version=2018-01-01", .disables_local_auth = off),
                            rows[i].status);
            if (rows[i].status > 0) {
                CHECK_SLICE_EQUAL(error.message, slice_from_string(rows[i].message));
            }
        }
    }
    buffer_release(&scratch);
}

TEST(bearer_tokens_that_cannot_be_read)
{
    struct pair good = bearer("\"aud\":\"https://eventgrid.azure.net\"," EXP, FIXTURE_PRIMARY);

    CHECK_INT_EQUAL(TRY(.headers = {good, H("aeg-sas-key", OTHER_KEY)}), 401);
    CHECK_INT_EQUAL(
        TRY(.headers = {good, H("aeg-sas-key", OTHER_KEY)}, .disables_local_auth = true), 0);
    CHECK_INT_EQUAL(
        TRY(.headers = {bearer("\"aud\":\"https://eventgrid.azure.net\"," EXP, OTHER_KEY)}), 401);
    CHECK_SLICE_EQUAL(error.message, SLICE_LITERAL("Unable to read access token."));
    CHECK_INT_EQUAL(TRY(.headers = {H("authorization", "Bearer x.y.z")}), 401);
    CHECK_SLICE_EQUAL(error.message, SLICE_LITERAL("Unable to read access token."));
    CHECK_INT_EQUAL(TRY(.headers = {H("authorization", "Bearer  ")}), 401);
    buffer_release(&scratch);
}

/* ---------------------------------------------------------------- new keys */

static void counting(void *out, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        ((uint8_t *)out)[i] = (uint8_t)i;
    }
}

TEST(a_new_key_is_good)
{
    struct buffer key = {0};
    struct pair header;

    credential_new_key(&key, counting);
    CHECK_SLICE_EQUAL(buffer_slice(&key),
                      SLICE_LITERAL("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
    buffer_append_byte(&key, '\0');
    header = pair("aeg-sas-token", signed_token(RESOURCE "&e=2030-12-31T00%3A05%3A09",
                                                (const char *)key.data, true));
    CHECK_INT_EQUAL(TRY(.headers = {header}, .key2 = (const char *)key.data), 0);
    CHECK_INT_EQUAL(TRY(.headers = {header}), 401);
    buffer_release(&key);
    buffer_release(&scratch);
}
