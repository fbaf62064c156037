/* Retained messages that a session reads without a subscription.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/access.h"
#include "core/retained.h"
#include "core/session.h"
#include "core/shard.h"

/* Drops what may not be read. */
static void keep_allowed(const struct asker *asker, struct retained_page *page)
{
    size_t kept = 0;

    for (size_t i = 0; i < page->count; i++) {
        struct retained_item item = page->items[i];
        if (access_may_receive(asker, message_topic(item.message))) {
            page->items[kept++] = item;
        } else {
            message_release(item.message);
        }
    }
    page->count = kept;
}

enum reason_code session_read_retained(struct session *session,
                                       const struct retained_question *question,
                                       struct retained_page *page)
{
    struct asker asker = session_asker(session);
    enum access_filter access = access_check_filter(&asker, question->filter);

    page->count = 0;
    page->next = (struct buffer){0};
    if (access == ACCESS_FILTER_REFUSED) {
        return REASON_NOT_AUTHORIZED;
    }
    retained_read(session->shard->broker->retained, question, page);
    if (access == ACCESS_FILTER_PER_MESSAGE) {
        keep_allowed(&asker, page);
    }
    return REASON_SUCCESS;
}
