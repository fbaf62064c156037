/* The queue of a session: order, counts of messages at hand, memory given back; by example, then
 * random operations against a plain array.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/memory.h"
#include "core/delivery_queue.h"

static struct message *make_message(void)
{
    return message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("t"), .payload = SLICE_LITERAL("12345"), .expires_at = MSEC_NEVER});
}

static struct delivery present(struct message *message, uint32_t identifier, uint64_t position)
{
    return (struct delivery){
        .message = message_hold(message), .identifier = identifier, .position = position};
}

static struct delivery absent(uint32_t identifier, uint64_t position, uint32_t length)
{
    return (struct delivery){
        .length = length, .identifier = identifier, .position = position, .flags = DELIVERY_ABSENT};
}

static void add(struct delivery_queue *queue, struct message *message, uint32_t identifier)
{
    struct delivery delivery = present(message, identifier, 0);

    delivery_queue_add(queue, &delivery);
}

static void add_absent(struct delivery_queue *queue, uint32_t identifier)
{
    struct delivery delivery = absent(identifier, identifier, 100);

    delivery_queue_add(queue, &delivery);
}

static void take(struct delivery_queue *queue, uint32_t identifier)
{
    CHECK_INT_EQUAL(delivery_queue_first(queue)->identifier, identifier);
    struct delivery delivery = delivery_queue_take(queue);
    CHECK_INT_EQUAL(delivery.identifier, identifier);
    delivery_release(&delivery);
}

static size_t chunks(const struct delivery_queue *queue, size_t *capacity)
{
    size_t count = 0;

    *capacity = 0;
    for (const struct delivery_chunk *chunk = queue->head; chunk; chunk = chunk->next) {
        CHECK(chunk->next ? chunk->next->prev == chunk : queue->tail == chunk);
        *capacity += chunk->capacity;
        count++;
    }
    return count;
}

TEST(an_empty_queue)
{
    struct delivery_queue queue = {0}, other = {0};

    CHECK(delivery_queue_first(&queue) == NULL);
    CHECK(delivery_at(delivery_queue_begin(&queue)) == NULL);
    CHECK(delivery_at(delivery_queue_last(&queue)) == NULL);
    delivery_queue_append(&queue, &other);
    delivery_queue_look(&queue);
    delivery_queue_compact(&queue);
    CHECK_INT_EQUAL(queue.count, 0);
    delivery_queue_release(&queue);
}

TEST(first_in_first_out_while_it_grows_and_shrinks)
{
    struct delivery_queue queue = {0};
    struct message *message = make_message();
    uint32_t in = 0, out = 0;
    uint64_t random = 3;

    for (int i = 0; i < 20000; i++) {
        /* More come than go in the first half, then the other way round. */
        if (test_random_below(&random, 100) < (i < 10000 ? 60u : 45u)) {
            add(&queue, message, ++in);
        } else if (queue.count > 0) {
            take(&queue, ++out);
        }
        CHECK_INT_EQUAL(queue.count, in - out);
        CHECK_INT_EQUAL(queue.present, in - out);
        CHECK_INT_EQUAL(queue.bytes, (uint64_t)(in - out) * message->length);
    }
    CHECK(in > out && out > 1000);
    delivery_queue_release(&queue);
    CHECK_INT_EQUAL(queue.count, 0);
    CHECK_INT_EQUAL(queue.bytes, 0);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
}

TEST(a_backlog_gives_its_memory_back_while_it_drains)
{
    enum { COUNT = 20000 };
    struct delivery_queue queue = {0};
    struct message *message = make_message();
    size_t capacity, count;

    for (uint32_t i = 0; i < COUNT; i++) {
        add(&queue, message, i);
    }
    count = chunks(&queue, &capacity);
    CHECK(capacity >= COUNT && capacity < COUNT + 2 * COUNT / count + 2048);
    for (uint32_t i = 0; i < COUNT; i++) {
        take(&queue, i);
        if (i % 1000 == 0) {
            chunks(&queue, &capacity);
            CHECK(capacity <= queue.count + 2 * 2048);
        }
    }
    CHECK_INT_EQUAL(chunks(&queue, &capacity), 0);
    CHECK(queue.head == NULL && queue.tail == NULL);
    add(&queue, message, 7);
    take(&queue, 7);
    CHECK(chunks(&queue, &capacity) <= 1 && capacity <= 16); /* for the next one */
    delivery_queue_release(&queue);
    CHECK(queue.head == NULL);
    message_release(message);
}

