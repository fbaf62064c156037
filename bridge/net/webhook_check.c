/* `hub check`: the preflights of a hub's event handlers, made now and told of line by line, since a
 * webhook that fails in silence is what users suffer most from. See webhook.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "access/head.h"
#include "base/memory.h"
#include "net/webhook_state.h"

struct webhook_check {
    struct webhook *webhook;
    const struct hub_settings *settings;
    struct buffer hub, text;
    size_t index; /* of the handler that is asked */
    bool all_good;
    struct probe *probe;
    struct timer start;
    void (*line)(void *context, struct slice text);
    void (*done)(void *context, bool all_good);
    void *context;
};

/* ---------------------------------------------------------------- lines */

static void say(struct webhook_check *check)
{
    check->line(check->context, buffer_slice(&check->text));
    check->text.length = 0;
}

static void say_sentence(struct webhook_check *check, const char *sentence)
{
    buffer_append_string(&check->text, sentence);
    say(check);
}

/* Control characters are not for terminals. */
static void append_plain(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        bool is_control = text.data[i] < 0x20 || text.data[i] == 0x7F;
        buffer_append_byte(out, is_control ? '?' : text.data[i]);
    }
}

static void say_handler(struct webhook_check *check, const struct event_handler *handler)
{
    buffer_append_format(&check->text, "handler %zu: ", check->index + 1);
    append_plain(&check->text, slice_from_string(handler->url_template));
    say(check);
}

static void say_allowed_origins(struct webhook_check *check, struct slice head)
{
    struct header header;

    while (head_next(&head, &header)) {
        if (head_name_is(&header, "webhook-allowed-origin")) {
            buffer_append_string(&check->text, "  WebHook-Allowed-Origin: ");
            append_plain(&check->text, header.value);
            say(check);
        }
    }
}

static void say_step(struct webhook_check *check, const struct probe *probe,
                     const struct transfer_result *result)
{
    buffer_append_format(&check->text, "  %s ", probe->was_get ? "GET" : "OPTIONS");
    append_plain(&check->text, buffer_slice(&probe->url));
    buffer_append_format(&check->text,
                         " for WebHook-Request-Origin %s: ", check->webhook->options.origin);
    if (result->status > 0) {
        buffer_append_format(&check->text, "%d in %.1f ms", result->status,
                             (double)(clock_monotonic_ns() - probe->sent_ns) / 1e6);
    } else {
        buffer_append_string(&check->text, result->reason ? result->reason : "no answer");
    }
    say(check);
    say_allowed_origins(check, buffer_slice(&probe->transfer->head));
}

/* ---------------------------------------------------------------- one after the other */

static void check_free(struct webhook_check *check)
{
    timers_cancel(&check->webhook->client.timers, &check->start);
    check->webhook->check_count--;
    webhook_finish_soon(check->webhook);
    buffer_release(&check->hub);
    buffer_release(&check->text);
    free(check);
}

static void end(struct webhook_check *check)
{
    void (*done)(void *context, bool all_good) = check->done;
    void *context = check->context;
    bool all_good = check->all_good;

    check_free(check);
    done(context, all_good);
}

static void judge(struct webhook_check *check, const char *failure)
{
    buffer_append_string(&check->text, failure ? "  failed: " : "  passed: it gets events");
    buffer_append_string(&check->text, failure ? failure : "");
    say(check);
    check->all_good = check->all_good && !failure;
    check->index++;
}

static void go_on(struct webhook_check *check);

/* What is learned holds for events, too. */
static void stepped(struct probe *probe, const struct transfer_result *result,
                    enum preflight_result verdict, const char *reason)
{
    struct webhook_check *check = probe->owner;
    const struct event_handler *handler = &check->settings->event_handlers[check->index];
    const char *failure = verdict == PREFLIGHT_PASSED ? NULL : reason;

    say_step(check, probe, result);
    if (verdict == PREFLIGHT_TRY_GET) {
        return;
    }
    check->probe = NULL;
    upstream_learn(upstream_of(check->webhook, handler, buffer_slice(&check->hub)), check->webhook,
                   failure);
    judge(check, failure);
    go_on(check);
}

static void start_probe(struct webhook_check *check, const struct event_handler *handler)
{
    struct upstream *upstream = upstream_of(check->webhook, handler, buffer_slice(&check->hub));

    check->probe =
        probe_start(check->webhook, slice_from(buffer_slice(&upstream->key), 1), stepped, check);
    if (!check->probe) {
        judge(check, "no request can be made");
    }
}

static void go_on(struct webhook_check *check)
{
    while (!check->probe && check->index < check->settings->event_handler_count) {
        const struct event_handler *handler = &check->settings->event_handlers[check->index];
        say_handler(check, handler);
        if (handler->skips_validation) {
            say_sentence(check, "  not asked: its validation is switched off");
            check->index++;
        } else {
            start_probe(check, handler);
        }
    }
    if (!check->probe) {
        end(check);
    }
}

static void begin(struct timer *timer, void *context)
{
    struct webhook_check *check = CONTAINER_OF(timer, struct webhook_check, start);

    (void)context;
    if (check->settings->event_handler_count == 0) {
        say_sentence(check, "the hub has no event handlers");
    }
    go_on(check);
}

struct webhook_check *webhook_check(struct webhook *webhook, const struct hub_settings *settings,
                                    struct slice hub,
                                    void (*line)(void *context, struct slice text),
                                    void (*done)(void *context, bool all_good), void *context)
{
    struct webhook_check *check = memory_allocate_zero(sizeof(*check));

    check->webhook = webhook;
    webhook->check_count++;
    check->settings = settings;
    check->line = line;
    check->done = done;
    check->context = context;
    check->all_good = true;
    buffer_append(&check->hub, hub);
    timer_init(&check->start, begin);
    http_client_set_timer(&webhook->client, &check->start, webhook_now(webhook));
    return check;
}

void webhook_check_cancel(struct webhook_check *check)
{
    if (check->probe) {
        probe_cancel(check->probe);
    }
    check_free(check);
}
