/* Management of namespaces, their topics and the event subscriptions of those, by requests in the shape
 * of Azure Resource Manager: made, shown, changed, listed, deleted, keys, what cannot be, declared in the
 * configuration, after a restart (spec/eventgrid.md 5.4, 5.7, 8.1). What else a namespace has is in
 * namespaces_children_test.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { ACCOUNT, GROUP, Grid, PROVIDER, fresh } from './lib/eventgrid.mjs';
import { Namespace, VERSION, cloudEvent, deadLetters, queueProperties } from './lib/namespaces.mjs';
import { run, test } from './lib/runner.mjs';

const KEY1 = Buffer.from('the first key of a declared one.').toString('base64');
const KEY2 = Buffer.from('another key of a declared one...').toString('base64');
const grid = await Grid.start({
    namespaces: [
        {
            name: 'declared',
            key1: KEY1,
            key2: KEY2,
            properties: { publicNetworkAccess: 'Enabled' },
            topics: [
                {
                    name: 'orders',
                    properties: { eventRetentionInDays: 3 },
                    eventSubscriptions: [
                        {
                            name: 'billing',
                            properties: queueProperties({ maxDeliveryCount: 3 }),
                        },
                    ],
                },
            ],
        },
    ],
});
const { server } = grid;
const declared = await new Namespace(grid, 'declared').readKeys();
const shared = await Namespace.make(grid);

const scope = `/subscriptions/${ACCOUNT}`;
const inGroup = `${scope}/resourceGroups/${GROUP}`;
const list = async (path, query = '') => {
    const { status, json, text } = await grid.request(
        'GET',
        `${path}?api-version=${VERSION}${query}`,
    );
    assert.equal(status, 200, text);
    return json.value;
};
const namesOf = (values) => values.map(({ name }) => name);

/* ---------------------------------------------------------------- namespaces */

test('a namespace: made, shown, changed, listed, deleted', async () => {
    const name = fresh('life');
    const namespace = new Namespace(grid, name);
    const properties = {
        isZoneRedundant: true,
        publicNetworkAccess: 'Enabled',
        inboundIpRules: [{ ipMask: '127.0.0.0/8', action: 'Allow' }],
        minimumTlsVersionAllowed: '1.2',
    };
    const sku = { name: 'Standard', capacity: 1 };
    const body = { location: 'westus2', tags: { a: 'b' }, sku, properties };
    const made = await namespace.must([200, 201], 'PUT', '', body);
    const shown = await namespace.must(200, 'GET', '');
    for (const one of [made, shown]) {
        assert.equal(one.name, name);
        assert.equal(one.id.toLowerCase(), namespace.id.toLowerCase());
        assert.equal(one.type.toLowerCase(), 'microsoft.eventgrid/namespaces');
        assert.deepEqual([one.location, one.tags, one.sku], ['westus2', { a: 'b' }, sku]);
        assert.equal(one.properties.provisioningState, 'Succeeded');
        assert.deepEqual({ ...one.properties, ...properties }, one.properties);
    }
    const patched = await namespace.must([200, 202], 'PATCH', '', { tags: { c: 'd' } });
    assert.deepEqual(patched?.tags ?? { c: 'd' }, { c: 'd' });
    const after = await namespace.must(200, 'GET', '');
    assert.deepEqual([after.tags, after.sku], [{ c: 'd' }, sku]);
    assert.deepEqual(after.properties.inboundIpRules, properties.inboundIpRules);
    for (const path of [scope, inGroup]) {
        const found = namesOf(await list(`${path}${PROVIDER}/namespaces`));
        assert.ok(found.includes(name) && found.includes('declared'), `${found}`);
    }
    await namespace.must([200, 202, 204], 'DELETE', '');
    const error = await namespace.fails(404, 'GET', '');
    assert.equal(error.code, 'ResourceNotFound');
    await namespace.must(204, 'DELETE', '');
});

