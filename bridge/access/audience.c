/* Comparing audiences. Clients sign the endpoint that their connection string names, so the host
 * may be one that only the proxy in front of us knows: hence the public endpoints.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/audience.h"

#include "access/characters.h"
#include "access/url.h"

static bool take_prefix(struct slice *text, struct slice prefix)
{
    if (text->length < prefix.length ||
        !equal_ignoring_case(slice_make(text->data, prefix.length), prefix)) {
        return false;
    }
    *text = slice_from(*text, prefix.length);
    return true;
}

/* Without a port that is the own one of http or https: whether TLS ends here or at a proxy does not
 * matter, and some clients write it and some do not. */
static struct slice without_default_port(struct slice authority)
{
    static const char *const ports[] = {":443", ":80"};
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        struct slice port = slice_from_string(ports[i]);
        if (authority.length >= port.length &&
            slice_equal(slice_from(authority, authority.length - port.length), port)) {
            return slice_make(authority.data, authority.length - port.length);
        }
    }
    return authority;
}

/* Cuts "https://host:port/target" in two; `target` begins with a slash or is empty. */
static bool split_absolute(struct slice url, struct slice *authority, struct slice *target)
{
    size_t length = 0;
    if (!take_prefix(&url, SLICE_LITERAL("https://")) &&
        !take_prefix(&url, SLICE_LITERAL("http://"))) {
        return false;
    }
    while (length < url.length && url.data[length] != '/') {
        length++;
    }
    *authority = without_default_port(slice_make(url.data, length));
    *target = slice_from(url, length);
    return authority->length > 0;
}

static bool host_fits(struct slice authority, const struct upgrade_context *context,
                      struct slice host)
{
    if (context->ignore_audience_host ||
        equal_ignoring_case(authority, without_default_port(host))) {
        return true;
    }
    for (const char *const *url = context->public_endpoints; url && *url; url++) {
        struct slice accepted, rest;
        if (split_absolute(slice_from_string(*url), &accepted, &rest) &&
            equal_ignoring_case(authority, accepted)) {
            return true;
        }
    }
    return false;
}

/* --- targets --- */

/* What the target of an audience is compared with. */
struct wanted {
    const struct endpoint *endpoint; /* of a WebSocket; NULL: */
    struct slice target;             /* of a REST request, */
    struct slice path;               /* the same without its query */
    const char *const *servers;      /* of a whole server: others that it stands for */
};

static bool endpoint_fits(struct slice target, const struct endpoint *endpoint)
{
    struct url url;
    struct endpoint named;
    bool fits = false;
    if (url_split(&url, target)) {
        endpoint_find(&named, &url);
        fits = endpoint_equal(&named, endpoint);
    }
    url_release(&url);
    return fits;
}

/* Takes a byte, or what %xx stands for, without case. */
static uint8_t take_byte(struct slice *text, bool decodes)
{
    int byte = decodes ? percent_decode(*text) : -1;
    uint8_t taken = byte >= 0 ? (uint8_t)byte : text->data[0];
    *text = slice_from(*text, byte >= 0 ? 3 : 1);
    return ascii_lower(taken);
}

/* Is `named` the same as `wanted`, decoded? */
static bool same_text(struct slice named, bool decodes_named, struct slice wanted)
{
    while (named.length > 0 && wanted.length > 0) {
        if (take_byte(&named, decodes_named) != take_byte(&wanted, true)) {
            return false;
        }
    }
    return named.length == wanted.length;
}

static struct slice without_slash(struct slice target)
{
    if (target.length > 0 && target.data[target.length - 1] == '/') {
        target.length--;
    }
    return target;
}

static bool request_fits(struct slice target, const struct wanted *wanted)
{
    struct slice forms[] = {wanted->target, wanted->path};
    target = without_slash(target);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct slice form = without_slash(forms[i]);
        if (same_text(target, true, form) || same_text(target, false, form)) {
            return true;
        }
    }
    return false;
}

static bool target_fits(struct slice target, const struct wanted *wanted)
{
    if (wanted->servers) {
        target = without_slash(target);
        return target.length == 0 || slice_equal(target, SLICE_LITERAL("/.default"));
    }
    return wanted->endpoint ? endpoint_fits(target, wanted->endpoint)
                            : request_fits(target, wanted);
}

static bool is_among(struct slice authority, const char *const *servers)
{
    for (; servers && *servers; servers++) {
        if (equal_ignoring_case(authority, slice_from_string(*servers))) {
            return true;
        }
    }
    return false;
}

/* --- audiences --- */

static bool one_fits(const struct json_value *aud, const struct wanted *wanted,
                     const struct upgrade_context *context, struct slice host)
{
    struct buffer scratch = {0};
    struct slice authority, target;
    bool fits;
    if (aud->type != JSON_STRING) {
        return false;
    }
    struct slice text = json_string_value(aud, &scratch);
    if (!wanted->endpoint && !wanted->servers && text.length > 0 && text.data[0] == '/') {
        fits = target_fits(text, wanted);
    } else {
        fits = split_absolute(text, &authority, &target) &&
               (host_fits(authority, context, host) || is_among(authority, wanted->servers)) &&
               target_fits(target, wanted);
    }
    buffer_release(&scratch);
    return fits;
}

static bool any_fits(const struct json_value *aud, const struct wanted *wanted,
                     const struct upgrade_context *context, struct slice host)
{
    struct json_value element;
    if (aud->type != JSON_ARRAY) {
        return one_fits(aud, wanted, context, host);
    }
    struct json_walk walk = json_elements(aud);
    while (json_next_element(&walk, &element)) {
        if (one_fits(&element, wanted, context, host)) {
            return true;
        }
    }
    return false;
}

bool audience_fits(const struct json_value *aud, const struct endpoint *endpoint,
                   const struct upgrade_context *context, struct slice host)
{
    return any_fits(aud, &(struct wanted){.endpoint = endpoint}, context, host);
}

bool audience_fits_request(const struct json_value *aud, struct slice target,
                           const struct upgrade_context *context, struct slice host)
{
    struct wanted wanted = {.target = target};
    wanted.path = take_up_to(&target, '?');
    return any_fits(aud, &wanted, context, host);
}

bool audience_fits_server(const struct json_value *aud, const char *const *others,
                          const struct upgrade_context *context, struct slice host)
{
    return any_fits(aud, &(struct wanted){.servers = others}, context, host);
}
