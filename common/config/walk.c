/* The pass over a configuration file. See walk.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/walk.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/nearest.h"
#include "config/tree.h"

enum { DEPTH_MAX = 40, KEY_MAX = 512 };

/* --- the walk's state --- */

/* One open mapping or sequence. */
struct level {
    const cyaml_schema_value_t *schema; /* NULL: below an unknown key */
    size_t path_length;                 /* of its own key */
    unsigned index;                     /* of the next entry of a sequence */
    bool is_sequence, have_key;
    const cyaml_schema_value_t *value; /* schema of the value behind the key just read */
};

struct walk {
    const char *file;
    struct yaml_positions *positions;
    struct buffer *error;
    const cyaml_schema_value_t *root;
    struct level levels[DEPTH_MAX];
    int depth; /* open levels */
    char path[KEY_MAX];
    unsigned line, documents;
    bool failed, is_too_deep;
    yaml_emitter_t emitter; /* of the text for libcyaml */
    struct buffer json;     /* of the tree that is open */
};

#define MISTAKE(walk, ...)                                                                         \
    do {                                                                                           \
        buffer_append_format((walk)->error, "%s:%u: ", (walk)->file, (walk)->line);                \
        buffer_append_format((walk)->error, __VA_ARGS__);                                          \
        buffer_append_byte((walk)->error, '\n');                                                   \
        (walk)->failed = true;                                                                     \
    } while (0)

static struct level *current_level(struct walk *walk)
{
    return walk->depth > 0 ? &walk->levels[walk->depth - 1] : NULL;
}

static void set_path(struct walk *walk, const struct level *level, const char *name)
{
    size_t keep = level->path_length;
    snprintf(walk->path + keep, sizeof(walk->path) - keep, "%s%s", keep ? "." : "", name);
}

/* Is it taken as JSON, with all that is in it? */
static bool is_tree(const cyaml_schema_value_t *schema)
{
    return schema && schema->type == CYAML_IGNORE;
}

static bool is_in_tree(struct walk *walk)
{
    struct level *level = current_level(walk);
    return level && is_tree(level->schema);
}

/* --- keys --- */

static void report_unknown(struct walk *walk, const cyaml_schema_field_t *fields, const char *key)
{
    struct buffer hint = {0};
    struct nearest nearest = nearest_to(key);
    for (const cyaml_schema_field_t *field = fields; field->key; field++) {
        nearest_offer(&nearest, field->key);
    }
    if (nearest_found(&nearest)) {
        buffer_append_format(&hint, "write `%s` instead", nearest.name);
    } else {
        buffer_append_string(&hint, "the options here are");
        for (const cyaml_schema_field_t *field = fields; field->key; field++) {
            buffer_append_format(&hint, "%s %s", field == fields ? "" : ",", field->key);
        }
    }
    MISTAKE(walk, "there is no option `%s`; %.*s", key, SLICE_PRINT(buffer_slice(&hint)));
    buffer_release(&hint);
}

static const cyaml_schema_value_t *find_value(struct walk *walk, const struct level *level,
                                              const char *key)
{
    if (!level->schema || level->schema->type != CYAML_MAPPING) {
        return is_tree(level->schema) ? level->schema : NULL;
    }
    const cyaml_schema_field_t *fields = level->schema->mapping.fields;
    for (const cyaml_schema_field_t *field = fields; field->key; field++) {
        if (strcmp(field->key, key) == 0) {
            return &field->value;
        }
    }
    report_unknown(walk, fields, key);
    return NULL;
}

static void note_position(struct walk *walk)
{
    struct slice key = slice_from_string(walk->path);
    const struct yaml_position *first = yaml_position(walk->positions, key);
    if (key.length + 1 == sizeof(walk->path)) {
        return; /* it is cut off, and like others that are */
    }
    if (first) {
        MISTAKE(walk, "`%s` stands in line %u already; remove one of them", walk->path,
                first->line);
    } else {
        yaml_note(walk->positions, key, walk->line);
    }
}

static void read_key(struct walk *walk, struct level *level, const char *key)
{
    set_path(walk, level, key);
    note_position(walk);
    level->value = find_value(walk, level, key);
    level->have_key = true;
}

static bool is_key(const struct level *level)
{
    return level && !level->is_sequence && !level->have_key;
}

/* --- values --- */

static const char *type_name(cyaml_type_e type)
{
    return type == CYAML_MAPPING    ? "a section with options below it"
           : type == CYAML_SEQUENCE ? "a list: lines that begin with `- `"
                                    : "a single value";
}

