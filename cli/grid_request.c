/* See grid_request.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "grid_request.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"

/* ---------------------------------------------------------------- asking */

bool grid_not_understood(void)
{
    fputs("Error: the server's answer is not what this command knows\n", stderr);
    return false;
}

void grid_append_encoded(struct buffer *path, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (isalnum(text.data[i]) || strchr("-_.", text.data[i])) {
            buffer_append_byte(path, text.data[i]);
        } else {
            buffer_append_format(path, "%%%02X", (unsigned)text.data[i]);
        }
    }
}

void grid_append_segment(struct buffer *path, const char *name)
{
    buffer_append_byte(path, '/');
    grid_append_encoded(path, slice_from_string(name));
}

bool grid_ask(struct server *server, const char *method, const struct buffer *path,
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

/* ---------------------------------------------------------------- lists */

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

bool grid_print_list(const struct look_options *look, struct server *server,
                     const struct buffer *path, const char *head,
                     void (*print)(const struct json_value *item, const void *context),
                     const void *context)
{
    struct buffer answer = {0}, query = {0};
    struct json_walk walk;
    struct json_value item;
    bool good = true;

    buffer_append_string(&query, "$top=100");
    for (bool is_first = true; good && query.length > 0; is_first = false) {
        good = grid_ask(server, "GET", path, buffer_slice(&query), SLICE_EMPTY, &answer);
        if (!good) {
            break;
        }
        good = answer_walk(buffer_slice(&answer), "value", &walk) || grid_not_understood();
        if (good && is_first && !look->json) {
            puts(head);
        }
        while (good && json_next_element(&walk, &item)) {
            if (look->json) {
                answer_print(item.text, true);
            } else {
                print(&item, context);
            }
        }
        take_next_page(buffer_slice(&answer), &query);
    }
    buffer_release(&answer);
    buffer_release(&query);
    return good;
}

/* ---------------------------------------------------------------- one */

bool grid_do(const struct look_options *look, struct server *server, const char *method,
             struct buffer *path, struct slice body, void (*print)(struct slice answer))
{
    struct buffer answer = {0};
    bool good = grid_ask(server, method, path, SLICE_EMPTY, body, &answer);

    if (good && (look->json || !print) && answer.length > 0) {
        answer_print(buffer_slice(&answer), look->json);
    } else if (good && !look->json && print) {
        print(buffer_slice(&answer));
    }
    buffer_release(&answer);
    buffer_release(path);
    return good;
}

void grid_say_deleted(struct slice answer)
{
    (void)answer;
    puts("Deleted.");
}

void grid_say_what_is_there(struct slice answer)
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

void grid_print_keys(struct slice answer)
{
    struct json_value whole;
    struct buffer text = {0};

    if (json_parse(answer, &whole)) {
        printf("key1: %s\n", answer_text(&whole, "key1", &text));
        printf("key2: %s\n", answer_text(&whole, "key2", &text));
    }
    buffer_release(&text);
}
