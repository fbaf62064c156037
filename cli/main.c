/* `pubgrid`: one binary for the person at the terminal. The first word chooses a subcommand from
 * the table; the rest of the words are its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "event.h"
#include "hub.h"
#include "keys.h"
#include "namespace.h"
#include "passwd.h"
#include "pub.h"
#include "serve.h"
#include "sub.h"
#include "token.h"
#include "version.h"

static int help_main(int argc, char **argv);

static int version_main(int argc, char **argv)
{
    (void)argc, (void)argv;
    version_print();
    return 0;
}

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the name */
    const char *help;
} commands[] = {
    {"serve", serve_main, "start broker and bridge (arguments: see pubgrid-broker --help)"},
    {"pub", pub_main, "publish messages, with mosquitto_pub's options"},
    {"sub", sub_main, "subscribe and print messages, with mosquitto_sub's options"},
    {"bench", bench_main, "measure a broker"},
    {"passwd", passwd_main, "edit a password file"},
    {"keys", keys_main, "print or renew the access keys, as connection strings"},
    {"token", token_main, "print a URL with which a browser connects to a hub"},
    {"hub", hub_main, "show and change the settings of hubs, look after their webhooks"},
    {"event", event_main, "event topics and event subscriptions: show, change, send, look after"},
    {"namespace", namespace_main,
     "namespaces: topics, subscriptions, MQTT clients and their rights"},
    {"store", store_main, "check, dump or compact the store of a broker"},
    {"version", version_main, "print the version"},
    {"help", help_main, "print this, or `help COMMAND`: the help of a command"},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static void print_usage(FILE *out)
{
    fputs("Usage: pubgrid COMMAND [ARGUMENTS]\n\nCommands:\n", out);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    }
    fputs("\nEach command has --help. See pubgrid(1).\n", out);
}

static int unknown_command(const char *name)
{
    fprintf(stderr, "pubgrid: unknown command '%s'\n\n", name);
    print_usage(stderr);
    return 2;
}

static int help_main(int argc, char **argv)
{
    char option[] = "--help";
    const struct command *command;

    if (argc < 2) {
        print_usage(stdout);
        return 0;
    }
    command = find_command(argv[1]);
    if (command == NULL) {
        return unknown_command(argv[1]);
    }
    if (command->run == help_main || command->run == version_main) {
        printf("pubgrid %s: %s\n", command->name, command->help);
        return 0;
    }
    return command->run(2, (char *[]){argv[1], option, NULL});
}

int main(int argc, char **argv)
{
    const struct command *command;
    const char *name = argc < 2 ? "help" : argv[1];

    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        name = "version";
    }
    command = find_command(name);
    return command == NULL ? unknown_command(name) : command->run(argc - 1, argv + 1);
}
