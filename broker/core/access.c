/* Access rules: see access.h.
 *
 * A rule's filter is kept as text; %u and %c are put in when a client's right is asked for, since
 * rules are few and clients many. Without rules nothing is evaluated at all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/access.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "mqtt/topic.h"

static const struct slice delayed_prefix = {(const uint8_t *)"$delayed/", 9};

struct compiled_rule {
    struct slice user, group, filter; /* owned copies */
    int actions;
    bool deny;
    bool has_substitution;
};

struct access_rules {
    size_t count;
    struct compiled_rule rules[];
};

/* Who asks. */
struct asker {
    const struct identity *identity;
    struct slice client_identifier;
};

static struct slice copy_slice(struct slice s)
{
    return slice_make(memory_copy_string(s), s.length);
}

static bool has_substitution(struct slice filter)
{
    for (size_t i = 0; i + 1 < filter.length; i++) {
        if (filter.data[i] == '%' && (filter.data[i + 1] == 'u' || filter.data[i + 1] == 'c')) {
            return true;
        }
    }
    return false;
}

struct access_rules *access_rules_new(const struct access_rule *rules, size_t count)
{
    struct access_rules *compiled =
        memory_allocate(sizeof(*compiled) + count * sizeof(compiled->rules[0]));
    compiled->count = count;
    for (size_t i = 0; i < count; i++) {
        compiled->rules[i] = (struct compiled_rule){
            .user = copy_slice(rules[i].user),
            .group = copy_slice(rules[i].group),
            .filter = copy_slice(rules[i].filter),
            .actions = rules[i].actions,
            .deny = rules[i].deny,
            .has_substitution = has_substitution(rules[i].filter),
        };
    }
    return compiled;
}

static void free_slice(struct slice s)
{
    free((void *)(uintptr_t)s.data);
}

void access_rules_free(struct access_rules *rules)
{
    if (!rules) {
        return;
    }
    for (size_t i = 0; i < rules->count; i++) {
        free_slice(rules->rules[i].user);
        free_slice(rules->rules[i].group);
        free_slice(rules->rules[i].filter);
    }
    free(rules);
}

/* --- whom a rule is about --- */

static bool in_group(const struct identity *identity, struct slice group)
{
    if (identity->anonymous) {
        return slice_equal(group, SLICE_LITERAL("anonymous"));
    }
    for (size_t i = 0; i < identity->group_count; i++) {
        if (slice_equal(identity->groups[i], group)) {
            return true;
        }
    }
    return false;
}

static bool is_about(const struct compiled_rule *rule, const struct identity *identity)
{
    static const struct slice everybody = {(const uint8_t *)"*", 1};
    if (rule->user.length > 0 && !slice_equal(rule->user, everybody) &&
        (identity->anonymous || !slice_equal(rule->user, identity->user_name))) {
        return false;
    }
    return rule->group.length == 0 || slice_equal(rule->group, everybody) ||
           in_group(identity, rule->group);
}

/* --- %u and %c --- */

/* A name with / + or # in it would widen the rule: such a client matches nothing through it. */
static bool is_safe_in_filter(struct slice name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '/' || name.data[i] == '+' || name.data[i] == '#') {
            return false;
        }
    }
    return name.length > 0;
}

static bool is_reserved(struct slice topic)
{
    return topic.length > 0 && topic.data[0] == '$';
}

/* The rule's filter for this asker, in `room` if something was put in. False: matches nothing. Only
 * the rule itself can be about reserved topics: `%c/#` opens none to a client named `$wps`. */
static bool substitute(const struct compiled_rule *rule, const struct asker *asker,
                       struct buffer *room, struct slice *filter)
{
    *filter = rule->filter;
    if (!rule->has_substitution) {
        return true;
    }
    room->length = 0;
    for (size_t i = 0; i < rule->filter.length; i++) {
        uint8_t next = i + 1 < rule->filter.length ? rule->filter.data[i + 1] : 0;
        if (rule->filter.data[i] != '%' || (next != 'u' && next != 'c')) {
            buffer_append_byte(room, rule->filter.data[i]);
            continue;
        }
        struct slice name = next == 'u' ? asker->identity->user_name : asker->client_identifier;
        if (!is_safe_in_filter(name)) {
            return false;
        }
        buffer_append(room, name);
        i++;
    }
    *filter = buffer_slice(room);
    return is_reserved(rule->filter) || !is_reserved(*filter);
}

/* --- one topic name --- */

static bool is_sys(struct slice topic)
{
    static const struct slice sys = {(const uint8_t *)"$SYS", 4};
    return slice_starts_with(topic, sys) && (topic.length == 4 || topic.data[4] == '/');
}

/* What holds when no rule speaks of the topic. */
static bool default_right(const struct access_rules *rules, enum access_action action,
                          struct slice topic)
{
    if (is_reserved(topic)) {
        return action == ACCESS_SUBSCRIBE && is_sys(topic);
    }
    return !rules || rules->count == 0;
}

