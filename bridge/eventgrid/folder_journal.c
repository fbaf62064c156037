/* See folder_journal.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/folder_journal.h"

#include <inttypes.h>

#include "access/characters.h"
#include "json/json.h"

#define HEAD SLICE_LITERAL("pubgrid-folder 1 ")

static const char signs[] = {[JOURNAL_BEGUN] = '?', [JOURNAL_TOLD] = '+', [JOURNAL_GONE] = '-'};

/* ---------------------------------------------------------------- names */

static void append_name(struct buffer *out, struct slice name)
{
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = name.data[i];
        if (c < ' ' || c == '%' || c == 0x7F) {
            percent_append(out, c);
        } else {
            buffer_append_byte(out, c);
        }
    }
}

/* One that leads out of its folder, or to it, is none. */
static bool path_is_good(struct slice path)
{
    struct slice rest = path;

    if (path.length == 0 || path.length > JOURNAL_PATH_MAX || path.data[path.length - 1] == '/' ||
        memchr(path.data, '\0', path.length)) {
        return false;
    }
    while (rest.length > 0) {
        struct slice name = take_up_to(&rest, '/');
        if (name.length == 0 || slice_equal(name, SLICE_LITERAL(".")) ||
            slice_equal(name, SLICE_LITERAL(".."))) {
            return false;
        }
    }
    return true;
}

static bool read_name(struct slice text, struct buffer *space, struct slice *out)
{
    space->length = 0;
    while (text.length > 0) {
        int byte = text.data[0] == '%' ? percent_decode(text) : text.data[0];
        if (byte < 0) {
            return false;
        }
        buffer_append_byte(space, (uint8_t)byte);
        text = slice_from(text, text.data[0] == '%' ? 3 : 1);
    }
    *out = buffer_slice(space);
    return true;
}

/* ---------------------------------------------------------------- numbers */

static bool take_number(struct slice *rest, uint64_t *out)
{
    struct slice digits = take_up_to(rest, ' ');

    return digits.length > 0 && json_to_u64(&(struct json_value){JSON_NUMBER, digits}, out);
}

static bool take_facts(struct slice *rest, struct file_facts *facts)
{
    bool is_negative = false;
    uint64_t modified;

    if (!take_number(rest, &facts->size)) {
        return false;
    }
    if (rest->length > 0 && rest->data[0] == '-') { /* before 1970 */
        is_negative = true;
        *rest = slice_from(*rest, 1);
    }
    if (!take_number(rest, &modified) || modified > INT64_MAX ||
        !take_number(rest, &facts->inode)) {
        return false;
    }
    facts->modified_ns = is_negative ? -(int64_t)modified : (int64_t)modified;
    return true;
}

/* ---------------------------------------------------------------- lines */

void journal_append_head(struct buffer *out, struct slice directory)
{
    buffer_append(out, HEAD);
    append_name(out, directory);
    buffer_append_byte(out, '\n');
}

bool journal_read_head(struct slice text, struct buffer *space, struct slice *directory)
{
    return slice_starts_with(text, HEAD) &&
           read_name(slice_from(text, HEAD.length), space, directory);
}

void journal_append(struct buffer *out, const struct journal_line *line)
{
    const struct file_facts *facts = &line->facts;

    buffer_append_format(out, "%c %" PRIu64 " ", signs[line->kind], line->sequence);
    if (line->kind == JOURNAL_TOLD) {
        buffer_append_format(out, "%" PRIu64 " %" PRId64 " %" PRIu64 " ", facts->size,
                             facts->modified_ns, facts->inode);
    }
    append_name(out, line->path);
    buffer_append_byte(out, '\n');
}

static bool take_kind(struct slice *rest, enum journal_kind *kind)
{
    struct slice sign = take_up_to(rest, ' ');

    for (size_t i = 0; i < sizeof(signs) && sign.length == 1; i++) {
        if (sign.data[0] == signs[i]) {
            *kind = (enum journal_kind)i;
            return true;
        }
    }
    return false;
}

bool journal_read(struct slice text, struct buffer *space, struct journal_line *out)
{
    *out = (struct journal_line){0};
    return take_kind(&text, &out->kind) && take_number(&text, &out->sequence) &&
           (out->kind != JOURNAL_TOLD || take_facts(&text, &out->facts)) &&
           read_name(text, space, &out->path) && path_is_good(out->path);
}
