/* Reliable clients while processes are killed: kill -9 of a bridge and of the broker loses none of
 * the numbered messages both ways, doubles none and keeps their order. One bridge process, and two
 * of which the other takes over.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Proxy } from './lib/proxy.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import {
    device,
    officialClient,
    pageClient,
    progress,
    separatePublisher,
    underTraffic,
} from './lib/traffic.mjs';
import { until } from './lib/wait.mjs';

const KILLS = 3;
const LISTENERS = 50;
const IDENTIFIERS = 4096; // of messages with an ackId, which the broker remembers them by
const ROUND_MS = 100_000; // at most, on a busy machine
const BRIDGE = 'pubgrid-bridge';
const BROKER = 'pubgrid-broker';

const anyMoment = (maximum) => sleep(Math.random() * maximum);

for (const processes of [1, 2]) {
    const server = await Server.start({ bridge: { processes } });
    const bridges = processes === 1 ? 'the bridge' : 'one of two bridges';

    for (const [name, start] of [
        ['official', officialClient],
        ['page', pageClient],
    ]) {
        test(`${name}: kill -9 of ${bridges}`, async () => {
            const client = await start(server, `bridge${name}`);
            const other = await device(server, `bridge${name}`);
            await underTraffic({ client, other, window: 10 }, async () => {
                for (let kill = 1; kill <= KILLS; kill += 1) {
                    await anyMoment(100);
                    await server.kill(BRIDGE);
                    await progress(client, other);
                }
            });
        });

        test(`${name}: kill -9 of the broker behind ${bridges}`, async () => {
            const client = await start(server, `broker${name}`);
            const other = await separatePublisher(server, `broker${name}`);
            await underTraffic({ client, other, window: 10 }, async () => {
                for (let kill = 1; kill <= KILLS; kill += 1) {
                    await anyMoment(100);
                    await server.kill(BROKER);
                    await progress(client, other);
                }
            });
        });
    }

    for (const name of [BRIDGE, BROKER]) {
        test(`the identifiers of ackIds come round again after kill -9 of ${name}, ${bridges}`, async () => {
            const hub = `round${name.length}`;
            const client = await pageClient(server, hub);
            const other = await separatePublisher(server, hub);
            await underTraffic({ client, other, window: 50 }, async () => {
                await until('a thousand', () => other.received.length > 1000);
                await server.kill(name);
                client.cut(); // recovers before anything is known again
                client.cut();
                await progress(client, other);
                client.cut();
                const { length } = other.received;
                await until('a round', () => other.received.length > length + IDENTIFIERS, ROUND_MS);
            });
        });
    }

    test(`cuts and both kills at once, ${bridges}`, async () => {
        const proxy = await Proxy.start(server.httpPort);
        const client = await officialClient(server, 'all', proxy.port);
        const other = await separatePublisher(server, 'all');
        await underTraffic({ client, other }, async () => {
            for (const name of [BRIDGE, BROKER]) {
                proxy.cut();
                await Promise.all([server.kill(name), anyMoment(50).then(() => proxy.cut())]);
                await progress(client, other);
            }
        });
        proxy.stop();
    });

    test(`${LISTENERS} clients hear the same through both kills, ${bridges}`, async () => {
        const [client, ...listeners] = await Promise.all(
            Array.from({ length: LISTENERS }, () => pageClient(server, 'many')),
        );
        const other = await separatePublisher(server, 'many');
        await underTraffic({ client, other, listeners }, async () => {
            for (const name of [BRIDGE, BROKER]) {
                await server.kill(name);
                await progress(client, other, ...listeners);
            }
        });
    });
}

await run();
