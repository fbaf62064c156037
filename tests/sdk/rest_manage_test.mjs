/* Connections managed over REST, wherever they are: groups, permissions, closing, lists
 * (spec/webpubsub.md 6.3, 6.7, 1.3, 1.6). The connections are at two bridge processes, and so are the
 * requests.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connectMqtt } from './lib/device.mjs';
import { JSON_RELIABLE, PROTOBUF_V1, Peer } from './lib/peer.mjs';
import './lib/protobuf.mjs';
import { Hub, call, cut, idOf } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until, within } from './lib/wait.mjs';

const server = await Server.start();
const newHub = () => Hub.fresh(server);

const ids = (peers) => peers.map(idOf).sort();
const joinLeave = (peer) => `/permissions/joinLeaveGroup/connections/${idOf(peer)}`;
const sendTo = (peer) => `/permissions/sendToGroup/connections/${idOf(peer)}`;

/* The ids of the first page. */
async function listed(hub, where = '/groups/g') {
    const { value } = await hub.must(200, 'GET', `${where}/connections`);
    return value.map(({ connectionId }) => connectionId).sort();
}

/* ---------------------------------------------------------------- groups */

test('a connection joins and leaves', async () => {
    const hub = newHub();
    const peers = await hub.both({ roles: [] });
    for (const peer of peers) {
        const member = `/groups/g/connections/${idOf(peer)}`;
        for (const process of [0, 1]) {
            const at = await hub.socketAt(process);
            await hub.must(200, 'PUT', member, { at });
            await hub.must(200, 'PUT', member, { at }); // it is one already
            await hub.send('/groups/g', `in ${process}`, '', { at });
            await hub.must(204, 'DELETE', member, { at });
            await hub.must(204, 'DELETE', member, { at }); // it is none any more
            await hub.send('/groups/g', `out ${process}`, '', { at });
            at.destroy();
        }
        await hub.drain(peer);
        assert.deepEqual(peer.data(), ['in 0', 'in 1']);
    }
    cut(peers);
});

test('a user joins and leaves with all connections of now', async () => {
    const hub = newHub();
    const peers = await hub.both({ user: 'a/ü' });
    const other = await hub.connect({ user: 'other' });
    const user = '/users/a%2F%C3%BC';
    await hub.must(200, 'PUT', `${user}/groups/g`);
    await hub.must(200, 'PUT', `${user}/groups/h`);
    await hub.send('/groups/g', 'one');
    const late = await hub.connect({ user: 'a/ü' });
    await hub.send('/groups/g', 'two');
    await hub.must(204, 'DELETE', `${user}/groups/g`);
    await hub.send('/groups/g', 'three');
    await hub.send('/groups/h', 'four');
    await hub.must(204, 'DELETE', `${user}/groups`);
    await hub.send('/groups/h', 'five');
    await hub.drain(peers, other, late);
    peers.forEach((peer) => assert.deepEqual(peer.data(), ['one', 'two', 'four']));
    assert.deepEqual([late.data(), other.data()], [[], []]);
    cut(peers, other, late);
});

test('a connection leaves all its groups, those of its token too', async () => {
    const hub = newHub();
    const [peer, other] = await hub.both({ user: 'u', groups: ['a', 'b'] });
    await peer.join('c');
    await hub.must(204, 'DELETE', `/connections/${idOf(peer)}/groups`);
    for (const group of ['a', 'b', 'c']) {
        await hub.send(`/groups/${group}`, group);
    }
    await hub.drain(peer, other);
    assert.deepEqual([peer.data(), other.data()], [[], ['a', 'b']]);
    await peer.join('c');
    await hub.send('/groups/c', 'again');
    assert.equal((await peer.take({ type: 'message', group: 'c' })).data, 'again');
    cut(peer, other);
});

