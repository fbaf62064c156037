/* What `pubgrid sub` does with a message: filter, clear, print, count.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_RECEIVER_H
#define PUBGRID_CLI_RECEIVER_H

#include <pthread.h>
#include <stdbool.h>

#include "aliases.h"
#include "client.h"
#include "format.h"

/* Raised with client_raise() when receiver_is_done() may have become true. */
enum { RECEIVER_FINISHED = CLIENT_USER };

struct receiver {
    const struct options *options;
    struct client *client; /* set before it connects */
    struct format_options format;
    /* Of Paho's thread: */
    struct buffer out;
    struct aliases aliases; /* forgotten by the main thread while there is no connection */
    long printed;
    /* Under the lock: */
    pthread_mutex_t lock;
    bool finished;
    size_t clears; /* --remove-retained messages on their way */
};

/* `receiver` is zeroed memory. */
void receiver_init(struct receiver *receiver, const struct options *options);

/* Paho's thread: takes a message in. `owner` is the receiver. */
client_on_message receiver_on_message;

/* Nothing more is to be printed. */
bool receiver_is_finished(struct receiver *receiver);
/* And nothing more is on its way to the server. */
bool receiver_is_done(struct receiver *receiver);

#endif
