/* Subprotocols: their names, and which one is chosen.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/subprotocol.h"

#include "access/characters.h"

static const struct subprotocol_facts {
    const char *name;
    bool is_reliable;
} facts[] = {
    [SUBPROTOCOL_NONE] = {NULL, false},
    [SUBPROTOCOL_JSON] = {"json.webpubsub.azure.v1", false},
    [SUBPROTOCOL_JSON_RELIABLE] = {"json.reliable.webpubsub.azure.v1", true},
    [SUBPROTOCOL_PROTOBUF] = {"protobuf.webpubsub.azure.v1", false},
    [SUBPROTOCOL_PROTOBUF_RELIABLE] = {"protobuf.reliable.webpubsub.azure.v1", true},
    [SUBPROTOCOL_MQTT] = {"mqtt", false},
};

enum { SUBPROTOCOLS = sizeof(facts) / sizeof(facts[0]) };

const char *subprotocol_name(enum subprotocol subprotocol)
{
    return facts[subprotocol].name;
}

bool subprotocol_is_reliable(enum subprotocol subprotocol)
{
    return facts[subprotocol].is_reliable;
}

enum subprotocol subprotocol_from_name(struct slice name)
{
    for (int i = SUBPROTOCOL_NONE + 1; i < SUBPROTOCOLS; i++) {
        if (slice_equal(name, slice_from_string(facts[i].name))) {
            return (enum subprotocol)i;
        }
    }
    return SUBPROTOCOL_NONE;
}

enum subprotocol subprotocol_choose(struct slice offered, bool mqtt)
{
    struct slice name;
    while (list_take(&offered, &name)) {
        enum subprotocol found = subprotocol_from_name(name);
        if (found != SUBPROTOCOL_NONE && (found == SUBPROTOCOL_MQTT) == mqtt) {
            return found;
        }
    }
    return SUBPROTOCOL_NONE;
}

bool subprotocol_is_offered(struct slice offered, struct slice wanted)
{
    struct slice name;
    while (list_take(&offered, &name)) {
        if (slice_equal(name, wanted)) {
            return true;
        }
    }
    return false;
}
