/* Mail between threads; see mailbox.h.
 *
 * The lock covers a few pointer writes, never a run or a system call (invariant 5). The eventfd is
 * read before the list is taken: a mail posted in between is taken now and its wake-up finds an
 * empty box, while the other order could swallow the wake-up of a mail that stays behind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

void mail_list_move(struct mail_list *to, struct mail_list *from)
{
    if (!from->first) {
        return;
    }
    if (to->last) {
        to->last->next = from->first;
    } else {
        to->first = from->first;
    }
    to->last = from->last;
    *from = (struct mail_list){0};
}

void mail_list_run(struct mail_list *list, void *receiver)
{
    struct mail *mail = list->first;

    *list = (struct mail_list){0};
    while (mail) {
        struct mail *next = mail->next; /* run frees the mail */
        mail->run(mail, receiver);
        mail = next;
    }
}

int mailbox_init(struct mailbox *mailbox)
{
    int error;

    *mailbox = (struct mailbox){.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    if (mailbox->wake_fd < 0) {
        return -errno;
    }
    error = pthread_mutex_init(&mailbox->lock, NULL);
    if (error != 0) {
        close(mailbox->wake_fd);
        mailbox->wake_fd = -1;
    }
    return -error;
}

void mailbox_release(struct mailbox *mailbox)
{
    struct mail_list list = mailbox_take(mailbox);

    mail_list_run(&list, NULL);
    close(mailbox->wake_fd);
    mailbox->wake_fd = -1;
    pthread_mutex_destroy(&mailbox->lock);
}

/* Fails only with EAGAIN, when 2^64 - 2 wake-ups wait: then the owner is awake anyway. */
static void mailbox_wake(const struct mailbox *mailbox)
{
    uint64_t one = 1;
    ssize_t written;

    do {
        written = write(mailbox->wake_fd, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
}

void mailbox_post(struct mailbox *mailbox, struct mail_list *list)
{
    bool wake;

    if (!list->first) {
        return;
    }
    pthread_mutex_lock(&mailbox->lock);
    wake = !mailbox->list.first && !mailbox->attended;
    mail_list_move(&mailbox->list, list);
    pthread_mutex_unlock(&mailbox->lock);
    if (wake) {
        mailbox_wake(mailbox);
    }
}

void mailbox_clear(struct mailbox *mailbox)
{
    uint64_t count;
    ssize_t got;

    do {
        got = read(mailbox->wake_fd, &count, sizeof(count));
    } while (got < 0 && errno == EINTR);
}

struct mail_list mailbox_take(struct mailbox *mailbox)
{
    struct mail_list list;

    if (!mailbox->attended) { /* only the owner, who is here, changes it */
        mailbox_clear(mailbox);
    }
    pthread_mutex_lock(&mailbox->lock);
    list = mailbox->list;
    mailbox->list = (struct mail_list){0};
    pthread_mutex_unlock(&mailbox->lock);
    return list;
}

void mailbox_attend(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->attended = true;
    pthread_mutex_unlock(&mailbox->lock);
}

bool mailbox_leave(struct mailbox *mailbox)
{
    bool leaves;

    pthread_mutex_lock(&mailbox->lock);
    leaves = !mailbox->list.first;
    mailbox->attended = !leaves;
    pthread_mutex_unlock(&mailbox->lock);
    return leaves;
}
