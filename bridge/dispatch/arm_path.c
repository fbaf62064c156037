/* See arm_path.h. A path is taken apart in three steps: where it stands (what is before the last
 * "/providers/Microsoft.EventGrid"), the source that it names, and what is wanted of that, which is
 * a row of a table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/arm_path.h"

#include "access/characters.h"
#include "access/url.h"
#include "json/json.h"

enum { ROUTE_SEGMENTS_MAX = 3 };

/* Where a path stands. */
enum {
    IN_TENANT = 1 << 0,    /* /providers/Microsoft.EventGrid */
    IN_ACCOUNT = 1 << 1,   /* of an Azure subscription or a resource group */
    IN_SHORT = 1 << 2,     /* /api/eventgrid */
    IN_EXTENSION = 1 << 3, /* behind the id of a resource */
};

/* Which sources; none of them: the path names none. */
enum {
    OF_TOPIC = 1 << SOURCE_TOPIC,
    OF_DOMAIN = 1 << SOURCE_DOMAIN,
    OF_DOMAIN_TOPIC = 1 << SOURCE_DOMAIN_TOPIC,
    OF_SYSTEM_TOPIC = 1 << SOURCE_SYSTEM_TOPIC,
    OF_NAMESPACE = 1 << SOURCE_NAMESPACE,
    OF_NAMESPACE_TOPIC = 1 << SOURCE_NAMESPACE_TOPIC,
    OF_NONE = 0,
    OF_KEYED = OF_TOPIC | OF_DOMAIN | OF_NAMESPACE | OF_NAMESPACE_TOPIC,
    OF_SUBSCRIBED = OF_TOPIC | OF_DOMAIN | OF_DOMAIN_TOPIC | OF_SYSTEM_TOPIC | OF_NAMESPACE_TOPIC,
    OF_ALL = OF_SUBSCRIBED | OF_NAMESPACE,
    OF_CHANGED = OF_ALL & ~OF_DOMAIN_TOPIC, /* domains' topics have nothing of their own */
};

/* A segment that is one of child_kinds. */
#define COLLECTION "{collection}"

#define NESTED     (IN_ACCOUNT | IN_SHORT)
#define EVERYWHERE (NESTED | IN_EXTENSION)

struct arm_route {
    const char *method;
    unsigned places, sources;
    /* Behind the source; "{}" is a name. */
    const char *segments[ROUTE_SEGMENTS_MAX];
    enum arm_operation operation;
    enum source_kind kind; /* ARM_SOURCES: of those listed */
};

