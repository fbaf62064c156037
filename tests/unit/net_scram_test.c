/* SCRAM-SHA-256: the RFC's own example, both sides of an exchange, and what a client may not do;
 * and the users of a password file, as the exchange and the password check see them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "net/password.h"
#include "net/scram.h"
#include "secret/base64.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* RFC 7677, section 3: user and password "user" and "pencil". */
#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT         "W22ZaJ0SNY7soEsUEjb6gQ=="
#define FIRST        "n,,n=user,r=" CLIENT_NONCE
#define CHALLENGE    "r=" CLIENT_NONCE SERVER_NONCE ",s=" SALT ",i=4096"
#define PROOF        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define FINAL        "c=biws,r=" CLIENT_NONCE SERVER_NONCE ",p=" PROOF
#define SIGNATURE    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static void rfc_secret(struct scram_secret *secret)
{
    size_t length;
    *secret = (struct scram_secret){.iterations = 4096};
    CHECK(base64_decode(SLICE_LITERAL(SALT), secret->salt, sizeof(secret->salt), &length));
    secret->salt_length = (uint8_t)length;
    scram_secret_derive(secret, SLICE_LITERAL("pencil"));
}

/* Knows "user" and "a,b=c", both with the RFC's secret; and what it was asked last. */
struct directory_double {
    char asked[64];
};

static bool look_up(void *context, struct slice user, struct scram_secret *secret)
{
    struct directory_double *directory = context;
    snprintf(directory->asked, sizeof(directory->asked), "%.*s", SLICE_PRINT(user));
    rfc_secret(secret);
    return slice_equal(user, SLICE_LITERAL("user")) || slice_equal(user, SLICE_LITERAL("a,b=c"));
}

struct outcome {
    bool begun, proven;
    struct buffer challenge, signature;
};

static struct outcome run(const char *first, const char *final)
{
    struct directory_double directory;
    struct outcome outcome = {0};
    struct scram_exchange *exchange =
        scram_begin(slice_from_string(first), SLICE_LITERAL(SERVER_NONCE), look_up, &directory,
                    &outcome.challenge);
    outcome.begun = exchange != NULL;
    if (exchange && final) {
        outcome.proven = scram_finish(exchange, slice_from_string(final), &outcome.signature);
    }
    scram_free(exchange);
    return outcome;
}

static void outcome_release(struct outcome *outcome)
{
    buffer_release(&outcome->challenge);
    buffer_release(&outcome->signature);
}

TEST(the_example_of_rfc_7677)
{
    struct outcome outcome = run(FIRST, FINAL);
    CHECK(outcome.begun);
    CHECK_SLICE_EQUAL(buffer_slice(&outcome.challenge), SLICE_LITERAL(CHALLENGE));
    CHECK(outcome.proven);
    CHECK_SLICE_EQUAL(buffer_slice(&outcome.signature), SLICE_LITERAL(SIGNATURE));
    outcome_release(&outcome);
}

TEST(the_clients_side)
{
    static const char auth_message[] =
        "n=user,r=" CLIENT_NONCE "," CHALLENGE ",c=biws,r=" CLIENT_NONCE SERVER_NONCE;
    struct scram_secret secret;
    uint8_t proof[DIGEST_SIZE];
    struct buffer text = {0};
    rfc_secret(&secret);
    scram_client_proof(&secret, SLICE_LITERAL("pencil"), slice_from_string(auth_message), proof);
    base64_append(&text, slice_make(proof, sizeof(proof)));
    CHECK_SLICE_EQUAL(buffer_slice(&text), SLICE_LITERAL(PROOF));
    CHECK(scram_secret_verify(&secret, slice_from_string(auth_message), proof));
    proof[31] ^= 1;
    CHECK(!scram_secret_verify(&secret, slice_from_string(auth_message), proof));
    buffer_release(&text);
}

