/* Event subscriptions are made, changed and deleted (spec/eventgrid.md 3.1, 4.7, 8.1). In this
 * order, so that no event is lost and none comes to who has not consented:
 *
 *     read and check -> the webhook consents -> its session is there -> stored -> heard -> answered
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "client/gateway.h"
#include "dispatch/arm_reply.h"
#include "dispatch/catalog_store.h"
#include "dispatch/management_call.h"
#include "dispatch/queue_name.h"
#include "dispatch/stored_subscription.h"
#include "dispatch/topic_types.h"
#include "json/json.h"

enum { SYSTEM_NAME_LETTERS = 40 }; /* of the resource's name, in that of its system topic */

/* ---------------------------------------------------------------- when it is stored */

static void append_queue(struct buffer *out, const struct management_call *call)
{
    queue_name_append(out, buffer_slice(&call->key), call->path.name);
}

static void answer_subscription(struct management_call *call)
{
    const struct catalog_subscription *subscription =
        catalog_find_subscription(call->grid->catalog, buffer_slice(&call->key), call->path.name);
    struct buffer body = {0};

    if (!subscription) {
        management_refuse_deleted(call);
        return;
    }
    arm_append_subscription(&body, subscription);
    management_answer(call, call->status, buffer_slice(&body));
    buffer_release(&body);
}

static void put_stored(struct changes *changes, bool are_stored)
{
    struct management_call *call = CONTAINER_OF(changes, struct management_call, changes);
    struct buffer queue = {0};

    if (are_stored) {
        answer_subscription(call);
        return;
    }
    append_queue(&queue, call);
    runner_drop_session(call->grid->runner, buffer_slice(&queue));
    buffer_release(&queue);
    management_refuse_for_now(call);
}

/* ---------------------------------------------------------------- the steps */

static void session_is_there(struct runner_wait *wait, bool is_there)
{
    struct management_call *call = CONTAINER_OF(wait, struct management_call, session);
    struct buffer stored = {0};

    if (!is_there) {
        management_refuse_for_now(call);
        return;
    }
    stored_subscription_append(&stored, &(struct stored_subscription){
                                            .name = call->path.name,
                                            .properties = buffer_slice(&call->properties->json),
                                            .state = call->state,
                                            .reason = buffer_slice(&call->found),
                                            .about = call->properties,
                                            .consent_until_ms = call->consent_until_ms,
                                        });
    changes_add(&call->changes, buffer_slice(&call->place), buffer_slice(&stored));
    buffer_release(&stored);
    changes_begin(&call->changes);
}

/* That of a subscription that is in force is its runner's: to take it over would send what is being
 * delivered once more. */
static void make_session(struct management_call *call)
{
    struct buffer queue = {0};

    if (catalog_find_subscription(call->grid->catalog, buffer_slice(&call->key), call->path.name)) {
        session_is_there(&call->session, true);
        return;
    }
    append_queue(&queue, call);
    call->session.done = session_is_there;
    runner_make_session(call->grid->runner, buffer_slice(&queue), &call->session);
    buffer_release(&queue);
}

static void consented(struct consent *consent, enum validation_verdict verdict,
                      struct slice sentence)
{
    struct management_call *call = CONTAINER_OF(consent, struct management_call, consent);

    if (verdict == VALIDATION_FAILED) {
        management_refuse(call, 400, "Url validation", "%.*s", SLICE_PRINT(sentence));
        return;
    }
    if (verdict == VALIDATION_BY_HAND) {
        call->state = STATE_AWAITING_MANUAL_ACTION;
        call->consent_until_ms =
            gateway_now(call->grid->gateway) + INT64_C(1000) * VALIDATION_BY_HAND_S;
        buffer_append(&call->found, sentence);
    }
    make_session(call);
}

/* Has the endpoint consented already, to events in this schema? */
static bool has_consented(const struct management_call *call)
{
    const struct catalog_subscription *before = call->subscription;

    return before && before->state == STATE_SUCCEEDED &&
           before->properties->destination.kind == DESTINATION_WEBHOOK &&
           consent_is_alike(before->properties, call->properties);
}