test('many connections join and leave many groups, by a filter', async () => {
    const hub = newHub();
    const anns = await hub.both({ user: 'ann' });
    const bos = await hub.both({ user: 'bo' });
    const change = async (action, groups, filter) => {
        const { status, text } = await hub.post(action, { groups, filter });
        assert.equal(status, 200, text);
    };
    await change(':addToGroups', ['a', 'b/ü'], "userId eq 'ann'");
    await change(':addToGroups', ['c'], '');
    await change(':addToGroups', ['d'], "'a' in groups and connectionId ne 'x'");
    for (const group of ['a', 'b%2F%C3%BC', 'c', 'd']) {
        await hub.send(`/groups/${group}`, group);
    }
    await change(':removeFromGroups', ['a', 'c', 'nothing'], "userId ne 'bo'");
    await hub.send('/groups/a', 'a again');
    await hub.send('/groups/c', 'c again');
    await hub.drain(anns, bos);
    anns.forEach((peer) => assert.deepEqual(peer.data(), ['a', 'b%2F%C3%BC', 'c', 'd']));
    bos.forEach((peer) => assert.deepEqual(peer.data(), ['c', 'c again']));
    cut(anns, bos);
});

test('MQTT clients of the hub join and leave as others do', async () => {
    const hub = newHub();
    const client = await connectMqtt(
        server.url(hub.name, { door: 'clients/mqtt', user: 'm', roles: [] }),
        { clientId: 'mqtt1' },
    );
    await hub.must(200, 'HEAD', '/connections/mqtt1');
    await hub.must(200, 'HEAD', '/users/m');
    await hub.must(200, 'PUT', '/groups/g/connections/mqtt1');
    await hub.send('/groups/g', 'x');
    const { topic, text } = await client.take();
    assert.deepEqual([topic, text], ['g', 'x']);
    assert.deepEqual(await listed(hub), ['mqtt1']);
    await hub.must(204, 'DELETE', '/groups/g/connections/mqtt1');
    await hub.send('/groups/g', 'not any more');
    await hub.send('/connections/mqtt1', 'end');
    assert.equal((await client.take()).text, 'end');
    const gone = once(client, 'close');
    await hub.must(204, 'DELETE', '/connections/mqtt1?reason=bye');
    await within(() => 'the connection is closed', gone);
    await until('it is gone', async () => (await hub.status('HEAD', '/connections/mqtt1')) === 404);
});

test('groups, users and connections exist until the last one is gone', async () => {
    const hub = newHub();
    const peers = await hub.both({ user: 'u', groups: ['g'] });
    const exists = async (path) => (await hub.status('HEAD', path)) === 200;
    const paths = ['/groups/g', '/users/u'];
    for (const [index, peer] of peers.entries()) {
        for (const path of [...paths, `/connections/${idOf(peer)}`]) {
            assert.equal(await exists(path), true, `${path} ${index}`);
        }
        await peer.close();
        await until('it is gone', async () => !(await exists(`/connections/${idOf(peer)}`)));
    }
    for (const path of paths) {
        await until(`${path} is gone`, async () => !(await exists(path)));
    }
});

/* ---------------------------------------------------------------- permissions */

test('permissions that are granted and revoked', async () => {
    const hub = newHub();
    for (const peer of await hub.both({ roles: [] })) {
        const join = { type: 'joinGroup', group: 'g 1' };
        const send = { type: 'sendToGroup', group: 'g 1', data: 1 };
        await peer.fails('Forbidden', join);
        await peer.fails('Forbidden', send);
        await hub.must(404, 'HEAD', `${joinLeave(peer)}?targetName=g%201`);
        await hub.must(200, 'PUT', `${joinLeave(peer)}?targetName=g%201`);
        await hub.must(200, 'HEAD', `${joinLeave(peer)}?targetName=g%201`);
        await hub.must(404, 'HEAD', `${joinLeave(peer)}?targetName=other`);
        await hub.must(404, 'HEAD', joinLeave(peer));
        await hub.must(404, 'HEAD', `${sendTo(peer)}?targetName=g%201`);
        await peer.must(join);
        await peer.fails('Forbidden', send);
        await peer.fails('Forbidden', { ...join, group: 'other' });
        await hub.must(200, 'PUT', `${sendTo(peer)}?targetName=g%201`);
        await peer.must(send);
        assert.equal((await peer.take({ type: 'message' })).data, 1);
        await hub.must(204, 'DELETE', `${joinLeave(peer)}?targetName=g%201`);
        await hub.must(404, 'HEAD', `${joinLeave(peer)}?targetName=g%201`);
        await peer.must({ ...send, data: 2 }); // it has not been evicted
        assert.equal((await peer.take({ type: 'message' })).data, 2);
        await peer.fails('Forbidden', { type: 'leaveGroup', group: 'g 1' });
        peer.cut();
    }
});