TEST(wrong_first_messages)
{
    static const char *const firsts[] = {
        "",
        "n",
        "n,",
        "n,,",
        "n=user,r=abc",
        "p=tls-unique,,n=user,r=abc",
        "x,,n=user,r=abc",
        "n,a=other,n=user,r=abc",
        "n,b=user,n=user,r=abc",
        "n,,m=ext,n=user,r=abc",
        "n,,n=,r=abc",
        "n,,n=us=er,r=abc",
        "n,,n=us=2cer,r=abc",
        "n,,n=user",
        "n,,n=user,r=",
        "n,,n=user,r=a b",
        "n,,n=user,r=a\x01",
        "n,,r=abc,n=user",
    };
    for (size_t i = 0; i < COUNT(firsts); i++) {
        test_note("%s", firsts[i]);
        struct outcome outcome = run(firsts[i], NULL);
        CHECK(!outcome.begun);
        outcome_release(&outcome);
    }
}

TEST(good_first_messages)
{
    static const char *const firsts[] = {
        "n,,n=user,r=abc",     "y,,n=user,r=abc",      "n,a=user,n=user,r=abc",
        "n,,n=user,r=abc,x=y", "n,,n=a=2Cb=3Dc,r=abc",
    };
    for (size_t i = 0; i < COUNT(firsts); i++) {
        test_note("%s", firsts[i]);
        struct outcome outcome = run(firsts[i], NULL);
        CHECK(outcome.begun);
        outcome_release(&outcome);
    }
}

TEST(escaped_names_are_asked_for_unescaped)
{
    struct directory_double directory;
    struct buffer reply = {0};
    struct scram_exchange *exchange = scram_begin(SLICE_LITERAL("n,,n=a=2Cb=3Dc,r=x"),
                                                  SLICE_LITERAL("y"), look_up, &directory, &reply);
    CHECK_STRING_EQUAL(directory.asked, "a,b=c");
    CHECK_SLICE_EQUAL(scram_user(exchange), SLICE_LITERAL("a,b=c"));
    scram_free(exchange);
    buffer_release(&reply);
}

TEST(wrong_final_messages)
{
#define NONCE CLIENT_NONCE SERVER_NONCE
    static const char *const finals[] = {
        "",
        ",p=",
        "c=biws,r=" NONCE,
        "c=biws,r=" NONCE ",p=",
        "c=biws,r=" NONCE ",p=AAAA",
        "c=biws,r=" NONCE ",p=" PROOF "x",
        "c=biws,r=" NONCE ",p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=eSws,r=" NONCE ",p=" PROOF,
        "c=,r=" NONCE ",p=" PROOF,
        "c=biws,r=" CLIENT_NONCE ",p=" PROOF,
        "c=biws,r=" NONCE "x,p=" PROOF,
        "r=" NONCE ",c=biws,p=" PROOF,
        "c=biws,r=" NONCE ",x=y,p=" PROOF,
        "p=" PROOF ",c=biws,r=" NONCE,
    };
    for (size_t i = 0; i < COUNT(finals); i++) {
        test_note("%s", finals[i]);
        struct outcome outcome = run(FIRST, finals[i]);
        CHECK(outcome.begun && !outcome.proven);
        CHECK_INT_EQUAL(outcome.signature.length, 0);
        outcome_release(&outcome);
    }
}

TEST(an_unknown_user_never_proves_anything)
{
    /* A proof that fits the secret that was made up for the user. */
    static const char first[] = "n,,n=nobody,r=" CLIENT_NONCE;
    static const char before[] = "c=biws,r=" CLIENT_NONCE SERVER_NONCE;
    static const char auth_message[] =
        "n=nobody,r=" CLIENT_NONCE "," CHALLENGE ",c=biws,r=" CLIENT_NONCE SERVER_NONCE;
    struct scram_secret secret;
    uint8_t proof[DIGEST_SIZE];
    struct buffer final = {0};
    rfc_secret(&secret);
    scram_client_proof(&secret, SLICE_LITERAL("pencil"), slice_from_string(auth_message), proof);
    buffer_append_format(&final, "%s,p=", before);
    base64_append(&final, slice_make(proof, sizeof(proof)));
    buffer_append_byte(&final, '\0');
    struct outcome outcome = run(first, (const char *) final.data);
    CHECK(outcome.begun && !outcome.proven);
    outcome_release(&outcome);
    buffer_release(&final);
}

