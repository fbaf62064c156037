/* See core_harness_auth.h. Nothing here is slow, so
 * every answer is given at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/core_harness_auth.h"

#include <stdio.h>

#include "core/connection.h"

static enum auth_verdict accept_user(struct auth_answer *answer, struct slice name,
                                     const char *group)
{
    struct slice groups[1] = {group ? slice_from_string(group) : SLICE_EMPTY};

    answer->identity = identity_new(name, groups, group ? 1 : 0);
    return AUTH_ACCEPTED;
}

static enum auth_verdict refuse(struct auth_answer *answer, enum reason_code reason)
{
    answer->reason = reason;
    return AUTH_REFUSED;
}

/* `20s <anything>`: good for so long. */
static void read_expiry(const struct harness_auth *auth, struct slice text,
                        struct auth_answer *answer)
{
    char copy[32];
    unsigned seconds;

    snprintf(copy, sizeof(copy), "%.*s", SLICE_PRINT(text));
    if (sscanf(copy, "%us ", &seconds) == 1) {
        answer->expires_at = *auth->now + (msec_t)seconds * 1000;
    }
}

static enum auth_verdict check_password(const struct harness_auth *auth,
                                        const struct connect *connect, struct auth_answer *answer)
{
    if (auth->user_count == 0) {
        read_expiry(auth, connect->password, answer);
        return accept_user(answer, connect->user_name, NULL);
    }
    for (size_t i = 0; i < auth->user_count; i++) {
        const struct core_harness_user *user = &auth->users[i];

        if (slice_equal(slice_from_string(user->name), connect->user_name) &&
            slice_equal(slice_from_string(user->password), connect->password)) {
            return accept_user(answer, connect->user_name, user->group);
        }
    }
    return refuse(answer, REASON_BAD_USER_NAME_OR_PASSWORD);
}

static bool is_challenge(const struct packet *packet)
{
    return slice_equal(packet->properties.authentication_method, SLICE_LITERAL("CHALLENGE"));
}

static enum auth_verdict challenge(struct auth_answer *answer)
{
    buffer_append_string(&answer->data, "question");
    return AUTH_CONTINUE;
}

/* "20s name": who that is, for so long. */
static enum auth_verdict token(const struct harness_auth *auth, struct slice data,
                               struct auth_answer *answer)
{
    const uint8_t *blank = data.length > 0 ? memchr(data.data, ' ', data.length) : NULL;

    if (!blank) {
        return refuse(answer, REASON_NOT_AUTHORIZED);
    }
    read_expiry(auth, data, answer);
    return accept_user(answer, slice_from(data, (size_t)(blank - data.data) + 1), NULL);
}

static bool is_token(const struct packet *packet)
{
    return slice_equal(packet->properties.authentication_method, SLICE_LITERAL("TOKEN"));
}

static enum auth_verdict auth_connect(void *context, struct connection *connection,
                                      const struct packet *packet, struct auth_answer *answer)
{
    const struct connect *connect = &packet->connect;

    if (properties_have(&packet->properties, PROPERTY_AUTHENTICATION_METHOD)) {
        return is_challenge(packet) ? challenge(answer)
               : is_token(packet)   ? token(context, packet->properties.authentication_data, answer)
                                    : refuse(answer, REASON_BAD_AUTHENTICATION_METHOD);
    }
    if (connect->has_user_name) {
        return check_password(context, connect, answer);
    }
    if (!connection_origin(connection).anonymous_allowed) {
        return refuse(answer, REASON_NOT_AUTHORIZED);
    }
    return accept_user(answer, SLICE_EMPTY, NULL);
}

static enum auth_verdict auth_exchange(void *context, struct connection *connection,
                                       const struct packet *packet, struct auth_answer *answer)
{
    (void)connection;
    if (is_token(packet)) {
        return token(context, packet->properties.authentication_data, answer);
    }
    if (packet->auth.reason == REASON_RE_AUTHENTICATE) {
        return challenge(answer);
    }
    if (!slice_equal(packet->properties.authentication_data, SLICE_LITERAL("answer"))) {
        return refuse(answer, REASON_NOT_AUTHORIZED);
    }
    buffer_append_string(&answer->data, "welcome");
    return accept_user(answer, SLICE_LITERAL("challenged"), NULL);
}

static void auth_forget(void *context, struct connection *connection)
{
    (void)context;
    (void)connection;
}

void harness_auth_init(struct harness_auth *auth, const struct core_harness_user *users,
                       size_t user_count, const msec_t *now, struct authenticator *out)
{
    auth->now = now;
    auth->users = users;
    auth->user_count = user_count;
    *out = (struct authenticator){auth, auth_connect, auth_exchange, auth_forget, NULL};
}
