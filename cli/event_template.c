/* See event_template.h. In the texts of a template `<name>` stands for a field.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "event_template.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "answer.h"
#include "base/clock.h"
#include "base/media_type.h"
#include "base/random.h"
#include "base/uuid.h"
#include "event_command.h"
#include "resource/source.h"

/* ---------------------------------------------------------------- the templates */

#define ACCOUNT                                                                                    \
    "/subscriptions/" DEFAULT_AZURE_SUBSCRIPTION "/resourceGroups/" DEFAULT_RESOURCE_GROUP         \
    "/providers/Microsoft.Storage/storageAccounts/<account>"
#define BLOB_SUBJECT "/blobServices/default/containers/<container>/blobs/<blob>"
#define BLOB_DATA(api, more)                                                                       \
    "{\"api\":\"" api "\",\"clientRequestId\":\"<uuid>\",\"requestId\":\"<uuid>\"," more           \
    "\"contentType\":\"<contentType>\",\"blobType\":\"BlockBlob\",\"url\":\"<url>\","              \
    "\"sequencer\":\"<sequencer>\",\"storageDiagnostics\":{\"batchId\":\"<uuid>\"}}"
#define RESOURCE_DATA(action, method, status)                                                      \
    "{\"authorization\":{\"scope\":\"<resource>\",\"action\":\"<resourceType>/" action "\","       \
    "\"evidence\":{\"role\":\"Subscription Admin\"}},"                                             \
    "\"claims\":{\"aud\":\"https://management.core.windows.net/\"},"                               \
    "\"correlationId\":\"<uuid>\",\"httpRequest\":{\"clientRequestId\":\"<uuid>\","                \
    "\"clientIpAddress\":\"127.0.0.1\",\"method\":\"" method "\","                                 \
    "\"url\":\"https://management.azure.com<resource>\"},"                                         \
    "\"resourceProvider\":\"<provider>\",\"resourceUri\":\"<resource>\","                          \
    "\"operationName\":\"<resourceType>/" action "\",\"status\":\"" status "\","                   \
    "\"subscriptionId\":\"<subscription>\",\"tenantId\":\"00000000-0000-0000-0000-000000000000\"}"

enum fields { FIELDS_OF_BLOB, FIELDS_OF_RESOURCE };

#define BLOB(name, api, more)                                                                      \
    {                                                                                              \
        name, "Microsoft.Storage." name, "", BLOB_SUBJECT, ACCOUNT, BLOB_DATA(api, more),          \
            FIELDS_OF_BLOB                                                                         \
    }
#define RESOURCE(name, action, method, status)                                                     \
    {                                                                                              \
        name, "Microsoft.Resources." name, "2", "<resource>", "/subscriptions/<subscription>",     \
            RESOURCE_DATA(action, method, status), FIELDS_OF_RESOURCE                              \
    }

static const struct template
{
    const char *name, *type, *data_version, *subject, *source, *data;
    enum fields fields;
}
templates[] = {
    BLOB("BlobCreated", "PutBlob", "\"eTag\":\"<eTag>\",\"contentLength\":<contentLength>,"),
    BLOB("BlobDeleted", "DeleteBlob", ""),
    RESOURCE("ResourceWriteSuccess", "write", "PUT", "Succeeded"),
    RESOURCE("ResourceWriteFailure", "write", "PUT", "Failed"),
    RESOURCE("ResourceWriteCancel", "write", "PUT", "Canceled"),
    RESOURCE("ResourceDeleteSuccess", "delete", "DELETE", "Succeeded"),
    RESOURCE("ResourceDeleteFailure", "delete", "DELETE", "Failed"),
    RESOURCE("ResourceDeleteCancel", "delete", "DELETE", "Canceled"),
    RESOURCE("ResourceActionSuccess", "action", "POST", "Succeeded"),
    RESOURCE("ResourceActionFailure", "action", "POST", "Failed"),
    RESOURCE("ResourceActionCancel", "action", "POST", "Canceled"),
};

enum { TEMPLATES = sizeof(templates) / sizeof(templates[0]) };

