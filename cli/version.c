/* The version of the program and of the MQTT library that it runs on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "version.h"

#include <MQTTAsync.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static const char *paho_version(void)
{
    for (MQTTAsync_nameValue *at = MQTTAsync_getVersionInfo(); at->name != NULL; at++) {
        if (strcmp(at->name, "Version") == 0) {
            return at->value;
        }
    }
    return "?";
}

void version_print(void)
{
    printf("pubgrid %s (Eclipse Paho MQTT C %s, %s)\n", PUBGRID_VERSION, paho_version(),
           OpenSSL_version(OPENSSL_VERSION));
}
