/* See folder_walk.h. A folder is watched before it is read, so nothing in it is missed; what is
 * seen twice by that is told twice, which changes nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/folder_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "access/characters.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "eventgrid/pattern.h"
#include "mqtt/utf8.h"
#include "net/beneath.h"
#include "net/folder_hints.h"

enum {
    STEP_MAX = 4096,           /* sights of a step, about */
    QUIET_MS = 1000,           /* a file that was found is told when it is as old */
    YOUNG_MAX = 10000,         /* files that wait for that; others do not wait */
    AWAY_MS = 1000,            /* until the folder is looked for again */
    INCOMPLETE_MS = 30 * 1000, /* until all is looked at again, if something cannot be watched */
    SECOND_MS = 1000,
    MS_NS = 1000000,
    SECOND_NS = 1000 * MS_NS,
};

/* A folder that is to be read, or a file that is looked at again. */
struct place {
    struct list link;
    msec_t due_ms;
    size_t length;
    uint8_t path[];
};

struct folder_walk {
    struct buffer root; /* absolute, no NUL */
    struct pattern **ignored;
    size_t ignored_count;
    uint32_t rescan_s;
    struct folder_hints hints;
    struct list folders; /* struct place: to be read */
    struct list young;   /* struct place: files, in the order of their time */
    size_t young_count;
    DIR *open;                 /* the folder that is being read; NULL: none */
    struct buffer open_path;   /* its */
    struct buffer path, whole; /* scratch: of what is looked at; the same with the root and a NUL */
    bool is_away;              /* the folder itself is not there, or cannot be read */
    bool is_at_all;            /* everything is being looked at */
    bool is_incomplete;        /* something could not be watched or read */
    bool was_said;             /* that it is away */
    bool has_said_limit;       /* that there are no more watches */
    msec_t again_ms;           /* when everything, or for an absent folder, is looked at */
    struct folder_sights *sights;
};

/* ---------------------------------------------------------------- places */

static int64_t wall_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void add_place(struct list *list, struct slice path, msec_t due_ms)
{
    struct place *place = memory_allocate_zero(sizeof(*place) + path.length);

    place->due_ms = due_ms;
    place->length = path.length;
    if (path.length > 0) {
        memcpy(place->path, path.data, path.length);
    }
    list_add_last(list, &place->link);
}

/* The first one, which is the caller's now. */
static struct place *take_place(struct list *list)
{
    struct place *place = CONTAINER_OF(list->next, struct place, link);

    list_remove(&place->link);
    return place;
}

static void drop_places(struct list *list)
{
    while (!list_is_empty(list)) {
        free(take_place(list));
    }
}

static struct slice place_path(const struct place *place)
{
    return slice_make(place->path, place->length);
}

/* As long as nothing else is looked at. */
static const char *absolute(struct folder_walk *walk, struct slice path)
{
    walk->whole.length = 0;
    buffer_append(&walk->whole, buffer_slice(&walk->root));
    if (path.length > 0) {
        buffer_append_byte(&walk->whole, '/');
        buffer_append(&walk->whole, path);
    }
    buffer_append_byte(&walk->whole, '\0');
    return (const char *)walk->whole.data;
}

static bool is_ignored(const struct folder_walk *walk, struct slice name)
{
    for (size_t i = 0; i < walk->ignored_count && utf8_is_well_formed(name); i++) {
        if (pattern_matches(walk->ignored[i], name)) {
            return true;
        }
    }
    return false;
}

static struct slice name_of(struct slice path)
{
    const uint8_t *slash = memrchr(path.data, '/', path.length);

    return slash ? slice_from(path, (size_t)(slash - path.data) + 1) : path;
}

/* ---------------------------------------------------------------- files */

static void tell(struct folder_walk *walk, enum folder_sight sight, struct slice path)
{
    folder_sights_add(walk->sights, sight, path, NULL, 0);
}

static void tell_file(struct folder_walk *walk, enum folder_sight sight, struct slice path,
                      const struct stat *stat, int64_t looked_ns)
{
    struct file_facts facts = {
        .size = (uint64_t)stat->st_size,
        .modified_ns = (int64_t)stat->st_mtim.tv_sec * SECOND_NS + stat->st_mtim.tv_nsec,
        .inode = stat->st_ino,
    };

    folder_sights_add(walk->sights, sight, path, &facts, looked_ns);
}

