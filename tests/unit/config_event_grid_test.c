/* The section `event_grid`: options, and event topics that are declared in the words of ARM.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"
#include "source_file.h"

#define WEBHOOK "{destination: {endpointType: WebHook, properties: {endpointUrl: \"http://h\"}}}"

#define FOLDER(directory, container, more)                                                         \
    "{name: abc, directory: " directory ", container: " container ", systemTopic: abc" more "}"

/* --- options --- */

TEST(defaults)
{
    struct config *config = load_good("store: {path: /data}\n");
    const struct event_grid_config *event_grid = &config->event_grid;

    CHECK(event_grid->opens_management);
    CHECK_STRING_EQUAL(event_grid->dead_letters, "/data/dead-letters");
    CHECK_STRING_EQUAL(event_grid->archive, "/data/archive");
    CHECK_STRING_EQUAL(event_grid->sources, "/data/sources");
    CHECK(event_grid->allows_private_addresses && event_grid->asks_consent);
    CHECK_INT_EQUAL(event_grid->retry_thousandths, 1000);
    CHECK_SLICE_EQUAL(buffer_slice(&event_grid->declared),
                      SLICE_LITERAL("{\"topics\":[],\"domains\":[],\"systemTopics\":[],"
                                    "\"namespaces\":[],\"sources\":[]}"));
    config_free(config);
}

TEST(options)
{
    struct config *config =
        load_good("event_grid:\n  open_management: no\n  dead_letter_directory: /d\n"
                  "  archive_directory: /a\n  allow_private_addresses: no\n  retry_scale: 0.001\n"
                  "  validation: false\n  topics:\n  domains: []\n  system_topics: null\n");
    const struct event_grid_config *event_grid = &config->event_grid;

    CHECK(!event_grid->opens_management);
    CHECK_STRING_EQUAL(event_grid->dead_letters, "/d");
    CHECK_STRING_EQUAL(event_grid->archive, "/a");
    CHECK(!event_grid->allows_private_addresses && !event_grid->asks_consent);
    CHECK_INT_EQUAL(event_grid->retry_thousandths, 1);
    config_free(config);
}

TEST(factors)
{
    static const struct {
        const char *text;
        uint32_t thousandths; /* 0: refused */
    } rows[] = {
        {"1", 1000},       {"1.0", 1000}, {"2.5", 2500}, {"0.001", 1},
        {"1000", 1000000}, {"0", 0},      {"0.0001", 0}, {"1.", 0},
        {".5", 0},         {"-1", 0},     {"1000.1", 0}, {"1.0.0", 0},
        {"x", 0},          {"1e3", 0},    {"1.5s", 0},   {"00000000000000000000000001", 1000},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer set = {0}, error = {0};
        buffer_append_format(&set, "event_grid.retry_scale=%s", rows[i].text);
        buffer_append_byte(&set, '\0');
        test_note("%s", rows[i].text);
        struct config *config = load("", (const char *[]){(const char *)set.data}, 1, &error);
        CHECK_INT_EQUAL(config ? config->event_grid.retry_thousandths : 0, rows[i].thousandths);
        CHECK(config || strstr((const char *)error.data, "`event_grid.retry_scale` is "));
        config_free(config);
        buffer_release(&set);
        buffer_release(&error);
    }
}

/* --- what is declared --- */

static void check_declared(const char *yaml, const char *expected)
{
    struct config *config = load_good(yaml);

    CHECK_SLICE_EQUAL(buffer_slice(&config->event_grid.declared), slice_from_string(expected));
    config_free(config);
}

static const char everything[] =
    "event_grid:\n"
    "  topics:\n"
    "    - name: Orders\n"
    "      key1: MDEyMzQ1Njc4OWFiY2RlZg==\n"
    "      properties: {inputSchema: CloudEventSchemaV1_0}\n"
    "      eventSubscriptions:\n"
    "        - name: billing\n"
    "          properties:\n"
    "            destination:\n"
    "              endpointType: WebHook\n"
    "              properties: {endpointUrl: \"http://h/x?y#\"}\n" /* replaced below */
    "            filter: {advancedFilters: [{operatorType: NumberIn, key: data.n, values: [1, "
    "-2.5]}]}\n"
    "    - name: plain\n"
    "  domains:\n"
    "    - name: shop\n"
    "      eventSubscriptions: [{name: all, properties: " WEBHOOK "}]\n"
    "      topics:\n"
    "        - name: berlin.1\n"
    "          eventSubscriptions: [{name: all, properties: " WEBHOOK "}]\n"
    "  system_topics:\n"
    "    - name: storage\n"
    "      properties: {source: /x, topicType: Microsoft.Storage.StorageAccounts}\n";

