/* See durable_world.h. durable_store.c has the store in memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/durable_world.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/identity.h"
#include "core/recover.h"
#include "core/session_counts.h"
#include "mqtt/placement.h"
#include "support/durable_store.h"

static void some_random(void *out, size_t length)
{
    memset(out, 7, length);
}

void durable_world_init(struct durable_world *world)
{
    *world = (struct durable_world){
        .now = 1700000000000,
        .replay_from = 1,
        .origin = {.peer_address = "test", .anonymous_allowed = true},
    };
    list_init(&world->clients);
    core_options_defaults(&world->options);
    world->options.sys_interval_ms = 0;
    world->options.queue_qos0 = false;
}

void durable_world_release(struct durable_world *world)
{
    if (world->running) {
        durable_stop(world);
    }
    durable_store_release(world);
}

bool durable_start(struct durable_world *world, unsigned shards, msec_t alive_until,
                   struct buffer *error)
{
    static const _Atomic int good = STORE_OK;
    static const _Atomic uint64_t posted = UINT64_MAX;

    world->running = true;
    world->broker = (struct broker){
        .shard_count = shards,
        .shards = world->pointers,
        .subscriptions = subscriptions_new(),
        .retained = retained_new(),
        .session_counts = session_counts_new(),
        .random = some_random,
        .started_at = world->now,
        .version = "pubgrid version test",
        .store_state = &good,
        .store_posted = &posted,
        .next_durable_id = 1,
    };
    world->settings = settings_new(&world->options, rule_set_new());
    for (unsigned i = 0; i < shards; i++) {
        world->pointers[i] = &world->shards[i];
        shard_init(&world->shards[i], &world->broker, i, settings_hold(world->settings),
                   world->now);
    }
    bool recovered = durable_store_load(world, alive_until, error);
    if (recovered) {
        durable_settle(world);
    }
    return recovered;
}

static void free_client(struct durable_client *client)
{
    list_remove(&client->link);
    buffer_release(&client->received);
    free(client);
}

static void release_connection(struct durable_client *client)
{
    if (!client->closed) {
        client->closed = true;
        connection_lost(&client->connection);
        list_remove(&client->connection.dirty);
        connection_release(&client->connection);
    }
}

void durable_stop(struct durable_world *world)
{
    LIST_FOREACH_SAFE (link, &world->clients) {
        struct durable_client *client = CONTAINER_OF(link, struct durable_client, link);
        release_connection(client);
        free_client(client);
    }
    for (unsigned i = 0; i < world->broker.shard_count; i++) {
        mail_list_run(&world->inboxes[i], NULL);
        shard_release(&world->shards[i]);
    }
    subscriptions_free(world->broker.subscriptions);
    retained_free(world->broker.retained);
    session_counts_free(world->broker.session_counts);
    settings_release(world->settings);
    world->running = false;
}

/* ---------------------------------------------------------------- turns */

static void write_output(struct durable_client *client)
{
    struct output *output = &client->connection.output;
    struct iovec vectors[8];

    while (output->pending > 0) {
        int count = output_vectors(output, vectors, 8);
        size_t written = 0;
        for (int i = 0; i < count; i++) {
            buffer_append(&client->received, slice_make(vectors[i].iov_base, vectors[i].iov_len));
            written += vectors[i].iov_len;
        }
        output_consume(output, &client->connection.shard->pool, written);
    }
}

static void serve_dirty(struct durable_client *client)
{
    write_output(client);
    if (client->connection.state == CONNECTION_CLOSING ||
        client->connection.state == CONNECTION_CLOSED) {
        release_connection(client);
    } else {
        connection_writable(&client->connection);
    }
}

static void flush_client(struct connection *connection)
{
    serve_dirty(CONTAINER_OF(connection, struct durable_client, connection));
}

static struct connection_origin origin_of_client(const struct connection *connection)
{
    return CONTAINER_OF(connection, const struct durable_client, connection)->origin;
}

