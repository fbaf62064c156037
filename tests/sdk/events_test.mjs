/* User events with the official express middleware, unmodified, as the application: answers,
 * acknowledgements, order, plain WebSockets, invoke (spec/webpubsub.md 7.5, 2.3, 2.4, 1.5). System events
 * are in connect_test.mjs, what the requests look like, and bad answers, in webhook_test.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { WebPubSubClient } from '@azure/web-pubsub-client';
import { application as makeApplication, echo } from './lib/application.mjs';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_V1, Peer } from './lib/peer.mjs';
import './lib/protobuf.mjs';
import { cut } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until } from './lib/wait.mjs';
import { Webhook, hubConfig } from './lib/webhook.mjs';

const hook = await Webhook.start();
const server = await Server.start({
    hubs: [
        hubConfig('_default', { handlers: [hook.handler({ attempts: 1 })] }),
        hubConfig('nothing'),
    ],
});
const application = (handlers) => makeApplication(server, hook, handlers);

const contents = [
    ['text', 'ü€😀'],
    ['text', ''],
    ['json', { a: [1, null, 'ü'] }],
    ['json', 'text'],
    ['json', 0],
    ['json', false],
    ['binary', 'AP8='],
];

for (const protocol of [JSON_V1, JSON_RELIABLE, PROTOBUF_V1]) {
    test(`user events: each type there and back (${protocol})`, async () => {
        const hub = application({ user: echo });
        for (const peer of await hub.both({ user: 'u', protocol })) {
            for (const [dataType, data] of contents) {
                const ack = await peer.must({ type: 'event', event: 'Echo.it', dataType, data });
                if (data !== '') {
                    const message = await peer.take({ type: 'message' });
                    assert.deepEqual(
                        [message.from, message.dataType, message.data],
                        ['server', dataType, data],
                    );
                    assert.equal(message.sequenceId !== undefined, protocol === JSON_RELIABLE);
                    assert.ok(peer.frames.indexOf(message) < peer.frames.indexOf(ack));
                }
            }
            assert.equal(peer.messages().length, contents.length - 1);
            peer.cut();
        }
        const names = hub.told('user').map(({ context }) => context.eventName.toLowerCase());
        assert.deepEqual([...new Set(names)], ['echo.it']);
    });
}

test('user events: an empty answer sends nothing', async () => {
    const hub = application({});
    const peer = await hub.connect();
    const raw = await server.connectRaw(hub.name);
    for (let count = 0; count < 5; count += 1) {
        await peer.must({ type: 'event', event: 'e', data: count });
        raw.socket.send('x');
    }
    await hub.untilTold('user', 10);
    await hub.drain(peer);
    await raw.take(({ text }) => text.startsWith('mark '));
    assert.deepEqual(peer.data(), []);
    assert.equal(raw.frames.length, 1);
    cut(peer, raw);
});

test('user events: failing ones fail the ack and nothing else', async () => {
    const hub = application({
        user: (request, response) =>
            request.data === 'bad' ? response.fail(400, 'no') : response.success('ok', 'text'),
    });
    for (const peer of await hub.both({})) {
        const event = { type: 'event', event: 'e', dataType: 'text' };
        await peer.fails('InternalServerError', { ...event, data: 'bad' });
        await peer.must({ ...event, data: 'good' });
        assert.equal((await peer.take({ type: 'message' })).data, 'ok');
        peer.send({ ...event, data: 'bad' }); // no ackId, no ack
        await peer.must({ ...event, data: 'good' });
        assert.equal(peer.frames.filter(({ success }) => success === false).length, 1);
        peer.cut();
    }
});

test('user events: without a handler they fail, and so does an Any at express', async () => {
    const peer = await server.connect('nothing');
    await peer.fails('InternalServerError', { type: 'event', event: 'e', data: 1 });
    await peer.ping();
    const hub = application({});
    const other = await hub.connect();
    await other.fails('InternalServerError', {
        type: 'event',
        event: 'e',
        dataType: 'protobuf',
        data: 'CgF4EgF5',
    });
    assert.deepEqual(hub.told('user'), []);
    cut(peer, other);
});

test('user events: an ackId that was seen is not told again, after a recovery neither', async () => {
    const hub = application({});
    for (const peer of await hub.both({ protocol: JSON_RELIABLE })) {
        const before = hub.told('user').length;
        const event = { type: 'event', event: 'e', data: 1, ackId: 5 };
        await peer.must(event);
        await peer.fails('Duplicate', event);
        peer.cut();
        const again = await peer.recover();
        await again.fails('Duplicate', event);
        await again.must({ ...event, ackId: 6 });
        assert.equal(hub.told('user').length, before + 2);
        await again.close();
    }
});

test('user events: one at a time and in order, pings and other clients go on', async () => {
    let underWay = 0;
    let most = 0;
    let release = () => {};
    const hub = application({
        user: async (request, response) => {
            underWay += 1;
            most = Math.max(most, underWay);
            if (request.data === 0) {
                await new Promise((resolve) => {
                    release = resolve;
                });
            }
            underWay -= 1;
            response.success(String(request.data), 'text');
        },
    });
    const [peer, other] = await hub.both({ user: 'u', groups: ['g'] });
    const count = 50;
    for (let number = 0; number < count; number += 1) {
        peer.send({ type: 'event', event: 'e', data: number, ackId: 1000 + number });
    }
    await hub.untilTold('user');
    await peer.ping();
    await other.ping();
    await other.must({ type: 'sendToGroup', group: 'g', data: 'meanwhile' });
    await peer.take({ type: 'message', data: 'meanwhile' });
    assert.equal(hub.told('user').length, 1);
    release();
    await peer.take({ type: 'ack', ackId: 1000 + count - 1 });
    const numbers = [...Array(count).keys()];
    assert.deepEqual(
        hub.told('user').map(({ data }) => data),
        numbers,
    );
    assert.equal(most, 1);
    assert.deepEqual(
        peer.frames
            .filter(({ type, success }) => type === 'ack' && success)
            .map(({ ackId }) => ackId),
        numbers.map((number) => 1000 + number),
    );
    assert.deepEqual(
        peer.data().filter((data) => data !== 'meanwhile'),
        numbers.map(String),
    );
    cut(peer, other);
});

test('user events: a client may close while one is pending; disconnected is last', async () => {
    let release;
    const pending = new Promise((resolve) => {
        release = resolve;
    });
    const hub = application({
        user: async (_, response) => {
            await pending;
            hub.events.push(['answered', { context: {} }]);
            response.success();
        },
    });
    const peer = await hub.connect();
    peer.send({ type: 'event', event: 'e', data: 1 });
    await hub.untilTold('user');
    assert.equal((await peer.close(1000)).code, 1000);
    release();
    await hub.untilTold('disconnected');
    const names = hub.events.map(([event]) => event);
    assert.equal(names.at(-1), 'disconnected');
    assert.deepEqual(names.slice(0, 3), ['connect', 'connected', 'user']);
});

test('user events: told after connected, for many clients at once', async () => {
    const hub = application({});
    const peers = await Promise.all(
        Array.from({ length: 50 }, async () => {
            const peer = await Peer.open(server.url(hub.name), JSON_V1);
            peer.send({ type: 'event', event: 'e', data: 1 });
            return peer;
        }),
    );
    await hub.untilTold('user', peers.length);
    for (const { context } of hub.told('user')) {
        assert.deepEqual(hub.toldOf(context.connectionId), ['connect', 'connected', 'user']);
    }
    cut(peers);
});

/* ---------------------------------------------------------------- plain WebSockets */

