/* Pull delivery in time: locks that expire, renewals, releases with a delay, how often an event was
 * delivered, what is given up and how it looks in the dead letters, receivers that compete, over both
 * bridge processes (spec/eventgrid.md 5.3, 5.6). Durations run at a twentieth (event_grid.retry_scale): a
 * lock of 60 s is 3 s.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Grid } from './lib/eventgrid.mjs';
import { Namespace, cloudEvent, deadLetters, idsOf } from './lib/namespaces.mjs';
import { socketAt } from './lib/processes.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const SCALE = 0.05;
const LOCK = 60; // s, the shortest
const LOCK_MS = LOCK * 1000 * SCALE;

const grid = await Grid.start({ retry_scale: SCALE });
const { server } = grid;
const namespace = await Namespace.make(grid);
const topic = await namespace.topic();
const locked = { receiveLockDurationInSeconds: LOCK };
const held = { receiveLockDurationInSeconds: 300 }; // where it does not matter when it expires

const waits = []; // of receivers to which nothing must come
const staysEmpty = (queue) => waits.push(queue.receive(10));

/* ---------------------------------------------------------------- locks */

test('an expired lock: the event is there again, counted, the old token is lost', async () => {
    const queue = await topic.queue(locked);
    await topic.publishIds('expires');
    const tokens = [];
    let before = -Infinity; // when the one was asked for that has the lock
    for (const deliveryCount of [1, 2, 3]) {
        const begin = performance.now();
        const taken = await queue.take();
        assert.deepEqual([taken.event.id, taken.deliveryCount], ['expires', deliveryCount]);
        const waited = performance.now() - before;
        assert.ok(waited > LOCK_MS * 0.95, `after ${waited} ms`);
        before = begin;
        tokens.push(taken.lockToken);
    }
    assert.equal(new Set(tokens).size, 3);
    const [first, second, third] = tokens;
    for (const action of ['acknowledge', 'release', 'reject', 'renewLock']) {
        await queue.mustFail(action, first, 'TokenLost');
        await queue.mustFail(action, second, 'TokenLost');
        await queue.must('renewLock', third); // has not noticed
    }
    await queue.must('acknowledge', third);
});

test('a lock holds: nobody else gets the event meanwhile', async () => {
    const lone = await namespace.topic();
    const queue = await lone.queue(held);
    await lone.publishIds('held');
    await queue.take();
    staysEmpty(queue); // for 10 s, where the lock has 15
});

test('a renewed lock lasts from the renewal', async () => {
    const seconds = 1.5 * LOCK; // a machine that is busy elsewhere may hold a renewal up
    const queue = await topic.queue({ receiveLockDurationInSeconds: seconds });
    const lasts = 1000 * SCALE * seconds;
    await topic.publishIds('renewed');
    const { lockToken } = await queue.take();
    const begin = performance.now();
    let got;
    const competitor = queue.receive(1, { maxWaitTime: 60 }).then(([one]) => {
        got = one;
    });
    let renewals = 0;
    while (performance.now() - begin < 2 * lasts) {
        await queue.must('renewLock', lockToken);
        renewals += 1;
        assert.equal(got, undefined, `it was given away after ${renewals} renewals`);
        await new Promise((resolve) => {
            setTimeout(resolve, lasts / 12);
        });
    }
    await competitor; // it has expired after the last one
    assert.deepEqual([got.event.id, got.brokerProperties.deliveryCount], ['renewed', 2]);
    await queue.mustFail('renewLock', lockToken, 'TokenLost');
    await queue.must('acknowledge', got);
});

