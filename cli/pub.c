/* `pubgrid pub`: publishes one message, one message several times, or each line of the standard
 * input.
 *
 * One loop over events does all of it: `publisher_advance` publishes what may be published now,
 * `publisher_handle` takes in what happened. -l survives a lost connection; the other modes end
 * with it, as mosquitto_pub does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "pub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "client.h"
#include "lines.h"
#include "options.h"
#include "outbound.h"

enum { PAYLOAD_MAX = 268435455, RECONNECT_MS = 1000, READ_BYTES = 65536 };

struct publisher {
    const struct options *options;
    struct client *client;
    struct outbound *outbound;
    struct buffer message; /* what is published, unless it comes in lines */
    struct lines lines;
    bool connected;
    bool was_connected;
    bool wants_input; /* the next line is not here yet */
    long published;   /* repeats begun */
    msec_t due;       /* of the next repeat or the next attempt to connect */
    bool ended;
    int status;
};

static bool read_all(int fd, struct buffer *out)
{
    ssize_t count;

    do {
        count = read(fd, buffer_reserve(out, READ_BYTES), READ_BYTES);
        if (count > 0) {
            out->length += (size_t)count;
        }
    } while ((count > 0 && out->length <= PAYLOAD_MAX) || (count < 0 && errno == EINTR));
    return count == 0;
}

static bool load_stdin(const struct options *options, struct buffer *out)
{
    if (read_all(STDIN_FILENO, out) && out->length > 0) {
        return true;
    }
    if (out->length > PAYLOAD_MAX) {
        options_report(options, "Error: Message length must be less than %d bytes.", PAYLOAD_MAX);
    } else {
        options_report(options, "Error: Zero length input.");
    }
    options_report(options, "Error loading input from stdin.");
    return false;
}

