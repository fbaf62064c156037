/* See blob_event.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/blob_event.h"

#include <inttypes.h>

#include "access/characters.h"
#include "base/media_type.h"
#include "base/siphash.h"
#include "base/timestamp.h"
#include "json/json.h"

/* ---------------------------------------------------------------- what makes it unlike others */

struct fingerprint {
    uint64_t high, low;
};

static struct fingerprint fingerprint(const struct blob_place *place,
                                      const struct blob_change *change)
{
    static const struct siphash_key keys[] = {{UINT64_C(0x7075626772696421), 1},
                                              {UINT64_C(0x626c6f6265766e74), 2}};
    const struct file_facts *facts = &change->facts;
    struct buffer text = {0};
    struct fingerprint print;

    buffer_append(&text, place->container);
    buffer_append_format(&text, "/%d/%" PRIu64 "/%" PRId64 "/%" PRIu64 "/%" PRIu64 "/",
                         change->is_gone, facts->size, facts->modified_ns, facts->inode,
                         change->is_repeated ? change->sequence : 0);
    buffer_append(&text, place->directory);
    buffer_append_byte(&text, '/');
    buffer_append(&text, change->path);
    print.high = siphash_13(buffer_slice(&text), &keys[0]);
    print.low = siphash_13(buffer_slice(&text), &keys[1]);
    buffer_release(&text);
    return print;
}

/* A UUID of version 8 (RFC 9562 5.8): all other bits are ours. */
static void append_id(struct buffer *out, const struct fingerprint *print)
{
    buffer_append_format(
        out, "\"%08" PRIx32 "-%04" PRIx32 "-8%03" PRIx32 "-%04" PRIx32 "-%012" PRIx64 "\"",
        (uint32_t)(print->high >> 32), (uint32_t)(print->high >> 16 & 0xFFFF),
        (uint32_t)(print->high & 0xFFF), (uint32_t)(print->low >> 48 & 0x3FFF) | 0x8000,
        print->low & UINT64_C(0xFFFFFFFFFFFF));
}

/* ---------------------------------------------------------------- addresses */

static bool is_plain_in_url(uint8_t c)
{
    return ascii_is_alphanumeric(c) || (c != '\0' && strchr("/-._~!$&'()*+,;=:@", c));
}

static void append_url_path(struct buffer *out, struct slice path)
{
    for (size_t i = 0; i < path.length; i++) {
        if (is_plain_in_url(path.data[i])) {
            buffer_append_byte(out, path.data[i]);
        } else {
            percent_append(out, path.data[i]);
        }
    }
}

static void append_url(struct buffer *out, const struct blob_place *place, struct slice path)
{
    struct buffer url = {0};

    if (place->url.length > 0) {
        buffer_append(&url, place->url);
    } else {
        buffer_append_string(&url, "file://");
        append_url_path(&url, place->directory);
    }
    buffer_append_byte(&url, '/');
    append_url_path(&url, path);
    json_append_string(out, buffer_slice(&url));
    buffer_release(&url);
}

static void append_subject(struct buffer *out, const struct blob_place *place, struct slice path)
{
    struct buffer subject = {0};

    buffer_append_string(&subject, "/blobServices/default/containers/");
    buffer_append(&subject, place->container);
    buffer_append_string(&subject, "/blobs/");
    buffer_append(&subject, path);
    json_append_string(out, buffer_slice(&subject));
    buffer_release(&subject);
}

/* ---------------------------------------------------------------- the event */

static void append_data(struct buffer *out, const struct blob_place *place,
                        const struct blob_change *change, const struct fingerprint *print)
{
    buffer_append_format(
        out, "{\"api\":\"%s\",\"clientRequestId\":", change->is_gone ? "DeleteBlob" : "PutBlob");
    append_id(out, print);
    buffer_append_string(out, ",\"requestId\":");
    append_id(out, print);
    if (!change->is_gone) {
        buffer_append_format(out, ",\"eTag\":\"0x%016" PRIX64 "\",\"contentLength\":%" PRIu64,
                             print->high ^ print->low, change->facts.size);
    }
    buffer_append_format(out, ",\"contentType\":\"%s\",\"blobType\":\"BlockBlob\",\"url\":",
                         media_type_of(change->path));
    append_url(out, place, change->path);
    buffer_append_format(out, ",\"sequencer\":\"%032" PRIx64 "\",\"storageDiagnostics\":{",
                         change->sequence);
    buffer_append_string(out, "\"batchId\":");
    append_id(out, print);
    buffer_append_string(out, "}}");
}

void blob_event_append(struct buffer *out, const struct blob_place *place,
                       const struct blob_change *change)
{
    struct fingerprint print = fingerprint(place, change);

    buffer_append_string(out, "{\"id\":");
    append_id(out, &print);
    buffer_append_string(out, ",\"subject\":");
    append_subject(out, place, change->path);
    buffer_append_format(out, ",\"eventType\":\"Microsoft.Storage.Blob%s\",\"eventTime\":\"",
                         change->is_gone ? "Deleted" : "Created");
    timestamp_append(out, change->time_ms);
    buffer_append_string(out, "\",\"dataVersion\":\"\",\"data\":");
    append_data(out, place, change, &print);
    buffer_append_byte(out, '}');
}
