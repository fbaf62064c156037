/* Swapping settings, see swap.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "swap.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/message.h"
#include "core/router.h"

/* One for all workers; the last one frees it. */
struct swap {
    _Atomic unsigned left;     /* workers */
    struct settings *settings; /* one count; NULL: none are new */
    size_t marks_length;
    uint8_t marks[];
};

struct swap_mail {
    struct mail mail;
    struct swap *swap;
};

static void publish_marks(struct shard *shard, const struct swap *swap)
{
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("$config/applied"),
        .payload = slice_make(swap->marks, swap->marks_length),
        .expires_at = MSEC_NEVER,
        .publisher = SESSION_REF_NONE,
    });

    router_publish_volatile(shard, message);
    message_release(message);
}

static void swap_run(struct mail *mail, void *receiver)
{
    struct swap_mail *news = CONTAINER_OF(mail, struct swap_mail, mail);
    struct swap *swap = news->swap;

    if (receiver && swap->settings) {
        shard_reload(receiver, settings_hold(swap->settings));
    }
    free(news);
    if (atomic_fetch_sub(&swap->left, 1) > 1) {
        return;
    }
    if (receiver && swap->marks_length > 0) {
        publish_marks(receiver, swap);
    }
    settings_release(swap->settings);
    free(swap);
}

void settings_swap(struct worker_group *group, struct settings *settings, struct slice marks)
{
    struct swap *swap = memory_allocate(sizeof(*swap) + marks.length);

    atomic_init(&swap->left, group->count);
    swap->settings = settings;
    swap->marks_length = marks.length;
    if (marks.length > 0) {
        memcpy(swap->marks, marks.data, marks.length);
    }
    for (unsigned i = 0; i < group->count; i++) {
        struct swap_mail *news = memory_allocate_zero(sizeof(*news));
        struct mail_list list = {0};
        news->mail.run = swap_run;
        news->swap = swap;
        mail_list_add(&list, &news->mail);
        mailbox_post(group->mailboxes[i], &list);
    }
}
