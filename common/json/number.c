/* Numbers as doubles. Nearly all have few digits and a small exponent: such a number is an integer
 * below 2^53 times or divided by a power of ten up to 10^22, all of which doubles hold exactly, so
 * that one rounded operation gives the nearest double. The others are the C library's to read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "json/json.h"

enum { DIGITS_MAX = 19, EXACT_POWER_MAX = 22, SHORT_NUMBER = 64 };
/* More than a text can have digits: what is behind that does not bring an exponent back. */
#define EXPONENT_MAX INT64_C(1000000000000000)

static const double powers_of_ten[EXACT_POWER_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* The number is mantissa * 10^exponent. */
struct decimal {
    uint64_t mantissa;
    int64_t exponent;
    int digits; /* of the mantissa, without zeros in front; no more are counted than needed */
    bool is_negative;
};

static bool take(struct slice *rest, uint8_t byte)
{
    if (rest->length == 0 || rest->data[0] != byte) {
        return false;
    }
    *rest = slice_from(*rest, 1);
    return true;
}

/* Appends the digits at the front to the mantissa; it is worth nothing when they are too many. */
static size_t take_digits(struct slice *rest, struct decimal *decimal)
{
    size_t i = 0;

    for (; i < rest->length && ascii_is_digit(rest->data[i]); i++) {
        decimal->mantissa = decimal->mantissa * 10 + (uint64_t)(rest->data[i] - '0');
        if (decimal->digits > 0 ? decimal->digits <= DIGITS_MAX : decimal->mantissa > 0) {
            decimal->digits++;
        }
    }
    *rest = slice_from(*rest, i);
    return i;
}

static int64_t take_exponent(struct slice *rest)
{
    bool is_negative = take(rest, '-');
    int64_t exponent = 0;

    take(rest, '+');
    for (; rest->length > 0 && ascii_is_digit(rest->data[0]); *rest = slice_from(*rest, 1)) {
        if (exponent < EXPONENT_MAX) {
            exponent = exponent * 10 + (rest->data[0] - '0');
        }
    }
    return is_negative ? -exponent : exponent;
}

static struct decimal read_decimal(struct slice text)
{
    struct decimal decimal = {.is_negative = take(&text, '-')};

    take_digits(&text, &decimal);
    if (take(&text, '.')) {
        decimal.exponent = -(int64_t)take_digits(&text, &decimal);
    }
    if (take(&text, 'e') || take(&text, 'E')) {
        decimal.exponent += take_exponent(&text);
    }
    return decimal;
}

static double read_by_library(struct slice text)
{
    char some[SHORT_NUMBER], *copy = text.length < SHORT_NUMBER ? some : memory_copy_string(text);
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* a static one, never missing */
    double value;

    if (copy == some) {
        memcpy(some, text.data, text.length);
        some[text.length] = '\0';
    }
    value = strtod_l(copy, NULL, locale);
    freelocale(locale);
    if (copy != some) {
        free(copy);
    }
    return value;
}

double json_to_double(const struct json_value *number)
{
    struct decimal decimal = read_decimal(number->text);
    double value = (double)decimal.mantissa;

    if (decimal.digits > DIGITS_MAX || decimal.mantissa > UINT64_C(1) << 53 ||
        decimal.exponent > EXACT_POWER_MAX || decimal.exponent < -EXACT_POWER_MAX) {
        return read_by_library(number->text);
    }
    value = decimal.exponent < 0 ? value / powers_of_ten[-decimal.exponent]
                                 : value * powers_of_ten[decimal.exponent];
    return decimal.is_negative ? -value : value;
}
