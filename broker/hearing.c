/* Changes of settings, see hearing.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "hearing.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "core/message.h"
#include "core/retained.h"
#include "mqtt/properties.h"

static const struct slice prefix = SLICE_LITERAL("$config/eventgrid/");
static const struct slice watched = SLICE_LITERAL("$config/eventgrid/namespaces/");

struct heard {
    struct mail mail;
    struct message *message; /* one count */
};

/* Of one hearing_take(). */
struct taking {
    struct hearing *hearing;
    struct namespaces *namespaces;
    struct buffer *marks;
    bool has_changed; /* what the namespaces say */
};

/* --- the main thread --- */

/* False: it is nothing that `namespaces` knows of. */
static bool take_retained(struct hearing *hearing, struct namespaces *namespaces,
                          struct slice filter)
{
    struct retained_matches stored = {0};
    bool is_known = false;

    retained_match(hearing->retained, filter, clock_now(), &stored);
    for (size_t i = 0; i < stored.count; i++) {
        is_known |= namespaces_set_stored(namespaces,
                                          slice_from(message_topic(stored.items[i]), prefix.length),
                                          message_payload(stored.items[i]));
    }
    if (stored.count == 0) {
        is_known =
            namespaces_set_stored(namespaces, slice_from(filter, prefix.length), SLICE_EMPTY);
    }
    retained_matches_release(&stored);
    return is_known;
}

static void append_mark(struct buffer *marks, const struct message *message)
{
    struct slice rest = message_properties(message);
    struct property_item item;

    while (properties_next(&rest, &item)) {
        if (item.property == PROPERTY_CORRELATION_DATA) {
            buffer_append(marks, item.value);
        }
    }
}

static void heard_run(struct mail *mail, void *receiver)
{
    struct heard *heard = CONTAINER_OF(mail, struct heard, mail);
    struct taking *taking = receiver;

    if (taking) {
        taking->has_changed |=
            take_retained(taking->hearing, taking->namespaces, message_topic(heard->message));
        append_mark(taking->marks, heard->message);
    }
    message_release(heard->message);
    free(heard);
}

bool hearing_take_stored(struct hearing *hearing, struct namespaces *namespaces)
{
    return take_retained(hearing, namespaces, SLICE_LITERAL("$config/eventgrid/namespaces/#"));
}

bool hearing_take(struct hearing *hearing, struct namespaces *namespaces, struct buffer *marks)
{
    struct mail_list list = mailbox_take(&hearing->mailbox);
    struct taking taking = {hearing, namespaces, marks, false};

    mail_list_run(&list, &taking);
    return taking.has_changed;
}

/* --- any worker's thread --- */

static void retained_changed(void *context, struct message *message)
{
    struct hearing *hearing = context;
    struct heard *heard = memory_allocate_zero(sizeof(*heard));
    struct mail_list list = {0};

    heard->mail.run = heard_run;
    heard->message = message_hold(message);
    mail_list_add(&list, &heard->mail);
    mailbox_post(&hearing->mailbox, &list);
}

int hearing_init(struct hearing *hearing, struct broker *broker)
{
    hearing->retained = broker->retained;
    broker->watch = (struct retained_watch){
        .prefix = watched,
        .changed = retained_changed,
        .context = hearing,
    };
    return mailbox_init(&hearing->mailbox);
}

void hearing_release(struct hearing *hearing)
{
    mailbox_release(&hearing->mailbox);
}
