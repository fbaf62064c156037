/* See grid_options.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "grid_options.h"

#include <string.h>

#include "base/memory.h"

static const struct option general_options[] = {
    ACCESS_LONG_OPTIONS_BUT_ENDPOINT,
    {"server", required_argument, NULL, OPTION_ENDPOINT},
    LOOK_LONG_OPTIONS,
};

enum { GENERAL_OPTIONS = sizeof(general_options) / sizeof(general_options[0]) };

struct option *grid_options_make(size_t flags, const char *(*name)(size_t flag),
                                 int (*argument)(size_t flag))
{
    struct option *options = memory_allocate_zero((GENERAL_OPTIONS + flags + 1) * sizeof(*options));

    memcpy(options, general_options, sizeof(general_options));
    for (size_t i = 0; i < flags; i++) {
        options[GENERAL_OPTIONS + i] =
            (struct option){name(i), argument(i), NULL, OPTION_FLAG_FIRST + (int)i};
    }
    return options;
}
