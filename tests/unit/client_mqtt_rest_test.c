/* What the server asks of MQTT clients of a hub, and the groups that they are in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_hub_fixture.h"

#include "client/client.h"

static int succeeded, failed;

static void done(struct client_task *task, bool success)
{
    (void)task;
    succeeded += success;
    failed += !success;
}

static struct client_task task = {done};

static bool is_in(const char *group)
{
    const struct member *member = &fixture.client->member;

    for (uint32_t i = 0; i < member->group_count; i++) {
        if (slice_equal(registry_group_of(member, i), slice_from_string(group))) {
            return true;
        }
    }
    return false;
}

static void begin(void)
{
    connect_5("ann");
    succeeded = failed = 0;
}

TEST(the_server_joins_and_leaves_for_it)
{
    begin();
    fixture.client->kind->join(fixture.client, SLICE_LITERAL("g/+"), &task);
    CHECK_BROKER_GOT("82 [FFFF 00 <hub/g/%2B> 21]");
    CHECK(!is_in("g/+"));
    broker_sends("90 [FFFF 00 01]");
    CHECK_BROWSER_GOT(""); /* it did not ask */
    CHECK(is_in("g/+"));
    CHECK_INT_EQUAL(succeeded, 1);
    fixture.client->kind->leave(fixture.client, SLICE_LITERAL("g/+"), &task);
    CHECK_BROKER_GOT("A2 [FFFF 00 <hub/g/%2B>]");
    broker_sends("B0 [FFFF 00 00]");
    CHECK_BROWSER_GOT("");
    CHECK(!is_in("g/+"));
    CHECK_INT_EQUAL(succeeded, 2);
    fixture_end();
}

/* Two answers under the same identifier come in the order of the requests. */
TEST(its_own_requests_are_its_own_whatever_identifier_they_have)
{
    begin();
    all_roles();
    fixture.client->kind->join(fixture.client, SLICE_LITERAL("g"), &task);
    browser_sends("82 [FFFF 00 <own> 00]");
    CHECK_BROKER_GOT("82 [FFFF 00 <hub/g> 21] 82 [FFFF 00 <hub/own> 00]");
    fixture.client->kind->join(fixture.client, SLICE_LITERAL("next"), &task);
    CHECK_BROKER_GOT("82 [FFFE 00 <hub/next> 21]");
    broker_sends("90 [FFFF 00 01]");
    CHECK_BROWSER_GOT("");
    broker_sends("90 [FFFF 00 00]");
    CHECK_BROWSER_GOT("90 [FFFF 00 00]");
    CHECK(is_in("g") && is_in("own") && !is_in("next"));
    broker_sends("90 [FFFE 00 97]");
    CHECK_INT_EQUAL(succeeded, 1);
    CHECK_INT_EQUAL(failed, 1);
    CHECK(!is_in("next"));
    fixture_end();
}

TEST(groups_are_those_that_it_may_have)
{
    begin();
    fixture_role("webpubsub.joinLeaveGroup.a");
    fixture_role("webpubsub.joinLeaveGroup.x+y");
    browser_sends("82 [0005 00 <a> 00 <b> 00 <x%2By> 00 <$share/s/a> 00]");
    broker_sends("90 [0005 00 00 00 00]");
    CHECK_BROWSER_GOT("90 [0005 00 00 87 00 00]");
    CHECK(is_in("a") && is_in("x+y"));
    CHECK_INT_EQUAL(fixture.client->member.group_count, 2);
    browser_sends("A2 [0006 00 <a>]");
    broker_sends("B0 [0006 00 00]");
    CHECK_BROWSER_GOT("B0 [0006 00 00]");
    CHECK_INT_EQUAL(fixture.client->member.group_count, 1);
    fixture_end();
}

TEST(permissions_count_at_once)
{
    struct slice group = SLICE_LITERAL("a");
    struct permission permission = {ROLE_SEND, true, &group};

    begin();
    fixture.client->kind->permit(fixture.client, &permission, &task);
    browser_sends("30 [<a> 00 'x'] 30 [<b> 00 'x']");
    CHECK_BROKER_GOT("30 [<hub/a> [26 <$wps.from> <ann>] 'x']");
    permission.is_granted = false;
    fixture.client->kind->permit(fixture.client, &permission, &task);
    browser_sends("32 [<a> 0001 00 'x']");
    CHECK_BROKER_GOT("");
    CHECK_BROWSER_GOT("40 [0001 87]");
    CHECK_INT_EQUAL(succeeded, 2);
    fixture_end();
}

TEST(the_server_ends_it)
{
    begin();
    fixture.client->kind->join(fixture.client, SLICE_LITERAL("g"), &task);
    CHECK_BROKER_GOT("82 [FFFF 00 <hub/g> 21]");
    fixture.client->kind->end(fixture.client, SLICE_LITERAL("bye"));
    CHECK_BROWSER_GOT("E0 [98 [1F <bye>]]");
    CHECK_BROKER_GOT("E0 [04 [11 00000000]]");
    CHECK_INT_EQUAL(fixture.websocket.closed, 1000);
    CHECK(!fixture.client->member.hub);
    fixture_end();
    CHECK_INT_EQUAL(failed, 1); /* the answer does not come any more */
}
