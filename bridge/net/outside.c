/* See outside.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/outside.h"

#include <stdlib.h>

#include "base/memory.h"
#include "net/file_work.h"
#include "net/folder_watcher.h"
#include "net/http_client.h"

enum {
    REQUESTS_MAX = 2048,
    ANSWER_CONTENT_MAX = 64 << 10,
    SPARE_CALLS_MAX = 1024,
    SPARE_LINES_MAX = 4096, /* bytes that a spare call keeps */
};

struct outside_net {
    uv_loop_t *loop;
    struct outside_options options;
    struct http_client client;
    struct list running, waiting, spare; /* calls */
    size_t running_count, waiting_count, spare_count;
    struct list jobs;
    size_t job_count;
    struct folder_watcher folders;
    bool is_client_closed, are_folders_closed;
    void (*stopped)(void *context);
    void *stopped_context;
};

/* A request that is running or waiting. */
struct call {
    struct list link;
    struct outside_request *request;
    struct transfer *transfer; /* NULL: it waits, */
    struct buffer lines;       /* with these */
};

/* A task for files. */
struct job {
    struct list link;
    struct outside_net *net;
    struct file_task *task; /* NULL: nobody waits for it */
    uv_work_t work;
    struct file_work file;
};

/* ---------------------------------------------------------------- calls */

static struct call *call_new(struct outside_net *net, struct outside_request *request)
{
    struct call *call;

    if (list_is_empty(&net->spare)) {
        call = memory_allocate_zero(sizeof(*call));
    } else {
        call = CONTAINER_OF(net->spare.prev, struct call, link);
        list_remove(&call->link);
        net->spare_count--;
    }
    list_init(&call->link);
    call->request = request;
    call->transfer = NULL;
    request->under_way = call;
    return call;
}

static void call_free(struct outside_net *net, struct call *call)
{
    list_remove(&call->link);
    call->request->under_way = NULL;
    if (net->spare_count == SPARE_CALLS_MAX) {
        buffer_release(&call->lines);
        free(call);
    } else {
        buffer_empty(&call->lines, SPARE_LINES_MAX);
        list_add_last(&net->spare, &call->link);
        net->spare_count++;
    }
}

/* ---------------------------------------------------------------- answers */

static enum delivery_failure failure_of(CURLcode code)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return FAILURE_RESOLUTION;
    case CURLE_OPERATION_TIMEDOUT:
        return FAILURE_TIMEOUT;
    default:
        return FAILURE_SOCKET;
    }
}

/* The status of an answer whose content is too long counts: nobody asked for the content. */
static struct outside_answer answer_of(const struct transfer *transfer, CURLcode code)
{
    struct transfer_result result = transfer_result(transfer, code);
    int status = result.status > 0 ? result.status : result.cut_status;

    return (struct outside_answer){.status = status,
                                   .failure = status > 0 ? FAILURE_NONE : failure_of(code),
                                   .reason = status > 0 ? NULL : result.reason,
                                   .head = buffer_slice(&transfer->head),
                                   .body = buffer_slice(&transfer->body)};
}

static void start_waiting(struct outside_net *net);

static void answered(struct transfer *transfer, CURLcode code)
{
    struct call *call = transfer->owner;
    struct outside_net *net = CONTAINER_OF(transfer->http, struct outside_net, client.http);
    struct outside_request *request = call->request;
    struct outside_answer answer = answer_of(transfer, code);

    call_free(net, call);
    net->running_count--;
    request->done(request, &answer);
    http_client_give_back(&net->client, transfer);
    start_waiting(net);
}

/* ---------------------------------------------------------------- requests */

static enum transfer_method method_of(const char *name)
{
    return strcmp(name, "OPTIONS") == 0 ? TRANSFER_OPTIONS
           : strcmp(name, "GET") == 0   ? TRANSFER_GET
                                        : TRANSFER_POST;
}

static void start_call(struct outside_net *net, struct call *call, struct slice lines)
{
    const struct outside_request *request = call->request;
    struct transfer *transfer = http_client_take(&net->client);

    call->transfer = transfer;
    list_add_last(&net->running, &call->link);
    net->running_count++;
    transfer->owner = call;
    transfer->done = answered;
    transfer_start(transfer, &(struct transfer_request){.method = method_of(request->method),
                                                        .url = request->url,
                                                        .lines = lines,
                                                        .body = request->body,
                                                        .timeout_ms = request->timeout_ms});
}

static void start_waiting(struct outside_net *net)
{
    while (net->waiting_count > 0 && net->running_count < net->options.requests_max) {
        struct call *call = CONTAINER_OF(net->waiting.next, struct call, link);
        list_remove(&call->link);
        net->waiting_count--;
        start_call(net, call, buffer_slice(&call->lines));
    }
}

static void send_request(void *context, struct outside_request *request)
{
    struct outside_net *net = context;
    struct call *call = call_new(net, request);

    if (net->waiting_count == 0 && net->running_count < net->options.requests_max) {
        start_call(net, call, request->lines);
    } else {
        buffer_append(&call->lines, request->lines);
        list_add_last(&net->waiting, &call->link);
        net->waiting_count++;
    }
}

/* It is neither running nor waiting any more. */
static void drop_call(struct outside_net *net, struct call *call)
{
    if (call->transfer) {
        transfer_cancel(call->transfer);
        http_client_give_back(&net->client, call->transfer);
        net->running_count--;
    } else {
        net->waiting_count--;
    }
    call_free(net, call);
}

