/* See folder_source.h.
 *
 * One thing at a time, over and over: a few changes that are due are taken; lines that they are
 * about to be told, and that those before were told, go into the state file; then their events to
 * the door. So whenever a process dies, the file says of which files it is not known whether
 * something was told.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/folder_source.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "client/gateway.h"
#include "dispatch/catalog.h"
#include "dispatch/door.h"
#include "dispatch/folder_files.h"
#include "dispatch/folder_state.h"
#include "dispatch/grid.h"
#include "eventgrid/blob_event.h"
#include "eventgrid/publish.h"
#include "resource/folder.h"

enum {
    EVENTS_MAX = 100,   /* at a time */
    BUSY_MS = 100,      /* until the door is asked again */
    REFUSED_MS = 1000,  /* until events are told again that were refused */
    NO_TOPIC_MS = 1000, /* until its system topic is looked for again */
};

struct folder_source {
    struct grid *grid;
    struct buffer entry; /* JSON; `properties` are slices of it */
    struct arena memory;
    struct folder_properties properties;
    struct buffer topic_key;
    struct folder_files files;
    struct folder_state state;
    struct folder_watch watch;
    bool is_silent; /* it is watched for the first time: what is there is not told */
    bool is_new;    /* that is just being written */
    struct folder_change changes[EVENTS_MAX];
    uint64_t sequences[EVENTS_MAX];
    size_t change_count; /* that are about to be told */
    bool is_under_way;   /* the door has them */
    size_t most;         /* events at a time; 1 after they were too large together */
    struct door_load load;
    struct timer timer; /* goes on telling */
    uint64_t sequence;  /* the last */
    bool has_topic;     /* when it was looked for last; true at first, to say it once */
    struct publish_scratch scratch;
    struct buffer body;
};

static msec_t now_of(const struct folder_source *source)
{
    return gateway_now(source->grid->gateway);
}

static void tell_later(struct folder_source *source, msec_t wait_ms)
{
    timers_set(&source->grid->gateway->timers, &source->timer, now_of(source) + wait_ms);
}

/* ---------------------------------------------------------------- events */

/* Greater than all before, also those of an earlier process, and of another one unless clocks were
 * set back. */
static uint64_t next_sequence(struct folder_source *source)
{
    uint64_t of_now = (uint64_t)now_of(source) << 16;

    source->sequence = source->sequence < of_now ? of_now : source->sequence + 1;
    return source->sequence;
}

static void append_change(struct folder_source *source, const struct folder_change *change,
                          uint64_t sequence)
{
    const struct folder_properties *properties = &source->properties;

    blob_event_append(&source->body,
                      &(struct blob_place){.container = properties->container,
                                           .directory = properties->directory,
                                           .url = properties->url},
                      &(struct blob_change){.path = folder_file_path(change->file),
                                            .facts = change->facts,
                                            .is_gone = change->is_gone,
                                            .is_repeated = change->is_repeated,
                                            .sequence = sequence,
                                            .time_ms = now_of(source)});
}

static void note_change(struct folder_source *source, size_t i, enum journal_kind kind)
{
    const struct folder_change *change = &source->changes[i];

    folder_state_add(&source->state,
                     &(struct journal_line){
                         .kind = kind,
                         .sequence = source->sequences[i],
                         .facts = kind == JOURNAL_TOLD ? change->facts : (struct file_facts){0},
                         .path = folder_file_path(change->file),
                     });
}

/* What is due, as far as it goes at once: that it is about to be told is to be written. */
static void take_changes(struct folder_source *source)
{
    source->body.length = 0;
    while (source->change_count < source->most &&
           folder_files_take(&source->files, &source->changes[source->change_count])) {
        size_t i = source->change_count++;
        source->sequences[i] = next_sequence(source);
        buffer_append_byte(&source->body, i == 0 ? '[' : ',');
        append_change(source, &source->changes[i], source->sequences[i]);
        note_change(source, i, JOURNAL_BEGUN);
    }
    buffer_append_byte(&source->body, ']');
}

/* The next ones, if nothing is on its way: with their lines go those of what was told before. */
static void go_on(struct folder_source *source)
{
    if (source->is_silent || source->change_count > 0 || folder_state_is_writing(&source->state)) {
        return;
    }
    take_changes(source);
    folder_state_write(&source->state);
}

