/* Names of Web PubSub connections: 128 random bits in base64url (spec/webpubsub.md 1.1).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_CONNECTION_ID_H
#define PUBGRID_CLIENT_CONNECTION_ID_H

struct gateway;

enum { CONNECTION_ID_LENGTH = 22 };

/* Without a NUL behind it. */
void connection_id_choose(struct gateway *gateway, char id[CONNECTION_ID_LENGTH]);

#endif
