/* See credential.h. The resource that a SAS token names is not compared: only who has the topic's
 * own key can sign one, and what the SDKs write there (with or without a query, the host in front
 * of a proxy) differs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/credential.h"

#include "access/audience.h"
#include "access/characters.h"
#include "access/claims.h"
#include "access/url.h"
#include "eventgrid/publish_fault.h"
#include "eventgrid/sas_token.h"
#include "secret/access_keys.h"
#include "secret/base64.h"
#include "secret/jwt.h"

enum { KEY_SIZE = 32, SKEW_MS = CLAIMS_CLOCK_SKEW_S * 1000 };

#define SAS_SCHEME    SLICE_LITERAL("SharedAccessSignature ")
#define KEY_SCHEME    SLICE_LITERAL("SharedAccessKey ")
#define BEARER_SCHEME SLICE_LITERAL("Bearer ")

struct check {
    const struct credential_request *request;
    struct buffer *scratch;
    struct publish_error *error;
};

/* --- what came --- */

/* False: there is no such header. */
static bool find_header(const struct check *check, const char *name, struct slice *value)
{
    const struct pairs *headers = &check->request->headers;

    for (size_t i = 0; i < headers->count; i++) {
        if (equal_ignoring_case(headers->items[i].key, slice_from_string(name))) {
            *value = trim_blanks(headers->items[i].value);
            return true;
        }
    }
    return false;
}

/* The host without its port. */
static struct slice host_of(const struct check *check)
{
    struct slice host = check->request->host;
    size_t length = host.length;

    while (length > 0 && ascii_is_digit(host.data[length - 1])) {
        length--;
    }
    return length > 1 && host.data[length - 1] == ':' ? slice_make(host.data, length - 1) : host;
}

static bool refuse(const struct check *check, enum publish_fault fault, struct slice what)
{
    return publish_fault_set(check->error, check->scratch, fault, SCHEMA_EVENT_GRID, what);
}

/* --- keys --- */

enum { KEYS = 4 };

static void collect_keys(const struct credential_request *request, struct slice keys[KEYS])
{
    keys[0] = request->key1;
    keys[1] = request->key2;
    keys[2] = request->outer_key1;
    keys[3] = request->outer_key2;
}

static bool is_key(const struct check *check, struct slice key)
{
    struct slice good[KEYS];
    bool found = false;

    collect_keys(check->request, good);
    for (size_t i = 0; i < KEYS; i++) {
        found |= good[i].length > 0 && digest_equal_texts(key, good[i]);
    }
    return found;
}

static bool check_key(const struct check *check, struct slice key)
{
    if (key.length == 0) {
        return refuse(check, FAULT_KEY_EMPTY, SLICE_EMPTY);
    }
    if (is_key(check, key)) {
        return true;
    }
    return refuse(check, base64_is_valid(key) ? FAULT_KEY : FAULT_KEY_NO_BASE64, host_of(check));
}

/* False: there is none. It is in scratch; a + that was not encoded is one again. */
static bool find_query_key(const struct check *check, struct slice *key)
{
    check->scratch->length = 0;
    if (!url_query_find(check->request->query, "aeg-sas-key", check->scratch)) {
        return false;
    }
    for (size_t i = 0; i < check->scratch->length; i++) {
        if (check->scratch->data[i] == ' ') {
            check->scratch->data[i] = '+';
        }
    }
    *key = buffer_slice(check->scratch);
    return true;
}

/* --- SAS tokens --- */

static bool is_signed(const struct check *check, const struct sas_token *token)
{
    struct slice keys[KEYS];
    bool found = false;

    collect_keys(check->request, keys);
    for (size_t i = 0; i < KEYS; i++) {
        found |= sas_token_is_signed_with(token, keys[i]);
    }
    return found;
}

static bool check_sas(const struct check *check, struct slice text)
{
    struct sas_token token;

    if (!sas_token_read(text, check->scratch, &token)) {
        return refuse(check, FAULT_TOKEN_FORM, SLICE_EMPTY);
    }
    if (!is_signed(check, &token)) {
        return refuse(check, FAULT_TOKEN_SIGNATURE, host_of(check));
    }
    if (token.expires_ms + SKEW_MS <= check->request->now_ms) {
        return refuse(check, FAULT_TOKEN_EXPIRED, host_of(check));
    }
    return true;
}

