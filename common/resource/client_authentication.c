/* How clients sign in, see client_authentication.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/client_authentication.h"

#include "base/ascii.h"
#include "resource/reading.h"
#include "resource/webhook_url.h"
#include "secret/jwt_key.h"

enum { TEXT_MAX = 4096, PEM_MAX = 1 << 16 /* bytes */ };

/* --- names in certificates --- */

static const struct slice sources[CERTIFICATE_NAMES] = {
    [CERTIFICATE_SUBJECT] = SLICE_LITERAL("ClientCertificateSubject"),
    [CERTIFICATE_DNS] = SLICE_LITERAL("ClientCertificateDns"),
    [CERTIFICATE_URI] = SLICE_LITERAL("ClientCertificateUri"),
    [CERTIFICATE_IP] = SLICE_LITERAL("ClientCertificateIp"),
    [CERTIFICATE_EMAIL] = SLICE_LITERAL("ClientCertificateEmail"),
};

static void read_source(struct reading *reading, const struct json_value *value, void *into)
{
    struct slice word;

    if (!reading_text(reading, value, &word)) {
        return;
    }
    for (int i = 0; i < CERTIFICATE_NAMES; i++) {
        if (equal_ignoring_case(word, sources[i])) {
            *(enum certificate_name *)into = (enum certificate_name)i;
            return;
        }
    }
    reading_mistake(reading, "is ClientCertificateSubject, ClientCertificateDns, "
                             "ClientCertificateUri, ClientCertificateIp or ClientCertificateEmail");
}

static void read_sources(struct reading *reading, const struct json_value *value, void *into)
{
    struct client_authentication *authentication = into;
    size_t count = reading_count(reading, value);

    if (count > CERTIFICATE_NAMES) {
        reading_mistake(reading, "has at most %d sources, not %zu", CERTIFICATE_NAMES, count);
        return;
    }
    reading_elements(reading, value, sizeof(authentication->sources[0]), read_source,
                     authentication->sources);
    authentication->source_count = count;
}

/* --- custom tokens --- */

static const struct property certificate_rows[] = {
    TEXT_PROPERTY(struct issuer_certificate, "certificateUrl", url, TEXT_MAX),
    TEXT_PROPERTY(struct issuer_certificate, "encodedCertificate", pem, PEM_MAX),
    SHOWN_PROPERTY("identity"),
};
static const struct property_table certificate_properties = PROPERTY_TABLE(certificate_rows);

static void check_pem(struct reading *reading, struct slice pem)
{
    struct jwt_key_list keys = {0};
    struct buffer why = {0};

    if (!jwt_key_list_add_pem(&keys, pem, &why)) {
        reading_mistake_at(reading, "encodedCertificate", "%.*s", SLICE_PRINT(why));
    }
    buffer_release(&why);
    jwt_key_list_release(&keys);
}

static void read_certificate(struct reading *reading, const struct json_value *value, void *into)
{
    static const struct slice scheme = SLICE_LITERAL("file:///");
    struct issuer_certificate *certificate = into;

    reading_object(reading, value, &certificate_properties, certificate);
    if (value->type != JSON_OBJECT) {
        return;
    }
    if ((certificate->url.length > 0) == (certificate->pem.length > 0)) {
        reading_mistake(reading, "has either certificateUrl or encodedCertificate");
    } else if (certificate->pem.length > 0) {
        check_pem(reading, certificate->pem);
    } else if (!slice_starts_with(certificate->url, scheme)) {
        reading_mistake_at(
            reading, "certificateUrl",
            "is the path of a PEM file on this server, file:///etc/pubgrid/issuer.pem "
            "(or write the PEM itself as encodedCertificate)");
    }
}

static void read_certificates(struct reading *reading, const struct json_value *value, void *into)
{
    static const struct array_kind kind = {"certificates", ISSUER_CERTIFICATES_MAX,
                                           sizeof(struct issuer_certificate), read_certificate};
    struct client_authentication *authentication = into;

    authentication->issuer_certificates =
        reading_array(reading, value, &kind, &authentication->issuer_certificate_count);
}

static void read_audiences(struct reading *reading, const struct json_value *value, void *into)
{
    struct client_authentication *authentication = into;

    authentication->audiences = reading_texts(reading, value, &authentication->audience_count);
    if (authentication->audience_count > TOKEN_AUDIENCES_MAX) {
        reading_mistake(reading, "has at most %d audiences, not %zu", TOKEN_AUDIENCES_MAX,
                        authentication->audience_count);
    }
}

static const struct property token_rows[] = {
    TEXT_PROPERTY(struct client_authentication, "tokenIssuer", token_issuer, TEXT_MAX),
    OWN_PROPERTY("issuerCertificates", read_certificates),
    OWN_PROPERTY("audiences", read_audiences),
};
static const struct property_table token_properties = PROPERTY_TABLE(token_rows);

static void read_tokens(struct reading *reading, const struct json_value *value, void *into)
{
    struct client_authentication *authentication = into;

    reading_object(reading, value, &token_properties, authentication);
    if (value->type != JSON_OBJECT) {
        return;
    }
    if (authentication->token_issuer.length == 0) {
        reading_mistake_at(reading, "tokenIssuer", "is missing; write what tokens have as `iss`");
    }
    if (authentication->issuer_certificate_count == 0) {
        reading_mistake_at(reading, "issuerCertificates",
                           "is missing; write [{\"certificateUrl\":\"file:///...\"}]");
    }
}

/* --- the webhook --- */

static const struct property webhook_rows[] = {
    TEXT_PROPERTY(struct client_authentication, "endpointUrl", webhook_url, TEXT_MAX),
    SHOWN_PROPERTY("azureActiveDirectoryApplicationIdOrUri"),
    SHOWN_PROPERTY("azureActiveDirectoryTenantId"),
    SHOWN_PROPERTY("identity"),
};
static const struct property_table webhook_properties = PROPERTY_TABLE(webhook_rows);

static void read_webhook(struct reading *reading, const struct json_value *value, void *into)
{
    struct client_authentication *authentication = into;

    reading_object(reading, value, &webhook_properties, authentication);
    if (value->type != JSON_OBJECT) {
        return;
    }
    if (!webhook_url_is_good(authentication->webhook_url)) {
        reading_mistake_at(reading, "endpointUrl",
                           "is the URL that is asked, for example https://login.example.com/mqtt");
    }
}

/* --- all of it --- */

static const struct property rows[] = {
    OWN_PROPERTY("alternativeAuthenticationNameSources", read_sources),
    OWN_PROPERTY("customJwtAuthentication", read_tokens),
    OWN_PROPERTY("webhookAuthentication", read_webhook),
};
static const struct property_table properties = PROPERTY_TABLE(rows);

void client_authentication_read(struct reading *reading, const struct json_value *value, void *into)
{
    struct client_authentication *authentication = into;

    *authentication = (struct client_authentication){.given = value->text};
    reading_object(reading, value, &properties, authentication);
}

void client_authentication_append(struct buffer *out,
                                  const struct client_authentication *authentication)
{
    if (authentication->given.length > 0) {
        buffer_append(out, authentication->given);
    } else {
        buffer_append_string(out, "{}");
    }
}
