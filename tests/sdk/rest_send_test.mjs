/* Sends over REST: who gets them, as what, and which are refused (spec/webpubsub.md 6.4).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { connectMqtt } from './lib/device.mjs';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_V1, Peer } from './lib/peer.mjs';
import './lib/protobuf.mjs';
import { Hub, cut, idOf } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until } from './lib/wait.mjs';

const server = await Server.start();
const newHub = () => Hub.fresh(server);

test('a message to the hub, a user, a connection and a group, at both processes', async () => {
    const hub = newHub();
    const peers = await hub.both({ user: 'u', groups: ['g'] });
    const other = await hub.connect({ user: 'other' });
    for (const process of [0, 1]) {
        const at = await hub.socketAt(process);
        const send = async (where, text) =>
            assert.equal((await hub.send(where, text, '', { at })).status, 202);
        await send('', `all ${process}`);
        await send('/users/u', `user ${process}`);
        await send('/groups/g', `group ${process}`);
        await send(`/connections/${idOf(peers[1])}`, `connection ${process}`);
        at.destroy();
        await hub.drain(peers, other);
    }
    const texts = (...kinds) =>
        [0, 1].flatMap((process) => kinds.map((kind) => `${kind} ${process}`));
    assert.deepEqual(peers[0].data(), texts('all', 'user', 'group'));
    assert.deepEqual(peers[1].data(), texts('all', 'user', 'group', 'connection'));
    assert.deepEqual(other.data(), texts('all'));
    const [all, , group] = peers[0].messages();
    assert.deepEqual(all, { type: 'message', from: 'server', dataType: 'text', data: 'all 0' });
    assert.deepEqual(group, {
        type: 'message',
        from: 'group',
        group: 'g',
        dataType: 'text',
        data: 'group 0',
    });
    cut(peers, other);
});

test('hub, group, user and connection of other hubs hear nothing', async () => {
    const hub = newHub();
    const other = newHub();
    const peer = await hub.connect({ user: 'u', groups: ['g'] });
    for (const where of ['', '/users/u', '/groups/g', `/connections/${idOf(peer)}`]) {
        assert.equal((await other.send(where, 'not for us')).status, 202);
    }
    assert.equal(await other.status('HEAD', `/connections/${idOf(peer)}`), 404);
    assert.equal(await other.status('PUT', `/groups/x/connections/${idOf(peer)}`), 404);
    assert.equal(await other.status('DELETE', `/connections/${idOf(peer)}`), 204);
    assert.equal(await other.status('POST', '/users/u/:closeConnections'), 204);
    await hub.drain(peer);
    assert.deepEqual(peer.data(), []);
    peer.cut();
});

test('excluded, once and several times', async () => {
    const hub = newHub();
    const peers = [...(await hub.both({ groups: ['g'] })), await hub.connect({ groups: ['g'] })];
    const [first, second] = peers.map((peer) => `excluded=${idOf(peer)}`);
    for (const where of ['', '/groups/g']) {
        await hub.send(where, 'but one', `?${first}`);
        await hub.send(where, 'but two', `?${first}&${second}&excluded=nobody`);
    }
    await hub.drain(peers);
    assert.deepEqual(
        peers.map((peer) => peer.data()),
        [[], ['but one', 'but one'], ['but one', 'but two', 'but one', 'but two']],
    );
    cut(peers);
});

const body = (type, bytes) => ({
    body: bytes,
    headers: type === undefined ? {} : { 'content-type': type },
});

/* Content-Type and body to what a JSON client gets. */
const deliveries = [
    ['text/plain', 'x', 'text', 'x'],
    ['text/plain; charset=utf-8', 'ü€😀', 'text', 'ü€😀'],
    ['TEXT/PLAIN;charset="UTF-8"', 'ü', 'text', 'ü'],
    ['text/plain; charset=iso-8859-1', Buffer.from([0xfc]), 'text', 'ü'],
    ['text/plain', '', 'text', ''],
    ['text/plain', '"\\\u0001\u2028\0x', 'text', '"\\\u0001\u2028\0x'],
    ['application/json', '{"a":[1,null,"ü"]}', 'json', { a: [1, null, 'ü'] }],
    ['application/json; charset=utf-8', ' "x" ', 'json', 'x'],
    ['application/json', 'false', 'json', false],
    ['application/json', '0', 'json', 0],
    ['application/json', '""', 'json', ''],
    ['application/octet-stream', Buffer.from([0, 255]), 'binary', 'AP8='],
    [undefined, 'x', 'binary', 'eA=='],
];

