/* Devices of a namespace that sign in with a token (CUSTOM-JWT, OAUTH2-JWT), whose end is the end of the
 * connection unless it is renewed by AUTH, and those that a webhook lets in (spec/eventgrid.md 6.2).
 * Tokens are made here with Node's own cryptography.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { createHmac, createPublicKey, sign as signWith } from 'node:crypto';
import fs from 'node:fs';
import { clientCertificate } from './lib/certificates.mjs';
import { connectMqtt } from './lib/device.mjs';
import { Grid, fresh, json } from './lib/eventgrid.mjs';
import { Namespace, mqttProperties } from './lib/namespaces.mjs';
import { permitOwn } from './lib/permissions.mjs';
import { RawMqtt } from './lib/raw_mqtt.mjs';
import { run, test } from './lib/runner.mjs';
import { inSeconds, sign } from './lib/tokens.mjs';
import { Webhook } from './lib/webhook.mjs';

const ISSUER = 'https://issuer.example';
const [rsa, ec, stranger] = [true, false, false].map((isRsa, index) =>
    clientCertificate(`issuer-${index}`, { by: null, isRsa }),
);
const customJwtAuthentication = {
    tokenIssuer: ISSUER,
    issuerCertificates: [
        { encodedCertificate: rsa.pem },
        { certificateUrl: `file://${ec.certificate}` },
    ],
};
const grid = await Grid.start({
    namespaces: [
        {
            name: 'devices',
            properties: mqttProperties({ clientAuthentication: { customJwtAuthentication } }),
        },
    ],
});
const { server } = grid;
const namespace = new Namespace(grid, 'devices');
await permitOwn(namespace);
const AUDIENCE = 'devices'; // the namespace

/* ---------------------------------------------------------------- tokens */

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/* A token; by: the certificate whose key signs it. */
function token(claims = {}, { by = rsa, header = {} } = {}) {
    const all = { iss: ISSUER, aud: AUDIENCE, sub: 'tom', exp: inSeconds(600), ...claims };
    const alg = by === rsa ? 'RS256' : 'ES256';
    const text = `${encode({ typ: 'JWT', alg, ...header })}.${encode(all)}`;
    const key = { key: fs.readFileSync(by.key), dsaEncoding: 'ieee-p1363' };
    return `${text}.${signWith('sha256', Buffer.from(text), key).toString('base64url')}`;
}

const enhanced = (data, method = 'CUSTOM-JWT') => ({
    authenticationMethod: method,
    authenticationData: Buffer.from(data),
});

/* A client that has sent CONNECT with this token; `code` is that of CONNACK. */
async function present(data, { method, ...more } = {}) {
    const client = await RawMqtt.open(server.mqttPort, {
        clientId: fresh('session'),
        properties: enhanced(data, method),
        ...more,
    });
    client.code = (await client.take('connack')).reasonCode;
    return client;
}

async function refuses(data, how) {
    const client = await present(data, how);
    client.end();
    assert.ok(client.code >= 0x80, `it is let in: ${client.code}`);
}

async function mayPublish(client, topic) {
    client.send({ cmd: 'publish', topic, payload: 'x', qos: 1, messageId: client.nextIdentifier() });
    return ((await client.take('puback')).reasonCode ?? 0) < 0x80;
}

async function isIn(client, name, kind) {
    assert.equal(client.code, 0);
    assert.equal(await mayPublish(client, `own/${name}`), true);
    assert.equal(await mayPublish(client, 'own/somebody'), false);
    if (kind) {
        assert.equal(await mayPublish(client, `kinds/${kind}`), true);
    }
    client.end();
}

for (const [what, by] of [
    ['RS256, the certificate itself', rsa],
    ['ES256, the certificate in a file', ec],
]) {
    test(`a token: ${what}; its claims are attributes`, async () => {
        await isIn(await present(token({ kind: 'token' }, { by })), 'tom', 'token');
        const user = { username: 'tom' };
        await isIn(await present(token({ kind: ['a', 'b'] }, { by }), user), 'tom', 'b');
    });
}

test('the audience is the namespace, or a host that begins with it, or one of several', async () => {
    const host = 'devices.westeurope-1.ts.eventgrid.azure.net';
    for (const aud of [host, `https://${host}/`, ['other.example', AUDIENCE]]) {
        await isIn(await present(token({ aud })), 'tom');
    }
    await refuses(token({ aud: 'devices2.example' }));
});

test('attributes out of claims decide about groups', async () => {
    await namespace.put('clientGroups/floors', { query: 'attributes.floor > 4' });
    await namespace.put('topicSpaces/floors', { topicTemplates: ['floors/#'] });
    await namespace.put('permissionBindings/floors', {
        clientGroupName: 'floors',
        topicSpaceName: 'floors',
        permission: 'Publisher',
    });
    for (const [floor, expected] of [
        [5, true],
        [4, false],
    ]) {
        const client = await present(token({ floor }));
        assert.equal(await mayPublish(client, 'floors/x'), expected);
        client.end();
    }
});

