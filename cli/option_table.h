/* One row for each option of `pubgrid pub` and `pubgrid sub`: how it is written, what its argument
 * is called, which function stores it and where. The table prints --help too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_OPTION_TABLE_H
#define PUBGRID_CLI_OPTION_TABLE_H

#include "options.h"

struct option;

/* Stores `value` (NULL for a flag). False after an error message on stderr. */
typedef bool option_apply(const struct option *option, struct options *options,
                          struct arguments *arguments, const char *value);

/* What a number must be, and the message when it is not: `before`, the argument, `after`. */
struct number_rule {
    long minimum, maximum;
    const char *before, *after;
};

struct option {
    const char *short_name; /* "-q" or NULL */
    const char *long_name;  /* "--qos" or NULL */
    unsigned tools;         /* enum tool bits */
    const char *argument;   /* its name in --help; NULL: the option takes none */
    const char *missing;    /* the same in the message that it is missing */
    option_apply *apply;
    size_t field; /* offset in struct options, for the simple ones */
    const struct number_rule *number;
    const char *help;
};

extern const struct option option_table[];
extern const size_t option_table_length;

#endif
