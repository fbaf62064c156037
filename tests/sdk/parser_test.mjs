/* The official client's parser accepts every frame that the JSON codec writes, and finds in it what
 * was sent: one frame that it throws on ends a Node program, one that it drops is a lost message
 * (spec/webpubsub.md 2.2). The frames come from json_frames.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { WebPubSubJsonProtocol, WebPubSubJsonReliableProtocol } from '@azure/web-pubsub-client';

const here = path.dirname(new URL(import.meta.url).pathname);
const BIN = process.env.BIN ?? path.resolve(here, '../../build/dev/bin');
const PAYLOADS = 3000;
const JSON_TYPE = 0, TEXT = 1, BINARY = 2, PROTOBUF = 3;

/* The text of bytes that are UTF-8; undefined if they are not. */
function textOf(bytes) {
    try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
        return undefined;
    }
}

/* What a receiver must find for the payload, by the rules for what is not what it says. */
function expected(type, payload) {
    const text = textOf(payload);
    if (type === PROTOBUF || type === BINARY || text === undefined) {
        return { dataType: type === PROTOBUF ? 'protobuf' : 'binary', data: payload };
    }
    if (type === JSON_TYPE) {
        try {
            const data = JSON.parse(text);
            if (data !== null) {
                return { dataType: 'json', data };
            }
        } catch { /* goes as text */ }
    }
    return { dataType: 'text', data: text };
}

function checkData(message, { type, payload }) {
    const wanted = expected(type, payload);
    assert.equal(message.dataType, wanted.dataType);
    if (message.data instanceof ArrayBuffer) {
        assert.deepEqual(Buffer.from(message.data), wanted.data);
    } else {
        assert.deepStrictEqual(message.data, wanted.data);
    }
}

/* A name that was UTF-8 is the same; any other is at least a string. */
function checkName(name, { payload }) {
    assert.equal(typeof name, 'string');
    const text = textOf(payload);
    if (text !== undefined) {
        assert.equal(name, text);
    }
}

function checkError(error, record) {
    checkName(error.name, record);
    checkName(error.message, record);
}

function checkGroupMessage(message, record) {
    checkData(message, record);
    checkName(message.group, record);
    if (record.payload.length > 0) {
        checkName(message.fromUserId, record);
    }
    assert.equal(Object.keys(message.metadata).length, 1);
}

function checkState(message, record) {
    checkName(message.group, record);
    checkName(message.items[0].connectionId, record);
    assert.equal(message.items[0].updatedAt, 1795467965000);
    assert.equal(Object.keys(message.items[0].state).length, 1);
}

/* A call whose answer is JSON null ends without data. */
function checkInvokeSuccess(message, record) {
    checkName(message.invocationId, record);
    assert.strictEqual(message.success, true);
    if (record.type === JSON_TYPE && textOf(record.payload)?.trim() === 'null') {
        assert.equal(message.dataType, undefined);
    } else {
        checkData(message, record);
    }
}

/* In the order of enum kind in json_frames.c: what the parser calls it, and what it must hold. */
const kinds = [
    ['connected', (message, record) => checkName(message.connectionId, record)],
    ['disconnected', (message, record) => checkName(message.message, record)],
    ['ack', (message, record) => {
        assert.strictEqual(message.success, false);
        checkError(message.error, record);
    }],
    ['pong', () => {}],
    ['groupData', checkGroupMessage],
    ['serverData', (message, record) => {
        checkData(message, record);
        assert.equal(message.fromUserId, undefined);
    }],
    ['groupData', (message, record) => {
        checkGroupMessage(message, record);
        checkName(message.stream.streamId, record);
        assert.strictEqual(message.stream.endOfStream, true);
        checkError(message.stream.error, record);
    }],
    ['invokeResponse', checkInvokeSuccess],
    ['invokeResponse', (message, record) => {
        assert.strictEqual(message.success, false);
        checkError(message.error, record);
    }],
    ['streamAck', (message, record) => {
        checkName(message.streamId, record);
        assert.equal(typeof message.expectedSequenceId, 'number');
    }],
    ['streamNack', (message, record) => {
        checkError(message, record);
        assert.equal(typeof message.expectedSequenceId, 'number');
    }],
    ['streamClosed', (message, record) => checkError(message.error, record)],
    ['groupStateSnapshot', checkState],
    ['groupStateUpdate', checkState],
];

function* records(bytes) {
    for (let at = 0; at < bytes.length;) {
        const number = (index) => bytes.readUInt32BE(at + 4 * index);
        const payloadAt = at + 20, frameAt = payloadAt + number(3), end = frameAt + number(4);
        yield {
            kind: number(0),
            type: number(1),
            sequenceId: number(2),
            payload: bytes.subarray(payloadAt, frameAt),
            frame: bytes.subarray(frameAt, end),
        };
        at = end;
    }
}

function check(protocol, record) {
    const [name, checkMessage] = kinds[record.kind];
    const text = textOf(record.frame);
    assert.notEqual(text, undefined, 'the frame is not UTF-8');
    const message = protocol.parseMessages(text);
    assert.ok(message, 'dropped');
    assert.equal(message.kind, name);
    assert.equal(message.sequenceId, record.sequenceId === 0 ? undefined : record.sequenceId);
    checkMessage(message, record);
}

const made = spawnSync(path.join(BIN, 'json_frames'), [PAYLOADS], { maxBuffer: 1 << 30 });
if (made.status !== 0) {
    process.stderr.write(made.stderr ?? `${made.error}`);
    process.exit(1);
}
const protocols = [WebPubSubJsonReliableProtocol(), WebPubSubJsonProtocol()];
const counts = kinds.map(() => ({ good: 0, bad: 0 }));
for (const record of records(made.stdout)) {
    try {
        protocols.forEach((protocol) => check(protocol, record));
        counts[record.kind].good += 1;
    } catch (error) {
        counts[record.kind].bad += 1;
        console.log(`${record.frame.toString('latin1').slice(0, 300)}\n    ${error.message}`);
    }
}
counts.forEach(({ good, bad }, kind) => {
    const verdict = bad === 0 && good === PAYLOADS ? 'ok' : 'not ok';
    console.log(`${verdict} ${kinds[kind][0]} (${good} good frames, ${bad} bad ones)`);
});
const passed = counts.filter(({ good, bad }) => bad === 0 && good === PAYLOADS).length;
console.log(`${passed} passed, ${kinds.length - passed} failed`);
process.exit(passed < kinds.length ? 1 : 0);
