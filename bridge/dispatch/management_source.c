/* Topics, domains, topics of domains, system topics, namespaces and their topics are made, changed
 * and deleted, and their keys (spec/eventgrid.md 8.1).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "client/gateway.h"
#include "dispatch/arm_reply.h"
#include "dispatch/catalog_store.h"
#include "dispatch/management_call.h"
#include "dispatch/queue_name.h"
#include "eventgrid/credential.h"
#include "json/json.h"

enum { DAY_MS = 86400000 };

/* ---------------------------------------------------------------- when it is stored */

static void append_archive_queue(struct buffer *out, const struct management_call *call)
{
    queue_name_append(out, buffer_slice(&call->key), SLICE_LITERAL(ARCHIVE_NAME));
}

void management_answer_source(struct management_call *call)
{
    const struct catalog_source *source =
        catalog_find(call->grid->catalog, buffer_slice(&call->key));
    struct buffer body = {0};

    if (!source) {
        management_refuse_deleted(call);
        return;
    }
    if (call->path.operation == ARM_REGENERATE_KEY) {
        arm_append_keys(&body, source);
    } else {
        management_append_shown(&body, call, source);
    }
    management_answer(call, call->status, buffer_slice(&body));
    buffer_release(&body);
}

static void changed(struct changes *changes, bool are_stored)
{
    struct management_call *call = CONTAINER_OF(changes, struct management_call, changes);

    if (!are_stored) {
        if (call->begins_archive) {
            struct buffer queue = {0};
            append_archive_queue(&queue, call);
            runner_drop_session(call->grid->runner, buffer_slice(&queue));
            buffer_release(&queue);
        }
        management_refuse_for_now(call);
    } else if (call->path.operation == ARM_DELETE_SOURCE) {
        management_answer(call, call->status, SLICE_EMPTY);
    } else if (call->path.operation == ARM_REGENERATE_KEY) {
        management_answer_source(call);
    } else {
        management_settle_rivalry(call);
    }
}

/* ---------------------------------------------------------------- what is stored */

static void append_member(struct buffer *out, const char *name, struct slice value)
{
    if (value.length > 0) {
        buffer_append_format(out, "%s\"%s\":", out->length > 1 ? "," : "", name);
        json_append_string(out, value);
    }
}

/* Those that it has, else new ones. Sources without publishers of their own have none. */
static void append_keys(struct buffer *out, const struct management_call *call)
{
    static const char *const names[] = {"key1", "key2"};
    const struct catalog_source *source = call->source;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct buffer key = {0};
        if (source) {
            buffer_append(&key, buffer_slice(i == 0 ? &source->key1 : &source->key2));
        }
        if (key.length == 0) {
            credential_new_key(&key, call->grid->gateway->random);
        }
        append_member(out, names[i], buffer_slice(&key));
        buffer_release(&key);
    }
}

/* The account in the path; if it names none, that which the resource has. */
static void append_account(struct buffer *out, const struct management_call *call)
{
    struct arm_scratch scratch = {0};
    struct arm_call own = call->path;
    struct arm_error error;

    if (own.azure_subscription.length == 0 && call->source) {
        arm_find(SLICE_LITERAL("GET"), buffer_slice(&call->source->id), &scratch, &own, &error);
    }
    append_member(out, "azureSubscription", own.azure_subscription);
    append_member(out, "resourceGroup", own.resource_group);
    arm_scratch_release(&scratch);
}

void management_append_source(struct buffer *out, const struct management_call *call,
                              struct slice resource)
{
    const struct source_name *name = &call->path.source;

    buffer_append_byte(out, '{');
    append_member(out, "name", source_own_name(name));
    append_account(out, call);
    if (source_has_keys(name->kind)) {
        append_keys(out, call);
    }
    buffer_append_string(out, ",\"resource\":");
    json_append_compact(out, resource);
    buffer_append_byte(out, '}');
}

/* ---------------------------------------------------------------- making it */

static bool refuse_name(struct management_call *call)
{
    const char *wrong = source_name_check(&call->path.source);

    if (wrong) {
        management_refuse(call, 400, "InvalidRequest", "%s", wrong);
    }
    return wrong != NULL;
}

/* What stands in the way of these properties. */
struct obstacle {
    int status; /* 0: nothing does */
    const char *code, *message;
};

static bool is_of_same_source(const struct topic_properties *a, const struct topic_properties *b)
{
    return a->kind == SOURCE_SYSTEM_TOPIC && equal_ignoring_case(a->source, b->source);
}

static bool have_both_mqtt(const struct topic_properties *a, const struct topic_properties *b)
{
    return a->kind == SOURCE_NAMESPACE && a->spaces.is_enabled && b->spaces.is_enabled;
}

