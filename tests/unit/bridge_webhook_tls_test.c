/* bridge/net: webhooks with TLS, of hubs and of Event Grid: whom is trusted, and connections that
 * are used again. The webhook is a thread of the test, with a certificate that the test makes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/webhook.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "test.h"

#include "base/clock.h"
#include "base/memory.h"
#include "net/outside.h"
#include "secret/access_keys.h"
#include "tls_credential.h"

#define S   SLICE_LITERAL
#define KEY "0123456789abcdef0123456789abcdef"

enum { PATIENCE_MS = 20000 };

/* ---------------------------------------------------------------- the webhook */

static struct credential credential;
static int listener;
static uint16_t port;
static atomic_uint handshakes, requests;
static atomic_bool is_ending;

/* Each request comes in one piece, as it was sent. */
static void serve(SSL *tls)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
                                 "Content-Type: text/plain\r\n\r\nsafe";
    char in[8192];
    int length;

    while ((length = SSL_read(tls, in, sizeof(in))) > 0) {
        if (memmem(in, (size_t)length, "hello", 5)) { /* the body */
            atomic_fetch_add(&requests, 1);
            SSL_write(tls, answer, sizeof(answer) - 1);
        }
    }
}

static void *run_webhook(void *unused)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    (void)unused;
    SSL_CTX_use_certificate(context, credential.certificate);
    SSL_CTX_use_PrivateKey(context, credential.key);
    while (true) {
        int fd = accept(listener, NULL, NULL);
        SSL *tls = SSL_new(context);
        if (fd < 0 || atomic_load(&is_ending)) {
            SSL_free(tls);
            close(fd);
            break;
        }
        SSL_set_fd(tls, fd);
        if (SSL_accept(tls) == 1) {
            atomic_fetch_add(&handshakes, 1);
            serve(tls);
        }
        SSL_free(tls);
        close(fd);
    }
    SSL_CTX_free(context);
    return NULL;
}

static pthread_t start_webhook(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    pthread_t thread;

    signal(SIGPIPE, SIG_IGN);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 8) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    port = ntohs(address.sin_port);
    CHECK(pthread_create(&thread, NULL, run_webhook, NULL) == 0);
    return thread;
}

static void stop_webhook(pthread_t thread)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    atomic_store(&is_ending, true);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0); /* wakes it */
    pthread_join(thread, NULL);
    close(fd);
    close(listener);
}

/* ---------------------------------------------------------------- events */

static uv_loop_t loop;
static struct upgrade_context access_context;

