/* Settings of hubs: in the configuration file, and changed while the server runs, over REST in the
 * shape of spec/webpubsub.md section 8; they count at all bridge processes and outlive the programs.
 * So do those of Event Grid.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { connectMqtt } from './lib/device.mjs';
import { JSON_V1, Peer } from './lib/peer.mjs';
import { socketAt } from './lib/processes.mjs';
import { Hub, call, cut } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until } from './lib/wait.mjs';
import { SYSTEM_EVENTS, Webhook, hubConfig } from './lib/webhook.mjs';

const hook = await Webhook.start();
const server = await Server.start({
    hubs: [
        hubConfig('_default', { anonymous_connect_policy: 'allow' }),
        hubConfig('strict', { anonymous_connect_policy: 'deny' }),
        hubConfig('Named', {}),
        hubConfig('handled', { handlers: [hook.handler()] }),
    ],
});

const JSON_TYPE = { 'content-type': 'application/json' };
const newHub = () => Hub.fresh(server, 'Set');
const settingsOf = (path) => `http://127.0.0.1:${hook.port}/${path}/{event}`;
const handling = (path, more) => ({
    eventHandlers: [
        {
            urlTemplate: settingsOf(path),
            userEventPattern: '*',
            systemEvents: SYSTEM_EVENTS,
            auth: { type: 'None' },
        },
    ],
    ...more,
});

const at = (hub) => `/api/hubs/${hub.name}`;
const get = (hub) => call(server, 'GET', at(hub));
const put = (hub, settings) =>
    call(server, 'PUT', at(hub), { headers: JSON_TYPE, body: JSON.stringify(settings) });
const remove = (hub) => call(server, 'DELETE', at(hub));

async function set(hub, settings) {
    const { status, text } = await put(hub, settings);
    assert.equal(status, 200, text);
}

/* 101 or why a client without a token is refused. */
const anonymous = (hub) =>
    Peer.open(server.httpUrl(`/client/hubs/${hub.name}`, 'ws'), JSON_V1).then(
        (peer) => peer.cut() ?? 101,
        ({ status }) => status,
    );

/* Until several clients in a row, which get to different processes, see the same. */
const untilAll = (what, expected, look) =>
    until(what, async () => {
        for (let turn = 0; turn < 6; turn += 1) {
            if ((await look()) !== expected) {
                return false;
            }
        }
        return true;
    });

/* Which path a user event of this hub goes to now; undefined: it fails. */
async function pathOf(hub, peer) {
    const own = peer ?? (await hub.connect());
    const { success } = await own.request({ type: 'event', event: 'where', data: 1 });
    if (!peer) {
        own.cut();
    }
    return success ? hook.calls.filter(({ event }) => event === 'where').at(-1).hub : undefined;
}

/* ---------------------------------------------------------------- the configuration file */

test('the file: a hub that is not named is as _default, a named one says for itself', async () => {
    assert.equal(await anonymous(newHub()), 101);
    assert.equal(await anonymous(new Hub(server, 'strict')), 401);
    assert.equal(await anonymous(new Hub(server, 'STRICT')), 401);
    assert.equal(await anonymous(new Hub(server, 'named')), 401);
});

test('the file: who comes without a token has no user and no roles', async () => {
    const hub = newHub();
    const peer = await Peer.open(server.httpUrl(`/client/hubs/${hub.name}`, 'ws'), JSON_V1);
    const { userId } = await peer.take({ event: 'connected' });
    assert.ok(!userId);
    await peer.fails('Forbidden', { type: 'joinGroup', group: 'g' });
    await peer.fails('Forbidden', { type: 'sendToGroup', group: 'g', data: 1 });
    peer.cut();
});

/* ---------------------------------------------------------------- at run time */

test('set, shown, in force at all processes, taken away again', async () => {
    const hub = newHub();
    await untilAll('nobody handles it', undefined, () => pathOf(hub));
    await set(hub, handling('first', { anonymousConnectPolicy: 'deny' }));
    await untilAll('the first handles it', 'first', () => pathOf(hub));
    await untilAll('anonymous clients are refused', 401, () => anonymous(hub));
    const { status, json } = await get(hub);
    assert.equal(status, 200);
    assert.equal(json.anonymousConnectPolicy, 'deny');
    assert.equal(json.eventHandlers[0].urlTemplate, settingsOf('first'));
    assert.equal(json.eventHandlers[0].userEventPattern, '*');
    assert.deepEqual(json.eventHandlers[0].systemEvents, SYSTEM_EVENTS);
    const all = await call(server, 'GET', '/api/hubs');
    assert.equal(all.status, 200);
    assert.ok(all.text.includes(settingsOf('first')));
    await set(hub, json); // what is shown can be set
    assert.equal((await remove(hub)).status, 204);
    await untilAll('nobody handles it', undefined, () => pathOf(hub));
    await untilAll('anonymous clients are let in', 101, () => anonymous(hub));
});

