/* What was told of a folder's files, as lines of a file, so that what changes while nobody looks is
 * noticed:
 *
 *     pubgrid-folder 1 <directory>
 *     ? <sequence> <path>                                  something is about to be told
 *     + <sequence> <size> <modified, ns> <inode> <path>    this was told of the file
 *     - <sequence> <path>                                  that it is gone was told
 *
 * Later lines count. Control characters and % in names are percent-escaped, so a line is a line.
 * What a crash has cut off, or is no such line, is passed over. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_FOLDER_JOURNAL_H
#define PUBGRID_EVENTGRID_FOLDER_JOURNAL_H

#include "base/buffer.h"
#include "eventgrid/file_facts.h"

enum { JOURNAL_PATH_MAX = 4096 /* bytes, without escapes */ };

enum journal_kind {
    JOURNAL_BEGUN, /* if no other line follows: it was told, or not */
    JOURNAL_TOLD,
    JOURNAL_GONE,
};

struct journal_line {
    enum journal_kind kind;
    uint64_t sequence;
    struct file_facts facts; /* of JOURNAL_TOLD; else zeroed */
    struct slice path;
};

/* With a line feed at the end. */
void journal_append_head(struct buffer *out, struct slice directory);
void journal_append(struct buffer *out, const struct journal_line *line);

/* `text` is a line without its end; `space` gets names that have escapes. False: it is none. */
bool journal_read_head(struct slice text, struct buffer *space, struct slice *directory);
bool journal_read(struct slice text, struct buffer *space, struct journal_line *out);

#endif
