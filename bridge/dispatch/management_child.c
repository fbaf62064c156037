/* What namespaces have beside their topics is made, replaced and deleted: clients, client groups,
 * topic spaces, permission bindings, certificates (spec/eventgrid.md 6.2, 6.3, 8.1).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/ascii.h"
#include "client/gateway.h"
#include "dispatch/arm_reply.h"
#include "dispatch/management_call.h"
#include "json/json.h"

/* ---------------------------------------------------------------- reading */

void management_get_child(struct management_call *call)
{
    struct buffer body = {0};

    arm_append_child(&body, call->child);
    management_answer(call, 200, buffer_slice(&body));
    buffer_release(&body);
}

/* ---------------------------------------------------------------- when it is stored */

static void put_stored(struct changes *changes, bool are_stored)
{
    struct management_call *call = CONTAINER_OF(changes, struct management_call, changes);

    if (!are_stored) {
        management_refuse_for_now(call);
        return;
    }
    call->child = catalog_find_child(call->grid->catalog, buffer_slice(&call->place));
    if (call->child) {
        struct buffer body = {0};
        arm_append_child(&body, call->child);
        management_answer(call, call->status, buffer_slice(&body));
        buffer_release(&body);
    } else {
        management_refuse_deleted(call);
    }
}

/* ---------------------------------------------------------------- what others say about it */

/* Visits the children of a kind in the namespace until `is_it` says that this is the one. */
typedef bool child_test(const struct namespace_child *child, const void *what);

static const struct catalog_child *find_one(const struct catalog_source *source,
                                            enum child_kind kind, child_test *is_it,
                                            const void *what)
{
    const struct catalog_child *found = NULL;

    LIST_FOREACH (link, &source->children) {
        const struct catalog_child *child = CONTAINER_OF(link, struct catalog_child, link);
        if (child->kind == kind && child->resource && is_it(child->resource, what)) {
            found = child;
            break;
        }
    }
    return found;
}

static size_t count_of_kind(const struct catalog_source *source, enum child_kind kind)
{
    size_t count;

    free(catalog_children(source, kind, &count));
    return count;
}

/* False: it was refused. */
static bool check_named(struct management_call *call, enum child_kind kind, struct slice name)
{
    struct buffer key = {0};
    bool is_there;

    child_key_append(&key, buffer_slice(&call->key), kind, name);
    is_there = catalog_find_child(call->grid->catalog, buffer_slice(&key)) != NULL;
    buffer_release(&key);
    if (!is_there) {
        management_refuse(call, 400, "InvalidRequest", "The %s '%.*s' was not found.",
                          child_kinds[kind].what, SLICE_PRINT(name));
    }
    return is_there;
}

static bool check_binding(struct management_call *call, const struct namespace_child *child)
{
    const struct permission_binding *binding = &child->binding;

    return (slice_equal(binding->group, CLIENT_GROUP_ALL) ||
            check_named(call, CHILD_CLIENT_GROUP, binding->group)) &&
           check_named(call, CHILD_TOPIC_SPACE, binding->space);
}

static bool has_authentication_name(const struct namespace_child *child, const void *what)
{
    const struct namespace_child *other = what;

    return equal_ignoring_case(child->client.authentication_name,
                               other->client.authentication_name) &&
           !slice_equal(child->name, other->name);
}

static bool check_client(struct management_call *call, const struct namespace_child *child)
{
    const struct catalog_child *other =
        find_one(call->source, CHILD_CLIENT, has_authentication_name, child);

    if (other) {
        management_refuse(call, 409, "Conflict",
                          "The client '%.*s' has this authenticationName already.",
                          SLICE_PRINT(other->name));
    }
    return !other;
}

static bool (*const checks[CHILD_KINDS])(struct management_call *call,
                                         const struct namespace_child *child) = {
    [CHILD_CLIENT] = check_client,
    [CHILD_PERMISSION_BINDING] = check_binding,
};

/* ---------------------------------------------------------------- making it */

/* False: it was refused. */
static bool check_name(struct management_call *call)
{
    const char *wrong = child_kinds[call->path.child].check_name(call->path.name);

    if (wrong) {
        management_refuse(call, 400, "InvalidRequest", "%s", wrong);
    }
    return !wrong;
}

