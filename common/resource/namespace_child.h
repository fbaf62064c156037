/* What a namespace of Event Grid has below it, but for its topics: clients, client groups, topic
 * spaces, permission bindings, certificates (spec/eventgrid.md 6.2, 6.3). One table says what
 * differs; each kind is read from the JSON of its ARM resource, checked, and written again. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_NAMESPACE_CHILD_H
#define PUBGRID_RESOURCE_NAMESPACE_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "resource/ca_certificate.h"
#include "resource/client_group.h"
#include "resource/mqtt_client.h"
#include "resource/permission_binding.h"
#include "resource/topic_space.h"

enum child_kind {
    CHILD_CLIENT,
    CHILD_CLIENT_GROUP,
    CHILD_TOPIC_SPACE,
    CHILD_PERMISSION_BINDING,
    CHILD_CA_CERTIFICATE,
    CHILD_KINDS
};

enum {
    CHILD_NAME_MIN = 3, /* characters [A-Za-z0-9-]; of a client from 1 to 128, also : . and _ */
    CHILD_NAME_MAX = 50,
    CLIENT_NAME_MAX = 128,
    CHILD_JSON_MAX = 1 << 17, /* bytes */
};

struct child_kind_info {
    struct slice collection; /* as resource ids and the configuration spell it: "clientGroups" */
    const char *type;        /* "Microsoft.EventGrid/namespaces/clientGroups" */
    const char *what;        /* for sentences: "client group" */
    size_t most;             /* in a namespace; 0: any number */
    bool name_has_case;      /* names that differ in case only are two */
    const char *(*check_name)(struct slice name); /* NULL, or a sentence: what is wrong with it */
};

extern const struct child_kind_info child_kinds[CHILD_KINDS];

/* In any case. False: there is no such collection. */
bool child_kind_from_collection(struct slice collection, enum child_kind *out);
/* Are these names of one child? */
bool child_name_equal(enum child_kind kind, struct slice a, struct slice b);

/* A child's identity as text: the key of its namespace (source.h), the collection and the name, in
 * lower case; of a client the name as it is: `namespaces/plant/clients/Pump-1`. */
void child_key_append(struct buffer *out, struct slice namespace_key, enum child_kind kind,
                      struct slice name);
/* Slices of `key`. False: it is none of a child. */
bool child_key_parse(struct slice key, struct slice *namespace_key, enum child_kind *kind,
                     struct slice *name);

struct namespace_child {
    enum child_kind kind;
    struct slice name, description;
    union {
        struct mqtt_client client;
        struct client_group group;
        struct topic_space space;
        struct permission_binding binding;
        struct ca_certificate certificate;
    };
    struct buffer json;  /* as given (compact) */
    struct arena memory; /* what is no slice of `json` */
};

/* `json` is the resource ({"properties":{..}}) or its properties; `name` was checked. NULL with
 * lines in `error`, `property: what is wrong and what to write instead`. */
struct namespace_child *namespace_child_read(enum child_kind kind, struct slice name,
                                             struct slice json, struct buffer *error);
void namespace_child_free(struct namespace_child *child);
/* Appends the properties' members as a GET shows them, defaults included, no comma at the ends; but
 * for provisioningState, which the caller adds. */
void namespace_child_append_members(struct buffer *out, const struct namespace_child *child);
/* May `after` take the place of `before`, the child of that name? False with a line in `error`. */
bool namespace_child_check_change(const struct namespace_child *before,
                                  const struct namespace_child *after, struct buffer *error);

#endif
