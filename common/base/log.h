/* The log: one line an event, `time level event key=value ...`, to standard error.
 *
 * Never a payload, never a line a message. What a peer can provoke at will goes through
 * LOG_LIMITED: one line a second and call site, the next one saying how many were left out.
 * Thread-safe; the level is the only global state.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_LOG_H
#define PUBGRID_BASE_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log_limit {
    _Atomic int64_t next_ns;
    _Atomic uint32_t left_out;
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "error", "warning", "info", "debug", by level; NULL behind the last. */
extern const char *const log_level_names[];
/* In any case; -1 for another word. */
int log_level_from_name(const char *name);

/* `event` is a short constant in words ("connection closed"); `format` gives the key=value pairs.
 * Values that come from a peer go through log_quote. */
void log_write(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As log_write, at most one line a second for this `limit`. */
void log_write_limited(struct log_limit *limit, enum log_level level, const char *event,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Peer bytes as a quoted, escaped and shortened (to 64 bytes) string; valid until the thread's
 * next four calls. */
const char *log_quote(struct slice bytes);

#define LOG_LIMITED(level, event, ...)                                                             \
    do {                                                                                           \
        static struct log_limit log_limit_here;                                                    \
        log_write_limited(&log_limit_here, level, event, __VA_ARGS__);                             \
    } while (0)

#endif
