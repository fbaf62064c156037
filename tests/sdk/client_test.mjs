/* The official client, @azure/web-pubsub-client, unmodified, with both JSON subprotocols.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import {
    SendMessageError,
    WebPubSubClient,
    WebPubSubJsonProtocol,
    WebPubSubJsonReliableProtocol,
} from '@azure/web-pubsub-client';
import { Proxy } from './lib/proxy.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { deferred, until, within } from './lib/wait.mjs';

const server = await Server.start();
const proxy = await Proxy.start(server.httpPort);

/* A started client; `events` has [name, detail] of all that it told. */
async function start(hub, { who = { user: 'ann' }, ...options } = {}) {
    const client = new WebPubSubClient(
        {
            getClientAccessUrl: async () => server.url(hub, { port: proxy.port, ...who }),
        },
        { messageRetryOptions: { maxRetries: 0 }, ...options },
    );
    client.events = [];
    for (const name of ['connected', 'disconnected', 'stopped', 'rejoin-group-failed']) {
        client.on(name, (detail) => client.events.push([name, detail]));
    }
    client.received = [];
    client.on('group-message', ({ message }) => client.received.push(message));
    await client.start();
    return client;
}

const count = (client, name) => client.events.filter(([event]) => event === name).length;
const bytes = (...values) => Uint8Array.from(values).buffer;

for (const [name, protocol] of [
    ['plain', WebPubSubJsonProtocol()],
    ['reliable', WebPubSubJsonReliableProtocol()],
]) {
    test(`${name}: groups, messages of all types, acks`, async () => {
        const hub = `groups${name}`;
        const one = await start(hub, { protocol });
        const two = await start(hub, { protocol, who: { user: 'bo' } });
        await until('connected', () => one.events.length === 1);
        const [, { connectionId, userId }] = one.events[0];
        assert.equal(userId, 'ann');
        assert.ok(connectionId);
        await one.joinGroup('g');
        await two.joinGroup('g');
        await two.sendToGroup('g', { a: [1, null] }, 'json');
        await two.sendToGroup('g', 'té', 'text');
        await two.sendToGroup('g', bytes(0, 255), 'binary');
        await two.sendToGroup('g', bytes(10, 1, 120), 'protobuf');
        await one.sendToGroup('g', 'own', 'text', { noEcho: true });
        await one.sendToGroup('g', 'end', 'text', { fireAndForget: true });
        await until('all messages', () => one.received.some(({ data }) => data === 'end'));
        assert.deepEqual(
            one.received.map(({ dataType, data, fromUserId, group }) => [
                dataType,
                data,
                fromUserId,
                group,
            ]),
            [
                ['json', { a: [1, null] }, 'bo', 'g'],
                ['text', 'té', 'bo', 'g'],
                ['binary', bytes(0, 255), 'bo', 'g'],
                ['protobuf', bytes(10, 1, 120), 'bo', 'g'],
                ['text', 'end', 'ann', 'g'],
            ],
        );
        await one.leaveGroup('g');
        await two.sendToGroup('g', 'not for one', 'text');
        await one.joinGroup('g');
        await two.sendToGroup('g', 'for one', 'text');
        await until('the last', () => one.received.at(-1).data === 'for one');
        assert.ok(!one.received.some(({ data }) => data === 'not for one'));
        one.stop();
        two.stop();
        await until('stopped', () => count(one, 'stopped') === 1);
    });

    test(`${name}: a pinned ackId that was carried out is a duplicate`, async () => {
        const client = await start(`duplicate${name}`, { protocol });
        await client.joinGroup('g');
        assert.deepEqual(await client.sendToGroup('g', 'x', 'text', { ackId: 500 }), {
            ackId: 500,
            isDuplicated: false,
        });
        assert.deepEqual(await client.sendToGroup('g', 'x', 'text', { ackId: 500 }), {
            ackId: 500,
            isDuplicated: true,
        });
        await client.sendToGroup('g', 'end', 'text');
        await until('the end', () => client.received.at(-1)?.data === 'end');
        assert.equal(client.received.length, 2);
        client.stop();
    });

    test(`${name}: what is refused`, async () => {
        const client = await start(`refused${name}`, { protocol, who: { roles: [] } });
        const isForbidden = (error) =>
            error instanceof SendMessageError && error.errorDetail.name === 'Forbidden';
        await assert.rejects(client.joinGroup('g'), isForbidden);
        await assert.rejects(client.sendToGroup('g', 'x', 'text'), isForbidden);
        await assert.rejects(
            client.sendEvent('e', 'x', 'text'),
            (error) => error.errorDetail.name === 'InternalServerError',
        );
        await assert.rejects(client.invokeEvent('e', 'x', 'text'), /handler/);
        client.stop();
    });

    test(`${name}: idle with frequent pings, and no longer than its timeout without pongs`, async () => {
        const client = await start(`idle${name}`, {
            protocol,
            keepAliveIntervalInMs: 100,
            keepAliveTimeoutInMs: 2000,
        });
        const begin = Date.now();
        await until('two of its timeouts', () => Date.now() - begin > 4500);
        assert.equal(count(client, 'disconnected'), 0);
        assert.equal(count(client, 'connected'), 1);
        await client.sendToGroup('g', 'still there', 'text');
        client.stop();
    });
}

