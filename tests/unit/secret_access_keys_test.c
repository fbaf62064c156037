/* The file of the access keys: made once whoever comes first, private, replaced as a whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <ctype.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret/access_keys.h"
#include "secret/jwt.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KEY_A "0123456789abcdef0123456789abcdef"
#define KEY_B "key/with+and=of+base64==========="

/* A folder of its own, the path of a key file in it, and the last error. */
static char folder[] = "/tmp/access_keys_test_XXXXXX";
static char path[PATH_MAX];

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(name);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void begin(const char *name)
{
    static bool made;
    if (!made) {
        CHECK(mkdtemp(folder));
        made = true;
        atexit(remove_folder);
    }
    snprintf(path, sizeof(path), "%s/%s", folder, name);
}

static void write_file(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    CHECK(file);
    fputs(text, file);
    fclose(file);
    CHECK(chmod(path, mode) == 0);
}

static struct access_keys *open_good(void)
{
    struct buffer error = {0};
    struct access_keys *keys = access_keys_open(path, &error);
    CHECK_SLICE_EQUAL(buffer_slice(&error), SLICE_EMPTY);
    CHECK(keys);
    return keys;
}

static bool error_has(const struct buffer *error, const char *words)
{
    return memmem(error->data, error->length, words, strlen(words)) != NULL;
}

static bool is_key_text(struct slice key)
{
    bool good = key.length >= 43;
    for (size_t i = 0; i < key.length; i++) {
        good = good && (key.data[i] == '-' || key.data[i] == '_' || isalnum(key.data[i]));
    }
    return good;
}

TEST(made_when_missing)
{
    struct stat status;
    begin("store/keys"); /* the folder is made, too */
    struct access_keys *made = open_good(), *read = open_good();
    for (enum access_key i = 0; i < ACCESS_KEYS; i++) {
        CHECK(is_key_text(access_keys_get(made, i)));
        CHECK_SLICE_EQUAL(access_keys_get(made, i), access_keys_get(read, i));
    }
    CHECK(!slice_equal(access_keys_get(made, ACCESS_KEY_PRIMARY),
                       access_keys_get(made, ACCESS_KEY_SECONDARY)));
    CHECK(stat(path, &status) == 0);
    CHECK_INT_EQUAL(status.st_mode & 07777, 0600);
    access_keys_free(made);
    access_keys_free(read);
}

TEST(reading_makes_nothing)
{
    struct buffer error = {0};
    begin("not-there");
    CHECK(!access_keys_read(path, &error));
    CHECK(error_has(&error, "No such file"));
    CHECK(access(path, F_OK) < 0);
    buffer_release(&error);
}

/* Many processes find the file missing at once: all must end with the same keys. */
TEST(one_of_many_makes_it)
{
    enum { PROCESSES = 16 };
    struct slice keys[ACCESS_KEYS];
    char said[PROCESSES][2 * ACCESS_KEY_SIZE_MAX];
    int gate[2], answers[PROCESSES][2];
    begin("raced");
    CHECK(pipe(gate) == 0);
    for (int i = 0; i < PROCESSES; i++) {
        CHECK(pipe(answers[i]) == 0);
        if (fork() == 0) {
            struct buffer error = {0};
            char byte;
            close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* until the parent closes it */
            struct access_keys *mine = access_keys_open(path, &error);
            for (enum access_key k = 0; mine && k < ACCESS_KEYS; k++) {
                keys[k] = access_keys_get(mine, k);
                (void)!write(answers[i][1], keys[k].data, keys[k].length);
            }
            _exit(0);
        }
        close(answers[i][1]);
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < PROCESSES; i++) {
        ssize_t got, length = 0;
        while ((got = read(answers[i][0], said[i] + length, sizeof(said[i]) - (size_t)length)) >
               0) {
            length += got;
        }
        CHECK_INT_EQUAL(length, 86);
        CHECK(memcmp(said[i], said[0], 86) == 0);
        close(answers[i][0]);
    }
    while (wait(NULL) > 0) {
    }
}

TEST(nothing_else_stays_in_the_folder)
{
    begin("alone/keys");
    access_keys_free(open_good());
    struct buffer error = {0};
    CHECK(access_keys_regenerate(path, ACCESS_KEY_PRIMARY, &error));
    CHECK(unlink(path) == 0);
    path[strlen(path) - strlen("/keys")] = '\0';
    CHECK(rmdir(path) == 0);
}

TEST(regenerating_one)
{
    struct buffer error = {0};
    struct stat status;
    begin("regenerated");
    struct access_keys *before = open_good();
    CHECK(access_keys_regenerate(path, ACCESS_KEY_SECONDARY, &error));
    struct access_keys *after = open_good();
    CHECK_SLICE_EQUAL(access_keys_get(after, ACCESS_KEY_PRIMARY),
                      access_keys_get(before, ACCESS_KEY_PRIMARY));
    CHECK(is_key_text(access_keys_get(after, ACCESS_KEY_SECONDARY)));
    CHECK(!slice_equal(access_keys_get(after, ACCESS_KEY_SECONDARY),
                       access_keys_get(before, ACCESS_KEY_SECONDARY)));
    CHECK(stat(path, &status) == 0);
    CHECK_INT_EQUAL(status.st_mode & 07777, 0600);
    access_keys_free(before);
    access_keys_free(after);
}

TEST(regenerating_needs_the_file)
{
    struct buffer error = {0};
    begin("never-made");
    CHECK(!access_keys_regenerate(path, ACCESS_KEY_PRIMARY, &error));
    CHECK(error_has(&error, "No such file"));
    buffer_release(&error);
}

