/* `pubgrid hub`: asks a running server, over its REST API, with a token that the keys of its
 * configuration sign.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "hub.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "hub_settings.h"
#include "input_file.h"
#include "log_lines.h"
#include "look_options.h"
#include "names/names.h"
#include "server_request.h"

enum { SETTINGS_MAX = 1 << 20 };

static const char usage[] =
    "Usage: pubgrid hub list                      hubs that have settings of their own\n"
    "       pubgrid hub show HUB                  the settings that count for a hub\n"
    "       pubgrid hub set HUB FILE              sets them all, from JSON (-: standard input)\n"
    "       pubgrid hub set HUB NAME=VALUE...     sets some\n"
    "       pubgrid hub remove HUB                back to what is configured\n"
    "       pubgrid hub log HUB                   what became of events sent to webhooks\n"
    "       pubgrid hub check HUB                 asks the webhooks whether they take events\n"
    "\n"
    "Settings count at once, in all processes, and survive restarts. The HUB _default counts for\n"
    "hubs without settings of their own.\n"
    "\n"
    "  --json                 prints the server's JSON as it is\n"
    "  --follow               log: goes on with what comes\n"
    "  --failures             log: only what failed\n"
    "  -n number              log: so many of the last (20)\n"
    "  --insecure             takes any certificate of an https server\n" ACCESS_HELP
    "  --help                 prints this\n"
    "\n"
    "Example: pubgrid hub set chat eventHandlers=http://127.0.0.1:3000/eventhandler/{event}\n";

static const struct option long_options[] = {
    ACCESS_LONG_OPTIONS,
    LOOK_LONG_OPTIONS,
    {0},
};

struct hub_command {
    struct access_options access;
    struct look_options look;
    const char *hub;
    char **rest; /* what stands behind the hub */
    size_t rest_count;
};

/* --- what it does --- */

static bool not_understood(void)
{
    fputs("Error: the server's answer is not what this command knows\n", stderr);
    return false;
}

/* Asks about the hub of the command, if it has one. `action`: ":log"; NULL: the hub itself. */
static bool ask(const struct hub_command *command, struct server *server, const char *action,
                struct server_request request, struct buffer *answer)
{
    struct buffer path = {0};

    buffer_append_string(&path, "/api/hubs");
    if (command->hub) {
        buffer_append_byte(&path, '/');
        access_append_hub(&path, command->hub);
    }
    if (action) {
        buffer_append_format(&path, "/%s", action);
    }
    request.path = buffer_slice(&path);
    bool good = server_ask(server, &request, answer);
    buffer_release(&path);
    return good;
}

static bool list(const struct hub_command *command, struct server *server)
{
    struct server_request request = {.method = "GET"};
    struct buffer answer = {0};
    bool good = ask(command, server, NULL, request, &answer);

    if (good && command->look.json) {
        answer_print(buffer_slice(&answer), true);
    } else if (good) {
        good = hub_print_list(buffer_slice(&answer)) || not_understood();
    }
    buffer_release(&answer);
    return good;
}

static bool show(const struct hub_command *command, struct server *server)
{
    struct server_request request = {.method = "GET"};
    struct buffer answer = {0};
    bool good = ask(command, server, NULL, request, &answer);

    if (good) {
        answer_print(buffer_slice(&answer), command->look.json);
    }
    buffer_release(&answer);
    return good;
}

static bool put(const struct hub_command *command, struct server *server, struct slice settings)
{
    struct server_request request = {.method = "PUT", .body = settings};
    struct buffer answer = {0};
    bool good = ask(command, server, NULL, request, &answer);

    if (good && command->look.json) {
        answer_print(buffer_slice(&answer), true);
    } else if (good) {
        printf("Hub %s is set.\n", command->hub);
    }
    buffer_release(&answer);
    return good;
}

static bool set_some(const struct hub_command *command, struct server *server)
{
    struct server_request request = {.method = "GET"};
    struct buffer now = {0}, wanted = {0};
    bool good =
        ask(command, server, NULL, request, &now) &&
        hub_settings_change(buffer_slice(&now), command->rest, command->rest_count, &wanted) &&
        put(command, server, buffer_slice(&wanted));

    buffer_release(&now);
    buffer_release(&wanted);
    return good;
}

static bool set(const struct hub_command *command, struct server *server)
{
    struct buffer text = {0};
    bool good;

    if (strchr(command->rest[0], '=')) {
        return set_some(command, server);
    }
    good = input_read(command->rest[0], SETTINGS_MAX, "settings of a hub", &text) &&
           put(command, server, buffer_slice(&text));
    buffer_release(&text);
    return good;
}

static bool remove_settings(const struct hub_command *command, struct server *server)
{
    struct server_request request = {.method = "DELETE"};
    struct buffer answer = {0};
    bool good = ask(command, server, NULL, request, &answer);

    if (good && !command->look.json) {
        printf("Hub %s is as configured.\n", command->hub);
    }
    buffer_release(&answer);
    return good;
}

