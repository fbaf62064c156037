/* Topic templates, see template.h. A template is a list of parts, each a text or a variable.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "policy/template.h"

#include <stdlib.h>

#include "base/memory.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"
#include "policy/position.h"

enum part_kind { PART_TEXT, PART_NAME, PART_IDENTIFIER, PART_ATTRIBUTE };

struct part {
    enum part_kind kind;
    struct slice text; /* of PART_TEXT; the key of PART_ATTRIBUTE */
    struct part *next;
};

struct topic_template {
    struct arena memory; /* has the parts */
    struct part *first;  /* NULL: an empty text */
    struct part **end;
};

static struct topic_template *new_template(void)
{
    struct topic_template *topic_template = memory_allocate_zero(sizeof(*topic_template));
    topic_template->end = &topic_template->first;
    return topic_template;
}

static void add_part(struct topic_template *topic_template, enum part_kind kind, struct slice text)
{
    struct part *part = arena_allocate(&topic_template->memory, sizeof(*part));
    part->kind = kind;
    part->text = arena_copy(&topic_template->memory, text);
    *topic_template->end = part;
    topic_template->end = &part->next;
}

static void add_text(struct topic_template *topic_template, struct slice text)
{
    if (text.length > 0) {
        add_part(topic_template, PART_TEXT, text);
    }
}

void topic_template_free(struct topic_template *topic_template)
{
    if (topic_template) {
        arena_release(&topic_template->memory);
        free(topic_template);
    }
}

/* --- ${...} --- */

static bool has_any(struct slice text, const char *bytes)
{
    for (size_t i = 0; i < text.length; i++) {
        if (strchr(bytes, text.data[i]) && text.data[i] != '\0') {
            return true;
        }
    }
    return false;
}

/* The parts of a variable, what stands between its braces. NULL, or what is wrong. */
static const char *add_variable(struct topic_template *topic_template, struct slice variable)
{
    static const struct slice attributes = SLICE_LITERAL("client.attributes.");
    const uint8_t *bar = variable.length > 0 ? memchr(variable.data, '|', variable.length) : NULL;
    struct slice name = bar ? slice_make(variable.data, (size_t)(bar - variable.data)) : variable;
    struct slice literal = bar ? slice_from(variable, name.length + 1) : SLICE_EMPTY;

    if (has_any(literal, "/+#${|")) {
        return "has one of / + # $ { | in the literal of a variable";
    }
    if (slice_equal(name, SLICE_LITERAL("dollar")) && !bar) {
        add_text(topic_template, SLICE_LITERAL("$"));
    } else if (slice_equal(name, SLICE_LITERAL("client.authenticationName"))) {
        add_part(topic_template, PART_NAME, SLICE_EMPTY);
    } else if (slice_starts_with(name, attributes) &&
               attribute_key_is_valid(slice_from(name, attributes.length))) {
        add_part(topic_template, PART_ATTRIBUTE, slice_from(name, attributes.length));
    } else {
        return "is none of ${client.authenticationName}, ${client.attributes.KEY} and ${dollar}";
    }
    add_text(topic_template, literal);
    return NULL;
}

struct parser {
    struct topic_template *topic_template;
    struct slice text;
    struct buffer plain; /* the text with an x for each variable, to be looked at as a filter */
    struct buffer *error;
};

static bool fail(struct parser *parser, struct slice place, const char *sentence)
{
    position_error(parser->error, parser->text, place, sentence);
    return false;
}

/* `rest` begins with a $. */
static bool take_variable(struct parser *parser, struct slice *rest)
{
    const uint8_t *end = memchr(rest->data, '}', rest->length);
    const uint8_t *slash = memchr(rest->data, '/', rest->length);
    if (!slice_starts_with(*rest, SLICE_LITERAL("${"))) {
        return fail(parser, *rest, "has a $ that begins no variable; write ${dollar} for it");
    }
    if (!end || (slash && slash < end)) {
        return fail(parser, *rest, "begins a variable that has no } within its level");
    }
    struct slice variable = slice_make(rest->data + 2, (size_t)(end - rest->data) - 2);
    const char *problem = add_variable(parser->topic_template, variable);
    if (problem) {
        return fail(parser, *rest, problem);
    }
    buffer_append_byte(&parser->plain, 'x');
    *rest = slice_from(*rest, variable.length + 3);
    return true;
}

static bool parse(struct parser *parser)
{
    struct slice rest = parser->text;
    while (rest.length > 0) {
        const uint8_t *dollar = memchr(rest.data, '$', rest.length);
        size_t length = dollar ? (size_t)(dollar - rest.data) : rest.length;
        struct slice text = slice_make(rest.data, length);
        add_text(parser->topic_template, text);
        buffer_append(&parser->plain, text);
        rest = slice_from(rest, length);
        if (rest.length > 0 && !take_variable(parser, &rest)) {
            return false;
        }
    }
    if (!topic_filter_is_valid(buffer_slice(&parser->plain))) {
        return fail(parser, parser->text, "is no topic filter: + is a whole level, # the last one");
    }
    return topic_level_count(parser->text) <= TEMPLATE_LEVELS_MAX ||
           fail(parser, parser->text, "has more than 8 levels");
}

