/* See handshake.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/handshake.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "access/characters.h"
#include "base/memory.h"
#include "client/admission.h"
#include "client/metrics.h"
#include "net/http.h"
#include "net/service_state.h"

enum {
    CONNECTION_MAX = 126, /* bytes of these two headers that libwebsockets looks at */
    PROTOCOLS_MAX = 126,
    KEY_MAX = 127,
};

/* How libwebsockets reads lists of tokens. */
enum {
    LIST_FLAGS = LWS_TOKENIZE_F_COMMA_SEP_LIST | LWS_TOKENIZE_F_MINUS_NONTERM |
                 LWS_TOKENIZE_F_DOT_NONTERM | LWS_TOKENIZE_F_RFC7230_DELIMS,
};

/* ---------------------------------------------------------------- from socket to connection */

static void handshake_free(struct handshake *handshake)
{
    if (handshake) {
        buffer_release(&handshake->head);
        free(handshake);
    }
}

void handshake_adopt(struct service *service, int fd, struct slice head, struct slice read)
{
    struct handshake *handshake = memory_allocate_zero(sizeof(*handshake));

    buffer_append(&handshake->head, head);
    service->handshake = handshake;
    lws_adopt_socket_vhost_readbuf(service->vhost, fd, (const char *)read.data, read.length);
    handshake_free(service->handshake); /* which nobody has taken */
    service->handshake = NULL;
}

void handshake_attach(struct lws *lws)
{
    struct service *service = service_of(lws);

    lws_set_opaque_user_data(lws, service->handshake);
    service->handshake = NULL;
}

/* ---------------------------------------------------------------- what libwebsockets has read */

/* Appends the value of a header; nothing if there is none. */
static void append_header(struct lws *lws, enum lws_token_indexes header, struct buffer *value)
{
    int length = lws_hdr_total_length(lws, header);
    char *at;

    if (length <= 0) {
        return;
    }
    at = (char *)buffer_reserve(value, (size_t)length + 1);
    if (lws_hdr_copy(lws, at, length + 1, header) > 0) {
        value->length += (size_t)length;
    }
}

/* Argument number `index` of the query, "name=value" with both decoded, in place of what is in
 * `argument`. False: there are no more. */
static bool argument_at(struct lws *lws, int index, struct buffer *argument)
{
    int length = lws_hdr_fragment_length(lws, WSI_TOKEN_HTTP_URI_ARGS, index);
    char *at;

    argument->length = 0;
    at = (char *)buffer_reserve(argument, (size_t)length + 1);
    if (lws_hdr_copy_fragment(lws, at, length + 1, WSI_TOKEN_HTTP_URI_ARGS, index) < 0) {
        return false;
    }
    argument->length = (size_t)length;
    return true;
}

static void append_encoded(struct buffer *out, struct slice text, const char *reserved)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.data[i];
        if (byte <= ' ' || byte >= 0x7f || byte == '%' || strchr(reserved, byte)) {
            percent_append(out, byte);
        } else {
            buffer_append_byte(out, byte);
        }
    }
}

/* Appends path and query, percent-encoded again, as they are for upgrade_decide(). */
static void append_target(struct lws *lws, struct slice path, struct buffer *target)
{
    struct buffer argument = {0};

    append_encoded(target, path, "?#");
    for (int i = 0; argument_at(lws, i, &argument); i++) {
        buffer_append_byte(target, i == 0 ? '?' : '&');
        append_encoded(target, buffer_slice(&argument), "&+;#");
    }
    buffer_release(&argument);
}

/* ---------------------------------------------------------------- what it would drop */

/* The first token of the list that is `wanted`, or any if that is NULL, into `name`. */
static bool find_token(struct buffer *list, const char *wanted, char name[PROTOCOL_NAME_SIZE])
{
    struct lws_tokenize tokens;
    lws_tokenize_elem kind;

    buffer_append_byte(list, '\0');
    list->length--;
    lws_tokenize_init(&tokens, (const char *)list->data, LIST_FLAGS);
    tokens.len = list->length;
    do {
        kind = lws_tokenize(&tokens);
        if (kind == LWS_TOKZE_TOKEN && lws_tokenize_cstr(&tokens, name, PROTOCOL_NAME_SIZE) == 0 &&
            (!wanted || strcasecmp(name, wanted) == 0)) {
            return true;
        }
    } while (kind > 0);
    return false;
}

struct refusal {
    int status; /* 0: none */
    const char *message;
};

/* Headers that the handshake needs and libwebsockets hangs up on without an answer. */
static struct refusal check_headers(struct lws *lws, struct buffer *connection,
                                    struct buffer *version)
{
    char name[PROTOCOL_NAME_SIZE];

