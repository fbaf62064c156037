/* See runner_world.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/runner_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/catalog_store.h"
#include "dispatch/queue_name.h"
#include "mqtt/user_property.h"

static struct world *the_world;

/* ---------------------------------------------------------------- requests */

/* "Name: value" with a NUL behind each. */
static void append_lines(struct buffer *out, struct slice lines)
{
    out->length = 0;
    buffer_append(out, lines);
    for (size_t i = 0; i < out->length; i++) {
        out->data[i] = out->data[i] == '\0' ? '\n' : out->data[i];
    }
    buffer_append_byte(out, '\0');
}

static void take_request(void *context, struct outside_request *request)
{
    struct world *world = context;

    if (world->request_count == WORLD_REQUESTS) {
        abort();
    }
    request->under_way = world;
    append_lines(&world->lines[world->request_count], request->lines);
    world->requests[world->request_count++] = request;
    world->requests_ever++;
}

static struct outside_request *remove_request(struct world *world, size_t number)
{
    struct outside_request *request = world->requests[number];
    struct buffer lines = world->lines[number];

    world->request_count--;
    memmove(&world->lines[number], &world->lines[number + 1],
            (world->request_count - number) * sizeof(lines));
    world->lines[world->request_count] = lines;
    memmove(&world->requests[number], &world->requests[number + 1],
            (world->request_count - number) * sizeof(struct outside_request *));
    request->under_way = NULL;
    return request;
}

static void cancel_request(void *context, struct outside_request *request)
{
    struct world *world = context;
    size_t number = 0;

    while (number < world->request_count && world->requests[number] != request) {
        number++;
    }
    if (number == world->request_count) {
        abort(); /* it is not under way */
    }
    remove_request(world, number);
}

static const char *terminated(struct buffer *text)
{
    buffer_append_byte(text, '\0');
    return (const char *)text->data;
}

const char *world_body(struct world *world, size_t number)
{
    static struct buffer text;

    text.length = 0;
    if (number < world->request_count) {
        buffer_append(&text, world->requests[number]->body);
    }
    return terminated(&text);
}

const char *world_request(struct world *world, size_t number)
{
    static struct buffer text;

    text.length = 0;
    if (number < world->request_count) {
        buffer_append_format(&text, "%s %.*s ", world->requests[number]->method,
                             SLICE_PRINT(world->requests[number]->url));
        buffer_append(&text, world->requests[number]->body);
    }
    return terminated(&text);
}

const char *world_lines(struct world *world, size_t number)
{
    return number < world->request_count ? (const char *)world->lines[number].data : "";
}

static void answer(struct world *world, const struct outside_answer *answer)
{
    struct outside_request *request;

    if (world->request_count == 0) {
        abort();
    }
    request = remove_request(world, 0);
    request->done(request, answer);
}

void world_answer_body(struct world *world, int status, const char *head, const char *body)
{
    answer(world, &(struct outside_answer){.status = status,
                                           .head = slice_from_string(head ? head : ""),
                                           .body = slice_from_string(body)});
    world_run(world, 0);
}

void world_answer(struct world *world, int status, const char *head)
{
    world_answer_body(world, status, head, "");
}

void world_answer_quietly(struct world *world, int status)
{
    answer(world, &(struct outside_answer){.status = status});
}

void world_fail(struct world *world, enum delivery_failure failure)
{
    answer(world, &(struct outside_answer){.failure = failure, .reason = "it failed"});
    world_run(world, 0);
}

void world_answer_all(struct world *world, int status)
{
    for (size_t left = world->request_count; left > 0; left--) {
        answer(world, &(struct outside_answer){.status = status});
    }
    world_run(world, 0);
}

/* ---------------------------------------------------------------- files */

struct task {
    struct list link; /* in world->tasks */
    struct file_task *file;
    struct buffer path, bytes; /* are the caller's only at once */
};

