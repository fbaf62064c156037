/* System events with the official express middleware, unmodified, as the application: connect,
 * connected, disconnected, group presence, and the state of a connection (spec/webpubsub.md 7.4, 7.5).
 * User events are in events_test.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { application as makeApplication } from './lib/application.mjs';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_V1, Peer } from './lib/peer.mjs';
import { connectBoth } from './lib/processes.mjs';
import './lib/protobuf.mjs';
import { cut, idOf } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until } from './lib/wait.mjs';
import { Webhook, hubConfig } from './lib/webhook.mjs';

const hook = await Webhook.start();
const server = await Server.start({
    hubs: [
        hubConfig('_default', { handlers: [hook.handler({ attempts: 1 })], recovery_window: '1s' }),
        hubConfig('groups', {
            handlers: [
                hook.handler({
                    groupEvents: ['joined', 'left'],
                    groupFilters: ['room.*', 'exact'],
                }),
            ],
        }),
        hubConfig('open', {
            handlers: [hook.handler({ attempts: 1 })],
            anonymous_connect_policy: 'allow',
        }),
    ],
});
const application = (handlers, name) => makeApplication(server, hook, handlers, name);

const refusal = (promise) =>
    promise.then(
        () => assert.fail('it was let in'),
        ({ status }) => status,
    );

/* ---------------------------------------------------------------- connect */

test('connect: what the application is told', async () => {
    const hub = application({});
    const peer = await Peer.open(
        server.url(hub.name, { user: 'u/1', groups: ['g'], extra: ['x', 'y'] }, '&k=v&k=%C3%BC&e='),
        [JSON_RELIABLE, JSON_V1],
        {
            headers: {
                cookie: 'a=b',
                authorization: 'Bearer x',
                'X-Tenant': ['one', 'two'],
            },
        },
    );
    const { connectionId } = await peer.take({ event: 'connected' });
    const [[, request]] = hub.events;
    assert.equal(request.context.userId, 'u/1');
    assert.equal(request.context.hub.toLowerCase(), hub.name.toLowerCase());
    assert.equal(request.context.connectionId, connectionId);
    assert.equal(request.context.eventName, 'connect');
    assert.deepEqual(request.claims.sub, ['u/1']);
    assert.deepEqual(request.claims.role, ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup']);
    assert.deepEqual(request.claims['webpubsub.group'], ['g']);
    assert.deepEqual(request.claims.extra, ['x', 'y']);
    assert.equal(request.claims.exp.length, 1);
    assert.deepEqual(request.query, { k: ['v', 'ü'], e: [''] });
    assert.deepEqual(request.subprotocols, [JSON_RELIABLE, JSON_V1]);
    const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, values]) => [name.toLowerCase(), values]),
    );
    assert.deepEqual(headers.host, [`127.0.0.1:${server.httpPort}`]);
    assert.deepEqual(headers.cookie, ['a=b']);
    assert.deepEqual(request.headers['X-Tenant'], ['one', 'two']); // a name that is not well-known
    assert.deepEqual(headers.upgrade, ['websocket']);
    assert.equal(headers.authorization, undefined);
    assert.ok(Object.values(headers).every(Array.isArray));
    assert.deepEqual(request.clientCertificates ?? [], []);
    await peer.close();
});

test('connect: accepted as it is, with token, groups and roles', async () => {
    const hub = application({});
    const peer = await hub.connect({
        user: 'u',
        groups: ['g'],
        roles: ['webpubsub.sendToGroup.g'],
    });
    assert.equal(peer.connected.userId, 'u');
    await peer.must({ type: 'sendToGroup', group: 'g', data: 1 });
    await peer.take({ type: 'message', data: 1 });
    await peer.fails('Forbidden', { type: 'joinGroup', group: 'h' });
    peer.cut();
});