/* Of sources of the same kind only one may be so. */
static struct obstacle find_rival(const struct management_call *call,
                                  const struct topic_properties *properties)
{
    static const struct {
        bool (*are_rivals)(const struct topic_properties *a, const struct topic_properties *b);
        struct obstacle obstacle;
    } rows[] = {
        {is_of_same_source, {409, "Conflict", "There is a system topic of this source already."}},
        {have_both_mqtt, {400, "InvalidRequest", MANAGEMENT_SECOND_MQTT}},
    };
    const struct catalog_source *source = NULL;

    while ((source = catalog_next(call->grid->catalog, source)) != NULL) {
        bool is_other = source != call->source && source->name.kind == properties->kind;
        for (size_t i = 0; is_other && i < sizeof(rows) / sizeof(rows[0]); i++) {
            if (rows[i].are_rivals(properties, source->properties)) {
                return rows[i].obstacle;
            }
        }
    }
    return (struct obstacle){0};
}

/* Does one of its event subscriptions keep events longer than the topic is to? */
static bool is_outlived(const struct catalog_source *source,
                        const struct topic_properties *properties)
{
    uint64_t most_ms = (uint64_t)properties->lifetime_days * DAY_MS;

    LIST_FOREACH (link, &source->subscriptions) {
        const struct catalog_subscription *subscription =
            CONTAINER_OF(link, struct catalog_subscription, link);
        if (subscription->properties->retry.time_to_live_ms > most_ms) {
            return true;
        }
    }
    return false;
}

/* MQTT messages become events of topics that are there, and take CloudEvents. */
static bool routes_lead_somewhere(const struct management_call *call, const struct routing *routing)
{
    for (size_t i = 0; i < routing->route_count; i++) {
        const struct catalog_source *topic =
            catalog_find(call->grid->catalog, routing->routes[i].source_key);
        if (!topic || catalog_properties(topic)->schema != SCHEMA_CLOUD_EVENTS) {
            return false;
        }
    }
    return true;
}

static struct obstacle find_obstacle(const struct management_call *call,
                                     const struct topic_properties *properties)
{
    /* Who publishes and subscribes rely on it. */
    if (call->source && properties->schema != call->source->properties->schema) {
        return (struct obstacle){
            409, "Conflict",
            "The inputSchema of what is there cannot be changed; delete it first."};
    }
    if (call->source && properties->kind == SOURCE_NAMESPACE_TOPIC &&
        is_outlived(call->source, properties)) {
        return (struct obstacle){409, "Conflict",
                                 "An event subscription has a longer eventTimeToLive than that; "
                                 "change it first."};
    }
    if (!routes_lead_somewhere(call, &properties->spaces.routing)) {
        return (struct obstacle){400, "InvalidRequest",
                                 "topicSpacesConfiguration: the event topic of a route was not "
                                 "found, or its inputSchema is not CloudEventSchemaV1_0."};
    }
    return find_rival(call, properties);
}

static void store(struct management_call *call, struct slice resource)
{
    struct buffer stored = {0};

    management_append_source(&stored, call, resource);
    if (call->source) {
        buffer_append(&call->before, buffer_slice(&call->source->texts.stored));
    }
    changes_init(&call->changes, call->grid, changed);
    changes_add(&call->changes, buffer_slice(&call->key), buffer_slice(&stored));
    buffer_release(&stored);
    changes_begin(&call->changes);
}

static void archive_is_there(struct runner_wait *wait, bool is_there)
{
    struct management_call *call = CONTAINER_OF(wait, struct management_call, session);

    if (is_there) {
        store(call, buffer_slice(&call->body));
    } else {
        management_refuse_for_now(call);
    }
}

/* What is to be kept from now on has a queue before an event can come. */
static void begin_archive(struct management_call *call)
{
    struct buffer queue = {0};

    call->begins_archive = true;
    append_archive_queue(&queue, call);
    call->session.done = archive_is_there;
    runner_make_session(call->grid->runner, buffer_slice(&queue), &call->session);
    buffer_release(&queue);
}

static bool is_kept(const struct catalog_source *source)
{
    return source && source->properties->retention_days > 0;
}

/* As the body says. */
static void put(struct management_call *call)
{
    struct buffer error = {0};
    struct topic_properties *properties =
        topic_properties_read(buffer_slice(&call->body), call->path.source.kind, &error);
    struct obstacle obstacle = {0};

    if (!properties) {
        management_refuse_value(call, &error);
    } else if ((obstacle = find_obstacle(call, properties)).status != 0) {
        management_refuse(call, obstacle.status, obstacle.code, "%s", obstacle.message);
    } else if (properties->retention_days > 0 && !is_kept(call->source)) {
        begin_archive(call);
    } else {
        store(call, buffer_slice(&call->body));
    }
    if (properties) {
        topic_properties_free(properties);
    }
    buffer_release(&error);
}

/* What the topic stands in must be there. */
static bool refuse_parent(struct management_call *call)
{
    struct source_name parent;
    struct buffer key = {0};
    bool is_there;

    if (!source_has_parent(call->path.source.kind)) {
        return false;
    }
    parent = source_parent(&call->path.source);
    source_key_append(&key, &parent);
    is_there = catalog_find(call->grid->catalog, buffer_slice(&key)) != NULL;
    buffer_release(&key);
    if (!is_there) {
        management_refuse(call, 404, "ParentResourceNotFound", "The %s '%.*s' was not found.",
                          parent.kind == SOURCE_DOMAIN ? "domain" : "namespace",
                          SLICE_PRINT(parent.name));
    }
    return !is_there;
}

