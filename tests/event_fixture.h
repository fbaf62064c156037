/* Events for tests of what is done with them, made of their JSON without any check, and filters.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_EVENT_FIXTURE_H
#define PUBGRID_TESTS_EVENT_FIXTURE_H

#include "test.h"

#include "eventgrid/event.h"
#include "eventgrid/filter_set.h"
#include "json/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The text of a member that is a string without escapes; else empty. */
static struct slice event_member(const struct json_value *object, const char *name)
{
    struct json_walk walk = json_members(object);
    struct slice key, found = SLICE_EMPTY;
    struct json_value value;

    while (json_next_member(&walk, &key, &value)) {
        if (json_string_equal(key, name) && value.type == JSON_STRING) {
            found = json_string_raw(&value);
        }
    }
    return found;
}

static void event_find_data(struct event *event)
{
    struct json_walk walk = json_members(&event->whole);
    struct slice key;
    struct json_value value;

    while (json_next_member(&walk, &key, &value)) {
        if (json_string_equal(key, "data")) {
            event->has_data = true;
            event->data = value;
        }
    }
}

/* `json` must live as long. */
__attribute__((unused)) static struct event event_make(enum event_schema schema, struct slice json)
{
    bool is_cloud = schema == SCHEMA_CLOUD_EVENTS;
    struct event event = {.schema = schema};

    CHECK(json_parse(json, &event.whole));
    event.id = event_member(&event.whole, "id");
    event.subject = event_member(&event.whole, "subject");
    event.type = event_member(&event.whole, is_cloud ? "type" : "eventType");
    event.source = event_member(&event.whole, is_cloud ? "source" : "topic");
    event.data_version = event_member(&event.whole, "dataVersion");
    event_find_data(&event);
    if (schema == SCHEMA_CUSTOM) {
        event.has_data = true;
        event.data = event.whole;
    }
    return event;
}

/* Does the filter take the event? */
__attribute__((unused)) static bool filter_takes(const struct event_filter *filter,
                                                 const struct event *event)
{
    struct filter_set *set = filter_set_new(&filter, 1);
    size_t count;
    const uint32_t *taken = filter_set_match(set, event, &count);
    bool is_taken = count == 1 && taken[0] == 0;

    CHECK(count == 0 || is_taken);
    filter_set_free(set);
    return is_taken;
}

#endif
