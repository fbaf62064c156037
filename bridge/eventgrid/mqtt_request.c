/* Requests of MQTT over HTTP: a table of paths, and one of parameters. See mqtt_request.h.
 *
 * A continuation token is the filter, a NUL, and the topic where the list goes on, in base64url.
 * It gives nobody a right: who may read what is asked anew each time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/mqtt_request.h"

#include "access/characters.h"
#include "access/url.h"
#include "mqtt/topic.h"
#include "mqtt/user_property.h"
#include "mqtt/utf8.h"
#include "secret/base64.h"
#include "secret/base64url.h"
#include "json/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---------------------------------------------------------------- paths */

static const struct route {
    struct slice path;
    const char *method;
    enum mqtt_operation operation;
} routes[] = {
    {SLICE_LITERAL("/mqtt/messages"), "POST", MQTT_PUBLISH},
    {SLICE_LITERAL("/mqtt/retainedMessages/message"), "GET", MQTT_READ},
    {SLICE_LITERAL("/mqtt/retainedMessages"), "GET", MQTT_LIST},
};

static const struct route *find_route(struct slice target)
{
    struct slice path = take_up_to(&target, '?');

    for (size_t i = 0; i < COUNT(routes); i++) {
        if (equal_ignoring_case(path, routes[i].path)) {
            return &routes[i];
        }
    }
    return NULL;
}

bool mqtt_request_is_path(struct slice target)
{
    return find_route(target) != NULL;
}

const char *mqtt_request_method(struct slice target)
{
    const struct route *route = find_route(target);

    return route ? route->method : "GET";
}

/* ---------------------------------------------------------------- values */

/* Each is false if the text is not good. */

static bool is_topic(struct slice topic)
{
    return topic_name_is_valid(topic) && topic_level_count(topic) <= TOPIC_LEVELS_MAX;
}

static bool is_filter(struct slice filter)
{
    struct slice name, rest;

    return topic_filter_is_valid(filter) && topic_level_count(filter) <= TOPIC_LEVELS_MAX &&
           !topic_filter_split_share(filter, &name, &rest);
}

static bool read_topic(struct mqtt_request *request, struct slice text)
{
    request->packet.publish.topic = request->filter = text;
    return is_topic(text);
}

static bool read_qos(struct mqtt_request *request, struct slice text)
{
    uint32_t qos;
    bool is_good = request_number_read(text, QOS_1, &qos);

    request->packet.publish.qos = is_good ? (enum qos)qos : QOS_1;
    return is_good;
}

static bool read_retain(struct mqtt_request *request, struct slice text)
{
    uint32_t retain;
    bool is_good = request_number_read(text, 1, &retain);

    request->packet.publish.retain = is_good && retain == 1;
    return is_good;
}

static bool read_format(struct mqtt_request *request, struct slice text)
{
    struct properties *properties = &request->packet.properties;
    uint32_t format;
    bool is_good = request_number_read(text, 1, &format);

    if (is_good) {
        properties->present |= PROPERTY_BIT(PAYLOAD_FORMAT_INDICATOR);
        properties->payload_format_indicator = (uint8_t)format;
    }
    return is_good;
}

/* 0: it never expires. */
static bool read_expiry(struct mqtt_request *request, struct slice text)
{
    struct properties *properties = &request->packet.properties;
    uint32_t *expiry = &properties->message_expiry_interval;
    bool is_good = request_number_read(text, UINT32_MAX, expiry);

    if (is_good && *expiry > 0) {
        properties->present |= PROPERTY_BIT(MESSAGE_EXPIRY_INTERVAL);
    }
    return is_good;
}

static bool read_content_type(struct mqtt_request *request, struct slice text)
{
    if (text.length > 0) {
        request->packet.properties.present |= PROPERTY_BIT(CONTENT_TYPE);
        request->packet.properties.content_type = text;
    }
    return text.length <= UINT16_MAX && utf8_is_valid_string(text);
}

static bool read_response_topic(struct mqtt_request *request, struct slice text)
{
    request->packet.properties.present |= PROPERTY_BIT(RESPONSE_TOPIC);
    request->packet.properties.response_topic = text;
    return is_topic(text);
}

/* A plus sign that nobody has escaped is a space in a query. */
static bool append_base64(struct buffer *out, struct slice text)
{
    struct buffer copy = {0};
    bool is_good;

    buffer_append(&copy, text);
    for (size_t i = 0; i < copy.length; i++) {
        copy.data[i] = copy.data[i] == ' ' ? '+' : copy.data[i];
    }
    is_good = base64_append_decoded(out, buffer_slice(&copy));
    buffer_release(&copy);
    return is_good;
}

static bool read_correlation(struct mqtt_request *request, struct slice text)
{
    bool is_good = append_base64(&request->correlation, text);

    request->packet.properties.present |= PROPERTY_BIT(CORRELATION_DATA);
    request->packet.properties.correlation_data = buffer_slice(&request->correlation);
    return is_good && request->correlation.length <= UINT16_MAX;
}

