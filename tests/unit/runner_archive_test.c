/* bridge/dispatch/archive_*, dead_letters: what is kept in files, and its way back to the queues.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/archive.h"
#include "dispatch/dead_letters.h"
#include "eventgrid/archive_line.h"
#include "support/runner_world.h"
#include "test.h"
#include "json/json.h"

#define CLOUD "\"eventDeliverySchema\":\"CloudEventSchemaV1_0\""
#define HOOK(filter)                                                                               \
    "{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":"              \
    "\"http://hook/x\",\"maxConcurrentRequests\":1000}}," CLOUD filter                             \
    ",\"deadLetterDestination\":{\"endpointType\":\"StorageBlob\",\"properties\":{"                \
    "\"resourceId\":\"/sa\",\"blobContainerName\":\"box\"}}}"
#define KEEPS(days)                                                                                \
    "{\"location\":\"l\",\"properties\":{\"inputSchema\":\"CloudEventSchemaV1_0\","                \
    "\"eventRetentionInDays\":" days "}}"
#define ARCHIVE "$wps//events/topics/tee/eventsubscriptions/$archive"

enum { HOUR_MS = 3600000 };

static struct job job;
static int done_count;

static void done(struct job *ended)
{
    CHECK(ended == &job && !ended->under_way);
    done_count++;
}

static struct job *new_job(void)
{
    buffer_release(&job.text);
    job = (struct job){.done = done};
    done_count = 0;
    return &job;
}

static void keep(struct world *world, const char *id)
{
    struct buffer json = {0};

    buffer_append_format(
        &json, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/s\",\"type\":\"t%s\"}", id,
        id);
    CHECK_INT_EQUAL(world_publish_event(world, ARCHIVE,
                                        &(struct queued_event){.schema = SCHEMA_CLOUD_EVENTS,
                                                               .json = buffer_slice(&json),
                                                               .id = slice_from_string(id),
                                                               .published_ms = broker_now}),
                    1);
    buffer_release(&json);
    world_run(world, 0);
}

static struct world *world_with_archive(void)
{
    struct world *world = world_new();

    world_set_topic(world, "topics/tee", KEEPS("1"));
    return world;
}

static bool file_has(struct world *world, const char *path, const char *text)
{
    const struct world_file *file = world_find_file(world, path);

    return file && memmem(file->text.data, file->text.length, text, strlen(text));
}

TEST(what_is_accepted_is_appended_to_the_file_of_its_hour)
{
    struct world *world = world_with_archive();

    keep(world, "e1");
    keep(world, "e2");
    CHECK_INT_EQUAL(broker_find_session(ARCHIVE)->kept_count, 0);
    CHECK(file_has(world, "topics/tee/2026-11-23T21.jsonl", "\"e1\""));
    CHECK(file_has(world, "topics/tee/2026-11-23T21.jsonl", "\"e2\""));
    world_run(world, HOUR_MS);
    keep(world, "e3");
    CHECK(file_has(world, "topics/tee/2026-11-23T22.jsonl", "\"e3\""));
    world_free(world);
}

TEST(what_cannot_be_written_waits)
{
    struct world *world = world_with_archive();

    world->file_error = "Input/output error";
    keep(world, "e1");
    world_run(world, 5 * HOUR_MS);
    CHECK_INT_EQUAL(broker_find_session(ARCHIVE)->kept_count, 1);
    world->file_error = NULL;
    world_run(world, HOUR_MS);
    CHECK_INT_EQUAL(broker_find_session(ARCHIVE)->kept_count, 0);
    CHECK(file_has(world, "topics/tee/2026-11-23T21.jsonl", "\"e1\""));
    world_free(world);
}

TEST(old_files_are_removed)
{
    struct world *world = world_with_archive();

    keep(world, "e1");
    world_run(world, HOUR_MS);
    keep(world, "e2");
    for (int i = 0; i < 24; i++) {
        world_run(world, HOUR_MS);
    }
    CHECK(!world_find_file(world, "2026-11-23T21"));
    CHECK(world_find_file(world, "2026-11-23T22"));
    world_free(world);
}

TEST(an_archive_that_is_not_wanted_any_more_ends)
{
    struct world *world = world_with_archive();

    CHECK(broker_find_session(ARCHIVE));
    world_set_topic(world, "topics/tee", KEEPS("0"));
    CHECK(!broker_find_session(ARCHIVE));
    world_free(world);
}

/* --- replay --- */

static size_t replay(struct world *world, const struct replay *what)
{
    size_t before = world->requests_ever;

    archive_replay(world->grids[0].runner, what, new_job());
    CHECK_INT_EQUAL(done_count, 0);
    world_run(world, 0);
    CHECK_INT_EQUAL(done_count, 1);
    CHECK(!job.error);
    CHECK_INT_EQUAL(job.events, world->requests_ever - before);
    return job.events;
}