/* clang-format off */
static const struct arm_route routes[] = {
    {"GET", IN_TENANT, OF_NONE, {"operations"}, ARM_OPERATIONS, 0},
    {"GET", IN_TENANT | IN_SHORT, OF_NONE, {"topicTypes"}, ARM_TOPIC_TYPES, 0},
    {"GET", IN_TENANT | IN_SHORT, OF_NONE, {"topicTypes", "{}"}, ARM_TOPIC_TYPE, 0},
    {"GET", IN_TENANT | IN_SHORT, OF_NONE, {"topicTypes", "{}", "eventTypes"}, ARM_EVENT_TYPES, 0},
    {"GET", NESTED, OF_NONE, {"topics"}, ARM_SOURCES, SOURCE_TOPIC},
    {"GET", NESTED, OF_NONE, {"domains"}, ARM_SOURCES, SOURCE_DOMAIN},
    {"GET", NESTED, OF_NONE, {"systemTopics"}, ARM_SOURCES, SOURCE_SYSTEM_TOPIC},
    {"GET", NESTED, OF_NONE, {"namespaces"}, ARM_SOURCES, SOURCE_NAMESPACE},
    {"GET", NESTED, OF_NONE, {"eventSubscriptions"}, ARM_ALL_SUBSCRIPTIONS, 0},
    {"GET", NESTED, OF_NONE, {"topicTypes", "{}", "eventSubscriptions"}, ARM_ALL_SUBSCRIPTIONS, 0},
    {"GET", NESTED, OF_DOMAIN, {"topics"}, ARM_SOURCES, SOURCE_DOMAIN_TOPIC},
    {"GET", NESTED, OF_NAMESPACE, {"topics"}, ARM_SOURCES, SOURCE_NAMESPACE_TOPIC},
    {"GET", NESTED, OF_NAMESPACE, {COLLECTION}, ARM_CHILDREN, 0},
    {"GET", NESTED, OF_NAMESPACE, {COLLECTION, "{}"}, ARM_GET_CHILD, 0},
    {"PUT", NESTED, OF_NAMESPACE, {COLLECTION, "{}"}, ARM_PUT_CHILD, 0},
    {"DELETE", NESTED, OF_NAMESPACE, {COLLECTION, "{}"}, ARM_DELETE_CHILD, 0},
    {"GET", NESTED, OF_ALL, {NULL}, ARM_GET_SOURCE, 0},
    {"PUT", NESTED, OF_ALL, {NULL}, ARM_PUT_SOURCE, 0},
    {"PATCH", NESTED, OF_CHANGED, {NULL}, ARM_PATCH_SOURCE, 0},
    {"DELETE", NESTED, OF_ALL, {NULL}, ARM_DELETE_SOURCE, 0},
    {"POST", NESTED, OF_KEYED, {"listKeys"}, ARM_LIST_KEYS, 0},
    {"POST", NESTED, OF_KEYED, {"regenerateKey"}, ARM_REGENERATE_KEY, 0},
    {"GET", EVERYWHERE, OF_SUBSCRIBED, {"eventTypes"}, ARM_SOURCE_EVENT_TYPES, 0},
    {"GET", EVERYWHERE, OF_SUBSCRIBED, {"eventSubscriptions"}, ARM_SUBSCRIPTIONS, 0},
    {"GET", EVERYWHERE, OF_SUBSCRIBED, {"eventSubscriptions", "{}"}, ARM_GET_SUBSCRIPTION, 0},
    {"PUT", EVERYWHERE, OF_SUBSCRIBED, {"eventSubscriptions", "{}"}, ARM_PUT_SUBSCRIPTION, 0},
    {"PATCH", EVERYWHERE, OF_SUBSCRIBED, {"eventSubscriptions", "{}"}, ARM_PATCH_SUBSCRIPTION, 0},
    {"DELETE", EVERYWHERE, OF_SUBSCRIBED, {"eventSubscriptions", "{}"}, ARM_DELETE_SUBSCRIPTION, 0},
    {"POST", EVERYWHERE, OF_SUBSCRIBED, {"eventSubscriptions", "{}", "getFullUrl"}, ARM_GET_FULL_URL, 0},
    {"POST", EVERYWHERE, OF_SUBSCRIBED, {"eventSubscriptions", "{}", "getDeliveryAttributes"},
     ARM_GET_DELIVERY_ATTRIBUTES, 0},
    /* Beyond Azure. */
    {"POST", IN_SHORT, OF_SUBSCRIBED, {"test"}, ARM_TEST, 0},
    {"POST", IN_SHORT, OF_SUBSCRIBED, {"replay"}, ARM_REPLAY, 0},
    {"POST", IN_SHORT, OF_SUBSCRIBED, {"resend"}, ARM_RESEND, 0},
    {"GET", IN_SHORT, OF_SUBSCRIBED, {"log"}, ARM_SOURCE_LOG, 0},
    {"GET", IN_SHORT, OF_SUBSCRIBED, {"eventSubscriptions", "{}", "log"}, ARM_LOG, 0},
    {"GET", IN_SHORT, OF_SUBSCRIBED, {"eventSubscriptions", "{}", "queue"}, ARM_QUEUE, 0},
    {"GET", IN_SHORT, OF_SUBSCRIBED, {"eventSubscriptions", "{}", "deadLetters"}, ARM_DEAD_LETTERS, 0},
    {"POST", IN_SHORT, OF_SUBSCRIBED, {"eventSubscriptions", "{}", "resend"}, ARM_RESEND_DEAD_LETTERS, 0},
};
/* clang-format on */

/* --- what the steps share --- */

/* A part of the path's segments. */
struct run {
    const struct slice *items;
    size_t count;
};

struct path {
    struct slice segments[ARM_SEGMENTS_MAX];
    struct run rest; /* not taken yet */
    unsigned place;
};

