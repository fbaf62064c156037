/* Rights of a client, see rights.h: the filters of all rules that are about it, in one block of
 * memory, denials first.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "policy/rights.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "mqtt/topic.h"
#include "policy/rule_set_parts.h"

struct right {
    uint32_t offset, length; /* of the filter, in the texts */
    uint32_t prefix;         /* bytes that every topic begins with which it matches */
    uint8_t actions, kind;   /* enum rule_kind */
};

struct rights {
    bool is_closed, is_disabled;
    size_t count;
    struct right list[]; /* [count], then their texts */
};

/* --- whom a rule is about --- */

static bool in_group(const struct client_profile *client, struct slice group)
{
    if (client->authentication_name.length == 0) {
        return slice_equal(group, SLICE_LITERAL("anonymous"));
    }
    for (size_t i = 0; i < client->group_count; i++) {
        if (slice_equal(client->groups[i], group)) {
            return true;
        }
    }
    return false;
}

static bool is_everybody(struct slice name)
{
    return name.length == 0 || slice_equal(name, SLICE_LITERAL("*"));
}

/* Nobody who is anonymous has a name, and rules' names are not empty. The name of a client of the
 * namespace is spelled as its resource has it, which the configuration need not know. */
static bool is_user(const struct client_profile *client, struct slice user)
{
    return is_everybody(user) || slice_equal(user, client->authentication_name) ||
           (client->is_registered && equal_ignoring_case(user, client->authentication_name));
}

static bool is_about(const struct rule *rule, const struct client_profile *client)
{
    if (rule->query && !query_matches(rule->query, client)) {
        return false;
    }
    return is_user(client, rule->user) &&
           (is_everybody(rule->group) || in_group(client, rule->group));
}

/* --- preparing --- */

struct preparation {
    const struct rule *rule; /* whose filters are being taken */
    struct buffer list, texts;
};

static size_t prefix_length(struct slice filter)
{
    for (size_t i = 0; i < filter.length; i++) {
        if (filter.data[i] == '+') {
            return i;
        }
        if (filter.data[i] == '#') {
            return i > 0 ? i - 1 : 0; /* the level above is matched, too */
        }
    }
    return filter.length;
}

static void take_filter(void *context, struct slice filter)
{
    struct preparation *preparation = context;
    struct right right = {
        .offset = (uint32_t)preparation->texts.length,
        .length = (uint32_t)filter.length,
        .prefix = (uint32_t)prefix_length(filter),
        .actions = (uint8_t)preparation->rule->actions,
        .kind = (uint8_t)preparation->rule->kind,
    };
    buffer_append(&preparation->list, slice_make(&right, sizeof(right)));
    buffer_append(&preparation->texts, filter);
}

static void take_rule(struct preparation *preparation, const struct rule *rule,
                      const struct client_profile *client)
{
    preparation->rule = rule;
    for (size_t i = 0; i < rule->template_count; i++) {
        if (!topic_template_expand(rule->templates[i], client, take_filter, preparation)) {
            LOG_LIMITED(LOG_WARNING, "topic template does not apply",
                        "client=%s reason=\"its attributes make more than %d filters of it\"",
                        log_quote(client->authentication_name), TEMPLATE_FILTERS_MAX);
        }
    }
}

static void take_rules(struct preparation *preparation, const struct rule_set *set,
                       const struct client_profile *client, bool denials)
{
    for (const struct rule *rule = set->first; rule; rule = rule->next) {
        if ((rule->kind == RULE_DENIES) == denials && is_about(rule, client)) {
            take_rule(preparation, rule, client);
        }
    }
}

struct rights *rights_prepare(const struct rule_set *set, const struct client_profile *asked)
{
    struct client_profile client = *asked;
    const struct registered_client *registered = rule_set_client(set, client.authentication_name);
    struct preparation preparation = {0};
    client.is_registered = registered != NULL;
    client.registered = registered ? registered->attributes : NULL;
    take_rules(&preparation, set, &client, true);
    take_rules(&preparation, set, &client, false);
    struct rights *rights =
        memory_allocate(sizeof(*rights) + preparation.list.length + preparation.texts.length);
    *rights = (struct rights){
        .is_closed = set->is_closed,
        .is_disabled = registered && !registered->is_enabled,
        .count = preparation.list.length / sizeof(struct right),
    };
    if (rights->count > 0) {
        memcpy(rights->list, preparation.list.data, preparation.list.length);
        memcpy(rights->list + rights->count, preparation.texts.data, preparation.texts.length);
    }
    buffer_release(&preparation.list);
    buffer_release(&preparation.texts);
    return rights;
}