test('bodies: the type by Content-Type', async () => {
    const hub = newHub();
    const peer = await hub.connect();
    for (const [type, bytes, dataType, data] of deliveries) {
        const { status, text } = await hub.call('POST', '/:send', body(type, bytes));
        assert.equal(status, 202, `${type} ${bytes}: ${text}`);
        const message = await peer.take({ type: 'message' });
        assert.deepEqual([message.dataType, message.data], [dataType, data], `${type} ${bytes}`);
    }
    peer.cut();
});

test('bodies: refused ones', async () => {
    const hub = newHub();
    const status = (type, bytes) => hub.status('POST', '/:send', body(type, bytes));
    for (const type of ['image/png', 'text/html', 'application/xml', 'x', 'text']) {
        assert.equal(await status(type, 'x'), 415, type);
    }
    for (const bytes of [
        '',
        '{',
        'x',
        '{"a":1}}',
        "{'a':1}",
        '01',
        Buffer.from([0x22, 0xff, 0x22]),
    ]) {
        assert.equal(await status('application/json', bytes), 400, String(bytes));
    }
    for (const [path, bytes] of [
        ['/:addToGroups', '{'],
        ['/:addToGroups', '[]'],
        ['/:addToGroups', '{}'],
        ['/:addToGroups', '{"groups":"g","filter":""}'],
        ['/:addToGroups', '{"groups":[1],"filter":""}'],
        ['/:addToGroups', '{"groups":[" "],"filter":""}'],
        ['/:addToGroups', '{"groups":["g"],"filter":"nonsense"}'],
        ['/:removeFromGroups', '{"groups":["g"],"filter":1}'],
    ]) {
        const how = body('application/json', bytes);
        assert.equal(await hub.status('POST', path, how), 400, bytes);
    }
});

test('bodies: what is no UTF-8, and null, never become a malformed frame', async () => {
    const hub = newHub();
    const peers = [await hub.connect(), await hub.connect({ protocol: PROTOBUF_V1 })];
    const statuses = [];
    for (const [type, bytes] of [
        ['text/plain', Buffer.from([0xff, 0xfe])],
        ['text/plain; charset=utf-8', Buffer.from([0xed, 0xa0, 0x80])],
        ['text/plain; charset=nothing', 'x'],
        ['application/json', 'null'],
        ['application/json', '"\\ud800"'],
        ['application/json', `${'['.repeat(5000)}${']'.repeat(5000)}`],
        ['application/json', '1e999'],
    ]) {
        statuses.push(await hub.status('POST', '/:send', body(type, bytes)));
    }
    assert.ok(
        statuses.every((status) => [202, 400, 415].includes(status)),
        `${statuses}`,
    );
    await hub.drain(peers);
    for (const { data } of peers[0].messages()) {
        assert.notEqual(data, undefined);
    }
    cut(peers);
});

test('bodies: JSON comes out byte by byte as it went in', async () => {
    const hub = newHub();
    const peer = await Peer.open(server.url(hub.name), JSON_V1, {
        codec: { encode: String, decode: (data) => ({ text: data.toString() }) },
    });
    for (const json of [
        '{"b":12345678901234567890.1234567890,"a":1.0}',
        '{"a":1,"a":2}',
        '"\\u00fc\\/\\n"',
        '[1e2,-0,0.10]',
    ]) {
        await hub.call('POST', '/:send', body('application/json', json));
        const { text } = await peer.take(({ text: frame }) => frame.includes('"message"'));
        assert.ok(text.includes(`"data":${json}`), text);
    }
    peer.cut();
});

test('bodies: 1 MiB passes, one byte more is refused, chunked too', async () => {
    const hub = newHub();
    const peer = await hub.connect();
    const type = { headers: { 'content-type': 'application/octet-stream' } };
    const bytes = Buffer.alloc(1 << 20, 7);
    for (const one of [bytes, [bytes.subarray(0, 1000), bytes.subarray(1000)]]) {
        assert.equal(await hub.status('POST', '/:send', { ...type, body: one }), 202);
        const { data } = await peer.take({ type: 'message' });
        assert.equal(Buffer.from(data, 'base64').compare(bytes), 0);
    }
    const more = Buffer.alloc((1 << 20) + 1);
    for (const one of [more, [more.subarray(0, 1000), more.subarray(1000)]]) {
        const status = await hub
            .status('POST', '/:send', { ...type, body: one })
            .catch(({ code }) => code);
        assert.ok([413, 'EPIPE', 'ECONNRESET'].includes(status), String(status));
    }
    const small = { ...type, body: ['a', 'b', 'c'] };
    assert.equal(await hub.status('POST', '/:send', small), 202);
    assert.equal((await peer.take({ type: 'message' })).data, 'YWJj');
    assert.equal(await hub.status('POST', '/:send', type), 202); // no body
    assert.equal((await peer.take({ type: 'message' })).data, '');
    peer.cut();
});

