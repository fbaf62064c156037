/* Keeps a broker and its bridges running until it is told to stop.
 *
 *   what dies       is started again, at once the first time, then after growing pauses
 *   SIGHUP          goes to all: they reload
 *   SIGTERM, SIGINT stop: the bridges first, then the broker; a second one ends all at once
 *
 * The service manager hears that we are ready when the broker is: the bridges wait for the broker
 * anyway, and clients of one that is not there yet come again. A broker that says at its start that
 * it cannot run (wrong configuration, address in use) ends everything with its status.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_SUPERVISOR_H
#define PUBGRID_CLI_SUPERVISOR_H

struct supervisor_plan {
    char *broker, *bridge; /* paths of the programs */
    unsigned bridges;      /* processes */
    char **arguments;      /* for each of them; NULL-terminated */
};

/* The exit status. */
int supervise(const struct supervisor_plan *plan);

#endif
