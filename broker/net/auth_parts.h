/* Between auth.c and the files of the ways of signing in that take their time: auth_password.c,
 * auth_webhook.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_AUTH_PARTS_H
#define PUBGRID_NET_AUTH_PARTS_H

#include <pthread.h>

#include "core/connection.h"
#include "net/auth_verdict.h"
#include "net/directory.h"

struct http_asker;
struct side_thread;

struct auth_service {
    struct mailbox *const *mailboxes;
    struct side_thread *side;
    char *webhook_ca;            /* NULL: the system's authorities */
    pthread_mutex_t lock;        /* of the next two */
    struct directory *directory; /* one count */
    struct http_asker *asker;    /* NULL: no namespace has had a webhook yet; it stays */
};

/* A CONNECT, or the AUTH of a client that is connected, and who is to judge it. */
struct attempt {
    struct auth_service *service;
    struct connection *connection;
    struct directory *directory;
    const struct packet *packet;
    struct connection_origin origin;
};

/* Empty: the client gave none. Both are of CONNECT. */
struct slice attempt_user_name(const struct attempt *attempt);
struct slice attempt_password(const struct attempt *attempt);

/* The user name stands in the password file. May be pending. */
enum auth_verdict auth_by_password(const struct attempt *attempt, struct auth_answer *answer);
/* The namespace's webhook is asked: pending. */
enum auth_verdict auth_by_webhook(const struct attempt *attempt, struct auth_answer *answer);

#endif
