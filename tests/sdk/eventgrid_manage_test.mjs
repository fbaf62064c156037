/* Management over the official, unmodified client: topics, domains and their topics, system topics,
 * event subscriptions in both ways of addressing, keys, secrets, lists, PATCH, deletion, errors
 * (spec/eventgrid.md 2, 3, 8.1). Who may manage at all is in eventgrid_access_test.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import {
    ACCOUNT,
    API,
    GROUP,
    Grid,
    MAPPING,
    PROVIDER,
    all,
    fails,
    fresh,
    names,
    sample,
} from './lib/eventgrid.mjs';
import { call } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const grid = await Grid.start();
const { arm, server } = grid;

const scopeOf = (at, group = GROUP) =>
    `/subscriptions/${ACCOUNT}/resourceGroups/${group}${PROVIDER}${at}`;

/* ---------------------------------------------------------------- topics */

test('a topic: made, shown, changed, listed, deleted', async () => {
    const name = fresh('life');
    const { topics } = arm;
    const made = await topics.beginCreateOrUpdateAndWait(GROUP, name, {
        location: 'westus',
        tags: { a: 'b' },
        inputSchema: 'CloudEventSchemaV1_0',
        publicNetworkAccess: 'Enabled',
        inboundIpRules: [{ ipMask: '127.0.0.0/8', action: 'Allow' }],
    });
    const shown = await topics.get(GROUP, name);
    for (const topic of [made, shown]) {
        assert.equal(topic.name, name);
        assert.equal(topic.id.toLowerCase(), scopeOf(`/topics/${name}`).toLowerCase());
        assert.equal(topic.type.toLowerCase(), 'microsoft.eventgrid/topics');
        assert.equal(topic.location, 'westus');
        assert.deepEqual(topic.tags, { a: 'b' });
        assert.equal(topic.provisioningState, 'Succeeded');
        assert.equal(topic.inputSchema, 'CloudEventSchemaV1_0');
        assert.equal(topic.publicNetworkAccess, 'Enabled');
        assert.deepEqual(topic.inboundIpRules, [{ ipMask: '127.0.0.0/8', action: 'Allow' }]);
        assert.equal(topic.disableLocalAuth, false);
        assert.match(topic.endpoint, new RegExp(`^http://.*/topics/${name}/api/events`));
        assert.ok(topic.metricResourceId);
    }
    await topics.beginUpdateAndWait(GROUP, name, { tags: { c: 'd' }, disableLocalAuth: true });
    const changed = await topics.get(GROUP, name);
    assert.deepEqual([changed.tags, changed.disableLocalAuth], [{ c: 'd' }, true]);
    assert.equal(changed.inputSchema, 'CloudEventSchemaV1_0');
    assert.ok((await names(topics.listByResourceGroup(GROUP))).includes(name));
    assert.ok((await names(topics.listBySubscription())).includes(name));
    await topics.beginDeleteAndWait(GROUP, name);
    await fails(topics.get(GROUP, name), 404, 'ResourceNotFound');
    await topics.beginDeleteAndWait(GROUP, name); // 204
});

test('the endpoint that a topic shows is where it takes events', async () => {
    const topic = await grid.topic();
    const { endpoint } = await arm.topics.get(GROUP, topic.name);
    await topic.publisher({ endpoint }).send([sample.EventGridSchema('1')]);
});

test('a topic with a schema of its own shows its mapping', async () => {
    const topic = await grid.topic({
        inputSchema: 'CustomEventSchema',
        inputSchemaMapping: MAPPING,
    });
    const { inputSchemaMapping } = await arm.topics.get(GROUP, topic.name);
    assert.deepEqual(JSON.parse(JSON.stringify(inputSchemaMapping)), MAPPING);
    const without = {
        location: 'x',
        inputSchema: 'CustomEventSchema',
        inputSchemaMapping: { ...MAPPING, subject: {} },
    };
    await fails(arm.topics.beginCreateOrUpdateAndWait(GROUP, fresh('bad'), without), 400);
});