test('plain WebSockets: each message is the event `message`, the answer a frame', async () => {
    const hub = application({ user: echo });
    for (const content of ['ü', Buffer.from([0, 255])]) {
        const raw = await server.connectRaw(hub.name, '', { user: 'u' });
        raw.socket.send(content);
        const frame = await raw.take(() => true);
        assert.deepEqual(
            frame,
            typeof content === 'string' ? { text: content } : { binary: content },
        );
        await raw.close();
    }
    const [text, binary] = hub.told('user');
    assert.deepEqual([text.dataType, text.data, text.context.eventName], ['text', 'ü', 'message']);
    assert.deepEqual([binary.dataType, [...binary.data]], ['binary', [0, 255]]);
    await hub.untilTold('disconnected', 2);
});

test('plain WebSockets: closed with 1011 if it fails or nobody handles it', async () => {
    const hub = application({ user: (_, response) => response.fail(500) });
    for (const name of [hub.name, 'nothing']) {
        const raw = await server.connectRaw(name);
        raw.socket.send('x');
        assert.equal((await raw.closed).code, 1011, name);
    }
});

/* ---------------------------------------------------------------- invoke */

test('invoke: an answer, an empty one, a failure', async () => {
    const hub = application({
        user: (request, response) => {
            const answers = {
                echo: () => echo(request, response),
                empty: () => response.success(),
                fail: () => response.fail(500, 'broken'),
                nothing: () => response.success('null', 'json'),
            };
            return answers[request.context.eventName]();
        },
    });
    for (const protocol of [JSON_V1, PROTOBUF_V1]) {
        for (const peer of await hub.both({ protocol })) {
            const invoke = (invocationId, event, more) => {
                peer.send({ type: 'invoke', invocationId, target: 'event', event, ...more });
                return peer.take({ type: 'invokeResponse', invocationId });
            };
            for (const [dataType, data] of contents.filter(([, data]) => data !== '')) {
                const answer = await invoke(`${dataType} ${data}`, 'echo', { dataType, data });
                assert.deepEqual(
                    [answer.success, answer.dataType, answer.data],
                    [true, dataType, data],
                );
                assert.equal(answer.sequenceId, undefined);
            }
            const more = { dataType: 'text', data: 'x' };
            const empty = await invoke('empty', 'empty', more);
            assert.deepEqual([empty.success, empty.data || undefined], [true, undefined]);
            const failed = await invoke('fail', 'fail', more);
            assert.equal(failed.success, false);
            assert.ok(failed.error.name && failed.error.message);
            if (protocol === JSON_V1) {
                const nothing = await invoke('null', 'nothing', more);
                assert.equal(nothing.success, true);
                assert.ok(nothing.dataType === undefined || nothing.data !== null);
            }
            peer.cut();
        }
    }
});

