/* Copies of publish requests that wait for room; see door_state.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/door_state.h"

static size_t size_of(const struct door_request *request)
{
    size_t size = request->source_key.length + request->domain_topic.length +
                  request->content_type.length + request->body.length;

    for (size_t i = 0; i < request->attributes.count; i++) {
        const struct pair *pair = &request->attributes.items[i];
        size += pair->key.length + pair->value.length;
    }
    return size;
}

/* There is room in `texts` for all of them. */
static struct slice keep(struct buffer *texts, struct slice text)
{
    size_t at = texts->length;

    buffer_append(texts, text);
    return slice_make(texts->data + at, text.length);
}

struct kept_request *kept_request_new(const struct door_request *request)
{
    struct kept_request *kept = memory_allocate_zero(sizeof(*kept));
    struct buffer *texts = &kept->texts;
    size_t count = request->attributes.count;

    buffer_reserve(texts, size_of(request) + 1);
    kept->attributes = memory_allocate((count + 1) * sizeof(struct pair));
    for (size_t i = 0; i < count; i++) {
        const struct pair *pair = &request->attributes.items[i];
        kept->attributes[i] = (struct pair){keep(texts, pair->key), keep(texts, pair->value)};
    }
    kept->request = (struct door_request){
        .source_key = keep(texts, request->source_key),
        .domain_topic = keep(texts, request->domain_topic),
        .content_type = keep(texts, request->content_type),
        .attributes = {kept->attributes, count},
        .body = keep(texts, request->body),
        .is_from_mqtt = request->is_from_mqtt,
    };
    return kept;
}

void kept_request_free(struct kept_request *kept)
{
    buffer_release(&kept->texts);
    free(kept->attributes);
    free(kept);
}

size_t kept_request_size(const struct kept_request *kept)
{
    return kept->texts.length;
}
