/* Who may come in: the implementation of core's authenticator.
 *
 * In this order: an Authentication Method in CONNECT, the name in a client certificate (where the
 * listener takes it as user name), user name and password, anonymous (where the listener allows
 * it). Passwords are hashed on a thread of their own, since one costs some 60 ms; the answer comes
 * back to the worker as mail. Without a password file no user name can be proven: a client that
 * brings one is anonymous.
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
/* Ends the thread, before the mailboxes end. Answers that it still owes never come. */
void auth_stop(struct auth_service *service);
/* After the last connection was released. */
void auth_free(struct auth_service *service);

#endif
