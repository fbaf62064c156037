/* Asking webhooks. See http_asker.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_asker.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "secret/digest.h"

enum { IDLE_MS = 60 * 1000 /* that the thread sleeps at the most */ };

struct http_asker {
    pthread_t thread;
    CURLM *multi;
    char *ca_file;          /* NULL: the system's */
    pthread_mutex_t lock;   /* of the next four */
    struct mail_list asked; /* that the thread has not taken yet */
    size_t count;           /* asked and not answered */
    bool stopping;
    /* the thread's own: */
    struct list waiting, running;
    size_t running_count;
};

/* --- questions --- */

/* They hold passwords. */
void http_question_release(struct http_question *question)
{
    buffer_release(&question->url);
    digest_wipe_buffer(&question->body);
    digest_wipe_buffer(&question->answer);
}

static struct http_question *question_of_mail(struct mail *mail)
{
    return CONTAINER_OF(mail, struct http_question, mail);
}

static size_t on_answer(char *data, size_t size, size_t count, void *context)
{
    struct http_question *question = context;
    if (question->answer.length + size * count > HTTP_ANSWER_MAX) {
        return 0; /* too long: the transfer fails */
    }
    buffer_append(&question->answer, slice_make(data, size * count));
    return size * count;
}

static void set_options(const struct http_asker *asker, struct http_question *question, CURL *easy,
                        long left_ms)
{
    curl_easy_setopt(easy, CURLOPT_PRIVATE, question);
    curl_easy_setopt(easy, CURLOPT_URL, (const char *)question->url.data);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left_ms);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, question->headers);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)question->body.length);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)question->body.data);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, question);
    if (asker->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, asker->ca_file);
    }
}

/* --- the thread --- */

static void answer(struct http_asker *asker, struct http_question *question)
{
    struct mail_list list = {0};
    curl_easy_cleanup(question->easy);
    curl_slist_free_all(question->headers);
    question->easy = question->headers = NULL;
    pthread_mutex_lock(&asker->lock);
    asker->count--;
    pthread_mutex_unlock(&asker->lock);
    mail_list_add(&list, &question->mail);
    mailbox_post(question->answer_to, &list);
}

static void give_up(struct http_asker *asker, struct http_question *question, const char *why)
{
    question->status = 0;
    question->failure = why;
    answer(asker, question);
}

/* Without Expect: that would cost a round trip. */
static struct curl_slist *make_headers(void)
{
    struct curl_slist *type = curl_slist_append(NULL, "Content-Type: application/json");
    struct curl_slist *both = curl_slist_append(type, "Expect:");
    if (!both) {
        curl_slist_free_all(type);
    }
    return both;
}

static void run(struct http_asker *asker, struct http_question *question)
{
    long left_ms = (long)(question->deadline - clock_now());
    if (left_ms <= 0) {
        give_up(asker, question, "too many others are being asked");
        return;
    }
    question->easy = curl_easy_init();
    question->headers = make_headers();
    if (!question->easy || !question->headers) {
        give_up(asker, question, "there is no memory");
        return;
    }
    set_options(asker, question, question->easy, left_ms);
    list_add_last(&asker->running, &question->link);
    asker->running_count++;
    curl_multi_add_handle(asker->multi, question->easy);
}

/* Takes what was asked meanwhile; false: the thread is to end. */
static bool take_questions(struct http_asker *asker)
{
    pthread_mutex_lock(&asker->lock);
    struct mail_list asked = asker->asked;
    bool stopping = asker->stopping;
    asker->asked = (struct mail_list){0};
    pthread_mutex_unlock(&asker->lock);
    for (struct mail *mail = asked.first, *next; mail; mail = next) {
        next = mail->next;
        list_add_last(&asker->waiting, &question_of_mail(mail)->link);
    }
    return !stopping;
}

static void run_waiting(struct http_asker *asker)
{
    while (!list_is_empty(&asker->waiting) && asker->running_count < HTTP_QUESTIONS_AT_ONCE) {
        struct http_question *question =
            CONTAINER_OF(asker->waiting.next, struct http_question, link);
        list_remove(&question->link);
        run(asker, question);
    }
}