static void take_task(void *context, struct file_task *file)
{
    struct world *world = context;
    struct task *task = memory_allocate_zero(sizeof(*task));

    task->file = file;
    buffer_append(&task->path, file->path);
    buffer_append(&task->bytes, file->bytes);
    file->under_way = task;
    file->error = NULL;
    list_add_last(&world->tasks, &task->link);
    world->tasks_ever++;
}

static void task_free(struct task *task)
{
    task->file->under_way = NULL;
    list_remove(&task->link);
    buffer_release(&task->path);
    buffer_release(&task->bytes);
    free(task);
}

static void cancel_task(void *context, struct file_task *file)
{
    (void)context;
    if (file->under_way) {
        task_free(file->under_way);
    }
}

static struct world_file *find_file(struct world *world, enum file_root root, struct slice path)
{
    for (size_t i = 0; i < world->file_count; i++) {
        struct world_file *file = &world->files[i];
        if (file->root == root && slice_equal(buffer_slice(&file->path), path)) {
            return file;
        }
    }
    return NULL;
}

static struct world_file *make_file(struct world *world, enum file_root root, struct slice path)
{
    struct world_file *file = find_file(world, root, path);

    if (!file) {
        if (world->file_count == WORLD_FILES) {
            abort();
        }
        file = &world->files[world->file_count++];
        *file = (struct world_file){.root = root};
        buffer_append(&file->path, path);
    }
    return file;
}

static void remove_file(struct world *world, struct world_file *file)
{
    buffer_release(&file->path);
    buffer_release(&file->text);
    *file = world->files[--world->file_count];
}

static int compare_files(const void *a, const void *b)
{
    const struct world_file *one = a, *other = b;
    size_t shorter = one->path.length < other->path.length ? one->path.length : other->path.length;
    int order = memcmp(one->path.data, other->path.data, shorter);

    return order != 0
               ? order
               : (one->path.length > other->path.length) - (one->path.length < other->path.length);
}

static bool is_behind(const struct world_file *file, struct slice after)
{
    struct world_file other = {
        .path = {.data = (uint8_t *)(uintptr_t)after.data, .length = after.length}};

    return after.length == 0 || compare_files(file, &other) > 0;
}

static void list_files(struct world *world, struct task *task)
{
    qsort(world->files, world->file_count, sizeof(world->files[0]), compare_files);
    for (size_t i = 0; i < world->file_count; i++) {
        struct world_file *file = &world->files[i];
        if (file->root == task->file->root &&
            slice_starts_with(buffer_slice(&file->path), buffer_slice(&task->path)) &&
            is_behind(file, buffer_slice(&task->bytes))) {
            buffer_append(&task->file->text, buffer_slice(&file->path));
            buffer_append_byte(&task->file->text, '\n');
        }
    }
}

static void read_file(const struct world_file *file, struct file_task *task)
{
    struct slice text = buffer_slice(&file->text);

    text = slice_from(text, task->offset < text.length ? (size_t)task->offset : text.length);
    if (task->length_max > 0 && text.length > task->length_max) {
        text.length = (size_t)task->length_max;
    }
    buffer_append(&task->text, text);
}

static void carry_out(struct world *world, struct task *task)
{
    struct file_task *wanted = task->file;
    struct slice path = buffer_slice(&task->path);
    struct world_file *file = find_file(world, wanted->root, path);

    if (world->file_error) {
        wanted->error = world->file_error;
    } else if (wanted->kind == FILE_LIST) {
        list_files(world, task);
    } else if (wanted->kind == FILE_WRITE || wanted->kind == FILE_APPEND) {
        file = make_file(world, wanted->root, path);
        buffer_append(&file->text, buffer_slice(&task->bytes));
    } else if (!file) {
        wanted->error = "No such file or directory";
    } else if (wanted->kind == FILE_READ) {
        read_file(file, wanted);
    } else {
        remove_file(world, file);
    }
}

