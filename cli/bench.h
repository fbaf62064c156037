/* `pubgrid bench`: a load generator for any MQTT broker, on raw sockets and epoll.
 *
 * It exists beside Paho because a measuring client must cost less than the broker that it
 * measures: one core of it has to keep a core of the fastest broker busy.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_H
#define PUBGRID_CLI_BENCH_H

/* argv[0] is "bench". Returns the exit status: 0 good, 1 the run failed, 2 wrong usage, 3 the
 * broker broke a promise (loss at QoS 1 or 2, duplicates at QoS 2, disorder). */
int bench_main(int argc, char **argv);

#endif