test('PATCH with properties changes those that are given', async () => {
    const namespace = await Namespace.make(grid, { isZoneRedundant: true });
    const rules = [{ ipMask: '127.0.0.1/32', action: 'Allow' }];
    await namespace.must([200, 202], 'PATCH', '', { properties: { inboundIpRules: rules } });
    const { properties } = await namespace.must(200, 'GET', '');
    assert.deepEqual([properties.inboundIpRules, properties.isZoneRedundant], [rules, true]);
});

test('addresses: any version, subscription, group and case of letters', async () => {
    const { name, id } = shared;
    const other = `/subscriptions/other/resourcegroups/another/providers/microsoft.eventgrid`;
    for (const target of [
        `${id}?api-version=2023-12-15-preview`,
        `${id.toUpperCase()}?api-version=2099-01-01`,
        `${other}/Namespaces/${name}?api-version=${VERSION}`,
        `/api/eventgrid/namespaces/${name}`,
    ]) {
        const { status, json, text } = await grid.request('GET', target);
        assert.equal(status, 200, `${target}: ${text}`);
        assert.equal(json.name, name);
    }
});

/* [what, body of PUT, words of the message] */
const badNamespaces = [
    ['rules that are none', { properties: { inboundIpRules: 5 } }, ['inboundIpRules']],
    [
        'an address that is none',
        { properties: { inboundIpRules: [{ ipMask: '1.2.3.4.5', action: 'Allow' }] } },
        ['inboundIpRules.0.ipMask'],
    ],
    [
        'access of another kind',
        { properties: { publicNetworkAccess: 'Sometimes' } },
        ['publicNetworkAccess'],
    ],
    [
        'an unknown state',
        { properties: { topicSpacesConfiguration: { state: 'Perhaps' } } },
        ['topicSpacesConfiguration.state'],
    ],
    ...[
        ['maximumSessionExpiryInHours', 0],
        ['maximumSessionExpiryInHours', 9],
        ['maximumClientSessionsPerAuthenticationName', 0],
        ['maximumClientSessionsPerAuthenticationName', 101],
    ].map(([member, value]) => [
        `${member} ${value}`,
        { properties: { topicSpacesConfiguration: { [member]: value } } },
        [`topicSpacesConfiguration.${member}`],
    ]),
    [
        'a source of names that there is not',
        {
            properties: {
                topicSpacesConfiguration: {
                    clientAuthentication: { alternativeAuthenticationNameSources: ['Passport'] },
                },
            },
        },
        ['topicSpacesConfiguration.clientAuthentication.alternativeAuthenticationNameSources.0'],
    ],
    [
        'an enrichment with a bad key',
        {
            properties: {
                topicSpacesConfiguration: {
                    routingEnrichments: { static: [{ key: 'Bad_Key', value: 'v' }] },
                },
            },
        },
        ['topicSpacesConfiguration.routingEnrichments.static.0.key'],
    ],
    ['properties that are none', { properties: 5 }, []],
];

for (const [what, body, words] of badNamespaces) {
    test(`a namespace that cannot be: ${what}`, async () => {
        const namespace = new Namespace(grid, fresh('bad'));
        await namespace.fails(400, 'PUT', '', { location: 'x', ...body }, words);
        await namespace.fails(404, 'GET', '');
        await shared.fails(400, 'PATCH', '', body, words);
    });
}

test('names of namespaces', async () => {
    for (const name of ['ab', 'x'.repeat(51), 'a_b', '-', 'a%20b']) {
        await new Namespace(grid, name).fails(400, 'PUT', '', { location: 'x' });
    }
});

test('bodies that are none', async () => {
    for (const body of ['{', '[]', '1', 'null']) {
        const answer = await grid.request('PUT', `${shared.id}?api-version=${VERSION}`, undefined, {
            body,
        });
        assert.equal(answer.status, 400, `${body}: ${answer.text}`);
        assert.ok(answer.json.error.code);
    }
});

