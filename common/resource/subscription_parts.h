/* The parts that read and write an event subscription share this. Internal to this folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_SUBSCRIPTION_PARTS_H
#define PUBGRID_RESOURCE_SUBSCRIPTION_PARTS_H

#include "resource/reading.h"
#include "resource/subscription.h"

/* While one is read. */
struct subscription_draft {
    struct event_subscription *subscription;
    struct slice schema; /* eventDeliverySchema */
    int64_t now_ms;
    bool has_destination, has_dead_letter;
    const struct topic_properties *topic;
    const char *wrapped_dead_letter; /* what the property is called */
};

/* `destination` and `deliveryWithResourceIdentity`, `deadLetterDestination` and the same with an
 * identity: one of each two may be there. `expirationTimeUtc`. `into` is the draft. */
void draft_read_destination(struct reading *reading, const struct json_value *value, void *into);
void draft_read_wrapped_destination(struct reading *reading, const struct json_value *value,
                                    void *into);
void draft_read_dead_letter(struct reading *reading, const struct json_value *value, void *into);
void draft_read_wrapped_dead_letter(struct reading *reading, const struct json_value *value,
                                    void *into);
void draft_read_expiration(struct reading *reading, const struct json_value *value, void *into);

/* `backoffInSeconds`; `into` is a retry policy. */
void backoff_read(struct reading *reading, const struct json_value *value, void *into);

/* The properties of a subscription of a namespace's topic, and their defaults. */
void namespace_subscription_begin(struct event_subscription *subscription,
                                  const struct topic_properties *topic);
void namespace_subscription_read(struct reading *reading, const struct json_value *value,
                                 struct subscription_draft *draft);
void namespace_subscription_append(struct buffer *out,
                                   const struct event_subscription *subscription);

/* `filter`, `filtersConfiguration` */
void filter_read(struct reading *reading, const struct json_value *value,
                 struct event_filter *filter);
void filters_configuration_read(struct reading *reading, const struct json_value *value,
                                struct event_filter *filter);

/* `destination`, into one; `deliveryWithResourceIdentity` */
void destination_read(struct reading *reading, const struct json_value *value, void *into);
void destination_read_wrapped(struct reading *reading, const struct json_value *value,
                              struct destination *destination);

/* `deadLetterDestination`, into a dead letter; `deadLetterWithResourceIdentity` */
void subscription_read_dead_letter(struct reading *reading, const struct json_value *value,
                                   void *into);
void dead_letter_read_wrapped(struct reading *reading, const struct json_value *value,
                              struct dead_letter *dead_letter);

/* {"endpointType":T,"properties":{..}} */
struct endpoint {
    struct slice type;
    struct json_value properties;
};
/* False: something is wrong with it; said. */
bool endpoint_read(struct reading *reading, const struct json_value *value,
                   struct endpoint *endpoint);
/* Its properties, into what the table says. */
void endpoint_read_properties(struct reading *reading, const struct endpoint *endpoint,
                              const struct property_table *table, void *into);
/* `kinds` lists those that there are. */
void endpoint_report_type(struct reading *reading, struct slice type, const char *kinds);

/* The properties of EventGridTopic: a custom topic, by its name or its resource id. */
void endpoint_read_topic(struct reading *reading, const struct endpoint *endpoint,
                         struct slice *key);
/* {"identity":{..},NAME:{..}}: what is in the member NAME, by `read`, and the identity's JSON. */
void endpoint_read_wrapped(struct reading *reading, const struct json_value *value,
                           const char *name, property_reader *read, struct slice *identity,
                           void *into);

/* `deliveryAttributeMappings`; `into` is a destination. */
void attributes_read(struct reading *reading, const struct json_value *value, void *into);
void attributes_append(struct buffer *out, const struct destination *destination);

/* Names of destinations, as endpointType; NULL: it is none. */
extern const char *const destination_names[DESTINATION_KINDS];
#define DEAD_LETTER_FILES_NAME "StorageBlob"
/* DESTINATION_EVENT_TOPIC, if it is a topic of a namespace. */
#define NAMESPACE_TOPIC_NAME "NamespaceTopic"

/* Which of them have one value, called `value`, and which have several, called `values`. */
enum filter_shape {
    SHAPE_NUMBER,
    SHAPE_NUMBERS,
    SHAPE_RANGES,
    SHAPE_BOOL,
    SHAPE_TEXTS,
    SHAPE_NONE,
    SHAPE_FILTERS
};
enum filter_shape filter_operator_shape(enum filter_operator which);

/* --- writing --- */

void destination_append(struct buffer *out, const struct destination *destination);
/* `wrapper` is what the property with an identity is called; `absent` what the one is called that
 * is null if there are no dead letters. */
void subscription_append_dead_letter(struct buffer *out, const struct dead_letter *dead_letter,
                                     const char *wrapper, const char *absent);
/* `"name":[..]` of all filters; the types or null. */
void filters_append(struct buffer *out, const char *name, const struct event_filter *filter);
void included_types_append(struct buffer *out, const struct event_filter *filter);
/* `,"backoffInSeconds":[..]` if there are some, and `,"probation":..`. */
void backoff_append(struct buffer *out, const struct retry_policy *retry);
/* `"expirationTimeUtc":..` */
void expiration_append(struct buffer *out, int64_t expires_ms);

#endif
