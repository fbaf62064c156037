/* For whom a token was made: its `aud` claim (spec/webpubsub.md 1.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_AUDIENCE_H
#define PUBGRID_ACCESS_AUDIENCE_H

#include <stdbool.h>

#include "access/endpoint.h"
#include "access/upgrade.h"
#include "json/json.h"

/* Does `aud`, a string or an array of them, name this endpoint? Each is an absolute URL of http or
 * https whose host is the request's `host` or one of the public endpoints, and whose target is any
 * of the forms for the endpoint's hub; all without case. */
bool audience_fits(const struct json_value *aud, const struct endpoint *endpoint,
                   const struct upgrade_context *context, struct slice host);

/* The same for a request of the REST API (6.2): its target is `target`, as it came, with or without
 * the query; raw or percent-decoded once, with or without a slash at the end. The audience may be
 * the target alone. */
bool audience_fits_request(const struct json_value *aud, struct slice target,
                           const struct upgrade_context *context, struct slice host);

/* The same for the server as a whole: a URL that is only its host, or that of one of `others`
 * (NULL-terminated), with or without the "/.default" of what Azure's libraries call a scope. */
bool audience_fits_server(const struct json_value *aud, const char *const *others,
                          const struct upgrade_context *context, struct slice host);

#endif