/* The text above without the `#` that a URL may not have. */
static char *good_text(void)
{
    char *text = memory_copy_string(slice_from_string(everything));

    memcpy(strstr(text, "#\""), "z\"", 2);
    return text;
}

TEST(declarations_become_json)
{
    char *text = good_text();

    check_declared(
        text,
        "{\"topics\":[{\"name\":\"Orders\",\"key1\":\"MDEyMzQ1Njc4OWFiY2RlZg==\",\"properties\":"
        "{\"inputSchema\":\"CloudEventSchemaV1_0\"},\"eventSubscriptions\":[{\"name\":\"billing\","
        "\"properties\":{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{"
        "\"endpointUrl\":\"http://h/x?yz\"}},\"filter\":{\"advancedFilters\":[{\"operatorType\":"
        "\"NumberIn\",\"key\":\"data.n\",\"values\":[1,-2.5]}]}}}]},{\"name\":\"plain\"}],"
        "\"domains\":[{\"name\":\"shop\",\"eventSubscriptions\":[{\"name\":\"all\",\"properties\":"
        "{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":"
        "\"http://h\"}}}}],\"topics\":[{\"name\":\"berlin.1\",\"eventSubscriptions\":[{\"name\":"
        "\"all\",\"properties\":{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{"
        "\"endpointUrl\":\"http://h\"}}}}]}]}],\"systemTopics\":[{\"name\":\"storage\","
        "\"properties\":{\"source\":\"/"
        "x\",\"topicType\":\"Microsoft.Storage.StorageAccounts\"}}],\"namespaces\":[],\"sources\":["
        "]}");
    free(text);
}

TEST(declarations_that_are_printed_can_be_loaded)
{
    char *yaml = good_text();
    struct config *config = load_good(yaml);
    char *text = print(config);
    struct config *again = load_good(text);
    char *text_again = print(again);

    CHECK_STRING_EQUAL(text_again, text);
    CHECK_SLICE_EQUAL(buffer_slice(&again->event_grid.declared),
                      buffer_slice(&config->event_grid.declared));
    free(text_again);
    free(text);
    free(yaml);
    config_free(again);
    config_free(config);
}

/* A system topic's source, which may be any text, as YAML; as it comes back in JSON. */
static void check_source(const char *yaml, const char *json)
{
    struct buffer text = {0}, expected = {0};

    test_note("%s", yaml);
    buffer_append_format(&text,
                         "event_grid: {system_topics: [{name: abc, properties: {source: %s, "
                         "topicType: t}}]}\n",
                         yaml);
    buffer_append_byte(&text, '\0');
    struct config *config = load_good((const char *)text.data);
    buffer_append_format(&expected, "\"source\":%s,", json);
    CHECK(memmem(config->event_grid.declared.data, config->event_grid.declared.length,
                 expected.data, expected.length));
    char *printed = print(config);
    struct config *again = load_good(printed);
    CHECK_SLICE_EQUAL(buffer_slice(&again->event_grid.declared),
                      buffer_slice(&config->event_grid.declared));
    free(printed);
    config_free(again);
    config_free(config);
    buffer_release(&text);
    buffer_release(&expected);
}