/* They are accepted. */
static void changes_are_told(struct folder_source *source)
{
    for (size_t i = 0; i < source->change_count; i++) {
        note_change(source, i, source->changes[i].is_gone ? JOURNAL_GONE : JOURNAL_TOLD);
        folder_files_told(&source->files, &source->changes[i]);
    }
    source->change_count = 0;
    source->most = EVENTS_MAX;
    go_on(source);
}

static void on_accepted(struct door_load *load, bool is_accepted)
{
    struct folder_source *source = CONTAINER_OF(load, struct folder_source, load);

    source->is_under_way = false;
    if (is_accepted) {
        changes_are_told(source);
    } else {
        tell_later(source, REFUSED_MS);
    }
}

/* The broker takes nothing as large as these: they go one by one; one alone never will. */
static void changes_are_too_large(struct folder_source *source)
{
    if (source->change_count == 1) {
        log_write(LOG_ERROR, "a file's event is too large", "source=%.*s path=%s",
                  SLICE_PRINT(source->properties.name),
                  log_quote(folder_file_path(source->changes[0].file)));
        changes_are_told(source);
        return;
    }
    for (size_t i = 0; i < source->change_count; i++) {
        folder_files_put_back(&source->files, &source->changes[i]);
    }
    source->change_count = 0;
    source->most = 1;
    go_on(source);
}

static void hand_over(struct folder_source *source, struct catalog_source *topic,
                      const struct event *events, size_t count)
{
    enum door_answer answer;

    source->load = (struct door_load){.done = on_accepted};
    answer = door_accept(source->grid->door, topic, events, count, 1, &source->load);
    source->is_under_way = answer == DOOR_WAITS;
    if (answer == DOOR_ACCEPTED || answer == DOOR_WAITS) {
        catalog_statistics(topic)->published += count;
    }
    if (answer == DOOR_ACCEPTED) {
        changes_are_told(source);
    } else if (answer == DOOR_BUSY) {
        tell_later(source, BUSY_MS);
    } else if (answer == DOOR_TOO_LARGE) {
        changes_are_too_large(source);
    }
}

/* NULL: there is none, which is said once. */
static struct catalog_source *find_topic(struct folder_source *source)
{
    struct catalog_source *topic =
        catalog_find(source->grid->catalog, buffer_slice(&source->topic_key));

    if (!topic && source->has_topic) {
        log_write(LOG_WARNING, "a folder's system topic is not there", "source=%.*s topic=%.*s",
                  SLICE_PRINT(source->properties.name),
                  SLICE_PRINT(source->properties.system_topic));
    }
    source->has_topic = topic != NULL;
    return topic;
}

/* The lines are written. */
static void tell(struct folder_source *source)
{
    struct catalog_source *topic = find_topic(source);
    const struct event *events;
    struct publish_error error;
    size_t count;

    if (!topic) {
        tell_later(source, NO_TOPIC_MS);
    } else if (publish_parse(
                   &(struct publish_request){.topic = topic->properties,
                                             .topic_id = catalog_topic_id(topic),
                                             .content_type = SLICE_LITERAL("application/json"),
                                             .body = buffer_slice(&source->body),
                                             .now_ms = now_of(source),
                                             .random = source->grid->gateway->random},
                   &source->scratch, &events, &count, &error)) {
        hand_over(source, topic, events, count);
    } else { /* the topic has another schema */
        LOG_LIMITED(LOG_ERROR, "a folder's system topic does not take its events",
                    "source=%.*s reason=\"%.*s\"", SLICE_PRINT(source->properties.name),
                    SLICE_PRINT(error.message));
        tell_later(source, REFUSED_MS);
    }
}

static void on_timer(struct timer *timer, void *context)
{
    (void)context;
    tell(CONTAINER_OF(timer, struct folder_source, timer));
}

/* ---------------------------------------------------------------- what is seen */

static void append_known(void *context, struct folder_state *state)
{
    struct folder_source *source = context;
    struct map_node *node = NULL;

    while ((node = map_next(&source->files.by_path, node))) {
        const struct folder_file *file = CONTAINER_OF(node, struct folder_file, node);
        if (file->was_told) {
            folder_state_add(state, &(struct journal_line){.kind = JOURNAL_TOLD,
                                                           .sequence = source->sequence,
                                                           .facts = file->told,
                                                           .path = folder_file_path(file)});
        }
        if (file->is_taken || file->is_uncertain) {
            folder_state_add(state, &(struct journal_line){.kind = JOURNAL_BEGUN,
                                                           .sequence = source->sequence,
                                                           .path = folder_file_path(file)});
        }
    }
}