static bool run_tasks(struct world *world)
{
    bool any = false;

    while (!list_is_empty(&world->tasks)) {
        struct task *task = CONTAINER_OF(world->tasks.next, struct task, link);
        struct file_task *file = task->file;
        carry_out(world, task);
        task_free(task);
        file->done(file);
        any = true;
    }
    return any;
}

const struct world_file *world_find_file(struct world *world, const char *part)
{
    for (size_t i = 0; i < world->file_count; i++) {
        struct world_file *file = &world->files[i];
        if (memmem(file->path.data, file->path.length, part, strlen(part))) {
            return file;
        }
    }
    return NULL;
}

void world_add_file(struct world *world, enum file_root root, const char *path, const char *text)
{
    buffer_append_string(&make_file(world, root, slice_from_string(path))->text, text);
}

static const struct outside_ops outside_ops = {
    .request = take_request,
    .cancel_request = cancel_request,
    .file = take_task,
    .cancel_file = cancel_task,
};

/* ---------------------------------------------------------------- the rest of Event Grid */

void catalog_place_append(struct buffer *out, struct slice source_key, struct slice name)
{
    buffer_append_format(out, "%.*s/eventsubscriptions/%.*s", SLICE_PRINT(source_key),
                         SLICE_PRINT(name));
}

static void set_in_all(struct world *world, struct slice place, struct slice json)
{
    for (int i = 0; i < WORLD_BRIDGES; i++) {
        struct buffer error = {0};
        if (world->grids[i].catalog &&
            !catalog_set_stored(world->grids[i].catalog, place, json, &error)) {
            fprintf(stderr, "%.*s\n", SLICE_PRINT(buffer_slice(&error)));
            abort();
        }
        buffer_release(&error);
    }
}

/* Heard by all; from the loop, as from a broker. */
void catalog_store_set(struct catalog_store *store, struct slice place, struct slice json)
{
    (void)store;
    buffer_append_format(&the_world->stored, "%.*s=%.*s\n", SLICE_PRINT(place), SLICE_PRINT(json));
}

static bool hear_stored(struct world *world)
{
    struct buffer stored = world->stored;
    struct slice rest = buffer_slice(&stored);
    bool any = stored.length > world->heard;

    rest = slice_from(rest, world->heard);
    world->heard = stored.length;
    while (rest.length > 0) {
        const uint8_t *is = memchr(rest.data, '=', rest.length);
        const uint8_t *end = memchr(rest.data, '\n', rest.length);
        set_in_all(world, slice_make(rest.data, (size_t)(is - rest.data)),
                   slice_make(is + 1, (size_t)(end - is - 1)));
        rest = slice_from(rest, (size_t)(end - rest.data) + 1);
    }
    return any;
}

enum door_answer door_accept(struct door *door, struct catalog_source *source,
                             const struct event *events, size_t count, uint8_t hops,
                             struct door_load *load)
{
    struct world_entry *entry = &the_world->entries[the_world->entry_count];

    (void)door;
    if (the_world->door_answer == DOOR_BUSY || the_world->door_answer == DOOR_TOO_LARGE) {
        return the_world->door_answer;
    }
    if (count != 1 || the_world->entry_count == sizeof(the_world->entries) / sizeof(*entry)) {
        abort();
    }
    the_world->entry_count++;
    entry->load = the_world->door_answer == DOOR_WAITS ? load : NULL;
    entry->text.length = 0;
    buffer_append_format(&entry->text, "%.*s %u %.*s %.*s", SLICE_PRINT(buffer_slice(&source->key)),
                         hops, SLICE_PRINT(events->id), SLICE_PRINT(events->whole.text));
    terminated(&entry->text);
    return the_world->door_answer;
}

void door_forget(struct door *door, struct door_load *load)
{
    (void)door;
    for (size_t i = 0; i < the_world->entry_count; i++) {
        if (the_world->entries[i].load == load) {
            the_world->entries[i].load = NULL;
        }
    }
}

