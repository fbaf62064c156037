/* A browser that does not read: its backlog is bounded, nobody else is delayed, and it is closed
 * with 1008 when the bound is passed (spec/webpubsub.md 1.6).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_V1 } from './lib/peer.mjs';
import './lib/protobuf.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';

const MESSAGES = 500; // that may wait
const server = await Server.start({
    bridge: { processes: 1 }, // the slow one and the others share it
    hubs: [
        { name: 'slow', queue_messages_maximum: MESSAGES, reliable_messages_maximum: MESSAGES },
        { name: 'patient', queue_messages_maximum: 100_000, queue_bytes_maximum: '256MiB' },
    ],
});
const LONG = 'x'.repeat(4096);
const DELAY_MAXIMUM = 2000; // ms that a message may take to the others, on a busy machine; 99 of 100

const stopReading = (peer) => peer.socket._socket.pause();
const goOn = (peer) => peer.socket._socket.resume();

/* Sends until the kernel's buffers and the bound are certainly full, one after the other, and sees
 * each arrive at `reader`. */
async function flood(sender, reader, count) {
    const took = [];
    for (let number = 1; number <= count; number += 1) {
        const begin = performance.now();
        await sender.must({ type: 'sendToGroup', group: 'g', data: { number, text: LONG } });
        const { data } = await reader.take({ type: 'message' });
        assert.equal(data.number, number);
        took.push(performance.now() - begin);
    }
    const slow = took.toSorted((a, b) => a - b).at(Math.floor(count * 0.99));
    assert.ok(slow < DELAY_MAXIMUM, `one of a hundred messages took ${slow} ms`);
}

for (const protocol of [JSON_V1, PROTOBUF_V1, JSON_RELIABLE]) {
    test(`${protocol}: closed with 1008, the others are not delayed`, async () => {
        const slow = await server.connect('slow', { protocol });
        const reader = await server.connect('slow');
        const sender = await server.connect('slow');
        await slow.join('g');
        await reader.join('g');
        stopReading(slow);
        await flood(sender, reader, 4000);
        goOn(slow);
        assert.equal((await slow.closed).code, 1008);
        const numbers = slow.messages().map(({ data }) => data.number);
        assert.deepEqual(
            numbers,
            [...numbers.keys()].map((index) => index + 1),
            'in order, without a gap',
        );
        assert.ok(numbers.length < 4000);
        reader.cut();
        sender.cut();
    });
}

test('a plain client that does not read is closed with 1008 too', async () => {
    const slow = await server.connectRaw('slow', '', { groups: 'g' });
    const reader = await server.connect('slow', { groups: 'g' });
    stopReading(slow);
    await flood(reader, reader, 4000);
    goOn(slow);
    assert.equal((await slow.closed).code, 1008);
    reader.cut();
});

test('who is slow within the bounds gets everything', async () => {
    const slow = await server.connect('patient');
    const reader = await server.connect('patient');
    await slow.join('g');
    await reader.join('g');
    stopReading(slow);
    await flood(reader, reader, 3000);
    goOn(slow);
    await slow.take(({ data }) => data?.number === 3000);
    assert.deepEqual(
        slow.messages().map(({ data }) => data.number),
        [...Array(3000).keys()].map((i) => i + 1),
    );
    await slow.ping();
    slow.cut();
    reader.cut();
});

await run();
