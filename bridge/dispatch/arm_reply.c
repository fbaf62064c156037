/* See arm_reply.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/arm_reply.h"

#include "access/characters.h"
#include "access/url.h"
#include "rest/filter.h"
#include "json/json.h"

/* --- resources --- */

static const struct {
    const char *type; /* of the resource */
    /* The publishers' part of the URL is what stands before the name, between it and that of its
     * topic, and at the end; NULL: it has none of its own. */
    const char *before, *between, *end;
} kinds[SOURCE_KINDS] = {
    [SOURCE_TOPIC] = {"topics", "/topics/", "", "/api/events"},
    [SOURCE_DOMAIN] = {"domains", "/domains/", "", "/api/events"},
    [SOURCE_DOMAIN_TOPIC] = {"domains/topics", NULL, NULL, NULL},
    [SOURCE_SYSTEM_TOPIC] = {"systemTopics", NULL, NULL, NULL},
    [SOURCE_NAMESPACE] = {"namespaces", "/", "", ""},
    [SOURCE_NAMESPACE_TOPIC] = {"namespaces/topics", "/", "/topics/", ":publish"},
};

static void append_string_member(struct buffer *out, const char *name, struct slice value)
{
    buffer_append_format(out, "\"%s\":", name);
    json_append_string(out, value);
}

/* What a resource may have around its properties, in the order of a GET. */
static const struct {
    const char *name, *otherwise; /* JSON that stands for it; NULL: it is left out */
} given_members[] = {
    {"location", "\"local\""}, {"tags", "{}"}, {"identity", NULL}, {"sku", NULL}, {"kind", NULL}};

static bool find_given(const struct topic_properties *properties, const char *name,
                       struct json_value *value)
{
    struct json_value resource;

    return properties && json_parse(buffer_slice(&properties->json), &resource) &&
           resource.type == JSON_OBJECT && json_find_member(&resource, name, value) &&
           value->type != JSON_NULL;
}

/* The members of what the resource was made with, or what stands for them. */
static void append_given(struct buffer *out, const struct topic_properties *properties)
{
    struct json_value value;

    for (size_t i = 0; i < sizeof(given_members) / sizeof(given_members[0]); i++) {
        const char *name = given_members[i].name, *otherwise = given_members[i].otherwise;
        bool is_given = find_given(properties, name, &value);
        if (is_given || otherwise) {
            buffer_append_format(out, ",\"%s\":", name);
            buffer_append(out, is_given ? value.text : slice_from_string(otherwise));
        }
    }
}

static void append_properties(struct buffer *out, const struct catalog_source *source,
                              const struct arm_server *server)
{
    const char *before = kinds[source->name.kind].before;

    buffer_append_string(out, "{\"provisioningState\":\"Succeeded\",");
    append_string_member(out, "metricResourceId", buffer_slice(&source->key));
    if (before) {
        struct buffer endpoint = {0};
        buffer_append_format(&endpoint, "%.*s%s%.*s%s%.*s%s", SLICE_PRINT(server->base_url), before,
                             SLICE_PRINT(source->name.name), kinds[source->name.kind].between,
                             SLICE_PRINT(source->name.topic), kinds[source->name.kind].end);
        buffer_append_byte(out, ',');
        append_string_member(out, "endpoint", buffer_slice(&endpoint));
        buffer_release(&endpoint);
    }
    if (source->properties) {
        buffer_append_byte(out, ',');
        topic_properties_append_members(out, source->properties, server->host);
    }
    buffer_append_byte(out, '}');
}

void arm_append_source(struct buffer *out, const struct catalog_source *source,
                       const struct arm_server *server)
{
    const struct source_name *name = &source->name;

    buffer_append_byte(out, '{');
    append_string_member(out, "id", buffer_slice(&source->id));
    buffer_append_byte(out, ',');
    append_string_member(out, "name", source_own_name(name));
    buffer_append_format(out, ",\"type\":\"Microsoft.EventGrid/%s\"", kinds[name->kind].type);
    if (!source_has_parent(name->kind)) {
        append_given(out, source->properties);
    }
    buffer_append_string(out, ",\"properties\":");
    append_properties(out, source, server);
    buffer_append_string(out, ",\"systemData\":{}}");
}

