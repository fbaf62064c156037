/* What a publisher or a receiver proves itself with (spec/eventgrid.md 1.4, 5.1): a key (header or
 * query), a SAS token (of every SDK's dialect), or a bearer token signed with the server's access
 * keys. Compared in constant time. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_CREDENTIAL_H
#define PUBGRID_EVENTGRID_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "access/upgrade.h"
#include "eventgrid/publish.h"

struct credential_request {
    const struct upgrade_context *access; /* the server's keys and endpoints, for bearer tokens */
    struct slice key1, key2;              /* of the topic or domain, base64; empty: none good */
    struct slice outer_key1, outer_key2;  /* likewise, of the namespace that the topic is in */
    bool of_namespace;                    /* keys come as `Authorization: SharedAccessKey` (5.1) */
    bool disables_local_auth;
    struct pairs headers; /* as they came */
    struct slice host;
    struct slice path, query; /* as they came, without '?' */
    bool is_tls;
    int64_t now_ms;
};

/* False: `error`, its message static or in `scratch`. */
bool credential_check(const struct credential_request *request, struct buffer *scratch,
                      struct publish_error *error);
/* A key as Azure makes them: base64 of 32 random bytes. */
void credential_new_key(struct buffer *out, void (*random)(void *out, size_t length));

#endif
