/* Fuzzes the bridge's clients: a script of browsers of all kinds that come, ask, read or do not,
 * drop out and recover, of a broker that answers, refuses, delivers, goes and comes back, and of
 * time.
 *
 * Each step is a byte (which one), a byte (who), a byte (how), and what the step takes beyond. What
 * must be true, besides "no crash" and "no leak":
 *
 * - Packets to the broker decode, and nothing goes on a channel that is not open.
 * - Frames to browsers decode; `connected` comes first, and once; nothing comes behind the close.
 * - Sequence ids on one socket rise. An ackId of a connection succeeds once.
 * - The broker is told that a message is acknowledged if, and only if, the browser has said so.
 * - Credit never exceeds what was delivered, and all of it is back when all has been written.
 * - In the end everybody who is still there is read from.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/bridge_client_world.h"

#include "client/mqtt_write.h"

enum { STEPS_MAX = 400 };

/* What a step has before it in the script. */
struct step {
    uint8_t who, how;
    struct slice *rest;
};

static uint8_t take_byte(struct slice *rest)
{
    uint8_t byte = rest->length > 0 ? rest->data[0] : 0;

    *rest = slice_from(*rest, rest->length > 0);
    return byte;
}

static struct websocket *browser_for(const struct step *step)
{
    return &world.browsers[step->who % BROWSERS];
}

static struct peer *peer_for(const struct step *step)
{
    return &world.peers[step->who % CHANNELS];
}

/* ---------------------------------------------------------------- browsers */

static void step_open(const struct step *step)
{
    if (!browser_for(step)->client) {
        browser_open(browser_for(step), (enum browser_kind)(step->how % BROWSER_KINDS),
                     step->how / BROWSER_KINDS);
    }
}

static void step_recover(const struct step *step)
{
    struct session *session = &world.sessions[step->how % SESSIONS];

    if (!browser_for(step)->client && session->is_used) {
        browser_recover(browser_for(step), session);
    }
}

static void step_frame(const struct step *step)
{
    size_t length = take_byte(step->rest);
    struct slice frame;

    length = length < step->rest->length ? length : step->rest->length;
    frame = slice_make(step->rest->data, length);
    *step->rest = slice_from(*step->rest, length);
    browser_say(browser_for(step), frame, (step->how & 1) == 0);
}

/* Requests: `#` is an ackId or sequence number, `@` a group or stream, `'` a quotation mark. */
static const char *const requests[] = {
    "{'type':'joinGroup','ackId':#,'group':'@'}",
    "{'type':'leaveGroup','ackId':#,'group':'@'}",
    "{'type':'sendToGroup','ackId':#,'group':'@','data':1,'noEcho':true}",
    "{'type':'sendToGroup','group':'@','dataType':'text','data':'t'}",
    "{'type':'sequenceAck','sequenceId':#}",
    "{'type':'sendToGroup','group':'g','stream':{'streamId':'@','idleTimeoutMs':5000}}",
    "{'type':'streamData','streamSequenceId':#,'streamId':'@','dataType':'text','data':'d'}",
    "{'type':'streamEnd','streamId':'@'}",
    "{'type':'setGroupState','ackId':#,'group':'@','state':{'k':'v'}}",
    "{'type':'setGroupState','ackId':#,'group':'@'}",
    "{'type':'subscribeGroupState','ackId':#,'group':'@'}",
    "{'type':'unsubscribeGroupState','ackId':#,'group':'@'}",
    "{'type':'event','ackId':#,'event':'@','data':1}",
    "{'type':'ping'}",
};

static void fill_in(struct buffer *out, const char *text, unsigned number, char letter)
{
    for (; *text; text++) {
        if (*text == '#') {
            buffer_append_format(out, "%u", number);
        } else if (*text == '@') {
            buffer_append_byte(out, (uint8_t)letter);
        } else {
            buffer_append_byte(out, *text == '\'' ? '"' : (uint8_t)*text);
        }
    }
}

