/* Names, keys and resource ids of sources, see source.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/source.h"

#include "base/ascii.h"

/* --- names (spec/eventgrid.md 1.10) --- */

static bool has_only(struct slice name, const char *others)
{
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = name.data[i];
        if (!ascii_is_alphanumeric(c) && (c == '\0' || !strchr(others, c))) {
            return false;
        }
    }
    return true;
}

const char *topic_name_check(struct slice name)
{
    static const struct slice reserved[] = {
        SLICE_LITERAL("Microsoft-"),
        SLICE_LITERAL("EventGrid-"),
        SLICE_LITERAL("System-"),
    };

    if (name.length < TOPIC_NAME_MIN || name.length > TOPIC_NAME_MAX) {
        return "Topic name must be between 3 and 50 characters in length.";
    }
    if (!has_only(name, "-")) {
        return "Topic name must have only letters (A to Z), digits and hyphens.";
    }
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (starts_ignoring_case(name, reserved[i])) {
            return "Topic name must not begin with Microsoft-, EventGrid- or System-.";
        }
    }
    return NULL;
}

const char *domain_topic_name_check(struct slice name)
{
    if (name.length == 0 || name.length > DOMAIN_TOPIC_NAME_MAX) {
        return "Domain topic name must be between 1 and 128 characters in length.";
    }
    return has_only(name, "-._") ? NULL
                                 : "Domain topic name must have only letters (A to Z), digits, "
                                   "hyphens, dots and underscores.";
}

const char *subscription_name_check(struct slice name)
{
    if (name.length < SUBSCRIPTION_NAME_MIN || name.length > SUBSCRIPTION_NAME_MAX) {
        return "Event subscription name must be between 3 and 64 characters in length.";
    }
    return has_only(name, "-")
               ? NULL
               : "Event subscription name must have only letters (A to Z), digits and hyphens.";
}

/* --- kinds --- */

static const struct {
    struct slice collection, parent; /* as resource ids spell them */
    const char *(*check)(struct slice name);
} kinds[] = {
    [SOURCE_TOPIC] = {SLICE_LITERAL("topics"), {NULL, 0}, topic_name_check},
    [SOURCE_DOMAIN] = {SLICE_LITERAL("domains"), {NULL, 0}, topic_name_check},
    [SOURCE_DOMAIN_TOPIC] = {SLICE_LITERAL("topics"), SLICE_LITERAL("domains"),
                             domain_topic_name_check},
    [SOURCE_SYSTEM_TOPIC] = {SLICE_LITERAL("systemTopics"), {NULL, 0}, topic_name_check},
};

static void append_place(struct buffer *out, const struct source_name *source)
{
    bool is_child = source->kind == SOURCE_DOMAIN_TOPIC;

    buffer_append(out, is_child ? kinds[source->kind].parent : kinds[source->kind].collection);
    buffer_append_byte(out, '/');
    buffer_append(out, source->name);
    if (is_child) {
        buffer_append_byte(out, '/');
        buffer_append(out, kinds[source->kind].collection);
        buffer_append_byte(out, '/');
        buffer_append(out, source->domain_topic);
    }
}

static struct slice take_segment(struct slice *rest)
{
    const uint8_t *at = rest->length > 0 ? memchr(rest->data, '/', rest->length) : NULL;
    size_t length = at ? (size_t)(at - rest->data) : rest->length;
    struct slice segment = slice_make(rest->data, length);

    *rest = slice_from(*rest, at ? length + 1 : length);
    return segment;
}

static bool find_kind(struct slice collection, enum source_kind *kind)
{
    static const enum source_kind roots[] = {SOURCE_TOPIC, SOURCE_DOMAIN, SOURCE_SYSTEM_TOPIC};

    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        if (equal_ignoring_case(collection, kinds[roots[i]].collection)) {
            *kind = roots[i];
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
    if (has_end || !find_kind(collection, &out->kind) || kinds[out->kind].check(out->name)) {
        return false;
    }
    if (place.length == 0) {
        return true;
    }
    collection = take_segment(&place);
    if (out->kind != SOURCE_DOMAIN ||
        !equal_ignoring_case(collection, kinds[SOURCE_DOMAIN_TOPIC].collection)) {
        return false;
    }
    out->kind = SOURCE_DOMAIN_TOPIC;
    out->domain_topic = place;
    return !domain_topic_name_check(place);
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
