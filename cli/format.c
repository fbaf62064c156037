/* Formats received messages with mosquitto_sub's -F language.
 *
 * Three characters start a sequence: % a part of the message (format_parts.c), @ a conversion of
 * strftime(3), \ an escape. A % may be followed by flags, a width and a precision as in printf.
 * The output is collected in a buffer, so that a message is one write(2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <stdio.h>

#include "format_parts.h"

enum { WIDTH_MAX = 100000 }; /* keeps a typing error from filling the memory */

/* Pairs: the letter behind the backslash, the byte that it stands for. */
static const char escapes[][2] = {{'\\', '\\'}, {'0', '\0'}, {'a', '\a'}, {'e', '\033'},
                                  {'n', '\n'},  {'r', '\r'}, {'t', '\t'}, {'v', '\v'}};

/* The byte that the escape stands for, or -1. */
static int find_escape(char letter)
{
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        if (escapes[i][0] == letter) {
            return escapes[i][1];
        }
    }
    return -1;
}

static const char *read_count(const char *at, int *count)
{
    *count = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (*count < WIDTH_MAX) {
            *count = *count * 10 + (*at - '0');
        }
    }
    return at;
}

/* Flags, width and precision behind a %; returns where the letter stands. */
static const char *read_layout(const char *at, struct layout *layout)
{
    *layout = (struct layout){.pad = ' ', .precision = -1};
    if (*at == '-') {
        layout->left = true;
        at++;
    }
    if (*at == '0') {
        layout->pad = '0';
        at++;
    }
    if (layout->left) {
        layout->pad = ' ';
    }
    at = read_count(at, &layout->width);
    if (*at == '.') {
        at = read_count(at + 1, &layout->precision);
    }
    return at;
}

/* What is wrong with the sequence that starts with `kind` and whose letter is `letter`. */
static bool check_sequence(char kind, char letter)
{
    const char *noun = kind == '\\' ? "escape" : "format";
    bool known = kind == '@' || (kind == '%' && format_find_part(letter) != NULL) ||
                 (kind == '\\' && find_escape(letter) >= 0);

    if (letter == '\0') {
        fprintf(stderr, "Error: Incomplete %s specifier.\n", noun);
        return false;
    }
    if (!known) {
        fprintf(stderr, "Error: Invalid %s specifier '%c'.\n", noun, letter);
    }
    return known;
}

bool format_check(const char *format)
{
    for (const char *at = format; *at != '\0'; at++) {
        struct layout layout;
        char kind = *at;

        if (kind != '%' && kind != '@' && kind != '\\') {
            continue;
        }
        at = kind == '%' ? read_layout(at + 1, &layout) : at + 1;
        if (!check_sequence(kind, *at)) {
            return false;
        }
    }
    return true;
}

static void append_at(struct buffer *out, const struct received *message, char letter)
{
    char conversion[] = {'%', letter, '\0'};

    if (letter == '@') {
        buffer_append_byte(out, '@');
    } else if (letter == 'N') {
        buffer_append_format(out, "%09ld", message->at.tv_nsec);
    } else {
        format_append_time(out, message, conversion);
    }
}

static bool format_with(struct buffer *out, const struct format_options *options,
                        const struct received *message)
{
    bool good = true;

    for (const char *at = options->format; *at != '\0'; at++) {
        struct layout layout;

        if (*at == '%') {
            at = read_layout(at + 1, &layout);
            good &= format_find_part(*at)(out, &layout, options, message);
        } else if (*at == '@') {
            append_at(out, message, *++at);
        } else if (*at == '\\') {
            buffer_append_byte(out, (uint8_t)find_escape(*++at));
        } else {
            buffer_append_byte(out, (uint8_t)*at);
        }
    }
    return good;
}

/* Without a format an empty payload prints nothing, but "(null)" with -v. */
static void format_plain(struct buffer *out, const struct format_options *options,
                         const struct received *message)
{
    bool empty = message->payload.length == 0;

    if (empty && (!options->verbose || !options->line_end)) {
        return;
    }
    if (options->verbose) {
        buffer_append(out, message->topic);
        buffer_append_byte(out, ' ');
    }
    buffer_append(out, empty ? SLICE_LITERAL("(null)") : message->payload);
    if (options->line_end) {
        buffer_append_byte(out, '\n');
    }
}

bool format_message(struct buffer *out, const struct format_options *options,
                    const struct received *message)
{
    bool good = true;

    if (options->format == NULL) {
        format_plain(out, options, message);
        return true;
    }
    good = format_with(out, options, message);
    if (options->line_end) {
        buffer_append_byte(out, '\n');
    }
    return good;
}
