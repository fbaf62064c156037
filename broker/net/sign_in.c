/* How clients sign in: the snapshot. See sign_in.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/sign_in.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "secret/access_keys.h"

enum { ISSUER_FILE_MAX = 1 << 20, READ_SIZE = 16384 };

static struct slice key_of_client(const struct map_node *node)
{
    return CONTAINER_OF(node, const struct sign_in_client, node)->key;
}

/* --- clients --- */

static struct slice copy_lower(struct arena *memory, struct slice text)
{
    struct buffer lower = {0};
    ascii_append_lower(&lower, text);
    struct slice copy = arena_copy(memory, buffer_slice(&lower));
    buffer_release(&lower);
    return copy;
}

static struct slice *copy_slices(struct arena *memory, const struct slice *slices, size_t count)
{
    struct slice *copies = arena_allocate(memory, (count + 1) * sizeof(*copies));
    for (size_t i = 0; i < count; i++) {
        copies[i] = arena_copy(memory, slices[i]);
    }
    return copies;
}

static void add_client(struct sign_in *sign_in, const struct mqtt_client *client)
{
    struct sign_in_client *own = arena_allocate(&sign_in->memory, sizeof(*own));
    own->key = copy_lower(&sign_in->memory, client->authentication_name);
    own->name = arena_copy(&sign_in->memory, client->authentication_name);
    own->scheme = client->scheme;
    own->thumbprints = copy_slices(&sign_in->memory, client->thumbprints, client->thumbprint_count);
    own->thumbprint_count = client->thumbprint_count;
    if (!map_find(&sign_in->clients, own->key)) { /* the resources see to that */
        map_insert(&sign_in->clients, &own->node);
    }
    for (size_t i = 0; own->scheme == VALIDATE_THUMBPRINT && i < own->thumbprint_count; i++) {
        sign_in_add_ground(sign_in, ground_of_thumbprint(own, own->thumbprints[i]));
    }
}

const struct sign_in_client *sign_in_find(const struct sign_in *sign_in, struct slice name)
{
    struct buffer lower = {0};
    ascii_append_lower(&lower, name);
    struct map_node *node = map_find(&sign_in->clients, buffer_slice(&lower));
    buffer_release(&lower);
    return node ? CONTAINER_OF(node, struct sign_in_client, node) : NULL;
}

/* --- authorities --- */

static void add_authority(struct sign_in *sign_in, struct slice pem)
{
    BIO *text = BIO_new_mem_buf(pem.data, pem.length < INT_MAX ? (int)pem.length : 0);
    X509 *certificate = text ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
    if (certificate && X509_STORE_add_cert(sign_in->authorities, certificate) == 1) {
        sign_in->authority_count++;
        sign_in_add_ground(sign_in, ground_of_authority(certificate));
    } else {
        log_write(LOG_ERROR, "certificate of an authority cannot be used", "namespace=%.*s",
                  SLICE_PRINT(sign_in->name));
    }
    X509_free(certificate);
    BIO_free(text);
    ERR_clear_error();
}

/* Each of them is trusted by itself, also one that another has signed. */
static void add_authorities(struct sign_in *sign_in, const struct sign_in_options *options)
{
    sign_in->authorities = X509_STORE_new();
    if (sign_in->authorities) {
        X509_STORE_set_flags(sign_in->authorities, X509_V_FLAG_PARTIAL_CHAIN);
    }
    for (size_t i = 0; sign_in->authorities && i < options->authority_count; i++) {
        add_authority(sign_in, options->authorities[i]);
    }
}

/* --- keys of tokens --- */