/* May it take the place of what is there? */
static bool check_change(struct management_call *call, const struct namespace_child *child)
{
    struct buffer error = {0};
    bool is_good =
        !call->child || namespace_child_check_change(call->child->resource, child, &error);

    if (!is_good) {
        management_refuse_value(call, &error);
    }
    buffer_release(&error);
    return is_good;
}

static bool check_count(struct management_call *call)
{
    const struct child_kind_info *kind = &child_kinds[call->path.child];
    bool is_too_many = !call->child && kind->most > 0 &&
                       count_of_kind(call->source, call->path.child) >= kind->most;

    if (is_too_many) {
        management_refuse(call, 400, "InvalidRequest", "A namespace has at most %zu %ss.",
                          kind->most, kind->what);
    }
    return !is_too_many;
}

/* When it was made; 0: nobody has kept that. */
static int64_t created_ms(const struct management_call *call)
{
    return call->child ? call->child->created_ms : gateway_now(call->grid->gateway);
}

/* What the body says, as it is stored: {"name":..,"createdOn":..,"properties":{..}}. */
static void append_stored(struct buffer *out, const struct management_call *call)
{
    struct json_value body, properties;

    buffer_append_string(out, "{\"name\":");
    json_append_string(out, call->path.name);
    if (created_ms(call) > 0) {
        buffer_append_format(out, ",\"createdOn\":%lld", (long long)created_ms(call));
    }
    buffer_append_string(out, ",\"properties\":");
    if (json_parse(buffer_slice(&call->body), &body) &&
        json_find_member(&body, "properties", &properties)) {
        body = properties;
    }
    json_append_compact(out, body.text);
    buffer_append_byte(out, '}');
}

static void store(struct management_call *call)
{
    struct buffer stored = {0};

    call->status = call->child ? 200 : 201;
    append_stored(&stored, call);
    changes_init(&call->changes, call->grid, put_stored);
    changes_add(&call->changes, buffer_slice(&call->place), buffer_slice(&stored));
    buffer_release(&stored);
    changes_begin(&call->changes);
}

void management_put_child(struct management_call *call)
{
    struct buffer error = {0};
    struct namespace_child *child;

    if (!check_name(call)) {
        return;
    }
    if (call->body.length == 0) {
        buffer_append_string(&call->body, "{}");
    }
    child =
        namespace_child_read(call->path.child, call->path.name, buffer_slice(&call->body), &error);
    if (!child) {
        management_refuse_value(call, &error);
    } else if (check_change(call, child) && check_count(call) &&
               (!checks[child->kind] || checks[child->kind](call, child))) {
        store(call);
    }
    namespace_child_free(child);
    buffer_release(&error);
}

/* ---------------------------------------------------------------- deleting it */

static bool has_group(const struct namespace_child *child, const void *what)
{
    return child_name_equal(CHILD_CLIENT_GROUP, child->binding.group, *(const struct slice *)what);
}

static bool has_space(const struct namespace_child *child, const void *what)
{
    return child_name_equal(CHILD_TOPIC_SPACE, child->binding.space, *(const struct slice *)what);
}

/* The permission binding that needs the child. */
static const struct catalog_child *find_user(const struct catalog_child *child)
{
    static child_test *const tests[CHILD_KINDS] = {
        [CHILD_CLIENT_GROUP] = has_group,
        [CHILD_TOPIC_SPACE] = has_space,
    };
    struct slice name = buffer_slice(&child->name);

    return tests[child->kind]
               ? find_one(child->source, CHILD_PERMISSION_BINDING, tests[child->kind], &name)
               : NULL;
}

void management_delete_child(struct management_call *call)
{
    const struct catalog_child *child = call->child, *user;

    if (!child) {
        management_answer(call, 204, SLICE_EMPTY);
        return;
    }
    user = child->is_declared ? NULL : find_user(child);
    if (child->is_declared && !child->is_set) {
        management_refuse_declared(call);
    } else if (user) {
        management_refuse(call, 409, "Conflict",
                          "The permission binding '%.*s' needs it; delete that first.",
                          SLICE_PRINT(user->name));
    } else {
        management_delete_place(call);
    }
}
