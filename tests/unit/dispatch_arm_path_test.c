/* Paths of management (spec/eventgrid.md 8.1, docs/eventgrid.md): which operation, on what.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "dispatch/arm_path.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PROVIDER "/providers/Microsoft.EventGrid"
#define ACCOUNT  "/subscriptions/s1"
#define GROUP    ACCOUNT "/resourceGroups/g1"
#define NESTED   GROUP PROVIDER
#define STORAGE  GROUP "/providers/Microsoft.Storage/storageAccounts/sa"
#define ES       "/eventSubscriptions/e1"

static struct arm_scratch scratch;
static struct arm_call call;
static struct arm_error error;

static bool find(const char *method, const char *target)
{
    test_note("%s %s", method, target);
    return arm_find(slice_from_string(method), slice_from_string(target), &scratch, &call, &error);
}

struct row {
    const char *method, *target;
    enum arm_operation operation;
    const char *source; /* its key; "": none, or that of `scope` */
    const char *name, *scope;
};

static void check_row(const struct row *row)
{
    struct buffer key = {0};
    CHECK(find(row->method, row->target));
    CHECK_INT_EQUAL(call.operation, row->operation);
    CHECK_INT_EQUAL(call.has_source, row->source[0] != '\0' || row->scope != NULL);
    CHECK_SLICE_EQUAL(call.name, slice_from_string(row->name ? row->name : ""));
    CHECK_SLICE_EQUAL(call.scope, slice_from_string(row->scope ? row->scope : ""));
    if (call.has_source && call.scope.length == 0) {
        source_key_append(&key, &call.source);
    }
    CHECK_SLICE_EQUAL(buffer_slice(&key), slice_from_string(row->source));
    buffer_release(&key);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_row(&rows[i]);
    }
    arm_scratch_release(&scratch);
}

TEST(the_provider)
{
    static const struct row rows[] = {
        {"GET", PROVIDER "/operations", ARM_OPERATIONS, "", NULL, NULL},
        {"GET", PROVIDER "/topicTypes", ARM_TOPIC_TYPES, "", NULL, NULL},
        {"GET", PROVIDER "/topicTypes/a.b", ARM_TOPIC_TYPE, "", "a.b", NULL},
        {"GET", PROVIDER "/topicTypes/a.b/eventTypes", ARM_EVENT_TYPES, "", "a.b", NULL},
        {"GET", "/api/eventgrid/topicTypes", ARM_TOPIC_TYPES, "", NULL, NULL},
    };
    check_rows(rows, COUNT(rows));
}

TEST(namespaces)
{
    static const struct row rows[] = {
        {"GET", NESTED "/namespaces", ARM_SOURCES, "", NULL, NULL},
        {"GET", ACCOUNT PROVIDER "/namespaces", ARM_SOURCES, "", NULL, NULL},
        {"PUT", NESTED "/namespaces/N1", ARM_PUT_SOURCE, "namespaces/n1", NULL, NULL},
        {"PATCH", NESTED "/namespaces/n1", ARM_PATCH_SOURCE, "namespaces/n1", NULL, NULL},
        {"POST", NESTED "/namespaces/n1/listKeys", ARM_LIST_KEYS, "namespaces/n1", NULL, NULL},
        {"GET", NESTED "/namespaces/n1/topics", ARM_SOURCES, "namespaces/n1", NULL, NULL},
        {"PUT", NESTED "/namespaces/n1/topics/T1", ARM_PUT_SOURCE, "namespaces/n1/topics/t1", NULL,
         NULL},
        {"PATCH", "/api/eventgrid/namespaces/n1/topics/t1", ARM_PATCH_SOURCE,
         "namespaces/n1/topics/t1", NULL, NULL},
        {"POST", NESTED "/namespaces/n1/topics/t1/regenerateKey", ARM_REGENERATE_KEY,
         "namespaces/n1/topics/t1", NULL, NULL},
        {"PUT", NESTED "/namespaces/n1/topics/t1" ES, ARM_PUT_SUBSCRIPTION,
         "namespaces/n1/topics/t1", "e1", NULL},
        {"POST", NESTED "/namespaces/n1/topics/t1" ES "/getFullUrl", ARM_GET_FULL_URL,
         "namespaces/n1/topics/t1", "e1", NULL},
        {"GET", NESTED "/namespaces/n1/clients", ARM_CHILDREN, "namespaces/n1", NULL, NULL},
        {"GET", NESTED "/namespaces/n1/CLIENTS/Pump-1", ARM_GET_CHILD, "namespaces/n1", "Pump-1",
         NULL},
        {"PUT", "/api/eventgrid/namespaces/n1/clientGroups/g1", ARM_PUT_CHILD, "namespaces/n1",
         "g1", NULL},
        {"DELETE", NESTED "/namespaces/n1/permissionBindings/b1", ARM_DELETE_CHILD, "namespaces/n1",
         "b1", NULL},
    };
    check_rows(rows, COUNT(rows));
    CHECK(find("GET", NESTED "/namespaces/n1/topicSpaces/s1"));
    CHECK_INT_EQUAL(call.child, CHILD_TOPIC_SPACE);
    CHECK(find("GET", NESTED "/namespaces/n1/caCertificates"));
    CHECK_INT_EQUAL(call.child, CHILD_CA_CERTIFICATE);
    CHECK(!find("PATCH", NESTED "/namespaces/n1/clients/c1"));
    CHECK_INT_EQUAL(error.status, 405);
    CHECK_SLICE_EQUAL(error.allow, SLICE_LITERAL("GET, PUT, DELETE"));
    CHECK(!find("GET", NESTED "/namespaces/n1/eventSubscriptions"));
    CHECK_INT_EQUAL(error.status, 404);
    CHECK(!find("GET", NESTED "/topics/t1/clients"));
    CHECK(!find("GET", NESTED "/namespaces/n1/queues/q1"));
    arm_scratch_release(&scratch);
}

