/* An event subscription's properties (spec/eventgrid.md section 3): read from the JSON of the ARM
 * resource, checked with Azure's limits, and written again. Immutable once read, counted, so that
 * whoever works with one keeps it while another takes its place. Pure. Single-threaded.
 *
 * Beyond Azure, each documented in docs/eventgrid.md:
 *   - destinations WebPubSub, MqttTopic and EventGridTopic, dead letters to an EventGridTopic;
 *   - filter.enableExtendedFiltering: operators StringMatches, StringNotMatches (* and ?) and Any
 *     (OR across keys), and no limit of 25 filters and values;
 *   - of webhooks: skipValidation, sendDataSchema, signingSecret (Standard Webhooks),
 *     maxConcurrentRequests, maxRequestsPerSecond, requestTimeoutInSeconds;
 *   - retryPolicy.backoffInSeconds, probation.
 *
 * Those of a namespace's topic (section 5.4) are written in another way: deliveryConfiguration and
 * filtersConfiguration. They become the same structure; their deliveryMode Queue is a destination
 * from which receivers take events themselves.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_SUBSCRIPTION_H
#define PUBGRID_RESOURCE_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "resource/schema.h"
#include "resource/topic.h"

enum {
    ADVANCED_FILTERS_MAX = 25,   /* and values in total (3.4); without extended filtering */
    EXTENDED_FILTERS_MAX = 1000, /* those in an Any counted */
    EXTENDED_FILTER_VALUES_MAX = 10000,
    FILTER_TEXT_MAX = 512, /* characters */
    DELIVERY_ATTRIBUTES_MAX = 10,
    DELIVERY_ATTRIBUTE_VALUE_MAX = 4096, /* bytes */
    EVENTS_PER_BATCH_MAX = 5000,
    BATCH_KILOBYTES_MAX = 1024,
    REQUESTS_AT_A_TIME_MAX = 1000,
    REQUESTS_PER_SECOND_MAX = 1000000,
    REQUEST_TIMEOUT_MAX_S = 300,
    ENDPOINT_URL_MAX = 4096, /* bytes */
    DELIVERY_ATTEMPTS_MAX = 30,
    TIME_TO_LIVE_MAX_MINUTES = 1440,
    /* Of namespaces (5.3) */
    NAMESPACE_DELIVERIES_MAX = 10, /* maxDeliveryCount */
    LOCK_MIN_S = 60,               /* receiveLockDurationInSeconds */
    LOCK_MAX_S = 300,
    SUBSCRIPTION_JSON_MAX = 1 << 20, /* bytes */
};

/* --- filters (3.3, 3.4) --- */

enum filter_operator {
    FILTER_NUMBER_IN,
    FILTER_NUMBER_NOT_IN,
    FILTER_NUMBER_LESS_THAN,
    FILTER_NUMBER_GREATER_THAN,
    FILTER_NUMBER_LESS_THAN_OR_EQUALS,
    FILTER_NUMBER_GREATER_THAN_OR_EQUALS,
    FILTER_NUMBER_IN_RANGE,
    FILTER_NUMBER_NOT_IN_RANGE,
    FILTER_BOOL_EQUALS,
    FILTER_STRING_IN,
    FILTER_STRING_NOT_IN,
    FILTER_STRING_BEGINS_WITH,
    FILTER_STRING_ENDS_WITH,
    FILTER_STRING_CONTAINS,
    FILTER_STRING_NOT_BEGINS_WITH,
    FILTER_STRING_NOT_ENDS_WITH,
    FILTER_STRING_NOT_CONTAINS,
    FILTER_IS_NULL_OR_UNDEFINED,
    FILTER_IS_NOT_NULL,
    FILTER_STRING_MATCHES,     /* extended: a whole match of a pattern with * and ? */
    FILTER_STRING_NOT_MATCHES, /* extended */
    FILTER_ANY,                /* extended: one of `alternatives` holds */
    FILTER_OPERATORS
};

/* "NumberIn" ... */
extern const char *const filter_operator_names[FILTER_OPERATORS];

/* By operator: a number (`low`), a range, a bool (`low` not 0), or a text. */
struct filter_value {
    double low, high; /* inclusive */
    struct slice text;
};

struct advanced_filter {
    enum filter_operator operation;
    struct slice key;                  /* as written: "data.color", "Subject" */
    const struct filter_value *values; /* [value_count] */
    size_t value_count;
    const struct advanced_filter *alternatives; /* of FILTER_ANY: [alternative_count] */
    size_t alternative_count;
};

struct event_filter {
    struct slice subject_begins_with, subject_ends_with; /* empty: any */
    bool is_subject_case_sensitive;
    bool on_arrays; /* enableAdvancedFilteringOnArrays */
    bool is_extended;
    const struct slice *included_types; /* [included_type_count]; NULL: all */
    size_t included_type_count;
    const struct advanced_filter *advanced; /* [advanced_count], all of them must hold */
    size_t advanced_count;
};

/* --- destinations (3.2) --- */

enum destination_kind {
    DESTINATION_WEBHOOK,
    DESTINATION_WEB_PUB_SUB, /* beyond Azure: a hub, one of its groups or users */
    DESTINATION_MQTT_TOPIC,  /* beyond Azure */
    DESTINATION_EVENT_TOPIC, /* another event topic of this server; beyond Azure if it is a custom
                                one */
    DESTINATION_QUEUE,       /* of a namespace: receivers fetch the events (5.2) */
    DESTINATION_KINDS
};

