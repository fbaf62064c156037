/* Authentication of clients. See auth.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/auth.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "core/connection.h"
#include "core/shard.h"
#include "net/auth_method.h"
#include "net/side_thread.h"

/* More than these cannot be hashed before their clients lose patience. */
enum { PASSWORDS_WAITING_MAX = 1024 };

struct auth_service {
    struct mailbox *const *mailboxes;
    struct side_thread *side;
    pthread_mutex_t lock; /* of the pointer */
    struct directory *directory;
};

static struct directory *current_directory(struct auth_service *service)
{
    pthread_mutex_lock(&service->lock);
    struct directory *directory = directory_hold(service->directory);
    pthread_mutex_unlock(&service->lock);
    return directory;
}

static enum auth_verdict refuse(struct auth_answer *answer, enum reason_code reason)
{
    answer->reason = reason;
    return AUTH_REFUSED;
}

static enum auth_verdict accept_user(const struct directory *directory, struct slice user,
                                     struct auth_answer *answer)
{
    answer->identity = groups_identity(directory->groups, user);
    return AUTH_ACCEPTED;
}

/* --- passwords --- */

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
    if (job->password.length > 0) {
        digest_wipe(job->password.data, job->password.length);
    }
    buffer_release(&job->password);
    buffer_release(&job->user);
    free(job);
}

/* On the side thread. */
static void password_job_work(struct side_job *side_job)
{
    struct password_job *job = CONTAINER_OF(side_job, struct password_job, job);
    struct password_table *table = job->directory->passwords;
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
            job->is_right  ? accept_user(job->directory, buffer_slice(&job->user), &answer)
            : job->is_late ? refuse(&answer, REASON_SERVER_BUSY)
                           : refuse(&answer, REASON_BAD_USER_NAME_OR_PASSWORD);
        connection_authenticated(job->connection, verdict, &answer);
    }
    password_job_free(job);
}

static enum auth_verdict submit_password(struct auth_service *service,
                                         struct connection *connection, struct directory *directory,
                                         const struct packet *packet, struct auth_answer *answer)
{
    const struct shard *shard = connection->shard;
    struct password_job *job = memory_allocate_zero(sizeof(*job));
    job->job.mail.run = password_job_answer;
    job->job.work = password_job_work;
    job->job.answer_to = service->mailboxes[shard->index];
    job->connection = connection;
    job->directory = directory_hold(directory);
    job->deadline = shard->now + shard->settings->options.connect_timeout_ms;
    buffer_append(&job->user, packet->connect.user_name);
    buffer_append(&job->password, packet->connect.password);
    if (!side_thread_submit(service->side, &job->job)) {
        password_job_free(job);
        return refuse(answer, REASON_SERVER_BUSY);
    }
    return AUTH_PENDING;
}

static enum auth_verdict check_password(struct auth_service *service, struct connection *connection,
                                        struct directory *directory, const struct packet *packet,
                                        struct auth_answer *answer)
{
    struct password_table *table = directory->passwords;
    struct password_user *user = password_find(table, packet->connect.user_name);
    if (user && password_is_remembered(table, user, packet->connect.password)) {
        return accept_user(directory, packet->connect.user_name, answer);
    }
    return submit_password(service, connection, directory, packet, answer);
}

/* --- enhanced authentication --- */

/* connection->enhanced->state: an exchange that goes on. */
struct exchange {
    const struct auth_method *method;
    void *state;
};

static void forget_exchange(struct connection *connection)
{
    struct exchange *exchange = connection->enhanced->state;
    if (exchange) {
        exchange->method->forget(exchange->state);
        free(exchange);
        connection->enhanced->state = NULL;
    }
}

static struct slice authentication_data(const struct packet *packet)
{
    return properties_have(&packet->properties, PROPERTY_AUTHENTICATION_DATA)
               ? packet->properties.authentication_data
               : SLICE_EMPTY;
}

static enum auth_verdict start_exchange(struct connection *connection,
                                        const struct directory *directory,
                                        const struct packet *packet, struct auth_answer *answer)
{
    const struct auth_method *method = auth_method_find(packet->properties.authentication_method);
    void *state = NULL;
    if (!directory->enhanced || !method) {
        return refuse(answer, REASON_BAD_AUTHENTICATION_METHOD);
    }
    forget_exchange(connection);
    enum auth_verdict verdict =
        method->start(directory, authentication_data(packet), &state, answer);
    if (state) {
        struct exchange *exchange = memory_allocate(sizeof(*exchange));
        *exchange = (struct exchange){method, state};
        connection->enhanced->state = exchange;
    }
    return verdict;
}

