/* Mail between threads: append under a short lock, wake only on empty -> non-empty, take the
 * whole list at once. A mail carries the function that runs it, so the poster, the mailbox and
 * the store (which posts what is sealed to a commit) need not know what is in it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_MAILBOX_H
#define PUBGRID_BASE_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>

/* One note to another thread. The sender owns it until it is posted, then the receiver; `run`
 * frees it. A mail that the receiver no longer wants (shut down) gets run with receiver NULL and
 * must then only free what it holds. */
struct mail {
    struct mail *next;
    void (*run)(struct mail *mail, void *receiver);
};

/* Oldest first. Zeroed memory is an empty list. */
struct mail_list {
    struct mail *first, *last;
};

static inline void mail_list_add(struct mail_list *list, struct mail *mail)
{
    mail->next = NULL;
    if (list->last) {
        list->last->next = mail;
    } else {
        list->first = mail;
    }
    list->last = mail;
}

/* Moves all mail of `from` behind that of `to`; `from` is empty afterwards. */
void mail_list_move(struct mail_list *to, struct mail_list *from);

/* Runs (and thereby frees) every mail, oldest first; the list is empty afterwards. Mails that a
 * run adds to the same list are not run. */
void mail_list_run(struct mail_list *list, void *receiver);

struct mailbox {
    pthread_mutex_t lock;
    struct mail_list list;
    bool attended; /* the owner looks again before it sleeps: posting need not wake it */
    int wake_fd;   /* eventfd: readable while mail may wait; the owner polls and reads it */
};

/* 0 or -errno. */
int mailbox_init(struct mailbox *mailbox);
/* Runs what is left with receiver NULL and closes the descriptor. */
void mailbox_release(struct mailbox *mailbox);
/* Any thread. Takes over all mails of `list`, which is empty afterwards. */
void mailbox_post(struct mailbox *mailbox, struct mail_list *list);
/* The owner: takes all mail, oldest first (empty list if none), and clears the wake-up. */
struct mail_list mailbox_take(struct mailbox *mailbox);

/* A busy owner saves the wake-ups: between mailbox_attend() and mailbox_leave() posting makes no
 * system call, and neither does mailbox_take(). */
void mailbox_attend(struct mailbox *mailbox);
/* False, and still attended, if mail waits: the owner must not sleep. */
bool mailbox_leave(struct mailbox *mailbox);
/* Clears the wake-up of an owner that was woken and attends. */
void mailbox_clear(struct mailbox *mailbox);

#endif
