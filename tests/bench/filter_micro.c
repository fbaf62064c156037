/* What an event costs against the filters of many subscriptions of its topic:
 *
 *     filter_micro [subscriptions, default 500] [events, default 20000] [kind, default all kinds]
 *
 * Each subscription has an event type, a prefix of the subject and four advanced filters with 25
 * values in all, as many as Azure allows. Kinds of rows: `mixed` (a tenth of them take an event),
 * `each` (each filter of each subscription is looked at), `keys` (no two subscriptions ask for the
 * same keys), `arrays` (what is asked for are arrays of 8). One JSON line a row. Not run by ctest.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "eventgrid/filter_set.h"
#include "json/json.h"

enum { ROUNDS = 7, ADVANCED = 4, VALUES = 25, KEY_MAX = 24, TEXT_MAX = 24 };
enum kind { MIXED, ALL, KEYS, ARRAYS, KINDS };

static const char *const kind_names[KINDS] = {
    [MIXED] = "mixed", [ALL] = "each", [KEYS] = "keys", [ARRAYS] = "arrays"};

struct subscription {
    struct event_filter filter;
    struct slice type;
    struct advanced_filter advanced[ADVANCED];
    struct filter_value values[VALUES];
    char keys[ADVANCED][KEY_MAX], texts[VALUES][TEXT_MAX];
};

static void make_text(struct subscription *s, size_t i, const char *name, unsigned number)
{
    snprintf(s->texts[i], sizeof(s->texts[i]), "%s-%u", name, number);
    s->values[i].text = slice_from_string(s->texts[i]);
}

static void make_values(struct subscription *s, unsigned number, bool is_taken)
{
    for (unsigned i = 0; i < 10; i++) {
        make_text(s, i, "Color", is_taken && i == 9 ? 7 : 1000 + number + i);
    }
    for (unsigned i = 10; i < 15; i++) {
        make_text(s, i, "continent", number + i);
    }
    s->values[15].text = SLICE_LITERAL("EUROPE");
    for (unsigned i = 16; i < VALUES; i++) {
        s->values[i].low = i;
        make_text(s, i, "unwanted", number + i);
    }
}

/* A key that is each subscription's own, or the same for all. */
static void make_key(char out[KEY_MAX], const char *name, enum kind kind, unsigned number)
{
    if (kind == KEYS) {
        snprintf(out, KEY_MAX, "%s%u", name, number);
    } else {
        snprintf(out, KEY_MAX, "%s", name);
    }
}

static void make_filters(struct subscription *s, unsigned number, enum kind kind)
{
    static const struct {
        enum filter_operator operation;
        const char *key;
        size_t first, count;
    } rows[ADVANCED] = {
        {FILTER_STRING_IN, "data.color", 0, 10},
        {FILTER_STRING_CONTAINS, "data.place.region", 10, 6},
        {FILTER_NUMBER_NOT_IN, "data.size", 16, 4},
        {FILTER_STRING_NOT_BEGINS_WITH, "data.label", 20, 5},
    };

    for (size_t i = 0; i < ADVANCED; i++) {
        make_key(s->keys[i], rows[i].key, kind, number);
        s->advanced[i] = (struct advanced_filter){.operation = rows[i].operation,
                                                  .key = slice_from_string(s->keys[i]),
                                                  .values = s->values + rows[i].first,
                                                  .value_count = rows[i].count};
    }
}

static void make_subscription(struct subscription *s, unsigned number, enum kind kind)
{
    bool is_taken = kind != MIXED || number % 10 == 0;

    make_values(s, number, is_taken);
    make_filters(s, number, kind);
    s->type = SLICE_LITERAL("Contoso.Items.Created");
    s->filter = (struct event_filter){.subject_begins_with = SLICE_LITERAL("/Items/"),
                                      .on_arrays = kind == ARRAYS,
                                      .included_types = &s->type,
                                      .included_type_count = 1,
                                      .advanced = s->advanced,
                                      .advanced_count = ADVANCED};
}

