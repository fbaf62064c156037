/* One event as it was accepted, whatever its schema. Everything is borrowed, from the request or
 * from scratch memory. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_EVENT_H
#define PUBGRID_EVENTGRID_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "resource/schema.h"
#include "json/json.h"

/* Texts are decoded (no JSON escapes), UTF-8. */
struct event {
    enum event_schema schema; /* in which it came: that of its topic */
    /* The event as a JSON object in that schema, as it came (numbers, key order and unknown members
     * untouched). One that came in CloudEvents' binary mode was put together. */
    struct json_value whole;
    struct slice id, subject, type,
        time;                  /* time: RFC 3339 as it came; by SCHEMA_CUSTOM made if none */
    struct slice source;       /* of CloudEvents; of others: what is stamped as `topic`:
                                * the resource id */
    struct slice data_version; /* not of CloudEvents */
    struct slice domain_topic; /* the domain's topic that it is for; empty: no domain */
    bool has_data;
    struct json_value data; /* of SCHEMA_CUSTOM the whole event */
    bool is_base64;         /* of CloudEvents: `data` is the JSON string of data_base64 */
    bool is_json_content;   /* datacontenttype absent or JSON */
    struct slice content_type, data_schema; /* of CloudEvents; empty: none */
    /* Of CloudEvents: `whole` may leave as it is. Else it has attributes that say nothing (null),
     * or names its domain topic as source, and is written anew without these. */
    bool is_verbatim;
};

#endif
