/* What a delivery costs who sends it with nothing but libcurl: POSTs of one event, as Pubgrid sends
 * them, over connections that are kept.
 *
 *     post LABEL URL COUNT CONCURRENCY
 *
 * Prints a JSON line like those of `pubgrid bench`: requests a second, CPU for each. `./dev bench
 * events` compares Pubgrid's deliveries with it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { CONCURRENCY_MAX = 1024, BODY_MAX = 1024, EVENT_SIZE = 256, WAIT_MS = 1000 };

static char body[BODY_MAX];

/* An event as it leaves: 256 bytes as it was published, and what is stamped. */
static void make_body(void)
{
    static const char head[] =
        "[{\"id\":\"00000000-0000-4000-8000-000000000000\",\"topic\":\"/subscriptions/00000000-"
        "0000-0000-0000-000000000000/resourceGroups/pubgrid/providers/Microsoft.EventGrid/topics/"
        "bench\",\"subject\":\"/items/0\",\"eventType\":\"Items.Created\",\"eventTime\":"
        "\"2030-01-02T03:04:05.678Z\",\"dataVersion\":\"1.0\",\"metadataVersion\":\"1\",\"data\":"
        "{\"text\":\"";
    enum { FILLING = 84 };

    snprintf(body, sizeof(body), "%s%0*d\"}}]", head, FILLING, 0);
}

static struct curl_slist *make_headers(void)
{
    static const char *const lines[] = {
        "Content-Type: application/json; charset=utf-8",
        "aeg-event-type: Notification",
        "aeg-subscription-name: SINK",
        "aeg-delivery-count: 0",
        "aeg-data-version: 1.0",
        "aeg-metadata-version: 1",
        "aeg-output-event-id: 00000000-0000-4000-8000-000000000000",
        "Origin: eventgrid.azure.net",
    };
    struct curl_slist *headers = NULL;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        headers = curl_slist_append(headers, lines[i]);
    }
    return headers;
}

static size_t ignore(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes, (void)context;
    return size * count;
}

static CURL *make_request(const char *url, struct curl_slist *headers)
{
    CURL *request = curl_easy_init();

    curl_easy_setopt(request, CURLOPT_URL, url);
    curl_easy_setopt(request, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(request, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(request, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    curl_easy_setopt(request, CURLOPT_WRITEFUNCTION, ignore);
    return request;
}

/* Takes what is done; each request is sent again while there are more to send. */
static long take_done(CURLM *multi, long *left)
{
    long done = 0;
    CURLMsg *message;
    int queued;

    while ((message = curl_multi_info_read(multi, &queued)) != NULL) {
        CURL *request = message->easy_handle;
        if (message->data.result != CURLE_OK) {
            fprintf(stderr, "post: %s\n", curl_easy_strerror(message->data.result));
            exit(EXIT_FAILURE);
        }
        done++;
        curl_multi_remove_handle(multi, request);
        if (*left > 0) {
            --*left;
            curl_multi_add_handle(multi, request);
        } else {
            curl_easy_cleanup(request);
        }
    }
    return done;
}

static void run(const char *url, long count, int concurrency)
{
    CURLM *multi = curl_multi_init();
    struct curl_slist *headers = make_headers();
    long left = count, done = 0;
    int running;

    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)concurrency);
    for (int i = 0; i < concurrency && left > 0; i++, left--) {
        curl_multi_add_handle(multi, make_request(url, headers));
    }
    while (done < count) {
        curl_multi_perform(multi, &running);
        done += take_done(multi, &left);
        if (done < count) {
            curl_multi_poll(multi, NULL, 0, WAIT_MS, NULL);
        }
    }
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static double now_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    long count = argc == 5 ? strtol(argv[3], NULL, 10) : 0;
    int concurrency = argc == 5 ? (int)strtol(argv[4], NULL, 10) : 0;

    if (count < 1 || concurrency < 1 || concurrency > CONCURRENCY_MAX) {
        fprintf(stderr, "usage: post LABEL URL COUNT CONCURRENCY\n");
        return EXIT_FAILURE;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    make_body();
    double began = now_seconds(), cpu = cpu_seconds();
    run(argv[2], count, concurrency);
    printf("{\"label\":\"%s\",\"rate\":%.0f,\"server_us_per_message\":%.3f}\n", argv[1],
           (double)count / (now_seconds() - began), (cpu_seconds() - cpu) * 1e6 / (double)count);
    return 0;
}