TEST(sources)
{
    static const struct row rows[] = {
        {"GET", NESTED "/topics/T1", ARM_GET_SOURCE, "topics/t1", NULL, NULL},
        {"PUT", NESTED "/topics/t1", ARM_PUT_SOURCE, "topics/t1", NULL, NULL},
        {"PATCH", NESTED "/topics/t1", ARM_PATCH_SOURCE, "topics/t1", NULL, NULL},
        {"DELETE", NESTED "/topics/t1", ARM_DELETE_SOURCE, "topics/t1", NULL, NULL},
        {"POST", NESTED "/topics/t1/listKeys", ARM_LIST_KEYS, "topics/t1", NULL, NULL},
        {"POST", NESTED "/topics/t1/regenerateKey", ARM_REGENERATE_KEY, "topics/t1", NULL, NULL},
        {"PUT", NESTED "/domains/d1", ARM_PUT_SOURCE, "domains/d1", NULL, NULL},
        {"POST", NESTED "/domains/d1/listKeys", ARM_LIST_KEYS, "domains/d1", NULL, NULL},
        {"PUT", NESTED "/domains/d1/topics/t1", ARM_PUT_SOURCE, "domains/d1/topics/t1", NULL, NULL},
        {"PUT", NESTED "/systemTopics/s1", ARM_PUT_SOURCE, "systemtopics/s1", NULL, NULL},
        {"PUT", "/api/eventgrid/topics/t1", ARM_PUT_SOURCE, "topics/t1", NULL, NULL},
        {"DELETE", "/api/eventgrid/domains/d1/topics/t1", ARM_DELETE_SOURCE, "domains/d1/topics/t1",
         NULL, NULL},
        {"GET", NESTED "/topics/t1" PROVIDER "/eventTypes", ARM_SOURCE_EVENT_TYPES, "topics/t1",
         NULL, NULL},
    };
    check_rows(rows, COUNT(rows));
}

TEST(lists)
{
    static const struct row rows[] = {
        {"GET", ACCOUNT PROVIDER "/topics", ARM_SOURCES, "", NULL, NULL},
        {"GET", NESTED "/topics", ARM_SOURCES, "", NULL, NULL},
        {"GET", NESTED "/domains/d1/topics", ARM_SOURCES, "domains/d1", NULL, NULL},
        {"GET", ACCOUNT PROVIDER "/eventSubscriptions", ARM_ALL_SUBSCRIPTIONS, "", NULL, NULL},
        {"GET", NESTED "/locations/westus/eventSubscriptions", ARM_ALL_SUBSCRIPTIONS, "", NULL,
         NULL},
        {"GET", NESTED "/topicTypes/a.b/eventSubscriptions", ARM_ALL_SUBSCRIPTIONS, "", "a.b",
         NULL},
        {"GET", ACCOUNT PROVIDER "/locations/l/topicTypes/a.b/eventSubscriptions",
         ARM_ALL_SUBSCRIPTIONS, "", "a.b", NULL},
        {"GET", NESTED "/topics/t1/eventSubscriptions", ARM_SUBSCRIPTIONS, "topics/t1", NULL, NULL},
        {"GET", NESTED "/topics/t1" PROVIDER "/eventSubscriptions", ARM_SUBSCRIPTIONS, "topics/t1",
         NULL, NULL},
        {"GET", NESTED "/domains/d1/topics/t1" PROVIDER "/eventSubscriptions", ARM_SUBSCRIPTIONS,
         "domains/d1/topics/t1", NULL, NULL},
        {"GET", STORAGE PROVIDER "/eventSubscriptions", ARM_SUBSCRIPTIONS, "", NULL, STORAGE},
    };
    check_rows(rows, COUNT(rows));
    CHECK(find("GET", NESTED "/systemTopics") && call.kind == SOURCE_SYSTEM_TOPIC);
    CHECK(find("GET", NESTED "/domains/d1/topics") && call.kind == SOURCE_DOMAIN_TOPIC);
    arm_scratch_release(&scratch);
}

