/* docs/metrics.md has every metric, and no other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "client/metrics_board.h"
#include "source_file.h"
#include "test.h"

/* The row of the table that begins with this name in backquotes and goes on so. */
static void check_row(const char *text, const char *prefix, const char *name, const char *type)
{
    char row[200];

    snprintf(row, sizeof(row), "\n| `%s%s` | %s | ", prefix, name, type);
    test_note("%s", row);
    CHECK(strstr(text, row));
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;

    for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) {
        found++;
    }
    return found;
}

TEST(every_metric_is_documented)
{
    char *text = read_source(__FILE__, "docs/metrics.md");

    for (int i = 0; i < METRICS; i++) {
        check_row(text, "pubgrid_bridge_", metric_families[i].name, metric_families[i].type);
    }
    CHECK_INT_EQUAL(count(text, "\n| `pubgrid_bridge_"), METRICS);
    for (int i = 0; i < BROKER_METRICS; i++) {
        check_row(text, "pubgrid_broker_", broker_metrics[i].name, broker_metrics[i].type);
    }
    CHECK_INT_EQUAL(count(text, "\n| `pubgrid_broker_"), BROKER_METRICS + 2);
    free(text);
}

TEST(every_label_value_is_documented)
{
    char *text = read_source(__FILE__, "docs/metrics.md");
    char value[80];

    for (int i = 0; i < CLOSE_CATEGORIES; i++) {
        snprintf(value, sizeof(value), "\n| `%s` | ", close_category_name((enum close_category)i));
        test_note("%s", value);
        CHECK(strstr(text, value));
    }
    for (size_t i = 0; i < METRICS_OPERATIONS; i++) {
        snprintf(value, sizeof(value), "`%s`", metrics_operation_name(i));
        test_note("%s", value);
        CHECK(strstr(text, value));
    }
    for (size_t i = 0; i < EVENT_KINDS; i++) {
        snprintf(value, sizeof(value), "`%s`", event_kind_names[i]);
        test_note("%s", value);
        CHECK(strstr(text, value));
    }
    for (size_t i = 0; i < EVENT_RESULTS; i++) {
        snprintf(value, sizeof(value), "`%s`", event_result_names[i]);
        test_note("%s", value);
        CHECK(strstr(text, value));
    }
    free(text);
}
