/* See filter_values.h. Of members with the same name the last one counts, as for most readers of
 * JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/filter_values.h"

#include <stdlib.h>

#include "base/memory.h"
#include "eventgrid/fold.h"
#include "mqtt/utf8.h"
#include "json/json.h"

enum { KEPT_MAX = 64 * 1024 }; /* bytes of scratch memory from one event to the next */

void event_values_init(struct event_values *values)
{
    *values = (struct event_values){.keys = keys_new(), .slot_count = SLOTS_FIXED};
}

void event_values_release(struct event_values *values)
{
    keys_free(values->keys);
    free(values->slots);
    buffer_release(&values->texts);
    buffer_release(&values->elements);
    buffer_release(&values->decoded);
    buffer_release(&values->names);
}

uint32_t event_values_slot(struct event_values *values, struct slice key, unsigned wants)
{
    struct key_node *node = keys_add(values->keys, key, &values->slot_count);

    if (!node) {
        return SLOT_NEVER;
    }
    node->wants |= (uint8_t)wants;
    return node->slot;
}

void event_values_prepare(struct event_values *values)
{
    values->slots = memory_allocate_zero(values->slot_count * sizeof(*values->slots));
}

/* --- values --- */

static void set_text(struct event_values *values, struct event_value *out, struct slice text)
{
    size_t start = values->texts.length;

    fold_append(&values->texts, text);
    out->text.offset = (uint32_t)start;
    out->text.length = (uint32_t)(values->texts.length - start);
}

static void set_value(struct event_values *values, unsigned wants, const struct json_value *json,
                      struct event_value *out)
{
    static const enum value_kind kinds[] = {
        [JSON_NULL] = VALUE_NULL,     [JSON_FALSE] = VALUE_BOOL,  [JSON_TRUE] = VALUE_BOOL,
        [JSON_NUMBER] = VALUE_NUMBER, [JSON_STRING] = VALUE_TEXT, [JSON_ARRAY] = VALUE_ARRAY,
        [JSON_OBJECT] = VALUE_OBJECT,
    };

    *out = (struct event_value){
        .kind = kinds[json->type], .truth = json->type == JSON_TRUE, .shown = json->text};
    if (json->type == JSON_STRING && (wants & WANTS_TEXT) != 0) {
        values->decoded.length = 0;
        set_text(values, out, json_string_value(json, &values->decoded));
        if ((wants & WANTS_LETTERS) != 0) {
            out->text.letters = letters_of(event_value_text(values, out));
        }
    } else if (json->type == JSON_NUMBER && (wants & WANTS_NUMBER) != 0) {
        out->number = json_to_double(json);
    }
}

static void add_elements(struct event_values *values, unsigned wants, const struct json_value *json,
                         struct event_value *out)
{
    struct json_walk walk = json_elements(json);
    struct json_value element;
    uint32_t count = 0;

    out->array.first = (uint32_t)(values->elements.length / sizeof(*out));
    for (; json_next_element(&walk, &element); count++) {
        struct event_value value;

        set_value(values, wants, &element, &value);
        if (value.kind == VALUE_ARRAY) {
            value.kind = VALUE_OBJECT;
        }
        buffer_append(&values->elements, slice_make(&value, sizeof(value)));
    }
    out->array.count = count;
}

/* The value slot of a node that now gets a value: what was below it before is not there any more.
 */
static struct event_value *slot_emptied(struct event_values *values, const struct key_node *node)
{
    struct event_value *slot = &values->slots[node->slot];

    if (slot->kind != VALUE_ABSENT) {
        *slot = (struct event_value){.kind = VALUE_ABSENT};
        for (struct map_node *link = map_next(&node->children, NULL); link;
             link = map_next(&node->children, link)) {
            slot_emptied(values, CONTAINER_OF(link, struct key_node, link));
        }
    }
    return slot;
}

static void put_value(struct event_values *values, const struct key_node *node,
                      const struct json_value *json)
{
    struct event_value *slot = slot_emptied(values, node);

    set_value(values, node->wants, json, slot);
    if (slot->kind == VALUE_ARRAY && (node->wants & WANTS_ELEMENTS) != 0) {
        add_elements(values, node->wants, json, slot);
    }
}