TEST(a_replay_puts_events_of_a_time_on_the_queues_that_take_them)
{
    struct world *world = world_with_archive();
    const struct slice one[] = {SLICE_LITERAL("ALL")};
    int64_t begin = broker_now, later;

    keep(world, "e1");
    world_run(world, HOUR_MS);
    later = broker_now;
    keep(world, "e2");
    keep(world, "e3");
    world_subscribe(world, "all", HOOK(""));
    world_subscribe(world, "some", HOOK(",\"filter\":{\"includedEventTypes\":[\"te2\"]}"));
    CHECK_INT_EQUAL(replay(world, &(struct replay){.source_key = SLICE_LITERAL("topics/tee"),
                                                   .since_ms = begin}),
                    4);
    CHECK_INT_EQUAL(replay(world, &(struct replay){.source_key = SLICE_LITERAL("topics/tee"),
                                                   .since_ms = begin,
                                                   .until_ms = later}),
                    1);
    CHECK_INT_EQUAL(replay(world, &(struct replay){.source_key = SLICE_LITERAL("topics/tee"),
                                                   .since_ms = later,
                                                   .names = one,
                                                   .name_count = 1}),
                    2);
    CHECK_INT_EQUAL(replay(world, &(struct replay){.source_key = SLICE_LITERAL("topics/tee"),
                                                   .event_id = SLICE_LITERAL("e3")}),
                    1);
    CHECK(strstr(world_body(world, world->request_count - 1), "\"e3\""));
    world_answer_all(world, 200);
    world_free(world);
}

/* An archive's file of so many events. */
static void add_lines(struct world *world, int count, const char *end)
{
    struct buffer lines = {0};
    char json[120];

    for (int i = 0; i < count; i++) {
        int length = snprintf(json, sizeof(json),
                              "{\"specversion\":\"1.0\",\"id\":\"e%d\",\"source\":\"/s\","
                              "\"type\":\"t\"}",
                              i);
        archive_line_append(&lines,
                            &(struct archive_line){.accepted_ms = broker_now,
                                                   .schema = SCHEMA_CLOUD_EVENTS,
                                                   .json = slice_make(json, (size_t)length)});
    }
    buffer_append_string(&lines, end);
    buffer_append_byte(&lines, '\0');
    world_add_file(world, ROOT_ARCHIVE, "topics/tee/2026-11-23T21.jsonl", (char *)lines.data);
    buffer_release(&lines);
}

static void replay_all(struct world *world)
{
    archive_replay(world->grids[0].runner,
                   &(struct replay){.source_key = SLICE_LITERAL("topics/tee")}, new_job());
    for (int turn = 0; turn < 100 && done_count == 0; turn++) {
        world_run(world, 100);
        world_answer_all(world, 200);
    }
    CHECK(done_count == 1 && !job.error);
}

TEST(a_replay_of_much_goes_in_steps)
{
    struct world *world = world_with_archive();

    add_lines(world, 6000, "{\"cut of"); /* by a crash */
    world_subscribe(world, "all", HOOK(",\"filter\":{}"));
    replay_all(world);
    CHECK_INT_EQUAL(job.events, 6000);
    while (world->requests_ever < 6000 && world_waiting(world, "all") > 0) {
        world_answer_all(world, 200);
    }
    CHECK_INT_EQUAL(world->requests_ever, 6000);
    world_free(world);
}

/* What the broker takes at a time ends within an event: with the second of its subscriptions. */
TEST(a_step_of_a_replay_goes_on_where_the_last_one_ended)
{
    static const char *const names[] = {"one", "two", "three"};
    struct world *world = world_with_archive();

    add_lines(world, 400, "");
    for (int i = 0; i < 3; i++) {
        world_subscribe(world, names[i], HOOK(""));
    }
    replay_all(world);
    CHECK_INT_EQUAL(job.events, 1200);
    for (int i = 0; i < 3; i++) {
        while (world_waiting(world, names[i]) > 0) {
            world_answer_all(world, 200);
        }
    }
    CHECK_INT_EQUAL(world->requests_ever, 1200);
    world_free(world);
}

TEST(a_replay_that_the_broker_does_not_take_goes_on_and_ends)
{
    struct world *world = world_with_archive();

    keep(world, "e1");
    world_subscribe(world, "all", HOOK(""));
    world->broker->puback = REASON_QUOTA_EXCEEDED;
    archive_replay(world->grids[0].runner,
                   &(struct replay){.source_key = SLICE_LITERAL("topics/tee")}, new_job());
    world_run(world, 0);
    world_run(world, 1100);
    CHECK_INT_EQUAL(done_count, 0);
    world->broker->puback = 0;
    world_run(world, 1100);
    CHECK(done_count == 1 && !job.error && job.events == 1);

    world->broker->puback = REASON_QUOTA_EXCEEDED;
    archive_replay(world->grids[0].runner,
                   &(struct replay){.source_key = SLICE_LITERAL("topics/tee")}, new_job());
    for (int i = 0; i < 40; i++) {
        world_run(world, 1100);
    }
    CHECK(done_count == 1 && job.error);
    world_free(world);
}