test('a permission for all groups, and one that is denied all the same', async () => {
    const hub = newHub();
    const [peer, global] = await hub.both({ roles: [] });
    await hub.must(200, 'PUT', joinLeave(peer));
    await hub.must(200, 'HEAD', joinLeave(peer));
    await hub.must(200, 'HEAD', `${joinLeave(peer)}?targetName=any`);
    await peer.join('any');
    await hub.must(204, 'DELETE', `${joinLeave(peer)}?targetName=secret`);
    await hub.must(404, 'HEAD', `${joinLeave(peer)}?targetName=secret`);
    await peer.fails('Forbidden', { type: 'joinGroup', group: 'secret' });
    await peer.join('other');
    await hub.must(200, 'PUT', `${joinLeave(peer)}?targetName=secret`);
    await peer.join('secret');
    await hub.must(204, 'DELETE', joinLeave(peer));
    await peer.fails('Forbidden', { type: 'joinGroup', group: 'one more' });
    cut(peer, global);
});

test('roles of the token can be revoked group by group', async () => {
    const hub = newHub();
    for (const role of ['webpubsub.sendToGroup', 'webpubsub.sendToGroups.**']) {
        const peer = await hub.connect({ roles: [role] });
        const send = { type: 'sendToGroup', data: 1 };
        await hub.must(200, 'HEAD', `${sendTo(peer)}?targetName=g`);
        await hub.must(204, 'DELETE', `${sendTo(peer)}?targetName=g`);
        await peer.fails('Forbidden', { ...send, group: 'g' });
        await peer.must({ ...send, group: 'h' });
        await hub.must(200, 'PUT', `${sendTo(peer)}?targetName=g`);
        await peer.must({ ...send, group: 'g' });
        peer.cut();
    }
});

test('at most 1000 permissions of a kind', async () => {
    const hub = newHub();
    const peer = await hub.connect({ roles: [] });
    const at = await hub.socketAt(0);
    for (let number = 0; number < 1000; number += 1) {
        await hub.must(200, 'PUT', `${sendTo(peer)}?targetName=g${number}`, { at });
    }
    const { status, json } = await hub.call('PUT', `${sendTo(peer)}?targetName=more`, { at });
    assert.equal(status, 409);
    assert.equal(json.code, 'Error.Connection.Conflict');
    await hub.must(200, 'PUT', `${sendTo(peer)}?targetName=g7`, { at });
    await hub.must(200, 'PUT', `${joinLeave(peer)}?targetName=more`, { at });
    await peer.must({ type: 'sendToGroup', group: 'g999', data: 1 });
    at.destroy();
    peer.cut();
});