test('keys: two, one is made anew, the other stays', async () => {
    for (const source of [await grid.topic(), await grid.domain()]) {
        const group = source.path.startsWith('/topics') ? arm.topics : arm.domains;
        const [key1, key2] = source.keys;
        assert.notEqual(key1, key2);
        assert.equal(Buffer.from(key1, 'base64').toString('base64'), key1);
        const after = await (group.beginRegenerateKeyAndWait ?? group.regenerateKey).call(
            group,
            GROUP,
            source.name,
            { keyName: 'key1' },
        );
        assert.notEqual(after.key1, key1);
        assert.equal(after.key2, key2);
        assert.deepEqual(
            { ...(await group.listSharedAccessKeys(GROUP, source.name)) },
            { key1: after.key1, key2 },
        );
        const event = [
            sample.EventGridSchema('1', {}, source.path.startsWith('/domains') && { topic: 'x' }),
        ];
        const status = async (key) => (await source.post(event, { key })).status;
        await until('the old key is gone', async () => (await status(key1)) === 401);
        assert.deepEqual([await status(after.key1), await status(key2)], [200, 200]);
        const bad = (group.beginRegenerateKeyAndWait ?? group.regenerateKey).call(
            group,
            GROUP,
            source.name,
            { keyName: 'key3' },
        );
        await fails(bad, 400);
    }
});

const badTopics = [
    ['ab', {}, /between 3 and 50 characters/],
    ['x'.repeat(51), {}, /between 3 and 50 characters/],
    ['Microsoft-x', {}],
    ['EventGrid-x', {}],
    ['System-x', {}],
    ['a_b', {}],
    ['good-name', { inputSchema: 'NoSchema' }],
    ['good-name', { inboundIpRules: [{ ipMask: '1.2.3.4.5', action: 'Allow' }] }],
];

test('topics that cannot be', async () => {
    for (const [name, more, message = /./] of badTopics) {
        const info = { location: 'x', ...more };
        const error = await fails(arm.topics.beginCreateOrUpdateAndWait(GROUP, name, info), 400);
        assert.match(error.message, message);
        assert.ok(error.code, error.message);
    }
    await fails(arm.topics.get(GROUP, 'no-such-topic'), 404, 'ResourceNotFound');
    await fails(arm.topics.listSharedAccessKeys(GROUP, 'no-such-topic'), 404, 'ResourceNotFound');
});

test('addresses: any version, group and case of letters', async () => {
    const topic = await grid.topic();
    const targets = [
        `${topic.id}?api-version=2025-02-15`,
        `${topic.id.toUpperCase()}?api-version=2099-01-01-preview`,
        `/subscriptions/other/resourcegroups/another/providers/microsoft.eventgrid/Topics/${topic.name}?api-version=${API}`,
    ];
    for (const target of targets) {
        const { status, json } = await grid.request('GET', target);
        assert.equal(status, 200, target);
        assert.equal(json.name, topic.name);
    }
    assert.equal((await arm.topics.get('another', topic.name)).name, topic.name);
});

/* ---------------------------------------------------------------- domains */

test('a domain and its topics', async () => {
    const { domains, domainTopics } = arm;
    const domain = await grid.domain();
    const shown = await domains.get(GROUP, domain.name);
    assert.equal(shown.autoCreateTopicWithFirstSubscription, true);
    assert.equal(shown.autoDeleteTopicWithLastSubscription, true);
    assert.match(shown.endpoint, new RegExp(`/domains/${domain.name}/api/events`));
    assert.equal(shown.provisioningState, 'Succeeded');
    const made = await domainTopics.beginCreateOrUpdateAndWait(GROUP, domain.name, 'berlin.1_x');
    assert.equal(made.name, 'berlin.1_x');
    assert.ok(made.id.toLowerCase().endsWith(`/domains/${domain.name}/topics/berlin.1_x`));
    assert.deepEqual(await names(domainTopics.listByDomain(GROUP, domain.name)), ['berlin.1_x']);
    await domains.beginUpdateAndWait(GROUP, domain.name, { tags: { a: 'b' } });
    assert.deepEqual((await domains.get(GROUP, domain.name)).tags, { a: 'b' });
    await domainTopics.beginDeleteAndWait(GROUP, domain.name, 'berlin.1_x');
    await fails(domainTopics.get(GROUP, domain.name, 'berlin.1_x'), 404, 'ResourceNotFound');
    assert.ok((await names(domains.listBySubscription())).includes(domain.name));
    await domains.beginDeleteAndWait(GROUP, domain.name);
    await fails(domains.get(GROUP, domain.name), 404, 'ResourceNotFound');
});

