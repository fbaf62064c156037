/* See own_channel.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/own_channel.h"

#include "trunk/trunk.h"

void own_channel_connect(struct gateway *gateway, struct channel *channel,
                         struct slice client_identifier)
{
    gateway->link->ops->open(gateway->link, channel,
                             &(struct link_open){
                                 .placement = client_identifier,
                                 .flags = TRUNK_VERIFIED,
                                 .peer = SLICE_LITERAL("bridge"),
                             });
    own_channel_send(gateway, channel);
}

void own_channel_send(struct gateway *gateway, struct channel *channel)
{
    struct buffer *packets = &gateway->packet;

    if (packets->length > 0 && channel->is_open) {
        gateway->link->ops->send(gateway->link, channel, buffer_slice(packets));
    }
    packets->length = 0;
}

void own_channel_close(struct gateway *gateway, struct channel *channel)
{
    if (channel->is_open) {
        gateway->link->ops->close(gateway->link, channel);
    }
}

void own_channel_ignore(struct channel *channel)
{
    (void)channel;
}
