/* Events of MQTT clients of a hub: connect with its fields and codes, custom events and their
 * answers, the end of a session (spec/webpubsub.md 5.2, 5.3). The application is the official express
 * middleware where it knows how, else lib/webhook.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { application as makeApplication, echo } from './lib/application.mjs';
import { connectMqtt } from './lib/device.mjs';
import { Hub } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until } from './lib/wait.mjs';
import { Webhook, hubConfig } from './lib/webhook.mjs';

const hook = await Webhook.start();
const server = await Server.start({
    hubs: [
        hubConfig('_default', { handlers: [hook.handler({ attempts: 1 })] }),
        hubConfig('open', {
            handlers: [hook.handler({ attempts: 1 })],
            anonymous_connect_policy: 'allow',
        }),
        hubConfig('nothing'),
    ],
});
const application = (handlers, name) => makeApplication(server, hook, handlers, name);

const DOOR = 'clients/mqtt';
const connect = (hub, options, who) =>
    connectMqtt(server.url(hub.name, { door: DOOR, user: 'u', ...who }), options);

/* The code with which CONNACK refuses it. */
const refusal = (promise) =>
    promise.then(
        () => assert.fail('it was let in'),
        ({ code }) => code,
    );

let clients = 0;
function newId() {
    clients += 1;
    return `client${clients}`;
}

for (const protocolVersion of [4, 5]) {
    test(`version ${protocolVersion}: what the application is told of a connect`, async () => {
        const hub = application({});
        const clientId = newId();
        const properties = { userProperties: { a: ['1', '2'], b: 'ü' } };
        const client = await connect(
            hub,
            {
                protocolVersion,
                clientId,
                username: 'ann',
                password: 'sécret',
                ...(protocolVersion === 5 && { properties }),
            },
            { groups: ['g'] },
        );
        const [{ context, claims, mqtt, subprotocols }] = hub.told('connect');
        assert.equal(context.connectionId, clientId);
        assert.equal(context.clientProtocol, 'mqtt');
        assert.equal(context.userId, 'u');
        assert.ok(context.mqtt.physicalConnectionId.length > 10);
        assert.equal(context.mqtt.sessionId, undefined);
        assert.deepEqual(claims.sub, ['u']);
        assert.deepEqual(subprotocols, ['mqtt']);
        assert.equal(mqtt.protocolVersion, protocolVersion);
        assert.equal(mqtt.cleanStart, true);
        assert.equal(mqtt.username, 'ann');
        assert.equal(Buffer.from(mqtt.password, 'base64').toString(), 'sécret');
        const given = [
            { name: 'a', value: '1' },
            { name: 'a', value: '2' },
            { name: 'b', value: 'ü' },
        ];
        assert.deepEqual(mqtt.userProperties ?? null, protocolVersion === 5 ? given : null);
        const [connected] = await hub.untilTold('connected');
        assert.equal(
            connected.context.mqtt.physicalConnectionId,
            context.mqtt.physicalConnectionId,
        );
        assert.ok(connected.context.mqtt.sessionId.length > 0);
        await client.endAsync();
        const [disconnected] = await hub.untilTold('disconnected');
        assert.equal(disconnected.context.mqtt.sessionId, connected.context.mqtt.sessionId);
        assert.equal(disconnected.mqtt.initiatedByClient, true);
        assert.equal(disconnected.mqtt.disconnectPacket.code, 0);
    });

    test(`version ${protocolVersion}: without user name and password`, async () => {
        const hub = application({});
        const client = await connect(hub, { protocolVersion, clientId: newId() });
        const [{ mqtt }] = hub.told('connect');
        assert.deepEqual([mqtt.username, mqtt.password], [null, null]);
        client.stream.destroy();
        const [{ mqtt: end }] = await hub.untilTold('disconnected');
        assert.equal(end.disconnectPacket, null);
    });
}

test('the source names client and physical connection', async () => {
    const hub = Hub.fresh(server, 'Mqtt');
    const clientId = newId();
    const client = await connect(hub, { clientId });
    const take = (event) => hook.take({ hub: hub.name.toLowerCase(), event, method: 'POST' });
    for (const event of ['connect', 'connected']) {
        const { headers } = await take(event);
        const physical = headers['ce-physicalconnectionid'];
        const source = `/hubs/${hub.name.toLowerCase()}/client/${clientId}/${physical}`;
        assert.equal(headers['ce-source'], source);
        assert.equal(headers['ce-subprotocol'], 'mqtt');
        assert.equal(headers['ce-sessionid'] !== undefined, event === 'connected');
    }
    await client.endAsync();
});

