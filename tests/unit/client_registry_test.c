/* The registry of connections: against a plain model, through many random steps.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>

#include "client/registry.h"
#include "rest/filter.h"

enum { MEMBERS = 12, GROUPS = 5, STEPS = 20000 };

/* What should be. */
static struct {
    struct registry registry;
    struct member members[MEMBERS];
    char ids[MEMBERS][8];
    bool is_in[MEMBERS], is_open[MEMBERS], joined[MEMBERS][GROUPS];
    int user[MEMBERS]; /* 0: none */
} model;

static struct slice name(const char *prefix, unsigned number)
{
    static char text[16];

    snprintf(text, sizeof(text), "%s%u", prefix, number);
    return slice_from_string(text);
}

static bool group_has(const struct registry_group *group, const struct member *member)
{
    for (uint32_t i = 0; i < group->name.count; i++) {
        if (group->members[i].member == member) {
            return true;
        }
    }
    return false;
}

static void check_groups(const struct registry_hub *hub)
{
    for (unsigned g = 0; g < GROUPS; g++) {
        struct registry_group *group = registry_find_group(hub, name("g", g));
        uint32_t count = 0;
        for (unsigned m = 0; m < MEMBERS; m++) {
            bool is_there = model.is_in[m] && model.joined[m][g];
            count += is_there;
            CHECK_INT_EQUAL(group && group_has(group, &model.members[m]), is_there);
        }
        CHECK_INT_EQUAL(group ? group->name.count : 0, count);
    }
}

static void check_users(const struct registry_hub *hub)
{
    for (unsigned u = 1; u < 4; u++) {
        struct registry_user *user = registry_find_user(hub, name("u", u));
        uint32_t count = 0, listed = 0;
        for (unsigned m = 0; m < MEMBERS; m++) {
            count += model.is_open[m] && model.user[m] == (int)u;
        }
        CHECK_INT_EQUAL(user ? user->name.count : 0, count);
        if (user) {
            LIST_FOREACH (link, &user->members) {
                listed++;
            }
        }
        CHECK_INT_EQUAL(listed, count);
    }
}

static void check_all(void)
{
    struct registry_hub *hub = registry_find_hub(&model.registry, SLICE_LITERAL("h"));
    uint32_t open = 0, in = 0;

    for (unsigned m = 0; m < MEMBERS; m++) {
        struct filter_subject subject = {0};
        uint32_t groups = 0;
        in += model.is_in[m];
        open += model.is_open[m];
        if (!model.is_in[m]) {
            continue;
        }
        CHECK(registry_find(hub, slice_from_string(model.ids[m])) == &model.members[m]);
        for (unsigned g = 0; g < GROUPS; g++) {
            groups += model.joined[m][g];
        }
        registry_describe(&model.registry, &model.members[m], &subject);
        CHECK_INT_EQUAL(subject.group_count, groups);
        CHECK_SLICE_EQUAL(subject.connection_id, slice_from_string(model.ids[m]));
        CHECK((subject.user_id.data != NULL) == (model.is_open[m] && model.user[m] > 0));
    }
    CHECK((hub != NULL) == (in > 0));
    if (hub) {
        CHECK_INT_EQUAL(hub->members.count, in);
        CHECK_INT_EQUAL(hub->open, open);
        check_groups(hub);
        check_users(hub);
    }
}

static void remove_member(unsigned m)
{
    registry_remove(&model.registry, &model.members[m]);
    model.is_in[m] = model.is_open[m] = false;
    memset(model.joined[m], 0, sizeof(model.joined[m]));
}

static void step(unsigned random)
{
    unsigned m = random % MEMBERS, g = random / MEMBERS % GROUPS;
    unsigned what = random / (MEMBERS * GROUPS) % 10;

    if (what == 0) {
        remove_member(m);
    } else if (!model.is_in[m]) {
        registry_add(&model.registry, &model.members[m], SLICE_LITERAL("h"),
                     slice_from_string(model.ids[m]));
        model.is_in[m] = true;
    } else if (what == 1) {
        if (!model.is_open[m]) {
            model.user[m] = (int)(g % 4);
        }
        registry_open(&model.members[m],
                      model.user[m] > 0 ? name("u", (unsigned)model.user[m]) : SLICE_EMPTY);
        model.is_open[m] = true;
    } else if (what < 7) {
        CHECK_INT_EQUAL(registry_join(&model.members[m], name("g", g)), !model.joined[m][g]);
        model.joined[m][g] = true;
    } else {
        CHECK_INT_EQUAL(registry_leave(&model.members[m], name("g", g)), model.joined[m][g]);
        model.joined[m][g] = false;
    }
}

TEST(it_is_as_the_model)
{
    uint32_t random = 1;

    memset(&model, 0, sizeof(model));
    registry_init(&model.registry);
    for (unsigned m = 0; m < MEMBERS; m++) {
        snprintf(model.ids[m], sizeof(model.ids[m]), "c%u", m);
    }
    for (int i = 0; i < STEPS; i++) {
        random = random * 1664525 + 1013904223;
        step(random >> 8);
        if (i % 16 == 0) {
            check_all();
        }
    }
    for (unsigned m = 0; m < MEMBERS; m++) {
        remove_member(m);
    }
    CHECK_INT_EQUAL(model.registry.hubs.count, 0);
    registry_release(&model.registry);
}

/* The same id in another hub is another connection. */
TEST(hubs_are_apart)
{
    struct registry registry = {0};
    struct member one = {0}, other = {0};

    registry_init(&registry);
    registry_add(&registry, &one, SLICE_LITERAL("a"), SLICE_LITERAL("c"));
    registry_add(&registry, &other, SLICE_LITERAL("b"), SLICE_LITERAL("c"));
    registry_join(&one, SLICE_LITERAL("g"));
    CHECK(registry_find(registry_find_hub(&registry, SLICE_LITERAL("a")), SLICE_LITERAL("c")) ==
          &one);
    CHECK(
        !registry_find_group(registry_find_hub(&registry, SLICE_LITERAL("b")), SLICE_LITERAL("g")));
    registry_remove(&registry, &one);
    registry_remove(&registry, &one);
    CHECK(!registry_find_hub(&registry, SLICE_LITERAL("a")));
    registry_remove(&registry, &other);
    registry_release(&registry);
}
