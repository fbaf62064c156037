/* `pubgrid keys`: what the SDKs of Azure Web PubSub are given to talk to this server, and the
 * renewal of a key. Whoever comes first, this command or the server, makes the keys.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "access_options.h"
#include "secret/access_keys.h"

enum { OPTION_REGENERATE = OPTION_OF_COMMAND, OPTION_HELP };

static const char usage[] =
    "Usage: pubgrid keys [-c file] [--regenerate primary|secondary]\n"
    "\n"
    "Prints the connection strings of both access keys, one a line.\n"
    "\n" ACCESS_HELP "  --regenerate which     makes the primary or the secondary key anew before\n"
    "  --help                 prints this\n"
    "\n"
    "A running server takes new keys over on SIGHUP. Tokens of the old key are refused from then "
    "on.\n";

static const struct option long_options[] = {
    ACCESS_LONG_OPTIONS,
    {"regenerate", required_argument, NULL, OPTION_REGENERATE},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

struct keys_command {
    struct access_options access;
    bool help, regenerate;
    enum access_key which; /* to regenerate */
};

static bool take_option(struct keys_command *command, int option)
{
    if (option == OPTION_HELP) {
        command->help = true;
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

static bool run(const struct keys_command *command)
{
    struct access_place place;
    struct buffer error = {0};
    struct access_keys *keys = NULL;
    if (access_options_resolve(&command->access, &place)) {
        if (command->regenerate && !access_keys_regenerate(place.keys, command->which, &error)) {
            fprintf(stderr, "Error: %.*s.\n", SLICE_PRINT(error));
        } else {
            keys = access_place_keys(&place);
        }
        if (keys) {
            print_keys(keys, place.endpoint);
        }
    }
    bool good = keys != NULL;
    access_keys_free(keys);
    access_place_release(&place);
    buffer_release(&error);
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
