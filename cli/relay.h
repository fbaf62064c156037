/* A relay inside the process: a loopback TCP port in front of a stream that Paho cannot open.
 *
 * Paho MQTT C 1.3.12 connects by TCP only, and always from any local address. For --unix, -A and
 * --proxy the tools let Paho connect to a port on 127.0.0.1 that a thread of their own listens on;
 * it opens the real stream with dial() and copies bytes both ways. The port serves connections of
 * this process only (own_sockets.h), so the relay gives nobody else the user's rights on the
 * Unix socket.
 *
 * With TLS, Paho must be told the server's real name, which it checks in the certificate. Then it
 * takes the relay for an HTTP proxy, and the relay answers its CONNECT request.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_RELAY_H
#define PUBGRID_CLI_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "dial.h"

struct relay;

/* Opens the first stream at once, so that its failure can be reported, and starts the thread.
 * `target` and what it points to must stay. NULL unless *result is DIAL_CONNECTED. */
struct relay *relay_start(const struct dial_target *target, bool as_http_proxy,
                          enum dial_result *result);
uint16_t relay_port(const struct relay *relay);

/* Waits, after Paho has closed its side, until the last bytes (DISCONNECT) are passed on. */
void relay_wait_idle(struct relay *relay, int timeout_s);

/* The relay lives as long as the process: Paho's threads may use it until the end. */

#endif