TEST(texts_stay_texts)
{
    static const char *const rows[][2] = {
        {"\"1\"", "\"1\""},
        {"'true'", "\"true\""},
        {"!!str 5", "\"5\""},
        {"! 5", "\"5\""},
        {"2031-01-01T00:00:00Z", "\"2031-01-01T00:00:00Z\""},
        {"1.2.3", "\"1.2.3\""},
        {"0x", "\"0x\""},
        {"yes", "\"yes\""},
        {"1e", "\"1e\""},
        {"-", "\"-\""},
        {"\"a\\\"b\\\\\\n\"", "\"a\\\"b\\\\\\n\""},
        {"\"\\x9f\\u2028\\ufeff\\U0001F600\"",
         "\"\xC2\x9F\xE2\x80\xA8\xEF\xBB\xBF\xF0\x9F\x98\x80\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (strcmp(rows[i][0], "-") != 0) { /* in a flow it would begin a list */
            check_source(rows[i][0], rows[i][1]);
        }
    }
}

/* The values of a NumberIn; as they come back. */
static void check_numbers(const char *yaml, const char *json)
{
    struct buffer text = {0}, expected = {0};

    test_note("%s", yaml);
    buffer_append_format(
        &text,
        "event_grid: {topics: [{name: abc, eventSubscriptions: [{name: abc, properties: {"
        "destination: {endpointType: WebHook, properties: {endpointUrl: \"http://h\"}}, filter: {"
        "advancedFilters: [{operatorType: NumberIn, key: k, values: [%s]}]}}}]}]}\n",
        yaml);
    buffer_append_byte(&text, '\0');
    struct config *config = load_good((const char *)text.data);
    buffer_append_format(&expected, "\"values\":[%s]", json);
    CHECK(memmem(config->event_grid.declared.data, config->event_grid.declared.length,
                 expected.data, expected.length));
    config_free(config);
    buffer_release(&text);
    buffer_release(&expected);
}

TEST(numbers_become_those_of_json)
{
    check_numbers("0, 5, -5, +5", "0,5,-5,5");
    check_numbers("007, -00.50, .5, 5., -.25", "7,-0.50,0.5,5,-0.25");
    check_numbers("1e3, 1E+3, 1.5e-3", "1e3,1E+3,1.5e-3");
    check_numbers("0x1F, 0o17", "31,15");
    check_numbers("123456789012345678901234567890", "123456789012345678901234567890");
}

/* --- mistakes --- */

TEST(mistakes_have_the_line_of_what_they_are_about)
{
    check_bad(everything, ":11: `destination.properties.endpointUrl`: is a URL",
              "`destination.properties.endpointUrl`");
    check_bad(
        "event_grid:\n  topics:\n    - name: abc\n      properties:\n        inputSchema: x\n",
        ":5: `inputSchema`: is EventGridSchema,", "");
    check_bad("event_grid:\n  topics:\n    - name: abc\n      eventSubscriptions:\n"
              "        - name: sub\n          properties:\n            destination:\n"
              "              endpointType: EventHub\n",
              ":8: `destination.endpointType`: EventHub is not available", "");
    check_bad("event_grid:\n  topics:\n    - name: abc\n      eventSubscriptions:\n"
              "        - name: sub\n          properties:\n            labels: []\n",
              ":6: `destination`: is missing", "");
}