TEST(both_addressing_styles_name_the_same_subscription)
{
    static const char *const sources[][2] = {
        {"/topics/t1", "topics/t1"},
        {"/domains/d1", "domains/d1"},
        {"/domains/d1/topics/t1", "domains/d1/topics/t1"},
        {"/systemTopics/s1", "systemtopics/s1"},
    };
    static const struct {
        const char *method, *behind;
        enum arm_operation operation;
    } operations[] = {
        {"GET", "", ARM_GET_SUBSCRIPTION},
        {"PUT", "", ARM_PUT_SUBSCRIPTION},
        {"PATCH", "", ARM_PATCH_SUBSCRIPTION},
        {"DELETE", "", ARM_DELETE_SUBSCRIPTION},
        {"POST", "/getFullUrl", ARM_GET_FULL_URL},
        {"POST", "/getDeliveryAttributes", ARM_GET_DELIVERY_ATTRIBUTES},
    };
    static const char *const before[] = {
        NESTED, NESTED, "/api/eventgrid",
        "//Subscriptions/x/RESOURCEGROUPS/y/Providers/microsoft.eventgrid"};
    static const char *const between[] = {ES, PROVIDER ES, ES, "/EVENTSUBSCRIPTIONS/e1"};
    for (size_t i = 0; i < COUNT(sources) * COUNT(operations) * COUNT(before); i++) {
        const char *const *source = sources[i % COUNT(sources)];
        size_t operation = i / COUNT(sources) % COUNT(operations);
        size_t form = i / COUNT(sources) / COUNT(operations);
        struct buffer target = {0};
        buffer_append_format(&target, "%s%s%s%s", before[form], source[0], between[form],
                             operations[operation].behind);
        buffer_append_byte(&target, '\0');
        check_row(&(struct row){operations[operation].method, (const char *)target.data,
                                operations[operation].operation, source[1], "e1", NULL});
        buffer_release(&target);
    }
    arm_scratch_release(&scratch);
}

TEST(resources_that_have_a_system_topic)
{
    static const struct row rows[] = {
        {"PUT", STORAGE PROVIDER ES, ARM_PUT_SUBSCRIPTION, "", "e1", STORAGE},
        {"GET", ACCOUNT PROVIDER ES, ARM_GET_SUBSCRIPTION, "", "e1", ACCOUNT},
        {"GET", GROUP PROVIDER ES, ARM_GET_SUBSCRIPTION, "", "e1", GROUP},
        {"GET", NESTED "/namespaces/n1" PROVIDER ES, ARM_GET_SUBSCRIPTION, "", "e1",
         NESTED "/namespaces/n1"},
    };
    check_rows(rows, COUNT(rows));
}

TEST(what_the_path_says_of_the_account)
{
    CHECK(find("GET", NESTED "/topics/t1"));
    CHECK_SLICE_EQUAL(call.azure_subscription, SLICE_LITERAL("s1"));
    CHECK_SLICE_EQUAL(call.resource_group, SLICE_LITERAL("g1"));
    CHECK(find("GET", ACCOUNT PROVIDER "/topics"));
    CHECK_INT_EQUAL(call.resource_group.length, 0);
    CHECK(find("GET", "/api/eventgrid/topics/t%20%2F1") && call.is_short);
    CHECK_INT_EQUAL(call.azure_subscription.length, 0);
    CHECK_SLICE_EQUAL(call.source.name, SLICE_LITERAL("t /1")); /* whatever that may be */
    arm_scratch_release(&scratch);
}

TEST(beyond_azure)
{
    static const struct row rows[] = {
        {"POST", "/api/eventgrid/topics/t1/test", ARM_TEST, "topics/t1", NULL, NULL},
        {"POST", "/api/eventgrid/topics/t1/replay", ARM_REPLAY, "topics/t1", NULL, NULL},
        {"POST", "/api/eventgrid/domains/d1/resend", ARM_RESEND, "domains/d1", NULL, NULL},
        {"GET", "/api/eventgrid/topics/t1/log", ARM_SOURCE_LOG, "topics/t1", NULL, NULL},
        {"GET", "/api/eventgrid/topics/t1" ES "/log?top=5", ARM_LOG, "topics/t1", "e1", NULL},
        {"GET", "/api/eventgrid/topics/t1" ES "/queue", ARM_QUEUE, "topics/t1", "e1", NULL},
        {"GET", "/api/eventgrid/topics/t1" ES "/deadLetters", ARM_DEAD_LETTERS, "topics/t1", "e1",
         NULL},
        {"POST", "/api/eventgrid/topics/t1" ES "/resend", ARM_RESEND_DEAD_LETTERS, "topics/t1",
         "e1", NULL},
        {"GET", "/eventgrid/validate?id=x", ARM_CONSENT, "", NULL, NULL},
    };
    check_rows(rows, COUNT(rows));
}

