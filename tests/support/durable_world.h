/* Shards, clients and a store in memory: what core writes into the store, and what recovery makes
 * of it, in one process without a file. The core harness drives real stores; here a test sees the
 * rows and frames, and the whole state of all sessions as a text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_DURABLE_WORLD_H
#define SUPPORT_DURABLE_WORLD_H

#include "core/session.h"

enum { DURABLE_SHARDS_MAX = 4 };

struct durable_row {
    struct buffer key, value;
    uint64_t stamp;
};

struct durable_pin {
    uint64_t position;
    int64_t users;
};

struct durable_world {
    struct broker broker;
    struct settings *settings;
    struct core_options options;     /* of the next start */
    struct connection_origin origin; /* of the next clients */
    struct shard shards[DURABLE_SHARDS_MAX];
    struct shard *pointers[DURABLE_SHARDS_MAX];
    struct mail_list inboxes[DURABLE_SHARDS_MAX];
    struct list clients;
    msec_t now;
    bool busy;
    /* The store. */
    struct durable_row *rows; /* in the order of keys */
    size_t row_count, row_capacity;
    struct buffer log; /* all frames; a position is an offset, plus one */
    uint64_t replay_from;
    struct durable_pin *pins; /* in the order of positions */
    size_t pin_count, pin_capacity;
    uint32_t round;
    unsigned saved; /* shards that have saved in this round */
    bool is_full;   /* it refuses what is refusable, */
    bool is_stuck;  /* and writes nothing else either: that is kept */
    struct batch *kept;
    bool running;
};

/* A client; MQTT 5. */
struct durable_client {
    struct list link;
    struct connection connection;
    struct connection_origin origin;
    struct durable_world *world;
    struct buffer received; /* not consumed by the test */
    bool closed;            /* by the server */
};

/* No shards run yet; options may be changed. */
void durable_world_init(struct durable_world *world);
void durable_world_release(struct durable_world *world);

/* Into the store, while no shards run. */
void durable_put_row(struct durable_world *world, struct slice key, uint64_t stamp,
                     struct slice value);
void durable_put_frame(struct durable_world *world, struct slice payload);

/* Starts `shards` shards from what is in the store. False: recovery failed, the reason is in
 * `error`. */
bool durable_start(struct durable_world *world, unsigned shards, msec_t alive_until,
                   struct buffer *error);
/* The shards end without a word; clients that are left are closed and freed. */
void durable_stop(struct durable_world *world);
/* Until nothing is left to do. */
void durable_settle(struct durable_world *world);
void durable_advance(struct durable_world *world, msec_t duration);
/* A round of saving: frames of before it are replayed no more. */
void durable_save(struct durable_world *world);

/* Connects; CONNACK is in `received`. `will` may be NULL. */
struct durable_client *durable_connect(struct durable_world *world, const char *identifier,
                                       bool clean_start, uint32_t expiry, const struct will *will);
/* The same over a connection that has signed in as `identity`, which is released. */
struct durable_client *durable_connect_as(struct durable_world *world, struct identity *identity,
                                          const char *identifier, bool clean_start, uint32_t expiry,
                                          const struct will *will);
/* Sends a packet; then everything that follows from it happens. */
void durable_send(struct durable_client *client, const struct packet *packet);
void durable_acknowledge(struct durable_client *client, enum packet_type type, uint16_t packet_id);
void durable_subscribe(struct durable_client *client, const char *filter, uint8_t options,
                       uint32_t identifier);
void durable_publish(struct durable_client *client, const char *topic, const char *payload,
                     enum qos qos, uint16_t packet_id, bool retain);
/* The network connection is lost; frees it. */
void durable_lose(struct durable_client *client);
/* Takes the next packet out of `received`: its first byte and packet identifier (0: none). False:
 * there is none. The payload of a PUBLISH is in `payload`. */
bool durable_receive(struct durable_client *client, uint8_t *first, uint16_t *packet_id,
                     struct buffer *payload);
/* The next PUBLISH, which borrows `bytes`; what came before it is dropped. False: there is none. */
bool durable_receive_publish(struct durable_client *client, struct packet *packet,
                             struct buffer *bytes);
/* Its value; empty: there is none. */
struct slice durable_user_property(const struct packet *packet, const char *name);

struct session *durable_session(struct durable_world *world, const char *identifier);
/* All that must survive, as text: a line each for sessions, subscriptions, deliveries, pins,
 * retained messages; sorted, the same with any number of shards. */
void durable_describe(struct durable_world *world, struct buffer *out);
/* Rows whose key begins with the kind of `key`, of a session ("q": its deliveries). */
size_t durable_count_rows(const struct durable_world *world, uint64_t session, char kind);

#endif
