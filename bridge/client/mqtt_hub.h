/* MQTT of a hub: packets of a client on their way to the broker and back (spec/webpubsub.md 5).
 *
 * - Topics and filters are the hub's (mqtt_topics.h), the client identifier is the hub's, too.
 * - Roles decide. A filter that is not allowed is left out of the SUBSCRIBE, and its code put into
 *   the SUBACK; a PUBLISH is refused in its turn among the answers of the broker (MQTT-4.6.0-2,
 *   MQTT-4.6.0-3), or where MQTT 3.1.1 has no way to say so by the end of the connection.
 * - Events go to the hub's handlers: see mqtt_event.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_MQTT_HUB_H
#define PUBGRID_CLIENT_MQTT_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "client/connection_id.h"
#include "client/mqtt_keeper.h"
#include "events/body.h"
#include "mqtt/packet.h"

struct fanout;
struct mqtt_asking;
struct mqtt_client;

/* PUBLISH packets at QoS 1 or 2 that were handed on, and how many of them were answered; answers of
 * our own that wait for those before them. */
struct mqtt_answers {
    uint32_t sent, answered;
    struct buffer held; /* struct held_answer (mqtt_answers.c), oldest first */
};

/* Zeroed memory is a good beginning; mqtt_hub_release(). */
struct mqtt_hub {
    struct buffer identifier;               /* the client's, without what the hub puts before it */
    char physical_id[CONNECTION_ID_LENGTH]; /* of this network connection */
    struct buffer session;                  /* its id, for events */
    struct mqtt_asking *asking;             /* the hub's handler is asked whether it may connect */
    struct mqtt_keeper *keeper;             /* NULL: nobody wants to know of the end */
    struct buffer connack_properties;       /* user properties that the handler wants in CONNACK */
    struct buffer held;                     /* PUBLISHes behind an event that awaits its answer */
    struct disconnected_mqtt end;           /* how the connection ends */
    bool awaits_event;                      /* an event was raised and has no answer */
    bool is_leaving;                        /* DISCONNECT came */
    bool keeps_session;                     /* it outlives the connection */
    bool owes_disconnected;                 /* its end is an event */
    bool is_assigned;                       /* by us: CONNACK says so */
    bool awaits_suback;            /* of the subscriptions that we have made for the client */
    uint16_t alias_maximum;        /* that the broker allows */
    struct buffer aliases;         /* enum topic_class of what each stands for, a byte each */
    struct mqtt_request *requests; /* SUBSCRIBEs and UNSUBSCRIBEs not yet answered (mqtt_rest.h) */
    struct buffer denied;          /* SUBSCRIBEs with filters that were left out (mqtt_answers.c) */
    struct mqtt_answers qos[2];    /* of QoS 1 and 2 */
};

void mqtt_hub_release(struct mqtt_hub *hub);

/* mqtt_hub_connect.c. The first packet: opens the channel, or refuses. */
void mqtt_hub_connect(struct mqtt_client *mqtt, struct slice packet);
/* The keeper is ready: CONNECT goes to the broker. */
void mqtt_hub_go_on(struct mqtt_client *mqtt, struct slice packet);
/* The client is let in: the rest of its way. */
void mqtt_hub_admitted(struct mqtt_client *mqtt, struct slice packet);
void mqtt_hub_connack(struct mqtt_client *mqtt, struct slice packet);
/* What the hub does to the properties of a PUBLISH or will: Response Topic, who it is from. Also
 * writes the topic. False if they are not allowed. Uses the gateway's scratch buffers. */
bool mqtt_hub_adapt(struct mqtt_client *mqtt, struct slice *topic, struct properties *properties);

/* mqtt_hub.c. Any later packet of the client; what goes to the broker is appended to
 * gateway->packet. */
void mqtt_hub_receive(struct mqtt_client *mqtt, struct slice packet);
/* Hands a PUBLISH on. */
void mqtt_put_publish(struct mqtt_client *mqtt, const struct packet *packet);
/* A packet of the broker. */
void mqtt_hub_return(struct mqtt_client *mqtt, struct slice packet);
void mqtt_hub_deliver(struct mqtt_client *mqtt, struct fanout *fanout, uint32_t sequence);

/* mqtt_answers.c. */
/* A PUBLISH was handed on. */
void mqtt_answer_is_due(struct mqtt_client *mqtt, enum qos qos);
/* The broker has answered one; what waited for it goes out behind. */
void mqtt_answer_came(struct mqtt_client *mqtt, enum qos qos);
/* Answers a PUBLISH with this reason (MQTT 5) when it is its turn. */
void mqtt_answer_publish(struct mqtt_client *mqtt, const struct publish *publish, uint8_t reason);
/* Remembers a SUBSCRIBE: a code for each filter, MQTT_CODE_OF_BROKER for those that were sent. */
enum { MQTT_CODE_OF_BROKER = 0xFF };
void mqtt_deny_filters(struct mqtt_hub *hub, uint16_t packet_id, struct slice codes);
/* Appends the codes of all filters of a SUBSCRIBE with denied ones to `codes`; false if it had
 * none, or the broker's do not fit. */
bool mqtt_merge_codes(struct mqtt_hub *hub, const struct suback *suback, struct buffer *codes);

#endif
