/* The memory of ackIds: see ack_memory.h.
 *
 * A ring of the last successes in the order in which they came, and a bit for each packet
 * identifier and what it may be: held by the broker for a remembered ackId, claimed by a PUBLISH
 * under way, or perhaps held, from before a crash.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/ack_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "client/mqtt_write.h"

enum {
    WORDS = ACK_PACKET_IDS / 64,
    EXPORTED_SIZE = 9,
    CLAIMS_BETWEEN = 256, /* two looks for what is unsure and old */
};

/* What an exported ackId was. */
enum exported {
    EXPORTED_DONE,
    EXPORTED_HELD,
    EXPORTED_CLAIMED,
    EXPORTED_UNKNOWN, /* no ackId: of what was before a crash nothing is known */
};

struct remembered {
    uint64_t ack_id;
    bool holds; /* the broker still holds its packet identifier */
};

struct id_set {
    uint64_t words[WORDS];
};

/* What packet identifiers are: only for those who claim any. `releasing`: a PUBREL is on its way.
 */
struct identifiers {
    struct id_set held, claimed, perhaps, releasing;
};

struct ack_memory {
    struct remembered *ring; /* [capacity] */
    uint32_t capacity, first, count;
    uint64_t newest;  /* the greatest ackId of all */
    bool is_unknown;  /* the first claim decides what becomes of `perhaps` */
    uint64_t anchor;  /* that first ackId */
    uint64_t *unsure; /* [unsure_count]: of what may be held, as far as it is known */
    uint32_t unsure_count;
    uint32_t claims;         /* so many there were */
    struct identifiers *ids; /* NULL until one is claimed */
};

static unsigned place_of(uint64_t ack_id)
{
    return (unsigned)(ack_id % ACK_PACKET_IDS);
}

static uint16_t packet_id_of(unsigned place)
{
    return (uint16_t)(place + 1);
}

static bool has(const struct id_set *set, unsigned place)
{
    return set->words[place / 64] >> (place % 64) & 1;
}

static void put(struct id_set *set, unsigned place)
{
    set->words[place / 64] |= UINT64_C(1) << (place % 64);
}

static void take(struct id_set *set, unsigned place)
{
    set->words[place / 64] &= ~(UINT64_C(1) << (place % 64));
}

struct ack_memory *ack_memory_new(bool unknown)
{
    struct ack_memory *memory = memory_allocate_zero(sizeof(*memory));

    memory->is_unknown = unknown;
    return memory;
}

void ack_memory_free(struct ack_memory *memory)
{
    if (memory) {
        free(memory->unsure);
        free(memory->ids);
        free(memory->ring);
        free(memory);
    }
}

static struct remembered *at(const struct ack_memory *memory, uint32_t index)
{
    return &memory->ring[(memory->first + index) % memory->capacity];
}

bool ack_memory_knows(const struct ack_memory *memory, uint64_t ack_id)
{
    if (!memory || memory->count == 0 || ack_id > memory->newest) {
        return false; /* the usual: ackIds rise */
    }
    for (uint32_t i = memory->count; i-- > 0;) {
        if (at(memory, i)->ack_id == ack_id) {
            return true;
        }
    }
    return false;
}

static void release(struct ack_memory *memory, struct id_set *set, unsigned place,
                    struct buffer *packets)
{
    take(set, place);
    put(&memory->ids->releasing, place);
    write_ack(packets, PACKET_PUBREL, packet_id_of(place));
}

/* Another ackId needs the identifier: whoever has it is remembered only here from now on. */
static void release_holder(struct ack_memory *memory, unsigned place, struct buffer *packets)
{
    for (uint32_t i = 0; i < memory->count; i++) {
        struct remembered *entry = at(memory, i);
        if (entry->holds && place_of(entry->ack_id) == place) {
            entry->holds = false;
        }
    }
    release(memory, &memory->ids->held, place, packets);
}

static bool is_near(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) < ACK_MEMORY_SIZE;
}

/* The first ackId after a crash: what its neighbours do not explain is released. */
static void settle(struct ack_memory *memory, uint64_t ack_id, struct buffer *packets)
{
    memory->is_unknown = false;
    memory->anchor = ack_id;
    for (unsigned i = 0; i < ACK_PACKET_IDS; i++) {
        put(&memory->ids->perhaps, i);
    }
    for (uint64_t i = ACK_MEMORY_SIZE; i <= ACK_PACKET_IDS - ACK_MEMORY_SIZE; i++) {
        release(memory, &memory->ids->perhaps, place_of(ack_id + i), packets);
    }
}