static void cancel_request(void *context, struct outside_request *request)
{
    if (request->under_way) {
        drop_call(context, request->under_way);
        start_waiting(context);
    }
}

/* ---------------------------------------------------------------- files */

static void end_if_stopped(struct outside_net *net);

static void job_free(struct job *job)
{
    list_remove(&job->link);
    job->net->job_count--;
    file_work_release(&job->file);
    free(job);
}

static void give_text(struct file_task *task, struct buffer *text)
{
    if (task->text.length == 0) {
        buffer_release(&task->text);
        task->text = *text;
        *text = (struct buffer){0};
    } else {
        buffer_append(&task->text, buffer_slice(text));
    }
}

/* On the loop. */
static void job_ended(uv_work_t *work, int status)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    struct outside_net *net = job->net;
    struct file_task *task = job->task;

    (void)status; /* cancelled: then nobody waits for it */
    if (task) {
        task->under_way = NULL;
        task->error = job->file.error;
        task->is_missing = job->file.is_missing;
        give_text(task, &job->file.text);
    }
    job_free(job);
    if (task) {
        task->done(task);
    }
    end_if_stopped(net);
}

/* On another thread. */
static void do_job(uv_work_t *work)
{
    file_work_run(&CONTAINER_OF(work, struct job, work)->file);
}

static void start_task(void *context, struct file_task *task)
{
    struct outside_net *net = context;
    struct job *job = memory_allocate_zero(sizeof(*job));

    job->net = net;
    job->task = task;
    task->under_way = job;
    list_add_last(&net->jobs, &job->link);
    net->job_count++;
    file_work_begin(&job->file, task, net->options.roots[task->root]);
    uv_queue_work(net->loop, &job->work, do_job, job_ended);
}

static void abandon(struct job *job)
{
    job->task->under_way = NULL;
    job->task = NULL;
    uv_cancel((uv_req_t *)&job->work); /* it may have begun: then it goes on */
}

static void cancel_task(void *context, struct file_task *task)
{
    (void)context;
    if (task->under_way) {
        abandon(task->under_way);
    }
}

/* ---------------------------------------------------------------- folders */

static void watch_folder(void *context, struct folder_watch *watch)
{
    folder_watcher_watch(&((struct outside_net *)context)->folders, watch);
}

static void unwatch_folder(void *context, struct folder_watch *watch)
{
    (void)context;
    folder_watcher_unwatch(watch);
}

/* ---------------------------------------------------------------- the whole */

static const struct outside_ops operations = {
    .request = send_request,
    .cancel_request = cancel_request,
    .file = start_task,
    .cancel_file = cancel_task,
    .watch = watch_folder,
    .unwatch = unwatch_folder,
};

struct outside outside_of(struct outside_net *net)
{
    return (struct outside){.ops = &operations, .context = net};
}

struct outside_gauges outside_gauges(const struct outside_net *net)
{
    return (struct outside_gauges){
        .waiting = net->waiting_count, .running = net->running_count, .files = net->job_count};
}

struct outside_net *outside_start(uv_loop_t *loop, const struct outside_options *options)
{
    struct outside_net *net = memory_allocate_zero(sizeof(*net));

    net->loop = loop;
    net->options = *options;
    net->options.requests_max = options->requests_max > 0 ? options->requests_max : REQUESTS_MAX;
    if (!http_client_open(&net->client, loop,
                          &(struct http_client_options){
                              .trust = {.ca_file = options->ca_file,
                                        .accepts_any_certificate = options->accepts_any_certificate,
                                        .body_max = ANSWER_CONTENT_MAX},
                              .refuses_private = options->refuses_private,
                              .connections = net->options.requests_max,
                              .clock = options->clock,
                          })) {
        free(net);
        return NULL;
    }
    list_init(&net->running);
    list_init(&net->waiting);
    list_init(&net->spare);
    list_init(&net->jobs);
    folder_watcher_open(&net->folders, loop);
    return net;
}

static void end_if_stopped(struct outside_net *net)
{
    void (*stopped)(void *context) = net->stopped;
    void *context = net->stopped_context;

    if (net->is_client_closed && net->are_folders_closed && net->job_count == 0) {
        LIST_FOREACH_SAFE (link, &net->spare) {
            struct call *call = CONTAINER_OF(link, struct call, link);
            buffer_release(&call->lines);
            free(call);
        }
        free(net);
        stopped(context);
    }
}

static void client_closed(void *context)
{
    struct outside_net *net = context;

    net->is_client_closed = true;
    end_if_stopped(net);
}

static void folders_closed(void *context)
{
    struct outside_net *net = context;

    net->are_folders_closed = true;
    end_if_stopped(net);
}

static void drop_calls(struct outside_net *net, struct list *calls)
{
    LIST_FOREACH_SAFE (link, calls) {
        drop_call(net, CONTAINER_OF(link, struct call, link));
    }
}

void outside_stop(struct outside_net *net, void (*stopped)(void *context), void *context)
{
    net->stopped = stopped;
    net->stopped_context = context;
    drop_calls(net, &net->running);
    drop_calls(net, &net->waiting);
    LIST_FOREACH (link, &net->jobs) {
        struct job *job = CONTAINER_OF(link, struct job, link);
        if (job->task) {
            abandon(job);
        }
    }
    folder_watcher_close(&net->folders, folders_closed, net);
    http_client_close(&net->client, client_closed, net);
}
