/* Topic names and topic filters (MQTT 5 section 4.7). Pure functions on slices.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_TOPIC_H
#define PUBGRID_MQTT_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* At least 1 byte, at most 65,535, valid UTF-8, no NUL, no wildcard (MQTT-4.7.1-1, 4.7.3-1/2). */
bool topic_name_is_valid(struct slice name);
/* As above, with `+` only as a whole level and `#` only as the whole last one (MQTT-4.7.1-1/2).
 * `$share/...` filters must have a share name without / + # and a non-empty rest (4.8.2). */
bool topic_filter_is_valid(struct slice filter);
bool topic_filter_has_wildcard(struct slice filter);

/* Does the filter match the name? Both valid; not for $share filters. A filter that begins with a
 * wildcard does not match names that begin with $ (MQTT-4.7.2-1). */
bool topic_matches(struct slice filter, struct slice name);

/* Every name that `inner` matches is matched by `outer` too. */
bool topic_filter_covers(struct slice outer, struct slice inner);
/* There is a name that both match. */
bool topic_filters_overlap(struct slice a, struct slice b);

/* `$share/<name>/<filter>`: true and its parts; false (outputs untouched) for any other filter. */
bool topic_filter_split_share(struct slice filter, struct slice *share_name, struct slice *rest);

/* More levels than anybody uses on purpose; each would cost memory in the topic trees. */
enum { TOPIC_LEVELS_MAX = 200 };
/* Levels of a name or filter, a $share prefix included. */
size_t topic_level_count(struct slice topic);

/* Takes the first level off the front of `*rest`; false when there is none left. Levels may be
 * empty ("/a" has two). Start with `*done = false`. */
bool topic_next_level(struct slice *rest, bool *done, struct slice *level);

#endif
