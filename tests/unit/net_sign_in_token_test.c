/* Who the bearer of a JSON Web Token is: signatures, issuer, audience, times, names, attributes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "quoted.h"
#include "test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "net/sign_in.h"
#include "secret/access_keys.h"
#include "secret/base64url.h"
#include "secret/jwt.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NOW_S = 1800000000 };

struct world {
    EVP_PKEY *key; /* the issuer's */
    struct sign_in *sign_in;
    struct access_keys *access_keys;
    char folder[32], keys_path[64], issuer_path[64];
};

static void write_issuer(const struct world *world)
{
    FILE *file = fopen(world->issuer_path, "w");
    CHECK(file && PEM_write_PUBKEY(file, world->key) == 1);
    fclose(file);
}

static void world_make(struct world *world, const struct slice *audiences, size_t audience_count,
                       bool has_issuer)
{
    char url[80];
    struct issuer_certificate certificate;
    struct client_authentication authentication = {
        .audiences = audiences,
        .audience_count = audience_count,
    };
    struct sign_in_options options = {
        .name = SLICE_LITERAL("Plant"),
        .authentication = &authentication,
        .keys_file = world->keys_path,
    };
    struct buffer error = {0};
    *world = (struct world){.key = EVP_RSA_gen(2048), .folder = "/tmp/sign_in_XXXXXX"};
    CHECK(mkdtemp(world->folder));
    snprintf(world->keys_path, sizeof(world->keys_path), "%s/keys", world->folder);
    snprintf(world->issuer_path, sizeof(world->issuer_path), "%s/issuer.pem", world->folder);
    snprintf(url, sizeof(url), "file://%s", world->issuer_path);
    write_issuer(world);
    certificate = (struct issuer_certificate){.url = slice_from_string(url)};
    if (has_issuer) {
        authentication.token_issuer = SLICE_LITERAL("https://issuer");
        authentication.issuer_certificates = &certificate;
        authentication.issuer_certificate_count = 1;
    }
    world->sign_in = sign_in_new(&options);
    world->access_keys = access_keys_read(world->keys_path, &error);
    CHECK(world->access_keys);
}

static void world_release(struct world *world)
{
    sign_in_release(world->sign_in);
    access_keys_free(world->access_keys);
    EVP_PKEY_free(world->key);
    unlink(world->keys_path);
    unlink(world->issuer_path);
    rmdir(world->folder);
}

static struct buffer issue(const struct world *world, const char *claims)
{
    struct buffer token = {0}, text = quoted(claims);
    uint8_t signature[512];
    size_t length = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    base64url_append(&token, SLICE_LITERAL("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"));
    buffer_append_byte(&token, '.');
    base64url_append(&token, buffer_slice(&text));
    CHECK(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, world->key) == 1 &&
          EVP_DigestSign(context, signature, &length, token.data, token.length) == 1);
    EVP_MD_CTX_free(context);
    buffer_append_byte(&token, '.');
    base64url_append(&token, slice_make(signature, length));
    buffer_release(&text);
    return token;
}

static struct buffer sign_with_access_key(const struct world *world, const char *claims)
{
    struct buffer token = {0}, text = quoted(claims);
    jwt_append(&token, buffer_slice(&text),
               access_keys_get(world->access_keys, ACCESS_KEY_PRIMARY));
    buffer_release(&text);
    return token;
}

/* Takes over the token. */
static const char *judge(const struct world *world, enum token_kind kind, struct buffer token,
                         struct proof *proof)
{
    const char *wrong =
        sign_in_by_token(world->sign_in, kind, buffer_slice(&token), (int64_t)NOW_S * 1000, proof);
    buffer_release(&token);
    return wrong;
}

#define GOOD "'iss':'https://issuer','sub':'sensor1','aud':'plant','exp':1800000060"