test('released: it comes after the delay, and every delivery counts', async () => {
    const queue = await topic.queue({ ...held, maxDeliveryCount: 10 });
    await topic.publishIds('counts');
    let { lockToken, deliveryCount } = await queue.take();
    for (const delay of [0, 10, 60, 0]) {
        const begin = performance.now();
        await queue.must('release', lockToken, `&releaseDelayInSeconds=${delay}`);
        const next = await queue.take();
        assert.equal(next.deliveryCount, deliveryCount + 1);
        const waited = performance.now() - begin;
        assert.ok(waited > delay * 1000 * SCALE * 0.8, `${waited} ms for ${delay} s`);
        ({ lockToken, deliveryCount } = next);
    }
    await queue.must('acknowledge', lockToken);
});

test('a receiver that has gone takes no event with it', async () => {
    const queue = await topic.queue(held);
    for (const process of [0, 1]) {
        const socket = await socketAt(server, process);
        const gone = queue.receive(1, { maxWaitTime: 120, at: socket });
        gone.catch(() => {});
        await queue.settle('renewLock', 'x'); // the other request has had its time to arrive
        socket.destroy();
        await topic.publishIds(`kept-${process}`);
        const { event, lockToken } = await queue.take();
        assert.equal(event.id, `kept-${process}`);
        await queue.must('acknowledge', lockToken);
    }
});

/* ---------------------------------------------------------------- receivers that compete */

/* Receives over a socket of its own until `enough`; seen counts each identifier. */
async function consume(queue, seen, process, enough) {
    const at = await socketAt(server, process);
    while (!enough()) {
        const some = await queue.receive(7, { at });
        idsOf(some).forEach((id) => seen.set(id, (seen.get(id) ?? 0) + 1));
        if (some.length) {
            await queue.must('acknowledge', some);
        }
    }
    at.destroy();
}

test('receivers at both processes share the events: each gets others', async () => {
    const queue = await topic.queue(held);
    const ids = Array.from({ length: 300 }, (_, index) => `share-${index}`);
    const seen = new Map();
    const enough = () => seen.size >= ids.length;
    const publishing = (async () => {
        for (let from = 0; from < ids.length; from += 30) {
            await topic.publishIds(...ids.slice(from, from + 30));
        }
    })();
    const consumers = [0, 1, 0, 1].map((process) => consume(queue, seen, process, enough));
    await publishing;
    await until('all events', enough);
    let left = consumers.length;
    consumers.forEach((consumer) => consumer.then(() => (left -= 1)));
    await until('all have ended', async () => {
        await topic.publishIds('end'); // for one that still waits
        return left === 0;
    });
    await Promise.all(consumers);
    for (const id of ids) {
        assert.equal(seen.get(id), 1, id);
    }
});

test('a lock that one process has given is known by the other', async () => {
    const queue = await topic.queue(held);
    for (const action of ['acknowledge', 'reject']) {
        for (const [one, other] of [
            [0, 1],
            [1, 0],
        ]) {
            await topic.publishIds('crossed');
            const [{ brokerProperties }] = await queue.receive(1, {
                at: await socketAt(server, one),
            });
            const { lockToken } = brokerProperties;
            for (const step of ['renewLock', action]) {
                const at = await socketAt(server, other);
                const answer = await queue.settle(step, lockToken, '', { at });
                assert.deepEqual(answer.succeededLockTokens, [lockToken]);
                at.destroy();
            }
            await queue.mustFail('acknowledge', lockToken, 'TokenLost');
        }
    }
});

/* ---------------------------------------------------------------- giving up (5.6) */

/* Dead letters of a subscription: [{ file, letter }]. */
function lettersOf(queue, container) {
    const root = path.join(server.folder, 'store/dead-letters', container);
    if (!fs.existsSync(root)) {
        return [];
    }
    return fs
        .readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
        .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
        .filter((file) => file.toLowerCase().includes(`/${queue.name.toLowerCase()}/`))
        .flatMap((file) =>
            JSON.parse(fs.readFileSync(file, 'utf8')).map((letter) => ({
                file: path.relative(root, file),
                letter,
            })),
        );
}

const untilLetters = (queue, container, count = 1) =>
    until(`${count} dead letters`, () => {
        const letters = lettersOf(queue, container);
        return letters.length >= count && letters;
    });

