/* Dead letters (spec/eventgrid.md 3.8): the event with what became of it, a file in the layout of
 * Azure's blobs, and its way back. Also the lines of a topic's archive (topic.h: retention). Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_DEAD_LETTER_H
#define PUBGRID_EVENTGRID_DEAD_LETTER_H

#include "base/buffer.h"
#include "eventgrid/event.h"
#include "eventgrid/queued.h"

/* Appends `<CONTAINER>/<SUBSCRIPTION>/<yyyy>/<M>/<d>/<H>/<guid>.json`; the container cannot lead
 * out of its folder (checked with the subscription). */
void dead_letter_append_path(struct buffer *out, struct slice container, struct slice subscription,
                             int64_t now_ms, struct slice guid);
/* Appends the event's JSON object with the added members. */
void dead_letter_append(struct buffer *out, const struct queued_event *event,
                        enum dead_letter_reason reason);

/* An event of a dead letter file: what it was before, as a queued event with no attempts.
 * `rest` is walked over the file's array. False: at the end, or not ours. What is appended to
 * `texts` is what the slices point into. */
struct dead_letter_item {
    struct queued_event event; /* attempts, outcome: as they were */
    struct slice reason;
};
bool dead_letter_read(struct json_walk *rest, struct buffer *texts, struct dead_letter_item *out);

/* One line of an archive: when it was accepted, and the event in its topic's schema. */
struct archive_line {
    int64_t accepted_ms;
    enum event_schema schema;
    struct slice domain_topic;
    struct slice json;
};
void archive_line_append(struct buffer *out, const struct archive_line *line);
bool archive_line_read(struct slice text, struct archive_line *out);
/* `<source key>/<yyyy>-<MM>-<dd>T<HH>.jsonl` in the archive's folder. */
void archive_path_append(struct buffer *out, struct slice source_key, int64_t accepted_ms);
bool archive_path_time(struct slice name, int64_t *begins_ms);

#endif
