/* Text as comparisons without regard to case see it: each character by Unicode's simple case
 * folding, whatever the language ("ordinal": the Turkish dotless i is not an i). Texts are UTF-8;
 * one that begins, ends or contains another does so folded, too, and folding twice changes nothing.
 * Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_FOLD_H
#define PUBGRID_EVENTGRID_FOLD_H

#include "base/buffer.h"
#include "base/slice.h"

/* Bytes that a text of so many may have when it is folded. */
#define FOLDED_MAX(length) ((length) + (length) / 2)

/* `out` has room for FOLDED_MAX(text.length); returns how many bytes were written. */
size_t fold_text(uint8_t *out, struct slice text);
void fold_append(struct buffer *out, struct slice text);

#endif
