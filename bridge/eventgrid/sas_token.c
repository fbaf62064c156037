/* Reading SAS tokens. The signature is over the bytes as they came: SDKs differ in how they
 * percent-encode, so nothing may be decoded and encoded again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/sas_token.h"

#include "access/characters.h"
#include "access/url.h"
#include "base/timestamp.h"
#include "secret/base64.h"

enum { KEY_SIZE_MAX = 512 }; /* bytes of a key */

/* ---------------------------------------------------------------- dates */

/* What stands between date, time and AM: blanks, also the narrow ones that newer .NET writes. */
static size_t blank_length(struct slice text)
{
    static const struct slice blanks[] = {
        SLICE_LITERAL(" "), SLICE_LITERAL("\xC2\xA0"), /* U+00A0 */
        SLICE_LITERAL("\xE2\x80\xAF"),                 /* U+202F */
    };

    for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
        if (slice_starts_with(text, blanks[i])) {
            return blanks[i].length;
        }
    }
    return 0;
}

static void skip_blanks(struct slice *text)
{
    while (blank_length(*text) > 0) {
        *text = slice_from(*text, blank_length(*text));
    }
}

static bool take_byte(struct slice *text, uint8_t byte)
{
    if (text->length == 0 || text->data[0] != byte) {
        return false;
    }
    *text = slice_from(*text, 1);
    return true;
}

/* One to four digits. */
static bool take_number(struct slice *text, uint32_t *number)
{
    size_t digits = 0;

    *number = 0;
    while (text->length > 0 && ascii_is_digit(text->data[0]) && digits < 4) {
        *number = *number * 10 + (uint32_t)(text->data[0] - '0');
        *text = slice_from(*text, 1);
        digits++;
    }
    return digits > 0;
}

/* Three numbers with the same sign between. A year in front: year, month, day; dots: day, month,
 * year; slashes: month, day, year, unless only the second can be a month. */
static bool take_date(struct slice *text, struct civil_time *time)
{
    uint32_t first, second, third;
    uint8_t sign;

    if (!take_number(text, &first) || text->length == 0) {
        return false;
    }
    sign = text->data[0];
    if ((sign != '/' && sign != '.') || !take_byte(text, sign) || !take_number(text, &second) ||
        !take_byte(text, sign) || !take_number(text, &third)) {
        return false;
    }
    if (first > 31) {
        *time = (struct civil_time){.year = (int32_t)first, .month = second, .day = third};
    } else if (sign == '.' || first > 12) {
        *time = (struct civil_time){.year = (int32_t)third, .month = second, .day = first};
    } else {
        *time = (struct civil_time){.year = (int32_t)third, .month = first, .day = second};
    }
    return true;
}

static bool take_clock(struct slice *text, struct civil_time *time)
{
    if (!take_number(text, &time->hour) || !take_byte(text, ':') ||
        !take_number(text, &time->minute)) {
        return false;
    }
    return !take_byte(text, ':') || take_number(text, &time->second);
}

/* AM or PM, or nothing. */
static bool take_half(struct slice *text, struct civil_time *time)
{
    bool is_pm = starts_ignoring_case(*text, SLICE_LITERAL("pm"));

    if (!is_pm && !starts_ignoring_case(*text, SLICE_LITERAL("am"))) {
        return true;
    }
    *text = slice_from(*text, 2);
    if (time->hour < 1 || time->hour > 12) {
        return false;
    }
    time->hour = time->hour % 12 + (is_pm ? 12 : 0);
    return true;
}

static bool read_by_culture(struct slice text, int64_t *ms)
{
    struct civil_time time;

    if (!take_date(&text, &time)) {
        return false;
    }
    skip_blanks(&text);
    if (!take_clock(&text, &time)) {
        return false;
    }
    skip_blanks(&text);
    if (!take_half(&text, &time) || text.length > 0 || !civil_time_is_valid(&time)) {
        return false;
    }
    *ms = civil_time_to_ms(&time);
    return true;
}

bool sas_time_read(struct slice text, int64_t *ms)
{
    bool has_zone;

    text = trim_blanks(text);
    return timestamp_parse(text, ms, &has_zone) || read_by_culture(text, ms);
}

/* ---------------------------------------------------------------- tokens */

/* Up to the last "&s=", which nothing that is percent-encoded has in it. */
static bool split_signature(struct slice text, struct slice *signed_text, struct slice *signature)
{
    static const struct slice mark = SLICE_LITERAL("&s=");

    for (size_t i = text.length; i >= mark.length; i--) {
        if (slice_starts_with(slice_from(text, i - mark.length), mark)) {
            *signed_text = slice_make(text.data, i - mark.length);
            *signature = slice_from(text, i);
            return true;
        }
    }
    return false;
}

/* A bare + is one of base64's digits, no blank. */
static bool read_signature(struct slice encoded, struct buffer *scratch, uint8_t out[DIGEST_SIZE])
{
    size_t length;

    scratch->length = 0;
    return url_append_decoded(scratch, encoded, false) &&
           base64_decode(buffer_slice(scratch), out, DIGEST_SIZE, &length) && length == DIGEST_SIZE;
}

static bool is_zone_without_sign(struct slice text)
{
    return text.length > 19 && text.data[text.length - 6] == ' ' &&
           text.data[text.length - 3] == ':' && text.data[4] == '-';
}

/* Here a bare + is a blank; but not the one of a zone, "+00:00", that was not encoded. */
static bool read_expiry(struct slice encoded, struct buffer *scratch, int64_t *ms)
{
    scratch->length = 0;
    if (!url_append_decoded(scratch, encoded, true)) {
        return false;
    }
    if (is_zone_without_sign(buffer_slice(scratch))) {
        scratch->data[scratch->length - 6] = '+';
    }
    return sas_time_read(buffer_slice(scratch), ms);
}

bool sas_token_read(struct slice text, struct buffer *scratch, struct sas_token *out)
{
    struct slice rest, signature, name, value, resource = SLICE_EMPTY, expiry = SLICE_EMPTY;

    if (!split_signature(text, &out->signed_text, &signature)) {
        return false;
    }
    rest = out->signed_text;
    while (url_query_take(&rest, &name, &value)) {
        if (slice_equal(name, SLICE_LITERAL("r"))) {
            resource = value;
        } else if (slice_equal(name, SLICE_LITERAL("e"))) {
            expiry = value;
        }
    }
    return resource.length > 0 && read_signature(signature, scratch, out->signature) &&
           read_expiry(expiry, scratch, &out->expires_ms);
}

bool sas_token_is_signed_with(const struct sas_token *token, struct slice key)
{
    uint8_t bytes[KEY_SIZE_MAX], digest[DIGEST_SIZE];
    size_t length;
    bool good = base64_decode(key, bytes, sizeof(bytes), &length) && length > 0;

    if (good) {
        digest_hmac(slice_make(bytes, length), token->signed_text, digest);
        good = digest_equal(digest, token->signature);
    }
    digest_wipe(bytes, sizeof(bytes));
    return good;
}