TEST(mistakes)
{
    static const char *const rows[][3] = {
        {"topics: 5", ":2: `event_grid.topics`: is an array", ""},
        {"topics: {}", ":2: ", "is an array"},
        {"topics: [5]", ":2: `event_grid.topics.0`: is an object", ""},
        {"topics: [{}]", ":2: `event_grid.topics.0.name`: is missing", ""},
        {"topics: [{name: ab}]", ":2: ", "between 3 and 50 characters"},
        {"topics: [{name: 123}]", ":2: `event_grid.topics.0.name`: is a text in quotes, not 123",
         ""},
        {"topics: [{name: abc}, {name: ABC}]",
         ":2: `event_grid.topics.1.name`: stands here already", ""},
        {"topics: [{name: abc, nmae: abc}]", ":2: ", "write name instead"},
        {"topics: [{name: abc, key1: x}]", ":2: `event_grid.topics.0.key1`: is the base64", ""},
        {"topics: [{name: abc, key2: MDEy}]", ":2: `event_grid.topics.0.key2`: is the base64", ""},
        {"topics: [{name: abc, topics: []}]", ":2: ", "there is no such property"},
        {"topics: [{name: abc, eventSubscriptions: {}}]",
         ":2: `event_grid.topics.0.eventSubscriptions`: is an array", ""},
        {"topics: [{name: abc, eventSubscriptions: [{name: a.b, properties: " WEBHOOK "}]}]",
         ":2: `event_grid.topics.0.eventSubscriptions.0.name`: Event subscription name", ""},
        {"topics: [{name: abc, eventSubscriptions: [{name: sub, properties: " WEBHOOK
         "}, {name: SUB, properties: " WEBHOOK "}]}]",
         ":2: `event_grid.topics.0.eventSubscriptions.1.name`: stands here already", ""},
        {"topics: [{name: abc, eventSubscriptions: [{name: sub}]}]",
         ":2: `destination`: is missing", ""},
        {"topics: [{name: abc, properties: {inputSchema: CloudEventSchemaV1_0}, "
         "eventSubscriptions: "
         "[{name: sub, properties: {eventDeliverySchema: EventGridSchema, destination: "
         "{endpointType: WebHook, properties: {endpointUrl: \"http://h\"}}}}]}]",
         ":2: `eventDeliverySchema`: EventGridSchema cannot be delivered", ""},
        {"domains: [{name: abc, topics: [{name: a/b}]}]",
         ":2: `event_grid.domains.0.topics.0.name`: Domain topic name", ""},
        {"domains: [{name: abc, topics: [{name: a}, {name: A}]}]",
         ":2: `event_grid.domains.0.topics.1.name`: stands here already", ""},
        {"domains: [{name: abc, topics: [{name: a, properties: {}}]}]",
         ":2: ", "there are name, eventSubscriptions"},
        {"system_topics: [{name: abc}]", ":2: `source`: is missing", ""},
        {"system_topics: [{name: abc, key1: x}]", ":2: ", "there is no such property"},
        {"topic: []", ":2: there is no option `topic`; write `topics` instead", ""},
        {"topics: [{name: abc, name: abd}]", ":2: `event_grid.topics.0.name` stands in line 2", ""},
        {"topics: [{name: abc, properties: {x: .inf}}]", ":2: ", "is no finite number"},
        {"topics: [{name: abc, properties: {x: !!int 5}}]", ":2: ", "has a tag"},
        {"topics: [{name: \"a\\0\"}]", ":2: ", "has NUL in it"},
        {"topics: [{name: &a abc}, {name: *a}]", ":2: ", "instead of an alias"},
        {"topics: [{[a]: b}]", ":2: ", "a key is a single word"},
        {"open_management: maybe", ":2: ", "is one of false, true"},
        {"sources: [{name: abc}]", ":2: `event_grid.sources.0.directory`: is missing",
         "`event_grid.sources.0.systemTopic`: is missing"},
        {"sources: [" FOLDER("srv", "pics", "") "]", ":2: ", "is the absolute path of a folder"},
        {"sources: [" FOLDER("/srv", "Pics", "") "]", ":2: ", "lower-case letters"},
        {"sources: [" FOLDER("/srv", "pics", ", url: x") "]", ":2: ", "begins with https://"},
        {"sources: [" FOLDER("/srv", "pics", ", ignore: ['']") "]", ":2: ", "ignore.0"},
        {"sources: [" FOLDER("/srv", "pics", ", rescanInSeconds: 86401") "]", ":2: ", "86400"},
        {"sources: [" FOLDER("/srv", "pics", "") ", " FOLDER("/x", "pics", "") "]",
         ":2: `event_grid.sources.1.name`: stands here already", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0};
        buffer_append_format(&text, "event_grid:\n  %s\n", rows[i][0]);
        buffer_append_byte(&text, '\0');
        check_bad((const char *)text.data, rows[i][1], rows[i][2]);
        buffer_release(&text);
    }
}

TEST(a_topic_and_a_domain_may_have_the_same_name)
{
    struct config *config = load_good("event_grid: {topics: [{name: abc}], domains: [{name: abc, "
                                      "topics: [{name: abc}]}]}\n");
    config_free(config);
}

TEST(an_event_subscription_that_has_expired_is_no_mistake)
{
    struct config *config =
        load_good("event_grid: {topics: [{name: abc, eventSubscriptions: [{name: sub, properties: {"
                  "expirationTimeUtc: 2001-01-01T00:00:00Z, destination: {endpointType: WebHook, "
                  "properties: {endpointUrl: \"http://h\"}}}}]}]}\n");
    config_free(config);
}

