/* What the files of `pubgrid event` share: the command line, taken apart, and requests about what
 * it names.
 *
 *     event.c        the command line
 *     event_flags.c  flags, and event_body.c: the JSON that they say
 *     event_manage.c topics and event subscriptions are listed, made, shown, changed, deleted
 *     event_work.c   log, dead letters, events that are sent again
 *     event_send.c   events that are sent, or tried out
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_EVENT_COMMAND_H
#define PUBGRID_CLI_EVENT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "event_flags.h"
#include "grid_request.h"

struct event_verb;

struct event_command {
    struct access_options access;
    struct event_flags flags;
    const struct event_verb *verb;
    struct look_options look;
    char *const *words; /* [word_count] behind noun and verb */
    size_t word_count;
};

struct event_verb {
    const char *noun, *name;
    const char *collection; /* of sources: "topics" */
    size_t least, most;     /* words */
    unsigned flags;         /* FLAG_OF_* that it takes */
    bool (*run)(const struct event_command *command, struct server *server);
};

/* The word at this place; NULL: there is none. */
const char *event_word(const struct event_command *command, size_t place);
/* Appends the path of a source: a topic's name, or "domains/D", "domains/D/topics/T",
 * "systemTopics/S". */
void event_append_source(struct buffer *path, const char *source);

typedef bool event_run(const struct event_command *command, struct server *server);

event_run event_list_sources, event_create_source, event_show_source, event_update_source,
    event_delete_source, event_keys, event_regenerate_key;
event_run event_list_subscriptions, event_create_subscription, event_show_subscription,
    event_update_subscription, event_delete_subscription;
event_run event_log, event_list_dead_letters, event_show_dead_letter, event_resend_dead_letters,
    event_resend, event_replay, event_send, event_test;

#endif
