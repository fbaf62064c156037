/* A Web PubSub client in the world of support/bridge_fakes.h: what its tests check alike.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_WEBPUBSUB_FIXTURE_H
#define PUBGRID_TESTS_WEBPUBSUB_FIXTURE_H

#include "support/bridge_fakes.h"
#include "test.h"

/* The browser says goodbye. */
static void finish(struct fakes *fakes, struct client *client)
{
    client_socket_closed(client, 1000);
    fakes_free(fakes);
}

/* Lines of text; when it fails, they are shown as lines. */
#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *actual_text = (actual);                                                        \
        if (strcmp(actual_text, expected) != 0) {                                                  \
            test_fail(__FILE__, __LINE__, "got:\n%s\nwanted:\n%s", actual_text, expected);         \
        }                                                                                          \
    } while (0)

#define CHECK_HAS(actual, part)                                                                    \
    do {                                                                                           \
        const char *actual_text = (actual);                                                        \
        if (!strstr(actual_text, part)) {                                                          \
            test_fail(__FILE__, __LINE__, "got:\n%s\nwithout:\n%s", actual_text, part);            \
        }                                                                                          \
    } while (0)

#endif
