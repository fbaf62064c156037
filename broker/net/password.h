/* The users of the password file: an immutable table, counted, that a reload replaces whole.
 *
 * Immutable but for one thing: each user remembers a keyed digest of the password that proved
 * right last, so that a storm of reconnecting clients costs one slow hash a user and not one a
 * connection. The key is random and lives as long as the table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_PASSWORD_H
#define PUBGRID_NET_PASSWORD_H

#include <stdbool.h>

#include "base/buffer.h"
#include "secret/password_line.h"

struct password_table;
struct password_user;

/* The users of file `path`, or NULL with `path:line: what is wrong` in `error`. */
struct password_table *password_table_load(const char *path, struct buffer *error);
/* The same from the file's text; `path` is for messages. */
struct password_table *password_table_parse(struct slice text, const char *path,
                                            struct buffer *error);
void password_table_free(struct password_table *table);
size_t password_table_count(const struct password_table *table);

/* NULL if there is none. Lives as long as the table. */
struct password_user *password_find(const struct password_table *table, struct slice name);
/* The SCRAM secret of a user name. False: there is no such user, and the secret is a made-up one
 * that stays the same as long as the file does, so that asking does not tell who exists. */
bool password_find_scram(const struct password_table *table, struct slice name,
                         struct scram_secret *secret);

/* Fast: is this the password that proved right last? */
bool password_is_remembered(struct password_table *table, struct password_user *user,
                            struct slice password);
/* Slow. An unknown user (NULL) costs the same time and is never right. */
bool password_verify(struct password_table *table, struct password_user *user,
                     struct slice password);

#endif
