/* One line of a password file: a user name and what is kept of the password, for each way of
 * proving it that the user may take.
 *
 *     # a comment
 *     bob:$scrypt$ln=15,r=8,p=1$<salt>$<hash>:$scram-sha-256$i=16384$<salt>$<stored>$<server>
 *
 * Either part may be missing, their order is free. User names have no colon and no line break.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_PASSWORD_LINE_H
#define PUBGRID_SECRET_PASSWORD_LINE_H

#include <stdbool.h>

#include "secret/scram_secret.h"
#include "secret/scrypt_secret.h"

enum { PASSWORD_USER_MAX = 1024 };

struct password_line {
    struct slice user; /* borrowed; empty: the line is blank or a comment */
    bool has_scrypt, has_scram;
    struct scrypt_secret scrypt;
    struct scram_secret scram;
};

/* `text` without its line break. NULL, or what is wrong with it. */
const char *password_line_parse(struct password_line *line, struct slice text);
/* With a line break. */
void password_line_print(const struct password_line *line, struct buffer *out);
/* NULL, or what is wrong with it. */
const char *password_user_check(struct slice user);

#endif
