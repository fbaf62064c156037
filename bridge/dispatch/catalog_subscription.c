/* Event subscriptions of the catalog; see catalog_entries.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "dispatch/catalog_entries.h"
#include "dispatch/queue_name.h"

/* ---------------------------------------------------------------- entries */

static struct catalog_subscription *find_in(struct list *list, struct slice queue)
{
    LIST_FOREACH (link, list) {
        struct catalog_subscription *subscription =
            CONTAINER_OF(link, struct catalog_subscription, link);
        if (slice_equal(buffer_slice(&subscription->queue), queue)) {
            return subscription;
        }
    }
    return NULL;
}

struct catalog_subscription *subscription_find_entry(struct catalog_source *source,
                                                     struct slice name)
{
    struct catalog_subscription *found;
    struct buffer queue = {0};

    queue_name_append(&queue, buffer_slice(&source->key), name);
    found = find_in(&source->subscriptions, buffer_slice(&queue));
    if (!found) {
        found = find_in(&source->waiting, buffer_slice(&queue));
    }
    buffer_release(&queue);
    return found;
}

struct catalog_subscription *subscription_entry(struct catalog_source *source, struct slice name)
{
    struct catalog_subscription *subscription = subscription_find_entry(source, name);

    if (subscription || source->name.kind == SOURCE_NAMESPACE || subscription_name_check(name)) {
        return subscription;
    }
    subscription = memory_allocate_zero(sizeof(*subscription));
    subscription->source = source;
    buffer_append(&subscription->name, name);
    queue_name_append(&subscription->queue, buffer_slice(&source->key), name);
    list_add_last(&source->waiting, &subscription->link);
    return subscription;
}

void subscription_free(struct catalog_subscription *subscription)
{
    list_remove(&subscription->link);
    if (subscription->properties) {
        event_subscription_release(subscription->properties);
    }
    texts_release(&subscription->texts);
    buffer_release(&subscription->name);
    buffer_release(&subscription->queue);
    buffer_release(&subscription->state_reason);
    free(subscription);
}

void subscription_tidy(struct catalog_subscription *subscription)
{
    if (subscription->texts.declared.length == 0 && subscription->texts.stored.length == 0) {
        subscription_free(subscription);
    }
}

/* ---------------------------------------------------------------- reading */

/* A webhook that the file declares is asked for its consent, by who runs the subscription. */
static enum subscription_state first_state(const struct catalog_subscription *subscription,
                                           const struct event_subscription *properties)
{
    const struct destination *destination = &properties->destination;

    return !subscription->is_set && destination->kind == DESTINATION_WEBHOOK &&
                   !destination->skips_validation
               ? STATE_CREATING
               : STATE_SUCCEEDED;
}

/* Is the member absent, or this text? */
static bool may_be(const struct buffer *stored, const char *member, struct slice text)
{
    struct buffer value = {0};
    bool fits;

    append_text_member(&value, stored, member);
    fits = value.length == 0 || slice_equal(buffer_slice(&value), text);
    buffer_release(&value);
    return fits;
}

/* The state that is stored, unless it is that of another endpoint, or of events in another schema.
 */
static enum subscription_state read_state(const struct catalog_subscription *subscription,
                                          const struct event_subscription *properties)
{
    const struct buffer *stored = &subscription->texts.stored;
    enum subscription_state state = first_state(subscription, properties);
    const char *schema = schema_delivery_name(properties->delivery_schema);
    struct buffer name = {0};

    append_text_member(&name, stored, "state");
    if (may_be(stored, "stateUrl", properties->destination.url) &&
        may_be(stored, "stateSchema", slice_from_string(schema))) {
        subscription_state_from_name(buffer_slice(&name), &state);
    }
    buffer_release(&name);
    return state;
}

static int64_t read_consent_until(const struct catalog_subscription *subscription)
{
    struct json_value value;
    uint64_t until = 0;

    return text_member(&subscription->texts.stored, "consentUntil", &value) &&
                   json_to_u64(&value, &until)
               ? (int64_t)until
               : 0;
}