test('connect: user, groups and roles of the answer go before those of the token', async () => {
    const hub = application({
        connect: (_, response) =>
            response.success({
                userId: 'new/ü',
                groups: ['a', 'b'],
                roles: ['webpubsub.joinLeaveGroup.x'],
            }),
    });
    const peers = await hub.both({ user: 'old', groups: ['g'] });
    for (const group of ['a', 'g', 'b']) {
        await hub.send(`/groups/${group}`, group);
    }
    await hub.send('/users/new%2F%C3%BC', 'user');
    await hub.send('/users/old', 'old user');
    await hub.drain(peers);
    for (const peer of peers) {
        assert.equal(peer.connected.userId, 'new/ü');
        assert.deepEqual(peer.data(), ['a', 'b', 'user']);
        await peer.join('x');
        await peer.fails('Forbidden', { type: 'joinGroup', group: 'y' });
        await peer.fails('Forbidden', { type: 'sendToGroup', group: 'x', data: 1 });
    }
    cut(peers);
});

test('connect: no roles take all away, no groups leave those of the token', async () => {
    const hub = application({
        connect: (_, response) => response.success({ groups: [], roles: [] }),
    });
    const peer = await hub.connect({ user: 'u', groups: ['g'] });
    await peer.fails('Forbidden', { type: 'joinGroup', group: 'g' });
    await hub.send('/groups/g', 'x');
    await peer.take({ type: 'message', data: 'x' });
    peer.cut();
});

test('connect: refused with the status of the application', async () => {
    for (const [code, expected] of [
        [400, 400],
        [401, 401],
        [403, 403],
        [404, 404],
        [429, 429],
        [500, 500],
    ]) {
        const hub = application({ connect: (_, response) => response.fail(code, 'denied!') });
        assert.equal(await refusal(hub.connect()), expected);
        assert.deepEqual(
            hub.events.map(([event]) => event),
            ['connect'],
        );
    }
});

test('connect: the subprotocol that the application chooses', async () => {
    const choosing = (subprotocol) =>
        application({ connect: (_, response) => response.success({ subprotocol }) });
    const open = (hub, offered) => Peer.open(server.url(hub.name), offered);
    const second = await open(choosing(PROTOBUF_V1), [PROTOBUF_V1, JSON_V1]);
    assert.equal(second.socket.protocol, PROTOBUF_V1);
    const json = await open(choosing(JSON_V1), [JSON_V1, PROTOBUF_V1]);
    assert.equal(json.socket.protocol, JSON_V1);
    await json.take({ event: 'connected' });
    const own = choosing('custom.v1');
    const custom = await open(own, ['custom.v1', 'other']);
    assert.equal(custom.socket.protocol, 'custom.v1');
    await own.send('', 'plain');
    assert.deepEqual(await custom.take(() => true), { text: 'plain' });
    assert.ok((await refusal(open(choosing(PROTOBUF_V1), [JSON_V1]))) >= 400);
    const first = await open(application({}), ['unknown', JSON_V1, PROTOBUF_V1]);
    assert.equal(first.socket.protocol, JSON_V1);
    cut(second, json, custom, first);
});

test('connect: who comes without a token', async () => {
    application({ connect: (_, response) => response.success({ userId: 'guest' }) }, 'open');
    const peer = await Peer.open(server.httpUrl('/client/hubs/open', 'ws'), JSON_V1);
    assert.equal((await peer.take({ event: 'connected' })).userId, 'guest');
    peer.cut();
    application({}, 'open');
    const nobody = await Peer.open(server.httpUrl('/client/hubs/open', 'ws'), JSON_V1);
    assert.equal((await nobody.take({ event: 'connected' })).userId ?? undefined, undefined);
    nobody.cut();
});

test('connect: the middleware allows this endpoint, or another one', async () => {
    const allowing = (endpoint) => application({ options: { allowedEndpoints: [endpoint] } });
    const peer = await allowing(server.httpUrl('')).connect();
    peer.cut();
    const hub = allowing('https://other.example');
    assert.equal(await refusal(hub.connect()), 500);
    assert.deepEqual(hub.events, []);
});

/* ---------------------------------------------------------------- state, connected, disconnected */