static const struct connection_carrier carrier = {
    .origin = origin_of_client,
    .flush = flush_client,
};

static void flush_outbox(struct durable_world *world, struct shard *shard)
{
    struct outbox *outbox = &shard->outbox;

    while (!list_is_empty(&outbox->dirty)) {
        struct connection *connection = CONTAINER_OF(outbox->dirty.next, struct connection, dirty);
        list_remove(&connection->dirty);
        connection->carrier->flush(connection);
        world->busy = true;
    }
    for (unsigned i = 0; i < world->broker.shard_count; i++) {
        world->busy |= outbox->mail[i].first != NULL;
        mail_list_move(&world->inboxes[i], &outbox->mail[i]);
    }
    shard_finish(shard);
    struct batch *batch = shard_take_batch(shard);
    if (batch) {
        durable_store_commit(world, batch);
        world->busy = true;
    }
    world->busy |= durable_store_read(world, &outbox->reads);
}

void durable_settle(struct durable_world *world)
{
    do {
        world->busy = false;
        for (unsigned i = 0; i < world->broker.shard_count; i++) {
            struct shard *shard = &world->shards[i];
            struct mail_list mail = world->inboxes[i];
            world->inboxes[i] = (struct mail_list){0};
            world->busy |= mail.first != NULL;
            shard_advance(shard, world->now);
            mail_list_run(&mail, shard);
            flush_outbox(world, shard);
        }
    } while (world->busy);
}

void durable_advance(struct durable_world *world, msec_t duration)
{
    enum { STEP_MS = 100 };

    for (msec_t end = world->now + duration; world->now < end;) {
        world->now = world->now + STEP_MS < end ? world->now + STEP_MS : end;
        durable_settle(world);
    }
}

void durable_save(struct durable_world *world)
{
    uint64_t from = world->log.length + 1;

    world->round++;
    world->saved = 0;
    for (unsigned i = 0; i < world->broker.shard_count; i++) {
        mail_list_add(&world->inboxes[i], shard_save_mail(world->round));
    }
    durable_settle(world);
    if (world->saved != world->broker.shard_count) {
        abort();
    }
    world->replay_from = from;
}

/* ---------------------------------------------------------------- clients */

void durable_send(struct durable_client *client, const struct packet *packet)
{
    struct buffer bytes = {0};

    packet_encode(&bytes, packet, MQTT_5);
    for (size_t used = 0; used < bytes.length && !client->closed;) {
        size_t taken =
            connection_receive(&client->connection, slice_from(buffer_slice(&bytes), used));
        used = taken > 0 ? used + taken : bytes.length;
        durable_settle(client->world);
    }
    buffer_release(&bytes);
}

struct durable_client *durable_connect(struct durable_world *world, const char *identifier,
                                       bool clean_start, uint32_t expiry, const struct will *will)
{
    struct durable_client *client = memory_allocate_zero(sizeof(*client));
    struct slice name = slice_from_string(identifier);
    struct shard *shard = &world->shards[placement_of(name, world->broker.shard_count)];
    struct packet connect = {
        .type = PACKET_CONNECT,
        .connect = {.version = MQTT_5, .clean_start = clean_start, .client_identifier = name},
    };

    connect.properties.present = UINT64_C(1) << PROPERTY_SESSION_EXPIRY_INTERVAL;
    connect.properties.session_expiry_interval = expiry;
    if (will) {
        connect.connect.will = *will;
    }
    client->world = world;
    client->origin = world->origin;
    list_init(&client->link);
    list_add_last(&world->clients, &client->link);
    connection_init(&client->connection, shard, &carrier);
    durable_send(client, &connect);
    return client;
}

