/* What is told of a folder that is watched: the seam between bridge/dispatch, which is pure, and
 * bridge/net, which looks at the disk (net/folder_watcher.h). What is told is what was seen, in
 * turn; several changes of a file that come in a row may be seen as one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_FOLDER_WATCH_H
#define PUBGRID_DISPATCH_FOLDER_WATCH_H

#include "base/buffer.h"
#include "base/clock.h"
#include "eventgrid/file_facts.h"

enum folder_sight {
    SIGHT_FILE,       /* it is there, with these facts */
    SIGHT_CLOSED,     /* the same, and somebody has just closed it or moved it here */
    SIGHT_KEPT,       /* it is there; more is told later */
    SIGHT_GONE,       /* there is no file of that name (any more) */
    SIGHT_GONE_BELOW, /* there is no folder of that name, nor what was in it */
    SIGHT_KEPT_BELOW, /* the folder cannot be read; what was in it may still be there */
    SIGHT_ALL_BEGINS, /* everything is looked at anew, ... */
    SIGHT_ALL_ENDS,   /* and was: what was not seen meanwhile is gone */
};

/* The path, without the folder's own, stands in the texts of the sights. */
struct folder_report {
    enum folder_sight sight;
    size_t path_at, path_length;
    struct file_facts facts;
    int64_t looked_ns; /* since 1970, by the clock that stamps files */
};

struct folder_sights {
    struct buffer reports; /* struct folder_report */
    struct buffer texts;
};

/* Embedded by who wants to know. */
struct folder_watch {
    struct slice directory;      /* absolute; this and what follows must stay as long as it lasts */
    const struct slice *ignored; /* [ignored_count] patterns of names (eventgrid/pattern.h) */
    size_t ignored_count;
    uint32_t rescan_s; /* 0: when it must */
    /* From the loop. */
    void (*seen)(struct folder_watch *watch, const struct folder_sights *sights);
    void *under_way; /* the implementation's; NULL before and after */
};

/* Is the path one of something in the folder, or further below? */
static inline bool folder_path_is_below(struct slice path, struct slice folder)
{
    return folder.length == 0 || (path.length > folder.length && slice_starts_with(path, folder) &&
                                  path.data[folder.length] == '/');
}

/* --- sights --- */

static inline void folder_sights_add(struct folder_sights *sights, enum folder_sight sight,
                                     struct slice path, const struct file_facts *facts,
                                     int64_t looked_ns)
{
    struct folder_report report = {
        .sight = sight,
        .path_at = sights->texts.length,
        .path_length = path.length,
        .looked_ns = looked_ns,
    };

    if (facts) {
        report.facts = *facts;
    }
    buffer_append(&sights->texts, path);
    buffer_append(&sights->reports, slice_make(&report, sizeof(report)));
}

static inline size_t folder_sights_count(const struct folder_sights *sights)
{
    return sights->reports.length / sizeof(struct folder_report);
}

static inline const struct folder_report *folder_sights_at(const struct folder_sights *sights,
                                                           size_t i)
{
    return &((const struct folder_report *)(const void *)sights->reports.data)[i];
}

static inline struct slice folder_sights_path(const struct folder_sights *sights,
                                              const struct folder_report *report)
{
    return slice_make(sights->texts.data + report->path_at, report->path_length);
}

static inline void folder_sights_release(struct folder_sights *sights)
{
    buffer_release(&sights->reports);
    buffer_release(&sights->texts);
}

#endif
