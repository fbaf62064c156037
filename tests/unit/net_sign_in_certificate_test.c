/* Who the holder of a certificate is: each validation scheme, authorities of the namespace (roots
 * and others), names as sources, thumbprints, and certificates that prove nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net/sign_in.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct holder {
    X509 *certificate;
    EVP_PKEY *key;
};

static void extend(X509 *certificate, int which, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, which, value);
    CHECK(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

/* Signed by `issuer`, or by itself. `alternatives` NULL: an authority. */
static struct holder make(const char *name, const struct holder *issuer, const char *alternatives,
                          long lasts_s)
{
    struct holder out = {X509_new(), EVP_EC_gen("P-256")};
    X509_set_version(out.certificate, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(out.certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(out.certificate), lasts_s);
    X509_set_pubkey(out.certificate, out.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.certificate), "CN", MBSTRING_UTF8,
                               (const uint8_t *)name, -1, -1, 0);
    X509_set_issuer_name(out.certificate,
                         X509_get_subject_name(issuer ? issuer->certificate : out.certificate));
    if (alternatives) {
        extend(out.certificate, NID_subject_alt_name, alternatives);
    } else {
        extend(out.certificate, NID_basic_constraints, "critical,CA:TRUE");
    }
    CHECK(X509_sign(out.certificate, issuer ? issuer->key : out.key, EVP_sha256()) > 0);
    return out;
}

static void holder_release(struct holder *holder)
{
    X509_free(holder->certificate);
    EVP_PKEY_free(holder->key);
}

static struct buffer pem_of(const X509 *certificate)
{
    BIO *memory = BIO_new(BIO_s_mem());
    struct buffer pem = {0};
    char *text;
    CHECK(PEM_write_bio_X509(memory, certificate) == 1);
    long length = BIO_get_mem_data(memory, &text);
    buffer_append(&pem, slice_make(text, (size_t)length));
    BIO_free(memory);
    return pem;
}

static struct buffer thumbprint_of(const X509 *certificate, const EVP_MD *kind)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    struct buffer out = {0};
    CHECK(X509_digest(certificate, kind, hash, &length) == 1);
    for (unsigned i = 0; i < length; i++) {
        buffer_append_format(&out, "%02x", hash[i]);
    }
    return out;
}

/* --- a small public key infrastructure --- */

enum { ROOT, MIDDLE, LEAF, EXPIRED, OWN, OWN_EXPIRED, ELSEWHERE, HOLDERS };

#define NAMES "DNS:leaf.example,URI:urn:leaf,IP:10.0.0.7,email:leaf@example.com"

struct world {
    struct holder holders[HOLDERS];
    struct buffer thumbprints[HOLDERS]; /* SHA-256, of OWN SHA-1 */
    struct sign_in *sign_in;
    STACK_OF(X509) * chain; /* MIDDLE */
};

static void make_holders(struct world *world)
{
    struct holder *holders = world->holders;
    holders[ROOT] = make("root", NULL, NULL, 3600);
    holders[MIDDLE] = make("middle", &holders[ROOT], NULL, 3600);
    holders[LEAF] = make("leaf", &holders[MIDDLE], NAMES, 3600);
    holders[EXPIRED] = make("leaf", &holders[MIDDLE], NAMES, -60);
    holders[OWN] = make("own", NULL, NAMES, 3600);
    holders[OWN_EXPIRED] = make("own-expired", NULL, NAMES, -60);
    holders[ELSEWHERE] = make("leaf", NULL, NAMES, 3600);
    for (int i = 0; i < HOLDERS; i++) {
        world->thumbprints[i] =
            thumbprint_of(holders[i].certificate, i == OWN ? EVP_sha1() : EVP_sha256());
    }
    world->chain = sk_X509_new_null();
    sk_X509_push(world->chain, holders[MIDDLE].certificate);
}

static const struct {
    const char *name;
    enum validation_scheme scheme;
    int thumbprint; /* of which holder; -1: none */
} clients[] = {
    {"Leaf", VALIDATE_SUBJECT, -1},
    {"leaf.example", VALIDATE_DNS, -1},
    {"urn:leaf", VALIDATE_URI, -1},
    {"10.0.0.7", VALIDATE_IP, -1},
    {"leaf@example.com", VALIDATE_EMAIL, -1},
    {"anybody", VALIDATE_THUMBPRINT, OWN},
    {"nobody", VALIDATE_THUMBPRINT, OWN_EXPIRED},
    {"leaf2", VALIDATE_DNS, -1},
};