static bool load_file(const struct options *options, struct buffer *out)
{
    const char *path = options->publish.text;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && read_all(fd, out);

    if (fd < 0) {
        options_report(options, "Error: Unable to open file \"%s\".", path);
    } else if (out->length > PAYLOAD_MAX) {
        options_report(options, "Error: File must be less than %d bytes.", PAYLOAD_MAX);
    } else if (!good) {
        options_report(options, "Error: Unable to read file \"%s\".", path);
    }
    if (!good) {
        options_report(options, "Error loading input file \"%s\".", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static bool load_message(const struct options *options, struct buffer *out)
{
    switch (options->publish.source) {
    case SOURCE_STDIN:
        return load_stdin(options, out);
    case SOURCE_FILE:
        return load_file(options, out);
    case SOURCE_ARGUMENT:
        buffer_append_string(out, options->publish.text);
        return true;
    case SOURCE_EMPTY:
    case SOURCE_LINES:
    case SOURCE_NONE:
        break;
    }
    return true;
}

static bool in_lines(const struct publisher *publisher)
{
    return publisher->options->publish.source == SOURCE_LINES;
}

static void end(struct publisher *publisher, int status)
{
    publisher->ended = true;
    publisher->status = status;
}

static void publish_lines(struct publisher *publisher)
{
    struct slice line;

    publisher->wants_input = false;
    while (outbound_has_room(publisher->outbound)) {
        if (!lines_next(&publisher->lines, &line)) {
            publisher->wants_input = !publisher->lines.ended;
            break;
        }
        outbound_publish(publisher->outbound, line);
    }
    if (publisher->lines.buffer.length - publisher->lines.start > PAYLOAD_MAX) {
        options_report(publisher->options, "Error: Message length must be less than %d bytes.",
                       PAYLOAD_MAX);
        end(publisher, EXIT_STATUS_ERROR);
    } else if (publisher->lines.ended && !publisher->wants_input &&
               outbound_is_empty(publisher->outbound)) {
        client_disconnect(publisher->client, MQTTREASONCODE_SUCCESS);
        end(publisher, EXIT_STATUS_GOOD);
    }
}

/* Each repeat waits for the completion of the one before, then for the pause. */
static void publish_repeats(struct publisher *publisher)
{
    const struct publish_options *wanted = &publisher->options->publish;

    if (!outbound_is_empty(publisher->outbound)) {
        return;
    }
    if (publisher->published >= wanted->repeat) {
        client_disconnect(publisher->client, MQTTREASONCODE_SUCCESS);
        end(publisher, EXIT_STATUS_GOOD);
    } else if (clock_now() >= publisher->due) {
        publisher->published++;
        publisher->due = MSEC_NEVER;
        outbound_publish(publisher->outbound, buffer_slice(&publisher->message));
    }
}

static void publisher_advance(struct publisher *publisher)
{
    if (outbound_failed(publisher->outbound)) {
        client_disconnect(publisher->client, MQTTREASONCODE_SUCCESS);
        end(publisher, EXIT_STATUS_ERROR);
    } else if (!publisher->connected) {
        if (clock_now() >= publisher->due) {
            publisher->due = MSEC_NEVER;
            client_connect(publisher->client);
        }
    } else if (in_lines(publisher)) {
        publish_lines(publisher);
    } else {
        publish_repeats(publisher);
    }
}

static void handle_connected(struct publisher *publisher)
{
    if (publisher->options->qos > client_maximum_qos(publisher->client)) {
        options_report(publisher->options,
                       "Error: Message QoS not supported on broker, try a lower QoS.");
        client_disconnect(publisher->client, MQTTREASONCODE_SUCCESS);
        end(publisher, EXIT_STATUS_ERROR);
        return;
    }
    publisher->connected = publisher->was_connected = true;
    publisher->due = 0;
    outbound_resend(publisher->outbound);
}

/* A line that is published can be published again after the connection is back. */
static void handle_no_connection(struct publisher *publisher, unsigned event)
{
    publisher->connected = false;
    if (in_lines(publisher) && publisher->was_connected && (event & CLIENT_REFUSED) == 0) {
        publisher->due = clock_now() + RECONNECT_MS;
        return;
    }
    end(publisher, client_explain(publisher->client, event));
}

/* mosquitto_pub dies of the signal; so does this, after a DISCONNECT that keeps the will in. */
static void handle_signal(struct publisher *publisher)
{
    if (publisher->connected) {
        client_disconnect(publisher->client, MQTTREASONCODE_SUCCESS);
    }
    end(publisher, 128 + client_signal(publisher->client));
}

static void publisher_handle(struct publisher *publisher, unsigned events)
{
    const unsigned failures = CLIENT_REFUSED | CLIENT_UNREACHABLE | CLIENT_LOST;

    if (events & CLIENT_SIGNAL) {
        handle_signal(publisher);
    } else if (events & failures) {
        handle_no_connection(publisher, events & failures);
    } else if (events & CLIENT_CONNECTED) {
        handle_connected(publisher);
    } else if ((events & OUTBOUND_PROGRESS) && publisher->connected) {
        outbound_resend(publisher->outbound);
    }
    if (events & CLIENT_INPUT) {
        lines_fill(&publisher->lines);
    }
    if (publisher->due == MSEC_NEVER && publisher->connected && !in_lines(publisher) &&
        outbound_is_empty(publisher->outbound)) {
        publisher->due =
            clock_now() + (msec_t)(publisher->options->publish.repeat_delay_s * 1000.0);
    }
}

static int timeout_of(const struct publisher *publisher)
{
    msec_t left;

    if (publisher->due == MSEC_NEVER || (publisher->connected && in_lines(publisher))) {
        return -1;
    }
    left = publisher->due - clock_now();
    return left < 0 ? -1 : (int)(left < 60000 ? left + 1 : 60000);
}

static int run(struct publisher *publisher)
{
    while (!publisher->ended) {
        publisher_advance(publisher);
        if (!publisher->ended) {
            bool input = publisher->connected && publisher->wants_input;

            publisher_handle(publisher, client_wait(publisher->client, input ? STDIN_FILENO : -1,
                                                    timeout_of(publisher)));
        }
    }
    return publisher->status;
}

/* Paho's threads may use publisher and options until the exit: they are freed only before. */
static int publish(struct options *options)
{
    struct publisher *publisher = memory_allocate_zero(sizeof(*publisher));
    int status = EXIT_STATUS_ERROR;

    publisher->options = options;
    publisher->lines.fd = STDIN_FILENO;
    if (load_message(options, &publisher->message)) {
        publisher->client = client_create(options, NULL, publisher);
    }
    if (publisher->client == NULL) {
        buffer_release(&publisher->message);
        free(publisher);
        options_close(options);
        return status;
    }
    publisher->outbound = outbound_create(options, publisher->client);
    status = run(publisher);
    lines_release(&publisher->lines);
    buffer_release(&publisher->message);
    if (client_signal(publisher->client) != 0) {
        client_die_of_signal(publisher->client);
    }
    return status;
}

int pub_main(int argc, char **argv)
{
    int status;
    struct options *options = options_open(TOOL_PUB, argc, argv, &status);

    if (options == NULL) {
        return status;
    }
    if (options->publish.topic == NULL || options->publish.source == SOURCE_NONE) {
        fprintf(stderr, "Error: Both topic and message must be supplied.\n");
        options_print_help(TOOL_PUB);
        options_close(options);
        return EXIT_STATUS_ERROR;
    }
    return publish(options);
}
