/* A handshake that waits for the hub's event handler (spec/webpubsub.md 7.4): see websocket.h.
 *
 * To libwebsockets it is a WebSocket already, so it is read from, which is how we hear that the
 * browser is gone; the answer to its handshake is written here (handshake.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "client/admission.h"
#include "net/handshake.h"
#include "net/websocket.h"

enum { STATUS_SWITCHING = 101, STATUS_INTERNAL = 500 };

struct asking {
    struct admission admission;
    struct websocket *websocket;
    struct upgrade *upgrade; /* owned */
};

static void write_answer(struct websocket *websocket, struct buffer *bytes)
{
    if (!handshake_write(websocket->lws, bytes)) {
        websocket_break(websocket);
    }
}

void websocket_refuse(struct websocket *websocket, int status, struct slice text)
{
    struct buffer bytes = handshake_answer();

    metrics_count_refused(websocket->service->options.metrics, status);
    buffer_append_format(&bytes,
                         "HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\n"
                         "content-length: %zu\r\nconnection: close\r\n\r\n",
                         status, status >= STATUS_INTERNAL ? "Error" : "Refused", text.length);
    buffer_append(&bytes, text);
    websocket->phase = WEBSOCKET_LEAVING;
    websocket_limit_closing(websocket);
    write_answer(websocket, &bytes);
    shutdown(lws_get_socket_fd(websocket->lws),
             SHUT_WR); /* the browser closes, or the timer does */
}

static void let_in(struct websocket *websocket, struct upgrade *upgrade)
{
    const char *name = upgrade->custom_subprotocol ? upgrade->custom_subprotocol
                                                   : subprotocol_name(upgrade->subprotocol);
    struct buffer bytes = handshake_answer();

    buffer_append(&bytes, buffer_slice(&websocket->message));
    buffer_release(&websocket->message);
    if (name) {
        buffer_append_format(&bytes, "Sec-WebSocket-Protocol: %s\r\n", name);
    }
    buffer_append_string(&bytes, "\r\n");
    upgrade->awaits_admission = false;
    websocket_begin(websocket, upgrade); /* first, so that it hears of a failure to write */
    write_answer(websocket, &bytes);
}

static void decided(struct admission *admission, const struct admission_verdict *verdict)
{
    struct asking *asking = CONTAINER_OF(admission, struct asking, admission);
    struct websocket *websocket = asking->websocket;
    struct upgrade *upgrade = asking->upgrade;

    websocket->asking = NULL;
    free(asking);
    if (verdict->status == STATUS_SWITCHING) {
        let_in(websocket, upgrade);
    } else {
        websocket_refuse(websocket, verdict->status, verdict->text);
        upgrade_free(upgrade);
    }
}

void websocket_ask(struct websocket *websocket, struct upgrade *upgrade)
{
    struct asking *asking = memory_allocate_zero(sizeof(*asking));

    websocket->phase = WEBSOCKET_ASKING;
    websocket->asking = asking;
    asking->websocket = websocket;
    asking->upgrade = upgrade;
    asking->admission.decided = decided;
    admission_begin(&asking->admission, websocket->service->options.gateway, upgrade);
}

void websocket_stop_asking(struct websocket *websocket)
{
    if (!websocket->asking) {
        return;
    }
    admission_cancel(&websocket->asking->admission);
    upgrade_free(websocket->asking->upgrade);
    free(websocket->asking);
    websocket->asking = NULL;
}
