/* A thread and its queue. See side_thread.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/side_thread.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

struct side_thread {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct mail_list waiting; /* jobs, by their mails */
    size_t count, most;
    bool stopping;
};

/* Waits for a job; NULL when the thread shall end. */
static struct side_job *take_job(struct side_thread *side)
{
    struct mail *mail = NULL;
    pthread_mutex_lock(&side->lock);
    while (!side->stopping && !side->waiting.first) {
        pthread_cond_wait(&side->changed, &side->lock);
    }
    if (!side->stopping) {
        mail = side->waiting.first;
        side->waiting.first = mail->next;
        side->waiting.last = mail->next ? side->waiting.last : NULL;
        side->count--;
    }
    pthread_mutex_unlock(&side->lock);
    return mail ? CONTAINER_OF(mail, struct side_job, mail) : NULL;
}

static void *side_thread_run(void *context)
{
    struct side_job *job;
    while ((job = take_job(context)) != NULL) {
        struct mail_list answer = {0};
        struct mailbox *to = job->answer_to;
        job->work(job);
        mail_list_add(&answer, &job->mail);
        mailbox_post(to, &answer);
    }
    return NULL;
}

struct side_thread *side_thread_start(size_t jobs_max)
{
    struct side_thread *side = memory_allocate_zero(sizeof(*side));
    side->most = jobs_max;
    pthread_mutex_init(&side->lock, NULL);
    pthread_cond_init(&side->changed, NULL);
    if (pthread_create(&side->thread, NULL, side_thread_run, side) != 0) {
        free(side);
        return NULL;
    }
    pthread_setname_np(side->thread, "auth");
    return side;
}

bool side_thread_submit(struct side_thread *side, struct side_job *job)
{
    pthread_mutex_lock(&side->lock);
    bool room = side->count < side->most;
    if (room) {
        mail_list_add(&side->waiting, &job->mail);
        side->count++;
    }
    pthread_mutex_unlock(&side->lock);
    if (room) {
        pthread_cond_signal(&side->changed);
    }
    return room;
}

void side_thread_stop(struct side_thread *side)
{
    pthread_mutex_lock(&side->lock);
    side->stopping = true;
    pthread_mutex_unlock(&side->lock);
    pthread_cond_signal(&side->changed);
    pthread_join(side->thread, NULL);
    mail_list_run(&side->waiting, NULL);
    pthread_cond_destroy(&side->changed);
    pthread_mutex_destroy(&side->lock);
    free(side);
}
