/* Certificates of authorities, see ca_certificate.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"
#include "resource/namespace_child_parts.h"

enum { PEM_MAX = 1 << 16 /* bytes */ };

static const struct property rows[] = {
    TEXT_PROPERTY(struct namespace_child, "encodedCertificate", certificate.pem, PEM_MAX),
    SHOWN_PROPERTY("issueTimeInUtc"),
    SHOWN_PROPERTY("expiryTimeInUtc"),
    COMMON_CHILD_ROWS,
};
static const struct property_table properties = PROPERTY_TABLE(rows);

static void check(struct reading *reading, struct namespace_child *child)
{
    struct ca_certificate *certificate = &child->certificate;
    const char *problem = certificate_read(certificate->pem, &certificate->facts);

    if (!problem && !certificate->facts.is_authority) {
        problem = "is the certificate of no authority (CA:TRUE is missing); write the one that has "
                  "signed the clients' certificates";
    }
    if (certificate->pem.length == 0) {
        problem = "is missing; write the certificate in PEM";
    }
    if (problem) {
        reading_mistake_at(reading, "encodedCertificate", "%s", problem);
    }
}

static void append_time(struct buffer *out, const char *name, int64_t ms)
{
    buffer_append_format(out, ",\"%s\":\"", name);
    timestamp_append(out, ms);
    buffer_append_byte(out, '"');
}

static void append(struct buffer *out, const struct namespace_child *child)
{
    const struct ca_certificate *certificate = &child->certificate;

    buffer_append_string(out, "\"encodedCertificate\":");
    json_append_string(out, certificate->pem);
    append_time(out, "issueTimeInUtc", certificate->facts.issued_ms);
    append_time(out, "expiryTimeInUtc", certificate->facts.expires_ms);
}

const struct child_reader ca_certificate_reader = {
    .properties = &properties,
    .check = check,
    .append = append,
};
