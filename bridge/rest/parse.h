/* A request of the REST API becomes an operation (operation.h), or the error that answers it
 * (spec/webpubsub.md 6.1 to 6.8). Pure: keys and the time are arguments.
 *
 * In this order: the path and the method (404, 405), the token (401), the parameters of the query
 * (400), the body (400, 415). How long a body may be is for whoever reads it to say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_REST_PARSE_H
#define PUBGRID_REST_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "access/upgrade.h"
#include "access/url.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "rest/operation.h"
#include "wire/message.h"

/* What came, as it came. */
struct rest_request {
    struct slice method;  /* in upper case */
    struct slice target;  /* path and query */
    struct pairs headers; /* their names in any case */
    struct slice body;
    bool is_tls;
    int64_t now; /* Unix seconds */
};

/* 6.6 */
struct rest_error {
    int status;
    const char *code;
    const char *target;   /* what is wrong with the request; NULL: nothing in particular */
    struct slice message; /* a sentence */
    struct slice allow;   /* of 405: the header's value */
};

/* Memory that requests are parsed with, one after another. Zeroed memory is good;
 * rest_scratch_release(). */
struct rest_scratch {
    struct url url;
    struct buffer query, body, strings, metadata; /* decoded bytes */
    struct buffer claims, message, base_url;
    struct buffer excluded, groups, roles; /* struct slice */
    struct buffer pairs;                   /* struct pair */
};

/* Is this a path of the API? */
bool rest_is_path(struct slice target);
/* What the operation or the error points to is the request's, the scratch memory's or static. */
bool rest_parse(const struct upgrade_context *context, const struct rest_request *request,
                struct rest_scratch *scratch, struct rest_operation *operation,
                struct rest_error *error);
void rest_scratch_release(struct rest_scratch *scratch);

/* Appends the body for an error. */
void rest_error_append(struct buffer *out, const struct rest_error *error);
/* Appends the answer to REST_TOKEN: a token for clients, as getClientAccessToken() makes it (6.9).
 */
void rest_token_append(struct buffer *out, const struct upgrade_context *context,
                       const struct rest_operation *operation, int64_t now);

#endif
