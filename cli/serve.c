/* `pubgrid serve` runs the broker and, beside it, the bridge: as many processes as the
 * configuration says (supervisor.h). Without a bridge, or when it is only asked about the
 * configuration, it becomes the broker. So does `pubgrid store`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "config/config.h"
#include "program.h"
#include "supervisor.h"

struct serve_arguments {
    const char *file;      /* NULL: defaults only */
    const char **settings; /* of --set; owned array of argv's strings */
    size_t setting_count;
};

/* False if they ask for something else than to serve, or are wrong: both is the broker's to answer.
 */
static bool read_arguments(struct serve_arguments *arguments, int argc, char **argv)
{
    enum { OPTION_SET = 256 };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, OPTION_SET},
        {0},
    };
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "+c:", options, NULL)) != -1) {
        if (option == 'c') {
            arguments->file = optarg;
        } else if (option == OPTION_SET) {
            arguments->settings[arguments->setting_count++] = optarg;
        } else {
            return false;
        }
    }
    return optind == argc;
}

/* NULL, and nothing said, if there is nothing to supervise: the broker will say what is wrong. */
static struct config *load_config(int argc, char **argv)
{
    struct serve_arguments arguments = {
        .settings = memory_allocate_zero((size_t)argc * sizeof(*arguments.settings)),
    };
    struct buffer ignored = {0};
    struct config *config = NULL;

    if (read_arguments(&arguments, argc, argv)) {
        config = config_load(arguments.file, arguments.settings, arguments.setting_count, &ignored);
    }
    buffer_release(&ignored);
    free(arguments.settings);
    return config;
}

static int run_both(unsigned bridges, char **arguments)
{
    struct supervisor_plan plan = {.arguments = arguments, .bridges = bridges};
    int status = 1;

    plan.broker = program_find(PROGRAM_BROKER);
    plan.bridge = program_find(PROGRAM_BRIDGE);
    if (!plan.bridge) {
        fputs("pubgrid: without the bridge: --set bridge.processes=0\n", stderr);
    } else if (plan.broker) {
        status = supervise(&plan);
    }
    free(plan.broker);
    free(plan.bridge);
    return status;
}

int serve_main(int argc, char **argv)
{
    static char name[] = PROGRAM_BROKER;
    struct config *config = load_config(argc, argv);
    unsigned bridges = config ? config->bridge.processes : 0;

    if (config) {
        log_set_level((enum log_level)config->log_level);
    }
    config_free(config);
    if (bridges > 0) {
        return run_both(bridges, argv + 1);
    }
    argv[0] = name;
    return program_become(PROGRAM_BROKER, argv);
}

/* The store's files are the broker's business: `pubgrid-broker store ...`. */
int store_main(int argc, char **argv)
{
    static char name[] = PROGRAM_BROKER;
    char **words = memory_allocate_zero(((size_t)argc + 2) * sizeof(*words));
    int status;

    words[0] = name;
    memcpy(words + 1, argv, (size_t)argc * sizeof(*words));
    status = program_become(PROGRAM_BROKER, words);
    free(words);
    return status;
}