void management_put_source(struct management_call *call)
{
    call->status = call->source ? 200 : 201;
    if (refuse_name(call) || refuse_parent(call)) {
        return;
    }
    if (call->path.source.kind == SOURCE_DOMAIN_TOPIC) {
        store(call, SLICE_LITERAL("{}"));
    } else {
        if (call->body.length == 0) {
            buffer_append_string(&call->body, "{}");
        }
        put(call);
    }
}

/* ---------------------------------------------------------------- changing it */

void management_patch_source(struct management_call *call)
{
    struct buffer whole = {0}, error = {0};

    call->status = 200;
    if (topic_properties_patch(buffer_slice(&call->source->properties->json),
                               buffer_slice(&call->body), &whole, &error)) {
        call->body.length = 0;
        buffer_append(&call->body, buffer_slice(&whole));
        put(call);
    } else {
        management_refuse_value(call, &error);
    }
    buffer_release(&whole);
    buffer_release(&error);
}

/* ---------------------------------------------------------------- its keys */

/* What is stored of it, with another key in this place. */
static void append_with_key(struct buffer *out, struct management_call *call, bool is_first,
                            struct slice key)
{
    const struct catalog_source *source = call->source;

    buffer_append_byte(out, '{');
    append_member(out, "name", source_own_name(&source->name));
    append_account(out, call);
    append_member(out, "key1", is_first ? key : buffer_slice(&source->key1));
    append_member(out, "key2", is_first ? buffer_slice(&source->key2) : key);
    if (source->is_set) {
        buffer_append_string(out, ",\"resource\":");
        buffer_append(out, buffer_slice(&source->properties->json));
    }
    buffer_append_byte(out, '}');
}

void management_regenerate_key(struct management_call *call)
{
    struct buffer stored = {0}, key = {0}, name = {0};
    struct json_value value;
    bool is_first, is_second;

    if (management_body_member(call, "keyName", &value) && value.type == JSON_STRING) {
        json_append_string_value(&name, &value);
    }
    is_first = equal_ignoring_case(buffer_slice(&name), SLICE_LITERAL("key1"));
    is_second = equal_ignoring_case(buffer_slice(&name), SLICE_LITERAL("key2"));
    buffer_release(&name);
    if (!is_first && !is_second) {
        management_refuse(call, 400, "InvalidRequest", "keyName must be key1 or key2.");
        return;
    }
    call->status = 200;
    credential_new_key(&key, call->grid->gateway->random);
    append_with_key(&stored, call, is_first, buffer_slice(&key));
    changes_init(&call->changes, call->grid, changed);
    changes_add(&call->changes, buffer_slice(&call->key), buffer_slice(&stored));
    buffer_release(&stored);
    buffer_release(&key);
    changes_begin(&call->changes);
}

/* ---------------------------------------------------------------- deleting it */

/* With what belongs to it, that first. False: something of it is declared, and stays. */
static bool take_away(struct changes *changes, const struct catalog_source *source)
{
    LIST_FOREACH (link, &source->topics) {
        if (!take_away(changes, CONTAINER_OF(link, struct catalog_source, topic_link))) {
            return false;
        }
    }
    LIST_FOREACH (link, &source->subscriptions) {
        const struct catalog_subscription *subscription =
            CONTAINER_OF(link, struct catalog_subscription, link);
        struct buffer place = {0};
        if (subscription->is_declared && !source->is_set) {
            return false;
        }
        catalog_place_append(&place, buffer_slice(&source->key), buffer_slice(&subscription->name));
        changes_add(changes, buffer_slice(&place), SLICE_EMPTY);
        buffer_release(&place);
    }
    LIST_FOREACH (link, &source->children) {
        const struct catalog_child *child = CONTAINER_OF(link, struct catalog_child, link);
        changes_add(changes, buffer_slice(&child->key), SLICE_EMPTY);
    }
    changes_add(changes, buffer_slice(&source->key), SLICE_EMPTY);
    return true;
}

/* One that is declared, too, is as declared again; what was subscribed to it stays. */
static bool plan_deletion(struct management_call *call)
{
    const struct catalog_source *source = call->source;

    if (!source->is_declared) {
        return take_away(&call->changes, source);
    }
    changes_add(&call->changes, buffer_slice(&source->key), SLICE_EMPTY);
    return source->is_set;
}

void management_delete_source(struct management_call *call)
{
    if (!call->source) {
        management_answer(call, 204, SLICE_EMPTY);
        return;
    }
    call->status = 200;
    changes_init(&call->changes, call->grid, changed);
    if (plan_deletion(call)) {
        changes_begin(&call->changes);
    } else {
        management_refuse_declared(call);
    }
}
