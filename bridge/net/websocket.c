/* The life of a browser's WebSocket and its reading half; see websocket.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/websocket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/memory.h"
#include "mqtt/utf8.h"
#include "net/frame.h"
#include "net/receive_memory.h"
#include "net/socket_address.h"

enum {
    CLOSE_NO_CODE = 1005,
    CLOSE_BROKEN = 1006,
    CLOSE_INVALID_PAYLOAD = 1007,
    CLOSE_TOO_BIG = 1009,
    CLOSE_TIME_MS = 5000,
    FRAME_HEADER_TYPICAL = 6,         /* of a short masked frame */
    READ_FULL = RECEIVE_SIZE * 7 / 8, /* that many bytes and more: there may be more to read */
    READS_A_TURN = 32,                /* of one browser, before the others' turn */
    REPLIES_MAX = 1 << 20,            /* bytes that wait: it is not read from */
};

/* ---------------------------------------------------------------- phases */

void websocket_be_busy(struct websocket *websocket)
{
    if (list_is_empty(&websocket->busy)) {
        list_add_last(&websocket->service->busy, &websocket->busy);
    }
}

void websocket_break(struct websocket *websocket)
{
    if (websocket->phase == WEBSOCKET_BROKEN) {
        return;
    }
    websocket_stop_asking(websocket);
    websocket->phase = WEBSOCKET_BROKEN;
    send_queue_clear(&websocket->queue);
    list_remove(&websocket->busy);
    /* libwebsockets may not be asked to free it from just anywhere; an end of file it understands,
     * if it reads, and if it does not, it writes. */
    shutdown(lws_get_socket_fd(websocket->lws), SHUT_RDWR);
    lws_rx_flow_control(websocket->lws, 1);
    lws_callback_on_writable(websocket->lws);
}

void websocket_limit_closing(struct websocket *websocket)
{
    struct service *service = websocket->service;

    timers_set(&service->timers, &websocket->timer, service_now(service) + CLOSE_TIME_MS);
}

void websocket_close(struct websocket *websocket, uint16_t code, enum close_category category,
                     struct slice reason)
{
    if (websocket->phase == WEBSOCKET_ASKING) {
        websocket_stop_asking(websocket);
        websocket_refuse(websocket, 503, reason);
    }
    if (websocket->phase != WEBSOCKET_OPEN) {
        return;
    }
    websocket->phase = WEBSOCKET_CLOSING;
    websocket->closed_code = code;
    websocket->closed_category = (uint8_t)category;
    buffer_release(&websocket->message); /* from now on the close frame */
    websocket->message.length =
        frame_write_close(buffer_reserve(&websocket->message, FRAME_CLOSE_MAX), code, reason);
    websocket_limit_closing(websocket);
    websocket_be_busy(websocket);
    lws_rx_flow_control(websocket->lws, 1); /* for the answer, if it was paused */
}

static bool is_read(const struct websocket *websocket)
{
    return !websocket->is_paused && !websocket->is_clogged;
}

/* Sets one of the two reasons not to read. */
static void set_reason(struct websocket *websocket, bool *reason, bool value)
{
    bool was_read = is_read(websocket);

    *reason = value;
    if (is_read(websocket) != was_read) {
        websocket->listening_since = service_now(websocket->service);
        lws_rx_flow_control(websocket->lws, !was_read);
    }
}

/* Writes; who has read enough of the replies may ask on. */
static void write_on(struct websocket *websocket)
{
    websocket_flush(websocket);
    if (websocket->is_clogged && websocket->replies < REPLIES_MAX / 2 &&
        websocket->phase == WEBSOCKET_OPEN) {
        set_reason(websocket, &websocket->is_clogged, false);
    }
}

int websocket_writable(struct websocket *websocket)
{
    write_on(websocket);
    return websocket->phase == WEBSOCKET_BROKEN ? -1 : 0;
}

void websocket_leaves(struct websocket *websocket)
{
    if (websocket->phase == WEBSOCKET_OPEN || websocket->phase == WEBSOCKET_CLOSING) {
        websocket->phase = WEBSOCKET_LEAVING;
        websocket_limit_closing(websocket);
    }
}

