/* See admission.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/admission.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "client/connection_id.h"
#include "client/gateway.h"
#include "mqtt/reader.h"

enum {
    STATUS_SWITCHING = 101,
    STATUS_INTERNAL = 500,
    REFUSAL_TEXT_MAX = 1024, /* bytes of a handler's words that are passed on */
};

/* ---------------------------------------------------------------- what it came with */

void arrival_add(struct buffer *arrival, struct slice text)
{
    buffer_append_u32(arrival, (uint32_t)text.length);
    buffer_append(arrival, text);
}

static struct slice take_text(struct reader *reader)
{
    return reader_take(reader, reader_u32(reader));
}

/* The headers are the caller's to free. */
static struct connect_facts facts_of(const struct upgrade *upgrade, struct pair **headers)
{
    struct reader reader = reader_make(buffer_slice(&upgrade->arrival));
    struct connect_facts facts = {.claims = buffer_slice(&upgrade->claims)};
    size_t capacity = 0;

    *headers = NULL;
    facts.query = take_text(&reader);
    facts.subprotocols = take_text(&reader);
    while (reader_left(&reader) > 0) {
        if (facts.headers.count == capacity) {
            capacity = capacity == 0 ? 16 : 2 * capacity;
            *headers = memory_resize(*headers, capacity * sizeof(**headers));
        }
        (*headers)[facts.headers.count].key = take_text(&reader);
        (*headers)[facts.headers.count++].value = take_text(&reader);
    }
    facts.headers.items = *headers;
    return facts;
}

/* ---------------------------------------------------------------- the question */

static struct client_event event_of(const struct upgrade *upgrade)
{
    return (struct client_event){
        .settings = upgrade->settings,
        .hub = slice_from_string(upgrade->hub),
        .system = SYSTEM_EVENT_CONNECT,
        .user_id = buffer_slice(&upgrade->user),
        .data = {DATA_JSON, SLICE_EMPTY},
    };
}

bool admission_is_wanted(struct gateway *gateway, const struct upgrade *upgrade)
{
    const struct events *events = &gateway->events;
    struct client_event event;

    if (!events->ops || !upgrade_is_of_hub(upgrade) || upgrade->is_recovery) {
        return false;
    }
    event = event_of(upgrade);
    return events->ops->is_handled(events->context, &event);
}

void admission_raise(struct gateway *gateway, const struct upgrade *upgrade, struct slice name,
                     struct slice physical_connection, const struct connect_mqtt *mqtt,
                     struct event_wait *wait)
{
    const struct events *events = &gateway->events;
    struct client_event event = event_of(upgrade);
    struct buffer body = {0};
    struct pair *headers;
    struct connect_facts facts = facts_of(upgrade, &headers);

    facts.mqtt = mqtt;
    connect_body_append(&body, &facts);
    event.data.bytes = buffer_slice(&body);
    event.connection_id = name;
    event.physical_connection = physical_connection;
    if (mqtt) {
        event.subprotocol = SLICE_LITERAL("mqtt");
    }
    events->ops->raise(events->context, &event, wait);
    buffer_release(&body);
    free(headers);
}

/* ---------------------------------------------------------------- the answer */

static void set_bytes(struct buffer *buffer, struct slice bytes)
{
    buffer->length = 0;
    buffer_append(buffer, bytes);
}

static void take_groups(struct upgrade *upgrade, struct connect_answer *said)
{
    for (size_t i = 0; i < upgrade->group_count; i++) {
        buffer_release(&upgrade->groups[i]);
    }
    free(upgrade->groups);
    upgrade->groups = said->groups;
    upgrade->group_count = said->group_count;
    said->groups = NULL;
    said->group_count = 0;
}

static bool take_subprotocol(struct upgrade *upgrade, struct slice name)
{
    struct reader reader = reader_make(buffer_slice(&upgrade->arrival));
    struct slice query = take_text(&reader);
    struct slice offered = take_text(&reader);

    return upgrade_choose(upgrade, name, offered, query);
}

bool admission_apply(struct upgrade *upgrade, const struct event_answer *answer,
                     struct connect_answer *said)
{
    if (!connect_answer_read(said, answer->data.bytes)) {
        return false;
    }
    if (said->has_subprotocol && upgrade->kind != UPGRADE_MQTT_HUB &&
        !take_subprotocol(upgrade, buffer_slice(&said->subprotocol))) {
        connect_answer_release(said);
        return false;
    }
    if (said->has_user_id) {
        set_bytes(&upgrade->user, buffer_slice(&said->user_id));
    }
    if (said->has_roles) {
        roles_free(upgrade->roles);
        upgrade->roles = said->roles;
        said->roles = NULL;
    }
    if (said->group_count > 0) {
        take_groups(upgrade, said);
    }
    if (answer->has_state) {
        set_bytes(&upgrade->state, answer->state);
    }
    if (answer->has_cookies) {
        set_bytes(&upgrade->cookies, answer->cookies);
    }
    upgrade->was_asked = true;
    buffer_release(&upgrade->arrival); /* nobody asks again */
    buffer_release(&upgrade->claims);
    return true;
}

/* ---------------------------------------------------------------- of a handshake */

/* What the handler says about a refusal, if it can be shown. */
static struct slice refusal_text(const struct event_answer *answer)
{
    struct slice text = answer->data.bytes;
    bool is_text = answer->data.type == DATA_TEXT || answer->data.type == DATA_JSON;

    if (!is_text || text.length == 0 || text.length > REFUSAL_TEXT_MAX ||
        !utf8_is_well_formed(text)) {
        return SLICE_LITERAL("the event handler of the hub refuses the connection");
    }
    return text;
}

static struct admission_verdict judge(struct upgrade *upgrade, const struct event_answer *answer)
{
    struct connect_answer said = {0};

    if (answer->status >= 400 && answer->status <= 499) {
        return (struct admission_verdict){answer->status, refusal_text(answer)};
    }
    if (!event_answer_is_success(answer) || !admission_apply(upgrade, answer, &said)) {
        return (struct admission_verdict){
            STATUS_INTERNAL, SLICE_LITERAL("the event handler of the hub gives no valid answer")};
    }
    connect_answer_release(&said);
    return (struct admission_verdict){.status = STATUS_SWITCHING};
}

static void on_answer(struct event_wait *wait, const struct event_answer *answer)
{
    struct admission *admission = CONTAINER_OF(wait, struct admission, wait);
    struct admission_verdict verdict = judge(admission->upgrade, answer);

    admission->decided(admission, &verdict);
}

void admission_begin(struct admission *admission, struct gateway *gateway, struct upgrade *upgrade)
{
    char id[CONNECTION_ID_LENGTH];

    admission->gateway = gateway;
    admission->upgrade = upgrade;
    admission->wait = (struct event_wait){.answered = on_answer};
    connection_id_choose(gateway, id);
    set_bytes(&upgrade->connection_id, slice_make(id, sizeof(id)));
    admission_raise(gateway, upgrade, slice_make(id, sizeof(id)), SLICE_EMPTY, NULL,
                    &admission->wait);
}

void admission_cancel(struct admission *admission)
{
    const struct events *events = &admission->gateway->events;

    events->ops->cancel(events->context, &admission->wait);
}
