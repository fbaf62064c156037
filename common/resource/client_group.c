/* Client groups, see client_group.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "policy/query.h"
#include "resource/namespace_child_parts.h"

static const struct property rows[] = {
    TEXT_PROPERTY(struct namespace_child, "query", group.query, QUERY_BYTES_MAX),
    COMMON_CHILD_ROWS,
};
static const struct property_table properties = PROPERTY_TABLE(rows);

static void check(struct reading *reading, struct namespace_child *child)
{
    struct buffer error = {0};
    struct query *query = query_compile(child->group.query, &error);

    if (child->group.query.length == 0) {
        reading_mistake_at(reading, "query",
                           "is missing; write for example attributes.type = 'sensor'");
    } else if (!query) {
        reading_mistake_at(reading, "query", "%.*s", SLICE_PRINT(error));
    }
    query_free(query);
    buffer_release(&error);
}

static void append(struct buffer *out, const struct namespace_child *child)
{
    buffer_append_string(out, "\"query\":");
    json_append_string(out, child->group.query);
}

const struct child_reader client_group_reader = {
    .properties = &properties,
    .check = check,
    .append = append,
};
