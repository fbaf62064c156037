/* A client of a namespace: what is known of a device before it connects
 * (spec/eventgrid.md 6.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_MQTT_CLIENT_H
#define PUBGRID_RESOURCE_MQTT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "policy/attributes.h"

/* Where the client's certificate has its authentication name, or that its hash is known. */
enum validation_scheme {
    VALIDATE_SUBJECT,
    VALIDATE_DNS,
    VALIDATE_URI,
    VALIDATE_IP,
    VALIDATE_EMAIL,
    VALIDATE_THUMBPRINT,
    VALIDATION_SCHEMES
};

enum {
    AUTHENTICATION_NAME_MAX = 128, /* characters */
    ATTRIBUTES_BYTES_MAX = 4096,   /* of their JSON */
    THUMBPRINTS_MAX = 2,
};

struct mqtt_client {
    struct slice authentication_name; /* one client has it, ignoring case */
    bool is_enabled;
    enum validation_scheme scheme;
    const struct slice *thumbprints; /* [thumbprint_count]: SHA-256 or SHA-1 as hexadecimal digits
                                        in lower case */
    size_t thumbprint_count;
    const struct attribute *attributes;
    struct slice attributes_json; /* as given; empty: none */
};

/* "SubjectMatchesAuthenticationName" */
const char *validation_scheme_name(enum validation_scheme scheme);

#endif