test('groups, permissions and ackIds survive a recovery, at any process', async () => {
    const hub = newHub();
    for (const peer of await hub.both({
        user: 'u',
        protocol: JSON_RELIABLE,
        roles: ['webpubsub.sendToGroup'],
        groups: ['token'],
    })) {
        await hub.must(200, 'PUT', `${joinLeave(peer)}?targetName=granted`);
        await hub.must(204, 'DELETE', `${sendTo(peer)}?targetName=denied`);
        await hub.must(200, 'PUT', `/groups/added/connections/${idOf(peer)}`);
        // What a process remembers of other requests may be behind a recovery at the other one.
        const request = { type: 'sendToGroup', group: 'allowed', data: 1, ackId: 7000 };
        await peer.must(request);
        await peer.join('granted');
        let now = peer;
        for (let recovery = 0; recovery < 3; recovery += 1) {
            await now.close(1001); // what the process remembers is kept before the other one asks for it
            now = await now.recover();
            for (const group of ['token', 'added', 'granted']) {
                await hub.send(`/groups/${group}`, `${group} ${recovery}`);
                await now.take({ type: 'message', group, data: `${group} ${recovery}` });
            }
            await hub.must(200, 'HEAD', `${joinLeave(now)}?targetName=granted`);
            await hub.must(404, 'HEAD', `${sendTo(now)}?targetName=denied`);
            await now.fails('Duplicate', request);
            await now.fails('Forbidden', { type: 'sendToGroup', group: 'denied', data: 1 });
            await now.must({ type: 'sendToGroup', group: 'allowed', data: 1 });
            await now.join('granted');
            const groups = ['added', 'granted', 'token'];
            for (const group of groups) {
                assert.ok((await listed(hub, `/groups/${group}`)).includes(idOf(now)));
            }
            await hub.send('', 'by filter', "?filter='granted' in groups".replaceAll(' ', '%20'));
            await now.take({ type: 'message', data: 'by filter' });
        }
        await hub.must(204, 'DELETE', `/connections/${idOf(now)}/groups`);
        now.cut();
        now = await now.recover();
        await hub.send('/groups/token', `not ${idOf(now)}`);
        await hub.drain(now);
        assert.ok(!now.data().includes(`not ${idOf(now)}`));
        await now.close();
    }
});

test('a reliable connection that is away is managed as if it were there', async () => {
    const hub = newHub();
    for (const peer of await hub.both({ user: 'u', protocol: JSON_RELIABLE, roles: [] })) {
        peer.cut();
        await hub.must(200, 'HEAD', `/connections/${idOf(peer)}`);
        await hub.must(200, 'PUT', `${sendTo(peer)}?targetName=g`);
        await hub.must(200, 'PUT', `/groups/g/connections/${idOf(peer)}`);
        const again = await peer.recover();
        await again.must({ type: 'sendToGroup', group: 'g', data: 'mine' });
        assert.equal((await again.take({ type: 'message' })).data, 'mine');
        await again.close();
    }
});

/* ---------------------------------------------------------------- closing */

const CLOSED = { code: 1000 };

test('closing says why: the message, then 1000', async () => {
    const hub = newHub();
    const closings = {
        connection: (peer) => ['DELETE', `/connections/${idOf(peer)}?reason=b%C3%BCe%20%22x%22`],
        user: () => ['POST', '/users/u/:closeConnections?reason=b%C3%BCe%20%22x%22'],
        group: () => ['POST', '/groups/g/:closeConnections?reason=b%C3%BCe%20%22x%22'],
        hub: () => ['POST', '/:closeConnections?reason=b%C3%BCe%20%22x%22'],
    };
    for (const [name, request] of Object.entries(closings)) {
        for (const protocol of [undefined, JSON_RELIABLE, PROTOBUF_V1]) {
            for (const peer of await hub.both({ user: 'u', groups: ['g'], protocol })) {
                await hub.must(204, ...request(peer));
                const { message } = await peer.take({ type: 'system', event: 'disconnected' });
                assert.equal(message, 'büe "x"', name);
                assert.equal((await peer.closed).code, CLOSED.code);
                assert.equal(peer.frames.at(-1).event, 'disconnected');
            }
        }
    }
});

