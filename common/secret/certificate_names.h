/* The names in a certificate, by which its holder is known (spec/eventgrid.md 6.2), and its hash.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_CERTIFICATE_NAMES_H
#define PUBGRID_SECRET_CERTIFICATE_NAMES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

struct x509_st;

enum certificate_name {
    CERTIFICATE_SUBJECT, /* the Common Name */
    CERTIFICATE_DNS,     /* these are Subject Alternative Names */
    CERTIFICATE_URI,
    CERTIFICATE_IP,
    CERTIFICATE_EMAIL,
    CERTIFICATE_NAMES
};

/* Appends the first name of that kind. False: it has none. A name with a NUL in it is none. */
bool certificate_append_name(const struct x509_st *certificate, enum certificate_name kind,
                             struct buffer *out);
/* Is one of its names of that kind this one, ignoring case? Addresses are compared as addresses;
 * of the subject, the whole name as in RFC 2253 (CN=sensor1,O=Plant) is one, too. */
bool certificate_has_name(const struct x509_st *certificate, enum certificate_name kind,
                          struct slice name);
/* Is this its SHA-256 or SHA-1 (64 or 40 hexadecimal digits, in any case)? */
bool certificate_has_thumbprint(const struct x509_st *certificate, struct slice digits);

#endif