/* Is this ackId the one for which the broker perhaps holds the identifier? Then it is sent again.
 */
static bool is_repeated(const struct ack_memory *memory, uint64_t ack_id)
{
    for (uint32_t i = 0; i < memory->unsure_count; i++) {
        if (memory->unsure[i] == ack_id) {
            return true;
        }
    }
    return memory->unsure_count == 0 && is_near(ack_id, memory->anchor);
}

static void release_if_old(struct ack_memory *memory, uint64_t id, uint64_t ack_id,
                           struct buffer *packets)
{
    if (id + ACK_MEMORY_SIZE <= ack_id && has(&memory->ids->perhaps, place_of(id))) {
        release(memory, &memory->ids->perhaps, place_of(id), packets);
    }
}

/* What is unsure is not for ever: an ackId so far back is not sent again. Its identifier is free
 * long before it is wanted, so that settle() can take the ones to come for free. */
static void release_old(struct ack_memory *memory, uint64_t ack_id, struct buffer *packets)
{
    for (uint32_t i = 0; i < memory->unsure_count; i++) {
        release_if_old(memory, memory->unsure[i], ack_id, packets);
    }
    if (memory->unsure_count == 0 && memory->anchor > 0) {
        uint64_t first =
            memory->anchor > ACK_MEMORY_SIZE ? memory->anchor - ACK_MEMORY_SIZE + 1 : 0;
        for (uint64_t id = first; id < memory->anchor + ACK_MEMORY_SIZE; id++) {
            release_if_old(memory, id, ack_id, packets);
        }
    }
}

static void need_identifiers(struct ack_memory *memory)
{
    if (!memory->ids) {
        memory->ids = memory_allocate_zero(sizeof(*memory->ids));
    }
}

uint16_t ack_memory_claim(struct ack_memory *memory, uint64_t ack_id, struct buffer *packets)
{
    unsigned place = place_of(ack_id);

    need_identifiers(memory);
    if (has(&memory->ids->claimed, place)) {
        return 0;
    }
    if (memory->is_unknown) {
        settle(memory, ack_id, packets);
    }
    if (memory->claims++ % CLAIMS_BETWEEN == 0) {
        release_old(memory, ack_id, packets);
    }
    if (has(&memory->ids->releasing, place)) {
        release(memory, &memory->ids->releasing, place, packets);
    }
    if (has(&memory->ids->perhaps, place)) {
        if (is_repeated(memory, ack_id)) {
            take(&memory->ids->perhaps, place);
        } else {
            release(memory, &memory->ids->perhaps, place, packets);
        }
    }
    if (has(&memory->ids->held, place)) {
        release_holder(memory, place, packets);
    }
    take(&memory->ids->releasing, place);
    put(&memory->ids->claimed, place);
    return packet_id_of(place);
}

void ack_memory_released(struct ack_memory *memory, uint16_t packet_id)
{
    if (memory && memory->ids && packet_id >= 1 && packet_id <= ACK_PACKET_IDS) {
        take(&memory->ids->releasing, packet_id - 1u);
    }
}

void ack_memory_repeat(const struct ack_memory *memory, struct buffer *packets)
{
    for (unsigned place = 0; memory && memory->ids && place < ACK_PACKET_IDS; place++) {
        if (has(&memory->ids->releasing, place)) {
            write_ack(packets, PACKET_PUBREL, packet_id_of(place));
        }
    }
}

static void grow(struct ack_memory *memory)
{
    uint32_t capacity = memory->capacity > 0 ? memory->capacity * 4 : 4;
    struct remembered *ring;

    if (capacity > ACK_MEMORY_SIZE) {
        capacity = ACK_MEMORY_SIZE;
    }
    ring = memory_allocate(capacity * sizeof(*ring));
    for (uint32_t i = 0; i < memory->count; i++) {
        ring[i] = *at(memory, i);
    }
    free(memory->ring);
    memory->ring = ring;
    memory->capacity = capacity;
    memory->first = 0;
}

