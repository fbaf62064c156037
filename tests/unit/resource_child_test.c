/* Children of namespaces: every property and mistake of clients, client groups, topic spaces,
 * permission bindings and certificates (spec/eventgrid.md 6.2, 6.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource_fixture.h"

#include "resource/namespace_child.h"
#include "tls_credential.h"

static struct namespace_child *read_as(enum child_kind kind, const char *text, struct buffer *error)
{
    struct buffer json = {0};

    append_quoted(&json, text);
    struct namespace_child *child =
        namespace_child_read(kind, SLICE_LITERAL("Name-1"), buffer_slice(&json), error);
    buffer_release(&json);
    return child;
}

static struct namespace_child *read_good(enum child_kind kind, const char *text)
{
    struct buffer error = {0};
    struct namespace_child *child = read_as(kind, text, &error);

    test_note("%s", text);
    if (!child) {
        test_fail(__FILE__, __LINE__, "%.*s", SLICE_PRINT(error));
    }
    return child;
}

/* What it shows, whole, and that it reads as the same again. */
static void check_shown(enum child_kind kind, const char *text, const char *expected)
{
    struct namespace_child *child = read_good(kind, text);
    struct buffer shown = {0}, wanted = {0}, again = {0}, error = {0};

    namespace_child_append_members(&shown, child);
    namespace_child_free(child);
    append_quoted(&wanted, expected);
    CHECK_SLICE_EQUAL(buffer_slice(&shown), buffer_slice(&wanted));
    buffer_append_format(&again, "{%.*s}", SLICE_PRINT(shown));
    child = namespace_child_read(kind, SLICE_LITERAL("other"), buffer_slice(&again), &error);
    CHECK(child);
    shown.length = 0;
    namespace_child_append_members(&shown, child);
    CHECK_SLICE_EQUAL(buffer_slice(&shown), buffer_slice(&wanted));
    namespace_child_free(child);
    buffer_release(&shown);
    buffer_release(&wanted);
    buffer_release(&again);
}

struct mistake_row {
    const char *json, *place, *said;
};

static void check_mistakes(enum child_kind kind, const struct mistake_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buffer error = {0};
        test_note("%s", rows[i].json);
        CHECK(!read_as(kind, rows[i].json, &error));
        check_mistake(&error, rows[i].place, rows[i].said);
    }
}

#define CHECK_MISTAKES(kind, ...)                                                                  \
    do {                                                                                           \
        static const struct mistake_row rows[] = {__VA_ARGS__};                                    \
        check_mistakes(kind, rows, COUNT(rows));                                                   \
    } while (0)

/* --- clients --- */

TEST(a_client_with_everything)
{
    check_shown(CHILD_CLIENT,
                "{'properties':{'authenticationName':'Dev 1','state':'disabled','description':'d',"
                "'clientCertificateAuthentication':{'validationScheme':'thumbprintMATCH',"
                "'allowedThumbprints':['ABCDEF0123456789ABCDEF0123456789ABCDEF01']},"
                "'attributes':{'room':'345','floor':12,'deviceTypes':['Fan','Light']},"
                "'provisioningState':'Succeeded'}}",
                "'authenticationName':'Dev 1','state':'Disabled','clientCertificateAuthentication':"
                "{'validationScheme':'ThumbprintMatch','allowedThumbprints':["
                "'abcdef0123456789abcdef0123456789abcdef01']},'attributes':{'room':'345',"
                "'floor':12,'deviceTypes':['Fan','Light']},'description':'d'");
}

TEST(a_client_has_its_name_and_defaults)
{
    check_shown(CHILD_CLIENT, "{'authenticationName':'x'}",
                "'authenticationName':'x','state':'Enabled','clientCertificateAuthentication':"
                "{'validationScheme':'SubjectMatchesAuthenticationName'},'attributes':{}");
    struct namespace_child *child = read_good(CHILD_CLIENT, "{'properties':{}}");
    CHECK_SLICE_EQUAL(child->client.authentication_name, SLICE_LITERAL("Name-1"));
    CHECK(child->client.is_enabled);
    CHECK(!child->client.attributes);
    namespace_child_free(child);
}

