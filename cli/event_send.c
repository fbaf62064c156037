/* Events that are sent, or tried out against all filters, as a publisher would send them; see
 * event_command.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "base/uuid.h"
#include "event_command.h"
#include "event_template.h"
#include "input_file.h"

enum { EVENTS_MAX = 1536000 };

/* ---------------------------------------------------------------- an event */

/* As a publisher sends it. */
struct event_text {
    struct buffer body;
    const char *content_type;
};

/* What the flags say of the event, with what stands for what they do not. */
struct event_parts {
    struct buffer members; /* given: JSON object */
    struct json_value given;
    const char *domain_topic;                           /* NULL: none */
    const char *data;                                   /* JSON; NULL: none */
    const char *type, *subject, *source, *data_version; /* if they are not given */
};

static const char *text_or(const struct buffer *text, const char *otherwise)
{
    return text->length > 0 ? (const char *)text->data : otherwise;
}

static void append_part(struct buffer *out, const struct event_parts *parts, const char *as,
                        const char *flag, const char *otherwise)
{
    struct json_value value;

    buffer_append_format(out, "%s\"%s\":", out->data[out->length - 1] == '{' ? "" : ",", as);
    if (json_find_member(&parts->given, flag, &value)) {
        buffer_append(out, value.text);
    } else {
        json_append_string(out, slice_from_string(otherwise));
    }
}

static void append_id_and_time(struct buffer *out, const struct event_parts *parts,
                               const char *time_name)
{
    struct buffer id = {0}, time = {0};

    uuid_append(&id, random_bytes);
    buffer_append_byte(&id, '\0');
    timestamp_append(&time, clock_now());
    append_part(out, parts, "id", "id", (const char *)id.data);
    buffer_append_format(out, ",\"%s\":\"%.*s\",\"data\":%s", time_name, SLICE_PRINT(time),
                         parts->data ? parts->data : "null");
    buffer_release(&id);
    buffer_release(&time);
}

static void append_event_grid(struct event_text *text, const struct event_parts *parts)
{
    struct buffer *out = &text->body;

    buffer_append_string(out, "[{");
    append_part(out, parts, "subject", "subject", parts->subject ? parts->subject : "-");
    append_part(out, parts, "eventType", "type", parts->type);
    append_part(out, parts, "dataVersion", "dataVersion", parts->data_version);
    if (parts->domain_topic) {
        buffer_append_string(out, ",\"topic\":");
        json_append_string(out, slice_from_string(parts->domain_topic));
    }
    append_id_and_time(out, parts, "eventTime");
    buffer_append_string(out, "}]");
    text->content_type = "application/json";
}

static void append_cloud_event(struct event_text *text, const struct event_parts *parts)
{
    struct buffer *out = &text->body;
    struct json_value subject;

    buffer_append_string(out, "{\"specversion\":\"1.0\"");
    append_part(out, parts, "source", "source",
                parts->domain_topic ? parts->domain_topic : parts->source);
    append_part(out, parts, "type", "type", parts->type);
    if (parts->subject || json_find_member(&parts->given, "subject", &subject)) {
        append_part(out, parts, "subject", "subject", parts->subject ? parts->subject : "");
    }
    append_id_and_time(out, parts, "time");
    buffer_append_byte(out, '}');
    text->content_type = "application/cloudevents+json";
}

/* The data is all of it. */
static void append_custom(struct event_text *text, const struct event_parts *parts)
{
    buffer_append_format(&text->body, "[%s]", parts->data ? parts->data : "{}");
    text->content_type = "application/json";
}

static const struct schema {
    const char *name;
    void (*append)(struct event_text *text, const struct event_parts *parts);
} schemas[] = {
    {"EventGridSchema", append_event_grid},
    {"CloudEventSchemaV1_0", append_cloud_event},
    {"CustomEventSchema", append_custom},
};

/* ---------------------------------------------------------------- sending it */

static bool is_of_namespace(const char *source)
{
    return strncmp(source, "namespaces/", strlen("namespaces/")) == 0;
}

/* A domain's topic is published to at its domain: splits "domains/D/topics/T". */
static const char *split_domain_topic(const char *source, struct buffer *domain)
{
    const char *topic = is_of_namespace(source) ? NULL : strstr(source, "/topics/");

    buffer_append(domain, slice_make(source, topic ? (size_t)(topic - source) : strlen(source)));
    buffer_append_byte(domain, '\0');
    return topic ? topic + strlen("/topics/") : NULL;
}