/* A value begins; NULL if its schema is not known. */
static const cyaml_schema_value_t *begin_value(struct walk *walk)
{
    struct level *level = current_level(walk);
    if (!level) {
        return walk->root;
    }
    if (level->is_sequence) {
        char name[16];
        snprintf(name, sizeof(name), "%u", level->index++);
        set_path(walk, level, name);
        note_position(walk);
        return is_tree(level->schema) ? level->schema
               : level->schema && level->schema->type == CYAML_SEQUENCE
                   ? level->schema->sequence.entry
                   : NULL;
    }
    level->have_key = false;
    return level->value;
}

static void report_shape(struct walk *walk, const cyaml_schema_value_t *schema)
{
    MISTAKE(walk, "`%s` is %s", walk->depth > 0 ? walk->path : "the file", type_name(schema->type));
}

static void open_level(struct walk *walk, cyaml_type_e type)
{
    if (is_key(current_level(walk))) {
        MISTAKE(walk, "a key is a single word");
        current_level(walk)->have_key = true;
        current_level(walk)->value = NULL;
    }
    const cyaml_schema_value_t *schema = begin_value(walk);
    if (is_tree(schema)) {
        tree_begin(&walk->json, type == CYAML_SEQUENCE);
    } else if (schema && schema->type != type) {
        report_shape(walk, schema);
        schema = NULL;
    }
    if (walk->depth == DEPTH_MAX) {
        MISTAKE(walk, "nested too deeply");
        walk->is_too_deep = true;
        return;
    }
    walk->levels[walk->depth++] = (struct level){
        .schema = schema,
        .path_length = strlen(walk->path),
        .is_sequence = type == CYAML_SEQUENCE,
    };
}

static void close_level(struct walk *walk)
{
    if (is_in_tree(walk)) {
        tree_end(&walk->json, current_level(walk)->is_sequence);
    }
    walk->depth--;
    walk->path[walk->levels[walk->depth].path_length] = '\0';
}

/* --- what libcyaml gets --- */

static void emit(struct walk *walk, yaml_event_t *event)
{
    /* The emitter frees the event. */
    if (!yaml_emitter_emit(&walk->emitter, event) && !walk->failed) {
        MISTAKE(walk, "this cannot be read: %s",
                walk->emitter.problem ? walk->emitter.problem : "no memory");
    }
}

static void emit_empty(struct walk *walk, cyaml_type_e type)
{
    yaml_event_t begin, end;
    if (type == CYAML_MAPPING) {
        yaml_mapping_start_event_initialize(&begin, NULL, NULL, 1, YAML_FLOW_MAPPING_STYLE);
        yaml_mapping_end_event_initialize(&end);
    } else {
        yaml_sequence_start_event_initialize(&begin, NULL, NULL, 1, YAML_FLOW_SEQUENCE_STYLE);
        yaml_sequence_end_event_initialize(&end);
    }
    emit(walk, &begin);
    emit(walk, &end);
}

/* `value` becomes `{key: value}`. */
static void emit_in_section(struct walk *walk, const char *key, yaml_event_t *value)
{
    yaml_event_t begin, name, end;
    yaml_mapping_start_event_initialize(&begin, NULL, NULL, 1, YAML_FLOW_MAPPING_STYLE);
    yaml_scalar_event_initialize(&name, NULL, NULL, (const yaml_char_t *)key, (int)strlen(key), 1,
                                 1, YAML_PLAIN_SCALAR_STYLE);
    yaml_mapping_end_event_initialize(&end);
    emit(walk, &begin);
    emit(walk, &name);
    emit(walk, value);
    emit(walk, &end);
}

/* The whole of a tree has come: its JSON is kept, and libcyaml gets nothing in its place. */
static void finish_tree(struct walk *walk)
{
    struct yaml_position *position = yaml_position(walk->positions, slice_from_string(walk->path));
    yaml_event_t nothing;
    if (position && position->json.length == 0) {
        position->json = walk->json;
        walk->json = (struct buffer){0};
    }
    walk->json.length = 0;
    yaml_scalar_event_initialize(&nothing, NULL, NULL, (const yaml_char_t *)"", 0, 1, 1,
                                 YAML_PLAIN_SCALAR_STYLE);
    emit(walk, &nothing);
}

static void read_tree_scalar(struct walk *walk, const yaml_event_t *event)
{
    const char *wrong = tree_append_scalar(&walk->json, event);
    if (wrong) {
        MISTAKE(walk, "`%s` %s", walk->path, wrong);
    }
    if (!is_in_tree(walk)) {
        finish_tree(walk);
    }
}

