/* Roles: for each action "every group", a hash set of groups, and a few patterns. What the usual
 * client has, none to three roles, costs little: the sets are made when something goes into them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/roles.h"

#include <stdlib.h>

#include "access/hub.h"
#include "base/map.h"
#include "base/memory.h"
#include "mqtt/topic.h"
#include "names/role_pattern.h"
#include "json/json.h"

enum { LITERALS_MAX = 1000, PATTERNS_MAX = 10 };

/* A group name or a pattern. */
struct rule {
    union {
        struct map_node node; /* of a group name */
        struct rule *next;    /* of a pattern */
    };
    size_t length;
    uint8_t text[];
};

struct rules {
    struct map literals;
    struct map denied; /* groups, whatever else allows them */
    struct rule *patterns;
    size_t pattern_count;
};

struct roles {
    bool all[ROLE_ACTIONS];
    struct rules *rules[ROLE_ACTIONS]; /* NULL while there are none */
};

/* --- the words --- */

enum role_form { ROLE_ALL, ROLE_LITERAL, ROLE_PATTERN };

static const struct role_word {
    const char *text; /* what the role is, or begins with */
    enum role_action action;
    enum role_form form;
} role_words[] = {
    {"webpubsub.joinLeaveGroup", ROLE_JOIN_LEAVE, ROLE_ALL},
    {"webpubsub.joinLeaveGroup.", ROLE_JOIN_LEAVE, ROLE_LITERAL},
    {"webpubsub.joinLeaveGroups.", ROLE_JOIN_LEAVE, ROLE_PATTERN},
    {"webpubsub.sendToGroup", ROLE_SEND, ROLE_ALL},
    {"webpubsub.sendToGroup.", ROLE_SEND, ROLE_LITERAL},
    {"webpubsub.sendToGroups.", ROLE_SEND, ROLE_PATTERN},
};

enum { ROLE_WORDS = sizeof(role_words) / sizeof(role_words[0]) };

/* What the role is; `rest` is what it names. NULL: unknown. */
static const struct role_word *find_word(struct slice role, struct slice *rest)
{
    for (size_t i = 0; i < ROLE_WORDS; i++) {
        struct slice word = slice_from_string(role_words[i].text);
        bool fits = role_words[i].form == ROLE_ALL ? slice_equal(role, word)
                                                   : slice_starts_with(role, word);
        if (fits) {
            *rest = slice_from(role, word.length);
            return &role_words[i];
        }
    }
    return NULL;
}

static const char *word_of(enum role_action action, enum role_form form)
{
    for (size_t i = 0; i < ROLE_WORDS; i++) {
        if (role_words[i].action == action && role_words[i].form == form) {
            return role_words[i].text;
        }
    }
    return "";
}

/* --- rules --- */

static struct slice rule_text(const struct rule *rule)
{
    return slice_make(rule->text, rule->length);
}

static struct slice literal_key(const struct map_node *node)
{
    return rule_text(CONTAINER_OF(node, struct rule, node));
}

static struct rule *rule_make(struct slice text)
{
    struct rule *rule = memory_allocate(sizeof(*rule) + text.length);
    rule->length = text.length;
    memcpy(rule->text, text.data, text.length);
    return rule;
}

/* The rules of the action, made if they are missing. */
static struct rules *rules_of(struct roles *roles, enum role_action action)
{
    if (!roles->rules[action]) {
        roles->rules[action] = memory_allocate_zero(sizeof(*roles->rules[action]));
        map_init(&roles->rules[action]->literals, literal_key);
        map_init(&roles->rules[action]->denied, literal_key);
    }
    return roles->rules[action];
}

/* False: there are too many. */
static bool put_name(struct map *names, struct slice group)
{
    if (map_find(names, group)) {
        return true;
    }
    if (names->count == LITERALS_MAX) {
        return false;
    }
    map_insert(names, &rule_make(group)->node);
    return true;
}

static void remove_name(struct map *names, struct slice group)
{
    struct map_node *node = map_find(names, group);

    if (node) {
        map_remove(names, node);
        free(CONTAINER_OF(node, struct rule, node));
    }
}

static void release_names(struct map *names)
{
    struct map_node *node = map_next(names, NULL);
    while (node) {
        struct map_node *next = map_next(names, node);
        free(CONTAINER_OF(node, struct rule, node));
        node = next;
    }
    map_release(names);
}

static const char *add_literal(struct rules *rules, struct slice group)
{
    return put_name(&rules->literals, group) ? NULL : "more than 1000 roles for single groups";
}

static const char *add_pattern(struct rules *rules, struct slice pattern)
{
    struct rule **end = &rules->patterns;
    while (*end) {
        if (slice_equal(rule_text(*end), pattern)) {
            return NULL;
        }
        end = &(*end)->next;
    }
    if (rules->pattern_count == PATTERNS_MAX) {
        return "more than 10 roles with a pattern";
    }
    *end = rule_make(pattern);
    (*end)->next = NULL;
    rules->pattern_count++;
    return NULL;
}

/* --- adding --- */

static struct roles *made(struct roles **roles)
{
    if (!*roles) {
        *roles = memory_allocate_zero(sizeof(**roles));
    }
    return *roles;
}

static const char *add(struct roles *roles, const struct role_word *word, struct slice rest)
{
    const char *wrong;
    switch (word->form) {
    case ROLE_ALL:
        roles->all[word->action] = true;
        return NULL;
    case ROLE_LITERAL:
        return add_literal(rules_of(roles, word->action), rest);
    case ROLE_PATTERN:
        wrong = role_pattern_check(rest);
        return wrong ? wrong : add_pattern(rules_of(roles, word->action), rest);
    }
    return NULL;
}