/* Re-authentication proves anew who it is, it does not make somebody else of the client. */
static enum auth_verdict keep_user(const struct connection *connection, enum auth_verdict verdict,
                                   struct auth_answer *answer)
{
    if (verdict == AUTH_ACCEPTED && connection->identity &&
        !slice_equal(connection->identity->user_name, answer->identity->user_name)) {
        identity_release(answer->identity);
        answer->identity = NULL;
        buffer_release(&answer->data);
        return refuse(answer, REASON_NOT_AUTHORIZED);
    }
    return verdict;
}

static enum auth_verdict continue_exchange(struct connection *connection,
                                           const struct directory *directory,
                                           const struct packet *packet, struct auth_answer *answer)
{
    struct exchange *exchange = connection->enhanced->state;
    if (!exchange) {
        return refuse(answer, REASON_PROTOCOL_ERROR);
    }
    enum auth_verdict verdict =
        exchange->method->step(directory, exchange->state, authentication_data(packet), answer);
    if (verdict != AUTH_CONTINUE) {
        forget_exchange(connection);
    }
    return keep_user(connection, verdict, answer);
}

/* --- core's table --- */

static enum auth_verdict judge_connect(struct auth_service *service, struct connection *connection,
                                       struct directory *directory, const struct packet *packet,
                                       struct auth_answer *answer)
{
    const struct connection_origin origin = connection_origin(connection);
    if (properties_have(&packet->properties, PROPERTY_AUTHENTICATION_METHOD)) {
        return start_exchange(connection, directory, packet, answer);
    }
    if (origin.use_certificate_as_user && origin.certificate_name.length > 0) {
        return accept_user(directory, origin.certificate_name, answer);
    }
    if (packet->connect.has_user_name && directory->passwords) {
        return check_password(service, connection, directory, packet, answer);
    }
    if (!origin.anonymous_allowed) {
        return refuse(answer, REASON_NOT_AUTHORIZED);
    }
    answer->identity = identity_new(SLICE_EMPTY, NULL, 0);
    return AUTH_ACCEPTED;
}

static enum auth_verdict auth_connect(void *context, struct connection *connection,
                                      const struct packet *packet, struct auth_answer *answer)
{
    struct directory *directory = current_directory(context);
    enum auth_verdict verdict = judge_connect(context, connection, directory, packet, answer);
    directory_release(directory);
    return verdict;
}

static enum auth_verdict auth_exchange(void *context, struct connection *connection,
                                       const struct packet *packet, struct auth_answer *answer)
{
    struct directory *directory = current_directory(context);
    enum auth_verdict verdict = packet->auth.reason == REASON_RE_AUTHENTICATE
                                    ? start_exchange(connection, directory, packet, answer)
                                    : continue_exchange(connection, directory, packet, answer);
    directory_release(directory);
    return verdict;
}

static void auth_forget(void *context, struct connection *connection)
{
    (void)context;
    forget_exchange(connection);
}

struct authenticator auth_table(struct auth_service *service)
{
    return (struct authenticator){service, auth_connect, auth_exchange, auth_forget};
}

/* --- begin, reload, end --- */

struct auth_service *auth_start(const struct auth_options *options,
                                struct mailbox *const *mailboxes, struct buffer *error)
{
    struct directory *directory = directory_new(options, error);
    if (!directory) {
        return NULL;
    }
    struct auth_service *service = memory_allocate_zero(sizeof(*service));
    service->mailboxes = mailboxes;
    service->directory = directory;
    pthread_mutex_init(&service->lock, NULL);
    service->side = side_thread_start(PASSWORDS_WAITING_MAX);
    if (!service->side) {
        buffer_append_string(error, "cannot start the thread that checks passwords");
        auth_free(service);
        return NULL;
    }
    return service;
}

bool auth_reload(struct auth_service *service, const struct auth_options *options,
                 struct buffer *error)
{
    struct directory *wanted = directory_new(options, error), *old;
    if (!wanted) {
        return false;
    }
    pthread_mutex_lock(&service->lock);
    old = service->directory;
    service->directory = wanted;
    pthread_mutex_unlock(&service->lock);
    directory_release(old);
    return true;
}

void auth_stop(struct auth_service *service)
{
    if (service && service->side) {
        side_thread_stop(service->side);
        service->side = NULL;
    }
}

void auth_free(struct auth_service *service)
{
    if (service) {
        auth_stop(service);
        directory_release(service->directory);
        pthread_mutex_destroy(&service->lock);
        free(service);
    }
}