/* `topic_id`: of the source, which may be about to be made. */
static void begin(struct management_call *call, struct slice topic_id)
{
    call->status = call->subscription ? 200 : 201;
    call->state = STATE_SUCCEEDED;
    if (!consent_is_needed(call->grid, call->properties) || has_consented(call)) {
        make_session(call);
        return;
    }
    call->consent.done = consented;
    consent_ask(&call->consent, call->grid, call->properties,
                &(struct consent_target){buffer_slice(&call->key), call->path.name, topic_id});
}

/* ---------------------------------------------------------------- checks */

/* An event topic that gets events, or dead letters, must be there. */
static bool topic_is_there(const struct management_call *call, struct slice key)
{
    return key.length == 0 || catalog_find(call->grid->catalog, key) != NULL;
}

/* Reads it into call->properties. False: it has been refused. */
static bool read_properties(struct management_call *call, struct slice json,
                            const struct topic_properties *topic)
{
    struct buffer error = {0};
    const struct event_subscription *properties;

    call->properties =
        event_subscription_read(json, topic, gateway_now(call->grid->gateway), &error);
    properties = call->properties;
    if (!properties) {
        management_refuse_value(call, &error);
        buffer_release(&error);
        return false;
    }
    if (!topic_is_there(call, properties->destination.source_key) ||
        !topic_is_there(call, properties->dead_letter.source_key)) {
        management_refuse(call, 400, "InvalidRequest",
                          "The event topic that is to get events or dead letters was not found.");
        return false;
    }
    return true;
}

/* ---------------------------------------------------------------- a source that comes with it */

/* "sa-1a2b3c4d": of the resource's own name, and of all of its id. */
static void append_system_name(struct buffer *out, struct slice id)
{
    struct buffer lower = {0};
    size_t start = id.length;

    while (start > 0 && id.data[start - 1] != '/') {
        start--;
    }
    for (size_t i = start; i < id.length && out->length < SYSTEM_NAME_LETTERS; i++) {
        buffer_append_byte(out, ascii_is_alphanumeric(id.data[i]) ? id.data[i] : '-');
    }
    ascii_append_lower(&lower, id);
    buffer_append_format(out, "-%08x", (unsigned)(hash_fixed(buffer_slice(&lower)) & 0xFFFFFFFF));
    buffer_release(&lower);
}

/* The system topic of a resource that has none yet (2.2). False: it has been refused. */
static bool plan_system_topic(struct management_call *call)
{
    const struct topic_type *type = topic_type_of_resource(call->path.scope);
    struct buffer resource = {0}, stored = {0};

    if (!type) {
        management_refuse(call, 400, "InvalidRequest",
                          "What kind of events this resource has is not known: make a system topic "
                          "with this source first.");
        return false;
    }
    append_system_name(&call->names, call->path.scope);
    call->path.source.name = buffer_slice(&call->names);
    source_key_append(&call->key, &call->path.source);
    catalog_place_append(&call->place, buffer_slice(&call->key), call->path.name);
    buffer_append_string(&resource, "{\"location\":\"global\",\"properties\":{\"source\":");
    json_append_string(&resource, call->path.scope);
    buffer_append_format(&resource, ",\"topicType\":\"%s\"}}", topic_type_name(type));
    management_append_source(&stored, call, buffer_slice(&resource));
    changes_add(&call->changes, buffer_slice(&call->key), buffer_slice(&stored));
    buffer_release(&resource);
    buffer_release(&stored);
    return true;
}

/* The first event subscription makes a domain's topic (2.1), if that is so set. */
static const struct catalog_source *find_generous_domain(const struct management_call *call)
{
    struct source_name name = {.kind = SOURCE_DOMAIN, .name = call->path.source.name};
    const struct catalog_source *domain = NULL;
    struct buffer key = {0};

    if (call->path.scope.length == 0 && call->path.source.kind == SOURCE_DOMAIN_TOPIC &&
        !source_name_check(&call->path.source)) {
        source_key_append(&key, &name);
        domain = catalog_find(call->grid->catalog, buffer_slice(&key));
        buffer_release(&key);
    }
    return domain && domain->properties->creates_topics ? domain : NULL;
}

