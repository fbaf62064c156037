/* See folder_hints.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/folder_hints.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    BYTES_MAX = 64 << 10, /* of inotify's events that are read at once */
    WATCHED = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR |
              IN_EXCL_UNLINK,
    WATCHED_ITSELF = IN_DELETE_SELF | IN_MOVE_SELF,
    ITSELF_IS_GONE = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED,
};

struct hinted_folder {
    struct map_node node;
    int watch;
    size_t length;
    uint8_t path[];
};

static struct hinted_folder *folder_of(struct map_node *node)
{
    return node ? CONTAINER_OF(node, struct hinted_folder, node) : NULL;
}

static struct slice key_of(const struct map_node *node)
{
    const int *watch = &CONTAINER_OF(node, struct hinted_folder, node)->watch;

    return slice_make(watch, sizeof(*watch));
}

static struct slice path_of(const struct hinted_folder *folder)
{
    return slice_make(folder->path, folder->length);
}

void folder_hints_open(struct folder_hints *hints)
{
    *hints = (struct folder_hints){.descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    map_init(&hints->folders, key_of);
    hints->bytes = memory_allocate(BYTES_MAX);
}

/* ---------------------------------------------------------------- watches */

static void drop(struct folder_hints *hints, struct hinted_folder *folder)
{
    map_remove(&hints->folders, &folder->node);
    free(folder);
}

static struct hinted_folder *find(const struct folder_hints *hints, int watch)
{
    return folder_of(map_find(&hints->folders, slice_make(&watch, sizeof(watch))));
}

bool folder_hints_watch(struct folder_hints *hints, const char *absolute, struct slice path)
{
    uint32_t mask =
        path.length > 0 ? (uint32_t)WATCHED | IN_DONT_FOLLOW : (uint32_t)WATCHED | WATCHED_ITSELF;
    int watch = inotify_add_watch(hints->descriptor, absolute, mask);
    struct hinted_folder *folder;

    if (watch < 0) {
        return false;
    }
    folder = find(hints, watch);
    if (folder) {
        drop(hints, folder); /* it had another path */
    }
    folder = memory_allocate_zero(sizeof(*folder) + path.length);
    folder->watch = watch;
    folder->length = path.length;
    if (path.length > 0) {
        memcpy(folder->path, path.data, path.length);
    }
    map_insert(&hints->folders, &folder->node);
    return true;
}

bool folder_path_is_in(struct slice path, struct slice folder)
{
    return slice_equal(path, folder) || folder_path_is_below(path, folder);
}

void folder_hints_forget(struct folder_hints *hints, struct slice path)
{
    struct map_node *node = map_next(&hints->folders, NULL), *next;

    for (; node; node = next) {
        struct hinted_folder *folder = folder_of(node);
        next = map_next(&hints->folders, node);
        if (folder_path_is_in(path_of(folder), path)) {
            (void)inotify_rm_watch(hints->descriptor, folder->watch);
            drop(hints, folder);
        }
    }
}

void folder_hints_close(struct folder_hints *hints)
{
    folder_hints_forget(hints, SLICE_EMPTY);
    map_release(&hints->folders);
    if (hints->descriptor >= 0) {
        close(hints->descriptor);
    }
    free(hints->bytes);
    buffer_release(&hints->path);
}

/* ---------------------------------------------------------------- hints */

static const struct {
    uint32_t mask;
    enum hint_kind of_file, of_folder;
} kinds[] = {
    {IN_CLOSE_WRITE, HINT_CLOSED, HINT_CLOSED},    {IN_MOVED_TO, HINT_CLOSED, HINT_FOLDER},
    {IN_CREATE, HINT_MADE, HINT_FOLDER},           {IN_DELETE, HINT_GONE, HINT_FOLDER_GONE},
    {IN_MOVED_FROM, HINT_GONE, HINT_FOLDER_MOVED},
};

/* What was said about a name in a folder; false: nothing that counts. */
static bool hint_about_name(struct folder_hints *hints, const struct hinted_folder *folder,
                            const struct inotify_event *event, struct folder_hint *hint)
{
    hints->path.length = 0;
    buffer_append(&hints->path, path_of(folder));
    if (folder->length > 0) {
        buffer_append_byte(&hints->path, '/');
    }
    buffer_append_string(&hints->path, event->name);
    hint->path = buffer_slice(&hints->path);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (event->mask & kinds[i].mask) {
            hint->kind = event->mask & IN_ISDIR ? kinds[i].of_folder : kinds[i].of_file;
            return true;
        }
    }
    return false;
}

/* False: it says nothing that counts. */
static bool hint_of(struct folder_hints *hints, const struct inotify_event *event,
                    struct folder_hint *hint)
{
    struct hinted_folder *folder = find(hints, event->wd);

    *hint = (struct folder_hint){.kind = HINT_ALL};
    if (event->mask & IN_Q_OVERFLOW) {
        return true;
    }
    if (!folder) {
        return false; /* forgotten meanwhile */
    }
    if (folder->length == 0 && event->mask & ITSELF_IS_GONE) {
        hint->kind = HINT_LOST;
        return true;
    }
    if (event->mask & IN_IGNORED) {
        drop(hints, folder);
        return false;
    }
    return event->len > 0 && hint_about_name(hints, folder, event, hint);
}

static bool read_more(struct folder_hints *hints)
{
    ssize_t got = hints->descriptor < 0 ? -1 : read(hints->descriptor, hints->bytes, BYTES_MAX);

    hints->at = 0;
    hints->length = got > 0 ? (size_t)got : 0;
    return got > 0;
}

bool folder_hints_take(struct folder_hints *hints, struct folder_hint *hint)
{
    while (hints->at < hints->length || read_more(hints)) {
        const struct inotify_event *event = (const void *)(hints->bytes + hints->at);
        hints->at += sizeof(*event) + event->len;
        if (hint_of(hints, event, hint)) {
            return true;
        }
    }
    return false;
}
