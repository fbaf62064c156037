/* The official server SDK, unmodified: every method of WebPubSubServiceClient and of its group(),
 * which throw on any status but the one they expect (spec/webpubsub.md 6, 12). Each request is a TCP
 * connection of its own, so that both bridge processes get some.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { AzureKeyCredential, WebPubSubServiceClient, odata } from '@azure/web-pubsub';
import { WebPubSubClient } from '@azure/web-pubsub-client';
import { connectMqtt } from './lib/device.mjs';
import { JSON_RELIABLE, JSON_V1, Peer } from './lib/peer.mjs';
import { Hub, ODD_NAMES, cut, idOf } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { within } from './lib/wait.mjs';

const server = await Server.start({ bridge: { public_endpoints: '["http://pub.example.com"]' } });
const connectionString = server
    .cli('keys', '--endpoint', server.httpUrl(''))
    .match(/Endpoint=\S+/)[0];

const newConnectionEachTime = {
    position: 'perCall',
    policy: {
        name: 'newConnectionEachTime',
        sendRequest: (request, next) => next(Object.assign(request, { disableKeepAlive: true })),
    },
};
const OPTIONS = { allowInsecureConnection: true, additionalPolicies: [newConnectionEachTime] };

const serviceOf = (hub, options) =>
    new WebPubSubServiceClient(connectionString, hub.name, { ...OPTIONS, ...options });

/* A hub, its service client and two clients of user u in group g at different processes. */
async function scene(who = { user: 'u', groups: ['g'] }) {
    const hub = Hub.fresh(server, 'Service');
    return { hub, service: serviceOf(hub), peers: await hub.both(who) };
}

const next = async (peer) => {
    const { dataType, data } = await peer.take({ type: 'message' });
    return [dataType, data];
};

async function collected(iterator) {
    const all = [];
    for await (const one of iterator) {
        all.push(one);
    }
    return all;
}

/* What the SDK sends for each kind of argument. */
const sends = [
    ['json', { a: [1, 'ü'] }, {}, { a: [1, 'ü'] }],
    ['json', 'text', {}, 'text'],
    ['json', 7, {}, 7],
    ['text', 'ü', { contentType: 'text/plain' }, 'ü'],
    ['binary', Uint8Array.from([0, 255]).buffer, {}, 'AP8='],
];

for (const [dataType, message, options, data] of sends) {
    test(`sends: ${dataType} ${JSON.stringify(message)}`, async () => {
        const { hub, service, peers } = await scene();
        const expected = [dataType, data];
        await service.sendToAll(message, options);
        await service.sendToUser('u', message, options);
        await service.group('g').sendToAll(message, options);
        for (const peer of peers) {
            await service.sendToConnection(idOf(peer), message, options);
            for (let copies = 0; copies < 4; copies += 1) {
                assert.deepEqual(await next(peer), expected);
            }
        }
        await hub.drain(peers);
        peers.forEach((peer) => assert.equal(peer.data().length, 4));
        cut(peers);
    });
}

test('sends: excluded connections, filter and time to live', async () => {
    const { hub, service, peers } = await scene();
    const excludedConnections = [idOf(peers[0]), 'nobody'];
    const text = { contentType: 'text/plain' };
    await service.sendToAll('excluded', { ...text, excludedConnections });
    await service.group('g').sendToAll('group excluded', { ...text, excludedConnections });
    const filter = odata`connectionId eq ${idOf(peers[0])} and userId ne ${"o''b"}`;
    await service.sendToAll('filter', { ...text, filter, messageTtlSeconds: 5 });
    await service.sendToUser('u', 'user filter', { ...text, filter, messageTtlSeconds: 300 });
    await service.group('g').sendToAll('group filter', { ...text, filter });
    await service.sendToConnection(idOf(peers[0]), 'ttl', { ...text, messageTtlSeconds: 1 });
    await hub.drain(peers);
    assert.deepEqual(peers[0].data(), ['filter', 'user filter', 'group filter', 'ttl']);
    assert.deepEqual(peers[1].data(), ['excluded', 'group excluded']);
    cut(peers);
});

