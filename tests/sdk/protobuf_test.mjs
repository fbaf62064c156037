/* The protobuf subprotocols with a client of our own, generated from lib/webpubsub.proto
 * (spec/webpubsub.md 3). What the other tests do with both codecs is not repeated here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { PROTOBUF_RELIABLE, PROTOBUF_V1, Peer } from './lib/peer.mjs';
import { anyOf } from './lib/protobuf.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';

const server = await Server.start();
const MESSAGE_MAXIMUM = 1 << 20;

let hubs = 0;
async function member(protocol = PROTOBUF_V1, who = {}) {
    hubs += 1;
    const peer = await server.connect(`protobuf${hubs}`, { user: 'ann', protocol, ...who });
    peer.hub = `protobuf${hubs}`;
    await peer.join('g');
    return peer;
}

/* A field of a protobuf message by hand: number, wire type 2, bytes. */
const field = (number, bytes) =>
    Buffer.from([(number << 3) | 2, bytes.length, ...Buffer.from(bytes)]);

test('connected, with a token on the reliable one only', async () => {
    const plain = await member();
    const reliable = await member(PROTOBUF_RELIABLE);
    assert.equal(plain.connected.userId, 'ann');
    assert.equal(plain.connected.reconnectionToken, undefined);
    assert.ok(reliable.connected.reconnectionToken);
    plain.cut();
    reliable.cut();
});

test('bytes that were written by hand from the tables of the specification', async () => {
    const peer = await server.connect('hand', { protocol: PROTOBUF_V1 });
    const ask = (request) =>
        new Promise((resolve) => {
            peer.socket.once('message', (data) => resolve(data.toString('hex')));
            peer.sendRaw(request);
        });
    /* join g, ackId 300 */
    assert.equal(await ask(field(6, [...field(1, 'g'), 0x10, 0xac, 0x02])), '0a0508ac021001');
    /* ping */
    assert.equal(await ask(Buffer.from([0x4a, 0])), '2200');
    /* send binary 01 02 to g, no ackId; the echo: from, group, data */
    assert.equal(
        await ask(field(1, [...field(1, 'g'), ...field(3, field(2, [1, 2]))])),
        field(2, [...field(1, 'group'), ...field(2, 'g'), ...field(3, field(2, [1, 2]))]).toString(
            'hex',
        ),
    );
    peer.cut();
});

test('every request with and without ackId', async () => {
    const peer = await member();
    const requests = [
        { type: 'joinGroup', group: 'h' },
        { type: 'leaveGroup', group: 'h' },
        { type: 'sendToGroup', group: 'h', data: { a: 1 } },
        { type: 'setGroupState', group: 'g', state: { k: 'v' } },
        { type: 'setGroupState', group: 'g' },
        { type: 'subscribeGroupState', group: 'g' },
        { type: 'unsubscribeGroupState', group: 'g' },
    ];
    for (const request of requests) {
        await peer.must(request);
        peer.send(request);
    }
    await peer.fails('InternalServerError', { type: 'event', event: 'e', data: 1 });
    peer.send({ type: 'event', event: 'e', data: 1 });
    peer.send({ type: 'invoke', invocationId: 'i', event: 'e', data: 1 });
    assert.equal((await peer.take({ type: 'invokeResponse', invocationId: 'i' })).success, false);
    peer.send({ type: 'cancelInvocation', invocationId: 'i' });
    peer.send({ type: 'sequenceAck', sequenceId: 1 });
    await peer.ping();
    peer.cut();
});

test('ackId 0 is an ackId, and duplicates are told', async () => {
    const peer = await member();
    await peer.must({ type: 'joinGroup', group: 'h', ackId: 0 });
    await peer.fails('Duplicate', { type: 'joinGroup', group: 'h', ackId: 0 });
    peer.cut();
});