test('user, groups, roles and user properties of the answer', async () => {
    const hub = application({
        connect: (_, response) =>
            response.success({
                userId: 'new',
                groups: ['a', 'b/c'],
                roles: ['webpubsub.joinLeaveGroup.x'],
                mqtt: { userProperties: [{ name: 'k', value: 'v' }] },
            }),
    });
    const client = await connect(hub, { clientId: newId() }, { groups: ['g'] });
    assert.equal(client.connackPacket.properties.userProperties.k, 'v');
    for (const group of ['a', 'g', 'b%2Fc']) {
        await hub.send(`/groups/${group}`, group);
    }
    await hub.send('/users/new', 'user');
    const topics = [await client.take(), await client.take(), await client.take()];
    assert.deepEqual(
        topics.map(({ topic }) => topic),
        ['a', 'b/c', '$webpubsub/server/messages'],
    );
    await client.subscribeAsync('x');
    await assert.rejects(client.subscribeAsync('y'));
    await client.endAsync();
});

/* What the application answers and what CONNACK says then, for version 4 and 5. */
const codes = [
    ['fail(400)', (response) => response.fail(400, 'no'), 4, 0x86],
    ['fail(401)', (response) => response.fail(401, 'no'), 5, 0x87],
    ['fail(500)', (response) => response.fail(500, 'no'), 3, 0x80],
];
for (const [what, answer, version4, version5] of codes) {
    test(`refused: ${what}`, async () => {
        const hub = application({ connect: (_, response) => answer(response) });
        for (const [protocolVersion, code] of [
            [4, version4],
            [5, version5],
        ]) {
            const options = { protocolVersion, clientId: newId() };
            assert.equal(await refusal(connect(hub, options)), code);
        }
        assert.deepEqual(hub.told('connected'), []);
    });
}

test('refused: with the code that the application has chosen', async () => {
    const failing = (code) =>
        application({
            connect: (_, response) =>
                response.failWith({
                    mqtt: { code, reason: 'ban', userProperties: [{ name: 'k', value: 'v' }] },
                }),
        });
    for (const code of [0x8a, 0x87, 0x86, 0x97, 0x9f, 0x88, 0x85, 0x80]) {
        const options = { protocolVersion: 5, clientId: newId() };
        assert.equal(await refusal(connect(failing(code), options)), code);
    }
    for (const code of [1, 2, 3, 4, 5]) {
        const options = { protocolVersion: 4, clientId: newId() };
        assert.equal(await refusal(connect(failing(code), options)), code);
    }
});

test('refused: unusable codes and bodies are 0x80', async () => {
    const bodies = ['', '{', '{"mqtt":1}', '{"mqtt":{"code":"x"}}', '{"mqtt":{"code":0}}', '[]'];
    for (const body of [...bodies, '{"mqtt":{"code":300}}', '{"mqtt":{"code":1}}']) {
        const hub = Hub.fresh(server, 'Mqtt');
        hook.answer(hub.name, ({ event }) =>
            event === 'connect'
                ? { status: 500, headers: { 'content-type': 'application/json' }, body }
                : undefined,
        );
        const code = await refusal(connect(hub, { protocolVersion: 5, clientId: newId() }));
        assert.equal(code, 0x80, body);
    }
});

test('user name and password instead of a token', async () => {
    const hub = application(
        {
            connect: (request, response) =>
                request.mqtt.username === 'ann'
                    ? response.success({ userId: 'ann', roles: ['webpubsub.joinLeaveGroup'] })
                    : response.fail(401, 'who?'),
        },
        'open',
    );
    const url = server.httpUrl(`/${DOOR}/hubs/open`, 'ws');
    const client = await connectMqtt(url, { clientId: newId(), username: 'ann', password: 'x' });
    await client.subscribeAsync('g');
    await hub.send('/users/ann', 'x');
    assert.equal((await client.take()).text, 'x');
    await client.endAsync();
    assert.equal(await refusal(connectMqtt(url, { clientId: newId(), username: 'bo' })), 0x87);
});

test('a session that is resumed: connect again, connected and disconnected once', async () => {
    const hub = application({});
    const options = {
        clientId: newId(),
        clean: false,
        properties: { sessionExpiryInterval: 1 },
    };
    const first = await connect(hub, options);
    await first.subscribeAsync('g', { qos: 1 });
    first.stream.destroy();
    const second = await connect(hub, options);
    assert.equal(second.connackPacket.sessionPresent, true);
    const [one, two] = hub.told('connect');
    assert.notEqual(one.context.mqtt.physicalConnectionId, two.context.mqtt.physicalConnectionId);
    assert.equal(two.mqtt.cleanStart, false);
    second.stream.destroy();
    await hub.untilTold('disconnected');
    assert.deepEqual(
        hub.events.map(([event]) => event),
        ['connect', 'connected', 'connect', 'disconnected'],
    );
});

/* ---------------------------------------------------------------- custom events */

const EVENTS = '$webpubsub/server/events';