test('exists: connections, groups, users', async () => {
    const { service, peers } = await scene();
    for (let turn = 0; turn < 4; turn += 1) {
        for (const peer of peers) {
            assert.equal(await service.connectionExists(idOf(peer)), true);
        }
        assert.equal(await service.groupExists('g'), true);
        assert.equal(await service.userExists('u'), true);
        assert.equal(await service.connectionExists('nobody'), false);
        assert.equal(await service.groupExists('nothing'), false);
        assert.equal(await service.userExists('nobody'), false);
    }
    cut(peers);
});

test('closes: a connection, a user, a group, all', async () => {
    const hub = Hub.fresh(server, 'Service');
    const service = serviceOf(hub);
    const ways = [
        (peer) => service.closeConnection(idOf(peer), { reason: 'bye' }),
        () => service.closeUserConnections('u', { reason: 'bye' }),
        () => service.group('g').closeAllConnections({ reason: 'bye' }),
        () => service.closeAllConnections({ reason: 'bye' }),
    ];
    for (const close of ways) {
        for (const peer of await hub.both({ user: 'u', groups: ['g'] })) {
            await close(peer);
            assert.equal((await peer.take({ event: 'disconnected' })).message, 'bye');
            assert.equal((await peer.closed).code, 1000);
        }
    }
    await service.closeConnection('nobody');
    await service.closeUserConnections('nobody');
});

test('groups: connections and users join and leave', async () => {
    const { hub, service, peers } = await scene({ user: 'u' });
    const group = service.group('g/ü');
    const say = (text) => group.sendToAll(text, { contentType: 'text/plain' });
    await group.addConnection(idOf(peers[0]));
    await say('first');
    await group.removeConnection(idOf(peers[0]));
    await group.addUser('u');
    await say('both');
    await group.removeUser('u');
    await say('none');
    await group.addUser('u');
    await service.removeConnectionFromAllGroups(idOf(peers[0]));
    await say('second');
    await service.removeUserFromAllGroups('u');
    await say('none');
    await service.addConnectionsToGroups(['a', 'g/ü'], odata`connectionId eq ${idOf(peers[1])}`);
    await say('by filter');
    await service.removeConnectionsFromGroups(['g/ü'], 'userId eq null');
    await say('still');
    await service.removeConnectionsFromGroups(['g/ü', 'a'], "userId eq 'u'");
    await say('none');
    await hub.drain(peers);
    assert.deepEqual(peers[0].data(), ['first', 'both']);
    assert.deepEqual(peers[1].data(), ['both', 'second', 'by filter', 'still']);
    await assert.rejects(group.addConnection('nobody'), { statusCode: 404 });
    await assert.rejects(group.addUser('nobody'), { statusCode: 404 });
    cut(peers);
});

test('groups: their connections, listed', async () => {
    const { hub, service, peers } = await scene();
    peers.push(
        ...(await hub.both({ user: 'v', groups: ['g'] })),
        await hub.connect({ groups: ['g'] }),
    );
    const list = async (options) => collected(await service.group('g').listConnections(options));
    const expected = peers.map(idOf).sort();
    for (const options of [undefined, { maxPageSize: 1 }, { maxPageSize: 2, top: 100 }]) {
        const found = await list(options);
        assert.deepEqual(found.map(({ connectionId }) => connectionId).sort(), expected);
        assert.deepEqual(found.map(({ userId }) => userId).sort(), ['u', 'u', 'v', 'v', undefined]);
    }
    assert.equal((await list({ top: 3 })).length, 3);
    assert.equal((await list({ maxPageSize: 2, top: 3 })).length, 3);
    assert.deepEqual(await collected(await service.group('nothing').listConnections()), []);
    const sizes = [];
    for await (const page of (
        await service.group('g').listConnections({ maxPageSize: 2 })
    ).byPage()) {
        sizes.push(page.length);
    }
    assert.deepEqual(sizes, [2, 2, 1]);
    cut(peers);
});

