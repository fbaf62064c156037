/* bridge/dispatch/folder_files: what was told and seen of files, and so which events are due.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/folder_files.h"
#include "test.h"

enum { NOW_NS = 2000000000 };

static struct folder_files files;

static void see_at(enum folder_sight sight, const char *path, uint64_t size, int64_t looked_ns)
{
    struct folder_sights sights = {0};

    folder_sights_add(&sights, sight, slice_from_string(path),
                      &(struct file_facts){.size = size, .inode = 1}, looked_ns);
    folder_files_see(&files, &sights, folder_sights_at(&sights, 0));
    folder_sights_release(&sights);
}

static void see(enum folder_sight sight, const char *path, uint64_t size)
{
    see_at(sight, path, size, NOW_NS);
}

/* "+a" or "-a" of what is due next; "" if nothing is. It is told. */
static const char *due(void)
{
    static char text[64];
    struct folder_change change;

    if (!folder_files_take(&files, &change)) {
        return "";
    }
    snprintf(text, sizeof(text), "%s%.*s", change.is_gone ? "-" : "+",
             SLICE_PRINT(folder_file_path(change.file)));
    folder_files_told(&files, &change);
    return text;
}

static void begin(void)
{
    folder_files_init(&files);
}

TEST(what_is_seen_is_due_once_and_in_turn)
{
    begin();
    see(SIGHT_CLOSED, "b", 1);
    see(SIGHT_FILE, "a", 1);
    see(SIGHT_FILE, "b", 1);
    CHECK_STRING_EQUAL(due(), "+b");
    CHECK_STRING_EQUAL(due(), "+a");
    see(SIGHT_FILE, "a", 1);
    CHECK_STRING_EQUAL(due(), "");
    see(SIGHT_CLOSED, "a", 2);
    CHECK_STRING_EQUAL(due(), "+a");
    see(SIGHT_GONE, "a", 0);
    see(SIGHT_GONE, "never there", 0);
    CHECK_STRING_EQUAL(due(), "-a");
    CHECK_STRING_EQUAL(due(), "");
    CHECK_INT_EQUAL(files.by_path.count, 1);
    folder_files_release(&files);
}

TEST(what_has_come_and_gone_before_it_was_told_is_not_told)
{
    begin();
    see(SIGHT_CLOSED, "a", 1);
    see(SIGHT_GONE, "a", 0);
    CHECK_STRING_EQUAL(due(), "");
    CHECK_INT_EQUAL(files.by_path.count, 0);
    folder_files_release(&files);
}

TEST(what_changes_while_an_event_is_on_its_way_is_due_after_it)
{
    struct folder_change change;

    begin();
    see(SIGHT_CLOSED, "a", 1);
    CHECK(folder_files_take(&files, &change));
    CHECK_INT_EQUAL(change.facts.size, 1);
    see(SIGHT_CLOSED, "a", 2);
    CHECK_STRING_EQUAL(due(), "");
    folder_files_told(&files, &change);
    CHECK(folder_files_take(&files, &change));
    CHECK_INT_EQUAL(change.facts.size, 2);
    see(SIGHT_GONE, "a", 0);
    folder_files_told(&files, &change);
    CHECK_STRING_EQUAL(due(), "-a");
    CHECK_INT_EQUAL(files.by_path.count, 0);
    folder_files_release(&files);
}

TEST(an_event_that_was_refused_is_due_again)
{
    struct folder_change change;

    begin();
    see(SIGHT_CLOSED, "a", 1);
    see(SIGHT_CLOSED, "b", 1);
    CHECK(folder_files_take(&files, &change));
    folder_files_put_back(&files, &change);
    CHECK_STRING_EQUAL(due(), "+b");
    CHECK(folder_files_take(&files, &change));
    see(SIGHT_GONE, "a", 0); /* then nothing was told, and nothing is there */
    folder_files_put_back(&files, &change);
    CHECK_STRING_EQUAL(due(), "");
    CHECK_INT_EQUAL(files.by_path.count, 1);
    folder_files_release(&files);
}

/* Within a tick of the clock a file can change without another time of change. */
TEST(a_file_that_is_closed_again_so_soon_is_told_again)
{
    struct folder_change change;

    begin();
    see_at(SIGHT_CLOSED, "a", 1, FOLDER_FRESH_NS - 1);
    CHECK_STRING_EQUAL(due(), "+a");
    see_at(SIGHT_FILE, "a", 1, FOLDER_FRESH_NS - 1);
    CHECK_STRING_EQUAL(due(), "");
    see_at(SIGHT_CLOSED, "a", 1, FOLDER_FRESH_NS - 1);
    CHECK(folder_files_take(&files, &change));
    CHECK(change.is_repeated);
    folder_files_put_back(&files, &change);
    CHECK(folder_files_take(&files, &change));
    CHECK(change.is_repeated);
    folder_files_told(&files, &change);
    see_at(SIGHT_CLOSED, "a", 1, NOW_NS); /* it was not fresh, so it has not changed */
    CHECK_STRING_EQUAL(due(), "+a");      /* ... but it was when it was seen before */
    see_at(SIGHT_CLOSED, "a", 1, NOW_NS);
    CHECK_STRING_EQUAL(due(), "");
    folder_files_release(&files);
}