TEST(others_must_not_read_it)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0660, 0610, 0601, 0644};
    begin("modes");
    for (size_t i = 0; i < COUNT(modes); i++) {
        struct buffer error = {0};
        test_note("mode %04o", (unsigned)modes[i]);
        write_file("primary: " KEY_A "\nsecondary: " KEY_B "\n", modes[i]);
        CHECK(!access_keys_open(path, &error));
        CHECK(error_has(&error, path) && error_has(&error, "chmod 600"));
        buffer_release(&error);
    }
    CHECK(chmod(path, 0400) == 0);
    access_keys_free(open_good());
}

TEST(must_be_a_file)
{
    struct buffer error = {0};
    begin("fifo");
    CHECK(mkfifo(path, 0600) == 0);
    CHECK(!access_keys_open(path, &error));
    CHECK(error_has(&error, "is no file"));
    buffer_release(&error);
}

TEST(texts_that_are_good)
{
    static const char *const texts[] = {
        "primary: " KEY_A "\nsecondary: " KEY_B "\n",
        "secondary:" KEY_B "\r\nprimary:\t" KEY_A "  \r\n",
        "# a comment\n\n  primary: " KEY_A "\n secondary: " KEY_B,
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct buffer error = {0};
        struct access_keys *keys = access_keys_parse(slice_from_string(texts[i]), &error);
        test_note("%zu", i);
        CHECK(keys);
        CHECK_SLICE_EQUAL(access_keys_get(keys, ACCESS_KEY_PRIMARY), SLICE_LITERAL(KEY_A));
        CHECK_SLICE_EQUAL(access_keys_get(keys, ACCESS_KEY_SECONDARY), SLICE_LITERAL(KEY_B));
        access_keys_free(keys);
    }
}

TEST(texts_that_are_not)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "the primary key is missing"},
        {"primary: " KEY_A "\n", "the secondary key is missing"},
        {"primary: \nsecondary: " KEY_B, "the primary key is shorter than 32 bytes"},
        {"primary: 0123456789abcdef0123456789abcde\nsecondary: " KEY_B, "shorter than 32 bytes"},
        {"primary: " KEY_A ";x\nsecondary: " KEY_B, "a semicolon"},
        {"primary: " KEY_A " x\nsecondary: " KEY_B, "a space"},
        {"primary: " KEY_A "\nprimary: " KEY_B, "the primary key is there twice"},
        {"Primary: " KEY_A "\nsecondary: " KEY_B, "a line is neither"},
        {KEY_A "\n" KEY_B "\n", "a line is neither"},
        {"primary", "a line is neither"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer error = {0};
        test_note("%zu", i);
        CHECK(!access_keys_parse(slice_from_string(rows[i].text), &error));
        CHECK(error_has(&error, rows[i].error));
        CHECK(!error_has(&error, "0123456789")); /* an error is logged: no key in it */
        buffer_release(&error);
    }
}

TEST(a_file_without_end)
{
    struct buffer text = {0}, error = {0};
    begin("long");
    buffer_append_string(&text, "primary: " KEY_A "\nsecondary: " KEY_B "\n#");
    memset(buffer_reserve(&text, 100000), 'x', 99999);
    text.length += 99999;
    buffer_append_byte(&text, '\0');
    write_file((const char *)text.data, 0600);
    CHECK(!access_keys_open(path, &error));
    CHECK(error_has(&error, "is too long"));
    buffer_release(&text);
    buffer_release(&error);
}

TEST(both_keys_verify)
{
    struct buffer error = {0}, claims = {0};
    struct access_keys *keys =
        access_keys_parse(SLICE_LITERAL("primary: " KEY_A "\nsecondary: " KEY_B "\n"), &error);
    static const struct {
        struct slice key;
        bool good;
    } rows[] = {
        {SLICE_LITERAL(KEY_A), true},
        {SLICE_LITERAL(KEY_B), true},
        {SLICE_LITERAL(KEY_A "0"), false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer token = {0};
        jwt_append(&token, SLICE_LITERAL("{}"), rows[i].key);
        CHECK_INT_EQUAL(access_keys_verify(keys, buffer_slice(&token), &claims), rows[i].good);
        buffer_release(&token);
    }
    buffer_release(&claims);
    access_keys_free(keys);
}

TEST(names)
{
    enum access_key which;
    CHECK(access_key_from_name("secondary", &which));
    CHECK_INT_EQUAL(which, ACCESS_KEY_SECONDARY);
    CHECK_STRING_EQUAL(access_key_name(which), "secondary");
    CHECK(!access_key_from_name("third", &which));
}

/* Root makes and replaces the file for a server that runs as somebody else. */
TEST(root_keeps_the_owner)
{
    enum { SERVER = 12345 };
    struct buffer error = {0};
    struct stat status;
    if (geteuid() != 0) {
        return;
    }
    begin("owned");
    CHECK(mkdir(path, 0700) == 0 && chown(path, SERVER, SERVER) == 0);
    begin("owned/keys");
    access_keys_free(open_good());
    CHECK(stat(path, &status) == 0);
    CHECK_INT_EQUAL(status.st_uid, SERVER);
    CHECK(chown(path, SERVER + 1, SERVER) == 0);
    CHECK(access_keys_regenerate(path, ACCESS_KEY_PRIMARY, &error));
    CHECK(stat(path, &status) == 0);
    CHECK_INT_EQUAL(status.st_uid, SERVER + 1);
    CHECK_INT_EQUAL(status.st_mode & 07777, 0600);
}
