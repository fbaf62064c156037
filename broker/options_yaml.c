/* Loading YAML with libcyaml, whose schema is made from the tables of options_list.h.
 *
 * libcyaml stops at the first mistake and names it in its own words; so the file is first walked
 * with libyaml's events, which tells every unknown key with its line and the nearest known one,
 * and remembers where each key stands for the checks that come later.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "options_yaml.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/memory.h"

/* --- the schema --- */

#define TEXT_VALUE                                                                                 \
    {                                                                                              \
        .type = CYAML_STRING, .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, .data_size = 1,   \
        .string = {.min = 0, .max = 65535},                                                        \
    }
#define TEXT_FIELD(text_key, structure, member)                                                    \
    {                                                                                              \
        .key = (text_key), .data_offset = offsetof(structure, member), .value = TEXT_VALUE         \
    }

#define STRUCT_top           struct yaml_config
#define STRUCT_store         struct yaml_store
#define STRUCT_auth          struct yaml_auth
#define STRUCT_mqtt          struct yaml_mqtt
#define STRUCT_session       struct yaml_session
#define STRUCT_limits        struct yaml_limits
#define MEMBER_top(name)     top.name
#define MEMBER_store(name)   name
#define MEMBER_auth(name)    name
#define MEMBER_mqtt(name)    name
#define MEMBER_session(name) name
#define MEMBER_limits(name)  name
#define OPTION_FIELD(section, name, kind, initial, least, most, reload, target)                    \
    TEXT_FIELD(#name, STRUCT_##section, MEMBER_##section(name)),

static const cyaml_schema_field_t store_fields[] = {OPTIONS_STORE(OPTION_FIELD) CYAML_FIELD_END};
static const cyaml_schema_field_t auth_fields[] = {OPTIONS_AUTH(OPTION_FIELD) CYAML_FIELD_END};
static const cyaml_schema_field_t mqtt_fields[] = {OPTIONS_MQTT(OPTION_FIELD) CYAML_FIELD_END};
static const cyaml_schema_field_t session_fields[] = {OPTIONS_SESSION(OPTION_FIELD)
                                                          CYAML_FIELD_END};
static const cyaml_schema_field_t limits_fields[] = {OPTIONS_LIMITS(OPTION_FIELD) CYAML_FIELD_END};

static const cyaml_schema_value_t text_entry = {
    .type = CYAML_STRING,
    .flags = CYAML_FLAG_POINTER,
    .data_size = 1,
    .string = {.min = 0, .max = 65535},
};

#define LIST_FIELD(text_key, structure, member, entry_schema, size)                                \
    {                                                                                              \
        .key = (text_key), .data_offset = offsetof(structure, member),                             \
        .count_offset = offsetof(structure, member##_count),                                       \
        .count_size = sizeof(((structure *)NULL)->member##_count),                                 \
        .value = {                                                                                 \
            .type = CYAML_SEQUENCE,                                                                \
            .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                                     \
            .data_size = (size),                                                                   \
            .sequence = {.entry = &(entry_schema), .min = 0, .max = CYAML_UNLIMITED},              \
        },                                                                                         \
    }
#define TEXT_LIST_FIELD(key, structure, member)                                                    \
    LIST_FIELD(key, structure, member, text_entry, sizeof(char *))

static const cyaml_schema_field_t listener_fields[] = {
    TEXT_FIELD("address", struct yaml_listener, address),
    TEXT_FIELD("mode", struct yaml_listener, mode),
    TEXT_FIELD("certificate", struct yaml_listener, certificate),
    TEXT_FIELD("key", struct yaml_listener, key),
    TEXT_FIELD("ca", struct yaml_listener, ca),
    TEXT_FIELD("crl", struct yaml_listener, crl),
    TEXT_FIELD("require_client_certificate", struct yaml_listener, require_client_certificate),
    TEXT_FIELD("use_certificate_as_user", struct yaml_listener, use_certificate_as_user),
    TEXT_FIELD("allow_anonymous", struct yaml_listener, allow_anonymous),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t listener_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_listener, listener_fields)};

static const cyaml_schema_field_t group_fields[] = {
    TEXT_FIELD("name", struct yaml_group, name),
    TEXT_LIST_FIELD("users", struct yaml_group, users),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t group_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_group, group_fields)};

static const cyaml_schema_field_t access_fields[] = {
    TEXT_FIELD("user", struct yaml_access, user),
    TEXT_FIELD("group", struct yaml_access, group),
    TEXT_FIELD("deny", struct yaml_access, deny),
    TEXT_LIST_FIELD("publish", struct yaml_access, publish),
    TEXT_LIST_FIELD("subscribe", struct yaml_access, subscribe),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t access_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_access, access_fields)};

