/* Reliable clients on a network that cuts, stalls and delays, and while processes are killed: numbered
 * messages both ways, of which none is lost, none comes twice and none out of order
 * (spec/webpubsub.md 4; the official client, and the page's own).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebPubSubClient } from '@azure/web-pubsub-client';
import WebSocket from 'ws';
import { ReliableClient } from '../../bridge/page/reliable.js';
import { connectMqtt } from './lib/device.mjs';
import { Proxy } from './lib/proxy.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until } from './lib/wait.mjs';

globalThis.WebSocket ??= WebSocket; // Node.js 20 has none of its own

const server = await Server.start();
const CUTS = 100;
const KILLS = 4;
const PATIENCE = 60_000;
const FIRST_PINNED = 1_000_000; // ackIds that no client makes itself

/* A random pause decides where in the traffic a cut falls; nothing is waited for by it. */
const anyMoment = (maximum) => sleep(Math.random() * maximum);

/* ---------------------------------------------------------------- clients: { received, send(n), stop() }
 * `port`: that of a proxy. */

async function officialClient(hub, port) {
    const client = new WebPubSubClient({ getClientAccessUrl: async () => server.url(hub, { port }) }, {
        messageRetryOptions: { maxRetries: 1_000, retryDelayInMs: 20, mode: 'Fixed' },
        reconnectRetryOptions: { maxRetries: 1_000, retryDelayInMs: 100, mode: 'Fixed' },
    });
    const received = [];
    const events = [];
    client.on('group-message', ({ message }) => received.push(message.data));
    for (const name of ['connected', 'disconnected', 'stopped', 'rejoin-group-failed']) {
        client.on(name, () => events.push(name));
    }
    await client.start();
    await client.joinGroup('down');
    return {
        received,
        send: (number) => client.sendToGroup('up', number, 'json', { ackId: FIRST_PINNED + number }),
        stop: () => client.stop(),
        check: () => assert.deepEqual(events, ['connected'], 'the application has noticed something'),
    };
}

async function pageClient(hub, port) {
    const client = new ReliableClient(async () => server.url(hub, { port }));
    const received = [];
    let connected = 0;
    client.addEventListener('connected', () => { connected += 1; });
    client.addEventListener('message', ({ detail }) => received.push(detail.data));
    client.start();
    await client.request('joinGroup', { group: 'down' });
    return {
        received,
        send: (number) => client.request('sendToGroup', { group: 'up', data: number }),
        stop: () => client.stop(),
        check: () => assert.equal(connected, 1, 'connections of its own'),
    };
}

/* Sends to group down until told to stop, and hears group up, by a way without faults but for the
 * server's. */
async function separatePublisher(hub) {
    const client = new ReliableClient(async () => server.url(hub));
    const received = [];
    client.addEventListener('message', ({ detail }) => received.push(detail.data));
    client.start();
    await client.request('joinGroup', { group: 'up' });
    return {
        received,
        send: (number) => client.request('sendToGroup', { group: 'down', data: number }),
        stop: () => client.stop(),
    };
}

