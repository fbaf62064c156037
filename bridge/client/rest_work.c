/* What one process does for a question (rest_question.h): it finds the connections that are meant
 * among its own, does to each what is asked, and answers when all is done.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "client/client.h"
#include "client/rest_list.h"
#include "client/rest_log.h"
#include "client/rest_question.h"
#include "rest/filter.h"

/* A question under way; kept until the last of its steps is done. */
struct work {
    struct gateway *gateway;
    struct staff_asker asker;               /* without a name: nobody waits */
    const struct rest_operation *operation; /* only while its members are walked */
    struct filter *filter;                  /* NULL: none */
    struct rest_answer answer;
    struct buffer items;
    size_t steps; /* not done yet; one of them is the walk */
};

/* A step: a join, for example. */
struct step {
    struct client_task task;
    struct work *work;
};

typedef void visit_function(struct work *work, struct client *client);

/* ---------------------------------------------------------------- steps */

static void finish_step(struct work *work)
{
    struct buffer bytes = {0};

    if (--work->steps > 0) {
        return;
    }
    if (work->asker.name[0]) {
        work->answer.items = buffer_slice(&work->items);
        rest_answer_append(&bytes, &work->answer);
        staff_answer(work->gateway->staff, &work->asker, buffer_slice(&bytes));
    }
    buffer_release(&bytes);
    buffer_release(&work->items);
    filter_free(work->filter);
    free(work);
}

static void step_done(struct client_task *task, bool success)
{
    struct step *step = CONTAINER_OF(task, struct step, task);
    struct work *work = step->work;

    work->answer.flags |= success ? 0 : ANSWER_FAILED;
    free(step);
    finish_step(work);
}

static struct client_task *begin_step(struct work *work)
{
    struct step *step = memory_allocate_zero(sizeof(*step));

    step->task.done = step_done;
    step->work = work;
    work->steps++;
    return &step->task;
}

/* ---------------------------------------------------------------- what is done to each */

static struct client *client_of_member(struct member *member)
{
    return CONTAINER_OF(member, struct client, member);
}

static void count_one(struct work *work, struct client *client)
{
    (void)work, (void)client;
}

static void end_one(struct work *work, struct client *client)
{
    if (!client->closing) {
        client->kind->end(client, work->operation->reason);
    }
}

static void join_one(struct work *work, struct client *client)
{
    for (size_t i = 0; i < work->operation->group_count; i++) {
        client->kind->join(client, work->operation->groups[i], begin_step(work));
    }
}

static void leave_one(struct work *work, struct client *client)
{
    for (size_t i = 0; i < work->operation->group_count; i++) {
        client->kind->leave(client, work->operation->groups[i], begin_step(work));
    }
}

/* Those that it is in now: leaving takes until the broker has answered. */
static void leave_all_one(struct work *work, struct client *client)
{
    for (uint32_t i = 0; i < client->member.group_count; i++) {
        client->kind->leave(client, registry_group_of(&client->member, i), begin_step(work));
    }
}

static void permit_one(struct work *work, struct client *client)
{
    const struct rest_operation *operation = work->operation;
    struct permission permission = {
        .action = operation->action,
        .is_granted = operation->kind == REST_GRANT,
        .group = operation->has_target_name ? &operation->target_name : NULL,
    };

    client->kind->permit(client, &permission, begin_step(work));
}

static void ask_one(struct work *work, struct client *client)
{
    const struct rest_operation *operation = work->operation;
    const struct roles *roles = client->upgrade->roles;
    bool holds = operation->has_target_name
                     ? roles_allow(roles, operation->action, operation->target_name)
                     : roles_allow_all(roles, operation->action);

    work->answer.flags |= holds ? ANSWER_HOLDS : 0;
}

/* ---------------------------------------------------------------- who is meant */

static bool is_meant(struct work *work, const struct member *member)
{
    const struct rest_operation *operation = work->operation;
    struct client *client = CONTAINER_OF(member, struct client, member);

    for (size_t i = 0; i < operation->excluded_count; i++) {
        if (slice_equal(operation->excluded[i], member_id(member))) {
            return false;
        }
    }
    return member->is_open && (!work->filter || client_passes(client, work->filter));
}

static void visit_member(struct work *work, struct member *member, visit_function *visit)
{
    if (is_meant(work, member)) {
        work->answer.connections++;
        visit(work, client_of_member(member));
    }
}

/* Their list is taken first: who is visited may leave it. */
static void visit_all(struct work *work, const struct registry_hub *hub, visit_function *visit)
{
    struct member **members;
    size_t count;

    members = rest_list_members(hub, work->operation, &count);
    for (size_t i = 0; i < count; i++) {
        visit_member(work, members[i], visit);
    }
    free(members);
}

static visit_function *const visits[REST_KINDS] = {
    [REST_CLOSE] = end_one,          [REST_EXISTS] = count_one,        [REST_JOIN] = join_one,
    [REST_LEAVE] = leave_one,        [REST_LEAVE_ALL] = leave_all_one, [REST_JOIN_MANY] = join_one,
    [REST_LEAVE_MANY] = leave_one,   [REST_GRANT] = permit_one,        [REST_REVOKE] = permit_one,
    [REST_HAS_PERMISSION] = ask_one,
};

static void carry_out(struct work *work)
{
    const struct rest_operation *operation = work->operation;
    struct registry_hub *hub = registry_find_hub(&work->gateway->registry, operation->hub);

    if (operation->kind == REST_HUB_LOG || operation->kind == REST_EVENT_LOG) {
        rest_log(work->gateway, operation, &work->items);
        return;
    }
    if (operation->kind == REST_EVENT_QUEUE) {
        rest_queue(work->gateway, operation, &work->items);
        return;
    }
    if (!hub) {
        return;
    }
    if (visits[operation->kind]) {
        visit_all(work, hub, visits[operation->kind]);
    } else {
        rest_list(hub, operation, &work->answer, &work->items);
    }
}

static struct work *work_new(struct gateway *gateway, const struct rest_operation *operation)
{
    struct work *work = memory_allocate_zero(sizeof(*work));

    work->gateway = gateway;
    work->operation = operation;
    work->steps = 1;
    return work;
}

static void work_was_begun(struct work *work)
{
    work->operation = NULL;
    finish_step(work);
}

void rest_take_command(struct client *client, struct slice question)
{
    struct rest_operation operation;
    struct buffer lists = {0};

    if (rest_question_parse(question, &operation, &lists) && visits[operation.kind]) {
        struct work *work = work_new(client->gateway, &operation);
        visits[operation.kind](work, client);
        work_was_begun(work);
    }
    buffer_release(&lists);
}

void rest_take_question(struct gateway *gateway, const struct staff_asker *asker,
                        struct slice question)
{
    struct rest_operation operation;
    struct buffer lists = {0}, error = {0};
    struct work *work;

    if (rest_question_parse(question, &operation, &lists)) {
        work = work_new(gateway, &operation);
        work->asker = *asker;
        if (operation.filter.length > 0) {
            work->filter = filter_compile(operation.filter, &error);
        }
        if (operation.filter.length == 0 || work->filter) {
            carry_out(work);
        }
        work_was_begun(work);
    }
    buffer_release(&lists);
    buffer_release(&error);
}
