/* A small server for tests of deliveries: bridge_broker.h's broker with two bridge processes, each
 * with a catalog and a runner; the world outside, the catalog's store and the door are of the
 * test's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_RUNNER_WORLD_H
#define PUBGRID_TESTS_RUNNER_WORLD_H

#include "dispatch/catalog.h"
#include "dispatch/door.h"
#include "dispatch/grid.h"
#include "dispatch/outside.h"
#include "dispatch/runner.h"
#include "eventgrid/queued.h"
#include "support/bridge_broker.h"

enum { WORLD_REQUESTS = 8192, WORLD_FILES = 256, WORLD_BRIDGES = 2 };

struct world_file {
    enum file_root root;
    struct buffer path, text;
};

/* A call of door_accept() that waits. */
struct world_entry {
    struct door_load *load;
    struct buffer text; /* "<source key> <hops> <id> <subject>" */
};

struct world {
    struct broker *broker;
    const char *source_key; /* of the topic that world_subscribe() ... are about: topics/tee */
    struct grid grids[WORLD_BRIDGES];
    /* Requests that wait for an answer, oldest first. */
    struct outside_request *requests[WORLD_REQUESTS];
    struct buffer lines[WORLD_REQUESTS]; /* their headers, a line each */
    size_t request_count, requests_ever;
    struct list tasks; /* of files */
    struct world_file files[WORLD_FILES];
    size_t file_count;
    const char *file_error; /* NULL: all goes well */
    size_t tasks_ever;
    struct buffer stored; /* "<place>=<json>\n" of catalog_store_set() */
    size_t heard;         /* bytes of it */
    enum door_answer door_answer;
    struct world_entry entries[16];
    size_t entry_count;
};

/* One at a time. Topics `tee` (CloudEvents) and `gee` (Event Grid schema) are there. */
struct world *world_new(void);
void world_free(struct world *world);
/* The process is gone, without a word. */
void world_kill(struct world *world, int bridge);

/* The topic is namespaces/plant/topics/readings from now on. */
void world_use_namespace(struct world *world);
/* All processes hear these settings. `properties`: JSON of the subscription `name` of the topic. */
void world_subscribe(struct world *world, const char *name, const char *properties);
void world_subscribe_to(struct world *world, const char *source_key, const char *name,
                        const char *settings);
/* What the configuration file says (catalog_set_declared()). */
void world_declare(struct world *world, const char *json);
void world_unsubscribe(struct world *world, const char *name);
void world_set_topic(struct world *world, const char *key, const char *resource);
/* Whatever stands at a place of the settings; empty: nothing any more. */
void world_set(struct world *world, const char *place, const char *settings);
struct catalog_subscription *world_subscription(struct world *world, int bridge, const char *name);
/* Which process runs it; -1: none. */
int world_owner(struct world *world, const char *name);

/* Puts an event on the queue of the subscription; how many get it. */
size_t world_publish(struct world *world, const char *name, const char *id);
size_t world_publish_event(struct world *world, const char *queue,
                           const struct queued_event *event);
/* A message with these user properties, which are released. */
size_t world_publish_with(struct world *world, struct publish publish, struct buffer *properties);
/* How many messages wait in its session, sent or not. */
size_t world_waiting(struct world *world, const char *name);

/* Lets time go by, files be written, and all come of it. */
void world_run(struct world *world, msec_t ms);

/* The body of the n-th request that waits; all its texts. NUL-terminated until the next call. */
const char *world_body(struct world *world, size_t number);
const char *world_request(struct world *world, size_t number);
const char *world_lines(struct world *world, size_t number);
/* Answers the oldest one. Status 0: with a failure. */
void world_answer(struct world *world, int status, const char *head);
void world_answer_body(struct world *world, int status, const char *head, const char *body);
/* The same, and nothing that follows has come yet. */
void world_answer_quietly(struct world *world, int status);
void world_fail(struct world *world, enum delivery_failure failure);
void world_answer_all(struct world *world, int status);
/* What a call of door_accept() was about; empty: there was none. */
const char *world_entry(const struct world *world, size_t number);
/* Answers one that waits. */
void world_answer_entry(struct world *world, size_t number, bool is_accepted);
/* NULL: there is none. */
const struct world_file *world_find_file(struct world *world, const char *part_of_path);
void world_add_file(struct world *world, enum file_root root, const char *path, const char *text);

#endif
