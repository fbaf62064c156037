/* Clients for tests of policy: a profile is read from JSON,
 * {"name":"..","attributes":{"key":value}}.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_CLIENT_PROFILE_FIXTURE_H
#define PUBGRID_TESTS_CLIENT_PROFILE_FIXTURE_H

#include "policy/attributes.h"

/* Reads the members of the object as attributes, in `arena`; leaves out what can be none. */
static inline const struct attribute *read_attributes(const struct json_value *object,
                                                      struct arena *arena)
{
    const struct attribute *first = NULL;
    struct json_walk walk = json_members(object);
    struct json_value value;
    struct slice key;
    while (json_next_member(&walk, &key, &value)) {
        struct attribute *attribute = arena_allocate(arena, sizeof(*attribute));
        if (attribute_key_is_valid(key) && !attribute_read(&value, arena, attribute)) {
            attribute->key = arena_copy(arena, key);
            attribute->next = first;
            first = attribute;
        }
    }
    return first;
}

/* False: `json` is no profile. */
static inline bool read_profile(struct slice json, struct arena *arena, struct client_profile *out)
{
    struct json_value whole, name, attributes;
    struct buffer scratch = {0};
    *out = (struct client_profile){.client_identifier = SLICE_LITERAL("cid")};
    if (!json_parse(json, &whole) || whole.type != JSON_OBJECT) {
        return false;
    }
    if (json_find_member(&whole, "name", &name) && name.type == JSON_STRING) {
        out->authentication_name = arena_copy(arena, json_string_value(&name, &scratch));
    }
    if (json_find_member(&whole, "attributes", &attributes) && attributes.type == JSON_OBJECT) {
        out->attributes = read_attributes(&attributes, arena);
    }
    buffer_release(&scratch);
    return true;
}

#endif