bool roles_add(struct roles **roles, struct slice role, struct buffer *error)
{
    struct slice rest;
    const struct role_word *word = find_word(role, &rest);
    bool names_nothing = word && word->form == ROLE_LITERAL && !group_name_is_valid(rest);
    if (!word || names_nothing) {
        return true;
    }
    made(roles);
    const char *wrong = add(*roles, word, rest);
    if (wrong) {
        buffer_append_format(error, "a role is not good: %s", wrong);
    }
    return wrong == NULL;
}

static void rules_free(struct rules *rules)
{
    release_names(&rules->literals);
    release_names(&rules->denied);
    while (rules->patterns) {
        struct rule *next = rules->patterns->next;
        free(rules->patterns);
        rules->patterns = next;
    }
    free(rules);
}

void roles_free(struct roles *roles)
{
    for (int action = 0; roles && action < ROLE_ACTIONS; action++) {
        if (roles->rules[action]) {
            rules_free(roles->rules[action]);
        }
    }
    free(roles);
}

/* --- asking --- */

/* A filter is, too, if it names a group that is. */
static bool is_denied(const struct rules *rules, struct slice text, bool is_filter)
{
    const struct map_node *node = is_filter ? map_next(&rules->denied, NULL) : NULL;
    for (; node; node = map_next(&rules->denied, node)) {
        if (topic_matches(text, literal_key(node))) {
            return true;
        }
    }
    return map_find(&rules->denied, text) != NULL;
}

static bool is_allowed(const struct roles *roles, enum role_action action, struct slice text,
                       bool is_filter)
{
    const struct rules *rules = roles ? roles->rules[action] : NULL;
    if (rules && rules->denied.count > 0 && is_denied(rules, text, is_filter)) {
        return false;
    }
    if ((roles && roles->all[action]) || (rules && map_find(&rules->literals, text))) {
        return true;
    }
    for (const struct rule *rule = rules ? rules->patterns : NULL; rule; rule = rule->next) {
        if (role_pattern_matches(rule_text(rule), text, is_filter)) {
            return true;
        }
    }
    return false;
}

bool roles_allow(const struct roles *roles, enum role_action action, struct slice group)
{
    return is_allowed(roles, action, group, false);
}

/* a/# also names the group a (MQTT 5, 4.7.1.2). */
static bool take_parent(struct slice filter, struct slice *parent)
{
    if (filter.length <= 2 || memcmp(filter.data + filter.length - 2, "/#", 2) != 0) {
        return false;
    }
    *parent = slice_make(filter.data, filter.length - 2);
    return true;
}

bool roles_allow_filter(const struct roles *roles, enum role_action action, struct slice filter)
{
    struct slice parent;
    if (!is_allowed(roles, action, filter, true)) {
        return false;
    }
    bool by_name = roles->rules[action] && map_find(&roles->rules[action]->literals, filter);
    return by_name || !take_parent(filter, &parent) || is_allowed(roles, action, parent, true);
}

/* --- granting and revoking --- */

bool roles_grant(struct roles **roles, enum role_action action, const struct slice *group)
{
    if (!group) {
        made(roles)->all[action] = true;
        return true;
    }
    struct rules *rules = rules_of(made(roles), action);
    remove_name(&rules->denied, *group);
    return is_allowed(*roles, action, *group, false) || put_name(&rules->literals, *group);
}

void roles_revoke(struct roles **roles, enum role_action action, const struct slice *group)
{
    if (!*roles) {
        return;
    }
    if (!group) {
        (*roles)->all[action] = false;
        if ((*roles)->rules[action]) {
            rules_free((*roles)->rules[action]);
            (*roles)->rules[action] = NULL;
        }
        return;
    }
    struct rules *rules = rules_of(*roles, action);
    remove_name(&rules->literals, *group);
    if (is_allowed(*roles, action, *group, false) && !put_name(&rules->denied, *group)) {
        roles_revoke(roles, action, NULL); /* rather too little than what was taken away */
    }
}

bool roles_allow_all(const struct roles *roles, enum role_action action)
{
    return roles && roles->all[action];
}

/* --- writing --- */

static void append_role(struct buffer *out, struct buffer *scratch, const char *word,
                        struct slice rest)
{
    scratch->length = 0;
    buffer_append_string(scratch, word);
    buffer_append(scratch, rest);
    if (out->data[out->length - 1] != '[') {
        buffer_append_byte(out, ',');
    }
    json_append_string(out, buffer_slice(scratch));
}

static void append_rules(struct buffer *out, struct buffer *scratch, const struct rules *rules,
                         enum role_action action)
{
    const struct map_node *node = map_next(&rules->literals, NULL);
    for (; node; node = map_next(&rules->literals, node)) {
        append_role(out, scratch, word_of(action, ROLE_LITERAL), literal_key(node));
    }
    for (const struct rule *rule = rules->patterns; rule; rule = rule->next) {
        append_role(out, scratch, word_of(action, ROLE_PATTERN), rule_text(rule));
    }
}

void roles_append_json(struct buffer *out, const struct roles *roles)
{
    struct buffer scratch = {0};
    buffer_append_byte(out, '[');
    for (enum role_action action = 0; roles && action < ROLE_ACTIONS; action++) {
        if (roles->all[action]) {
            append_role(out, &scratch, word_of(action, ROLE_ALL), SLICE_EMPTY);
        }
        if (roles->rules[action]) {
            append_rules(out, &scratch, roles->rules[action], action);
        }
    }
    buffer_append_byte(out, ']');
    buffer_release(&scratch);
}