/* {"name":"value"} */
static bool append_pair(struct buffer *list, const struct json_value *object)
{
    struct json_walk walk = json_members(object);
    struct buffer name = {0}, value = {0};
    struct json_value text, another;
    struct slice key, other;
    bool is_good = json_next_member(&walk, &key, &text) && text.type == JSON_STRING &&
                   !json_next_member(&walk, &other, &another);

    if (is_good) {
        json_append_string_value(
            &name, &(struct json_value){JSON_STRING, slice_make(key.data - 1, key.length + 2)});
        json_append_string_value(&value, &text);
        is_good = name.length <= UINT16_MAX && value.length <= UINT16_MAX &&
                  utf8_is_valid_string(buffer_slice(&name)) &&
                  utf8_is_valid_string(buffer_slice(&value));
    }
    if (is_good) {
        write_user_pair(list, buffer_slice(&name), buffer_slice(&value));
    }
    buffer_release(&name);
    buffer_release(&value);
    return is_good;
}

/* [{"name":"value"}, ..], in base64 */
static bool read_user_properties(struct mqtt_request *request, struct slice text)
{
    struct properties *properties = &request->packet.properties;
    struct json_value array, object;
    struct json_walk walk;
    struct buffer json = {0};
    bool is_good = append_base64(&json, text) && json_parse(buffer_slice(&json), &array) &&
                   array.type == JSON_ARRAY;

    if (is_good) {
        walk = json_elements(&array);
        while (is_good && json_next_element(&walk, &object)) {
            is_good = object.type == JSON_OBJECT && append_pair(&request->user_properties, &object);
        }
    }
    properties->present |= PROPERTY_BIT(USER_PROPERTY);
    properties->raw = buffer_slice(&request->user_properties);
    buffer_release(&json);
    return is_good;
}

static bool read_filter(struct mqtt_request *request, struct slice text)
{
    request->filter = text;
    return is_filter(text);
}

/* Its filter is the one of the list; a topicFilter beside it has to be the same. */
static bool read_token(struct mqtt_request *request, struct slice text)
{
    struct slice beside = request->filter, rest, filter;

    if (!base64url_decode(&request->position, text)) {
        return false;
    }
    rest = buffer_slice(&request->position);
    filter = take_up_to(&rest, '\0');
    request->filter = filter;
    request->behind = rest;
    return is_filter(filter) && topic_name_is_valid(rest) &&
           (beside.length == 0 || slice_equal(beside, filter));
}

static bool read_results_max(struct mqtt_request *request, struct slice text)
{
    return request_number_read(text, MQTT_RESULTS_MAX, &request->results_max) &&
           request->results_max > 0;
}

void mqtt_token_append(struct buffer *out, struct slice filter, struct slice behind)
{
    struct buffer text = {0};

    buffer_append(&text, filter);
    buffer_append_byte(&text, '\0');
    buffer_append(&text, behind);
    base64url_append(out, buffer_slice(&text));
    buffer_release(&text);
}

/* ---------------------------------------------------------------- parameters */

#define OF(operation) (1u << (operation))

enum place { IN_QUERY, IN_BOTH, IN_BOTH_ESCAPED /* in the header, %xx */ };

static const struct parameter {
    unsigned operations;
    enum place place;
    const char *name;
    bool (*read)(struct mqtt_request *request, struct slice text);
    struct slice wrong;
} parameters[] = {
    {OF(MQTT_PUBLISH) | OF(MQTT_READ), IN_QUERY, "topic", read_topic,
     SLICE_LITERAL("topic must be the name of an MQTT topic.")},
    {OF(MQTT_PUBLISH), IN_BOTH, "content-type", read_content_type,
     SLICE_LITERAL("content-type must be UTF-8.")},
    {OF(MQTT_PUBLISH), IN_BOTH, "mqtt-qos", read_qos, SLICE_LITERAL("mqtt-qos must be 0 or 1.")},
    {OF(MQTT_PUBLISH), IN_BOTH, "mqtt-retain", read_retain,
     SLICE_LITERAL("mqtt-retain must be 0 or 1.")},
    {OF(MQTT_PUBLISH), IN_BOTH, "mqtt-payload-format-indicator", read_format,
     SLICE_LITERAL("mqtt-payload-format-indicator must be 0 or 1.")},
    {OF(MQTT_PUBLISH), IN_BOTH, "mqtt-message-expiry", read_expiry,
     SLICE_LITERAL("mqtt-message-expiry must be a number of seconds.")},
    {OF(MQTT_PUBLISH), IN_BOTH_ESCAPED, "mqtt-response-topic", read_response_topic,
     SLICE_LITERAL("mqtt-response-topic must be the name of an MQTT topic, percent-encoded.")},
    {OF(MQTT_PUBLISH), IN_BOTH, "mqtt-correlation-data", read_correlation,
     SLICE_LITERAL("mqtt-correlation-data must be at most 65535 bytes in base64.")},
    {OF(MQTT_PUBLISH), IN_BOTH, "mqtt-user-properties", read_user_properties,
     SLICE_LITERAL("mqtt-user-properties must be a JSON array of objects with one text each, in "
                   "base64: [{\"name\":\"value\"}].")},
    {OF(MQTT_LIST), IN_QUERY, "topicFilter", read_filter,
     SLICE_LITERAL("topicFilter must be an MQTT topic filter.")},
    {OF(MQTT_LIST), IN_QUERY, "continuationToken", read_token,
     SLICE_LITERAL("continuationToken must be one that an answer has given.")},
    {OF(MQTT_LIST), IN_QUERY, "maxResults", read_results_max,
     SLICE_LITERAL("maxResults must be a number from 1 to 100.")},
};
_Static_assert(COUNT(parameters) == MQTT_PARAMETERS, "each has its text");