test('custom events: the answer is published to the client', async () => {
    const hub = application({ user: echo });
    for (const qos of [0, 1, 2]) {
        const client = await connect(hub, { clientId: newId() });
        const properties = {
            contentType: 'application/json',
            correlationData: Buffer.from([1, qos]),
            userProperties: { x: 'y' },
        };
        await client.publishAsync(`${EVENTS}/calc.it`, '{"a":1}', { qos, properties });
        const { topic, text, packet } = await client.take();
        assert.deepEqual([topic, text], [`${EVENTS}/calc.it/succeeded`, '{"a":1}']);
        assert.equal(packet.qos, qos);
        assert.deepEqual(packet.properties.correlationData, Buffer.from([1, qos]));
        assert.match(packet.properties.contentType, /^application\/json/);
        assert.equal(packet.properties.userProperties['azure-status-code'], '200');
        await client.endAsync();
    }
    const [request] = hub.told('user');
    assert.deepEqual(
        [request.dataType, request.data, request.context.eventName, request.context.clientProtocol],
        ['json', { a: 1 }, 'calc.it', 'mqtt'],
    );
    assert.ok(request.context.mqtt.sessionId);
});

test('custom events: of version 3.1.1', async () => {
    const hub = application({ user: echo });
    const client = await connect(hub, { clientId: newId(), protocolVersion: 4 });
    await client.publishAsync(`${EVENTS}/e`, Buffer.from([0, 255]), { qos: 1 });
    const { topic, payload } = await client.take();
    assert.deepEqual([topic, [...payload]], [`${EVENTS}/e/succeeded`, [0, 255]]);
    assert.equal(hub.told('user')[0].dataType, 'binary');
    await client.endAsync();
});

test('custom events: failing, and without a handler', async () => {
    const hub = application({ user: (_, response) => response.fail(403, 'no') });
    const client = await connect(hub, { clientId: newId() });
    await client.publishAsync(`${EVENTS}/e`, 'x', {
        qos: 1,
        properties: { correlationData: Buffer.from('c') },
    });
    const { topic, packet } = await client.take();
    assert.equal(topic, `${EVENTS}/e/failed`);
    assert.equal(packet.properties.userProperties['azure-status-code'], '403');
    assert.equal(packet.properties.correlationData.toString(), 'c');
    await client.endAsync();
    const other = await connectMqtt(server.url('nothing', { door: DOOR }), { clientId: newId() });
    await other.publishAsync(`${EVENTS}/e`, 'x', { qos: 1 }).catch(() => {});
    assert.equal((await other.take()).topic, `${EVENTS}/e/failed`);
    await other.endAsync();
});

test('custom events: user properties are headers, both ways', async () => {
    const hub = Hub.fresh(server, 'Mqtt');
    hook.answer(hub.name, ({ event }) =>
        event === 'e'
            ? { headers: { 'content-type': 'text/plain', 'mqtt-back': 'b c' }, body: 'x' }
            : undefined,
    );
    const client = await connect(hub, { clientId: newId() });
    const properties = { userProperties: { there: 'a b' }, contentType: 'text/plain' };
    await client.publishAsync(`${EVENTS}/e`, 'x', { qos: 1, properties });
    const { headers } = await hook.take({ hub: hub.name.toLowerCase(), event: 'e' });
    assert.equal(headers['mqtt-there'], 'a b');
    assert.match(headers['content-type'], /^text\/plain/);
    const { packet } = await client.take();
    assert.equal(packet.properties.userProperties.back, 'b c');
    await client.endAsync();
});

test('custom events: nobody else sees them, and no group has their name', async () => {
    const hub = application({ user: echo });
    const client = await connect(hub, { clientId: newId() });
    const spy = await connect(hub, { clientId: newId() });
    await spy.subscribeAsync('#', { qos: 1 });
    await spy.subscribeAsync('+/server/#', { qos: 1 }).catch(() => {});
    await spy.subscribeAsync('$webpubsub/#', { qos: 1 }).catch(() => {});
    for (let count = 0; count < 5; count += 1) {
        await client.publishAsync(`${EVENTS}/e`, String(count), { qos: 1 });
        assert.equal((await client.take()).text, String(count));
    }
    await hub.send('/groups/end', 'end');
    assert.equal((await spy.take()).text, 'end');
    assert.deepEqual(
        hub.told('user').map(({ data }) => data.toString()),
        ['0', '1', '2', '3', '4'],
    );
    await Promise.all([client.endAsync(), spy.endAsync()]);
});

test('the session that is closed over REST', async () => {
    const hub = application({});
    const clientId = newId();
    const client = await connect(hub, {
        clientId,
        clean: false,
        properties: { sessionExpiryInterval: 100 },
    });
    await hub.must(204, 'DELETE', `/connections/${clientId}?reason=enough`);
    const [{ reason, mqtt }] = await hub.untilTold('disconnected');
    assert.match(reason, /enough/);
    assert.equal(mqtt.initiatedByClient, false);
    await until('it is closed', () => !client.connected);
    const again = await connect(hub, { clientId, clean: false });
    assert.equal(again.connackPacket.sessionPresent, false);
    await again.endAsync();
});

await run();
