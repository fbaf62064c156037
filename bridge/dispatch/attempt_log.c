/* See attempt_log.h. In a struct delivery, `event` is the event's id, `reason` the outcome, and
 * `connection` has why it was the last.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/attempt_log.h"

#include "base/timestamp.h"
#include "json/json.h"

static void add(struct delivery_log **log, const struct attempt *attempt, struct slice why_last)
{
    bool is_good = attempt->outcome == OUTCOME_DELIVERED;

    delivery_log_add(log, &(struct delivery){
                              .time = attempt->ended,
                              .latency_us = attempt->latency_us,
                              .attempt = attempt->number,
                              .status = attempt->status,
                              .reason = is_good ? NULL : delivery_outcome_name(attempt->outcome),
                              .event = attempt->event_id,
                              .connection = why_last,
                              .next = attempt->next,
                          });
}

void attempt_log_add(struct delivery_log **log, const struct attempt *attempt)
{
    add(log, attempt, SLICE_EMPTY);
}

void attempt_log_add_last(struct delivery_log **log, const struct attempt *attempt,
                          enum dead_letter_reason reason)
{
    struct buffer text = {0};

    dead_letter_reason_append(&text, reason, attempt->outcome);
    add(log, attempt, buffer_slice(&text));
    buffer_release(&text);
}

void attempt_append_json(struct buffer *out, const struct delivery *delivery)
{
    const char *outcome =
        delivery->reason ? delivery->reason : delivery_outcome_name(OUTCOME_DELIVERED);

    buffer_append_byte(out, '{');
    delivery_append_number(out, delivery);
    buffer_append_string(out, ",\"eventId\":");
    json_append_string(out, delivery->event);
    buffer_append_byte(out, ',');
    delivery_append_measures(out, delivery);
    buffer_append_format(out, ",\"outcome\":\"%s\",\"nextAttempt\":", outcome);
    if (delivery->next != 0) {
        buffer_append_byte(out, '"');
        timestamp_append(out, delivery->next);
        buffer_append_byte(out, '"');
    } else {
        buffer_append_string(out, "null");
    }
    if (delivery->connection.length > 0) {
        buffer_append_string(out, ",\"deadLetterReason\":");
        json_append_string(out, delivery->connection);
    }
    buffer_append_byte(out, '}');
}
