/* The REST data plane, request by request: each row of spec/webpubsub.md 6.3 with its exact status at
 * both bridge processes, errors (6.6), versions, names and bounds. What is sent is in
 * rest_send_test.mjs, who may call at all in rest_access_test.mjs, the official SDK in
 * service_test.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { Hub, ODD_NAMES, call, cut, idOf } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';

const server = await Server.start();
const newHub = () => Hub.fresh(server);

/* ---------------------------------------------------------------- the rows of 6.3 */

const GROUPS = JSON.stringify({ groups: ['g', 'more'], filter: "userId eq 'u'" });
const JSON_BODY = { headers: { 'content-type': 'application/json' }, body: GROUPS };

const OF_C = '/connections/{c}?targetName=g';

/* [method, path, status, status where it names what does not exist (undefined: the specification
 * does not say), x-ms-error-code then, body]. {c} is a connection of user {u} in group {g}. */
const rows = [
    ['POST', '/:send', 202, 202],
    ['POST', '/groups/{g}/:send', 202, 202],
    ['POST', '/users/{u}/:send', 202, 202],
    ['POST', '/connections/{c}/:send', 202, 202],
    ['POST', '/:closeConnections', 204, 204],
    ['POST', '/groups/{g}/:closeConnections', 204, 204],
    ['POST', '/users/{u}/:closeConnections', 204, 204],
    ['DELETE', '/connections/{c}', 204, 204],
    ['HEAD', '/connections/{c}', 200, 404, 'Warning.Connection.NotExisted'],
    ['HEAD', '/groups/{g}', 200, 404, 'Warning.Group.NotExisted'],
    ['HEAD', '/users/{u}', 200, 404, 'Warning.User.NotExisted'],
    ['GET', '/groups/{g}/connections', 200, 200],
    ['PUT', '/groups/{g}/connections/{c}', 200, 404, 'Error.Connection.NotExisted'],
    ['DELETE', '/groups/{g}/connections/{c}', 204, 204],
    ['DELETE', '/connections/{c}/groups', 204, 204],
    ['PUT', '/users/{u}/groups/{g}', 200, 404],
    ['DELETE', '/users/{u}/groups/{g}', 204, 204],
    ['DELETE', '/users/{u}/groups', 204, 204],
    ['PUT', `/permissions/sendToGroup${OF_C}`, 200, 404, 'Info.Connection.NotExisted'],
    ['HEAD', `/permissions/sendToGroup${OF_C}`, 200, 404],
    ['DELETE', `/permissions/sendToGroup${OF_C}`, 204],
    ['PUT', `/permissions/joinLeaveGroup${OF_C}`, 200, 404, 'Info.Connection.NotExisted'],
    ['HEAD', `/permissions/joinLeaveGroup${OF_C}`, 200, 404],
    ['DELETE', `/permissions/joinLeaveGroup${OF_C}`, 204],
    ['POST', '/:addToGroups', 200, 200, undefined, JSON_BODY],
    ['POST', '/:removeFromGroups', 200, 200, undefined, JSON_BODY],
    ['POST', '/:generateToken', 200, 200],
];

const fill = (path, values) => path.replace(/\{(\w)\}/g, (_, name) => values[name]);
const NOBODY = { c: 'nobody', u: 'nobody', g: 'nothing' };

async function check(hub, [method, path, , , , how], values, at, status, code) {
    const answer = await hub.call(method, fill(path, values), { ...how, at });
    assert.equal(answer.status, status, `${answer.status}: ${answer.text}`);
    if (code) {
        assert.equal(answer.headers['x-ms-error-code'], code);
    }
    if (method === 'HEAD' || status === 204 || status === 202) {
        assert.equal(answer.text, '');
    }
}

for (const row of rows) {
    const [method, path, success, missing, code] = row;
    test(`${method} ${path}`, async () => {
        const hub = newHub();
        for (const process of [0, 1]) {
            const at = await hub.socketAt(process);
            if (missing) {
                await check(hub, row, NOBODY, at, missing, code);
            }
            for (const peer of await hub.both({ user: 'u', groups: ['g'] })) {
                await check(hub, row, { c: idOf(peer), u: 'u', g: 'g' }, at, success);
                peer.cut();
            }
            at.destroy();
        }
    });
}

test('GET and HEAD /api/health, without a token', async () => {
    for (const version of ['', '?api-version=2024-12-01']) {
        const head = await call(server, 'HEAD', `/api/health${version}`, { token: null });
        assert.deepEqual([head.status, head.text], [200, '']);
    }
    assert.equal((await call(server, 'HEAD', '/api/health?api-version=2024-12-01')).status, 200);
});