/* Each is taken (NULL), or refused with a sentence that says so. */
static const struct {
    const char *claims, *wrong;
} custom[] = {
    {"{" GOOD "}", NULL},
    {"{" GOOD ",'nbf':1800000060}", NULL}, /* within the skew */
    {"{" GOOD ",'nbf':1800000061}", "nbf"},
    {"{" GOOD ",'nbf':'x'}", "nbf"},
    {"{" GOOD ",'aud':['x','https://plant.westus2-1.ts.eventgrid.azure.net/']}", NULL},
    {"{" GOOD ",'aud':'mqtts://PLANT.example.com:8883'}", NULL},
    {"{" GOOD ",'aud':'plant2'}", "aud"},
    {"{" GOOD ",'aud':'x.plant.example.com'}", "aud"},
    {"{" GOOD ",'aud':''}", "aud"},
    {"{" GOOD ",'aud':[]}", "aud"},
    {"{" GOOD ",'aud':[['plant']]}", "aud"},
    {"{" GOOD ",'aud':7}", "aud"},
    {"{" GOOD ",'exp':1800000000}", "expired"},
    {"{" GOOD ",'exp':1700000000}", "expired"},
    {"{" GOOD ",'exp':'1800000060'}", "exp"},
    {"{" GOOD ",'exp':null}", "exp"},
    {"{" GOOD ",'iss':'https://issuer/'}", "iss"},
    {"{" GOOD ",'iss':null}", "iss"},
    {"{" GOOD ",'sub':''}", "sub"},
    {"{" GOOD ",'sub':7}", "sub"},
    {"{" GOOD ",'sub':'a\\u0000b'}", "sub"},
    {"{'iss':'https://issuer','aud':'plant','exp':1800000060}", "sub"},
    {"{'sub':'sensor1','aud':'plant','exp':1800000060}", "iss"},
    {"{'iss':'https://issuer','sub':'sensor1','exp':1800000060}", "aud"},
    {"{'iss':'https://issuer','sub':'sensor1','aud':'plant'}", "exp"},
};

TEST(custom_tokens)
{
    struct world world;
    world_make(&world, NULL, 0, true);
    CHECK(sign_in_takes_tokens(world.sign_in, TOKEN_CUSTOM));
    for (size_t i = 0; i < COUNT(custom); i++) {
        struct proof proof = {0};
        test_note("%s", custom[i].claims);
        const char *wrong = judge(&world, TOKEN_CUSTOM, issue(&world, custom[i].claims), &proof);
        CHECK(custom[i].wrong ? wrong && strstr(wrong, custom[i].wrong) : !wrong);
        if (!wrong) {
            CHECK_SLICE_EQUAL(buffer_slice(&proof.name), SLICE_LITERAL("sensor1"));
            CHECK(proof.expires_at == INT64_C(1800000060000));
        }
        proof_release(&proof);
    }
    world_release(&world);
}

TEST(claims_become_attributes)
{
    struct world world;
    struct proof proof = {0};
    world_make(&world, NULL, 0, true);
    CHECK(!judge(&world, TOKEN_CUSTOM,
                 issue(&world, "{" GOOD ",'type':'sensor','floor':12,'tags':['a','b'],'iat':1,"
                               "'jti':'x','http://x/role':'no','on':true,'none':null,'o':{'a':1},"
                               "'mixed':['a',1],'half':1.5,'floor':13}"),
                 &proof));
    const struct attribute *type = attributes_find(proof.attributes, SLICE_LITERAL("type"));
    const struct attribute *floor = attributes_find(proof.attributes, SLICE_LITERAL("floor"));
    const struct attribute *tags = attributes_find(proof.attributes, SLICE_LITERAL("tags"));
    CHECK(type && type->type == ATTRIBUTE_TEXT);
    CHECK_SLICE_EQUAL(type->texts[0], SLICE_LITERAL("sensor"));
    CHECK(floor && floor->type == ATTRIBUTE_INTEGER && floor->integer == 13);
    CHECK(tags && tags->type == ATTRIBUTE_TEXTS && tags->text_count == 2);
    static const char *const others[] = {"iss",           "sub", "aud",  "exp", "iat",   "jti",
                                         "http://x/role", "on",  "none", "o",   "mixed", "half"};
    for (size_t i = 0; i < COUNT(others); i++) {
        test_note("%s", others[i]);
        CHECK(!attributes_find(proof.attributes, slice_from_string(others[i])));
    }
    proof_release(&proof);
    world_release(&world);
}

TEST(audiences_that_are_configured_count_alone)
{
    static const struct slice audiences[] = {SLICE_LITERAL("urn:a"), SLICE_LITERAL("urn:b")};
    struct world world;
    struct proof proof = {0};
    world_make(&world, audiences, COUNT(audiences), true);
    CHECK(!judge(&world, TOKEN_CUSTOM, issue(&world, "{" GOOD ",'aud':'urn:b'}"), &proof));
    CHECK(judge(&world, TOKEN_CUSTOM, issue(&world, "{" GOOD "}"), &proof));
    proof_release(&proof);
    world_release(&world);
}

