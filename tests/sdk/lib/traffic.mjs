/* Numbered traffic for reliable clients on bad networks: none may be lost, come twice or out of
 * order.
 *
 * A client here is { received, send(number), stop(), check() }: it hears one group and sends to
 * another, `down` and `up` as seen from the server.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebPubSubClient } from '@azure/web-pubsub-client';
import WebSocket from 'ws';
import { ReliableClient } from '../../../bridge/page/reliable.js';
import { connectMqtt } from './device.mjs';
import { until } from './wait.mjs';

globalThis.WebSocket ??= WebSocket; // Node.js 20 has none of its own

const PATIENCE = 60_000;
const FIRST_PINNED = 1_000_000; // ackIds that no client makes itself
const BACKLOG = 5_000; // messages that may wait for a client: it has room for more at the server
const HOLD_MS = 5; // between looks whether it is not that far behind any more

/* ---------------------------------------------------------------- clients */

/* The official one. `port`: that of a proxy. Messages that it sends again have the same ackId. */
export async function officialClient(server, hub, port) {
    const client = new WebPubSubClient(
        { getClientAccessUrl: async () => server.url(hub, { port }) },
        {
            messageRetryOptions: { maxRetries: 1_000, retryDelayInMs: 20, mode: 'Fixed' },
            reconnectRetryOptions: { maxRetries: 1_000, retryDelayInMs: 100, mode: 'Fixed' },
        },
    );
    const received = [];
    const events = [];
    client.on('group-message', ({ message }) => received.push(message.data));
    for (const name of ['connected', 'stopped', 'rejoin-group-failed']) {
        client.on(name, () => events.push(name));
    }
    client.on('disconnected', ({ message }) => events.push(`disconnected: ${message?.message}`));
    await client.start();
    await client.joinGroup('down');
    return {
        received,
        /* What fails is tried again by itself: several under way may overtake each other. */
        keepsOrder: false,
        send: (number) =>
            client.sendToGroup('up', number, 'json', { ackId: FIRST_PINNED + number }),
        stop: () => client.stop(),
        check: () =>
            assert.deepEqual(events, ['connected'], 'the application has noticed something'),
    };
}

/* The page's own. */
export async function pageClient(server, hub, port, { hears = 'down', sends = 'up' } = {}) {
    const client = new ReliableClient(async () => server.url(hub, { port }));
    const received = [];
    let connected = 0;
    client.addEventListener('connected', () => {
        connected += 1;
    });
    client.addEventListener('message', ({ detail }) => received.push(detail.data));
    client.start();
    await client.request('joinGroup', { group: hears });
    return {
        received,
        keepsOrder: true,
        send: (number) => client.request('sendToGroup', { group: sends, data: number }),
        cut: () => client.cut(),
        stop: () => client.stop(),
        check: () => assert.equal(connected, 1, 'connections of its own'),
    };
}

/* The other side, by a way without faults but for the server's. */
export const separatePublisher = (server, hub) =>
    pageClient(server, hub, undefined, { hears: 'up', sends: 'down' });

/* The other side as a device, over MQTT and TCP; where the broker lives. */
export async function device(server, hub) {
    const client = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`);
    const received = [];
    client.on('message', (topic, payload) => received.push(JSON.parse(payload)));
    await client.subscribeAsync(`${hub}/up`, { qos: 2 });
    return {
        received,
        keepsOrder: true,
        send: (number) =>
            client.publishAsync(`${hub}/down`, String(number), {
                qos: 1,
                properties: { contentType: 'application/json' },
            }),
        stop: () => client.endAsync(),
        check: () => assert.equal(client.connected, true),
    };
}

/* ---------------------------------------------------------------- traffic */

/* Sends 1, 2, 3, ... with `window` of them under way, until the function that is returned is called;
 * that resolves to how many there were. While a receiver is far behind, as one whose server has been
 * killed, it holds back. */
function keepSending(client, window, receivers) {
    let stopped = false;
    let number = 0;
    const isFarBehind = ({ received }) => number - received.length > BACKLOG;
    const sendOn = async () => {
        while (!stopped) {
            if (receivers.some(isFarBehind)) {
                await sleep(HOLD_MS);
                continue;
            }
            number += 1;
            await client.send(number);
        }
    };
    const lanes = Promise.all(Array.from({ length: window }, sendOn));
    return async () => {
        stopped = true;
        await lanes;
        return number;
    };
}

/* Has `receiver` got 1 to `count`, each once, and in order if there is one? */
function checkNumbers(receiver, count, isOrdered, what) {
    const numbers = isOrdered ? receiver.received : receiver.received.toSorted((a, b) => a - b);
    for (const [index, number] of numbers.entries()) {
        assert.equal(
            number,
            index + 1,
            `${what}: behind ${numbers.slice(Math.max(0, index - 3), index)} came ${number}`,
        );
    }
    assert.equal(numbers.length, count, what);
}

/* Runs `faults` under traffic both ways between `client` and `other`, and checks all that came.
 * `listeners` hear the same as `client`. */
export async function underTraffic({ client, other, listeners = [], window = 1 }, faults) {
    const stopDown = keepSending(other, window, [client, ...listeners]);
    const stopUp = keepSending(client, window, [other]);
    await until('traffic', () => client.received.length > 5 && other.received.length > 5);
    await faults();
    const [down, up] = await Promise.all([stopDown(), stopUp()]);
    const wanted = [
        [other, up, client, 'from the client'],
        ...[client, ...listeners].map((receiver) => [receiver, down, other, 'to the client']),
    ];
    await until(
        'all messages',
        () => wanted.every(([{ received }, count]) => received.length >= count),
        PATIENCE,
    ).catch(() => {}); // what is missing is said below
    const all = [client, other, ...listeners];
    all.forEach((one) => one.check());
    for (const [receiver, count, { keepsOrder }, what] of wanted) {
        checkNumbers(receiver, count, keepsOrder || window === 1, what);
    }
    await Promise.all(all.map((one) => one.stop()));
}

/* All have moved on: the fault before is overcome. */
export async function progress(...clients) {
    const before = clients.map(({ received }) => received.length);
    await until(
        'progress',
        () => clients.every(({ received }, index) => received.length > before[index]),
        PATIENCE,
    );
}
