/* What tasks for files do (dispatch/outside.h), on any thread: they wait for the disk. A task has
 * been copied into a piece of work, so that it may be given up meanwhile.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_FILE_WORK_H
#define PUBGRID_NET_FILE_WORK_H

#include "base/buffer.h"
#include "dispatch/outside.h"

struct file_work {
    enum file_task_kind kind;
    struct buffer path; /* with a NUL; absolute if the root is */
    size_t root_length; /* bytes of it, with a slash */
    struct buffer bytes;
    uint64_t offset;
    size_t length_max;
    struct buffer text;
    const char *error; /* NULL: good */
    bool is_missing;   /* then: there is no such file */
};

/* Zeroed before. `root` NULL: there is no such folder. A task that is not good becomes work that
 * fails. */
void file_work_begin(struct file_work *work, const struct file_task *task, const char *root);
void file_work_run(struct file_work *work);
void file_work_release(struct file_work *work);

#endif
