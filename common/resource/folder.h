/* A folder whose files are the blobs of a container: what becomes of them are events of a system
 * topic (spec/eventgrid.md 2.3). An entry of event_grid.sources. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_FOLDER_H
#define PUBGRID_RESOURCE_FOLDER_H

#include "resource/reading.h"

enum { FOLDER_RESCAN_MAX = 86400 /* seconds */ };

struct folder_properties {
    struct slice name;
    struct slice directory; /* absolute, without a slash at the end */
    struct slice container;
    struct slice system_topic;   /* a name */
    struct slice url;            /* what blobs' addresses begin with; empty: file:// */
    const struct slice *ignored; /* [ignored_count] patterns of names of files and folders */
    size_t ignored_count;
    bool tells_existing; /* files that are there when it is watched for the first time */
    uint32_t rescan_s;   /* looks at everything that often; 0: only when it must */
};

/* What is read lives in the reading's arena, or is a slice of the JSON. False, and lines in its
 * error, if something is wrong. */
bool folder_properties_read(struct reading *reading, const struct json_value *entry,
                            struct folder_properties *out);

#endif
