/* The system hub and the questions to the broker (docs/console.md), asked as any program may that has an access key.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { connectMqtt } from './lib/device.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { deferred, until, within } from './lib/wait.mjs';

const server = await Server.start();
const PATH = '/clients/mqtt/hubs/$system';

function url({ aud = server.httpUrl(PATH), ...claims } = {}) {
    return `${server.httpUrl(PATH, 'ws')}?access_token=${server.token('', { aud, user: 'admin', ...claims })}`;
}

const system = (options = {}) => connectMqtt(url(), { clientId: 'admin', ...options });
const device = (clientId, options = {}) => connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId, ...options });

const admin = await system();
await admin.subscribeAsync('answers/#');
let questions = 0;

/* MQTT.js sends a malformed packet for no user properties in an object. */
const asProperties = (parameters) => (Object.keys(parameters).length > 0 ? { userProperties: parameters } : {});

/* Resolves with the answer. */
async function ask(what, parameters = {}) {
    const topic = `answers/${++questions}`;
    const correlationData = Buffer.from(`question ${questions}`);
    await admin.publishAsync(`$wps//inspect/${what}`, '', {
        qos: 1,
        properties: { responseTopic: topic, correlationData, ...asProperties(parameters) },
    });
    const answer = await admin.take((message) => message.topic === topic);
    assert.deepEqual(answer.packet.properties.correlationData, correlationData);
    return JSON.parse(answer.text);
}

async function allSessions(parameters) {
    const sessions = [];
    let after;
    do {
        const page = await ask('sessions', { ...parameters, ...(after ? { after } : {}) });
        assert.ok(page.sessions.length <= Number(parameters.limit ?? 100));
        sessions.push(...page.sessions);
        ({ after } = page);
    } while (after);
    return sessions;
}

test('a token for it opens the whole tree', async () => {
    await admin.subscribeAsync(['$SYS/#', '$config/#', 'a/#']);
    await admin.take(({ topic }) => topic === '$SYS/broker/version');
    await admin.publishAsync('a/b', 'x', { qos: 1 });
    assert.equal((await admin.take(({ topic }) => topic === 'a/b')).text, 'x');
});

test('nobody else comes in', async () => {
    const refused = [
        url({ aud: server.httpUrl('/clients/mqtt/hubs/system') }),
        url({ aud: server.httpUrl('/client/hubs/$system') }),
        url({ key: 'another key, of at least 32 bytes or so' }),
        url({ exp: 1000 }),
        server.httpUrl(PATH, 'ws'),
    ];
    for (const wrong of refused) {
        await assert.rejects(connectMqtt(wrong), wrong);
    }
    await assert.rejects(system({ clientId: '$wps//staff/0' }), /Client identifier|closed/i);
    const client = await device('curious');
    await assert.rejects(client.publishAsync('$wps//inspect/sessions', '', { qos: 1, properties: { responseTopic: 'mine' } }), /Not authorized/);
    client.end(true);
});

test('sessions are found, page by page', async () => {
    const devices = await Promise.all(Array.from({ length: 25 }, (_, i) => device(`fleet-${i}`)));
    const browser = await server.connect('chat', { user: 'ann"\\' });
    await devices[3].subscribeAsync({ 'up/+': { qos: 1 }, '$share/g/x': { qos: 0 } });

    const found = await allSessions({ contains: 'fleet-', limit: '7' });
    assert.deepEqual(found.map(({ clientId }) => clientId).sort(), devices.map(({ options }) => options.clientId).sort());
    assert.ok(found.every(({ isConnected, protocolVersion, peer }) => isConnected && protocolVersion === 5 && peer.startsWith('127.0.0.1:')));
    assert.equal((await ask('sessions', { contains: 'nobody' })).sessions.length, 0);
    const [ann] = (await ask('sessions', { contains: 'ann"\\' })).sessions;
    assert.equal(ann.userName, 'ann"\\');
    assert.match(ann.clientId, new RegExp(`^\\$wps/chat/${browser.connected.connectionId}`));
    assert.ok(!(await allSessions({})).some(({ clientId }) => clientId.startsWith('$wps//')));
    assert.ok((await allSessions({ all: '1' })).some(({ clientId }) => clientId.startsWith('$wps//staff')));

    const { session } = await ask('session', { clientId: 'fleet-3' });
    assert.deepEqual(session.filters.sort((a, b) => a.filter.localeCompare(b.filter)),
        [{ filter: '$share/g/x', qos: 0 }, { filter: 'up/+', qos: 1 }]);
    assert.equal((await ask('session', { clientId: 'nobody' })).session, null);
    devices.forEach((client) => client.end(true));
});

test('a connection is closed, its session stays', async () => {
    const client = await device('sleeper', { clean: false, properties: { sessionExpiryInterval: 3600 } });
    const said = deferred();
    client.on('disconnect', said.resolve);
    await client.subscribeAsync('sleep/#', { qos: 1 });
    assert.deepEqual(await ask('close', { clientId: 'sleeper' }), { closed: true });
    assert.equal((await within(() => 'DISCONNECT', said.promise)).reasonCode, 0x98);
    await until('it is away', async () => (await ask('session', { clientId: 'sleeper' })).session.isConnected === false);
    assert.deepEqual(await ask('close', { clientId: 'sleeper' }), { closed: false });
    await admin.publishAsync('sleep/1', 'wait', { qos: 1 });
    const { session } = await ask('session', { clientId: 'sleeper' });
    assert.deepEqual([session.waiting, session.isDurable, session.expiryInterval], [1, true, 3600]);
});