struct delivery_attribute { /* 3.5 */
    struct slice name;
    bool is_dynamic, is_secret;
    struct slice value; /* the value, or the path of a dynamic one: "data.customerId" */
};

struct destination {
    enum destination_kind kind;
    /* DESTINATION_WEBHOOK */
    struct slice url;
    uint32_t batch_events; /* maxEventsPerBatch */
    uint32_t batch_bytes;  /* preferredBatchSizeInKilobytes, as bytes */
    bool skips_validation;
    bool sends_data_schema; /* of EventGridSchema events as CloudEvents: "#1" (3.7); default true
                             * for single events, never in a batch */
    /* "whsec_...", or several with a blank between them; empty: not signed */
    struct slice signing_secret;
    uint32_t requests_max;        /* at a time */
    uint32_t requests_per_second; /* 0: no limit */
    uint32_t timeout_ms;
    const struct delivery_attribute *attributes; /* [attribute_count] */
    size_t attribute_count;
    /* Kept and shown; no token of Entra is sent, and any TLS from 1.2 is taken. */
    struct slice entra_tenant, entra_application, tls_least;
    /* DESTINATION_WEB_PUB_SUB */
    struct slice hub;         /* in lower case */
    struct slice group, user; /* one of them may be given */
    /* DESTINATION_MQTT_TOPIC: {subject}, {type}, {id} and {topic} stand for the event's */
    struct slice topic;
    bool retain;
    /* DESTINATION_EVENT_TOPIC: the key of a custom topic (source.h), or of a namespace's, whose
     * resource id is shown again */
    struct slice source_key, topic_id;
    uint32_t lock_ms; /* DESTINATION_QUEUE */
    /* The JSON of `identity`, if it stands in deliveryWithResourceIdentity; only shown. */
    struct slice identity;
};

enum dead_letter_kind { DEAD_LETTER_NONE, DEAD_LETTER_FILES, DEAD_LETTER_TOPIC };

struct dead_letter {
    enum dead_letter_kind kind;
    struct slice container;   /* DEAD_LETTER_FILES: blobContainerName, a folder */
    struct slice resource_id; /* as given, shown again */
    struct slice source_key;  /* DEAD_LETTER_TOPIC */
    struct slice identity;    /* as of a destination */
};

enum { BACKOFF_STEPS_MAX = 32, BACKOFF_MAX_S = 86400 };

/* By which table the service tries again. */
enum retry_rules {
    RETRY_BASIC,     /* 4.3, 4.4 */
    RETRY_NAMESPACE, /* 5.5 */
    RETRY_RULES
};

struct retry_policy {
    enum retry_rules rules;
    uint32_t attempts_max; /* maxDeliveryAttempts, maxDeliveryCount */
    uint64_t time_to_live_ms;
    /* Beyond Azure: seconds before the second, third ... attempt, the last one again and again.
     * 0 steps: the table of the rules */
    uint32_t backoff_s[BACKOFF_STEPS_MAX];
    size_t backoff_count;
    bool has_probation; /* 4.5; default true, of namespaces false */
};

struct event_subscription {
    unsigned count;    /* of holders */
    bool of_namespace; /* it belongs to a topic of one */
    struct event_filter filter;
    struct destination destination;
    struct dead_letter dead_letter;
    struct retry_policy retry;
    enum event_schema delivery_schema;
    int64_t expires_ms;         /* Unix time; 0: never */
    const struct slice *labels; /* [label_count] */
    size_t label_count;
    struct buffer json;  /* the properties as they were given (compact), with secrets; owned */
    struct arena memory; /* what is no slice of `json` */
};

/* Appended lines `property: what is wrong and what to write instead`; an ARM error has the first
 * one's text. */

/* Reads `properties` (wrapped in {"properties":...} or bare) of a subscription of `topic`, whose
 * kind, schema and lifetime_days count. `now_ms`: an expiration before it is refused; 0: not looked
 * at (what was stored). NULL with lines in `error`. The caller has the one count. */
struct event_subscription *event_subscription_read(struct slice json,
                                                   const struct topic_properties *topic,
                                                   int64_t now_ms, struct buffer *error);
/* Do its events have a dataschema (3.7)? Never in batches. */
static inline bool event_subscription_has_data_schema(const struct event_subscription *subscription)
{
    return subscription->destination.sends_data_schema &&
           subscription->destination.batch_events <= 1;
}
struct event_subscription *event_subscription_hold(struct event_subscription *subscription);
void event_subscription_release(struct event_subscription *subscription);

/* Appends the properties' members as a GET shows them (3.1, 5.4), defaults included, with a comma
 * between them and none at the ends; without the query of the URL and without secret values. */
void event_subscription_append_members(struct buffer *out,
                                       const struct event_subscription *subscription);
/* Appends what PATCH (bare members, or wrapped) makes of `json`: given members replace those of
 * before, null takes one away. False with a line in `error`. */
bool event_subscription_patch(struct slice json, struct slice patch, struct buffer *out,
                              struct buffer *error);
/* Appends [{"name":..,"type":..,"properties":{..}}], secret values as "Hidden". */
void event_subscription_append_attributes(struct buffer *out,
                                          const struct event_subscription *subscription);

#endif
