/* Queries of client groups: every line of the grammar of spec/eventgrid.md 6.3, by tables of a
 * query and which of three clients it takes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "client_profile_fixture.h"
#include "policy/query.h"

enum { NONE = 0, SENSOR = 1, FAN = 2, BOSS = 4, ALL = 7, CLIENTS = 3 };

static const struct slice clients[CLIENTS] = {
    SLICE_LITERAL("{\"name\":\"client1\",\"attributes\":{\"type\":\"sensor\",\"floor\":2,"
                  "\"sensors\":[\"motion\",\"humidity\"],\"note\":\"it's\"}}"),
    SLICE_LITERAL("{\"name\":\"fan-7\",\"attributes\":{\"type\":\"fan\",\"floor\":-12}}"),
    SLICE_LITERAL("{\"name\":\"Boss\"}"),
};

struct row {
    const char *query;
    unsigned taken;
};

static unsigned taken_by(const struct query *query)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct arena arena = {0};
        struct client_profile client;
        CHECK(read_profile(clients[i], &arena, &client));
        taken |= query_matches(query, &client) ? 1U << i : 0;
        arena_release(&arena);
    }
    return taken;
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buffer error = {0};
        test_note("%s", rows[i].query);
        struct query *query = query_compile(slice_from_string(rows[i].query), &error);
        CHECK_SLICE_EQUAL(buffer_slice(&error), SLICE_LITERAL(""));
        CHECK(query);
        CHECK_INT_EQUAL(taken_by(query), rows[i].taken);
        query_free(query);
    }
}

#define CHECK_ROWS(...)                                                                            \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        check_rows(rows, sizeof(rows) / sizeof(rows[0]));                                          \
    } while (0)

TEST(texts_stand_in_either_quotes)
{
    CHECK_ROWS({"attributes.type = 'sensor'", SENSOR}, {"attributes.type = \"sensor\"", SENSOR},
               {"attributes.type='Sensor'", NONE}, {"attributes.note = \"it's\"", SENSOR},
               {"attributes.type = ''", NONE});
}

TEST(relations)
{
    CHECK_ROWS({"attributes.floor = 2", SENSOR}, {"attributes.floor <> 2", FAN},
               {"attributes.floor != 2", FAN}, {"attributes.floor < 2", FAN},
               {"attributes.floor <= 2", SENSOR | FAN}, {"attributes.floor > -12", SENSOR},
               {"attributes.floor >= -12", SENSOR | FAN}, {"attributes.floor >= 3", NONE},
               {"attributes.type <> 'fan'", SENSOR}, {"attributes.type != \"fan\"", SENSOR});
}

TEST(order_is_of_integers_only)
{
    CHECK_ROWS({"attributes.type > 0", NONE}, {"attributes.type <= 0", NONE},
               {"attributes.sensors >= 0", NONE});
}

TEST(types_that_differ_are_not_equal)
{
    CHECK_ROWS({"attributes.floor = '2'", NONE}, {"attributes.floor <> '2'", SENSOR | FAN},
               {"attributes.type = 0", NONE}, {"attributes.type IN [0, 'fan']", FAN});
}

TEST(who_has_not_the_attribute_is_in_no_comparison)
{
    CHECK_ROWS({"attributes.room = '1'", NONE}, {"attributes.room <> '1'", NONE},
               {"attributes.room != 1", NONE}, {"attributes.room < 1", NONE},
               {"attributes.room IN [1]", NONE}, {"attributes.Type = 'fan'", NONE},
               {"attributes.sensors <> 'x'", SENSOR});
}

TEST(of_an_array_any_text_may_be_equal)
{
    CHECK_ROWS({"attributes.sensors = 'motion'", SENSOR},
               {"attributes.sensors = 'humidity'", SENSOR},
               {"attributes.sensors IN ['x','humidity']", SENSOR},
               {"attributes.sensors = 'motion' AND attributes.sensors = 'humidity'", SENSOR},
               {"attributes.sensors <> 'motion'", NONE}, {"attributes.sensors <> 'x'", SENSOR});
}

TEST(lists)
{
    CHECK_ROWS({"attributes.floor IN [1,2]", SENSOR}, {"attributes.floor in [ -12 , 2 ]", 3},
               {"attributes.type iN ['fan']", FAN}, {"attributes.type IN ['a',\"b\"]", NONE});
}

TEST(names_are_compared_ignoring_case)
{
    CHECK_ROWS({"authenticationName IN ['client1','client2']", SENSOR},
               {"authenticationName = 'boss'", BOSS},
               {"authenticationName <> 'BOSS'", SENSOR | FAN},
               {"authenticationName = \"fan-7\"", FAN});
}

TEST(and_binds_stronger_than_or)
{
    CHECK_ROWS(
        {"attributes.type='fan' OR attributes.type='sensor' AND attributes.floor=99", FAN},
        {"(attributes.type='fan' OR attributes.type='sensor') AND attributes.floor=99", NONE},
        {"attributes.floor=99 AND attributes.type='sensor' OR attributes.type='fan'", FAN},
        {"attributes.floor=2 and attributes.type='sensor' aNd authenticationName='client1'",
         SENSOR},
        {"attributes.floor=2 or attributes.floor=-12 oR authenticationName='boss'", ALL},
        {"((((attributes.floor=2))))", SENSOR});
}

TEST(examples_of_the_documentation)
{
    CHECK_ROWS(
        {"attributes.type = 'sensor' AND attributes.floor IN [1,2]", SENSOR},
        {"(attributes.sensors = \"motion\" or attributes.sensors = \"humidity\") or "
         "attributes.type = \"home-sensors\"",
         SENSOR},
        {"attributes.sensors IN [\"motion\",\"humidity\"] and attributes.floor <= 5", SENSOR},
        {"authenticationName IN ['client1','client2']", SENSOR});
}

TEST(white_space_is_free)
{
    CHECK_ROWS({"\n\tattributes.floor\r\n=\t2 ", SENSOR},
               {"attributes.type='fan'or(attributes.floor=2)and attributes.floor>=2", 3});
}

static void check_error(struct slice text, const char *wanted)
{
    struct buffer error = {0};
    test_note("%.60s", (const char *)text.data);
    CHECK(!query_compile(text, &error));
    CHECK_SLICE_EQUAL(buffer_slice(&error), slice_from_string(wanted));
    buffer_release(&error);
}

TEST(mistakes_are_told_with_their_position)
{
    static const struct {
        const char *query, *error;
    } rows[] = {
        {"", "position 1: expects attributes.KEY, authenticationName or ("},
        {"   ", "position 4: expects attributes.KEY, authenticationName or ("},
        {"type = 'a'", "position 1: expects attributes.KEY, authenticationName or ("},
        {"attributes. = 'a'", "position 1: expects attributes.KEY, authenticationName or ("},
        {"attributes.a.b = 'a'", "position 1: expects attributes.KEY, authenticationName or ("},
        {"authenticationname = 'a'", "position 1: expects attributes.KEY, authenticationName or ("},
        {"NOT attributes.a = 1", "position 1: expects attributes.KEY, authenticationName or ("},
        {"attributes.a", "position 13: expects one of = <> != < > <= >= IN"},
        {"attributes.a LIKE 'x'", "position 14: expects one of = <> != < > <= >= IN"},
        {"attributes.a == 1", "position 15: expects a text in quotes or an integer"},
        {"attributes.a = b", "position 16: expects a text in quotes or an integer"},
        {"attributes.a = 'b", "position 16: expects a text in quotes or an integer"},
        {"attributes.a = 'b\"", "position 16: expects a text in quotes or an integer"},
        {"attributes.a = 1.5", "position 16: expects a text in quotes or an integer"},
        {"attributes.a = 1x", "position 16: expects a text in quotes or an integer"},
        {"attributes.a = - 1", "position 16: expects a text in quotes or an integer"},
        {"attributes.a = 9223372036854775808",
         "position 16: expects a text in quotes or an integer"},
        {"attributes.a = true", "position 16: expects a text in quotes or an integer"},
        {"attributes.a < 'b'", "position 16: expects an integer: < <= > >= compare integers only"},
        {"authenticationName = 1",
         "position 22: expects a text in quotes: authenticationName is a text"},
        {"authenticationName < 1",
         "position 22: expects a text in quotes: authenticationName is a text"},
        {"attributes.a IN 1", "position 17: expects a list: [ and values with commas between them"},
        {"attributes.a IN []", "position 18: expects a text in quotes or an integer"},
        {"attributes.a IN [1,]", "position 20: expects a text in quotes or an integer"},
        {"attributes.a IN [1 2]", "position 20: expects , or ]"},
        {"attributes.a IN [1", "position 19: expects , or ]"},
        {"(attributes.a = 1", "position 18: expects AND, OR or )"},
        {"attributes.a = 1)", "position 17: expects AND, OR or the end"},
        {"attributes.a = 1 attributes.b = 2", "position 18: expects AND, OR or the end"},
        {"attributes.a = 1 AND", "position 21: expects attributes.KEY, authenticationName or ("},
        {"attributes.a = 1 OR OR attributes.b = 1",
         "position 21: expects attributes.KEY, authenticationName or ("},
        {"attributes.a = '\xC3\xBC' ;", "position 20: expects AND, OR or the end"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_error(slice_from_string(rows[i].query), rows[i].error);
    }
    check_error(SLICE_LITERAL("attributes.a = '\xFF'"),
                "position 1: is no text of at most 4096 bytes");
}

TEST(bounds)
{
    struct buffer text = {0}, error = {0};
    for (int i = 0; i <= QUERY_DEPTH_MAX; i++) {
        buffer_append_byte(&text, '(');
    }
    buffer_append_string(&text, "attributes.floor=2");
    for (int i = 0; i <= QUERY_DEPTH_MAX; i++) {
        buffer_append_byte(&text, ')');
    }
    check_error(buffer_slice(&text), "position 33: has too many parentheses within each other; 32 "
                                     "are the most");
    struct query *query = query_compile(slice_make(text.data + 1, text.length - 2), &error);
    CHECK(query);
    CHECK_INT_EQUAL(taken_by(query), SENSOR);
    query_free(query);
    text.length = 0;
    for (int i = 0; i < QUERY_BYTES_MAX; i++) {
        buffer_append_byte(&text, ' ');
    }
    buffer_append_byte(&text, 'a');
    check_error(buffer_slice(&text), "position 1: is no text of at most 4096 bytes");
    buffer_release(&text);
}
