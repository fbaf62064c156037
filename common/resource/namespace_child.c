/* Children of a namespace, see namespace_child.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/namespace_child.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "resource/namespace_child_parts.h"
#include "resource/source.h"

/* --- names --- */

static const char *check_client_name(struct slice name)
{
    return name.length > 0 && name.length <= CLIENT_NAME_MAX && ascii_has_only(name, "-:._")
               ? NULL
               : "A client's name has 1 to 128 letters (A to Z), digits, hyphens, colons, dots and "
                 "underscores.";
}

static const char *check_name(struct slice name)
{
    return name.length >= CHILD_NAME_MIN && name.length <= CHILD_NAME_MAX &&
                   ascii_has_only(name, "-")
               ? NULL
               : "The name has 3 to 50 letters (A to Z), digits and hyphens.";
}

/* --- kinds --- */

#define KIND(collection_name)                                                                      \
    .collection = SLICE_LITERAL(collection_name),                                                  \
    .type = "Microsoft.EventGrid/namespaces/" collection_name

const struct child_kind_info child_kinds[CHILD_KINDS] = {
    [CHILD_CLIENT] = {KIND("clients"), .what = "client", .name_has_case = true,
                      .check_name = check_client_name},
    [CHILD_CLIENT_GROUP] = {KIND("clientGroups"), .what = "client group", .most = 10,
                            .check_name = check_name},
    [CHILD_TOPIC_SPACE] = {KIND("topicSpaces"), .what = "topic space", .most = 10,
                           .check_name = check_name},
    [CHILD_PERMISSION_BINDING] = {KIND("permissionBindings"), .what = "permission binding",
                                  .most = 100, .check_name = check_name},
    [CHILD_CA_CERTIFICATE] = {KIND("caCertificates"), .what = "certificate",
                              .check_name = check_name},
};

static const struct child_reader *const readers[CHILD_KINDS] = {
    [CHILD_CLIENT] = &mqtt_client_reader,
    [CHILD_CLIENT_GROUP] = &client_group_reader,
    [CHILD_TOPIC_SPACE] = &topic_space_reader,
    [CHILD_PERMISSION_BINDING] = &permission_binding_reader,
    [CHILD_CA_CERTIFICATE] = &ca_certificate_reader,
};

bool child_kind_from_collection(struct slice collection, enum child_kind *out)
{
    for (size_t i = 0; i < CHILD_KINDS; i++) {
        if (equal_ignoring_case(child_kinds[i].collection, collection)) {
            *out = (enum child_kind)i;
            return true;
        }
    }
    return false;
}

bool child_name_equal(enum child_kind kind, struct slice a, struct slice b)
{
    return child_kinds[kind].name_has_case ? slice_equal(a, b) : equal_ignoring_case(a, b);
}

/* --- keys --- */

void child_key_append(struct buffer *out, struct slice namespace_key, enum child_kind kind,
                      struct slice name)
{
    buffer_append(out, namespace_key);
    buffer_append_byte(out, '/');
    ascii_append_lower(out, child_kinds[kind].collection);
    buffer_append_byte(out, '/');
    if (child_kinds[kind].name_has_case) {
        buffer_append(out, name);
    } else {
        ascii_append_lower(out, name);
    }
}

/* What stands behind the last slash; *rest: what stands before it. */
static struct slice take_last(struct slice *rest)
{
    const uint8_t *slash = rest->length > 0 ? memrchr(rest->data, '/', rest->length) : NULL;
    size_t length = slash ? (size_t)(slash - rest->data) : 0;
    struct slice last = slice_from(*rest, slash ? length + 1 : 0);

    *rest = slice_make(rest->data, length);
    return last;
}

bool child_key_parse(struct slice key, struct slice *namespace_key, enum child_kind *kind,
                     struct slice *name)
{
    struct slice rest = key, collection;
    struct source_name source;
    struct buffer again = {0};
    bool is_one;

    *name = take_last(&rest);
    collection = take_last(&rest);
    *namespace_key = rest;
    is_one = child_kind_from_collection(collection, kind) && source_key_parse(rest, &source) &&
             source.kind == SOURCE_NAMESPACE && !child_kinds[*kind].check_name(*name);
    if (is_one) {
        child_key_append(&again, rest, *kind, *name);
        is_one = slice_equal(buffer_slice(&again), key);
        buffer_release(&again);
    }
    return is_one;
}

/* --- reading --- */

static void read_properties(struct reading *reading, const struct json_value *value,
                            struct namespace_child *child)
{
    const struct child_reader *reader = readers[child->kind];
    struct json_value properties = reading_unwrap(value);

    if (reader->begin) {
        reader->begin(child);
    }
    reading_object(reading, &properties, reader->properties, child);
    if (reader->check && reading->mistakes == 0) {
        reader->check(reading, child);
    }
}

struct namespace_child *namespace_child_read(enum child_kind kind, struct slice name,
                                             struct slice json, struct buffer *error)
{
    struct namespace_child *child = memory_allocate_zero(sizeof(*child));
    struct reading reading = {.arena = &child->memory, .error = error};
    struct json_value value;

    child->kind = kind;
    child->name = arena_copy(&child->memory, name);
    if (reading_keep_json(&reading, json, CHILD_JSON_MAX, &child->json, &value)) {
        read_properties(&reading, &value, child);
    }
    if (reading.mistakes > 0) {
        namespace_child_free(child);
        return NULL;
    }
    return child;
}

void namespace_child_free(struct namespace_child *child)
{
    if (child) {
        arena_release(&child->memory);
        buffer_release(&child->json);
        free(child);
    }
}

bool namespace_child_check_change(const struct namespace_child *before,
                                  const struct namespace_child *after, struct buffer *error)
{
    if (before->kind != CHILD_CLIENT || equal_ignoring_case(before->client.authentication_name,
                                                            after->client.authentication_name)) {
        return true;
    }
    buffer_append_format(error,
                         "authenticationName: is %.*s and cannot be changed; delete the client and "
                         "make another one\n",
                         SLICE_PRINT(before->client.authentication_name));
    return false;
}

/* --- writing --- */

void child_append_text(struct buffer *out, const char *name, struct slice value)
{
    if (value.length > 0) {
        buffer_append_format(out, ",\"%s\":", name);
        json_append_string(out, value);
    }
}

void namespace_child_append_members(struct buffer *out, const struct namespace_child *child)
{
    readers[child->kind]->append(out, child);
    child_append_text(out, "description", child->description);
}