static void finish(struct http_asker *asker, CURL *easy, CURLcode result)
{
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    struct http_question *question = (struct http_question *)(void *)private;
    list_remove(&question->link);
    asker->running_count--;
    curl_multi_remove_handle(asker->multi, easy);
    if (result != CURLE_OK) {
        give_up(asker, question, curl_easy_strerror(result));
        return;
    }
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &question->status);
    answer(asker, question);
}

static void finish_done(struct http_asker *asker)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(asker->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            finish(asker, message->easy_handle, message->data.result);
        }
    }
}

static void *asker_run(void *context)
{
    struct http_asker *asker = context;
    while (take_questions(asker)) {
        int running;
        run_waiting(asker);
        curl_multi_perform(asker->multi, &running);
        finish_done(asker);
        if (list_is_empty(&asker->waiting) || asker->running_count == HTTP_QUESTIONS_AT_ONCE) {
            curl_multi_poll(asker->multi, NULL, 0, IDLE_MS, NULL);
        }
    }
    return NULL;
}

/* --- begin, ask, end --- */

struct http_asker *http_asker_start(const char *ca_file, struct buffer *error)
{
    struct http_asker *asker = memory_allocate_zero(sizeof(*asker));
    list_init(&asker->waiting);
    list_init(&asker->running);
    pthread_mutex_init(&asker->lock, NULL);
    asker->ca_file = ca_file ? memory_copy_string(slice_from_string(ca_file)) : NULL;
    bool good = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    asker->multi = good ? curl_multi_init() : NULL;
    if (asker->multi) {
        curl_multi_setopt(asker->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_QUESTIONS_AT_ONCE);
        good = pthread_create(&asker->thread, NULL, asker_run, asker) == 0;
    }
    if (!asker->multi || !good) {
        buffer_append_string(error, "cannot start the thread that asks webhooks");
        curl_multi_cleanup(asker->multi);
        pthread_mutex_destroy(&asker->lock);
        free(asker->ca_file);
        free(asker);
        return NULL;
    }
    pthread_setname_np(asker->thread, "webhook");
    return asker;
}

bool http_asker_ask(struct http_asker *asker, struct http_question *question)
{
    question->deadline = clock_now() + HTTP_QUESTION_MS;
    pthread_mutex_lock(&asker->lock);
    bool room = asker->count < HTTP_QUESTIONS_MAX;
    if (room) {
        mail_list_add(&asker->asked, &question->mail);
        asker->count++;
    }
    pthread_mutex_unlock(&asker->lock);
    if (room) {
        curl_multi_wakeup(asker->multi);
    }
    return room;
}

/* The mails of the questions in the list, which is empty then. */
static void forget(struct http_asker *asker, struct list *questions, struct mail_list *mails)
{
    LIST_FOREACH_SAFE (link, questions) {
        struct http_question *question = CONTAINER_OF(link, struct http_question, link);
        list_remove(link);
        if (question->easy) {
            curl_multi_remove_handle(asker->multi, question->easy);
            curl_easy_cleanup(question->easy);
            curl_slist_free_all(question->headers);
        }
        mail_list_add(mails, &question->mail);
    }
}

void http_asker_stop(struct http_asker *asker)
{
    if (!asker) {
        return;
    }
    struct mail_list left = {0};
    pthread_mutex_lock(&asker->lock);
    asker->stopping = true;
    pthread_mutex_unlock(&asker->lock);
    curl_multi_wakeup(asker->multi);
    pthread_join(asker->thread, NULL);
    take_questions(asker);
    forget(asker, &asker->waiting, &left);
    forget(asker, &asker->running, &left);
    mail_list_run(&left, NULL);
    curl_multi_cleanup(asker->multi);
    pthread_mutex_destroy(&asker->lock);
    free(asker->ca_file);
    free(asker);
}
