/* What a namespace has beside its topics: clients, client groups, topic spaces, permission bindings and
 * certificates of authorities: made, shown, changed, listed, deleted, what cannot be, what is in use,
 * declared in the configuration, after a restart (spec/eventgrid.md 6.2, 6.3, 8.1). What they do is in
 * namespaces_access_test.mjs and namespaces_signin_test.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { AUTHORITY } from './lib/certificates.mjs';
import { Grid, fresh } from './lib/eventgrid.mjs';
import { Namespace, VERSION } from './lib/namespaces.mjs';
import { run, test } from './lib/runner.mjs';

const CERTIFICATE = fs.readFileSync(AUTHORITY, 'utf8');
const SUBJECT = 'SubjectMatchesAuthenticationName';

const declaration = {
    clients: [{ name: 'declared:1', properties: { attributes: { type: 'sensor' } } }],
    clientGroups: [{ name: 'sensors', properties: { query: "attributes.type = 'sensor'" } }],
    topicSpaces: [{ name: 'telemetry', properties: { topicTemplates: ['t/#'] } }],
    permissionBindings: [
        {
            name: 'may-send',
            properties: {
                clientGroupName: 'sensors',
                topicSpaceName: 'telemetry',
                permission: 'Publisher',
            },
        },
    ],
    caCertificates: [{ name: 'authority', properties: { encodedCertificate: CERTIFICATE } }],
};
const grid = await Grid.start({ namespaces: [{ name: 'declared', ...declaration }] });
const { server } = grid;
const declared = new Namespace(grid, 'declared');
const namespace = await Namespace.make(grid);

const list = async (collection, where = namespace) =>
    (await where.get(collection)).value.map(({ name }) => name);

/* ---------------------------------------------------------------- the life of each */

/* [collection, properties, what is then put in their place, what it shows beyond what was given] */
const kinds = [
    [
        'clients',
        {
            authenticationName: 'Client:ü',
            state: 'Enabled',
            description: 'a machine',
            clientCertificateAuthentication: {
                validationScheme: 'ThumbprintMatch',
                allowedThumbprints: ['a'.repeat(40), 'b'.repeat(64)],
            },
            attributes: { room: '345', floor: 12, deviceTypes: ['Fan', 'Light'] },
        },
        { state: 'Disabled' },
        {},
    ],
    [
        'clientGroups',
        { query: "attributes.type = 'sensor' AND attributes.floor IN [1,2]", description: 'd' },
        { query: 'attributes.floor > 3' },
        {},
    ],
    [
        'topicSpaces',
        {
            topicTemplates: [
                'devices/${client.authenticationName}/tele/+',
                'areas/${client.attributes.area}/#',
            ],
            description: 'd',
        },
        { topicTemplates: ['x'] },
        {},
    ],
    [
        'caCertificates',
        { encodedCertificate: CERTIFICATE, description: 'd' },
        { description: 'other' },
        { issueTimeInUtc: /^20\d\d-/, expiryTimeInUtc: /^20\d\d-/ },
    ],
];

for (const [collection, properties, patch, more] of kinds) {
    test(`${collection}: made, shown, changed, listed, deleted`, async () => {
        const name = fresh('life');
        const child = `${collection}/${name}`;
        const made = await namespace.put(child, properties);
        const shown = await namespace.get(child);
        for (const one of [made, shown]) {
            assert.equal(one.name, name);
            assert.equal(one.id.toLowerCase(), `${namespace.id}/${child}`.toLowerCase());
            assert.equal(
                one.type.toLowerCase(),
                `microsoft.eventgrid/namespaces/${collection}`.toLowerCase(),
            );
            assert.equal(one.properties.provisioningState, 'Succeeded');
            assert.deepEqual({ ...one.properties, ...properties }, one.properties);
            for (const [member, pattern] of Object.entries(more)) {
                assert.match(one.properties[member], pattern);
            }
        }
        await namespace.put(child, { ...properties, ...patch });
        const changed = await namespace.get(child);
        assert.deepEqual({ ...changed.properties, ...properties, ...patch }, changed.properties);
        assert.ok((await list(collection)).includes(name));
        await namespace.must(200, 'GET', `/${collection.toUpperCase()}/${name}`);
        await namespace.delete(child);
        const { code } = await namespace.fails(404, 'GET', `/${child}`);
        assert.equal(code, 'ResourceNotFound');
        await namespace.must(204, 'DELETE', `/${child}`);
        assert.ok(!(await list(collection)).includes(name));
    });
}