/* Trusts `authority` (-1: none). */
static void world_make(struct world *world, int authority, const enum certificate_name *sources,
                       size_t source_count)
{
    struct mqtt_client made[COUNT(clients)];
    const struct mqtt_client *pointers[COUNT(clients)];
    struct slice thumbprints[COUNT(clients)];
    struct client_authentication authentication = {.source_count = source_count};
    *world = (struct world){0};
    make_holders(world);
    for (size_t i = 0; i < COUNT(clients); i++) {
        int which = clients[i].thumbprint;
        thumbprints[i] = which >= 0 ? buffer_slice(&world->thumbprints[which]) : SLICE_EMPTY;
        made[i] = (struct mqtt_client){
            .authentication_name = slice_from_string(clients[i].name),
            .is_enabled = true,
            .scheme = clients[i].scheme,
            .thumbprints = &thumbprints[i],
            .thumbprint_count = which >= 0,
        };
        pointers[i] = &made[i];
    }
    for (size_t i = 0; i < source_count; i++) {
        authentication.sources[i] = sources[i];
    }
    struct buffer pem = {0};
    if (authority >= 0) {
        pem = pem_of(world->holders[authority].certificate);
    }
    struct slice authorities[] = {buffer_slice(&pem)};
    struct sign_in_options options = {
        .name = SLICE_LITERAL("plant"),
        .authentication = &authentication,
        .clients = pointers,
        .client_count = COUNT(clients),
        .authorities = authorities,
        .authority_count = authority >= 0,
    };
    world->sign_in = sign_in_new(&options);
    buffer_release(&pem);
}

static void world_release(struct world *world)
{
    sign_in_release(world->sign_in);
    sk_X509_free(world->chain);
    for (int i = 0; i < HOLDERS; i++) {
        holder_release(&world->holders[i]);
        buffer_release(&world->thumbprints[i]);
    }
}

/* NULL: it proves nothing. */
static void check(const struct world *world, int holder, bool with_chain, bool is_trusted,
                  const char *user_name, const char *expected)
{
    struct peer_certificate peer = {
        .leaf = world->holders[holder].certificate,
        .chain = with_chain ? world->chain : NULL,
        .is_trusted = is_trusted,
    };
    struct proof proof = {0};
    test_note("holder %d as %s", holder, user_name);
    const char *wrong =
        sign_in_by_certificate(world->sign_in, &peer, slice_from_string(user_name), &proof);
    CHECK_INT_EQUAL(!wrong, expected != NULL);
    CHECK(!wrong || wrong[0] != '\0');
    CHECK_SLICE_EQUAL(buffer_slice(&proof.name), slice_from_string(expected ? expected : ""));
    proof_release(&proof);
}

TEST(each_validation_scheme)
{
    struct world world;
    world_make(&world, ROOT, NULL, 0);
    CHECK(sign_in_wants_certificates(world.sign_in));
    check(&world, LEAF, true, false, "leaf", "Leaf"); /* as the resource spells it */
    check(&world, LEAF, true, false, "LEAF.example", "leaf.example");
    check(&world, LEAF, true, false, "urn:leaf", "urn:leaf");
    check(&world, LEAF, true, false, "10.0.0.7", "10.0.0.7");
    check(&world, LEAF, true, false, "leaf@example.com", "leaf@example.com");
    check(&world, LEAF, true, false, "leaf2", NULL);    /* another name */
    check(&world, LEAF, true, false, "stranger", NULL); /* no client, and no source of names */
    check(&world, LEAF, true, false, "", NULL);
    check(&world, LEAF, false, false, "leaf", NULL); /* nobody knows who has signed it */
    check(&world, EXPIRED, true, false, "leaf", NULL);
    check(&world, ELSEWHERE, true, false, "leaf", NULL);   /* a name that anybody can write */
    check(&world, ELSEWHERE, false, true, "leaf", "Leaf"); /* the listener's authorities know it */
    world_release(&world);
}

TEST(an_authority_in_the_middle_is_enough)
{
    struct world world;
    world_make(&world, MIDDLE, NULL, 0);
    check(&world, LEAF, false, false, "leaf", "Leaf");
    check(&world, LEAF, true, false, "leaf", "Leaf");
    check(&world, ELSEWHERE, false, false, "leaf", NULL);
    world_release(&world);
}

TEST(thumbprints_need_no_authority)
{
    struct world world;
    world_make(&world, -1, NULL, 0);
    check(&world, OWN, false, false, "anybody", "anybody");
    check(&world, OWN, false, false, "leaf", NULL);
    check(&world, LEAF, true, false, "anybody", NULL);
    check(&world, LEAF, true, true, "anybody", NULL); /* trusted, but not the one that is known */
    check(&world, OWN_EXPIRED, false, false, "nobody", NULL);
    world_release(&world);
}

