/* Who may call the REST API: tokens of every SDK's shape pass, all others get 401 and nothing happens
 * (spec/webpubsub.md 6.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Hub, call, restToken } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { inSeconds, sign } from './lib/tokens.mjs';
import { until } from './lib/wait.mjs';

const server = await Server.start({ bridge: { public_endpoints: '["https://pub.example.com"]' } });
const hub = Hub.fresh(server, 'Access');
const victim = await hub.connect({ user: 'u' });

const target = hub.target('/users/u/:send');
const body = { body: 'x', headers: { 'content-type': 'text/plain' } };
const post = (how) => call(server, 'POST', how.target ?? target, { ...body, ...how });
const statusWith = async (claims, how) => (await post({ claims, ...how })).status;

/* It gets 401; `what` is for the message of the failure. */
async function refuses(how, what) {
    const { status, text } = await post({ ...how, body: 'refused' });
    assert.equal(status, 401, `${what ?? JSON.stringify(how)}: ${text}`.slice(0, 300));
}

const path = target.split('?')[0];
const url = server.httpUrl(target);
const lifetimes = {
    JavaScript: { iat: inSeconds(0), exp: inSeconds(3600) },
    '.NET': { nbf: inSeconds(0), iat: inSeconds(0), exp: inSeconds(300) },
    Python: { iat: undefined, exp: inSeconds(60) },
    Java: { iat: undefined, exp: inSeconds(600) },
};

for (const [sdk, lifetime] of Object.entries(lifetimes)) {
    test(`a token as ${sdk} makes it`, async () => {
        assert.equal(await statusWith({ ...lifetime, aud: url }), 202);
        await victim.take({ type: 'message', data: 'x' });
        assert.equal(await statusWith({ ...lifetime, aud: url, sub: 'someone' }), 202);
    });
}

test('the audience: whole URL, without its query, the path, in any case', async () => {
    for (const aud of [
        url,
        url.split('?')[0],
        path,
        url.toLowerCase(),
        url.toUpperCase(),
        `${url.split('?')[0]}/`,
        `${path}/`,
        [server.httpUrl('/elsewhere'), url],
        `https://pub.example.com${target}`,
        `https://pub.example.com${path}`,
    ]) {
        assert.equal(await statusWith({ aud }), 202, String(aud));
    }
});

test('the audience as it was sent, or decoded once', async () => {
    const escaped = `/api/hubs/${hub.name}/users/us%20er%2F%C3%BC/:send?filter=userId%20ne%20%27o%27%27b%27&excluded=a&excluded=b&api-version=2024-12-01`;
    const all = server.httpUrl(escaped);
    for (const aud of [all, decodeURIComponent(all), all.split('?')[0], all.toLowerCase()]) {
        assert.equal(await statusWith({ aud }, { target: escaped }), 202, aud);
    }
    const twice = all.replaceAll('%20', '%2520');
    await refuses({ claims: { aud: twice }, target: escaped });
});

test('the host is the one that the client has called', async () => {
    const aud = `http://hub.example:81${target}`;
    const headers = { ...body.headers, host: 'hub.example:81' };
    assert.equal(await statusWith({ aud }, { headers }), 202);
    await refuses({ claims: { aud } });
    for (const host of ['pub.example.com.evil', 'pub.example.com:444', 'x@pub.example.com']) {
        await refuses({ claims: { aud: `https://${host}${target}` } });
    }
});

test('both keys', async () => {
    for (const key of server.keys) {
        assert.equal(await statusWith({ key }), 202);
    }
});

test('another audience', async () => {
    for (const aud of [
        undefined,
        null,
        '',
        1,
        {},
        [],
        '/',
        '/api',
        `/api/hubs/${hub.name}`,
        '*',
        server.httpUrl('/'),
        server.httpUrl(''),
        server.httpUrl(`/client/hubs/${hub.name}`),
        server.httpUrl(`/api/hubs/other/users/u/:send`),
        server.httpUrl(new Hub(server, 'other').target('/users/u/:send')),
        server.httpUrl(hub.target('/users/v/:send')),
        server.httpUrl(hub.target('/:send')),
        server.httpUrl(`${path}?api-version=2021-10-01`),
        `${url}&x=1`,
        `${url}#x`,
        ` ${url}`,
        `http://127.0.0.1:1${target}`,
        `http://elsewhere${target}`,
        `ftp://127.0.0.1:${server.httpPort}${target}`,
        `http://127.0.0.1:${server.httpPort}@elsewhere${target}`,
        'https://webpubsub.azure.com',
    ]) {
        await refuses({ claims: { aud } });
    }
});

