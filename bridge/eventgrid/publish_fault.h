/* What can be wrong with a publish request, each with its status, codes and sentence
 * (spec/eventgrid.md 1.5 to 1.7): one table for who reads events and who checks credentials. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_PUBLISH_FAULT_H
#define PUBGRID_EVENTGRID_PUBLISH_FAULT_H

#include "eventgrid/publish.h"

enum publish_fault {
    /* credentials */
    FAULT_NO_CREDENTIAL,
    FAULT_NO_AUTHORIZATION, /* the same of a namespace */
    FAULT_KEY,              /* `what`: the host */
    FAULT_KEY_NO_BASE64,    /* `what`: the host */
    FAULT_KEY_EMPTY,
    FAULT_TOKEN_FORM,
    FAULT_TOKEN_EXPIRED,   /* `what`: the host */
    FAULT_TOKEN_SIGNATURE, /* `what`: the host */
    FAULT_BEARER_UNREADABLE,
    FAULT_BEARER, /* `what`: a sentence */
    FAULT_SCHEME,
    FAULT_NAMESPACE_SCHEME,
    FAULT_LOCAL_AUTH_OFF,
    /* sizes */
    FAULT_REQUEST_SIZE, /* `what`: the bound */
    FAULT_EVENT_SIZE,   /* likewise */
    FAULT_EVENT_COUNT,  /* likewise */
    /* content */
    FAULT_CONTENT_TYPE,
    FAULT_CONTENT_MODE,
    FAULT_HEADER_MISSING, /* `what`: its name */
    FAULT_HEADER_EMPTY,   /* `what`: its name */
    FAULT_JSON_END,
    FAULT_JSON_TOKEN,
    FAULT_NOT_CONFORM,
    FAULT_NOT_OBJECT, /* `what`: the token that is there */
    FAULT_NOT_ARRAY,  /* `what`: the token that is there */
    FAULT_PROPERTY,   /* `what`: the one that is missing */
    FAULT_TIME,       /* `what`: the property */
    FAULT_METADATA_VERSION,
    FAULT_TWO_DATA,
    FAULT_BASE64,
    FAULT_TOPIC,        /* `what`: what it must be */
    FAULT_DOMAIN_TOPIC, /* `what`: a sentence */
    PUBLISH_FAULTS
};

/* Sets the error, its message in `message`, and returns false. `schema`: of the topic. */
bool publish_fault_set(struct publish_error *error, struct buffer *message,
                       enum publish_fault fault, enum event_schema schema, struct slice what);

#endif
