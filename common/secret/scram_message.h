/* The texts that client and server exchange for SCRAM-SHA-256 (RFC 5802, section 7).
 *
 *   client-first  n,,n=user,r=cnonce
 *   server-first  r=cnonce+snonce,s=salt,i=16384
 *   client-final  c=biws,r=cnonce+snonce,p=proof
 *   server-final  v=signature
 *
 * No channel binding: the gs2 headers `n,,` and `y,,` are taken; `p=...` and authorization
 * identities are refused. Names are used as they are, without SASLprep.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_SCRAM_MESSAGE_H
#define PUBGRID_SECRET_SCRAM_MESSAGE_H

#include "base/buffer.h"
#include "secret/digest.h"

enum { SCRAM_NONCE_MAX = 256 };

struct scram_client_first {
    struct slice gs2_header; /* "n,," or "y,," */
    struct slice bare;       /* the rest: what the signatures cover */
    struct slice user;       /* still with =2C and =3D */
    struct slice nonce;
};

struct scram_client_final {
    struct slice without_proof;
    struct slice channel_binding; /* base64 of the gs2 header, if it is right */
    struct slice nonce;
    uint8_t proof[DIGEST_SIZE];
};

/* Both borrow `message`. */
bool scram_parse_client_first(struct slice message, struct scram_client_first *first);
bool scram_parse_client_final(struct slice message, struct scram_client_final *final);
/* Appends the user name with =2C and =3D turned back. False if it is not well encoded. */
bool scram_decode_name(struct slice encoded, struct buffer *name);

#endif