static bool check(const struct hub_command *command, struct server *server)
{
    struct server_request request = {.method = "POST"};
    struct buffer answer = {0};
    bool all_good = false;
    bool good =
        ask(command, server, ":check", request, &answer) &&
        (hub_print_check(buffer_slice(&answer), command->look.json, &all_good) || not_understood());

    buffer_release(&answer);
    return good && all_good;
}

/* One look at the last lines of the log; prints those that were not in the look before. */
static bool look(const struct hub_command *command, struct server *server, long lines,
                 struct buffer *before)
{
    struct server_request request = {.method = "GET"};
    struct buffer answer = {0}, query = {0};
    bool good;

    buffer_append_format(&query, "top=%ld%s", lines,
                         command->look.only_failures ? "&failures=true" : "");
    request.query = buffer_slice(&query);
    good =
        ask(command, server, ":log", request, &answer) &&
        (log_lines_print(buffer_slice(&answer), command->look.json, before, hub_print_delivery) ||
         not_understood());
    buffer_release(&answer);
    buffer_release(&query);
    return good;
}

static bool show_log(const struct hub_command *command, struct server *server)
{
    struct buffer before = {0};
    bool good = look(command, server, command->look.lines, &before);

    while (good && command->look.follow) {
        usleep(FOLLOW_US);
        good = look(command, server, LOG_LINES_MAX, &before);
    }
    buffer_release(&before);
    return good;
}

static const struct verb {
    const char *name;
    bool has_hub;
    size_t least, most; /* words behind the hub */
    bool (*run)(const struct hub_command *command, struct server *server);
} verbs[] = {
    {"list", false, 0, 0, list},     {"show", true, 0, 0, show},
    {"set", true, 1, SIZE_MAX, set}, {"remove", true, 0, 0, remove_settings},
    {"log", true, 0, 0, show_log},   {"check", true, 0, 0, check},
};

/* --- the command line --- */

static bool is_hub(const char *name)
{
    return hub_name_is_valid(slice_from_string(name)) || strcmp(name, HUB_DEFAULT) == 0;
}

/* The verb that the words ask for; NULL after an error message. */
static const struct verb *take_words(struct hub_command *command, char **words, size_t count)
{
    const struct verb *verb = NULL;

    for (size_t i = 0; count > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(words[0], verbs[i].name) == 0) {
            verb = &verbs[i];
        }
    }
    if (!verb) {
        command_wrong(count > 0 ? "there is no command hub"
                                : "say what to do: list, show, set, remove, "
                                  "log or check",
                      count > 0 ? words[0] : NULL);
        return NULL;
    }
    size_t taken = verb->has_hub ? 2 : 1;
    if (count < taken + verb->least) {
        command_wrong(count < taken ? "a hub is needed" : "say what to set: FILE or NAME=VALUE",
                      NULL);
        return NULL;
    }
    if (count - taken > verb->most) {
        command_wrong("there is no argument", words[taken + verb->most]);
        return NULL;
    }
    command->hub = verb->has_hub ? words[1] : NULL;
    if (command->hub && !is_hub(command->hub)) {
        command_wrong("a hub has no such name", command->hub);
        return NULL;
    }
    command->rest = words + taken;
    command->rest_count = count - taken;
    return verb;
}

/* One FILE, whose path has no `=` in it, or changes. */
static bool words_fit(const struct hub_command *command)
{
    for (size_t i = 1; i < command->rest_count; i++) {
        if (!strchr(command->rest[0], '=') || !strchr(command->rest[i], '=')) {
            return command_wrong("set takes one FILE, or NAME=VALUE, not", command->rest[i]);
        }
    }
    return true;
}

static const struct verb *parse(struct hub_command *command, int argc, char **argv)
{
    const struct verb *verb;
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "c:n:", long_options, NULL)) != -1) {
        if (!look_options_take(&command->look, &command->access, option, optarg)) {
            return NULL;
        }
    }
    if (command->look.help) {
        return verbs;
    }
    verb = take_words(command, argv + optind, (size_t)(argc - optind));
    return verb && words_fit(command) ? verb : NULL;
}

int hub_main(int argc, char **argv)
{
    struct hub_command command = {.look.lines = LOG_LINES_DEFAULT, .access.talks_to_server = true};
    const struct verb *verb = parse(&command, argc, argv);
    int status = 1;

    if (!verb) {
        fputs("See pubgrid hub --help.\n", stderr);
    } else if (command.look.help) {
        fputs(usage, stdout);
        status = 0;
    } else {
        struct server *server = server_open(&command.access, command.look.insecure);
        status = server && verb->run(&command, server) ? 0 : 1;
        server_close(server);
    }
    access_options_release(&command.access);
    return status;
}