#define SECTION_FIELD(name)                                                                        \
    {                                                                                              \
        .key = #name, .data_offset = offsetof(struct yaml_config, name),                           \
        .value = {                                                                                 \
            .type = CYAML_MAPPING,                                                                 \
            .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                                     \
            .data_size = sizeof(struct yaml_##name),                                               \
            .mapping = {.fields = name##_fields},                                                  \
        },                                                                                         \
    }

static const cyaml_schema_field_t config_fields[] = {
    OPTIONS_TOP(OPTION_FIELD) SECTION_FIELD(store),
    SECTION_FIELD(auth),
    SECTION_FIELD(mqtt),
    SECTION_FIELD(session),
    SECTION_FIELD(limits),
    LIST_FIELD("listeners", struct yaml_config, listeners, listener_entry,
               sizeof(struct yaml_listener)),
    LIST_FIELD("groups", struct yaml_config, groups, group_entry, sizeof(struct yaml_group)),
    LIST_FIELD("access", struct yaml_config, access, access_entry, sizeof(struct yaml_access)),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_config, config_fields)};

/* --- positions and unknown keys --- */

struct position {
    char *key;
    unsigned line;
};

struct yaml_positions {
    struct position *items;
    size_t count;
};

enum { DEPTH_MAX = 8, KEY_MAX = 256 };

/* One open mapping or sequence of the walk. */
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
    struct level levels[DEPTH_MAX];
    int depth; /* open levels */
    char path[KEY_MAX];
    bool failed;
};

void yaml_positions_free(struct yaml_positions *positions)
{
    if (!positions) {
        return;
    }
    for (size_t i = 0; i < positions->count; i++) {
        free(positions->items[i].key);
    }
    free(positions->items);
    free(positions);
}

unsigned yaml_line(const struct yaml_positions *positions, const char *key)
{
    for (size_t i = 0; positions && i < positions->count; i++) {
        if (strcmp(positions->items[i].key, key) == 0) {
            return positions->items[i].line;
        }
    }
    return 0;
}

static void remember(struct walk *walk, unsigned line)
{
    struct yaml_positions *positions = walk->positions;
    positions->items =
        memory_resize(positions->items, (positions->count + 1) * sizeof(*positions->items));
    positions->items[positions->count++] =
        (struct position){.key = memory_copy_string(slice_from_string(walk->path)), .line = line};
}

/* Letters that must change to make one word of the other, as far as it matters for a hint. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], length = strlen(b);
    if (length >= 63) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t replace = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = replace < other ? replace : other;
        }
    }
    return row[length];
}

static void report_unknown(struct walk *walk, const cyaml_schema_field_t *fields, const char *key,
                           unsigned line)
{
    const char *nearest = fields->key;
    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        if (distance(key, f->key) < distance(key, nearest)) {
            nearest = f->key;
        }
    }
    buffer_append_format(walk->error, "%s:%u: there is no option `%s`", walk->file, line, key);
    if (distance(key, nearest) <= 1 + strlen(key) / 3) {
        buffer_append_format(walk->error, "; write `%s` instead\n", nearest);
    } else {
        buffer_append_string(walk->error, "; the options here are");
        for (const cyaml_schema_field_t *f = fields; f->key; f++) {
            buffer_append_format(walk->error, "%s %s", f == fields ? "" : ",", f->key);
        }
        buffer_append_string(walk->error, "\n");
    }
    walk->failed = true;
}

static const cyaml_schema_value_t *find_value(struct walk *walk, const struct level *level,
                                              const char *key, unsigned line)
{
    if (!level->schema || level->schema->type != CYAML_MAPPING) {
        return NULL;
    }
    const cyaml_schema_field_t *fields = level->schema->mapping.fields;
    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        if (strcmp(f->key, key) == 0) {
            return &f->value;
        }
    }
    report_unknown(walk, fields, key, line);
    return NULL;
}

static void set_path(struct walk *walk, size_t keep, const char *name)
{
    size_t room = sizeof(walk->path) - keep;
    snprintf(walk->path + keep, room, "%s%s", keep ? "." : "", name);
}

static const char *type_name(cyaml_type_e type)
{
    return type == CYAML_MAPPING    ? "a section with options below it"
           : type == CYAML_SEQUENCE ? "a list: lines that begin with `- `"
                                    : "a single value";
}

/* A value begins: which schema it has, and whether its shape fits that. */
static const cyaml_schema_value_t *begin_value(struct walk *walk, cyaml_type_e type, unsigned line)
{
    const cyaml_schema_value_t *schema = &config_schema;
    if (walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (level->is_sequence) {
            char name[16];
            snprintf(name, sizeof(name), "%u", level->index++);
            set_path(walk, level->path_length, name);
            schema = level->schema ? level->schema->sequence.entry : NULL;
            remember(walk, line);
        } else {
            schema = level->value;
            level->have_key = false;
        }
    }
    if (schema && schema->type != type) {
        buffer_append_format(walk->error, "%s:%u: `%s` is %s\n", walk->file, line,
                             walk->depth ? walk->path : "the file", type_name(schema->type));
        walk->failed = true;
        return NULL;
    }
    return schema;
}