/* All was seen for the first time. */
static void end_silence(struct folder_source *source)
{
    source->is_silent = false;
    folder_files_take_for_told(&source->files);
    folder_state_write_whole(&source->state);
}

static void say_seen(const struct folder_source *source)
{
    log_write(LOG_INFO, "a folder is watched", "source=%.*s directory=%s files=%u",
              SLICE_PRINT(source->properties.name), log_quote(source->properties.directory),
              (unsigned)source->files.by_path.count);
}

static void on_seen(struct folder_watch *watch, const struct folder_sights *sights)
{
    struct folder_source *source = CONTAINER_OF(watch, struct folder_source, watch);

    for (size_t i = 0; i < folder_sights_count(sights); i++) {
        const struct folder_report *report = folder_sights_at(sights, i);
        folder_files_see(&source->files, sights, report);
        if (report->sight == SIGHT_ALL_ENDS) {
            source->is_new = source->is_silent;
            if (source->is_new) {
                end_silence(source);
            } else {
                say_seen(source);
            }
        }
    }
    go_on(source);
}

/* ---------------------------------------------------------------- the state file */

static void on_line(void *context, const struct journal_line *line)
{
    struct folder_source *source = context;

    folder_files_restore(&source->files, line);
    if (line->sequence > source->sequence) {
        source->sequence = line->sequence;
    }
}

/* What was told by others is known; now it may be looked at. */
static void on_read(void *context, bool is_new)
{
    struct folder_source *source = context;
    const struct outside *outside = &source->grid->options.outside;

    source->is_silent = is_new && !source->properties.tells_existing;
    if (is_new && !source->is_silent) {
        folder_state_write_whole(&source->state);
    }
    outside->ops->watch(outside->context, &source->watch);
}

static void on_written(void *context)
{
    struct folder_source *source = context;

    if (source->is_new) { /* from now on nothing is missed */
        say_seen(source);
        source->is_new = false;
    }
    if (source->change_count > 0) {
        tell(source);
    } else {
        go_on(source);
    }
}

static const struct folder_state_events state_events = {
    .line = on_line,
    .read = on_read,
    .append_known = append_known,
    .written = on_written,
};

/* ---------------------------------------------------------------- making and ending */

static bool read_entry(struct folder_source *source, struct slice entry)
{
    struct buffer lines = {0};
    struct reading reading = {.arena = &source->memory, .error = &lines};
    struct json_value value;
    bool good;

    buffer_append(&source->entry, entry);
    good = json_parse(buffer_slice(&source->entry), &value) &&
           folder_properties_read(&reading, &value, &source->properties);
    buffer_release(&lines);
    return good;
}

static void append_topic_key(struct folder_source *source)
{
    source_key_append(&source->topic_key,
                      &(struct source_name){.kind = SOURCE_SYSTEM_TOPIC,
                                            .name = source->properties.system_topic});
}

struct folder_source *folder_source_new(struct grid *grid, struct slice entry)
{
    struct folder_source *source = memory_allocate_zero(sizeof(*source));
    const struct folder_properties *properties = &source->properties;

    source->grid = grid;
    source->most = EVENTS_MAX;
    source->has_topic = true;
    folder_files_init(&source->files);
    timer_init(&source->timer, on_timer);
    if (!read_entry(source, entry)) {
        folder_source_free(source);
        return NULL;
    }
    append_topic_key(source);
    source->watch = (struct folder_watch){
        .directory = properties->directory,
        .ignored = properties->ignored,
        .ignored_count = properties->ignored_count,
        .rescan_s = properties->rescan_s,
        .seen = on_seen,
    };
    folder_state_open(&source->state, grid, properties->name, properties->directory, &state_events,
                      source);
    return source;
}

void folder_source_free(struct folder_source *source)
{
    const struct outside *outside = &source->grid->options.outside;

    timers_cancel(&source->grid->gateway->timers, &source->timer);
    if (source->watch.under_way) {
        outside->ops->unwatch(outside->context, &source->watch);
    }
    if (source->is_under_way) {
        door_forget(source->grid->door, &source->load);
    }
    folder_state_close(&source->state);
    folder_files_release(&source->files);
    publish_scratch_release(&source->scratch);
    buffer_release(&source->body);
    buffer_release(&source->topic_key);
    buffer_release(&source->entry);
    arena_release(&source->memory);
    free(source);
}
