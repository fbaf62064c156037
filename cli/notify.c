/* Datagrams with the sender's process id. See notify.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The system draws the name: five characters behind a NUL, which NOTIFY_SOCKET writes as @. */
static bool bind_anywhere(struct notify *notify)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof(address.sun_family);
    const size_t prefix = offsetof(struct sockaddr_un, sun_path);
    int on = 1;

    if (bind(notify->fd, (const struct sockaddr *)&address, length) < 0 ||
        setsockopt(notify->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0) {
        return false;
    }
    length = sizeof(address);
    if (getsockname(notify->fd, (struct sockaddr *)&address, &length) < 0 || length <= prefix ||
        length - prefix >= sizeof(notify->name)) {
        return false;
    }
    memcpy(notify->name, address.sun_path, length - prefix);
    notify->name[0] = '@';
    notify->name[length - prefix] = '\0';
    return true;
}

bool notify_open(struct notify *notify)
{
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd >= 0 && !bind_anywhere(notify)) {
        notify_close(notify);
    }
    return notify->fd >= 0;
}

/* 0 if the system does not say: nobody. */
static pid_t sender_of(struct msghdr *message)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    struct ucred sender;

    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_CREDENTIALS) {
        return 0;
    }
    memcpy(&sender, CMSG_DATA(control), sizeof(sender));
    return sender.pid;
}

void notify_read(const struct notify *notify, notify_heard *heard, void *context)
{
    char text[512];
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr alignment;
    } control;
    ssize_t length;

    for (;;) {
        struct iovec part = {.iov_base = text, .iov_len = sizeof(text) - 1};
        struct msghdr message = {
            .msg_iov = &part,
            .msg_iovlen = 1,
            .msg_control = control.bytes,
            .msg_controllen = sizeof(control.bytes),
        };
        char *rest = text, *line;
        length = recvmsg(notify->fd, &message, MSG_CMSG_CLOEXEC);
        if (length < 0) {
            return;
        }
        text[length] = '\0';
        while ((line = strsep(&rest, "\n")) != NULL) {
            heard(context, sender_of(&message), line);
        }
    }
}

void notify_close(struct notify *notify)
{
    close(notify->fd);
    notify->fd = -1;
}
