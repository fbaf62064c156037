/* The context, its callback, the turns of the loop, and the end of it all; see service.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/service.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/frame.h"
#include "net/handshake.h"
#include "net/http.h"
#include "net/listener.h"
#include "net/receive_memory.h"
#include "net/websocket.h"

enum {
    SERVICE_BUFFER = 65536, /* what libwebsockets reads of handshakes at a time */
    HEADS_AT_ONCE = 512,    /* requests whose heads are kept; more wait */
    WRITE_MAX = 64 << 20,   /* one write is not cut into pieces */
    HEAD_TIME_S = 10,       /* for a request's head */
    STOP_TIME_MS = 6000,    /* closing takes 5 s at most */
    DESCRIPTORS_MAX = 1 << 18,
    OWN_HANDLES = 2, /* clock, turn_end */
};

#define STOP_REASON SLICE_LITERAL("service restart")
enum { CLOSE_GOING_AWAY = 1001 };

/* ---------------------------------------------------------------- libwebsockets' callback */

static int on_websocket_event(struct lws *lws, enum lws_callback_reasons reason,
                              struct websocket *websocket, struct slice in)
{
    switch ((int)reason) {
    case LWS_CALLBACK_ESTABLISHED:
        websocket_open(websocket, lws, handshake_take(lws));
        return 0;
    case LWS_CALLBACK_RECEIVE:
        websocket_receive(websocket, in);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return websocket_writable(websocket);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return websocket_peer_closes(websocket, in);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        websocket_leaves(websocket);
        return 0;
    case LWS_CALLBACK_CLOSED:
        websocket_gone(websocket);
        return 0;
    default:
        return 0;
    }
}

/* `in` is text, bytes or nothing, as the reason says. */
static int on_event(struct lws *lws, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP: /* it gets handshakes only */
        return -1;
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        handshake_attach(lws);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return handshake_begin(lws, in);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        handshake_choose(lws);
        return 0;
    case LWS_CALLBACK_ADD_HEADERS:
        return handshake_hold(lws, in, &((struct websocket *)user)->message);
    case LWS_CALLBACK_WSI_DESTROY: /* the handshake may have failed behind the decision */
        upgrade_free(handshake_take(lws));
        return 0;
    default:
        return user ? on_websocket_event(lws, reason, user, slice_make(in, length)) : 0;
    }
}

/* ---------------------------------------------------------------- the log */

static void log_of_start(int level, const char *line)
{
    (void)level;
    log_write(LOG_WARNING, "libwebsockets", "says=%s", log_quote(slice_from_string(line)));
}

/* It complains of what peers do. */
static void log_of_run(int level, const char *line)
{
    (void)level;
    LOG_LIMITED(LOG_DEBUG, "libwebsockets", "says=%s", log_quote(slice_from_string(line)));
}

/* ---------------------------------------------------------------- turns */

static void on_clock(uv_timer_t *clock)
{
    struct service *service = CONTAINER_OF(clock, struct service, clock);

    service->clock_at = MSEC_NEVER; /* the end of the turn does the rest */
}

static void set_clock(struct service *service)
{
    msec_t next = timers_next(&service->timers), now = service_now(service);

    if (next == service->clock_at) {
        return;
    }
    service->clock_at = next;
    if (next == MSEC_NEVER) {
        uv_timer_stop(&service->clock);
    } else {
        uv_timer_start(&service->clock, on_clock, next > now ? (uint64_t)(next - now) : 0, 0);
    }
}

static void go_on_stopping(struct service *service);

/* Before the loop waits: what the turn has left to do. */
static void on_turn_end(uv_prepare_t *turn_end)
{
    struct service *service = CONTAINER_OF(turn_end, struct service, turn_end);

    if (service->phase != SERVICE_DESTROYING) {
        timers_advance(&service->timers, service_now(service));
        http_end_turn(service);
        websocket_end_turn(service);
        set_clock(service);
    }
    if (service->phase != SERVICE_RUNNING) {
        go_on_stopping(service);
    }
}

/* ---------------------------------------------------------------- starting */

static const lws_retry_bo_t no_validity_checks; /* their timers are sorted by walking a list */