TEST(what_comes_first_can_be_put_back)
{
    struct delivery_queue queue = {0};
    struct message *message = make_message();

    for (uint32_t i = 100; i < 110; i++) {
        add(&queue, message, i);
    }
    for (uint32_t i = 99; i > 0; i--) { /* more than a chunk */
        struct delivery delivery = present(message, i, 0);
        delivery_queue_add_first(&queue, &delivery);
    }
    CHECK_INT_EQUAL(queue.present, 109);
    for (uint32_t i = 1; i < 110; i++) {
        take(&queue, i);
    }
    struct delivery delivery = present(message, 1, 0);
    delivery_queue_add_first(&queue, &delivery); /* of an empty queue that has kept a chunk */
    add(&queue, message, 2);
    take(&queue, 1);
    take(&queue, 2);
    delivery_queue_release(&queue);
    message_release(message);
}

TEST(present_ones_are_those_at_the_head)
{
    struct delivery_queue queue = {0};
    struct message *message = make_message();
    struct delivery first = absent(1, 1, 100);

    add(&queue, message, 2);
    add_absent(&queue, 3);
    add(&queue, message, 4);
    CHECK_INT_EQUAL(queue.present, 1);
    CHECK_INT_EQUAL(queue.absent, 1);
    delivery_queue_add_first(&queue, &first);
    CHECK_INT_EQUAL(queue.present, 0);
    CHECK_INT_EQUAL(queue.absent, 2);
    CHECK_INT_EQUAL(queue.bytes, 200 + 2 * (uint64_t)message->length);
    CHECK_INT_EQUAL(queue.present_bytes, 0);
    delivery_queue_fill(&queue, delivery_queue_first(&queue), message_hold(message));
    delivery_queue_look(&queue);
    CHECK_INT_EQUAL(queue.present, 2);
    CHECK_INT_EQUAL(queue.present_bytes, message->length); /* 1 is stored, 2 is not */
    CHECK_INT_EQUAL(queue.bytes, 100 + 3 * (uint64_t)message->length);
    take(&queue, 1);
    CHECK_INT_EQUAL(queue.present_bytes, 0);
    struct delivery_place place = delivery_place_skip(delivery_queue_begin(&queue), 1);
    delivery_queue_fill(&queue, delivery_at(place), message_hold(message));
    delivery_queue_look(&queue);
    CHECK_INT_EQUAL(queue.present, 3);
    CHECK_INT_EQUAL(queue.absent, 0);
    delivery_queue_release(&queue);
    CHECK_INT_EQUAL(queue.present_bytes, 0);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
}

TEST(places_go_forwards_backwards_and_far)
{
    enum { COUNT = 5000 };
    struct delivery_queue queue = {0};
    uint32_t expected = 0;

    for (uint32_t i = 0; i < COUNT; i++) {
        add_absent(&queue, i + 1);
    }
    for (struct delivery_place place = delivery_queue_begin(&queue); place.chunk;
         place = delivery_place_next(place)) {
        CHECK_INT_EQUAL(delivery_at(place)->identifier, ++expected);
    }
    CHECK_INT_EQUAL(expected, COUNT);
    for (struct delivery_place place = delivery_queue_last(&queue); place.chunk;
         place = delivery_place_before(place)) {
        CHECK_INT_EQUAL(delivery_at(place)->identifier, expected--);
    }
    CHECK_INT_EQUAL(expected, 0);
    for (uint32_t steps = 0; steps < COUNT; steps += 7) {
        struct delivery_place place = delivery_place_skip(delivery_queue_begin(&queue), steps);
        CHECK_INT_EQUAL(delivery_at(place)->identifier, steps + 1);
    }
    CHECK(delivery_place_skip(delivery_queue_begin(&queue), COUNT).chunk == NULL);
    delivery_queue_release(&queue);
}

/* ---------------------------------------------------------------- against a plain array */

enum { MODEL_MAX = 6000, MODEL_STEPS = 60000 };

struct model_item {
    uint32_t identifier, length;
    bool is_absent, is_stored, is_gone;
};

struct model {
    struct model_item items[MODEL_MAX];
    size_t count;
    uint32_t last;
};

static void model_insert(struct model *model, size_t at, struct model_item item)
{
    memmove(model->items + at + 1, model->items + at,
            (model->count - at) * sizeof(model->items[0]));
    model->items[at] = item;
    model->count++;
}

static struct delivery random_delivery(struct model *model, struct message *message,
                                       struct model_item *item, uint64_t *random)
{
    uint32_t kind = test_random_below(random, 3);

    *item = (struct model_item){.identifier = ++model->last, .length = message->length};
    item->is_absent = kind == 0;
    item->is_stored = kind < 2;
    if (item->is_absent) {
        item->length = test_random_below(random, 1000);
        return absent(item->identifier, item->identifier, item->length);
    }
    return present(message, item->identifier, item->is_stored ? item->identifier : 0);
}

