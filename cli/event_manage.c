/* Topics, domains, system topics and event subscriptions are listed, made, shown, changed and
 * deleted; see event_command.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "event_command.h"
#include "input_file.h"

enum { RESOURCE_MAX = 1 << 20 };

/* ---------------------------------------------------------------- what the files share */

const char *event_word(const struct event_command *command, size_t place)
{
    return place < command->word_count ? command->words[place] : NULL;
}

bool event_not_understood(void)
{
    fputs("Error: the server's answer is not what this command knows\n", stderr);
    return false;
}

static void append_encoded(struct buffer *path, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (isalnum(text.data[i]) || strchr("-_.", text.data[i])) {
            buffer_append_byte(path, text.data[i]);
        } else {
            buffer_append_format(path, "%%%02X", (unsigned)text.data[i]);
        }
    }
}

void event_append_segment(struct buffer *path, const char *name)
{
    buffer_append_byte(path, '/');
    append_encoded(path, slice_from_string(name));
}

void event_append_source(struct buffer *path, const char *source)
{
    buffer_append_string(path, strchr(source, '/') ? "" : "/topics");
    while (source[0] != '\0') {
        size_t length = strcspn(source, "/");
        buffer_append_byte(path, '/');
        append_encoded(path, slice_make(source, length));
        source += source[length] == '/' ? length + 1 : length;
    }
}

bool event_ask(struct server *server, const char *method, const struct buffer *path,
               struct slice query, struct slice body, struct buffer *answer)
{
    struct buffer whole = {0};

    buffer_append_string(&whole, "/api/eventgrid");
    buffer_append(&whole, buffer_slice(path));
    bool good = server_ask(
        server,
        &(struct server_request){
            .method = method, .path = buffer_slice(&whole), .query = query, .body = body},
        answer);
    buffer_release(&whole);
    return good;
}

/* ---------------------------------------------------------------- paths */

/* Of the source that the words name. */
static void append_named_source(struct buffer *path, const struct event_command *command)
{
    if (command->verb->collection) {
        buffer_append_format(path, "/%s", command->verb->collection);
        event_append_segment(path, command->words[0]);
    } else {
        buffer_append_string(path, "/domains");
        event_append_segment(path, command->words[0]);
        buffer_append_string(path, "/topics");
        event_append_segment(path, command->words[1]);
    }
}

static void append_named_subscription(struct buffer *path, const struct event_command *command)
{
    event_append_source(path, command->words[0]);
    buffer_append_string(path, "/eventSubscriptions");
    event_append_segment(path, command->words[1]);
}

/* ---------------------------------------------------------------- lists */

/* The name of the schema, or the like, in the properties; of an event subscription where it goes.
 */
static void print_source(const struct json_value *item)
{
    struct json_value properties;
    struct buffer name = {0}, text = {0}, where = {0};

    json_find_member(item, "properties", &properties);
    const char *kind = answer_text(&properties, "inputSchema", &text);
    if (kind[0] == '\0') {
        kind = answer_text(&properties, "topicType", &text);
    }
    const char *place = answer_text(&properties, "endpoint", &where);
    if (place[0] == '\0') {
        place = answer_text(&properties, "source", &where);
    }
    printf("%-24s %-36s %s\n", answer_text(item, "name", &name), kind, place);
    buffer_release(&name);
    buffer_release(&text);
    buffer_release(&where);
}

/* "WebHook http://host/path", "WebPubSub {...}" */
static void append_destination(struct buffer *out, const struct json_value *properties)
{
    struct json_value destination, inner, url;
    struct buffer type = {0}, text = {0};

    json_find_member(properties, "destination", &destination);
    json_find_member(&destination, "properties", &inner);
    buffer_append_format(out, "%s ", answer_text(&destination, "endpointType", &type));
    if (json_find_member(&inner, "endpointBaseUrl", &url)) {
        buffer_append_string(out, answer_text(&inner, "endpointBaseUrl", &text));
    } else {
        json_append_compact(out, inner.text);
    }
    buffer_append_byte(out, '\0');
    buffer_release(&type);
    buffer_release(&text);
}

/* What is behind the last slash of the topic's id. */
static const char *last_segment(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? slash + 1 : id;
}

