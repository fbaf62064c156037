/* Publishing MQTT messages over HTTP. At QoS 1 the answer is 204, once the broker has acknowledged
 * the message, so when it is on the disk for every durable session that gets it. At QoS 0 it is
 * 202: the message is on its way, and MQTT has nothing that would tell what became of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/mqtt_http_state.h"

struct publishing {
    struct mqtt_call call;
    enum qos qos;
};

static void release(struct mqtt_call *call)
{
    free(CONTAINER_OF(call, struct publishing, call));
}

static void done(struct guest_call *guest, const struct guest_answer *answer)
{
    struct publishing *publishing = CONTAINER_OF(guest, struct publishing, call.guest);
    const struct request_error *error = mqtt_http_error(answer);
    struct mqtt_http *http = publishing->call.http;
    int status = publishing->qos == QOS_0 ? 202 : 204;
    struct grid_reply *reply = mqtt_http_end(&publishing->call);

    if (error) {
        mqtt_http_refuse(http, reply, error);
    } else {
        mqtt_http_answer(http, reply, status, SLICE_EMPTY, NULL, SLICE_EMPTY);
    }
}

void mqtt_http_publish(const struct mqtt_visit *visit)
{
    struct guest *guest = guests_find(visit->http->guests, visit->user);
    struct publishing *publishing;

    if (!guest) {
        mqtt_http_refuse(visit->http, visit->reply, mqtt_http_error(&mqtt_http_no_guest));
        return;
    }
    publishing = memory_allocate_zero(sizeof(*publishing));
    publishing->qos = visit->wanted->packet.publish.qos;
    publishing->call.guest.done = done;
    publishing->call.release = release;
    mqtt_http_wait(&publishing->call, visit);
    if (!guest_publish(guest, &publishing->call.guest, &visit->wanted->packet)) {
        done(&publishing->call.guest, &mqtt_http_no_room);
    }
}
