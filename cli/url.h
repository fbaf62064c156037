/* URLs on the command line: -L for the server and --proxy for the way to it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_URL_H
#define PUBGRID_CLI_URL_H

#include <stdbool.h>
#include <stdint.h>

struct url {
    bool tls;
    const char *user_name; /* NULL: none */
    const char *password;  /* NULL: none */
    const char *host;
    uint16_t port;
    const char *topic; /* NULL for a proxy */
};

/* mqtt(s)://[user[:password]@]host[:port]/topic. Cuts `text` up in place: the strings point into
 * it. Nothing is percent-decoded, as in mosquitto. False after a message on stderr. */
bool url_parse(struct url *out, char *text);

/* socks5h://[user[:password]@]host[:port], with %xx decoded in user and password. */
bool url_parse_proxy(struct url *out, char *text);

#endif
