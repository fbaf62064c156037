/* See look_options.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "look_options.h"

#include "log_lines.h"

bool look_options_take(struct look_options *look, struct access_options *access, int option,
                       const char *argument)
{
    switch (option) {
    case OPTION_JSON:
        look->json = true;
        return true;
    case OPTION_FOLLOW:
        look->follow = true;
        return true;
    case OPTION_FAILURES:
        look->only_failures = true;
        return true;
    case 'n':
        return access_take_number("-n", argument, LOG_LINES_MAX, &look->lines);
    case OPTION_INSECURE:
        look->insecure = true;
        return true;
    case OPTION_HELP:
        look->help = true;
        return true;
    default:
        return access_options_take(access, option, argument);
    }
}