static void model_add(struct model *model, struct delivery_queue *queue, struct message *message,
                      bool first, uint64_t *random)
{
    struct model_item item;

    if (model->count == MODEL_MAX) {
        return;
    }
    struct delivery delivery = random_delivery(model, message, &item, random);
    model_insert(model, first ? 0 : model->count, item);
    if (first) {
        delivery_queue_add_first(queue, &delivery);
    } else {
        delivery_queue_add(queue, &delivery);
    }
}

static void model_append(struct model *model, struct delivery_queue *queue, struct message *message,
                         uint64_t *random)
{
    struct delivery_queue other = {0};
    uint32_t count = test_random_below(random, 60);

    for (uint32_t i = 0; i < count && model->count < MODEL_MAX; i++) {
        struct model_item item;
        struct delivery delivery = random_delivery(model, message, &item, random);
        delivery_queue_add(&other, &delivery);
        model_insert(model, model->count, item);
    }
    delivery_queue_append(queue, &other);
    CHECK(other.count == 0);
    delivery_queue_release(&other);
}

static void model_fill(struct model *model, struct delivery_queue *queue, struct message *message,
                       uint64_t *random)
{
    uint32_t from = test_random_below(random, (uint32_t)model->count + 1);
    struct delivery_place place = delivery_place_skip(delivery_queue_begin(queue), from);

    for (size_t i = from; i < model->count && i < from + 5; i++) {
        if (model->items[i].is_absent) {
            delivery_queue_fill(queue, delivery_at(place), message_hold(message));
            model->items[i].is_absent = false;
            model->items[i].length = message->length;
        }
        place = delivery_place_next(place);
    }
    delivery_queue_look(queue);
}

/* Only absent ones: so it is while loading. */
static void model_compact(struct model *model, struct delivery_queue *queue, uint64_t *random)
{
    uint32_t one_in = 1 + test_random_below(random, 4);
    struct delivery_place place = delivery_queue_begin(queue);
    size_t to = 0;

    for (size_t i = 0; i < model->count; i++, place = delivery_place_next(place)) {
        if (model->items[i].is_absent && test_random_below(random, one_in) == 0) {
            delivery_at(place)->flags |= DELIVERY_GONE;
        } else {
            model->items[to++] = model->items[i];
        }
    }
    model->count = to;
    delivery_queue_compact(queue);
}

static void model_take(struct model *model, struct delivery_queue *queue)
{
    if (model->count > 0) {
        take(queue, model->items[0].identifier);
        memmove(model->items, model->items + 1, --model->count * sizeof(model->items[0]));
    }
}

static void model_check(const struct model *model, const struct delivery_queue *queue, bool order)
{
    uint64_t bytes = 0, present_bytes = 0;
    size_t ahead = 0, away = 0;

    for (size_t i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        bytes += item->length;
        present_bytes += item->is_stored && !item->is_absent ? item->length : 0;
        ahead += ahead == i && !item->is_absent;
        away += item->is_absent;
    }
    CHECK_INT_EQUAL(queue->count, model->count);
    CHECK_INT_EQUAL(queue->bytes, bytes);
    CHECK_INT_EQUAL(queue->present_bytes, present_bytes);
    CHECK_INT_EQUAL(queue->absent, away);
    CHECK(queue->present <= ahead); /* a look makes it the same */
    struct delivery_place place = delivery_queue_begin(queue);
    for (size_t i = 0; order && i < model->count; i++, place = delivery_place_next(place)) {
        CHECK_INT_EQUAL(delivery_at(place)->identifier, model->items[i].identifier);
    }
    CHECK(!order || place.chunk == NULL);
}

TEST(random_operations_against_an_array)
{
    struct delivery_queue queue = {0};
    struct model *model = memory_allocate_zero(sizeof(*model));
    struct message *message = make_message();
    uint64_t random = 11;

    for (unsigned step = 0; step < MODEL_STEPS; step++) {
        uint32_t what = test_random_below(&random, 1000);
        bool grows = step / 10000 % 2 == 0;
        test_note("step %u", step);
        if (what < (grows ? 550u : 350u)) {
            model_add(model, &queue, message, false, &random);
        } else if (what < 600) {
            model_add(model, &queue, message, true, &random);
        } else if (what < 602) {
            model_append(model, &queue, message, &random);
        } else if (what < 630) {
            model_fill(model, &queue, message, &random);
        } else if (what < 631) {
            model_compact(model, &queue, &random);
        } else if (what < (grows ? 950u : 1000u)) {
            model_take(model, &queue);
        } else {
            delivery_queue_look(&queue);
        }
        if (step % 16 == 0) {
            model_check(model, &queue, step % 1024 == 0);
        }
    }
    delivery_queue_look(&queue);
    model_check(model, &queue, true);
    delivery_queue_release(&queue);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
    free(model);
}
