/* UTF-8 checking: the Unicode standard's borders, and every position of a flaw against the word at
 * a time path.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "mqtt/utf8.h"

#define TEXT(literal) SLICE_LITERAL(literal)

TEST(well_formed_text)
{
    static const char *const texts[] = {
        "",
        "a",
        "topic/name",
        "\x7F",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xEF\xBB\xBF" /* MQTT-1.5.4-3: not to be stripped */,
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "caf\xC3\xA9/\xE6\xB8\xA9\xE5\xBA\xA6/\xF0\x9F\x8C\xA1 ok",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        test_note("text %zu", i);
        CHECK(utf8_is_valid_string(slice_from_string(texts[i])));
        CHECK(utf8_is_well_formed(slice_from_string(texts[i])));
    }
    CHECK(utf8_is_valid_string(SLICE_EMPTY));
}

/* What section 1.5.4 of MQTT 5 and table 3-7 of the Unicode standard forbid. */
TEST(flaws_are_found_at_every_position)
{
    static const char *const flaws[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x41",
        "\xE0\x9F\xBF",
        "\xE2\x82",
        "\xED\xA0\x80" /* a surrogate: MQTT-1.5.4-1 */,
        "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xF0\x9F\x8C",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFF",
        "\xE2\x41\x80",
        "\xF0\x9F\x41\x80",
    };
    char text[64];

    for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
        size_t length = strlen(flaws[i]);
        for (size_t at = 0; at < 40; at++) {
            test_note("flaw %zu at %zu", i, at);
            memset(text, 'a', sizeof(text));
            memcpy(text + at, flaws[i], length);
            CHECK(!utf8_is_valid_string(slice_make(text, at + length + 9)));
            CHECK(!utf8_is_valid_string(slice_make(text, at + length)));
            CHECK(!utf8_is_well_formed(slice_make(text, at + length)));
        }
    }
}

/* MQTT-1.5.4-2: no U+0000 in a string; a payload may have it. */
TEST(nul_is_for_payloads_only)
{
    char text[40];

    for (size_t at = 0; at < sizeof(text); at++) {
        memset(text, 'a', sizeof(text));
        text[at] = '\0';
        CHECK(!utf8_is_valid_string(slice_make(text, sizeof(text))));
        CHECK(utf8_is_well_formed(slice_make(text, sizeof(text))));
    }
    CHECK(!utf8_is_valid_string(TEXT("a\0\xC3\xA9")));
}

/* By definition: decodes to scalar values and encodes shortest. */
static bool is_well_formed_naively(const uint8_t *text, size_t length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    for (size_t i = 0; i < length;) {
        size_t bytes = text[i] < 0x80 ? 1 : text[i] >> 5 == 6 ? 2 : text[i] >> 4 == 14 ? 3 : 4;
        uint32_t value = bytes == 1 ? text[i] : text[i] & (0xFFu >> (bytes + 1));
        if ((bytes == 4 && text[i] >> 3 != 30) || i + bytes > length) {
            return false;
        }
        for (size_t k = 1; k < bytes; k++) {
            if (text[i + k] >> 6 != 2) {
                return false;
            }
            value = value << 6 | (text[i + k] & 0x3F);
        }
        if (value < least[bytes] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
            return false;
        }
        i += bytes;
    }
    return true;
}

TEST(characters_are_counted)
{
    CHECK_INT_EQUAL(utf8_count(SLICE_EMPTY), 0);
    CHECK_INT_EQUAL(utf8_count(SLICE_LITERAL("a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80")), 4);
}

TEST(random_bytes_agree_with_the_definition)
{
    static const uint8_t interesting[] = {'a',  0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1,
                                          0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0};
    uint64_t random = 11;
    unsigned well_formed = 0;

    for (unsigned round = 0; round < 300000; round++) {
        uint8_t text[12];
        size_t length = test_random_below(&random, sizeof(text) + 1);
        bool expected;
        for (size_t i = 0; i < length; i++) {
            text[i] = interesting[test_random_below(&random, sizeof(interesting))];
        }
        expected = is_well_formed_naively(text, length);
        well_formed += expected;
        CHECK_INT_EQUAL(utf8_is_well_formed(slice_make(text, length)), expected);
        CHECK_INT_EQUAL(utf8_is_valid_string(slice_make(text, length)),
                        expected && (length == 0 || !memchr(text, 0, length)));
    }
    CHECK(well_formed > 1000);
}
