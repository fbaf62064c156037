/* The interpreter of conversations (see runner_play.h).
 *
 * Lines run strictly one after another. A `<` line takes the actor's next packet; it waits for it
 * with a generous bound, and never sleeps. `nothing` needs a barrier instead: every actor that can
 * pings the server first, so that what they caused has been handed on, then the actor itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner_play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runner_actor.h"
#include "runner_match.h"
#include "runner_scram.h"

/* WAIT_MS is met by what fails only: under a sanitizer a busy machine takes seconds for a password.
 */
enum { ACTORS_MAX = 64, HISTORY = 10, WAIT_MS = 30000, SILENCE_MS = 60 };

struct play {
    struct script *script;
    const struct target_operations *operations;
    struct target *target;
    struct buffer *report;
    struct variables variables;
    struct actor actors[ACTORS_MAX];
    size_t actor_count;
    bool
        dropped; /* an actor vanished since the last barrier: no ping can tell when it is noticed */
    struct buffer history[HISTORY];
    size_t history_count;
};

static int wait_ms(const struct play *play)
{
    return play->operations->fake_clock ? 0 : WAIT_MS;
}

static struct actor *find_actor(struct play *play, const char *name)
{
    for (size_t i = 0; i < play->actor_count; i++) {
        if (strcmp(play->actors[i].name, name) == 0) {
            return &play->actors[i];
        }
    }
    if (play->actor_count == ACTORS_MAX) {
        return NULL;
    }
    play->actors[play->actor_count] = (struct actor){.name = name, .version = MQTT_5};
    return &play->actors[play->actor_count++];
}

static struct buffer *new_history_line(struct play *play)
{
    struct buffer *line = &play->history[play->history_count++ % HISTORY];

    line->length = 0;
    return line;
}

static void report_history(struct play *play)
{
    size_t first = play->history_count > HISTORY ? play->history_count - HISTORY : 0;

    buffer_append_string(play->report, "  last packets:\n");
    for (size_t i = first; i < play->history_count; i++) {
        buffer_append_string(play->report, "    ");
        buffer_append(play->report, buffer_slice(&play->history[i % HISTORY]));
        buffer_append_string(play->report, "\n");
    }
}

/* Starts the report of a line that did not hold; the caller adds what was got. */
static void report_line(struct play *play, const struct line *line)
{
    buffer_append_format(play->report,
                         "%s:%u: %s\n  expected: %s\n  got:      ", play->script->path,
                         line->number, play->operations->name, line->text);
}

static bool fail_line(struct play *play, const struct line *line, const char *got)
{
    report_line(play, line);
    buffer_append_format(play->report, "%s\n", got);
    report_history(play);
    return false;
}

static bool open_link(struct play *play, struct actor *actor, const char *transport)
{
    actor_disconnect(actor, play->operations);
    actor->link = play->operations->open(play->target, transport);
    return actor->link != NULL;
}

/* A CONNECT or raw bytes of an actor without a network connection open one. */
static bool ensure_link(struct play *play, struct actor *actor, const struct line *line)
{
    if (actor->link || (line->kind == LINE_SEND && line->type != PACKET_CONNECT)) {
        return true;
    }
    return open_link(play, actor, NULL) || fail_line(play, line, "the connection was refused");
}

static bool send_bytes(struct play *play, struct actor *actor, const struct line *line,
                       struct slice bytes)
{
    if (!ensure_link(play, actor, line)) {
        return false;
    }
    buffer_append_format(new_history_line(play), "%s", line->text);
    if (!actor->link) {
        return fail_line(play, line, "the actor has no network connection");
    }
    actor->half_sent = packet_size(bytes) != (ssize_t)bytes.length;
    play->operations->send(actor->link, bytes);
    return true;
}

static bool play_send(struct play *play, const struct line *line)
{
    struct actor *actor = find_actor(play, line->actor);
    struct buffer bytes = {0};
    const char *error = fields_build(play->script, line, &play->variables, &actor->version, &bytes);
    bool ok =
        error ? fail_line(play, line, error) : send_bytes(play, actor, line, buffer_slice(&bytes));

    actor->pings_owed += line->type == PACKET_PINGREQ;
    buffer_release(&bytes);
    return ok;
}

/* A CONNECT in raw bytes says which version the answers have: its protocol level, behind a name
 * of four letters ("MQTT"), or the name of 3.1 ("MQIsdp"). */
static void note_version(struct actor *actor, struct slice bytes)
{
    enum { CONNECT_BYTE = PACKET_CONNECT << 4, LEVEL_AT = 8, NAME_LENGTH_AT = 3 };

    if (bytes.length > LEVEL_AT && bytes.data[0] == CONNECT_BYTE && bytes.data[1] < 0x80) {
        bool is_old =
            bytes.data[NAME_LENGTH_AT] == strlen("MQIsdp") || bytes.data[LEVEL_AT] == MQTT_3_1_1;

        actor->version = is_old ? MQTT_3_1_1 : MQTT_5;
    }
}