const char *world_entry(const struct world *world, size_t number)
{
    return number < world->entry_count ? (const char *)world->entries[number].text.data : "";
}

void world_answer_entry(struct world *world, size_t number, bool is_accepted)
{
    struct door_load *load = world->entries[number].load;

    if (!load) {
        abort();
    }
    world->entries[number].load = NULL;
    load->next_event = 1;
    load->done(load, is_accepted);
    world_run(world, 0);
}

/* ---------------------------------------------------------------- settings */

void world_subscribe_to(struct world *world, const char *source_key, const char *name,
                        const char *settings)
{
    struct buffer place = {0};

    catalog_place_append(&place, slice_from_string(source_key), slice_from_string(name));
    set_in_all(world, buffer_slice(&place), slice_from_string(settings));
    buffer_release(&place);
    world_run(world, 0);
}

void world_subscribe(struct world *world, const char *name, const char *properties)
{
    struct buffer settings = {0};

    buffer_append_format(&settings, "{\"name\":\"%s\",\"properties\":%s,\"state\":\"Succeeded\"}",
                         name, properties);
    world_subscribe_to(world, world->source_key, name, terminated(&settings));
    buffer_release(&settings);
}

void world_unsubscribe(struct world *world, const char *name)
{
    world_subscribe_to(world, world->source_key, name, "");
}

void world_declare(struct world *world, const char *json)
{
    for (int i = 0; i < WORLD_BRIDGES; i++) {
        catalog_set_declared(world->grids[i].catalog, slice_from_string(json));
    }
    world_run(world, 0);
}

void world_set(struct world *world, const char *place, const char *settings)
{
    set_in_all(world, slice_from_string(place), slice_from_string(settings));
    world_run(world, 0);
}

void world_set_topic(struct world *world, const char *key, const char *resource)
{
    struct buffer settings = {0};

    buffer_append_format(&settings, "{\"resource\":%s,\"key1\":\"a2V5\",\"key2\":\"a2V5\"}",
                         resource);
    set_in_all(world, slice_from_string(key), buffer_slice(&settings));
    buffer_release(&settings);
    world_run(world, 0);
}

void world_use_namespace(struct world *world)
{
    world->source_key = "namespaces/plant/topics/readings";
    world_set_topic(world, "namespaces/plant", "{\"properties\":{}}");
    world_set_topic(world, world->source_key, "{\"properties\":{}}");
}

struct catalog_subscription *world_subscription(struct world *world, int bridge, const char *name)
{
    return catalog_find_subscription(world->grids[bridge].catalog,
                                     slice_from_string(world->source_key), slice_from_string(name));
}

int world_owner(struct world *world, const char *name)
{
    for (int i = 0; i < WORLD_BRIDGES; i++) {
        const struct catalog_subscription *subscription =
            world->grids[i].catalog ? world_subscription(world, i, name) : NULL;
        if (subscription && subscription->runner) {
            return i;
        }
    }
    return -1;
}

/* ---------------------------------------------------------------- events */

size_t world_publish_with(struct world *world, struct publish publish, struct buffer *properties)
{
    struct packet packet = {
        .type = PACKET_PUBLISH,
        .publish = publish,
        .properties = {.present = PROPERTY_BIT(USER_PROPERTY), .raw = buffer_slice(properties)}};
    size_t count = broker_publish(world->broker, &packet);

    buffer_release(properties);
    return count;
}

size_t world_publish_event(struct world *world, const char *queue, const struct queued_event *event)
{
    struct buffer properties = {0};

    queued_event_append_properties(&properties, event);
    return world_publish_with(
        world,
        (struct publish){.qos = QOS_1, .topic = slice_from_string(queue), .payload = event->json},
        &properties);
}

static void append_queue(struct buffer *out, const char *name)
{
    queue_name_append(out, slice_from_string(the_world->source_key), slice_from_string(name));
    terminated(out);
}

