/* Event listeners: copies of events as MQTT messages, whatever the handlers make of the event
 * (spec/webpubsub.md 7.7).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { connectMqtt } from './lib/device.mjs';
import { JSON_V1 } from './lib/peer.mjs';
import { Hub, idOf } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { Webhook, hubConfig } from './lib/webhook.mjs';

const hook = await Webhook.start();
const all = {
    topic: 'events/{hub}/{event}',
    systemEvents: ['connected', 'disconnected'],
    userEvents: '*',
    groupEvents: ['joined', 'left'],
    groupFilters: ['room.*'],
};
const server = await Server.start({
    hubs: [
        hubConfig('heard', { listeners: [all] }),
        hubConfig('both', {
            handlers: [hook.handler({ attempts: 1 })],
            listeners: [all, { topic: 'some/{event}', userEvents: 'a,b' }],
        }),
    ],
});

async function listener(filter) {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`);
    await device.subscribeAsync(filter, { qos: 1 });
    return device;
}

/* Of the next message. */
async function next(device) {
    const { topic, text } = await device.take();
    return [topic, text];
}

test('each event, but for connect, with the attributes of CloudEvents', async () => {
    const device = await listener('events/heard/#');
    const hub = new Hub(server, 'heard');
    for (const peer of await hub.both({ user: 'u', groups: ['other'] })) {
        await peer.must({ type: 'event', event: 'e', data: { a: 'ü' } });
        await peer.must({ type: 'event', event: 'e', dataType: 'text', data: 'ü' });
        await peer.must({ type: 'event', event: 'e', dataType: 'binary', data: 'AP8=' });
        await peer.join('room.1');
        await peer.must({ type: 'leaveGroup', group: 'room.1' });
        await peer.close();
        const id = idOf(peer);
        const expected = [
            ['connected', '{}', 'sys.connected', 'application/json'],
            ['e', '{"a":"ü"}', 'user.e', 'application/json'],
            ['e', 'ü', 'user.e', 'text/plain'],
            ['e', '\0\ufffd', 'user.e', 'application/octet-stream'],
            ['joined', '{"group":"room.1"}', 'gp.joined', 'application/json'],
            ['left', '{"group":"room.1"}', 'gp.left', 'application/json'],
            ['disconnected', undefined, 'sys.disconnected', 'application/json'],
        ];
        const mine = ({ packet }) =>
            packet.properties.userProperties['cloudEvents:connectionId'] === id;
        for (const [event, body, type, contentType] of expected) {
            const { topic, text, packet } = await device.take(mine);
            const { userProperties, ...properties } = packet.properties;
            assert.equal(topic, `events/heard/${event}`);
            assert.equal(body ?? text, text);
            assert.equal(properties.contentType.split(';')[0], contentType);
            assert.equal(userProperties['cloudEvents:type'], `azure.webpubsub.${type}`);
            assert.equal(userProperties['cloudEvents:eventName'], event);
            assert.equal(userProperties['cloudEvents:userId'], 'u');
            assert.equal(userProperties['cloudEvents:subprotocol'], JSON_V1);
            assert.equal(userProperties.partitionKey, id);
            assert.equal(userProperties.messageId, `${id}/${userProperties['cloudEvents:id']}`);
            const signature = createHmac('sha256', server.keys[0]).update(id).digest('hex');
            assert.ok(userProperties['cloudEvents:signature'].startsWith(`sha256=${signature}`));
        }
    }
    await device.endAsync();
});

test('all listeners that take it get it, and a handler answers', async () => {
    const everything = await listener('events/both/#');
    const some = await listener('some/#');
    const peer = await server.connect('both');
    hook.answer('both', ({ event }) => {
        const answers = {
            a: { headers: { 'content-type': 'text/plain' }, body: 'answer' },
            b: { status: 500 },
        };
        return answers[event];
    });
    await peer.must({ type: 'event', event: 'a', data: 1 });
    assert.equal((await peer.take({ type: 'message' })).data, 'answer');
    await peer.fails('InternalServerError', { type: 'event', event: 'b', data: 2 });
    await peer.must({ type: 'event', event: 'c', data: 3 });
    await peer.close();
    const topics = [];
    while (topics.at(-1) !== 'events/both/disconnected') {
        topics.push((await next(everything))[0]);
    }
    const events = ['connected', 'a', 'b', 'c', 'disconnected'];
    assert.deepEqual(
        topics.filter((topic) => events.some((event) => topic.endsWith(`/${event}`))),
        events.map((event) => `events/both/${event}`),
    );
    assert.deepEqual(await next(some), ['some/a', '1']);
    assert.deepEqual(await next(some), ['some/b', '2']);
    assert.deepEqual(some.received, []);
    await Promise.all([everything.endAsync(), some.endAsync()]);
});

await run();
