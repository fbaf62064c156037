/* Parser of conversation files (see runner_script.h and README.md).
 *
 * Line by line, left to right, one cursor; the first mistake ends the file with its line number,
 * because a scenario that is half understood tests nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner_script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { FIELDS_MAX = 64, NAME_MAX_LENGTH = 63 };

struct arena_block {
    struct arena_block *next;
    max_align_t data[];
};

struct cursor {
    struct script *script;
    const char *at; /* the rest of the line */
    unsigned number;
    const char *error; /* NULL while all is well */
};

void *script_allocate(struct script *script, size_t size)
{
    struct arena_block *block = memory_allocate_zero(sizeof(*block) + size);

    block->next = script->arena;
    script->arena = block;
    return block->data;
}

char *script_copy(struct script *script, struct slice text)
{
    char *copy = script_allocate(script, text.length + 1);

    if (text.length > 0) {
        memcpy(copy, text.data, text.length);
    }
    return copy;
}

static void skip_space(struct cursor *c)
{
    while (*c->at == ' ' || *c->at == '\t') {
        c->at++;
    }
}

static bool at_end(struct cursor *c)
{
    skip_space(c);
    return *c->at == '\0' || c->error;
}

static bool fail(struct cursor *c, const char *error)
{
    if (!c->error) {
        c->error = error;
    }
    return false;
}

/* Takes `text` if the line goes on with it. */
static bool take(struct cursor *c, const char *text)
{
    size_t length = strlen(text);

    skip_space(c);
    if (strncmp(c->at, text, length) != 0) {
        return false;
    }
    c->at += length;
    return true;
}

static bool is_name_char(int ch)
{
    return isalnum(ch) || ch == '_' || ch == '-' || ch == '!' || ch == '.';
}

/* A word as a string of its own; empty if there is none. */
static const char *take_word(struct cursor *c)
{
    skip_space(c);
    const char *start = c->at;

    while (is_name_char((unsigned char)*c->at)) {
        c->at++;
    }
    return script_copy(c->script, slice_make(start, (size_t)(c->at - start)));
}

static int hex_digit(int ch)
{
    if (isdigit(ch)) {
        return ch - '0';
    }
    return isxdigit(ch) ? tolower(ch) - 'a' + 10 : -1;
}

/* One character behind a backslash; -1 if it makes no sense. */
static int take_escape(struct cursor *c)
{
    char ch = *c->at++;

    switch (ch) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case '"':
    case '\\':
        return ch;
    case 'x':
        if (hex_digit(c->at[0]) < 0 || hex_digit(c->at[1]) < 0) {
            return -1;
        }
        c->at += 2;
        return hex_digit(c->at[-2]) * 16 + hex_digit(c->at[-1]);
    default:
        return -1;
    }
}

/* "text", at the opening quote. */
static struct slice take_string(struct cursor *c)
{
    char *out = script_allocate(c->script, strlen(c->at) + 1);
    size_t length = 0;

    if (!take(c, "\"")) {
        fail(c, "expected a \"string\"");
        return SLICE_EMPTY;
    }
    while (*c->at != '"') {
        int ch = (unsigned char)*c->at;

        if (ch == '\0') {
            fail(c, "string without closing quote");
            return SLICE_EMPTY;
        }
        c->at++;
        if (ch == '\\' && (ch = take_escape(c)) < 0) {
            fail(c, "unknown escape in string (known: \\n \\t \\\" \\\\ \\xNN)");
            return SLICE_EMPTY;
        }
        out[length++] = (char)ch;
    }
    c->at++;
    return slice_make(out, length);
}

static uint32_t take_number(struct cursor *c)
{
    char *end = NULL;
    unsigned long long number = strtoull(c->at, &end, 0);

    if (end == c->at || number > UINT32_MAX) {
        fail(c, "expected a number");
        return 0;
    }
    c->at = end;
    return (uint32_t)number;
}

static struct value take_list(struct cursor *c, uint32_t first)
{
    char *bytes = script_allocate(c->script, strlen(c->at) + 1);
    size_t count = 0;

    bytes[count++] = (char)first;
    while (*c->at == ',') {
        c->at++;
        bytes[count++] = (char)take_number(c);
    }
    return (struct value){.kind = VALUE_LIST, .low = first, .text = slice_make(bytes, count)};
}

/* What stands behind `name=`. */
static struct value take_value(struct cursor *c)
{
    struct value value = {.kind = VALUE_TEXT};

    if (*c->at == '"') {
        value.text = take_string(c);
        if (*c->at == ':') {
            c->at++;
            value.kind = VALUE_PAIR;
            value.second = take_string(c);
        }
        return value;
    }
    if (*c->at == '$' || (c->at[0] == '!' && c->at[1] == '$')) {
        value.low = *c->at == '!';
        c->at += 1 + value.low;
        value.kind = VALUE_VARIABLE;
        value.text = slice_from_string(take_word(c));
        return value;
    }
    value.kind = VALUE_NUMBER;
    value.low = value.high = take_number(c);
    if (*c->at == ',') {
        return take_list(c, value.low);
    }
    if (c->at[0] == '.' && c->at[1] == '.') {
        c->at += 2;
        value.high = take_number(c);
    }
    return value;
}