/* Not while somebody may be writing it. `must`: it is told at once rather than never. */
static void tell_found(struct folder_walk *walk, struct slice path, const struct stat *stat,
                       int64_t looked_ns, bool must)
{
    int64_t age_ms = looked_ns / MS_NS -
                     ((int64_t)stat->st_mtim.tv_sec * SECOND_MS + stat->st_mtim.tv_nsec / MS_NS);
    bool is_young = age_ms >= 0 && age_ms < QUIET_MS;

    if (!is_young || (must && walk->young_count >= YOUNG_MAX)) {
        tell_file(walk, SIGHT_FILE, path, stat, looked_ns);
    } else if (walk->young_count < YOUNG_MAX) {
        add_place(&walk->young, path, clock_now() + QUIET_MS);
        walk->young_count++;
        tell(walk, SIGHT_KEPT, path);
    }
}

/* The folder at the path. -1 with errno. */
static int open_below(struct folder_walk *walk, struct slice path, int flags)
{
    return beneath_open(absolute(walk, SLICE_EMPTY), path, flags);
}

/* What stands at the path, links as such. False with errno. */
static bool stat_below(struct folder_walk *walk, struct slice path, struct stat *stat)
{
    struct slice name = name_of(path);
    size_t parent_length = path.length - name.length;
    int parent =
        open_below(walk, slice_make(path.data, parent_length > 0 ? parent_length - 1 : 0), O_PATH);
    char *text = memory_copy_string(name);
    bool is_there = parent >= 0 && fstatat(parent, text, stat, AT_SYMLINK_NOFOLLOW) == 0;
    int reason = errno;

    if (parent >= 0) {
        close(parent);
    }
    free(text);
    errno = reason;
    return is_there;
}

/* What is at the path; false: no file, which is told. */
static bool look(struct folder_walk *walk, struct slice path, struct stat *stat, int64_t *looked_ns)
{
    *looked_ns = wall_ns();
    if (stat_below(walk, path, stat)) {
        if (!S_ISREG(stat->st_mode)) {
            tell(walk, SIGHT_GONE, path);
        }
        return S_ISREG(stat->st_mode);
    }
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
        tell(walk, SIGHT_GONE, path);
    } else {
        walk->is_incomplete = true;
        tell(walk, SIGHT_KEPT, path);
    }
    return false;
}

static bool look_at_young(struct folder_walk *walk)
{
    struct place *place;
    struct stat stat;
    int64_t looked_ns;

    if (list_is_empty(&walk->young) ||
        CONTAINER_OF(walk->young.next, struct place, link)->due_ms > clock_now()) {
        return false;
    }
    place = take_place(&walk->young);
    walk->young_count--;
    if (look(walk, place_path(place), &stat, &looked_ns)) {
        tell_found(walk, place_path(place), &stat, looked_ns, true);
    }
    free(place);
    return true;
}

/* ---------------------------------------------------------------- everything */

static void close_folder(struct folder_walk *walk)
{
    if (walk->open) {
        closedir(walk->open);
        walk->open = NULL;
    }
}

static void begin_all(struct folder_walk *walk)
{
    close_folder(walk);
    drop_places(&walk->folders);
    walk->is_at_all = true;
    walk->is_incomplete = walk->hints.descriptor < 0;
    walk->again_ms = MSEC_NEVER;
    tell(walk, SIGHT_ALL_BEGINS, SLICE_EMPTY);
    add_place(&walk->folders, SLICE_EMPTY, 0);
}

static void end_all(struct folder_walk *walk)
{
    msec_t wait_ms = walk->is_incomplete ? INCOMPLETE_MS : (msec_t)walk->rescan_s * SECOND_MS;

    walk->is_at_all = false;
    walk->again_ms = wait_ms > 0 ? clock_now() + wait_ms : MSEC_NEVER;
    tell(walk, SIGHT_ALL_ENDS, SLICE_EMPTY);
}

/* The folder itself cannot be looked at: what was told of it counts until it can. */
static void lose(struct folder_walk *walk, const char *reason)
{
    if (!walk->was_said) {
        log_write(LOG_ERROR, "a folder cannot be watched", "directory=%s reason=\"%s\"",
                  log_quote(buffer_slice(&walk->root)), reason);
    }
    close_folder(walk);
    drop_places(&walk->folders);
    folder_hints_forget(&walk->hints, SLICE_EMPTY);
    walk->was_said = walk->is_away = true;
    walk->is_at_all = false;
    walk->again_ms = clock_now() + AWAY_MS;
}

/* ---------------------------------------------------------------- folders */

static void say_limit(struct folder_walk *walk)
{
    if (!walk->has_said_limit) {
        log_write(
            LOG_ERROR, "not all of a folder can be watched",
            "directory=%s reason=\"no more inotify watches: raise fs.inotify.max_user_watches;"
            " until then it is looked at every %d s\"",
            log_quote(buffer_slice(&walk->root)), INCOMPLETE_MS / SECOND_MS);
    }
    walk->has_said_limit = true;
}