test('a permission binding, and what it is in the way of', async () => {
    const [group, space, binding] = ['group', 'space', 'binding'].map(fresh);
    await namespace.put(`clientGroups/${group}`, { query: 'attributes.a = 1' });
    await namespace.put(`topicSpaces/${space}`, { topicTemplates: ['a/#'] });
    const properties = {
        clientGroupName: group,
        topicSpaceName: space,
        permission: 'Publisher',
        description: 'd',
    };
    const made = await namespace.put(`permissionBindings/${binding}`, properties);
    assert.deepEqual({ ...made.properties, ...properties }, made.properties);
    assert.deepEqual(await list('permissionBindings'), [binding]);
    for (const child of [`clientGroups/${group}`, `topicSpaces/${space}`]) {
        await namespace.fails(409, 'DELETE', `/${child}`, undefined, [binding]);
        await namespace.get(child);
    }
    await namespace.put(`permissionBindings/${binding}`, {
        ...properties,
        permission: 'Subscriber',
    });
    const shown = await namespace.get(`permissionBindings/${binding}`);
    assert.equal(shown.properties.permission, 'Subscriber');
    for (const child of [
        `permissionBindings/${binding}`,
        `clientGroups/${group}`,
        `topicSpaces/${space}`,
    ]) {
        await namespace.delete(child);
        await namespace.fails(404, 'GET', `/${child}`);
    }
});

test('the group of all clients can be bound, and is not changed', async () => {
    await namespace.put('topicSpaces/for-all', { topicTemplates: ['all'] });
    await namespace.put('permissionBindings/for-all', {
        clientGroupName: '$all',
        topicSpaceName: 'for-all',
        permission: 'Subscriber',
    });
    const below = `/clientGroups/${encodeURIComponent('$all')}`;
    const body = { properties: { query: 'attributes.a = 1' } };
    await namespace.fails(400, 'PUT', below, body);
    const { properties } = await namespace.get('permissionBindings/for-all');
    assert.equal(properties.clientGroupName, '$all');
});

/* ---------------------------------------------------------------- clients (6.2) */

test('a client without anything', async () => {
    const { properties } = await namespace.put('clients/plain', {});
    assert.equal(properties.authenticationName, 'plain');
    assert.equal(properties.state, 'Enabled');
    assert.deepEqual(properties.attributes ?? {}, {});
});

test('names of clients: letters in two cases are two, some others are taken', async () => {
    const names = ['a', 'A:b-c.d_e', 'x'.repeat(128), 'case', 'CASE'];
    for (const name of names) {
        await namespace.put(`clients/${name}`, { authenticationName: `auth-${fresh('n')}` });
    }
    const listed = await list('clients');
    assert.ok(
        names.every((name) => listed.includes(name)),
        `${listed}`,
    );
    await namespace.delete('clients/CASE');
    await namespace.get('clients/case');
});

test('the authentication name: one client, and always the same', async () => {
    await namespace.put('clients/first', { authenticationName: 'The-Name' });
    for (const authenticationName of ['The-Name', 'THE-NAME', 'the-name']) {
        const { status } = await namespace.manage('PUT', '/clients/second', {
            properties: { authenticationName },
        });
        assert.ok([400, 409].includes(status), `${authenticationName}: ${status}`);
    }
    await namespace.put('clients/first', { authenticationName: 'The-Name', description: 'd' });
    const body = { properties: { authenticationName: 'another' } };
    await namespace.fails(400, 'PUT', '/clients/first', body, ['authenticationName']);
    await namespace.delete('clients/first');
    await namespace.put('clients/second', { authenticationName: 'the-name' });
});

