/* `pubgrid token`: signs what a back-end would sign with the SDK's getClientAccessToken() (spec/
 * webpubsub.md 6.9), for trying things out and for scripts; or what an MQTT client of a namespace
 * signs in with (OAUTH2-JWT, spec/eventgrid.md 6.2). The server is not asked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access_options.h"
#include "base/memory.h"
#include "mqtt/utf8.h"
#include "names/names.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"
#include "json/json.h"

enum {
    OPTION_HUB = OPTION_OF_COMMAND,
    OPTION_CLIENT,
    OPTION_USER,
    OPTION_ROLE,
    OPTION_GROUP,
    OPTION_MINUTES,
    OPTION_MQTT,
    OPTION_HELP,
};

enum { MINUTES_DEFAULT = 60, MINUTES_MAX = 366 * 24 * 60 };

static const char usage[] =
    "Usage: pubgrid token --hub HUB [--user USER] [--role ROLE]... [--group GROUP]...\n"
    "                     [--minutes N] [--mqtt] [-c file]\n"
    "       pubgrid token --client NAME [--minutes N] [-c file]\n"
    "\n"
    "Prints a URL with which a browser, or any other WebSocket client, connects to the hub; or a\n"
    "token with which an MQTT client of a namespace signs in (MQTT 5, method OAUTH2-JWT).\n"
    "\n"
    "  --hub hub              a letter, then letters, digits and _`,.[]\n"
    "  --client name          the authentication name of an MQTT client\n"
    "  --user user            who the client is; nobody in particular otherwise\n"
    "  --role role            what it may do; may be given more than once:\n"
    "                           webpubsub.joinLeaveGroup            join and leave all groups\n"
    "                           webpubsub.joinLeaveGroup.GROUP      this one\n"
    "                           webpubsub.joinLeaveGroups.PATTERN   those that match\n"
    "                           webpubsub.sendToGroup               send to all groups\n"
    "                           webpubsub.sendToGroup.GROUP         to this one\n"
    "                           webpubsub.sendToGroups.PATTERN      to those that match\n"
    "                         In a pattern ? is one character and * any number of them, but no\n"
    "                         dots; ** is any number of any; a backslash escapes the next one.\n"
    "  --group group          joins this group at once; may be given more than once\n"
    "  --minutes number       how long one can connect with it (60)\n"
    "  --mqtt                 for a client that speaks MQTT (subprotocol mqtt)\n" ACCESS_HELP
    "  --help                 prints this\n";

static const struct option long_options[] = {
    ACCESS_LONG_OPTIONS,
    {"hub", required_argument, NULL, OPTION_HUB},
    {"client", required_argument, NULL, OPTION_CLIENT},
    {"user", required_argument, NULL, OPTION_USER},
    {"role", required_argument, NULL, OPTION_ROLE},
    {"group", required_argument, NULL, OPTION_GROUP},
    {"minutes", required_argument, NULL, OPTION_MINUTES},
    {"mqtt", no_argument, NULL, OPTION_MQTT},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

struct words {
    const char **items; /* owned; the words are not */
    size_t count;
};

struct token_command {
    struct access_options access;
    const char *hub, *client, *user;
    struct words roles, groups;
    long minutes;
    bool mqtt, help;
};

/* --- the command line --- */

static void add_word(struct words *words, const char *word)
{
    words->items = memory_resize(words->items, (words->count + 1) * sizeof(*words->items));
    words->items[words->count++] = word;
}

/* The server ignores roles that it does not know: here that is a mistake. */
static bool is_role(const char *role)
{
    static const struct {
        const char *text;
        bool names_something;
    } forms[] = {
        {"webpubsub.joinLeaveGroup", false},  {"webpubsub.joinLeaveGroup.", true},
        {"webpubsub.joinLeaveGroups.", true}, {"webpubsub.sendToGroup", false},
        {"webpubsub.sendToGroup.", true},     {"webpubsub.sendToGroups.", true},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t length = strlen(forms[i].text);
        if (strncmp(role, forms[i].text, length) == 0 &&
            (role[length] != '\0') == forms[i].names_something) {
            return true;
        }
    }
    return false;
}

static bool is_text(const char *text)
{
    return text[0] != '\0' && utf8_is_valid_string(slice_from_string(text));
}