int websocket_peer_closes(struct websocket *websocket, struct slice payload)
{
    bool is_answer = websocket->phase == WEBSOCKET_LEAVING;

    if (websocket->phase == WEBSOCKET_OPEN || websocket->phase == WEBSOCKET_CLOSING) {
        websocket->closed_code = CLOSE_NO_CODE;
        if (payload.length >= 2) {
            websocket->closed_code = (uint16_t)(payload.data[0] << 8 | payload.data[1]);
        }
        websocket_leaves(websocket);
    }
    return is_answer ? -1 : 0;
}

void websocket_gone(struct websocket *websocket)
{
    struct service *service = websocket->service;

    if (websocket->phase == WEBSOCKET_NONE) {
        return;
    }
    websocket_stop_asking(websocket);
    websocket->phase = WEBSOCKET_NONE;
    timers_cancel(&service->timers, &websocket->timer);
    list_remove(&websocket->all);
    list_remove(&websocket->busy);
    send_queue_clear(&websocket->queue);
    buffer_release(&websocket->message);
    service->websocket_count--;
    if (websocket->client) {
        websocket->traffic->connections--;
        websocket->traffic->closed[websocket->closed_category]++;
        client_socket_closed(websocket->client, websocket->closed_code);
    }
}

/* The browser's own, of which with TLS libwebsockets knows nothing. */
static int socket_of(const struct websocket *websocket)
{
    return tls_socket_of(websocket->service, lws_get_socket_fd(websocket->lws));
}

/* ---------------------------------------------------------------- keep-alive */

/* For how long the peer has sent nothing; the kernel knows. While we do not read from it, its
 * silence says nothing. */
static msec_t silence(const struct websocket *websocket, msec_t now)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof(info);
    msec_t listening = is_read(websocket) ? now - websocket->listening_since : 0;
    int fd = socket_of(websocket);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) {
        return listening;
    }
    return info.tcpi_last_data_recv < listening ? info.tcpi_last_data_recv : listening;
}

/* A ping each interval; who sends nothing for two and a half is dropped. */
static void keep_alive(struct websocket *websocket, struct timers *timers)
{
    msec_t interval = (msec_t)websocket->keep_alive_s * 1000;
    msec_t left = interval * 5 / 2 - silence(websocket, timers->now);

    if (left <= 0) {
        websocket->closed_category = CLOSED_PING_TIMEOUT;
        websocket_break(websocket);
        return;
    }
    websocket->is_ping_due = true;
    websocket_be_busy(websocket);
    timers_set(timers, &websocket->timer, timers->now + (interval < left ? interval : left));
}

static void on_timer(struct timer *timer, void *context)
{
    struct websocket *websocket = CONTAINER_OF(timer, struct websocket, timer);
    struct service *service = context;

    if (websocket->phase == WEBSOCKET_OPEN) {
        keep_alive(websocket, &service->timers);
    } else {
        websocket_break(websocket);
    }
}

/* ---------------------------------------------------------------- opening */

void websocket_begin(struct websocket *websocket, struct upgrade *upgrade)
{
    struct service *service = websocket->service;
    char peer[PEER_ADDRESS_SIZE];
    bool is_loopback = peer_address(socket_of(websocket), peer);

    websocket->phase = WEBSOCKET_OPEN;
    websocket->keep_alive_s = (uint16_t)upgrade->settings->keep_alive_s;
    websocket->listening_since = service_now(service);
    websocket->traffic = metrics_traffic(service->options.metrics, upgrade);
    websocket->traffic->connections++;
    websocket->traffic->connections_total++;
    timers_set(&service->timers, &websocket->timer,
               websocket->listening_since + (msec_t)websocket->keep_alive_s * 1000);
    websocket->client = client_new(service->options.gateway, websocket, upgrade, peer, is_loopback);
}

void websocket_open(struct websocket *websocket, struct lws *lws, struct upgrade *upgrade)
{
    struct service *service = service_of(lws);

    websocket->lws = lws;
    websocket->service = service;
    websocket->closed_code = CLOSE_BROKEN;
    list_init(&websocket->busy);
    list_add_last(&service->websockets, &websocket->all);
    service->websocket_count++;
    timer_init(&websocket->timer, on_timer);
    if (upgrade->awaits_admission) {
        websocket_ask(websocket, upgrade);
    } else {
        websocket_begin(websocket, upgrade);
    }
}

/* ---------------------------------------------------------------- receiving */

