/* json.webpubsub.azure.v1, frame by frame (spec/webpubsub.md 2.1 to 2.4, 1.3, 1.6).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { JSON_V1, Peer } from './lib/peer.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { upgrade } from './lib/upgrade.mjs';

const server = await Server.start();
const MESSAGE_MAXIMUM = 1 << 20;

/* A client that is in group g of a hub of its own. */
let hubs = 0;
async function member(who) {
    hubs += 1;
    const peer = await server.connect(`json${hubs}`, { user: 'ann', ...who });
    peer.hub = `json${hubs}`;
    await peer.join('g');
    return peer;
}

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
    await peer.must({ type: 'leaveGroup', group: 'g' });
    const acks = peer.frames.filter(({ type }) => type === 'ack');
    assert.equal(acks.length, requests.length + 3); // and for event, joining and leaving g
    peer.cut();
});

test('acknowledgements come in the order of the requests', async () => {
    const peer = await member();
    const kinds = [
        { type: 'joinGroup', group: 'h' },
        { type: 'sendToGroup', group: 'g', data: 1 },
        { type: 'leaveGroup', group: 'h' },
        { type: 'sendToGroup', group: 'h', data: 1 },
    ];
    const ids = [...Array(400).keys()].map((index) => index + 1000);
    for (const ackId of ids) {
        peer.send({ ...kinds[ackId % kinds.length], ackId });
    }
    await peer.take({ type: 'ack', ackId: ids.at(-1) });
    assert.deepEqual(
        peer.frames.filter(({ ackId }) => ackId >= 1000).map(({ ackId }) => ackId),
        ids,
    );
    peer.cut();
});

