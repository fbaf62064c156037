/* Loading YAML with libcyaml, whose schema is made from the tables of list.h.
 *
 * libcyaml stops at the first mistake and names it in its own words; so the text goes through
 * walk.c first, which finds what libcyaml would find and says it better.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"

#include <cyaml/cyaml.h>
#include <stdio.h>

#include "base/memory.h"
#include "config/walk.h"

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

#define STRUCT_top                  struct yaml_config
#define STRUCT_store                struct yaml_store
#define STRUCT_auth                 struct yaml_auth
#define STRUCT_mqtt                 struct yaml_mqtt
#define STRUCT_session              struct yaml_session
#define STRUCT_limits               struct yaml_limits
#define STRUCT_bridge               struct yaml_bridge
#define STRUCT_event_grid           struct yaml_event_grid
#define STRUCT_hub                  struct yaml_hub
#define MEMBER_top(name)            top.name
#define MEMBER_store(name)          name
#define MEMBER_auth(name)           name
#define MEMBER_mqtt(name)           name
#define MEMBER_session(name)        name
#define MEMBER_limits(name)         name
#define MEMBER_bridge(name)         name
#define MEMBER_event_grid(name)     name
#define MEMBER_hub(name)            name
#define STRUCT_event_handler        struct yaml_event_handler
#define STRUCT_event_listener       struct yaml_event_listener
#define MEMBER_event_handler(name)  name
#define MEMBER_event_listener(name) name
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

static const cyaml_schema_field_t http_listener_fields[] = {
    TEXT_FIELD("address", struct yaml_http_listener, address),
    TEXT_FIELD("certificate", struct yaml_http_listener, certificate),
    TEXT_FIELD("key", struct yaml_http_listener, key),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t http_listener_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_http_listener, http_listener_fields)};

static const cyaml_schema_field_t bridge_fields[] = {
    OPTIONS_BRIDGE(OPTION_FIELD) LIST_FIELD("listeners", struct yaml_bridge, listeners,
                                            http_listener_entry, sizeof(struct yaml_http_listener)),
    TEXT_LIST_FIELD("public_endpoints", struct yaml_bridge, public_endpoints),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t presence_fields[] = {
    TEXT_LIST_FIELD("event_names", struct yaml_presence_events, event_names),
    TEXT_LIST_FIELD("group_filters", struct yaml_presence_events, group_filters),
    CYAML_FIELD_END,
};
/* Which events an event handler or listener takes, besides user events. */
#define EVENT_FIELDS(structure)                                                                    \
    TEXT_LIST_FIELD("system_events", structure, system_events),                                    \
        CYAML_FIELD_MAPPING_PTR("group_presence_events", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
                                structure, group_presence_events, presence_fields)

static const cyaml_schema_field_t event_handler_fields[] = {
    OPTIONS_EVENT_HANDLER(OPTION_FIELD) EVENT_FIELDS(struct yaml_event_handler),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t event_handler_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_event_handler, event_handler_fields)};

static const cyaml_schema_field_t event_listener_fields[] = {
    OPTIONS_EVENT_LISTENER(OPTION_FIELD) EVENT_FIELDS(struct yaml_event_listener),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t event_listener_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_event_listener, event_listener_fields)};

static const cyaml_schema_field_t hub_fields[] = {
    TEXT_FIELD("name", struct yaml_hub, name),
    OPTIONS_HUB(OPTION_FIELD) LIST_FIELD("event_handlers", struct yaml_hub, event_handlers,
                                         event_handler_entry, sizeof(struct yaml_event_handler)),
    LIST_FIELD("event_listeners", struct yaml_hub, event_listeners, event_listener_entry,
               sizeof(struct yaml_event_listener)),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t hub_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_hub, hub_fields)};

/* What is declared is taken as JSON by the walk, and not by libcyaml. */
static const cyaml_schema_field_t event_grid_fields[] = {
    OPTIONS_EVENT_GRID(OPTION_FIELD) CYAML_FIELD_IGNORE("topics", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("domains", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("system_topics", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("namespaces", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_IGNORE("sources", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};

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
    SECTION_FIELD(bridge),
    SECTION_FIELD(event_grid),
    LIST_FIELD("listeners", struct yaml_config, listeners, listener_entry,
               sizeof(struct yaml_listener)),
    LIST_FIELD("groups", struct yaml_config, groups, group_entry, sizeof(struct yaml_group)),
    LIST_FIELD("access", struct yaml_config, access, access_entry, sizeof(struct yaml_access)),
    LIST_FIELD("hubs", struct yaml_config, hubs, hub_entry, sizeof(struct yaml_hub)),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_config, config_fields)};

/* --- loading --- */

/* What libcyaml says, should it still find something: its first line, without its lines of the
 * text, which is not the file's any more. */
__attribute__((format(printf, 3, 0))) static void take_log(cyaml_log_t level, void *context,
                                                           const char *format, va_list arguments)
{
    struct buffer *message = context;
    if (level >= CYAML_LOG_ERROR && message->length == 0) {
        char text[512];
        vsnprintf(text, sizeof(text), format, arguments);
        text[strcspn(text, "\n")] = '\0';
        buffer_append_string(message, text);
    }
}

static cyaml_config_t cyaml_settings(struct buffer *message)
{
    return (cyaml_config_t){
        .log_fn = take_log,
        .log_ctx = message,
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

static struct yaml_config *load_walked(struct slice text, const char *path, struct buffer *error)
{
    struct yaml_config *config = NULL;
    struct buffer message = {0};
    cyaml_config_t settings = cyaml_settings(&message);
    cyaml_err_t failed = cyaml_load_data(text.data, text.length, &settings, &config_schema,
                                         (cyaml_data_t **)&config, NULL);
    if (failed != CYAML_OK) {
        buffer_append_format(error, "%s: %s (%.*s)\n", path, cyaml_strerror(failed),
                             SLICE_PRINT(message));
        config = NULL;
    }
    buffer_release(&message);
    return config;
}

struct yaml_config *yaml_config_parse(struct slice text, const char *path,
                                      struct yaml_positions *positions, struct buffer *error)
{
    struct yaml_config *config = NULL;
    struct buffer walked = {0};
    if (yaml_walk(text, path, &config_schema, positions, &walked, error)) {
        /* Only comments: everything has its default. */
        config = yaml_positions_count(positions) == 0
                     ? memory_allocate_zero(sizeof(*config))
                     : load_walked(buffer_slice(&walked), path, error);
    }
    buffer_release(&walked);
    return config;
}
