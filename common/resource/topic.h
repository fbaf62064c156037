/* The properties of what publishers send to: a custom topic or a domain
 * (spec/eventgrid.md 1.8, 2.1), of a system topic (2.2), a namespace (5.7) or a topic of one (5.4):
 * read from the JSON of the ARM resource, checked, written again. Pure.
 *
 * Beyond Azure, documented in docs/eventgrid.md: eventRetentionInDays (keeps accepted events, so
 * that they can be replayed). Of a namespace's topic it is what it is in Azure: how long an event
 * waits for the receivers of a subscription at most, and nothing is kept beside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_TOPIC_H
#define PUBGRID_RESOURCE_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "resource/namespace.h"
#include "resource/schema.h"
#include "resource/source.h"

/* What a custom schema's field comes from. */
struct field_mapping {
    struct slice source_field;  /* a name of the event, or a path with dots; empty: none */
    struct slice default_value; /* if the event has none; empty: none */
    bool has_default;
};

struct schema_mapping {
    struct field_mapping id, topic, event_time, event_type, subject, data_version;
};

/* Of the system topic that tells of a namespace's MQTT clients. */
#define NAMESPACES_TOPIC_TYPE "Microsoft.EventGrid.Namespaces"

enum {
    IP_RULES_MAX = 128,
    RETENTION_DAYS_MAX = 3650,
    LIFETIME_DAYS_MAX = 7,
    TOPIC_JSON_MAX = 1 << 20 /* bytes */
};

struct ip_rule {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t bits;        /* of the 128 */
};

struct topic_properties {
    enum source_kind kind; /* not SOURCE_DOMAIN_TOPIC: there the domain's count */
    enum event_schema schema;
    struct schema_mapping mapping; /* of SCHEMA_CUSTOM */
    bool has_mapping;
    bool disables_local_auth;       /* neither keys nor SAS tokens */
    bool is_public;                 /* publicNetworkAccess; else only from loopback addresses */
    const struct ip_rule *ip_rules; /* [ip_rule_count]; none: everybody */
    size_t ip_rule_count;
    uint32_t retention_days;           /* 0: nothing is kept for replays */
    struct slice residency, tls_least; /* only shown */
    /* SOURCE_DOMAIN */
    bool creates_topics, deletes_topics; /* autoCreate..., autoDelete... */
    /* SOURCE_SYSTEM_TOPIC */
    struct slice source, topic_type;
    /* SOURCE_NAMESPACE_TOPIC: eventRetentionInDays */
    uint32_t lifetime_days;
    /* SOURCE_NAMESPACE */
    struct topic_spaces_configuration spaces;
    bool is_zone_redundant;    /* only shown */
    struct json_value domains; /* topicsConfiguration.customDomains; without text: not given */
    struct buffer json;  /* {"location":..,"tags":..,"properties":{..}} as given (compact); owned */
    struct arena memory; /* what is no slice of `json` */
};

/* `json` is the resource (wrapped in {"location":..,"properties":..}). NULL with lines in `error`,
 * `property: what is wrong and what to write instead`. */
struct topic_properties *topic_properties_read(struct slice json, enum source_kind kind,
                                               struct buffer *error);
void topic_properties_free(struct topic_properties *topic);
/* Appends the properties' members as a GET shows them (8.1), defaults included, no comma at the
 * ends; but for provisioningState, endpoint and metricResourceId, which the caller adds. `host`:
 * this server's, as the hostname of namespaces. */
void topic_properties_append_members(struct buffer *out, const struct topic_properties *topic,
                                     struct slice host);
/* Appends what PATCH makes of the resource `json`: given members replace those of before, within
 * the properties too, and null takes one away. False with a line in `error`. */
bool topic_properties_patch(struct slice json, struct slice patch, struct buffer *out,
                            struct buffer *error);
/* May a publisher at this address (16 bytes, IPv4 mapped) come in? If there are rules, one of them
 * must have the address, a loopback address too. */
bool topic_properties_admit(const struct topic_properties *topic, const uint8_t address[16],
                            bool is_loopback);

#endif
