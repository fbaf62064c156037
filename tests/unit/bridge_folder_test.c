/* bridge/net/folder_*: what is told of a folder on a real disk, step by step, and by the loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "net/beneath.h"
#include "net/folder_walk.h"
#include "net/folder_watcher.h"
#include "test.h"

enum { PATIENCE_MS = 20000 };

static char root[64];
static struct folder_walk *walk;
static struct folder_sights sights;
static struct buffer told; /* " +file" " =closed" " -gone" ... */

/* ---------------------------------------------------------------- the disk */

static const char *at(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "w");

    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* As if it were there for long. */
static void put_old(const char *name)
{
    put(name, "x");
    CHECK_INT_EQUAL(utimes(at(name), (struct timeval[]){{1, 0}, {1, 0}}), 0);
}

static void make_folder(const char *name)
{
    CHECK_INT_EQUAL(mkdir(at(name), 0700), 0);
}

static void remove_all(const char *path)
{
    char command[600];

    snprintf(command, sizeof(command), "chmod -R u+rwx '%s' && rm -rf '%s'", path, path);
    CHECK_INT_EQUAL(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
}

/* ---------------------------------------------------------------- what is told */

static void take(void)
{
    static const char signs[] = {
        [SIGHT_FILE] = '+',       [SIGHT_CLOSED] = '=',     [SIGHT_KEPT] = '~',
        [SIGHT_GONE] = '-',       [SIGHT_GONE_BELOW] = '/', [SIGHT_KEPT_BELOW] = '?',
        [SIGHT_ALL_BEGINS] = '(', [SIGHT_ALL_ENDS] = ')',
    };

    for (size_t i = 0; i < folder_sights_count(&sights); i++) {
        const struct folder_report *report = folder_sights_at(&sights, i);
        buffer_append_format(&told, " %c%.*s", signs[report->sight],
                             SLICE_PRINT(folder_sights_path(&sights, report)));
    }
    sights.reports.length = sights.texts.length = 0;
}

static void run(void)
{
    while (folder_walk_step(walk, &sights) == WALK_MORE) {
    }
    take();
}

static const char *what(void)
{
    static char text[4096];

    snprintf(text, sizeof(text), "%.*s", SLICE_PRINT(told));
    told.length = 0;
    return text;
}

static bool has_come(const char *part)
{
    return told.length > 0 && memmem(told.data, told.length, part, strlen(part)) != NULL;
}

/* Until that is told. */
static void wait_for(const char *part)
{
    msec_t end = clock_now() + PATIENCE_MS;

    for (run(); !has_come(part) && clock_now() < end; run()) {
        usleep(1000); /* between two looks */
    }
    test_note("%.*s", SLICE_PRINT(told));
    CHECK(has_come(part));
    told.length = 0;
}

static void begin(void)
{
    snprintf(root, sizeof(root), "/tmp/bridge_folder_test_XXXXXX");
    CHECK(mkdtemp(root));
}

static void watch(void)
{
    static const struct slice ignored[] = {SLICE_LITERAL(".*"), SLICE_LITERAL("*.tmp")};

    walk = folder_walk_new(&(struct folder_watch){
        .directory = slice_from_string(root), .ignored = ignored, .ignored_count = 2});
    run();
}

static void end(void)
{
    folder_walk_free(walk);
    folder_sights_release(&sights);
    buffer_release(&told);
    remove_all(root);
}

/* ---------------------------------------------------------------- tests */

TEST(what_is_there)
{
    begin();
    put_old("a");
    put_old(".hidden");
    put_old("a.tmp");
    make_folder("f");
    put_old("f/b");
    make_folder("f/g");
    put_old("f/g/c");
    make_folder(".git");
    put_old(".git/config");
    CHECK_INT_EQUAL(symlink("/etc", at("link")), 0);
    CHECK_INT_EQUAL(symlink("a", at("f/link")), 0);
    CHECK_INT_EQUAL(mkfifo(at("pipe"), 0600), 0);
    watch();
    CHECK_STRING_EQUAL(what(), " ( +a +f/b +f/g/c )");
    CHECK(folder_walk_wait_ms(walk) == MSEC_NEVER);
    run();
    CHECK_STRING_EQUAL(what(), "");
    end();
}

TEST(what_comes_and_goes)
{
    begin();
    watch();
    (void)what();
    put("a", "x");
    run();
    CHECK(has_come(" =a"));
    (void)what();
    CHECK_INT_EQUAL(rename(at("a"), at("b")), 0);
    run();
    CHECK_STRING_EQUAL(what(), " -a =b");
    CHECK_INT_EQUAL(link(at("b"), at("c")), 0);
    wait_for(" +c");
    CHECK_INT_EQUAL(unlink(at("b")), 0);
    run();
    CHECK_STRING_EQUAL(what(), " -b");
    put("d.tmp", "x");
    CHECK_INT_EQUAL(rename(at("d.tmp"), at("d")), 0);
    run();
    CHECK_STRING_EQUAL(what(), " =d");
    CHECK_INT_EQUAL(unlink(at("d")) + symlink("c", at("d")), 0);
    run();
    CHECK(!has_come("+d") && !has_come("=d") && has_come("-d"));
    end();
}

/* Somebody may still write it. */
TEST(a_file_that_is_found_while_it_is_young_is_told_later)
{
    begin();
    put("a", "x");
    watch();
    CHECK_STRING_EQUAL(what(), " ( ~a )");
    CHECK(folder_walk_wait_ms(walk) <= 1000);
    wait_for(" +a");
    put("b", "x");
    run();
    CHECK_INT_EQUAL(unlink(at("b")), 0);
    wait_for(" -b");
    end();
}

TEST(new_folders_are_watched_with_what_is_in_them)
{
    begin();
    watch();
    (void)what();
    make_folder("f");
    make_folder("f/g");
    put_old("f/g/a");
    wait_for("+f/g/a");
    put("f/g/b", "x");
    wait_for("=f/g/b");
    CHECK_INT_EQUAL(rename(at("f"), at("h")), 0);
    run();
    CHECK(has_come(" /f"));
    wait_for("+h/g/a");
    put("h/g/c", "x");
    wait_for("=h/g/c");
    remove_all(at("h"));
    run();
    CHECK(has_come("-h/g/a") && has_come("-h/g/c"));
    end();
}

TEST(a_folder_that_is_replaced_by_a_link_is_not_followed)
{
    begin();
    watch();
    (void)what();
    make_folder("f");
    run();
    CHECK_INT_EQUAL(rmdir(at("f")) + symlink("/etc", at("f")), 0);
    run();
    CHECK(!has_come("passwd"));
    end();
}

/* The name of a file was heard of, and that of its folder's folder is a link by the time that it is
 * looked at. */
TEST(a_folder_above_that_is_replaced_by_a_link_is_not_followed)
{
    char elsewhere[] = "/tmp/bridge_folder_test_XXXXXX", path[64];
    msec_t give_up = clock_now() + PATIENCE_MS;

    begin();
    make_folder("f");
    make_folder("f/g");
    watch();
    (void)what();
    CHECK(mkdtemp(elsewhere));
    snprintf(path, sizeof(path), "%s/g", elsewhere);
    CHECK_INT_EQUAL(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/g/new", elsewhere);
    CHECK_INT_EQUAL(close(creat(path, 0600)), 0);
    put("f/g/new", "x");
    CHECK_INT_EQUAL(rename(at("f"), at("h")) + symlink(elsewhere, at("f")), 0);
    for (run(); !has_come("h/g/new") && clock_now() < give_up; run()) {
        usleep(1000); /* between two looks */
    }
    test_note("%.*s", SLICE_PRINT(told));
    CHECK(has_come("h/g/new"));
    CHECK(!has_come("=f/g/new") && !has_come("+f/g/new") && !has_come("~f/g/new"));
    remove_all(elsewhere);
    end();
}

static bool is_open(int (*open_it)(const char *root, struct slice path, int flags),
                    const char *path)
{
    int fd = open_it(root, slice_from_string(path), O_PATH);

    return fd >= 0 && close(fd) == 0;
}

TEST(folders_are_opened_without_following_links)
{
    int (*const ways[])(const char *root, struct slice path, int flags) = {beneath_open,
                                                                           beneath_open_by_parts};

    begin();
    make_folder("f");
    make_folder("f/g");
    make_folder("f/g/h");
    put("file", "x");
    CHECK_INT_EQUAL(symlink("f", at("link")) + symlink("/tmp", at("f/out")), 0);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        CHECK(is_open(ways[i], "") && is_open(ways[i], "f") && is_open(ways[i], "f/g/h"));
        CHECK(!is_open(ways[i], "link") && !is_open(ways[i], "link/g"));
        CHECK(!is_open(ways[i], "f/out") && !is_open(ways[i], "f/none"));
        CHECK(!is_open(ways[i], "file") && errno == ENOTDIR);
    }
    remove_all(root);
}

TEST(a_folder_that_is_not_there_is_waited_for)
{
    begin();
    CHECK_INT_EQUAL(rmdir(root), 0);
    watch();
    CHECK_STRING_EQUAL(what(), " (");
    CHECK(folder_walk_wait_ms(walk) <= 1000);
    CHECK_INT_EQUAL(mkdir(root, 0700), 0);
    put_old("a");
    wait_for(" ( +a )");
    remove_all(root);
    run();
    CHECK_STRING_EQUAL(what(), " -a");
    CHECK_INT_EQUAL(mkdir(root, 0700), 0);
    wait_for(" ( )");
    put("b", "x");
    wait_for("=b");
    end();
}

TEST(a_folder_that_cannot_be_read_keeps_what_it_has)
{
    if (geteuid() == 0) {
        return; /* nothing is forbidden */
    }
    begin();
    make_folder("f");
    put_old("f/a");
    CHECK_INT_EQUAL(chmod(at("f"), 0), 0);
    watch();
    CHECK_STRING_EQUAL(what(), " ( ?f )");
    CHECK(folder_walk_wait_ms(walk) <= 30000);
    end();
}

/* More than the system keeps: all is looked at again. */
TEST(what_is_lost_is_found)
{
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    int most = 0;
    char name[16];

    CHECK(file && fscanf(file, "%d", &most) == 1); /* NOLINT(cert-err34-c): of the kernel */
    fclose(file);
    if (most > 50000) {
        return; /* it takes too long */
    }
    begin();
    watch();
    (void)what();
    for (int i = 0; i < most / 2 + 100; i++) {
        snprintf(name, sizeof(name), "%d", i);
        put_old(name);
    }
    put_old("last");
    wait_for("+last");
    end();
}

/* ---------------------------------------------------------------- by the loop */

static void on_seen(struct folder_watch *of, const struct folder_sights *seen)
{
    (void)of;
    buffer_append(&sights.reports, buffer_slice(&seen->reports));
    buffer_append(&sights.texts, buffer_slice(&seen->texts));
    take();
}

static void closed(void *context)
{
    *(bool *)context = true;
}

static void run_loop_until(uv_loop_t *loop, const char *part)
{
    msec_t end = clock_now() + PATIENCE_MS;

    while (!has_come(part) && clock_now() < end) {
        uv_run(loop, UV_RUN_ONCE);
    }
    CHECK(has_come(part));
    told.length = 0;
}

TEST(the_loop_tells)
{
    struct folder_watcher watcher;
    struct folder_watch one = {.seen = on_seen}, other = {.seen = on_seen};
    bool is_closed = false;
    uv_loop_t loop;

    begin();
    uv_loop_init(&loop);
    folder_watcher_open(&watcher, &loop);
    one.directory = other.directory = slice_from_string(root);
    folder_watcher_watch(&watcher, &one);
    run_loop_until(&loop, " ( )");
    put("a", "x");
    run_loop_until(&loop, "=a");
    folder_watcher_watch(&watcher, &other);
    folder_watcher_unwatch(&other); /* while it works */
    folder_watcher_unwatch(&other);
    put("b", "x");
    run_loop_until(&loop, "=b");
    folder_watcher_close(&watcher, closed, &is_closed);
    CHECK(!one.under_way);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(is_closed);
    CHECK_INT_EQUAL(uv_loop_close(&loop), 0);
    is_closed = false;
    folder_watcher_open(&watcher, &loop);
    folder_watcher_close(&watcher, closed, &is_closed);
    CHECK(is_closed);
    folder_sights_release(&sights);
    buffer_release(&told);
    remove_all(root);
}
