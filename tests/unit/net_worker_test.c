/* Workers, listeners and streams with real sockets on loopback: two workers, so that half of the
 * connections move, and a client of raw bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "mqtt/packet.h"
#include "net/listener.h"
#include "net/worker.h"

enum { WORKERS = 2, TIMEOUT_MS = 60000, CLIENTS = 64 };

/* ---------------------------------------------------------------- a small server */

struct server {
    struct broker broker;
    char directory[32];
    struct worker workers[WORKERS];
    struct worker_group group;
    struct shard *shards[WORKERS];
    struct mailbox *mailboxes[WORKERS];
    unsigned port;
};

static void server_listen(struct server *server, const struct listener_options *options)
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
static void server_forget_listeners(struct server *server)
{
    while (server->group.listener_count > 0) {
        listener_close(server->group.listeners[--server->group.listener_count]);
    }
}

static struct server *server_make(void)
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
    server->broker.random = random_bytes;
    server->broker.version = "test";
    return server;
}

static bool load_nothing(void *context, struct slice key, uint64_t stamp, struct slice value,
                         struct buffer *error)
{
    (void)context, (void)key, (void)stamp, (void)value, (void)error;
    return false;
}

static void server_open_store(struct server *server)
{
    struct buffer error = {0};
    struct store_options options = {
        .size_maximum = 1 << 24,
        .save_bytes = 1 << 20,
        .shard_count = WORKERS,
        .mailboxes = server->mailboxes,
        .save = shard_save_mail,
        .path = mkdtemp(strcpy(server->directory, "/tmp/net_worker_test.XXXXXX")),
        .unsafe = true,
    };
    struct store_loader loader = {.row = load_nothing};

    server->group.store = store_open(&options, &error);
    CHECK(server->group.store && store_load(server->group.store, &loader, &error) &&
          store_start(server->group.store, &error));
    server->broker.store_state = store_state(server->group.store);
    server->broker.store_posted = store_posted(server->group.store);
}

static void server_remove_store(struct server *server)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock"};
    char path[64];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", server->directory, names[i]);
        CHECK(unlink(path) == 0);
    }
    CHECK(rmdir(server->directory) == 0);
}

static void server_start(struct server *server)
{
    struct core_options options;
    struct settings *settings;
    struct buffer error = {0};

    core_options_defaults(&options);
    options.sys_interval_ms = 0;
    CHECK(listeners_listen(server->group.listeners, server->group.listener_count, &error));
    settings = settings_new(&options, access_rules_new(NULL, 0));
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
static struct server *server_on(const char *address)
{
    struct server *server = server_make();
    struct listener_options options = {.address = address, .anonymous_allowed = true};

    server_listen(server, &options);
    server_start(server);
    return server;
}

static void server_ask_to_stop(struct server *server, msec_t drain_ms)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_stop(&server->workers[i], drain_ms);
    }
}

static void server_free(struct server *server)
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
    free(server);
}

/* ---------------------------------------------------------------- a client of raw bytes */

static int client_connect(const struct sockaddr *address, socklen_t length)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(connect(fd, address, length) == 0);
    return fd;
}

static int client_open(const struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)server->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return client_connect((const struct sockaddr *)&address, sizeof(address));
}

static void client_send(int fd, const void *bytes, size_t length)
{
    CHECK_INT_EQUAL(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

/* Reads exactly `length` bytes, or fewer if the server closes. */
static size_t client_read(int fd, void *into, size_t length)
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

static void client_expect(int fd, const void *bytes, size_t length)
{
    uint8_t got[512];

    CHECK(length <= sizeof(got));
    CHECK_SLICE_EQUAL(slice_make(got, client_read(fd, got, length)), slice_make(bytes, length));
}

static void client_expect_end(int fd)
{
    uint8_t byte;

    CHECK_INT_EQUAL(client_read(fd, &byte, 1), 0);
}

/* An MQTT 5 or 3.1.1 CONNECT, clean start, without keep alive. */
static void append_connect(struct buffer *out, enum protocol_version version, const char *client)
{
    struct packet packet = {.type = PACKET_CONNECT};

    packet.connect.version = version;
    packet.connect.clean_start = true;
    packet.connect.client_identifier = slice_from_string(client);
    packet_encode(out, &packet, version);
}

static void client_hello(int fd, const char *client)
{
    struct buffer out = {0};

    append_connect(&out, MQTT_3_1_1, client);
    client_send(fd, out.data, out.length);
    buffer_release(&out);
    client_expect(fd, "\x20\x02\0\0", 4);
}

/* ---------------------------------------------------------------- tests */

TEST(clients_of_both_workers_reach_each_other)
{
    struct server *server = server_on("127.0.0.1");
    int fds[CLIENTS];

    for (unsigned i = 0; i < CLIENTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "client-%u", i);
        fds[i] = client_open(server);
        client_hello(fds[i], name);
        client_send(fds[i], "\x82\x06\0\1\0\1t\0", 8);
        client_expect(fds[i], "\x90\3\0\1\0", 5);
    }
    client_send(fds[0], "\x30\5\0\1thi", 7);
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_expect(fds[i], "\x30\5\0\1thi", 7);
        close(fds[i]);
    }
    server_free(server);
}

