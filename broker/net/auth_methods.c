/* The methods of enhanced authentication. See auth_method.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "net/auth_method.h"
#include "net/auth_verdict.h"
#include "net/scram.h"
#include "secret/base64.h"

enum { SERVER_NONCE_SIZE = 18 };

static enum auth_verdict refuse(struct auth_answer *answer)
{
    buffer_release(&answer->data);
    return auth_refuse(answer, REASON_NOT_AUTHORIZED);
}

/* --- SCRAM-SHA-256 --- */

static bool scram_is_offered(const struct directory *directory)
{
    return directory->accounts->scram;
}

static bool look_up(void *context, struct slice user, struct scram_secret *secret)
{
    return password_find_scram(context, user, secret);
}

static enum auth_verdict scram_start(const struct auth_step *step, void **state,
                                     struct auth_answer *answer)
{
    struct password_table *passwords = step->directory->accounts->passwords;
    uint8_t random[SERVER_NONCE_SIZE];
    struct buffer nonce = {0};
    if (!passwords) {
        return refuse(answer);
    }
    random_bytes(random, sizeof(random));
    base64_append(&nonce, slice_make(random, sizeof(random)));
    *state = scram_begin(step->data, buffer_slice(&nonce), look_up, passwords, &answer->data);
    buffer_release(&nonce);
    return *state ? AUTH_CONTINUE : refuse(answer);
}

static enum auth_verdict scram_step(const struct auth_step *step, void *state,
                                    struct auth_answer *answer)
{
    if (!scram_finish(state, step->data, &answer->data)) {
        return refuse(answer);
    }
    return auth_accept_user(step->directory, scram_user(state), answer);
}

static void scram_forget(void *state)
{
    scram_free(state);
}

/* --- JSON Web Tokens --- */

static bool custom_is_offered(const struct directory *directory)
{
    return directory->sign_in && sign_in_takes_tokens(directory->sign_in, TOKEN_CUSTOM);
}

static bool oauth2_is_offered(const struct directory *directory)
{
    return directory->sign_in && sign_in_takes_tokens(directory->sign_in, TOKEN_OAUTH2);
}

static enum auth_verdict custom_start(const struct auth_step *step, void **state,
                                      struct auth_answer *answer)
{
    (void)state;
    return auth_by_token(step->directory, TOKEN_CUSTOM, step->data, step->now, answer);
}

static enum auth_verdict oauth2_start(const struct auth_step *step, void **state,
                                      struct auth_answer *answer)
{
    (void)state;
    return auth_by_token(step->directory, TOKEN_OAUTH2, step->data, step->now, answer);
}

/* --- the table --- */

static const struct auth_method methods[] = {
    {"SCRAM-SHA-256", scram_is_offered, scram_start, scram_step, scram_forget},
    {"CUSTOM-JWT", custom_is_offered, custom_start, NULL, NULL},
    {"OAUTH2-JWT", oauth2_is_offered, oauth2_start, NULL, NULL},
};

const struct auth_method *auth_method_find(const struct directory *directory, struct slice name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (slice_equal(name, slice_from_string(methods[i].name))) {
            return methods[i].is_offered(directory) ? &methods[i] : NULL;
        }
    }
    return NULL;
}
