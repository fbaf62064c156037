/* See request_error.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/request_error.h"

#include "json/json.h"

const struct request_error request_unavailable = {
    503, "ServiceUnavailable",
    SLICE_LITERAL("The request cannot be carried out now. Please send it again.")};

bool request_refuse(struct request_error *error, struct slice message)
{
    *error = (struct request_error){400, "BadRequest", message};
    return false;
}

void request_error_append(struct buffer *out, const struct request_error *error)
{
    buffer_append_format(out, "{\"error\":{\"code\":\"%s\",\"message\":", error->code);
    json_append_string(out, error->message);
    buffer_append_string(out, ",\"details\":[]}}");
}

bool request_number_read(struct slice text, uint32_t most, uint32_t *number)
{
    struct json_value value;
    uint64_t wide;

    if (!json_parse(text, &value) || value.type != JSON_NUMBER || !json_to_u64(&value, &wide) ||
        wide > most) {
        return false;
    }
    *number = (uint32_t)wide;
    return true;
}
