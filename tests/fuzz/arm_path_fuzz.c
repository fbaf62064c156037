/* Fuzzes targets of management requests. Input: lines of method and target; the rest is the filter
 * of a list.
 *
 * Oracles: there is an operation with what it needs, or an error with all that its answer needs;
 * what the operation names is text of the target; the same target with another Azure subscription
 * and in other letters means the same; a resource's id, taken for a target, names that resource; a
 * page has no more than it may.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "access/url.h"
#include "base/ascii.h"
#include "dispatch/arm_path.h"
#include "dispatch/arm_reply.h"
#include "rest/filter.h"
#include "json/json.h"

enum { NAMES = 4 };

static struct arm_scratch scratch;

static void check_error(const struct arm_error *error)
{
    struct buffer out = {0};
    struct json_value value;
    FUZZ_CHECK(error->status == 400 || error->status == 404 || error->status == 405);
    FUZZ_CHECK(error->code && error->message.length > 0);
    FUZZ_CHECK((error->status == 405) == (error->allow.length > 0));
    arm_error_append(&out, error);
    FUZZ_CHECK(json_parse(buffer_slice(&out), &value));
    buffer_release(&out);
}

static bool is_of_subscription(enum arm_operation operation)
{
    return (operation >= ARM_GET_SUBSCRIPTION && operation <= ARM_GET_DELIVERY_ATTRIBUTES) ||
           operation == ARM_LOG || operation == ARM_DEAD_LETTERS ||
           operation == ARM_RESEND_DEAD_LETTERS;
}

static void check_call(const struct arm_call *call, struct slice target)
{
    struct slice parts[] = {call->azure_subscription, call->resource_group, call->source.name,
                            call->source.topic, call->name};
    FUZZ_CHECK(call->operation < ARM_OPERATIONS_COUNT);
    FUZZ_CHECK(call->has_source || !is_of_subscription(call->operation));
    FUZZ_CHECK(call->has_source || call->scope.length == 0);
    FUZZ_CHECK(call->scope.length == 0 || call->source.kind == SOURCE_SYSTEM_TOPIC);
    FUZZ_CHECK(call->source.topic.length == 0 || call->source.kind == SOURCE_DOMAIN_TOPIC);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        FUZZ_CHECK(parts[i].length <= target.length);
    }
}

/* Each letter of the path in the other case, but for names: where there are none, all. */
static void check_same(struct slice method, struct slice target, enum arm_operation operation)
{
    struct arm_scratch other_scratch = {0};
    struct arm_call call;
    struct arm_error error;
    struct buffer varied = {0};
    buffer_append_byte(&varied, '/');
    buffer_append(&varied, target);
    FUZZ_CHECK(target.length >= ARM_TARGET_MAX || operation == ARM_CONSENT ||
               (arm_find(method, buffer_slice(&varied), &other_scratch, &call, &error) &&
                call.operation == operation));
    varied.length = 0;
    ascii_append_lower(&varied, target);
    FUZZ_CHECK(arm_find(method, buffer_slice(&varied), &other_scratch, &call, &error) &&
               call.operation == operation);
    buffer_release(&varied);
    arm_scratch_release(&other_scratch);
}

/* The id of a source whose names are good names the source. */
static void check_id(const struct arm_call *call)
{
    const struct source_name *name = &call->source;
    struct buffer id = {0}, key = {0}, other = {0};
    struct arm_scratch id_scratch = {0};
    struct arm_call found;
    struct arm_error error;
    if (!call->has_source || call->scope.length > 0 || topic_name_check(name->name) ||
        (name->kind == SOURCE_DOMAIN_TOPIC && domain_topic_name_check(name->topic))) {
        return;
    }
    source_id_append(&id, name, SLICE_EMPTY, SLICE_EMPTY);
    source_key_append(&key, name);
    FUZZ_CHECK(arm_find(SLICE_LITERAL("GET"), buffer_slice(&id), &id_scratch, &found, &error));
    source_key_append(&other, &found.source);
    FUZZ_CHECK(slice_equal(buffer_slice(&key), buffer_slice(&other)));
    buffer_release(&id);
    buffer_release(&key);
    buffer_release(&other);
    arm_scratch_release(&id_scratch);
}

/* A list of four, page by page: each comes once, and none that the filter does not take. */
static void check_pages(struct slice text, uint32_t top)
{
    static const char *const names[NAMES] = {"alpha", "Beta", "gamma", "x-1"};
    struct buffer error = {0}, out = {0}, token = {0};
    struct filter *filter = filter_compile_names(text, &error);
    size_t count = 0, wanted = 0;
    FUZZ_CHECK((filter == NULL) == (error.length > 0));
    for (size_t i = 0; filter && i < NAMES; i++) {
        struct buffer lower = {0};
        ascii_append_lower(&lower, slice_from_string(names[i]));
        wanted += filter_matches(filter, &(struct filter_subject){.name = buffer_slice(&lower)});
        buffer_release(&lower);
    }
    for (bool more = filter != NULL; more;) {
        struct arm_page page;
        struct json_value value;
        out.length = 0;
        arm_page_begin(&page, &out, filter, buffer_slice(&token), top);
        for (size_t i = 0; i < NAMES; i++) {
            struct buffer key = {0};
            buffer_append_string(&key, "topics/");
            ascii_append_lower(&key, slice_from_string(names[i]));
            struct arm_place place = {.source_key = buffer_slice(&key)};
            if (arm_page_takes(&page, slice_from_string(names[i]), &place)) {
                json_append_string(&out, slice_from_string(names[i]));
                count++;
            }
            buffer_release(&key);
        }
        FUZZ_CHECK(page.count <= top);
        more = page.has_more;
        token.length = 0;
        buffer_append(&token, buffer_slice(&page.last));
        arm_page_end(&page, SLICE_LITERAL("http://h/?"));
        FUZZ_CHECK(json_parse(buffer_slice(&out), &value));
    }
    FUZZ_CHECK(count == wanted);
    filter_free(filter);
    buffer_release(&error);
    buffer_release(&out);
    buffer_release(&token);
}

static void check_target(struct slice method, struct slice target)
{
    struct arm_call call;
    struct arm_error error;
    if (!arm_find(method, target, &scratch, &call, &error)) {
        check_error(&error);
        return;
    }
    check_call(&call, target);
    check_id(&call);
    check_same(method, target, call.operation);
    if (arm_read_query(&call, &scratch, &error)) {
        FUZZ_CHECK(call.top >= 1 && call.top <= ARM_TOP_MAX);
    } else {
        check_error(&error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size), method = fuzz_take_line(&in);
    struct slice target = fuzz_copy(fuzz_take_line(&in));
    check_target(method, target);
    (void)arm_is_path(target);
    check_pages(in, 1 + (uint32_t)size % NAMES);
    fuzz_free(target);
    arm_scratch_release(&scratch);
    return 0;
}