    append_header(lws, WSI_TOKEN_CONNECTION, connection);
    append_header(lws, WSI_TOKEN_VERSION, version);
    if (connection->length > CONNECTION_MAX || !find_token(connection, "upgrade", name)) {
        return (struct refusal){400, "the Connection header does not say Upgrade"};
    }
    if (!slice_equal(buffer_slice(version), SLICE_LITERAL("13"))) {
        return (struct refusal){426, "Sec-WebSocket-Version must be 13"};
    }
    if (lws_hdr_total_length(lws, WSI_TOKEN_HOST) <= 0) {
        return (struct refusal){400, "the Host header is missing"};
    }
    if (lws_hdr_total_length(lws, WSI_TOKEN_KEY) <= 0 ||
        lws_hdr_total_length(lws, WSI_TOKEN_KEY) > KEY_MAX) {
        return (struct refusal){400, "the Sec-WebSocket-Key header is missing or too long"};
    }
    return (struct refusal){0, NULL};
}

static struct refusal check_request(struct lws *lws, int method)
{
    struct service *service = service_of(lws);
    struct buffer connection = {0}, version = {0};
    struct refusal refusal = check_headers(lws, &connection, &version);

    buffer_release(&connection);
    buffer_release(&version);
    if (method != LWSHUMETH_GET) {
        return (struct refusal){400, "only GET can become a WebSocket"};
    }
    if (refusal.status == 0 && service->phase != SERVICE_RUNNING) {
        return (struct refusal){503, "the service is being stopped"};
    }
    if (refusal.status == 0 && !gateway_is_ready(service->options.gateway)) {
        return (struct refusal){503, "the broker cannot be reached"};
    }
    return refusal;
}

/* ---------------------------------------------------------------- what it came with */

/* What the event handler is told of the request: all of its headers, as they came. */
static void describe(const struct handshake *handshake, struct slice target, struct slice protocols,
                     struct buffer *arrival)
{
    const uint8_t *mark = memchr(target.data, '?', target.length);
    size_t path = mark ? (size_t)(mark + 1 - target.data) : target.length;
    struct http_head head;

    arrival_add(arrival, slice_from(target, path));
    arrival_add(arrival, protocols);
    http_head_parse(&head, buffer_slice(&handshake->head)); /* which has succeeded before */
    for (size_t i = 0; i < head.header_count; i++) {
        arrival_add(arrival, head.headers[i].key);
        arrival_add(arrival, head.headers[i].value);
    }
}

/* The answer to a hub's MQTT client does not wait: it is its CONNECT that is asked about. */
static void prepare_admission(struct lws *lws, struct slice target, struct slice protocols,
                              struct upgrade *upgrade)
{
    if (admission_is_wanted(service_of(lws)->options.gateway, upgrade)) {
        describe(lws_get_opaque_user_data(lws), target, protocols, &upgrade->arrival);
        upgrade->awaits_admission = upgrade->kind != UPGRADE_MQTT_HUB;
    } else {
        buffer_release(&upgrade->claims);
    }
}

/* ---------------------------------------------------------------- the decision */

/* libwebsockets wants room in front of what it writes. */
struct buffer handshake_answer(void)
{
    struct buffer answer = {0};

    buffer_reserve(&answer, LWS_PRE);
    answer.length = LWS_PRE;
    return answer;
}

bool handshake_write(struct lws *lws, struct buffer *answer)
{
    bool ok = lws_write(lws, answer->data + LWS_PRE, answer->length - LWS_PRE, LWS_WRITE_HTTP) >= 0;

    buffer_release(answer);
    return ok;
}

static int refuse(struct lws *lws, struct refusal refusal)
{
    struct http_answer answer = {.closes = true};
    struct buffer bytes = handshake_answer();

    metrics_count_refused(service_of(lws)->options.metrics, refusal.status);
    http_refuse(&answer, refusal.status, refusal.message);
    if (refusal.status == 503) {
        http_add_header(&answer, "retry-after", "1");
    } else if (refusal.status == 426) {
        http_add_header(&answer, "sec-websocket-version", "13");
    }
    http_format(&bytes, &answer, true);
    http_answer_release(&answer);
    return handshake_write(lws, &bytes) ? 1 : -1;
}

/* Makes libwebsockets find the one entry of its table, whatever is offered. */
static bool take_any_protocol(struct service *service, struct buffer *offered)
{
    if (offered->length == 0) {
        service->protocol_name[0] = '\0';
        return true;
    }
    return offered->length <= PROTOCOLS_MAX && find_token(offered, NULL, service->protocol_name);
}

