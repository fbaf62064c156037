/* See guard.h. The signals are synchronous (the thread's own access), so leaving the handler by a
 * jump is well defined as long as the interrupted code is not resumed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/guard.h"

#include <setjmp.h>
#include <signal.h>

static sigjmp_buf guard_exit;
static volatile sig_atomic_t guard_is_set;

static void meet_damage(int signal_number)
{
    if (guard_is_set) {
        siglongjmp(guard_exit, signal_number);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void meet_assertion(MDB_env *env, const char *text)
{
    (void)env, (void)text;
    meet_damage(SIGABRT);
}

void guard_watch(MDB_env *env)
{
    mdb_env_set_assert(env, meet_assertion);
}

bool guard_run(bool (*body)(void *context, struct buffer *error), void *context,
               struct buffer *error)
{
    static const int signals[] = {SIGBUS, SIGSEGV};
    enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };
    struct sigaction action = {.sa_handler = meet_damage}, before[SIGNALS];
    bool good = false;

    sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &action, &before[i]);
    }
    int met = sigsetjmp(guard_exit, 1);
    if (met == 0) {
        guard_is_set = 1;
        good = body(context, error);
    } else {
        buffer_append_string(error, "the file is damaged: its pages do not hang together");
    }
    guard_is_set = 0;
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &before[i], NULL);
    }
    return good;
}
