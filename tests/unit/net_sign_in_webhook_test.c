/* What a webhook that lets clients in is sent, and what its answer means.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "quoted.h"
#include "test.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "mqtt/user_property.h"
#include "net/sign_in_webhook.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S            SLICE_LITERAL

/* --- requests --- */

static void check_request(const struct webhook_client *client, const char *expected)
{
    struct buffer body = {0}, wanted = quoted(expected);
    struct json_value value;
    webhook_request_append(&body, client);
    CHECK_SLICE_EQUAL(buffer_slice(&body), buffer_slice(&wanted));
    CHECK(json_parse(buffer_slice(&body), &value));
    buffer_release(&body);
    buffer_release(&wanted);
}

TEST(only_what_was_given_is_sent)
{
    struct properties none = {0};
    struct webhook_client client = {.client_identifier = S("c\"1"), .properties = &none};
    check_request(&client, "{'clientId':'c\\'1'}");
    client.user_name = S("bob");
    client.password = S("\0\xFFpw");
    check_request(&client, "{'clientId':'c\\'1','userName':'bob','password':'AP9wdw=='}");
}

TEST(authentication_and_user_properties)
{
    struct buffer raw = {0};
    write_user_property(&raw, "k", S("v"));
    write_user_property(&raw, "k", S("w\n"));
    struct properties properties = {.raw = buffer_slice(&raw),
                                    .authentication_method = S("MY-METHOD"),
                                    .authentication_data = S("abc")};
    properties.present = PROPERTY_BIT(AUTHENTICATION_METHOD) | PROPERTY_BIT(AUTHENTICATION_DATA) |
                         PROPERTY_BIT(USER_PROPERTY);
    struct webhook_client client = {.client_identifier = S("c"), .properties = &properties};
    check_request(&client, "{'clientId':'c','authenticationMethod':'MY-METHOD',"
                           "'authenticationData':'YWJj','userProperties':[{'name':'k','value':'v'},"
                           "{'name':'k','value':'w\\n'}]}");
    buffer_release(&raw);
}

TEST(certificates_go_as_pem)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
    X509_set_pubkey(certificate, key);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, certificate);
    sk_X509_push(chain, certificate);
    struct properties none = {0};
    struct peer_certificate peer = {.leaf = certificate, .chain = chain};
    struct webhook_client client = {
        .client_identifier = S("c"), .properties = &none, .certificate = &peer};
    struct buffer body = {0};
    webhook_request_append(&body, &client);
    struct json_value value, leaf, list;
    CHECK(json_parse(buffer_slice(&body), &value));
    CHECK(json_find_member(&value, "clientCertificate", &leaf) && leaf.type == JSON_STRING);
    CHECK(json_find_member(&value, "clientCertificateChain", &list));
    CHECK(slice_starts_with(json_string_raw(&leaf), S("-----BEGIN CERTIFICATE-----\\n")));
    CHECK_INT_EQUAL(json_string_raw(&list).length, 2 * json_string_raw(&leaf).length);
    buffer_release(&body);
    sk_X509_free(chain);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* --- answers --- */

enum { NOW_S = 1800000000 };

static enum webhook_decision judge(long status, const char *text, struct proof *proof,
                                   struct buffer *why)
{
    struct buffer body = quoted(text);
    struct slice said;
    enum webhook_decision decision =
        webhook_answer_read(status, buffer_slice(&body), (int64_t)NOW_S * 1000, proof, &said);
    buffer_append(why, said);
    buffer_release(&body);
    return decision;
}

TEST(an_allowance)
{
    struct proof proof = {0};
    struct buffer why = {0};
    CHECK_INT_EQUAL(judge(200,
                          "{'decision':'allow','clientAuthenticationName':'b\\u00f6b','attributes':"
                          "{'room':'345','floor':12,'types':['Fan'],'bad-key':'x','bad':{}},"
                          "'expiration':'2027-01-15T10:00:00+01:00','more':1}",
                          &proof, &why),
                    WEBHOOK_ALLOWS);
    CHECK_SLICE_EQUAL(buffer_slice(&proof.name), S("b\xC3\xB6"
                                                   "b"));
    CHECK(proof.expires_at == INT64_C(1800003600000));
    CHECK(attributes_find(proof.attributes, S("room")));
    CHECK(attributes_find(proof.attributes, S("floor"))->integer == 12);
    CHECK(attributes_find(proof.attributes, S("types"))->text_count == 1);
    CHECK(!attributes_find(proof.attributes, S("bad-key")));
    CHECK(!attributes_find(proof.attributes, S("bad")));
    proof_release(&proof);
    buffer_release(&why);
}

static const struct {
    long status;
    const char *body;
    enum webhook_decision decision;
    const char *why;
} answers[] = {
    {200, "{'decision':'allow'}", WEBHOOK_ALLOWS, ""}, /* under the user name of CONNECT */
    {200,
     "{'decision':'allow','clientAuthenticationName':null,'attributes':null,"
     "'expiration':null}",
     WEBHOOK_ALLOWS, ""},
    {400, "{'decision':'deny','errorReason':'not you'}", WEBHOOK_DENIES, "not you"},
    {200, "{'decision':'deny'}", WEBHOOK_DENIES, "no reason"},
    {500, "{'decision':'deny'}", WEBHOOK_DENIES, "no reason"},
    {400, "{'decision':'allow'}", WEBHOOK_FAILS, "status"},
    {400, "", WEBHOOK_FAILS, "status"},
    {401, "{}", WEBHOOK_FAILS, "status"},
    {500, "oops", WEBHOOK_FAILS, "status"},
    {302, "", WEBHOOK_FAILS, "status"},
    {204, "", WEBHOOK_FAILS, "status"},
    {200, "", WEBHOOK_BROKEN, "decision"},
    {200, "[]", WEBHOOK_BROKEN, "decision"},
    {200, "{}", WEBHOOK_BROKEN, "decision"},
    {200, "{'decision':'Allow'}", WEBHOOK_BROKEN, "decision"},
    {200, "{'decision':true}", WEBHOOK_BROKEN, "decision"},
    {200, "{'decision':'allow'", WEBHOOK_BROKEN, "decision"},
    {200, "{'decision':'allow','clientAuthenticationName':7}", WEBHOOK_BROKEN, "Name"},
    {200, "{'decision':'allow','clientAuthenticationName':''}", WEBHOOK_BROKEN, "Name"},
    {200, "{'decision':'allow','clientAuthenticationName':'a\\u0000'}", WEBHOOK_BROKEN, "Name"},
    {200, "{'decision':'allow','attributes':[]}", WEBHOOK_BROKEN, "attributes"},
    {200, "{'decision':'allow','expiration':'tomorrow'}", WEBHOOK_BROKEN, "RFC 3339"},
    {200, "{'decision':'allow','expiration':1800000060}", WEBHOOK_BROKEN, "RFC 3339"},
    {200, "{'decision':'allow','expiration':'2027-01-15T08:00:00Z'}", WEBHOOK_BROKEN, "past"},
    {200, "{'decision':'allow','expiration':'2027-01-15T08:00:01Z'}", WEBHOOK_ALLOWS, ""},
};

TEST(each_answer)
{
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct proof proof = {0};
        struct buffer why = {0};
        test_note("%ld %s", answers[i].status, answers[i].body);
        CHECK_INT_EQUAL(judge(answers[i].status, answers[i].body, &proof, &why),
                        answers[i].decision);
        CHECK(answers[i].why[0] == '\0' ||
              memmem(why.data, why.length, answers[i].why, strlen(answers[i].why)));
        proof_release(&proof);
        buffer_release(&why);
    }
}
