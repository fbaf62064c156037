/* Streams: frame by frame, and with the stream API of the official client (spec/webpubsub.md 2.5).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { WebPubSubClient, WebPubSubJsonProtocol } from '@azure/web-pubsub-client';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_V1 } from './lib/peer.mjs';
import './lib/protobuf.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { deferred, within } from './lib/wait.mjs';

const server = await Server.start();

const open = (streamId, more) => ({
    type: 'sendToGroup',
    group: 'g',
    noEcho: true,
    stream: { streamId, ...more },
});
const data = (streamId, streamSequenceId, text) => ({
    type: 'streamData',
    streamId,
    streamSequenceId,
    dataType: 'text',
    data: text,
});
const end = (streamId, error) => ({ type: 'streamEnd', streamId, ...(error && { error }) });

let hubs = 0;
async function pair(protocol = JSON_V1, who = {}) {
    hubs += 1;
    const hub = `stream${hubs}`;
    const reader = await server.connect(hub, { protocol });
    await reader.join('g');
    const writer = await server.connect(hub, { protocol, user: 'ann', ...who });
    return { hub, reader, writer };
}

/* The streams' parts of a reader's messages. */
const parts = (reader) =>
    reader.frames
        .filter(({ stream }) => stream)
        .map(({ data: text, stream }) => [
            text,
            stream.streamSequenceId,
            stream.endOfStream ?? false,
        ]);

/* Until the writer has been told that `expected` comes next; acknowledgements may be batched, but
 * never run ahead. */
const acked = (writer, streamId, expected) =>
    writer.take((frame) => {
        if (frame.type === 'streamAck' && frame.streamId === streamId) {
            assert.ok(frame.expectedSequenceId <= expected, `acknowledged beyond ${expected}`);
            return frame.expectedSequenceId === expected;
        }
        return false;
    });

for (const protocol of [JSON_V1, JSON_RELIABLE, PROTOBUF_V1]) {
    test(`${protocol}: open, three fragments, end`, async () => {
        const { reader, writer } = await pair(protocol);
        writer.send(open('S1', { idleTimeoutMs: 60000 }));
        await acked(writer, 'S1', 1);
        for (const [index, text] of ['a', 'é', ''].entries()) {
            writer.send(data('S1', index + 1, text));
        }
        await acked(writer, 'S1', 4);
        writer.send({ type: 'streamData', streamId: 'S1' }); // keepalive
        writer.send(end('S1'));
        const closed = await writer.take({ type: 'streamClosed', streamId: 'S1' });
        assert.equal(closed.error, undefined);
        const last = await reader.take(({ stream }) => stream?.endOfStream);
        assert.deepEqual(
            [last.type, last.from, last.group, last.dataType, last.data],
            ['message', 'group', 'g', 'text', ''],
        );
        assert.equal(last.stream.error, undefined);
        assert.deepEqual(parts(reader), [
            ['a', 1, false],
            ['é', 2, false],
            ['', 3, false],
            ['', 4, true],
        ]);
        if (protocol === JSON_RELIABLE) {
            assert.deepEqual(
                reader.messages().map(({ sequenceId }) => sequenceId),
                [1, 2, 3, 4],
            );
        }
        reader.cut();
        writer.cut();
    });
}

test('a gap is answered by a nack and the stream goes on; what came already is left out', async () => {
    const { reader, writer } = await pair();
    writer.send(open('S'));
    await acked(writer, 'S', 1);
    writer.send(data('S', 1, 'a'));
    writer.send(data('S', 3, 'c'));
    const nack = await writer.take({ type: 'streamNack', streamId: 'S' });
    assert.equal(nack.expectedSequenceId, 2);
    assert.equal(nack.name, 'InvalidSequenceId');
    assert.equal(typeof nack.message, 'string');
    writer.send(data('S', 1, 'again'));
    writer.send(data('S', 2, 'b'));
    writer.send(data('S', 3, 'c'));
    await acked(writer, 'S', 4);
    writer.send(end('S'));
    await reader.take(({ stream }) => stream?.endOfStream);
    assert.deepEqual(parts(reader), [
        ['a', 1, false],
        ['b', 2, false],
        ['c', 3, false],
        ['', 4, true],
    ]);
    reader.cut();
    writer.cut();
});

test('an end with an error', async () => {
    const { reader, writer } = await pair();
    writer.send(open('S'));
    await acked(writer, 'S', 1);
    writer.send(end('S', { message: 'out of paper', userErrorCode: 'E7' }));
    const { stream } = await reader.take(({ stream: info }) => info?.endOfStream);
    assert.deepEqual(stream, {
        streamId: 'S',
        streamSequenceId: 1,
        endOfStream: true,
        error: { name: 'UserError', message: 'out of paper', userErrorCode: 'E7' },
    });
    assert.equal((await writer.take({ type: 'streamClosed' })).error, undefined);
    reader.cut();
    writer.cut();
});

