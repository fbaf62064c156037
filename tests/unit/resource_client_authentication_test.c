/* clientAuthentication of a namespace: what is read, what is wrong, what a GET shows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource_fixture.h"

#include "resource/client_authentication.h"
#include "resource/reading.h"

struct outcome {
    struct arena arena;
    struct buffer json, error;
    struct client_authentication authentication;
    unsigned mistakes;
};

static void read_text(struct outcome *outcome, const char *text)
{
    struct reading reading = {.arena = &outcome->arena, .error = &outcome->error};
    struct json_value value;

    append_quoted(&outcome->json, text);
    CHECK(json_parse(buffer_slice(&outcome->json), &value));
    client_authentication_read(&reading, &value, &outcome->authentication);
    outcome->mistakes = reading.mistakes;
}

static void release(struct outcome *outcome)
{
    arena_release(&outcome->arena);
    buffer_release(&outcome->json);
    buffer_release(&outcome->error);
}

/* RFC 7515's example key of the curve P-256. */
#define PEM                                                                                        \
    "-----BEGIN PUBLIC KEY-----\\n"                                                                \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\\n"                          \
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\\n"                              \
    "-----END PUBLIC KEY-----\\n"

#define ALL                                                                                        \
    "{'alternativeAuthenticationNameSources':['ClientCertificateDns','clientcertificatesubject']," \
    "'customJwtAuthentication':{'tokenIssuer':'https://issuer','issuerCertificates':["             \
    "{'certificateUrl':'file:///etc/issuer.pem','identity':{'type':'SystemAssigned'}},"            \
    "{'encodedCertificate':'" PEM "'}],'audiences':['plant']},"                                    \
    "'webhookAuthentication':{'endpointUrl':'https://login.example.com/mqtt?code=1',"              \
    "'azureActiveDirectoryTenantId':'t','azureActiveDirectoryApplicationIdOrUri':'a',"             \
    "'identity':{'type':'None'}}}"

TEST(all_of_it)
{
    struct outcome outcome = {0};
    struct buffer shown = {0};

    read_text(&outcome, ALL);
    const struct client_authentication *got = &outcome.authentication;
    CHECK_INT_EQUAL(outcome.mistakes, 0);
    CHECK_INT_EQUAL(got->source_count, 2);
    CHECK_INT_EQUAL(got->sources[0], CERTIFICATE_DNS);
    CHECK_INT_EQUAL(got->sources[1], CERTIFICATE_SUBJECT);
    CHECK_SLICE_EQUAL(got->token_issuer, SLICE_LITERAL("https://issuer"));
    CHECK_INT_EQUAL(got->issuer_certificate_count, 2);
    CHECK_SLICE_EQUAL(got->issuer_certificates[0].url, SLICE_LITERAL("file:///etc/issuer.pem"));
    CHECK(slice_starts_with(got->issuer_certificates[1].pem,
                            SLICE_LITERAL("-----BEGIN PUBLIC KEY-----\n")));
    CHECK_INT_EQUAL(got->audience_count, 1);
    CHECK_SLICE_EQUAL(got->audiences[0], SLICE_LITERAL("plant"));
    CHECK_SLICE_EQUAL(got->webhook_url, SLICE_LITERAL("https://login.example.com/mqtt?code=1"));
    client_authentication_append(&shown, got);
    CHECK_SLICE_EQUAL(buffer_slice(&shown), buffer_slice(&outcome.json));
    buffer_release(&shown);
    release(&outcome);
}

TEST(nothing)
{
    struct client_authentication none = {0};
    struct outcome outcome = {0};
    struct buffer shown = {0};

    read_text(&outcome, "{}");
    CHECK_INT_EQUAL(outcome.mistakes, 0);
    CHECK_INT_EQUAL(outcome.authentication.source_count, 0);
    CHECK_INT_EQUAL(outcome.authentication.token_issuer.length, 0);
    CHECK_INT_EQUAL(outcome.authentication.webhook_url.length, 0);
    client_authentication_append(&shown, &none);
    CHECK_SLICE_EQUAL(buffer_slice(&shown), SLICE_LITERAL("{}"));
    buffer_release(&shown);
    release(&outcome);
}

#define CUSTOM(certificates)                                                                       \
    "{'customJwtAuthentication':{'tokenIssuer':'i','issuerCertificates':" certificates "}}"
#define FIRST "customJwtAuthentication.issuerCertificates.0"
#define FILE  "{'certificateUrl':'file:///a'}"

static const struct {
    const char *text, *place, *said;
} wrong[] = {
    {"[]", "", "object"},
    {"{'x':1}", "x", ""},
    {"{'alternativeAuthenticationNameSources':['Subject']}",
     "alternativeAuthenticationNameSources.0", "ClientCertificateSubject"},
    {"{'customJwtAuthentication':{}}", "customJwtAuthentication.tokenIssuer", "missing"},
    {"{'customJwtAuthentication':{'tokenIssuer':'i'}}",
     "customJwtAuthentication.issuerCertificates", "missing"},
    {CUSTOM("[{}]"), FIRST, "either"},
    {CUSTOM("[{'certificateUrl':'file:///a','encodedCertificate':'x'}]"), FIRST, "either"},
    {CUSTOM("[{'certificateUrl':'https://vault/secrets/a'}]"), FIRST ".certificateUrl", "path"},
    {CUSTOM("[{'encodedCertificate':'x'}]"), FIRST ".encodedCertificate", "PEM"},
    {CUSTOM("[" FILE "," FILE "," FILE "]"), "customJwtAuthentication.issuerCertificates",
     "at most 2"},
    {"{'webhookAuthentication':{}}", "webhookAuthentication.endpointUrl", "URL"},
    {"{'webhookAuthentication':{'endpointUrl':'ftp://x'}}", "webhookAuthentication.endpointUrl",
     "URL"},
};

TEST(what_is_wrong)
{
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct outcome outcome = {0};
        test_note("%s", wrong[i].text);
        read_text(&outcome, wrong[i].text);
        CHECK(outcome.mistakes > 0);
        if (wrong[i].place[0] != '\0') {
            check_mistake(&outcome.error, wrong[i].place, wrong[i].said);
        }
        release(&outcome);
    }
}
