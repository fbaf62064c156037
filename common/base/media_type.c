/* See media_type.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/media_type.h"

#include <stdlib.h>

#include "base/ascii.h"

enum { EXTENSION_MAX = 8 };

/* In the order of the extensions. */
static const struct media_type {
    char extension[EXTENSION_MAX];
    const char *name;
} media_types[] = {
    {"7z", "application/x-7z-compressed"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bin", "application/octet-stream"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eml", "message/rfc822"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/x-icon"},
    {"ics", "text/calendar"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"jsonl", "application/jsonl"},
    {"log", "text/plain"},
    {"m4a", "audio/mp4"},
    {"md", "text/markdown"},
    {"mjs", "text/javascript"},
    {"mkv", "video/x-matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"tsv", "text/tab-separated-values"},
    {"txt", "text/plain"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

static int by_extension(const void *key, const void *row)
{
    return strcmp(key, ((const struct media_type *)row)->extension);
}

const char *media_type_of(struct slice path)
{
    const uint8_t *dot = path.length > 0 ? memrchr(path.data, '.', path.length) : NULL;
    const struct media_type *found = NULL;
    char extension[EXTENSION_MAX] = "";

    if (dot) {
        struct slice name = slice_from(path, (size_t)(dot - path.data) + 1);
        for (size_t i = 0; i < name.length && name.length < EXTENSION_MAX; i++) {
            extension[i] = (char)ascii_lower(name.data[i]);
        }
        found = bsearch(extension, media_types, sizeof(media_types) / sizeof(media_types[0]),
                        sizeof(media_types[0]), by_extension);
    }
    return found ? found->name : "application/octet-stream";
}