/* A field of the envelope, which is text. */
static void put_text(struct event_values *values, struct event_value *slot, struct slice text)
{
    if (utf8_is_well_formed(text)) {
        *slot = (struct event_value){.kind = VALUE_TEXT, .shown = text};
        set_text(values, slot, text);
        slot->text.letters = letters_of(event_value_text(values, slot));
    }
}

/* --- the walk --- */

/* The child that a member with this raw name is for; NULL: nobody asks. */
static struct key_node *child_for(struct event_values *values, const struct key_node *node,
                                  struct slice raw)
{
    struct json_value name = {JSON_STRING, slice_make(raw.data - 1, raw.length + 2)};

    if (node->children.count == 0) {
        return NULL;
    }
    values->decoded.length = 0;
    values->names.length = 0;
    fold_append(&values->names, json_string_value(&name, &values->decoded));
    return keys_child(node, buffer_slice(&values->names));
}

static void walk_members(struct event_values *values, const struct key_node *node,
                         struct json_walk *walk)
{
    struct slice name;

    while (json_next_name(walk, &name)) {
        const struct key_node *child = child_for(values, node, name);
        struct json_walk inner;
        struct json_value json;

        if (child && child->children.count > 0 && json_enter_member(walk, &inner)) {
            struct event_value *slot = slot_emptied(values, child);

            slot->kind = VALUE_OBJECT;
            walk_members(values, child, &inner);
            if (json_leave_member(walk, &inner, &json)) {
                slot->shown = json.text;
            }
        } else if (json_take_value(walk, &json) && child) {
            put_value(values, child, &json);
        }
    }
}

/* A value that was handed out already. */
static void walk_value(struct event_values *values, const struct key_node *node,
                       const struct json_value *json)
{
    put_value(values, node, json);
    if (json->type == JSON_OBJECT && node->children.count > 0) {
        struct json_walk walk = json_members(json);
        walk_members(values, node, &walk);
    }
}

/* --- keys by schema (3.4) --- */

static void read_event_grid(struct event_values *values, const struct event *event)
{
    const struct {
        struct slice name, text;
    } fields[] = {
        {SLICE_LITERAL("id"), event->id},
        {SLICE_LITERAL("topic"), event->source},
        {SLICE_LITERAL("subject"), event->subject},
        {SLICE_LITERAL("eventtype"), event->type},
        {SLICE_LITERAL("dataversion"), event->data_version},
    };
    const struct key_node *data = keys_child(values->keys, SLICE_LITERAL("data"));

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const struct key_node *node = keys_child(values->keys, fields[i].name);
        if (node) {
            put_text(values, &values->slots[node->slot], fields[i].text);
        }
    }
    if (data && event->has_data) {
        walk_value(values, data, &event->data);
    }
}

static void read_custom(struct event_values *values, const struct event *event)
{
    struct json_walk walk = json_members(&event->whole);

    walk_members(values, values->keys, &walk);
}

/* Attributes and extensions are members, too; bytes cannot be filtered. */
static void read_cloud_events(struct event_values *values, const struct event *event)
{
    const struct key_node *bytes;

    read_custom(values, event);
    bytes = keys_child(values->keys, SLICE_LITERAL("data_base64"));
    if (bytes) {
        slot_emptied(values, bytes);
    }
}

void event_values_read(struct event_values *values, const struct event *event)
{
    static void (*const readers[EVENT_SCHEMAS])(struct event_values *, const struct event *) = {
        [SCHEMA_EVENT_GRID] = read_event_grid,
        [SCHEMA_CLOUD_EVENTS] = read_cloud_events,
        [SCHEMA_CUSTOM] = read_custom,
    };
    struct event_value *exact = &values->slots[SLOT_SUBJECT_EXACT];

    memset(values->slots, 0, values->slot_count * sizeof(*values->slots)); /* VALUE_ABSENT */
    buffer_empty(&values->texts, KEPT_MAX);
    buffer_empty(&values->elements, KEPT_MAX);
    buffer_empty(&values->decoded, KEPT_MAX);
    put_text(values, &values->slots[SLOT_TYPE], event->type);
    put_text(values, &values->slots[SLOT_SUBJECT], event->subject);
    *exact = (struct event_value){.kind = VALUE_TEXT, .shown = event->subject};
    exact->text.offset = (uint32_t)values->texts.length;
    exact->text.length = (uint32_t)event->subject.length;
    buffer_append(&values->texts, event->subject);
    readers[event->schema](values, event);
}