/* All that makes a difference. */
static void append_effective(struct buffer *out, const struct catalog_subscription *subscription)
{
    static const char *const members[] = {"properties", "name"};
    static const char *const stored[] = {"state", "stateReason", "stateUrl", "stateSchema",
                                         "consentUntil"};
    const struct catalog_source *source = subscription->source;
    struct json_value value;

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        texts_member(&subscription->texts, members[i], &value);
        buffer_append(out, value.text);
    }
    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
        text_member(&subscription->texts.stored, stored[i], &value);
        buffer_append(out, value.text);
    }
    buffer_append_byte(out, subscription->is_set ? '+' : '-');
    buffer_append_decimal(out, catalog_properties(source)->schema);
    buffer_append_decimal(out, catalog_properties(source)->lifetime_days);
    buffer_append(out, buffer_slice(&source->id));
}

/* The name in the letters that were given, if it is that of the queue. */
static void take_name(struct catalog_subscription *subscription)
{
    struct json_value value;
    struct buffer name = {0};

    if (texts_member(&subscription->texts, "name", &value) && value.type == JSON_STRING) {
        json_append_string_value(&name, &value);
    }
    if (equal_ignoring_case(buffer_slice(&name), buffer_slice(&subscription->name))) {
        subscription->name.length = 0;
        buffer_append(&subscription->name, buffer_slice(&name));
    }
    buffer_release(&name);
}

/* ---------------------------------------------------------------- into force */

static void insert_by_name(struct catalog_subscription *subscription)
{
    struct list *list = &subscription->source->subscriptions, *behind = list->prev;
    struct slice queue = buffer_slice(&subscription->queue);

    while (behind != list) {
        const struct catalog_subscription *other =
            CONTAINER_OF(behind, struct catalog_subscription, link);
        if (slice_compare(buffer_slice(&other->queue), queue) < 0) {
            break;
        }
        behind = behind->prev;
    }
    list_remove(&subscription->link);
    list_insert_between(&subscription->link, behind, behind->next);
    subscription->source->subscription_count++;
}

void subscription_withdraw(struct catalog_subscription *subscription)
{
    struct catalog_source *source = subscription->source;
    const struct catalog_listener *listener = source->catalog->listener;

    if (!subscription->is_there) {
        return;
    }
    targets_forget(source);
    listener->subscription_removed(listener->context, subscription);
    list_remove(&subscription->link);
    list_add_last(&source->waiting, &subscription->link);
    source->subscription_count--;
    subscription->is_there = false;
    subscription->texts.effective.length = 0;
    event_subscription_release(subscription->properties);
    subscription->properties = NULL;
}

/* Takes over `properties` and `effective`. */
static void put_into_force(struct catalog_subscription *subscription,
                           struct event_subscription *properties, struct buffer *effective)
{
    const struct catalog_listener *listener = subscription->source->catalog->listener;

    targets_forget(subscription->source);
    if (subscription->properties) {
        event_subscription_release(subscription->properties);
    }
    subscription->properties = properties;
    buffer_release(&subscription->texts.effective);
    subscription->texts.effective = *effective;
    *effective = (struct buffer){0};
    subscription->state = read_state(subscription, properties);
    subscription->consent_until_ms = read_consent_until(subscription);
    subscription->state_reason.length = 0;
    append_text_member(&subscription->state_reason, &subscription->texts.stored, "stateReason");
    take_name(subscription);
    if (!subscription->is_there) {
        subscription->is_there = true;
        insert_by_name(subscription);
    }
    listener->subscription_changed(listener->context, subscription);
}

bool subscription_resolve(struct catalog_subscription *subscription, struct buffer *error)
{
    struct catalog_source *source = subscription->source;
    struct event_subscription *properties;
    struct buffer effective = {0};
    struct json_value text;

    subscription->is_declared = subscription->texts.declared.length > 0;
    subscription->is_set = text_member(&subscription->texts.stored, "properties", &text);
    if (!source->is_there || !(subscription->is_declared || subscription->is_set)) {
        subscription_withdraw(subscription);
        return true;
    }
    append_effective(&effective, subscription);
    if (subscription->is_there &&
        slice_equal(buffer_slice(&effective), buffer_slice(&subscription->texts.effective))) {
        buffer_release(&effective);
        return true;
    }
    texts_member(&subscription->texts, "properties", &text);
    properties = event_subscription_read(text.text, catalog_properties(source), 0, error);
    if (properties) {
        put_into_force(subscription, properties, &effective);
    }
    buffer_release(&effective);
    return properties != NULL;
}
