/* The filters of all event subscriptions of one source, compiled together (spec/eventgrid.md 3.3,
 * 3.4): each event's JSON is walked once, each key that any filter asks for is looked up once, and
 * text is folded once, whatever the number of subscriptions. Pure. Immutable but for scratch
 * memory.
 *
 * Keys of EventGrid events are `id`, `topic`, `subject`, `eventType`, `dataVersion`, `data` and
 * what is below it; of CloudEvents all attributes, extensions, `data` and below, never data_base64;
 * of custom ones whatever they have. No array is entered, and case does not matter.
 *
 * Of an array (on_arrays) a negative operator wants that no element fits, any other that one does;
 * elements of another type are passed over. An array of none but those is as if the key were not
 * there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_FILTER_SET_H
#define PUBGRID_EVENTGRID_FILTER_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eventgrid/event.h"
#include "resource/subscription.h"

struct filter_set;

/* The filters must live as long as the set. */
struct filter_set *filter_set_new(const struct event_filter *const *filters, size_t count);
void filter_set_free(struct filter_set *set);
/* The numbers of those that take the event, ascending; valid until the next call. */
const uint32_t *filter_set_match(struct filter_set *set, const struct event *event, size_t *count);

/* Why one filter does not take an event: appends a sentence ("StringIn on data.color: the value is
 * \"red\""); nothing if it does. */
void filter_explain(const struct event_filter *filter, const struct event *event,
                    struct buffer *out);

/* The value at the path of a dynamic delivery attribute (3.5) in an event's JSON in the schema
 * `schema`: `data.customerId`, `subject`. False: there is none, or it is no string, number or
 * boolean. The text is appended to `out`. */
bool event_path_append(struct slice whole, enum event_schema schema, struct slice path,
                       struct buffer *out);

#endif
