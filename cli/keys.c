/* `pubgrid keys`: what the SDKs of Azure Web PubSub are given to talk to this server, and the
 * renewal of a key. The server makes the keys when it starts; with --create this command does so
 * before.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "access_options.h"
#include "secret/access_keys.h"

enum { OPTION_CREATE = OPTION_OF_COMMAND, OPTION_REGENERATE, OPTION_HELP };

static const char usage[] =
    "Usage: pubgrid keys [-c file] [--create] [--regenerate primary|secondary]\n"
    "\n"
    "Prints the connection strings of both access keys, one a line.\n"
    "\n" ACCESS_HELP
    "  --create               makes the keys if there are none, as the server does when it starts\n"
    "  --regenerate which     makes the primary or the secondary key anew before\n"
    "  --help                 prints this\n"
    "\n"
    "A running server takes new keys over on SIGHUP. Tokens of the old key are refused from then "
    "on.\n";

static const struct option long_options[] = {
    ACCESS_LONG_OPTIONS,
    {"create", no_argument, NULL, OPTION_CREATE},
    {"regenerate", required_argument, NULL, OPTION_REGENERATE},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

struct keys_command {
    struct access_options access;
    bool help, create, regenerate;
    enum access_key which; /* to regenerate */
};

static bool take_option(struct keys_command *command, int option)
{
    if (option == OPTION_HELP) {
        command->help = true;
        return true;
    }
    if (option == OPTION_CREATE) {
        command->create = true;
        return true;
    }
    if (option != OPTION_REGENERATE) {
        return access_options_take(&command->access, option, optarg);
    }
    command->regenerate = true;
    if (!access_key_from_name(optarg, &command->which)) {
        fprintf(stderr, "Error: --regenerate is primary or secondary, not %s\n", optarg);
        return false;
    }
    return true;
}

static bool parse(struct keys_command *command, int argc, char **argv)
{
    int option;
    bool good = true;
    optind = 1;
    while (good && (option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
        good = take_option(command, option);
    }
    if (good && optind < argc) {
        fprintf(stderr, "Error: there is no argument %s\n", argv[optind]);
        good = false;
    }
    return good;
}

static void print_keys(const struct access_keys *keys, const char *endpoint)
{
    for (enum access_key i = 0; i < ACCESS_KEYS; i++) {
        printf("%s: Endpoint=%s;AccessKey=%.*s;Version=1.0;\n", access_key_name(i), endpoint,
               SLICE_PRINT(access_keys_get(keys, i)));
    }
}

/* NULL after an error message. */
static struct access_keys *regenerate(const struct access_place *place, enum access_key which)
{
    struct buffer error = {0};
    struct access_keys *keys = NULL;
    if (access_keys_regenerate(place->keys, which, &error)) {
        keys = access_place_keys(place);
    } else {
        fprintf(stderr, "Error: %.*s.\n", SLICE_PRINT(error));
    }
    buffer_release(&error);
    return keys;
}

static bool run(const struct keys_command *command)
{
    struct access_place place;
    struct access_keys *keys = NULL;
    if (access_options_resolve(&command->access, &place)) {
        keys = command->create ? access_place_make_keys(&place) : access_place_keys(&place);
    }
    if (keys && command->regenerate) {
        access_keys_free(keys);
        keys = regenerate(&place, command->which);
    }
    if (keys) {
        print_keys(keys, place.endpoint);
    }
    bool good = keys != NULL;
    access_keys_free(keys);
    access_place_release(&place);
    return good;
}

int keys_main(int argc, char **argv)
{
    struct keys_command command = {0};
    int status = 0;
    if (!parse(&command, argc, argv)) {
        fputs(usage, stderr);
        status = 1;
    } else if (command.help) {
        fputs(usage, stdout);
    } else {
        status = run(&command) ? 0 : 1;
    }
    access_options_release(&command.access);
    return status;
}
