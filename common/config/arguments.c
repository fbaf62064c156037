/* See arguments.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

enum action {
    ACTION_RUN,
    ACTION_CHECK,
    ACTION_PRINT,
    ACTION_HELP,
    ACTION_VERSION,
    ACTION_WRONG, /* has been said on stderr */
};

enum { OPTION_SET = 256, OPTION_CHECK, OPTION_PRINT, OPTION_INDEX, OPTION_VERSION, OPTION_HELP };
enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, OPTION_SET},
    {"check-config", no_argument, NULL, OPTION_CHECK},
    {"print-config", no_argument, NULL, OPTION_PRINT},
    {"index", required_argument, NULL, OPTION_INDEX},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static bool take_index(struct arguments *arguments, const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number > UINT16_MAX) {
        fprintf(stderr, "--index %s: write a number from 0 to 65535\n", text);
        return false;
    }
    arguments->index = (unsigned)number;
    return true;
}

static enum action take(struct arguments *arguments, int option, enum action before)
{
    switch (option) {
    case 'c':
        arguments->file = optarg;
        return before;
    case OPTION_SET:
        arguments->settings[arguments->setting_count++] = optarg;
        return before;
    case OPTION_INDEX:
        return take_index(arguments, optarg) ? before : ACTION_WRONG;
    case OPTION_CHECK:
        return ACTION_CHECK;
    case OPTION_PRINT:
        return ACTION_PRINT;
    case OPTION_VERSION:
        return ACTION_VERSION;
    case 'h':
    case OPTION_HELP:
        return ACTION_HELP;
    default:
        return ACTION_WRONG;
    }
}

static enum action read_all(struct arguments *arguments, int argc, char **argv)
{
    enum action action = ACTION_RUN;
    int option;

    *arguments = (struct arguments){
        .settings = memory_allocate_zero((size_t)argc * sizeof(*arguments->settings)),
    };
    while (action != ACTION_WRONG &&
           (option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        action = take(arguments, option, action);
    }
    if (optind < argc && action != ACTION_WRONG) {
        fprintf(stderr, "%s: there is no argument \"%s\"\n", argv[0], argv[optind]);
        action = ACTION_WRONG;
    }
    return action;
}

struct config *arguments_load(const struct arguments *arguments, struct buffer *error)
{
    return config_load(arguments->file, arguments->settings, arguments->setting_count, error);
}

static int print(const struct config *config)
{
    struct buffer text = {0};
    size_t written;

    config_print(config, &text);
    written = fwrite(text.data, 1, text.length, stdout);
    written = fflush(stdout) == 0 ? written : 0;
    buffer_release(&text);
    return written > 0 ? EXIT_SUCCESS : EXIT_FAILED;
}

static int check(const struct arguments *arguments, struct config *config)
{
    printf("%s: ok\n", arguments->file ? arguments->file : "the defaults");
    config_free(config);
    return EXIT_SUCCESS;
}

static int show(const struct arguments *arguments, struct config *config)
{
    int status = print(config);

    (void)arguments;
    config_free(config);
    return status;
}

static int with_config(const struct arguments *arguments,
                       int (*act)(const struct arguments *arguments, struct config *config))
{
    struct buffer error = {0};
    struct config *config = arguments_load(arguments, &error);

    if (!config) {
        fprintf(stderr, "%.*s%s", SLICE_PRINT(error),
                error.length > 0 && error.data[error.length - 1] == '\n' ? "" : "\n");
    }
    buffer_release(&error);
    return config ? act(arguments, config) : EXIT_USAGE;
}

static int act(const struct program *program, const struct arguments *arguments, enum action action)
{
    switch (action) {
    case ACTION_HELP:
        fputs(program->help, stdout);
        return EXIT_SUCCESS;
    case ACTION_VERSION:
        printf("%s %s\n", program->name, PUBGRID_VERSION);
        return EXIT_SUCCESS;
    case ACTION_WRONG:
        fprintf(stderr, "Try `%s --help`.\n", program->name);
        return EXIT_USAGE;
    case ACTION_CHECK:
        return with_config(arguments, check);
    case ACTION_PRINT:
        return with_config(arguments, show);
    case ACTION_RUN:
        break;
    }
    return with_config(arguments, program->run);
}

int program_main(const struct program *program, int argc, char **argv)
{
    struct arguments arguments;
    enum action action = read_all(&arguments, argc, argv);
    int status = act(program, &arguments, action);

    free(arguments.settings);
    return status;
}
