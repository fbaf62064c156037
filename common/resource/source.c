/* Names, keys and resource ids of sources, see source.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/source.h"

#include "base/ascii.h"

/* --- names (spec/eventgrid.md 1.10) --- */

/* What is said of a name that is not good. */
struct name_sentences {
    const char *length, *characters, *reserved;
};

#define NAME_SENTENCES(what)                                                                       \
    {                                                                                              \
        what " name must be between 3 and 50 characters in length.",                               \
            what " name must have only letters (A to Z), digits and hyphens.",                     \
            what " name must not begin with Microsoft-, EventGrid- or System-."                    \
    }

static const char *check_name(struct slice name, const struct name_sentences *sentences)
{
    static const struct slice reserved[] = {
        SLICE_LITERAL("Microsoft-"),
        SLICE_LITERAL("EventGrid-"),
        SLICE_LITERAL("System-"),
    };

    if (name.length < TOPIC_NAME_MIN || name.length > TOPIC_NAME_MAX) {
        return sentences->length;
    }
    if (!ascii_has_only(name, "-")) {
        return sentences->characters;
    }
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (starts_ignoring_case(name, reserved[i])) {
            return sentences->reserved;
        }
    }
    return NULL;
}

const char *topic_name_check(struct slice name)
{
    static const struct name_sentences sentences = NAME_SENTENCES("Topic");

    return check_name(name, &sentences);
}

const char *namespace_name_check(struct slice name)
{
    static const struct name_sentences sentences = NAME_SENTENCES("Namespace");

    return check_name(name, &sentences);
}

const char *domain_topic_name_check(struct slice name)
{
    if (name.length == 0 || name.length > DOMAIN_TOPIC_NAME_MAX) {
        return "Domain topic name must be between 1 and 128 characters in length.";
    }
    return ascii_has_only(name, "-._")
               ? NULL
               : "Domain topic name must have only letters (A to Z), digits, "
                 "hyphens, dots and underscores.";
}

const char *subscription_name_check(struct slice name)
{
    if (name.length < SUBSCRIPTION_NAME_MIN || name.length > SUBSCRIPTION_NAME_MAX) {
        return "Event subscription name must be between 3 and 64 characters in length.";
    }
    return ascii_has_only(name, "-")
               ? NULL
               : "Event subscription name must have only letters (A to Z), digits and hyphens.";
}

/* --- kinds --- */

static const struct {
    struct slice collection; /* as resource ids spell it */
    const char *(*check)(struct slice name);
    bool has_keys, has_parent;
    enum source_kind parent;
} kinds[SOURCE_KINDS] = {
    [SOURCE_TOPIC] = {SLICE_LITERAL("topics"), topic_name_check, .has_keys = true},
    [SOURCE_DOMAIN] = {SLICE_LITERAL("domains"), topic_name_check, .has_keys = true},
    [SOURCE_DOMAIN_TOPIC] = {SLICE_LITERAL("topics"), domain_topic_name_check, false, true,
                             SOURCE_DOMAIN},
    [SOURCE_SYSTEM_TOPIC] = {SLICE_LITERAL("systemTopics"), topic_name_check, .has_keys = false},
    [SOURCE_NAMESPACE] = {SLICE_LITERAL("namespaces"), namespace_name_check, .has_keys = true},
    [SOURCE_NAMESPACE_TOPIC] = {SLICE_LITERAL("topics"), topic_name_check, true, true,
                                SOURCE_NAMESPACE},
};

bool source_has_keys(enum source_kind kind)
{
    return kinds[kind].has_keys;
}

bool source_has_parent(enum source_kind kind)
{
    return kinds[kind].has_parent;
}

bool source_topics_of(enum source_kind kind, enum source_kind *topics)
{
    for (int i = 0; i < SOURCE_KINDS; i++) {
        if (kinds[i].has_parent && kinds[i].parent == kind) {
            *topics = (enum source_kind)i;
            return true;
        }
    }
    return false;
}

struct source_name source_parent(const struct source_name *source)
{
    return (struct source_name){.kind = kinds[source->kind].parent, .name = source->name};
}

const char *source_name_check(const struct source_name *source)
{
    struct source_name parent;
    const char *wrong;

    if (!source_has_parent(source->kind)) {
        return kinds[source->kind].check(source->name);
    }
    parent = source_parent(source);
    wrong = kinds[parent.kind].check(parent.name);
    return wrong ? wrong : kinds[source->kind].check(source->topic);
}

