/* Memory that an idle browser does not use.
 *
 * libwebsockets gives each WebSocket a buffer of the size that it reads at a time, for as long as
 * it lives, but writes nothing to it other than the payloads of control frames. So it can read much
 * at a time (a third of the cost of small reads) and yet take nothing for a browser that is silent,
 * if that buffer is a page of its own, which the kernel only provides when it is first written to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_RECEIVE_MEMORY_H
#define PUBGRID_NET_RECEIVE_MEMORY_H

enum {
    RECEIVE_PAGE = 4096,
    RECEIVE_MARK = 1, /* where in the page the buffer begins */
    /* What libwebsockets adds to rx_buffer_size (LWS_PRE and 4), and the mark, fit as well. */
    RECEIVE_SIZE = RECEIVE_PAGE - 32,
};

/* Makes it so, for all contexts of this process: libwebsockets has one allocator. */
void receive_memory_install(void);

#endif