test('a second namespace with MQTT is refused, and says so', async () => {
    const enabled = { topicSpacesConfiguration: { state: 'Enabled' } };
    const first = await Namespace.make(grid, enabled);
    const { properties } = await first.must(200, 'GET', '');
    assert.equal(properties.topicSpacesConfiguration.state, 'Enabled');
    const second = new Namespace(grid, fresh('second'));
    const body = { location: 'x', properties: enabled };
    await second.fails(400, 'PUT', '', body, ['topicSpacesConfiguration']);
    await shared.fails(400, 'PATCH', '', { properties: enabled }, ['topicSpacesConfiguration']);
    await first.must([200, 202, 204], 'DELETE', '');
    await Namespace.make(grid, enabled, second.name);
    await second.must([200, 202, 204], 'DELETE', '');
});

/* ---------------------------------------------------------------- keys */

test('keys: two, one is made anew, the other stays, of namespaces and topics', async () => {
    const namespace = await Namespace.make(grid);
    const topic = await namespace.topic();
    const published = async (key) => {
        const headers = { 'content-type': 'application/cloudevents+json' };
        return (await topic.post(':publish', cloudEvent('k'), { key, headers })).status;
    };
    for (const below of ['', `/topics/${topic.name}`]) {
        const { key1, key2 } = await namespace.must(200, 'POST', `${below}/listKeys`);
        assert.notEqual(key1, key2);
        assert.equal(Buffer.from(key1, 'base64').toString('base64'), key1);
        const regenerate = `${below}/regenerateKey`;
        const after = await namespace.must([200, 202], 'POST', regenerate, { keyName: 'key1' });
        const now = await namespace.must(200, 'POST', `${below}/listKeys`);
        assert.equal(now.key2, key2);
        assert.notEqual(now.key1, key1);
        assert.deepEqual(after ?? now, now);
        assert.deepEqual(await Promise.all([key1, now.key1, key2].map(published)), [401, 200, 200]);
        await namespace.fails(400, 'POST', regenerate, { keyName: 'key3' });
        await namespace.fails(400, 'POST', regenerate, {});
    }
});

test('keys of what is not there', async () => {
    const nobody = new Namespace(grid, 'nobody');
    await nobody.fails(404, 'POST', '/listKeys');
    await nobody.fails(404, 'POST', '/regenerateKey', { keyName: 'key1' });
    await shared.fails(404, 'POST', '/topics/nothing/listKeys');
});

/* ---------------------------------------------------------------- topics */

test('a topic: made, shown, changed, listed, deleted', async () => {
    const name = fresh('life');
    const child = `topics/${name}`;
    const properties = {
        publisherType: 'Custom',
        inputSchema: 'CloudEventSchemaV1_0',
        eventRetentionInDays: 3,
    };
    const made = await shared.put(child, properties);
    const shown = await shared.get(child);
    for (const one of [made, shown]) {
        assert.equal(one.name, name);
        assert.equal(one.id.toLowerCase(), `${shared.id}/${child}`.toLowerCase());
        assert.equal(one.type.toLowerCase(), 'microsoft.eventgrid/namespaces/topics');
        assert.equal(one.properties.provisioningState, 'Succeeded');
        assert.deepEqual({ ...one.properties, ...properties }, one.properties);
    }
    const retention = { properties: { eventRetentionInDays: 7 } };
    await shared.must([200, 202], 'PATCH', `/${child}`, retention);
    assert.equal((await shared.get(child)).properties.eventRetentionInDays, 7);
    assert.ok(namesOf(await list(`${shared.id}/topics`)).includes(name));
    await shared.delete(child);
    await shared.fails(404, 'GET', `/${child}`);
    assert.ok(!namesOf(await list(`${shared.id}/topics`)).includes(name));
    await shared.must(204, 'DELETE', `/${child}`);
});

test('topics of two namespaces share nothing but a name', async () => {
    const other = await Namespace.make(grid);
    const [here, there] = [await shared.topic({}, 'twin'), await other.topic({}, 'twin')];
    const queue = await here.queue();
    await there.publishIds('there');
    await here.publishIds('here');
    assert.equal((await queue.take()).event.id, 'here');
});