test('invoke: the official client, and a cancelled one', async () => {
    let release;
    const hub = application({
        user: async (request, response) => {
            if (request.context.eventName === 'slow') {
                await new Promise((resolve) => {
                    release = resolve;
                });
            }
            response.success(JSON.stringify({ sum: request.data.a + request.data.b }), 'json');
        },
    });
    const client = new WebPubSubClient({ getClientAccessUrl: async () => server.url(hub.name) });
    await client.start();
    const answer = await client.invokeEvent('add', { a: 1, b: 2 }, 'json');
    assert.deepEqual(answer.data, { sum: 3 });
    client.stop();
    const peer = await hub.connect();
    const invocation = { type: 'invoke', target: 'event', data: { a: 1, b: 1 } };
    peer.send({ ...invocation, invocationId: 'a', event: 'slow' });
    await until('it is under way', () => release);
    peer.send({ type: 'cancelInvocation', invocationId: 'a' });
    await peer.ping();
    release();
    peer.send({ ...invocation, invocationId: 'b', event: 'add' });
    assert.equal((await peer.take({ invocationId: 'b' })).success, true);
    assert.deepEqual(
        peer.frames.filter(({ invocationId }) => invocationId === 'a'),
        [],
    );
    peer.cut();
});

test('the official client sends events and gets the answers', async () => {
    const hub = application({ user: echo });
    const client = new WebPubSubClient({ getClientAccessUrl: async () => server.url(hub.name) });
    const got = [];
    client.on('server-message', ({ message }) => got.push([message.dataType, message.data]));
    await client.start();
    await client.sendEvent('e', 'x', 'text');
    await client.sendEvent('e', { x: 1 }, 'json');
    await client.sendEvent('e', Uint8Array.from([1, 2]).buffer, 'binary');
    await until('three answers', () => got.length === 3);
    assert.deepEqual(got.slice(0, 2), [
        ['text', 'x'],
        ['json', { x: 1 }],
    ]);
    assert.deepEqual([...new Uint8Array(got[2][1])], [1, 2]);
    client.stop();
});

test('a burst of events from many clients: each answered once', async () => {
    const hub = application({ user: echo });
    const peers = (await Promise.all(Array.from({ length: 10 }, () => hub.both({})))).flat();
    await Promise.all(
        peers.map(async (peer, index) => {
            for (let number = 0; number < 20; number += 1) {
                peer.send({ type: 'event', event: 'e', data: [index, number], ackId: number + 1 });
            }
            await peer.take({ type: 'ack', ackId: 20 });
            assert.deepEqual(
                peer.data(),
                Array.from({ length: 20 }, (_, number) => [index, number]),
            );
        }),
    );
    await hub.untilTold('user', 400);
    assert.equal(hub.told('user').length, 400);
    cut(peers);
});

await run();
