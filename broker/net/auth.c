/* Authentication of clients. See auth.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/auth.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/shard.h"
#include "net/auth_method.h"
#include "net/auth_parts.h"
#include "net/http_asker.h"
#include "net/side_thread.h"
#include "secret/jwt.h"

/* More than these cannot be hashed before their clients lose patience. */
enum { PASSWORDS_WAITING_MAX = 1024 };

static struct directory *current_directory(struct auth_service *service)
{
    pthread_mutex_lock(&service->lock);
    struct directory *directory = directory_hold(service->directory);
    pthread_mutex_unlock(&service->lock);
    return directory;
}

struct slice attempt_user_name(const struct attempt *attempt)
{
    const struct packet *packet = attempt->packet;
    return packet->type == PACKET_CONNECT && packet->connect.has_user_name
               ? packet->connect.user_name
               : SLICE_EMPTY;
}

struct slice attempt_password(const struct attempt *attempt)
{
    const struct packet *packet = attempt->packet;
    return packet->type == PACKET_CONNECT && packet->connect.has_password ? packet->connect.password
                                                                          : SLICE_EMPTY;
}

static bool webhook_is_asked(const struct attempt *attempt)
{
    return attempt->directory->sign_in && attempt->directory->sign_in->webhook_url;
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

static struct auth_step step_of(const struct attempt *attempt)
{
    const struct properties *properties = &attempt->packet->properties;
    return (struct auth_step){
        .directory = attempt->directory,
        .data = properties_have(properties, PROPERTY_AUTHENTICATION_DATA)
                    ? properties->authentication_data
                    : SLICE_EMPTY,
        .now = attempt->connection->shard->now,
    };
}

/* A method that is not offered here may mean something to the webhook. */
static enum auth_verdict start_exchange(const struct attempt *attempt, struct auth_answer *answer)
{
    const struct auth_method *method =
        auth_method_find(attempt->directory, attempt->packet->properties.authentication_method);
    struct auth_step step = step_of(attempt);
    void *state = NULL;
    if (!method) {
        return webhook_is_asked(attempt) ? auth_by_webhook(attempt, answer)
                                         : auth_refuse(answer, REASON_BAD_AUTHENTICATION_METHOD);
    }
    forget_exchange(attempt->connection);
    enum auth_verdict verdict = method->start(&step, &state, answer);
    if (state) {
        struct exchange *exchange = memory_allocate(sizeof(*exchange));
        *exchange = (struct exchange){method, state};
        attempt->connection->enhanced->state = exchange;
    }
    return verdict;
}

static enum auth_verdict continue_exchange(const struct attempt *attempt,
                                           struct auth_answer *answer)
{
    struct exchange *exchange = attempt->connection->enhanced->state;
    struct auth_step step = step_of(attempt);
    if (!exchange) {
        return auth_refuse(answer, REASON_PROTOCOL_ERROR);
    }
    enum auth_verdict verdict = exchange->method->step(&step, exchange->state, answer);
    if (verdict != AUTH_CONTINUE) {
        forget_exchange(attempt->connection);
    }
    return verdict;
}

/* --- the ways of signing in, of a CONNECT --- */

/* False: the client has not shown what this way is about; the next one may judge it. */
typedef bool way_function(const struct attempt *attempt, enum auth_verdict *verdict,
                          struct auth_answer *answer);

static bool by_carrier(const struct attempt *attempt, enum auth_verdict *verdict,
                       struct auth_answer *answer)
{
    struct slice name = attempt->origin.proven_name;
    if (name.length > 0) {
        *verdict = auth_accept_user(attempt->directory, name, answer);
    }
    return name.length > 0;
}

static bool by_method(const struct attempt *attempt, enum auth_verdict *verdict,
                      struct auth_answer *answer)
{
    bool has_method = properties_have(&attempt->packet->properties, PROPERTY_AUTHENTICATION_METHOD);
    if (has_method) {
        *verdict = start_exchange(attempt, answer);
    }
    return has_method;
}

static bool by_certificate(const struct attempt *attempt, enum auth_verdict *verdict,
                           struct auth_answer *answer)
{
    const struct peer_certificate *certificate = attempt->origin.certificate;
    const struct sign_in *sign_in = attempt->directory->sign_in;
    struct proof proof = {0};
    if (!certificate) {
        return false;
    }
    const char *wrong =
        sign_in ? sign_in_by_certificate(sign_in, certificate, attempt_user_name(attempt), &proof)
                : "";
    if (wrong && attempt->origin.use_certificate_as_user) {
        wrong = sign_in_by_common_name(sign_in, certificate, &proof);
    }
    bool good = !wrong;
    if (good) {
        *verdict = auth_accept(attempt->directory, &proof, attempt->connection->shard->now, answer);
    } else if (sign_in) {
        LOG_LIMITED(LOG_INFO, "certificate proves nothing", "user=%s peer=%s reason=\"%s\"",
                    log_quote(attempt_user_name(attempt)), attempt->origin.peer_address, wrong);
    }
    proof_release(&proof);
    return good;
}

/* MQTT 3.1.1 has no methods of authentication: a token may be the password. */
static bool by_token_as_password(const struct attempt *attempt, enum auth_verdict *verdict,
                                 struct auth_answer *answer)
{
    const struct directory *directory = attempt->directory;
    struct slice password = attempt_password(attempt);
    bool is_token = directory->sign_in && sign_in_takes_tokens(directory->sign_in, TOKEN_CUSTOM) &&
                    jwt_is_one(password);
    if (is_token) {
        *verdict = auth_by_token(directory, TOKEN_CUSTOM, password, attempt->connection->shard->now,
                                 answer);
    }
    return is_token;
}

/* A user that the file does not know may be known to the webhook. */
static bool by_password(const struct attempt *attempt, enum auth_verdict *verdict,
                        struct auth_answer *answer)
{
    struct password_table *passwords = attempt->directory->accounts->passwords;
    bool is_mine = passwords && attempt->packet->connect.has_user_name &&
                   (!webhook_is_asked(attempt) ||
                    password_find(passwords, attempt_user_name(attempt)) != NULL);
    if (is_mine) {
        *verdict = auth_by_password(attempt, answer);
    }
    return is_mine;
}

static bool by_webhook(const struct attempt *attempt, enum auth_verdict *verdict,
                       struct auth_answer *answer)
{
    bool is_asked = webhook_is_asked(attempt);
    if (is_asked) {
        *verdict = auth_by_webhook(attempt, answer);
    }
    return is_asked;
}

/* A client of the namespace has something to prove. */
static bool as_nobody(const struct attempt *attempt, enum auth_verdict *verdict,
                      struct auth_answer *answer)
{
    const struct sign_in *sign_in = attempt->directory->sign_in;
    if (!attempt->origin.anonymous_allowed ||
        (sign_in && sign_in_find(sign_in, attempt_user_name(attempt)))) {
        *verdict = auth_refuse(answer, REASON_NOT_AUTHORIZED);
    } else {
        answer->identity = identity_new(SLICE_EMPTY, NULL, 0);
        *verdict = AUTH_ACCEPTED;
    }
    return true;
}

/* In this order; docs/eventgrid.md, "Signing in", says the same. */
static way_function *const ways[] = {
    by_carrier, by_method, by_certificate, by_token_as_password, by_password, by_webhook, as_nobody,
};

/* --- core's table --- */

static struct attempt attempt_make(void *context, struct connection *connection,
                                   const struct packet *packet)
{
    return (struct attempt){
        .service = context,
        .connection = connection,
        .directory = current_directory(context),
        .packet = packet,
        .origin = connection_origin(connection),
    };
}

static enum auth_verdict auth_connect(void *context, struct connection *connection,
                                      const struct packet *packet, struct auth_answer *answer)
{
    struct attempt attempt = attempt_make(context, connection, packet);
    enum auth_verdict verdict = AUTH_REFUSED;
    bool judged = false;
    for (size_t i = 0; !judged && i < sizeof(ways) / sizeof(ways[0]); i++) {
        judged = ways[i](&attempt, &verdict, answer);
    }
    directory_release(attempt.directory);
    return verdict;
}

static enum auth_verdict auth_exchange(void *context, struct connection *connection,
                                       const struct packet *packet, struct auth_answer *answer)
{
    struct attempt attempt = attempt_make(context, connection, packet);
    enum auth_verdict verdict = packet->auth.reason == REASON_RE_AUTHENTICATE
                                    ? start_exchange(&attempt, answer)
                                    : continue_exchange(&attempt, answer);
    directory_release(attempt.directory);
    return verdict;
}

static void auth_forget(void *context, struct connection *connection)
{
    (void)context;
    forget_exchange(connection);
}

static bool auth_still_good(void *context, const struct identity *identity)
{
    if (identity->ground == 0) {
        return true;
    }
    struct directory *directory = current_directory(context);
    bool is_good = sign_in_has_ground(directory->sign_in, identity->ground);
    directory_release(directory);
    return is_good;
}

struct authenticator auth_table(struct auth_service *service)
{
    return (struct authenticator){service, auth_connect, auth_exchange, auth_forget,
                                  auth_still_good};
}

/* --- begin, reload, end --- */

struct auth_service *auth_start(const struct auth_options *options,
                                struct mailbox *const *mailboxes, struct buffer *error)
{
    struct accounts *accounts = accounts_new(options, error);
    if (!accounts) {
        return NULL;
    }
    struct auth_service *service = memory_allocate_zero(sizeof(*service));
    service->mailboxes = mailboxes;
    service->webhook_ca =
        options->webhook_ca ? memory_copy_string(slice_from_string(options->webhook_ca)) : NULL;
    service->directory = directory_new(accounts, NULL);
    accounts_release(accounts);
    pthread_mutex_init(&service->lock, NULL);
    service->side = side_thread_start(PASSWORDS_WAITING_MAX);
    if (!service->side) {
        buffer_append_string(error, "cannot start the thread that checks passwords");
        auth_free(service);
        return NULL;
    }
    return service;
}

/* Only the main thread replaces it, so its own look at it needs no lock. Takes over the count. */
static void replace_directory(struct auth_service *service, struct directory *wanted)
{
    pthread_mutex_lock(&service->lock);
    struct directory *old = service->directory;
    service->directory = wanted;
    pthread_mutex_unlock(&service->lock);
    directory_release(old);
}

bool auth_reload(struct auth_service *service, const struct auth_options *options,
                 struct buffer *error)
{
    struct accounts *accounts = accounts_new(options, error);
    if (!accounts) {
        return false;
    }
    replace_directory(service, directory_new(accounts, service->directory->sign_in));
    accounts_release(accounts);
    return true;
}

static void need_asker(struct auth_service *service)
{
    struct buffer error = {0};
    if (service->asker) {
        return;
    }
    struct http_asker *asker = http_asker_start(service->webhook_ca, &error);
    if (!asker) {
        log_write(LOG_ERROR, "webhooks are not asked", "reason=\"%.*s\"", SLICE_PRINT(error));
        buffer_release(&error);
    }
    pthread_mutex_lock(&service->lock);
    service->asker = asker;
    pthread_mutex_unlock(&service->lock);
}

bool auth_set_namespace(struct auth_service *service, const struct sign_in_options *options)
{
    struct sign_in *sign_in = options ? sign_in_new(options) : NULL;
    bool wants_certificates = sign_in && sign_in_wants_certificates(sign_in);
    if (sign_in && sign_in->webhook_url) {
        need_asker(service);
    }
    replace_directory(service, directory_new(service->directory->accounts, sign_in));
    sign_in_release(sign_in);
    return wants_certificates;
}

void auth_stop(struct auth_service *service)
{
    if (service && service->side) {
        side_thread_stop(service->side);
        service->side = NULL;
    }
    if (service) {
        http_asker_stop(service->asker);
        service->asker = NULL;
    }
}

void auth_free(struct auth_service *service)
{
    if (service) {
        auth_stop(service);
        directory_release(service->directory);
        pthread_mutex_destroy(&service->lock);
        free(service->webhook_ca);
        free(service);
    }
}
