/* The story of a seed as a conversation file (tests/conversation/README.md), with comments for what
 * that knows no words for: the turns of shards.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/sim.h"

void sim_tell(struct sim *sim, const char *format, ...)
{
    va_list arguments;

    if (sim->verbose) {
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
    }
}

/* Tells failures apart, so that shortening does not end up with another one. */
static int code_of(const char *format)
{
    unsigned code = 0;

    while (*format) {
        code = code * 31 + (unsigned char)*format++;
    }
    return 2 + (int)(code % 100);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    printf("# step %u of seed %llu: ", sim->step, (unsigned long long)sim->seed);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
    _Exit(code_of(format));
}

static void tell_properties(struct slice raw)
{
    struct property_item item;

    while (properties_next(&raw, &item)) {
        if (item.value.length == 0) {
            printf(" %s=%u", property_name(item.property), item.number);
        }
    }
}

static void tell_connect(const struct packet *packet)
{
    const struct connect *connect = &packet->connect;
    const struct will *will = &connect->will;

    printf("%s clean_start=%d", connect->version == MQTT_5 ? "" : " v311", connect->clean_start);
    if (will->present) {
        printf(" will_topic=\"%.*s\" will_payload=\"%.*s\" will_qos=%d", SLICE_PRINT(will->topic),
               SLICE_PRINT(will->payload), (int)will->qos);
        if (properties_have(&will->properties, PROPERTY_WILL_DELAY_INTERVAL)) {
            printf(" will_WillDelayInterval=%u", will->properties.will_delay_interval);
        }
    }
    if (properties_have(&packet->properties, PROPERTY_SESSION_EXPIRY_INTERVAL)) {
        printf(" SessionExpiryInterval=%u", packet->properties.session_expiry_interval);
    }
    if (properties_have(&packet->properties, PROPERTY_RECEIVE_MAXIMUM)) {
        printf(" ReceiveMaximum=%u", packet->properties.receive_maximum);
    }
}

static void tell_publish(const struct publish *publish)
{
    int shown = 0;

    while ((size_t)shown < publish->payload.length && publish->payload.data[shown] != ';') {
        shown++;
    }
    printf(" \"%.*s\" id=%u qos=%d%s%s payload=\"%.*s\"", SLICE_PRINT(publish->topic),
           publish->packet_id, (int)publish->qos, publish->dup ? " dup=1" : "",
           publish->retain ? " retain=1" : "", shown, (const char *)publish->payload.data);
}

static void tell_subscribe(const struct packet *packet, enum protocol_version version)
{
    struct slice rest = packet->subscribe.filters, filter;
    struct subscription_options options;

    printf(" id=%u", packet->subscribe.packet_id);
    if (packet->type == PACKET_UNSUBSCRIBE) {
        while (unsubscribe_next(&rest, &filter)) {
            printf(" \"%.*s\"", SLICE_PRINT(filter));
        }
        return;
    }
    while (subscribe_next(&rest, version, &filter, &options)) {
        printf(" \"%.*s\" qos=%d%s%s", SLICE_PRINT(filter), (int)options.qos,
               options.no_local ? " no_local=1" : "",
               options.retain_as_published ? " retain_as_published=1" : "");
    }
    if (properties_have(&packet->properties, PROPERTY_SUBSCRIPTION_IDENTIFIER)) {
        printf(" SubscriptionIdentifier=%u", packet->properties.subscription_identifier);
    }
}

static void tell_disconnect(const struct packet *packet)
{
    if (packet->disconnect.reason != 0) {
        printf(" reason=0x%02x", packet->disconnect.reason);
    }
    if (properties_have(&packet->properties, PROPERTY_SESSION_EXPIRY_INTERVAL)) {
        printf(" SessionExpiryInterval=%u", packet->properties.session_expiry_interval);
    }
}

static void tell_fields(const struct packet *packet, enum protocol_version version)
{
    switch (packet->type) {
    case PACKET_CONNECT:
        tell_connect(packet);
        break;
    case PACKET_CONNACK:
        printf(" reason=%u session_present=%d", packet->connack.reason,
               packet->connack.session_present);
        break;
    case PACKET_PUBLISH:
        tell_publish(&packet->publish);
        tell_properties(packet->properties.raw);
        break;
    case PACKET_SUBSCRIBE:
    case PACKET_UNSUBSCRIBE:
        tell_subscribe(packet, version);
        break;
    case PACKET_SUBACK:
    case PACKET_UNSUBACK:
        printf(" id=%u codes=%u", packet->suback.packet_id,
               packet->suback.codes.length ? packet->suback.codes.data[0] : 0);
        break;
    case PACKET_PUBACK:
    case PACKET_PUBREC:
    case PACKET_PUBREL:
    case PACKET_PUBCOMP:
        printf(" id=%u", packet->ack.packet_id);
        if (packet->ack.reason != 0) {
            printf(" reason=0x%02x", packet->ack.reason);
        }
        break;
    case PACKET_DISCONNECT:
        tell_disconnect(packet);
        break;
    case PACKET_PINGREQ:
    case PACKET_PINGRESP:
    case PACKET_AUTH:
        break;
    }
}

void sim_tell_packet(struct sim *sim, const struct sim_client *client, char direction,
                     const struct packet *packet)
{
    if (sim->verbose) {
        printf("%s %c %s", client->name, direction, packet_type_name(packet->type));
        tell_fields(packet, client->version);
        putchar('\n');
    }
}
