/* The server's keys and URL by its configuration. See access_options.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access_options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "config/config.h"
#include "json/json.h"

bool access_options_take(struct access_options *options, int option, const char *argument)
{
    switch (option) {
    case 'c':
        options->config = argument;
        return true;
    case OPTION_SET:
        options->sets =
            memory_resize(options->sets, (options->set_count + 1) * sizeof(*options->sets));
        options->sets[options->set_count++] = argument;
        return true;
    case OPTION_KEYS:
        options->keys_given = argument;
        return true;
    case OPTION_ENDPOINT:
        options->endpoint_given = argument;
        return true;
    default:
        return false;
    }
}

void access_options_release(struct access_options *options)
{
    free(options->sets);
}

bool command_wrong(const char *what, const char *value)
{
    fprintf(stderr, "Error: %s%s%s\n", what, value ? ": " : "", value ? value : "");
    return false;
}

bool access_take_number(const char *name, const char *argument, long most, long *number)
{
    char *end;
    *number = strtol(argument, &end, 10);
    bool good =
        isdigit((unsigned char)argument[0]) && *end == '\0' && *number >= 1 && *number <= most;
    if (!good) {
        fprintf(stderr, "Error: %s is a number from 1 to %ld, not: %s\n", name, most, argument);
    }
    return good;
}

static char *copy(const char *text)
{
    return memory_copy_string(slice_from_string(text));
}

/* --- the endpoint --- */

/* A listener on all addresses is reached on this machine's own. */
static const char *reachable(const char *address)
{
    static const char *const every[][2] = {
        {"0.0.0.0", "127.0.0.1"}, {"*", "127.0.0.1"}, {"::", "::1"}};
    for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
        if (strcmp(address, every[i][0]) == 0) {
            return every[i][1];
        }
    }
    return address;
}

/* The URL that clients use: a public one goes first. There always is a listener. */
static char *configured_endpoint(const struct bridge_config *bridge, bool by_listener)
{
    struct buffer url = {0};
    if (bridge->public_endpoint_count > 0 && !by_listener) {
        return copy(bridge->public_endpoints[0]);
    }
    const struct http_listener_config *listener = &bridge->listeners[0];
    const char *host = reachable(listener->address);
    bool is_v6 = strchr(host, ':') != NULL;
    buffer_append_format(&url, "%s://%s%s%s:%u", listener->tls ? "https" : "http", is_v6 ? "[" : "",
                         host, is_v6 ? "]" : "", (unsigned)listener->port);
    buffer_append_byte(&url, '\0');
    return (char *)url.data;
}

/* Without a slash at the end; NULL if it is no URL of http. */
static char *given_endpoint(const char *text)
{
    struct slice url = slice_from_string(text), host = SLICE_EMPTY;
    while (url.length > 0 && url.data[url.length - 1] == '/') {
        url.length--;
    }
    if (slice_starts_with(url, SLICE_LITERAL("http://"))) {
        host = slice_from(url, strlen("http://"));
    } else if (slice_starts_with(url, SLICE_LITERAL("https://"))) {
        host = slice_from(url, strlen("https://"));
    }
    bool good = host.length > 0;
    for (size_t i = 0; i < host.length; i++) {
        good =
            good && host.data[i] > ' ' && host.data[i] < 0x7F && !strchr("/?#;@\"", host.data[i]);
    }
    return good ? memory_copy_string(url) : NULL;
}

/* --- both --- */

bool access_options_resolve(const struct access_options *options, struct access_place *place)
{
    struct buffer error = {0};
    struct config *config = config_load(options->config, options->sets, options->set_count, &error);
    *place = (struct access_place){0};
    if (!config) {
        fprintf(stderr, "%.*s", SLICE_PRINT(buffer_slice(&error)));
        buffer_release(&error);
        return false;
    }
    place->keys_given = options->keys_given != NULL;
    place->keys = copy(options->keys_given ? options->keys_given : config->bridge.keys);
    place->endpoint = options->endpoint_given
                          ? given_endpoint(options->endpoint_given)
                          : configured_endpoint(&config->bridge, options->talks_to_server);
    if (!place->endpoint) {
        fprintf(stderr, "Error: %s is http://HOST:PORT or https://HOST:PORT, not %s\n",
                options->endpoint_option ? options->endpoint_option : "--endpoint",
                options->endpoint_given);
    }
    config_free(config);
    buffer_release(&error);
    return place->endpoint != NULL;
}

void access_place_release(struct access_place *place)
{
    free(place->keys);
    free(place->endpoint);
}

static struct access_keys *said(struct access_keys *keys, struct buffer *error)
{
    if (!keys) {
        fprintf(stderr, "Error: %.*s.\n", SLICE_PRINT(buffer_slice(error)));
    }
    buffer_release(error);
    return keys;
}

struct access_keys *access_place_keys(const struct access_place *place)
{
    struct buffer error = {0};
    struct access_keys *keys = access_keys_read(place->keys, &error);
    if (!keys && !place->keys_given && access(place->keys, F_OK) < 0 && errno == ENOENT) {
        error.length = 0;
        buffer_append_format(&error,
                             "there are no keys at %s. The server makes them when it starts: give "
                             "its configuration (-c FILE), or its keys (--keys FILE); `pubgrid "
                             "keys --create` makes new ones",
                             place->keys);
    }
    return said(keys, &error);
}

struct access_keys *access_place_make_keys(const struct access_place *place)
{
    struct buffer error = {0};
    return said(access_keys_open(place->keys, &error), &error);
}

void access_append_claims(struct buffer *claims, const char *url, long seconds)
{
    time_t now = time(NULL);
    buffer_append_string(claims, "{\"aud\":");
    json_append_string(claims, slice_from_string(url));
    buffer_append_format(claims, ",\"iat\":%jd,\"exp\":%jd", (intmax_t)now,
                         (intmax_t)now + seconds);
}

void access_append_hub(struct buffer *url, const char *hub)
{
    for (; *hub != '\0'; hub++) {
        if (isalnum((unsigned char)*hub) || strchr("_.,", *hub)) {
            buffer_append_byte(url, (uint8_t)*hub);
        } else {
            buffer_append_format(url, "%%%02X", (unsigned)(unsigned char)*hub);
        }
    }
}