static bool play_send_bytes(struct play *play, const struct line *line)
{
    struct actor *actor = find_actor(play, line->actor);

    note_version(actor, line->bytes);
    return send_bytes(play, actor, line, line->bytes);
}

static bool play_drop(struct play *play, const struct line *line)
{
    actor_disconnect(find_actor(play, line->actor), play->operations);
    buffer_append_format(new_history_line(play), "%s", line->text);
    play->dropped = true;
    return true;
}

static bool play_connect(struct play *play, const struct line *line)
{
    return open_link(play, find_actor(play, line->actor), line->transport) ||
           fail_line(play, line, "the connection was refused");
}

static void describe_state(struct play *play, struct actor *actor, enum actor_read state,
                           struct buffer *out)
{
    if (state == ACTOR_NOTHING) {
        buffer_append_string(out, actor->link ? "nothing" : "nothing: no network connection");
    } else if (state == ACTOR_CLOSED) {
        buffer_append_string(out, "closed");
    } else if (state == ACTOR_MALFORMED) {
        buffer_append_string(out, "bytes that are no valid packet from a server:");
        for (size_t i = 0; i < actor->in.length && i < 64; i++) {
            buffer_append_format(out, " %02x", actor->in.data[i]);
        }
    }
    (void)play;
}

/* The actor's next packet as fields, noted in the history; false (reported) if there is none. */
static bool take_packet(struct play *play, const struct line *line, struct actor *actor,
                        struct packet *packet, struct description *got, size_t *size)
{
    enum actor_read state = actor_read(actor, play->operations, wait_ms(play), packet, size);

    if (state != ACTOR_PACKET) {
        report_line(play, line);
        describe_state(play, actor, state, play->report);
        buffer_append_string(play->report, "\n");
        report_history(play);
        return false;
    }
    fields_describe(packet, got);
    struct buffer *note = new_history_line(play);

    buffer_append_format(note, "%s < ", actor->name);
    fields_print(note, packet->type, got);
    return true;
}

static bool fail_match(struct play *play, const struct line *line, enum packet_type type,
                       const struct description *got, const char *differs)
{
    report_line(play, line);
    fields_print(play->report, type, got);
    buffer_append_format(play->report, "\n  differs:  %s\n", *differs ? differs : "topic name");
    report_history(play);
    return false;
}

static bool play_expect(struct play *play, const struct line *line)
{
    struct actor *actor = find_actor(play, line->actor);
    struct description got;
    struct packet packet;
    size_t size;

    if (!take_packet(play, line, actor, &packet, &got, &size)) {
        return false;
    }
    const char *differs = match_packet(line, packet.type, &got, &play->variables);

    if (differs) {
        return fail_match(play, line, packet.type, &got, differs);
    }
    match_capture(play->script, line, &got, &play->variables);
    actor_consume(actor, size);
    return true;
}

/* `closed` and `nothing`: the actor must have no packet. */
static bool expect_state(struct play *play, const struct line *line, enum actor_read want,
                         int timeout_ms)
{
    struct actor *actor = find_actor(play, line->actor);
    struct packet packet;
    size_t size;
    enum actor_read state = actor_read(actor, play->operations, timeout_ms, &packet, &size);

    if (state == want) {
        return true;
    }
    report_line(play, line);
    if (state == ACTOR_PACKET) {
        struct description got;

        fields_describe(&packet, &got);
        fields_print(play->report, packet.type, &got);
    } else {
        describe_state(play, actor, state, play->report);
    }
    buffer_append_string(play->report, "\n");
    report_history(play);
    return false;
}

/* What a server may say before it closes: a refusing CONNACK or a DISCONNECT. The oracle's reason
 * codes are its own; ours are part of the contract where the line names one. */
static bool is_farewell(const struct actor *actor, const struct packet *packet)
{
    if (packet->type == PACKET_CONNACK) {
        return packet->connack.reason != REASON_SUCCESS && !actor->connected;
    }
    return packet->type == PACKET_DISCONNECT && actor->version == MQTT_5;
}

/* `closed`: a 3.1.1 server says nothing, a server of MQTT 5 may say why. `closed reason=0x81`: it
 * must say this (a foreign server may keep silent or say something else). */