test('topics of a domain come with their first subscription and go with their last', async () => {
    const { domainTopics } = arm;
    const domain = await grid.domain();
    const topic = grid.domainTopic(domain, 'berlin');
    const endpoint = grid.endpoint();
    await topic.subscribe({ destination: endpoint.destination() }, 'first');
    await topic.subscribe({ destination: endpoint.destination() }, 'second');
    assert.deepEqual(await names(domainTopics.listByDomain(GROUP, domain.name)), ['berlin']);
    await arm.eventSubscriptions.beginDeleteAndWait(topic.id, 'first');
    assert.deepEqual(await names(domainTopics.listByDomain(GROUP, domain.name)), ['berlin']);
    await arm.eventSubscriptions.beginDeleteAndWait(topic.id, 'second');
    assert.deepEqual(await names(domainTopics.listByDomain(GROUP, domain.name)), []);
    const fixed = await grid.domain({
        autoCreateTopicWithFirstSubscription: false,
        autoDeleteTopicWithLastSubscription: false,
    });
    const other = grid.domainTopic(fixed, 'paris');
    await fails(other.subscribe({ destination: endpoint.destination() }, 'third'), 404);
    await domainTopics.beginCreateOrUpdateAndWait(GROUP, fixed.name, 'paris');
    await other.subscribe({ destination: endpoint.destination() }, 'third');
    await arm.eventSubscriptions.beginDeleteAndWait(other.id, 'third');
    assert.deepEqual(await names(domainTopics.listByDomain(GROUP, fixed.name)), ['paris']);
});

/* ---------------------------------------------------------------- system topics */

const STORAGE = 'Microsoft.Storage.StorageAccounts';
const storage = `/subscriptions/${ACCOUNT}/resourceGroups/${GROUP}/providers/Microsoft.Storage/storageAccounts/acct`;

test('a system topic: made, subscribed, and events put in by the management', async () => {
    const { systemTopics, systemTopicEventSubscriptions } = arm;
    const name = fresh('storage');
    const made = await systemTopics.beginCreateOrUpdateAndWait(GROUP, name, {
        location: 'global',
        source: storage,
        topicType: STORAGE,
    });
    assert.deepEqual(
        [made.source, made.topicType, made.provisioningState],
        [storage, STORAGE, 'Succeeded'],
    );
    assert.ok(made.metricResourceId);
    const endpoint = grid.endpoint();
    await systemTopicEventSubscriptions.beginCreateOrUpdateAndWait(GROUP, name, 'blobs', {
        destination: endpoint.destination(),
        filter: { includedEventTypes: ['Microsoft.Storage.BlobCreated'] },
    });
    const event = sample.EventGridSchema(
        'blob',
        { api: 'PutBlob', url: 'https://acct/c/f.txt' },
        {
            eventType: 'Microsoft.Storage.BlobCreated',
            subject: '/blobServices/default/containers/c/blobs/f.txt',
            dataVersion: '',
        },
    );
    const { status, text } = await grid.request('POST', `/systemTopics/${name}/api/events`, [
        event,
    ]);
    assert.equal(status, 200, text);
    const delivery = await endpoint.takeEvent('blob');
    assert.equal(delivery.events[0].topic, storage);
    assert.ok((await names(systemTopics.listByResourceGroup(GROUP))).includes(name));
    assert.deepEqual(await names(systemTopicEventSubscriptions.listBySystemTopic(GROUP, name)), [
        'blobs',
    ]);
    const extension = await arm.eventSubscriptions.get(storage, 'blobs');
    assert.equal(extension.name, 'blobs');
    await systemTopics.beginDeleteAndWait(GROUP, name);
    await fails(systemTopics.get(GROUP, name), 404, 'ResourceNotFound');
});

