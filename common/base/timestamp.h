/* Times of the calendar (UTC, proleptic Gregorian) to and from milliseconds since 1970, as RFC 3339
 * and HTTP write them. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_TIMESTAMP_H
#define PUBGRID_BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

struct civil_time {
    int32_t year;                      /* 1 to 9999 */
    uint32_t month, day, hour, minute; /* month and day from 1 */
    uint32_t second;                   /* 60: a leap second, taken for the one after it */
    uint32_t millisecond;
};

/* Is there such a time? */
bool civil_time_is_valid(const struct civil_time *time);
int64_t civil_time_to_ms(const struct civil_time *time);
/* Of a time of the years 1 to 9999; the nearest of these for others. */
struct civil_time civil_time_from_ms(int64_t ms);

/* A date and time of RFC 3339, with any digits behind the second (cut to milliseconds). One without
 * a zone is taken for UTC and *has_zone is false. False: it is none. */
bool timestamp_parse(struct slice text, int64_t *ms, bool *has_zone);
/* "2031-01-01T00:00:00.000Z" */
void timestamp_append(struct buffer *out, int64_t ms);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7: what senders have to use). The day of the week
 * is not looked at. False: it is none. */
bool http_date_parse(struct slice text, int64_t *ms);

#endif
