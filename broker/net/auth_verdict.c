/* Verdicts. See auth_verdict.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/auth_verdict.h"

#include <time.h>

#include "base/log.h"

enum auth_verdict auth_refuse(struct auth_answer *answer, enum reason_code reason)
{
    answer->reason = reason;
    return AUTH_REFUSED;
}

int64_t auth_wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As the client's resource spells it: names are the same whatever their case, and sessions, counts
 * and rules go by the name. Groups are the configuration's, which has its own spelling. */
static struct identity *make_identity(const struct directory *directory, struct slice name,
                                      const struct attribute *attributes)
{
    const struct sign_in_client *client =
        directory->sign_in ? sign_in_find(directory->sign_in, name) : NULL;
    struct slice spelled = client ? client->name : name;
    size_t count;
    const struct slice *groups = groups_of(directory->accounts->groups, name, &count);
    if (count == 0) {
        groups = groups_of(directory->accounts->groups, spelled, &count);
    }
    return identity_new_with_attributes(spelled, groups, count, attributes);
}

enum auth_verdict auth_accept(const struct directory *directory, const struct proof *proof,
                              msec_t now, struct auth_answer *answer)
{
    answer->identity = make_identity(directory, buffer_slice(&proof->name), proof->attributes);
    if (proof->ground) { /* then it has a name, so the identity is nobody else's */
        answer->identity->ground = proof->ground;
    }
    if (proof->expires_at > 0) {
        answer->expires_at = now + (proof->expires_at - auth_wall_clock());
    }
    return AUTH_ACCEPTED;
}

enum auth_verdict auth_accept_user(const struct directory *directory, struct slice user,
                                   struct auth_answer *answer)
{
    answer->identity = make_identity(directory, user, NULL);
    return AUTH_ACCEPTED;
}

enum auth_verdict auth_by_token(const struct directory *directory, enum token_kind kind,
                                struct slice token, msec_t now, struct auth_answer *answer)
{
    struct proof proof = {0};
    const char *wrong =
        sign_in_by_token(directory->sign_in, kind, token, auth_wall_clock(), &proof);
    enum auth_verdict verdict;
    if (wrong) {
        LOG_LIMITED(LOG_INFO, "token refused", "reason=\"%s\"", wrong);
        verdict = auth_refuse(answer, REASON_NOT_AUTHORIZED);
    } else {
        verdict = auth_accept(directory, &proof, now, answer);
    }
    proof_release(&proof);
    return verdict;
}
