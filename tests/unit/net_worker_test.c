/* Workers, listeners and streams with real sockets on loopback: two workers, so that half of the
 * connections move, and a client of raw bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <sys/stat.h>
#include <sys/un.h>

#include "server_fixture.h"

enum { CLIENTS = 64, PATIENCE_MS = 20000 };

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

/* A mail that comes again and again, so that its last run is anywhere in a worker's turn, and then
 * has the worker post one to another. */
struct chain {
    struct mail mail;
    struct mailbox *own;
    unsigned left;
    _Atomic bool *arrived;
};

static void chain_end(struct mail *mail, void *receiver)
{
    struct chain *chain = CONTAINER_OF(mail, struct chain, mail);

    atomic_store(chain->arrived, receiver != NULL);
    free(chain);
}

static void chain_run(struct mail *mail, void *receiver)
{
    struct chain *chain = CONTAINER_OF(mail, struct chain, mail);
    struct mail_list list = {0};

    if (!receiver) {
        free(chain);
    } else if (--chain->left > 0) {
        mail_list_add(&list, mail);
        mailbox_post(chain->own, &list);
    } else {
        mail->run = chain_end;
        shard_post(receiver, 0, mail);
    }
}

TEST(mail_that_follows_from_mail_waits_for_nothing)
{
    struct server *server = server_on("127.0.0.1");

    for (unsigned length = 1; length <= 12; length++) {
        _Atomic bool arrived = false;
        struct chain *chain = memory_allocate_zero(sizeof(*chain));
        struct mail_list list = {0};
        *chain = (struct chain){{.run = chain_run}, server->mailboxes[1], length, &arrived};
        mail_list_add(&list, &chain->mail);
        mailbox_post(server->mailboxes[1], &list);
        test_note("a chain of %u", length);
        for (msec_t until = clock_now() + PATIENCE_MS; !atomic_load(&arrived);) {
            CHECK(clock_now() < until);
            usleep(1000);
        }
    }
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