static bool refuse(struct arm_error *error, int status, const char *code, const char *message)
{
    *error =
        (struct arm_error){.status = status, .code = code, .message = slice_from_string(message)};
    return false;
}

static bool is_word(struct slice segment, const char *word)
{
    return equal_ignoring_case(segment, slice_from_string(word));
}

static struct run run_from(struct run run, size_t from)
{
    return (struct run){run.items + from, run.count - from};
}

/* --- segments --- */

/* Slashes at the front and at the end may be more or fewer than they should. */
static bool split(struct path *path, struct slice target, struct buffer *texts, struct slice *query)
{
    size_t count = 0;
    *query = target;
    struct slice rest = take_up_to(query, '?');
    while (rest.length > 0) {
        struct slice raw = take_up_to(&rest, '/');
        size_t start = texts->length;
        bool is_edge = raw.length == 0 && (count == 0 || rest.length == 0);
        if (is_edge) {
            continue;
        }
        if (count == ARM_SEGMENTS_MAX || !url_append_decoded(texts, raw, false)) {
            return false;
        }
        path->segments[count++] = slice_from(buffer_slice(texts), start);
    }
    path->rest = (struct run){path->segments, count};
    return true;
}

/* The place of the last "providers/Microsoft.EventGrid"; `run.count`: there is none. */
static size_t find_provider(struct run run)
{
    for (size_t i = run.count; i-- > 1;) {
        if (is_word(run.items[i], "Microsoft.EventGrid") &&
            is_word(run.items[i - 1], "providers")) {
            return i - 1;
        }
    }
    return run.count;
}

/* --- sources --- */

/* Words that are each followed by a name. */
static const struct {
    const char *words[2];
    enum source_kind kind;
} source_paths[] = {
    {{"topics"}, SOURCE_TOPIC},
    {{"domains", "topics"}, SOURCE_DOMAIN_TOPIC}, /* before the shorter one */
    {{"domains"}, SOURCE_DOMAIN},
    {{"systemTopics"}, SOURCE_SYSTEM_TOPIC},
    {{"namespaces", "topics"}, SOURCE_NAMESPACE_TOPIC},
    {{"namespaces"}, SOURCE_NAMESPACE},
};

/* How many segments name a source; 0: none does. */
static size_t take_source(struct arm_call *call, struct run run)
{
    for (size_t i = 0; i < sizeof(source_paths) / sizeof(source_paths[0]); i++) {
        const char *const *words = source_paths[i].words;
        size_t count = words[1] ? 4 : 2;
        if (run.count < count || !is_word(run.items[0], words[0]) ||
            (words[1] && !is_word(run.items[2], words[1]))) {
            continue;
        }
        call->has_source = true;
        call->kind = source_paths[i].kind;
        call->source.kind = call->kind;
        call->source.name = run.items[1];
        call->source.topic = words[1] ? run.items[3] : SLICE_EMPTY;
        return count;
    }
    return 0;
}

/* "/a/b", as the id of a resource is written. */
static struct slice join(struct run run, struct buffer *texts)
{
    size_t start = texts->length;
    for (size_t i = 0; i < run.count; i++) {
        buffer_append_byte(texts, '/');
        buffer_append(texts, run.items[i]);
    }
    return slice_from(buffer_slice(texts), start);
}

/* An extension of this resource: of a source, or of another, which has a system topic; so has a
 * namespace. */
static void take_extended(struct arm_call *call, struct run scope, struct buffer *texts)
{
    size_t provider = find_provider(scope);
    if (provider < scope.count) {
        struct run named = run_from(scope, provider + 2);
        if (take_source(call, named) == named.count && named.count > 0 &&
            call->kind != SOURCE_NAMESPACE) {
            return;
        }
    }
    call->has_source = true;
    call->kind = SOURCE_SYSTEM_TOPIC;
    call->source = (struct source_name){.kind = SOURCE_SYSTEM_TOPIC};
    call->scope = join(scope, texts);
}

/* --- places --- */

