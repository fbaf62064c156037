/* How devices of a namespace sign in: certificates by each name in them, by thumbprint and by who has
 * signed them; passwords; not at all; whose session an identifier is, and how many one may have
 * (spec/eventgrid.md 6.2). Tokens and webhooks are in namespaces_tokens_test.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { AUTHORITY, certificate, clientCertificate, otherAuthority } from './lib/certificates.mjs';
import { connectMqtt } from './lib/device.mjs';
import { Grid, fresh } from './lib/eventgrid.mjs';
import { Namespace, mqttProperties } from './lib/namespaces.mjs';
import { connectAs, passwordSection } from './lib/passwords.mjs';
import { mayPublish, permitOwn } from './lib/permissions.mjs';
import { freePort } from './lib/ports.mjs';
import { run, test } from './lib/runner.mjs';

const QUOTA_EXCEEDED = 0x97;
const TAKEN_OVER = 0x8e;
const ca = fs.readFileSync(AUTHORITY, 'utf8');
const port = await freePort();
const spaces = (more = {}) =>
    mqttProperties({ maximumClientSessionsPerAuthenticationName: 2, ...more });
const grid = await Grid.start(
    { namespaces: [{ name: 'devices', properties: spaces() }] },
    {
        mqttListeners: [{ address: `tls://127.0.0.1:${port}`, ...certificate('server') }],
        more: passwordSection('ann', 'bob', 'cut'),
    },
);
const { server } = grid;
const namespace = new Namespace(grid, 'devices');
await namespace.put('caCertificates/known', { encodedCertificate: ca });
await permitOwn(namespace);

/* Over TLS, with the certificate of the client, if it has one. */
const connect = (made, options = {}) =>
    connectMqtt(`mqtts://127.0.0.1:${port}`, {
        ca,
        clientId: fresh('session'),
        ...(made && { cert: made.pem, key: fs.readFileSync(made.key) }),
        ...options,
    });
const plain = (user, options = {}) => connectAs(server, user, options);

/* It is not let in; resolves to the reason code, if there is one. */
const refused = (promise) =>
    promise.then(
        (client) => {
            client.end(true);
            assert.fail('it was let in');
        },
        ({ code }) => code,
    );

/* It is in under this name, with this kind. */
async function isIn(client, name, kind) {
    assert.equal(await mayPublish(client, `own/${name}`), true);
    if (kind) {
        assert.equal(await mayPublish(client, `kinds/${kind}`), true);
    }
    if (client.options.protocolVersion === 5) {
        assert.equal(await mayPublish(client, 'own/somebody'), false); // else it would be closed
    }
    await client.endAsync();
}

/* ---------------------------------------------------------------- certificates */

const by = (validationScheme, allowedThumbprints) => ({
    validationScheme,
    ...(allowedThumbprints && { allowedThumbprints }),
});
const thumbprint = ({ pem }, hash) => {
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    return createHash(hash).update(der).digest('hex');
};
const stranger = otherAuthority('stranger');

/* [scheme, a name in the certificate, how that stands there] */
const schemes = [
    ['SubjectMatchesAuthenticationName', 'cert-subject', undefined],
    ['DnsMatchesAuthenticationName', 'device.example', 'DNS:device.example'],
    ['UriMatchesAuthenticationName', 'urn:device:1', 'URI:urn:device:1'],
    ['IpMatchesAuthenticationName', '10.1.2.3', 'IP:10.1.2.3'],
    ['EmailMatchesAuthenticationName', 'd@example.com', 'email:d@example.com'],
];

for (const [scheme, name, alternative] of schemes) {
    test(`a certificate: ${scheme}`, async () => {
        const subject = alternative ? 'any' : name;
        const kind = scheme.slice(0, 3);
        const properties = {
            authenticationName: name,
            clientCertificateAuthentication: by(scheme),
            attributes: { kind },
        };
        await namespace.put(`clients/${kind}`, properties);
        const good = clientCertificate(subject, { alternative });
        await isIn(await connect(good, { username: name }), name, kind);
        await isIn(await connect(good, { username: name, protocolVersion: 4 }), name, kind);
        const others = [
            [good, 'somebody'], // another name than that in it
            [clientCertificate('another', { alternative: 'DNS:another.example' }), name],
            [clientCertificate(subject, { alternative, by: stranger }), name],
            [clientCertificate(subject, { alternative, by: null }), name],
            [undefined, name],
        ];
        for (const [made, username] of others) {
            await refused(connect(made, { username }));
        }
        await namespace.put(`clients/${kind}`, { ...properties, state: 'Disabled' });
        await refused(connect(good, { username: name }));
        await namespace.delete(`clients/${kind}`);
        await refused(connect(good, { username: name }));
    });
}

