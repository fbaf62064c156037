/* Pull delivery when processes die: kill -9 of the bridge processes, one of which owns the queue, and of
 * the broker. Nothing that was acknowledged to a publisher is lost, nothing that a receiver has
 * acknowledged comes again, and deliveries go on being counted (spec/eventgrid.md 5.3). A lock of 60 s is
 * 3 s here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { Grid } from './lib/eventgrid.mjs';
import { Namespace, cloudEvent, idsOf } from './lib/namespaces.mjs';
import { bridges } from './lib/processes.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const SCALE = 0.05;
const grid = await Grid.start({ retry_scale: SCALE });
const { server } = grid;
const namespace = await Namespace.make(grid);
const topic = await namespace.topic();
const LONG = { receiveLockDurationInSeconds: 300, maxDeliveryCount: 10 };

/* Until it succeeds: what is asked of a server that has just lost a process may fail. */
async function persistent(what, action) {
    let last;
    return until(what, async () => {
        try {
            const value = await action();
            return value && { value };
        } catch (error) {
            last = error;
            return undefined;
        }
    })
        .then(({ value }) => value)
        .catch((error) => {
            throw new Error(`${error.message}: ${last?.stack}`);
        });
}

/* kill -9 of each bridge process in turn, so of the one that owns the queue, too. */
async function killBridges() {
    for (const victim of bridges(server)) {
        process.kill(victim, 'SIGKILL');
        await until('another bridge', () => {
            const pids = bridges(server);
            return pids.length === server.processes && !pids.includes(victim);
        });
        await server.ready();
    }
}

async function killBroker() {
    await server.kill('pubgrid-broker');
    await server.ready();
}

const kills = [
    ['the bridge processes', killBridges],
    ['the broker', killBroker],
];

for (const [what, kill] of kills) {
    test(`kill -9 of ${what}: what was published is there, what was acknowledged is not`, async () => {
        const queue = await topic.queue(LONG);
        const ids = Array.from({ length: 20 }, (_, index) => `kept-${index}`);
        await topic.publishIds(...ids);
        const settled = await queue.receiveAll(8);
        await queue.must('acknowledge', settled);
        await kill();
        const left = ids.filter((id) => !idsOf(settled).includes(id));
        const seen = new Set();
        await persistent('the rest', async () => {
            const some = await queue.receive(20);
            idsOf(some).forEach((id) => seen.add(id));
            await queue.must('acknowledge', some);
            return seen.size >= left.length;
        });
        assert.deepEqual([...seen].toSorted(), left.toSorted());
    });

    test(`kill -9 of ${what}: deliveries go on being counted`, async () => {
        const queue = await topic.queue(LONG);
        await topic.publishIds('counted');
        for (const deliveryCount of [1, 2]) {
            const taken = await queue.take();
            assert.equal(taken.deliveryCount, deliveryCount);
            await queue.must('release', taken);
        }
        await kill();
        const taken = await persistent('it', () => queue.take());
        assert.equal(taken.event.id, 'counted');
        assert.ok([3, 4].includes(taken.deliveryCount), `${taken.deliveryCount}`); // perhaps it was locked
        await queue.must('release', taken);
        assert.equal((await queue.take()).deliveryCount, taken.deliveryCount + 1);
    });

    test(`kill -9 of ${what}: what was locked comes again, and is counted`, async () => {
        const queue = await topic.queue(LONG);
        await topic.publishIds('locked');
        const first = await queue.take();
        assert.equal(first.deliveryCount, 1);
        await kill();
        const [{ event, brokerProperties }] = await persistent('it', async () => {
            const some = await queue.receive();
            assert.ok(some.length > 0);
            return some;
        });
        assert.equal(event.id, 'locked');
        assert.equal(brokerProperties.deliveryCount, 2);
        const answer = await queue.settle('acknowledge', first.lockToken);
        assert.deepEqual(answer.succeededLockTokens, []);
        assert.ok(['TokenLost', 'BadToken'].includes(answer.failedLockTokens[0].error.code));
        await queue.must('acknowledge', brokerProperties.lockToken);
    });

    test(`kill -9 of ${what}: what was locked is counted, however much waits behind it`, async () => {
        const queue = await topic.queue(LONG);
        for (let batch = 0; batch < 30; batch++) { // more than a process has in memory
            await topic.publish(Array.from({ length: 100 }, (_, i) => ({ ...cloudEvent(`${batch}-${i}`), data: 'x'.repeat(1000) })));
        }
        const ids = idsOf(await queue.receiveAll(20));
        await kill();
        const again = await persistent('them', async () => {
            const some = await queue.receive(20);
            return some.length > 0 && some;
        });
        assert.deepEqual(idsOf(again), ids.slice(0, again.length));
        assert.deepEqual(new Set(again.map(({ brokerProperties }) => brokerProperties.deliveryCount)), new Set([2]));
    });

    test(`kill -9 of ${what}: a release with a delay is not forgotten`, async () => {
        const queue = await topic.queue(LONG);
        await topic.publishIds('later');
        await queue.must('release', await queue.take(), '&releaseDelayInSeconds=60');
        await kill();
        const taken = await persistent('it', () => queue.take());
        assert.equal(taken.event.id, 'later');
        assert.ok([2, 3].includes(taken.deliveryCount), `${taken.deliveryCount}`); // due before the last kill: perhaps locked
        await queue.must('acknowledge', taken);
    });
}

test('publishers and receivers go on while processes die: each event arrives', async () => {
    const queue = await topic.queue({ ...LONG, receiveLockDurationInSeconds: 60 });
    const accepted = [];
    const seen = new Set();
    let isDone = false;
    let isPublished = false; // all of it: the last answer may come behind isDone
    const publishing = (async () => {
        for (let number = 0; !isDone; number += 1) {
            const id = `stream-${number}`;
            try {
                await topic.publish(cloudEvent(id));
                accepted.push(id);
            } catch {
                /* not accepted, so not promised */
            }
        }
    })();
    const receiving = (async () => {
        while (!isPublished || accepted.some((id) => !seen.has(id))) {
            try {
                const some = await queue.receive(50);
                idsOf(some).forEach((id) => seen.add(id));
                await queue.settle('acknowledge', some);
            } catch {
                /* once more */
            }
        }
    })();
    await killBridges();
    await killBroker();
    isDone = true;
    await publishing;
    isPublished = true;
    await Promise.race([
        receiving,
        until('all', () => accepted.every((id) => seen.has(id)), 50_000),
    ]);
    assert.ok(accepted.length > 0);
    assert.deepEqual(
        accepted.filter((id) => !seen.has(id)),
        [],
    );
    await receiving;
});

await run();
