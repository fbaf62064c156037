/* The log of deliveries, dead letters, and events that are sent again; see event_command.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "event_command.h"
#include "log_lines.h"

/* ---------------------------------------------------------------- log */

static void print_attempt(const struct json_value *attempt)
{
    static const char *const members[] = {"time", "status", "latencyMs", "outcome", "eventId"};
    struct buffer text = {0};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const char *value = answer_text(attempt, members[i], &text);
        bool is_silence = strcmp(members[i], "status") == 0 && strcmp(value, "0") == 0;
        printf("%s%s%s", i > 0 ? " " : "", is_silence ? "---" : value,
               strcmp(members[i], "latencyMs") == 0 ? "ms" : "");
    }
    const char *name = answer_text(attempt, "eventSubscription", &text);
    printf("%s%s", name[0] != '\0' ? " " : "", name);
    printf(" attempt %s", answer_text(attempt, "attempt", &text));
    const char *next = answer_text(attempt, "nextAttempt", &text);
    printf("%s%s", next[0] != '\0' ? ", next " : "", next);
    const char *end = answer_text(attempt, "end", &text);
    printf("%s%s\n", end[0] != '\0' ? ", " : "", end);
    buffer_release(&text);
}

static bool look(const struct event_command *command, struct server *server,
                 const struct buffer *path, long lines, struct buffer *before)
{
    struct buffer answer = {0}, query = {0};

    buffer_append_format(&query, "top=%ld%s", lines,
                         command->look.only_failures ? "&failures=true" : "");
    bool good =
        grid_ask(server, "GET", path, buffer_slice(&query), SLICE_EMPTY, &answer) &&
        (log_lines_print(buffer_slice(&answer), command->look.json, before, print_attempt) ||
         grid_not_understood());
    buffer_release(&answer);
    buffer_release(&query);
    return good;
}

bool event_log(const struct event_command *command, struct server *server)
{
    const char *name = event_word(command, 1);
    struct buffer path = {0}, before = {0};

    event_append_source(&path, command->words[0]);
    if (name) {
        buffer_append_string(&path, "/eventSubscriptions");
        grid_append_segment(&path, name);
    }
    buffer_append_string(&path, "/log");
    bool good = look(command, server, &path, command->look.lines, &before);
    while (good && command->look.follow) {
        usleep(FOLLOW_US);
        good = look(command, server, &path, LOG_LINES_MAX, &before);
    }
    buffer_release(&path);
    buffer_release(&before);
    return good;
}

/* ---------------------------------------------------------------- sent again */

/* "{"events":3}" */
static bool print_sent(const struct event_command *command, struct slice answer)
{
    struct json_value whole;
    struct buffer text = {0};

    if (command->look.json) {
        answer_print(answer, true);
        return true;
    }
    bool good = json_parse(answer, &whole);
    const char *number = good ? answer_text(&whole, "events", &text) : "";
    good = number[0] != '\0';
    if (good) {
        printf("Sent: %s.\n", number);
    }
    buffer_release(&text);
    return good || grid_not_understood();
}

/* Posts the body; releases both. */
static bool send_again(const struct event_command *command, struct server *server,
                       struct buffer *path, struct buffer *body)
{
    struct buffer answer = {0};
    bool good = grid_ask(server, "POST", path, SLICE_EMPTY, buffer_slice(body), &answer) &&
                print_sent(command, buffer_slice(&answer));

    buffer_release(&answer);
    buffer_release(path);
    buffer_release(body);
    return good;
}

static void append_names(struct buffer *out, const struct event_command *command, size_t from)
{
    for (size_t i = from; i < command->word_count; i++) {
        buffer_append_string(out, i > from ? "," : ",\"eventSubscriptions\":[");
        json_append_string(out, slice_from_string(command->words[i]));
    }
    buffer_append_string(out, command->word_count > from ? "]}" : "}");
}

bool event_resend(const struct event_command *command, struct server *server)
{
    struct buffer path = {0}, body = {0};

    event_append_source(&path, command->words[0]);
    buffer_append_string(&path, "/resend");
    buffer_append_string(&body, "{\"id\":");
    json_append_string(&body, slice_from_string(command->words[1]));
    append_names(&body, command, 2);
    return send_again(command, server, &path, &body);
}

