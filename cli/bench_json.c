/* Only numbers, truth values and short texts; a whole encoder would be more than the report needs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_json.h"

#include <math.h>
#include <stdio.h>

void bench_json_number(const char *name, double value, int digits)
{
    if (isnan(value)) {
        printf(",\"%s\":null", name);
    } else {
        printf(",\"%s\":%.*f", name, digits, value);
    }
}

void bench_json_count(const char *name, uint64_t value)
{
    printf(",\"%s\":%llu", name, (unsigned long long)value);
}

void bench_json_bool(const char *name, bool value)
{
    printf(",\"%s\":%s", name, value ? "true" : "false");
}

void bench_json_text(const char *name, const char *text)
{
    printf(",\"%s\":\"", name);
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            printf("\\%c", byte);
        } else if (byte < ' ') {
            printf("\\u%04x", byte);
        } else {
            putchar(byte);
        }
    }
    putchar('"');
}