static void open_level(struct walk *walk, cyaml_type_e type, unsigned line)
{
    const cyaml_schema_value_t *schema = begin_value(walk, type, line);
    if (walk->depth == DEPTH_MAX) {
        buffer_append_format(walk->error, "%s:%u: nested too deeply\n", walk->file, line);
        walk->failed = true;
        return;
    }
    walk->levels[walk->depth++] = (struct level){
        .schema = schema,
        .path_length = strlen(walk->path),
        .is_sequence = type == CYAML_SEQUENCE,
    };
}

static void read_scalar(struct walk *walk, const yaml_event_t *event)
{
    unsigned line = (unsigned)event->start_mark.line + 1;
    const char *text = (const char *)event->data.scalar.value;
    struct level *level = walk->depth ? &walk->levels[walk->depth - 1] : NULL;
    if (level && !level->is_sequence && !level->have_key) {
        set_path(walk, level->path_length, text);
        level->value = find_value(walk, level, text, line);
        level->have_key = true;
        remember(walk, line);
    } else {
        begin_value(walk, CYAML_STRING, line);
    }
}

static void walk_event(struct walk *walk, const yaml_event_t *event)
{
    unsigned line = (unsigned)event->start_mark.line + 1;
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        read_scalar(walk, event);
        break;
    case YAML_MAPPING_START_EVENT:
        open_level(walk, CYAML_MAPPING, line);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_level(walk, CYAML_SEQUENCE, line);
        break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        walk->depth--;
        walk->path[walk->levels[walk->depth].path_length] = '\0';
        break;
    case YAML_ALIAS_EVENT:
        buffer_append_format(walk->error, "%s:%u: write the value out instead of an alias\n",
                             walk->file, line);
        walk->failed = true;
        break;
    default:
        break;
    }
}

/* False if the file is no YAML, or not of our shape. */
static bool walk_file(FILE *file, struct walk *walk)
{
    yaml_parser_t parser;
    bool done = false;
    if (!yaml_parser_initialize(&parser)) {
        return false;
    }
    yaml_parser_set_input_file(&parser, file);
    while (!done) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            buffer_append_format(walk->error, "%s:%zu: this is not YAML: %s\n", walk->file,
                                 parser.problem_mark.line + 1,
                                 parser.problem ? parser.problem : "unreadable");
            walk->failed = true;
            break;
        }
        walk_event(walk, &event);
        done = event.type == YAML_STREAM_END_EVENT || walk->depth == DEPTH_MAX;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return !walk->failed;
}

/* --- loading --- */

/* What libcyaml says, should it still find something. */
static void take_log(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    struct buffer *error = context;
    char text[512];
    vsnprintf(text, sizeof(text), format, arguments);
    if (level >= CYAML_LOG_ERROR) {
        buffer_append_string(error, text);
    }
}

static cyaml_config_t cyaml_settings(struct buffer *error)
{
    return (cyaml_config_t){
        .log_fn = take_log,
        .log_ctx = error,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
    };
}

void yaml_config_free(struct yaml_config *config)
{
    struct buffer ignored = {0};
    cyaml_config_t settings = cyaml_settings(&ignored);
    cyaml_free(&settings, &config_schema, config, 0);
    buffer_release(&ignored);
}

struct yaml_config *yaml_config_load(const char *path, struct yaml_positions **positions,
                                     struct buffer *error)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        buffer_append_format(error, "%s: cannot be read: %s\n", path, strerrordesc_np(errno));
        return NULL;
    }
    *positions = memory_allocate_zero(sizeof(**positions));
    struct walk walk = {.file = path, .positions = *positions, .error = error};
    bool good = walk_file(file, &walk);
    fclose(file);
    if (!good) {
        return NULL;
    }
    struct yaml_config *config = NULL;
    if (walk.positions->count == 0) {
        /* Only comments: everything has its default. */
        return memory_allocate_zero(sizeof(*config));
    }
    cyaml_config_t settings = cyaml_settings(error);
    cyaml_err_t failed =
        cyaml_load_file(path, &settings, &config_schema, (cyaml_data_t **)&config, NULL);
    if (failed != CYAML_OK) {
        buffer_append_format(error, "%s: %s\n", path, cyaml_strerror(failed));
        return NULL;
    }
    return config;
}