/* Which of the schemas that topic has; NULL after an error message. */
static const struct schema *ask_schema(struct server *server, const char *source)
{
    const struct schema *schema = NULL;
    struct buffer path = {0}, answer = {0}, text = {0};
    struct json_value whole, properties;

    event_append_source(&path, source);
    if (grid_ask(server, "GET", &path, SLICE_EMPTY, SLICE_EMPTY, &answer)) {
        const char *name = "";
        if (json_parse(buffer_slice(&answer), &whole)) {
            json_find_member(&whole, "properties", &properties);
            name = answer_text(&properties, "inputSchema", &text);
        }
        schema = &schemas[0]; /* system topics do not say it */
        for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
            schema = strcmp(schemas[i].name, name) == 0 ? &schemas[i] : schema;
        }
    }
    buffer_release(&path);
    buffer_release(&answer);
    buffer_release(&text);
    return schema;
}

/* The header that lets a publisher in: the topic's key, which whoever may manage the topic may see.
 * Empty for system topics, which have none; where keys do not count, the token does. False after an
 * error message. */
static bool ask_key(struct server *server, const char *source, struct buffer *header)
{
    struct buffer path = {0}, answer = {0}, text = {0};
    struct json_value whole;
    bool good;

    if (strncmp(source, "systemTopics/", strlen("systemTopics/")) == 0) {
        return true;
    }
    event_append_source(&path, source);
    buffer_append_string(&path, "/listKeys");
    good = grid_ask(server, "POST", &path, SLICE_EMPTY, SLICE_EMPTY, &answer);
    if (good && json_parse(buffer_slice(&answer), &whole)) {
        buffer_append_format(header, "aeg-sas-key: %s", answer_text(&whole, "key1", &text));
        buffer_append_byte(header, '\0');
    }
    buffer_release(&path);
    buffer_release(&answer);
    buffer_release(&text);
    return good;
}

/* An array of CloudEvents is a batch. */
static const char *content_type_of(const struct schema *schema, struct slice body)
{
    struct json_value value;
    bool is_array = json_parse(body, &value) && value.type == JSON_ARRAY;

    if (schema->append != append_cloud_event) {
        return "application/json";
    }
    return is_array ? "application/cloudevents-batch+json" : "application/cloudevents+json";
}

static bool read_event(const char *file, const struct schema *schema, struct event_text *text)
{
    bool good = input_read(file, EVENTS_MAX, "events", &text->body);

    text->content_type = content_type_of(schema, buffer_slice(&text->body));
    return good;
}

/* What no flag says is the template's, if one is named. */
static void append_event(const struct event_command *command, const struct schema *schema,
                         const char *domain_topic, const struct filled_template *template,
                         struct event_text *text)
{
    const char *data = command->flags.data;
    struct event_parts parts = {
        .domain_topic = domain_topic,
        .data = data ? data : text_or(&template->data, NULL),
        .type = text_or(&template->type, ""),
        .subject = text_or(&template->subject, NULL),
        .source = text_or(&template->source, "/pubgrid/event/send"),
        .data_version = text_or(&template->data_version, "1.0"),
    };

    buffer_append_format(&parts.members, "{%.*s}",
                         SLICE_PRINT(command->flags.sections[SECTION_EVENT]));
    json_parse(buffer_slice(&parts.members), &parts.given);
    schema->append(text, &parts);
    buffer_release(&parts.members);
}

/* The event of the file, or of the flags; false after an error message. */
static bool make_event(const struct event_command *command, const struct schema *schema,
                       const char *domain_topic, struct event_text *text)
{
    struct slice fields = buffer_slice(&command->flags.sections[SECTION_TEMPLATE]);
    struct filled_template template = {0};
    const char *file = event_word(command, 1);
    bool good = true;

    if (file && fields.length > 0) {
        fputs("Error: an event is of a file or of a template\n", stderr);
        return false;
    }
    if (file) {
        return read_event(file, schema, text);
    }
    if (fields.length > 0) {
        good = event_template_fill(fields, &template);
    }
    if (good) {
        append_event(command, schema, domain_topic, &template, text);
    }
    event_template_release(&template);
    return good;
}