test('an ackId that was carried out is a duplicate, one that failed is not', async () => {
    const peer = await member({ roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup.g'] });
    const request = { type: 'sendToGroup', group: 'g', data: 1, ackId: 77 };
    await peer.must(request);
    const again = await peer.request(request);
    assert.equal(again.success, false);
    assert.equal(again.error.name, 'Duplicate');
    assert.match(again.error.message, /77/);
    await peer.fails('Forbidden', { type: 'sendToGroup', group: 'h', data: 1, ackId: 78 });
    await peer.must({ type: 'sendToGroup', group: 'g', data: 2, ackId: 78 });
    await peer.fails('Duplicate', { type: 'leaveGroup', group: 'g', ackId: 78 });
    await peer.must({ type: 'joinGroup', group: 'h', ackId: 79 });
    await peer.fails('Duplicate', { type: 'joinGroup', group: 'h', ackId: 79 });
    await peer.drain();
    assert.deepEqual(peer.data(), [1, 2]);
    peer.cut();
});

test('ackIds of 64 bits, and 0', async () => {
    const peer = await member();
    peer.sendRaw('{"type":"joinGroup","group":"h","ackId":18446744073709551615}');
    const [raw] = await new Promise((resolve) => {
        peer.socket.once('message', (data) => resolve([data]));
    });
    assert.match(raw.toString(), /"ackId":18446744073709551615[,}]/);
    await peer.must({ type: 'joinGroup', group: 'h', ackId: 0 });
    peer.cut();
});

test('joining twice, leaving where one is not, and sending to nobody succeed', async () => {
    const peer = await member();
    await peer.join('g');
    await peer.must({ type: 'leaveGroup', group: 'never' });
    await peer.must({ type: 'sendToGroup', group: 'nobody', data: 1 });
    await peer.must({ type: 'sendToGroup', group: 'g', data: 1 });
    await peer.drain();
    assert.deepEqual(peer.data(), [1]);
    peer.cut();
});

test('who leaves gets no more', async () => {
    const peer = await member();
    await peer.must({ type: 'leaveGroup', group: 'g' });
    await peer.must({ type: 'sendToGroup', group: 'g', data: 1 });
    await peer.join('g');
    await peer.must({ type: 'sendToGroup', group: 'g', data: 2 });
    assert.equal((await peer.take({ type: 'message' })).data, 2);
    peer.cut();
});

test('noEcho, and a sender that is no member', async () => {
    const one = await member();
    const two = await server.connect(one.hub, { user: 'bo' });
    await one.must({ type: 'sendToGroup', group: 'g', data: 1, noEcho: true });
    await one.must({ type: 'sendToGroup', group: 'g', data: 2, noEcho: false });
    await two.must({ type: 'sendToGroup', group: 'g', data: 3, noEcho: true });
    await one.take({ type: 'message', data: 3 });
    assert.deepEqual(
        one.messages().map(({ data, fromUserId }) => [data, fromUserId]),
        [
            [2, 'ann'],
            [3, 'bo'],
        ],
    );
    await two.ping();
    assert.deepEqual(two.messages(), []); // it is no member
    one.cut();
    two.cut();
});

test('a message as it should look', async () => {
    const peer = await member();
    const nobody = await server.connect(peer.hub);
    await peer.must({ type: 'sendToGroup', group: 'g', data: { a: 1 }, metadata: { k: 'v' } });
    assert.deepEqual(await peer.take({ type: 'message' }), {
        type: 'message',
        from: 'group',
        group: 'g',
        dataType: 'json',
        data: { a: 1 },
        fromUserId: 'ann',
        metadata: { k: 'v' },
    });
    await nobody.must({ type: 'sendToGroup', group: 'g', dataType: 'text', data: '' });
    assert.deepEqual(await peer.take({ type: 'message' }), {
        type: 'message',
        from: 'group',
        group: 'g',
        dataType: 'text',
        data: '',
    });
    peer.cut();
    nobody.cut();
});

test('JSON is passed on byte for byte', async () => {
    const peer = await member();
    const values = [
        '12345678901234567890',
        '1.10',
        '1e400',
        '-0',
        '0.1000000000000000055511151231257827',
        '0',
        'false',
        'true',
        '""',
        '"\\u00e9\\ud83d\\ude00\\/"',
        '"é😀"',
        '[]',
        '{}',
        '{"b":1,"a":2,"b":3}',
        '{"a":[{"b":[[[[]]]]}]}',
        '"\\u0000"',
        '"\\\\\\""',
    ];
    for (const value of values) {
        const message = new Promise((resolve) => {
            peer.socket.on('message', (data) => /"message"/.test(data) && resolve(data.toString()));
        });
        peer.sendRaw(`{"data":${value},"type":"sendToGroup","group":"g"}`);
        const text = await message;
        peer.socket.removeAllListeners('message');
        assert.ok(text.includes(`"data":${value}`), `${value} in ${text}`);
        JSON.parse(text);
    }
    peer.cut();
});

test('type in any case, unknown properties, white space', async () => {
    const peer = await member();
    peer.sendRaw(
        ' {\n"new" : [ { } ] , "TYPE":"x", "type" :\t"SENDTOGROUP","group":"\\u0067","ackId": 5,"data" : [ 1 ] }\r\n',
    );
    assert.equal((await peer.take({ type: 'ack', ackId: 5 })).success, true);
    assert.deepEqual((await peer.take({ type: 'message' })).data, [1]);
    peer.cut();
});

test('ping is answered by pong, and nothing else comes', async () => {
    const peer = await member();
    for (let round = 0; round < 5; round += 1) {
        await peer.ping();
    }
    assert.equal(peer.frames.filter(({ type }) => type === 'pong').length, 5);
    peer.cut();
});

test('roles for one group, and patterns with their escapes', async () => {
    const rows = [
        ['webpubsub.joinLeaveGroup.a', ['a'], ['b', 'a.b', 'A', 'aa']],
        ['webpubsub.joinLeaveGroup.a.b', ['a.b'], ['a', 'b']],
        ['webpubsub.joinLeaveGroup.*', ['*'], ['a']],
        ['webpubsub.joinLeaveGroups.a?c', ['abc', 'aéc'], ['ac', 'a.c', 'abbc']],
        ['webpubsub.joinLeaveGroups.a.*', ['a.', 'a.b'], ['a', 'a.b.c']],
        ['webpubsub.joinLeaveGroups.**.z', ['.z', 'a.z', 'a.b.z'], ['z', 'a.b']],
        ['webpubsub.joinLeaveGroups.a\\*\\?\\\\', ['a*?\\'], ['abc']],
        ['webpubsub.joinleavegroup', [], ['a']],
    ];
    for (const [role, good, bad] of rows) {
        const peer = await server.connect('roles', { roles: [role] });
        for (const group of good) {
            await peer.join(group);
            await peer.must({ type: 'leaveGroup', group });
        }
        for (const group of bad) {
            await peer.fails('Forbidden', { type: 'joinGroup', group });
        }
        await peer.fails('Forbidden', { type: 'sendToGroup', group: good[0] ?? 'a', data: 1 });
        peer.cut();
    }
});

test('a token with a pattern that is none is refused', async () => {
    for (const pattern of ['a\\b', 'a\\', '*'.repeat(6), 'x'.repeat(1025)]) {
        const { status } = await upgrade(
            server.url('roles', { roles: [`webpubsub.sendToGroups.${pattern}`] }),
        );
        assert.equal(status, 400, pattern);
    }
});

test('roles for sending', async () => {
    const roles = ['webpubsub.sendToGroup.a', 'webpubsub.sendToGroups.b*'];
    const peer = await server.connect('roles', { roles });
    for (const group of ['a', 'b', 'bc']) {
        await peer.must({ type: 'sendToGroup', group, data: 1 });
    }
    await peer.fails('Forbidden', { type: 'sendToGroup', group: 'c', data: 1 });
    await peer.fails('Forbidden', { type: 'joinGroup', group: 'a' });
    await peer.fails('Forbidden', { type: 'leaveGroup', group: 'a' });
    peer.cut();
});

test('names of groups are exact, whatever stands in them', async () => {
    const names = [
        '+',
        '#',
        'a/+/b',
        'a/#',
        '%2B',
        '%',
        ' x ',
        '$SYS/x',
        'Ünï/😀',
        'g'.repeat(1024),
        '/',
        '//',
    ];
    const peers = new Map();
    for (const name of names) {
        const peer = await server.connect('names');
        await peer.join(name);
        peers.set(name, peer);
    }
    const sender = await server.connect('names');
    for (const name of names) {
        await sender.must({ type: 'sendToGroup', group: name, dataType: 'text', data: name });
    }
    for (const [name, peer] of peers) {
        const { group, data } = await peer.take({ type: 'message' });
        assert.deepEqual([group, data], [name, name]);
        await peer.drain(name);
        assert.deepEqual(peer.data(), [name]);
        peer.cut();
    }
    sender.cut();
});

test('what is out of bounds is a bad request', async () => {
    const peer = await member();
    const send = { type: 'sendToGroup', group: 'g', data: 1 };
    await peer.fails('BadRequest', { type: 'joinGroup', group: ' \t' });
    await peer.fails('BadRequest', { type: 'joinGroup', group: 'x'.repeat(1025) });
    await peer.fails('BadRequest', { ...send, ttlSeconds: 301 });
    await peer.fails('BadRequest', { ...send, data: null }); // clients drop what is null
    await peer.must({ ...send, ttlSeconds: 300 });
    await peer.fails('BadRequest', { ...send, metadata: { 'A b': 'v' } });
    await peer.fails('BadRequest', { ...send, metadata: { k: 'é' } });
    await peer.fails('BadRequest', { ...send, metadata: { ['k'.repeat(257)]: 'v' } });
    await peer.fails('BadRequest', { ...send, metadata: { k: 'v'.repeat(1025) } });
    await peer.must({ ...send, metadata: { "!#$%&'*+-.^_`|~09az": ' ~' } });
    await peer.drain();
    assert.equal(peer.messages().length, 2);
    peer.cut();
});

test('data that is missing is empty text where there is metadata', async () => {
    const peer = await member();
    await peer.must({ type: 'sendToGroup', group: 'g', metadata: { k: 'v' } });
    const { dataType, data } = await peer.take({ type: 'message' });
    assert.deepEqual([dataType, data], ['text', '']);
    peer.cut();
});

test('what cannot be read closes with 1007', async () => {
    const texts = [
        '',
        'x',
        '{',
        '[]',
        'null',
        '1',
        '{}',
        '{"type":1}',
        '{"type":"nothing"}',
        '{"type":"joinGroup"}',
        '{"type":"joinGroup","group":1}',
        '{"type":"sendToGroup","data":1}',
        '{"type":"sendToGroup","group":"g"}',
        '{"type":"sendToGroup","group":"g","data":01}',
        '{"type":"sendToGroup","group":null,"data":1}',
        '{"type":"sendToGroup","group":"g","dataType":"text","data":1}',
        '{"type":"sendToGroup","group":"g","dataType":"binary","data":"*"}',
        '{"type":"sendToGroup","group":"g","dataType":"nothing","data":"x"}',
        '{"type":"joinGroup","group":"g","ackId":-1}',
        '{"type":"joinGroup","group":"g","ackId":18446744073709551616}',
        '{"type":"ping"} {"type":"ping"}',
        '{"type":"joinGroup","group":"\t"}',
        '{"type":"event","data":1}',
        `${'['.repeat(100000)}`,
    ];
    for (const text of texts) {
        const peer = await server.connect('bad');
        peer.sendRaw(text);
        const { code } = await peer.closed.catch((error) => ({ code: error.message }));
        assert.equal(code, 1007, text.slice(0, 80));
        assert.deepEqual(
            peer.frames.filter(({ type }) => type !== 'system'),
            [],
        );
    }
});

test('text that is not UTF-8 closes with 1007', async () => {
    const peer = await server.connect('bad');
    peer.socket._sender.sendFrame([
        Buffer.from([0x81, 0x82, 0, 0, 0, 0]),
        Buffer.from([0xff, 0xff]),
    ]);
    assert.equal((await peer.closed).code, 1007);
});

test('a binary frame closes with 1003', async () => {
    const peer = await server.connect('bad');
    peer.sendRaw(Buffer.from('{"type":"ping"}'));
    assert.equal((await peer.closed).code, 1003);
});

test('a violation of the framing closes with 1002', async () => {
    const peer = await server.connect('bad');
    peer.socket._sender.sendFrame([Buffer.from([0xf1, 0x80, 0, 0, 0, 0])]); // reserved bits
    assert.equal((await peer.closed).code, 1002);
});

test('a message of 1 MiB passes, one byte more closes with 1009', async () => {
    const peer = await member();
    const frame = (length) => {
        const empty = JSON.stringify({
            type: 'sendToGroup',
            group: 'g',
            dataType: 'text',
            data: '',
            ackId: 99,
        });
        return empty.replace('""', `"${'x'.repeat(length - empty.length)}"`);
    };
    peer.sendRaw(frame(MESSAGE_MAXIMUM));
    assert.equal((await peer.take({ type: 'ack', ackId: 99 })).success, true);
    assert.ok((await peer.take({ type: 'message' })).data.length > MESSAGE_MAXIMUM - 100);
    peer.sendRaw(frame(MESSAGE_MAXIMUM + 1));
    assert.equal((await peer.closed).code, 1009);
});

test('fragments are put together', async () => {
    const peer = await member();
    const text = JSON.stringify({
        type: 'sendToGroup',
        group: 'g',
        dataType: 'text',
        data: 'é'.repeat(1000),
    });
    const bytes = Buffer.from(text);
    peer.socket.send(bytes.subarray(0, 101), { binary: false, fin: false });
    peer.socket.send(bytes.subarray(101, 200), { binary: false, fin: false });
    peer.socket.send(bytes.subarray(200), { binary: false, fin: true });
    assert.equal((await peer.take({ type: 'message' })).data, 'é'.repeat(1000));
    peer.cut();
});

test('close codes are echoed', async () => {
    for (const code of [1000, 1001]) {
        const peer = await member();
        assert.equal((await peer.close(code)).code, code);
    }
});

test('invoke without a handler fails, cancelling it says nothing', async () => {
    const peer = await member();
    peer.send({ type: 'invoke', invocationId: 'i1', target: 'event', event: 'e', data: { x: 1 } });
    const { success, error } = await peer.take({ type: 'invokeResponse', invocationId: 'i1' });
    assert.equal(success, false);
    assert.ok(error.name && error.message);
    peer.send({ type: 'cancelInvocation', invocationId: 'i1' });
    await peer.ping();
    assert.equal(peer.frames.at(-1).type, 'pong');
    peer.cut();
});

test('hubs do not hear each other', async () => {
    const one = await member();
    const other = await member();
    await one.must({ type: 'sendToGroup', group: 'g', data: 1 });
    await other.must({ type: 'sendToGroup', group: 'g', data: 2 });
    await other.drain();
    await one.drain();
    assert.deepEqual([one.data(), other.data()], [[1], [2]]);
    one.cut();
    other.cut();
});

test('the server pings, and who does not answer is closed', async () => {
    const quick = await Server.start({
        hubs: [{ name: 'quick', web_socket_keep_alive_interval: '1s' }],
    });
    const good = await quick.connect('quick');
    const dead = await Peer.open(quick.url('quick'), JSON_V1, { autoPong: false });
    let pings = 0;
    good.socket.on('ping', () => {
        pings += 1;
    });
    await dead.closed;
    assert.ok(pings > 0);
    await good.ping();
    good.cut();
});

await run();
