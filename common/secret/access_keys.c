/* The file of the access keys: read, checked, made and replaced. It is written under another name
 * and then linked or renamed into place, so that nobody ever reads half of it, and link() decides
 * who was first when several processes find it missing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/access_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "secret/base64url.h"
#include "secret/digest.h"
#include "secret/jwt.h"

enum { KEY_RANDOM_BYTES = 32, FILE_SIZE_MAX = 4 * ACCESS_KEY_SIZE_MAX };

struct access_keys {
    struct buffer key[ACCESS_KEYS];
    struct digest_key *prepared[ACCESS_KEYS]; /* of what was read */
};

static const char *const names[ACCESS_KEYS] = {"primary", "secondary"};

const char *access_key_name(enum access_key which)
{
    return names[which];
}

bool access_key_from_name(const char *name, enum access_key *which)
{
    for (int i = 0; i < ACCESS_KEYS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *which = (enum access_key)i;
            return true;
        }
    }
    return false;
}

/* --- keys --- */

void access_keys_free(struct access_keys *keys)
{
    if (keys) {
        for (int i = 0; i < ACCESS_KEYS; i++) {
            digest_wipe_buffer(&keys->key[i]);
            digest_key_free(keys->prepared[i]);
        }
        free(keys);
    }
}

struct slice access_keys_get(const struct access_keys *keys, enum access_key which)
{
    return buffer_slice(&keys->key[which]);
}

void access_keys_sign(const struct access_keys *keys, enum access_key which, struct slice bytes,
                      uint8_t out[DIGEST_SIZE])
{
    digest_key_hmac(keys->prepared[which], bytes, out);
}

bool access_keys_verify(const struct access_keys *keys, struct slice token, struct buffer *claims)
{
    struct jwt_key shared[ACCESS_KEYS];
    for (int i = 0; i < ACCESS_KEYS; i++) {
        shared[i] = (struct jwt_key){.algorithm = JWT_HS256, .shared = keys->prepared[i]};
    }
    return jwt_verify(token, shared, ACCESS_KEYS, claims);
}

static void make_key(struct buffer *key)
{
    uint8_t bytes[KEY_RANDOM_BYTES];
    digest_wipe_buffer(key);
    random_bytes(bytes, sizeof(bytes));
    base64url_append(key, slice_make(bytes, sizeof(bytes)));
    digest_wipe(bytes, sizeof(bytes));
}

/* --- the text --- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct slice trimmed(struct slice text)
{
    while (text.length > 0 && is_blank(text.data[0])) {
        text = slice_from(text, 1);
    }
    while (text.length > 0 && is_blank(text.data[text.length - 1])) {
        text.length--;
    }
    return text;
}

/* A connection string (spec/webpubsub.md 6.9) must be able to hold it. */
static const char *key_check(struct slice key)
{
    if (key.length < ACCESS_KEY_SIZE_MIN) {
        return "is shorter than 32 bytes";
    }
    if (key.length > ACCESS_KEY_SIZE_MAX) {
        return "is longer than 1024 bytes";
    }
    for (size_t i = 0; i < key.length; i++) {
        if (key.data[i] <= ' ' || key.data[i] == 0x7F || key.data[i] == ';') {
            return "has a space, a semicolon or a control character in it";
        }
    }
    return NULL;
}

static bool parse_line(struct access_keys *keys, struct slice line, struct buffer *error)
{
    for (int i = 0; i < ACCESS_KEYS; i++) {
        size_t length = strlen(names[i]);
        if (slice_starts_with(line, slice_from_string(names[i])) && line.length > length &&
            line.data[length] == ':') {
            struct slice key = trimmed(slice_from(line, length + 1));
            const char *wrong = keys->key[i].length > 0 ? "is there twice" : key_check(key);
            if (wrong) {
                buffer_append_format(error, "the %s key %s", names[i], wrong);
                return false;
            }
            buffer_append(&keys->key[i], key);
            return true;
        }
    }
    buffer_append_string(error, "a line is neither `primary: KEY` nor `secondary: KEY`");
    return false;
}

static bool parse_lines(struct access_keys *keys, struct slice text, struct buffer *error)
{
    while (text.length > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.length);
        size_t length = end ? (size_t)(end - text.data) : text.length;
        struct slice line = trimmed(slice_make(text.data, length));
        text = slice_from(text, end ? length + 1 : length);
        if (line.length > 0 && line.data[0] != '#' && !parse_line(keys, line, error)) {
            return false;
        }
    }
    for (int i = 0; i < ACCESS_KEYS; i++) {
        if (keys->key[i].length == 0) {
            buffer_append_format(error, "the %s key is missing", names[i]);
            return false;
        }
    }
    return true;
}

struct access_keys *access_keys_parse(struct slice text, struct buffer *error)
{
    struct access_keys *keys = memory_allocate_zero(sizeof(*keys));
    if (!parse_lines(keys, text, error)) {
        access_keys_free(keys);
        return NULL;
    }
    for (int i = 0; i < ACCESS_KEYS; i++) {
        keys->prepared[i] = digest_key_new(buffer_slice(&keys->key[i]));
    }
    return keys;
}

static void print_keys(struct buffer *out, const struct access_keys *keys)
{
    for (int i = 0; i < ACCESS_KEYS; i++) {
        buffer_append_format(out, "%s: ", names[i]);
        buffer_append(out, buffer_slice(&keys->key[i]));
        buffer_append_byte(out, '\n');
    }
}