static void print_subscription(const struct json_value *item)
{
    struct json_value properties;
    struct buffer name = {0}, topic = {0}, state = {0}, destination = {0};

    json_find_member(item, "properties", &properties);
    append_destination(&destination, &properties);
    printf("%-24s %-24s %-20s %s\n", answer_text(item, "name", &name),
           last_segment(answer_text(&properties, "topic", &topic)),
           answer_text(&properties, "provisioningState", &state), (const char *)destination.data);
    buffer_release(&name);
    buffer_release(&topic);
    buffer_release(&state);
    buffer_release(&destination);
}

/* The query of the next page; empty: there is none. */
static void take_next_page(struct slice answer, struct buffer *query)
{
    struct json_value whole;
    struct buffer link = {0};
    const char *text, *question;

    query->length = 0;
    if (json_parse(answer, &whole)) {
        text = answer_text(&whole, "nextLink", &link);
        question = strchr(text, '?');
        buffer_append_string(query, question ? question + 1 : "");
    }
    buffer_release(&link);
}

/* All pages. */
static bool print_list(const struct event_command *command, struct server *server,
                       const struct buffer *path, const char *head,
                       void (*print)(const struct json_value *item))
{
    struct buffer answer = {0}, query = {0};
    struct json_walk walk;
    struct json_value item;
    bool good = true;

    buffer_append_string(&query, "$top=100");
    for (bool is_first = true; good && query.length > 0; is_first = false) {
        good = event_ask(server, "GET", path, buffer_slice(&query), SLICE_EMPTY, &answer);
        if (!good) {
            break;
        }
        good = answer_walk(buffer_slice(&answer), "value", &walk) || event_not_understood();
        if (good && is_first && !command->look.json) {
            puts(head);
        }
        while (good && json_next_element(&walk, &item)) {
            if (command->look.json) {
                answer_print(item.text, true);
            } else {
                print(&item);
            }
        }
        take_next_page(buffer_slice(&answer), &query);
    }
    buffer_release(&answer);
    buffer_release(&query);
    return good;
}

bool event_list_sources(const struct event_command *command, struct server *server)
{
    static const char head[] =
        "NAME                     SCHEMA OR TYPE                       WHERE";
    struct buffer path = {0};

    if (command->verb->collection) {
        buffer_append_format(&path, "/%s", command->verb->collection);
    } else {
        buffer_append_string(&path, "/domains");
        event_append_segment(&path, command->words[0]);
        buffer_append_string(&path, "/topics");
    }
    bool good = print_list(command, server, &path, head, print_source);
    buffer_release(&path);
    return good;
}

bool event_list_subscriptions(const struct event_command *command, struct server *server)
{
    static const char head[] =
        "NAME                     TOPIC                    STATE                DESTINATION";
    struct buffer path = {0};

    if (command->word_count > 0) {
        event_append_source(&path, command->words[0]);
    }
    buffer_append_string(&path, "/eventSubscriptions");
    bool good = print_list(command, server, &path, head, print_subscription);
    buffer_release(&path);
    return good;
}

/* ---------------------------------------------------------------- one */

/* Asks, and prints the answer, or a line that says what was done. */
static bool do_it(const struct event_command *command, struct server *server, const char *method,
                  struct buffer *path, struct slice body, void (*print)(struct slice answer))
{
    struct buffer answer = {0};
    bool good = event_ask(server, method, path, SLICE_EMPTY, body, &answer);

    if (good && (command->look.json || !print) && answer.length > 0) {
        answer_print(buffer_slice(&answer), command->look.json);
    } else if (good && !command->look.json && print) {
        print(buffer_slice(&answer));
    }
    buffer_release(&answer);
    buffer_release(path);
    return good;
}

static void say_deleted(struct slice answer)
{
    (void)answer;
    puts("Deleted.");
}

static void say_what_is_there(struct slice answer)
{
    struct json_value whole, properties;
    struct buffer name = {0}, state = {0}, more = {0};

    if (!json_parse(answer, &whole)) {
        return;
    }
    json_find_member(&whole, "properties", &properties);
    printf("%s: %s", answer_text(&whole, "name", &name),
           answer_text(&properties, "provisioningState", &state));
    const char *text = answer_text(&properties, "endpoint", &more);
    if (text[0] == '\0') {
        text = answer_text(&properties, "provisioningStateReason", &more);
    }
    printf("%s%s\n", text[0] != '\0' ? ", " : "", text);
    buffer_release(&name);
    buffer_release(&state);
    buffer_release(&more);
}