#define OAUTH2 "'aud':'https://eventgrid.azure.net/','exp':1800000060"

static const struct {
    const char *claims;
    bool by_issuer, by_server;
    const char *name;
} oauth2[] = {
    {"{'iss':'https://issuer','oid':'o1','sub':'s1'," OAUTH2 "}", true, true, "o1"},
    {"{'sub':'s1'," OAUTH2 "}", false, true, "s1"}, /* an issuer says who it is */
    {"{'iss':'https://sts.windows.net/t/','sub':'s1'," OAUTH2 "}", false, true, "s1"},
    {"{'iss':'https://issuer','sub':'s1','aud':'https://eventgrid.azure.net','exp':1800000060}",
     true, true, "s1"},
    {"{'iss':'https://issuer','sub':'s1','aud':'plant','exp':1800000060}", false, false, NULL},
    {"{'iss':'https://issuer','sub':'s1'," OAUTH2 ",'exp':1799999999}", false, false, NULL},
    {"{'iss':'https://issuer'," OAUTH2 "}", false, false, NULL},
};

TEST(tokens_for_event_grid)
{
    struct world world;
    world_make(&world, NULL, 0, true);
    for (size_t i = 0; i < COUNT(oauth2); i++) {
        for (int server = 0; server < 2; server++) {
            struct proof proof = {0};
            bool good = server ? oauth2[i].by_server : oauth2[i].by_issuer;
            test_note("%s, server=%d", oauth2[i].claims, server);
            struct buffer token = server ? sign_with_access_key(&world, oauth2[i].claims)
                                         : issue(&world, oauth2[i].claims);
            CHECK_INT_EQUAL(!judge(&world, TOKEN_OAUTH2, token, &proof), good);
            if (good) {
                CHECK_SLICE_EQUAL(buffer_slice(&proof.name), slice_from_string(oauth2[i].name));
            }
            proof_release(&proof);
        }
    }
    world_release(&world);
}

/* Who has the server's access key speaks for Event Grid, not for the issuer. */
TEST(an_access_key_signs_no_custom_token)
{
    struct world world;
    struct proof proof = {0};
    world_make(&world, NULL, 0, true);
    CHECK(judge(&world, TOKEN_CUSTOM, sign_with_access_key(&world, "{" GOOD "}"), &proof));
    proof_release(&proof);
    world_release(&world);
}

TEST(without_an_issuer_there_are_the_servers_tokens)
{
    struct world world;
    struct proof proof = {0};
    world_make(&world, NULL, 0, false);
    CHECK(!sign_in_takes_tokens(world.sign_in, TOKEN_CUSTOM));
    CHECK(sign_in_takes_tokens(world.sign_in, TOKEN_OAUTH2));
    CHECK(judge(&world, TOKEN_CUSTOM, issue(&world, "{" GOOD "}"), &proof));
    CHECK(!judge(&world, TOKEN_OAUTH2, sign_with_access_key(&world, "{'sub':'s'," OAUTH2 "}"),
                 &proof));
    proof_release(&proof);
    world_release(&world);
}

/* Whoever manages the namespace writes the path: nothing there may hold the broker up. */
TEST(a_certificate_url_of_what_is_no_file_is_left_out)
{
    char folder[] = "/tmp/sign_in_XXXXXX", path[64], url[80];
    CHECK(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/fifo", folder);
    CHECK_INT_EQUAL(mkfifo(path, 0600), 0);
    snprintf(url, sizeof(url), "file://%s", path);
    struct issuer_certificate certificate = {.url = slice_from_string(url)};
    struct client_authentication authentication = {
        .token_issuer = SLICE_LITERAL("https://issuer"),
        .issuer_certificates = &certificate,
        .issuer_certificate_count = 1,
    };
    struct sign_in *sign_in = sign_in_new(&(struct sign_in_options){
        .name = SLICE_LITERAL("Plant"), .authentication = &authentication});
    CHECK(!sign_in_takes_tokens(sign_in, TOKEN_CUSTOM));
    sign_in_release(sign_in);
    unlink(path);
    rmdir(folder);
}