test('permissions: granted, asked for and revoked', async () => {
    const { service, peers } = await scene({ roles: [] });
    for (const permission of ['joinLeaveGroup', 'sendToGroup']) {
        for (const peer of peers) {
            const has = (options) => service.hasPermission(idOf(peer), permission, options);
            const target = { targetName: 'g 1/ü' };
            assert.equal(await has(target), false);
            await service.grantPermission(idOf(peer), permission, target);
            assert.deepEqual([await has(target), await has()], [true, false]);
            await service.revokePermission(idOf(peer), permission, target);
            assert.equal(await has(target), false);
            await service.grantPermission(idOf(peer), permission);
            assert.deepEqual([await has({ targetName: 'any' }), await has()], [true, true]);
            await service.revokePermission(idOf(peer), permission);
            assert.deepEqual([await has({ targetName: 'any' }), await has()], [false, false]);
        }
    }
    await assert.rejects(service.grantPermission('nobody', 'sendToGroup', { targetName: 'g' }), {
        statusCode: 404,
    });
    cut(peers);
});

for (const name of ODD_NAMES) {
    test(`names: ${name}`, async () => {
        const { hub, service, peers } = await scene({ user: name, groups: [name] });
        const text = { contentType: 'text/plain' };
        const group = service.group(name);
        await service.sendToUser(name, 'user', text);
        await group.sendToAll('group', text);
        await service.sendToAll('filter', {
            ...text,
            filter: odata`userId eq ${name} and ${name} in groups`,
        });
        await hub.drain(peers);
        peers.forEach((peer) => assert.deepEqual(peer.data(), ['user', 'group', 'filter']));
        assert.equal(await service.userExists(name), true);
        assert.equal(await service.groupExists(name), true);
        const members = await collected(await group.listConnections({ maxPageSize: 1 }));
        assert.deepEqual(
            members.map(({ userId }) => userId),
            [name, name],
        );
        await group.removeUser(name);
        assert.equal(await service.groupExists(name), false);
        await service.closeUserConnections(name, { reason: name });
        for (const peer of peers) {
            assert.equal((await peer.take({ event: 'disconnected' })).message, name);
        }
    });
}

test('tokens for JSON and MQTT clients, made by the SDK', async () => {
    const { hub, service, peers } = await scene();
    const options = { userId: 'ann', roles: ['webpubsub.joinLeaveGroup.x'], groups: ['g'] };
    const { url } = await service.getClientAccessToken({ ...options, expirationTimeInMinutes: 1 });
    const client = new WebPubSubClient(url);
    const messages = [];
    client.on('group-message', ({ message }) => messages.push(message));
    const connected = new Promise((resolve) => {
        client.on('connected', resolve);
    });
    await client.start();
    assert.equal((await within(() => 'connected', connected)).userId, 'ann');
    await client.joinGroup('x');
    assert.equal(await service.userExists('ann'), true);
    client.stop();
    const mqtt = await service.getClientAccessToken({ ...options, clientProtocol: 'mqtt' });
    const device = await connectMqtt(mqtt.url);
    await service.group('g').sendToAll('x', { contentType: 'text/plain' });
    assert.equal((await device.take()).text, 'x');
    await device.endAsync();
    await hub.drain(peers);
    cut(peers);
});

