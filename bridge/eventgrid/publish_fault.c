/* The table of faults, and how an error is written: as Azure does, indented, with a sentence that
 * names the request.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/publish_fault.h"

#include "base/timestamp.h"
#include "json/json.h"

/* In a sentence: $S is the schema's name, $W what the fault is about, $H the same in upper case. */
#define CONFIGURED_FOR "This resource is configured for '$S' schema"
#define NOT_CONFORM                                                                                \
    "This resource is configured to receive event in '$S' schema. The JSON received does not "     \
    "conform to the expected schema."
#define REQUIRED_ATTRIBUTES                                                                        \
    "Please check required attributes at "                                                         \
    "https://github.com/cloudevents/spec/blob/v1.0/spec.md#required-attributes"

static const struct fault_row {
    int status;
    const char *code, *detail_code, *sentence;
} rows[PUBLISH_FAULTS] = {
    [FAULT_NO_CREDENTIAL] = {401, "Unauthorized", "Unauthorized",
                             "Request must contain one of the following authorization signature: "
                             "aeg-sas-token, aeg-sas-key."},
    [FAULT_NO_AUTHORIZATION] = {401, "Unauthorized", "Unauthorized",
                                "Request must contain an Authorization header with a "
                                "SharedAccessKey, a SharedAccessSignature or a Bearer token."},
    [FAULT_KEY] = {401, "Unauthorized", "Unauthorized",
                   "The request authorization key is not authorized for $H."},
    [FAULT_KEY_NO_BASE64] =
        {401, "Unauthorized", "Unauthorized",
         "The request authorization key is not authorized for $H. This is due to the reason: The "
         "input is not a valid Base-64 string as it contains a non-base 64 character, more than "
         "two padding characters, or an illegal character among the padding characters."},
    [FAULT_KEY_EMPTY] = {400, "BadRequest", "InvalidSas",
                         "Request must have a value for aeg-sas-key."},
    [FAULT_TOKEN_FORM] = {400, "BadRequest", "InvalidSas",
                          "Invalid key in aeg-sas-token. Valid format :r=UrlEncodedResource&e="
                          "UrlEncodedUtcExpiration&s=UrlEncodedSignature."},
    [FAULT_TOKEN_EXPIRED] = {401, "Unauthorized", "Unauthorized",
                             "The specified SAS token has expired for topic '$H'."},
    [FAULT_TOKEN_SIGNATURE] = {401, "Unauthorized", "Unauthorized",
                               "The specified SAS token signature is invalid for topic '$H'."},
    [FAULT_BEARER_UNREADABLE] = {401, "Unauthorized", "Unauthorized",
                                 "Unable to read access token."},
    [FAULT_BEARER] = {401, "Unauthorized", "Unauthorized", "$W"},
    [FAULT_SCHEME] = {401, "Unauthorized", "Unauthorized",
                      "Request has an unsupported Authorization scheme (must be "
                      "SharedAccessSignature or Bearer)."},
    [FAULT_NAMESPACE_SCHEME] = {401, "Unauthorized", "Unauthorized",
                                "Request has an unsupported Authorization scheme (must be "
                                "SharedAccessKey, SharedAccessSignature or Bearer)."},
    [FAULT_LOCAL_AUTH_OFF] = {401, "Unauthorized", "Unauthorized",
                              "Local authentication is disabled for this resource: its keys and "
                              "SAS tokens are not good, a bearer token is."},
    [FAULT_REQUEST_SIZE] = {413, "PayloadTooLarge", "PayloadTooLarge",
                            "The maximum size ($W) has been exceeded."},
    [FAULT_EVENT_SIZE] = {413, "PayloadTooLarge", "PayloadTooLarge",
                          "The maximum size ($W) has been exceeded."},
    [FAULT_EVENT_COUNT] = {413, "PayloadTooLarge", "PayloadTooLarge",
                           "The maximum number of events ($W) has been exceeded."},
    [FAULT_CONTENT_TYPE] =
        {415, "UnsupportedMediaType", "InvalidContentType",
         "The Content-Type header is either missing or it doesn't have a valid value. The content "
         "type header must either be application/cloudevents+json; charset=utf-8 or "
         "application/cloudevents-batch+json; charset=UTF-8."},
    [FAULT_CONTENT_MODE] = {400, "BadRequest", "InputJsonInvalid",
                            "Conflicting content mode: binary mode headers with structured mode "
                            "content type."},
    [FAULT_HEADER_MISSING] = {400, "BadRequest", "InvalidCloudEventHeader",
                              "$W header is missing for the cloud event. " REQUIRED_ATTRIBUTES},
    [FAULT_HEADER_EMPTY] = {400, "BadRequest", "InvalidCloudEventHeader",
                            "$W header is empty for the cloud event. " REQUIRED_ATTRIBUTES},
    [FAULT_JSON_END] = {400, "BadRequest", "InputJsonInvalid", "Unexpected end when reading JSON."},
    [FAULT_JSON_TOKEN] = {400, "BadRequest", "InputJsonInvalid",
                          "Unexpected token when reading JSON."},
    [FAULT_NOT_CONFORM] = {400, "BadRequest", "InputJsonInvalid", NOT_CONFORM},
    [FAULT_NOT_OBJECT] = {400, "BadRequest", "InputJsonInvalid",
                          NOT_CONFORM " Token Expected: StartObject, Actual Token Received: $W."},
    [FAULT_NOT_ARRAY] = {400, "BadRequest", "InputJsonInvalid",
                         NOT_CONFORM " Token Expected: StartArray, Actual Token Received: $W."},
    [FAULT_PROPERTY] = {400, "BadRequest", "InputJsonInvalid",
                        CONFIGURED_FOR " and requires '$W' property to be set."},
    [FAULT_TIME] = {400, "BadRequest", "InputJsonInvalid",
                    "The event time property '$W' was not a valid date/time."},
    [FAULT_METADATA_VERSION] =
        {400, "BadRequest", "InputJsonInvalid",
         "Property 'metadataVersion' was found to be set, but was expected to either be null or be "
         "set to 1."},
    [FAULT_TWO_DATA] = {400, "BadRequest", "InputJsonInvalid",
                        CONFIGURED_FOR ", in which only one of 'data' and 'data_base64' may be "
                                       "set."},
    [FAULT_BASE64] = {400, "BadRequest", "InputJsonInvalid",
                      CONFIGURED_FOR ", in which 'data_base64' must be a Base-64 string."},
    [FAULT_TOPIC] = {401, "Unauthorized", "Unauthorized",
                     "Property 'topic' was found to be set, but was expected to either be null or "
                     "be set to $W."},
    [FAULT_DOMAIN_TOPIC] = {400, "BadRequest", "InputJsonInvalid", "$W"},
};