TEST(attributes_of_a_client)
{
    struct namespace_child *child =
        read_good(CHILD_CLIENT, "{'attributes':{'a':'x','b':-7,'c':['y','z'],'d':null}}");
    CHECK_SLICE_EQUAL(attributes_find(child->client.attributes, SLICE_LITERAL("a"))->texts[0],
                      SLICE_LITERAL("x"));
    CHECK_INT_EQUAL(attributes_find(child->client.attributes, SLICE_LITERAL("b"))->integer, -7);
    CHECK_INT_EQUAL(attributes_find(child->client.attributes, SLICE_LITERAL("c"))->text_count, 2);
    namespace_child_free(child);
}

TEST(mistakes_of_clients)
{
    CHECK_MISTAKES(
        CHILD_CLIENT, {"{'authenticationName':''}", "authenticationName", "1 to 128 characters"},
        {"{'authenticationName':'a\\u0000'}", "authenticationName", "NUL"},
        {"{'authenticationName':5}", "authenticationName", "is a text in quotes"},
        {"{'state':'on'}", "state", "is Enabled or Disabled"},
        {"{'clientCertificateAuthentication':{'validationScheme':'x'}}",
         "clientCertificateAuthentication.validationScheme", "SubjectMatchesAuthenticationName"},
        {"{'clientCertificateAuthentication':{'validationScheme':'ThumbprintMatch'}}",
         "clientCertificateAuthentication.allowedThumbprints", "is missing"},
        {"{'clientCertificateAuthentication':{'allowedThumbprints':"
         "['abcdef0123456789abcdef0123456789abcdef01']}}",
         "clientCertificateAuthentication.allowedThumbprints", "leave it out"},
        {"{'clientCertificateAuthentication':{'allowedThumbprints':['abc']}}",
         "clientCertificateAuthentication.allowedThumbprints.0", "hexadecimal"},
        {"{'clientCertificateAuthentication':{'allowedThumbprints':['','','']}}",
         "clientCertificateAuthentication.allowedThumbprints", "at most 2"},
        {"{'attributes':['a']}", "attributes", "is an object"},
        {"{'attributes':{'a-b':1}}", "attributes.a-b", "letters, digits and _"},
        {"{'attributes':{'a':true}}", "attributes.a", "is a text, an integer"},
        {"{'attributes':{'a':1.5}}", "attributes.a", "no integer"},
        {"{'attributes':{'a':[1]}}", "attributes.a", "no text"},
        {"{'attributes':{'a':1,'a':2}}", "attributes.a", "twice"},
        {"{'atributes':{}}", "atributes", "write attributes instead"});
}

TEST(bounds_of_clients)
{
    struct buffer json = {0}, error = {0};
    buffer_append_string(&json, "{'attributes':{'a':'");
    for (int i = 0; i < ATTRIBUTES_BYTES_MAX; i++) {
        buffer_append_byte(&json, 'x');
    }
    buffer_append_string(&json, "'}}");
    buffer_append_byte(&json, '\0');
    CHECK(!read_as(CHILD_CLIENT, (const char *)json.data, &error));
    check_mistake(&error, "attributes", "at most 4096 bytes");
    json.length = 0;
    buffer_append_string(&json, "{'authenticationName':'");
    for (int i = 0; i < AUTHENTICATION_NAME_MAX; i++) {
        buffer_append_string(&json, "\xC3\xBC");
    }
    size_t most = json.length;
    buffer_append(&json, SLICE_LITERAL("'}\0"));
    namespace_child_free(read_good(CHILD_CLIENT, (const char *)json.data));
    json.length = most;
    buffer_append(&json, SLICE_LITERAL("x'}\0"));
    CHECK(!read_as(CHILD_CLIENT, (const char *)json.data, &error));
    check_mistake(&error, "authenticationName", "1 to 128 characters");
    buffer_release(&json);
}

TEST(the_authentication_name_cannot_be_changed)
{
    struct namespace_child *before = read_good(CHILD_CLIENT, "{'authenticationName':'One'}");
    struct namespace_child *same = read_good(CHILD_CLIENT, "{'authenticationName':'one'}");
    struct namespace_child *other = read_good(CHILD_CLIENT, "{'authenticationName':'two'}");
    struct buffer error = {0};
    CHECK(namespace_child_check_change(before, same, &error));
    CHECK(!namespace_child_check_change(before, other, &error));
    check_mistake(&error, "authenticationName", "is One and cannot be changed");
    namespace_child_free(before);
    namespace_child_free(same);
    namespace_child_free(other);
}

