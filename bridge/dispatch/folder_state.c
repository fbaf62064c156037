/* See folder_state.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/folder_state.h"

#include "base/ascii.h"
#include "base/log.h"
#include "client/gateway.h"
#include "dispatch/grid.h"
#include "dispatch/lines.h"

enum {
    PIECE = 1 << 20,     /* bytes that are read at a time */
    SPARE_LINES = 10000, /* lines that do not count any more, and as many again as do */
    RETRY_MS = 1000,
};

static void start(struct folder_state *state, enum file_task_kind kind, struct slice bytes,
                  void (*done)(struct file_task *task))
{
    const struct outside *outside = &state->grid->options.outside;
    struct buffer text = state->task.text;
    uint64_t offset = state->task.offset;

    state->task = (struct file_task){
        .kind = kind,
        .root = ROOT_SOURCES,
        .path = buffer_slice(&state->path),
        .bytes = bytes,
        .offset = offset,
        .length_max = PIECE,
        .text = text,
        .done = done,
    };
    outside->ops->file(outside->context, &state->task);
}

static void try_later(struct folder_state *state, const char *what)
{
    LOG_LIMITED(LOG_ERROR, "the state of a folder", "what=%s file=%.*s reason=\"%s\"", what,
                SLICE_PRINT(buffer_slice(&state->path)), state->task.error);
    timers_set(&state->grid->gateway->timers, &state->timer,
               gateway_now(state->grid->gateway) + RETRY_MS);
}

/* ---------------------------------------------------------------- reading */

static void read_line(struct folder_state *state, struct slice text)
{
    struct journal_line line;
    struct slice directory;

    if (!state->has_head) {
        state->has_head = true;
        state->is_foreign = !journal_read_head(text, &state->name, &directory) ||
                            !slice_equal(directory, state->directory);
    } else if (journal_read(text, &state->name, &line)) {
        state->line_count++;
        state->events->line(state->context, &line);
    }
}

/* All but the beginning of a line at the end. */
static void read_lines(struct folder_state *state)
{
    struct slice rest = buffer_slice(&state->task.text), line;

    while (!state->is_foreign && line_next(&rest, &line)) {
        read_line(state, line);
    }
    buffer_consume(&state->task.text, state->task.text.length - rest.length);
}

static void end_reading(struct folder_state *state)
{
    bool is_new = !state->has_head || state->is_foreign;

    if (state->is_foreign) {
        log_write(LOG_WARNING, "the state of another folder is not counted", "file=%.*s",
                  SLICE_PRINT(buffer_slice(&state->path)));
    }
    state->known_count = state->line_count;
    buffer_release(&state->task.text);
    state->task.offset = 0;
    state->events->read(state->context, is_new);
}

static void on_piece(struct file_task *task);

static void read_piece(struct folder_state *state)
{
    start(state, FILE_READ, SLICE_EMPTY, on_piece);
}

/* Not there: nothing was told ever. */
static void on_piece(struct file_task *task)
{
    struct folder_state *state = CONTAINER_OF(task, struct folder_state, task);
    size_t got = task->text.length - state->begun;

    if (task->error && !task->is_missing) {
        try_later(state, "read");
        return;
    }
    task->offset += got;
    read_lines(state);
    if (task->is_missing || got == 0 || state->is_foreign) {
        end_reading(state);
    } else {
        state->begun = task->text.length;
        read_piece(state);
    }
}

/* ---------------------------------------------------------------- writing */

void folder_state_add(struct folder_state *state, const struct journal_line *line)
{
    journal_append(&state->lines, line);
    state->line_count++;
}

static void on_written(struct file_task *task)
{
    struct folder_state *state = CONTAINER_OF(task, struct folder_state, task);

    if (task->error) {
        try_later(state, "write");
        return;
    }
    state->is_writing = state->is_whole = false;
    buffer_empty(&state->lines, PIECE);
    state->events->written(state->context);
}

static void put_lines(struct folder_state *state)
{
    start(state, state->is_whole ? FILE_WRITE : FILE_APPEND, buffer_slice(&state->lines),
          on_written);
}

void folder_state_write_whole(struct folder_state *state)
{
    state->lines.length = state->line_count = 0;
    journal_append_head(&state->lines, state->directory);
    state->events->append_known(state->context, state);
    state->known_count = state->line_count;
    state->is_writing = state->is_whole = true;
    put_lines(state);
}

void folder_state_write(struct folder_state *state)
{
    if (state->lines.length == 0) {
        return;
    }
    if (state->line_count > 2 * state->known_count + SPARE_LINES) {
        folder_state_write_whole(state);
    } else {
        state->is_writing = true;
        put_lines(state);
    }
}

/* ---------------------------------------------------------------- making and ending */

static void on_timer(struct timer *timer, void *context)
{
    struct folder_state *state = CONTAINER_OF(timer, struct folder_state, timer);

    (void)context;
    if (state->is_writing) {
        put_lines(state);
    } else {
        read_piece(state);
    }
}

void folder_state_open(struct folder_state *state, struct grid *grid, struct slice name,
                       struct slice directory, const struct folder_state_events *events,
                       void *context)
{
    state->grid = grid;
    state->events = events;
    state->context = context;
    state->directory = directory;
    state->is_open = true;
    ascii_append_lower(&state->path, name);
    timer_init(&state->timer, on_timer);
    read_piece(state);
}

void folder_state_close(struct folder_state *state)
{
    if (state->is_open) {
        const struct outside *outside = &state->grid->options.outside;
        timers_cancel(&state->grid->gateway->timers, &state->timer);
        outside->ops->cancel_file(outside->context, &state->task);
    }
    buffer_release(&state->task.text);
    buffer_release(&state->path);
    buffer_release(&state->lines);
    buffer_release(&state->name);
}
