/* Fuzzes requests of the REST API. Input: lines of method, target, Host, the claims of the token,
 * Content-Type and one header more, then the body. An @ in the claims becomes the request's URL.
 *
 * Oracles: there is an operation or an error with all that its answer needs; names in an operation
 * are valid, its filter compiles, its data is of its type, its numbers are within bounds; without
 * the right token there is no operation on a hub; the error's body is JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "mqtt/utf8.h"
#include "rest/filter.h"
#include "rest/parse.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"
#include "wire/request_check.h"
#include "json/json.h"

enum { NOW = 1000000 };

#define KEY "0123456789abcdef0123456789abcdef"

static const struct hub_settings hubs[] = {{.name = "_default"}};
static const char *const public_endpoints[] = {"https://p.example", NULL};

/* --- oracles --- */

static void check_json(struct slice text)
{
    struct json_value value;
    FUZZ_CHECK(json_parse(text, &value) && value.type == JSON_OBJECT);
}

static void check_error(const struct rest_error *error)
{
    struct buffer out = {0};
    FUZZ_CHECK(error->status >= 400 && error->status <= 415 && error->code);
    FUZZ_CHECK(error->message.length > 0);
    FUZZ_CHECK((error->status == 405) == (error->allow.length > 0));
    rest_error_append(&out, error);
    check_json(buffer_slice(&out));
    buffer_release(&out);
}

static void check_data(const struct rest_operation *operation)
{
    struct json_value value;
    FUZZ_CHECK(operation->data.type != DATA_PROTOBUF);
    FUZZ_CHECK(operation->data.type != DATA_JSON || json_parse(operation->data.bytes, &value));
    FUZZ_CHECK(operation->data.type != DATA_TEXT || utf8_is_well_formed(operation->data.bytes));
    FUZZ_CHECK(metadata_is_valid(operation->metadata));
    FUZZ_CHECK(operation->ttl_seconds <= TTL_SECONDS_MAX);
}

static void check_names(const struct rest_operation *operation)
{
    if (operation->kind == REST_HUBS) {
        return; /* it names none */
    }
    FUZZ_CHECK(hub_name_is_valid(operation->hub) ||
               slice_equal(operation->hub, SLICE_LITERAL(HUB_DEFAULT)));
    for (size_t i = 0; i < operation->hub.length; i++) {
        FUZZ_CHECK(operation->hub.data[i] < 'A' || operation->hub.data[i] > 'Z');
    }
    FUZZ_CHECK((operation->name.length == 0) == (operation->target == TARGET_HUB));
    FUZZ_CHECK(operation->target != TARGET_GROUP || group_name_is_valid(operation->name));
    FUZZ_CHECK(operation->target == TARGET_GROUP || utf8_is_valid_string(operation->name));
    for (size_t i = 0; i < operation->group_count; i++) {
        FUZZ_CHECK(group_name_is_valid(operation->groups[i]));
    }
    for (size_t i = 0; i < operation->excluded_count; i++) {
        FUZZ_CHECK(utf8_is_valid_string(operation->excluded[i]));
    }
    FUZZ_CHECK(!operation->has_target_name || group_name_is_valid(operation->target_name));
}

static void check_filter(struct slice text)
{
    struct buffer error = {0};
    struct filter *filter = filter_compile(text, &error);
    FUZZ_CHECK(filter);
    filter_free(filter);
}

static void check_operation(const struct upgrade_context *context,
                            const struct rest_operation *operation)
{
    struct buffer answer = {0};
    if (operation->kind == REST_HEALTH) {
        return;
    }
    check_names(operation);
    if (operation->kind == REST_SEND) {
        check_data(operation);
    }
    check_filter(operation->filter);
    FUZZ_CHECK(utf8_is_valid_string(operation->reason));
    FUZZ_CHECK(operation->page_size >= 1 && operation->page_size <= 200);
    FUZZ_CHECK(slice_starts_with(operation->base_url, SLICE_LITERAL("http")));
    FUZZ_CHECK(operation->minutes >= 1);
    rest_token_append(&answer, context, operation, NOW);
    check_json(buffer_slice(&answer));
    buffer_release(&answer);
}

/* --- input --- */

static struct slice make_token(struct slice claims, struct slice host, struct slice target)
{
    struct buffer text = {0}, token = {0};
    for (size_t i = 0; i < claims.length; i++) {
        if (claims.data[i] == '@') {
            buffer_append_format(&text, "http://%.*s%.*s", SLICE_PRINT(host), SLICE_PRINT(target));
        } else {
            buffer_append_byte(&text, claims.data[i]);
        }
    }
    buffer_append_string(&token, "Bearer ");
    jwt_append(&token, buffer_slice(&text), SLICE_LITERAL(KEY));
    struct slice copy = fuzz_copy(buffer_slice(&token));
    buffer_release(&text);
    buffer_release(&token);
    return copy;
}

/* "Name: value" */
static struct pair split_header(struct slice line)
{
    const uint8_t *colon = line.length > 0 ? memchr(line.data, ':', line.length) : NULL;
    size_t length = colon ? (size_t)(colon - line.data) : line.length;
    return (struct pair){slice_make(line.data, length),
                         slice_from(line, colon ? length + 1 : length)};
}

static void run(const struct upgrade_context *context, struct slice in)
{
    struct slice method = fuzz_take_line(&in), target = fuzz_copy(fuzz_take_line(&in));
    struct slice host = fuzz_take_line(&in), claims = fuzz_take_line(&in);
    struct slice token = make_token(claims, host, target), body;
    struct pair headers[] = {{SLICE_LITERAL("Host"), host},
                             {SLICE_LITERAL("Authorization"), token},
                             {SLICE_LITERAL("Content-Type"), fuzz_take_line(&in)},
                             split_header(fuzz_take_line(&in))};
    struct rest_scratch scratch = {0};
    struct rest_operation operation;
    struct rest_error error;
    body = fuzz_copy(in);
    struct rest_request request = {
        .method = method, .target = target, .headers = {headers, 4}, .body = body, .now = NOW};
    if (rest_parse(context, &request, &scratch, &operation, &error)) {
        FUZZ_CHECK(operation.kind == REST_HEALTH || claims.length > 0);
        check_operation(context, &operation);
        headers[1].value = SLICE_EMPTY;
        bool is_health = operation.kind == REST_HEALTH;
        FUZZ_CHECK(rest_parse(context, &request, &scratch, &operation, &error) == is_health);
    } else {
        check_error(&error);
    }
    rest_scratch_release(&scratch);
    fuzz_free(target);
    fuzz_free(token);
    fuzz_free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char keys_file[] = "primary: " KEY "\nsecondary: fedcba9876543210" KEY "\n";
    struct buffer error = {0};
    struct access_keys *keys = access_keys_parse(slice_from_string(keys_file), &error);
    struct upgrade_context context = {
        .keys = keys, .hubs = hubs, .hub_count = 1, .public_endpoints = public_endpoints};
    run(&context, slice_make(data, size));
    access_keys_free(keys);
    return 0;
}
