/* What the tests of topics and namespaces share: their properties, from texts with ' for ".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_TOPIC_FIXTURE_H
#define PUBGRID_TESTS_TOPIC_FIXTURE_H

#include "resource_fixture.h"

#include "resource/topic.h"

static inline struct topic_properties *read_as(const char *text, enum source_kind kind,
                                               struct buffer *error)
{
    struct buffer json = {0};

    append_quoted(&json, text);
    struct topic_properties *topic = topic_properties_read(buffer_slice(&json), kind, error);
    buffer_release(&json);
    return topic;
}

static inline struct topic_properties *read_good(const char *text, enum source_kind kind)
{
    struct buffer error = {0};
    struct topic_properties *topic = read_as(text, kind, &error);

    test_note("%s", text);
    if (!topic) {
        test_fail(__FILE__, __LINE__, "%.*s", SLICE_PRINT(error));
    }
    return topic;
}

static inline void check_members(const struct topic_properties *topic, const char *expected)
{
    struct buffer members = {0};

    topic_properties_append_members(&members, topic, SLICE_LITERAL("here.example"));
    check_shows(&members, expected);
    buffer_release(&members);
}

#endif
