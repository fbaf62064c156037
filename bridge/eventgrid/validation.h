/* The handshakes that ask a webhook's consent (spec/eventgrid.md 4.7, 4.8): what is sent, what an
 * answer means, and the URL for consent by hand. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_VALIDATION_H
#define PUBGRID_EVENTGRID_VALIDATION_H

#include "base/buffer.h"
#include "base/slice.h"
#include "resource/subscription.h"

struct access_keys;

enum { VALIDATION_TIMEOUT_MS = 30000, VALIDATION_RETRY_MS = 5000, VALIDATION_BY_HAND_S = 600 };

struct validation {
    const struct event_subscription *subscription;
    struct slice source_key, name; /* of the subscription */
    struct slice topic_id;
    struct slice base_url; /* "http://host:port": of this server, as the webhook can reach it */
    struct slice code, event_id; /* UUIDs */
    int64_t now_ms;
};

/* POST with an event, or OPTIONS, by the subscription's delivery schema. Header lines as of
 * access/header_lines.h, without the credentials of the URL (delivery.h). */
struct validation_request {
    const char *method;
    struct buffer lines, body; /* appended to; the owner's */
};
void validation_make(const struct validation *validation, const struct access_keys *keys,
                     struct validation_request *out);

enum validation_verdict {
    VALIDATION_GOOD,
    VALIDATION_BY_HAND, /* accepted without consent: AwaitingManualAction */
    VALIDATION_FAILED,  /* with a sentence */
};
/* `status` 0: no answer, `reason` says why. Appends the sentence (4.7: 4). */
enum validation_verdict validation_judge(const struct validation *validation, int status,
                                         struct slice head, struct slice body, const char *reason,
                                         struct buffer *sentence);

/* The URL for consent by hand, "<base>/eventgrid/validate?id=<code>&source=<key>&name=<name>
 * &endpoint=<digest>&t=<time>&token=..": the token signs what stands before it with the server's
 * keys. */
void validation_append_url(struct buffer *out, const struct validation *validation,
                           const struct access_keys *keys);
/* Is the query of such a URL ours, and not older than VALIDATION_BY_HAND_S? What it says is
 * appended to `texts`. */
struct validation_consent {
    struct slice source_key, name, code;
    struct slice endpoint; /* a digest of its URL */
};
bool validation_read_url(struct slice query, const struct access_keys *keys, int64_t now_ms,
                         struct buffer *texts, struct validation_consent *out);
/* Is it the consent of the endpoint that the subscription has now, not of one that it had? */
bool validation_consents(const struct validation_consent *consent,
                         const struct event_subscription *subscription);

/* The POST that says that the subscription is gone (4.7: 7); no body for CloudEvents: none is sent.
 */
bool validation_make_farewell(const struct validation *validation, struct validation_request *out);

#endif
