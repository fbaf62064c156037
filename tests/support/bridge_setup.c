/* See bridge_setup.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/bridge_setup.h"

#include <stdlib.h>

#include "base/memory.h"
#include "secret/access_keys.h"

struct hub_settings setup_hub(void)
{
    return (struct hub_settings){
        .name = "_default",
        .keep_alive_s = 20,
        .recovery_s = 30,
        .queue_messages = 1000,
        .queue_bytes = 1000000,
        .reliable_messages = 1000,
        .reliable_bytes = 1000000,
    };
}

struct upgrade_context setup_access(const struct hub_settings *hub)
{
    struct buffer error = {0};
    struct upgrade_context access = {
        .keys = access_keys_parse(SLICE_LITERAL("primary: 0123456789abcdef0123456789abcdef\n"
                                                "secondary: fedcba9876543210fedcba9876543210\n"),
                                  &error),
        .hubs = hub,
        .hub_count = 1,
    };

    buffer_release(&error);
    return access;
}

void setup_access_release(struct upgrade_context *access)
{
    access_keys_free((struct access_keys *)(uintptr_t)access->keys);
}

struct upgrade *setup_upgrade(const struct hub_settings *hub, enum upgrade_kind kind,
                              enum subprotocol subprotocol, const char *user)
{
    struct upgrade *upgrade = memory_allocate_zero(sizeof(*upgrade));

    upgrade->kind = kind;
    upgrade->subprotocol = subprotocol;
    upgrade->settings = hub;
    upgrade->hub = memory_copy_string(SLICE_LITERAL("h"));
    buffer_append_string(&upgrade->user, user);
    return upgrade;
}

void setup_append_frame(struct buffer *out, struct outgoing *outgoing, uint64_t number)
{
    uint8_t *bytes = memory_allocate(outgoing_size_max(outgoing) + 1);
    size_t length = outgoing_write(outgoing, number, bytes);

    buffer_append(out, slice_make(bytes, length));
    buffer_append_byte(out, '\n');
    free(bytes);
}

const char *setup_take_lines(struct buffer *lines)
{
    buffer_append_byte(lines, '\0');
    lines->length = 0;
    return (const char *)lines->data;
}