struct topic_template *topic_template_compile(struct slice text, struct buffer *error)
{
    struct topic_template *topic_template = new_template();
    struct parser parser = {.topic_template = topic_template, .text = text, .error = error};
    bool is_good =
        text.length > 0 && text.length <= TEMPLATE_BYTES_MAX && utf8_is_valid_string(text)
            ? parse(&parser)
            : fail(&parser, text, "is no text of 1 to 256 bytes");
    buffer_release(&parser.plain);
    if (!is_good) {
        topic_template_free(topic_template);
        return NULL;
    }
    return topic_template;
}

/* --- %u and %c --- */

struct topic_template *topic_template_from_rule(struct slice filter)
{
    struct topic_template *topic_template = new_template();
    size_t from = 0;
    for (size_t i = 0; i + 1 < filter.length; i++) {
        uint8_t next = filter.data[i + 1];
        if (filter.data[i] == '%' && (next == 'u' || next == 'c')) {
            add_text(topic_template, slice_make(filter.data + from, i - from));
            add_part(topic_template, next == 'u' ? PART_NAME : PART_IDENTIFIER, SLICE_EMPTY);
            from = i + 2;
            i++;
        }
    }
    add_text(topic_template, slice_from(filter, from));
    return topic_template;
}

/* --- putting in --- */

struct expansion {
    const struct client_profile *client;
    struct buffer filter; /* so far */
    template_taker *take;
    void *context;
    bool may_be_reserved; /* the template itself begins with a $ */
};

static bool begins_with_dollar(struct slice text)
{
    return text.length > 0 && text.data[0] == '$';
}

/* False: it would widen the filter, or is nothing. */
static bool append_value(struct expansion *expansion, struct slice value)
{
    if (value.length == 0 || has_any(value, "/+#")) {
        return false;
    }
    buffer_append(&expansion->filter, value);
    return true;
}

static void expand_from(struct expansion *expansion, const struct part *part);

/* Goes on behind each value of the attribute. */
static void expand_attribute(struct expansion *expansion, const struct part *part)
{
    const struct attribute *attribute = client_attribute(expansion->client, part->text);
    size_t length = expansion->filter.length;
    if (attribute && attribute->type == ATTRIBUTE_INTEGER) {
        attribute_append(&expansion->filter, attribute);
        expand_from(expansion, part->next);
    }
    for (size_t i = 0; attribute && i < attribute->text_count; i++) {
        expansion->filter.length = length;
        if (append_value(expansion, attribute->texts[i])) {
            expand_from(expansion, part->next);
        }
    }
}

static void expand_from(struct expansion *expansion, const struct part *part)
{
    const struct client_profile *client = expansion->client;
    for (; part; part = part->next) {
        if (part->kind == PART_ATTRIBUTE) {
            expand_attribute(expansion, part);
            return;
        }
        if (part->kind == PART_TEXT) {
            buffer_append(&expansion->filter, part->text);
        } else if (!append_value(expansion, part->kind == PART_NAME ? client->authentication_name
                                                                    : client->client_identifier)) {
            return;
        }
    }
    struct slice filter = buffer_slice(&expansion->filter);
    if (expansion->may_be_reserved || !begins_with_dollar(filter)) {
        expansion->take(expansion->context, filter);
    }
}

/* How many filters at the most; TEMPLATE_FILTERS_MAX + 1 stands for any number above. */
static size_t filter_count(const struct topic_template *topic_template,
                           const struct client_profile *client)
{
    size_t count = 1;
    for (const struct part *part = topic_template->first; part; part = part->next) {
        const struct attribute *attribute =
            part->kind == PART_ATTRIBUTE ? client_attribute(client, part->text) : NULL;
        size_t texts =
            attribute && attribute->type != ATTRIBUTE_INTEGER ? attribute->text_count : 1;
        if (texts > TEMPLATE_FILTERS_MAX || count * texts > TEMPLATE_FILTERS_MAX) {
            return TEMPLATE_FILTERS_MAX + 1;
        }
        count *= texts;
    }
    return count;
}

bool topic_template_expand(const struct topic_template *topic_template,
                           const struct client_profile *client, template_taker *take, void *context)
{
    const struct part *first = topic_template->first;
    struct expansion expansion = {
        .client = client,
        .take = take,
        .context = context,
        .may_be_reserved = first && first->kind == PART_TEXT && begins_with_dollar(first->text),
    };
    if (filter_count(topic_template, client) > TEMPLATE_FILTERS_MAX) {
        return false;
    }
    expand_from(&expansion, first);
    buffer_release(&expansion.filter);
    return true;
}