test('tokens for JSON and MQTT clients, made by the server', async () => {
    const hub = Hub.fresh(server, 'Service');
    const query =
        '?userId=a%2F%C3%BC&role=webpubsub.joinLeaveGroup.x&role=webpubsub.sendToGroup&group=g&group=h%20i&minutesToExpire=5';
    const { token } = await hub.must(200, 'POST', `/:generateToken${query}`);
    const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    assert.equal(claims.exp - claims.iat, 300);
    const url = (door, text) =>
        server.httpUrl(`/${door}/hubs/${hub.name}?access_token=${text}`, 'ws');
    const peer = await Peer.open(url('client', token), JSON_RELIABLE);
    assert.equal((await peer.take({ event: 'connected' })).userId, 'a/ü');
    await peer.join('x');
    await peer.fails('Forbidden', { type: 'joinGroup', group: 'y' });
    for (const group of ['g', 'h%20i']) {
        await hub.send(`/groups/${group}`, group);
        assert.equal((await peer.take({ type: 'message' })).data, group);
    }
    await peer.close();
    await assert.rejects(Peer.open(url('clients/mqtt', token), 'mqtt'), { status: 401 });
    const mqtt = await hub.must(200, 'POST', `/:generateToken${query}&clientType=MQTT`);
    const device = await connectMqtt(url('clients/mqtt', mqtt.token));
    await hub.send('/groups/g', 'x');
    assert.equal((await device.take()).text, 'x');
    await device.endAsync();
    await assert.rejects(Peer.open(url('client', mqtt.token), JSON_V1), { status: 401 });
    const plain = await hub.must(200, 'POST', '/:generateToken');
    const { exp, iat, sub } = JSON.parse(Buffer.from(plain.token.split('.')[1], 'base64url'));
    assert.deepEqual([exp - iat, sub], [3600, undefined]);
    const anonymous = await Peer.open(url('client', plain.token), JSON_V1);
    await anonymous.fails('Forbidden', { type: 'joinGroup', group: 'g' });
    anonymous.cut();
});

test('the other ways to make a client: key, case of the hub, proxy, keep-alive', async () => {
    const { hub, service, peers } = await scene();
    const endpoint = server.httpUrl('');
    const credential = new AzureKeyCredential(server.keys[1]);
    const insecure = { allowInsecureConnection: true };
    for (const other of [
        new WebPubSubServiceClient(endpoint, credential, hub.name, insecure),
        new WebPubSubServiceClient(endpoint, credential, hub.name.toUpperCase(), insecure),
        new WebPubSubServiceClient('http://pub.example.com', credential, hub.name, {
            ...insecure,
            reverseProxyEndpoint: endpoint,
        }),
        new WebPubSubServiceClient(connectionString, hub.name, insecure),
        service,
    ]) {
        for (let turn = 0; turn < 3; turn += 1) {
            await other.sendToUser('u', { turn });
        }
        assert.equal(await other.userExists('u'), true);
        for (const peer of peers) {
            assert.deepEqual((await next(peer))[1], { turn: 0 });
            assert.deepEqual((await next(peer))[1], { turn: 1 });
            assert.deepEqual((await next(peer))[1], { turn: 2 });
        }
    }
    const stranger = new WebPubSubServiceClient(
        endpoint,
        new AzureKeyCredential('x'.repeat(44)),
        hub.name,
        insecure,
    );
    await assert.rejects(stranger.sendToAll('x'), { statusCode: 401 });
    await assert.rejects(stranger.userExists('u'), { statusCode: 401 });
    cut(peers);
});

test('errors come with their code', async () => {
    const { service, peers } = await scene();
    await assert.rejects(service.sendToAll('x', { filter: 'nonsense(' }), (error) => {
        assert.equal(error.statusCode, 400);
        assert.equal(error.code, 'Error.BadRequest');
        assert.match(error.message, /filter/i);
        return true;
    });
    await assert.rejects(service.sendToAll('x', { messageTtlSeconds: 301 }), { statusCode: 400 });
    await assert.rejects(service.sendToAll(Buffer.alloc((1 << 20) + 1)), ({ statusCode }) =>
        [400, 413].includes(statusCode),
    );
    cut(peers);
});

await run();
