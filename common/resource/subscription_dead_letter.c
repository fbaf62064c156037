/* Where events go that cannot be delivered (spec/eventgrid.md 3.8): files in a folder, for which
 * Azure's StorageBlob stands, or another event topic.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "resource/container.h"
#include "resource/subscription_parts.h"

enum { TEXT_MAX = 4096 };

static const struct property storage_blob_rows[] = {
    TEXT_PROPERTY(struct dead_letter, "blobContainerName", container, TEXT_MAX),
    TEXT_PROPERTY(struct dead_letter, "resourceId", resource_id, TEXT_MAX),
};
static const struct property_table storage_blob_properties = PROPERTY_TABLE(storage_blob_rows);

static void read_storage_blob(struct reading *reading, const struct endpoint *endpoint,
                              struct dead_letter *dead_letter)
{
    const char *wrong;
    size_t before;

    dead_letter->kind = DEAD_LETTER_FILES;
    endpoint_read_properties(reading, endpoint, &storage_blob_properties, dead_letter);
    before = reading_enter(reading, SLICE_LITERAL("properties"));
    if (dead_letter->container.length == 0) {
        reading_mistake_at(reading, "blobContainerName",
                           "is missing; write the name of a folder for the files");
    } else if ((wrong = container_name_check(dead_letter->container)) != NULL) {
        reading_mistake_at(reading, "blobContainerName", "%s", wrong);
    }
    reading_leave(reading, before);
}

void subscription_read_dead_letter(struct reading *reading, const struct json_value *value,
                                   void *into)
{
    struct dead_letter *dead_letter = into;
    struct endpoint endpoint;

    if (!endpoint_read(reading, value, &endpoint)) {
        return;
    }
    if (equal_ignoring_case(endpoint.type, SLICE_LITERAL(DEAD_LETTER_FILES_NAME))) {
        read_storage_blob(reading, &endpoint, dead_letter);
    } else if (equal_ignoring_case(endpoint.type,
                                   slice_from_string(destination_names[DESTINATION_EVENT_TOPIC]))) {
        dead_letter->kind = DEAD_LETTER_TOPIC;
        endpoint_read_topic(reading, &endpoint, &dead_letter->source_key);
    } else {
        endpoint_report_type(reading, endpoint.type,
                             "StorageBlob (files in a folder) or EventGridTopic");
    }
}

void dead_letter_read_wrapped(struct reading *reading, const struct json_value *value,
                              struct dead_letter *dead_letter)
{
    endpoint_read_wrapped(reading, value, "deadLetterDestination", subscription_read_dead_letter,
                          &dead_letter->identity, dead_letter);
}
