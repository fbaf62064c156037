/* Users by name, from the password file. See password.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/password.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/random.h"

enum { FILE_SIZE_MAX = 256 * 1024 * 1024 };

struct password_user {
    struct map_node node;
    char *name; /* owned; secrets.user points at it */
    struct password_line secrets;
    bool remembers;
    uint8_t remembered[DIGEST_SIZE];
};

struct password_table {
    struct map users;
    struct scrypt_secret nobody; /* what unknown users are measured against */
    uint32_t nobody_iterations;
    uint8_t nobody_key[DIGEST_SIZE];
    uint8_t key[DIGEST_SIZE];
    pthread_mutex_t lock; /* of what the users remember */
};

static struct slice key_of_user(const struct map_node *node)
{
    return CONTAINER_OF(node, struct password_user, node)->secrets.user;
}

/* --- the file --- */

static struct password_table *table_new(void)
{
    struct password_table *table = memory_allocate_zero(sizeof(*table));
    map_init(&table->users, key_of_user);
    table->nobody = (struct scrypt_secret){
        .cost_log2 = SCRYPT_COST_DEFAULT,
        .block_size = SCRYPT_BLOCK_DEFAULT,
        .parallel = SCRYPT_PARALLEL_DEFAULT,
        .salt_length = SECRET_SALT_SIZE,
    };
    table->nobody_iterations = SCRAM_ITERATIONS_DEFAULT;
    random_bytes(table->nobody.salt, table->nobody.salt_length);
    random_bytes(table->key, sizeof(table->key));
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

/* NULL, or what is wrong with the line. */
static const char *add_line(struct password_table *table, struct slice text)
{
    struct password_line line;
    const char *wrong = password_line_parse(&line, text);
    if (wrong || line.user.length == 0) {
        return wrong;
    }
    if (map_find(&table->users, line.user)) {
        return "this user has a line already; remove one of them";
    }
    struct password_user *user = memory_allocate_zero(sizeof(*user));
    user->name = memory_copy_string(line.user);
    user->secrets = line;
    user->secrets.user = slice_make(user->name, line.user.length);
    map_insert(&table->users, &user->node);
    if (line.has_scrypt) {
        /* Whoever asks for an unknown user waits as long as for one of these. */
        table->nobody.cost_log2 = line.scrypt.cost_log2;
        table->nobody.block_size = line.scrypt.block_size;
        table->nobody.parallel = line.scrypt.parallel;
    }
    if (line.has_scram) {
        table->nobody_iterations = line.scram.iterations;
    }
    return NULL;
}

struct password_table *password_table_parse(struct slice text, const char *path,
                                            struct buffer *error)
{
    struct password_table *table = table_new();
    bool good = true;
    digest_sha256(text, table->nobody_key);
    for (unsigned number = 1; text.length > 0; number++) {
        const uint8_t *end = memchr(text.data, '\n', text.length);
        size_t length = end ? (size_t)(end - text.data) : text.length;
        const char *wrong = add_line(table, slice_make(text.data, length));
        if (wrong) {
            buffer_append_format(error, "%s%s:%u: %s", good ? "" : "\n", path, number, wrong);
            good = false;
        }
        text = slice_from(text, end ? length + 1 : length);
    }
    if (!good) {
        password_table_free(table);
        return NULL;
    }
    return table;
}

static void warn_of_readers(const char *path, int descriptor)
{
    struct stat status;
    if (fstat(descriptor, &status) == 0 && (status.st_mode & 0007) != 0) {
        log_write(LOG_WARNING, "others can read the password file", "path=%s hint=\"chmod 600\"",
                  path);
    }
}

/* False with the reason in errno. */
static bool read_all(FILE *file, struct buffer *text)
{
    size_t got;
    do {
        got = fread(buffer_reserve(text, BUFSIZ), 1, BUFSIZ, file);
        text->length += got;
    } while (got > 0 && text->length <= FILE_SIZE_MAX);
    if (text->length > FILE_SIZE_MAX) {
        errno = EFBIG;
        return false;
    }
    return !ferror(file);
}

struct password_table *password_table_load(const char *path, struct buffer *error)
{
    struct password_table *table = NULL;
    struct buffer text = {0};
    FILE *file = fopen(path, "re");
    if (file && read_all(file, &text)) {
        warn_of_readers(path, fileno(file));
        table = password_table_parse(buffer_slice(&text), path, error);
    } else {
        buffer_append_format(error, "%s: cannot be read: %s; make it with `pubgrid passwd -c`",
                             path, strerrordesc_np(errno));
    }
    if (file) {
        fclose(file);
    }
    buffer_release(&text);
    return table;
}

/* --- the table --- */

void password_table_free(struct password_table *table)
{
    if (!table) {
        return;
    }
    struct map_node *node = map_next(&table->users, NULL);
    while (node) {
        struct map_node *next = map_next(&table->users, node);
        struct password_user *user = CONTAINER_OF(node, struct password_user, node);
        free(user->name);
        digest_wipe(user, sizeof(*user));
        free(user);
        node = next;
    }
    map_release(&table->users);
    pthread_mutex_destroy(&table->lock);
    digest_wipe(table, sizeof(*table));
    free(table);
}

size_t password_table_count(const struct password_table *table)
{
    return table->users.count;
}

struct password_user *password_find(const struct password_table *table, struct slice name)
{
    struct map_node *node = map_find(&table->users, name);
    return node ? CONTAINER_OF(node, struct password_user, node) : NULL;
}

bool password_find_scram(const struct password_table *table, struct slice name,
                         struct scram_secret *secret)
{
    const struct password_user *user = password_find(table, name);
    uint8_t salt[DIGEST_SIZE];
    if (user && user->secrets.has_scram) {
        *secret = user->secrets.scram;
        return true;
    }
    *secret = (struct scram_secret){
        .iterations = table->nobody_iterations,
        .salt_length = SECRET_SALT_SIZE,
    };
    digest_hmac(slice_make(table->nobody_key, sizeof(table->nobody_key)), name, salt);
    memcpy(secret->salt, salt, SECRET_SALT_SIZE);
    return false;
}

/* --- passwords --- */

bool password_is_remembered(struct password_table *table, struct password_user *user,
                            struct slice password)
{
    uint8_t digest[DIGEST_SIZE];
    digest_hmac(slice_make(table->key, sizeof(table->key)), password, digest);
    pthread_mutex_lock(&table->lock);
    bool equal = user->remembers && digest_equal(digest, user->remembered);
    pthread_mutex_unlock(&table->lock);
    return equal;
}

static void remember(struct password_table *table, struct password_user *user,
                     struct slice password)
{
    uint8_t digest[DIGEST_SIZE];
    digest_hmac(slice_make(table->key, sizeof(table->key)), password, digest);
    pthread_mutex_lock(&table->lock);
    memcpy(user->remembered, digest, sizeof(digest));
    user->remembers = true;
    pthread_mutex_unlock(&table->lock);
}

bool password_verify(struct password_table *table, struct password_user *user,
                     struct slice password)
{
    bool known = user && user->secrets.has_scrypt;
    bool right = scrypt_secret_verify(known ? &user->secrets.scrypt : &table->nobody, password);
    if (!known || !right) {
        return false;
    }
    remember(table, user, password);
    return true;
}