void arm_append_keys(struct buffer *out, const struct catalog_source *source)
{
    buffer_append_byte(out, '{');
    append_string_member(out, "key1", buffer_slice(&source->key1));
    buffer_append_byte(out, ',');
    append_string_member(out, "key2", buffer_slice(&source->key2));
    buffer_append_byte(out, '}');
}

void arm_append_subscription(struct buffer *out, const struct catalog_subscription *subscription)
{
    const struct catalog_source *source = subscription->source;
    bool of_namespace = subscription->properties->of_namespace;
    struct buffer id = {0};

    buffer_append(&id, buffer_slice(&source->id));
    buffer_append_string(&id, of_namespace ? "/eventSubscriptions/"
                                           : "/providers/Microsoft.EventGrid/eventSubscriptions/");
    buffer_append(&id, buffer_slice(&subscription->name));
    buffer_append_byte(out, '{');
    append_string_member(out, "id", buffer_slice(&id));
    buffer_append_byte(out, ',');
    append_string_member(out, "name", buffer_slice(&subscription->name));
    buffer_append_format(out, ",\"type\":\"Microsoft.EventGrid/%s\",\"properties\":{",
                         of_namespace ? "namespaces/topics/eventSubscriptions"
                                      : "eventSubscriptions");
    if (!of_namespace) {
        append_string_member(out, "topic", catalog_topic_id(source));
        buffer_append_byte(out, ',');
    }
    buffer_append_format(out, "\"provisioningState\":\"%s\",",
                         subscription_state_name(subscription->state));
    if (subscription->state_reason.length > 0) {
        append_string_member(out, "provisioningStateReason",
                             buffer_slice(&subscription->state_reason));
        buffer_append_byte(out, ',');
    }
    event_subscription_append_members(out, subscription->properties);
    buffer_append_string(out, "},\"systemData\":{}}");
    buffer_release(&id);
}

void arm_append_child(struct buffer *out, const struct catalog_child *child)
{
    const struct child_kind_info *kind = &child_kinds[child->kind];
    struct buffer id = {0};

    buffer_append_format(&id, "%.*s/%.*s/%.*s", SLICE_PRINT(child->source->id),
                         SLICE_PRINT(kind->collection), SLICE_PRINT(child->name));
    buffer_append_byte(out, '{');
    append_string_member(out, "id", buffer_slice(&id));
    buffer_append_byte(out, ',');
    append_string_member(out, "name", buffer_slice(&child->name));
    buffer_append_format(
        out, ",\"type\":\"%s\",\"properties\":{\"provisioningState\":\"Succeeded\",", kind->type);
    namespace_child_append_members(out, child->resource);
    buffer_append_string(out, "},\"systemData\":{}}");
    buffer_release(&id);
}

void arm_append_full_url(struct buffer *out, const struct catalog_subscription *subscription)
{
    buffer_append_byte(out, '{');
    append_string_member(out, "endpointUrl", subscription->properties->destination.url);
    buffer_append_byte(out, '}');
}

void arm_append_attributes(struct buffer *out, const struct catalog_subscription *subscription)
{
    buffer_append_string(out, "{\"value\":");
    event_subscription_append_attributes(out, subscription->properties);
    buffer_append_byte(out, '}');
}

/* --- what can be done --- */

static const struct {
    const char *type, *noun; /* of resource */
    const char *actions[3];  /* beside reading, writing and deleting it */
} operations[] = {
    {"topics", "Topic", {"listKeys", "regenerateKey"}},
    {"domains", "Domain", {"listKeys", "regenerateKey"}},
    {"domains/topics", "Domain Topic", {NULL}},
    {"systemTopics", "System Topic", {NULL}},
    {"eventSubscriptions", "Event Subscription", {"getFullUrl", "getDeliveryAttributes"}},
    {"namespaces", "Namespace", {"listKeys", "regenerateKey"}},
    {"namespaces/topics", "Namespace Topic", {"listKeys", "regenerateKey"}},
    {"namespaces/topics/eventSubscriptions",
     "Namespace Topic Event Subscription",
     {"getFullUrl", "getDeliveryAttributes"}},
    {"namespaces/clients", "Client", {NULL}},
    {"namespaces/clientGroups", "Client Group", {NULL}},
    {"namespaces/topicSpaces", "Topic Space", {NULL}},
    {"namespaces/permissionBindings", "Permission Binding", {NULL}},
    {"namespaces/caCertificates", "CA Certificate", {NULL}},
};

