/* See connection_id.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/connection_id.h"

#include "client/gateway.h"

void connection_id_choose(struct gateway *gateway, char id[CONNECTION_ID_LENGTH])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t random[CONNECTION_ID_LENGTH];

    gateway->random(random, sizeof(random));
    for (int i = 0; i < CONNECTION_ID_LENGTH; i++) {
        id[i] = digits[random[i] & 63];
    }
}
