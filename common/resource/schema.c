/* See schema.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/schema.h"

#include <stddef.h>

#include "base/ascii.h"

/* The names, and what each may become (spec/eventgrid.md 3.7). */
static const struct {
    const char *input, *delivery;
    bool may_become[EVENT_SCHEMAS];
} schemas[EVENT_SCHEMAS] = {
    [SCHEMA_EVENT_GRID] = {"EventGridSchema",
                           "EventGridSchema",
                           {[SCHEMA_EVENT_GRID] = true, [SCHEMA_CLOUD_EVENTS] = true}},
    [SCHEMA_CLOUD_EVENTS] = {"CloudEventSchemaV1_0",
                             "CloudEventSchemaV1_0",
                             {[SCHEMA_CLOUD_EVENTS] = true}},
    [SCHEMA_CUSTOM] =
        {"CustomEventSchema",
         "CustomInputSchema",
         {[SCHEMA_EVENT_GRID] = true, [SCHEMA_CLOUD_EVENTS] = true, [SCHEMA_CUSTOM] = true}},
};

const char *schema_input_name(enum event_schema schema)
{
    return schemas[schema].input;
}

const char *schema_delivery_name(enum event_schema schema)
{
    return schemas[schema].delivery;
}

static bool find(struct slice name, bool is_input, enum event_schema *out)
{
    for (int i = 0; i < EVENT_SCHEMAS; i++) {
        const char *known = is_input ? schemas[i].input : schemas[i].delivery;
        if (equal_ignoring_case(name, slice_from_string(known))) {
            *out = (enum event_schema)i;
            return true;
        }
    }
    return false;
}

bool schema_from_input_name(struct slice name, enum event_schema *out)
{
    return find(name, true, out);
}

bool schema_from_delivery_name(struct slice name, enum event_schema *out)
{
    return find(name, false, out);
}

bool schema_may_become(enum event_schema input, enum event_schema output)
{
    return schemas[input].may_become[output];
}