void rights_free(struct rights *rights)
{
    free(rights);
}

static struct slice filter_of(const struct rights *rights, const struct right *right)
{
    const uint8_t *texts = (const uint8_t *)(rights->list + rights->count);
    return slice_make(texts + right->offset, right->length);
}

/* --- one topic name --- */

static bool is_reserved(struct slice topic)
{
    return topic.length > 0 && topic.data[0] == '$';
}

static bool is_sys(struct slice topic)
{
    static const struct slice sys = SLICE_LITERAL("$SYS");
    return slice_starts_with(topic, sys) &&
           (topic.length == sys.length || topic.data[sys.length] == '/');
}

bool rights_open_to_all(enum access_action action, struct slice topic)
{
    return !is_reserved(topic) || (action == ACCESS_SUBSCRIBE && is_sys(topic));
}

/* What holds when no rule speaks of the topic. */
static bool default_right(const struct rights *rights, enum access_action action,
                          struct slice topic)
{
    return (!rights->is_closed || is_reserved(topic)) && rights_open_to_all(action, topic);
}

static bool right_matches(const struct rights *rights, const struct right *right,
                          struct slice topic)
{
    struct slice filter = filter_of(rights, right);
    if (topic.length < right->prefix || memcmp(topic.data, filter.data, right->prefix) != 0) {
        return false;
    }
    return right->prefix == right->length ? topic.length == right->length
                                          : topic_matches(filter, topic);
}

static bool is_allowed(const struct rights *rights, enum access_action action, struct slice topic)
{
    if (rights->is_disabled) {
        return false;
    }
    /* The first that speaks of it decides: denials stand in front. */
    for (const struct right *right = rights->list; right < rights->list + rights->count; right++) {
        if ((right->actions & (int)action) && right_matches(rights, right, topic)) {
            return right->kind != RULE_DENIES;
        }
    }
    return default_right(rights, action, topic);
}

/* `$delayed/<seconds>/<topic>` is judged as <topic>; malformed ones pass, to be answered as such.
 */
static struct slice strip_delayed(struct slice topic, size_t at)
{
    while (at < topic.length && topic.data[at] != '/') {
        at++;
    }
    return at + 1 < topic.length ? slice_from(topic, at + 1) : SLICE_EMPTY;
}

bool rights_may_publish(const struct rights *rights, struct slice topic)
{
    static const struct slice delayed = SLICE_LITERAL("$delayed/");
    if (slice_starts_with(topic, delayed)) {
        topic = strip_delayed(topic, delayed.length);
        if (topic.length == 0) {
            return true;
        }
    }
    return is_allowed(rights, ACCESS_PUBLISH, topic);
}

bool rights_may_receive(const struct rights *rights, struct slice topic)
{
    return is_allowed(rights, ACCESS_SUBSCRIBE, topic);
}

/* --- a topic filter --- */

/* What the rules say about everything that a filter matches. */
struct filter_rights {
    bool some_allowed; /* an allowing rule overlaps */
    bool all_allowed;  /* an allowing rule or a binding covers */
    bool some_denied;  /* a denying rule overlaps */
    bool all_denied;   /* a denying rule covers */
};

static void ask_right(enum rule_kind kind, struct slice own, struct slice filter,
                      struct filter_rights *said)
{
    if (!topic_filters_overlap(own, filter)) {
        return;
    }
    bool covers = topic_filter_covers(own, filter);
    if (kind == RULE_DENIES) {
        said->some_denied = true;
        said->all_denied |= covers;
    } else if (kind == RULE_ALLOWS || covers) {
        said->some_allowed = true;
        said->all_allowed |= covers;
    }
}

enum access_filter rights_check_filter(const struct rights *rights, struct slice filter)
{
    bool by_default = default_right(rights, ACCESS_SUBSCRIBE, filter);
    struct filter_rights said = {.some_allowed = by_default, .all_allowed = by_default};
    for (size_t i = 0; i < rights->count; i++) {
        const struct right *right = &rights->list[i];
        if (right->actions & ACCESS_SUBSCRIBE) {
            ask_right((enum rule_kind)right->kind, filter_of(rights, right), filter, &said);
        }
    }
    if (!said.some_allowed || said.all_denied || rights->is_disabled) {
        return ACCESS_FILTER_REFUSED;
    }
    return said.all_allowed && !said.some_denied ? ACCESS_FILTER_GRANTED
                                                 : ACCESS_FILTER_PER_MESSAGE;
}
