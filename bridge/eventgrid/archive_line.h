/* Archives: the events that a topic has accepted and keeps (topic.h: retention), a file an hour of
 * a line each. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_ARCHIVE_LINE_H
#define PUBGRID_EVENTGRID_ARCHIVE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "resource/schema.h"

/* One line of an archive: when it was accepted, and the event in its topic's schema. */
struct archive_line {
    int64_t accepted_ms;
    enum event_schema schema;
    struct slice domain_topic;
    struct slice json;
};
/* With a line break behind it, and none in it. */
void archive_line_append(struct buffer *out, const struct archive_line *line);
/* Without its line break; slices are the text's. */
bool archive_line_read(struct slice text, struct archive_line *out);
/* `<source key>/<yyyy>-<MM>-<dd>T<HH>.jsonl` in the archive's folder. */
void archive_path_append(struct buffer *out, struct slice source_key, int64_t accepted_ms);
/* The hour that a file of such a path, or name, is of. */
bool archive_path_time(struct slice path, int64_t *begins_ms);

#endif
