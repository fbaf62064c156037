/* A broker process under test: started with a configuration of its own, waited for, ended.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERSATION_RUNNER_BROKER_H
#define CONVERSATION_RUNNER_BROKER_H

#include <sys/types.h>

#include "base/buffer.h"
#include "runner_target.h"

enum { BROKER_PATH_MAX = 256 };

struct broker_process {
    pid_t pid; /* 0: not running */
    bool is_mosquitto;
    int status;                  /* of waitpid, once it has ended */
    unsigned tcp_port, tls_port; /* 0: no such listener */
    char unix_path[BROKER_PATH_MAX];
    char trunk_path[BROKER_PATH_MAX]; /* for bridges; it accepts when `unix_path` does */
    char log_path[BROKER_PATH_MAX];
};

/* Starts it and waits until its socket accepts; false: why stands in `report`. */
bool broker_start(struct broker_process *broker, const struct target_settings *settings,
                  const struct script *script, struct buffer *report);
/* Asks it to end; broker_stop then waits for it. */
void broker_terminate(struct broker_process *broker);
/* False if it ended otherwise than asked for; its log is then in `report`. */
bool broker_stop(struct broker_process *broker, struct buffer *report);
/* A blocking socket, or -1. */
int broker_connect_unix(const char *path);
/* A key and a self-signed certificate in the directory, made once; false if openssl(1) fails. */
bool broker_make_certificate(const char *directory);

#endif
