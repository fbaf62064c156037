/* Looking at a damaged file through a memory map can end a program: a page that is not there is a
 * SIGBUS, a link into nowhere a SIGSEGV, and LMDB's own checks abort. While a file is read for the
 * first time, with one thread, a guard turns these into an error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_GUARD_H
#define PUBGRID_STORE_GUARD_H

#include <lmdb.h>
#include <stdbool.h>

#include "base/buffer.h"

/* Runs body(context); false if it returned false or met damage, which is in `error` then. What the
 * body held when it met damage is lost: the caller gives up and ends. One at a time in a process.
 */
bool guard_run(bool (*body)(void *context, struct buffer *error), void *context,
               struct buffer *error);
/* Makes LMDB's assertions in this environment errors too. */
void guard_watch(MDB_env *env);

#endif