/* [name, properties, words] */
const badTopics = [
    ['ab', {}, []],
    ['x'.repeat(51), {}, []],
    ['a_b', {}, []],
    ['good-name', { inputSchema: 'EventGridSchema' }, ['inputSchema']],
    ['good-name', { eventRetentionInDays: 0 }, ['eventRetentionInDays']],
    ['good-name', { eventRetentionInDays: 8 }, ['eventRetentionInDays']],
    ['good-name', { eventRetentionInDays: 'x' }, ['eventRetentionInDays']],
    ['good-name', { publisherType: 'Partner' }, ['publisherType']],
];

for (const [name, properties, words] of badTopics) {
    test(`a topic that cannot be: ${name.slice(0, 10)} ${JSON.stringify(properties)}`, async () => {
        await shared.fails(400, 'PUT', `/topics/${name}`, { properties }, words);
        await shared.fails(404, 'GET', `/topics/${name}`);
    });
}

test('a topic of a namespace that is not there', async () => {
    await new Namespace(grid, 'nobody').fails(404, 'PUT', '/topics/orphan', { properties: {} });
    const { status } = await grid.request(
        'GET',
        `${inGroup}${PROVIDER}/namespaces/nobody/topics?api-version=${VERSION}`,
    );
    assert.equal(status, 404);
});

test('a namespace that is deleted takes its topics with it', async () => {
    const namespace = await Namespace.make(grid);
    const topic = await namespace.topic();
    const queue = await topic.queue();
    await namespace.must([200, 202, 204], 'DELETE', '');
    await namespace.fails(404, 'GET', `/topics/${topic.name}`);
    assert.equal((await queue.post('receive')).status, 404);
    await Namespace.make(grid, {}, namespace.name);
    await namespace.fails(404, 'GET', `/topics/${topic.name}`);
});

/* ---------------------------------------------------------------- event subscriptions (5.4) */

test('an event subscription with everything is shown as it was given', async () => {
    const topic = await shared.topic();
    const properties = {
        deliveryConfiguration: {
            deliveryMode: 'Queue',
            queue: {
                receiveLockDurationInSeconds: 120,
                maxDeliveryCount: 4,
                eventTimeToLive: 'P1D',
                ...deadLetters('dead'),
            },
        },
        eventDeliverySchema: 'CloudEventSchemaV1_0',
        filtersConfiguration: {
            includedEventTypes: ['a'],
            filters: [{ operatorType: 'StringContains', key: 'data.key1', values: ['v'] }],
        },
        expirationTimeUtc: '2099-01-01T00:00:00Z',
    };
    const child = `topics/${topic.name}/eventSubscriptions/full`;
    const made = await shared.put(child, properties);
    const shown = await shared.get(child);
    for (const one of [made, shown]) {
        assert.equal(one.name, 'full');
        assert.equal(
            one.type.toLowerCase(),
            'microsoft.eventgrid/namespaces/topics/eventsubscriptions',
        );
        assert.equal(one.id.toLowerCase(), `${shared.id}/${child}`.toLowerCase());
        const { provisioningState, expirationTimeUtc, ...others } = one.properties;
        assert.equal(provisioningState, 'Succeeded');
        assert.equal(Date.parse(expirationTimeUtc), Date.parse(properties.expirationTimeUtc));
        for (const member of ['deliveryConfiguration', 'filtersConfiguration']) {
            assert.deepEqual(others[member], properties[member]);
        }
        assert.equal(others.eventDeliverySchema, 'CloudEventSchemaV1_0');
    }
    assert.deepEqual(namesOf(await list(`${topic.id}/eventSubscriptions`)), ['full']);
    const filtered = await list(
        `${topic.id}/eventSubscriptions`,
        `&$filter=${encodeURIComponent("contains(name,'x')")}`,
    );
    assert.deepEqual(filtered, []);
});

