/* The settings of one hub as JSON, in the shape of spec/webpubsub.md section 8 with what is beyond
 * Azure beside it: the names of the configuration file in camel case, with the unit behind those
 * that have one. JSON becomes the same texts that libcyaml loads, so both are checked by the same
 * code.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "config/loading.h"
#include "json/json.h"

/* --- what there may be --- */

enum json_shape { OPTION, WORDS, SECTION, SECTIONS };

struct json_section;

struct json_field {
    const char *name; /* as in the configuration file */
    uint8_t shape;    /* enum json_shape */
    uint8_t kind;     /* of an OPTION: enum option_kind */
    size_t offset, count_offset;
    const struct json_section *section; /* of SECTION and SECTIONS */
};

struct json_section {
    const struct json_field *fields;
    size_t count, size; /* of fields; bytes of the structure */
};

#define STRUCTURE_hub            struct yaml_hub
#define STRUCTURE_event_handler  struct yaml_event_handler
#define STRUCTURE_event_listener struct yaml_event_listener
#define OPTION_FIELD(owner, name, option_kind, initial, least, most, reload, target)               \
    {#name, OPTION, option_kind, offsetof(STRUCTURE_##owner, name), 0, NULL},
#define LIST_FIELD(structure, member, list_shape, list_section)                                    \
    {                                                                                              \
#member, list_shape, 0, offsetof(structure, member), offsetof(structure, member##_count),  \
            list_section                                                                           \
    }
#define SECTION_FIELD(structure, member, of_section)                                               \
    {                                                                                              \
#member, SECTION, 0, offsetof(structure, member), 0, of_section                            \
    }
#define SECTION_OF(fields, structure)                                                              \
    {                                                                                              \
        fields, sizeof(fields) / sizeof((fields)[0]), sizeof(structure)                            \
    }

static const struct json_field presence_fields[] = {
    LIST_FIELD(struct yaml_presence_events, event_names, WORDS, NULL),
    LIST_FIELD(struct yaml_presence_events, group_filters, WORDS, NULL),
};
static const struct json_section presence =
    SECTION_OF(presence_fields, struct yaml_presence_events);

static const struct json_field auth_fields[] = {
    {"type", OPTION, TEXT, offsetof(struct yaml_handler_auth, type), 0, NULL},
};
static const struct json_section auth = SECTION_OF(auth_fields, struct yaml_handler_auth);

static const struct json_field handler_fields[] = {
    OPTIONS_EVENT_HANDLER(OPTION_FIELD)
        LIST_FIELD(struct yaml_event_handler, system_events, WORDS, NULL),
    SECTION_FIELD(struct yaml_event_handler, group_presence_events, &presence),
    SECTION_FIELD(struct yaml_event_handler, auth, &auth),
};
static const struct json_section handler = SECTION_OF(handler_fields, struct yaml_event_handler);

static const struct json_field listener_fields[] = {
    OPTIONS_EVENT_LISTENER(OPTION_FIELD)
        LIST_FIELD(struct yaml_event_listener, system_events, WORDS, NULL),
    SECTION_FIELD(struct yaml_event_listener, group_presence_events, &presence),
};
static const struct json_section listener = SECTION_OF(listener_fields, struct yaml_event_listener);

static const struct json_field hub_fields[] = {
    OPTIONS_HUB(OPTION_FIELD) LIST_FIELD(struct yaml_hub, event_handlers, SECTIONS, &handler),
    LIST_FIELD(struct yaml_hub, event_listeners, SECTIONS, &listener),
};
static const struct json_section hub_section = SECTION_OF(hub_fields, struct yaml_hub);

#undef SECTION_OF
#undef SECTION_FIELD
#undef LIST_FIELD
#undef OPTION_FIELD

/* --- members --- */

/* Its name in JSON; `space` has KEY_MAX bytes. */
static const char *spell(const struct json_field *field, char *space)
{
    return json_spell_option(&(struct option){.path = field->name, .kind = field->kind}, space);
}

static void *pointer_at(const void *structure, size_t offset)
{
    void *pointer;

    memcpy(&pointer, (const char *)structure + offset, sizeof(pointer));
    return pointer;
}

static void set_pointer(void *structure, size_t offset, void *pointer)
{
    memcpy((char *)structure + offset, &pointer, sizeof(pointer));
}

static unsigned count_at(const void *structure, size_t offset)
{
    unsigned count;

    memcpy(&count, (const char *)structure + offset, sizeof(count));
    return count;
}

static void section_free(const struct json_section *section, void *structure)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct json_field *field = &section->fields[i];
        void *value = pointer_at(structure, field->offset);
        bool is_list = field->shape == WORDS || field->shape == SECTIONS;
        unsigned count = is_list ? count_at(structure, field->count_offset) : 0;
        if (field->shape == SECTION && value) {
            section_free(field->section, value);
        }
        for (unsigned entry = 0; entry < count; entry++) {
            if (field->shape == WORDS) {
                free(((char **)value)[entry]);
            } else {
                section_free(field->section, (char *)value + entry * field->section->size);
            }
        }
        free(value);
    }
}