/* Numbers from 128 on are near those of the session's first deliveries. */
static void step_request(const struct step *step)
{
    const char *text = requests[step->how % (sizeof(requests) / sizeof(requests[0]))];
    unsigned number = take_byte(step->rest);
    struct buffer request = {0};
    char letter = number % 2 ? 'h' : 'g';

    fill_in(&request, text, number < 128 ? number : world.first_number + number - 128, letter);
    browser_say(browser_for(step), buffer_slice(&request), true);
    buffer_release(&request);
}

static void step_write(const struct step *step)
{
    browser_write(browser_for(step), step->how);
}

static void step_leave(const struct step *step)
{
    static const uint16_t codes[] = {1006, 1000, 1001, 1005};

    browser_leave(browser_for(step), codes[step->how % 4]);
}

/* ---------------------------------------------------------------- the broker */

static void step_answer(const struct step *step)
{
    static const uint8_t reasons[] = {0, 0, REASON_QUOTA_EXCEEDED, REASON_NOT_AUTHORIZED};

    peer_answer(peer_for(step), reasons[step->how % 4]);
}

static void step_answer_all(const struct step *step)
{
    for (unsigned i = 0; i < step->how && peer_answer(peer_for(step), 0); i++) {
    }
}

static const char *const topics[] = {"h/g", "h/%25/x", "$wps/h/state/c1/g", "h",
                                     "$wps/h/state/c1/h"};
static const char *const payloads[] = {"x", "{\"k\":\"v\"}", "", "\xff\xfe", "null"};

static void step_deliver(const struct step *step)
{
    const struct peer *peer = peer_for(step);
    struct slice payload = slice_from_string(payloads[step->how / 5 % 5]);
    struct slice topic = slice_from_string(topics[step->how % 5]);
    struct buffer properties = {0};

    if (step->how & 128 && peer->session) {
        write_user_property(&properties, PROPERTY_EXCLUDE,
                            slice_make(peer->session->id, ID_LENGTH));
    }
    if (step->how & 64) {
        write_user_property(&properties, PROPERTY_STREAM, SLICE_LITERAL("S"));
    }
    peer_deliver(peer_for(step), topic, payload, buffer_slice(&properties), step->how % 3 == 0);
    buffer_release(&properties);
}

/* The janitor hears that a connection is gone, and what it left. */
static void step_gone(const struct step *step)
{
    static const char *const left[] = {"$wps/h/gone/c1", "$wps/h/state/c1/g", "$wps/h/away/c1"};

    if (peer_for(step)->is_janitor) {
        peer_deliver(peer_for(step), slice_from_string(left[step->how % 3]),
                     slice_from_string(step->how & 4 ? "" : "{}"), SLICE_EMPTY, step->how % 3 != 0);
    }
}

static void step_close(const struct step *step)
{
    static const uint8_t reasons[] = {REASON_QUOTA_EXCEEDED, REASON_SERVER_SHUTTING_DOWN,
                                      REASON_SESSION_TAKEN_OVER, REASON_SUCCESS};

    peer_close(peer_for(step), reasons[step->how % 4]);
}

static void step_lose(const struct step *step)
{
    if (world.is_ready) {
        broker_lose((step->how & 1) != 0);
    }
}

static void step_return(const struct step *step)
{
    (void)step;
    broker_return();
}

static void step_congest(const struct step *step)
{
    broker_may_send((step->how & 1) != 0);
}

static void step_time(const struct step *step)
{
    world.now += 100 * (msec_t)(step->how + 1);
    gateway_advance(&world.gateway);
}

/* ---------------------------------------------------------------- the script */

typedef void step_function(const struct step *step);

/* seeds.py knows them by these numbers. */
static step_function *const steps[] = {
    step_open,  step_recover, step_frame,      step_request, step_write,
    step_leave, step_answer,  step_answer_all, step_deliver, step_gone,
    step_close, step_lose,    step_return,     step_congest, step_time,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);

    world_begin();
    world.first_number = take_byte(&rest) & 1 ? 65500 : 1;
    for (int i = 0; i < STEPS_MAX && rest.length >= 3; i++) {
        step_function *act = steps[rest.data[0] % (sizeof(steps) / sizeof(steps[0]))];
        struct step step = {.who = rest.data[1], .how = rest.data[2], .rest = &rest};
        rest = slice_from(rest, 3);
        act(&step);
    }
    world_end();
    return 0;
}
