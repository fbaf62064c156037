/* The table of codecs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_codec.h"

#include <string.h>

const struct bench_codec *bench_codec_find(const char *protocol, bool websocket)
{
    static const struct bench_codec *const codecs[] = {
        &bench_codec_mqtt,          &bench_codec_mqtt_websocket, &bench_codec_json,
        &bench_codec_json_reliable, &bench_codec_json_event,     &bench_codec_socketio};
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
        if ((codecs[i]->subprotocol != NULL) == websocket &&
            (protocol == NULL || strcmp(protocol, codecs[i]->protocol) == 0)) {
            return codecs[i];
        }
    }
    return NULL;
}