/* --- values --- */

/* NULL: it is no text, or has NUL in it. */
static char *text_of(const struct json_value *value)
{
    struct buffer text = {0};
    char *copy = NULL;

    if (value->type != JSON_STRING) {
        return NULL;
    }
    json_append_string_value(&text, value);
    if (text.length == 0 || !memchr(text.data, '\0', text.length)) {
        copy = memory_copy_string(buffer_slice(&text));
    }
    buffer_release(&text);
    return copy;
}

static char *number_of(const struct json_value *value, uint8_t kind)
{
    struct buffer text = {0};
    uint64_t number;

    if (value->type != JSON_NUMBER || !json_to_u64(value, &number)) {
        return NULL;
    }
    buffer_append_format(&text, "%" PRIu64 "%s", number,
                         kind == DURATION_MS  ? "ms"
                         : kind == DURATION_S ? "s"
                                              : "");
    buffer_append_byte(&text, '\0');
    return (char *)text.data;
}

static char *truth_of(const struct json_value *value)
{
    bool is_bool = value->type == JSON_TRUE || value->type == JSON_FALSE;

    return is_bool ? memory_copy_string(value->text) : NULL;
}

/* The option's value as one would write it in the file; NULL: JSON of another kind. */
static char *option_text(const struct json_value *value, uint8_t kind)
{
    switch (kind) {
    case NUMBER:
    case SIZE:
    case DURATION_MS:
    case DURATION_S:
        return number_of(value, kind);
    case BOOL:
        return truth_of(value);
    default:
        return text_of(value);
    }
}

static const char *wanted(const struct json_field *field)
{
    if (field->shape != OPTION) {
        return field->shape == SECTION ? "an object" : "an array";
    }
    return field->kind == BOOL ? "true or false"
           : field->kind == TEXT || field->kind >= CHOICE_LOG_LEVEL
               ? "a text"
               : "a whole number that is not negative";
}

static void section_read(struct loading *loading, const struct json_section *section,
                         const char *key, const struct json_value *object, void *structure);

static bool read_words(const struct json_field *field, const struct json_value *array,
                       void *structure)
{
    struct json_walk walk = json_elements(array);
    struct json_value element;
    char **words = NULL;
    unsigned count = 0;
    bool good = true;

    while (json_next_element(&walk, &element)) {
        char *word = text_of(&element);
        good = good && word;
        words = memory_resize(words, (count + 1) * sizeof(*words));
        words[count++] = word;
    }
    set_pointer(structure, field->offset, words);
    memcpy((char *)structure + field->count_offset, &count, sizeof(count));
    return good;
}

static bool read_sections(struct loading *loading, const struct json_field *field, const char *key,
                          const struct json_value *array, void *structure)
{
    struct json_walk walk = json_elements(array);
    struct json_value element;
    char *entries = NULL;
    unsigned count = 0;
    bool good = true;

    while (json_next_element(&walk, &element)) {
        char place[PLACE_MAX];
        snprintf(place, sizeof(place), "%.*s.%u", PLACE_MAX - 12, key, count);
        entries = memory_resize(entries, (count + 1) * field->section->size);
        void *entry = entries + count++ * field->section->size;
        memset(entry, 0, field->section->size);
        good = good && element.type == JSON_OBJECT;
        if (element.type == JSON_OBJECT) {
            section_read(loading, field->section, place, &element, entry);
        }
    }
    set_pointer(structure, field->offset, entries);
    memcpy((char *)structure + field->count_offset, &count, sizeof(count));
    return good;
}

/* False: JSON of another kind. */
static bool read_field(struct loading *loading, const struct json_field *field, const char *key,
                       const struct json_value *value, void *structure)
{
    switch (field->shape) {
    case OPTION:
        set_pointer(structure, field->offset, option_text(value, field->kind));
        return pointer_at(structure, field->offset) != NULL;
    case WORDS:
        return value->type == JSON_ARRAY && read_words(field, value, structure);
    case SECTIONS:
        return value->type == JSON_ARRAY && read_sections(loading, field, key, value, structure);
    default:
        if (value->type == JSON_OBJECT) {
            void *inner = memory_allocate_zero(field->section->size);
            set_pointer(structure, field->offset, inner);
            section_read(loading, field->section, key, value, inner);
        }
        return value->type == JSON_OBJECT;
    }
}