static bool parse_field(struct cursor *c, struct field *field)
{
    skip_space(c);
    if (*c->at == '"') {
        *field = (struct field){.name = "", .value = take_value(c)};
        return !c->error;
    }
    field->name = take_word(c);
    if (field->name[0] == '\0') {
        return fail(c, "expected name=value or a \"string\"");
    }
    if (*c->at == '=') {
        c->at++;
        field->value = take_value(c);
    }
    return !c->error;
}

static bool parse_fields(struct cursor *c, struct line *line)
{
    struct field fields[FIELDS_MAX] = {0};

    while (!at_end(c)) {
        if (line->field_count == FIELDS_MAX) {
            return fail(c, "too many fields");
        }
        if (!parse_field(c, &fields[line->field_count])) {
            return false;
        }
        line->field_count++;
    }
    line->fields = script_allocate(c->script, (line->field_count + 1) * sizeof(*fields));
    memcpy(line->fields, fields, line->field_count * sizeof(*fields));
    return !c->error;
}

/* HEX 10 0c "MQTT" ff: bytes as hex digits (spaces as you like) and strings; `00*500` repeats. */
static bool parse_hex(struct cursor *c, struct line *line)
{
    struct buffer out = {0};

    while (!at_end(c)) {
        if (*c->at == '"') {
            buffer_append(&out, take_string(c));
            continue;
        }
        int high = hex_digit((unsigned char)c->at[0]);
        int low = high < 0 ? -1 : hex_digit((unsigned char)c->at[1]);

        if (low < 0) {
            fail(c, "expected two hex digits or a \"string\"");
            break;
        }
        c->at += 2;
        uint32_t repeat = 1;

        if (*c->at == '*') {
            c->at++;
            repeat = take_number(c);
        }
        while (repeat-- > 0) {
            buffer_append_byte(&out, (uint8_t)(high * 16 + low));
        }
    }
    line->bytes = slice_make(script_copy(c->script, buffer_slice(&out)), out.length);
    buffer_release(&out);
    return !c->error;
}

static bool parse_packet(struct cursor *c, struct line *line)
{
    const char *name = take_word(c);

    for (unsigned type = PACKET_CONNECT; type <= PACKET_AUTH; type++) {
        if (strcmp(name, packet_type_name(type)) == 0) {
            line->type = (enum packet_type)type;
            return parse_fields(c, line);
        }
    }
    return fail(c, "unknown packet name");
}

static bool parse_send(struct cursor *c, struct line *line)
{
    if (take(c, "HEX ")) {
        line->kind = LINE_SEND_BYTES;
        return parse_hex(c, line);
    }
    if (take(c, "close")) {
        line->kind = LINE_DROP;
        return true;
    }
    line->kind = LINE_SEND;
    return parse_packet(c, line);
}

static bool parse_expect(struct cursor *c, struct line *line)
{
    if (take(c, "closed")) {
        line->kind = LINE_EXPECT_CLOSED;
        return parse_fields(c, line);
    }
    if (take(c, "nothing")) {
        line->kind = LINE_EXPECT_NOTHING;
        return true;
    }
    line->kind = LINE_EXPECT;
    return parse_packet(c, line);
}

static bool parse_duration(struct cursor *c, msec_t *duration)
{
    *duration = take_number(c);
    if (take(c, "ms")) {
        /* as it is */
    } else if (take(c, "s")) {
        *duration *= 1000;
    } else {
        return fail(c, "expected a duration such as 30s or 500ms");
    }
    return !c->error;
}

static bool parse_advance(struct cursor *c, struct line *line)
{
    skip_space(c);
    line->kind = LINE_ADVANCE;
    if (!parse_duration(c, &line->duration)) {
        return false;
    }
    if (line->duration > c->script->longest_advance) {
        c->script->longest_advance = line->duration;
    }
    return !c->error;
}

/* Behind `store commits` and `crash`. */
static bool parse_count(struct cursor *c, struct line *line)
{
    if (!at_end(c)) {
        line->count = take_number(c);
        line->kind = line->kind == LINE_COMMIT ? LINE_COMMIT_SOME : line->kind;
    }
    return !c->error;
}

static bool parse_restart(struct cursor *c, struct line *line)
{
    while (!at_end(c) && !c->error) {
        if (take(c, "shards=")) {
            line->count = take_number(c);
        } else if (!take(c, "after=")) {
            return fail(c, "expected `restart [shards=<number>] [after=<time>]`");
        } else if (!parse_duration(c, &line->duration)) {
            return false;
        }
    }
    return !c->error;
}

/* Lines that begin with an actor's name. */
static bool parse_actor_line(struct cursor *c, struct line *line)
{
    line->actor = take_word(c);
    if (take(c, ">")) {
        return parse_send(c, line);
    }
    if (take(c, "<")) {
        return parse_expect(c, line);
    }
    if (take(c, "connects")) {
        line->kind = LINE_CONNECT;
        line->transport = take(c, "via ") ? take_word(c) : NULL;
        return true;
    }
    if (take(c, "stops reading")) {
        line->kind = LINE_STALL;
        return true;
    }
    if (take(c, "reads again")) {
        line->kind = LINE_RESUME;
        return true;
    }
    return fail(c, "expected `<actor> > PACKET`, `<actor> < PACKET`, `<actor> connects`, "
                   "`advance <time>` or `any-order {`");
}

