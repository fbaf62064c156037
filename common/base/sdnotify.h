/* systemd's readiness protocol by hand: a datagram to $NOTIFY_SOCKET.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_SDNOTIFY_H
#define PUBGRID_BASE_SDNOTIFY_H

#include <stdint.h>

/* Sends `state` ("READY=1", "STOPPING=1", "RELOADING=1", "STATUS=...", "WATCHDOG=1"); several
 * lines may be joined with \n. Does nothing when not started by systemd. 0 or -errno. */
int sdnotify_send(const char *state);
/* How often systemd wants WATCHDOG=1, in microseconds; 0 if it does not. */
uint64_t sdnotify_watchdog_usec(void);

#endif
