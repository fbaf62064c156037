/* How clients of a namespace may sign in (spec/eventgrid.md 5.7, 6.2): the member
 * clientAuthentication of its topicSpacesConfiguration. Pure.
 *
 * Beyond Azure: an issuer's certificate may be given itself ("encodedCertificate": PEM) instead of
 * by "certificateUrl", which is the path of a file here ("file:///etc/pubgrid/issuer.pem"); and
 * "audiences" of tokens.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_CLIENT_AUTHENTICATION_H
#define PUBGRID_RESOURCE_CLIENT_AUTHENTICATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "secret/certificate_names.h"

struct json_value;
struct reading;

enum { ISSUER_CERTIFICATES_MAX = 2, TOKEN_AUDIENCES_MAX = 10 };

struct issuer_certificate {
    struct slice url; /* file:///path; empty: `pem` is it */
    struct slice pem; /* certificates and public keys */
};

struct client_authentication {
    struct slice given; /* the JSON as it came; empty: it was not given */

    enum certificate_name sources[CERTIFICATE_NAMES]; /* alternativeAuthenticationNameSources */
    size_t source_count;

    struct slice token_issuer; /* empty: there are no custom tokens */
    const struct issuer_certificate *issuer_certificates;
    size_t issuer_certificate_count;
    const struct slice *audiences;
    size_t audience_count; /* 0: tokens are for the namespace itself */

    struct slice webhook_url; /* empty: there is no webhook */
};

/* A property_reader: `into` is a struct client_authentication. */
void client_authentication_read(struct reading *reading, const struct json_value *value,
                                void *into);
/* Appends the object; `{}` if it was not given. */
void client_authentication_append(struct buffer *out,
                                  const struct client_authentication *authentication);

#endif
