/* What a client knows of its session on the server.
 *
 * Whether a session is there, and until when, is known within bounds: a CONNECT or DISCONNECT may
 * be undone by a crash, and the server notices later than the client that a connection is gone.
 * What narrows the bounds: answers that the server gives after a commit, and a settled world.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

void session_forget(struct sim *sim, struct sim_client *client)
{
    sim->event++;
    client->epoch++;
    client->began = sim->event;
    client->firm = client->kept = client->no_dup = false;
    for (int i = 0; i < FILTERS; i++) {
        struct sim_subscription *subscription = &client->subscriptions[i];
        /* The server notices later. */
        unsigned end = subscription->maybe ? NEVER : subscription->maybe_end;
        *subscription = (struct sim_subscription){.maybe_end = end};
    }
    for (unsigned i = 0; i < client->outgoing_count; i++) {
        sim->messages[client->outgoing[i].message].pending = false;
    }
    client->outgoing_count = client->received_count = 0;
    memset(client->last_turn, 0, sizeof(client->last_turn));
}

static void may_expire(struct sim_client *client, uint32_t seconds)
{
    if (!client->maybe) {
        client->expiry_low = client->expiry_high = seconds;
    }
    client->expiry_low = seconds < client->expiry_low ? seconds : client->expiry_low;
    client->expiry_high = seconds > client->expiry_high ? seconds : client->expiry_high;
    client->expiry_wanted = seconds;
}

/* A will that waits is not sent if its client comes back in time, as far as is committed. */
static void call_off_will(struct sim *sim, struct sim_client *client)
{
    if (client->last_will != NO_MESSAGE) {
        sim->messages[client->last_will].owed = false;
        client->last_will = NO_MESSAGE;
    }
}

void session_asked_for(struct sim *sim, struct sim_client *client)
{
    struct sim_link *link = &client->link;

    call_off_will(sim, client);
    link->maybe_before = client->maybe;
    link->asked_at = core_harness_now(sim->harness);
    link->may_begin =
        link->asked_at + SLACK_MS > client->lost_from + (msec_t)client->expiry_low * 1000;
    link->ends_stored = (client->firm || client->kept) && !link->may_begin;
    if (link->clean_start) {
        client->unknown |= client->maybe;
        client->must_clean = true;
        session_forget(sim, client);
    }
    may_expire(client, link->expiry);
    client->maybe |= link->expiry > 0;
}

static void check_present(struct sim *sim, struct sim_client *client, bool present)
{
    msec_t now = core_harness_now(sim->harness);
    msec_t least = client->lost_from + (msec_t)client->expiry_low * 1000;
    msec_t most = client->lost_to + (msec_t)client->expiry_high * 1000;

    if (present && client->link.clean_start) {
        sim_fail(sim, "%s asked for a clean start and got a session", client->name);
    }
    if (present && !client->maybe) {
        sim_fail(sim, "%s got a session where none can be", client->name);
    }
    if (!present && client->firm && !client->link.clean_start && now + SLACK_MS < least) {
        sim_fail(sim, "%s: the session is lost", client->name);
    }
    if (present && client->lost_to != 0 && client->expiry_high != NEVER &&
        client->link.asked_at > most + SLACK_MS) {
        sim_fail(sim, "%s: the session should have expired", client->name);
    }
}

/* CONNACK waited for the commit in which the stored session ended, and in which the new one, if it
 * outlives its connection, began. */
static void began_anew(struct sim *sim, struct sim_client *client)
{
    const struct sim_link *link = &client->link;

    client->unknown = false;
    client->maybe = link->expiry > 0;
    client->expiry_low = client->expiry_high = link->expiry;
    session_is_stored(sim, client);
}

/* CONNACK came, of a connection at whose end the session ends. */
static void resumed_for_the_last_time(struct sim_client *client)
{
    client->firm = client->maybe = false; /* CONNACK waited for the commit that says so */
    client->expiry_low = client->expiry_high = 0;
}

void session_confirmed(struct sim *sim, struct sim_client *client, bool present)
{
    struct sim_link *link = &client->link;
    bool clean_start = link->clean_start;

    check_present(sim, client, present);
    client->must_clean = client->undone = false;
    link->lost_before = client->lost_from;
    client->lost_from = client->lost_to = 0;
    client->lost_stored = false;
    if (clean_start && link->ends_stored) {
        began_anew(sim, client);
    } else if (!present && !clean_start) {
        session_forget(sim, client);
        /* The old one ended before, with its connection or its time, and nobody has been told: that
         * need not be in a commit yet. (So too with a clean start that may have found no session.)
         */
        client->unknown |= link->maybe_before;
        if (!link->maybe_before) {
            client->expiry_low = client->expiry_high = link->expiry;
        }
    } else if (present && client->unknown) {
        /* Perhaps not the one that it last had: it closes, and begins anew. */
        session_forget(sim, client);
        client->must_clean = true;
    }
    if (present && link->expiry == 0) {
        resumed_for_the_last_time(client);
    }
    client->kept = link->expiry > 0;
    if (present) {
        client_resume(sim, client);
    }
}