/* ---------------------------------------------------------------- event subscriptions (3.1) */

const attributes = [
    { name: 'X-S', type: 'Static', value: 'hush', isSecret: true },
    { name: 'X-P', type: 'Static', value: 'plain', isSecret: false },
    { name: 'X-D', type: 'Dynamic', sourceField: 'data.k' },
];

test('an event subscription with everything is shown as it was given, without its secrets', async () => {
    const topic = await grid.topic();
    const endpoint = grid.endpoint();
    const endpointUrl = `${endpoint.url}?code=abc`;
    const filter = {
        subjectBeginsWith: '/a',
        subjectEndsWith: '.jpg',
        includedEventTypes: ['a', 'b'],
        isSubjectCaseSensitive: true,
        enableAdvancedFilteringOnArrays: true,
        advancedFilters: [
            { operatorType: 'NumberIn', key: 'data.n', values: [1, 2] },
            {
                operatorType: 'NumberInRange',
                key: 'data.n',
                values: [
                    [1, 2],
                    [5, 6],
                ],
            },
            { operatorType: 'NumberLessThan', key: 'data.n', value: 5 },
            { operatorType: 'BoolEquals', key: 'data.b', value: true },
            { operatorType: 'StringNotContains', key: 'data.s', values: ['x'] },
            { operatorType: 'IsNullOrUndefined', key: 'data.z' },
            { operatorType: 'IsNotNull', key: 'data.z' },
        ],
    };
    await topic.subscribe(
        {
            destination: {
                endpointType: 'WebHook',
                endpointUrl,
                maxEventsPerBatch: 10,
                preferredBatchSizeInKilobytes: 128,
                deliveryAttributeMappings: attributes,
            },
            filter,
            labels: ['l1', 'l2'],
            expirationTimeUtc: new Date('2099-01-01T00:00:00Z'),
            eventDeliverySchema: 'CloudEventSchemaV1_0',
            retryPolicy: { maxDeliveryAttempts: 5, eventTimeToLiveInMinutes: 60 },
            deadLetterDestination: {
                endpointType: 'StorageBlob',
                resourceId: storage,
                blobContainerName: 'dead',
            },
        },
        'full',
    );
    const shown = await arm.topicEventSubscriptions.get(GROUP, topic.name, 'full');
    const plain = JSON.parse(JSON.stringify(shown));
    assert.equal(plain.name, 'full');
    assert.equal(plain.type, 'Microsoft.EventGrid/eventSubscriptions');
    assert.equal(plain.topic.toLowerCase(), topic.id.toLowerCase());
    assert.equal(plain.provisioningState, 'Succeeded');
    assert.deepEqual(plain.filter, filter);
    assert.deepEqual(plain.labels, ['l1', 'l2']);
    assert.equal(Date.parse(plain.expirationTimeUtc), Date.parse('2099-01-01T00:00:00Z'));
    assert.equal(plain.eventDeliverySchema, 'CloudEventSchemaV1_0');
    const { maxDeliveryAttempts, eventTimeToLiveInMinutes } = plain.retryPolicy;
    assert.deepEqual([maxDeliveryAttempts, eventTimeToLiveInMinutes], [5, 60]);
    assert.equal(plain.deadLetterDestination.blobContainerName, 'dead');
    const { destination } = plain;
    assert.equal(destination.endpointBaseUrl, endpoint.url);
    assert.equal(destination.endpointUrl ?? null, null);
    assert.deepEqual(
        [destination.maxEventsPerBatch, destination.preferredBatchSizeInKilobytes],
        [10, 128],
    );
    assert.ok(!JSON.stringify(plain).includes('hush') && !JSON.stringify(plain).includes('abc'));
    assert.equal(
        (await arm.topicEventSubscriptions.getFullUrl(GROUP, topic.name, 'full')).endpointUrl,
        endpointUrl,
    );
    const { value } = await arm.topicEventSubscriptions.getDeliveryAttributes(
        GROUP,
        topic.name,
        'full',
    );
    assert.deepEqual(JSON.parse(JSON.stringify(value)), [
        { ...attributes[0], value: 'Hidden' },
        ...attributes.slice(1),
    ]);
});

