/* Who may come in: the implementation of core's authenticator.
 *
 * The first of these that the client has brought something for decides: a name that the bridge has
 * seen proven, an Authentication Method in CONNECT, a client certificate (of a client of the MQTT
 * namespace, with a name that the namespace or the listener takes as user name), a token as
 * password, user name and password, the namespace's webhook, anonymous (where the listener allows
 * it). A certificate that says nothing leaves it to the next. Passwords are hashed on a thread of
 * their own, since one costs some 60 ms, and webhooks are asked on another; the answer comes back
 * to the worker as mail. Without a password file no user name can be proven by a password: a client
 * that brings one is anonymous.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_AUTH_H
#define PUBGRID_NET_AUTH_H

#include "base/buffer.h"
#include "base/mailbox.h"
#include "core/authenticator.h"
#include "net/directory.h"

struct auth_service;

/* `mailboxes` are the shards', by their index; they may be set up later. NULL with
 * `path:line: what is wrong` in `error`. */
struct auth_service *auth_start(const struct auth_options *options,
                                struct mailbox *const *mailboxes, struct buffer *error);
/* For struct broker; refers to the service. */
struct authenticator auth_table(struct auth_service *service);
/* New users and groups for those who come from now on. False with the reason in `error`: the old
 * ones stay. */
bool auth_reload(struct auth_service *service, const struct auth_options *options,
                 struct buffer *error);
/* The namespace whose MQTT is enabled, from now on; NULL: there is none. True: listeners are to ask
 * clients for certificates (tls_context_ask()). What cannot be used is said in the log. By the
 * thread that starts and reloads. */
bool auth_set_namespace(struct auth_service *service, const struct sign_in_options *options);
/* Ends the threads, before the mailboxes end. Answers that they still owe never come. */
void auth_stop(struct auth_service *service);
/* After the last connection was released. */
void auth_free(struct auth_service *service);

#endif