/* The option that an entry of a list may consist of; NULL if it must name its options. */
static const char *short_form(const struct level *level, const cyaml_schema_value_t *schema)
{
    static const char address[] = "address";
    bool is_entry = level && level->is_sequence && schema->type == CYAML_MAPPING;
    return is_entry && strcmp(schema->mapping.fields[0].key, address) == 0 ? address : NULL;
}

static void read_value(struct walk *walk, yaml_event_t *event)
{
    const cyaml_schema_value_t *schema = begin_value(walk);
    const char *key = schema ? short_form(current_level(walk), schema) : NULL;
    bool is_empty =
        event->data.scalar.length == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (!schema || schema->type == CYAML_STRING) {
        emit(walk, event);
    } else if (is_tree(schema)) {
        read_tree_scalar(walk, event);
        yaml_event_delete(event);
    } else if (key && !is_empty) {
        emit_in_section(walk, key, event);
    } else {
        if (is_empty) {
            emit_empty(walk, schema->type);
        } else {
            report_shape(walk, schema);
        }
        yaml_event_delete(event);
    }
}

static void read_scalar(struct walk *walk, yaml_event_t *event)
{
    struct level *level = current_level(walk);
    if (is_key(level)) {
        read_key(walk, level, (const char *)event->data.scalar.value);
        if (is_in_tree(walk)) {
            tree_append_key(&walk->json, event);
            yaml_event_delete(event);
        } else {
            emit(walk, event);
        }
    } else {
        read_value(walk, event);
    }
}

/* --- events --- */

/* Takes over the event. */
static void take_event(struct walk *walk, yaml_event_t *event)
{
    bool was_in_tree = is_in_tree(walk);
    walk->line = (unsigned)event->start_mark.line + 1;
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        read_scalar(walk, event);
        return;
    case YAML_MAPPING_START_EVENT:
        open_level(walk, CYAML_MAPPING);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_level(walk, CYAML_SEQUENCE);
        break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        close_level(walk);
        break;
    case YAML_ALIAS_EVENT:
        MISTAKE(walk, "write the value out instead of an alias");
        break;
    case YAML_DOCUMENT_START_EVENT:
        walk->documents++;
        if (walk->documents > 1) {
            MISTAKE(walk, "the configuration ends at `---`; remove what follows");
        }
        break;
    default:
        break;
    }
    if (was_in_tree || is_in_tree(walk)) {
        yaml_event_delete(event);
        if (!is_in_tree(walk)) {
            finish_tree(walk);
        }
    } else {
        emit(walk, event);
    }
}

/* Not worth, or not possible, to go on after. */
static bool is_hopeless(const struct walk *walk)
{
    return walk->is_too_deep || walk->documents > 1 || walk->error->length > 64 * (size_t)1024;
}

static void take_events(struct walk *walk, yaml_parser_t *parser)
{
    bool done = false;
    while (!done) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            walk->line = (unsigned)parser->problem_mark.line + 1;
            MISTAKE(walk, "this is not YAML: %s", parser->problem ? parser->problem : "unreadable");
            return;
        }
        bool was_alias = event.type == YAML_ALIAS_EVENT;
        done = event.type == YAML_STREAM_END_EVENT;
        take_event(walk, &event);
        done = done || was_alias || is_hopeless(walk);
    }
}

static int append_text(void *context, unsigned char *bytes, size_t size)
{
    buffer_append(context, slice_make(bytes, size));
    return 1;
}

bool yaml_walk(struct slice text, const char *path, const cyaml_schema_value_t *schema,
               struct yaml_positions *positions, struct buffer *out, struct buffer *error)
{
    struct walk walk = {.file = path, .positions = positions, .error = error, .root = schema};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser) || !yaml_emitter_initialize(&walk.emitter)) {
        buffer_append_format(error, "%s: no memory to read it\n", path);
        return false;
    }
    yaml_parser_set_input_string(&parser, text.length > 0 ? text.data : (const uint8_t *)"",
                                 text.length);
    yaml_emitter_set_output(&walk.emitter, append_text, out);
    yaml_emitter_set_unicode(&walk.emitter, 1);
    yaml_emitter_set_width(&walk.emitter, -1);
    take_events(&walk, &parser);
    yaml_emitter_delete(&walk.emitter);
    buffer_release(&walk.json);
    yaml_parser_delete(&parser);
    return !walk.failed;
}
