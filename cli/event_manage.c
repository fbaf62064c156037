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

void event_append_source(struct buffer *path, const char *source)
{
    buffer_append_string(path, strchr(source, '/') ? "" : "/topics");
    while (source[0] != '\0') {
        size_t length = strcspn(source, "/");
        buffer_append_byte(path, '/');
        grid_append_encoded(path, slice_make(source, length));
        source += source[length] == '/' ? length + 1 : length;
    }
}

/* ---------------------------------------------------------------- paths */

/* Of the source that the words name. */
static void append_named_source(struct buffer *path, const struct event_command *command)
{
    if (command->verb->collection) {
        buffer_append_format(path, "/%s", command->verb->collection);
        grid_append_segment(path, command->words[0]);
    } else {
        buffer_append_string(path, "/domains");
        grid_append_segment(path, command->words[0]);
        buffer_append_string(path, "/topics");
        grid_append_segment(path, command->words[1]);
    }
}

static void append_named_subscription(struct buffer *path, const struct event_command *command)
{
    event_append_source(path, command->words[0]);
    buffer_append_string(path, "/eventSubscriptions");
    grid_append_segment(path, command->words[1]);
}

/* ---------------------------------------------------------------- lists */

/* The name of the schema, or the like, in the properties; of an event subscription where it goes.
 */
static void print_source(const struct json_value *item, const void *context)
{
    struct json_value properties;
    struct buffer name = {0}, text = {0}, where = {0};

    (void)context;
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

static void print_subscription(const struct json_value *item, const void *context)
{
    struct json_value properties;
    struct buffer name = {0}, topic = {0}, state = {0}, destination = {0};

    (void)context;
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

bool event_list_sources(const struct event_command *command, struct server *server)
{
    static const char head[] =
        "NAME                     SCHEMA OR TYPE                       WHERE";
    struct buffer path = {0};

    if (command->verb->collection) {
        buffer_append_format(&path, "/%s", command->verb->collection);
    } else {
        buffer_append_string(&path, "/domains");
        grid_append_segment(&path, command->words[0]);
        buffer_append_string(&path, "/topics");
    }
    bool good = grid_print_list(&command->look, server, &path, head, print_source, NULL);
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
    bool good = grid_print_list(&command->look, server, &path, head, print_subscription, NULL);
    buffer_release(&path);
    return good;
}

/* ---------------------------------------------------------------- one */

bool event_show_source(const struct event_command *command, struct server *server)
{
    struct buffer path = {0};

    append_named_source(&path, command);
    return grid_do(&command->look, server, "GET", &path, SLICE_EMPTY, NULL);
}

bool event_delete_source(const struct event_command *command, struct server *server)
{
    struct buffer path = {0};

    append_named_source(&path, command);
    return grid_do(&command->look, server, "DELETE", &path, SLICE_EMPTY, grid_say_deleted);
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
    good = good && grid_do(&command->look, server, method, &path, buffer_slice(&body),
                           grid_say_what_is_there);
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

bool event_keys(const struct event_command *command, struct server *server)
{
    struct buffer path = {0};

    append_named_source(&path, command);
    buffer_append_string(&path, "/listKeys");
    return grid_do(&command->look, server, "POST", &path, SLICE_EMPTY, grid_print_keys);
}

bool event_regenerate_key(const struct event_command *command, struct server *server)
{
    struct buffer path = {0}, body = {0};

    append_named_source(&path, command);
    buffer_append_string(&path, "/regenerateKey");
    buffer_append_string(&body, "{\"keyName\":");
    json_append_string(&body, slice_from_string(command->words[1]));
    buffer_append_byte(&body, '}');
    bool good =
        grid_do(&command->look, server, "POST", &path, buffer_slice(&body), grid_print_keys);
    buffer_release(&body);
    return good;
}

/* ---------------------------------------------------------------- event subscriptions */

bool event_show_subscription(const struct event_command *command, struct server *server)
{
    struct buffer path = {0};

    append_named_subscription(&path, command);
    return grid_do(&command->look, server, "GET", &path, SLICE_EMPTY, NULL);
}

bool event_delete_subscription(const struct event_command *command, struct server *server)
{
    struct buffer path = {0};

    append_named_subscription(&path, command);
    return grid_do(&command->look, server, "DELETE", &path, SLICE_EMPTY, grid_say_deleted);
}

static bool send_subscription(const struct event_command *command, struct server *server,
                              const char *method)
{
    const char *file = event_word(command, 2);
    struct buffer path = {0}, body = {0};
    bool good = file ? input_read(file, RESOURCE_MAX, "an event subscription", &body)
                     : event_flags_append_subscription(&command->flags, &body);

    append_named_subscription(&path, command);
    good = good && grid_do(&command->look, server, method, &path, buffer_slice(&body),
                           grid_say_what_is_there);
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
