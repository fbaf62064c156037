/* Who may manage event topics, and who may publish, besides those with a key or a SAS token: tokens of
 * the server over https, with the official clients' own policies, open management on loopback, local
 * authentication that is off, addresses (spec/eventgrid.md 1.4, 1.8, 8.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { AUTHORITY, certificate } from './lib/certificates.mjs';
import { API, GROUP, Grid, PROVIDER, fails, manager, names, sample } from './lib/eventgrid.mjs';
import { freePort } from './lib/ports.mjs';
import { call } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { inSeconds, sign } from './lib/tokens.mjs';

const securePort = await freePort();
const listeners = [{ address: `https://127.0.0.1:${securePort}`, ...certificate('server') }];
const grid = await Grid.start({}, { listeners });
const closed = await Server.start({ more: 'event_grid:\n  open_management: false\n' });
const { server } = grid;
const secureUrl = `https://127.0.0.1:${securePort}`;

const tokenFor = (aud, { key = server.keys[0], ...claims } = {}) =>
    sign({ aud, iat: inSeconds(0), exp: inSeconds(3600), ...claims }, key);

/* A credential with this token; scopes: what it was asked for. */
function bearing(token) {
    const scopes = [];
    const getToken = async (scope) => {
        scopes.push(...[scope].flat());
        return { token, expiresOnTimestamp: Date.now() + 3_600_000 };
    };
    return { credential: { getToken }, scopes };
}
const trusting = { tlsOptions: { ca: fs.readFileSync(AUTHORITY, 'utf8') } };
const managing = ({ credential }) => manager(secureUrl, { credential, ...trusting });

/* ---------------------------------------------------------------- management (8.2) */

test('https with its own policy: a token of the server is asked for and sent', async () => {
    const bearer = bearing(tokenFor(secureUrl));
    const client = managing(bearer);
    assert.ok((await names(client.topicTypes.list())).length > 5);
    assert.deepEqual([...new Set(bearer.scopes)], [`${secureUrl}/.default`]);
    const info = { location: 'x' };
    const { endpoint } = await client.topics.beginCreateOrUpdateAndWait(GROUP, 'secure', info);
    assert.ok(endpoint.startsWith('http'), endpoint);
    const other = managing(bearing(tokenFor('https://management.azure.com')));
    assert.equal((await other.topics.get(GROUP, 'secure')).name, 'secure');
});

/* [what, audience, claims and key, status] */
const tokens = [
    ['the server', '', {}, 200],
    ['the server, as a scope', '/.default', {}, 200],
    ['Azure', 'https://management.azure.com', {}, 200],
    ['the server, the other key', '', { key: 1 }, 200],
    ['the server, a foreign key', '', { key: 'x'.repeat(44) }, 401],
    ['the server, long ago', '', { exp: inSeconds(-600) }, 401],
    ['somebody else', 'https://other.example', {}, 401],
];
const target = `/subscriptions/s${PROVIDER}/topics?api-version=${API}`;

for (const [what, audience, { key = 0, ...claims }, status] of tokens) {
    test(`closed management, a token for ${what}: ${status}`, async () => {
        const aud = audience.startsWith('http') ? audience : closed.httpUrl(audience);
        const token = tokenFor(aud, { ...claims, key: closed.keys[key] ?? key });
        const answer = await call(closed, 'GET', target, { token });
        assert.equal(answer.status, status, answer.text);
    });
}

test('closed management: no token, and the official client with one over http', async () => {
    for (const token of [null, 'nonsense']) {
        assert.equal((await call(closed, 'GET', target, { token })).status, 401);
    }
    await fails(manager(closed.httpUrl('')).topics.get(GROUP, 'x'), 401);
    const client = manager(closed.httpUrl(''));
    client.pipeline.addPolicy({
        name: 'token',
        sendRequest: (request, next) => {
            const token = tokenFor(closed.httpUrl(''), { key: closed.keys[0] });
            request.headers.set('authorization', `Bearer ${token}`);
            return next(request);
        },
    });
    assert.deepEqual(await names(client.topics.listBySubscription()), []);
});

test('open management is for programs of this machine, not for pages and proxies', async () => {
    const status = async (headers) =>
        (await grid.request('GET', target, undefined, { headers })).status;
    assert.equal(await status({}), 200);
    for (const headers of [
        { origin: 'https://evil.example' },
        { 'x-forwarded-for': '192.0.2.1' },
        { host: 'evil.example' },
    ]) {
        assert.equal(await status(headers), 401, JSON.stringify(headers));
    }
});

/* ---------------------------------------------------------------- publishing (1.4, 1.8) */

const event = [sample.EventGridSchema('1')];

test('https with its own policy: the official publisher with a token', async () => {
    const topic = await grid.topic({ disableLocalAuth: true });
    const bearer = bearing(tokenFor('https://eventgrid.azure.net'));
    const endpoint = `${secureUrl}${topic.target}`;
    const publisher = topic.publisher({ endpoint, credential: bearer.credential, ...trusting });
    await publisher.send(event);
    assert.deepEqual([...new Set(bearer.scopes)], ['https://eventgrid.azure.net/.default']);
    const { credential } = bearing(tokenFor('https://other.example'));
    await fails(topic.publisher({ endpoint, credential, ...trusting }).send(event), 401);
    await fails(topic.publisher({ endpoint, ...trusting }).send(event), 401); // its key
});

test('https with keys', async () => {
    const topic = await grid.topic();
    const endpoint = `${secureUrl}${topic.target}`;
    await topic.publisher({ endpoint, ...trusting }).send(event);
});

test('addresses that may publish', async () => {
    const allowed = async (...masks) => {
        const inboundIpRules = masks.map((ipMask) => ({ ipMask, action: 'Allow' }));
        return (await (await grid.topic({ inboundIpRules })).post(event)).status;
    };
    assert.equal(await allowed('10.0.0.0/8'), 403);
    assert.equal(await allowed('10.0.0.0/8', '127.0.0.0/8'), 200);
    assert.equal(await allowed('127.0.0.1'), 200);
    const local = await grid.topic({ publicNetworkAccess: 'Disabled' });
    assert.equal((await local.post(event)).status, 200);
});

test('a system topic takes events only from who may manage', async () => {
    const topicType = 'Microsoft.Storage.StorageAccounts';
    const name = 'storage';
    const info = { location: 'global', source: '/subscriptions/s/x', topicType };
    await grid.arm.systemTopics.beginCreateOrUpdateAndWait(GROUP, name, info);
    const post = (headers) =>
        grid.request('POST', `/systemTopics/${name}/api/events`, event, { headers });
    assert.equal((await post({})).status, 200);
    assert.equal((await post({ 'x-forwarded-for': '192.0.2.1' })).status, 401);
    const authorization = `Bearer ${tokenFor(server.httpUrl(''))}`;
    assert.equal((await post({ 'x-forwarded-for': '192.0.2.1', authorization })).status, 200);
});

await run();