test('defaults are shown', async () => {
    const { json } = await (async () => {
        const topic = await grid.topic();
        const endpoint = grid.endpoint();
        await topic.subscribe({ destination: endpoint.destination() }, 'default');
        return grid.manage('GET', `${topic.path}/eventSubscriptions/default`);
    })();
    const { properties } = json;
    const { destination, filter, ...rest } = properties;
    assert.equal(destination.properties.endpointUrl, null);
    assert.equal(destination.properties.maxEventsPerBatch, 1);
    assert.equal(destination.properties.preferredBatchSizeInKilobytes, 64);
    assert.equal(filter.subjectBeginsWith, '');
    assert.equal(filter.subjectEndsWith, '');
    assert.equal(filter.includedEventTypes, null);
    assert.deepEqual(filter.advancedFilters, []);
    assert.deepEqual(rest.labels, []);
    assert.equal(rest.eventDeliverySchema, 'EventGridSchema');
    assert.deepEqual(
        [rest.retryPolicy.maxDeliveryAttempts, rest.retryPolicy.eventTimeToLiveInMinutes],
        [30, 1440],
    );
    assert.equal(rest.expirationTimeUtc, null);
    assert.equal(rest.deadLetterDestination, null);
});

test('the schema of deliveries is that of the topic, unless said otherwise', async () => {
    const custom = await grid.topic({
        inputSchema: 'CustomEventSchema',
        inputSchemaMapping: MAPPING,
    });
    const cloud = await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' });
    for (const [topic, schema] of [
        [custom, 'CustomInputSchema'],
        [cloud, 'CloudEventSchemaV1_0'],
    ]) {
        const name = await topic.subscribe({ destination: grid.endpoint().destination() });
        assert.equal(
            (await arm.eventSubscriptions.get(topic.id, name)).eventDeliverySchema,
            schema,
        );
    }
});

/* [source, the operations nested below it, their leading arguments] */
const addressed = async () => {
    const topic = await grid.topic();
    const domain = await grid.domain();
    const domainTopic = grid.domainTopic(domain, 'berlin');
    return [
        [topic, arm.topicEventSubscriptions, [GROUP, topic.name]],
        [domain, arm.domainEventSubscriptions, [GROUP, domain.name]],
        [domainTopic, arm.domainTopicEventSubscriptions, [GROUP, domain.name, 'berlin']],
    ];
};

test('both ways of addressing reach the same event subscription', async () => {
    for (const [source, nested, where] of await addressed()) {
        const endpoint = grid.endpoint();
        const info = { destination: endpoint.destination(), labels: ['one'] };
        await nested.beginCreateOrUpdateAndWait(...where, 'nested', info);
        await arm.eventSubscriptions.beginCreateOrUpdateAndWait(source.id, 'extended', info);
        for (const name of ['nested', 'extended']) {
            const one = await nested.get(...where, name);
            const other = await arm.eventSubscriptions.get(source.id, name);
            assert.equal(one.id.toLowerCase(), other.id.toLowerCase());
            assert.deepEqual(one.labels, other.labels);
        }
        await nested.beginUpdateAndWait(...where, 'extended', { labels: ['two'] });
        assert.deepEqual((await arm.eventSubscriptions.get(source.id, 'extended')).labels, ['two']);
        assert.deepEqual((await names(nested.list(...where))).toSorted(), ['extended', 'nested']);
        await arm.eventSubscriptions.beginDeleteAndWait(source.id, 'nested');
        await fails(nested.get(...where, 'nested'), 404, 'ResourceNotFound');
        assert.deepEqual(await names(nested.list(...where)), ['extended']);
    }
});

