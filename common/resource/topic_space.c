/* Topic spaces, see topic_space.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "policy/template.h"
#include "resource/namespace_child_parts.h"

static void read_template(struct reading *reading, const struct json_value *value, void *into)
{
    struct slice *text = into;
    struct buffer error = {0};

    if (!reading_text(reading, value, text)) {
        return;
    }
    struct topic_template *topic_template = topic_template_compile(*text, &error);
    if (!topic_template) {
        reading_mistake(reading, "%.*s", SLICE_PRINT(error));
    }
    topic_template_free(topic_template);
    buffer_release(&error);
}

static void read_templates(struct reading *reading, const struct json_value *value, void *into)
{
    static const struct array_kind kind = {"templates", TOPIC_TEMPLATES_MAX, sizeof(struct slice),
                                           read_template};
    struct topic_space *space = &((struct namespace_child *)into)->space;

    space->templates = reading_array(reading, value, &kind, &space->template_count);
}

static const struct property rows[] = {
    OWN_PROPERTY("topicTemplates", read_templates),
    COMMON_CHILD_ROWS,
};
static const struct property_table properties = PROPERTY_TABLE(rows);

static void check(struct reading *reading, struct namespace_child *child)
{
    if (child->space.template_count == 0) {
        reading_mistake_at(reading, "topicTemplates",
                           "is missing; write for example "
                           "[\"devices/${client.authenticationName}/#\"]");
    }
}

static void append(struct buffer *out, const struct namespace_child *child)
{
    buffer_append_string(out, "\"topicTemplates\":[");
    for (size_t i = 0; i < child->space.template_count; i++) {
        buffer_append_string(out, i > 0 ? "," : "");
        json_append_string(out, child->space.templates[i]);
    }
    buffer_append_byte(out, ']');
}

const struct child_reader topic_space_reader = {
    .properties = &properties,
    .check = check,
    .append = append,
};
