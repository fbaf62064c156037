/* Reliable clients on a network that cuts, stalls and delays: of numbered messages both ways none is
 * lost, none comes twice and none out of order (spec/webpubsub.md 4; the official client, and the
 * page's own).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
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

const server = await Server.start({ bridge: { processes: 2 } });
const CUTS = 100;

/* A random pause decides where in the traffic a cut falls; nothing is waited for by it. */
const anyMoment = (maximum) => sleep(Math.random() * maximum);

/* With so many messages under way. */
async function cuts(start, hub, window) {
    const proxy = await Proxy.start(server.httpPort);
    const client = await start(server, hub, proxy.port);
    const other = await device(server, hub);
    await underTraffic({ client, other, window }, async () => {
        for (let cut = 1; cut <= CUTS; cut += 1) {
            await anyMoment(10);
            await until('there is something to cut', () => proxy.open > 0);
            proxy.cut();
            await progress(client, other);
        }
    });
    assert.ok(proxy.connections > CUTS, `${proxy.connections} connections`);
    proxy.stop();
}

for (const [name, start] of [
    ['official', officialClient],
    ['page', pageClient],
]) {
    test(`${name}: ${CUTS} cuts with 1, and with 20 under way`, () =>
        Promise.all([1, 20].map((window) => cuts(start, `cuts${name}${window}`, window))));

    test(`${name}: cuts in the middle of recoveries`, async () => {
        const proxy = await Proxy.start(server.httpPort);
        const client = await start(server, `again${name}`, proxy.port);
        const other = await separatePublisher(server, `again${name}`);
        await underTraffic({ client, other, window: 5 }, async () => {
            for (let round = 1; round <= 10; round += 1) {
                const { connections } = proxy;
                for (let cut = 1; cut <= 5 && proxy.connections < connections + 3; cut += 1) {
                    proxy.cut();
                    await anyMoment(15);
                }
                await progress(client, other);
            }
        });
        proxy.stop();
    });

    test(`${name}: stalls and delays, and cuts in them`, async () => {
        const proxy = await Proxy.start(server.httpPort);
        const client = await start(server, `stalls${name}`, proxy.port);
        const other = await separatePublisher(server, `stalls${name}`);
        await underTraffic({ client, other, window: 5 }, async () => {
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
    });
}

await run();
