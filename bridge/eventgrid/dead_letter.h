/* Dead letters (spec/eventgrid.md 3.8): the event with what became of it, a file in the layout of
 * Azure's blobs, and its way back. Pure.
 *
 * Members are added to an event of EventGrid's schema and to a CloudEvent (there in lower case).
 * Events of a custom schema are what they are, so they are wrapped:
 *
 *     {"eventDeliverySchema":"CustomInputSchema","id":..,"dataVersion":..,"data":{the event},
 *      "deadLetterReason":..}
 *
 * Those of namespaces (5.6) have the event beside what became of it:
 *
 *     {"deadLetterProperties":{"deadletterreason":"<a sentence>","deliveryattempts":..,
 *      "deliveryresult":"<a sentence>","publishutc":..,"deliveryattemptutc":..},"event":{the
 * event}, "customDeliveryProperties":{"<header>":"<value>"}}
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_DEAD_LETTER_H
#define PUBGRID_EVENTGRID_DEAD_LETTER_H

#include "base/buffer.h"
#include "eventgrid/queued.h"
#include "json/json.h"

/* Appends `<container>/<SUBSCRIPTION>`, or of a namespace, whose topic is `<namespace>/<topic>`
 * (else empty), `<container>/<namespace>/<topic>/<subscription>`; none of it can lead out of its
 * folder (checked with the subscription). */
void dead_letter_append_folder(struct buffer *out, struct slice container, struct slice topic,
                               struct slice subscription);
/* Appends `<folder>/<yyyy>/<M>/<d>/<H>/<guid>.json`. */
void dead_letter_append_path(struct buffer *out, struct slice folder, int64_t now_ms,
                             struct slice guid);
/* Appends the event's JSON object with the added members: in the place of any that it has already.
 */
void dead_letter_append(struct buffer *out, const struct queued_event *event,
                        enum dead_letter_reason reason);

/* The same of a namespace's: the wrapped event. `attributes`: lines of custom headers, each with
 * its NUL (delivery_append_attributes()). */
void dead_letter_append_of_namespace(struct buffer *out, const struct queued_event *event,
                                     enum dead_letter_reason reason, struct slice attributes);

/* An event of a dead letter file: as it was before, with the attempts that were made. */
struct dead_letter_item {
    struct queued_event event;
    struct slice reason;
};
/* The next one of a walk over the file's array (json_parse(), json_elements()). What is appended to
 * `texts` is what the slices point into. False: at the end, or not ours. */
bool dead_letter_read(struct json_walk *rest, struct buffer *texts, struct dead_letter_item *out);

#endif