/* A device that does the same over MQTT; for tests in which the broker lives. */
async function device(hub) {
    const client = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`);
    const received = [];
    client.on('message', (topic, payload) => received.push(JSON.parse(payload)));
    await client.subscribeAsync(`${hub}/up`, { qos: 2 });
    return {
        received,
        send: (number) => client.publishAsync(`${hub}/down`, String(number),
            { qos: 1, properties: { contentType: 'application/json' } }),
        stop: () => client.endAsync(),
    };
}

/* ---------------------------------------------------------------- traffic */

/* Sends 1, 2, 3, ... one after the other until stop(), which resolves to how many there were. */
function keepSending(client) {
    let stopped = false;
    const done = (async () => {
        let number = 0;
        while (!stopped) {
            number += 1;
            await client.send(number);
        }
        return number;
    })();
    return () => { stopped = true; return done; };
}

function checkNumbers(received, count, what) {
    for (const [index, number] of received.entries()) {
        assert.equal(number, index + 1, `${what}: after ${received.slice(Math.max(0, index - 3), index)} came ${number}`);
    }
    assert.equal(received.length, count, what);
}

/* Runs `faults` under traffic both ways between the client and the other one. */
async function underTraffic(client, other, faults) {
    const stopDown = keepSending(other);
    const stopUp = keepSending(client);
    await until('traffic', () => client.received.length > 5 && other.received.length > 5);
    await faults(client, other);
    const [down, up] = await Promise.all([stopDown(), stopUp()]);
    await until('all messages', () => client.received.length >= down && other.received.length >= up, PATIENCE)
        .catch((error) => {
            checkNumbers(client.received, down, 'to the client');
            checkNumbers(other.received, up, 'from the client');
            throw error;
        });
    checkNumbers(client.received, down, 'to the client');
    checkNumbers(other.received, up, 'from the client');
    client.check();
    await Promise.all([client.stop(), other.stop()]);
}

/* Both have moved on: the fault before is overcome. */
async function progress(...clients) {
    const before = clients.map(({ received }) => received.length);
    await until('progress', () => clients.every(({ received }, index) => received.length > before[index]), PATIENCE);
}

const kinds = { official: officialClient, page: pageClient };

for (const [name, start] of Object.entries(kinds)) {
    test(`${name}: ${CUTS} cuts`, async () => {
        const proxy = await Proxy.start(server.httpPort);
        const client = await start(`cuts${name}`, proxy.port);
        const other = await device(`cuts${name}`);
        await underTraffic(client, other, async () => {
            for (let cut = 1; cut <= CUTS; cut += 1) {
                await anyMoment(20);
                proxy.cut();
                if (cut % 10 === 0) {
                    await progress(client, other);
                }
            }
        });
        assert.ok(proxy.connections > 10, `${proxy.connections} connections`);
        proxy.stop();
    }, { deadline: 120_000 });

    test(`${name}: stalls and delays, and cuts in them`, async () => {
        const proxy = await Proxy.start(server.httpPort);
        const client = await start(`stalls${name}`, proxy.port);
        const other = await separatePublisher(`stalls${name}`);
        await underTraffic(client, other, async () => {
            for (let round = 1; round <= 10; round += 1) {
                proxy.stall();
                await anyMoment(100);
                if (round % 2) {
                    proxy.cut();
                }
                proxy.stall(false);
                proxy.delay = round * 2;
                await progress(client, other);
                proxy.cut();
            }
        });
        proxy.stop();
    }, { deadline: 120_000 });

    test(`${name}: kill -9 of the bridge`, async () => {
        const client = await start(`bridge${name}`);
        const other = await device(`bridge${name}`);
        await underTraffic(client, other, async () => {
            for (let kill = 1; kill <= KILLS; kill += 1) {
                await anyMoment(100);
                await server.kill('pubgrid-bridge');
                await progress(client, other);
            }
        });
    }, { deadline: 120_000 });

    test(`${name}: kill -9 of the broker`, async () => {
        const client = await start(`broker${name}`);
        const other = await separatePublisher(`broker${name}`);
        await underTraffic(client, other, async () => {
            for (let kill = 1; kill <= KILLS; kill += 1) {
                await anyMoment(100);
                await server.kill('pubgrid-broker');
                await progress(client, other);
            }
        });
    }, { deadline: 120_000 });
}

test('both clients, cuts and both kills at once', async () => {
    const proxy = await Proxy.start(server.httpPort);
    const one = await officialClient('all', proxy.port);
    const two = await separatePublisher('all');
    await underTraffic(one, two, async () => {
        for (const name of ['pubgrid-bridge', 'pubgrid-broker', 'pubgrid-bridge', 'pubgrid-broker']) {
            proxy.cut();
            await Promise.all([server.kill(name), anyMoment(50).then(() => proxy.cut())]);
            proxy.cut();
            await progress(one, two);
        }
    });
    proxy.stop();
}, { deadline: 120_000 });

await run();