/* --- groups, spaces, bindings --- */

TEST(client_groups)
{
    check_shown(CHILD_CLIENT_GROUP,
                "{'properties':{'query':'attributes.a = \\'x\\'','description':'d'}}",
                "'query':'attributes.a = \\'x\\'','description':'d'");
    CHECK_MISTAKES(CHILD_CLIENT_GROUP, {"{}", "query", "is missing"},
                   {"{'query':'attributes.a ='}", "query", "position 15: expects a text"},
                   {"{'query':null}", "query", "is missing"});
}

TEST(topic_spaces)
{
    check_shown(CHILD_TOPIC_SPACE,
                "{'topicTemplates':['a/#','d/${client.authenticationName}'],'description':'d'}",
                "'topicTemplates':['a/#','d/${client.authenticationName}'],'description':'d'");
    CHECK_MISTAKES(CHILD_TOPIC_SPACE, {"{}", "topicTemplates", "is missing"},
                   {"{'topicTemplates':[]}", "topicTemplates", "is missing"},
                   {"{'topicTemplates':'a'}", "topicTemplates", "is an array"},
                   {"{'topicTemplates':['a',5]}", "topicTemplates.1", "is a text"},
                   {"{'topicTemplates':['a/${b}']}", "topicTemplates.0", "position 3: is none of"},
                   {"{'topicTemplates':['a','a','a','a','a','a','a','a','a','a','a']}",
                    "topicTemplates", "at most 10"});
}

TEST(permission_bindings)
{
    check_shown(CHILD_PERMISSION_BINDING,
                "{'properties':{'clientGroupName':'$all','topicSpaceName':'space-1','permission':"
                "'publisher'}}",
                "'clientGroupName':'$all','topicSpaceName':'space-1','permission':'Publisher'");
    check_shown(CHILD_PERMISSION_BINDING,
                "{'clientGroupName':'group','topicSpaceName':'abc','permission':'Subscriber'}",
                "'clientGroupName':'group','topicSpaceName':'abc','permission':'Subscriber'");
    CHECK_MISTAKES(
        CHILD_PERMISSION_BINDING, {"{}", "clientGroupName", "is missing"},
        {"{}", "topicSpaceName", "is missing"}, {"{}", "permission", "is missing"},
        {"{'permission':'Both'}", "permission", "is Publisher or Subscriber"},
        {"{'clientGroupName':'$ALL'}", "clientGroupName", "is no name of a client group"},
        {"{'topicSpaceName':'$all'}", "topicSpaceName", "is no name of a topic space"});
}

/* --- certificates --- */

static void append_pem_member(struct buffer *out, X509 *certificate)
{
    struct buffer pem = {0};
    char *data;
    BIO *bio = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_X509(bio, certificate) == 1);
    buffer_append(&pem, slice_make(data, (size_t)BIO_get_mem_data(bio, &data)));
    buffer_append_string(out, "{\"encodedCertificate\":");
    json_append_string(out, buffer_slice(&pem));
    buffer_append_byte(out, '}');
    buffer_release(&pem);
    BIO_free(bio);
}

TEST(certificates_of_authorities)
{
    struct credential authority, leaf;
    struct buffer json = {0}, error = {0}, shown = {0};
    credential_make(&authority, "ca", NULL);
    credential_make(&leaf, "leaf", &authority);
    append_pem_member(&json, authority.certificate);
    struct namespace_child *child = namespace_child_read(CHILD_CA_CERTIFICATE, SLICE_LITERAL("ca"),
                                                         buffer_slice(&json), &error);
    CHECK(child);
    CHECK(child->certificate.facts.expires_ms - child->certificate.facts.issued_ms == 3660000);
    namespace_child_append_members(&shown, child);
    CHECK(memmem(shown.data, shown.length,
                 "\\n-----END CERTIFICATE-----\\n\",\"issueTimeInUtc\":\"",
                 strlen("\\n-----END CERTIFICATE-----\\n\",\"issueTimeInUtc\":\"")));
    namespace_child_free(child);
    json.length = 0;
    append_pem_member(&json, leaf.certificate);
    CHECK(!namespace_child_read(CHILD_CA_CERTIFICATE, SLICE_LITERAL("ca"), buffer_slice(&json),
                                &error));
    check_mistake(&error, "encodedCertificate", "CA:TRUE");
    credential_release(&leaf);
    credential_release(&authority);
    buffer_release(&json);
    buffer_release(&shown);
}

