/* Plain WebSocket in both modes (spec/webpubsub.md 1.5).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { PROTOBUF_V1 } from './lib/peer.mjs';
import { anyOf } from './lib/protobuf.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';

const server = await Server.start();
const MESSAGE_MAXIMUM = 1 << 20;
const toGroup = '&webpubsub_mode=sendToGroup&group=g';

test('every message goes to the group, as text or binary', async () => {
    const member = await server.connect('send');
    await member.join('g');
    const raw = await server.connectRaw('send', toGroup, { user: 'ann' });
    raw.sendRaw('hé');
    raw.sendRaw(Buffer.from([0, 255]));
    raw.sendRaw('');
    raw.sendRaw('{"type":"ping"}');
    await member.take({ data: '{"type":"ping"}' });
    const common = { type: 'message', from: 'group', group: 'g', fromUserId: 'ann' };
    assert.deepEqual(member.messages(), [
        { ...common, dataType: 'text', data: 'hé' },
        { ...common, dataType: 'binary', data: 'AP8=' },
        { ...common, dataType: 'text', data: '' },
        { ...common, dataType: 'text', data: '{"type":"ping"}' },
    ]);
    assert.deepEqual(raw.frames, []); // sending does not join
    raw.cut();
    member.cut();
});

test('what comes is the payload and nothing else', async () => {
    const raw = await server.connectRaw('get', '', { groups: ['g'] });
    const sender = await server.connect('get');
    const protobuf = await server.connect('get', { protocol: PROTOBUF_V1 });
    const any = anyOf('type.googleapis.com/x', [1, 2, 3]);
    for (const peer of [sender, protobuf]) {
        for (const [dataType, data] of [
            ['text', 'é'],
            ['json', { a: [1] }],
            ['binary', 'AP8='],
            ['protobuf', any],
        ]) {
            await peer.must({ type: 'sendToGroup', group: 'g', dataType, data });
        }
    }
    await sender.must({ type: 'sendToGroup', group: 'g', dataType: 'text', data: 'end' });
    await raw.take({ text: 'end' });
    const frames = [
        { text: 'é' },
        { text: '{"a":[1]}' },
        { binary: Buffer.from([0, 255]) },
        { binary: Buffer.from(any, 'base64') },
    ];
    assert.deepEqual(raw.frames, [...frames, ...frames, { text: 'end' }]);
    raw.cut();
    sender.cut();
    protobuf.cut();
});

test('noEcho', async () => {
    for (const [query, expected] of [
        ['', ['1', '2']],
        ['&noEcho=true', ['2']],
        ['&noEcho=false', ['1', '2']],
    ]) {
        const raw = await server.connectRaw('echo', toGroup + query, { groups: 'g' });
        const sender = await server.connect('echo');
        await sender.join('g');
        raw.sendRaw('1');
        await sender.take({ type: 'message', data: '1' });
        await sender.must({ type: 'sendToGroup', group: 'g', dataType: 'text', data: '2' });
        await raw.take({ text: '2' });
        assert.deepEqual(
            raw.frames.map(({ text }) => text),
            expected,
            query,
        );
        raw.cut();
        sender.cut();
    }
});

test('without the right to publish the first message closes with 1008', async () => {
    const raw = await server.connectRaw('rights', toGroup, { roles: ['webpubsub.joinLeaveGroup'] });
    raw.sendRaw('x');
    assert.equal((await raw.closed).code, 1008);
    const other = await server.connectRaw('rights', toGroup, {
        roles: ['webpubsub.sendToGroup.g'],
    });
    const member = await server.connect('rights');
    await member.join('g');
    other.sendRaw('y');
    assert.equal((await member.take({ type: 'message' })).data, 'y');
    other.cut();
    member.cut();
});

test('an event without a handler closes with 1011, also if it reads ping', async () => {
    for (const [query, message] of [
        ['', 'x'],
        ['&webpubsub_mode=sendEvent', 'ping'],
        ['', Buffer.from([1])],
    ]) {
        const raw = await server.connectRaw('event', query);
        raw.sendRaw(message);
        assert.equal((await raw.closed).code, 1011);
        assert.deepEqual(raw.frames, []);
    }
});

test('a message of 1 MiB passes, one byte more closes with 1009', async () => {
    const member = await server.connect('large');
    await member.join('g');
    const raw = await server.connectRaw('large', toGroup);
    raw.sendRaw(Buffer.alloc(MESSAGE_MAXIMUM, 7));
    const { data } = await member.take({ type: 'message' });
    assert.equal(Buffer.from(data, 'base64').compare(Buffer.alloc(MESSAGE_MAXIMUM, 7)), 0);
    raw.sendRaw(Buffer.alloc(MESSAGE_MAXIMUM + 1, 7));
    assert.equal((await raw.closed).code, 1009);
    member.cut();
});

test('text that is not UTF-8 closes with 1007', async () => {
    const raw = await server.connectRaw('utf8', toGroup);
    raw.socket._sender.sendFrame([
        Buffer.from([0x81, 0x82, 0, 0, 0, 0]),
        Buffer.from([0xc3, 0x28]),
    ]);
    assert.equal((await raw.closed).code, 1007);
});

test('a client with a subprotocol of its own is plain when nobody chose that', async () => {
    const raw = await server.connectRaw('custom', toGroup);
    assert.equal(raw.socket.protocol, '');
    assert.equal((await raw.close(1000)).code, 1000);
});

await run();