const tampered = () => {
    const [header, , signature] = token().split('.');
    return `${header}.${token({ sub: 'eve' }).split('.')[1]}.${signature}`;
};
/* With the public key, which everybody knows, as the secret of HS256. */
function confused() {
    const key = createPublicKey(rsa.pem).export({ type: 'spki', format: 'pem' });
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'tom', exp: inSeconds(600) };
    return [key, rsa.pem].map((secret) => sign(claims, secret));
}
const unsigned = () => {
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'tom', exp: inSeconds(600) };
    return `${encode({ typ: 'JWT', alg: 'none' })}.${encode(claims)}.`;
};

/* [what, token] */
const bad = [
    ['another issuer', token({ iss: 'https://other.example' })],
    ['no issuer', token({ iss: undefined })],
    ['another audience', token({ aud: 'other.example' })],
    ['no audience', token({ aud: undefined })],
    ['no subject', token({ sub: undefined })],
    ['an empty subject', token({ sub: '' })],
    ['an end that is past', token({ exp: inSeconds(-600) })],
    ['no end', token({ exp: undefined })],
    ['not yet', token({ nbf: inSeconds(600) })],
    ['a key that nobody knows', token({}, { by: stranger })],
    ['an algorithm that the key is not for', token({}, { header: { alg: 'ES256' } })],
    ['other claims than were signed', tampered()],
    ['no signature', unsigned()],
    ['the public key as a secret', confused()[0]],
    ['the certificate as a secret', confused()[1]],
    ['nothing', ''],
    ['nonsense', 'x.y.z'],
    ['a part too few', token().split('.').slice(0, 2).join('.')],
];

for (const [what, data] of bad) {
    test(`a token that is not good: ${what}`, () => refuses(data));
}

test('the token says who it is, not the user name; another method is none', async () => {
    await isIn(await present(token(), { username: 'eve' }), 'tom');
    await refuses(token(), { method: 'NO-SUCH-METHOD' });
});

test('MQTT 3.1.1: the token is the password', async () => {
    const options = { username: 'any', protocolVersion: 4, clientId: fresh('session') };
    const url = `mqtt://127.0.0.1:${server.mqttPort}`;
    const client = await connectMqtt(url, { ...options, password: token({ kind: 'three' }) });
    await client.publishAsync('kinds/three', 'x', { qos: 1 });
    await client.endAsync();
    await assert.rejects(connectMqtt(url, { ...options, password: token({ aud: 'x' }) }));
});

test('a client that is disabled does not get in with a token', async () => {
    await namespace.put('clients/disabled', { state: 'Disabled' });
    await refuses(token({ sub: 'disabled' }));
});

/* ---------------------------------------------------------------- the end of a token */

const SOON = 5; // s: enough to sign in, also on a machine that is busy elsewhere

test('when the token ends, the connection does', async () => {
    const end = inSeconds(SOON);
    const client = await present(token({ exp: end }));
    assert.equal(client.code, 0);
    const { reasonCode } = await client.take('disconnect');
    assert.ok(reasonCode >= 0x80, `${reasonCode}`);
    await client.closed;
    assert.ok(Date.now() / 1000 >= end - 0.1, 'not before');
});

test('another token by AUTH makes it last, with its claims', async () => {
    const end = inSeconds(SOON);
    const client = await present(token({ exp: end, kind: 'old' }));
    assert.equal(await mayPublish(client, 'kinds/new'), false);
    const properties = enhanced(token({ exp: inSeconds(600), kind: 'new' }));
    client.send({ cmd: 'auth', reasonCode: 0x19, properties });
    const answer = await client.take('auth');
    assert.equal(answer.reasonCode ?? 0, 0);
    assert.equal(answer.properties.authenticationMethod, 'CUSTOM-JWT');
    assert.deepEqual(
        [await mayPublish(client, 'kinds/new'), await mayPublish(client, 'kinds/old')],
        [true, false],
    );
    while (Date.now() / 1000 < end + 1) {
        assert.equal(await mayPublish(client, 'own/tom'), true);
    }
    client.end();
});

/* [what, the second token, method] */
const renewals = [
    ['that is not good', () => token({ aud: 'other.example' })],
    ['of somebody else', () => token({ sub: 'eve' })],
    ['that has ended', () => token({ exp: inSeconds(-600) })],
    ['by another method', () => token(), 'OAUTH2-JWT'],
];

for (const [what, second, method] of renewals) {
    test(`a second token ${what} is the end of the connection`, async () => {
        const client = await present(token());
        client.send({ cmd: 'auth', reasonCode: 0x19, properties: enhanced(second(), method) });
        const { reasonCode } = await client.take('disconnect');
        assert.ok(reasonCode >= 0x80, `${reasonCode}`);
        await client.closed;
    });
}

