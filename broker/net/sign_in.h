/* How clients of an MQTT namespace sign in, beyond passwords (spec/eventgrid.md 6.2): its clients
 * and whose certificates they have, its authorities, its issuer of tokens, its webhook. A counted,
 * immutable snapshot that a change of the namespace replaces.
 *
 *   sign_in.c              how it is made; its clients
 *   sign_in_certificate.c  who somebody is by a certificate
 *   sign_in_token.c        the same by a JSON Web Token
 *   sign_in_ground.c       what that rests on, so that it ends when that is taken away
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_SIGN_IN_H
#define PUBGRID_NET_SIGN_IN_H

#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/map.h"
#include "net/peer_certificate.h"
#include "net/proof.h"
#include "resource/client_authentication.h"
#include "resource/mqtt_client.h"
#include "secret/jwt_key.h"

struct access_keys;

/* What it is made from: everything is copied. */
struct sign_in_options {
    struct slice name;           /* of the namespace */
    const struct slice *domains; /* hosts, or URLs, that it has, too */
    size_t domain_count;
    const struct client_authentication *authentication;
    const struct mqtt_client *const *clients;
    size_t client_count;
    const struct slice *authorities; /* certificates in PEM, of roots or others */
    size_t authority_count;
    const char *keys_file; /* of the server's access keys, made if it is missing; NULL: none */
};

struct sign_in_client {
    struct map_node node;
    struct slice key;  /* the name in lower case */
    struct slice name; /* authentication name, as it is spelled */
    enum validation_scheme scheme;
    const struct slice *thumbprints;
    size_t thumbprint_count;
};

struct sign_in {
    _Atomic unsigned references;
    struct arena memory; /* of all slices */
    struct slice name;
    struct map clients; /* struct sign_in_client */
    X509_STORE *authorities;
    size_t authority_count;
    enum certificate_name sources[CERTIFICATE_NAMES];
    size_t source_count;
    struct slice issuer;
    struct jwt_key_list issuer_keys;
    struct slice *audiences, *domains;
    size_t audience_count, domain_count;
    struct access_keys *access_keys; /* NULL: none */
    pthread_mutex_t keys_lock;       /* of them: they serve one thread at a time */
    const char *webhook_url;         /* NULL: there is none */
    struct buffer grounds;           /* uint64_t each, in order */
};

/* One count. What cannot be used (a file that cannot be read) is said in the log and left out. */
struct sign_in *sign_in_new(const struct sign_in_options *options);
/* Both harmless with NULL. */
struct sign_in *sign_in_hold(struct sign_in *sign_in);
void sign_in_release(struct sign_in *sign_in);

/* The client of that authentication name, ignoring case. NULL: there is none. */
const struct sign_in_client *sign_in_find(const struct sign_in *sign_in, struct slice name);
/* Does a certificate of a client say something to it? Then listeners are to ask for one. */
bool sign_in_wants_certificates(const struct sign_in *sign_in);

/* --- sign_in_ground.c: thumbprints of clients, keys of authorities and of issuers --- */

/* Numbers that are the same in each snapshot, and never 0. */
uint64_t ground_of_thumbprint(const struct sign_in_client *client, struct slice digits);
uint64_t ground_of_authority(const X509 *certificate);
uint64_t ground_of_issuer(const struct sign_in *sign_in, const struct jwt_key *key);
/* While the snapshot is made; sorted last. */
void sign_in_add_ground(struct sign_in *sign_in, uint64_t ground);
void sign_in_sort_grounds(struct sign_in *sign_in);
/* Is what a proof rests on still there? `sign_in` NULL: there is no MQTT namespace. */
bool sign_in_has_ground(const struct sign_in *sign_in, uint64_t ground);

/* --- sign_in_certificate.c --- */

/* Who the holder of the certificate is: the client that `user_name` names, if it is its
 * certificate; else, without a user name, what the certificate says. NULL, or why it proves
 * nothing. */
const char *sign_in_by_certificate(const struct sign_in *sign_in,
                                   const struct peer_certificate *peer, struct slice user_name,
                                   struct proof *proof);

/* The same on a listener that takes the Common Name for a user name (`sign_in` NULL: there is no
 * MQTT namespace): its own authorities must have signed the certificate, and if there is a client
 * of that name, it must be its certificate. */
const char *sign_in_by_common_name(const struct sign_in *sign_in,
                                   const struct peer_certificate *peer, struct proof *proof);

/* --- sign_in_token.c --- */

enum token_kind {
    TOKEN_CUSTOM, /* signed by the namespace's issuer, for the namespace */
    TOKEN_OAUTH2, /* signed with an access key of the server, or by that issuer, for Event Grid */
};

bool sign_in_takes_tokens(const struct sign_in *sign_in, enum token_kind kind);
/* Who the bearer of the token is. `now`: wall clock, ms since 1970. NULL, or why it is not good. */
const char *sign_in_by_token(struct sign_in *sign_in, enum token_kind kind, struct slice token,
                             int64_t now, struct proof *proof);

#endif