static void remember(struct ack_memory *memory, uint64_t ack_id, bool holds, struct buffer *packets)
{
    if (memory->count == ACK_MEMORY_SIZE) {
        const struct remembered *oldest = at(memory, 0);
        if (oldest->holds) {
            release(memory, &memory->ids->held, place_of(oldest->ack_id), packets);
        }
        memory->first = (memory->first + 1) % memory->capacity;
        memory->count--;
    } else if (memory->count == memory->capacity) {
        grow(memory);
    }
    memory->count++;
    *at(memory, memory->count - 1) = (struct remembered){ack_id, holds};
    memory->newest = ack_id > memory->newest ? ack_id : memory->newest;
}

void ack_memory_unclaim(struct ack_memory *memory, uint64_t ack_id, bool success,
                        struct buffer *packets)
{
    unsigned place = place_of(ack_id);

    take(&memory->ids->claimed, place);
    if (success) {
        put(&memory->ids->held, place);
        remember(memory, ack_id, true, packets);
    }
}

void ack_memory_note(struct ack_memory *memory, uint64_t ack_id, struct buffer *packets)
{
    remember(memory, ack_id, false, packets);
}

static void export(struct buffer *out, uint64_t ack_id, enum exported what)
{
    buffer_append_u32(out, (uint32_t)(ack_id >> 32));
    buffer_append_u32(out, (uint32_t)ack_id);
    buffer_append_byte(out, (uint8_t)what);
}

static void export_if_perhaps(const struct ack_memory *memory, struct buffer *out, uint64_t ack_id)
{
    if (memory->ids && has(&memory->ids->perhaps, place_of(ack_id))) {
        export(out, ack_id, EXPORTED_CLAIMED);
    }
}

/* What was not made sure of yet: of before a hand-over, or of before a crash. */
static void export_perhaps(const struct ack_memory *memory, struct buffer *out)
{
    for (uint32_t i = 0; i < memory->unsure_count; i++) {
        export_if_perhaps(memory, out, memory->unsure[i]);
    }
    if (memory->unsure_count == 0 && memory->anchor > 0) {
        uint64_t first =
            memory->anchor > ACK_MEMORY_SIZE ? memory->anchor - ACK_MEMORY_SIZE + 1 : 0;
        for (uint64_t id = first; id < memory->anchor + ACK_MEMORY_SIZE; id++) {
            export_if_perhaps(memory, out, id);
        }
    }
}

void ack_memory_export(const struct ack_memory *memory, struct buffer *out)
{
    for (uint32_t i = 0; i < memory->count; i++) {
        const struct remembered *entry = at(memory, i);
        export(out, entry->ack_id, entry->holds ? EXPORTED_HELD : EXPORTED_DONE);
    }
    export_perhaps(memory, out);
    if (memory->is_unknown) {
        export(out, 0, EXPORTED_UNKNOWN);
    }
}

void ack_memory_export_claim(struct buffer *out, uint64_t ack_id)
{
    export(out, ack_id, EXPORTED_CLAIMED);
}

static uint64_t read_u64(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void add_unsure(struct ack_memory *memory, uint64_t ack_id)
{
    memory->unsure =
        memory_resize(memory->unsure, (memory->unsure_count + 1) * sizeof(*memory->unsure));
    memory->unsure[memory->unsure_count++] = ack_id;
    put(&memory->ids->perhaps, place_of(ack_id));
}

bool ack_memory_import(struct ack_memory *memory, struct slice bytes)
{
    struct buffer none = {0}; /* nothing is released: there are not too many */

    if (bytes.length % EXPORTED_SIZE != 0 || bytes.length / EXPORTED_SIZE > ACK_PACKET_IDS) {
        return false;
    }
    memory->is_unknown = false;
    need_identifiers(memory);
    for (size_t i = 0; i < bytes.length; i += EXPORTED_SIZE) {
        uint64_t ack_id = read_u64(bytes.data + i);
        uint8_t what = bytes.data[i + 8];
        if (what == EXPORTED_UNKNOWN) {
            memory->is_unknown = true;
        } else if (what == EXPORTED_CLAIMED) {
            add_unsure(memory, ack_id);
        } else if (memory->count < ACK_MEMORY_SIZE) {
            remember(memory, ack_id, what == EXPORTED_HELD, &none);
            if (what == EXPORTED_HELD) {
                put(&memory->ids->held, place_of(ack_id));
            }
        }
    }
    buffer_release(&none);
    return true;
}
