/* User name and password, by the password file: hashes are computed on a thread of their own. See
 * auth_parts.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "core/shard.h"
#include "net/auth_parts.h"
#include "net/side_thread.h"

struct password_job {
    struct side_job job;
    struct connection *connection; /* core keeps it while the answer is due */
    struct directory *directory;   /* one count */
    struct buffer user, password;
    msec_t deadline; /* nobody waits for the answer after that */
    bool is_late, is_right;
};

static void password_job_free(struct password_job *job)
{
    directory_release(job->directory);
    digest_wipe_buffer(&job->password);
    buffer_release(&job->user);
    free(job);
}

/* On the side thread. */
static void password_job_work(struct side_job *side_job)
{
    struct password_job *job = CONTAINER_OF(side_job, struct password_job, job);
    struct password_table *table = job->directory->accounts->passwords;
    struct password_user *user = password_find(table, buffer_slice(&job->user));
    struct slice password = buffer_slice(&job->password);
    job->is_late = clock_now() > job->deadline;
    if (!job->is_late) {
        /* Another connection of this user may have been first. */
        job->is_right = (user && password_is_remembered(table, user, password)) ||
                        password_verify(table, user, password);
    }
}

/* On the shard's thread. */
static void password_job_answer(struct mail *mail, void *receiver)
{
    struct password_job *job = CONTAINER_OF(mail, struct password_job, job.mail);
    if (receiver) {
        struct auth_answer answer = {0};
        enum auth_verdict verdict =
            job->is_right  ? auth_accept_user(job->directory, buffer_slice(&job->user), &answer)
            : job->is_late ? auth_refuse(&answer, REASON_SERVER_BUSY)
                           : auth_refuse(&answer, REASON_BAD_USER_NAME_OR_PASSWORD);
        connection_authenticated(job->connection, verdict, &answer);
    }
    password_job_free(job);
}

static enum auth_verdict submit_password(const struct attempt *attempt, struct auth_answer *answer)
{
    const struct shard *shard = attempt->connection->shard;
    struct password_job *job = memory_allocate_zero(sizeof(*job));
    job->job.mail.run = password_job_answer;
    job->job.work = password_job_work;
    job->job.answer_to = attempt->service->mailboxes[shard->index];
    job->connection = attempt->connection;
    job->directory = directory_hold(attempt->directory);
    job->deadline = shard->now + shard->settings->options.connect_timeout_ms;
    buffer_append(&job->user, attempt_user_name(attempt));
    buffer_append(&job->password, attempt_password(attempt));
    if (!side_thread_submit(attempt->service->side, &job->job)) {
        password_job_free(job);
        return auth_refuse(answer, REASON_SERVER_BUSY);
    }
    return AUTH_PENDING;
}

enum auth_verdict auth_by_password(const struct attempt *attempt, struct auth_answer *answer)
{
    struct password_table *table = attempt->directory->accounts->passwords;
    struct slice name = attempt_user_name(attempt);
    struct password_user *user = password_find(table, name);
    if (user && password_is_remembered(table, user, attempt_password(attempt))) {
        return auth_accept_user(attempt->directory, name, answer);
    }
    return submit_password(attempt, answer);
}