TEST(refused)
{
    static const struct {
        const char *method, *target;
        int status;
        const char *allow;
    } rows[] = {
        {"POST", NESTED "/topics/t1", 405, "GET, PUT, PATCH, DELETE"},
        {"PATCH", NESTED "/domains/d1/topics/t1", 405, "GET, PUT, DELETE"},
        {"GET", NESTED "/topics/t1/listKeys", 405, "POST"},
        {"PUT", "/eventgrid/validate", 405, "GET, POST"},
        {"GET", NESTED "/topics/t1/nothing", 404, ""},
        {"GET", NESTED "/topics/t1" ES "/log", 404, ""}, /* not Azure's */
        {"GET", NESTED, 404, ""},
        {"GET", NESTED "/topics/t1" PROVIDER, 404, ""},
        {"GET", NESTED "/partnerTopics/p1" ES, 404, ""},
        {"POST", NESTED "/systemTopics/s1/listKeys", 404, ""},
        {"GET", PROVIDER "/topics", 404, ""},
        {"GET", GROUP "/providers/Microsoft.Storage/topics/t1", 404, ""},
        {"GET", "/api/eventgrid/", 404, ""},
        {"GET", NESTED "/topics/a%zz", 400, ""},
        {"GET", NESTED "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/0", 400, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK(!find(rows[i].method, rows[i].target));
        CHECK_INT_EQUAL(error.status, rows[i].status);
        CHECK_SLICE_EQUAL(error.allow, slice_from_string(rows[i].allow));
        CHECK(error.message.length > 0 && error.code);
    }
    arm_scratch_release(&scratch);
}

TEST(queries)
{
    CHECK(find("GET", NESTED "/topics?$filter=contains(name%2C%27x%27)&$top=5&%24skiptoken=a/b&"
                             "API-version=9999-12-31"));
    CHECK(arm_read_query(&call, &scratch, &error));
    CHECK_SLICE_EQUAL(call.filter, SLICE_LITERAL("contains(name,'x')"));
    CHECK_SLICE_EQUAL(call.skip_token, SLICE_LITERAL("a/b"));
    CHECK_INT_EQUAL(call.top, 5);
    CHECK(find("GET", "/api/eventgrid/topics"));
    CHECK(arm_read_query(&call, &scratch, &error));
    CHECK_INT_EQUAL(call.top, ARM_TOP_DEFAULT);
    CHECK(find("GET", NESTED "/topics"));
    CHECK(!arm_read_query(&call, &scratch, &error));
    CHECK_STRING_EQUAL(error.code, "MissingApiVersionParameter");
    static const char *const wrong[] = {"0", "101", "-1", "x", "99999999999"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct buffer target = {0};
        buffer_append_format(&target, "/api/eventgrid/topics?$top=%s", wrong[i]);
        buffer_append_byte(&target, '\0');
        CHECK(find("GET", (const char *)target.data));
        CHECK(!arm_read_query(&call, &scratch, &error));
        CHECK_INT_EQUAL(error.status, 400);
        buffer_release(&target);
    }
    arm_scratch_release(&scratch);
}

TEST(which_paths_are_managements)
{
    static const char *const ours[] = {
        ACCOUNT PROVIDER,   "//subscriptions/s",     PROVIDER,
        "/api/EventGrid/x", "/eventgrid/validate?x", "/EventGrid/Validate"};
    static const char *const others[] = {"/",
                                         "/api/hubs/h",
                                         "/topics/t/api/events",
                                         "/eventgrid",
                                         "/eventgrid/validate/x",
                                         "/subscriptionsx",
                                         "*",
                                         ""};
    for (size_t i = 0; i < COUNT(ours); i++) {
        test_note("%s", ours[i]);
        CHECK(arm_is_path(slice_from_string(ours[i])));
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        test_note("%s", others[i]);
        CHECK(!arm_is_path(slice_from_string(others[i])));
    }
}

TEST(errors_as_json)
{
    struct buffer out = {0};
    arm_error_append(&out, &(struct arm_error){.code = "C", .message = SLICE_LITERAL("a \"b\"")});
    CHECK_SLICE_EQUAL(buffer_slice(&out),
                      SLICE_LITERAL("{\"error\":{\"code\":\"C\",\"message\":\"a \\\"b\\\"\"}}"));
    buffer_release(&out);
}