test('noEcho, metadata, and a sender that is no member', async () => {
    const one = await member();
    const two = await server.connect(one.hub, { protocol: PROTOBUF_V1 });
    await one.must({ type: 'sendToGroup', group: 'g', data: 1, noEcho: true });
    await two.must({
        type: 'sendToGroup',
        group: 'g',
        data: 2,
        metadata: { k: 'v' },
        noEcho: true,
    });
    const { metadata } = await one.take({ type: 'message', data: 2 });
    assert.deepEqual(metadata, { k: 'v' });
    assert.deepEqual(one.data(), [2]);
    one.cut();
    two.cut();
});

test('all types of data come back as they went', async () => {
    const peer = await member();
    const any = anyOf('type.googleapis.com/google.protobuf.StringValue', [0x0a, 1, 0x78]);
    for (const [dataType, data] of [
        ['text', 'é\0'],
        ['text', ''],
        ['json', [1, 'é']],
        ['binary', 'AP8='],
        ['binary', ''],
        ['protobuf', any],
        ['protobuf', ''],
    ]) {
        await peer.must({ type: 'sendToGroup', group: 'g', dataType, data });
        const message = await peer.take({ type: 'message' });
        assert.deepEqual([message.dataType, message.data], [dataType, data]);
    }
    peer.cut();
});

test('what is refused', async () => {
    const peer = await server.connect('refused', { protocol: PROTOBUF_V1, roles: [] });
    await peer.fails('Forbidden', { type: 'joinGroup', group: 'g' });
    await peer.fails('Forbidden', { type: 'sendToGroup', group: 'g', data: 1 });
    peer.cut();
    const other = await member();
    await other.fails('BadRequest', { type: 'sendToGroup', group: 'g', data: 1, ttlSeconds: 301 });
    await other.fails('BadRequest', { type: 'joinGroup', group: ' ' });
    other.cut();
});

test('what cannot be read closes with 1007', async () => {
    const requests = {
        nothing: Buffer.alloc(0),
        'a length beyond the end': Buffer.from([0x0a, 0x7f]),
        'a varint without an end': Buffer.alloc(11, 0xff),
        'a group that is not UTF-8': field(6, field(1, [0xff])),
        'text that is not UTF-8': field(1, [...field(1, 'g'), ...field(3, field(1, [0xc0, 0x80]))]),
        'JSON that is none': field(1, [...field(1, 'g'), ...field(3, field(4, '{'))]),
        'no data': field(1, field(1, 'g')),
        'an unknown request': field(12, []),
    };
    for (const [name, request] of Object.entries(requests)) {
        const peer = await server.connect('bad', { protocol: PROTOBUF_V1 });
        peer.sendRaw(request);
        assert.equal((await peer.closed).code, 1007, name);
    }
});

test('unknown fields are left out of account', async () => {
    const peer = await server.connect('more', { protocol: PROTOBUF_V1 });
    peer.sendRaw(field(6, [...field(1, 'g'), 0x10, 1, ...field(9, 'new')]));
    assert.equal((await peer.take({ type: 'ack', ackId: 1 })).success, true);
    peer.cut();
});

test('a text frame closes with 1003, one byte beyond 1 MiB with 1009', async () => {
    const text = await server.connect('bad', { protocol: PROTOBUF_V1 });
    text.sendRaw('x');
    assert.equal((await text.closed).code, 1003);
    const large = await server.connect('bad', { protocol: PROTOBUF_V1 });
    large.sendRaw(Buffer.alloc(MESSAGE_MAXIMUM + 1));
    assert.equal((await large.closed).code, 1009);
});

test('a large message', async () => {
    const peer = await member();
    const data = Buffer.alloc(MESSAGE_MAXIMUM - 100, 9).toString('base64');
    await peer.must({ type: 'sendToGroup', group: 'g', dataType: 'binary', data });
    assert.equal((await peer.take({ type: 'message' })).data, data);
    peer.cut();
});

test('an anonymous connection names no user', async () => {
    const peer = await Peer.open(server.url('anonymous', {}), PROTOBUF_V1);
    assert.equal((await peer.take({ event: 'connected' })).userId ?? '', '');
    peer.cut();
});

await run();
