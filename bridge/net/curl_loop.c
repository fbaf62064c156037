/* See curl_loop.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/curl_loop.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/socket_address.h"

enum {
    OWN_HANDLES = 2, /* timer, kick */
    CONNECT_TIME_MS = 10000,
};

/* A socket that libcurl uses. */
struct socket_poll {
    uv_poll_t handle;
    struct curl_loop *curl;
    int fd;
    int wanted;  /* what libcurl waits for: UV_READABLE, UV_WRITABLE; 0: nothing */
    int armed;   /* what the loop looks for */
    bool is_own; /* a connection's; else one that libcurl uses inside, which comes and goes */
};

/* ---------------------------------------------------------------- results */

static CURLcode result_of(struct curl_task *task, CURLcode result)
{
    bool was_refused = task->was_refused;

    task->was_refused = false;
    return was_refused && result == CURLE_COULDNT_CONNECT ? CURLE_REMOTE_ACCESS_DENIED : result;
}

static void collect(struct curl_loop *curl)
{
    CURLMsg *message;
    int left;

    while (!curl->is_closing && (message = curl_multi_info_read(curl->multi, &left)) != NULL) {
        CURLcode result = message->data.result;
        void *owner;
        if (message->msg == CURLMSG_DONE) {
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
            struct curl_task *task = owner;
            task->done(task, result_of(task, result));
        }
    }
}

static void act(struct curl_loop *curl, curl_socket_t fd, int events)
{
    int running;

    curl_multi_socket_action(curl->multi, fd, events, &running);
    collect(curl);
}

/* ---------------------------------------------------------------- time */

static void on_kick(uv_idle_t *kick)
{
    struct curl_loop *curl = kick->data;

    uv_idle_stop(kick);
    act(curl, CURL_SOCKET_TIMEOUT, 0);
}

static void on_timer(uv_timer_t *timer);

/* A timer that is set too early is left alone: it sets itself again. */
static void set_timer(struct curl_loop *curl)
{
    if (curl->deadline < curl->timer_at) {
        uint64_t now = uv_now(curl->loop);
        curl->timer_at = curl->deadline;
        uv_timer_start(&curl->timer, on_timer, curl->deadline > now ? curl->deadline - now : 0, 0);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct curl_loop *curl = timer->data;

    curl->timer_at = UINT64_MAX;
    if (curl->deadline <= uv_now(curl->loop)) {
        curl->deadline = UINT64_MAX;
        act(curl, CURL_SOCKET_TIMEOUT, 0);
    }
    set_timer(curl);
}

/* From libcurl, which may not be called from here. */
static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *context)
{
    struct curl_loop *curl = context;

    (void)multi;
    if (curl->is_closing) {
        return 0;
    }
    if (timeout_ms == 0) {
        uv_idle_start(&curl->kick, on_kick);
        return 0;
    }
    curl->deadline = timeout_ms < 0 ? UINT64_MAX : uv_now(curl->loop) + (uint64_t)timeout_ms;
    set_timer(curl);
    return 0;
}

/* ---------------------------------------------------------------- sockets */

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct socket_poll *poll = handle->data;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) | (status < 0 ? CURL_CSELECT_ERR : 0);

    if (status < 0) {
        poll->armed = 0; /* libuv stopped it */
    }
    act(poll->curl, poll->fd, flags);
}

static void arm(struct socket_poll *poll, int events)
{
    if (events == poll->armed) {
        return;
    }
    poll->armed = events;
    if (events == 0) {
        uv_poll_stop(&poll->handle);
    } else {
        uv_poll_start(&poll->handle, events, on_poll);
    }
}

static struct socket_poll *find_poll(const struct curl_loop *curl, int fd)
{
    return fd >= 0 && (size_t)fd < curl->poll_room ? curl->polls[fd] : NULL;
}

static void remove_poll(struct socket_poll *poll);

static struct socket_poll *add_poll(struct curl_loop *curl, int fd, bool is_own)
{
    struct socket_poll *poll = memory_allocate_zero(sizeof(*poll)), *old = find_poll(curl, fd);