TEST(names_out_of_the_certificate)
{
    static const enum certificate_name subject[] = {CERTIFICATE_SUBJECT};
    static const enum certificate_name dns_first[] = {CERTIFICATE_DNS, CERTIFICATE_SUBJECT};
    struct world world;
    world_make(&world, ROOT, subject, COUNT(subject));
    check(&world, LEAF, true, false, "", "leaf");
    check(&world, LEAF, true, false, "leaf", "Leaf");
    check(&world, LEAF, true, false, "other", NULL); /* says it is somebody else */
    check(&world, LEAF, false, false, "", NULL);
    check(&world, OWN, false, false, "", NULL);
    check(&world, OWN, false, true, "", "own"); /* no client of that name, but trusted */
    world_release(&world);
    world_make(&world, ROOT, dns_first, COUNT(dns_first));
    check(&world, LEAF, true, false, "", "leaf.example");
    check(&world, MIDDLE, false, false, "", "middle"); /* which has no name of the first kind */
    world_release(&world);
}

static void check_why(const struct world *world, int holder, const char *user_name,
                      const char *said)
{
    struct peer_certificate peer = {.leaf = world->holders[holder].certificate};
    struct proof proof = {0};
    const char *wrong =
        sign_in_by_certificate(world->sign_in, &peer, slice_from_string(user_name), &proof);
    test_note("%s", wrong ? wrong : "it is good");
    CHECK(wrong && strstr(wrong, said));
    CHECK(proof.ground == 0); /* what is tried next must not rest on it */
    proof_release(&proof);
}

/* `sign_in` NULL: no namespace. NULL: it proves nothing. */
static void check_common_name(const struct sign_in *sign_in, const char *name, bool is_trusted,
                              const char *expected)
{
    struct holder holder = make(name, NULL, NAMES, 3600);
    struct peer_certificate peer = {.leaf = holder.certificate, .is_trusted = is_trusted};
    struct proof proof = {0};
    test_note("%s", name);
    const char *wrong = sign_in_by_common_name(sign_in, &peer, &proof);
    CHECK_INT_EQUAL(!wrong, expected != NULL);
    CHECK_SLICE_EQUAL(buffer_slice(&proof.name), slice_from_string(expected ? expected : ""));
    proof_release(&proof);
    holder_release(&holder);
}

TEST(the_common_name_of_a_client_is_taken_only_of_its_own_certificate)
{
    struct world world;
    world_make(&world, -1, NULL, 0);
    check_common_name(NULL, "anybody", true, "anybody");
    check_common_name(NULL, "anybody", false, NULL);
    check_common_name(world.sign_in, "stranger", true, "stranger");
    check_common_name(world.sign_in, "stranger", false, NULL);
    check_common_name(world.sign_in, "leaf", true, "leaf");
    check_common_name(world.sign_in, "Anybody", true, NULL); /* known by another's thumbprint */
    check_common_name(world.sign_in, "leaf2", true, NULL);   /* not where its scheme says */
    world_release(&world);
}

/* A name of a certificate's extension may have any bytes. */
TEST(names_that_are_no_text_of_mqtt)
{
    static const enum certificate_name dns[] = {CERTIFICATE_DNS};
    struct world world;
    world_make(&world, -1, dns, COUNT(dns));
    struct holder holder = make("other", NULL, "DNS:\xFF\xFE", 3600);
    struct peer_certificate peer = {.leaf = holder.certificate, .is_trusted = true};
    struct proof proof = {0};
    CHECK(sign_in_by_certificate(world.sign_in, &peer, SLICE_EMPTY, &proof));
    CHECK_INT_EQUAL(proof.name.length, 0);
    proof_release(&proof);
    holder_release(&holder);
    world_release(&world);
}

TEST(why_a_certificate_proves_nothing)
{
    static const enum certificate_name email[] = {CERTIFICATE_EMAIL};
    struct world world;
    world_make(&world, -1, NULL, 0);
    check_why(&world, LEAF, "leaf", "no authority");
    check_why(&world, LEAF, "leaf2", "validationScheme");
    check_why(&world, LEAF, "anybody", "thumbprint");
    check_why(&world, OWN_EXPIRED, "nobody", "expired");
    check_why(&world, LEAF, "stranger", "no client");
    check_why(&world, LEAF, "", "there are no alternativeAuthenticationNameSources");
    world_release(&world);
    world_make(&world, MIDDLE, email, COUNT(email));
    check_why(&world, EXPIRED, "leaf", "expired");
    check_why(&world, ELSEWHERE, "leaf", "self-signed");
    check_why(&world, MIDDLE, "", "alternativeAuthenticationNameSources");
    check_why(&world, LEAF, "stranger", "not the one in it");
    world_release(&world);
}

TEST(clients_are_found_ignoring_case)
{
    struct world world;
    world_make(&world, -1, NULL, 0);
    CHECK(sign_in_find(world.sign_in, SLICE_LITERAL("LEAF")));
    CHECK(!sign_in_find(world.sign_in, SLICE_LITERAL("LEA")));
    CHECK(!sign_in_find(world.sign_in, SLICE_EMPTY));
    world_release(&world);
}
