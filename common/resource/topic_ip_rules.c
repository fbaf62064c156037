/* From which addresses events may be published: `inboundIpRules` (spec/eventgrid.md 1.8).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "resource/topic_parts.h"

enum { RULE_TEXT_MAX = 64, IPV4_BEGINS = 12 /* in ::ffff:a.b.c.d */ };

static const uint8_t mapped[IPV4_BEGINS] = {[10] = 0xFF, [11] = 0xFF};

struct rule_draft {
    struct slice mask, action;
};

static const struct property rule_rows[] = {
    TEXT_PROPERTY(struct rule_draft, "ipMask", mask, RULE_TEXT_MAX),
    TEXT_PROPERTY(struct rule_draft, "action", action, RULE_TEXT_MAX),
};
static const struct property_table rule_properties = PROPERTY_TABLE(rule_rows);

/* --- reading --- */

/* A whole number up to `most`. */
static bool parse_bits(const char *text, unsigned most, unsigned *bits)
{
    size_t length = strlen(text);

    *bits = 0;
    for (size_t i = 0; i < length; i++) {
        if (!ascii_is_digit((uint8_t)text[i]) || length > 3) {
            return false;
        }
        *bits = *bits * 10 + (unsigned)(text[i] - '0');
    }
    return length > 0 && *bits <= most;
}

/* "10.0.0.0/8", "10.1.2.3", "fd00::/8" */
static bool parse_mask(char *text, struct ip_rule *rule)
{
    char *slash = strchr(text, '/');
    unsigned bits, of_address = 128;

    if (slash) {
        *slash = '\0';
    }
    if (inet_pton(AF_INET, text, rule->address + IPV4_BEGINS) == 1) {
        memcpy(rule->address, mapped, sizeof(mapped));
        of_address = 32;
    } else if (inet_pton(AF_INET6, text, rule->address) != 1) {
        return false;
    }
    bits = of_address;
    if (slash && !parse_bits(slash + 1, of_address, &bits)) {
        return false;
    }
    rule->bits = (uint8_t)(128 - of_address + bits);
    return true;
}

static void read_rule(struct reading *reading, const struct json_value *value, void *into)
{
    struct rule_draft draft = {0};
    char *text;

    reading_object(reading, value, &rule_properties, &draft);
    if (value->type != JSON_OBJECT) {
        return;
    }
    text = memory_copy_string(draft.mask);
    if (strlen(text) != draft.mask.length || !parse_mask(text, into)) {
        reading_mistake_at(reading, "ipMask", "is an address or a range such as 10.0.0.0/8");
    }
    free(text);
    if (draft.action.length > 0 && !equal_ignoring_case(draft.action, SLICE_LITERAL("Allow"))) {
        reading_mistake_at(reading, "action", "is Allow: what no rule allows is refused");
    }
}

void ip_rules_read(struct reading *reading, const struct json_value *value, void *into)
{
    static const struct array_kind kind = {"rules", IP_RULES_MAX, sizeof(struct ip_rule),
                                           read_rule};
    struct topic_properties *topic = into;

    topic->ip_rules = reading_array(reading, value, &kind, &topic->ip_rule_count);
}

/* --- use --- */

static bool has_address(const struct ip_rule *rule, const uint8_t address[16])
{
    unsigned bytes = rule->bits / 8, rest = rule->bits % 8;

    return memcmp(rule->address, address, bytes) == 0 &&
           (rest == 0 || (rule->address[bytes] ^ address[bytes]) >> (8 - rest) == 0);
}

bool topic_properties_admit(const struct topic_properties *topic, const uint8_t address[16],
                            bool is_loopback)
{
    if (!topic->is_public && !is_loopback) {
        return false;
    }
    for (size_t i = 0; i < topic->ip_rule_count; i++) {
        if (has_address(&topic->ip_rules[i], address)) {
            return true;
        }
    }
    return topic->ip_rule_count == 0;
}

/* --- writing --- */

void ip_rules_append(struct buffer *out, const struct topic_properties *topic)
{
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < topic->ip_rule_count; i++) {
        const struct ip_rule *rule = &topic->ip_rules[i];
        bool is_four =
            rule->bits >= 8 * IPV4_BEGINS && memcmp(rule->address, mapped, sizeof(mapped)) == 0;
        char text[INET6_ADDRSTRLEN];
        inet_ntop(is_four ? AF_INET : AF_INET6, rule->address + (is_four ? IPV4_BEGINS : 0), text,
                  sizeof(text));
        buffer_append_format(out, "%s{\"ipMask\":\"%s/%d\",\"action\":\"Allow\"}", i > 0 ? "," : "",
                             text, rule->bits - (is_four ? 8 * IPV4_BEGINS : 0));
    }
    buffer_append_byte(out, ']');
}
