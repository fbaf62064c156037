/* Sign-in by the namespace's webhook. See auth_parts.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/session.h"
#include "core/shard.h"
#include "net/auth_parts.h"
#include "net/http_asker.h"
#include "net/sign_in_webhook.h"

struct webhook_job {
    struct http_question question;
    struct connection *connection; /* core keeps it while the answer is due */
    struct directory *directory;   /* one count */
    struct buffer user_name;       /* the name, if the webhook gives no other */
};

static void webhook_job_free(struct webhook_job *job)
{
    http_question_release(&job->question);
    directory_release(job->directory);
    buffer_release(&job->user_name);
    free(job);
}

/* A failure is ours, so the client may try again: 0x88. */
static enum auth_verdict judge_answer(struct webhook_job *job, struct proof *proof,
                                      struct auth_answer *answer)
{
    static const char *const words[] = {"allows", "denies", "fails", "is broken"};
    const struct http_question *question = &job->question;
    struct slice why = slice_from_string(question->failure ? question->failure : "");
    enum webhook_decision decision =
        question->status == 0
            ? WEBHOOK_FAILS
            : webhook_answer_read(question->status, buffer_slice(&question->answer),
                                  auth_wall_clock(), proof, &why);
    if (decision == WEBHOOK_ALLOWS && proof->name.length == 0) {
        buffer_append(&proof->name, buffer_slice(&job->user_name));
    }
    if (decision == WEBHOOK_ALLOWS && proof->name.length > 0) {
        return auth_accept(job->directory, proof, job->connection->shard->now, answer);
    }
    LOG_LIMITED(decision == WEBHOOK_DENIES ? LOG_INFO : LOG_WARNING, "webhook lets nobody in",
                "it=\"%s\" status=%ld reason=%s", words[decision], question->status,
                log_quote(decision == WEBHOOK_ALLOWS ? SLICE_LITERAL("nobody has a name") : why));
    return auth_refuse(answer, decision == WEBHOOK_FAILS ? REASON_SERVER_UNAVAILABLE
                                                         : REASON_NOT_AUTHORIZED);
}

/* On the shard's thread. */
static void webhook_job_answer(struct mail *mail, void *receiver)
{
    struct webhook_job *job = CONTAINER_OF(mail, struct webhook_job, question.mail);
    if (receiver) {
        struct auth_answer answer = {0};
        struct proof proof = {0};
        enum auth_verdict verdict = judge_answer(job, &proof, &answer);
        connection_authenticated(job->connection, verdict, &answer);
        proof_release(&proof);
    }
    webhook_job_free(job);
}

static struct slice client_identifier(const struct connection *connection)
{
    return connection->session ? session_client_identifier(connection->session)
                               : connection_client_identifier(connection);
}

static struct http_asker *asker_of(struct auth_service *service)
{
    pthread_mutex_lock(&service->lock);
    struct http_asker *asker = service->asker;
    pthread_mutex_unlock(&service->lock);
    return asker;
}

enum auth_verdict auth_by_webhook(const struct attempt *attempt, struct auth_answer *answer)
{
    const struct connection *connection = attempt->connection;
    struct http_asker *asker = asker_of(attempt->service);
    struct webhook_client client = {
        .client_identifier = client_identifier(connection),
        .user_name = attempt_user_name(attempt),
        .password = attempt_password(attempt),
        .properties = &attempt->packet->properties,
        .certificate = attempt->origin.certificate,
    };
    struct webhook_job *job = memory_allocate_zero(sizeof(*job));
    job->question.mail.run = webhook_job_answer;
    job->question.answer_to = attempt->service->mailboxes[connection->shard->index];
    job->connection = attempt->connection;
    job->directory = directory_hold(attempt->directory);
    buffer_append(&job->user_name, client.user_name);
    buffer_append_string(&job->question.url, attempt->directory->sign_in->webhook_url);
    buffer_append_byte(&job->question.url, '\0');
    webhook_request_append(&job->question.body, &client);
    if (!asker || !http_asker_ask(asker, &job->question)) {
        webhook_job_free(job);
        return auth_refuse(answer, REASON_SERVER_BUSY);
    }
    return AUTH_PENDING;
}
