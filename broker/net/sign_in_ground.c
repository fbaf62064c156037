/* What of the namespace a sign-in rests on. See sign_in.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "net/sign_in.h"
#include "secret/digest.h"

enum ground_kind { GROUND_THUMBPRINT = 1, GROUND_AUTHORITY, GROUND_ISSUER };

static uint64_t ground_of(enum ground_kind kind, struct slice first, struct slice second)
{
    uint8_t digest[DIGEST_SIZE];
    struct buffer text = {0};
    uint64_t ground;

    buffer_append_byte(&text, (uint8_t)kind);
    buffer_append_u16(&text, (uint16_t)first.length);
    buffer_append(&text, first);
    buffer_append(&text, second);
    digest_sha256(buffer_slice(&text), digest);
    buffer_release(&text);
    memcpy(&ground, digest, sizeof(ground));
    return ground ? ground : 1;
}

uint64_t ground_of_thumbprint(const struct sign_in_client *client, struct slice digits)
{
    struct buffer lower = {0};
    uint64_t ground;

    ascii_append_lower(&lower, digits);
    ground = ground_of(GROUND_THUMBPRINT, client->key, buffer_slice(&lower));
    buffer_release(&lower);
    return ground;
}

/* The key, since an authority or issuer renews its certificate and stays what it is. */
static uint64_t ground_of_key(enum ground_kind kind, struct slice name, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int length = key ? i2d_PUBKEY(key, &der) : 0;
    uint64_t ground = ground_of(kind, name, slice_make(der, length > 0 ? (size_t)length : 0));

    OPENSSL_free(der);
    return ground;
}

uint64_t ground_of_authority(const X509 *certificate)
{
    return ground_of_key(GROUND_AUTHORITY, SLICE_EMPTY, X509_get0_pubkey(certificate));
}

uint64_t ground_of_issuer(const struct sign_in *sign_in, const struct jwt_key *key)
{
    return ground_of_key(GROUND_ISSUER, sign_in->issuer, key->public_key);
}

/* ---------------------------------------------------------------- those that there are */

void sign_in_add_ground(struct sign_in *sign_in, uint64_t ground)
{
    buffer_append(&sign_in->grounds, slice_make(&ground, sizeof(ground)));
}

static int compare(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

void sign_in_sort_grounds(struct sign_in *sign_in)
{
    if (sign_in->grounds.length > 0) {
        qsort(sign_in->grounds.data, sign_in->grounds.length / sizeof(uint64_t), sizeof(uint64_t),
              compare);
    }
}

bool sign_in_has_ground(const struct sign_in *sign_in, uint64_t ground)
{
    size_t count = sign_in ? sign_in->grounds.length / sizeof(ground) : 0;

    return ground == 0 || (count > 0 && bsearch(&ground, sign_in->grounds.data, count,
                                                sizeof(ground), compare) != NULL);
}