size_t world_publish(struct world *world, const char *name, const char *id)
{
    struct buffer queue = {0}, json = {0};
    size_t count;

    append_queue(&queue, name);
    buffer_append_format(&json,
                         "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/s\",\"type\":\"t\","
                         "\"subject\":\"a/b\",\"data\":{\"n\":1}}",
                         id);
    count = world_publish_event(world, (const char *)queue.data,
                                &(struct queued_event){
                                    .schema = SCHEMA_CLOUD_EVENTS,
                                    .json = buffer_slice(&json),
                                    .id = slice_from_string(id),
                                    .published_ms = broker_now,
                                });
    buffer_release(&queue);
    buffer_release(&json);
    return count;
}

size_t world_waiting(struct world *world, const char *name)
{
    const struct broker_session *session;
    struct buffer queue = {0};

    (void)world;
    append_queue(&queue, name);
    session = broker_find_session((const char *)queue.data);
    buffer_release(&queue);
    return session ? session->kept_count + session->flood : 0;
}

void world_run(struct world *world, msec_t ms)
{
    do {
        broker_advance(world->broker, ms);
        ms = 0;
    } while (run_tasks(world) | hear_stored(world));
    broker_advance(world->broker, 0);
}

/* ---------------------------------------------------------------- making and ending */

static void connect_grid(struct grid *grid)
{
    runner_connect(grid->runner);
}

static void start_grid(struct world *world, int bridge)
{
    struct grid *grid = &world->grids[bridge];

    *grid = (struct grid){
        .gateway = &world->broker->bridges[bridge].gateway,
        .options = {.outside = {&outside_ops, world},
                    .base_url = SLICE_LITERAL("http://127.0.0.1:8080")},
    };
    grid->gateway->grid = grid;
    grid->gateway->connect_grid = connect_grid;
    grid->runner = runner_new(grid);
    grid->catalog = catalog_new(runner_catalog_listener(grid->runner));
}

struct world *world_new(void)
{
    struct world *world = memory_allocate_zero(sizeof(*world));

    world->source_key = "topics/tee";
    the_world = world;
    list_init(&world->tasks);
    world->broker = broker_new();
    broker_now = 1795468683000;
    world->door_answer = DOOR_WAITS;
    for (int i = 0; i < WORLD_BRIDGES; i++) {
        start_grid(world, i);
        catalog_begin(world->grids[i].catalog);
        catalog_complete(world->grids[i].catalog);
        runner_connect(world->grids[i].runner);
    }
    world_set_topic(
        world, "topics/tee",
        "{\"location\":\"l\",\"properties\":{\"inputSchema\":\"CloudEventSchemaV1_0\"}}");
    world_set_topic(world, "topics/gee", "{\"location\":\"l\",\"properties\":{}}");
    return world;
}

void world_kill(struct world *world, int bridge)
{
    struct grid *grid = &world->grids[bridge];

    grid->gateway->grid = NULL;
    runner_free(grid->runner);
    catalog_free(grid->catalog);
    *grid = (struct grid){0};
    broker_kill(world->broker, (unsigned)bridge);
}

void world_free(struct world *world)
{
    for (int i = 0; i < WORLD_BRIDGES; i++) {
        if (world->grids[i].runner) {
            world_kill(world, i);
        }
    }
    for (size_t i = 0; i < world->file_count; i++) {
        buffer_release(&world->files[i].path);
        buffer_release(&world->files[i].text);
    }
    for (size_t i = 0; i < sizeof(world->entries) / sizeof(world->entries[0]); i++) {
        buffer_release(&world->entries[i].text);
    }
    for (size_t i = 0; i < WORLD_REQUESTS; i++) {
        buffer_release(&world->lines[i]);
    }
    buffer_release(&world->stored);
    broker_free(world->broker);
    free(world);
}