test('metadata headers', async () => {
    const hub = newHub();
    const peer = await hub.connect({ groups: ['g'] });
    const send = (where, headers) => hub.send(where, 'x', '', { headers });
    for (const where of ['', '/groups/g', `/connections/${idOf(peer)}`]) {
        const headers = { 'X-WebPubSub-Metadata-Trace-Id': 'a b', 'x-webpubsub-metadata-k': '~' };
        assert.equal((await send(where, headers)).status, 202);
        assert.deepEqual((await peer.take({ type: 'message' })).metadata, {
            'trace-id': 'a b',
            k: '~',
        });
    }
    const many = Object.fromEntries(
        Array.from({ length: 9 }, (_, index) => [
            `x-webpubsub-metadata-k${index}`,
            'v'.repeat(1000),
        ]),
    );
    for (const headers of [
        { 'x-webpubsub-metadata-k': 'é' },
        { 'x-webpubsub-metadata-k': 'v'.repeat(1025) },
        { [`x-webpubsub-metadata-${'k'.repeat(257)}`]: 'v' },
        { 'x-webpubsub-metadata-': 'v' },
        many,
    ]) {
        const { status } = await send('', headers);
        assert.ok([400, 431].includes(status), `${status} ${Object.keys(headers)[0]}`);
    }
    peer.cut();
});

test('every kind of client gets it in its own way', async () => {
    const hub = newHub();
    const who = { user: 'u' };
    const json = await hub.connect(who);
    const reliable = await hub.connect({ ...who, protocol: JSON_RELIABLE });
    const protobuf = await hub.connect({ ...who, protocol: PROTOBUF_V1 });
    const raw = await server.connectRaw(hub.name, '', who);
    const mqtt = await connectMqtt(server.url(hub.name, { ...who, door: 'clients/mqtt' }));
    const expected = {
        'text/plain': ['text', 'é', 'é', { text: 'é' }],
        'application/json': ['json', '{"é":1}', { é: 1 }, { text: '{"é":1}' }],
        'application/octet-stream': ['binary', 'é', 'w6k=', { binary: Buffer.from('é') }],
    };
    for (const where of ['', '/users/u']) {
        for (const [type, [dataType, bytes, data, frame]] of Object.entries(expected)) {
            await hub.call('POST', `${where}/:send`, body(type, bytes));
            for (const peer of [json, reliable, protobuf]) {
                const message = await peer.take({ type: 'message' });
                assert.deepEqual(
                    [message.from, message.dataType, message.data],
                    ['server', dataType, data],
                );
            }
            assert.deepEqual(await raw.take(() => true), frame);
            const message = await mqtt.take();
            assert.deepEqual(
                [message.topic, message.text, message.packet.properties?.contentType],
                ['$webpubsub/server/messages', bytes, type],
            );
        }
    }
    assert.deepEqual(
        reliable.messages().map(({ sequenceId }) => sequenceId),
        [1, 2, 3, 4, 5, 6],
    );
    cut(json, reliable, protobuf, raw);
    await mqtt.endAsync();
});

test('reliable clients that are away get it later, unless its time is up', async () => {
    const hub = newHub();
    const [peer] = await hub.both({ user: 'u', groups: ['g'], protocol: JSON_RELIABLE });
    const witness = await hub.connect();
    await peer.close(1001); // the server knows that it is away
    await hub.send('/users/u', 'brief', '?messageTtlSeconds=1');
    const sent = Date.now();
    for (const where of ['', '/users/u', '/groups/g', `/connections/${idOf(peer)}`]) {
        assert.equal((await hub.send(where, `to ${where}`)).status, 202);
    }
    assert.equal(await hub.status('HEAD', `/connections/${idOf(peer)}`), 200);
    await until('the time is up', () => Date.now() > sent + 1500);
    const again = await peer.recover();
    await again.take({ type: 'message', data: `to /connections/${idOf(peer)}` });
    assert.deepEqual(again.data(), [
        'to ',
        'to /users/u',
        'to /groups/g',
        `to /connections/${idOf(peer)}`,
    ]);
    await again.close();
    witness.cut();
});

test('a keep-alive connection carries many requests', async () => {
    const hub = newHub();
    const peer = await hub.connect();
    const at = await hub.socketAt(0);
    for (let number = 0; number < 200; number += 1) {
        assert.equal((await hub.send('', String(number), '', { at })).status, 202);
        if (number % 50 === 0) {
            assert.equal(await hub.status('HEAD', '/users/nobody', { at }), 404);
            assert.equal(await hub.status('GET', '/groups/g/connections', { at }), 200);
        }
    }
    await peer.take({ type: 'message', data: '199' });
    assert.deepEqual(
        peer.data(),
        Array.from({ length: 200 }, (_, number) => String(number)),
    );
    assert.equal(at.destroyed, false);
    at.destroy();
    peer.cut();
});

await run();