test('state: what the application sets comes back with all later events', async () => {
    const hub = application({
        connect: (request, response) => {
            response.setState('k', 1);
            response.setState('ü', ['x']);
            response.success();
        },
        user: (request, response) => {
            response.setState('n', (request.context.states.n ?? 0) + 1);
            response.success(JSON.stringify(request.context.states), 'json');
        },
    });
    for (const peer of await hub.both({ protocol: JSON_RELIABLE })) {
        const ask = async (on, states) => {
            await on.must({ type: 'event', event: 'e', data: 1 });
            assert.deepEqual((await on.take({ type: 'message' })).data, states);
        };
        await ask(peer, { k: 1, ü: ['x'], n: 1 });
        await ask(peer, { k: 1, ü: ['x'], n: 2 });
        peer.cut();
        const again = await peer.recover();
        await again.take({ type: 'message' });
        await again.take({ type: 'message' }); // they were not acknowledged
        await ask(again, { k: 1, ü: ['x'], n: 3 });
        await again.close();
        const of = (event) =>
            hub.told(event).find(({ context }) => context.connectionId === idOf(peer));
        await until('disconnected', () => of('disconnected'));
        assert.deepEqual(of('connected').context.states, { k: 1, ü: ['x'] });
        assert.deepEqual(of('disconnected').context.states, { k: 1, ü: ['x'], n: 3 });
    }
});

test('connected and disconnected, each once and in order', async () => {
    const hub = application({});
    const peers = await hub.both({ user: 'u' });
    for (const peer of peers) {
        await peer.must({ type: 'event', event: 'e', data: 1 });
        await peer.close();
    }
    for (const peer of peers) {
        const told = () => hub.toldOf(idOf(peer));
        await until('disconnected', () => told().includes('disconnected'));
        assert.deepEqual(told(), ['connect', 'connected', 'user', 'disconnected']);
    }
    hub.events.forEach(([, { context }]) => assert.equal(context.userId, 'u'));
});

test('disconnected says why', async () => {
    const hub = application({});
    const peer = await hub.connect();
    await hub.must(204, 'DELETE', `/connections/${idOf(peer)}?reason=enough`);
    const [{ reason }] = await hub.untilTold('disconnected');
    assert.match(reason, /enough/);
});

test('a reliable client: disconnected once its time is up, nothing for a recovery', async () => {
    const hub = application({});
    for (const peer of await hub.both({ protocol: JSON_RELIABLE })) {
        peer.cut();
        const again = await peer.recover();
        again.cut();
        const mine = () => hub.toldOf(idOf(peer));
        await until('disconnected', () => mine().includes('disconnected'));
        assert.deepEqual(mine(), ['connect', 'connected', 'disconnected']);
        const late = await Peer.open(peer.recoveryUrl(), JSON_RELIABLE);
        assert.equal((await late.closed).code, 1008);
        assert.deepEqual(mine(), ['connect', 'connected', 'disconnected']);
    }
});

test('a client that never finishes: disconnected all the same', async () => {
    const hub = application({});
    const peer = await hub.connect();
    peer.cut();
    await hub.untilTold('disconnected');
    assert.equal(hub.told('disconnected').length, 1);
});

/* ---------------------------------------------------------------- group presence */

test('joined and left, of the groups that the filters name', async () => {
    const hub = application({}, 'groups');
    const [one, two] = await connectBoth(server, 'groups', { user: 'u', groups: ['room.token'] });
    await one.join('room.1');
    await one.join('room.1'); // it is in there already
    await one.join('room.1.2');
    await one.join('other');
    await one.join('exact');
    await hub.must(200, 'PUT', `/groups/room.rest/connections/${idOf(two)}`);
    await one.must({ type: 'leaveGroup', group: 'room.1' });
    await hub.must(204, 'DELETE', `/groups/room.rest/connections/${idOf(two)}`);
    const told = (event, peer) =>
        hub
            .told(event)
            .filter(({ context }) => context.connectionId === idOf(peer))
            .map(({ group }) => group)
            .sort();
    await until('the last one', () => told('left', two).length === 1);
    await until('the last one', () => told('left', one).length === 1);
    assert.deepEqual(told('joined', one), ['exact', 'room.1', 'room.token']);
    assert.deepEqual(told('joined', two), ['room.rest', 'room.token']);
    assert.deepEqual([told('left', one), told('left', two)], [['room.1'], ['room.rest']]);
    await one.close();
    await hub.untilTold('disconnected');
    await two.close();
});

await run();