test('PATCH: what is given, bare or wrapped, and nothing else', async () => {
    const topic = await grid.topic();
    const endpoint = grid.endpoint();
    await topic.subscribe(
        { destination: endpoint.destination(), labels: ['a'], filter: { subjectBeginsWith: '/x' } },
        'patched',
    );
    const { eventSubscriptions } = arm;
    await eventSubscriptions.beginUpdateAndWait(topic.id, 'patched', { labels: ['z'] });
    const shown = await eventSubscriptions.get(topic.id, 'patched');
    assert.deepEqual([shown.labels, shown.filter.subjectBeginsWith], [['z'], '/x']);
    const wrapped = await grid.manage('PATCH', `${topic.path}/eventSubscriptions/patched`, {
        properties: { labels: ['w'] },
    });
    assert.ok([200, 201].includes(wrapped.status), wrapped.text);
    await eventSubscriptions.beginUpdateAndWait(topic.id, 'patched', {
        filter: { includedEventTypes: ['t'] },
    });
    const after = await eventSubscriptions.get(topic.id, 'patched');
    assert.deepEqual([after.labels, after.filter.includedEventTypes], [['w'], ['t']]);
    await topic.publisher().send([sample.EventGridSchema('patched')]);
    await endpoint.takeEvent('patched');
    await fails(
        eventSubscriptions.beginUpdateAndWait(topic.id, 'patched', {
            labels: ['x'],
            retryPolicy: { maxDeliveryAttempts: 31 },
        }),
        400,
    );
    assert.deepEqual((await eventSubscriptions.get(topic.id, 'patched')).labels, ['w']);
    await fails(eventSubscriptions.beginUpdateAndWait(topic.id, 'nobody', { labels: [] }), 404);
});

test('PUT over an existing one replaces it', async () => {
    const topic = await grid.topic();
    const [first, second] = [grid.endpoint(), grid.endpoint()];
    await topic.subscribe({ destination: first.destination(), labels: ['a'] }, 'same');
    await topic.subscribe({ destination: second.destination() }, 'same');
    assert.deepEqual((await arm.eventSubscriptions.get(topic.id, 'same')).labels, []);
    await topic.publisher().send([sample.EventGridSchema('same')]);
    await second.takeEvent('same');
    assert.deepEqual(first.deliveries, []);
});

test('a deleted subscription gets nothing more; a deleted topic takes all with it', async () => {
    const topic = await grid.topic();
    const [first, second] = [await topic.hears(), await topic.hears()];
    await arm.eventSubscriptions.beginDeleteAndWait(topic.id, first.subscription);
    await topic.publisher().send([sample.EventGridSchema('after')]);
    await second.takeEvent('after');
    assert.deepEqual(first.deliveries, []);
    await arm.topics.beginDeleteAndWait(GROUP, topic.name);
    await fails(arm.eventSubscriptions.get(topic.id, second.subscription), 404);
    assert.equal((await topic.post([sample.EventGridSchema('1')])).status, 404);
    await grid.topic({}, topic.name);
    assert.deepEqual(await names(arm.topicEventSubscriptions.list(GROUP, topic.name)), []);
});

const destination = { endpointType: 'WebHook', endpointUrl: 'http://127.0.0.1:1/x' };
const badSubscriptions = {
    'without a destination': [{}],
    'a past expiration': [
        { destination, expirationTimeUtc: new Date('2020-01-01') },
        /Invalid expiration time/,
    ],
    'a URL that is none': [{ destination: { ...destination, endpointUrl: 'nonsense' } }],
    'too many attempts': [{ destination, retryPolicy: { maxDeliveryAttempts: 31 } }],
    'no attempts': [{ destination, retryPolicy: { maxDeliveryAttempts: 0 } }],
    'too long a life': [{ destination, retryPolicy: { eventTimeToLiveInMinutes: 1441 } }],
    'a batch too large': [{ destination: { ...destination, maxEventsPerBatch: 5001 } }],
    'a batch too heavy': [{ destination: { ...destination, preferredBatchSizeInKilobytes: 1025 } }],
    'a reserved header': [
        {
            destination: {
                ...destination,
                deliveryAttributeMappings: [{ name: 'aeg-x', type: 'Static', value: 'v' }],
            },
        },
    ],
    'too many headers': [
        {
            destination: {
                ...destination,
                deliveryAttributeMappings: Array.from({ length: 11 }, (_, i) => ({
                    name: `x${i}`,
                    type: 'Static',
                    value: 'v',
                })),
            },
        },
    ],
    'too long a header': [
        {
            destination: {
                ...destination,
                deliveryAttributeMappings: [{ name: 'x', type: 'Static', value: 'x'.repeat(4097) }],
            },
        },
    ],
    'a storage queue': [
        { destination: { endpointType: 'StorageQueue', resourceId: storage, queueName: 'q' } },
        /StorageQueue is not available/,
    ],
    'an event hub': [
        { destination: { endpointType: 'EventHub', resourceId: storage } },
        /EventHub is not available/,
    ],
    'a service bus': [
        { destination: { endpointType: 'ServiceBusQueue', resourceId: storage } },
        /ServiceBusQueue is not available/,
    ],
    'a function': [
        { destination: { endpointType: 'AzureFunction', resourceId: storage } },
        /AzureFunction is not available/,
    ],
};

