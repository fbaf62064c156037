/* Mail between threads: order, wake-ups, and that nothing is lost between several posters and one
 * owner who sleeps in poll().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <poll.h>
#include <pthread.h>

#include "base/mailbox.h"
#include "base/memory.h"

enum { POSTERS = 3, MAILS_EACH = 20000, BATCH_MAX = 7 };

struct note {
    struct mail mail;
    unsigned poster, number;
};

struct receiver {
    unsigned next[POSTERS]; /* number expected from each */
    unsigned total;
    bool in_order;
};

static unsigned orphans; /* notes run without a receiver */

static void note_run(struct mail *mail, void *context)
{
    struct note *note = CONTAINER_OF(mail, struct note, mail);
    struct receiver *receiver = context;

    if (receiver) {
        receiver->in_order &= note->number == receiver->next[note->poster];
        receiver->next[note->poster] = note->number + 1;
        receiver->total += 1;
    } else {
        orphans += 1;
    }
    free(note);
}

static void note_add(struct mail_list *list, unsigned poster, unsigned number)
{
    struct note *note = memory_allocate(sizeof(*note));

    *note = (struct note){.mail.run = note_run, .poster = poster, .number = number};
    mail_list_add(list, &note->mail);
}

static bool is_readable(const struct mailbox *mailbox, int timeout_ms)
{
    struct pollfd fd = {.fd = mailbox->wake_fd, .events = POLLIN};

    return poll(&fd, 1, timeout_ms) == 1;
}

TEST(mail_arrives_in_order)
{
    struct receiver receiver = {.in_order = true};
    struct mailbox mailbox;
    struct mail_list list = {0};

    CHECK_INT_EQUAL(mailbox_init(&mailbox), 0);
    for (unsigned i = 0; i < 10; i++) {
        note_add(&list, 0, i);
        if (i % 3 == 0) {
            mailbox_post(&mailbox, &list);
            CHECK(!list.first && !list.last);
        }
    }
    list = mailbox_take(&mailbox);
    mail_list_run(&list, &receiver);
    CHECK(receiver.in_order);
    CHECK_INT_EQUAL(receiver.total, 10);
    CHECK(!list.first && !list.last);
    mailbox_release(&mailbox);
}

TEST(only_the_first_mail_wakes_and_taking_clears)
{
    struct receiver receiver = {.in_order = true};
    struct mail_list list = {0};
    struct mailbox mailbox;

    CHECK_INT_EQUAL(mailbox_init(&mailbox), 0);
    mailbox_post(&mailbox, &list); /* nothing: no wake-up */
    CHECK(!is_readable(&mailbox, 0));
    note_add(&list, 0, 0);
    mailbox_post(&mailbox, &list);
    CHECK(is_readable(&mailbox, 0));
    list = mailbox_take(&mailbox);
    CHECK(!is_readable(&mailbox, 0));
    mail_list_run(&list, &receiver);
    list = mailbox_take(&mailbox);
    CHECK(!list.first);
    mailbox_release(&mailbox);
}

TEST(release_runs_what_is_left_without_a_receiver)
{
    struct mail_list list = {0};
    struct mailbox mailbox;

    orphans = 0;
    CHECK_INT_EQUAL(mailbox_init(&mailbox), 0);
    note_add(&list, 0, 0);
    note_add(&list, 0, 1);
    mailbox_post(&mailbox, &list);
    mailbox_release(&mailbox);
    CHECK_INT_EQUAL(orphans, 2);
}

TEST(an_attending_owner_needs_no_wake_up)
{
    struct receiver receiver = {.in_order = true};
    struct mail_list list = {0};
    struct mailbox mailbox;

    CHECK_INT_EQUAL(mailbox_init(&mailbox), 0);
    mailbox_attend(&mailbox);
    note_add(&list, 0, 0);
    mailbox_post(&mailbox, &list);
    CHECK(!is_readable(&mailbox, 0));
    CHECK(!mailbox_leave(&mailbox)); /* mail waits: stay */
    list = mailbox_take(&mailbox);
    mail_list_run(&list, &receiver);
    CHECK_INT_EQUAL(receiver.total, 1);
    CHECK(mailbox_leave(&mailbox));
    note_add(&list, 0, 1);
    mailbox_post(&mailbox, &list);
    CHECK(is_readable(&mailbox, 0));
    mailbox_clear(&mailbox);
    CHECK(!is_readable(&mailbox, 0));
    list = mailbox_take(&mailbox);
    mail_list_run(&list, &receiver);
    CHECK_INT_EQUAL(receiver.total, 2);
    mailbox_release(&mailbox);
}

struct poster {
    pthread_t thread;
    struct mailbox *mailbox;
    unsigned id;
};

static void *poster_main(void *context)
{
    struct poster *poster = context;
    struct mail_list list = {0};

    for (unsigned i = 0; i < MAILS_EACH; i++) {
        note_add(&list, poster->id, i);
        if (i % BATCH_MAX == poster->id) {
            mailbox_post(poster->mailbox, &list);
        }
    }
    mailbox_post(poster->mailbox, &list);
    return NULL;
}

/* As a worker does: attends while there is mail, and sleeps only after it could leave. */
static void receive_all(struct mailbox *mailbox, struct receiver *receiver, bool attends)
{
    while (receiver->total < POSTERS * MAILS_EACH) {
        struct mail_list list;
        CHECK(is_readable(mailbox, 20000)); /* a lost wake-up would end here */
        if (attends) {
            mailbox_attend(mailbox);
            mailbox_clear(mailbox);
        }
        do {
            list = mailbox_take(mailbox);
            mail_list_run(&list, receiver);
        } while (attends && !mailbox_leave(mailbox));
    }
}

static void check_posters(bool attends)
{
    struct receiver receiver = {.in_order = true};
    struct poster posters[POSTERS];
    struct mailbox mailbox;

    CHECK_INT_EQUAL(mailbox_init(&mailbox), 0);
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.mailbox = &mailbox, .id = i};
        CHECK_INT_EQUAL(pthread_create(&posters[i].thread, NULL, poster_main, &posters[i]), 0);
    }
    receive_all(&mailbox, &receiver, attends);
    for (unsigned i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        CHECK_INT_EQUAL(receiver.next[i], MAILS_EACH);
    }
    CHECK(receiver.in_order);
    mailbox_release(&mailbox);
}

TEST(no_mail_is_lost_between_threads)
{
    check_posters(false);
}

TEST(no_mail_is_lost_while_attending)
{
    check_posters(true);
}
