/* Fuzzes Event Grid's catalog with settings in any order. Input: lines, each a change:
 *
 *     <place> <JSON>     stored settings; without JSON they are taken away
 *     !<JSON>            what the configuration declares
 *     -                  all stored settings are told anew
 *
 * Oracles: what was announced as there is what is there; a catalog that is told the same at once,
 * in another order, has the same in force.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/log.h"
#include "dispatch/catalog.h"

enum { PLACES_MAX = 64 };

/* What is set at the end; slices of the input. */
struct model {
    struct slice declared;
    struct slice places[PLACES_MAX], texts[PLACES_MAX];
    size_t count;
};

/* ---------------------------------------------------------------- announcements */

static void subscription_changed(void *context, struct catalog_subscription *subscription)
{
    (void)context;
    FUZZ_CHECK(subscription->properties != NULL);
    subscription->runner = subscription; /* announced */
}

static void subscription_removed(void *context, struct catalog_subscription *subscription)
{
    (void)context;
    FUZZ_CHECK(subscription->runner == subscription && subscription->properties);
    subscription->runner = NULL;
}

static void source_changed(void *context, struct catalog_source *source)
{
    ++*(size_t *)context;
    FUZZ_CHECK(catalog_properties(source) != NULL);
}

static void source_removed(void *context, struct catalog_source *source)
{
    (void)context;
    FUZZ_CHECK(source->subscription_count == 0);
}

static void child_changed(void *context, const struct catalog_child *child)
{
    ++*(size_t *)context;
    FUZZ_CHECK(child->resource && child->source->is_there);
}

static void child_removed(void *context, const struct catalog_child *child)
{
    (void)context;
    FUZZ_CHECK(child->resource != NULL);
}

static struct catalog *new_catalog(struct catalog_listener *listener, size_t *changes)
{
    *changes = 0;
    *listener = (struct catalog_listener){
        .context = changes,
        .subscription_changed = subscription_changed,
        .subscription_removed = subscription_removed,
        .source_changed = source_changed,
        .source_removed = source_removed,
        .child_changed = child_changed,
        .child_removed = child_removed,
    };
    return catalog_new(listener);
}

/* ---------------------------------------------------------------- what is in force */

static void describe_children(const struct catalog *catalog, const struct catalog_source *source,
                              struct buffer *out)
{
    for (int kind = 0; kind < CHILD_KINDS; kind++) {
        size_t count;
        struct catalog_child **children = catalog_children(source, (enum child_kind)kind, &count);
        for (size_t i = 0; i < count; i++) {
            struct slice key = buffer_slice(&children[i]->key);
            FUZZ_CHECK(catalog_find_child(catalog, key) == children[i]);
            buffer_append_format(out, " %.*s %.*s %.*s\n", SLICE_PRINT(key),
                                 SLICE_PRINT(children[i]->name),
                                 SLICE_PRINT(children[i]->resource->json));
        }
        free(children);
    }
}

static void describe(const struct catalog *catalog, struct buffer *out)
{
    struct catalog_source *source = NULL;

    while ((source = catalog_next(catalog, source))) {
        FUZZ_CHECK(catalog_find(catalog, buffer_slice(&source->key)) == source);
        buffer_append_format(out, "%.*s %.*s %.*s\n", SLICE_PRINT(buffer_slice(&source->key)),
                             SLICE_PRINT(buffer_slice(&source->id)),
                             SLICE_PRINT(buffer_slice(&source->key1)));
        LIST_FOREACH (link, &source->subscriptions) {
            struct catalog_subscription *subscription =
                CONTAINER_OF(link, struct catalog_subscription, link);
            FUZZ_CHECK(subscription->runner == subscription);
            buffer_append_format(out, " %.*s %s %.*s\n",
                                 SLICE_PRINT(buffer_slice(&subscription->queue)),
                                 subscription_state_name(subscription->state),
                                 SLICE_PRINT(buffer_slice(&subscription->properties->json)));
        }
        describe_children(catalog, source, out);
        catalog_prepare(source);
    }
}

/* ---------------------------------------------------------------- changes */

static void set_in_model(struct model *model, struct slice place, struct slice text)
{
    size_t i = 0;

    while (i < model->count && !slice_equal(model->places[i], place)) {
        i++;
    }
    model->places[i] = place;
    model->texts[i] = text;
    model->count += i == model->count;
}

static bool set(struct catalog *catalog, struct slice place, struct slice text)
{
    struct slice copies[] = {fuzz_copy(place), fuzz_copy(text)};
    struct buffer error = {0};
    bool is_good = catalog_set_stored(catalog, copies[0], copies[1], &error);

    FUZZ_CHECK(is_good == (error.length == 0));
    FUZZ_CHECK(is_good || error.data[error.length - 1] == '\n');
    buffer_release(&error);
    fuzz_free(copies[0]);
    fuzz_free(copies[1]);
    return is_good;
}

/* The last comes first. */
static void tell_all(struct catalog *catalog, const struct model *model)
{
    catalog_begin(catalog);
    for (size_t i = model->count; i-- > 0;) {
        set(catalog, model->places[i], model->texts[i]);
    }
    catalog_complete(catalog);
}

static void change(struct catalog *catalog, struct model *model, struct slice line)
{
    const uint8_t *space = line.length > 0 ? memchr(line.data, ' ', line.length) : NULL;
    size_t length = space ? (size_t)(space - line.data) : line.length;
    struct slice place = slice_make(line.data, length);
    struct slice text = space ? slice_from(line, length + 1) : SLICE_EMPTY;

    if (slice_equal(line, SLICE_LITERAL("-"))) {
        tell_all(catalog, model);
    } else if (slice_starts_with(line, SLICE_LITERAL("!"))) {
        model->declared = slice_from(line, 1);
        catalog_set_declared(catalog, model->declared);
    } else if (model->count < PLACES_MAX && set(catalog, place, text)) {
        set_in_model(model, place, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);
    struct catalog_listener listeners[2];
    struct model model = {.count = 0};
    struct buffer texts[2] = {{0}, {0}};
    size_t changes[2];
    struct catalog *one = new_catalog(&listeners[0], &changes[0]);
    struct catalog *other = new_catalog(&listeners[1], &changes[1]);

    log_set_level(LOG_ERROR);
    tell_all(one, &model);
    while (rest.length > 0) {
        change(one, &model, fuzz_take_line(&rest));
    }
    catalog_set_declared(other, model.declared);
    tell_all(other, &model);
    describe(one, &texts[0]);
    describe(other, &texts[1]);
    FUZZ_CHECK(slice_equal(buffer_slice(&texts[0]), buffer_slice(&texts[1])));
    changes[0] = 0;
    tell_all(one, &model);
    FUZZ_CHECK(changes[0] == 0);
    catalog_free(one);
    catalog_free(other);
    buffer_release(&texts[0]);
    buffer_release(&texts[1]);
    return 0;
}
