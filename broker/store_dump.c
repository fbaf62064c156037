/* See store_dump.h. What the fields are is said in core/facts.h and core/save.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store_dump.h"

#include "base/log.h"
#include "core/fact_attributes.h"
#include "core/facts.h"
#include "core/recipient_set.h"
#include "core/varint64.h"

static unsigned long long number(struct reader *reader)
{
    return varint64_read(reader);
}

static void dump_text(FILE *out, const char *name, struct slice text)
{
    fprintf(out, " %s=%s", name, log_quote(text));
}

static void dump_message(FILE *out, const struct message *message)
{
    if (!message) {
        fputs(" message=damaged", out);
        return;
    }
    dump_text(out, "topic", message_topic(message));
    fprintf(out, " qos=%u retain=%d payload_bytes=%zu", message->qos, message->retain,
            message_payload(message).length);
    if (message->expires_at != MSEC_NEVER) {
        fprintf(out, " expires_at=%lld", (long long)message->expires_at);
    }
    if (message_told(message).length > 0) {
        fprintf(out, " told_bytes=%zu", message_told(message).length);
    }
}

/* A message in a row: see fact_append_message(). */
static void dump_row_message(FILE *out, struct reader *reader)
{
    struct message *message = fact_take_message(reader);

    dump_message(out, message);
    message_release(message);
}

static void dump_attributes(FILE *out, struct reader *value)
{
    struct arena memory = {0};
    struct buffer text = {0};
    for (const struct attribute *one = fact_take_attributes(value, &memory); one; one = one->next) {
        text.length = 0;
        buffer_append(&text, one->key);
        buffer_append_byte(&text, '=');
        attribute_append(&text, one);
        dump_text(out, "attribute", buffer_slice(&text));
    }
    buffer_release(&text);
    arena_release(&memory);
}

static void dump_session(FILE *out, struct reader *value)
{
    fputs("session", out);
    dump_text(out, "client", varint64_read_bytes(value));
    dump_text(out, "user", varint64_read_bytes(value));
    for (unsigned long long groups = number(value); groups > 0 && !value->failed; groups--) {
        dump_text(out, "group", varint64_read_bytes(value));
    }
    fprintf(out, " version=%u", reader_u8(value));
    fprintf(out, " expiry_interval=%llu", number(value));
    fprintf(out, " disconnected_at=%llu", number(value));
    fprintf(out, " sent_next=%u", reader_u32(value));
    if (reader_u8(value) != 0) {
        fprintf(out, " will_delay=%llu", number(value));
        reader_u8(value);
        number(value);
        dump_row_message(out, value);
    }
    uint8_t flags = reader_left(value) > 0 ? reader_u8(value) : 0;
    if (flags & FACT_TRUSTED) {
        fputs(" trusted", out);
    }
    if (flags & FACT_BOUNDED) {
        fprintf(out, " messages_maximum=%llu", number(value));
        fprintf(out, " bytes_maximum=%llu", number(value));
    }
    if (flags & FACT_OVERFLOWED) {
        fputs(" overflowed", out);
    }
    if (flags & FACT_ATTRIBUTES) {
        dump_attributes(out, value);
    }
    if (flags & FACT_NUMBERED) {
        fprintf(out, " connections=%llu", number(value));
    }
}

static void dump_subscription(FILE *out, struct reader *value)
{
    fprintf(out, "subscription qos=%u", reader_u8(value));
    uint8_t flags = reader_u8(value);
    fprintf(out, " no_local=%d retain_as_published=%d", (flags & SUBSCRIBER_NO_LOCAL) != 0,
            (flags & SUBSCRIBER_RETAIN_AS_PUBLISHED) != 0);
    fprintf(out, " identifier=%llu", number(value));
    dump_text(out, "filter", slice_make(value->at, reader_left(value)));
}

static void dump_sequences(FILE *out, const char *name, struct reader *value)
{
    fprintf(out, " %s=", name);
    for (unsigned long long i = number(value), first = i; i > 0 && !value->failed; i--) {
        fprintf(out, "%s%u", i == first ? "" : ",", reader_u32(value));
    }
}

static void dump_progress(FILE *out, struct reader *value)
{
    unsigned long long high = reader_u32(value);
    fprintf(out, "progress delivered_until=%llu", high << 32 | reader_u32(value));
    fprintf(out, " next=%u", reader_u32(value));
    fprintf(out, " sent_next=%u", reader_u32(value));
    fprintf(out, " first=%u", reader_u32(value));
    dump_sequences(out, "sent", value);
    dump_sequences(out, "released", value);
    fputs(" received=", out);
    for (unsigned long long i = number(value), first = i; i > 0 && !value->failed; i--) {
        fprintf(out, "%s%llu", i == first ? "" : ",", number(value));
    }
}

