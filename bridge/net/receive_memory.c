/* See receive_memory.h. Nothing is kept of the pages that are out: a pointer to one is told from
 * those of malloc() by being odd.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/receive_memory.h"

#include <assert.h>
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static_assert(RECEIVE_MARK + LWS_PRE + RECEIVE_SIZE + 4 <= RECEIVE_PAGE, "a buffer is one page");

static bool is_page(const void *memory)
{
    return ((uintptr_t)memory & 1) != 0;
}

static void *map_page(void)
{
    uint8_t *page =
        mmap(NULL, RECEIVE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED) {
        return NULL;
    }
    madvise(page, RECEIVE_PAGE, MADV_NOHUGEPAGE); /* neighbours' pages would come with it */
    return page + RECEIVE_MARK;
}

static void release(void *memory)
{
    if (is_page(memory)) {
        munmap((uint8_t *)memory - RECEIVE_MARK, RECEIVE_PAGE);
    } else {
        free(memory);
    }
}

/* libwebsockets' allocator: of size 0 it frees. `reason` says what the memory is for. */
static void *allocate(void *old, size_t size, const char *reason)
{
    if (size == 0) {
        release(old);
        return NULL;
    }
    if (!old && strcmp(reason, "rx_ubuf") == 0 && size <= RECEIVE_PAGE - RECEIVE_MARK) {
        return map_page();
    }
    assert(!is_page(old)); /* it does not resize these */
    return realloc(old, size);
}

void receive_memory_install(void)
{
    lws_set_allocator(allocate);
}