/* NULL after an error message. */
static const struct template *find(const char *name)
{
    for (size_t i = 0; i < TEMPLATES; i++) {
        if (strcasecmp(templates[i].name, name) == 0) {
            return &templates[i];
        }
    }
    fprintf(stderr, "Error: %s%s; there are",
            name[0] ? "there is no template " : "say which --template", name);
    for (size_t i = 0; i < TEMPLATES; i++) {
        fprintf(stderr, "%s %s", i > 0 ? "," : "", templates[i].name);
    }
    fputc('\n', stderr);
    return NULL;
}

/* ---------------------------------------------------------------- fields */

/* They are the members of a JSON object: what flags say, and what follows from that. */

static void add_text(struct buffer *fields, const char *name, struct slice text)
{
    buffer_append_format(fields, "%s\"%s\":", fields->length > 0 ? "," : "", name);
    json_append_string(fields, text);
}

static void add_string(struct buffer *fields, const char *name, const char *text)
{
    add_text(fields, name, slice_from_string(text));
}

/* Appends what the field is, without quotes; false: there is no such field. */
static bool append_field(struct buffer *out, const struct buffer *fields, const char *name)
{
    struct buffer whole = {0};
    struct json_value object, value;
    bool is_there;

    buffer_append_format(&whole, "{%.*s}", SLICE_PRINT(buffer_slice(fields)));
    is_there = json_parse(buffer_slice(&whole), &object) && json_find_member(&object, name, &value);
    if (is_there && value.type == JSON_STRING) {
        buffer_append(out, json_string_raw(&value));
    } else if (is_there) {
        buffer_append(out, value.text);
    }
    buffer_release(&whole);
    return is_there;
}

static bool has_field(const struct buffer *fields, const char *name)
{
    struct buffer text = {0};
    bool is_there = append_field(&text, fields, name);

    buffer_release(&text);
    return is_there;
}

/* Appends the text with the fields that it names, all as it stands in JSON. */
static void append_filled(struct buffer *out, const char *text, const struct buffer *fields)
{
    const char *open, *close;
    char name[32];

    for (; (open = strchr(text, '<')) != NULL; text = close + 1) {
        close = strchr(open, '>');
        snprintf(name, sizeof(name), "%.*s", (int)(close - open - 1), open + 1);
        buffer_append(out, slice_make(text, (size_t)(open - text)));
        append_field(out, fields, name);
    }
    buffer_append_string(out, text);
}

/* The characters of such a text, with a NUL. */
static struct buffer filled(const char *text, const struct buffer *fields)
{
    struct buffer quoted = {0}, plain = {0};
    struct json_value value;

    buffer_append_byte(&quoted, '"');
    append_filled(&quoted, text, fields);
    buffer_append_byte(&quoted, '"');
    if (json_parse(buffer_slice(&quoted), &value)) {
        json_append_string_value(&plain, &value);
    }
    buffer_append_byte(&plain, '\0');
    buffer_release(&quoted);
    return plain;
}

static bool need(const struct buffer *fields, const char *flag, const char *field,
                 const char *example)
{
    bool is_there = has_field(fields, field);

    if (!is_there) {
        fprintf(stderr, "Error: the template needs --%s, such as %s\n", flag, example);
    }
    return is_there;
}

/* ---------------------------------------------------------------- fields of blobs */

static void add_url(struct buffer *fields)
{
    struct buffer url = {0}, account = filled("<account>", fields),
                  container = filled("<container>", fields), blob = filled("<blob>", fields);
    char *rest = (char *)blob.data, *name;

    buffer_append_format(&url, "https://%s.blob.core.windows.net", (const char *)account.data);
    grid_append_segment(&url, (const char *)container.data);
    while ((name = strsep(&rest, "/")) != NULL) {
        grid_append_segment(&url, name);
    }
    add_text(fields, "url", buffer_slice(&url));
    buffer_release(&url);
    buffer_release(&account);
    buffer_release(&container);
    buffer_release(&blob);
}

static void add_content_type(struct buffer *fields)
{
    struct buffer blob = filled("<blob>", fields);

    add_string(fields, "contentType", media_type_of(slice_make(blob.data, blob.length - 1)));
    buffer_release(&blob);
}