/* --- bearer tokens --- */

/* The service's own audience, as SDKs ask for it, that of this server, or the URL of the request.
 */
static bool audience_is_good(const struct check *check, const struct json_value *aud)
{
    static const char *const services[] = {"eventgrid.azure.net", NULL};
    const struct credential_request *request = check->request;
    struct buffer target = {0};
    bool good = audience_fits_server(aud, services, request->access, request->host);

    if (!good) {
        buffer_append(&target, request->path);
        if (request->query.length > 0) {
            buffer_append_byte(&target, '?');
            buffer_append(&target, request->query);
        }
        good = audience_fits_request(aud, buffer_slice(&target), request->access, request->host);
        buffer_release(&target);
    }
    return good;
}

static bool check_bearer(const struct check *check, struct slice authorization)
{
    const struct credential_request *request = check->request;
    struct slice token = claims_bearer_token(authorization);
    struct json_value claims, aud;
    const char *wrong;

    check->scratch->length = 0;
    if (token.length == 0 || !access_keys_verify(request->access->keys, token, check->scratch) ||
        !json_parse(buffer_slice(check->scratch), &claims)) {
        return refuse(check, FAULT_BEARER_UNREADABLE, SLICE_EMPTY);
    }
    wrong = claims_check_time(&claims, request->now_ms / 1000);
    if (!wrong && (!jwt_claim(&claims, "aud", &aud) || !audience_is_good(check, &aud))) {
        wrong = "The token is for another audience.";
    }
    return !wrong || refuse(check, FAULT_BEARER, slice_from_string(wrong));
}

/* --- which of them --- */

static bool check_authorization(const struct check *check, struct slice authorization)
{
    if (starts_ignoring_case(authorization, SAS_SCHEME)) {
        return check_sas(check, trim_blanks(slice_from(authorization, SAS_SCHEME.length)));
    }
    if (check->request->of_namespace && starts_ignoring_case(authorization, KEY_SCHEME)) {
        return check_key(check, trim_blanks(slice_from(authorization, KEY_SCHEME.length)));
    }
    return refuse(check, check->request->of_namespace ? FAULT_NAMESPACE_SCHEME : FAULT_SCHEME,
                  SLICE_EMPTY);
}

/* Keys and tokens that are signed with them. */
static bool check_local(const struct check *check)
{
    struct slice value;

    if (find_header(check, "aeg-sas-key", &value)) {
        return check_key(check, value);
    }
    if (find_header(check, "aeg-sas-token", &value)) {
        return check_sas(check, value);
    }
    if (find_header(check, "authorization", &value)) {
        return check_authorization(check, value);
    }
    if (find_query_key(check, &value)) {
        return check_key(check, value);
    }
    return refuse(check,
                  check->request->of_namespace ? FAULT_NO_AUTHORIZATION : FAULT_NO_CREDENTIAL,
                  SLICE_EMPTY);
}

bool credential_check(const struct credential_request *request, struct buffer *scratch,
                      struct publish_error *error)
{
    const struct check check = {request, scratch, error};
    struct slice authorization, key;

    if (find_header(&check, "authorization", &authorization) &&
        starts_ignoring_case(authorization, BEARER_SCHEME) &&
        (request->disables_local_auth || !find_header(&check, "aeg-sas-key", &key))) {
        return check_bearer(&check, authorization);
    }
    if (request->disables_local_auth) {
        return refuse(&check, FAULT_LOCAL_AUTH_OFF, SLICE_EMPTY);
    }
    return check_local(&check);
}

void credential_new_key(struct buffer *out, void (*random)(void *out, size_t length))
{
    uint8_t bytes[KEY_SIZE];

    random(bytes, sizeof(bytes));
    base64_append(out, slice_make(bytes, sizeof(bytes)));
    digest_wipe(bytes, sizeof(bytes));
}
