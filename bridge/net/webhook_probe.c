/* A preflight: OPTIONS, and GET for those who do not know it (spec/webpubsub.md 7.3). See
 * webhook_state.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "events/request.h"
#include "net/webhook_state.h"

static void answered(struct transfer *transfer, CURLcode code);

static void send_step(struct probe *probe)
{
    probe->transfer->done = answered;
    probe->transfer->owner = probe;
    probe->sent_ns = clock_monotonic_ns();
    transfer_start(probe->transfer, &(struct transfer_request){
                                        .method = probe->was_get ? TRANSFER_GET : TRANSFER_OPTIONS,
                                        .url = buffer_slice(&probe->url),
                                        .lines = buffer_slice(&probe->lines),
                                        .timeout_ms = PREFLIGHT_TIMEOUT_MS,
                                    });
}

struct probe *probe_start(struct webhook *webhook, struct slice url,
                          void (*stepped)(struct probe *probe, const struct transfer_result *result,
                                          enum preflight_result verdict, const char *reason),
                          void *owner)
{
    struct probe *probe;

    if (webhook->is_stopping) {
        return NULL;
    }
    probe = memory_allocate_zero(sizeof(*probe));
    probe->webhook = webhook;
    probe->transfer = http_client_take(&webhook->client);
    probe->stepped = stepped;
    probe->owner = owner;
    buffer_append(&probe->url, url);
    preflight_request_append(&probe->lines, slice_from_string(webhook->options.origin));
    list_add_last(&webhook->probes, &probe->link);
    send_step(probe);
    return probe;
}

static void probe_free(struct probe *probe)
{
    http_client_give_back(&probe->webhook->client, probe->transfer);
    list_remove(&probe->link);
    buffer_release(&probe->url);
    buffer_release(&probe->lines);
    free(probe);
}

static void answered(struct transfer *transfer, CURLcode code)
{
    struct probe *probe = transfer->owner;
    struct webhook *webhook = probe->webhook;
    struct transfer_result result = transfer_result(transfer, code);
    const char *reason;
    enum preflight_result verdict =
        preflight_judge(probe->was_get, result.status, buffer_slice(&transfer->head),
                        slice_from_string(webhook->options.origin), &reason);

    probe->stepped(probe, &result, verdict, result.reason ? result.reason : reason);
    if (verdict == PREFLIGHT_TRY_GET) {
        probe->was_get = true;
        transfer_reset(transfer);
        send_step(probe);
    } else {
        probe_free(probe);
        webhook_finish_soon(webhook);
    }
}

void probes_abandon(struct webhook *webhook, const char *error)
{
    LIST_FOREACH_SAFE (link, &webhook->probes) {
        struct probe *probe = CONTAINER_OF(link, struct probe, link);
        probe->stepped(probe, &(struct transfer_result){.reason = error}, PREFLIGHT_FAILED, error);
        probe_cancel(probe);
    }
}

void probe_cancel(struct probe *probe)
{
    transfer_cancel(probe->transfer);
    probe_free(probe);
}