/* CONNECT, SUBSCRIBE, PUBLISH and PINGREQ at once: what follows a CONNECT moves along with it. */
TEST(what_follows_connect_is_not_lost)
{
    struct server *server = server_on("127.0.0.1");

    for (unsigned i = 0; i < CLIENTS; i++) {
        struct buffer out = {0};
        int fd = client_open(server);
        char name[16];
        snprintf(name, sizeof(name), "eager-%u", i);
        append_connect(&out, MQTT_3_1_1, name);
        buffer_append(&out, slice_make("\x82\x06\0\1\0\1x\0", 8));
        buffer_append(&out, slice_make("\xc0\0\xc0", 3)); /* the second one is not complete */
        client_send(fd, out.data, out.length);
        client_expect(fd, "\x20\2\0\0\x90\3\0\1\0\xd0\0", 11);
        client_send(fd, "\0", 1);
        client_expect(fd, "\xd0\0", 2);
        close(fd);
        buffer_release(&out);
    }
    server_free(server);
}

TEST(a_packet_may_come_byte_by_byte)
{
    struct server *server = server_on("127.0.0.1");
    struct buffer out = {0};
    int fd = client_open(server);

    append_connect(&out, MQTT_5, "slow");
    for (size_t i = 0; i < out.length; i++) {
        client_send(fd, out.data + i, 1);
    }
    client_expect(fd, "\x20", 1);
    close(fd);
    buffer_release(&out);
    server_free(server);
}

/* Longer than the worker's buffer: echoed by the own subscription. */
TEST(a_long_packet_comes_and_goes_whole)
{
    enum { LENGTH = 900 * 1000 };
    struct server *server = server_on("127.0.0.1");
    uint8_t *sent = memory_allocate(LENGTH), *got = memory_allocate(LENGTH);
    int fd = client_open(server);

    client_hello(fd, "long");
    client_send(fd, "\x82\x06\0\1\0\1t\0", 8);
    client_expect(fd, "\x90\3\0\1\0", 5);
    memset(sent, 'x', LENGTH);
    sent[0] = 0x30;
    varint_write(sent + 1, LENGTH - 4);
    memcpy(sent + 4, "\0\1t", 3);
    client_send(fd, sent, LENGTH);
    CHECK_INT_EQUAL(client_read(fd, got, LENGTH), LENGTH);
    CHECK(memcmp(sent, got, LENGTH) == 0);
    close(fd);
    free(sent);
    free(got);
    server_free(server);
}

/* The refusal arrives although the peer goes on sending: no reset destroys it. */
TEST(the_last_words_arrive)
{
    struct server *server = server_on("127.0.0.1");
    struct buffer out = {0};
    int fd = client_open(server);
    uint8_t got[256];
    size_t length;

    append_connect(&out, MQTT_5, "noisy");
    for (int i = 0; i < 100; i++) {
        append_connect(&out, MQTT_5, "noisy"); /* a second CONNECT is a protocol error */
    }
    client_send(fd, out.data, out.length);
    client_send(fd, out.data, out.length);
    length = client_read(fd, got, sizeof(got));
    CHECK(length > 3 && length < sizeof(got));
    CHECK(memmem(got, length, "\x82", 1)); /* DISCONNECT, Protocol Error */
    close(fd);
    buffer_release(&out);
    server_free(server);
}