static bool is_allowed(const struct access_rules *rules, const struct asker *asker,
                       enum access_action action, struct slice topic)
{
    bool allowed = default_right(rules, action, topic), denied = false;
    struct buffer room = {0};
    for (size_t i = 0; rules && i < rules->count && !denied; i++) {
        const struct compiled_rule *rule = &rules->rules[i];
        struct slice filter;
        if ((rule->actions & (int)action) && is_about(rule, asker->identity) &&
            substitute(rule, asker, &room, &filter) && topic_matches(filter, topic)) {
            allowed = true;
            denied = rule->deny;
        }
    }
    buffer_release(&room);
    return allowed && !denied;
}

/* `$delayed/<seconds>/<topic>` is judged as <topic>; malformed ones pass, to be answered as such.
 */
static struct slice strip_delayed(struct slice topic)
{
    size_t at = delayed_prefix.length;
    while (at < topic.length && topic.data[at] != '/') {
        at++;
    }
    return at + 1 < topic.length ? slice_from(topic, at + 1) : SLICE_EMPTY;
}

bool access_may_publish(const struct access_rules *rules, const struct identity *identity,
                        struct slice client_identifier, struct slice topic)
{
    if (identity->trusted || (!is_reserved(topic) && (!rules || rules->count == 0))) {
        return true;
    }
    struct asker asker = {identity, client_identifier};
    if (slice_starts_with(topic, delayed_prefix)) {
        topic = strip_delayed(topic);
        if (topic.length == 0) {
            return true;
        }
    }
    return is_allowed(rules, &asker, ACCESS_PUBLISH, topic);
}

bool access_may_receive(const struct access_rules *rules, const struct identity *identity,
                        struct slice client_identifier, struct slice topic)
{
    struct asker asker = {identity, client_identifier};
    return identity->trusted || is_allowed(rules, &asker, ACCESS_SUBSCRIBE, topic);
}

/* --- what is the bridge's --- */

bool access_has_reserved_property(const struct properties *properties)
{
    return properties_have_user_prefix(properties, SLICE_LITERAL("$wps."));
}

bool access_is_reserved_identifier(struct slice client_identifier)
{
    return slice_starts_with(client_identifier, SLICE_LITERAL("$wps/"));
}

bool access_is_bridge_identifier(struct slice client_identifier)
{
    return slice_starts_with(client_identifier, SLICE_LITERAL("$wps//"));
}

bool access_is_event_identifier(struct slice client_identifier)
{
    return slice_starts_with(client_identifier, SLICE_LITERAL("$wps//events/"));
}

bool access_is_route_identifier(struct slice client_identifier)
{
    return slice_starts_with(client_identifier, SLICE_LITERAL("$wps//events/routes/"));
}

/* --- a topic filter --- */

/* What the rules say about everything that a filter matches. */
struct filter_rights {
    bool some_allowed; /* an allowing rule overlaps */
    bool all_allowed;  /* an allowing rule covers */
    bool some_denied;  /* a denying rule overlaps */
    bool all_denied;   /* a denying rule covers */
};

static void ask_rule(const struct compiled_rule *rule, struct slice rule_filter,
                     struct slice filter, struct filter_rights *rights)
{
    if (!topic_filters_overlap(rule_filter, filter)) {
        return;
    }
    bool covers = topic_filter_covers(rule_filter, filter);
    if (rule->deny) {
        rights->some_denied = true;
        rights->all_denied |= covers;
    } else {
        rights->some_allowed = true;
        rights->all_allowed |= covers;
    }
}

enum access_filter access_check_filter(const struct access_rules *rules,
                                       const struct identity *identity,
                                       struct slice client_identifier, struct slice filter)
{
    struct asker asker = {identity, client_identifier};
    bool by_default = default_right(rules, ACCESS_SUBSCRIBE, filter);
    struct filter_rights rights = {.some_allowed = by_default, .all_allowed = by_default};
    struct buffer room = {0};
    if (identity->trusted) {
        return ACCESS_FILTER_GRANTED;
    }
    for (size_t i = 0; rules && i < rules->count; i++) {
        const struct compiled_rule *rule = &rules->rules[i];
        struct slice rule_filter;
        if ((rule->actions & ACCESS_SUBSCRIBE) && is_about(rule, identity) &&
            substitute(rule, &asker, &room, &rule_filter)) {
            ask_rule(rule, rule_filter, filter, &rights);
        }
    }
    buffer_release(&room);
    if (!rights.some_allowed || rights.all_denied) {
        return ACCESS_FILTER_REFUSED;
    }
    return rights.all_allowed && !rights.some_denied ? ACCESS_FILTER_GRANTED
                                                     : ACCESS_FILTER_PER_MESSAGE;
}
