/* See folder_files.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/folder_files.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

/* ---------------------------------------------------------------- the files */

static struct slice key_of(const struct map_node *node)
{
    return folder_file_path(CONTAINER_OF(node, struct folder_file, node));
}

void folder_files_init(struct folder_files *files)
{
    *files = (struct folder_files){0};
    map_init(&files->by_path, key_of);
    list_init(&files->due);
}

static struct folder_file *find(const struct folder_files *files, struct slice path)
{
    struct map_node *node = map_find(&files->by_path, path);

    return node ? CONTAINER_OF(node, struct folder_file, node) : NULL;
}

static void say_full(struct folder_files *files, struct slice path)
{
    if (!files->is_full) {
        log_write(LOG_ERROR, "a watched folder has too many files",
                  "first_left_out=%s most=%d reason=\"nothing is told of more\"", log_quote(path),
                  (int)FOLDER_FILES_MAX);
    }
    files->is_full = true;
}

/* NULL: there are too many. */
static struct folder_file *add(struct folder_files *files, struct slice path)
{
    struct folder_file *file;

    if (files->by_path.count >= FOLDER_FILES_MAX) {
        say_full(files, path);
        return NULL;
    }
    file = memory_allocate_zero(sizeof(*file) + path.length);
    file->path_length = path.length;
    memcpy(file->path, path.data, path.length);
    list_init(&file->link);
    map_insert(&files->by_path, &file->node);
    return file;
}

static void drop(struct folder_files *files, struct folder_file *file)
{
    map_remove(&files->by_path, &file->node);
    list_remove(&file->link);
    free(file);
}

/* Calls `visit` for each file; that may drop it. */
static void each(struct folder_files *files, struct slice below,
                 void (*visit)(struct folder_files *files, struct folder_file *file))
{
    struct map_node *node = map_next(&files->by_path, NULL), *next;

    for (; node; node = next) {
        struct folder_file *file = CONTAINER_OF(node, struct folder_file, node);
        next = map_next(&files->by_path, node);
        if (folder_path_is_below(folder_file_path(file), below)) {
            visit(files, file);
        }
    }
}

static void visit_drop(struct folder_files *files, struct folder_file *file)
{
    (void)files;
    free(file);
}

void folder_files_release(struct folder_files *files)
{
    each(files, SLICE_EMPTY, visit_drop);
    map_release(&files->by_path);
}

/* ---------------------------------------------------------------- what is due */

static bool differs(const struct folder_file *file)
{
    return file->is_uncertain || file->was_told != file->is_there ||
           (file->is_there && (file->is_repeated || !file_facts_equal(&file->told, &file->seen)));
}

/* Something of it has changed; it may be gone then. */
static void look_at(struct folder_files *files, struct folder_file *file)
{
    if (file->is_taken) {
        return; /* looked at when that event has arrived */
    }
    if (!differs(file)) {
        list_remove(&file->link);
        if (!file->is_there) {
            drop(files, file);
        }
    } else if (list_is_empty(&file->link)) {
        list_add_last(&files->due, &file->link);
    }
}

/* ---------------------------------------------------------------- what was seen */

static bool is_fresh(const struct folder_report *report)
{
    return report->looked_ns - report->facts.modified_ns < FOLDER_FRESH_NS;
}

static void see_file(struct folder_files *files, struct slice path,
                     const struct folder_report *report)
{
    struct folder_file *file = find(files, path);

    if (!file) {
        file = add(files, path);
    } else if (report->sight == SIGHT_CLOSED && file->is_there && file->was_fresh &&
               file_facts_equal(&file->seen, &report->facts)) {
        file->is_repeated = true;
    }
    if (file) {
        file->seen = report->facts;
        file->is_there = true;
        file->was_fresh = is_fresh(report);
        file->round = files->round;
        look_at(files, file);
    }
}

static void see_gone(struct folder_files *files, struct folder_file *file)
{
    file->is_there = file->is_repeated = false;
    look_at(files, file);
}

static void see_kept(struct folder_files *files, struct folder_file *file)
{
    file->round = files->round;
}

static void see_gone_if_old(struct folder_files *files, struct folder_file *file)
{
    if (file->round != files->round) {
        see_gone(files, file);
    }
}

void folder_files_see(struct folder_files *files, const struct folder_sights *sights,
                      const struct folder_report *report)
{
    struct slice path = folder_sights_path(sights, report);
    struct folder_file *file;

    switch (report->sight) {
    case SIGHT_FILE:
    case SIGHT_CLOSED:
        see_file(files, path, report);
        break;
    case SIGHT_KEPT:
    case SIGHT_GONE:
        file = find(files, path);
        if (file) {
            (report->sight == SIGHT_KEPT ? see_kept : see_gone)(files, file);
        }
        break;
    case SIGHT_GONE_BELOW:
        each(files, path, see_gone);
        break;
    case SIGHT_KEPT_BELOW:
        each(files, path, see_kept);
        break;
    case SIGHT_ALL_BEGINS:
        files->round++;
        break;
    case SIGHT_ALL_ENDS:
        each(files, SLICE_EMPTY, see_gone_if_old);
        files->is_full = false; /* to be said again, should it be so still */
        break;
    }
}

/* ---------------------------------------------------------------- what was told */

void folder_files_restore(struct folder_files *files, const struct journal_line *line)
{
    struct folder_file *file = find(files, line->path);

    if (line->kind == JOURNAL_GONE) {
        if (file) {
            drop(files, file);
        }
        return;
    }
    file = file ? file : add(files, line->path);
    if (file && line->kind == JOURNAL_TOLD) {
        file->told = file->seen = line->facts;
        file->was_told = file->is_there = true;
    }
    if (file) {
        file->is_uncertain = line->kind == JOURNAL_BEGUN;
    }
}

static void take_for_told(struct folder_files *files, struct folder_file *file)
{
    file->was_told = file->is_there;
    file->told = file->seen;
    file->is_repeated = file->is_uncertain = false;
    look_at(files, file);
}

void folder_files_take_for_told(struct folder_files *files)
{
    each(files, SLICE_EMPTY, take_for_told);
}

/* ---------------------------------------------------------------- events */

bool folder_files_take(struct folder_files *files, struct folder_change *change)
{
    struct folder_file *file;

    if (list_is_empty(&files->due)) {
        return false;
    }
    file = CONTAINER_OF(files->due.next, struct folder_file, link);
    list_remove(&file->link);
    file->is_taken = true;
    *change = (struct folder_change){
        .file = file,
        .facts = file->is_there ? file->seen : file->told,
        .is_gone = !file->is_there,
        .is_repeated = file->is_repeated,
    };
    file->is_repeated = false;
    return true;
}

void folder_files_told(struct folder_files *files, const struct folder_change *change)
{
    struct folder_file *file = change->file;

    file->is_taken = file->is_uncertain = false;
    file->was_told = !change->is_gone;
    file->told = change->facts;
    look_at(files, file);
}

void folder_files_put_back(struct folder_files *files, const struct folder_change *change)
{
    struct folder_file *file = change->file;

    file->is_taken = false;
    file->is_repeated |= change->is_repeated;
    look_at(files, file);
}