static void take_account(struct arm_call *call, struct run scope)
{
    if (scope.count >= 2 && is_word(scope.items[0], "subscriptions")) {
        call->azure_subscription = scope.items[1];
    }
    if (scope.count >= 4 && is_word(scope.items[2], "resourceGroups")) {
        call->resource_group = scope.items[3];
    }
}

/* /subscriptions/S or /subscriptions/S/resourceGroups/G, and no more. */
static bool is_account(struct run scope)
{
    return (scope.count == 2 || scope.count == 4) && is_word(scope.items[0], "subscriptions") &&
           (scope.count == 2 || is_word(scope.items[2], "resourceGroups"));
}

/* Of an account itself, too, there can be event subscriptions, beside the list of all in it. */
static bool is_of_account(struct run rest)
{
    return rest.count > 1 && is_word(rest.items[0], "eventSubscriptions");
}

/* Locations do not matter: all of it is here. */
static struct run without_location(struct run rest)
{
    return rest.count > 2 && is_word(rest.items[0], "locations") ? run_from(rest, 2) : rest;
}

static bool take_place(struct path *path, struct arm_call *call, struct buffer *texts)
{
    struct run all = path->rest;
    if (all.count > 2 && is_word(all.items[0], "api") && is_word(all.items[1], "eventgrid")) {
        path->place = IN_SHORT;
        path->rest = run_from(all, 2);
        call->is_short = true;
        path->rest = run_from(path->rest, take_source(call, path->rest));
        return true;
    }
    size_t provider = find_provider(all);
    if (provider == all.count) {
        return false;
    }
    struct run scope = {all.items, provider};
    path->rest = run_from(all, provider + 2);
    take_account(call, scope);
    if (scope.count == 0) {
        path->place = IN_TENANT;
    } else if (is_account(scope) && !is_of_account(path->rest)) {
        path->place = IN_ACCOUNT;
        path->rest = without_location(path->rest);
        path->rest = run_from(path->rest, take_source(call, path->rest));
    } else {
        path->place = IN_EXTENSION;
        take_extended(call, scope, texts);
    }
    return true;
}

/* --- routes --- */

/* What the segments of a path say that stand for something. */
struct given_segments {
    struct slice name;
    enum child_kind child;
};

static bool segment_fits(const char *wanted, struct slice segment, struct given_segments *given)
{
    if (!wanted) {
        return false;
    }
    if (strcmp(wanted, COLLECTION) == 0) {
        return child_kind_from_collection(segment, &given->child);
    }
    if (wanted[0] == '{') {
        given->name = segment;
        return true;
    }
    return is_word(segment, wanted);
}

static bool route_fits(const struct arm_route *route, const struct path *path,
                       const struct arm_call *call, struct given_segments *given)
{
    size_t count = path->rest.count;
    bool sources_fit =
        call->has_source ? (route->sources & 1U << call->kind) != 0 : route->sources == OF_NONE;
    if (!(route->places & path->place) || !sources_fit || count > ROUTE_SEGMENTS_MAX ||
        (count < ROUTE_SEGMENTS_MAX && route->segments[count])) {
        return false;
    }
    *given = (struct given_segments){.name = SLICE_EMPTY};
    for (size_t i = 0; i < count; i++) {
        if (!segment_fits(route->segments[i], path->rest.items[i], given)) {
            return false;
        }
    }
    return true;
}

static bool take_route(const struct path *path, struct slice method, struct arm_call *call,
                       struct buffer *allowed, struct arm_error *error)
{
    struct given_segments given;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (!route_fits(&routes[i], path, call, &given)) {
            continue;
        }
        if (slice_equal(slice_from_string(routes[i].method), method)) {
            call->operation = routes[i].operation;
            call->kind = routes[i].operation == ARM_SOURCES ? routes[i].kind : call->kind;
            call->name = given.name;
            call->child = given.child;
            return true;
        }
        buffer_append_format(allowed, "%s%s", allowed->length > 0 ? ", " : "", routes[i].method);
    }
    if (allowed->length == 0) {
        return refuse(error, 404, "InvalidResourceType",
                      "There is nothing to manage at this path.");
    }
    refuse(error, 405, "MethodNotAllowed", "This is not possible here with this method.");
    error->allow = buffer_slice(allowed);
    return false;
}