test('connections that are there get the new handlers too', async () => {
    const hub = newHub();
    await set(hub, handling('before'));
    const peers = await hub.both({});
    for (const path of ['before', 'after']) {
        await set(hub, handling(path));
        for (const peer of peers) {
            assert.equal(await pathOf(hub, peer), path);
        }
    }
    await remove(hub);
    for (const peer of peers) {
        assert.equal(await pathOf(hub, peer), undefined);
    }
    cut(peers);
});

test('what is set goes before the file, and without it the file counts again', async () => {
    const hub = new Hub(server, 'handled');
    await untilAll('as in the file', 'handled', () => pathOf(hub));
    await set(hub, handling('instead'));
    await untilAll('as it was set', 'instead', () => pathOf(hub));
    await remove(hub);
    await untilAll('as in the file', 'handled', () => pathOf(hub));
});

test('_default can be set, for the hubs that nobody has named', async () => {
    const hub = newHub();
    const all = new Hub(server, '_default');
    await set(all, handling('everybody'));
    await untilAll('_default handles it', 'everybody', () => pathOf(hub));
    assert.equal(await anonymous(new Hub(server, 'strict')), 401);
    await remove(all);
    await untilAll('nobody handles it', undefined, () => pathOf(hub));
});

test('names of hubs in any case', async () => {
    const hub = newHub();
    await set(new Hub(server, hub.name.toUpperCase()), handling('case'));
    await untilAll('it is handled', 'case', () => pathOf(hub));
    assert.equal((await get(hub)).json.eventHandlers.length, 1);
    await remove(hub);
});

test('what is set outlives broker and bridge', async () => {
    const hub = newHub();
    await set(hub, handling('kept'));
    await server.kill('pubgrid-broker');
    await server.ready();
    for (let turn = 0; turn < 3; turn += 1) {
        await server.kill('pubgrid-bridge');
    }
    await server.ready();
    await untilAll('it is handled', 'kept', () => pathOf(hub));
    await remove(hub);
});

test('settings that are wrong are refused with a reason, and change nothing', async () => {
    const hub = newHub();
    await set(hub, handling('right'));
    const handler = handling('right').eventHandlers[0];
    const bad = [
        'x',
        1,
        [],
        null,
        { anonymousConnectPolicy: 'perhaps' },
        { anonymousConnectPolicy: true },
        { webSocketKeepAliveIntervalInSeconds: 0 },
        { webSocketKeepAliveIntervalInSeconds: 121 },
        { webSocketKeepAliveIntervalInSeconds: 'x' },
        { eventHandlers: {} },
        { eventHandlers: [{ userEventPattern: '*' }] },
        { eventHandlers: [{ ...handler, urlTemplate: 'ftp://x/' }] },
        { eventHandlers: [{ ...handler, urlTemplate: 'http://{hub}.example/' }] },
        { eventHandlers: [{ ...handler, systemEvents: ['nothing'] }] },
        { eventHandlers: [{ ...handler, auth: { type: 'Nothing' } }] },
        { nothing: 1 },
    ];
    for (const settings of bad) {
        const { status, json } = await put(hub, settings);
        assert.equal(status, 400, JSON.stringify(settings));
        assert.ok(json.message.length > 5);
    }
    const broken = { headers: JSON_TYPE, body: '{' };
    assert.equal((await call(server, 'PUT', at(hub), broken)).status, 400);
    assert.equal((await put(new Hub(server, '1bad'), {})).status, 400);
    await untilAll('as before', 'right', () => pathOf(hub));
    await remove(hub);
});