/* As numbers of the time, so that the later event has the greater ones. */
static void add_numbers(struct buffer *fields)
{
    uint64_t now = (uint64_t)clock_now() << 16;

    buffer_append_format(fields, ",\"sequencer\":\"%032" PRIx64 "\",\"eTag\":\"0x%016" PRIX64 "\"",
                         now, now);
}

static bool add_blob_fields(struct buffer *fields)
{
    if (!need(fields, "container", "container", "pictures") ||
        !need(fields, "blob", "blob", "2031/cat.jpg")) {
        return false;
    }
    if (!has_field(fields, "account")) {
        add_string(fields, "account", "local");
    }
    if (!has_field(fields, "url")) {
        add_url(fields);
    }
    if (!has_field(fields, "contentType")) {
        add_content_type(fields);
    }
    if (!has_field(fields, "contentLength")) {
        buffer_append_string(fields, ",\"contentLength\":0");
    }
    add_numbers(fields);
    return true;
}

/* ---------------------------------------------------------------- fields of resources */

/* The segments of a resource id: /subscriptions/S/resourceGroups/G/providers/P/T/N[/T/N]. */
struct resource_parts {
    const char *subscription, *provider;
    struct buffer type; /* "Microsoft.Compute/virtualMachines" */
};

/* Cuts `id` up. False: it is none. */
static bool take_apart(char *id, struct resource_parts *parts)
{
    char *rest = id, *kind, *name;

    (void)strsep(&rest, "/");
    *parts = (struct resource_parts){.provider = "Microsoft.Resources"};
    buffer_append_string(&parts->type, parts->provider);
    while ((kind = strsep(&rest, "/")) != NULL && (name = strsep(&rest, "/")) != NULL) {
        if (strcasecmp(kind, "subscriptions") == 0) {
            parts->subscription = name;
        }
        if (strcasecmp(kind, "providers") == 0) {
            parts->provider = name;
            parts->type.length = 0;
            buffer_append_string(&parts->type, name);
        } else {
            buffer_append_format(&parts->type, "/%s", kind);
        }
    }
    return id[0] == '\0' && parts->subscription && !kind;
}

static bool add_resource_fields(struct buffer *fields)
{
    const char *example = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/"
                          "virtualMachines/vm1";
    struct buffer id = {0};
    struct resource_parts parts;
    bool good;

    if (!need(fields, "resource-id", "resource", example)) {
        return false;
    }
    id = filled("<resource>", fields);
    good = take_apart((char *)id.data, &parts);
    if (good) {
        add_string(fields, "subscription", parts.subscription);
        add_string(fields, "provider", parts.provider);
        add_text(fields, "resourceType", buffer_slice(&parts.type));
    } else {
        fprintf(stderr, "Error: --resource-id is an id such as %s\n", example);
    }
    buffer_release(&parts.type);
    buffer_release(&id);
    return good;
}

/* ---------------------------------------------------------------- filling in */

static void add_uuid(struct buffer *fields)
{
    buffer_append_string(fields, ",\"uuid\":\"");
    uuid_append(fields, random_bytes);
    buffer_append_byte(fields, '"');
}

bool event_template_fill(struct slice given, struct filled_template *out)
{
    static bool (*const add_fields[])(struct buffer * fields) = {
        [FIELDS_OF_BLOB] = add_blob_fields,
        [FIELDS_OF_RESOURCE] = add_resource_fields,
    };
    struct buffer fields = {0}, name;
    const struct template *template;
    bool good;

    buffer_append(&fields, given);
    name = filled("<template>", &fields);
    template = find((const char *)name.data);
    good = template && add_fields[template->fields](&fields);
    if (good) {
        add_uuid(&fields);
        out->type = filled(template->type, &fields);
        out->subject = filled(template->subject, &fields);
        out->data_version = filled(template->data_version, &fields);
        out->source = filled(template->source, &fields);
        append_filled(&out->data, template->data, &fields);
        buffer_append_byte(&out->data, '\0');
    }
    buffer_release(&name);
    buffer_release(&fields);
    return good;
}

void event_template_release(struct filled_template *filled)
{
    buffer_release(&filled->type);
    buffer_release(&filled->subject);
    buffer_release(&filled->data_version);
    buffer_release(&filled->source);
    buffer_release(&filled->data);
}