test('closing a plain WebSocket: the reason is in the close frame, cut to 123 bytes', async () => {
    const hub = newHub();
    const query = (reason) => `?reason=${encodeURIComponent(reason)}`;
    for (const [reason, expected] of [
        ['bye', 'bye'],
        ['x'.repeat(124), 'x'.repeat(123)],
        [`${'x'.repeat(122)}é`, 'x'.repeat(122)],
    ]) {
        const raw = await server.connectRaw(hub.name, '', { user: 'u' });
        await until('it is there', async () => (await hub.status('HEAD', '/users/u')) === 200);
        await hub.must(204, 'POST', `/users/u/:closeConnections${query(reason)}`);
        assert.deepEqual(await raw.closed, { ...CLOSED, reason: expected });
    }
});

test('closing without a reason, and with the excluded spared', async () => {
    const hub = newHub();
    const peers = await hub.both({ user: 'u', groups: ['g'] });
    const [spared] = await hub.both({ user: 'u', groups: ['g'] });
    const other = await hub.connect();
    const excluded = `excluded=${idOf(spared)}&excluded=nobody`;
    await hub.must(204, 'POST', `/groups/g/:closeConnections?${excluded}`);
    for (const peer of peers) {
        assert.equal((await peer.closed).code, CLOSED.code);
    }
    await hub.must(204, 'POST', `/users/u/:closeConnections?${excluded}`);
    await hub.must(204, 'POST', `/:closeConnections?${excluded}&excluded=${idOf(other)}`);
    await spared.ping();
    await other.ping();
    cut(spared, other);
});

async function isRefused(peer) {
    const again = await Peer.open(peer.recoveryUrl(), JSON_RELIABLE);
    assert.equal((await again.closed).code, 1008);
    assert.deepEqual(again.frames, []);
}

test('who was closed cannot come back by recovery', async () => {
    const hub = newHub();
    for (const peer of await hub.both({ user: 'u', protocol: JSON_RELIABLE })) {
        await hub.must(204, 'DELETE', `/connections/${idOf(peer)}?reason=bye`);
        await peer.closed;
        await until(
            'it is gone',
            async () => (await hub.status('HEAD', `/connections/${idOf(peer)}`)) === 404,
        );
        await isRefused(peer);
    }
});

test('who was closed while away is told when it comes back, and then it is over', async () => {
    const hub = newHub();
    for (const peer of await hub.both({ user: 'u', protocol: JSON_RELIABLE })) {
        peer.cut();
        await peer.closed;
        await hub.must(204, 'DELETE', `/connections/${idOf(peer)}?reason=bye`);
        const again = await Peer.open(peer.recoveryUrl(), JSON_RELIABLE);
        assert.equal((await again.take({ event: 'disconnected' })).message, 'bye');
        assert.equal((await again.closed).code, CLOSED.code);
        await isRefused(peer);
    }
});

/* ---------------------------------------------------------------- lists */

/* Follows nextLink; `host`: as the Host header. Resolves to the pages. */
async function pages(hub, path, host = `127.0.0.1:${server.httpPort}`) {
    const found = [];
    const [plain] = path.split('?');
    let next = `http://${host}${hub.target(path)}`;
    while (next) {
        assert.ok(next.startsWith(`http://${host}/api/hubs/${hub.name}${plain}?`), next);
        const target = next.slice(`http://${host}`.length);
        const { status, text, json } = await call(server, 'GET', target, {
            headers: { host },
            claims: { aud: next },
        });
        assert.equal(status, 200, text);
        found.push(json.value);
        next = json.nextLink;
    }
    return found;
}

