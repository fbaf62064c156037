/* bridge/dispatch/folder_source, folder_state: what is seen becomes events on the queues of a
 * system topic's subscriptions, and lines of the state file; with refusals, crashes and full disks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/folder_source.h"

#include <stdlib.h>

#include "dispatch/folder_watch.h"
#include "dispatch/outside.h"
#include "door_fixture.h"

#define TOPIC "systemtopics/pictures"
#define ENTRY(more)                                                                                \
    "{\"name\":\"Pics\",\"directory\":\"/srv/\",\"container\":\"pictures\","                       \
    "\"systemTopic\":\"Pictures\"" more "}"

static struct {
    struct door_world door;
    struct broker_session *session;
    struct folder_source *source;
    struct folder_watch *watch; /* that is under way */
    struct file_task *task;     /* likewise */
    struct buffer file;         /* the state */
    bool has_file;
    const char *file_error;
    struct buffer bytes;
} world;

/* ---------------------------------------------------------------- the world outside */

static void take_watch(void *context, struct folder_watch *watch)
{
    (void)context;
    CHECK(!world.watch);
    watch->under_way = &world;
    world.watch = watch;
}

static void end_watch(void *context, struct folder_watch *watch)
{
    (void)context;
    CHECK(world.watch == watch);
    world.watch = NULL;
}

static void take_task(void *context, struct file_task *task)
{
    (void)context;
    CHECK(!world.task && task->root == ROOT_SOURCES);
    CHECK_SLICE_EQUAL(task->path, SLICE_LITERAL("pics"));
    task->under_way = &world;
    world.task = task;
    world.bytes.length = 0;
    buffer_append(&world.bytes, task->bytes);
}

static void cancel_task(void *context, struct file_task *task)
{
    (void)context;
    if (task->under_way) {
        task->under_way = NULL;
        world.task = NULL;
    }
}

static const struct outside_ops operations = {
    .file = take_task, .cancel_file = cancel_task, .watch = take_watch, .unwatch = end_watch};

/* In pieces of a few bytes. */
static void read_piece(struct file_task *task)
{
    struct slice text = buffer_slice(&world.file);

    task->is_missing = !world.has_file;
    task->error = world.has_file ? NULL : "No such file or directory";
    if (world.has_file) {
        text = slice_from(text, task->offset);
        text.length = text.length > 10 ? 10 : text.length;
        buffer_append(&task->text, text);
    }
}

static void write_file(const struct file_task *task)
{
    if (task->kind == FILE_WRITE) {
        world.file.length = 0;
    }
    buffer_append(&world.file, buffer_slice(&world.bytes));
    world.has_file = true;
}

static void run_task(void)
{
    struct file_task *task = world.task;

    world.task = NULL;
    task->under_way = NULL;
    task->error = world.file_error;
    if (!task->error) {
        (task->kind == FILE_READ ? read_piece(task) : write_file(task));
    }
    task->done(task);
}

/* Until nothing is under way. */
static void run(void)
{
    do {
        while (world.task) {
            run_task();
        }
        broker_run(world.door.broker);
    } while (world.task);
}

static void go_on(msec_t ms)
{
    broker_advance(world.door.broker, ms);
    run();
}

/* ---------------------------------------------------------------- what happens */

static void start(const char *entry)
{
    world.source = folder_source_new(&world.door.grid, slice_from_string(entry));
    CHECK(world.source);
    run();
}

static void begin(void)
{
    world.file.length = 0;
    world.has_file = false;
    world.file_error = NULL;
    door_start(&world.door);
    door_complete(&world.door);
    world.door.grid.options.outside = (struct outside){.ops = &operations};
    door_topic(&world.door, TOPIC,
               "\"source\":\"/sa\",\"topicType\":\"Microsoft.Storage.StorageAccounts\"");
    world.session = door_subscribe(&world.door, TOPIC, "all", TO_MQTT("x"));
}

static void stop(void)
{
    folder_source_free(world.source);
    CHECK(!world.watch && !world.task);
}

static void end(void)
{
    stop();
    door_end(&world.door);
    buffer_release(&world.file);
    buffer_release(&world.bytes);
}

static void see(enum folder_sight sight, const char *path, uint64_t size)
{
    struct folder_sights sights = {0};

    folder_sights_add(&sights, sight, slice_from_string(path),
                      &(struct file_facts){.size = size, .inode = 1}, INT64_MAX);
    world.watch->seen(world.watch, &sights);
    folder_sights_release(&sights);
}

static void see_all(void)
{
    see(SIGHT_ALL_BEGINS, "", 0);
    see(SIGHT_ALL_ENDS, "", 0);
    run();
}

/* Is this in the next event that waits on the queue? It is taken. */
static void expect(const char *part)
{
    struct packet packet;
    struct buffer bytes = {0};

    CHECK(take_waiting(world.session, &packet, &bytes));
    CHECK(memmem(packet.publish.payload.data, packet.publish.payload.length, part, strlen(part)));
    buffer_release(&bytes);
}

static void expect_nothing(void)
{
    CHECK_INT_EQUAL(count_waiting(world.session), 0);
}

/* ---------------------------------------------------------------- tests */

TEST(what_is_there_at_first_is_not_told_and_what_comes_is)
{
    begin();
    start(ENTRY(""));
    see(SIGHT_ALL_BEGINS, "", 0);
    see(SIGHT_FILE, "old", 1);
    see(SIGHT_ALL_ENDS, "", 0);
    run();
    expect_nothing();
    see(SIGHT_CLOSED, "new.png", 2);
    run();
    expect("\"subject\":\"/blobServices/default/containers/pictures/blobs/new.png\"");
    expect_nothing();
    CHECK(says(&world.file, "pubgrid-folder 1 /srv\n+ "));
    CHECK(says(&world.file, " 1 0 1 old\n? ") && says(&world.file, " new.png\n+ ") &&
          says(&world.file, " 2 0 1 new.png\n"));
    end();
}

