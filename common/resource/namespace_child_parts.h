/* Between namespace_child.c and the files of the kinds: how each is read and written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_NAMESPACE_CHILD_PARTS_H
#define PUBGRID_RESOURCE_NAMESPACE_CHILD_PARTS_H

#include "resource/namespace_child.h"
#include "resource/reading.h"
#include "json/json.h"

enum { DESCRIPTION_MAX = 4096 /* bytes */ };

/* The rows that all kinds have. */
#define COMMON_CHILD_ROWS                                                                          \
    TEXT_PROPERTY(struct namespace_child, "description", description, DESCRIPTION_MAX),            \
        SHOWN_PROPERTY("provisioningState")

struct child_reader {
    const struct property_table *properties; /* of struct namespace_child */
    /* Before the properties are read, and after; either may be NULL. */
    void (*begin)(struct namespace_child *child);
    void (*check)(struct reading *reading, struct namespace_child *child);
    /* Appends the members of a GET, but for the description. */
    void (*append)(struct buffer *out, const struct namespace_child *child);
};

extern const struct child_reader mqtt_client_reader, client_group_reader, topic_space_reader,
    permission_binding_reader, ca_certificate_reader;

/* `"name":"value"` with a comma in front, if it is not empty. */
void child_append_text(struct buffer *out, const char *name, struct slice value);

#endif