test('what is no operation', async () => {
    const hub = newHub();
    const isRefused = async (method, target) => {
        const { status } = await call(server, method, `${target}?api-version=2024-12-01`);
        assert.ok([400, 404, 405].includes(status), `${method} ${target}: ${status}`);
    };
    for (const [method, path] of [
        ['GET', '/:send'],
        ['PUT', '/:send'],
        ['DELETE', '/:send'],
        ['POST', ''],
        ['POST', '/'],
        ['POST', '/:nothing'],
        ['POST', '/send'],
        ['POST', '/groups/:send'],
        ['POST', '/groups//:send'],
        ['POST', '/users//:send'],
        ['POST', '/connections//:send'],
        ['POST', '/groups/g/h/:send'],
        ['POST', '/groups/g/:nothing'],
        ['POST', '/nothing/g/:send'],
        ['POST', '/connections/c/:closeConnections'],
        ['PUT', '/groups/g/connections'],
        ['PUT', '/groups/g'],
        ['DELETE', '/users/u'],
        ['DELETE', '/groups/g'],
        ['PUT', '/permissions/nothing/connections/c'],
        ['PUT', '/permissions/sendToGroup/connections'],
        ['PATCH', '/connections/c'],
    ]) {
        await isRefused(method, `/api/hubs/${hub.name}${path}`);
    }
    for (const target of ['/api', '/api/', '/api/hubs', '/api/nothing', '//api/hubs/h/:send']) {
        await isRefused('POST', target);
    }
});

test('an error says what is wrong', async () => {
    const hub = newHub();
    const bad = await hub.send('', 'x', '?messageTtlSeconds=301');
    assert.equal(bad.status, 400);
    assert.equal(bad.headers['x-ms-error-code'], bad.json.code);
    assert.equal(bad.json.code, 'Error.BadRequest');
    assert.ok(bad.json.message.length > 5);
    const none = await hub.call('PUT', '/groups/g/connections/nobody');
    assert.equal(none.status, 404);
    assert.equal(none.json.code, 'Error.Connection.NotExisted');
    assert.equal(none.json.target, 'Connection');
    const permission = '/permissions/sendToGroup/connections/nobody?targetName=g';
    assert.equal((await hub.call('PUT', permission)).json.code, 'Info.Connection.NotExisted');
});

/* ---------------------------------------------------------------- versions, names, bounds */

test('api-version: known ones and none, but not unknown or repeated', async () => {
    const hub = newHub();
    const status = async (query) => {
        const target = `/api/hubs/${hub.name}/:send${query}`;
        const how = { body: 'x', headers: { 'content-type': 'text/plain' } };
        return (await call(server, 'POST', target, how)).status;
    };
    for (const version of ['2021-10-01', '2022-11-01', '2023-07-01', '2024-01-01', '2024-12-01']) {
        assert.equal(await status(`?api-version=${version}`), 202, version);
    }
    for (const version of ['2021-05-01-preview', '2021-08-01-preview']) {
        assert.equal(await status(`?api-version=${version}`), 202, version);
    }
    assert.equal(await status(''), 202);
    assert.equal(await status('?api-version=2020-01-01'), 400);
    assert.equal(await status('?api-version=2099-01-01'), 400);
    assert.equal(await status('?api-version='), 400);
    assert.equal(await status('?api-version=2024-12-01x'), 400);
    assert.equal(await status('?api-version=2024-12-01&api-version=2024-12-01'), 400);
    assert.equal(await status('?api-version=2024-12-01&api-version=2021-10-01'), 400);
});

test('hub names: checked, and in any case', async () => {
    const status = async (hub) => (await new Hub(server, hub).send('', 'x')).status;
    for (const hub of ['A', 'Chat_1', 'a`,.[]', 'x'.repeat(128)]) {
        assert.equal(await status(encodeURIComponent(hub)), 202, hub);
    }
    for (const hub of [
        '1a',
        '_a',
        'a b',
        'a-b',
        'ü',
        'a%2Fb',
        'x'.repeat(129),
        '%24config',
        '..',
    ]) {
        assert.equal(await status(hub.replace(' ', '%20').replace('ü', '%C3%BC')), 400, hub);
    }
    const peer = await server.connect('FoldMe');
    await new Hub(server, 'fOLDmE').send('', 'x');
    assert.equal((await peer.take({ type: 'message' })).data, 'x');
    peer.cut();
});

const NAMES = [
    ...ODD_NAMES,
    ':closeConnections',
    'connections',
    'groups',
    '$SYS/x',
    '$wps',
    '../x',
    '\\',
    '"',
    '{u}',
    '*',
];

