/* Where a command of the person who runs the server finds the server's access keys and URL: in the
 * configuration that the server has, unless the command line says otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_ACCESS_OPTIONS_H
#define PUBGRID_CLI_ACCESS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "secret/access_keys.h"

/* What the command line said. */
struct access_options {
    const char *config; /* -c; NULL: defaults */
    const char **sets;  /* --set; owned */
    size_t set_count;
    const char *keys_given, *endpoint_given; /* NULL: as configured */
    const char *endpoint_option; /* if it is not --endpoint, what the command calls it */
    bool talks_to_server;        /* by its own listener then, not by a URL of a proxy before it */
};

/* Their lines of a command's help. */
#define ACCESS_HELP_BUT_ENDPOINT                                                                   \
    "  -c, --config file      the server's configuration: where its keys are, how it is reached\n" \
    "  --set option           `name=value`: sets an option of the configuration\n"                 \
    "  --keys file            the file of the keys, whatever is configured\n"
#define ACCESS_HELP                                                                                \
    ACCESS_HELP_BUT_ENDPOINT                                                                       \
    "  --endpoint url         http(s)://host[:port] of the server, whatever is configured\n"

/* What getopt_long() returns for --set, --keys and --endpoint ('c' for -c); a command's own come
 * behind them. */
enum { OPTION_SET = 256, OPTION_KEYS, OPTION_ENDPOINT, OPTION_OF_COMMAND };

/* Their rows for getopt_long(). */
#define ACCESS_LONG_OPTIONS_BUT_ENDPOINT                                                           \
    {"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, OPTION_SET},        \
    {                                                                                              \
        "keys", required_argument, NULL, OPTION_KEYS                                               \
    }
#define ACCESS_LONG_OPTIONS                                                                        \
    ACCESS_LONG_OPTIONS_BUT_ENDPOINT,                                                              \
    {                                                                                              \
        "endpoint", required_argument, NULL, OPTION_ENDPOINT                                       \
    }

/* Takes one of these options; false: it is none of them. */
bool access_options_take(struct access_options *options, int option, const char *argument);
/* The argument of a command's option `name`: a number from 1 to `most`. False after an error
 * message. */
bool access_take_number(const char *name, const char *argument, long most, long *number);
/* Says what is wrong with the words of a command, and with which (NULL: with all of it); false. */
bool command_wrong(const char *what, const char *value);
void access_options_release(struct access_options *options);

/* Where the keys are and what the server's URL is (without a slash at the end). */
struct access_place {
    char *keys, *endpoint;
    bool keys_given; /* by the command line: that file is there, or it is a mistake */
};

/* False after an error message. */
bool access_options_resolve(const struct access_options *options, struct access_place *place);
void access_place_release(struct access_place *place);
/* Reads the keys. NULL after an error message: that there are none may mean that another
 * configuration is the server's, so none are made. */
struct access_keys *access_place_keys(const struct access_place *place);
/* The same, but makes them if there are none. */
struct access_keys *access_place_make_keys(const struct access_place *place);
/* Appends the first claims of a token for this URL, and leaves the object open. */
void access_append_claims(struct buffer *claims, const char *url, long seconds);
/* Appends the name of a hub, which may have characters that a URL may not. */
void access_append_hub(struct buffer *url, const char *hub);

#endif