static void turn_until(const bool *condition)
{
    msec_t deadline = clock_now() + PATIENCE_MS;

    while (!*condition) {
        CHECK(clock_now() < deadline);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
}

struct waiter {
    struct event_wait wait;
    bool is_answered;
    int status;
    const char *error;
    bool is_safe;
};

static void answered(struct event_wait *wait, const struct event_answer *answer)
{
    struct waiter *waiter = CONTAINER_OF(wait, struct waiter, wait);

    waiter->is_answered = true;
    waiter->status = answer->status;
    waiter->error = answer->error;
    waiter->is_safe = slice_equal(answer->data.bytes, S("safe"));
}

static struct waiter ask(struct webhook *webhook, const char *url)
{
    struct event_handler handler = {.url_template = url,
                                    .user_event_pattern = "*",
                                    .timeout_ms = 10000,
                                    .attempts = 1,
                                    .skips_validation = true};
    struct hub_settings settings = {
        .name = "h", .event_handlers = &handler, .event_handler_count = 1};
    struct client_event event = {.settings = &settings,
                                 .hub = S("h"),
                                 .is_user_event = true,
                                 .name = S("say"),
                                 .connection_id = S("c1"),
                                 .data = {DATA_TEXT, S("hello")}};
    struct waiter waiter = {.wait.answered = answered};

    webhook_operations.raise(webhook, &event, &waiter.wait);
    turn_until(&waiter.is_answered);
    return waiter;
}

static struct webhook *open_webhooks(const char *ca_file, bool accepts_any)
{
    struct webhook *webhook = webhook_new(&loop, &(struct webhook_options){
                                                     .access = &access_context,
                                                     .origin = "p.example",
                                                     .ca_file = ca_file,
                                                     .accepts_any_certificate = accepts_any,
                                                     .clock = clock_now,
                                                 });
    CHECK(webhook);
    return webhook;
}

static void set_true(void *context)
{
    *(bool *)context = true;
}

static void close_webhooks(struct webhook *webhook)
{
    bool is_stopped = false;

    webhook_stop(webhook, set_true, &is_stopped);
    turn_until(&is_stopped);
}

/* Connections of libcurl are used again, too. */
static void check_trusted(const char *ca_file, bool accepts_any, const char *url)
{
    struct webhook *webhook = open_webhooks(ca_file, accepts_any);
    unsigned handshakes_before = atomic_load(&handshakes);

    for (int i = 0; i < 5; i++) {
        struct waiter waiter = ask(webhook, url);
        CHECK_INT_EQUAL(waiter.status, 200);
        CHECK(waiter.is_safe);
    }
    /* One, and one of an earlier test that the server counts late. */
    CHECK(atomic_load(&handshakes) <= handshakes_before + 2);
    close_webhooks(webhook);
}

static void check_distrusted(const char *ca_file, const char *url)
{
    struct webhook *webhook = open_webhooks(ca_file, false);
    unsigned requests_before = atomic_load(&requests);
    struct waiter waiter = ask(webhook, url);

    CHECK_INT_EQUAL(waiter.status, 0);
    CHECK_STRING_EQUAL(waiter.error, "the webhook's certificate is not trusted");
    CHECK_INT_EQUAL(atomic_load(&requests), requests_before); /* nothing was said */
    close_webhooks(webhook);
}

/* ---------------------------------------------------------------- deliveries of Event Grid */

struct delivered {
    struct outside_request request;
    int status;
    enum delivery_failure failure;
    const char *reason;
    bool is_done, is_safe;
};

static void was_delivered(struct outside_request *request, const struct outside_answer *answer)
{
    struct delivered *delivered = CONTAINER_OF(request, struct delivered, request);

    delivered->is_done = true;
    delivered->status = answer->status;
    delivered->failure = answer->failure;
    delivered->reason = answer->reason;
    delivered->is_safe = slice_equal(answer->body, S("safe"));
}

static struct delivered deliver(const char *ca_file, bool refuses_private, const char *url)
{
    struct outside_net *net = outside_start(
        &loop, &(struct outside_options){
                   .ca_file = ca_file, .refuses_private = refuses_private, .clock = clock_now});
    struct outside outside = outside_of(net);
    struct delivered delivered = {.request = {.method = "POST",
                                              .url = slice_from_string(url),
                                              .lines = S("Content-Type: text/plain\0"),
                                              .body = S("hello"),
                                              .timeout_ms = PATIENCE_MS,
                                              .done = was_delivered}};
    bool is_stopped = false;

    outside.ops->request(outside.context, &delivered.request);
    turn_until(&delivered.is_done);
    outside_stop(net, set_true, &is_stopped);
    turn_until(&is_stopped);
    return delivered;
}

static void check_deliveries(const char *url, const char *other)
{
    struct delivered trusted = deliver(credential.certificate_path, false, url);
    struct delivered unknown = deliver(NULL, false, url);
    struct delivered misnamed = deliver(credential.certificate_path, false, other);
    struct delivered private = deliver(credential.certificate_path, true, url);

    CHECK_INT_EQUAL(trusted.status, 200);
    CHECK(trusted.is_safe && trusted.failure == FAILURE_NONE);
    CHECK_INT_EQUAL(unknown.failure, FAILURE_SOCKET);
    CHECK_STRING_EQUAL(unknown.reason, "the webhook's certificate is not trusted");
    CHECK_STRING_EQUAL(misnamed.reason, "the webhook's certificate is not trusted");
    CHECK_STRING_EQUAL(private.reason,
                       "the webhook's address is private, which is not allowed here");
}

TEST(certificates_are_verified)
{
    struct buffer error = {0};
    struct access_keys *keys =
        access_keys_parse(S("primary: " KEY "\nsecondary: " KEY "\n"), &error);
    char url[64], other[64];
    pthread_t thread;

    credential_make(&credential, "test", NULL);
    thread = start_webhook();
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/", port);
    snprintf(other, sizeof(other), "https://localhost:%u/", port);
    access_context.keys = keys;
    uv_loop_init(&loop);
    check_distrusted(NULL, url);
    check_trusted(credential.certificate_path, false, url);
    check_distrusted(credential.certificate_path, other); /* its certificate has another name */
    check_trusted(NULL, true, other);
    check_deliveries(url, other);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_INT_EQUAL(uv_loop_close(&loop), 0);
    stop_webhook(thread);
    credential_release(&credential);
    access_keys_free(keys);
}
