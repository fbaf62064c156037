/* Fuzzes what a webhook answers. Input: a line with the status, header lines up to an empty one,
 * the body.
 *
 * Oracles: data is of the type that it is said to be; what comes back with the next request (state,
 * cookies) and what goes to clients (metadata) is within its bounds, and no header of that request
 * has a line break or another control character in it; all that an answer to connect says is text
 * that MQTT can carry, and groups are valid names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "events/answer.h"
#include "events/connect.h"
#include "events/cookies.h"
#include "events/preflight.h"
#include "events/request.h"
#include "mqtt/utf8.h"
#include "names/names.h"
#include "secret/access_keys.h"
#include "wire/request_check.h"
#include "json/json.h"

#define UPSTREAM SLICE_LITERAL("http://h")
#define COOKIES  SLICE_LITERAL("http://i\tc=3\nhttp://h\ta=1\n")
#define KEY      "0123456789abcdef0123456789abcdef"

/* Up to `end`, which is taken, too. */
static struct slice take(struct slice *rest, const char *end)
{
    size_t end_length = strlen(end);
    const uint8_t *at = rest->length > 0 ? memmem(rest->data, rest->length, end, end_length) : NULL;
    size_t length = at ? (size_t)(at - rest->data) : rest->length;
    struct slice taken = slice_make(rest->data, length);

    *rest = slice_from(*rest, at ? length + end_length : length);
    return taken;
}

static int number_of(struct slice text)
{
    int number = 0;

    for (size_t i = 0; i < text.length && i < 3; i++) {
        number =
            number * 10 + (text.data[i] >= '0' && text.data[i] <= '9' ? text.data[i] - '0' : 0);
    }
    return number;
}

/* --- oracles --- */

static void check_data(const struct payload *data)
{
    struct json_value value;

    FUZZ_CHECK(data->bytes.length <= ANSWER_BODY_MAX);
    FUZZ_CHECK(data->type != DATA_JSON || json_parse(data->bytes, &value));
    FUZZ_CHECK(data->type != DATA_TEXT || utf8_is_well_formed(data->bytes));
    FUZZ_CHECK(data->type != DATA_PROTOBUF);
}

/* What came back goes out again: each line is one header. */
static void check_next_request(const struct event_answer *answer)
{
    struct buffer error = {0}, lines = {0}, scratch = {0};
    struct access_keys *keys =
        access_keys_parse(SLICE_LITERAL("primary: " KEY "\nsecondary: " KEY "\n"), &error);
    struct event_sender sender = {.keys = keys, .origin = SLICE_LITERAL("p")};
    struct client_event event = {.hub = SLICE_LITERAL("h"),
                                 .connection_id = answer->data.bytes,
                                 .user_id = answer->data.bytes,
                                 .state = answer->state,
                                 .cookies = answer->cookies,
                                 .content_type = answer->content_type,
                                 .metadata = answer->metadata,
                                 .properties = answer->properties};

    event_request_append(&lines, &event, &sender, UPSTREAM, &scratch);
    FUZZ_CHECK(lines.data[lines.length - 1] == '\0');
    for (size_t i = 0; i < lines.length; i++) {
        bool is_end = lines.data[i] == '\0';
        FUZZ_CHECK(is_end || (lines.data[i] >= 0x20 && lines.data[i] != 0x7F));
        FUZZ_CHECK(!is_end || i == 0 || lines.data[i - 1] != '\0');
    }
    access_keys_free(keys);
    buffer_release(&error);
    buffer_release(&lines);
    buffer_release(&scratch);
}

static void check_answer(const struct event_answer *answer, const struct answer_parts *parts)
{
    if (answer->error) {
        FUZZ_CHECK(answer->status == 0 && answer->data.bytes.length == 0 && !answer->has_state &&
                   !answer->has_cookies);
        return;
    }
    FUZZ_CHECK(answer->status == parts->status);
    check_data(&answer->data);
    FUZZ_CHECK(!answer->has_state || parts->is_blocking);
    FUZZ_CHECK(answer->state.length <= ANSWER_STATE_MAX);
    FUZZ_CHECK(answer->cookies.length <= COOKIES_SIZE_MAX);
    FUZZ_CHECK(metadata_is_valid(answer->metadata));
    FUZZ_CHECK(utf8_is_valid_string(answer->content_type));
    for (size_t i = 0; i < answer->properties.count; i++) {
        FUZZ_CHECK(utf8_is_valid_string(answer->properties.items[i].key));
        FUZZ_CHECK(utf8_is_valid_string(answer->properties.items[i].value));
    }
    check_next_request(answer);
}

static void check_connect(struct slice body)
{
    struct connect_answer answer;
    struct json_value value;

    if (connect_answer_read(&answer, body)) {
        FUZZ_CHECK(body.length == 0 || json_parse(body, &value));
        FUZZ_CHECK(utf8_is_valid_string(buffer_slice(&answer.user_id)));
        FUZZ_CHECK(utf8_is_valid_string(buffer_slice(&answer.reason)));
        for (size_t i = 0; i < answer.group_count; i++) {
            FUZZ_CHECK(group_name_is_valid(buffer_slice(&answer.groups[i])));
        }
        for (size_t i = 0; i < answer.user_property_count; i++) {
            FUZZ_CHECK(utf8_is_valid_string(answer.user_properties[i].key));
            FUZZ_CHECK(utf8_is_valid_string(answer.user_properties[i].value));
        }
    }
    connect_answer_release(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);
    int status = number_of(take(&rest, "\n"));
    struct slice head = fuzz_copy(take(&rest, "\r\n\r\n")), body = fuzz_copy(rest);
    struct answer_parts parts = {.is_blocking = status % 2 == 0,
                                 .status = status,
                                 .head = head,
                                 .body = body,
                                 .upstream = UPSTREAM,
                                 .cookies = COOKIES};
    struct answer_scratch scratch = {0};
    struct event_answer answer;
    const char *reason;

    event_answer_parse(&answer, &scratch, &parts);
    check_answer(&answer, &parts);
    check_connect(body);
    FUZZ_CHECK(preflight_judge(false, status, head, SLICE_LITERAL("p.example:80"), &reason) ==
                   PREFLIGHT_PASSED ||
               reason);
    answer_scratch_release(&scratch);
    fuzz_free(head);
    fuzz_free(body);
    return 0;
}