test('what is refused', async () => {
    const { writer } = await pair(JSON_V1, { roles: [] });
    const name = async (request, streamId) => {
        writer.send(request);
        return (await writer.take({ type: 'streamClosed', streamId })).error.name;
    };
    assert.equal(await name(open('S'), 'S'), 'Forbidden');
    assert.equal(await name(data('T', 1, 'a'), 'T'), 'StreamNotFound');
    assert.equal(await name(end('U'), 'U'), 'StreamNotFound');
    writer.cut();
    const other = await pair();
    other.writer.send(open('S', { idleTimeoutMs: 0 }));
    assert.equal((await other.writer.take({ type: 'streamClosed' })).error.name, 'BadRequest');
    other.writer.cut();
    other.reader.cut();
});

test('a stream that is idle ends for both', async () => {
    const { reader, writer } = await pair();
    writer.send(open('S', { idleTimeoutMs: 300 }));
    await acked(writer, 'S', 1);
    writer.send(data('S', 1, 'a'));
    const { error } = await writer.take({ type: 'streamClosed', streamId: 'S' });
    assert.equal(error.name, 'IdleTimeout');
    const { stream } = await reader.take(({ stream: info }) => info?.endOfStream);
    assert.equal(stream.error.name, 'IdleTimeout');
    writer.send(data('S', 2, 'b'));
    assert.equal((await writer.take({ type: 'streamClosed' })).error.name, 'StreamNotFound');
    reader.cut();
    writer.cut();
});

test('a stream whose writer is gone ends with an error', async () => {
    const { reader, writer } = await pair();
    writer.send(open('S'));
    await acked(writer, 'S', 1);
    await writer.close(1000);
    const { stream } = await reader.take(({ stream: info }) => info?.endOfStream);
    assert.ok(stream.error.name);
    reader.cut();
});

test('noEcho and echo of a stream', async () => {
    const { writer } = await pair();
    await writer.join('g');
    writer.send(open('quiet'));
    await acked(writer, 'quiet', 1);
    writer.send(data('quiet', 1, 'not for me'));
    writer.send({ ...open('loud'), noEcho: false });
    await acked(writer, 'loud', 1);
    writer.send(data('loud', 1, 'for me'));
    assert.equal((await writer.take({ type: 'message' })).data, 'for me');
    writer.cut();
});

test('a stream goes on after a recovery', async () => {
    const { reader, writer } = await pair(JSON_RELIABLE);
    writer.send(open('S'));
    await acked(writer, 'S', 1);
    writer.send(data('S', 1, 'a'));
    await acked(writer, 'S', 2);
    writer.cut();
    const again = await writer.recover();
    again.send(data('S', 2, 'b'));
    await acked(again, 'S', 3);
    again.send(end('S'));
    await reader.take(({ stream }) => stream?.endOfStream);
    assert.deepEqual(parts(reader), [
        ['a', 1, false],
        ['b', 2, false],
        ['', 3, true],
    ]);
    again.close();
    reader.cut();
});

/* ---------------------------------------------------------------- the official client */

async function officialClient(hub, options) {
    const client = new WebPubSubClient(
        { getClientAccessUrl: async () => server.url(hub, { user: 'ann' }) },
        options,
    );
    await client.start();
    return client;
}

/* All that is written to a stream, as it arrives. */
function collect(client) {
    const result = deferred();
    client.onGroupStream(
        async (stream) => {
            const texts = [];
            try {
                for await (const message of stream) {
                    texts.push(message.data);
                }
                result.resolve({ streamId: stream.streamId, texts });
            } catch (error) {
                result.resolve({ streamId: stream.streamId, texts, error });
            }
        },
        { handleFromStart: true },
    );
    return result.promise;
}

for (const [name, options] of [
    ['reliable', undefined],
    ['plain', { protocol: WebPubSubJsonProtocol() }],
]) {
    test(`the official client writes and reads a stream (${name})`, async () => {
        const hub = `official${name}`;
        const reader = await officialClient(hub, options);
        await reader.joinGroup('g');
        const writer = await officialClient(hub, options);
        const read = collect(reader);
        const stream = await writer.openGroupStream('g', { idleTimeoutInMs: 60_000 });
        const texts = Array.from({ length: 300 }, (_, index) => `fragment ${index}`);
        for (const text of texts) {
            await stream.write(text, 'text');
        }
        await stream.end();
        const { streamId, texts: got, error } = await within(() => 'the stream', read);
        assert.equal(error, undefined);
        assert.equal(streamId, stream.streamId);
        assert.deepEqual(got, texts);
        writer.stop();
        reader.stop();
    });
}

test('the official client aborts a stream', async () => {
    const reader = await officialClient('abort');
    await reader.joinGroup('g');
    const writer = await officialClient('abort');
    const read = collect(reader);
    const stream = await writer.openGroupStream('g');
    await stream.write({ a: 1 }, 'json');
    await stream.abort({ message: 'no more', userErrorCode: 'E1' });
    const { texts, error } = await within(() => 'the stream', read);
    assert.deepEqual(texts, [{ a: 1 }]);
    assert.equal(error.name, 'UserError');
    writer.stop();
    reader.stop();
});

await run();