/* "domains/shop" */
static void append_segments(struct buffer *out, struct slice collection, struct slice name)
{
    buffer_append(out, collection);
    buffer_append_byte(out, '/');
    buffer_append(out, name);
}

static void append_place(struct buffer *out, const struct source_name *source)
{
    if (source_has_parent(source->kind)) {
        append_segments(out, kinds[kinds[source->kind].parent].collection, source->name);
        buffer_append_byte(out, '/');
    }
    append_segments(out, kinds[source->kind].collection, source_own_name(source));
}

static struct slice take_segment(struct slice *rest)
{
    const uint8_t *at = rest->length > 0 ? memchr(rest->data, '/', rest->length) : NULL;
    size_t length = at ? (size_t)(at - rest->data) : rest->length;
    struct slice segment = slice_make(rest->data, length);

    *rest = slice_from(*rest, at ? length + 1 : length);
    return segment;
}

/* The kind of this collection in a parent of the kind *parent; NULL: at the top. */
static bool find_kind(struct slice collection, const enum source_kind *parent,
                      enum source_kind *kind)
{
    for (int i = 0; i < SOURCE_KINDS; i++) {
        bool is_there =
            parent ? kinds[i].has_parent && kinds[i].parent == *parent : !kinds[i].has_parent;
        if (is_there && equal_ignoring_case(collection, kinds[i].collection)) {
            *kind = (enum source_kind)i;
            return true;
        }
    }
    return false;
}

/* "topics/orders", in any case. */
static bool parse_place(struct slice place, struct source_name *out)
{
    bool has_end = place.length > 0 && place.data[place.length - 1] == '/';
    struct slice collection = take_segment(&place);

    *out = (struct source_name){.name = take_segment(&place)};
    if (has_end || !find_kind(collection, NULL, &out->kind)) {
        return false;
    }
    if (place.length > 0) {
        const enum source_kind parent = out->kind;
        if (!find_kind(take_segment(&place), &parent, &out->kind)) {
            return false;
        }
        out->topic = place;
    }
    return !source_name_check(out);
}

/* --- keys --- */

void source_key_append(struct buffer *out, const struct source_name *source)
{
    size_t start = out->length;

    append_place(out, source);
    for (size_t i = start; i < out->length; i++) {
        out->data[i] = ascii_lower(out->data[i]);
    }
}

bool source_key_parse(struct slice key, struct source_name *out)
{
    for (size_t i = 0; i < key.length; i++) {
        if (key.data[i] != ascii_lower(key.data[i])) {
            return false;
        }
    }
    return key.length <= SOURCE_KEY_MAX && parse_place(key, out);
}

/* --- resource ids --- */

void source_id_append(struct buffer *out, const struct source_name *source,
                      struct slice azure_subscription, struct slice resource_group)
{
    buffer_append_string(out, "/subscriptions/");
    buffer_append(out, azure_subscription.length > 0 ? azure_subscription
                                                     : SLICE_LITERAL(DEFAULT_AZURE_SUBSCRIPTION));
    buffer_append_string(out, "/resourceGroups/");
    buffer_append(out, resource_group.length > 0 ? resource_group
                                                 : SLICE_LITERAL(DEFAULT_RESOURCE_GROUP));
    buffer_append_string(out, "/providers/Microsoft.EventGrid/");
    append_place(out, source);
}

bool source_id_parse(struct slice id, struct source_name *out)
{
    static const struct slice path[] = {
        SLICE_LITERAL("subscriptions"),  {NULL, 0},
        SLICE_LITERAL("resourceGroups"), {NULL, 0},
        SLICE_LITERAL("providers"),      SLICE_LITERAL("Microsoft.EventGrid"),
    };

    if (take_segment(&id).length > 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++) {
        struct slice segment = take_segment(&id);
        if (path[i].data ? !equal_ignoring_case(segment, path[i]) : segment.length == 0) {
            return false;
        }
    }
    return parse_place(id, out);
}

bool source_reference_parse(struct slice reference, struct buffer *key, enum source_kind *kind)
{
    struct source_name name;
    struct buffer lower = {0};
    bool is_known;

    ascii_append_lower(&lower, reference);
    is_known = source_id_parse(reference, &name) || source_key_parse(buffer_slice(&lower), &name);
    if (is_known) {
        *kind = name.kind;
        source_key_append(key, &name);
    }
    buffer_release(&lower);
    return is_known;
}