test('names: each segment is decoded once', async () => {
    const hub = newHub();
    for (const name of NAMES) {
        const escaped = encodeURIComponent(name).replace(/\./g, '%2E');
        const peers = await hub.both({ user: name, groups: [name] });
        const other = await hub.connect({ user: 'other', groups: ['other'] });
        for (const where of [`/users/${escaped}`, `/groups/${escaped}`]) {
            assert.equal((await hub.send(where, `to ${where}`)).status, 202, name);
            for (const peer of peers) {
                const { group } = await peer.take({ type: 'message', data: `to ${where}` });
                assert.equal(group, where.startsWith('/groups') ? name : undefined);
            }
            assert.equal(await hub.status('HEAD', where), 200, where);
        }
        const path = `/groups/${escaped}/connections/${idOf(peers[0])}`;
        assert.equal(await hub.status('DELETE', path), 204);
        assert.equal(await hub.status('PUT', path), 200);
        assert.equal(await hub.status('PUT', `/users/${escaped}/groups/${escaped}2`), 200);
        assert.equal(await hub.status('HEAD', `/groups/${escaped}2`), 200, name);
        await hub.drain(other);
        assert.deepEqual(other.data(), [], name);
        cut(peers, other);
    }
});

test('names: path tricks lead nowhere else', async () => {
    const hub = newHub();
    const peer = await hub.connect({ user: 'a%2Fb' });
    const victim = await hub.connect({ user: 'a/b', groups: ['victim'] });
    assert.equal((await hub.send('/users/a%252Fb', 'twice')).status, 202);
    assert.equal((await peer.take({ type: 'message' })).data, 'twice');
    for (const where of [
        '/groups/../users/a%2Fb',
        '/groups/./users/a%2Fb',
        '/groups/%2E%2E/users/a%2Fb',
        '/users/x/../a%2Fb',
        '/users%2Fa%252Fb',
        '/groups/x/../victim',
        '/../rest1/groups/victim',
        '/users/a/b',
        '/users/a%zz',
        '/users/a%',
        '/users/a%f',
        '/users/%ff',
        '/groups/%c0%af',
        '/groups/%ed%a0%80',
    ]) {
        const { status } = await hub.send(where, 'trick');
        assert.ok([400, 404].includes(status), `${where}: ${status}`);
    }
    await hub.drain(victim);
    assert.deepEqual(victim.data(), []);
    cut(peer, victim);
});

test('names: group names of 1 to 1024 characters, not only of white space', async () => {
    const hub = newHub();
    const status = async (name) =>
        (await hub.send(`/groups/${encodeURIComponent(name)}`, 'x')).status;
    assert.equal(await status('x'.repeat(1024)), 202);
    assert.equal(await status('x'.repeat(1025)), 400);
    assert.equal(await status(' '), 400);
    assert.equal(await status('\t '), 400);
});

test('query parameters out of bounds', async () => {
    const hub = newHub();
    const peer = await hub.connect({ groups: ['g'] });
    const send = async (query) => (await hub.send('', 'x', query)).status;
    for (const [query, status] of Object.entries({
        '?messageTtlSeconds=0': 202,
        '?messageTtlSeconds=300': 202,
        '?messageTtlSeconds=301': 400,
        '?messageTtlSeconds=-1': 400,
        '?messageTtlSeconds=x': 400,
        '?messageTtlSeconds=1.5': 400,
        '?messageTtlSeconds=99999999999999999999': 400,
        '?filter=': 202,
        '?filter=null': 400,
        '?unknown=1': 202,
    })) {
        assert.equal(await send(query), status, query);
    }
    const list = (query) => hub.status('GET', `/groups/g/connections${query}`);
    for (const [query, status] of Object.entries({
        '?maxpagesize=1': 200,
        '?maxpagesize=200': 200,
        '?maxpagesize=0': 400,
        '?maxpagesize=201': 400,
        '?maxpagesize=x': 400,
        '?top=1': 200,
        '?top=0': 400,
        '?top=-1': 400,
    })) {
        assert.equal(await list(query), status, query);
    }
    const token = (query) => hub.status('POST', `/:generateToken${query}`);
    for (const [query, status] of Object.entries({
        '?minutesToExpire=1': 200,
        '?minutesToExpire=0': 400,
        '?minutesToExpire=x': 400,
        '?clientType=Default': 200,
        '?clientType=mqtt': 200,
        '?clientType=MQTT': 200,
        '?clientType=nothing': 400,
        '?group=%20': 400,
    })) {
        assert.equal(await token(query), status, query);
    }
    const grant = (query) =>
        hub.status('PUT', `/permissions/sendToGroup/connections/${idOf(peer)}${query}`);
    assert.equal(await grant('?targetName=%20'), 400);
    assert.equal(await grant(`?targetName=${'x'.repeat(1025)}`), 400);
    assert.equal(await grant('?targetName=g%201'), 200);
    assert.equal(await grant(''), 200); // all groups (13, 5)
    peer.cut();
});

await run();