/* It, or what is in it, could not be looked at, for errno's reason. */
static void folder_failed(struct folder_walk *walk, struct slice path)
{
    if (path.length == 0) {
        lose(walk, strerror(errno));
    } else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
        LOG_LIMITED(LOG_ERROR, "a folder cannot be read", "directory=%s reason=\"%s\"",
                    log_quote(slice_from_string(absolute(walk, path))), strerror(errno));
        walk->is_incomplete = true;
        tell(walk, SIGHT_KEPT_BELOW, path);
    }
}

/* False, with errno: it is not there, or not to be read. */
static bool watch_folder(struct folder_walk *walk, struct slice path)
{
    if (walk->hints.descriptor < 0 ||
        folder_hints_watch(&walk->hints, absolute(walk, path), path)) {
        return true;
    }
    if (errno != ENOSPC) {
        return false;
    }
    say_limit(walk);
    walk->is_incomplete = true;
    return true;
}

static DIR *open_folder(struct folder_walk *walk, struct slice path)
{
    int fd = open_below(walk, path, O_RDONLY);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);

    if (fd >= 0 && !folder) {
        close(fd);
    }
    return folder;
}

static void begin_folder(struct folder_walk *walk)
{
    struct place *place = take_place(&walk->folders);

    walk->open_path.length = 0;
    buffer_append(&walk->open_path, place_path(place));
    free(place);
    if (watch_folder(walk, buffer_slice(&walk->open_path))) {
        walk->open = open_folder(walk, buffer_slice(&walk->open_path));
    }
    if (!walk->open) {
        folder_failed(walk, buffer_slice(&walk->open_path));
    } else if (walk->open_path.length == 0 && walk->was_said) {
        log_write(LOG_INFO, "a folder can be watched again", "directory=%s",
                  log_quote(buffer_slice(&walk->root)));
        walk->was_said = false;
    }
}

static void look_at_entry(struct folder_walk *walk, const char *name)
{
    int64_t looked_ns = wall_ns();
    struct stat stat;
    struct slice path;

    walk->path.length = 0;
    buffer_append(&walk->path, buffer_slice(&walk->open_path));
    if (walk->path.length > 0) {
        buffer_append_byte(&walk->path, '/');
    }
    buffer_append_string(&walk->path, name);
    path = buffer_slice(&walk->path);
    if (fstatat(dirfd(walk->open), name, &stat, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT) {
            walk->is_incomplete = true;
            tell(walk, SIGHT_KEPT, path);
        }
    } else if (S_ISDIR(stat.st_mode)) {
        add_place(&walk->folders, path, 0);
    } else if (S_ISREG(stat.st_mode)) {
        tell_found(walk, path, &stat, looked_ns, true);
    }
}

static void go_on_with_folder(struct folder_walk *walk)
{
    struct dirent *entry;

    errno = 0;
    entry = readdir(walk->open);
    if (entry) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
            !is_ignored(walk, slice_from_string(name))) {
            look_at_entry(walk, name);
        }
        return;
    }
    if (errno != 0) {
        folder_failed(walk, buffer_slice(&walk->open_path));
    }
    close_folder(walk);
}

/* False: there is nothing to be read. */
static bool read_folders(struct folder_walk *walk)
{
    if (walk->open) {
        go_on_with_folder(walk);
    } else if (!list_is_empty(&walk->folders)) {
        begin_folder(walk);
    } else if (walk->is_at_all) {
        end_all(walk);
    } else {
        return false;
    }
    return true;
}

/* ---------------------------------------------------------------- hints */

static void take_closed(struct folder_walk *walk, struct slice path)
{
    struct stat stat;
    int64_t looked_ns;

    if (look(walk, path, &stat, &looked_ns)) {
        tell_file(walk, SIGHT_CLOSED, path, &stat, looked_ns);
    }
}

/* One that is still empty will be closed; a link, or one that comes with its content, may not. */
static void take_made(struct folder_walk *walk, struct slice path)
{
    struct stat stat;
    int64_t looked_ns;

    if (look(walk, path, &stat, &looked_ns) && stat.st_size > 0) {
        tell_found(walk, path, &stat, looked_ns, false);
    }
}

/* If one is there, it has a hint of its own. */
static void take_gone(struct folder_walk *walk, struct slice path)
{
    struct stat stat;
    int64_t looked_ns;

    if (look(walk, path, &stat, &looked_ns)) {
        tell(walk, SIGHT_KEPT, path);
    }
}

static void take_folder(struct folder_walk *walk, struct slice path)
{
    add_place(&walk->folders, path, 0);
}