static void dump_deliveries(FILE *out, uint32_t chunk, struct reader *value)
{
    unsigned long long count = number(value), position = 0;

    fprintf(out, "deliveries count=%llu first=", count);
    if (count > 0) {
        unsigned long long low = number(value);
        position = number(value);
        fprintf(out, "%llu position=%llu", (unsigned long long)chunk << CHUNK_BITS | low, position);
    }
}

static void dump_session_row(FILE *out, struct reader *key, struct reader *value)
{
    unsigned long long high = reader_u32(key);
    fprintf(out, "%llu ", high << 32 | reader_u32(key));
    switch (reader_u8(key)) {
    case 'a':
        dump_session(out, value);
        break;
    case 'f':
        dump_subscription(out, value);
        break;
    case 'p':
        dump_progress(out, value);
        break;
    case 'q':
        dump_deliveries(out, reader_u32(key), value);
        break;
    default:
        reader_fail(value);
        break;
    }
}

void store_dump_row(FILE *out, struct slice key, uint64_t stamp, struct slice value)
{
    struct reader name = reader_make(key), content = reader_make(value);
    uint8_t kind = reader_u8(&name);

    fprintf(out, "row %llu ", (unsigned long long)stamp);
    if (kind == 'S') {
        dump_session_row(out, &name, &content);
    } else if (kind == 'R' && value.length == 0) {
        fputs("retained deleted", out);
    } else if (kind == 'R') {
        fputs("retained", out);
        dump_row_message(out, &content);
    } else if (kind == 'D') {
        fprintf(out, "delayed due=%llu", number(&content));
        dump_row_message(out, &content);
    } else {
        reader_fail(&content);
    }
    fputs(content.failed ? " damaged\n" : "\n", out);
}

/* ---------------------------------------------------------------- frames */

static void dump_recipient(void *context, uint64_t session)
{
    fprintf(context, "%llu,", (unsigned long long)session);
}

static void dump_groups(FILE *out, struct reader *reader)
{
    for (unsigned long long groups = number(reader); groups > 0 && !reader->failed; groups--) {
        fprintf(out, " to(qos=%u", reader_u8(reader) & FACT_QOS);
        for (unsigned long long i = number(reader); i > 0 && !reader->failed; i--) {
            fprintf(out, " identifier=%llu", number(reader));
        }
        fputs(" sessions=", out);
        recipient_set_read(reader, dump_recipient, out);
        fputc(')', out);
    }
}

static void dump_message_frame(FILE *out, struct slice payload, struct reader *reader)
{
    unsigned long long publisher = number(reader), packet_id = number(reader);

    fputs("message", out);
    if (publisher != 0) {
        fprintf(out, " received_from=%llu packet_identifier=%llu", publisher, packet_id);
    }
    number(reader);
    reader_u8(reader);
    dump_groups(out, reader);
    if (reader_left(reader) > 0) {
        struct message *message = fact_read_message(payload);
        dump_message(out, message);
        message_release(message);
    }
}

void store_dump_frame(FILE *out, uint64_t position, struct slice payload, bool replayed)
{
    static const char *const names[] = {
        [FACT_DONE] = "done",
        [FACT_DROPPED] = "dropped",
        [FACT_RELEASED] = "released",
        [FACT_RECEIVED_END] = "received-end",
    };
    struct reader reader = reader_make(payload);
    uint8_t kind = reader_u8(&reader);

    fprintf(out, "%s %llu ", replayed ? "log" : "body", (unsigned long long)position);
    if (kind == FACT_MESSAGE) {
        dump_message_frame(out, payload, &reader);
    } else if (kind == FACT_DONE || kind == FACT_DROPPED || kind == FACT_RELEASED) {
        fprintf(out, "%s session=%llu", names[kind], number(&reader));
        fprintf(out, " sequence=%u", reader_u32(&reader));
        fprintf(out, " count=%llu", kind == FACT_RELEASED ? 1ULL : number(&reader));
    } else if (kind == FACT_RECEIVED_END) {
        fprintf(out, "%s session=%llu", names[kind], number(&reader));
        fprintf(out, " packet_identifier=%llu", number(&reader));
    } else {
        reader_fail(&reader);
    }
    fputs(reader.failed ? " damaged\n" : "\n", out);
}