for (const hash of ['sha1', 'sha256']) {
    test(`a certificate: ThumbprintMatch by ${hash}, signed by itself`, async () => {
        const [one, two] = ['one', 'two'].map((name) => clientCertificate(name, { by: null }));
        const prints = [one, two].map((made) => thumbprint(made, hash));
        prints[1] = prints[1].toUpperCase();
        await namespace.put('clients/printed', {
            authenticationName: `printed-${hash}`,
            clientCertificateAuthentication: by('ThumbprintMatch', prints),
            attributes: { kind: 'printed' },
        });
        for (const made of [one, two]) {
            const client = await connect(made, { username: `printed-${hash}` });
            await isIn(client, `printed-${hash}`, 'printed');
        }
        const other = clientCertificate('one', { by: null });
        await refused(connect(other, { username: `printed-${hash}` }));
        await namespace.put('clients/printed', {
            authenticationName: `printed-${hash}`,
            clientCertificateAuthentication: by('ThumbprintMatch', [prints[0]]),
        });
        await refused(connect(two, { username: `printed-${hash}` }));
        await namespace.delete('clients/printed');
    });
}

test('an authority is known as soon as it is made, and until it is deleted', async () => {
    const late = otherAuthority('late');
    const made = clientCertificate('late-one', { by: late });
    await namespace.put('clients/late-one', {
        clientCertificateAuthentication: by('SubjectMatchesAuthenticationName'),
    });
    await refused(connect(made, { username: 'late-one' }));
    await namespace.put('caCertificates/late', { encodedCertificate: late.pem });
    await isIn(await connect(made, { username: 'late-one' }), 'late-one');
    await namespace.delete('caCertificates/late');
    await refused(connect(made, { username: 'late-one' }));
});

test('without a user name: the name is in the certificate, in the order that is said', async () => {
    await namespace.put('clients/ordered', {
        authenticationName: 'first.example',
        clientCertificateAuthentication: by('DnsMatchesAuthenticationName'),
        attributes: { kind: 'ordered' },
    });
    await namespace.put('clients/second', {
        authenticationName: 'second-subject',
        clientCertificateAuthentication: by('SubjectMatchesAuthenticationName'),
    });
    const both = clientCertificate('second-subject', { alternative: 'DNS:first.example' });
    const lone = clientCertificate('second-subject');
    const nobody = await connect(both); // as it could without a certificate
    assert.equal(await mayPublish(nobody, 'own/first.example'), false);
    await nobody.endAsync();
    const clientAuthentication = {
        alternativeAuthenticationNameSources: ['ClientCertificateDns', 'ClientCertificateSubject'],
    };
    await namespace.must([200, 201], 'PUT', '', {
        location: 'x',
        properties: spaces({ clientAuthentication }),
    });
    await isIn(await connect(both), 'first.example', 'ordered');
    await isIn(await connect(lone), 'second-subject');
});

/* ---------------------------------------------------------------- passwords, and none */

test('a password: the client resource of that name has the attributes', async () => {
    await namespace.put('clients/ann', { attributes: { kind: 'person' } });
    await isIn(await plain('ann'), 'ann', 'person');
    await refused(plain('ann', { password: 'wrong' }));
    await refused(plain('nobody'));
});

test('without any name: what is for all, and nothing that needs a name', async () => {
    await namespace.put('topicSpaces/open', { topicTemplates: ['open'] });
    await namespace.put('permissionBindings/open', {
        clientGroupName: '$all',
        topicSpaceName: 'open',
        permission: 'Publisher',
    });
    const client = await plain(undefined);
    assert.deepEqual(
        [await mayPublish(client, 'open'), await mayPublish(client, 'own/')],
        [true, false],
    );
    await client.endAsync();
});

/* ---------------------------------------------------------------- sessions */

test("the identifier of a session that is somebody else's is refused", async () => {
    const properties = { sessionExpiryInterval: 600 };
    const first = await plain('ann', { clientId: 'owned', clean: false, properties });
    await refused(plain('bob', { clientId: 'owned' }));
    assert.equal(await mayPublish(first, 'own/ann'), true);
    await first.endAsync();
    await refused(plain('bob', { clientId: 'owned' }));
    const ended = { clientId: 'owned', properties: { sessionExpiryInterval: 0 } };
    await (await plain('ann', ended)).endAsync();
});

test('the same one takes it over, and the old connection is told', async () => {
    const first = await plain('ann', { clientId: 'taken' });
    const told = new Promise((resolve) => {
        first.on('disconnect', ({ reasonCode }) => resolve(reasonCode));
    });
    const second = await plain('ann', { clientId: 'taken' });
    assert.equal(await told, TAKEN_OVER);
    await second.endAsync();
});

test('no more sessions of one name than are allowed, those that are away counted', async () => {
    const properties = { sessionExpiryInterval: 600 };
    const away = await plain('cut', { clientId: 'cut-1', clean: false, properties });
    await away.endAsync();
    const second = await plain('cut', { clientId: 'cut-2' });
    assert.equal(await refused(plain('cut', { clientId: 'cut-3' })), QUOTA_EXCEEDED);
    const again = await plain('cut', { clientId: 'cut-1', clean: false, properties });
    assert.equal(again.connackPacket.sessionPresent, true);
    await second.endAsync();
    const third = await plain('cut', { clientId: 'cut-3' });
    await third.endAsync();
    await again.endAsync({ properties: { sessionExpiryInterval: 0 } });
});

await run();