static bool parse_line(struct cursor *c, struct line *line)
{
    static const struct {
        const char *text;
        enum line_kind kind;
    } phrases[] = {
        {"any-order {", LINE_ANY_ORDER}, {"}", LINE_END_OF_BLOCK},
        {"broker stops", LINE_STOP},     {"store holds", LINE_HOLD},
        {"store commits", LINE_COMMIT},  {"crash", LINE_CRASH},
        {"restart", LINE_RESTART},       {"rules change", LINE_CHANGE},
    };

    if (take(c, "advance ")) {
        return parse_advance(c, line);
    }
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (take(c, phrases[i].text)) {
            line->kind = phrases[i].kind;
            if (line->kind == LINE_COMMIT || line->kind == LINE_CRASH) {
                return parse_count(c, line);
            }
            return line->kind != LINE_RESTART || parse_restart(c, line);
        }
    }
    if (take(c, "scram ")) {
        line->kind = LINE_SCRAM;
        return parse_fields(c, line);
    }
    return parse_actor_line(c, line);
}

static void *grow(struct script *script, void *old, size_t count, size_t size)
{
    if (count % 32 != 0) {
        return old;
    }
    void *more = script_allocate(script, (count + 32) * size);

    if (count > 0) {
        memcpy(more, old, count * size);
    }
    return more;
}

/* `# skip mosquitto: reason`, `# config a.b=c`, `# mosquitto max_packet_size 100`; any other
 * comment is for people. */
static void parse_comment(struct cursor *c)
{
    static const char *const keys[] = {"skip", "only",      "config", "mosquitto", "login", "allow",
                                       "deny", "anonymous", "core",   "client",    "bind"};
    struct script *script = c->script;

    c->at++;
    skip_space(c);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t length = strlen(keys[i]);

        if (strncmp(c->at, keys[i], length) == 0 && c->at[length] == ' ') {
            script->directives =
                grow(script, script->directives, script->directive_count, sizeof(struct directive));
            script->directives[script->directive_count++] = (struct directive){
                keys[i], script_copy(script, slice_from_string(c->at + length + 1)), c->number};
        }
    }
}

static bool parse_text(struct script *script, const char *text, unsigned number)
{
    struct cursor c = {.script = script, .at = text, .number = number};

    if (at_end(&c)) {
        return true;
    }
    if (*c.at == '#') {
        parse_comment(&c);
        return true;
    }
    script->lines = grow(script, script->lines, script->line_count, sizeof(struct line));
    struct line *line = &script->lines[script->line_count++];

    *line = (struct line){.number = number};
    line->text = script_copy(script, slice_from_string(c.at));
    if (parse_line(&c, line) && !at_end(&c)) {
        fail(&c, "superfluous text at the end of the line");
    }
    if (c.error) {
        printf("%s:%u: %s\n    %s\n", script->path, number, c.error, text);
    }
    return !c.error;
}

bool script_load(struct script *script, const char *path)
{
    *script = (struct script){.path = path};
    FILE *file = fopen(path, "re");

    if (!file) {
        printf("%s: %m\n", path);
        return false;
    }
    char *text = NULL;
    size_t capacity = 0;
    ssize_t length;
    unsigned number = 0;
    bool ok = true;

    while (ok && (length = getline(&text, &capacity, file)) >= 0) {
        if (length > 0 && text[length - 1] == '\n') {
            text[length - 1] = '\0';
        }
        ok = parse_text(script, text, ++number);
    }
    free(text);
    fclose(file);
    return ok;
}

void script_release(struct script *script)
{
    while (script->arena) {
        struct arena_block *next = script->arena->next;

        free(script->arena);
        script->arena = next;
    }
}

/* `mosquitto: reason` begins with that name. */
static bool names_target(const char *value, const char *name)
{
    size_t length = strlen(name);

    return strncmp(value, name, length) == 0 && value[length] == ':';
}

const char *script_skip_reason(const struct script *script, const char *target, const char *family)
{
    for (size_t i = 0; i < script->directive_count; i++) {
        const struct directive *d = &script->directives[i];
        bool skip = strcmp(d->key, "skip") == 0, only = strcmp(d->key, "only") == 0;
        bool named = names_target(d->value, target) || names_target(d->value, family);
        const char *reason = strchr(d->value, ':');

        if (reason && ((skip && named) || (only && !named))) {
            return reason + 1;
        }
    }
    return NULL;
}

bool script_has_line(const struct script *script, enum line_kind kind)
{
    for (size_t i = 0; i < script->line_count; i++) {
        if (script->lines[i].kind == kind) {
            return true;
        }
    }
    return false;
}

bool script_has_directive(const struct script *script, const char *key)
{
    for (size_t i = 0; i < script->directive_count; i++) {
        if (strcmp(script->directives[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}