test('a session is ended, connected or not', async () => {
    assert.deepEqual(await ask('end', { clientId: 'sleeper' }), { ended: true });
    assert.deepEqual(await ask('end', { clientId: 'sleeper' }), { ended: false });
    const client = await device('awake', { clean: false, properties: { sessionExpiryInterval: 3600 } });
    assert.deepEqual(await ask('end', { clientId: 'awake' }), { ended: true });
    await until('it is gone', async () => (await ask('session', { clientId: 'awake' })).session === null);
    const again = await device('awake', { clean: false });
    assert.equal(again.connackPacket.sessionPresent, false);
    again.end(true);
    client.end(true);
});

test('retained messages in order, page by page', async () => {
    for (let i = 0; i < 30; i++) {
        await admin.publishAsync(`shelf/${String(i).padStart(2, '0')}`, 'x'.repeat(i + 1), { qos: 1, retain: true });
    }
    const found = [];
    let after;
    do {
        const page = await ask('retained', { filter: 'shelf/+', limit: '8', ...(after ? { after } : {}) });
        found.push(...page.retained);
        ({ after } = page);
    } while (after);
    assert.deepEqual(found.map(({ topic }) => topic), Array.from({ length: 30 }, (_, i) => `shelf/${String(i).padStart(2, '0')}`));
    assert.deepEqual([found[4].size, found[4].qos], [5, 1]);
    assert.ok(Math.abs(Date.parse(found[4].modified) - Date.now()) < 60_000, found[4].modified);
    assert.deepEqual((await ask('retained', { filter: 'shelf/none' })).retained, []);
});

test('what makes no sense gets no answer, and harms nobody', async () => {
    const nonsense = [['nothing', {}], ['sessions', { after: '99999999999.x' }], ['retained', { filter: 'a/#/b' }], ['retained', {}], ['', {}]];
    for (const [what, parameters] of nonsense) {
        await admin.publishAsync(`$wps//inspect/${what}`, '', { qos: 1, properties: { responseTopic: 'answers/never', ...asProperties(parameters) } });
    }
    await admin.publishAsync('$wps//inspect/sessions', '', { qos: 1 });
    assert.ok((await ask('sessions', { limit: '0' })).sessions.length === 1);
    assert.ok(!admin.received.some(({ topic }) => topic === 'answers/never'));
});

test('$SYS counts the server among its clients, as mosquitto does, and says how much of it is its own', async () => {
    const client = await device('counted', { clean: false, properties: { sessionExpiryInterval: 60 } });
    await client.subscribeAsync(['counted/a', 'counted/b']);
    await client.publishAsync('counted/a', 'x', { qos: 1, retain: true });
    const values = new Map();
    const reader = await system({ clientId: 'reader' });
    reader.on('message', (topic, payload) => values.set(topic, Number.parseInt(payload, 10)));
    await reader.subscribeAsync(['$wps//watch', '$SYS/broker/#']);
    const others = (total, internal) => values.get(`$SYS/broker/${total}`) - values.get(`$SYS/broker/${internal}`);
    const isSaid = (name, total, internal, wanted) =>
        until(`${name}: ${wanted}`, () => values.get(`$SYS/broker/${internal}`) > 0 && others(total, internal) === wanted);
    client.end(true);
    await until('it is away', async () => !(await ask('session', { clientId: 'counted' })).session.isConnected);
    const sessions = await allSessions({});
    const { retained } = await ask('retained', { filter: '#' });
    await isSaid('sessions', 'clients/total', 'clients/internal', sessions.length);
    await isSaid('subscriptions', 'subscriptions/count', 'subscriptions/internal',
        sessions.reduce((sum, { subscriptions }) => sum + subscriptions, 0));
    await isSaid('retained messages', 'retained messages/count', 'retained messages/internal', retained.length);
    assert.ok(sessions.some(({ clientId }) => clientId === 'counted') && retained.some(({ topic }) => topic === 'counted/a'));
    const own = (await allSessions({ all: '1' })).length - sessions.length;
    await until('as many are its own as there are', () => values.get('$SYS/broker/clients/internal') === own);
    reader.end(true);
});

test('$SYS is told each second while somebody watches', async () => {
    const uptimes = async () => (await admin.take(({ topic }) => topic === '$SYS/broker/uptime')).text;
    await admin.subscribeAsync('$wps//watch');
    await admin.take(({ topic, text }) => topic === '$SYS/broker/watched' && text === '1');
    const began = Date.now();
    const seen = new Set();
    while (seen.size < 4) {
        seen.add(await uptimes());
    }
    assert.ok(Date.now() - began < 20_000, 'not in the pace of mqtt.sys_interval');
    await admin.take(({ topic }) => /^\$SYS\/bridge\/\d\/uptime_seconds$/.test(topic));
    await admin.unsubscribeAsync('$wps//watch');
    await admin.take(({ topic, text }) => topic === '$SYS/broker/watched' && text === '0');
});

await run();
