/* See preflight.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/preflight.h"

#include "access/characters.h"
#include "access/head.h"

enum { STATUS_NOT_FOUND = 404, BACKOFF_FIRST_MS = 1000 };

/* ---------------------------------------------------------------- answers */

/* Behind the host: ":port" or nothing. A colon inside of [brackets] is the host's. */
static struct slice without_port(struct slice host)
{
    size_t at = host.length;

    while (at > 0 && host.data[at - 1] >= '0' && host.data[at - 1] <= '9') {
        at--;
    }
    return at > 1 && at < host.length && host.data[at - 1] == ':' ? slice_make(host.data, at - 1)
                                                                  : host;
}

/* Host or host:port; a port counts only if both have one. */
static bool is_our_host(struct slice allowed, struct slice origin)
{
    struct slice allowed_host = without_port(allowed), our_host = without_port(origin);
    bool both_have_ports = allowed_host.length < allowed.length && our_host.length < origin.length;

    return both_have_ports ? equal_ignoring_case(allowed, origin)
                           : equal_ignoring_case(allowed_host, our_host);
}

static bool list_allows(struct slice list, struct slice origin)
{
    struct slice item;

    while (list_take(&list, &item)) {
        if (slice_equal(item, SLICE_LITERAL("*")) || is_our_host(item, origin)) {
            return true;
        }
    }
    return false;
}

/* There may be several lines, of several items each. */
static bool head_allows(struct slice head, struct slice origin, bool *is_there)
{
    struct header header;

    *is_there = false;
    while (head_next(&head, &header)) {
        if (head_name_is(&header, "webhook-allowed-origin")) {
            *is_there = true;
            if (list_allows(header.value, origin)) {
                return true;
            }
        }
    }
    return false;
}

enum preflight_result preflight_judge(bool was_get, int status, struct slice head,
                                      struct slice origin, const char **reason)
{
    bool is_there;

    *reason = NULL;
    if (status == STATUS_NOT_FOUND && !was_get) {
        *reason = "the preflight's OPTIONS was answered with 404";
        return PREFLIGHT_TRY_GET;
    }
    if (status == 0) {
        *reason = "the preflight got no answer";
        return PREFLIGHT_FAILED;
    }
    if (status < 200 || status >= 300) {
        *reason = "the preflight was not answered with 2xx";
        return PREFLIGHT_FAILED;
    }
    if (head_allows(head, origin, &is_there)) {
        return PREFLIGHT_PASSED;
    }
    *reason = is_there ? "the preflight's WebHook-Allowed-Origin does not have our host"
                       : "the preflight's answer has no WebHook-Allowed-Origin";
    return PREFLIGHT_FAILED;
}

/* ---------------------------------------------------------------- memory */

/* From the end of a check to the next one. */
static msec_t pause_after(const struct preflight *preflight)
{
    msec_t pause = BACKOFF_FIRST_MS;

    if (preflight->failures == 0) {
        return PREFLIGHT_GOOD_MS;
    }
    for (uint32_t i = 1; i < preflight->failures && pause < PREFLIGHT_BACKOFF_MAX_MS; i++) {
        pause *= 2;
    }
    return pause < PREFLIGHT_BACKOFF_MAX_MS ? pause : PREFLIGHT_BACKOFF_MAX_MS;
}

enum preflight_advice preflight_advise(const struct preflight *preflight, msec_t now)
{
    bool is_good = preflight->is_known && preflight->failures == 0;
    bool is_due = !preflight->is_known || now >= preflight->checked_at + pause_after(preflight);

    if (is_good) {
        return is_due && !preflight->is_running ? PREFLIGHT_RECHECK : PREFLIGHT_SEND;
    }
    if (preflight->is_running) {
        return PREFLIGHT_WAIT;
    }
    return is_due ? PREFLIGHT_CHECK : PREFLIGHT_REFUSE;
}

void preflight_begin(struct preflight *preflight)
{
    preflight->is_running = true;
}

void preflight_end(struct preflight *preflight, bool passed, msec_t now)
{
    preflight->is_running = false;
    preflight->is_known = true;
    preflight->checked_at = now;
    preflight->failures = passed ? 0 : preflight->failures + 1;
}