static void append_operation(struct buffer *out, const char *type, const char *noun,
                             const char *verb, const char *kind)
{
    buffer_append_format(out,
                         "%s{\"name\":\"Microsoft.EventGrid/%s/%s%s\",\"display\":{"
                         "\"provider\":\"Microsoft Event Grid\",\"resource\":\"%s\","
                         "\"operation\":\"%s %s\",\"description\":\"%s %s\"},"
                         "\"origin\":\"user,system\"}",
                         out->data[out->length - 1] == '[' ? "" : ",", type, verb, kind, noun, verb,
                         noun, verb, noun);
}

void arm_append_operations(struct buffer *out)
{
    static const char *const verbs[] = {"read", "write", "delete"};

    buffer_append_string(out, "{\"value\":[");
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        const char *type = operations[i].type, *noun = operations[i].noun;
        for (size_t verb = 0; verb < sizeof(verbs) / sizeof(verbs[0]); verb++) {
            append_operation(out, type, noun, verbs[verb], "");
        }
        for (size_t action = 0; operations[i].actions[action]; action++) {
            append_operation(out, type, noun, operations[i].actions[action], "/action");
        }
    }
    buffer_append_string(out, "]}");
}

/* --- pages --- */

/* A source's key and a name have no blank: it sorts before all that they have. */
static void append_place(struct buffer *out, const struct arm_place *place)
{
    buffer_append(out, place->source_key);
    if (place->name.length > 0) {
        buffer_append_byte(out, ' ');
        if (place->name_has_case) {
            buffer_append(out, place->name);
        } else {
            ascii_append_lower(out, place->name);
        }
    }
}

static bool is_behind(struct slice place, struct slice other)
{
    size_t shorter = place.length < other.length ? place.length : other.length;
    int order = shorter > 0 ? memcmp(place.data, other.data, shorter) : 0;

    return order > 0 || (order == 0 && place.length > other.length);
}

void arm_page_begin(struct arm_page *page, struct buffer *out, const struct filter *filter,
                    struct slice skip_token, uint32_t most)
{
    *page = (struct arm_page){.out = out, .filter = filter, .skip_token = skip_token, .left = most};
    buffer_append_string(out, "{\"value\":[");
}

static bool is_wanted(const struct arm_page *page, struct slice name)
{
    struct buffer lower = {0};

    if (!page->filter) {
        return true;
    }
    ascii_append_lower(&lower, name);
    bool is_wanted =
        filter_matches(page->filter, &(struct filter_subject){.name = buffer_slice(&lower)});
    buffer_release(&lower);
    return is_wanted;
}

bool arm_page_takes(struct arm_page *page, struct slice name, const struct arm_place *place)
{
    struct buffer here = {0};

    if (page->has_more || !is_wanted(page, name)) {
        return false;
    }
    append_place(&here, place);
    if (!is_behind(buffer_slice(&here), page->skip_token) || page->left == 0) {
        page->has_more = page->left == 0;
        buffer_release(&here);
        return false;
    }
    page->left--;
    buffer_append_string(page->out, page->count++ > 0 ? "," : "");
    buffer_release(&page->last);
    page->last = here;
    return true;
}

void arm_page_end(struct arm_page *page, struct slice link)
{
    struct buffer next = {0};

    buffer_append_string(page->out, "],\"nextLink\":");
    if (page->has_more) {
        buffer_append(&next, link);
        buffer_append_string(&next, "$skiptoken=");
        url_append_encoded(&next, buffer_slice(&page->last));
        json_append_string(page->out, buffer_slice(&next));
    } else {
        buffer_append_string(page->out, "null");
    }
    buffer_append_byte(page->out, '}');
    buffer_release(&next);
    buffer_release(&page->last);
}
