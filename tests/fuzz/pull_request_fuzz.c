/* Fuzzes requests of pull delivery. Input: a line with the target; the rest is the body.
 *
 * Oracles: what is parsed was called a path of ours, its numbers are in their ranges and its names
 * no longer than the target; a refusal has all that its answer needs; of a body's tokens none comes
 * twice, each token is itself once more, and what is answered is JSON with both lists, in which
 * each token stands once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "eventgrid/pull_body.h"
#include "json/json.h"

static void check_error(const struct request_error *error)
{
    struct buffer out = {0};
    struct json_value value;

    FUZZ_CHECK(error->status == 400 || error->status == 404);
    request_error_append(&out, error);
    FUZZ_CHECK(json_parse(buffer_slice(&out), &value) && value.type == JSON_OBJECT);
    buffer_release(&out);
}

static void check_target(struct slice target)
{
    struct pull_request request;
    struct request_error error;

    if (!pull_request_parse(&request, target, &error)) {
        check_error(&error);
    } else {
        FUZZ_CHECK(pull_is_path(target));
        FUZZ_CHECK(request.operation < PULL_OPERATIONS);
        FUZZ_CHECK(request.namespace_name.length + request.topic.length +
                       request.subscription.length <
                   target.length);
        FUZZ_CHECK((request.operation == PULL_PUBLISH) == (request.subscription.length == 0));
        FUZZ_CHECK(request.events_max <= PULL_EVENTS_MAX && request.wait_s <= PULL_WAIT_MAX_S &&
                   request.delay_s <= 3600);
    }
    pull_request_release(&request);
}

static size_t count_in(const struct json_value *answer, const char *name)
{
    struct json_value array, element;
    struct json_walk walk;
    size_t count = 0;

    FUZZ_CHECK(json_find_member(answer, name, &array) && array.type == JSON_ARRAY);
    walk = json_elements(&array);
    while (json_next_element(&walk, &element)) {
        count++;
    }
    return count;
}

static void check_lock(const struct pull_lock *lock)
{
    struct buffer text = {0};

    if (lock->result == PULL_SUCCEEDED) {
        pull_token_append(&text, &lock->token);
        FUZZ_CHECK(slice_equal(buffer_slice(&text), lock->text));
    }
    buffer_release(&text);
}

static void check_locks(const struct pull_lock *locks, size_t count)
{
    struct buffer out = {0};
    struct json_value answer;

    FUZZ_CHECK(count <= PULL_TOKENS_MAX);
    for (size_t i = 0; i < count; i++) {
        check_lock(&locks[i]);
        FUZZ_CHECK(i == 0 || !slice_equal(locks[i].text, locks[i - 1].text));
    }
    pull_locks_append(&out, locks, count);
    FUZZ_CHECK(json_parse(buffer_slice(&out), &answer));
    FUZZ_CHECK(count_in(&answer, "failedLockTokens") + count_in(&answer, "succeededLockTokens") ==
               count);
    buffer_release(&out);
}

static void check_body(struct slice body)
{
    struct buffer locks = {0}, texts = {0};
    struct request_error error;

    if (pull_locks_read(body, &locks, &texts, &error)) {
        check_locks((const struct pull_lock *)(const void *)locks.data,
                    locks.length / sizeof(struct pull_lock));
    } else {
        check_error(&error);
    }
    buffer_release(&locks);
    buffer_release(&texts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    struct slice target = fuzz_copy(fuzz_take_line(&in)), body = fuzz_copy(in);

    check_target(target);
    check_body(body);
    fuzz_free(target);
    fuzz_free(body);
    return 0;
}
