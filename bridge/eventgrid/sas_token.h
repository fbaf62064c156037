/* SAS tokens, `r=<resource>&e=<expiry>&s=<signature>`, as every SDK writes them
 * (spec/eventgrid.md 1.4). Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_SAS_TOKEN_H
#define PUBGRID_EVENTGRID_SAS_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "secret/digest.h"

struct sas_token {
    struct slice signed_text; /* the bytes in front of "&s=", as they came */
    int64_t expires_ms;
    uint8_t signature[DIGEST_SIZE];
};

/* False: it is none. What is decoded goes into `scratch`. */
bool sas_token_read(struct slice text, struct buffer *scratch, struct sas_token *out);
/* Was it signed with this key (base64)? False also if that is none. */
bool sas_token_is_signed_with(const struct sas_token *token, struct slice key);

/* The date and time that an expiry says, for UTC: RFC 3339 with or without a zone, or one of those
 * that .NET and Java write by the culture: "12/31/2030 12:05:09 AM", "31.12.2030 00:05:09",
 * "2030/12/31 0:05:09". */
bool sas_time_read(struct slice text, int64_t *ms);

#endif