function checkFile(file, queue) {
    const now = new Date();
    const names = [namespace.name, queue.topic.name, queue.name].join('/');
    const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth() + 1, now.getUTCDate()];
    const expected = new RegExp(
        `^${names}/${year}/0?${month}/0?${day}/\\d{1,2}/[^/]+\\.json$`,
        'i',
    );
    assert.match(file, expected);
}

const properties = (letter) =>
    Object.fromEntries(
        Object.entries(letter.deadLetterProperties).map(([name, value]) => [
            name.toLowerCase(),
            value,
        ]),
    );

test('more than maxDeliveryCount: a dead letter that says so', async () => {
    const before = Date.now();
    const lone = await namespace.topic();
    const queue = await lone.queue({ ...held, maxDeliveryCount: 2, ...deadLetters('counted') });
    const sent = cloudEvent('dies', { mine: 5, data: { a: 1 }, time: '2031-01-02T03:04:05Z' });
    await lone.publish(sent);
    for (const deliveryCount of [1, 2]) {
        const taken = await queue.take();
        assert.equal(taken.deliveryCount, deliveryCount);
        await queue.must('release', taken);
    }
    const [{ file, letter }, ...others] = await untilLetters(queue, 'counted');
    assert.equal(others.length, 0);
    checkFile(file, queue);
    assert.deepEqual(letter.event, sent);
    const { deadletterreason, deliveryattempts, deliveryresult, ...times } = properties(letter);
    assert.equal(deadletterreason, 'Maximum delivery attempts was exceeded.');
    assert.equal(deliveryattempts, 2);
    assert.ok(deliveryresult);
    for (const name of ['publishutc', 'deliveryattemptutc']) {
        const at = Date.parse(times[name]);
        assert.ok(at >= before - 1000 && at <= Date.now() + 1000, `${name}: ${times[name]}`);
    }
    assert.ok(Date.parse(times.publishutc) <= Date.parse(times.deliveryattemptutc));
    staysEmpty(queue);
});

test('a lock that expires counts as much as a release', async () => {
    const queue = await topic.queue({ ...locked, maxDeliveryCount: 1, ...deadLetters('expired') });
    await topic.publishIds('forgotten');
    await queue.take();
    const [{ letter }] = await untilLetters(queue, 'expired');
    const { deadletterreason, deliveryattempts, deliveryresult } = properties(letter);
    assert.equal(deadletterreason, 'Maximum delivery attempts was exceeded.');
    assert.equal(deliveryattempts, 1);
    assert.equal(deliveryresult, 'Event was not acknowledged nor rejected.');
});

test('rejected: a dead letter at once', async () => {
    const queue = await topic.queue({ ...held, ...deadLetters('rejected') });
    await topic.publish([cloudEvent('no-1'), cloudEvent('no-2', { data_base64: 'AAE=' })]);
    await queue.must('reject', await queue.receiveAll(2));
    const letters = await untilLetters(queue, 'rejected', 2);
    const events = letters.map(({ letter }) => letter.event);
    assert.deepEqual(events.map(({ id }) => id).toSorted(), ['no-1', 'no-2']);
    assert.equal(events.find(({ id }) => id === 'no-2').data_base64, 'AAE=');
    for (const { letter } of letters) {
        const { deadletterreason, deliveryattempts } = properties(letter);
        assert.match(deadletterreason, /reject/i);
        assert.equal(deliveryattempts, 1);
    }
});

test('without a place for dead letters it is gone', async () => {
    const lone = await namespace.topic();
    const queue = await lone.queue({ ...held, maxDeliveryCount: 1 });
    await lone.publishIds('gone', 'gone');
    const [one, other] = await queue.receiveAll(2);
    await queue.must('release', one);
    await queue.must('reject', other);
    staysEmpty(queue);
});

test('what is locked or was given up has not come again', async () => {
    assert.deepEqual(await Promise.all(waits), [[], [], []]);
});

await run();
