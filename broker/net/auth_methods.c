/* The methods of enhanced authentication. See auth_method.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "net/auth_method.h"
#include "net/scram.h"
#include "secret/base64.h"

enum { SERVER_NONCE_SIZE = 18 };

static enum auth_verdict refuse(struct auth_answer *answer)
{
    buffer_release(&answer->data);
    answer->reason = REASON_NOT_AUTHORIZED;
    return AUTH_REFUSED;
}

/* --- SCRAM-SHA-256 --- */

static bool look_up(void *context, struct slice user, struct scram_secret *secret)
{
    return password_find_scram(context, user, secret);
}

static enum auth_verdict scram_start(const struct directory *directory, struct slice data,
                                     void **state, struct auth_answer *answer)
{
    uint8_t random[SERVER_NONCE_SIZE];
    struct buffer nonce = {0};
    if (!directory->passwords) {
        return refuse(answer);
    }
    random_bytes(random, sizeof(random));
    base64_append(&nonce, slice_make(random, sizeof(random)));
    *state = scram_begin(data, buffer_slice(&nonce), look_up, directory->passwords, &answer->data);
    buffer_release(&nonce);
    return *state ? AUTH_CONTINUE : refuse(answer);
}

static enum auth_verdict scram_step(const struct directory *directory, void *state,
                                    struct slice data, struct auth_answer *answer)
{
    if (!scram_finish(state, data, &answer->data)) {
        return refuse(answer);
    }
    answer->identity = groups_identity(directory->groups, scram_user(state));
    return AUTH_ACCEPTED;
}

static void scram_forget(void *state)
{
    scram_free(state);
}

/* --- the table --- */

static const struct auth_method methods[] = {
    {"SCRAM-SHA-256", scram_start, scram_step, scram_forget},
};

const struct auth_method *auth_method_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (slice_equal(name, slice_from_string(methods[i].name))) {
            return &methods[i];
        }
    }
    return NULL;
}
