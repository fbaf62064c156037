/* `pubgrid passwd`: adds, changes and deletes users of a password file, as mosquitto_passwd does.
 *
 * The file is written anew beside the old one and renamed over it, so a broker that reloads at the
 * wrong moment reads the old or the new one. A new file is readable for its owner only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "secret/password_line.h"

enum { PASSWORD_MAX = 1024 };

struct passwd_options {
    bool create, batch, remove;
    const char *file, *user, *password;
};

static const char usage[] =
    "Usage: pubgrid passwd [-c] [-D] FILE USER\n"
    "       pubgrid passwd -b [-c] FILE USER PASSWORD\n"
    "\n"
    "  -b  take the password from the command line instead of asking for it\n"
    "  -c  make the file anew, overwriting one that exists\n"
    "  -D  delete the user\n"
    "\n"
    "The broker reads the file (auth.password_file) at its start and on SIGHUP.\n";

static bool parse_options(int argc, char **argv, struct passwd_options *options)
{
    int option;
    optind = 1;
    while ((option = getopt(argc, argv, "+bcD")) != -1) {
        switch (option) {
        case 'b':
            options->batch = true;
            break;
        case 'c':
            options->create = true;
            break;
        case 'D':
            options->remove = true;
            break;
        default:
            return false;
        }
    }
    if (argc - optind != (options->batch && !options->remove ? 3 : 2)) {
        return false;
    }
    options->file = argv[optind];
    options->user = argv[optind + 1];
    options->password = argv[optind + 2];
    return !(options->create && options->remove);
}

/* --- asking --- */

/* One line from the terminal without echo, or from standard input if that is no terminal. */
static bool ask(const char *prompt, char *out, size_t size)
{
    struct termios before, silent;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        fputs(prompt, stderr);
    }
    bool got = fgets(out, (int)size, stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (got) {
        out[strcspn(out, "\r\n")] = '\0';
    }
    return got;
}

static bool ask_password(char *password, size_t size)
{
    char again[PASSWORD_MAX];
    bool good = ask("Password: ", password, size) && ask("Again: ", again, sizeof(again));
    if (!good) {
        fputs("Error: no password was typed.\n", stderr);
    } else if (strcmp(password, again) != 0) {
        fputs("Error: the passwords differ.\n", stderr);
        good = false;
    }
    OPENSSL_cleanse(again, sizeof(again));
    return good;
}

/* --- the file --- */

static bool read_file(const char *path, struct buffer *out)
{
    FILE *file = fopen(path, "re");
    size_t got;
    if (!file) {
        fprintf(stderr, "Error: cannot read %s: %s; -c makes a new file.\n", path,
                strerrordesc_np(errno));
        return false;
    }
    do {
        got = fread(buffer_reserve(out, 4096), 1, 4096, file);
        out->length += got;
    } while (got > 0);
    bool good = !ferror(file);
    fclose(file);
    return good;
}

static bool is_line_of(struct slice line, struct slice user)
{
    return slice_starts_with(line, user) && line.length > user.length &&
           line.data[user.length] == ':';
}

/* Copies all lines but the user's; true if there was one. */
static bool copy_without(struct slice text, struct slice user, struct buffer *out)
{
    bool found = false;
    while (text.length > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.length);
        size_t length = end ? (size_t)(end - text.data) : text.length;
        struct slice line = slice_make(text.data, length);
        if (is_line_of(line, user)) {
            found = true;
        } else {
            buffer_append(out, line);
            buffer_append_byte(out, '\n');
        }
        text = slice_from(text, end ? length + 1 : length);
    }
    return found;
}

/* An existing file keeps its owner, group and permissions, so that a broker that runs as another
 * user can still read it; but nothing for everybody. */
static bool keep_permissions(int fd, const char *path)
{
    struct stat before;
    if (stat(path, &before) < 0) {
        return errno == ENOENT;
    }
    return fchown(fd, before.st_uid, before.st_gid) == 0 &&
           fchmod(fd, before.st_mode & (S_IRWXU | S_IRWXG)) == 0;
}

static bool replace_file(const char *path, struct slice bytes)
{
    struct buffer temporary = {0};
    buffer_append_format(&temporary, "%s.XXXXXX", path);
    buffer_append_byte(&temporary, '\0');
    char *name = (char *)temporary.data;
    int fd = mkostemp(name, O_CLOEXEC); /* mode 0600 */
    bool good = fd >= 0 && keep_permissions(fd, path) && file_write_durably(fd, bytes) &&
                rename(name, path) == 0;
    if (!good) {
        fprintf(stderr, "Error: cannot write %s: %s.\n", path, strerrordesc_np(errno));
        if (fd >= 0) {
            unlink(name);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    buffer_release(&temporary);
    return good;
}

/* --- the command --- */

static bool append_user(struct slice user, struct slice password, struct buffer *out)
{
    struct password_line line = {.user = user, .has_scrypt = true, .has_scram = true};
    if (!scrypt_secret_make(&line.scrypt, password)) {
        fputs("Error: not enough memory for scrypt (32 MiB).\n", stderr);
        return false;
    }
    scram_secret_make(&line.scram, password);
    password_line_print(&line, out);
    return true;
}

static bool edit(const struct passwd_options *options, struct slice password)
{
    struct buffer before = {0}, after = {0};
    struct slice user = slice_from_string(options->user);
    bool good = options->create || read_file(options->file, &before);
    if (good) {
        bool found = copy_without(buffer_slice(&before), user, &after);
        if (!options->remove) {
            good = append_user(user, password, &after);
        } else if (!found) {
            fprintf(stderr, "Error: there is no user %s in %s.\n", options->user, options->file);
            good = false;
        }
    }
    good = good && replace_file(options->file, buffer_slice(&after));
    buffer_release(&before);
    buffer_release(&after);
    return good;
}

int passwd_main(int argc, char **argv)
{
    struct passwd_options options = {0};
    char typed[PASSWORD_MAX] = "";
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (!parse_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return 1;
    }
    const char *wrong = password_user_check(slice_from_string(options.user));
    if (wrong) {
        fprintf(stderr, "Error: %s.\n", wrong);
        return 1;
    }
    if (!options.batch && !options.remove) {
        if (!ask_password(typed, sizeof(typed))) {
            return 1;
        }
        options.password = typed;
    }
    bool good = edit(&options, slice_from_string(options.password ? options.password : ""));
    OPENSSL_cleanse(typed, sizeof(typed));
    return good ? 0 : 1;
}