test('a token of a client, or of `pubgrid token`, is none', async () => {
    await refuses({ token: server.token(hub.name) });
});

test('expired, not yet valid, or for ever', async () => {
    await refuses({ claims: { exp: inSeconds(-600) } });
    await refuses({ claims: { exp: undefined } });
    await refuses({ claims: { exp: 'x' } });
    await refuses({ claims: { exp: null } });
    await refuses({ claims: { exp: -1 } });
    await refuses({ claims: { nbf: inSeconds(600) } });
});

test('forged ones', async () => {
    const good = restToken(server, target);
    const [header, claims, signature] = good.split('.');
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const hmac = (algorithm, text) =>
        createHmac(algorithm, server.keys[0]).update(text).digest('base64url');
    const withHeader = (value) => `${part(value)}.${claims}`;
    const none = withHeader({ alg: 'none', typ: 'JWT' });
    const hs512 = withHeader({ alg: 'HS512', typ: 'JWT' });
    const rs256 = withHeader({ alg: 'RS256', typ: 'JWT' });
    for (const token of [
        null,
        '',
        'x',
        '.',
        '..',
        '...',
        `${header}.${claims}`,
        `${header}.${claims}.`,
        `${header}.${claims}.${signature.slice(1)}`,
        `${header}.${claims}.${signature}x`,
        `${header}.${part({ exp: inSeconds(100), aud: url })}.${signature}`,
        `${none}.`,
        `${none}.${signature}`,
        `${withHeader({ alg: 'None' })}.`,
        `${withHeader({ typ: 'JWT' })}.${hmac('sha256', withHeader({ typ: 'JWT' }))}`,
        `${hs512}.${hmac('sha512', hs512)}`,
        `${rs256}.${hmac('sha256', rs256)}`,
        sign({ aud: url, exp: inSeconds(100) }, 'x'.repeat(44)),
        sign({ aud: url, exp: inSeconds(100) }, ''),
        sign({ aud: url, exp: inSeconds(100) }, Buffer.from(server.keys[0], 'base64')),
        'x'.repeat(7000),
    ]) {
        await refuses({ token });
    }
});

test('other ways to say who one is', async () => {
    const token = restToken(server, target);
    for (const authorization of [token, `Basic ${token}`, `Bearer${token}`, 'Bearer', 'Bearer ']) {
        await refuses({ token: null, headers: { ...body.headers, authorization } });
    }
    const headers = { ...body.headers, authorization: `bearer ${token}` };
    assert.equal((await post({ token: null, headers })).status, 202);
    const query = `${path}?access_token=${restToken(server, path)}`;
    await refuses({ target: query, token: null });
});

test('no operation without a token, whether or not there is what it names', async () => {
    for (const [method, wanted] of [
        ['GET', `/api/hubs/${hub.name}/groups/g/connections`],
        ['HEAD', `/api/hubs/${hub.name}/users/u`],
        ['HEAD', `/api/hubs/${hub.name}/users/nobody`],
        ['PUT', `/api/hubs/${hub.name}/groups/g/connections/nobody`],
        ['POST', `/api/hubs/${hub.name}/:generateToken`],
        ['DELETE', `/api/hubs/${hub.name}/connections/nobody`],
        ['POST', `/api/hubs/${hub.name}/:closeConnections`],
    ]) {
        const { status, text } = await call(server, method, wanted, { token: null });
        assert.equal(status, 401, wanted);
        assert.ok(!/nobody/.test(text));
    }
});

test('nothing of what was refused has happened', async () => {
    await refuses({ token: null });
    await hub.drain(victim);
    assert.ok(victim.data().length > 0 && victim.data().every((text) => text === 'x'));
    victim.cut();
});

test('keys that were made anew: the old one is worth nothing after a reload', async () => {
    const [primary, secondary] = server.keys;
    server.cli('keys', '--regenerate', 'primary');
    server.process.kill('SIGHUP');
    const isOver = async () => {
        for (const process of [0, 1]) {
            const at = await hub.socketAt(process);
            const status = await statusWith({ key: primary }, { at });
            at.destroy();
            if (status !== 401) {
                return false;
            }
        }
        return true;
    };
    await until('the old key is refused', isOver);
    const now = server.readKeys();
    assert.equal(now[1], secondary);
    assert.notEqual(now[0], primary);
    await until('the new key is taken', async () => (await statusWith({ key: now[0] })) === 202);
    assert.equal(await statusWith({ key: secondary }), 202);
    await refuses({ claims: { key: primary } });
});

await run();
