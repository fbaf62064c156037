/* Lines of the password file, base64, and scrypt.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "secret/base64.h"
#include "secret/password_line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KEY    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SALT   "MDEyMzQ1Njc4OWFiY2RlZg=="
#define SCRYPT "$scrypt$ln=10,r=8,p=1$" SALT "$" KEY
#define SCRAM  "$scram-sha-256$i=4096$" SALT "$" KEY "$" KEY

TEST(base64_both_ways)
{
    static const char *const pairs[][2] = {/* RFC 4648, section 10 */
                                           {"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct buffer out = {0};
        uint8_t bytes[16];
        size_t length;
        test_note("%s", pairs[i][0]);
        base64_append(&out, slice_from_string(pairs[i][0]));
        CHECK_SLICE_EQUAL(buffer_slice(&out), slice_from_string(pairs[i][1]));
        CHECK(base64_decode(buffer_slice(&out), bytes, sizeof(bytes), &length));
        CHECK_SLICE_EQUAL(slice_make(bytes, length), slice_from_string(pairs[i][0]));
        buffer_release(&out);
    }
}

TEST(what_is_no_base64)
{
    static const char *const texts[] = {"Z",     "Zg",   "Zg=",   "Zg===", "=",    "====",
                                        "Zm9v=", "Zm 9", "Zm9\n", "Zm9-",  "=g==", "Zg==Zg=="};
    uint8_t bytes[16];
    size_t length;
    for (size_t i = 0; i < COUNT(texts); i++) {
        test_note("%s", texts[i]);
        CHECK(!base64_decode(slice_from_string(texts[i]), bytes, sizeof(bytes), &length));
    }
    CHECK(!base64_decode(SLICE_LITERAL("Zm9v"), bytes, 2, &length));
    CHECK(base64_decode(SLICE_LITERAL("Zm9v"), bytes, 3, &length));
}

TEST(lines_are_printed_as_they_are_read)
{
    static const char *const lines[] = {
        "bob:" SCRYPT,
        "bob:" SCRAM,
        "bob:" SCRYPT ":" SCRAM,
        "b o b\xC3\xBC#:" SCRYPT,
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct password_line line;
        struct buffer out = {0};
        test_note("%s", lines[i]);
        CHECK(!password_line_parse(&line, slice_from_string(lines[i])));
        password_line_print(&line, &out);
        CHECK_INT_EQUAL(out.data[out.length - 1], '\n');
        CHECK_SLICE_EQUAL(slice_make(out.data, out.length - 1), slice_from_string(lines[i]));
        buffer_release(&out);
    }
}

TEST(parts_in_any_order_and_comments)
{
    struct password_line line;
    CHECK(!password_line_parse(&line, SLICE_LITERAL("bob:" SCRAM ":" SCRYPT "\r")));
    CHECK(line.has_scrypt && line.has_scram);
    CHECK_SLICE_EQUAL(line.user, SLICE_LITERAL("bob"));
    CHECK_INT_EQUAL(line.scram.iterations, 4096);
    CHECK_INT_EQUAL(line.scrypt.cost_log2, 10);
    static const char *const comments[] = {"", "#", "# bob:secret", "\r"};
    for (size_t i = 0; i < COUNT(comments); i++) {
        CHECK(!password_line_parse(&line, slice_from_string(comments[i])));
        CHECK_INT_EQUAL(line.user.length, 0);
    }
}

TEST(wrong_lines)
{
    static const char *const lines[] = {
        "bob",
        ":" SCRYPT,
        "bob:",
        "bob:secret",
        "bob:$7$101$salt$hash", /* mosquitto's */
        "bob:" SCRYPT ":" SCRYPT,
        "bob:" SCRYPT ":",
        "bob:" SCRYPT "x",
        "b\tb:" SCRYPT,
        "bob:$scrypt$ln=30,r=8,p=1$" SALT "$" KEY,
        "bob:$scrypt$ln=20,r=32,p=1$" SALT "$" KEY,
        "bob:$scrypt$ln=0,r=8,p=1$" SALT "$" KEY,
        "bob:$scrypt$ln=10,r=8$" SALT "$" KEY,
        "bob:$scrypt$ln=10,r=8,p=x$" SALT "$" KEY,
        "bob:$scrypt$ln=10,r=8,p=1$MDEy$" KEY,
        "bob:$scrypt$ln=10,r=8,p=1$" SALT "$MDEy",
        "bob:$scram-sha-256$i=1$" SALT "$" KEY "$" KEY,
        "bob:$scram-sha-256$i=99999999999$" SALT "$" KEY "$" KEY,
        "bob:$scram-sha-256$i=4096$" SALT "$" KEY,
        "bob:$scram-sha-256$i=4096$" SALT "$" KEY "$" KEY "$",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct password_line line;
        test_note("%s", lines[i]);
        CHECK(password_line_parse(&line, slice_from_string(lines[i])));
    }
}

TEST(scrypt_is_the_one_of_the_rfc)
{
    /* RFC 7914, section 12, the second vector; the first 32 bytes of its 64. */
    static const uint8_t expected[DIGEST_SIZE] = {0xfd, 0xba, 0xbe, 0x1c, 0x9d, 0x34, 0x72, 0x00,
                                                  0x78, 0x56, 0xe7, 0x19, 0x0d, 0x01, 0xe9, 0xfe,
                                                  0x7c, 0x6a, 0xd7, 0xcb, 0xc8, 0x23, 0x78, 0x30,
                                                  0xe7, 0x73, 0x76, 0x63, 0x4b, 0x37, 0x31, 0x62};
    struct scrypt_secret secret = {.cost_log2 = 10, .block_size = 8, .parallel = 16};
    memcpy(secret.salt, "NaCl", 4);
    secret.salt_length = 4;
    memcpy(secret.hash, expected, sizeof(expected));
    CHECK(scrypt_secret_verify(&secret, SLICE_LITERAL("password")));
    CHECK(!scrypt_secret_verify(&secret, SLICE_LITERAL("passwore")));
    CHECK(!scrypt_secret_verify(&secret, SLICE_EMPTY));
}

TEST(a_new_secret_knows_its_password_only)
{
    struct scrypt_secret first, second;
    CHECK(scrypt_secret_make(&first, SLICE_LITERAL("secret\0with nul")));
    CHECK(scrypt_secret_make(&second, SLICE_LITERAL("secret\0with nul")));
    CHECK(memcmp(first.salt, second.salt, first.salt_length) != 0);
    CHECK(memcmp(first.hash, second.hash, DIGEST_SIZE) != 0);
    CHECK(scrypt_secret_verify(&first, SLICE_LITERAL("secret\0with nul")));
    CHECK(!scrypt_secret_verify(&first, SLICE_LITERAL("secret")));
    CHECK(scrypt_secret_make(&first, SLICE_EMPTY));
    CHECK(scrypt_secret_verify(&first, SLICE_EMPTY));
}
