/* Times, see timestamp.h. Days are counted in eras of 400 years that begin on 1 March, so that the
 * leap day is the last of its year.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"

#include "base/ascii.h"

enum {
    DAYS_BEFORE_1970 = 719468, /* since 1 March of the year 0 */
    DAYS_OF_ERA = 146097,
    DAYS_OF_4_YEARS = 1461,
    DAYS_OF_CENTURY = 36524,
    SECONDS_OF_DAY = 86400,
};
static const int64_t first_ms = INT64_C(-62135596800000); /* 0001-01-01T00:00:00.000Z */
static const int64_t last_ms = INT64_C(253402300799999);  /* 9999-12-31T23:59:59.999Z */

/* --- the calendar --- */

static uint32_t days_of_month(int32_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap ? 1u : 0u);
}

bool civil_time_is_valid(const struct civil_time *time)
{
    return time->year >= 1 && time->year <= 9999 && time->month >= 1 && time->month <= 12 &&
           time->day >= 1 && time->day <= days_of_month(time->year, time->month) &&
           time->hour <= 23 && time->minute <= 59 && time->second <= 60 && time->millisecond <= 999;
}

int64_t civil_time_to_ms(const struct civil_time *time)
{
    int64_t year = time->year - (time->month <= 2 ? 1 : 0);
    int64_t month = (time->month + 9) % 12; /* from March */
    int64_t day_of_year = (153 * month + 2) / 5 + time->day - 1;
    int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - DAYS_BEFORE_1970;

    return (((days * 24 + time->hour) * 60 + time->minute) * 60 + time->second) * 1000 +
           time->millisecond;
}

static void set_date(struct civil_time *time, uint32_t days)
{
    uint32_t era = days / DAYS_OF_ERA, day = days % DAYS_OF_ERA;
    uint32_t year_of_era =
        (day - day / (DAYS_OF_4_YEARS - 1) + day / DAYS_OF_CENTURY - day / (DAYS_OF_ERA - 1)) / 365;
    uint32_t day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month = (5 * day_of_year + 2) / 153; /* from March */

    time->day = day_of_year - (153 * month + 2) / 5 + 1;
    time->month = month < 10 ? month + 3 : month - 9;
    time->year = (int32_t)(era * 400 + year_of_era + (time->month <= 2 ? 1 : 0));
}

struct civil_time civil_time_from_ms(int64_t ms)
{
    struct civil_time time;
    int64_t bound = ms < first_ms ? first_ms : ms > last_ms ? last_ms : ms;
    uint64_t since = (uint64_t)(bound + (int64_t)DAYS_BEFORE_1970 * SECONDS_OF_DAY * 1000);
    uint32_t seconds = (uint32_t)(since / 1000 % SECONDS_OF_DAY);

    time.millisecond = (uint32_t)(since % 1000);
    time.second = seconds % 60;
    time.minute = seconds / 60 % 60;
    time.hour = seconds / 3600;
    set_date(&time, (uint32_t)(since / 1000 / SECONDS_OF_DAY));
    return time;
}

/* --- RFC 3339 --- */

static bool take_byte(struct slice *text, uint8_t byte)
{
    if (text->length == 0 || ascii_lower(text->data[0]) != byte) {
        return false;
    }
    *text = slice_from(*text, 1);
    return true;
}

/* Exactly so many digits. */
static bool take_digits(struct slice *text, size_t count, uint32_t *number)
{
    *number = 0;
    if (text->length < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!ascii_is_digit(text->data[i])) {
            return false;
        }
        *number = *number * 10 + (uint32_t)(text->data[i] - '0');
    }
    *text = slice_from(*text, count);
    return true;
}

static bool take_fraction(struct slice *text, uint32_t *millisecond)
{
    uint32_t scale = 100;

    *millisecond = 0;
    if (!take_byte(text, '.')) {
        return true;
    }
    if (text->length == 0 || !ascii_is_digit(text->data[0])) {
        return false;
    }
    while (text->length > 0 && ascii_is_digit(text->data[0])) {
        *millisecond += scale * (uint32_t)(text->data[0] - '0');
        scale /= 10;
        *text = slice_from(*text, 1);
    }
    return true;
}