bool event_show_source(const struct event_command *command, struct server *server)
{
    struct buffer path = {0};

    append_named_source(&path, command);
    return do_it(command, server, "GET", &path, SLICE_EMPTY, NULL);
}

bool event_delete_source(const struct event_command *command, struct server *server)
{
    struct buffer path = {0};

    append_named_source(&path, command);
    return do_it(command, server, "DELETE", &path, SLICE_EMPTY, say_deleted);
}

/* From the file, if one is named, else from the flags. */
static bool read_source(const struct event_command *command, struct buffer *body)
{
    const char *file = command->verb->collection ? event_word(command, 1) : NULL;

    if (file) {
        return input_read(file, RESOURCE_MAX, "a topic", body);
    }
    event_flags_append_topic(&command->flags, body);
    return true;
}

static bool send_source(const struct event_command *command, struct server *server,
                        const char *method)
{
    struct buffer path = {0}, body = {0};
    bool good = read_source(command, &body);

    append_named_source(&path, command);
    good = good && do_it(command, server, method, &path, buffer_slice(&body), say_what_is_there);
    buffer_release(&path);
    buffer_release(&body);
    return good;
}

bool event_create_source(const struct event_command *command, struct server *server)
{
    return send_source(command, server, "PUT");
}

bool event_update_source(const struct event_command *command, struct server *server)
{
    return send_source(command, server, "PATCH");
}

/* ---------------------------------------------------------------- keys */

static void print_keys(struct slice answer)
{
    struct json_value whole;
    struct buffer text = {0};

    if (json_parse(answer, &whole)) {
        printf("key1: %s\n", answer_text(&whole, "key1", &text));
        printf("key2: %s\n", answer_text(&whole, "key2", &text));
    }
    buffer_release(&text);
}

bool event_keys(const struct event_command *command, struct server *server)
{
    struct buffer path = {0};

    append_named_source(&path, command);
    buffer_append_string(&path, "/listKeys");
    return do_it(command, server, "POST", &path, SLICE_EMPTY, print_keys);
}

bool event_regenerate_key(const struct event_command *command, struct server *server)
{
    struct buffer path = {0}, body = {0};

    append_named_source(&path, command);
    buffer_append_string(&path, "/regenerateKey");
    buffer_append_string(&body, "{\"keyName\":");
    json_append_string(&body, slice_from_string(command->words[1]));
    buffer_append_byte(&body, '}');
    bool good = do_it(command, server, "POST", &path, buffer_slice(&body), print_keys);
    buffer_release(&body);
    return good;
}

/* ---------------------------------------------------------------- event subscriptions */

bool event_show_subscription(const struct event_command *command, struct server *server)
{
    struct buffer path = {0};

    append_named_subscription(&path, command);
    return do_it(command, server, "GET", &path, SLICE_EMPTY, NULL);
}

bool event_delete_subscription(const struct event_command *command, struct server *server)
{
    struct buffer path = {0};

    append_named_subscription(&path, command);
    return do_it(command, server, "DELETE", &path, SLICE_EMPTY, say_deleted);
}

static bool send_subscription(const struct event_command *command, struct server *server,
                              const char *method)
{
    const char *file = event_word(command, 2);
    struct buffer path = {0}, body = {0};
    bool good = file ? input_read(file, RESOURCE_MAX, "an event subscription", &body)
                     : event_flags_append_subscription(&command->flags, &body);

    append_named_subscription(&path, command);
    good = good && do_it(command, server, method, &path, buffer_slice(&body), say_what_is_there);
    buffer_release(&path);
    buffer_release(&body);
    return good;
}

bool event_create_subscription(const struct event_command *command, struct server *server)
{
    return send_subscription(command, server, "PUT");
}

bool event_update_subscription(const struct event_command *command, struct server *server)
{
    return send_subscription(command, server, "PATCH");
}