TEST(garbage_is_closed)
{
    struct server *server = server_on("127.0.0.1");
    int fd = client_open(server);

    client_send(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    client_expect_end(fd);
    close(fd);
    server_free(server);
}

TEST(a_half_closed_connection_is_closed)
{
    struct server *server = server_on("127.0.0.1");
    int fd = client_open(server);

    client_hello(fd, "half");
    shutdown(fd, SHUT_WR);
    client_expect_end(fd);
    close(fd);
    server_free(server);
}

TEST(a_stop_tells_the_clients)
{
    struct server *server = server_on("127.0.0.1");
    int fds[CLIENTS], silent = client_open(server);

    for (unsigned i = 0; i < CLIENTS; i++) {
        struct buffer out = {0};
        char name[16];
        uint8_t header[2];
        snprintf(name, sizeof(name), "stopped-%u", i);
        fds[i] = client_open(server);
        append_connect(&out, MQTT_5, name);
        client_send(fds[i], out.data, out.length);
        CHECK(client_read(fds[i], header, 2) == 2 && header[0] == 0x20);
        CHECK(client_read(fds[i], (uint8_t[256]){0}, header[1]) == header[1]);
        buffer_release(&out);
    }
    server_ask_to_stop(server, TIMEOUT_MS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        uint8_t got[256];
        size_t length = client_read(fds[i], got, sizeof(got));
        CHECK(length >= 3 && got[0] == 0xe0 && got[2] == 0x8b);
        close(fds[i]);
    }
    client_expect_end(silent);
    close(silent);
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_join(&server->workers[i]); /* long before TIMEOUT_MS */
    }
    server_free(server);
}

TEST(a_client_that_never_reads_delays_nobody)
{
    enum { MESSAGES = 4000, LENGTH = 1000 };
    struct server *server = server_on("127.0.0.1");
    int deaf = client_open(server), sender = client_open(server), other = client_open(server);
    uint8_t packet[LENGTH] = {0x30, 0xe5, 0x07, 0, 1, 't'};

    client_hello(deaf, "deaf");
    client_hello(sender, "sender");
    client_hello(other, "other");
    client_send(deaf, "\x82\x06\0\1\0\1t\0", 8);
    client_expect(deaf, "\x90\3\0\1\0", 5);
    for (unsigned i = 0; i < MESSAGES; i++) {
        client_send(sender, packet, sizeof(packet));
    }
    client_send(sender, "\xc0\0", 2);
    client_expect(sender, "\xd0\0", 2);
    client_send(other, "\xc0\0", 2);
    client_expect(other, "\xd0\0", 2);
    close(deaf);
    close(sender);
    close(other);
    server_free(server);
}

TEST(connections_beyond_the_limit_are_refused)
{
    struct server *server = server_make();
    struct listener_options options = {.address = "127.0.0.1", .anonymous_allowed = true};
    int first, second;

    server_listen(server, &options);
    server->group.connections_max = 1;
    server_start(server);
    first = client_open(server);
    client_hello(first, "first");
    second = client_open(server);
    client_expect_end(second);
    close(second);
    client_send(first, "\xc0\0", 2);
    client_expect(first, "\xd0\0", 2);
    close(first);
    server_free(server);
}

TEST(ipv6_and_ipv4_stand_side_by_side)
{
    struct server *server = server_make();
    struct listener_options six = {.address = "::", .anonymous_allowed = true};
    struct listener_options four = {.address = "0.0.0.0", .anonymous_allowed = true};
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct buffer error = {0};
    int fd;

    /* The port that is free for IPv6 may be somebody else's for IPv4: then another one. */
    do {
        server_forget_listeners(server);
        server_listen(server, &six);
        four.port = (uint16_t)server->port;
    } while (
        !listener_open(&four, &server->group.listeners, &server->group.listener_count, &error));
    buffer_release(&error);
    address.sin6_port = htons((uint16_t)server->port);
    server_start(server);
    fd = client_connect((const struct sockaddr *)&address, sizeof(address));
    client_hello(fd, "six");
    close(fd);
    fd = client_open(server);
    client_hello(fd, "four");
    close(fd);
    server_free(server);
}

TEST(a_unix_socket_has_its_mode_and_replaces_a_stale_file_only)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct server *server = server_make();
    struct listener_options options = {
        .path = address.sun_path, .mode = 0620, .anonymous_allowed = true};
    struct listener **others = NULL;
    struct buffer error = {0};
    size_t count = 0;
    struct stat status;
    int fd;

    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/net_worker_%d.sock", getpid());
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    close(fd); /* leaves the file behind, as a killed broker does */
    server_listen(server, &options);
    CHECK(stat(address.sun_path, &status) == 0);
    CHECK_INT_EQUAL(status.st_mode & 0777, 0620);
    server_start(server);
    CHECK(!listener_open(&options, &others, &count, &error)); /* this one is in use */
    CHECK(memmem(error.data, error.length, "in use", 6));
    fd = client_connect((const struct sockaddr *)&address, sizeof(address));
    client_hello(fd, "unix");
    close(fd);
    server_free(server);
    CHECK(stat(address.sun_path, &status) < 0 && errno == ENOENT);
    buffer_release(&error);
}