for (const [what, [info, message = /./]] of Object.entries(badSubscriptions)) {
    test(`an event subscription that cannot be: ${what}`, async () => {
        const topic = await grid.topic();
        const error = await fails(topic.subscribe(info, 'bad'), 400);
        assert.match(error.message, message);
        await fails(arm.eventSubscriptions.get(topic.id, 'bad'), 404);
    });
}

test('names of event subscriptions, and sources that are not there', async () => {
    const topic = await grid.topic();
    const info = { destination: grid.endpoint().destination() };
    for (const name of ['ab', 'x'.repeat(65), 'a_b', 'a.b']) {
        await fails(topic.subscribe(info, name), 400);
    }
    await topic.subscribe(info, 'x'.repeat(64));
    await fails(
        arm.eventSubscriptions.beginCreateOrUpdateAndWait(scopeOf('/topics/nothing'), 'abc', info),
        404,
    );
});

test('with an identity, and to Web PubSub, MQTT or another topic', async () => {
    const topic = await grid.topic();
    const endpoint = grid.endpoint();
    const identity = { type: 'SystemAssigned' };
    await topic.subscribe(
        { deliveryWithResourceIdentity: { identity, destination: endpoint.destination() } },
        'identity',
    );
    const shown = await arm.eventSubscriptions.get(topic.id, 'identity');
    assert.equal(shown.deliveryWithResourceIdentity.identity.type, 'SystemAssigned');
    const other = await grid.topic();
    for (const [index, beyond] of [
        { endpointType: 'WebPubSub', properties: { hub: 'chat', group: 'g' } },
        { endpointType: 'MqttTopic', properties: { topic: 'events/{type}' } },
        { endpointType: 'EventGridTopic', properties: { topicName: other.name } },
    ].entries()) {
        const name = await topic.put({ destination: beyond }, `beyond-${index}`);
        const { json } = await grid.manage('GET', `${topic.path}/eventSubscriptions/${name}`);
        assert.equal(json.properties.destination.endpointType, beyond.endpointType);
    }
    assert.equal((await names(arm.topicEventSubscriptions.list(GROUP, topic.name))).length, 4);
});

test('an event subscription that has expired is gone', async () => {
    const topic = await grid.topic();
    const endpoint = grid.endpoint();
    const expirationTimeUtc = new Date(Date.now() + 5000);
    await topic.subscribe({ destination: endpoint.destination(), expirationTimeUtc }, 'expires');
    assert.equal(
        (await arm.eventSubscriptions.get(topic.id, 'expires')).provisioningState,
        'Succeeded',
    );
    await until('it is gone', async () => {
        const { status } = await grid.manage('GET', `${topic.path}/eventSubscriptions/expires`);
        return status === 404;
    });
});

/* ---------------------------------------------------------------- lists */

