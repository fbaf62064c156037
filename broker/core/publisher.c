/* See publisher.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/publisher.h"

#include "mqtt/publisher.h"
#include "mqtt/user_property.h"

/* What it has signed in with goes before what its client resource says. */
static void tell_attributes(struct shard *shard, const struct attribute *first,
                            const struct attribute *before)
{
    for (const struct attribute *attribute = first; attribute; attribute = attribute->next) {
        if (attributes_find(before, attribute->key)) {
            continue;
        }
        struct buffer *name = &shard->told_name, *value = &shard->told_value;
        name->length = value->length = 0;
        buffer_append_string(name, PUBLISHER_ATTRIBUTE);
        buffer_append(name, attribute->key);
        attribute_append(value, attribute);
        write_user_pair(&shard->told, buffer_slice(name), buffer_slice(value));
    }
}

static void tell_client(struct shard *shard, const struct identity *identity)
{
    const struct registered_client *client =
        rule_set_client(shard->settings->access, identity->user_name);

    write_user_property(&shard->told, PUBLISHER_NAME, identity->user_name);
    tell_attributes(shard, identity->attributes, NULL);
    if (client && !identity->trusted) {
        tell_attributes(shard, client->attributes, identity->attributes);
    }
}

/* Messages come in runs: the list of the one before is often that of this one. */
struct slice publisher_describe(struct session *session)
{
    struct shard *shard = session->shard;
    struct identity *identity = session->identity;

    if (shard->told_of != identity || shard->told_at != shard->now) {
        publisher_forget(shard);
        shard->told_of = identity_hold(identity);
        shard->told_at = shard->now;
        if (!identity->anonymous) {
            tell_client(shard, identity);
        }
        write_user_number(&shard->told, PUBLISHER_RECEIVED, (uint64_t)shard->now);
    }
    return buffer_slice(&shard->told);
}

void publisher_forget(struct shard *shard)
{
    identity_release(shard->told_of);
    shard->told_of = NULL;
    shard->told.length = 0;
}
