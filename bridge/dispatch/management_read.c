/* Operations of management that are answered at once: resources and lists.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "access/characters.h"
#include "access/url.h"
#include "dispatch/arm_reply.h"
#include "dispatch/management_call.h"
#include "dispatch/topic_types.h"
#include "rest/filter.h"

static void answer_and_release(struct management_call *call, struct buffer *body)
{
    management_answer(call, 200, buffer_slice(body));
    buffer_release(body);
}

/* ---------------------------------------------------------------- the provider */

void management_operations(struct management_call *call)
{
    struct buffer body = {0};

    arm_append_operations(&body);
    answer_and_release(call, &body);
}

void management_topic_types(struct management_call *call)
{
    struct buffer body = {0};

    topic_types_append(&body);
    answer_and_release(call, &body);
}

/* NULL: it has been refused. */
static const struct topic_type *find_topic_type(struct management_call *call)
{
    const struct topic_type *type = topic_type_find(call->path.name);

    if (!type) {
        management_refuse(call, 404, "ResourceNotFound", "The topic type '%.*s' was not found.",
                          SLICE_PRINT(call->path.name));
    }
    return type;
}

void management_topic_type(struct management_call *call)
{
    const struct topic_type *type = find_topic_type(call);
    struct buffer body = {0};

    if (type) {
        topic_type_append(&body, type);
        answer_and_release(call, &body);
    }
}

void management_event_types(struct management_call *call)
{
    const struct topic_type *type = find_topic_type(call);
    struct buffer body = {0};

    if (type) {
        topic_type_append_events(&body, type);
        answer_and_release(call, &body);
    }
}

/* Those of a system topic; whoever publishes to others chooses theirs. */
void management_source_event_types(struct management_call *call)
{
    const struct topic_properties *properties = call->source->properties;
    bool is_system = call->source->name.kind == SOURCE_SYSTEM_TOPIC;
    struct buffer body = {0};

    topic_type_append_events(&body, is_system ? topic_type_find(properties->topic_type) : NULL);
    answer_and_release(call, &body);
}

/* ---------------------------------------------------------------- one */

void management_append_shown(struct buffer *out, const struct management_call *call,
                             const struct catalog_source *source)
{
    struct arm_server server = {buffer_slice(&call->url), call->grid->options.host};

    arm_append_source(out, source, &server);
}

void management_get_source(struct management_call *call)
{
    struct buffer body = {0};

    management_append_shown(&body, call, call->source);
    answer_and_release(call, &body);
}

void management_list_keys(struct management_call *call)
{
    struct buffer body = {0};

    arm_append_keys(&body, call->source);
    answer_and_release(call, &body);
}

static void answer_about_subscription(
    struct management_call *call,
    void (*append)(struct buffer *out, const struct catalog_subscription *subscription))
{
    struct buffer body = {0};

    append(&body, call->subscription);
    answer_and_release(call, &body);
}

void management_get_subscription(struct management_call *call)
{
    answer_about_subscription(call, arm_append_subscription);
}

void management_full_url(struct management_call *call)
{
    answer_about_subscription(call, arm_append_full_url);
}

void management_attributes(struct management_call *call)
{
    answer_about_subscription(call, arm_append_attributes);
}

/* ---------------------------------------------------------------- lists */

/* The request's URL without what says where the page begins. */
static void append_link(struct buffer *out, const struct management_call *call)
{
    struct slice path = buffer_slice(&call->target), query = call->path.query, name, value;
    const char *separator = "?";

    buffer_append(out, buffer_slice(&call->url));
    buffer_append(out, take_up_to(&path, '?'));
    while (url_query_take(&query, &name, &value)) {
        struct buffer decoded = {0};
        bool is_place = url_append_decoded(&decoded, name, true) &&
                        equal_ignoring_case(buffer_slice(&decoded), SLICE_LITERAL("$skiptoken"));
        if (!is_place) {
            buffer_append_format(out, "%s%.*s=%.*s", separator, SLICE_PRINT(name),
                                 SLICE_PRINT(value));
            separator = "&";
        }
        buffer_release(&decoded);
    }
    buffer_append_string(out, separator[0] == '?' ? "?" : "&");
}

/* Does the source belong to what is listed? */
typedef bool belongs(const struct management_call *call, const struct catalog_source *source);
/* Adds it, or what it has, to the page. */
typedef void add_to_page(struct arm_page *page, const struct management_call *call,
                         const struct catalog_source *source);

