/* Settings of hubs: in the configuration file, and changed while the server runs, over REST in the
 * shape of spec/webpubsub.md section 8; they count at all bridge processes and outlive the programs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { JSON_V1, Peer } from './lib/peer.mjs';
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
    await untilAll('the first handles it', 'before', () => pathOf(hub));
    const peers = await hub.both({});
    for (const peer of peers) {
        assert.equal(await pathOf(hub, peer), 'before');
    }
    await set(hub, handling('after'));
    for (const peer of peers) {
        await until('the second handles it', async () => (await pathOf(hub, peer)) === 'after');
    }
    await remove(hub);
    for (const peer of peers) {
        await until('nobody does', async () => (await pathOf(hub, peer)) === undefined);
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