test('lists: filters, pages, all scopes', async () => {
    const topic = await grid.topic();
    const endpoint = grid.endpoint();
    const subscriptions = Array.from(
        { length: 7 },
        (_, index) => `${index % 2 ? 'odd' : 'even'}-${index}`,
    );
    for (const name of subscriptions) {
        await topic.subscribe({ destination: endpoint.destination() }, name);
    }
    const { topicEventSubscriptions, eventSubscriptions, topics } = arm;
    const list = (options) => names(topicEventSubscriptions.list(GROUP, topic.name, options));
    assert.deepEqual((await list()).toSorted(), subscriptions.toSorted());
    assert.deepEqual((await list({ top: 2 })).toSorted(), subscriptions.toSorted());
    assert.deepEqual((await list({ filter: "contains(name,'odd')" })).toSorted(), [
        'odd-1',
        'odd-3',
        'odd-5',
    ]);
    assert.deepEqual(await list({ filter: "name eq 'odd-3'" }), ['odd-3']);
    assert.deepEqual(
        await list({ filter: "contains(name,'odd') and not contains(name,'3')", top: 1 }).then(
            (all2) => all2.toSorted(),
        ),
        ['odd-1', 'odd-5'],
    );
    const { json } = await grid
        .manage(
            'GET',
            `${topic.path}/eventSubscriptions?$top=2`.replace('?', `?api-version=${API}&`),
        )
        .catch(() => ({}));
    assert.ok(json === undefined || json.error || json.value.length <= 2);
    const byResource = eventSubscriptions.listByResource(
        GROUP,
        'Microsoft.EventGrid',
        'topics',
        topic.name,
    );
    assert.equal((await names(byResource)).length, 7);
    for (const pages of [
        eventSubscriptions.listGlobalBySubscription(),
        eventSubscriptions.listGlobalByResourceGroup(GROUP),
        eventSubscriptions.listRegionalBySubscription('westus'),
        eventSubscriptions.listRegionalByResourceGroup(GROUP, 'westus'),
        eventSubscriptions.listGlobalBySubscriptionForTopicType('Microsoft.EventGrid.Topics'),
    ]) {
        const found = await names(pages);
        assert.ok(
            subscriptions.every((name) => found.includes(name)),
            `${found}`,
        );
    }
    await fails(list({ filter: 'nonsense' }), 400);
    const some = await names(topics.listBySubscription({ filter: `name eq '${topic.name}'` }));
    assert.deepEqual(some, [topic.name]);
});

test('what there is: topic types, event types, operations', async () => {
    const types = await names(arm.topicTypes.list());
    for (const type of [
        STORAGE,
        'Microsoft.EventGrid.Topics',
        'Microsoft.Resources.ResourceGroups',
    ]) {
        assert.ok(types.includes(type), type);
    }
    assert.equal((await arm.topicTypes.get(STORAGE)).name, STORAGE);
    const events = await names(arm.topicTypes.listEventTypes(STORAGE));
    assert.ok(events.includes('Microsoft.Storage.BlobCreated'));
    await fails(arm.topicTypes.get('No.Such.Type'), 404);
    const operations = await all(arm.operations.list());
    assert.ok(operations.some(({ name }) => /topics\/write/i.test(name)));
});

test('what is no operation', async () => {
    const topic = await grid.topic();
    for (const [method, target, status] of [
        ['POST', topic.id, 405],
        ['GET', `${topic.id}/nothing`, 404],
        ['GET', `${topic.id}/listKeys`, 405],
        ['DELETE', scopeOf('/topics'), 405],
        ['GET', scopeOf('/nothing/x'), 404],
    ]) {
        const answer = await grid.request(method, `${target}?api-version=${API}`);
        assert.ok([404, status].includes(answer.status), `${method} ${target}: ${answer.status}`);
        assert.ok(answer.json.error.code, answer.text);
    }
    for (const body of ['{', '[]', '1', 'null']) {
        const answer = await call(server, 'PUT', `${topic.id}?api-version=${API}`, {
            token: null,
            body,
            headers: { 'content-type': 'application/json' },
        });
        assert.equal(answer.status, 400, `${body}: ${answer.text}`);
    }
});

/* ---------------------------------------------------------------- the command line */

test('the command line shows what the client made', async () => {
    const topic = await grid.topic();
    const bin = path.join(process.env.BIN, 'pubgrid');
    const list = execFileSync(bin, ['event', 'topic', 'list', '-c', server.config, '--json'], {
        encoding: 'utf8',
    });
    assert.ok(list.includes(`"${topic.name}"`), list);
});

await run();