    if (old) { /* its socket was closed without a word, and another has its number now */
        remove_poll(old);
    }
    poll->curl = curl;
    poll->fd = fd;
    poll->is_own = is_own;
    if (uv_poll_init_socket(curl->loop, &poll->handle, fd) < 0) {
        free(poll);
        return NULL;
    }
    poll->handle.data = poll;
    if ((size_t)fd >= curl->poll_room) {
        size_t room = curl->poll_room > 0 ? curl->poll_room : 64;
        while (room <= (size_t)fd) {
            room *= 2;
        }
        curl->polls = memory_resize(curl->polls, room * sizeof(struct socket_poll *));
        for (size_t i = curl->poll_room; i < room; i++) {
            curl->polls[i] = NULL;
        }
        curl->poll_room = room;
    }
    curl->polls[fd] = poll;
    curl->handles_left++;
    return poll;
}

static void handle_closed(struct curl_loop *curl)
{
    if (--curl->handles_left == 0) {
        free(curl->polls);
        curl->polls = NULL;
        curl->closed(curl->context);
    }
}

static void poll_closed(uv_handle_t *handle)
{
    struct socket_poll *poll = handle->data;
    struct curl_loop *curl = poll->curl;

    free(poll);
    handle_closed(curl);
}

static void remove_poll(struct socket_poll *poll)
{
    poll->curl->polls[poll->fd] = NULL;
    uv_close((uv_handle_t *)&poll->handle, poll_closed);
}

/* From libcurl: what it waits for on a socket. A connection that goes on without a request is not
 * looked at: libcurl (7.88) closes one that was not made in time without calling close_socket(),
 * and the loop must not know such a descriptor any more. */
static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
    struct curl_loop *curl = context;
    struct socket_poll *poll = find_poll(curl, fd);
    bool ends = what == CURL_POLL_REMOVE;

    (void)easy;
    (void)unused;
    if (!poll && (ends || !(poll = add_poll(curl, fd, false)))) {
        return ends ? 0 : -1;
    }
    poll->wanted =
        ends ? 0
             : (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    if (!ends || poll->is_own) {
        arm(poll, poll->wanted);
    } else {
        remove_poll(poll);
    }
    return 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct curl_task *task = context;
    struct curl_loop *curl = task->curl;
    int fd;

    (void)purpose;
    if (curl->refuses_private && address_is_private(&address->addr)) {
        task->was_refused = true;
        return CURL_SOCKET_BAD;
    }
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                address->protocol);
    if (fd >= 0 && !add_poll(curl, fd, true)) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
    struct socket_poll *poll = find_poll(context, fd);

    if (poll) {
        remove_poll(poll);
    }
    return close(fd);
}

/* ---------------------------------------------------------------- the whole */

bool curl_loop_open(struct curl_loop *curl, uv_loop_t *loop, long connections)
{
    curl->loop = loop;
    curl->timer_at = curl->deadline = UINT64_MAX;
    curl->multi = curl_multi_init();
    if (!curl->multi) {
        return false;
    }
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, connections);
    uv_timer_init(loop, &curl->timer);
    uv_idle_init(loop, &curl->kick);
    uv_unref((uv_handle_t *)&curl->timer);
    curl->timer.data = curl->kick.data = curl;
    curl->handles_left = OWN_HANDLES;
    return true;
}

void curl_loop_prepare(struct curl_loop *curl, struct curl_task *task)
{
    task->curl = curl;
    task->was_refused = false;
    task->easy = curl_easy_init();
    if (!task->easy) {
        return;
    }
    curl_easy_setopt(task->easy, CURLOPT_PRIVATE, task);
    curl_easy_setopt(task->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(task->easy, CURLOPT_OPENSOCKETDATA, task);
    curl_easy_setopt(task->easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(task->easy, CURLOPT_CLOSESOCKETDATA, curl);
    curl_easy_setopt(task->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(task->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(task->easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(task->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIME_MS);
}

void curl_loop_add(struct curl_loop *curl, struct curl_task *task)
{
    curl_multi_add_handle(curl->multi, task->easy);
}

void curl_loop_remove(struct curl_loop *curl, CURL *easy)
{
    curl_multi_remove_handle(curl->multi, easy);
}

static void own_handle_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

void curl_loop_close(struct curl_loop *curl)
{
    curl->is_closing = true;
    curl_multi_cleanup(curl->multi); /* closes the sockets */
    for (size_t i = 0; i < curl->poll_room; i++) {
        if (curl->polls[i]) {
            remove_poll(curl->polls[i]);
        }
    }
    uv_close((uv_handle_t *)&curl->timer, own_handle_closed);
    uv_close((uv_handle_t *)&curl->kick, own_handle_closed);
}