test('an event subscription without anything has the defaults', async () => {
    const topic = await shared.topic();
    const { properties } = await topic.subscribe(queueProperties());
    const { queue, deliveryMode } = properties.deliveryConfiguration;
    assert.equal(deliveryMode, 'Queue');
    assert.deepEqual([queue.receiveLockDurationInSeconds, queue.maxDeliveryCount], [60, 10]);
    assert.equal(properties.eventDeliverySchema, 'CloudEventSchemaV1_0');
});

test('a change by PATCH leaves the rest', async () => {
    const topic = await shared.topic();
    const filtersConfiguration = { includedEventTypes: ['a'] };
    const queue = await topic.queue({ maxDeliveryCount: 4 }, { filtersConfiguration });
    const below = `/topics/${topic.name}/eventSubscriptions/${queue.name}`;
    const patch = queueProperties({ maxDeliveryCount: 5 });
    await shared.must([200, 202], 'PATCH', below, { properties: patch });
    const { properties } = await shared.must(200, 'GET', below);
    assert.equal(properties.deliveryConfiguration.queue.maxDeliveryCount, 5);
    assert.deepEqual(properties.filtersConfiguration.includedEventTypes, ['a']);
});

test('the secrets of a webhook are not shown', async () => {
    const topic = await shared.topic();
    const endpoint = grid.endpoint();
    const push = {
        destination: {
            endpointType: 'WebHook',
            properties: {
                endpointUrl: `${endpoint.url}?code=hush`,
                deliveryAttributeMappings: [
                    { name: 'X-S', type: 'Static', properties: { value: 'quiet', isSecret: true } },
                ],
            },
        },
    };
    const properties = { deliveryConfiguration: { deliveryMode: 'Push', push } };
    const child = `topics/${topic.name}/eventSubscriptions/secret`;
    const made = await shared.put(child, properties);
    for (const one of [made, await shared.get(child)]) {
        assert.ok(!/hush|quiet/.test(JSON.stringify(one)), JSON.stringify(one));
        const { destination, maxDeliveryCount } = one.properties.deliveryConfiguration.push;
        assert.equal(destination.properties.endpointBaseUrl, endpoint.url);
        assert.equal(maxDeliveryCount, 10);
    }
    const full = await shared.must(200, 'POST', `/${child}/getFullUrl`);
    assert.equal(full.endpointUrl, `${endpoint.url}?code=hush`);
    const { value } = await shared.must(200, 'POST', `/${child}/getDeliveryAttributes`);
    assert.deepEqual(namesOf(value), ['X-S']);
});

const push = (more) => ({ deliveryConfiguration: { deliveryMode: 'Push', push: more } });
const webhook = { endpointType: 'WebHook', properties: { endpointUrl: 'http://127.0.0.1:1/' } };
/* [what, properties, words] */
const badSubscriptions = [
    ['another mode', { deliveryConfiguration: { deliveryMode: 'Mail' } }, ['deliveryMode']],
    ...[
        ['receiveLockDurationInSeconds', 59],
        ['receiveLockDurationInSeconds', 301],
        ['receiveLockDurationInSeconds', '60'],
        ['maxDeliveryCount', 0],
        ['maxDeliveryCount', 11],
        ['eventTimeToLive', 'a day'],
        ['eventTimeToLive', 'PT1S'],
        ['eventTimeToLive', 'P8D'],
    ].map(([member, value]) => [
        `${member} ${value}`,
        queueProperties({ [member]: value }),
        [`deliveryConfiguration.queue.${member}`],
    ]),
    ['push without a destination', push({}), ['deliveryConfiguration.push']],
    [
        'push with two destinations',
        push({
            destination: webhook,
            deliveryWithResourceIdentity: {
                identity: { type: 'SystemAssigned' },
                destination: webhook,
            },
        }),
        ['deliveryConfiguration.push'],
    ],
    [
        'a destination that is no URL',
        push({ destination: { endpointType: 'WebHook', properties: { endpointUrl: 'x' } } }),
        ['endpointUrl'],
    ],
    ['another schema', queueProperties({}, { eventDeliverySchema: 'EventGridSchema' }), []],
    [
        'an operator that there is not',
        queueProperties(
            {},
            {
                filtersConfiguration: {
                    filters: [{ operatorType: 'StringLike', key: 'id', values: ['x'] }],
                },
            },
        ),
        ['filtersConfiguration.filters.0.operatorType'],
    ],
    [
        'a filter without a key',
        queueProperties(
            {},
            { filtersConfiguration: { filters: [{ operatorType: 'StringIn', values: ['x'] }] } },
        ),
        ['filtersConfiguration.filters.0.key'],
    ],
    ['an end that is past', queueProperties({}, { expirationTimeUtc: '2020-01-01T00:00:00Z' }), []],
];