test('nobody changes or sees them without a token', async () => {
    const hub = newHub();
    for (const [method, target] of [
        ['GET', '/api/hubs'],
        ['GET', at(hub)],
        ['PUT', at(hub)],
        ['DELETE', at(hub)],
        ['GET', `${at(hub)}/:log`],
        ['POST', `${at(hub)}/:check`],
    ]) {
        const how = method === 'PUT' ? { headers: JSON_TYPE, body: '{}' } : {};
        const forAnother = { aud: server.httpUrl('/api/hubs/other') };
        for (const who of [
            { token: null },
            { claims: { key: 'x'.repeat(44) } },
            { claims: forAnother },
        ]) {
            const { status } = await call(server, method, target, { ...how, ...who });
            assert.equal(status, 401, `${method} ${target}`);
        }
    }
});

/* ---------------------------------------------------------------- changed here, used there */

const TURNS = 100;

/* Calls use(ask, here, there) again and again, whose ask() is a request at one of two processes that
 * must get this status; which is the one and which the other changes each time. */
async function atBoth(use) {
    const sockets = [await socketAt(server, 0), await socketAt(server, 1)];
    const ask = async (process, expected, method, target, value, how = {}) => {
        const sent = value ? { headers: { ...JSON_TYPE, ...how.headers } } : {};
        const body = value && JSON.stringify(value);
        const answer = await call(server, method, target, {
            ...how,
            ...sent,
            body,
            at: sockets[process],
        });
        assert.equal(answer.status, expected, `${method} ${target}: ${answer.text}`);
        return answer.json;
    };
    for (let turn = 0; turn < TURNS; turn += 1) {
        await use(ask, turn % 2, 1 - (turn % 2), turn);
    }
    sockets.forEach((socket) => socket.destroy());
}

test('settings of a hub that one process has answered for are those of the other', async () => {
    const hub = newHub();
    await atBoth(async (ask, here, there, turn) => {
        await ask(here, 200, 'PUT', at(hub), handling(`turn${turn}`));
        const { eventHandlers } = await ask(there, 200, 'GET', at(hub));
        assert.equal(eventHandlers[0].urlTemplate, settingsOf(`turn${turn}`));
        await ask(here, 204, 'DELETE', at(hub));
        assert.ok(!(await ask(there, 200, 'GET', at(hub))).eventHandlers?.length);
    });
});

/* Each step is at the process that has not done the one before. */
test('a domain is there at the other process, a new subscription gets what comes there', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`);
    await device.subscribeAsync('both/+', { qos: 1 });
    await atBoth(async (ask, here, there, turn) => {
        const domain = `domains/both-${turn}`;
        const subscription = `/api/eventgrid/${domain}/topics/t/eventSubscriptions/taker`;
        const event = {
            id: `event ${turn}`,
            topic: 't',
            subject: 's',
            eventType: 'e',
            eventTime: '2031-01-01T00:00:00Z',
            data: {},
            dataVersion: '1',
        };
        await ask(here, 201, 'PUT', `/api/eventgrid/${domain}`, { location: 'here' });
        const { key1 } = await ask(there, 200, 'POST', `/api/eventgrid/${domain}/listKeys`);
        await ask(there, 201, 'PUT', subscription, {
            properties: {
                destination: { endpointType: 'MqttTopic', properties: { topic: `both/${turn}` } },
            },
        });
        await ask(here, 200, 'POST', `/${domain}/api/events`, [event], {
            headers: { 'aeg-sas-key': key1 },
            token: null,
        });
        const { text } = await device.take(({ topic }) => topic === `both/${turn}`);
        assert.ok(text.includes(event.id), text);
        await ask(there, 200, 'DELETE', subscription);
        await ask(here, 404, 'GET', subscription);
    });
    device.end(true);
});

/* ---------------------------------------------------------------- what became of events */

test('the log of deliveries, and a check of the handlers', async () => {
    const hub = newHub();
    hook.answer('logged', ({ event }) => (event === 'bad' ? { status: 404 } : undefined));
    await set(hub, handling('logged'));
    await untilAll('it is handled', 'logged', () => pathOf(hub));
    const peer = await hub.connect({ user: 'u' });
    await peer.fails('InternalServerError', { type: 'event', event: 'bad', data: 1 });
    await until('it is in the log', async () => {
        const { status, text } = await call(server, 'GET', `${at(hub)}/:log`);
        assert.equal(status, 200, text);
        return /bad/.test(text) && /404/.test(text);
    });
    const check = await call(server, 'POST', `${at(hub)}/:check`);
    assert.equal(check.status, 200, check.text);
    assert.ok(check.text.includes(`127.0.0.1:${hook.port}`), check.text);
    peer.cut();
    await remove(hub);
});

await run();
