/* The log sink: a line is put together on the stack and written with one write(2), so lines of
 * several threads never mix and a full pipe loses lines instead of state.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    LINE_MAX_BYTES = 1024,
    QUOTE_BYTES = 64,                 /* of the peer's bytes */
    QUOTE_SIZE = QUOTE_BYTES * 4 + 6, /* each \xHH, quotes, dots, NUL */
    QUOTE_RING = 4,                   /* calls whose result stays valid */
    LIMIT_NS = 1000000000,
};

const char *const log_level_names[] = {
    [LOG_ERROR] = "error",
    [LOG_WARNING] = "warning",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
    NULL,
};

static _Atomic int log_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load_explicit(&log_level, memory_order_relaxed);
}

int log_level_from_name(const char *name)
{
    for (size_t i = 0; log_level_names[i]; i++) {
        if (strcasecmp(name, log_level_names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* What snprintf really wrote into `room` bytes. */
static size_t line_clamp(int wanted, size_t room)
{
    if (wanted < 0 || room == 0) {
        return 0;
    }
    return (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static size_t line_begin(char *line, enum log_level level, const char *event)
{
    struct timespec now;
    struct tm utc;
    size_t length;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    length = strftime(line, LINE_MAX_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    length += line_clamp(snprintf(line + length, LINE_MAX_BYTES - length, ".%03ldZ %s %s",
                                  now.tv_nsec / 1000000, log_level_names[level], event),
                         LINE_MAX_BYTES - length);
    return length;
}

/* Ends the line; nothing in it may look like a second one. */
static void line_write(char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)line[i] < ' ') {
            line[i] = '?';
        }
    }
    line[length] = '\n';
    if (write(STDERR_FILENO, line, length + 1) < 0) {
        return; /* there is nowhere to complain */
    }
}

static void log_write_args(enum log_level level, const char *event, uint32_t left_out,
                           const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void log_write_args(enum log_level level, const char *event, uint32_t left_out,
                           const char *format, va_list args)
{
    char line[LINE_MAX_BYTES + 1];
    size_t length = line_begin(line, level, event);

    if (left_out > 0) {
        length +=
            line_clamp(snprintf(line + length, LINE_MAX_BYTES - length, " left_out=%u", left_out),
                       LINE_MAX_BYTES - length);
    }
    if (format[0] != '\0' && length + 1 < LINE_MAX_BYTES) {
        line[length++] = ' ';
        length += line_clamp(vsnprintf(line + length, LINE_MAX_BYTES - length, format, args),
                             LINE_MAX_BYTES - length);
    }
    line_write(line, length);
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    va_list args;

    if (level > log_get_level()) {
        return;
    }
    va_start(args, format);
    log_write_args(level, event, 0, format, args);
    va_end(args);
}

void log_write_limited(struct log_limit *limit, enum log_level level, const char *event,
                       const char *format, ...)
{
    int64_t now, next;
    va_list args;

    if (level > log_get_level()) {
        return;
    }
    now = clock_monotonic_ns();
    next = atomic_load(&limit->next_ns);
    /* Of several threads at once, the one that moves the time on writes the line. */
    if (now < next || !atomic_compare_exchange_strong(&limit->next_ns, &next, now + LIMIT_NS)) {
        atomic_fetch_add(&limit->left_out, 1);
        return;
    }
    va_start(args, format);
    log_write_args(level, event, atomic_exchange(&limit->left_out, 0), format, args);
    va_end(args);
}

static size_t quote_byte(char *out, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";

    if (byte == '"' || byte == '\\') {
        out[0] = '\\';
        out[1] = (char)byte;
        return 2;
    }
    if (byte >= ' ' && byte < 0x7f) {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return 4;
}

const char *log_quote(struct slice bytes)
{
    static _Thread_local char ring[QUOTE_RING][QUOTE_SIZE];
    static _Thread_local unsigned turn;
    char *text = ring[turn++ % QUOTE_RING];
    size_t length = 0;

    text[length++] = '"';
    for (size_t i = 0; i < bytes.length && i < QUOTE_BYTES; i++) {
        length += quote_byte(text + length, bytes.data[i]);
    }
    memcpy(text + length, bytes.length > QUOTE_BYTES ? "...\"" : "\"",
           bytes.length > QUOTE_BYTES ? 5 : 2);
    return text;
}
