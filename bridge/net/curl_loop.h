/* libcurl's multi interface on a libuv loop: transfers are added and removed by their owner, and
 * each that ends is told of, from the loop, outside of libcurl.
 *
 * What was added during a turn of the loop starts at its end, all with one call of libcurl. Sockets
 * of connections that wait for their next request stay with the loop's poll as they are, so that a
 * request on such a connection costs no system call but sending and receiving.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_CURL_LOOP_H
#define PUBGRID_NET_CURL_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct socket_poll;

/* An easy handle under way; embedded by its owner. */
struct curl_task {
    CURL *easy;
    struct curl_loop *curl;
    bool was_refused; /* an address was private */
    /* From the loop, outside of libcurl; the easy handle is still added.
     * CURLE_REMOTE_ACCESS_DENIED: the address is private, which is refused. */
    void (*done)(struct curl_task *task, CURLcode result);
};

struct curl_loop {
    uv_loop_t *loop;
    CURLM *multi;
    bool refuses_private; /* no connection to an address that is not public */
    uv_timer_t timer;
    uint64_t timer_at, deadline; /* what it is set to, what libcurl wants; UINT64_MAX: none */
    uv_idle_t kick;              /* active: libcurl has something to do at once */
    struct socket_poll **polls;  /* [poll_room] by file descriptor */
    size_t poll_room;
    unsigned handles_left; /* of ours, while they close */
    bool is_closing;
    void (*closed)(void *context);
    void *context;
};

/* `refuses_private`, `closed` and `context` are set. At most `connections` are kept open. False:
 * libcurl cannot start. */
bool curl_loop_open(struct curl_loop *curl, uv_loop_t *loop, long connections);
/* Makes the task's easy handle, with what all have in common: 10 s to connect, and no proxy of the
 * environment. NULL in its place: no memory. */
void curl_loop_prepare(struct curl_loop *curl, struct curl_task *task);
void curl_loop_add(struct curl_loop *curl, struct curl_task *task);
void curl_loop_remove(struct curl_loop *curl, CURL *easy);
/* All easy handles have been removed. Closes all connections; then `closed` is called, from the
 * loop. */
void curl_loop_close(struct curl_loop *curl);

#endif