/* --- reading the file --- */

static void say(struct buffer *error, const char *path, const char *what)
{
    buffer_append_format(error, "%s: %s", path, what);
}

static void say_errno(struct buffer *error, const char *doing, const char *path)
{
    buffer_append_format(error, "cannot %s %s: %s", doing, path, strerrordesc_np(errno));
}

/* Somebody who can read the keys can be anybody in every hub. */
static bool is_private(int fd, const char *path, struct buffer *error)
{
    struct stat status;
    if (fstat(fd, &status) < 0) {
        say_errno(error, "look at", path);
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        say(error, path, "is no file");
        return false;
    }
    if (status.st_mode & (S_IRWXG | S_IRWXO)) {
        buffer_append_format(error,
                             "%s holds secret keys, but others than its owner may use it (mode "
                             "%04o); chmod 600 it",
                             path, (unsigned)(status.st_mode & 07777));
        return false;
    }
    return true;
}

static bool read_text(int fd, const char *path, struct buffer *text, struct buffer *error)
{
    ssize_t got = 1;
    buffer_reserve(text, FILE_SIZE_MAX + 1); /* at once: growing would leave copies of the keys */
    while (got > 0 && text->length <= FILE_SIZE_MAX) {
        got = read(fd, text->data + text->length, FILE_SIZE_MAX + 1 - text->length);
        text->length += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        say_errno(error, "read", path);
    } else if (text->length > FILE_SIZE_MAX) {
        say(error, path, "is too long for two keys");
    }
    return got == 0;
}

static struct access_keys *read_keys(int fd, const char *path, struct buffer *error)
{
    struct buffer text = {0}, wrong = {0};
    struct access_keys *keys = NULL;
    if (is_private(fd, path, error) && read_text(fd, path, &text, error)) {
        keys = access_keys_parse(buffer_slice(&text), &wrong);
        if (!keys) {
            buffer_append_format(error, "%s: %.*s", path, SLICE_PRINT(buffer_slice(&wrong)));
        }
    }
    digest_wipe_buffer(&text);
    buffer_release(&wrong);
    return keys;
}

struct access_keys *access_keys_read(const char *path, struct buffer *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
    if (fd < 0) {
        say_errno(error, "open", path);
        return NULL;
    }
    struct access_keys *keys = read_keys(fd, path, error);
    close(fd);
    return keys;
}

/* --- writing it --- */

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    return memory_copy_string(slash ? slice_make(path, length) : SLICE_LITERAL("."));
}

/* What root makes belongs to whom the file, or else its folder, belongs to: the server that runs
 * as another user must be able to read it. */
static int keep_owner(int fd, const char *path)
{
    struct stat status;
    if (geteuid() != 0) {
        return 0;
    }
    if (stat(path, &status) < 0) {
        char *folder = folder_of(path);
        int found = stat(folder, &status);
        free(folder);
        if (found < 0) {
            return found;
        }
    }
    return fchown(fd, status.st_uid, status.st_gid);
}

/* How a new file gets its name: link() fails if there is one already, rename() replaces it. */
typedef int put_in_place(const char *from, const char *to);

/* 0, or the number of what failed. */
static int write_file(const char *path, struct slice bytes, put_in_place *put)
{
    struct buffer name = {0};
    int result = 0;
    buffer_append_format(&name, "%s.XXXXXX", path);
    buffer_append_byte(&name, '\0');
    int fd = mkostemp((char *)name.data, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        result = errno;
    } else {
        if (keep_owner(fd, path) < 0 || !file_write_durably(fd, bytes) ||
            put((char *)name.data, path) < 0) {
            result = errno;
        }
        close(fd);
        unlink((char *)name.data); /* its other name, or what is left of a failure */
    }
    buffer_release(&name);
    return result;
}

static int write_keys(const char *path, const struct access_keys *keys, put_in_place *put)
{
    struct buffer text = {0};
    buffer_reserve(&text, FILE_SIZE_MAX);
    print_keys(&text, keys);
    int result = write_file(path, buffer_slice(&text), put);
    digest_wipe_buffer(&text);
    return result;
}

static bool make_file(const char *path, struct buffer *error)
{
    struct access_keys *keys = memory_allocate_zero(sizeof(*keys));
    for (int i = 0; i < ACCESS_KEYS; i++) {
        make_key(&keys->key[i]);
    }
    char *folder = folder_of(path);
    (void)mkdir(folder,
                S_IRWXU); /* the store's, if we are first; else writing says what is wrong */
    free(folder);
    errno = write_keys(path, keys, link);
    bool good = errno == 0 || errno == EEXIST; /* another process was faster: its keys count */
    if (!good) {
        say_errno(error, "make", path);
    }
    access_keys_free(keys);
    return good;
}

struct access_keys *access_keys_open(const char *path, struct buffer *error)
{
    if (access(path, F_OK) < 0 && errno == ENOENT && !make_file(path, error)) {
        return NULL;
    }
    return access_keys_read(path, error);
}

bool access_keys_regenerate(const char *path, enum access_key which, struct buffer *error)
{
    struct access_keys *keys = access_keys_read(path, error);
    if (!keys) {
        return false;
    }
    make_key(&keys->key[which]);
    errno = write_keys(path, keys, rename);
    bool good = errno == 0;
    if (!good) {
        say_errno(error, "write", path);
    }
    access_keys_free(keys);
    return good;
}