test('OAUTH2-JWT: a token of the server', async () => {
    const claims = {
        aud: 'https://eventgrid.azure.net/',
        sub: 'entra',
        iat: inSeconds(0),
        exp: inSeconds(SOON),
    };
    const method = 'OAUTH2-JWT';
    const data = sign(claims, server.keys[0]);
    const client = await present(data, { method });
    assert.equal(client.code, 0);
    assert.equal(await mayPublish(client, 'own/entra'), true);
    const properties = enhanced(sign({ ...claims, exp: inSeconds(SOON + 1) }, server.keys[1]), method);
    client.send({ cmd: 'auth', reasonCode: 0x19, properties });
    await client.take('auth');
    assert.ok((await client.take('disconnect')).reasonCode >= 0x80);
    await refuses(sign(claims, 'x'.repeat(44)), { method });
    await refuses(sign({ ...claims, aud: 'other' }, server.keys[0]), { method });
    await refuses(sign({ ...claims, exp: inSeconds(-600) }, server.keys[0]), { method });
});

/* ---------------------------------------------------------------- webhook (6.2) */

const hook = await Webhook.start();
const allow = (more = {}) => json({ decision: 'allow', clientAuthenticationName: 'web', ...more });

test('a webhook is told of all of CONNECT, and lets in under its name and attributes', async () => {
    const webhookAuthentication = { endpointUrl: `http://127.0.0.1:${hook.port}/authenticate` };
    await namespace.must([200, 201], 'PUT', '', {
        location: 'x',
        properties: mqttProperties({
            clientAuthentication: { customJwtAuthentication, webhookAuthentication },
        }),
    });
    hook.answer('authenticate', () => allow({ attributes: { kind: 'web', floor: 7 } }));
    const clientId = fresh('session');
    const client = await RawMqtt.open(server.mqttPort, {
        clientId,
        username: 'the user',
        password: Buffer.from('sécret'),
        properties: { ...enhanced(Buffer.from([1, 2]), 'OWN'), userProperties: { a: 'b' } },
    });
    client.code = (await client.take('connack')).reasonCode;
    const { json: body, method } = await hook.take({ hub: 'authenticate' });
    assert.equal(method, 'POST');
    assert.equal(body.clientId, clientId);
    assert.equal(body.userName, 'the user');
    assert.equal(Buffer.from(body.password, 'base64').toString(), 'sécret');
    assert.equal(body.authenticationMethod, 'OWN');
    assert.equal(Buffer.from(body.authenticationData, 'base64').toString('hex'), '0102');
    assert.ok(JSON.stringify(body.userProperties).includes('"b"'), `${body.userProperties}`);
    assert.equal(await mayPublish(client, 'floors/x'), true);
    await isIn(client, 'web', 'web');
});

test('a plain user name and password go to the webhook, too', async () => {
    hook.answer('authenticate', ({ json: { userName, password } }) =>
        userName === 'ann' && Buffer.from(password, 'base64').toString() === 'pass'
            ? allow({ clientAuthenticationName: userName })
            : json({ decision: 'deny', errorReason: 'who is that' }, 400),
    );
    const named = (username, password) =>
        present('', { properties: {}, username, password: Buffer.from(password) });
    await isIn(await named('ann', 'pass'), 'ann');
    for (const [username, password] of [
        ['ann', 'wrong'],
        ['bob', 'pass'],
    ]) {
        const client = await named(username, password);
        assert.ok(client.code >= 0x80, `${client.code}`);
        client.end();
    }
});

/* [what, answer] */
const denials = [
    ['denies', () => json({ decision: 'deny', errorReason: 'no' }, 400)],
    ['denies with 200', () => json({ decision: 'deny' })],
    ['says nothing', () => ({ status: 200 })],
    ['answers no JSON', () => ({ status: 200, body: '{' })],
    ['fails', () => ({ status: 500 })],
    ['allows with 400', () => json({ decision: 'allow', clientAuthenticationName: 'x' }, 400)],
    ['gives no name, as the client', () => json({ decision: 'allow' }), {}],
    ['allows until the past', () => allow({ expiration: '2020-01-01T00:00:00Z' })],
    [
        'hangs up',
        (_, response) => {
            response.destroy();
            return 'done';
        },
    ],
];

for (const [what, answer, user = { username: 'ann' }] of denials) {
    test(`a webhook that ${what} lets nobody in`, async () => {
        hook.answer('authenticate', answer);
        const client = await present('x', { method: 'OWN', ...user });
        client.end();
        assert.ok(client.code >= 0x80, `${client.code}`);
    });
}

test('a webhook that does not answer lets nobody in, and holds nobody up', async () => {
    hook.answer('authenticate', ({ json: { userName } }) =>
        userName === 'slow' ? 'done' : allow(),
    );
    const slow = present('', { properties: {}, username: 'slow' });
    const fast = await present('', { properties: {}, username: 'fast' });
    assert.equal(fast.code, 0);
    fast.end();
    const client = await slow;
    client.end();
    assert.ok(client.code >= 0x80, `${client.code}`);
});

test('what a webhook has allowed ends when it has said', async () => {
    const end = Date.now() + SOON * 1000;
    hook.answer('authenticate', () => allow({ expiration: new Date(end).toISOString() }));
    const client = await present('', { properties: {}, username: 'ann' });
    assert.equal(client.code, 0);
    assert.ok((await client.take('disconnect')).reasonCode >= 0x80);
    await client.closed;
    assert.ok(Date.now() >= end - 1000);
});

test('a token is still good beside the webhook', async () => {
    await isIn(await present(token()), 'tom');
});

await run();
