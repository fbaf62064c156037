/* A small server with real sockets on loopback, two workers, a store and no authenticator, and a
 * client of raw bytes: what the tests of the workers and of the trunk share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_SERVER_FIXTURE_H
#define PUBGRID_TESTS_SERVER_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "core/session_counts.h"
#include "mqtt/packet.h"
#include "net/listener.h"
#include "net/worker.h"
#include "test.h"

enum { WORKERS = 2, TIMEOUT_MS = 60000 };

/* ---------------------------------------------------------------- a small server */

struct server {
    struct broker broker;
    char directory[32];
    struct worker workers[WORKERS];
    struct worker_group group;
    struct shard *shards[WORKERS];
    struct mailbox *mailboxes[WORKERS];
    unsigned port;
    uint32_t stored_messages_maximum; /* of a session; 0: the default */
    bool ends_sessions;               /* of clients, with their connection */
    const struct access_rule *rules;
    size_t rule_count;
};

static inline void server_listen(struct server *server, const struct listener_options *options)
{
    struct buffer error = {0};
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    size_t count = server->group.listener_count;

    if (!listener_open(options, &server->group.listeners, &server->group.listener_count, &error)) {
        test_fail(__FILE__, __LINE__, "%.*s", SLICE_PRINT(error));
    }
    getsockname(server->group.listeners[count]->fd, (struct sockaddr *)&address, &length);
    if (address.ss_family == AF_INET) {
        server->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    } else if (address.ss_family == AF_INET6) {
        server->port = ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    }
}

/* Closes what server_listen() has opened. */
static inline void server_forget_listeners(struct server *server)
{
    while (server->group.listener_count > 0) {
        listener_close(server->group.listeners[--server->group.listener_count]);
    }
}

static inline struct server *server_make(void)
{
    struct server *server = memory_allocate_zero(sizeof(*server));

    signal(SIGPIPE, SIG_IGN);
    for (unsigned i = 0; i < WORKERS; i++) {
        server->shards[i] = &server->workers[i].shard;
        server->mailboxes[i] = &server->workers[i].mailbox;
    }
    server->group.workers = server->workers;
    server->group.count = WORKERS;
    server->group.mailboxes = server->mailboxes;
    server->broker.shard_count = WORKERS;
    server->broker.shards = server->shards;
    server->broker.subscriptions = subscriptions_new();
    server->broker.retained = retained_new();
    server->broker.session_counts = session_counts_new();
    server->broker.random = random_bytes;
    server->broker.version = "test";
    server->broker.next_durable_id = 1;
    return server;
}

static inline bool load_nothing(void *context, struct slice key, uint64_t stamp, struct slice value,
                                struct buffer *error)
{
    (void)context, (void)key, (void)stamp, (void)value, (void)error;
    return false;
}

static inline void server_open_store(struct server *server)
{
    struct buffer error = {0};
    struct store_options options = {
        .size_maximum = 1 << 24,
        .save_bytes = 1 << 20,
        .shard_count = WORKERS,
        .mailboxes = server->mailboxes,
        .save = shard_save_mail,
        .path = mkdtemp(strcpy(server->directory, "/tmp/server_fixture.XXXXXX")),
        .unsafe = true,
    };
    struct store_loader loader = {.row = load_nothing};

    server->group.store = store_open(&options, &error);
    CHECK(server->group.store && store_load(server->group.store, &loader, &error) &&
          store_start(server->group.store, &error));
    server->broker.store_state = store_state(server->group.store);
    server->broker.store_posted = store_posted(server->group.store);
}

static inline void server_remove_store(struct server *server)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock"};
    char path[64];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", server->directory, names[i]);
        CHECK(unlink(path) == 0);
    }
    CHECK(rmdir(server->directory) == 0);
}

static inline void server_start(struct server *server)
{
    struct core_options options;
    struct settings *settings;
    struct buffer error = {0};

    core_options_defaults(&options);
    options.sys_interval_ms = 0;
    if (server->ends_sessions) {
        options.session_expiry_maximum = 0;
    }
    if (server->stored_messages_maximum > 0) {
        options.stored_messages_maximum = server->stored_messages_maximum;
    }
    CHECK(listeners_listen(server->group.listeners, server->group.listener_count, &error));
    settings = settings_new(&options, rule_set_new_of_rules(server->rules, server->rule_count));
    for (unsigned i = 0; i < WORKERS; i++) {
        CHECK(worker_init(&server->workers[i], &server->group, i, &server->broker,
                          settings_hold(settings)) == 0);
    }
    settings_release(settings);
    server_open_store(server);
    for (unsigned i = 0; i < WORKERS; i++) {
        CHECK(worker_start(&server->workers[i]) == 0);
    }
}

/* On an address of loopback, a port of the kernel's choice. */
static inline struct server *server_on(const char *address)
{
    struct server *server = server_make();
    struct listener_options options = {.address = address, .anonymous_allowed = true};

    server_listen(server, &options);
    server_start(server);
    return server;
}

static inline void server_ask_to_stop(struct server *server, msec_t drain_ms)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_stop(&server->workers[i], drain_ms);
    }
}

static inline void server_free(struct server *server)
{
    server_ask_to_stop(server, 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_join(&server->workers[i]);
    }
    store_close(server->group.store);
    server_remove_store(server);
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_close(&server->workers[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_release(&server->workers[i]);
    }
    for (size_t i = 0; i < server->group.listener_count; i++) {
        listener_close(server->group.listeners[i]);
    }
    free(server->group.listeners);
    subscriptions_free(server->broker.subscriptions);
    retained_free(server->broker.retained);
    session_counts_free(server->broker.session_counts);
    free(server);
}

/* ---------------------------------------------------------------- a client of raw bytes */

static inline int client_connect(const struct sockaddr *address, socklen_t length)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(connect(fd, address, length) == 0);
    return fd;
}

static inline int client_open(const struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)server->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return client_connect((const struct sockaddr *)&address, sizeof(address));
}

static inline void client_send(int fd, const void *bytes, size_t length)
{
    CHECK_INT_EQUAL(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

/* Reads exactly `length` bytes, or fewer if the server closes. */
static inline size_t client_read(int fd, void *into, size_t length)
{
    size_t total = 0;

    while (total < length) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got;
        CHECK(poll(&wait, 1, TIMEOUT_MS) == 1);
        got = recv(fd, (uint8_t *)into + total, length - total, 0);
        if (got <= 0) {
            break;
        }
        total += (size_t)got;
    }
    return total;
}

static inline void client_expect(int fd, const void *bytes, size_t length)
{
    uint8_t got[512];

    CHECK(length <= sizeof(got));
    CHECK_SLICE_EQUAL(slice_make(got, client_read(fd, got, length)), slice_make(bytes, length));
}

static inline void client_expect_end(int fd)
{
    uint8_t byte;

    CHECK_INT_EQUAL(client_read(fd, &byte, 1), 0);
}

/* An MQTT 5 or 3.1.1 CONNECT, clean start, without keep alive. */
static inline void append_connect(struct buffer *out, enum protocol_version version,
                                  const char *client)
{
    struct packet packet = {.type = PACKET_CONNECT};

    packet.connect.version = version;
    packet.connect.clean_start = true;
    packet.connect.client_identifier = slice_from_string(client);
    packet_encode(out, &packet, version);
}

static inline void client_hello(int fd, const char *client)
{
    struct buffer out = {0};

    append_connect(&out, MQTT_3_1_1, client);
    client_send(fd, out.data, out.length);
    buffer_release(&out);
    client_expect(fd, "\x20\x02\0\0", 4);
}

#endif
