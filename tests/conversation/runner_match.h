/* Does a received packet satisfy a `<` line?
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERSATION_RUNNER_MATCH_H
#define CONVERSATION_RUNNER_MATCH_H

#include "runner_fields.h"

/* NULL if it does, else the name of the first field that differs ("" is the topic name). Compares
 * what the line names; `only` at the line's end forbids properties that it does not name, and
 * `!Name` one of them. Variables that are not set match anything; they are set by match_capture,
 * not here. */
const char *match_packet(const struct line *line, enum packet_type type,
                         const struct description *got, const struct variables *variables);

/* The same without looking at the packet type. */
const char *match_fields(const struct line *line, const struct description *got,
                         const struct variables *variables);

/* Sets the line's variables from the packet that matched it. The values are copied into the
 * script's arena. */
void match_capture(struct script *script, const struct line *line, const struct description *got,
                   struct variables *variables);

/* Sets (or replaces) a variable; the bytes are copied. */
void variables_set_text(struct script *script, struct variables *variables, const char *name,
                        struct slice text);

#endif