static struct upgrade *decide(struct lws *lws, struct slice target, struct slice protocols)
{
    struct buffer host = {0}, authorization = {0};
    struct upgrade_request request = {
        .target = target, .subprotocols = protocols, .now = clock_now() / 1000};
    struct upgrade *upgrade;

    append_header(lws, WSI_TOKEN_HOST, &host);
    append_header(lws, WSI_TOKEN_HTTP_AUTHORIZATION, &authorization);
    request.host = buffer_slice(&host);
    request.authorization = buffer_slice(&authorization);
    upgrade = upgrade_decide(service_of(lws)->options.upgrade_context, &request);
    buffer_release(&host);
    buffer_release(&authorization);
    return upgrade;
}

static int accept_or_refuse(struct lws *lws, struct slice target, struct buffer *protocols)
{
    struct handshake *handshake = lws_get_opaque_user_data(lws);
    struct upgrade *upgrade;

    if (target.length > HTTP_TARGET_MAX) {
        return refuse(lws, (struct refusal){414, "the URL is too long"});
    }
    if (!take_any_protocol(service_of(lws), protocols)) {
        return refuse(lws, (struct refusal){400, "Sec-WebSocket-Protocol cannot be read"});
    }
    upgrade = decide(lws, target, buffer_slice(protocols));
    if (upgrade->kind == UPGRADE_REFUSED) {
        struct refusal refusal = {upgrade->status, upgrade->reason};
        upgrade_free(upgrade);
        return refuse(lws, refusal);
    }
    prepare_admission(lws, target, buffer_slice(protocols), upgrade);
    handshake->upgrade = upgrade;
    buffer_release(&handshake->head);
    return 0;
}

int handshake_begin(struct lws *lws, const char *protocol)
{
    char *path = NULL;
    int path_length = 0;
    int method = lws_http_get_uri_and_method(lws, &path, &path_length);
    struct buffer target = {0}, protocols = {0};
    struct refusal refusal;
    int result;

    if (method < 0 || strcasecmp(protocol, "websocket") != 0) {
        return -1; /* not what it was handed over for (http_head.h) */
    }
    refusal = check_request(lws, method);
    if (refusal.status != 0) {
        return refuse(lws, refusal);
    }
    append_target(lws, slice_make(path, (size_t)path_length), &target);
    append_header(lws, WSI_TOKEN_PROTOCOL, &protocols);
    result = accept_or_refuse(lws, buffer_slice(&target), &protocols);
    buffer_release(&target);
    buffer_release(&protocols);
    return result;
}

/* NULL: it was not, or has been taken. */
static struct upgrade *accepted(struct lws *lws)
{
    const struct handshake *handshake = lws_get_opaque_user_data(lws);

    return handshake ? handshake->upgrade : NULL;
}

void handshake_choose(struct lws *lws)
{
    struct service *service = service_of(lws);
    const struct upgrade *upgrade = accepted(lws);
    const char *name =
        upgrade && !upgrade->awaits_admission ? subprotocol_name(upgrade->subprotocol) : NULL;

    lws_strncpy(service->protocol_name, name ? name : "", sizeof(service->protocol_name));
}

/* ---------------------------------------------------------------- an answer that waits */

#define HEAD_BEGIN "HTTP/1.1 101 "

enum { HEAD_MAX = 480 }; /* bytes before the headers that we could add */

/* Where the answer begins whose end is `end`; NULL: it is not as it should be. */
static char *find_head(char *end)
{
    size_t length = strlen(HEAD_BEGIN);

    for (size_t i = length; i <= HEAD_MAX; i++) {
        if (memcmp(end - i, HEAD_BEGIN, length) == 0) {
            return end - i;
        }
    }
    return NULL;
}

int handshake_hold(struct lws *lws, struct lws_process_html_args *answer, struct buffer *head)
{
    const struct upgrade *upgrade = accepted(lws);
    char *begin;

    if (!upgrade || !upgrade->awaits_admission) {
        return 0;
    }
    begin = find_head(answer->p);
    if (!begin) {
        return -1;
    }
    buffer_append(head, slice_make(begin, (size_t)(answer->p - begin)));
    answer->p = begin - 2; /* CR LF will be put there: that makes an answer of no bytes */
    return 0;
}

struct upgrade *handshake_take(struct lws *lws)
{
    struct upgrade *upgrade = accepted(lws);

    handshake_free(lws_get_opaque_user_data(lws));
    lws_set_opaque_user_data(lws, NULL);
    return upgrade;
}