TEST(nesting_has_an_end)
{
    struct buffer text = {0};

    buffer_append_string(&text, "event_grid: {topics: ");
    for (int i = 0; i < 100; i++) {
        buffer_append_string(&text, "[");
    }
    buffer_append_byte(&text, '\0');
    check_bad((const char *)text.data, ":1: ", "nested too deeply");
    buffer_release(&text);
}

/* --- reload --- */

TEST(what_is_declared_needs_no_restart)
{
    char *text = good_text();
    struct config *now = load_good(""), *wanted = load_good(text);
    struct buffer names = {0};

    config_need_restart(now, wanted, &names);
    CHECK_INT_EQUAL(names.length, 0);
    config_free(wanted);
    wanted = load_good("event_grid: {retry_scale: 2.0, open_management: no}\n");
    config_need_restart(now, wanted, &names);
    CHECK_SLICE_EQUAL(buffer_slice(&names),
                      SLICE_LITERAL("event_grid.open_management, event_grid.retry_scale"));
    config_free(now);
    config_free(wanted);
    buffer_release(&names);
    free(text);
}

/* --- examples --- */

/* From the line `from` up to the line that begins with `to`. */
static char *cut_section(const char *text, const char *from, const char *to)
{
    const char *begin = strstr(text, from), *end = begin ? strstr(begin + 1, to) : NULL;

    CHECK(begin && end);
    return memory_copy_string(slice_make(begin + 1, (size_t)(end - begin)));
}

/* --- folders --- */

TEST(folders_become_json)
{
    struct config *config =
        load_good("event_grid:\n  sources:\n    - {name: pics, directory: /srv/p/, container: pics,"
                  " systemTopic: storage, url: 'https://x/', ignore: ['*.tmp'], tellExisting: true,"
                  " rescanInSeconds: 60}\n");
    struct slice declared = buffer_slice(&config->event_grid.declared);
    char *text = print(config);
    struct config *again = load_good(text);

    CHECK(memmem(declared.data, declared.length, "\"sources\":[{\"name\":\"pics\"", 25));
    CHECK_SLICE_EQUAL(buffer_slice(&again->event_grid.declared), declared);
    free(text);
    config_free(again);
    config_free(config);
}

/* How many entries a declared list has that have a name. */
static size_t count_names(const struct config *config)
{
    static const char name[] = "{\"name\":";
    struct slice declared = buffer_slice(&config->event_grid.declared);
    const uint8_t *at = declared.data;
    size_t count = 0;

    while ((at = memmem(at, (size_t)(declared.data + declared.length - at), name,
                        sizeof(name) - 1)) != NULL) {
        count++;
        at++;
    }
    return count;
}

TEST(the_examples_in_the_delivered_file_are_good)
{
    char *text = read_source(__FILE__, "conf/pubgrid.yaml");
    char *section = cut_section(text, "\nevent_grid:", "\n# What hubs allow");
    struct buffer yaml = {0};

    /* Comments without a space behind # are examples; empty lists give way to them. */
    for (char *line = strtok(section, "\n"); line; line = strtok(NULL, "\n")) {
        char *empty = strstr(line, ": []");
        if (line[0] == '#') {
            line[0] = ' ';
        } else if (empty) {
            empty[1] = '\0';
        }
        buffer_append_format(&yaml, "%s\n", line);
    }
    buffer_append_byte(&yaml, '\0');
    struct config *config = load_good((const char *)yaml.data);
    CHECK_INT_EQUAL(count_names(config), 16);
    config_free(config);
    buffer_release(&yaml);
    free(section);
    free(text);
}

TEST(the_example_in_the_documentation_is_good)
{
    char *text = read_source(__FILE__, "docs/eventgrid.md");
    char *section = cut_section(text, "\n    event_grid:", "\n`pubgrid.yaml(5)`");
    struct config *config = load_good(section);

    CHECK_INT_EQUAL(count_names(config), 8);
    config_free(config);
    free(section);
    free(text);
}
