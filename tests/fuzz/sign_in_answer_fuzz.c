/* Fuzzes what a webhook that lets clients in answers. Input: a line with the status, the body.
 *
 * Oracles: who is let in has a name that MQTT can carry, or none; attributes have keys that are
 * some; what expires has not expired yet; whoever is not let in is told why. An answer other than
 * 200 lets nobody in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "base/ascii.h"
#include "mqtt/utf8.h"
#include "net/sign_in_webhook.h"

enum { NOW_S = 1800000000 };

static long number_of(struct slice text)
{
    long number = 0;

    for (size_t i = 0; i < text.length && i < 3; i++) {
        number = number * 10 + (ascii_is_digit(text.data[i]) ? text.data[i] - '0' : 0);
    }
    return number;
}

static void check_allowed(const struct proof *proof)
{
    struct slice name = buffer_slice(&proof->name);

    FUZZ_CHECK(name.length == 0 || utf8_is_valid_string(name));
    FUZZ_CHECK(proof->expires_at == 0 || proof->expires_at > (int64_t)NOW_S * 1000);
    for (const struct attribute *one = proof->attributes; one; one = one->next) {
        FUZZ_CHECK(attribute_key_is_valid(one->key));
        FUZZ_CHECK(attributes_find(proof->attributes, one->key) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice all = fuzz_copy(slice_make(data, size)), rest = all;
    long status = number_of(fuzz_take_line(&rest));
    struct proof proof = {0};
    struct slice why = SLICE_EMPTY;
    enum webhook_decision decision =
        webhook_answer_read(status, rest, (int64_t)NOW_S * 1000, &proof, &why);

    if (decision == WEBHOOK_ALLOWS) {
        FUZZ_CHECK(status == 200);
        check_allowed(&proof);
    } else {
        FUZZ_CHECK(why.length > 0);
    }
    proof_release(&proof);
    fuzz_free(all);
    return 0;
}
