/* SOCKS5 in three exchanges: methods, perhaps user and password, CONNECT.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "socks.h"

#include <string.h>

#include "base/buffer.h"
#include "dial.h"

enum {
    SOCKS_VERSION = 5,
    LOGIN_VERSION = 1,
    METHOD_NONE = 0,
    METHOD_LOGIN = 2,
    COMMAND_CONNECT = 1,
    ADDRESS_IPV4 = 1,
    ADDRESS_NAME = 3,
    ADDRESS_IPV6 = 4,
    TEXT_MAX = 255,
};

static bool send_buffer(int fd, struct buffer *request)
{
    bool good = dial_write_all(fd, request->data, (unsigned)request->length) == 0;

    buffer_release(request);
    return good;
}

static void append_text(struct buffer *out, const char *text)
{
    buffer_append_byte(out, (uint8_t)strlen(text));
    buffer_append_string(out, text);
}

static bool log_in(int fd, const struct url *proxy)
{
    struct buffer request = {0};
    const char *password = proxy->password != NULL ? proxy->password : "";
    uint8_t reply[2];

    if (strlen(proxy->user_name) > TEXT_MAX || strlen(password) > TEXT_MAX) {
        return false;
    }
    buffer_append_byte(&request, LOGIN_VERSION);
    append_text(&request, proxy->user_name);
    append_text(&request, password);
    return send_buffer(fd, &request) && dial_read_all(fd, reply, sizeof(reply)) == 0 &&
           reply[1] == 0;
}

static bool choose_method(int fd, const struct url *proxy)
{
    const uint8_t methods[] = {SOCKS_VERSION, 2, METHOD_NONE, METHOD_LOGIN};
    const uint8_t no_login[] = {SOCKS_VERSION, 1, METHOD_NONE};
    bool can_log_in = proxy->user_name != NULL;
    uint8_t reply[2];

    if (dial_write_all(fd, can_log_in ? methods : no_login,
                       can_log_in ? sizeof(methods) : sizeof(no_login)) != 0 ||
        dial_read_all(fd, reply, sizeof(reply)) != 0 || reply[0] != SOCKS_VERSION) {
        return false;
    }
    return reply[1] == METHOD_NONE || (reply[1] == METHOD_LOGIN && can_log_in && log_in(fd, proxy));
}

/* The address that the proxy reports back is read and ignored. */
static bool read_reply(int fd)
{
    uint8_t head[5], rest[TEXT_MAX + 2];
    unsigned length;

    if (dial_read_all(fd, head, sizeof(head)) != 0 || head[0] != SOCKS_VERSION || head[1] != 0) {
        return false;
    }
    length = head[3] == ADDRESS_IPV4 ? 3 : head[3] == ADDRESS_IPV6 ? 15 : head[4];
    return dial_read_all(fd, rest, length + 2) == 0;
}

bool socks_connect(int fd, const struct url *proxy, const char *host, uint16_t port)
{
    const uint8_t head[] = {SOCKS_VERSION, COMMAND_CONNECT, 0, ADDRESS_NAME};
    struct buffer request = {0};

    if (strlen(host) > TEXT_MAX || !choose_method(fd, proxy)) {
        return false;
    }
    buffer_append(&request, slice_make(head, sizeof(head)));
    append_text(&request, host);
    buffer_append_u16(&request, port);
    return send_buffer(fd, &request) && read_reply(fd);
}