/* For what is not there yet. */
static void put_with_source(struct management_call *call)
{
    static const struct topic_properties of_system_topic = {.kind = SOURCE_SYSTEM_TOPIC};
    const struct catalog_source *domain = find_generous_domain(call);
    struct slice json = buffer_slice(&call->body);
    struct buffer id = {0};

    if (domain) {
        catalog_place_append(&call->place, buffer_slice(&call->key), call->path.name);
        source_id_append(&id, &call->path.source, call->path.azure_subscription,
                         call->path.resource_group);
    } else if (call->path.scope.length == 0) {
        management_refuse(call, 404, "ResourceNotFound", "The topic '%.*s' was not found.",
                          SLICE_PRINT(source_own_name(&call->path.source)));
        return;
    } else if (!plan_system_topic(call)) {
        return;
    }
    if (read_properties(call, json, domain ? domain->properties : &of_system_topic)) {
        begin(call, domain ? buffer_slice(&id) : call->path.scope);
    }
    buffer_release(&id);
}

/* ---------------------------------------------------------------- operations */

static void put(struct management_call *call, struct slice json)
{
    if (read_properties(call, json, catalog_properties(call->source))) {
        begin(call, catalog_topic_id(call->source));
    }
}

void management_put_subscription(struct management_call *call)
{
    const char *wrong = subscription_name_check(call->path.name);

    changes_init(&call->changes, call->grid, put_stored);
    if (wrong) {
        management_refuse(call, 400, "InvalidRequest", "%s", wrong);
    } else if (call->source) {
        put(call, buffer_slice(&call->body));
    } else {
        put_with_source(call);
    }
}

void management_patch_subscription(struct management_call *call)
{
    struct buffer whole = {0}, error = {0};

    changes_init(&call->changes, call->grid, put_stored);
    if (event_subscription_patch(buffer_slice(&call->subscription->properties->json),
                                 buffer_slice(&call->body), &whole, &error)) {
        put(call, buffer_slice(&whole));
    } else {
        management_refuse_value(call, &error);
    }
    buffer_release(&whole);
    buffer_release(&error);
}

/* One that is declared, too, is as declared again. */
void management_delete_subscription(struct management_call *call)
{
    const struct catalog_subscription *subscription = call->subscription;

    if (!subscription) {
        management_answer(call, 204, SLICE_EMPTY);
    } else if (subscription->is_declared && !subscription->is_set) {
        management_refuse_declared(call);
    } else {
        management_delete_place(call);
    }
}

/* ---------------------------------------------------------------- consent by hand (4.7) */

static void answer_consent(struct management_call *call)
{
    management_answer_text(call, 200, "Webhook successfully validated as a subscription endpoint.");
}

static void consent_stored(struct changes *changes, bool are_stored)
{
    struct management_call *call = CONTAINER_OF(changes, struct management_call, changes);

    if (are_stored) {
        answer_consent(call);
    } else {
        management_refuse_for_now(call);
    }
}

static void store_consent(struct management_call *call,
                          const struct catalog_subscription *subscription)
{
    const struct event_subscription *properties = subscription->properties;
    struct buffer stored = {0};

    stored_subscription_append(
        &stored,
        &(struct stored_subscription){
            .name = buffer_slice(&subscription->name),
            .properties = subscription->is_set ? buffer_slice(&properties->json) : SLICE_EMPTY,
            .state = STATE_SUCCEEDED,
            .about = properties,
        });
    catalog_place_append(&call->place, buffer_slice(&subscription->source->key),
                         buffer_slice(&subscription->name));
    changes_init(&call->changes, call->grid, consent_stored);
    changes_add(&call->changes, buffer_slice(&call->place), buffer_slice(&stored));
    buffer_release(&stored);
    changes_begin(&call->changes);
}

void management_consent(struct management_call *call)
{
    const struct gateway *gateway = call->grid->gateway;
    const struct catalog_subscription *subscription = NULL;
    struct validation_consent consent;

    if (validation_read_url(call->path.query, gateway->access->keys, gateway_now(gateway),
                            &call->names, &consent)) {
        subscription =
            catalog_find_subscription(call->grid->catalog, consent.source_key, consent.name);
    }
    if (!subscription || !validation_consents(&consent, subscription->properties)) {
        management_answer_text(call, 400,
                               "This is no URL of an event subscription that waits for its "
                               "validation, or it is more than 10 minutes old.");
    } else if (subscription->state == STATE_SUCCEEDED) {
        answer_consent(call);
    } else {
        store_consent(call, subscription);
    }
}