static void deliver(struct websocket *websocket, struct slice message)
{
    bool is_text = !lws_frame_is_binary(websocket->lws);

    websocket->traffic->messages_in++;
    websocket->traffic->bytes_in += message.length;
    if (is_text && !utf8_is_well_formed(message)) {
        websocket_close(websocket, CLOSE_INVALID_PAYLOAD, CLOSED_BAD_REQUEST,
                        SLICE_LITERAL("text is not UTF-8"));
    } else {
        client_receive(websocket->client, message, is_text);
    }
}

/* read_on() follows if the read was about full. */
static void note_read(struct websocket *websocket, size_t bytes)
{
    size_t size = websocket->read_size + bytes + FRAME_HEADER_TYPICAL;

    websocket->read_size = (uint16_t)(size < UINT16_MAX ? size : UINT16_MAX);
    websocket_be_busy(websocket);
}

void websocket_receive(struct websocket *websocket, struct slice piece)
{
    bool is_last = lws_is_final_fragment(websocket->lws);
    size_t expected;

    note_read(websocket, piece.length);
    if (websocket->phase == WEBSOCKET_ASKING) {
        websocket_break(websocket); /* nothing is to be sent before the answer (RFC 6455 4.1) */
    }
    if (websocket->phase != WEBSOCKET_OPEN) {
        return;
    }
    expected =
        websocket->message.length + piece.length + lws_remaining_packet_payload(websocket->lws);
    if (expected > websocket->service->options.maximum_message_size) {
        websocket_close(websocket, CLOSE_TOO_BIG, CLOSED_BAD_REQUEST,
                        SLICE_LITERAL("message is too big"));
        return;
    }
    if (is_last && !websocket->is_assembling) {
        deliver(websocket, piece);
        return;
    }
    buffer_append(&websocket->message, piece);
    websocket->is_assembling = !is_last;
    if (is_last) {
        struct buffer message = websocket->message; /* the client may close, which releases it */
        websocket->message = (struct buffer){0};
        deliver(websocket, buffer_slice(&message));
        buffer_release(&message);
    }
}

/* ---------------------------------------------------------------- the end of a turn */

/* libwebsockets reads once and then lets the loop wait again. Where that read was about full, the
 * next follows at once. False: `websocket` is not to be touched any more. */
static bool read_on(struct websocket *websocket)
{
    for (int i = 0; i < READS_A_TURN && websocket->read_size >= READ_FULL && is_read(websocket);
         i++) {
        struct lws_pollfd event = {
            .fd = lws_get_socket_fd(websocket->lws), .events = LWS_POLLIN, .revents = LWS_POLLIN};
        websocket->read_size = 0;
        if (lws_service_fd(websocket->service->context, &event) != 0) {
            return false;
        }
    }
    websocket->read_size = 0;
    return true;
}

static void read_more(struct service *service)
{
    struct list reading;

    list_init(&reading);
    list_move_all(&reading, &service->busy);
    while (!list_is_empty(&reading)) {
        struct websocket *websocket = CONTAINER_OF(reading.next, struct websocket, busy);
        list_remove(&websocket->busy);
        if (read_on(websocket)) {
            websocket_be_busy(websocket);
        }
    }
}

void websocket_end_turn(struct service *service)
{
    read_more(service);
    while (!list_is_empty(&service->busy)) {
        struct websocket *websocket = CONTAINER_OF(service->busy.next, struct websocket, busy);
        list_remove(&websocket->busy);
        write_on(websocket);
    }
}

/* ---------------------------------------------------------------- operations */

static void send_outgoing(struct websocket *websocket, struct outgoing *outgoing, uint64_t number)
{
    if (websocket->phase == WEBSOCKET_OPEN) {
        send_queue_add(&websocket->queue, outgoing, number);
        websocket_be_busy(websocket);
        websocket->replies += websocket_reply_cost(outgoing);
        if (websocket->replies > REPLIES_MAX) {
            set_reason(websocket, &websocket->is_clogged, true);
        }
    }
}

static void pause_reading(struct websocket *websocket, bool paused)
{
    if (websocket->phase == WEBSOCKET_OPEN) {
        set_reason(websocket, &websocket->is_paused, paused);
    }
}

const struct websocket_ops websocket_operations = {
    .send = send_outgoing,
    .close = websocket_close,
    .pause = pause_reading,
};