TEST(mistakes_of_certificates)
{
    CHECK_MISTAKES(CHILD_CA_CERTIFICATE, {"{}", "encodedCertificate", "is missing"},
                   {"{'encodedCertificate':'x'}", "encodedCertificate", "is no certificate"});
}

/* --- kinds --- */

TEST(collections_and_names)
{
    static const struct {
        enum child_kind kind;
        const char *collection, *good, *bad;
    } rows[] = {
        {CHILD_CLIENT, "clients", "a:b._-Z9", "a b"},
        {CHILD_CLIENT, "CLIENTS", "x", ""},
        {CHILD_CLIENT_GROUP, "clientgroups", "abc", "ab"},
        {CHILD_TOPIC_SPACE, "topicSpaces", "a-1", "a.1"},
        {CHILD_PERMISSION_BINDING, "permissionBindings", "abc", "$all"},
        {CHILD_CA_CERTIFICATE, "caCertificates", "abc",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };
    enum child_kind kind;
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("%s", rows[i].collection);
        CHECK(child_kind_from_collection(slice_from_string(rows[i].collection), &kind));
        CHECK_INT_EQUAL(kind, rows[i].kind);
        CHECK(!child_kinds[kind].check_name(slice_from_string(rows[i].good)));
        CHECK(child_kinds[kind].check_name(slice_from_string(rows[i].bad)));
    }
    CHECK(!child_kind_from_collection(SLICE_LITERAL("topics"), &kind));
    CHECK(!child_name_equal(CHILD_CLIENT, SLICE_LITERAL("a"), SLICE_LITERAL("A")));
    CHECK(child_name_equal(CHILD_TOPIC_SPACE, SLICE_LITERAL("a"), SLICE_LITERAL("A")));
}

TEST(keys)
{
    static const struct {
        enum child_kind kind;
        const char *name, *key;
    } rows[] = {
        {CHILD_CLIENT, "Pump-1:a._", "namespaces/plant/clients/Pump-1:a._"},
        {CHILD_CLIENT_GROUP, "Pumps", "namespaces/plant/clientgroups/pumps"},
        {CHILD_TOPIC_SPACE, "own", "namespaces/plant/topicspaces/own"},
        {CHILD_PERMISSION_BINDING, "own", "namespaces/plant/permissionbindings/own"},
        {CHILD_CA_CERTIFICATE, "own", "namespaces/plant/cacertificates/own"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer key = {0};
        struct slice namespace_key, name;
        enum child_kind kind;
        child_key_append(&key, SLICE_LITERAL("namespaces/plant"), rows[i].kind,
                         slice_from_string(rows[i].name));
        CHECK_SLICE_EQUAL(buffer_slice(&key), slice_from_string(rows[i].key));
        CHECK(child_key_parse(buffer_slice(&key), &namespace_key, &kind, &name));
        CHECK_SLICE_EQUAL(namespace_key, SLICE_LITERAL("namespaces/plant"));
        CHECK_INT_EQUAL(kind, rows[i].kind);
        CHECK(child_name_equal(kind, name, slice_from_string(rows[i].name)));
        buffer_release(&key);
    }
}

TEST(what_is_no_key)
{
    static const char *const rows[] = {
        "",
        "clients/a",
        "namespaces/plant",
        "namespaces/plant/topics/abc",
        "namespaces/plant/clients/",
        "namespaces/plant/clients/a/b",
        "namespaces/plant/Clients/a",
        "namespaces/Plant/clients/a",
        "namespaces/plant/clientgroups/Abc",
        "namespaces/plant/clientgroups/ab",
        "topics/plant/clients/a",
        "namespaces/plant/topics/abc/clients/a",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice namespace_key, name;
        enum child_kind kind;
        test_note("%s", rows[i]);
        CHECK(!child_key_parse(slice_from_string(rows[i]), &namespace_key, &kind, &name));
    }
}
