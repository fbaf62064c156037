/* The conversation language: a text file -> an array of lines.
 *
 * The parser knows the shape of the language (actors, arrows, fields and their values) and
 * nothing about MQTT beyond the packet names; what a field means is runner_fields.c's. Everything
 * a script holds lives in its arena and goes with it. README.md describes the language.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERSATION_RUNNER_SCRIPT_H
#define CONVERSATION_RUNNER_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/slice.h"
#include "mqtt/packet.h"

enum value_kind {
    VALUE_NONE,     /* a bare word: `only`, `v5` */
    VALUE_NUMBER,   /* 5, 0x87, or a range 5..7: low and high */
    VALUE_TEXT,     /* "abc\x00" */
    VALUE_PAIR,     /* "name":"value": text and second */
    VALUE_LIST,     /* 0,1,0x80: text holds one byte a number */
    VALUE_VARIABLE, /* $name: text; !$name: low is 1, differs from it */
};

struct value {
    enum value_kind kind;
    uint32_t low, high;
    struct slice text, second;
};

/* One `name=value` of a packet line; a positional string has the name "". */
struct field {
    const char *name;
    struct value value;
};

enum line_kind {
    LINE_SEND,           /* alice > PUBLISH ... */
    LINE_SEND_BYTES,     /* alice > HEX ... */
    LINE_DROP,           /* alice > close */
    LINE_CONNECT,        /* alice connects [via tls] */
    LINE_EXPECT,         /* alice < PUBLISH ... */
    LINE_EXPECT_CLOSED,  /* alice < closed [reason=0x81] */
    LINE_EXPECT_NOTHING, /* alice < nothing */
    LINE_STALL,          /* alice stops reading */
    LINE_RESUME,         /* alice reads again */
    LINE_STOP,           /* broker stops */
    LINE_CHANGE,         /* rules change */
    LINE_HOLD,           /* store holds */
    LINE_COMMIT,         /* store commits */
    LINE_COMMIT_SOME,    /* store commits 2 */
    LINE_CRASH,          /* crash [2] */
    LINE_RESTART,        /* restart [shards=2] [after=30s] */
    LINE_SCRAM,          /* scram client_first="n=bob,r=x" password="y" challenge=$z */
    LINE_ADVANCE,        /* advance 30s */
    LINE_ANY_ORDER,      /* any-order { */
    LINE_END_OF_BLOCK,   /* } */
};

struct line {
    enum line_kind kind;
    unsigned number;   /* in the file, from 1 */
    const char *text;  /* as written, for messages */
    const char *actor; /* NULL for advance and blocks */
    enum packet_type type;
    struct field *fields;
    size_t field_count;
    struct slice bytes;    /* LINE_SEND_BYTES */
    const char *transport; /* LINE_CONNECT; NULL: the target's own */
    msec_t duration;       /* LINE_ADVANCE, LINE_RESTART */
    unsigned count; /* LINE_COMMIT_SOME, LINE_CRASH: batches; LINE_RESTART: shards, 0: as before */
    bool matched;   /* LINE_EXPECT within any-order: used by runner_play.c */
};

/* Lines of the header that are not for people only: `# config mqtt.receive_maximum=2`. */
struct directive {
    const char *key;   /* skip only config mosquitto login allow deny anonymous core client bind */
    const char *value; /* the rest of the line */
    unsigned number;   /* of the line in the file, from 1 */
};

struct arena_block;

struct script {
    const char *path;
    struct line *lines;
    size_t line_count;
    struct directive *directives;
    size_t directive_count;
    msec_t longest_advance;
    struct arena_block *arena;
};

/* False with a message (file:line: what is wrong) on standard output. Release in both cases. */
bool script_load(struct script *script, const char *path);
void script_release(struct script *script);

/* Zeroed memory that lives as long as the script. */
void *script_allocate(struct script *script, size_t size);
char *script_copy(struct script *script, struct slice text);

/* The reason of a `# skip <target>: <reason>` line that names `target` or its `family`, or of an
 * `# only ...` line that names neither; NULL if there is none. */
const char *script_skip_reason(const struct script *script, const char *target, const char *family);
bool script_has_directive(const struct script *script, const char *key);
bool script_has_line(const struct script *script, enum line_kind kind);

#endif