static bool play_expect_closed(struct play *play, const struct line *line)
{
    struct actor *actor = find_actor(play, line->actor);
    bool said = false, names_reason = line->field_count > 0;
    struct packet packet;
    size_t size;

    if (actor_read(actor, play->operations, wait_ms(play), &packet, &size) == ACTOR_PACKET &&
        is_farewell(actor, &packet) && (actor->version == MQTT_5 || names_reason)) {
        struct description got;

        fields_describe(&packet, &got);
        const char *differs = match_fields(line, &got, &play->variables);

        if (differs && !play->operations->is_foreign) {
            return fail_match(play, line, packet.type, &got, differs);
        }
        actor_consume(actor, size);
        said = true;
    }
    if (!expect_state(play, line, ACTOR_CLOSED, wait_ms(play))) {
        return false;
    }
    if (names_reason && !said && !play->operations->is_foreign) {
        return fail_line(play, line, "closed without saying why");
    }
    actor_disconnect(actor, play->operations);
    buffer_append_format(new_history_line(play), "%s", line->text);
    return true;
}

static bool play_expect_nothing(struct play *play, const struct line *line)
{
    struct actor *actor = find_actor(play, line->actor);
    bool can_ping = actor->connected && !actor->half_sent;

    if (!play->operations->fake_clock) {
        if (play->dropped || !can_ping) {
            play->operations->advance(play->target, SILENCE_MS);
        }
        for (size_t i = 0; i < play->actor_count; i++) {
            if (&play->actors[i] != actor) {
                actor_barrier(&play->actors[i], play->operations, WAIT_MS);
            }
        }
        actor_barrier(actor, play->operations, WAIT_MS);
        play->dropped = false;
    }
    return expect_state(play, line, ACTOR_NOTHING, 0);
}

/* Stops or goes on reading. */
static bool play_reading(struct play *play, const struct line *line)
{
    struct actor *actor = find_actor(play, line->actor);

    buffer_append_format(new_history_line(play), "%s", line->text);
    if (!actor->link) {
        return fail_line(play, line, "the actor has no network connection");
    }
    play->operations->stall(actor->link, line->kind == LINE_STALL);
    return true;
}

static bool play_stop(struct play *play, const struct line *line)
{
    buffer_append_format(new_history_line(play), "%s", line->text);
    play->operations->stop(play->target);
    return true;
}

static bool play_change(struct play *play, const struct line *line)
{
    buffer_append_format(new_history_line(play), "%s", line->text);
    play->operations->change_rules(play->target, play->script, line);
    return true;
}

static bool play_commits(struct play *play, const struct line *line)
{
    buffer_append_format(new_history_line(play), "%s", line->text);
    play->operations->hold_commits(play->target, line->kind == LINE_HOLD);
    return true;
}

static bool play_commit_some(struct play *play, const struct line *line)
{
    buffer_append_format(new_history_line(play), "%s", line->text);
    play->operations->commit(play->target, line->count);
    return true;
}

/* What the broker does when it starts again follows from the line `restart`, which is the next. */
static bool play_crash(struct play *play, const struct line *line)
{
    const struct line *next = line + 1;

    buffer_append_format(new_history_line(play), "%s", line->text);
    if (next == play->script->lines + play->script->line_count || next->kind != LINE_RESTART) {
        return fail_line(play, line, "`restart` must follow");
    }
    bool good = play->operations->restart(play->target, line->count, next, play->report);
    for (size_t i = 0; i < play->actor_count; i++) {
        actor_disconnect(&play->actors[i], play->operations);
    }
    return good || fail_line(play, next, "the broker does not start");
}

static bool play_restart(struct play *play, const struct line *line)
{
    buffer_append_format(new_history_line(play), "%s", line->text);
    return (line > play->script->lines && line[-1].kind == LINE_CRASH) ||
           fail_line(play, line, "`crash` must precede");
}

static struct slice find_text(const struct play *play, const struct line *line, const char *name)
{
    for (size_t i = 0; i < line->field_count; i++) {
        const struct value *value = &line->fields[i].value;

        if (strcmp(line->fields[i].name, name) == 0) {
            if (value->kind == VALUE_VARIABLE) {
                value = variables_find(&play->variables, value->text);
            }
            return value ? value->text : SLICE_EMPTY;
        }
    }
    return SLICE_EMPTY;
}

/* Sets $client_final and $server_final. */
static bool play_scram(struct play *play, const struct line *line)
{
    struct scram_exchange exchange = {find_text(play, line, "client_first"),
                                      find_text(play, line, "password"),
                                      find_text(play, line, "challenge")};
    struct buffer client_final = {0}, server_final = {0};
    bool ok = scram_answer(&exchange, &client_final, &server_final);

    variables_set_text(play->script, &play->variables, "client_final", buffer_slice(&client_final));
    variables_set_text(play->script, &play->variables, "server_final", buffer_slice(&server_final));
    buffer_release(&client_final);
    buffer_release(&server_final);
    return ok || fail_line(play, line, "a challenge that cannot be answered");
}

