/* The body of the connect event. See connect.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/connect.h"

#include <stdlib.h>

#include "access/characters.h"
#include "access/head.h"
#include "access/url.h"
#include "base/memory.h"
#include "events/body.h"
#include "secret/base64.h"
#include "json/json.h"

enum { CONNECT_VALUES_MAX = 512 }; /* of the query, and of the headers: more are left out */

static void append_comma(struct buffer *out, bool is_first)
{
    if (!is_first) {
        buffer_append_byte(out, ',');
    }
}

/* ---------------------------------------------------------------- claims */

/* As a string, whatever it is. */
static void append_claim_value(struct buffer *out, const struct json_value *value)
{
    if (value->type == JSON_STRING) {
        struct buffer text = {0};
        json_append_string_value(&text, value);
        json_append_string(out, buffer_slice(&text));
        buffer_release(&text);
    } else {
        json_append_string(out, value->text);
    }
}

static void append_claim_values(struct buffer *out, const struct json_value *value)
{
    struct json_value element;
    bool is_first = true;

    buffer_append_byte(out, '[');
    if (value->type == JSON_ARRAY) {
        struct json_walk walk = json_elements(value);
        for (; json_next_element(&walk, &element); is_first = false) {
            append_comma(out, is_first);
            append_claim_value(out, &element);
        }
    } else {
        append_claim_value(out, value);
    }
    buffer_append_byte(out, ']');
}

static void append_claims(struct buffer *out, struct slice text)
{
    struct json_value claims, value;
    struct slice key;
    bool is_first = true;

    buffer_append_byte(out, '{');
    if (json_parse(text, &claims) && claims.type == JSON_OBJECT) {
        struct json_walk walk = json_members(&claims);
        for (; json_next_member(&walk, &key, &value); is_first = false) {
            append_comma(out, is_first);
            buffer_append_byte(out, '"');
            buffer_append(out, key); /* raw, as it came */
            buffer_append_string(out, "\":");
            append_claim_values(out, &value);
        }
    }
    buffer_append_byte(out, '}');
}

/* ---------------------------------------------------------------- names with several values */

typedef bool equal_names(struct slice a, struct slice b);

/* {"name":["value",...],...}, where each name stands once, at its first place. */
static void append_multimap(struct buffer *out, struct pairs pairs, const char *left_out,
                            equal_names *equal)
{
    size_t count = pairs.count < CONNECT_VALUES_MAX ? pairs.count : CONNECT_VALUES_MAX;
    bool done[CONNECT_VALUES_MAX] = {false}, is_first = true;

    buffer_append_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        struct slice name = pairs.items[i].key;
        if (done[i] || equal_ignoring_case(name, slice_from_string(left_out))) {
            continue;
        }
        append_comma(out, is_first);
        is_first = false;
        json_append_string(out, name);
        buffer_append_string(out, ":[");
        for (size_t j = i; j < count; j++) {
            if (!done[j] && equal(pairs.items[j].key, name)) {
                append_comma(out, j == i);
                json_append_string(out, pairs.items[j].value);
                done[j] = true;
            }
        }
        buffer_append_byte(out, ']');
    }
    buffer_append_byte(out, '}');
}

static void append_query(struct buffer *out, struct slice query)
{
    struct pair *items = memory_allocate_zero(CONNECT_VALUES_MAX * sizeof(*items));
    struct buffer text = {0}, name = {0};
    size_t count = 0;

    buffer_reserve(&text, query.length); /* decoding makes nothing longer: the slices stay */
    while (count < CONNECT_VALUES_MAX) {
        size_t from = text.length, middle;
        name.length = 0;
        if (!url_query_next(&query, &text, &name)) {
            break;
        }
        middle = text.length;
        buffer_append(&text, buffer_slice(&name));
        items[count++] = (struct pair){slice_make(text.data + from, middle - from),
                                       slice_from(buffer_slice(&text), middle)};
    }
    append_multimap(out, (struct pairs){items, count}, "access_token", slice_equal);
    buffer_release(&text);
    buffer_release(&name);
    free(items);
}

/* ---------------------------------------------------------------- the whole */

/* The items of a header's list. */
static void append_list(struct buffer *out, struct slice list)
{
    bool is_first = true;

    while (list.length > 0) {
        struct slice item = trim_blanks(take_up_to(&list, ','));
        if (item.length > 0) {
            append_comma(out, is_first);
            json_append_string(out, item);
            is_first = false;
        }
    }
}

static void append_connect_mqtt(struct buffer *out, const struct connect_mqtt *mqtt)
{
    buffer_append_format(out, ",\"mqtt\":{\"protocolVersion\":%u,\"cleanStart\":", mqtt->version);
    buffer_append_string(out, mqtt->clean_start ? "true" : "false");
    buffer_append_string(out, ",\"username\":");
    if (mqtt->has_user_name) {
        json_append_string(out, mqtt->user_name);
    } else {
        buffer_append_string(out, "null");
    }
    buffer_append_string(out, ",\"password\":");
    if (mqtt->has_password) {
        buffer_append_byte(out, '"');
        base64_append(out, mqtt->password);
        buffer_append_byte(out, '"');
    } else {
        buffer_append_string(out, "null");
    }
    buffer_append_byte(out, ',');
    user_properties_append(out, mqtt->user_properties);
    buffer_append_byte(out, '}');
}

void connect_body_append(struct buffer *out, const struct connect_facts *facts)
{
    buffer_append_string(out, "{\"claims\":");
    append_claims(out, facts->claims);
    buffer_append_string(out, ",\"query\":");
    append_query(out, facts->query);
    buffer_append_string(out, ",\"headers\":");
    append_multimap(out, facts->headers, "authorization", equal_ignoring_case);
    buffer_append_string(out, ",\"subprotocols\":[");
    append_list(out, facts->subprotocols);
    buffer_append_string(out, "],\"clientCertificates\":[]");
    if (facts->mqtt) {
        append_connect_mqtt(out, facts->mqtt);
    }
    buffer_append_byte(out, '}');
}
