/* Fuzzes the configuration file: any bytes as the file, and as the value of a --set.
 *
 * Oracles: a refused configuration says why, in lines that name the file or the --set; an accepted
 * one has only values in range and prints as YAML that loads to the same print. Files with more
 * than 4,096 bytes are cut: nothing changes beyond, but YAML takes its time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "config/config.h"
#include "config/option_table.h"
#include "mqtt/utf8.h"
#include "json/json.h"

enum { FILE_MAX = 4096, VALUE_MAX = 64 };

static struct config *load(struct slice text, const char *set, struct buffer *error)
{
    char path[64];
    int fd = memfd_create("config", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, text.data, text.length) == (ssize_t)text.length);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct config *config = config_load(path, &set, set ? 1 : 0, error);
    close(fd);
    return config;
}

/* Each line begins with the place. */
static void check_error(struct slice error)
{
    FUZZ_CHECK(error.length > 0);
    FUZZ_CHECK(slice_starts_with(error, SLICE_LITERAL("/proc/self/fd/")) ||
               slice_starts_with(error, SLICE_LITERAL("--set ")));
}

static void check_bridge(const struct config *config)
{
    const struct bridge_config *bridge = &config->bridge;
    FUZZ_CHECK(bridge->processes <= 64 && bridge->listener_count >= 1);
    FUZZ_CHECK(bridge->trunk && bridge->keys);
    for (size_t i = 0; i < bridge->listener_count; i++) {
        const struct http_listener_config *listener = &bridge->listeners[i];
        FUZZ_CHECK(listener->address && listener->tls == (listener->certificate != NULL));
    }
    FUZZ_CHECK(strcmp(config->hubs[config->hub_count - 1].name, HUB_DEFAULT) == 0);
    for (size_t i = 0; i < config->hub_count; i++) {
        const struct hub_config *hub = &config->hubs[i];
        FUZZ_CHECK(strlen(hub->name) <= 128 && hub->keep_alive_s >= 1 && hub->keep_alive_s <= 120);
        FUZZ_CHECK(hub->queue_messages >= 1 && hub->reliable_bytes >= 1024);
    }
}

/* What is declared is JSON with these three lists. */
static void check_event_grid(const struct event_grid_config *event_grid)
{
    static const char *const lists[] = {"topics", "domains", "systemTopics"};
    struct json_value declared, list;

    FUZZ_CHECK(event_grid->dead_letters && event_grid->archive);
    FUZZ_CHECK(event_grid->retry_thousandths >= 1 && event_grid->retry_thousandths <= 1000000);
    FUZZ_CHECK(json_parse(buffer_slice(&event_grid->declared), &declared));
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        FUZZ_CHECK(json_find_member(&declared, lists[i], &list) && list.type == JSON_ARRAY);
    }
}

static void check_ranges(const struct config *config)
{
    FUZZ_CHECK(config->workers <= 255 && config->core.receive_maximum >= 1);
    FUZZ_CHECK(config->core.maximum_packet_size >= 256);
    FUZZ_CHECK(config->listener_count >= 1);
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct listener_config *listener = &config->listeners[i];
        bool local = listener->kind == LISTENER_UNIX;
        FUZZ_CHECK(local ? listener->path != NULL : listener->address != NULL);
        FUZZ_CHECK(listener->kind != LISTENER_TLS || (listener->certificate && listener->key));
    }
    check_bridge(config);
    check_event_grid(&config->event_grid);
}

/* What is printed says everything, so what is loaded from it prints the same. */
static void check_print(const struct config *config)
{
    struct buffer text = {0}, again = {0}, error = {0};
    config_print(config, &text);
    /* A --set can name a path that no YAML file can. */
    if (utf8_is_valid_string(buffer_slice(&text))) {
        struct config *loaded = load(buffer_slice(&text), NULL, &error);
        FUZZ_CHECK(loaded);
        config_print(loaded, &again);
        FUZZ_CHECK(slice_equal(buffer_slice(&text), buffer_slice(&again)));
        config_free(loaded);
    }
    buffer_release(&text);
    buffer_release(&again);
    buffer_release(&error);
}

static void check(struct slice text, const char *set)
{
    struct buffer error = {0};
    struct config *config = load(text, set, &error);
    if (config) {
        check_ranges(config);
        check_print(config);
        config_free(config);
    } else {
        check_error(buffer_slice(&error));
    }
    buffer_release(&error);
}

/* The first byte chooses an option; what follows is its value, and the whole is a file. */
static void check_set(struct slice in)
{
    static const char *const lists[] = {"listeners", "bridge.listeners", "bridge.public_endpoints"};
    struct buffer set = {0};
    size_t length = in.length - 1 < VALUE_MAX ? in.length - 1 : VALUE_MAX;
    size_t choice = in.data[0] % (config_option_count + sizeof(lists) / sizeof(lists[0]));
    buffer_append_string(&set, choice < config_option_count ? config_options[choice].path
                                                            : lists[choice - config_option_count]);
    buffer_append_byte(&set, '=');
    buffer_append(&set, slice_make(in.data + 1, length));
    buffer_append_byte(&set, '\0');
    check(SLICE_LITERAL("workers: 1\n"), (const char *)set.data);
    buffer_release(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        check(slice_make(data, size < FILE_MAX ? size : FILE_MAX), NULL);
        check_set(slice_make(data, size));
    }
    return 0;
}
