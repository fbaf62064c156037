/* The two access keys of a server: a token that is signed with either is good, so that one can be
 * replaced while the other is in use. They live in a file of two lines that only its owner may
 * read:
 *
 *     primary: <at least 32 bytes of text>
 *     secondary: <the same>
 *
 * A key's text is used as it is (its UTF-8 bytes), never decoded (spec/webpubsub.md 0.3 and 6.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_ACCESS_KEYS_H
#define PUBGRID_SECRET_ACCESS_KEYS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "secret/digest.h"

enum access_key { ACCESS_KEY_PRIMARY, ACCESS_KEY_SECONDARY, ACCESS_KEYS };
enum { ACCESS_KEY_SIZE_MIN = 32, ACCESS_KEY_SIZE_MAX = 1024 };

struct access_keys;

/* "primary", "secondary". */
const char *access_key_name(enum access_key which);
/* False for another word. */
bool access_key_from_name(const char *name, enum access_key *which);

/* Reads the file. NULL, and a sentence in `error`, if it is missing, others may read it, or it does
 * not hold two good keys. */
struct access_keys *access_keys_read(const char *path, struct buffer *error);
/* The same, but makes the file (and its folder) with new keys if it is missing. Processes that do
 * so at the same time all get the same keys. */
struct access_keys *access_keys_open(const char *path, struct buffer *error);
/* Puts a new key in the place of one of them. The file is replaced as a whole. */
bool access_keys_regenerate(const char *path, enum access_key which, struct buffer *error);

/* The same from the file's text. */
struct access_keys *access_keys_parse(struct slice text, struct buffer *error);
/* Wipes them. */
void access_keys_free(struct access_keys *keys);

struct slice access_keys_get(const struct access_keys *keys, enum access_key which);
/* The HMAC of the bytes. Not by two threads at once. */
void access_keys_sign(const struct access_keys *keys, enum access_key which, struct slice bytes,
                      uint8_t out[DIGEST_SIZE]);
/* jwt_verify() with both keys. Not by two threads at once. */
bool access_keys_verify(const struct access_keys *keys, struct slice token, struct buffer *claims);

#endif