const char *publish_schema_name(enum event_schema schema)
{
    static const char *const names[EVENT_SCHEMAS] = {
        [SCHEMA_EVENT_GRID] = "EventGridEvent",
        [SCHEMA_CLOUD_EVENTS] = "CloudEventV10",
        [SCHEMA_CUSTOM] = "CustomEvent",
    };

    return names[schema];
}

static void append_upper(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        buffer_append_byte(out, c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c);
    }
}

bool publish_fault_set(struct publish_error *error, struct buffer *message,
                       enum publish_fault fault, enum event_schema schema, struct slice what)
{
    const struct fault_row *row = &rows[fault];

    message->length = 0;
    for (const char *at = row->sentence; *at != '\0'; at++) {
        if (*at != '$') {
            buffer_append_byte(message, (uint8_t)*at);
        } else if (*++at == 'S') {
            buffer_append_string(message, publish_schema_name(schema));
        } else if (*at == 'W') {
            buffer_append(message, what);
        } else {
            append_upper(message, what);
        }
    }
    *error = (struct publish_error){.status = row->status,
                                    .code = row->code,
                                    .detail_code = row->detail_code,
                                    .message = buffer_slice(message)};
    return false;
}

/* --- how an error is written --- */

/* "1/5/2025 2:07:09 PM" */
static void append_us_time(struct buffer *out, int64_t ms)
{
    struct civil_time time = civil_time_from_ms(ms);

    buffer_append_format(out, "%u/%u/%d %u:%02u:%02u %s", time.month, time.day, time.year,
                         time.hour % 12 == 0 ? 12 : time.hour % 12, time.minute, time.second,
                         time.hour < 12 ? "AM" : "PM");
}

void publish_error_append(struct buffer *out, const struct publish_error *error,
                          struct slice request_id, int64_t now_ms)
{
    struct buffer sentence = {0}, quoted = {0};

    buffer_append(&sentence, error->message);
    if (error->status != 413) {
        buffer_append_format(&sentence, " Report '%.*s:1:", SLICE_PRINT(request_id));
        append_us_time(&sentence, now_ms);
        buffer_append_string(&sentence,
                             " (UTC)' to our forums for assistance or raise a support ticket.");
    }
    json_append_string(&quoted, buffer_slice(&sentence));
    buffer_append_format(
        out, "{\n    \"error\": {\n        \"code\": \"%s\",\n        \"message\": %.*s",
        error->code, SLICE_PRINT(buffer_slice(&quoted)));
    if (error->detail_code) {
        buffer_append_format(out,
                             ",\n        \"details\": [{\n            \"code\": \"%s\",\n"
                             "            \"message\": %.*s\n        }]",
                             error->detail_code, SLICE_PRINT(buffer_slice(&quoted)));
    }
    buffer_append_string(out, "\n    }\n}");
    buffer_release(&sentence);
    buffer_release(&quoted);
}