static bool create_vhost(struct service *service)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .vhost_name = "bridge",
        .protocols = service->protocols,
        .timeout_secs_ah_idle = HEAD_TIME_S,
        .retry_and_idle_policy = &no_validity_checks,
    };

    service->vhost = lws_create_vhost(service->context, &info);
    return service->vhost != NULL;
}

/* libwebsockets fills two tables with as many rows as file descriptors are allowed, which some
 * containers say are a billion. */
static void limit_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > DESCRIPTORS_MAX) {
        limit.rlim_cur = DESCRIPTORS_MAX;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool create_context(struct service *service)
{
    void *loops[] = {service->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .foreign_loops = loops,
        .pt_serv_buf_size = SERVICE_BUFFER,
        .max_http_header_data2 = HTTP_HEAD_MAX,
        .max_http_header_pool2 = HEADS_AT_ONCE,
        .timeout_secs = HEAD_TIME_S,
        .user = service,
    };

    service->protocols[0] = (struct lws_protocols){
        .name = service->protocol_name,
        .callback = on_event,
        .per_session_data_size = sizeof(struct websocket),
        .rx_buffer_size = RECEIVE_SIZE,
        .tx_packet_size = WRITE_MAX,
    };
    limit_descriptors();
    receive_memory_install();
    lws_set_log_level(LLL_ERR, log_of_start);
    service->context = lws_create_context(&info);
    return service->context != NULL;
}

static void start_listeners(struct service *service)
{
    for (size_t i = 0; i < service->options.listener_count; i++) {
        listener_begin(&service->listeners[i]);
    }
    lws_set_log_level(LLL_ERR, log_of_run);
}

static void start_turns(struct service *service)
{
    uv_timer_init(service->loop, &service->clock);
    uv_prepare_init(service->loop, &service->turn_end);
    uv_prepare_start(&service->turn_end, on_turn_end);
    uv_unref((uv_handle_t *)&service->clock); /* neither is a reason for the loop to go on */
    uv_unref((uv_handle_t *)&service->turn_end);
    service->clock_at = MSEC_NEVER;
}

static bool open_listeners(struct service *service)
{
    for (size_t i = 0; i < service->options.listener_count; i++) {
        if (!listener_open(&service->listeners[i], service, &service->options.listeners[i])) {
            return false;
        }
    }
    return true;
}

static void free_service(struct service *service)
{
    for (size_t i = 0; i < service->options.listener_count; i++) {
        listener_release(&service->listeners[i]);
    }
    free(service->listeners);
    http_server_release(service);
    tls_server_release(service);
    free(service->gather);
    free(service);
}

/* Nothing is on the loop yet. */
static struct service *give_up(struct service *service)
{
    for (size_t i = 0; i < service->options.listener_count; i++) {
        listener_close(&service->listeners[i], NULL);
    }
    free_service(service);
    return NULL;
}

static struct service *new_service(uv_loop_t *loop, const struct service_options *options)
{
    struct service *service = memory_allocate_zero(sizeof(*service));

    service->loop = loop;
    service->options = *options;
    service->listeners =
        memory_allocate_zero(options->listener_count * sizeof(*service->listeners));
    for (size_t i = 0; i < options->listener_count; i++) {
        service->listeners[i].fd = -1;
    }
    service->gather = memory_allocate(LWS_PRE + GATHER_SIZE + FRAME_CLOSE_MAX);
    http_server_init(service);
    tls_server_init(service);
    list_init(&service->websockets);
    list_init(&service->busy);
    uv_update_time(loop);
    timers_init(&service->timers, service_now(service), service);
    return service;
}

static void ignore_stopped(void *context)
{
    (void)context;
}

struct service *service_start(uv_loop_t *loop, const struct service_options *options)
{
    struct service *service = new_service(loop, options);

    if (!open_listeners(service)) {
        return give_up(service);
    }
    if (!create_context(service)) {
        log_write(LOG_ERROR, "cannot start the web service", "reason=\"libwebsockets\"");
        return give_up(service);
    }
    start_turns(service);
    if (!create_vhost(service)) {
        log_write(LOG_ERROR, "cannot start the web service", "reason=\"libwebsockets\"");
        service_stop(service, ignore_stopped, NULL); /* frees it, from the loop */
        return NULL;
    }
    start_listeners(service);
    return service;
}

static bool is_same_place(const struct service_listener *a, const struct service_listener *b)
{
    return strcmp(a->address, b->address) == 0 && a->port == b->port;
}

void service_reload_certificates(struct service *service, const struct service_listener *listeners,
                                 size_t count)
{
    for (size_t i = 0; i < service->options.listener_count; i++) {
        struct listener *listener = &service->listeners[i];
        for (size_t j = 0; j < count; j++) {
            if (listener->tls && listeners[j].certificate_file &&
                is_same_place(&service->options.listeners[i], &listeners[j])) {
                listener_reload(listener, &listeners[j]);
            }
        }
    }
}

uint16_t service_port(const struct service *service, size_t index)
{
    return service->listeners[index].port;
}

size_t service_websocket_count(const struct service *service)
{
    return service->websocket_count;
}

/* ---------------------------------------------------------------- stopping */

static void on_closed(uv_handle_t *handle, struct service *service)
{
    (void)handle;
    if (--service->handles_left == 0) {
        void (*stopped)(void *context) = service->stopped;
        void *context = service->stopped_context;
        free_service(service);
        stopped(context);
    }
}

static void on_clock_closed(uv_handle_t *handle)
{
    on_closed(handle, CONTAINER_OF(handle, struct service, clock));
}

static void on_turn_end_closed(uv_handle_t *handle)
{
    on_closed(handle, CONTAINER_OF(handle, struct service, turn_end));
}

static void on_listener_closed(uv_handle_t *handle)
{
    on_closed(handle, CONTAINER_OF(handle, struct listener, poll)->service);
}

/* That it is not set any more says that the time is over. */
static void on_stop_timer(struct timer *timer, void *context)
{
    (void)timer;
    (void)context;
}

void service_stop(struct service *service, void (*stopped)(void *context), void *context)
{
    service->stopped = stopped;
    service->stopped_context = context;
    service->phase = SERVICE_STOPPING;
    service->handles_left = OWN_HANDLES;
    for (size_t i = 0; i < service->options.listener_count; i++) {
        struct listener *listener = &service->listeners[i];
        service->handles_left += listener->is_polled;
        listener_close(listener, on_listener_closed);
    }
    http_stop(service, false);
    tls_stop(service, false);
    LIST_FOREACH (link, &service->websockets) {
        websocket_close(CONTAINER_OF(link, struct websocket, all), CLOSE_GOING_AWAY,
                        CLOSED_SERVICE_RELOAD, STOP_REASON);
    }
    timer_init(&service->stop_timer, on_stop_timer);
    timers_set(&service->timers, &service->stop_timer, service_now(service) + STOP_TIME_MS);
    uv_ref((uv_handle_t *)&service->turn_end);
}

static void count_closing(uv_handle_t *handle, void *count)
{
    *(int *)count += uv_is_closing(handle) != 0;
}

/* libwebsockets closes its handles on the loop and says nothing when that is done; then it wants to
 * be destroyed once more. */
static bool are_handles_closed(struct service *service)
{
    int closing = 0;

    uv_walk(service->loop, count_closing, &closing);
    return closing == 0;
}

static bool is_empty(const struct service *service)
{
    return service->websocket_count == 0 && service->http.count == 0 && service->tls.count == 0;
}

static void go_on_stopping(struct service *service)
{
    if (service->phase == SERVICE_STOPPING &&
        (is_empty(service) || !timer_is_set(&service->stop_timer))) {
        service->phase = SERVICE_DESTROYING;
        http_stop(service, true);
        lws_context_destroy(service->context);
        tls_stop(service, true);
        return;
    }
    if (service->phase == SERVICE_DESTROYING && are_handles_closed(service)) {
        lws_context_destroy(service->context);
        uv_close((uv_handle_t *)&service->clock, on_clock_closed);
        uv_close((uv_handle_t *)&service->turn_end, on_turn_end_closed);
    }
}