/* The value at a key: in an array it stands behind seven others. */
static void append_member(struct buffer *out, enum kind kind, const char *key, unsigned number,
                          const char *value, const char *other)
{
    char made[KEY_MAX];

    make_key(made, key, kind, number);
    buffer_append_format(out, "\"%s\":", made);
    if (kind == ARRAYS) {
        buffer_append_byte(out, '[');
        for (int i = 0; i < 7; i++) {
            buffer_append_format(out, "%s,", other);
        }
    }
    buffer_append_string(out, value);
    buffer_append_string(out, kind == ARRAYS ? "]" : "");
}

static void append_event(struct buffer *out, enum kind kind, unsigned subscriptions)
{
    unsigned times = kind == KEYS ? subscriptions : 1;

    buffer_append_string(out, "{\"id\":\"831e1650-001e-001b-66ab-eeb76e069631\",\"subject\":"
                              "\"/items/4711\",\"eventType\":\"Contoso.Items.Created\","
                              "\"eventTime\":\"2024-01-01T00:00:00Z\",\"data\":{\"place\":{");
    for (unsigned i = 0; i < times; i++) {
        append_member(out, kind, "region", i, "\"Northern Europe\"", "\"Nowhere\"");
        buffer_append_string(out, ",");
    }
    buffer_append_string(out, "\"street\":\"Main Street 12\"}");
    for (unsigned i = 0; i < times; i++) {
        buffer_append_string(out, ",");
        append_member(out, kind, "color", i, "\"COLOR-7\"", "\"Color-6\"");
        buffer_append_string(out, ",");
        append_member(out, kind, "size", i, "42", "41");
        buffer_append_string(out, ",");
        append_member(out, kind, "label", i, "\"a label of some length\"", "\"another\"");
    }
    buffer_append_string(out, "},\"dataVersion\":\"1.0\"}");
}

static struct event make_event(struct slice json)
{
    struct event event = {.schema = SCHEMA_EVENT_GRID,
                          .subject = SLICE_LITERAL("/items/4711"),
                          .type = SLICE_LITERAL("Contoso.Items.Created"),
                          .has_data = true};
    struct json_walk walk;
    struct slice key;

    if (!json_parse(json, &event.whole)) {
        abort();
    }
    walk = json_members(&event.whole);
    while (json_next_member(&walk, &key, &event.data) && !json_string_equal(key, "data")) {
    }
    return event;
}

static double measure(struct filter_set *set, const struct event *event, unsigned events,
                      size_t *taken)
{
    double best = 1e18;

    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = clock_monotonic_ns();
        for (unsigned i = 0; i < events / ROUNDS; i++) {
            filter_set_match(set, event, taken);
        }
        double ns = (double)(clock_monotonic_ns() - start) / (events / ROUNDS);
        best = ns < best ? ns : best;
    }
    return best;
}

static void run(unsigned subscriptions, unsigned events, enum kind kind)
{
    struct subscription *made = memory_allocate_zero(subscriptions * sizeof(*made));
    const struct event_filter **filters = memory_allocate(subscriptions * sizeof(*filters));
    struct buffer json = {0};
    size_t taken = 0;

    for (unsigned i = 0; i < subscriptions; i++) {
        make_subscription(&made[i], i, kind);
        filters[i] = &made[i].filter;
    }
    append_event(&json, kind, subscriptions);
    struct event event = make_event(buffer_slice(&json));
    struct filter_set *set = filter_set_new(filters, subscriptions);
    double ns = measure(set, &event, events, &taken);
    printf("{\"kind\":\"%s\",\"subscriptions\":%u,\"taken\":%zu,\"event_bytes\":%zu,"
           "\"event_ns\":%.0f,\"ns_per_subscription\":%.1f}\n",
           kind_names[kind], subscriptions, taken, json.length, ns, ns / subscriptions);
    filter_set_free(set);
    buffer_release(&json);
    free(filters);
    free(made);
}

int main(int argc, char **argv)
{
    unsigned subscriptions = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 500;
    unsigned events = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20000;

    for (int kind = 0; kind < KINDS; kind++) {
        if (argc <= 3 || strcmp(argv[3], kind_names[kind]) == 0) {
            run(subscriptions, events, (enum kind)kind);
        }
    }
    return 0;
}