/* What is being read is not there any more; where it is now, there is another hint. */
static void take_folder_moved(struct folder_walk *walk, struct slice path)
{
    if (walk->open && folder_path_is_in(buffer_slice(&walk->open_path), path)) {
        close_folder(walk);
    }
    folder_hints_forget(&walk->hints, path);
    tell(walk, SIGHT_GONE_BELOW, path);
}

/* It was empty; of what had been in it there were hints, if it was watched. */
static void take_folder_gone(struct folder_walk *walk, struct slice path)
{
    if (walk->is_incomplete) {
        tell(walk, SIGHT_GONE_BELOW, path);
    }
}

static void take_all(struct folder_walk *walk, struct slice path)
{
    (void)path;
    LOG_LIMITED(LOG_WARNING, "a folder changes faster than it is looked at",
                "directory=%s reason=\"all of it is looked at again\"",
                log_quote(buffer_slice(&walk->root)));
    begin_all(walk);
}

static void take_lost(struct folder_walk *walk, struct slice path)
{
    (void)path;
    lose(walk, "it was moved or removed");
}

static void (*const take[])(struct folder_walk *walk, struct slice path) = {
    [HINT_CLOSED] = take_closed,
    [HINT_MADE] = take_made,
    [HINT_GONE] = take_gone,
    [HINT_FOLDER] = take_folder,
    [HINT_FOLDER_MOVED] = take_folder_moved,
    [HINT_FOLDER_GONE] = take_folder_gone,
    [HINT_ALL] = take_all,
    [HINT_LOST] = take_lost,
};

static bool take_hint(struct folder_walk *walk)
{
    struct folder_hint hint;

    if (!folder_hints_take(&walk->hints, &hint)) {
        return false;
    }
    if (hint.path.length == 0 || !is_ignored(walk, name_of(hint.path))) {
        take[hint.kind](walk, hint.path);
    }
    return true;
}

/* ---------------------------------------------------------------- steps */

static void look_again_if_due(struct folder_walk *walk)
{
    if (clock_now() >= walk->again_ms) {
        walk->is_away = false;
        begin_all(walk);
    }
}

enum walk_state folder_walk_step(struct folder_walk *walk, struct folder_sights *sights)
{
    walk->sights = sights;
    look_again_if_due(walk);
    for (size_t i = 0; i < STEP_MAX; i++) {
        bool has_moved = take_hint(walk) || look_at_young(walk);
        if (!walk->is_away) {
            has_moved |= read_folders(walk);
        }
        if (!has_moved) {
            return WALK_IDLE;
        }
    }
    return WALK_MORE;
}

msec_t folder_walk_wait_ms(const struct folder_walk *walk)
{
    msec_t due_ms = walk->again_ms, now = clock_now();

    if (!list_is_empty(&walk->young)) {
        msec_t young_ms = CONTAINER_OF(walk->young.next, struct place, link)->due_ms;
        due_ms = young_ms < due_ms ? young_ms : due_ms;
    }
    return due_ms == MSEC_NEVER ? MSEC_NEVER : due_ms > now ? due_ms - now : 0;
}

/* ---------------------------------------------------------------- making and ending */

int folder_walk_descriptor(const struct folder_walk *walk)
{
    return walk->hints.descriptor;
}

struct folder_walk *folder_walk_new(const struct folder_watch *watch)
{
    struct folder_walk *walk = memory_allocate_zero(sizeof(*walk));

    buffer_append(&walk->root, watch->directory);
    walk->rescan_s = watch->rescan_s;
    walk->ignored = memory_allocate_zero((watch->ignored_count + 1) * sizeof(struct pattern *));
    for (size_t i = 0; i < watch->ignored_count; i++) {
        struct pattern *pattern = pattern_new(watch->ignored[i]);
        if (pattern) {
            walk->ignored[walk->ignored_count++] = pattern;
        }
    }
    list_init(&walk->folders);
    list_init(&walk->young);
    folder_hints_open(&walk->hints);
    if (walk->hints.descriptor < 0) {
        log_write(LOG_ERROR, "a folder cannot be watched",
                  "directory=%s reason=\"%s; it is looked at every %d s\"",
                  log_quote(watch->directory), strerror(errno), INCOMPLETE_MS / SECOND_MS);
    }
    walk->again_ms = 0; /* at once */
    return walk;
}

void folder_walk_free(struct folder_walk *walk)
{
    close_folder(walk);
    drop_places(&walk->folders);
    drop_places(&walk->young);
    folder_hints_close(&walk->hints);
    for (size_t i = 0; i < walk->ignored_count; i++) {
        pattern_free(walk->ignored[i]);
    }
    free(walk->ignored);
    buffer_release(&walk->root);
    buffer_release(&walk->open_path);
    buffer_release(&walk->path);
    buffer_release(&walk->whole);
    free(walk);
}