static const struct json_field *find_field(const struct json_section *section, struct slice name)
{
    char space[KEY_MAX];

    for (size_t i = 0; i < section->count; i++) {
        const struct json_field *field = &section->fields[i];
        if (json_string_equal(name, spell(field, space))) {
            return field;
        }
    }
    return NULL;
}

/* As in the file, or without the unit. */
static bool is_field_in_other_words(const struct json_field *field, const char *name)
{
    char plain[KEY_MAX];

    return strcmp(name, field->name) == 0 || strcmp(name, json_spell(field->name, plain)) == 0;
}

static void report_unknown(struct loading *loading, const struct json_section *section,
                           const char *key, struct slice name)
{
    char *wrong = memory_copy_string(name), spelled[KEY_MAX];
    const struct json_field *best = NULL;
    struct nearest nearest = nearest_to(wrong);

    for (size_t i = 0; i < section->count; i++) {
        const struct json_field *field = &section->fields[i];
        if (is_field_in_other_words(field, wrong)) {
            best = field;
            break;
        }
        nearest.name = NULL;
        nearest_offer(&nearest, spell(field, spelled));
        best = nearest_found(&nearest) ? field : best;
    }
    if (best) {
        MISTAKE(loading, key, "there is no property `%s`; write `%s` instead", wrong,
                spell(best, spelled));
    } else {
        MISTAKE(loading, key, "there is no property `%s`", wrong);
    }
    free(wrong);
}

static void section_read(struct loading *loading, const struct json_section *section,
                         const char *key, const struct json_value *object, void *structure)
{
    struct json_walk walk = json_members(object);
    struct slice name;
    struct json_value value;

    while (json_next_member(&walk, &name, &value)) {
        const struct json_field *field = find_field(section, name);
        char place[PLACE_MAX], spelled[KEY_MAX];
        if (!field) {
            report_unknown(loading, section, key, name);
            continue;
        }
        snprintf(place, sizeof(place), "%s.%s", key, field->name);
        spell(field, spelled);
        if (pointer_at(structure, field->offset)) {
            MISTAKE(loading, place, "`%s` stands there twice; remove one of them", spelled);
        } else if (value.type != JSON_NULL &&
                   !read_field(loading, field, place, &value, structure)) {
            MISTAKE(loading, place, "`%s` is %s%s", spelled, wanted(field),
                    field->shape == WORDS      ? " of texts"
                    : field->shape == SECTIONS ? " of objects"
                                               : "");
        }
    }
}

/* --- reading --- */

/* Azure's managed identities are Azure's. */
static void check_auth(struct loading *loading, const struct yaml_hub *yaml)
{
    for (unsigned i = 0; i < yaml->event_handlers_count; i++) {
        const struct yaml_handler_auth *given = yaml->event_handlers[i].auth;
        if (given && given->type && strcmp(given->type, "None") != 0) {
            char place[PLACE_MAX];
            snprintf(place, sizeof(place), "event_handlers.%u.auth.type", i);
            MISTAKE(loading, place, "`type` is None, not `%s`", given->type);
        }
    }
}

static void read_hub(struct loading *loading, const struct json_value *object,
                     struct hub_config *hub)
{
    struct yaml_hub yaml = {0};

    section_read(loading, &hub_section, "", object, &yaml);
    check_auth(loading, &yaml);
    if (!loading->failed) {
        hub_read(loading, &yaml, "", hub);
    }
    section_free(&hub_section, &yaml);
}

bool hub_config_from_json(struct slice json, struct slice name, struct hub_config *hub,
                          struct buffer *error)
{
    struct loading loading = {.error = error, .is_json = true};
    struct json_value object;

    *hub = (struct hub_config){.name = memory_copy_string(name)};
    if (json.length > HUB_JSON_MAX) {
        MISTAKE(&loading, "", "at most %d bytes, not %zu", (int)HUB_JSON_MAX, json.length);
    } else if (!json_parse(json, &object) || object.type != JSON_OBJECT) {
        MISTAKE(&loading, "settings",
                "a JSON object such as {\"anonymousConnectPolicy\":\"deny\"}");
    } else {
        read_hub(&loading, &object, hub);
    }
    if (loading.failed) {
        hub_config_release(hub);
    }
    return !loading.failed;
}

void hub_config_release(struct hub_config *hub)
{
    hub_free(hub);
    *hub = (struct hub_config){0};
}
