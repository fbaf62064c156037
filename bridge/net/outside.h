/* The world outside for deliveries: the implementation of dispatch/outside.h. Requests go out over
 * an HTTP client (http_client.h) of their own, so many at a time, the others wait in line; an
 * answer's content beyond 64 KiB is cut off. Redirects are not followed. Tasks for files are done
 * by the loop's threads, and so are looks at folders (folder_watcher.h). Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_OUTSIDE_H
#define PUBGRID_NET_OUTSIDE_H

#include "base/clock.h"
#include "dispatch/outside.h"

struct uv_loop_s;
struct outside_net;

/* What it points to must outlive it. */
struct outside_options {
    const char *ca_file;           /* PEM; NULL: the system's certificates */
    bool accepts_any_certificate;  /* for tests with certificates of one's own making */
    bool refuses_private;          /* requests to loopback, private and link-local addresses fail */
    size_t requests_max;           /* at a time; 0: 2,048 */
    const char *roots[FILE_ROOTS]; /* folders, made when they are needed; NULL: tasks fail */
    msec_t (*clock)(void);
};

/* NULL: libcurl cannot start. */
struct outside_net *outside_start(struct uv_loop_s *loop, const struct outside_options *options);
struct outside outside_of(struct outside_net *net);
/* Gives up all requests and tasks that are left: they are not done any more. What a thread is just
 * writing is written. `stopped` is called from the loop when nothing is left of it. */
void outside_stop(struct outside_net *net, void (*stopped)(void *context), void *context);

/* --- what it tells of itself --- */

struct outside_gauges {
    size_t waiting, running; /* requests */
    size_t files;            /* tasks */
};
struct outside_gauges outside_gauges(const struct outside_net *net);

#endif