struct durable_client *durable_connect_as(struct durable_world *world, struct identity *identity,
                                          const char *identifier, bool clean_start, uint32_t expiry,
                                          const struct will *will)
{
    struct durable_client *client;

    world->origin.verified = identity;
    client = durable_connect(world, identifier, clean_start, expiry, will);
    world->origin.verified = NULL;
    identity_release(identity);
    return client;
}

void durable_acknowledge(struct durable_client *client, enum packet_type type, uint16_t packet_id)
{
    struct packet packet = {.type = type, .ack = {.packet_id = packet_id}};

    durable_send(client, &packet);
}

void durable_subscribe(struct durable_client *client, const char *filter, uint8_t options,
                       uint32_t identifier)
{
    struct buffer filters = {0};
    struct packet packet = {.type = PACKET_SUBSCRIBE};

    buffer_append_u16(&filters, (uint16_t)strlen(filter));
    buffer_append_string(&filters, filter);
    buffer_append_byte(&filters, options);
    packet.subscribe = (struct subscribe){1, 1, buffer_slice(&filters)};
    if (identifier > 0) {
        packet.properties.present = UINT64_C(1) << PROPERTY_SUBSCRIPTION_IDENTIFIER;
        packet.properties.subscription_identifier = identifier;
    }
    durable_send(client, &packet);
    buffer_release(&filters);
}

void durable_publish(struct durable_client *client, const char *topic, const char *payload,
                     enum qos qos, uint16_t packet_id, bool retain)
{
    struct packet packet = {
        .type = PACKET_PUBLISH,
        .publish = {.retain = retain,
                    .qos = qos,
                    .packet_id = packet_id,
                    .topic = slice_from_string(topic),
                    .payload = slice_from_string(payload)},
    };

    durable_send(client, &packet);
}

void durable_lose(struct durable_client *client)
{
    struct durable_world *world = client->world;

    release_connection(client);
    free_client(client);
    durable_settle(world);
}

bool durable_receive(struct durable_client *client, uint8_t *first, uint16_t *packet_id,
                     struct buffer *payload)
{
    struct packet packet;
    struct packet_limits limits = {
        .version = MQTT_5, .from_server = true, .packet_size_max = UINT32_MAX};
    ssize_t size = packet_decode(&packet, buffer_slice(&client->received), &limits);

    if (size <= 0) {
        return false;
    }
    *first = client->received.data[0];
    *packet_id = packet.type == PACKET_PUBLISH ? packet.publish.packet_id
                 : packet.type >= PACKET_PUBACK && packet.type <= PACKET_PUBCOMP
                     ? packet.ack.packet_id
                     : 0;
    if (packet.type == PACKET_PUBLISH && payload) {
        payload->length = 0;
        buffer_append(payload, packet.publish.payload);
    }
    buffer_consume(&client->received, (size_t)size);
    return true;
}

bool durable_receive_publish(struct durable_client *client, struct packet *packet,
                             struct buffer *bytes)
{
    struct packet_limits limits = {
        .version = MQTT_5, .from_server = true, .packet_size_max = UINT32_MAX};
    ssize_t size;

    do {
        bytes->length = 0;
        buffer_append(bytes, buffer_slice(&client->received));
        size = packet_decode(packet, buffer_slice(bytes), &limits);
        if (size <= 0) {
            return false;
        }
        buffer_consume(&client->received, (size_t)size);
    } while (packet->type != PACKET_PUBLISH);
    return true;
}

struct slice durable_user_property(const struct packet *packet, const char *name)
{
    struct slice raw = packet->properties.raw;
    struct property_item item;

    while (properties_next(&raw, &item)) {
        if (item.property == PROPERTY_USER_PROPERTY &&
            slice_equal(item.name, slice_from_string(name))) {
            return item.value;
        }
    }
    return SLICE_EMPTY;
}

struct session *durable_session(struct durable_world *world, const char *identifier)
{
    struct slice name = slice_from_string(identifier);

    return sessions_find(&world->shards[placement_of(name, world->broker.shard_count)], name);
}