const thumbprints = (...allowedThumbprints) => ({
    clientCertificateAuthentication: { validationScheme: 'ThumbprintMatch', allowedThumbprints },
});
const query = (text) => ({ query: text });
const templates = (...topicTemplates) => ({ topicTemplates });
/* [child, properties, words of the message] */
const impossible = [
    ['clients/a b', {}, []],
    ['clients/ü', {}, []],
    [`clients/${'x'.repeat(129)}`, {}, []],
    ['clients/bad', { authenticationName: '' }, ['authenticationName']],
    ['clients/bad', { authenticationName: 'x'.repeat(129) }, ['authenticationName']],
    ['clients/bad', { authenticationName: 5 }, ['authenticationName']],
    ['clients/bad', { state: 'Sleepy' }, ['state']],
    [
        'clients/bad',
        { clientCertificateAuthentication: { validationScheme: 'Face' } },
        ['clientCertificateAuthentication.validationScheme'],
    ],
    ['clients/bad', thumbprints(), ['allowedThumbprints']],
    ['clients/bad', thumbprints('x'.repeat(40)), ['allowedThumbprints.0']],
    ['clients/bad', thumbprints('a'.repeat(41)), ['allowedThumbprints.0']],
    [
        'clients/bad',
        thumbprints('a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)),
        ['allowedThumbprints'],
    ],
    ['clients/bad', { attributes: { 'a-b': 'x' } }, ['attributes']],
    ['clients/bad', { attributes: { a: true } }, ['attributes.a']],
    ['clients/bad', { attributes: { a: 1.5 } }, ['attributes.a']],
    ['clients/bad', { attributes: { a: [1] } }, ['attributes.a']],
    ['clients/bad', { attributes: { a: { b: 'c' } } }, ['attributes.a']],
    ['clients/bad', { attributes: [] }, ['attributes']],
    ['clients/bad', { attributes: { a: 'x'.repeat(4096) } }, ['attributes']],
    ['clientGroups/ab', query('attributes.a = 1'), []],
    [`clientGroups/${'x'.repeat(51)}`, query('attributes.a = 1'), []],
    ['clientGroups/bad', {}, ['query']],
    ['clientGroups/bad', query(''), ['query']],
    ['clientGroups/bad', query('attributes.a'), ['query']],
    ['clientGroups/bad', query('attributes.a ='), ['query']],
    ['clientGroups/bad', query('a = 1'), ['query']],
    ['clientGroups/bad', query('attributes.a = b'), ['query']],
    ['clientGroups/bad', query("attributes.a = 'x"), ['query']],
    ['clientGroups/bad', query("attributes.a < 'x'"), ['query']],
    ['clientGroups/bad', query('attributes.a LIKE 1'), ['query']],
    ['clientGroups/bad', query('NOT attributes.a = 1'), ['query']],
    ['clientGroups/bad', query('attributes.a IN []'), ['query']],
    ['clientGroups/bad', query('attributes.a IN [1'), ['query']],
    ['clientGroups/bad', query('(attributes.a = 1'), ['query']],
    ['clientGroups/bad', query('attributes.a = 1)'), ['query']],
    ['clientGroups/bad', query('attributes.a = 1 attributes.b = 2'), ['query']],
    ['clientGroups/bad', query('attributes.a = 1 AND'), ['query']],
    ['clientGroups/bad', query('attributes.a == 1'), ['query']],
    ['clientGroups/bad', query('attributes.a = 1.5'), ['query']],
    ['topicSpaces/ab', templates('a'), []],
    ['topicSpaces/bad', {}, ['topicTemplates']],
    ['topicSpaces/bad', templates(), ['topicTemplates']],
    ['topicSpaces/bad', templates(...'abcdefghijk'), ['topicTemplates']],
    ['topicSpaces/bad', templates('a', ''), ['topicTemplates.1']],
    ['topicSpaces/bad', templates('a/#/b'), ['topicTemplates.0']],
    ['topicSpaces/bad', templates('a+/b'), ['topicTemplates.0']],
    ['topicSpaces/bad', templates('1/2/3/4/5/6/7/8/9'), ['topicTemplates.0']],
    ['topicSpaces/bad', templates('x'.repeat(257)), ['topicTemplates.0']],
    ['topicSpaces/bad', templates('${client.name}'), ['topicTemplates.0']],
    ['topicSpaces/bad', templates('${client.authenticationName'), ['topicTemplates.0']],
    ['topicSpaces/bad', templates('${client.attributes.}'), ['topicTemplates.0']],
    ['topicSpaces/bad', templates('${client.attributes.a-b}'), ['topicTemplates.0']],
    ['permissionBindings/bad', {}, []],
    ['caCertificates/bad', {}, ['encodedCertificate']],
    ['caCertificates/bad', { encodedCertificate: 'no certificate' }, ['encodedCertificate']],
];

for (const [child, properties, words] of impossible) {
    const what = `${child.slice(0, 30)} ${JSON.stringify(properties).slice(0, 70)}`;
    test(`what cannot be: ${what}`, async () => {
        const below = `/${child.split('/').map(encodeURIComponent).join('/')}`;
        await namespace.fails(400, 'PUT', below, { properties }, words);
        const { status } = await namespace.manage('GET', below);
        assert.ok([400, 404].includes(status), `${status}`);
    });
}

test('a permission binding of what is not there', async () => {
    await namespace.put('clientGroups/here', query('attributes.a = 1'));
    await namespace.put('topicSpaces/here', templates('a'));
    const good = { clientGroupName: 'here', topicSpaceName: 'here', permission: 'Publisher' };
    for (const [member, value] of [
        ['clientGroupName', 'nobody'],
        ['clientGroupName', undefined],
        ['topicSpaceName', 'nowhere'],
        ['topicSpaceName', undefined],
        ['permission', 'Reader'],
        ['permission', undefined],
    ]) {
        const properties = { ...good, [member]: value };
        const answer = await namespace.manage('PUT', '/permissionBindings/bad', { properties });
        assert.ok([400, 404, 409].includes(answer.status), `${member} ${value}: ${answer.status}`);
        assert.ok(
            [member, value].some((word) => answer.json.error.message.includes(word)),
            answer.text,
        );
    }
    await namespace.put('permissionBindings/good', good);
});

test('children of a namespace that is not there, and of none of the kinds', async () => {
    const nobody = new Namespace(grid, 'nobody');
    for (const [collection, properties] of kinds) {
        await nobody.fails(404, 'PUT', `/${collection}/orphan`, { properties });
        await nobody.fails(404, 'GET', `/${collection}/orphan`);
        await nobody.fails(404, 'GET', `/${collection}`);
    }
    await namespace.fails(404, 'GET', '/robots/x');
});

test('children of two namespaces share nothing but a name', async () => {
    const other = await Namespace.make(grid);
    await namespace.put('clientGroups/twin', query('attributes.a = 1'));
    await other.put('clientGroups/twin', query('attributes.a = 2'));
    assert.equal((await namespace.get('clientGroups/twin')).properties.query, 'attributes.a = 1');
    assert.deepEqual(
        (await list('clientGroups', other)).filter((name) => name !== '$all'),
        ['twin'],
    );
    await other.must([200, 202, 204], 'DELETE', '');
    await Namespace.make(grid, {}, other.name);
    await other.fails(404, 'GET', '/clientGroups/twin');
});

test('lists: pages and filters', async () => {
    const where = await Namespace.make(grid);
    const names = Array.from({ length: 7 }, (_, index) => `client-${index}`);
    for (const name of names) {
        await where.put(`clients/${name}`, {});
    }
    const found = [];
    let target = `${where.id}/clients?api-version=${VERSION}&$top=3`;
    while (target) {
        const { status, json, text } = await grid.request('GET', target);
        assert.equal(status, 200, text);
        assert.ok(json.value.length <= 3);
        found.push(...json.value.map(({ name }) => name));
        const next = json.nextLink && new URL(json.nextLink);
        target = next && `${next.pathname}${next.search}`;
    }
    assert.deepEqual(found.toSorted(), names);
    const filter = encodeURIComponent("contains(name,'-3')");
    const { json } = await grid.request(
        'GET',
        `${where.id}/clients?api-version=${VERSION}&$filter=${filter}`,
    );
    assert.deepEqual(
        json.value.map(({ name }) => name),
        ['client-3'],
    );
});

/* ---------------------------------------------------------------- declared, and after a restart */

test('what the configuration declares is there, and not deleted here', async () => {
    for (const [collection, [{ name, properties }]] of Object.entries(declaration)) {
        const shown = await declared.get(`${collection}/${name}`);
        assert.deepEqual({ ...shown.properties, ...properties }, shown.properties);
        assert.ok((await list(collection, declared)).includes(name));
        await declared.fails(409, 'DELETE', `/${collection}/${name}`);
    }
});

test('what is changed goes before what is declared, until it is deleted', async () => {
    const child = 'topicSpaces/telemetry';
    await declared.put(child, templates('other/#'));
    assert.deepEqual((await declared.get(child)).properties.topicTemplates, ['other/#']);
    await declared.delete(child).catch(() => {});
    assert.deepEqual((await declared.get(child)).properties.topicTemplates, ['t/#']);
});

test('children survive a restart', async () => {
    const where = await Namespace.make(grid);
    const before = [];
    for (const [collection, properties] of kinds) {
        before.push([`${collection}/kept`, await where.put(`${collection}/kept`, properties)]);
    }
    await server.restart();
    for (const [child, shown] of before) {
        assert.deepEqual(await where.get(child), shown);
    }
});

await run();