TEST(what_is_not_seen_when_all_is_looked_at_is_gone)
{
    begin();
    see(SIGHT_FILE, "gone", 1);
    see(SIGHT_FILE, "kept", 1);
    see(SIGHT_FILE, "in/a", 1);
    see(SIGHT_FILE, "in/b", 1);
    see(SIGHT_FILE, "inn", 1);
    folder_files_take_for_told(&files);
    CHECK_STRING_EQUAL(due(), "");
    see(SIGHT_ALL_BEGINS, "", 0);
    see(SIGHT_KEPT, "kept", 0);
    see(SIGHT_KEPT_BELOW, "in", 0);
    see(SIGHT_FILE, "inn", 1);
    see(SIGHT_ALL_ENDS, "", 0);
    CHECK_STRING_EQUAL(due(), "-gone");
    CHECK_STRING_EQUAL(due(), "");
    folder_files_release(&files);
}

TEST(what_was_in_a_folder_goes_with_it)
{
    begin();
    see(SIGHT_FILE, "in/a", 1);
    see(SIGHT_FILE, "inn", 1);
    see(SIGHT_FILE, "in", 1);
    folder_files_take_for_told(&files);
    see(SIGHT_GONE_BELOW, "in", 0);
    CHECK_STRING_EQUAL(due(), "-in/a");
    CHECK_STRING_EQUAL(due(), "");
    folder_files_release(&files);
}

static void restore(enum journal_kind kind, const char *path)
{
    struct file_facts facts = {.size = 1, .inode = 1};

    folder_files_restore(
        &files,
        &(struct journal_line){.kind = kind, .facts = facts, .path = slice_from_string(path)});
}

TEST(what_was_told_by_others_is_known)
{
    begin();
    restore(JOURNAL_TOLD, "a");
    restore(JOURNAL_TOLD, "b");
    restore(JOURNAL_BEGUN, "c");
    restore(JOURNAL_TOLD, "c");
    restore(JOURNAL_GONE, "c");
    restore(JOURNAL_GONE, "d");
    CHECK_INT_EQUAL(files.by_path.count, 2);
    see(SIGHT_ALL_BEGINS, "", 0);
    see(SIGHT_FILE, "a", 1);
    see(SIGHT_ALL_ENDS, "", 0);
    CHECK_STRING_EQUAL(due(), "-b");
    CHECK_STRING_EQUAL(due(), "");
    folder_files_release(&files);
}

/* Somebody may have heard of it, or not. */
TEST(what_was_about_to_be_told_is_told)
{
    begin();
    restore(JOURNAL_BEGUN, "made, gone");
    restore(JOURNAL_TOLD, "as before");
    restore(JOURNAL_BEGUN, "as before");
    restore(JOURNAL_TOLD, "changed, gone");
    restore(JOURNAL_BEGUN, "changed, gone");
    restore(JOURNAL_BEGUN, "told");
    restore(JOURNAL_TOLD, "told");
    see(SIGHT_ALL_BEGINS, "", 0);
    CHECK_STRING_EQUAL(due(), "");
    see(SIGHT_FILE, "as before", 1);
    see(SIGHT_FILE, "told", 1);
    CHECK_STRING_EQUAL(due(), "+as before");
    CHECK_STRING_EQUAL(due(), "");
    see(SIGHT_CLOSED, "made, gone", 1);
    CHECK_STRING_EQUAL(due(), "+made, gone");
    see(SIGHT_GONE, "made, gone", 0);
    CHECK_STRING_EQUAL(due(), "-made, gone");
    see(SIGHT_ALL_ENDS, "", 0);
    CHECK_STRING_EQUAL(due(), "-changed, gone");
    CHECK_STRING_EQUAL(due(), "");
    CHECK_INT_EQUAL(files.by_path.count, 2);
    restore(JOURNAL_BEGUN, "made, gone");
    see(SIGHT_ALL_BEGINS, "", 0);
    see(SIGHT_KEPT, "as before", 0);
    see(SIGHT_KEPT, "told", 0);
    see(SIGHT_ALL_ENDS, "", 0);
    CHECK_STRING_EQUAL(due(), "-made, gone");
    folder_files_release(&files);
}

TEST(there_are_not_too_many)
{
    begin();
    for (int i = 0; i < FOLDER_FILES_MAX + 10; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        see(SIGHT_FILE, name, 1);
    }
    CHECK(files.is_full);
    CHECK_INT_EQUAL(files.by_path.count, FOLDER_FILES_MAX);
    folder_files_take_for_told(&files);
    see(SIGHT_GONE, "5", 0);
    CHECK_STRING_EQUAL(due(), "-5");
    see(SIGHT_FILE, "one more", 1);
    CHECK_STRING_EQUAL(due(), "+one more");
    folder_files_release(&files);
}
