/* How much libwebsockets reads from a browser at a time.
 *
 * It keeps a buffer of the read's size for each browser as long as it is connected, so this is what
 * an idle one costs, weighed against system calls for one that sends. Control frames (125 bytes)
 * must fit.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_WEBSOCKET_LIMITS_H
#define PUBGRID_NET_WEBSOCKET_LIMITS_H

enum {
    READ_SIZE = 256,
    READ_SIZE_FULL = 192, /* that many and more: there may be more to read */
    READS_A_TURN = 256,   /* of one browser, before the others' turn */
};

#endif