static bool take_date(struct slice *text, struct civil_time *time)
{
    uint32_t year;
    bool good = take_digits(text, 4, &year) && take_byte(text, '-') &&
                take_digits(text, 2, &time->month) && take_byte(text, '-') &&
                take_digits(text, 2, &time->day);

    time->year = (int32_t)year;
    return good && (take_byte(text, 't') || take_byte(text, ' '));
}

static bool take_time(struct slice *text, struct civil_time *time)
{
    return take_digits(text, 2, &time->hour) && take_byte(text, ':') &&
           take_digits(text, 2, &time->minute) && take_byte(text, ':') &&
           take_digits(text, 2, &time->second) && take_fraction(text, &time->millisecond);
}

/* What is left: nothing, Z, or hours and minutes that local time is ahead. */
static bool read_zone(struct slice text, int64_t *ahead_ms, bool *has_zone)
{
    uint32_t hours, minutes;
    bool is_ahead;

    *ahead_ms = 0;
    *has_zone = text.length > 0;
    if (text.length == 0 || take_byte(&text, 'z')) {
        return text.length == 0;
    }
    is_ahead = take_byte(&text, '+');
    if ((!is_ahead && !take_byte(&text, '-')) || !take_digits(&text, 2, &hours) ||
        !take_byte(&text, ':') || !take_digits(&text, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *ahead_ms = (is_ahead ? 1 : -1) * (int64_t)(hours * 60 + minutes) * 60000;
    return text.length == 0;
}

bool timestamp_parse(struct slice text, int64_t *ms, bool *has_zone)
{
    struct civil_time time;
    int64_t ahead_ms;

    if (!take_date(&text, &time) || !take_time(&text, &time) || !civil_time_is_valid(&time) ||
        !read_zone(text, &ahead_ms, has_zone)) {
        return false;
    }
    *ms = civil_time_to_ms(&time) - ahead_ms;
    return true;
}

/* So many digits, and what stands behind them. Events get times by the hundred thousand: no printf.
 */
static uint8_t *put_digits(uint8_t *out, uint32_t number, int digits, uint8_t behind)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (uint8_t)('0' + number % 10);
        number /= 10;
    }
    out[digits] = behind;
    return out + digits + 1;
}

void timestamp_append(struct buffer *out, int64_t ms)
{
    enum { LENGTH = sizeof("2031-01-01T00:00:00.000Z") - 1 };
    struct civil_time time = civil_time_from_ms(ms);
    uint8_t *at = buffer_reserve(out, LENGTH);

    at = put_digits(at, (uint32_t)time.year, 4, '-');
    at = put_digits(at, time.month, 2, '-');
    at = put_digits(at, time.day, 2, 'T');
    at = put_digits(at, time.hour, 2, ':');
    at = put_digits(at, time.minute, 2, ':');
    at = put_digits(at, time.second, 2, '.');
    put_digits(at, time.millisecond, 3, 'Z');
    out->length += LENGTH;
}

/* --- HTTP --- */

static bool take_month(struct slice *text, uint32_t *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (size_t i = 0; i < 12 && text->length >= 3; i++) {
        if (memcmp(text->data, names + i * 3, 3) == 0) {
            *month = (uint32_t)i + 1;
            *text = slice_from(*text, 3);
            return true;
        }
    }
    return false;
}

bool http_date_parse(struct slice text, int64_t *ms)
{
    enum { WEEKDAY = 5 }; /* "Sun, " */
    struct civil_time time;
    uint32_t year;
    bool good = text.length > WEEKDAY;

    if (good) {
        text = slice_from(text, WEEKDAY);
    }
    good = good && take_digits(&text, 2, &time.day) && take_byte(&text, ' ') &&
           take_month(&text, &time.month) && take_byte(&text, ' ') &&
           take_digits(&text, 4, &year) && take_byte(&text, ' ') && take_time(&text, &time) &&
           slice_equal(text, SLICE_LITERAL(" GMT"));
    if (!good) {
        return false;
    }
    time.year = (int32_t)year;
    good = civil_time_is_valid(&time);
    *ms = good ? civil_time_to_ms(&time) : 0;
    return good;
}
