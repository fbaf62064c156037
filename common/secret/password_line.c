/* Lines of password files. See password_line.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/password_line.h"

#include "secret/text.h"

const char *password_user_check(struct slice user)
{
    if (user.length == 0 || user.length > PASSWORD_USER_MAX) {
        return "a user name has 1 to 1024 bytes";
    }
    if (user.data[0] == '#') {
        return "a user name does not begin with #";
    }
    for (size_t i = 0; i < user.length; i++) {
        if (user.data[i] == ':' || user.data[i] < 0x20) {
            return "a user name has no colon and no control characters";
        }
    }
    return NULL;
}

static const char *parse_secret(struct password_line *line, struct slice part)
{
    static const struct slice scrypt = {(const uint8_t *)"$scrypt$", 8};
    static const struct slice scram = {(const uint8_t *)"$scram-sha-256$", 15};
    if (slice_starts_with(part, scrypt) && !line->has_scrypt) {
        line->has_scrypt = true;
        return scrypt_secret_parse(&line->scrypt, slice_from(part, scrypt.length));
    }
    if (slice_starts_with(part, scram) && !line->has_scram) {
        line->has_scram = true;
        return scram_secret_parse(&line->scram, slice_from(part, scram.length));
    }
    return "behind `user:` comes $scrypt$... or $scram-sha-256$..., each once; "
           "write the line with `pubgrid passwd`";
}

const char *password_line_parse(struct password_line *line, struct slice text)
{
    *line = (struct password_line){0};
    if (text.length > 0 && text.data[text.length - 1] == '\r') {
        text.length--;
    }
    if (text.length == 0 || text.data[0] == '#') {
        return NULL;
    }
    struct slice user, part;
    if (!text_take_field(&text, ':', &user)) {
        return "a line is `user:secret`; write it with `pubgrid passwd`";
    }
    const char *wrong = password_user_check(user);
    while (!wrong && text_take_field(&text, ':', &part)) {
        wrong = parse_secret(line, part);
    }
    wrong = wrong ? wrong : parse_secret(line, text);
    line->user = user;
    return wrong;
}

void password_line_print(const struct password_line *line, struct buffer *out)
{
    buffer_append(out, line->user);
    if (line->has_scrypt) {
        buffer_append_byte(out, ':');
        scrypt_secret_print(&line->scrypt, out);
    }
    if (line->has_scram) {
        buffer_append_byte(out, ':');
        scram_secret_print(&line->scram, out);
    }
    buffer_append_byte(out, '\n');
}
