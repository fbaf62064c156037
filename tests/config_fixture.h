/* Configurations from texts: what the tests of common/config share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_CONFIG_FIXTURE_H
#define PUBGRID_TESTS_CONFIG_FIXTURE_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "config/config.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A file that only this process has; its path stays valid until close(). */
struct text_file {
    int fd;
    char path[64];
};

static inline struct text_file text_file_make(const char *text)
{
    struct text_file file = {.fd = memfd_create("config", MFD_CLOEXEC)};
    CHECK(file.fd >= 0);
    CHECK_INT_EQUAL(write(file.fd, text, strlen(text)), strlen(text));
    snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
    return file;
}

static inline struct config *load(const char *text, const char *const *sets, size_t set_count,
                                  struct buffer *error)
{
    struct text_file file = text_file_make(text);
    struct config *config = config_load(file.path, sets, set_count, error);
    close(file.fd);
    buffer_append_byte(error, '\0');
    return config;
}

static inline struct config *load_good(const char *text)
{
    struct buffer error = {0};
    struct config *config = load(text, NULL, 0, &error);
    if (!config) {
        test_fail(__FILE__, __LINE__, "refused: %s", (const char *)error.data);
    }
    CHECK_STRING_EQUAL((const char *)error.data, "");
    buffer_release(&error);
    return config;
}

/* The file is refused, and what is said contains `place` and `text`. */
static inline void check_bad(const char *yaml, const char *place, const char *text)
{
    struct buffer error = {0};
    test_note("%s", yaml);
    struct config *config = load(yaml, NULL, 0, &error);
    CHECK(!config);
    const char *said = (const char *)error.data;
    if (!strstr(said, place) || !strstr(said, text)) {
        test_fail(__FILE__, __LINE__, "said: %s\n# instead of %s ... %s", said, place, text);
    }
    buffer_release(&error);
}

static inline void check_sets(const char *const *sets, size_t count, const char *wrong)
{
    struct buffer error = {0};
    struct config *config = load("workers: 1\n", sets, count, &error);
    if (wrong) {
        CHECK(!config);
        if (!strstr((const char *)error.data, wrong)) {
            test_fail(__FILE__, __LINE__, "said: %s", (const char *)error.data);
        }
    } else if (!config) {
        test_fail(__FILE__, __LINE__, "refused: %s", (const char *)error.data);
    }
    config_free(config);
    buffer_release(&error);
}

static inline char *print(const struct config *config)
{
    struct buffer out = {0};
    config_print(config, &out);
    buffer_append_byte(&out, '\0');
    return (char *)out.data;
}

#endif