TEST(who_does_not_wait_any_more_is_not_told)
{
    struct world *world = world_with_archive();

    keep(world, "e1");
    archive_replay(world->grids[0].runner,
                   &(struct replay){.source_key = SLICE_LITERAL("topics/tee")}, new_job());
    job_abandon(&job);
    job_abandon(&job);
    world_run(world, 0);
    CHECK_INT_EQUAL(done_count, 0);
    world_free(world);
}

/* --- dead letters --- */

static void kill_event(struct world *world, const char *name, const char *id)
{
    world_publish(world, name, id);
    world_run(world, 0);
    world_answer(world, 400, NULL);
}

static void list(struct world *world, const char *after, uint32_t count)
{
    dead_letters_list(world->grids[0].runner, world_subscription(world, 0, "sub"),
                      slice_from_string(after), count, new_job());
    world_run(world, 0);
    CHECK(done_count == 1 && !job.error);
    struct json_value value;
    CHECK(json_parse(buffer_slice(&job.text), &value));
    buffer_append_byte(&job.text, '\0');
}

static bool text_has(const char *text)
{
    return strstr((char *)job.text.data, text) != NULL;
}

TEST(dead_letters_are_listed_in_pages)
{
    struct world *world = world_new();
    char *next;
    char path[200];

    world_subscribe(world, "sub", HOOK(""));
    list(world, "", 10);
    CHECK_STRING_EQUAL((char *)job.text.data, "{\"value\":[]}");
    kill_event(world, "sub", "e1");
    world_run(world, HOUR_MS);
    kill_event(world, "sub", "e2");
    world_add_file(world, ROOT_DEAD_LETTERS, "box/SUB/2026/11/23/21/00000000-of-another.json",
                   "[{\"id\":\"x\"}]");
    list(world, "", 10);
    CHECK(text_has("\"id\":\"e1\"") && text_has("\"id\":\"e2\"") && !text_has("\"next\""));
    CHECK(text_has("{\"file\":\"box/SUB/2026/11/23/21/") && !text_has("\"id\":\"x\""));
    list(world, "", 1);
    CHECK(text_has("\"id\":\"e1\"") && !text_has("\"id\":\"e2\""));
    next = strstr((char *)job.text.data, "\"next\":\"");
    CHECK(next);
    snprintf(path, sizeof(path), "%.*s", (int)strcspn(next + 8, "\""), next + 8);
    list(world, path, 10);
    CHECK(!text_has("\"id\":\"e1\"") && text_has("\"id\":\"e2\""));
    world_free(world);
}

static void resend(struct world *world, const char *id)
{
    dead_letters_resend(world->grids[1].runner, world_subscription(world, 1, "sub"),
                        slice_from_string(id), new_job());
    world_run(world, 0);
    CHECK_INT_EQUAL(done_count, 1);
}

TEST(dead_letters_are_sent_again_and_their_files_go)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    kill_event(world, "sub", "e1");
    kill_event(world, "sub", "e2");
    CHECK_INT_EQUAL(world->file_count, 2);
    resend(world, "");
    CHECK(!job.error && job.events == 2);
    CHECK_INT_EQUAL(world->file_count, 0);
    CHECK_INT_EQUAL(world->request_count, 2);
    CHECK(strstr(world_lines(world, 0), "aeg-delivery-count: 0\n"));
    CHECK(!strstr(world_body(world, 0), "deadletter"));
    world_answer_all(world, 200);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_free(world);
}

TEST(one_of_a_file_is_sent_again_and_the_others_stay)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    for (int i = 0; i < 4; i++) {
        world_publish(world, "sub", i == 0 ? "e0" : i == 1 ? "e1" : i == 2 ? "e2" : "e3");
    }
    world_run(world, 0);
    for (int i = 0; i < 4; i++) {
        world_answer_quietly(world, 400);
    }
    world_run(world, 0);
    CHECK_INT_EQUAL(world->file_count, 2); /* e0; e1, e2 and e3 */
    resend(world, "e2");
    CHECK(!job.error && job.events == 1);
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_body(world, 0), "\"e2\""));
    CHECK_INT_EQUAL(world->file_count, 2);
    list(world, "", 10);
    CHECK(text_has("\"id\":\"e0\"") && text_has("\"id\":\"e1\"") && text_has("\"id\":\"e3\"") &&
          !text_has("\"id\":\"e2\""));
    world_answer(world, 200, NULL);
    resend(world, "unknown");
    CHECK(!job.error && job.events == 0);
    world_free(world);
}

TEST(a_file_stays_while_its_events_are_not_on_the_queue)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    kill_event(world, "sub", "e1");
    world->broker->puback = REASON_QUOTA_EXCEEDED;
    dead_letters_resend(world->grids[1].runner, world_subscription(world, 1, "sub"), SLICE_EMPTY,
                        new_job());
    for (int i = 0; i < 40; i++) {
        world_run(world, 1100);
    }
    CHECK(done_count == 1 && job.error);
    CHECK_INT_EQUAL(world->file_count, 1);
    world_free(world);
    buffer_release(&job.text);
}