for (const [what, properties, words] of badSubscriptions) {
    test(`an event subscription that cannot be: ${what}`, async () => {
        const topic = await shared.topic();
        const below = `/topics/${topic.name}/eventSubscriptions/impossible`;
        await shared.fails(400, 'PUT', below, { properties }, words);
        await shared.fails(404, 'GET', below);
    });
}

test('names of event subscriptions, and places where there are none', async () => {
    const topic = await shared.topic();
    const body = { properties: queueProperties() };
    for (const name of ['ab', 'x'.repeat(65), 'a_b']) {
        const below = `/topics/${topic.name}/eventSubscriptions/${name}`;
        await shared.fails(400, 'PUT', below, body);
    }
    await shared.fails(404, 'PUT', '/topics/nothing/eventSubscriptions/orphan', body);
    await shared.fails(404, 'GET', '/topics/nothing/eventSubscriptions');
});

test('other methods are none', async () => {
    for (const [method, below] of [
        ['POST', ''],
        ['GET', '/listKeys'],
        ['POST', '/topics'],
    ]) {
        const { status, json } = await shared.manage(method, below);
        assert.ok([404, 405].includes(status), `${method} ${below}: ${status}`);
        assert.ok(json.error.code);
    }
});

/* ---------------------------------------------------------------- declared, and after a restart */

test('what the configuration declares is there, with its keys', async () => {
    assert.deepEqual(declared.keys, [KEY1, KEY2]);
    const { properties } = await declared.get('topics/orders');
    assert.equal(properties.eventRetentionInDays, 3);
    const subscription = await declared.get('topics/orders/eventSubscriptions/billing');
    assert.equal(subscription.properties.deliveryConfiguration.queue.maxDeliveryCount, 3);
    await declared.fails(409, 'DELETE', '');
    await declared.fails(409, 'DELETE', '/topics/orders');
    await declared.fails(409, 'DELETE', '/topics/orders/eventSubscriptions/billing');
});

test('what is changed goes before what is declared, until it is deleted', async () => {
    const below = '/topics/orders';
    await declared.must([200, 202], 'PATCH', below, { properties: { eventRetentionInDays: 5 } });
    assert.equal((await declared.get('topics/orders')).properties.eventRetentionInDays, 5);
    await declared.delete('topics/orders');
    assert.equal((await declared.get('topics/orders')).properties.eventRetentionInDays, 3);
});

test('all of it survives a restart', async () => {
    const namespace = await Namespace.make(grid, { isZoneRedundant: true });
    const topic = await namespace.topic({ eventRetentionInDays: 5 });
    const queue = await topic.queue({ maxDeliveryCount: 6 });
    const topicKeys = await namespace.must(200, 'POST', `/topics/${topic.name}/listKeys`);
    await topic.publishIds('waits');
    await server.restart();
    const { keys } = namespace;
    await namespace.readKeys();
    assert.deepEqual(namespace.keys, keys);
    assert.deepEqual(
        await namespace.must(200, 'POST', `/topics/${topic.name}/listKeys`),
        topicKeys,
    );
    assert.equal((await namespace.must(200, 'GET', '')).properties.isZoneRedundant, true);
    assert.equal((await namespace.get(`topics/${topic.name}`)).properties.eventRetentionInDays, 5);
    assert.equal((await queue.take()).event.id, 'waits');
    await declared.readKeys();
    assert.equal(declared.keys[0], KEY1);
});

await run();
