/* Who may come in, and what the answer to the upgrade says (spec/webpubsub.md 1.1 to 1.5).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_RELIABLE, PROTOBUF_V1, Peer } from './lib/peer.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { inSeconds, sign } from './lib/tokens.mjs';
import { upgrade } from './lib/upgrade.mjs';

const server = await Server.start({
    hubs: [{ name: 'open', anonymous_connect_policy: 'allow' }],
});

const status = async (url, how) => (await upgrade(url, how)).status;
const statusFor = (hub, who) => status(server.url(hub, who));
const target = (path) => server.httpUrl(path, 'ws');

test('a token in the query', async () => {
    assert.equal(await statusFor('chat'), 101);
});

test('a token in the header; the query goes first', async () => {
    const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });
    const good = server.token('chat');
    const bad = server.token('chat', { key: 'x'.repeat(44) });
    assert.equal(await status(target('/client/hubs/chat'), bearer(good)), 101);
    assert.equal(await status(target('/client/hubs/chat'), bearer(bad)), 401);
    assert.equal(await status(target(`/client/hubs/chat?access_token=${bad}`), bearer(good)), 401);
    assert.equal(await status(target(`/client/hubs/chat?access_token=${good}`), bearer(bad)), 101);
});

test('both keys are good, no other one is', async () => {
    assert.equal(server.keys.length, 2);
    assert.equal(await statusFor('chat', { key: server.keys[1] }), 101);
    assert.equal(await statusFor('chat', { key: 'x'.repeat(44) }), 401);
    assert.equal(await statusFor('chat', { key: Buffer.from(server.keys[0], 'base64') }), 401);
});

test('exp is required and nbf honoured, give or take five minutes', async () => {
    assert.equal(await statusFor('chat', { exp: inSeconds(-600) }), 401);
    assert.equal(await statusFor('chat', { exp: inSeconds(-60) }), 101);
    assert.equal(await statusFor('chat', { exp: undefined }), 401);
    assert.equal(await statusFor('chat', { nbf: inSeconds(600) }), 401);
    assert.equal(await statusFor('chat', { nbf: inSeconds(60) }), 101);
    assert.equal(await statusFor('chat', { iat: undefined }), 101);
});

test('aud is this endpoint and hub, in any case, or one of several', async () => {
    const aud = server.httpUrl('/client/hubs/chat');
    assert.equal(await statusFor('chat', { aud: server.httpUrl('/client/hubs/other') }), 401);
    assert.equal(await statusFor('chat', { aud: server.httpUrl('/clients/mqtt/hubs/chat') }), 401);
    assert.equal(await statusFor('chat', { aud: 'http://elsewhere/client/hubs/chat' }), 401);
    assert.equal(await statusFor('chat', { aud: undefined }), 401);
    assert.equal(await statusFor('chat', { aud: aud.toUpperCase() }), 101);
    assert.equal(await statusFor('chat', { aud: ['http://elsewhere', aud] }), 101);
});

test('a token that was not signed by HS256 is none', async () => {
    const [, payload] = server.token('chat').split('.');
    const header = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
    for (const token of [`${header}.${payload}.`, `${header}.${payload}`, 'x', 'a.b.c', '']) {
        assert.equal(await status(target(`/client/hubs/chat?access_token=${token}`)), 401, token);
    }
});

test('anonymous clients come in where the hub allows it', async () => {
    assert.equal(await status(target('/client/hubs/chat')), 401);
    assert.equal(await status(target('/client/hubs/open')), 101);
    const peer = await Peer.open(target('/client/hubs/open'), JSON_V1);
    const connected = await peer.take({ type: 'system', event: 'connected' });
    assert.equal(connected.userId ?? null, null);
    await peer.fails('Forbidden', { type: 'joinGroup', group: 'g' });
    peer.cut();
});

test('names of hubs', async () => {
    const name = (length) => 'h'.repeat(length);
    for (const hub of [name(127), name(128), 'a_`,.[]9']) {
        assert.equal(
            await status(
                server.url(encodeURIComponent(hub), {
                    aud: server.httpUrl(`/client/hubs/${encodeURIComponent(hub)}`),
                }),
            ),
            101,
            hub,
        );
    }
    for (const hub of [name(129), '9a', '_a', 'a-b', 'a%20b']) {
        assert.equal(await statusFor(hub), 400, hub);
    }
});

test('a hub is the same in any case', async () => {
    const lower = await server.connect('folded');
    const upper = await server.connect('FoLdEd');
    await lower.join('g');
    await upper.must({ type: 'sendToGroup', group: 'g', dataType: 'text', data: 'x' });
    assert.equal((await lower.take({ type: 'message' })).data, 'x');
    lower.cut();
    upper.cut();
});

test('the hub in the query', async () => {
    const token = server.token('chat');
    for (const path of ['/client', '/client/']) {
        assert.equal(await status(target(`${path}?hub=chat&access_token=${token}`)), 101);
        assert.equal(await status(target(`${path}?hub=other&access_token=${token}`)), 401);
    }
    assert.equal(await status(target(`/client?access_token=${token}`)), 400);
});

test('each subprotocol is echoed, the first supported one of several', async () => {
    const names = [JSON_V1, JSON_RELIABLE, PROTOBUF_V1, PROTOBUF_RELIABLE];
    const chosen = async (protocol) => {
        const { status: code, headers } = await upgrade(server.url('chat'), { protocol });
        assert.equal(code, 101);
        return headers['sec-websocket-protocol'];
    };
    for (const name of names) {
        assert.equal(await chosen(name), name);
    }
    assert.equal(await chosen(`unknown, ${PROTOBUF_V1}, ${JSON_V1}`), PROTOBUF_V1);
    assert.equal(await chosen(undefined), undefined);
    assert.equal(await chosen('unknown'), undefined);
});

test('no extension is accepted that was not offered', async () => {
    const { headers } = await upgrade(server.url('chat'));
    assert.equal(headers['sec-websocket-extensions'], undefined);
});

test('groups of the token are joined before the first frame', async () => {
    for (const groups of ['mine', ['mine', 'ours']]) {
        const sender = await server.connect('claims');
        const peer = await server.connect('claims', { groups, roles: [] });
        await sender.must({ type: 'sendToGroup', group: 'mine', dataType: 'text', data: '1' });
        assert.equal((await peer.take({ type: 'message' })).data, '1');
        peer.cut();
        sender.cut();
    }
    assert.equal(await statusFor('claims', { groups: ' ' }), 400);
    assert.equal(await statusFor('claims', { groups: ['good', ''] }), 400);
    assert.equal(await statusFor('claims', { groups: 'g'.repeat(1025) }), 400);
});

test('role as a string or as an array', async () => {
    for (const roles of ['webpubsub.joinLeaveGroup', ['webpubsub.joinLeaveGroup', 'unknown']]) {
        const peer = await server.connect('roles', { roles });
        await peer.join('g');
        await peer.fails('Forbidden', { type: 'sendToGroup', group: 'g', data: 1 });
        peer.cut();
    }
});

test('connected names user and connection, and gives a token on reliable ones only', async () => {
    const plain = await server.connect('chat', { user: 'Änne "x"' });
    const reliable = await server.connect('chat', { protocol: JSON_RELIABLE });
    assert.equal(plain.connected.userId, 'Änne "x"');
    assert.match(plain.connected.connectionId, /^[A-Za-z0-9_-]{22,}$/);
    assert.equal(plain.connected.reconnectionToken, undefined);
    assert.equal(plain.frames.length, 1);
    assert.ok(reliable.connected.reconnectionToken.length > 20);
    assert.notEqual(plain.connected.connectionId, reliable.connected.connectionId);
    plain.cut();
    reliable.cut();
});

test('what is wrong with the query of a plain client is said before the upgrade', async () => {
    const raw = (query) => status(server.url('chat', {}, query));
    assert.equal(await raw('&webpubsub_mode=sendEvent'), 101);
    assert.equal(await raw('&webpubsub_mode=SENDTOGROUP&group=g'), 101);
    assert.equal(await raw('&webpubsub_mode=sendToGroup&group=g&noEcho=true'), 101);
    assert.equal(await raw('&webpubsub_mode=other'), 400);
    assert.equal(await raw('&webpubsub_mode=sendToGroup'), 400);
    assert.equal(await raw('&webpubsub_mode=sendToGroup&group=%20'), 400);
    assert.equal(await raw('&webpubsub_mode=sendToGroup&group=g&noEcho=perhaps'), 400);
    assert.equal(await raw('&webpubsub_mode=other&webpubsub_mode=sendEvent'), 101);
});

test('a request that is no upgrade, and other paths', async () => {
    assert.equal(await status(server.url('chat'), { isUpgrade: false }), 400);
    assert.equal(await status(target('/nowhere')), 404);
    assert.equal(await status(target('/nowhere'), { isUpgrade: false }), 404);
});

test('the token that `pubgrid token` prints works at once', async () => {
    const url = server
        .cli(
            'token',
            '--hub',
            'Chat',
            '--user',
            'ann',
            '--group',
            'g',
            '--role',
            'webpubsub.sendToGroup',
        )
        .trim();
    const peer = await Peer.open(url, JSON_V1);
    assert.equal((await peer.take({ event: 'connected' })).userId, 'ann');
    await peer.must({ type: 'sendToGroup', group: 'g', data: [1] });
    assert.deepEqual((await peer.take({ type: 'message' })).data, [1]);
    await peer.fails('Forbidden', { type: 'joinGroup', group: 'h' });
    peer.cut();
});

test('a token of an hour ago is checked only at the door', async () => {
    const token = sign(
        { aud: server.httpUrl('/client/hubs/chat'), exp: inSeconds(-299) },
        server.keys[0],
    );
    const peer = await Peer.open(target(`/client/hubs/chat?access_token=${token}`), JSON_V1);
    await peer.ping();
    peer.cut();
});

await run();
