/* See folder.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/folder.h"

#include "base/ascii.h"
#include "resource/container.h"
#include "resource/source.h"

enum { TEXT_MAX = 2048 };

/* ---------------------------------------------------------------- as it is written */

/* Names that programs give to what is not done yet, or not meant for others. */
static const struct slice usually_ignored[] = {
    SLICE_LITERAL(".*"),     SLICE_LITERAL("*~"),    SLICE_LITERAL("*.tmp"),
    SLICE_LITERAL("*.part"), SLICE_LITERAL("*.swp"), SLICE_LITERAL("*.crdownload"),
};

static void read_ignored(struct reading *reading, const struct json_value *value, void *into)
{
    struct folder_properties *folder = into;

    folder->ignored = reading_texts(reading, value, &folder->ignored_count);
}

static const struct property rows[] = {
    TEXT_PROPERTY(struct folder_properties, "name", name, TEXT_MAX),
    TEXT_PROPERTY(struct folder_properties, "directory", directory, TEXT_MAX),
    TEXT_PROPERTY(struct folder_properties, "container", container, TEXT_MAX),
    TEXT_PROPERTY(struct folder_properties, "systemTopic", system_topic, TEXT_MAX),
    TEXT_PROPERTY(struct folder_properties, "url", url, TEXT_MAX),
    OWN_PROPERTY("ignore", read_ignored),
    BOOL_PROPERTY(struct folder_properties, "tellExisting", tells_existing),
    NUMBER_PROPERTY(struct folder_properties, "rescanInSeconds", rescan_s, 0, FOLDER_RESCAN_MAX, 1),
};
static const struct property_table properties = PROPERTY_TABLE(rows);

/* ---------------------------------------------------------------- what is wrong with it */

static const char *check_directory(struct slice directory)
{
    return directory.length > 0 && directory.data[0] == '/' &&
                   !memchr(directory.data, '\0', directory.length)
               ? NULL
               : "is the absolute path of a folder, such as /srv/pictures";
}

static const char *check_url(struct slice url)
{
    static const struct slice schemes[] = {SLICE_LITERAL("https://"), SLICE_LITERAL("http://"),
                                           SLICE_LITERAL("file://")};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (slice_starts_with(url, schemes[i])) {
            return NULL;
        }
    }
    return "begins with https://, http:// or file://";
}

static bool is_good(struct reading *reading, const char *name, struct slice text, bool is_needed,
                    const char *(*check)(struct slice text))
{
    const char *wrong = text.length > 0 ? check(text) : is_needed ? "is missing" : NULL;

    if (wrong) {
        reading_mistake_at(reading, name, "%s", wrong);
    }
    return !wrong;
}

/* All of them are said. */
static bool all_is_good(struct reading *reading, const struct folder_properties *folder)
{
    bool good = is_good(reading, "name", folder->name, true, topic_name_check);

    good &= is_good(reading, "directory", folder->directory, true, check_directory);
    good &= is_good(reading, "container", folder->container, true, container_name_check);
    good &= is_good(reading, "systemTopic", folder->system_topic, true, topic_name_check);
    good &= is_good(reading, "url", folder->url, false, check_url);
    return good;
}

static struct slice without_slashes(struct slice text)
{
    while (text.length > 1 && text.data[text.length - 1] == '/') {
        text.length--;
    }
    return text;
}

bool folder_properties_read(struct reading *reading, const struct json_value *entry,
                            struct folder_properties *out)
{
    unsigned before = reading->mistakes;

    *out = (struct folder_properties){
        .ignored = usually_ignored,
        .ignored_count = sizeof(usually_ignored) / sizeof(usually_ignored[0]),
    };
    reading_object(reading, entry, &properties, out);
    if (entry->type != JSON_OBJECT || !all_is_good(reading, out)) {
        return false;
    }
    out->directory = without_slashes(out->directory);
    out->url = without_slashes(out->url);
    return reading->mistakes == before;
}