static bool find_header(struct pairs headers, const char *name, struct slice *value)
{
    for (size_t i = 0; i < headers.count; i++) {
        if (equal_ignoring_case(headers.items[i].key, slice_from_string(name))) {
            *value = trim_blanks(headers.items[i].value);
            return true;
        }
    }
    return false;
}

/* Appends the parameter's value. False: it is not there; `is_good` becomes false if it cannot be
 * decoded. */
static bool find_value(const struct parameter *parameter, const struct mqtt_source *source,
                       struct buffer *out, bool *is_good)
{
    struct slice query = source->target, value;

    take_up_to(&query, '?');
    if (url_query_find(query, parameter->name, out)) {
        return true;
    }
    if (parameter->place == IN_QUERY || !find_header(source->headers, parameter->name, &value)) {
        return false;
    }
    if (parameter->place == IN_BOTH_ESCAPED) {
        *is_good = url_append_decoded(out, value, false);
    } else {
        buffer_append(out, value);
    }
    return true;
}

static bool read_parameters(struct mqtt_request *request, const struct mqtt_source *source,
                            struct request_error *error)
{
    for (size_t i = 0; i < COUNT(parameters); i++) {
        const struct parameter *parameter = &parameters[i];
        struct buffer *text = &request->texts[i];
        bool is_good = true;
        if (parameter->operations & OF(request->operation) &&
            find_value(parameter, source, text, &is_good) &&
            (!is_good || !parameter->read(request, buffer_slice(text)))) {
            return request_refuse(error, parameter->wrong);
        }
    }
    return true;
}

/* ---------------------------------------------------------------- requests */

static bool is_whole(const struct mqtt_request *request, struct request_error *error)
{
    const struct properties *properties = &request->packet.properties;

    if (request->filter.length == 0) {
        return request_refuse(error,
                              request->operation == MQTT_LIST
                                  ? SLICE_LITERAL("A topicFilter or a continuationToken is needed.")
                                  : SLICE_LITERAL("A topic is needed: ?topic=..."));
    }
    if (properties_have(properties, PROPERTY_PAYLOAD_FORMAT_INDICATOR) &&
        properties->payload_format_indicator == 1 &&
        !utf8_is_well_formed(request->packet.publish.payload)) {
        return request_refuse(error, SLICE_LITERAL("The body is not UTF-8, which the "
                                                   "mqtt-payload-format-indicator says."));
    }
    return true;
}

bool mqtt_request_parse(struct mqtt_request *request, const struct mqtt_source *source,
                        struct request_error *error)
{
    static const struct request_error no_path = {
        404, "NotFound", SLICE_LITERAL("There is no such resource at this address.")};
    static const struct request_error no_method = {
        405, "MethodNotAllowed", SLICE_LITERAL("The method is not allowed at this address.")};
    const struct route *route = find_route(source->target);
    struct slice query = source->target;

    *request = (struct mqtt_request){
        .operation = route ? route->operation : MQTT_OPERATIONS,
        .packet = {.type = PACKET_PUBLISH, .publish = {.qos = QOS_1, .payload = source->body}},
        .results_max = MQTT_RESULTS_MAX,
    };
    take_up_to(&query, '?');
    if (!route || !slice_equal(source->method, slice_from_string(route->method))) {
        *error = route ? no_method : no_path;
        return false;
    }
    if (!url_query_is_valid(query)) {
        return request_refuse(error, SLICE_LITERAL("The query is not percent-encoded."));
    }
    return read_parameters(request, source, error) && is_whole(request, error);
}

void mqtt_request_release(struct mqtt_request *request)
{
    for (size_t i = 0; i < COUNT(request->texts); i++) {
        buffer_release(&request->texts[i]);
    }
    buffer_release(&request->correlation);
    buffer_release(&request->user_properties);
    buffer_release(&request->position);
}
