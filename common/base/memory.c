/* Allocation that ends the program when memory is gone: see memory.h for why.
 *
 * The message goes out by write(2), because stdio may want memory of its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdlib.h>
#include <unistd.h>

static void memory_die(void) __attribute__((noreturn));

static void memory_die(void)
{
    static const char text[] = "out of memory\n";

    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
        abort(); /* nothing else can be said: end all the same */
    }
    abort();
}

void *memory_allocate(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);

    if (!memory) {
        memory_die();
    }
    return memory;
}

void *memory_allocate_zero(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);

    if (!memory) {
        memory_die();
    }
    return memory;
}

void *memory_resize(void *old, size_t size)
{
    void *memory = realloc(old, size > 0 ? size : 1);

    if (!memory) {
        memory_die();
    }
    return memory;
}

char *memory_copy_string(struct slice text)
{
    char *copy = memory_allocate(text.length + 1);

    if (text.length > 0) {
        memcpy(copy, text.data, text.length);
    }
    copy[text.length] = '\0';
    return copy;
}