/* Whoever manages the namespace names the path: a FIFO must not hold us up. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd >= 0 && (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        errno = EINVAL;
        fd = -1;
    }
    return fd;
}

static bool read_file(const char *path, struct buffer *out, struct buffer *error)
{
    int fd = open_file(path);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && out->length < ISSUER_FILE_MAX) {
        got = read(fd, buffer_reserve(out, READ_SIZE), READ_SIZE);
        out->length += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        buffer_append_string(error, strerrordesc_np(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return got >= 0;
}

static void add_issuer_keys(struct sign_in *sign_in, const struct issuer_certificate *certificate)
{
    static const struct slice scheme = SLICE_LITERAL("file://");
    struct buffer pem = {0}, error = {0};
    bool good = true;
    if (certificate->url.length > 0) {
        char *path = memory_copy_string(slice_from(certificate->url, scheme.length));
        good = read_file(path, &pem, &error);
        free(path);
    } else {
        buffer_append(&pem, certificate->pem);
    }
    if (!good || !jwt_key_list_add_pem(&sign_in->issuer_keys, buffer_slice(&pem), &error)) {
        log_write(LOG_ERROR, "issuer certificate cannot be used",
                  "namespace=%.*s certificate=%s reason=\"%.*s\"", SLICE_PRINT(sign_in->name),
                  log_quote(certificate->url), SLICE_PRINT(error));
    }
    buffer_release(&pem);
    buffer_release(&error);
}

static void open_access_keys(struct sign_in *sign_in, const char *path)
{
    struct buffer error = {0};
    sign_in->access_keys = access_keys_open(path, &error);
    if (!sign_in->access_keys) {
        log_write(LOG_WARNING, "no sign-in with tokens of access keys", "reason=\"%.*s\"",
                  SLICE_PRINT(error));
    }
    buffer_release(&error);
}

/* --- the whole --- */

static void take_authentication(struct sign_in *sign_in,
                                const struct client_authentication *authentication)
{
    sign_in->source_count = authentication->source_count;
    memcpy(sign_in->sources, authentication->sources, sizeof(sign_in->sources));
    sign_in->issuer = arena_copy(&sign_in->memory, authentication->token_issuer);
    for (size_t i = 0; i < authentication->issuer_certificate_count; i++) {
        add_issuer_keys(sign_in, &authentication->issuer_certificates[i]);
    }
    for (size_t i = 0; i < sign_in->issuer_keys.count; i++) {
        sign_in_add_ground(sign_in, ground_of_issuer(sign_in, &sign_in->issuer_keys.keys[i]));
    }
    sign_in->audiences =
        copy_slices(&sign_in->memory, authentication->audiences, authentication->audience_count);
    sign_in->audience_count = authentication->audience_count;
    if (authentication->webhook_url.length > 0) {
        char *url = arena_allocate(&sign_in->memory, authentication->webhook_url.length + 1);
        memcpy(url, authentication->webhook_url.data, authentication->webhook_url.length);
        sign_in->webhook_url = url;
    }
}

struct sign_in *sign_in_new(const struct sign_in_options *options)
{
    struct sign_in *sign_in = memory_allocate_zero(sizeof(*sign_in));
    atomic_init(&sign_in->references, 1);
    pthread_mutex_init(&sign_in->keys_lock, NULL);
    map_init(&sign_in->clients, key_of_client);
    sign_in->name = arena_copy(&sign_in->memory, options->name);
    sign_in->domains = copy_slices(&sign_in->memory, options->domains, options->domain_count);
    sign_in->domain_count = options->domain_count;
    for (size_t i = 0; i < options->client_count; i++) {
        add_client(sign_in, options->clients[i]);
    }
    add_authorities(sign_in, options);
    take_authentication(sign_in, options->authentication);
    if (options->keys_file) {
        open_access_keys(sign_in, options->keys_file);
    }
    sign_in_sort_grounds(sign_in);
    return sign_in;
}

struct sign_in *sign_in_hold(struct sign_in *sign_in)
{
    if (sign_in) {
        atomic_fetch_add_explicit(&sign_in->references, 1, memory_order_relaxed);
    }
    return sign_in;
}

void sign_in_release(struct sign_in *sign_in)
{
    if (!sign_in || atomic_fetch_sub_explicit(&sign_in->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    map_release(&sign_in->clients);
    X509_STORE_free(sign_in->authorities);
    jwt_key_list_release(&sign_in->issuer_keys);
    access_keys_free(sign_in->access_keys);
    pthread_mutex_destroy(&sign_in->keys_lock);
    buffer_release(&sign_in->grounds);
    arena_release(&sign_in->memory);
    free(sign_in);
}

bool sign_in_wants_certificates(const struct sign_in *sign_in)
{
    return sign_in->clients.count > 0 || sign_in->authority_count > 0 ||
           sign_in->source_count > 0 || sign_in->webhook_url;
}