bool event_replay(const struct event_command *command, struct server *server)
{
    const struct buffer *times = &command->flags.sections[SECTION_EVENT];
    struct buffer path = {0}, body = {0};

    if (times->length == 0) {
        fputs("Error: --since is needed: a time such as 2031-01-01T00:00:00Z\n", stderr);
        return false;
    }
    event_append_source(&path, command->words[0]);
    buffer_append_string(&path, "/replay");
    buffer_append_byte(&body, '{');
    buffer_append(&body, buffer_slice(times));
    append_names(&body, command, 1);
    return send_again(command, server, &path, &body);
}

/* ---------------------------------------------------------------- dead letters */

static void append_dead_letters(struct buffer *path, const struct event_command *command,
                                const char *what)
{
    event_append_source(path, command->words[0]);
    buffer_append_string(path, "/eventSubscriptions");
    grid_append_segment(path, command->words[1]);
    buffer_append_format(path, "/%s", what);
}

static void print_dead_letter(const struct json_value *item)
{
    /* In lower case by CloudEvents. */
    static const char *const members[][2] = {{"deadLetterReason", "deadletterreason"},
                                             {"deliveryAttempts", "deliveryattempts"},
                                             {"lastDeliveryOutcome", "lastdeliveryoutcome"},
                                             {"publishTime", "publishtime"}};
    struct json_value event;
    struct buffer text = {0};

    json_find_member(item, "event", &event);
    printf("%s", answer_text(&event, "id", &text));
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const char *value = answer_text(&event, members[i][0], &text);
        if (value[0] == '\0') {
            value = answer_text(&event, members[i][1], &text);
        }
        printf(" %s", value);
    }
    putchar('\n');
    buffer_release(&text);
}

/* Looks at all of them, a page after another. `see` says whether to go on. */
static bool each_dead_letter(const struct event_command *command, struct server *server, long most,
                             bool (*see)(const struct event_command *command,
                                         const struct json_value *item, void *context),
                             void *context)
{
    struct buffer path = {0}, answer = {0}, query = {0}, next = {0};
    struct json_value item, whole;
    struct json_walk walk;
    bool good = true, goes_on = true;

    append_dead_letters(&path, command, "deadLetters");
    while (good && goes_on) {
        query.length = 0;
        buffer_append_format(&query, "top=%ld", most);
        if (next.length > 1) {
            buffer_append_string(&query, "&after=");
            access_append_hub(&query, (const char *)next.data);
        }
        good = grid_ask(server, "GET", &path, buffer_slice(&query), SLICE_EMPTY, &answer) &&
               (answer_walk(buffer_slice(&answer), "value", &walk) || grid_not_understood());
        while (good && goes_on && json_next_element(&walk, &item)) {
            goes_on = see(command, &item, context);
        }
        goes_on = goes_on && good && json_parse(buffer_slice(&answer), &whole) &&
                  answer_text(&whole, "next", &next)[0] != '\0';
    }
    buffer_release(&path);
    buffer_release(&answer);
    buffer_release(&query);
    buffer_release(&next);
    return good;
}

static bool list_one(const struct event_command *command, const struct json_value *item,
                     void *context)
{
    long *left = context;

    if (command->look.json) {
        answer_print(item->text, true);
    } else {
        print_dead_letter(item);
    }
    return --*left > 0;
}

bool event_list_dead_letters(const struct event_command *command, struct server *server)
{
    long left = command->look.lines;

    return each_dead_letter(command, server, left, list_one, &left);
}

static bool show_one(const struct event_command *command, const struct json_value *item,
                     void *context)
{
    struct json_value event;
    struct buffer text = {0};
    bool *is_found = context;

    json_find_member(item, "event", &event);
    *is_found = strcmp(answer_text(&event, "id", &text), command->words[2]) == 0;
    buffer_release(&text);
    if (*is_found) {
        answer_print(event.text, command->look.json);
    }
    return !*is_found;
}

bool event_show_dead_letter(const struct event_command *command, struct server *server)
{
    bool is_found = false;
    bool good = each_dead_letter(command, server, LOG_LINES_MAX, show_one, &is_found);

    if (good && !is_found) {
        fprintf(stderr, "Error: there is no dead letter of an event %s\n", command->words[2]);
    }
    return good && is_found;
}

bool event_resend_dead_letters(const struct event_command *command, struct server *server)
{
    const char *id = event_word(command, 2);
    struct buffer path = {0}, body = {0};

    append_dead_letters(&path, command, "resend");
    buffer_append_byte(&body, '{');
    if (id) {
        buffer_append_string(&body, "\"id\":");
        json_append_string(&body, slice_from_string(id));
    }
    buffer_append_byte(&body, '}');
    return send_again(command, server, &path, &body);
}