void session_is_stored(struct sim *sim, struct sim_client *client)
{
    struct sim_link *link = &client->link;

    if (link->expiry == 0 || !link->connected) {
        return;
    }
    client->firm = true;
    link->stored = true;
    client->unknown = client->unknown && client->must_clean;
    client->expiry_low = client->expiry_high = link->expiry;
    if (link->will != NO_MESSAGE && !link->said_goodbye) {
        sim->messages[link->will].armed = true;
    }
}

void session_leaves(struct sim *sim, struct sim_client *client, uint32_t expiry)
{
    if (client->link.expiry > 0 && expiry == 0) {
        client->unknown = true;
        session_forget(sim, client);
    }
    may_expire(client, expiry);
}

/* Its delay counts from now. */
static void put_off_will(struct sim *sim, const struct sim_client *client)
{
    if (client->last_will != NO_MESSAGE) {
        struct sim_message *will = &sim->messages[client->last_will];
        msec_t delay = will->delay, most = (msec_t)client->expiry_high * 1000;
        will->due = core_harness_now(sim->harness) + (delay < most ? delay : most);
    }
}

/* What its connection had, and what follows from the end of it. */
static void end_link(struct sim *sim, struct sim_client *client)
{
    struct sim_link *link = &client->link;

    for (unsigned i = link->request_first; i < link->request_end; i++) {
        client->subscriptions[link->requests[i % QUEUE_MAX].filter].firm = 0;
        client->subscriptions[link->requests[i % QUEUE_MAX].filter].known = false;
    }
    if (link->will != NO_MESSAGE) {
        struct sim_message *will = &sim->messages[link->will];
        will->owed = will->armed;
        will->lost = sim->event;
        client->last_will = link->will;
        put_off_will(sim, client);
    }
    if (client->lost_from == 0) {
        /* CONNACK of a session that goes on waits for nothing: until something is stored after it,
         * a crash (of a store that has failed, after a while) goes back to the end before. */
        bool counts = link->stored || link->lost_before == 0;
        client->lost_from = counts ? link->alive_at : link->lost_before;
    }
    client->lost_to = 0;
    client->lost_stored = false;
    client->unwritten |= !link->stored;
    if (link->expiry == 0 || (!link->connected && link->may_begin)) {
        client->unknown |= client->maybe;
        client->must_clean |= link->expiry > 0; /* whichever it is */
        session_forget(sim, client);
    }
    link->core = NULL;
}

void session_lost(struct sim *sim, struct sim_client *client)
{
    if (!core_link_is_closed(client->link.core)) {
        client->link.alive_at = core_harness_now(sim->harness);
    }
    client->hanging = !client->link.connected;
    end_link(sim, client);
}

void session_crashed(struct sim *sim, struct sim_client *client)
{
    msec_t now = core_harness_now(sim->harness);

    if (client->link.core) {
        core_link_close(client->link.core);
        end_link(sim, client);
    }
    if (client->zombie) {
        core_link_close(client->zombie);
        client->zombie = NULL;
    }
    /* Known: what was sent on a connection that no row knows of comes again without DUP. */
    client->no_dup |= client->unwritten;
    if (sim->faulted && client->last_will != NO_MESSAGE &&
        client->lost_from + (msec_t)client->expiry_low * 1000 <= now + SLACK_MS) {
        /* The session may have ended, and its row with it: a will that is refused then for want of
         * space waits in memory only. */
        sim->messages[client->last_will].owed = false;
    }
    client->kept = false;
    client->hanging = false;
    client->undone = true;
    /* Until it is committed that the connection ended, the next start counts from the next crash.
     */
    if (!client->lost_stored) {
        client->lost_to = now;
        put_off_will(sim, client);
    }
}

void session_settled(struct sim *sim, struct sim_client *client)
{
    struct sim_link *link = &client->link;

    if (!link->core && client->lost_to == 0) {
        client->lost_to = core_harness_now(sim->harness);
    }
    client->lost_stored = !link->core;
    link->stored = link->connected;
    client->unwritten = false;
    if (client->last_will != NO_MESSAGE &&
        core_harness_now(sim->harness) > sim->messages[client->last_will].due + SLACK_MS) {
        client->last_will = NO_MESSAGE; /* it is published */
    }
    for (int i = 0; i < FILTERS; i++) {
        struct sim_subscription *subscription = &client->subscriptions[i];
        subscription->maybe_end =
            subscription->maybe_end == NEVER ? sim->event : subscription->maybe_end;
    }
    if (client->undone) {
        return;
    }
    client->expiry_low = client->expiry_high = client->expiry_wanted;
    client->unknown = client->unknown && client->must_clean;
    if (client->expiry_wanted == 0 && (link->connected || !link->core)) {
        client->maybe = client->firm = false;
        client->unknown = client->unknown && link->core;
    }
}