/* --- the password file --- */

static struct password_table *parse(const char *text, const char *wrong)
{
    struct buffer error = {0};
    struct password_table *table =
        password_table_parse(slice_from_string(text), "passwords", &error);
    buffer_append_byte(&error, '\0');
    CHECK_STRING_EQUAL((const char *)error.data, wrong);
    buffer_release(&error);
    return table;
}

/* ln=10 keeps the test fast: user "bob", password "password"; and "amy" with SCRAM only. */
#define ZEROS    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define AMY_LINE "amy:$scram-sha-256$i=5000$" SALT "$" ZEROS "$" ZEROS "\n"

static struct buffer bob_line(void)
{
    struct password_line line = {.user = SLICE_LITERAL("bob"), .has_scrypt = true};
    struct buffer text = {0};
    CHECK(scrypt_secret_make(&line.scrypt, SLICE_LITERAL("password")));
    password_line_print(&line, &text);
    return text;
}

TEST(users_of_a_file)
{
    struct buffer text = bob_line();
    buffer_append_string(&text, "# a comment\n\n" AMY_LINE);
    buffer_append_byte(&text, '\0');
    struct password_table *table = parse((const char *)text.data, "");
    CHECK_INT_EQUAL(password_table_count(table), 2);
    struct password_user *bob = password_find(table, SLICE_LITERAL("bob"));
    struct password_user *amy = password_find(table, SLICE_LITERAL("amy"));
    CHECK(bob && amy && !password_find(table, SLICE_LITERAL("eve")));
    CHECK(!password_is_remembered(table, bob, SLICE_LITERAL("password")));
    CHECK(!password_verify(table, bob, SLICE_LITERAL("wrong")));
    CHECK(!password_is_remembered(table, bob, SLICE_LITERAL("wrong")));
    CHECK(password_verify(table, bob, SLICE_LITERAL("password")));
    CHECK(password_is_remembered(table, bob, SLICE_LITERAL("password")));
    CHECK(!password_is_remembered(table, bob, SLICE_LITERAL("Password")));
    CHECK(!password_verify(table, amy, SLICE_EMPTY));
    CHECK(!password_verify(table, NULL, SLICE_LITERAL("password")));
    password_table_free(table);
    buffer_release(&text);
}

TEST(made_up_secrets_do_not_change)
{
    struct password_table *first = parse(AMY_LINE, ""), *second = parse(AMY_LINE, "");
    struct scram_secret secret, again;
    CHECK(password_find_scram(first, SLICE_LITERAL("amy"), &secret));
    CHECK(!password_find_scram(first, SLICE_LITERAL("eve"), &secret));
    CHECK(!password_find_scram(second, SLICE_LITERAL("eve"), &again));
    CHECK(memcmp(&secret, &again, sizeof(secret)) == 0);
    CHECK_INT_EQUAL(secret.iterations, 5000);
    CHECK(!password_find_scram(first, SLICE_LITERAL("eva"), &again));
    CHECK(memcmp(secret.salt, again.salt, secret.salt_length) != 0);
    password_table_free(first);
    password_table_free(second);
}

TEST(mistakes_have_their_line)
{
    CHECK(!parse("# x\n" AMY_LINE "bob\n",
                 "passwords:3: a line is `user:secret`; write it with `pubgrid passwd`"));
    CHECK(
        !parse(AMY_LINE AMY_LINE, "passwords:2: this user has a line already; remove one of them"));
    struct password_table *empty = parse("", "");
    CHECK_INT_EQUAL(password_table_count(empty), 0);
    password_table_free(empty);
}
