/* See namespace.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/namespace.h"

#include "base/ascii.h"
#include "resource/reading.h"

enum { TEXT_MAX = 4096 };

/* --- while it is read --- */

struct spaces_draft {
    struct topic_spaces_configuration *spaces;
    struct slice state;
    uint32_t session_expiry_hours, sessions_per_name;
    struct routing_members routing;
    struct json_value domains, identity; /* without text: not given */
};

void topic_spaces_begin(struct topic_spaces_configuration *spaces)
{
    *spaces =
        (struct topic_spaces_configuration){.session_expiry_hours = 1, .sessions_per_name = 1};
}

/* --- custom domains --- */

struct custom_domain {
    struct slice name;
};

static const struct property domain_rows[] = {
    TEXT_PROPERTY(struct custom_domain, "fullyQualifiedDomainName", name, TEXT_MAX),
    SHOWN_PROPERTY("certificateUrl"),
    SHOWN_PROPERTY("identity"),
    SHOWN_PROPERTY("validationState"),
    SHOWN_PROPERTY("ownershipValidationType"),
    SHOWN_PROPERTY("expectedTxtRecordName"),
    SHOWN_PROPERTY("expectedTxtRecordValue"),
};
static const struct property_table domain_properties = PROPERTY_TABLE(domain_rows);

static void read_domain(struct reading *reading, const struct json_value *value, void *into)
{
    struct custom_domain domain = {{NULL, 0}};

    reading_object(reading, value, &domain_properties, &domain);
    if (value->type == JSON_OBJECT && domain.name.length == 0) {
        reading_mistake_at(reading, "fullyQualifiedDomainName", "is missing");
    }
    *(struct slice *)into = domain.name;
}

static void read_domains(struct reading *reading, const struct json_value *value,
                         struct topic_spaces_configuration *spaces)
{
    static const struct array_kind kind = {"domains", CUSTOM_DOMAINS_MAX, sizeof(struct slice),
                                           read_domain};
    size_t before = reading_enter(reading, SLICE_LITERAL("customDomains"));

    spaces->custom_domains = reading_array(reading, value, &kind, &spaces->custom_domain_count);
    spaces->custom_domains_json = value->text;
    reading_leave(reading, before);
}

/* --- all of it --- */

static void read_authentication(struct reading *reading, const struct json_value *value, void *into)
{
    struct spaces_draft *draft = into;

    client_authentication_read(reading, value, &draft->spaces->authentication);
}

static const struct property spaces_rows[] = {
    TEXT_PROPERTY(struct spaces_draft, "state", state, TEXT_MAX),
    NUMBER_PROPERTY(struct spaces_draft, "maximumSessionExpiryInHours", session_expiry_hours, 1,
                    SESSION_EXPIRY_MAX_HOURS, 1),
    NUMBER_PROPERTY(struct spaces_draft, "maximumClientSessionsPerAuthenticationName",
                    sessions_per_name, 1, SESSIONS_PER_NAME_MAX, 1),
    ROUTING_PROPERTIES(struct spaces_draft, routing),
    OWN_PROPERTY("clientAuthentication", read_authentication),
    VALUE_PROPERTY(struct spaces_draft, "customDomains", domains),
    VALUE_PROPERTY(struct spaces_draft, "routingIdentityInfo", identity),
    SHOWN_PROPERTY("hostname"),
};
static const struct property_table spaces_properties = PROPERTY_TABLE(spaces_rows);

static void read_state(struct reading *reading, const struct spaces_draft *draft)
{
    draft->spaces->is_enabled = equal_ignoring_case(draft->state, SLICE_LITERAL("Enabled"));
    if (!draft->spaces->is_enabled && draft->state.length > 0 &&
        !equal_ignoring_case(draft->state, SLICE_LITERAL("Disabled"))) {
        reading_mistake_at(reading, "state", "is Enabled or Disabled");
    }
}

void topic_spaces_read(struct reading *reading, const struct json_value *value, void *into)
{
    struct topic_spaces_configuration *spaces = into;
    struct spaces_draft draft = {.spaces = spaces,
                                 .session_expiry_hours = spaces->session_expiry_hours,
                                 .sessions_per_name = spaces->sessions_per_name};

    reading_object(reading, value, &spaces_properties, &draft);
    read_state(reading, &draft);
    spaces->session_expiry_hours = draft.session_expiry_hours;
    spaces->sessions_per_name = draft.sessions_per_name;
    spaces->identity_json = draft.identity.text;
    routing_read(reading, &draft.routing, &spaces->routing);
    if (draft.domains.text.length > 0) {
        read_domains(reading, &draft.domains, spaces);
    }
}

/* --- writing --- */

/* `,"name":JSON`, if there is some. */
static void append_given(struct buffer *out, const char *name, struct slice json)
{
    if (json.length > 0) {
        buffer_append_format(out, ",\"%s\":%.*s", name, SLICE_PRINT(json));
    }
}

void topic_spaces_append(struct buffer *out, const struct topic_spaces_configuration *spaces,
                         struct slice host)
{
    buffer_append_string(out, "{\"hostname\":");
    json_append_string(out, host);
    buffer_append_format(out,
                         ",\"state\":\"%s\",\"maximumSessionExpiryInHours\":%u,"
                         "\"maximumClientSessionsPerAuthenticationName\":%u",
                         spaces->is_enabled ? "Enabled" : "Disabled", spaces->session_expiry_hours,
                         spaces->sessions_per_name);
    routing_append_members(out, &spaces->routing);
    buffer_append_string(out, ",\"clientAuthentication\":");
    client_authentication_append(out, &spaces->authentication);
    append_given(out, "customDomains", spaces->custom_domains_json);
    append_given(out, "routingIdentityInfo", spaces->identity_json);
    buffer_append_byte(out, '}');
}
