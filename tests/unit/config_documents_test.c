/* What speaks of options speaks of all of them: --print-config, conf/pubgrid.yaml, its manual page.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/option_table.h"
#include "config_fixture.h"
#include "source_file.h"

TEST(what_is_printed_can_be_loaded)
{
    struct config *config = load_good("workers: 3\nmqtt: {sys_interval: 1500ms}\n"
                                      "store: {path: \"/a b\"}\n");
    char *text = print(config);
    struct config *again = load_good(text);
    char *text_again = print(again);
    CHECK_STRING_EQUAL(text_again, text);
    free(text_again);
    free(text);
    config_free(again);
    config_free(config);
}

TEST(the_delivered_file_says_the_defaults)
{
    char *text = read_source(__FILE__, "conf/pubgrid.yaml");
    struct config *file = load_good(text), *defaults = load_good("");
    char *file_text = print(file), *defaults_text = print(defaults);
    CHECK_STRING_EQUAL(file_text, defaults_text);
    CHECK_INT_EQUAL(file->access_rule_count, 0);
    CHECK_INT_EQUAL(file->group_count, 0);
    free(file_text);
    free(defaults_text);
    config_free(file);
    config_free(defaults);
    free(text);
}

/* The key of each option must begin a line, perhaps commented out. */
static bool has_key(const char *yaml, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(yaml, name); at; at = strstr(at + 1, name)) {
        const char *start = at;
        while (start > yaml && strchr(" #-", start[-1])) {
            start--;
        }
        if (at[length] == ':' && (start == yaml || start[-1] == '\n')) {
            return true;
        }
    }
    return false;
}

/* `.It Cm name` of the manual page. */
static bool has_item(const char *page, const char *name)
{
    char line[128];
    snprintf(line, sizeof(line), "\n.It Cm %s\n", name);
    if (strstr(page, line)) {
        return true;
    }
    snprintf(line, sizeof(line), "\n.It Cm %s ", name);
    return strstr(page, line) != NULL;
}

TEST(every_option_is_in_the_file_and_in_the_manual)
{
    static const char *const lists[] = {
        "address",
        "mode",
        "certificate",
        "key",
        "ca",
        "crl",
        "require_client_certificate",
        "use_certificate_as_user",
        "allow_anonymous",
        "name",
        "users",
        "user",
        "group",
        "deny",
        "publish",
        "subscribe",
        "bridge.public_endpoints",
        "event_handlers",
        "event_listeners",
        "system_events",
        "group_presence_events",
        "event_names",
        "group_filters",
        "key1",
        "properties",
        "eventSubscriptions",
        "directory",
        "container",
        "systemTopic",
        "url",
        "ignore",
        "tellExisting",
        "rescanInSeconds",
    };
    static const struct {
        const struct option *options;
        const size_t *count;
    } tables[] = {
        {hub_options, &hub_option_count},
        {event_handler_options, &event_handler_option_count},
        {event_listener_options, &event_listener_option_count},
    };
    char *yaml = read_source(__FILE__, "conf/pubgrid.yaml"),
         *page = read_source(__FILE__, "docs/man/pubgrid.yaml.5");
    for (size_t i = 0; i < config_option_count; i++) {
        const char *dot = strchr(config_options[i].path, '.');
        test_note("%s", config_options[i].path);
        CHECK(has_key(yaml, dot ? dot + 1 : config_options[i].path));
        CHECK(has_item(page, config_options[i].path));
    }
    for (size_t t = 0; t < COUNT(tables); t++) {
        for (size_t i = 0; i < *tables[t].count; i++) {
            const char *path = tables[t].options[i].path;
            test_note("%s", path);
            CHECK(has_key(yaml, path));
            CHECK(has_item(page, path));
        }
    }
    for (size_t i = 0; i < COUNT(lists); i++) {
        test_note("%s", lists[i]);
        const char *dot = strchr(lists[i], '.');
        CHECK(has_key(yaml, dot ? dot + 1 : lists[i]));
        CHECK(has_item(page, lists[i]));
    }
    free(yaml);
    free(page);
}