test('lists, page by page', async () => {
    const hub = newHub();
    const peers = [];
    for (let pair = 0; pair < 6; pair += 1) {
        peers.push(...(await hub.both({ user: pair ? `ü/${pair}` : undefined, groups: ['g'] })));
    }
    const outsider = await hub.connect();
    const all = ids(peers);
    const sizes = async (query, host) => {
        const found = await pages(hub, `/groups/g/connections${query}`, host);
        const values = found.flat().map(({ connectionId }) => connectionId);
        assert.equal(new Set(values).size, values.length);
        assert.ok(values.every((id) => all.includes(id)));
        return found.map(({ length }) => length);
    };
    assert.deepEqual(await sizes(''), [12]);
    assert.deepEqual(await sizes('?maxpagesize=12'), [12]);
    assert.deepEqual(await sizes('?maxpagesize=1'), Array(12).fill(1));
    assert.deepEqual(await sizes('?maxpagesize=5'), [5, 5, 2]);
    assert.deepEqual(await sizes('?top=5'), [5]);
    assert.deepEqual(await sizes('?maxpagesize=1&top=5'), Array(5).fill(1));
    assert.deepEqual(await sizes('?maxpagesize=2&top=5'), [2, 2, 1]);
    assert.deepEqual(await sizes('?maxpagesize=5&top=500'), [5, 5, 2]);
    assert.deepEqual(await sizes('?maxpagesize=5', 'public.example:8000'), [5, 5, 2]);
    const [values] = await pages(hub, '/groups/g/connections');
    for (const [index, peer] of peers.entries()) {
        const { userId } = values.find(({ connectionId }) => connectionId === idOf(peer));
        assert.equal(userId, index < 2 ? undefined : `ü/${index >> 1}`);
    }
    cut(peers, outsider);
});

test('lists: a stranger to the group is not in them, who leaves is not any more', async () => {
    const hub = newHub();
    const [one, two] = await hub.both({ groups: ['g'] });
    assert.deepEqual(await listed(hub), ids([one, two]));
    await one.must({ type: 'leaveGroup', group: 'g' });
    assert.deepEqual(await listed(hub), ids([two]));
    await one.join('g');
    assert.deepEqual(await listed(hub), ids([one, two]));
    await two.close();
    await until('it is gone', async () => (await listed(hub)).length === 1);
    one.cut();
});

test('beyond Azure: connections, groups and users of a hub, and how many they are', async () => {
    const hub = newHub();
    const anns = await hub.both({ user: 'a/ü', groups: ['g', 'h/ü'] });
    const others = [...(await hub.both({ groups: ['g'] })), await hub.connect({ user: 'bo' })];
    const all = [...anns, ...others];
    const list = async (path) => {
        const [whole] = await pages(hub, path);
        const single = await pages(hub, `${path}?maxpagesize=1`);
        assert.deepEqual(single.flat(), whole);
        assert.ok(single.length === whole.length || whole.length === 0);
        assert.deepEqual((await pages(hub, `${path}?top=1`)).flat(), whole.slice(0, 1));
        return whole;
    };
    const idsOf = (connections) => connections.map(({ connectionId }) => connectionId).sort();
    assert.deepEqual(idsOf(await list('/connections')), ids(all));
    assert.deepEqual(idsOf(await list('/users/a%2F%C3%BC/connections')), ids(anns));
    assert.deepEqual(await list('/users/nobody/connections'), []);
    assert.deepEqual(await list('/groups'), [
        { group: 'g', connections: 4 },
        { group: 'h/ü', connections: 2 },
    ]);
    assert.deepEqual(await list('/users'), [
        { userId: 'a/ü', connections: 2 },
        { userId: 'bo', connections: 1 },
    ]);
    assert.deepEqual(await hub.must(200, 'GET', '/:count'), {
        connections: 5,
        users: 2,
        groups: 2,
    });
    cut(all);
});

test('lists: tokens to go on that nobody has given', async () => {
    const hub = newHub();
    const peers = await hub.both({ groups: ['g'] });
    for (const token of ['x', '', '%00', '%ff', 'a'.repeat(3000), '../..']) {
        const path = `/groups/g/connections?continuationToken=${token}`;
        const status = await hub.status('GET', path);
        assert.ok([200, 400].includes(status), `${token.slice(0, 20)}: ${status}`);
    }
    cut(peers);
});

await run();