/* --- all --- */

#define CONSENT_PATH SLICE_LITERAL("/eventgrid/validate")

static bool is_consent(struct slice target)
{
    struct slice path = take_up_to(&target, '?');
    return equal_ignoring_case(path, CONSENT_PATH);
}

bool arm_is_path(struct slice target)
{
    static const struct slice prefixes[] = {
        SLICE_LITERAL("/api/eventgrid/"),
        SLICE_LITERAL("/subscriptions/"),
        SLICE_LITERAL("/providers/"),
    };
    struct slice path = target;
    path = take_up_to(&path, '?');
    while (path.length > 1 && path.data[1] == '/') {
        path = slice_from(path, 1);
    }
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (starts_ignoring_case(path, prefixes[i])) {
            return true;
        }
    }
    return is_consent(target);
}

static bool find_consent(struct slice method, struct slice target, struct arm_call *call,
                         struct arm_error *error)
{
    call->operation = ARM_CONSENT;
    take_up_to(&target, '?');
    call->query = target;
    if (slice_equal(method, SLICE_LITERAL("GET")) || slice_equal(method, SLICE_LITERAL("POST"))) {
        return true;
    }
    refuse(error, 405, "MethodNotAllowed", "This is not possible here with this method.");
    error->allow = SLICE_LITERAL("GET, POST");
    return false;
}

bool arm_find(struct slice method, struct slice target, struct arm_scratch *scratch,
              struct arm_call *call, struct arm_error *error)
{
    struct path path = {.place = 0};
    *call = (struct arm_call){.top = ARM_TOP_DEFAULT};
    scratch->texts.length = scratch->message.length = 0;
    if (is_consent(target)) {
        return find_consent(method, target, call, error);
    }
    if (target.length > ARM_TARGET_MAX) {
        return refuse(error, 400, "InvalidRequest", "The URL is too long.");
    }
    /* What is decoded, the id of a resource, and what is decoded of the query must not move. */
    buffer_reserve(&scratch->texts, 2 * target.length + 1);
    if (!split(&path, target, &scratch->texts, &call->query)) {
        return refuse(error, 400, "InvalidRequest", "The path of the URL is not valid.");
    }
    if (!take_place(&path, call, &scratch->texts)) {
        return refuse(error, 404, "InvalidResourceType",
                      "There is nothing to manage at this path.");
    }
    return take_route(&path, method, call, &scratch->message, error);
}

/* --- the query --- */

static struct slice find_parameter(const struct arm_call *call, const char *name,
                                   struct buffer *texts)
{
    size_t start = texts->length;
    url_query_find(call->query, name, texts);
    return slice_from(buffer_slice(texts), start);
}

static bool read_top(struct slice text, uint32_t *top)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (!ascii_is_digit(text.data[i]) || sum > ARM_TOP_MAX) {
            return false;
        }
        sum = sum * 10 + (text.data[i] - '0');
    }
    *top = text.length > 0 ? sum : *top;
    return *top >= 1 && *top <= ARM_TOP_MAX;
}

bool arm_read_query(struct arm_call *call, struct arm_scratch *scratch, struct arm_error *error)
{
    struct buffer *texts = &scratch->texts;
    if (!call->is_short && find_parameter(call, "api-version", texts).length == 0) {
        return refuse(error, 400, "MissingApiVersionParameter",
                      "The api-version query parameter (?api-version=) is required for all "
                      "requests.");
    }
    call->filter = find_parameter(call, "$filter", texts);
    call->skip_token = find_parameter(call, "$skiptoken", texts);
    return read_top(find_parameter(call, "$top", texts), &call->top) ||
           refuse(error, 400, "InvalidRequest", "$top must be from 1 to 100.");
}

/* --- errors --- */

void arm_error_append(struct buffer *out, const struct arm_error *error)
{
    buffer_append_format(out, "{\"error\":{\"code\":\"%s\",\"message\":", error->code);
    json_append_string(out, error->message);
    buffer_append_string(out, "}}");
}

void arm_scratch_release(struct arm_scratch *scratch)
{
    buffer_release(&scratch->texts);
    buffer_release(&scratch->message);
}