TEST(what_is_there_at_first_is_told_if_that_is_wanted)
{
    begin();
    start(ENTRY(",\"tellExisting\":true"));
    see(SIGHT_ALL_BEGINS, "", 0);
    see(SIGHT_FILE, "old", 1);
    see(SIGHT_ALL_ENDS, "", 0);
    run();
    expect("/blobs/old\"");
    end();
}

TEST(what_was_told_is_known_after_a_restart)
{
    begin();
    start(ENTRY(""));
    see_all();
    see(SIGHT_CLOSED, "a\n%", 1);
    see(SIGHT_CLOSED, "b", 1);
    run();
    expect("Created"), expect("Created");
    stop();
    buffer_append_string(&world.file, "- 99 "); /* a crash has cut it off */
    start(ENTRY(""));
    see(SIGHT_ALL_BEGINS, "", 0);
    see(SIGHT_FILE, "a\n%", 1);
    see(SIGHT_FILE, "c", 1);
    see(SIGHT_ALL_ENDS, "", 0);
    run();
    expect("/blobs/c\"");
    expect("Microsoft.Storage.BlobDeleted");
    expect_nothing();
    end();
}

TEST(the_state_of_another_folder_is_none)
{
    begin();
    buffer_append_string(&world.file, "pubgrid-folder 1 /other\n+ 1 1 0 1 a\n");
    world.has_file = true;
    start(ENTRY(""));
    see_all();
    expect_nothing();
    CHECK_SLICE_EQUAL(buffer_slice(&world.file), SLICE_LITERAL("pubgrid-folder 1 /srv\n"));
    end();
}

/* Nothing is told before its line is on the disk. */
TEST(while_lines_cannot_be_written_nothing_is_told)
{
    begin();
    start(ENTRY(""));
    see_all();
    world.file_error = "No space left on device";
    see(SIGHT_CLOSED, "a", 1);
    run();
    see(SIGHT_CLOSED, "b", 1);
    go_on(500);
    expect_nothing();
    world.file_error = NULL;
    go_on(1000);
    expect("/blobs/a\"");
    expect("/blobs/b\"");
    CHECK(says(&world.file, " 1 0 1 a\n? ") && says(&world.file, " 1 0 1 b\n"));
    end();
}

/* The process dies when the event was accepted and no line says so, and the file goes then. */
TEST(what_was_told_just_before_a_crash_is_told_to_be_gone)
{
    size_t length;

    begin();
    start(ENTRY(""));
    see_all();
    see(SIGHT_CLOSED, "a", 1);
    run();
    expect("Microsoft.Storage.BlobCreated");
    stop();
    length = (size_t)((uint8_t *)memchr(world.file.data, '+', world.file.length) - world.file.data);
    world.file.length = length;
    start(ENTRY(""));
    see_all();
    expect("Microsoft.Storage.BlobDeleted");
    CHECK(says(&world.file, " a\n- "));
    end();
}

TEST(a_state_that_cannot_be_read_is_tried_again)
{
    begin();
    world.file_error = "Input/output error";
    world.source = folder_source_new(&world.door.grid, SLICE_LITERAL(ENTRY("")));
    run_task();
    CHECK(!world.task && !world.watch);
    world.file_error = NULL;
    go_on(1000);
    CHECK(world.watch);
    end();
}

TEST(what_is_refused_is_told_again)
{
    begin();
    start(ENTRY(""));
    see_all();
    world.session->filters.length = 0; /* nobody keeps the queue */
    see(SIGHT_CLOSED, "a", 1);
    run();
    expect_nothing();
    CHECK(!says(&world.file, " 1 0 1 a\n"));
    buffer_append_u16(&world.session->filters, (uint16_t)world.session->id.length);
    buffer_append(&world.session->filters, buffer_slice(&world.session->id));
    go_on(1000);
    expect("/blobs/a\"");
    CHECK(says(&world.file, " 1 0 1 a\n"));
    end();
}

TEST(without_its_topic_it_waits)
{
    begin();
    door_set(&world.door, TOPIC, "");
    start(ENTRY(""));
    see_all();
    see(SIGHT_CLOSED, "a", 1);
    go_on(2000);
    expect_nothing();
    door_topic(&world.door, TOPIC,
               "\"source\":\"/sa\",\"topicType\":\"Microsoft.Storage.StorageAccounts\"");
    go_on(1000);
    expect("/blobs/a\"");
    end();
}

/* A hundred at a time, and the file is written anew when most of its lines are old. */
TEST(many_changes)
{
    char name[16];

    begin();
    start(ENTRY(""));
    see_all();
    for (int i = 0; i < 30000; i++) {
        snprintf(name, sizeof(name), "%d", i % 150);
        see(i / 150 % 2 ? SIGHT_GONE : SIGHT_CLOSED, name, (uint64_t)i + 1);
        if (i % 150 == 149) {
            run();
            CHECK_INT_EQUAL(count_waiting(world.session), 150);
            world.session->waiting.length = 0;
        }
    }
    CHECK(world.file.length < 600000);
    stop();
    start(ENTRY(""));
    see_all();
    expect_nothing();
    end();
}

TEST(events_that_are_under_way_are_forgotten_at_the_end)
{
    begin();
    start(ENTRY(""));
    see_all();
    see(SIGHT_CLOSED, "a", 1);
    end();
}

TEST(an_entry_that_is_not_good_is_none)
{
    begin();
    CHECK(!folder_source_new(&world.door.grid, SLICE_LITERAL("{}")));
    start(ENTRY(""));
    end();
}