static bool take_option(struct token_command *command, int option)
{
    switch (option) {
    case OPTION_HUB:
        command->hub = optarg;
        return hub_name_is_valid(slice_from_string(optarg)) ||
               command_wrong("a hub has no such name", optarg);
    case OPTION_CLIENT:
        command->client = optarg;
        return is_text(optarg) || command_wrong("a client has no such name", optarg);
    case OPTION_USER:
        command->user = optarg;
        return is_text(optarg) || command_wrong("a user has no such name", optarg);
    case OPTION_ROLE:
        add_word(&command->roles, optarg);
        return (is_role(optarg) && is_text(optarg)) ||
               command_wrong("there is no such role", optarg);
    case OPTION_GROUP:
        add_word(&command->groups, optarg);
        return is_text(optarg) || command_wrong("a group has no such name", optarg);
    case OPTION_MINUTES:
        return access_take_number("--minutes", optarg, MINUTES_MAX, &command->minutes);
    case OPTION_MQTT:
        command->mqtt = true;
        return true;
    case OPTION_HELP:
        command->help = true;
        return true;
    default:
        return access_options_take(&command->access, option, optarg);
    }
}

/* One of the two, and with --client nothing that is of hubs. */
static bool check_use(const struct token_command *command)
{
    if (!command->hub && !command->client) {
        fputs("Error: --hub or --client is needed\n", stderr);
        return false;
    }
    if (command->client && (command->hub || command->user || command->roles.count > 0 ||
                            command->groups.count > 0 || command->mqtt)) {
        fputs("Error: with --client there is only --minutes\n", stderr);
        return false;
    }
    return true;
}

static bool parse(struct token_command *command, int argc, char **argv)
{
    int option;
    bool good = true;
    optind = 1;
    while (good && (option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
        good = take_option(command, option);
    }
    if (good && optind < argc) {
        good = command_wrong("there is no argument", argv[optind]);
    }
    return good && (command->help || check_use(command));
}

/* --- the token --- */

static void append_words(struct buffer *claims, const char *name, const struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        if (i == 0) {
            buffer_append_format(claims, ",\"%s\":[", name);
        } else {
            buffer_append_byte(claims, ',');
        }
        json_append_string(claims, slice_from_string(words->items[i]));
    }
    if (words->count > 0) {
        buffer_append_byte(claims, ']');
    }
}

static void append_claims(struct buffer *claims, const struct token_command *command,
                          const char *audience)
{
    access_append_claims(claims, audience, command->minutes * 60);
    if (command->user) {
        buffer_append_string(claims, ",\"sub\":");
        json_append_string(claims, slice_from_string(command->user));
    }
    append_words(claims, "role", &command->roles);
    append_words(claims, "webpubsub.group", &command->groups);
    buffer_append_byte(claims, '}');
}

/* "http://host" + path -> "ws://host" + path, with the token. */
static bool print_url(const struct token_command *command, const struct access_place *place,
                      struct slice key)
{
    struct buffer url = {0}, claims = {0}, token = {0};
    buffer_append_format(&url, "%s/%s/", place->endpoint,
                         command->mqtt ? "clients/mqtt/hubs" : "client/hubs");
    access_append_hub(&url, command->hub);
    buffer_append_byte(&url, '\0');
    append_claims(&claims, command, (char *)url.data);
    jwt_append(&token, buffer_slice(&claims), key);
    bool good = token.length <= JWT_SIZE_MAX;
    if (good) {
        printf("ws%s?access_token=%.*s\n", (char *)url.data + strlen("http"), SLICE_PRINT(token));
    } else {
        fputs("Error: with so many roles and groups the token is too long for a server\n", stderr);
    }
    buffer_release(&url);
    buffer_release(&claims);
    buffer_release(&token);
    return good;
}

static void print_client_token(const struct token_command *command, struct slice key)
{
    struct buffer claims = {0}, token = {0};
    access_append_claims(&claims, "https://eventgrid.azure.net/", command->minutes * 60);
    buffer_append_string(&claims, ",\"sub\":");
    json_append_string(&claims, slice_from_string(command->client));
    buffer_append_byte(&claims, '}');
    jwt_append(&token, buffer_slice(&claims), key);
    printf("%.*s\n", SLICE_PRINT(token));
    buffer_release(&claims);
    buffer_release(&token);
}

static bool print(const struct token_command *command, const struct access_place *place,
                  struct slice key)
{
    if (command->client) {
        print_client_token(command, key);
        return true;
    }
    return print_url(command, place, key);
}

static bool run(const struct token_command *command)
{
    struct access_place place;
    bool good = false;
    if (access_options_resolve(&command->access, &place)) {
        struct access_keys *keys = access_place_keys(&place);
        good = keys && print(command, &place, access_keys_get(keys, ACCESS_KEY_PRIMARY));
        access_keys_free(keys);
    }
    access_place_release(&place);
    return good;
}

int token_main(int argc, char **argv)
{
    struct token_command command = {.minutes = MINUTES_DEFAULT};
    int status = 0;
    if (!parse(&command, argc, argv)) {
        fputs("See pubgrid token --help.\n", stderr);
        status = 1;
    } else if (command.help) {
        fputs(usage, stdout);
    } else {
        status = run(&command) ? 0 : 1;
    }
    access_options_release(&command.access);
    free(command.roles.items);
    free(command.groups.items);
    return status;
}