static bool play_advance(struct play *play, const struct line *line)
{
    buffer_append_format(new_history_line(play), "%s", line->text);
    play->operations->advance(play->target, line->duration);
    return true;
}

/* Takes the next packet of the line's actor and gives it to the first open line that it matches. */
static bool match_any(struct play *play, struct line *first, const struct line *end)
{
    struct actor *actor = find_actor(play, first->actor);
    struct description got;
    struct packet packet;
    size_t size;

    if (!take_packet(play, first, actor, &packet, &got, &size)) {
        return false;
    }
    for (struct line *line = first; line < end; line++) {
        if (!line->matched && strcmp(line->actor, first->actor) == 0 &&
            !match_packet(line, packet.type, &got, &play->variables)) {
            match_capture(play->script, line, &got, &play->variables);
            actor_consume(actor, size);
            line->matched = true;
            return true;
        }
    }
    return fail_match(play, first, packet.type, &got, "none of the lines left in any-order fits");
}

/* Plays the block behind `any-order {`; `*at` ends up on its `}`. */
static bool play_any_order(struct play *play, struct line **at)
{
    struct line *first = *at + 1, *last = first;
    const struct line *end = play->script->lines + play->script->line_count;

    while (last < end && last->kind == LINE_EXPECT) {
        last++;
    }
    if (last == end || last->kind != LINE_END_OF_BLOCK) {
        return fail_line(play, *at, "a block that holds something else than `<` packet lines");
    }
    for (struct line *line = first; line < last;) {
        if (line->matched) {
            line++;
        } else if (!match_any(play, line, last)) {
            return false;
        }
    }
    *at = last;
    return true;
}

static bool play_line(struct play *play, struct line **at)
{
    static bool (*const players[])(struct play *, const struct line *) = {
        [LINE_SEND] = play_send,
        [LINE_SEND_BYTES] = play_send_bytes,
        [LINE_DROP] = play_drop,
        [LINE_CONNECT] = play_connect,
        [LINE_EXPECT] = play_expect,
        [LINE_EXPECT_CLOSED] = play_expect_closed,
        [LINE_EXPECT_NOTHING] = play_expect_nothing,
        [LINE_STALL] = play_reading,
        [LINE_RESUME] = play_reading,
        [LINE_STOP] = play_stop,
        [LINE_CHANGE] = play_change,
        [LINE_HOLD] = play_commits,
        [LINE_COMMIT] = play_commits,
        [LINE_COMMIT_SOME] = play_commit_some,
        [LINE_CRASH] = play_crash,
        [LINE_RESTART] = play_restart,
        [LINE_SCRAM] = play_scram,
        [LINE_ADVANCE] = play_advance,
    };
    enum line_kind kind = (*at)->kind;

    if (kind == LINE_ANY_ORDER) {
        return play_any_order(play, at);
    }
    if (kind == LINE_END_OF_BLOCK) {
        return fail_line(play, *at, "no block is open");
    }
    if ((*at)->actor && !find_actor(play, (*at)->actor)) {
        return fail_line(play, *at, "too many actors");
    }
    return players[kind](play, *at);
}

/* With the fake clock a packet that no line expected is known for certain: the scenario is then
 * not what its file says. */
static bool expect_no_leftovers(struct play *play)
{
    struct line end = {.text = "no more packets at the end of the file"};
    struct packet packet;
    size_t size;

    for (size_t i = 0; play->operations->fake_clock && i < play->actor_count; i++) {
        struct actor *actor = &play->actors[i];

        if (actor_read(actor, play->operations, 0, &packet, &size) == ACTOR_PACKET) {
            struct description got;

            fields_describe(&packet, &got);
            end.actor = actor->name;
            return fail_match(play, &end, packet.type, &got, actor->name);
        }
    }
    return true;
}

bool play_script(struct script *script, const struct target_operations *operations,
                 struct target *target, struct buffer *report)
{
    struct play *play = memory_allocate_zero(sizeof(*play));
    bool ok = true;

    play->script = script;
    play->operations = operations;
    play->target = target;
    play->report = report;
    for (struct line *line = script->lines; ok && line < script->lines + script->line_count;
         line++) {
        ok = play_line(play, &line);
    }
    ok = ok && expect_no_leftovers(play);
    for (size_t i = 0; i < play->actor_count; i++) {
        actor_disconnect(&play->actors[i], operations);
        buffer_release(&play->actors[i].in);
    }
    for (size_t i = 0; i < HISTORY; i++) {
        buffer_release(&play->history[i]);
    }
    free(play);
    return ok;
}
