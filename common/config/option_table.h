/* The scalar options as data, and how their texts become values.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_OPTION_TABLE_H
#define PUBGRID_CONFIG_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum option_kind {
    NUMBER,
    SIZE,
    DURATION_MS,
    DURATION_S,
    FACTOR,
    BOOL,
    TEXT,
    CHOICE_LOG_LEVEL,
    CHOICE_ANONYMOUS,
    CHOICE_DURABILITY,
    CHOICE_PAGE,
    CHOICE_CONNECT_POLICY,
};

struct option {
    const char *path; /* "mqtt.receive_maximum"; without a section "workers" */
    const char *initial;
    uint64_t least, most;
    size_t offset; /* of the target in its structure */
    uint8_t width; /* bytes of the target */
    uint8_t kind;  /* enum option_kind */
    bool reloadable;
};

/* Targets in struct config. */
extern const struct option config_options[];
extern const size_t config_option_count;
/* Targets in struct hub_config; the paths have no section. */
extern const struct option hub_options[];
extern const size_t hub_option_count;
/* The same for struct event_handler and struct event_listener. */
extern const struct option event_handler_options[], event_listener_options[];
extern const size_t event_handler_option_count, event_listener_option_count;

/* `structure` below is the one that the option's target is in. */

/* Of config_options; NULL if there is no such option. */
const struct option *option_find(const char *path);
/* Parses `text` into its target. False with "what to write instead" appended to `error`. */
bool option_set(const struct option *option, const char *text, void *structure,
                struct buffer *error);
/* Appends the value as one would write it. */
void option_print(const struct option *option, const void *structure, struct buffer *out);
/* Appends a text (NULL: empty) in double quotes, with what these need escaped. */
void option_print_text(struct buffer *out, const char *text);
/* The value of a TEXT (NULL: empty); of a NUMBER, SIZE or duration. */
const char *option_text_value(const struct option *option, const void *structure);
uint64_t option_number_value(const struct option *option, const void *structure);
bool option_equal(const struct option *option, const void *a, const void *b);
/* Frees the values that are texts. */
void options_free(const struct option *table, size_t count, void *structure);
/* "true", "yes", "on" and their opposites; false if it is neither. */
bool option_parse_bool(const char *text, bool *value);

#endif