test('plain: a cut is a new connection, and the groups are joined again', async () => {
    const client = await start('again', { protocol: WebPubSubJsonProtocol() });
    await client.joinGroup('g');
    proxy.cut();
    await until('connected again', () => count(client, 'connected') === 2);
    const [first, second] = client.events
        .filter(([name]) => name === 'connected')
        .map(([, { connectionId }]) => connectionId);
    assert.notEqual(first, second);
    await client.sendToGroup('g', 'x', 'text');
    await until('the message', () => client.received.length === 1);
    client.stop();
});

test('reliable: a cut is not noticed', async () => {
    const client = await start('unnoticed');
    const sender = await server.connect('unnoticed');
    await client.joinGroup('g');
    for (const data of ['1', '2', '3']) {
        proxy.cut();
        await sender.must({ type: 'sendToGroup', group: 'g', dataType: 'text', data });
    }
    await until('all', () => client.received.length === 3);
    assert.deepEqual(
        client.received.map(({ data, sequenceId }) => [data, sequenceId]),
        [
            ['1', 1],
            ['2', 2],
            ['3', 3],
        ],
    );
    assert.equal(count(client, 'connected'), 1);
    assert.equal(count(client, 'disconnected'), 0);
    client.stop();
    sender.cut();
});

test('reliable: thousands in a burst, acknowledged at its own pace', async () => {
    const client = await start('burst');
    await client.joinGroup('g');
    const sender = await server.connect('burst');
    const COUNT = 5000;
    await Promise.all(
        [...Array(COUNT).keys()].map((data) =>
            sender.must({ type: 'sendToGroup', group: 'g', data }),
        ),
    );
    await until('all', () => client.received.length >= COUNT);
    assert.deepEqual(
        client.received.map(({ data }) => data),
        [...Array(COUNT).keys()],
    );
    assert.equal(count(client, 'disconnected'), 0);
    client.stop();
    sender.cut();
});

test('a refused token is told', async () => {
    const client = new WebPubSubClient(server.url('chat', { key: 'x'.repeat(44) }), {
        autoReconnect: false,
    });
    await assert.rejects(
        within(() => 'start', client.start()),
        /401/,
    );
});

test('twenty clients talk at once', async () => {
    const clients = await Promise.all(
        [...Array(20).keys()].map((index) => start('crowd', { who: { user: `u${index}` } })),
    );
    await Promise.all(clients.map((client) => client.joinGroup('g')));
    await Promise.all(
        clients.flatMap((client, index) =>
            [...Array(20).keys()].map((number) =>
                client.sendToGroup('g', { index, number }, 'json'),
            ),
        ),
    );
    const all = deferred();
    const check = setInterval(
        () => clients.every(({ received }) => received.length >= 400) && all.resolve(),
        20,
    );
    await within(() => `${clients.map(({ received }) => received.length)}`, all.promise);
    clearInterval(check);
    for (const { received } of clients) {
        for (const index of clients.keys()) {
            const numbers = received
                .filter(({ data }) => data.index === index)
                .map(({ data }) => data.number);
            assert.deepEqual(numbers, [...Array(20).keys()]);
        }
    }
    clients.forEach((client) => client.stop());
});

await run();
