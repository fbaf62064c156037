/* An upgrade as a test writes it: a token from the text of its claims, a request from what differs
 * from an ordinary one, and the decision on it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_ACCESS_FIXTURE_H
#define PUBGRID_TESTS_ACCESS_FIXTURE_H

#include <stdlib.h>

#include "access/upgrade.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"
#include "test.h"

#define FIXTURE_PRIMARY   "0123456789abcdef0123456789abcdef"
#define FIXTURE_SECONDARY "fedcba9876543210fedcba9876543210"
#define FIXTURE_KEYS_FILE "primary: " FIXTURE_PRIMARY "\nsecondary: " FIXTURE_SECONDARY "\n"

#define FIXTURE_HOST "127.0.0.1:8080"
#define FIXTURE_NOW  INT64_C(1795467965)

/* "open" lets anonymous clients in. */
static const struct hub_settings fixture_hubs[] = {
    {.name = "open", .anonymous_allowed = true},
    {.name = "_default"},
};

static const char *const fixture_public_endpoints[] = {"https://pubsub.example.com",
                                                       "http://other.example.com:8000/", NULL};

/* The caller frees its keys. */
static inline struct upgrade_context fixture_context(void)
{
    struct buffer error = {0};
    struct access_keys *keys = access_keys_parse(SLICE_LITERAL(FIXTURE_KEYS_FILE), &error);
    return (struct upgrade_context){.keys = keys,
                                    .hubs = fixture_hubs,
                                    .hub_count = 2,
                                    .public_endpoints = fixture_public_endpoints};
}

static inline void fixture_context_free(struct upgrade_context *context)
{
    access_keys_free((struct access_keys *)(uintptr_t)context->keys);
}

/* Claims of a good token for hub1. */
#define AUD_HUB1 "\"aud\":\"http://127.0.0.1:8080/client/hubs/hub1\""
#define EXP      "\"exp\":1795471565"
#define GOOD     AUD_HUB1 "," EXP

/* What a test asks for; what it leaves out is ordinary. */
struct ask {
    const char *target;       /* /client/hubs/hub1 */
    const char *claims;       /* without the braces; NULL: no token */
    const char *key;          /* the primary one */
    bool in_header;           /* Authorization, not the query */
    const char *host;         /* FIXTURE_HOST */
    const char *subprotocols; /* none */
    const char *authorization;
    bool ignore_audience_host;
    int64_t now;
};

static inline void append_token(struct buffer *out, const struct ask *ask)
{
    struct buffer claims = {0};
    buffer_append_format(&claims, "{%s}", ask->claims);
    jwt_append(out, buffer_slice(&claims),
               slice_from_string(ask->key ? ask->key : FIXTURE_PRIMARY));
    buffer_release(&claims);
}

static inline struct upgrade *decide(const struct ask *ask)
{
    struct upgrade_context context = fixture_context();
    struct buffer target = {0}, header = {0};
    const char *path = ask->target ? ask->target : "/client/hubs/hub1";
    context.ignore_audience_host = ask->ignore_audience_host;
    buffer_append_string(&target, path);
    buffer_append_string(&header, ask->authorization ? ask->authorization : "");
    if (ask->claims && ask->in_header) {
        buffer_append_string(&header, "Bearer ");
        append_token(&header, ask);
    } else if (ask->claims) {
        buffer_append_format(&target, "%caccess_token=", strchr(path, '?') ? '&' : '?');
        append_token(&target, ask);
    }
    struct upgrade_request request = {
        .target = buffer_slice(&target),
        .host = slice_from_string(ask->host ? ask->host : FIXTURE_HOST),
        .authorization = buffer_slice(&header),
        .subprotocols = slice_from_string(ask->subprotocols ? ask->subprotocols : ""),
        .now = ask->now != 0 ? ask->now : FIXTURE_NOW,
    };
    struct upgrade *upgrade = upgrade_decide(&context, &request);
    buffer_release(&target);
    buffer_release(&header);
    fixture_context_free(&context);
    return upgrade;
}

#define DECIDE(...) decide(&(struct ask){__VA_ARGS__})

/* 0: it was let in. */
static inline int status_of(struct upgrade *upgrade)
{
    int status = upgrade->status;
    CHECK_INT_EQUAL(upgrade->kind == UPGRADE_REFUSED, status != 0);
    CHECK_INT_EQUAL(upgrade->reason != NULL, status != 0);
    CHECK(status == 0 || upgrade->subprotocol == SUBPROTOCOL_NONE);
    upgrade_free(upgrade);
    return status;
}

#define STATUS(...) status_of(DECIDE(__VA_ARGS__))

#endif
