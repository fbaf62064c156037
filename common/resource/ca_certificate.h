/* A certificate of a namespace that has signed the certificates of clients
 * (spec/eventgrid.md 6.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_CA_CERTIFICATE_H
#define PUBGRID_RESOURCE_CA_CERTIFICATE_H

#include "base/slice.h"
#include "secret/certificate.h"

struct ca_certificate {
    struct slice pem; /* one certificate of an authority */
    struct certificate_facts facts;
};

#endif
