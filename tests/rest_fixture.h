/* A REST request as a test writes it: what differs from an ordinary one, with a token as SDKs sign
 * it, and what is made of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_REST_FIXTURE_H
#define PUBGRID_TESTS_REST_FIXTURE_H

#include "access_fixture.h"
#include "rest/parse.h"

enum { CALL_HEADERS_MAX = 12 };

/* What a test asks for; what it leaves out is ordinary. */
struct call {
    const char *method;        /* GET */
    const char *target;        /* /api/hubs/hub1/:count */
    const char *aud;           /* the URL as it is sent */
    const char *claims;        /* instead of these, without the braces */
    const char *key;           /* the primary one; "": no token */
    const char *authorization; /* instead of the token */
    const char *host;          /* FIXTURE_HOST; "": none */
    struct pair headers[CALL_HEADERS_MAX - 2];
    struct slice body;
    bool is_tls, ignore_audience_host;
};

/* What it has come to. One at a time. */
static struct outcome {
    struct rest_scratch scratch;
    struct rest_operation operation;
    struct rest_error error;
    struct buffer target, authorization;
} outcome;

static inline struct pair header(const char *name, const char *value)
{
    return (struct pair){slice_from_string(name), slice_from_string(value)};
}

static inline void append_call_token(struct buffer *out, const struct call *call, const char *host)
{
    struct buffer claims = {0};
    if (call->claims) {
        buffer_append_format(&claims, "{%s}", call->claims);
    } else if (call->aud) {
        buffer_append_format(&claims, "{\"aud\":\"%s\"," EXP "}", call->aud);
    } else {
        buffer_append_format(&claims, "{\"aud\":\"http://%s%s\"," EXP "}", host, call->target);
    }
    buffer_append_string(out, "Bearer ");
    jwt_append(out, buffer_slice(&claims),
               slice_from_string(call->key ? call->key : FIXTURE_PRIMARY));
    buffer_release(&claims);
}

static inline bool parse_call(struct call call)
{
    struct upgrade_context context = fixture_context();
    struct pair headers[CALL_HEADERS_MAX];
    size_t count = 0;
    const char *host = call.host ? call.host : FIXTURE_HOST;
    call.target = call.target ? call.target : "/api/hubs/hub1/:count";
    context.ignore_audience_host = call.ignore_audience_host;
    outcome.authorization.length = 0;
    if (call.authorization) {
        buffer_append_string(&outcome.authorization, call.authorization);
    } else if (!call.key || call.key[0] != '\0') {
        append_call_token(&outcome.authorization, &call, host);
    }
    if (host[0] != '\0') {
        headers[count++] = header("HOST", host);
    }
    headers[count++] =
        (struct pair){SLICE_LITERAL("authorization"), buffer_slice(&outcome.authorization)};
    for (size_t i = 0; i < CALL_HEADERS_MAX - 2 && call.headers[i].key.data; i++) {
        headers[count++] = call.headers[i];
    }
    outcome.target.length = 0; /* a copy of its own, so that a read too far is seen */
    buffer_append_string(&outcome.target, call.target);
    struct rest_request request = {
        .method = slice_from_string(call.method ? call.method : "GET"),
        .target = buffer_slice(&outcome.target),
        .headers = {headers, count},
        .body = call.body,
        .is_tls = call.is_tls,
        .now = FIXTURE_NOW,
    };
    bool is_good =
        rest_parse(&context, &request, &outcome.scratch, &outcome.operation, &outcome.error);
    fixture_context_free(&context);
    return is_good;
}

/* 0: it is an operation. */
#define CALL(...) (parse_call((struct call){__VA_ARGS__}) ? 0 : outcome.error.status)

static inline void outcome_release(void)
{
    rest_scratch_release(&outcome.scratch);
    buffer_release(&outcome.target);
    buffer_release(&outcome.authorization);
}

#endif
