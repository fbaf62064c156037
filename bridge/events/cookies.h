/* Cookies that webhooks set for a connection (spec/webpubsub.md 7.1), so that its events meet the
 * same instance behind a load balancer. They are kept with the connection as text, a line each:
 *
 *     http://host:port<TAB>name=value<LF>
 *
 * Each goes back only to the upstream that set it; path, domain and expiry date are not looked at,
 * but `Max-Age=0` removes a cookie.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_COOKIES_H
#define PUBGRID_EVENTS_COOKIES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

enum { COOKIES_SIZE_MAX = 8192 };

/* Appends "a=1; b=2": those of this upstream; nothing if there are none. */
void cookies_append_header(struct buffer *out, struct slice cookies, struct slice upstream);
/* Takes in the value of a Set-Cookie header. False: it has no effect (it is none, or too long). */
bool cookies_set(struct buffer *cookies, struct slice upstream, struct slice set_cookie);

#endif