/* One page of what all sources that belong to it have. */
static void answer_page(struct management_call *call, belongs *is_listed, add_to_page *add)
{
    struct buffer body = {0}, link = {0}, error = {0};
    struct catalog_source *source = NULL;
    struct filter *filter = NULL;
    struct arm_page page;

    if (call->path.filter.length > 0) {
        filter = filter_compile_names(call->path.filter, &error);
        if (!filter) {
            management_refuse_value(call, &error);
            buffer_release(&error);
            return;
        }
    }
    arm_page_begin(&page, &body, filter, call->path.skip_token, call->path.top);
    while ((source = catalog_next(call->grid->catalog, source)) != NULL) {
        if (is_listed(call, source)) {
            add(&page, call, source);
        }
    }
    append_link(&link, call);
    arm_page_end(&page, buffer_slice(&link));
    answer_and_release(call, &body);
    buffer_release(&link);
    filter_free(filter);
}

static bool is_of_kind(const struct management_call *call, const struct catalog_source *source)
{
    return source->name.kind == call->path.kind &&
           (!source->parent || source->parent == call->source);
}

static void add_source(struct arm_page *page, const struct management_call *call,
                       const struct catalog_source *source)
{
    struct arm_place place = {.source_key = buffer_slice(&source->key)};

    if (arm_page_takes(page, source_own_name(&source->name), &place)) {
        management_append_shown(page->out, call, source);
    }
}

void management_sources(struct management_call *call)
{
    if (source_has_parent(call->path.kind) && !call->source) {
        management_refuse(call, 404, "ResourceNotFound", "The %s '%.*s' was not found.",
                          call->path.kind == SOURCE_DOMAIN_TOPIC ? "domain" : "namespace",
                          SLICE_PRINT(call->path.source.name));
        return;
    }
    answer_page(call, is_of_kind, add_source);
}

/* Those of namespaces are of no topic type, and not listed beside the others. */
static bool is_of_topic_type(const struct management_call *call,
                             const struct catalog_source *source)
{
    static const char *const types[SOURCE_KINDS] = {
        [SOURCE_TOPIC] = "Microsoft.EventGrid.Topics",
        [SOURCE_DOMAIN] = "Microsoft.EventGrid.Domains",
        [SOURCE_DOMAIN_TOPIC] = "Microsoft.EventGrid.Domains",
    };
    const char *type = types[source->name.kind];
    struct slice wanted = call->path.name;
    struct slice own = source->name.kind == SOURCE_SYSTEM_TOPIC ? source->properties->topic_type
                       : type                                   ? slice_from_string(type)
                                                                : SLICE_EMPTY;

    return own.length > 0 && (wanted.length == 0 || equal_ignoring_case(own, wanted));
}

static void add_subscriptions(struct arm_page *page, const struct management_call *call,
                              const struct catalog_source *source)
{
    (void)call;
    LIST_FOREACH (link, &source->subscriptions) {
        const struct catalog_subscription *subscription =
            CONTAINER_OF(link, struct catalog_subscription, link);
        struct slice name = buffer_slice(&subscription->name);
        struct arm_place place = {.source_key = buffer_slice(&source->key), .name = name};
        if (arm_page_takes(page, name, &place)) {
            arm_append_subscription(page->out, subscription);
        }
    }
}

void management_all_subscriptions(struct management_call *call)
{
    answer_page(call, is_of_topic_type, add_subscriptions);
}

static bool is_source(const struct management_call *call, const struct catalog_source *source)
{
    return source == call->source;
}

static void add_children(struct arm_page *page, const struct management_call *call,
                         const struct catalog_source *source)
{
    size_t count;
    struct catalog_child **children = catalog_children(source, call->path.child, &count);

    for (size_t i = 0; i < count; i++) {
        struct slice name = buffer_slice(&children[i]->name);
        struct arm_place place = {buffer_slice(&source->key), name,
                                  child_kinds[call->path.child].name_has_case};
        if (arm_page_takes(page, name, &place)) {
            arm_append_child(page->out, children[i]);
        }
    }
    free(children);
}

void management_children(struct management_call *call)
{
    answer_page(call, is_source, add_children);
}

/* Of a resource that has no system topic yet, and of a domain's topic without any: none. */
void management_subscriptions(struct management_call *call)
{
    bool may_be = call->path.scope.length > 0 || call->path.kind == SOURCE_DOMAIN_TOPIC;

    if (!call->source && !may_be) {
        management_refuse(call, 404, "ResourceNotFound", "The topic '%.*s' was not found.",
                          SLICE_PRINT(source_own_name(&call->path.source)));
        return;
    }
    answer_page(call, is_source, add_subscriptions);
}