/* Where to: a path that is made of the source's and these. */
struct event_post {
    const char *before, *behind;
    bool as_publisher; /* with the source's key */
};

/* Posts the event of the command, which is `text` then. */
static bool post_event(const struct event_command *command, struct server *server,
                       const struct event_post *post, struct event_text *text,
                       struct buffer *answer)
{
    struct buffer domain = {0}, path = {0}, header = {0};
    const char *domain_topic = split_domain_topic(command->words[0], &domain);
    const char *source = (const char *)domain.data;
    const struct schema *schema = ask_schema(server, source);
    bool good = schema && make_event(command, schema, domain_topic, text);

    buffer_append_string(&path, post->before);
    event_append_source(&path, source);
    buffer_append_string(&path, post->behind);
    good = good && (!post->as_publisher || ask_key(server, source, &header));
    good = good && server_ask(server,
                              &(struct server_request){
                                  .method = "POST",
                                  .path = buffer_slice(&path),
                                  .body = buffer_slice(&text->body),
                                  .content_type = text->content_type,
                                  .header = header.length > 0 ? (const char *)header.data : NULL,
                              },
                              answer);
    buffer_release(&header);
    buffer_release(&domain);
    buffer_release(&path);
    return good;
}

static void print_accepted(const struct event_command *command, const struct json_value *event)
{
    struct json_value id;

    if (!json_find_member(event, "id", &id)) { /* of a custom schema: the server makes one */
        id = (struct json_value){JSON_STRING, SLICE_LITERAL("\"\"")};
    }
    if (command->look.json) {
        printf("{\"id\":%.*s}\n", SLICE_PRINT(id.text));
    } else {
        struct buffer text = {0};
        json_append_string_value(&text, &id);
        printf("Accepted%s%.*s.\n", text.length > 0 ? ": " : "", SLICE_PRINT(text));
        buffer_release(&text);
    }
}

static void print_all_accepted(const struct event_command *command, struct slice body)
{
    struct json_value whole, event;
    struct json_walk walk;

    if (!json_parse(body, &whole)) {
        return;
    }
    if (whole.type != JSON_ARRAY) {
        print_accepted(command, &whole);
        return;
    }
    walk = json_elements(&whole);
    while (json_next_element(&walk, &event)) {
        print_accepted(command, &event);
    }
}

bool event_send(const struct event_command *command, struct server *server)
{
    const struct event_post post = {
        .behind = is_of_namespace(command->words[0]) ? ":publish" : "/api/events",
        .before = "",
        .as_publisher = true,
    };
    struct event_text text = {0};
    struct buffer answer = {0};
    bool good = post_event(command, server, &post, &text, &answer);

    if (good) {
        print_all_accepted(command, buffer_slice(&text.body));
    }
    buffer_release(&text.body);
    buffer_release(&answer);
    return good;
}

/* ---------------------------------------------------------------- trying it out */

static void print_trial(const struct json_value *trial)
{
    struct json_value takes;
    struct buffer name = {0}, reason = {0};

    json_find_member(trial, "takes", &takes);
    const char *why = answer_text(trial, "reason", &reason);
    printf("%-24s %s%s%s\n", answer_text(trial, "name", &name),
           takes.type == JSON_TRUE ? "gets it" : "does not", why[0] != '\0' ? ": " : "", why);
    buffer_release(&name);
    buffer_release(&reason);
}

static bool print_trials(struct slice answer)
{
    struct json_value event, trial;
    struct json_walk walk, trials;

    if (!answer_walk(answer, "value", &walk)) {
        return grid_not_understood();
    }
    while (json_next_element(&walk, &event)) {
        if (answer_walk(event.text, "eventSubscriptions", &trials)) {
            while (json_next_element(&trials, &trial)) {
                print_trial(&trial);
            }
        }
    }
    return true;
}

bool event_test(const struct event_command *command, struct server *server)
{
    static const struct event_post post = {"/api/eventgrid", "/test", false};
    struct event_text text = {0};
    struct buffer answer = {0};
    bool good = post_event(command, server, &post, &text, &answer);

    if (good && command->look.json) {
        answer_print(buffer_slice(&answer), true);
    } else if (good) {
        good = print_trials(buffer_slice(&answer));
    }
    buffer_release(&text.body);
    buffer_release(&answer);
    return good;
}
