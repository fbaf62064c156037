/* Ready templates of events that Azure's services raise (spec/eventgrid.md 2.3), for
 * `pubgrid event send --template`: fields that flags give are filled in, others are made up.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_EVENT_TEMPLATE_H
#define PUBGRID_CLI_EVENT_TEMPLATE_H

#include <stdbool.h>

#include "base/buffer.h"

/* Texts with a NUL at the end. Zeroed before. */
struct filled_template {
    struct buffer type, subject, data_version;
    struct buffer source; /* the resource that it is about: a CloudEvent's source */
    struct buffer data;   /* JSON */
};

/* `fields`: members of a JSON object, as flags say them: "template":"BlobCreated","container":..
 * False after an error message. */
bool event_template_fill(struct slice fields, struct filled_template *out);
void event_template_release(struct filled_template *filled);

#endif
