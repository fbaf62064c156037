/* Where events go besides webhooks: hubs, groups and users of Web PubSub (seen by the official client),
 * MQTT topics (MQTT.js), other event topics, chains and loops of them; and events that MQTT clients
 * publish and hear on $events/TOPIC in the CloudEvents binding of MQTT, read by npm's cloudevents.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { WebPubSubClient } from '@azure/web-pubsub-client';
import { CloudEvent, HTTP, MQTT } from 'cloudevents';
import assert from 'node:assert/strict';
import { message, properties } from './lib/binding.mjs';
import { untilDeadLetter } from './lib/dead_letters.mjs';
import { connectMqtt } from './lib/device.mjs';
import { Grid, sample } from './lib/eventgrid.mjs';
import { socketAt } from './lib/processes.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const rules = (filters) => `access:\n  - publish: ${filters}\n    subscribe: ${filters}\n`;
const grid = await Grid.start({}, { more: rules('["#", "$events/+", "$events/+/berlin"]') });
const { server } = grid;
const cloud = await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' }, 'cloud');
const plain = await grid.topic({}, 'plain');
const send = (topic, ...events) => topic.publisher().send(events);
const post = async (topic, body) => {
    const headers = { 'content-type': 'application/cloudevents+json' };
    const { status, text } = await topic.post({ specversion: '1.0', ...body }, { headers });
    assert.equal(status, 200, text);
};
const event = (id, data = { n: 1 }, more = {}) => sample.CloudEventSchemaV1_0(id, data, more);

const open = async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`);
    device.hears = (filter) => device.subscribeAsync(filter, { qos: 1 });
    return device;
};

/* ---------------------------------------------------------------- Web PubSub */

async function browser(hub, user, group) {
    const client = new WebPubSubClient({
        getClientAccessUrl: async () => server.url(hub, { user }),
    });
    client.received = [];
    for (const kind of ['group-message', 'server-message']) {
        client.on(kind, ({ message }) => client.received.push({ ...message, kind }));
    }
    await client.start();
    if (group) {
        await client.joinGroup(group);
    }
    client.events = () => client.received.flatMap(({ data }) => data);
    client.untilEvent = (id) =>
        until(`event ${id} in the browser`, () => client.events().find((one) => one.id === id));
    return client;
}

const toHub = (properties) => ({ destination: { endpointType: 'WebPubSub', properties } });

test('Web PubSub: a hub, a group, a user', async () => {
    const hub = 'Prices';
    const ann = await browser(hub, 'ann', 'g');
    const bo = await browser(hub, 'bo', 'other');
    const elsewhere = await browser('elsewhere', 'ann', 'g');
    const only = (type) => ({ filter: { includedEventTypes: [type] } });
    await cloud.put({ ...toHub({ hub }), ...only('to.hub') });
    await cloud.put({ ...toHub({ hub, group: 'g' }), ...only('to.group') });
    await cloud.put({ ...toHub({ hub, user: 'bo' }), ...only('to.user') });
    await send(
        cloud,
        ...['to.hub', 'to.group', 'to.user'].map((type) => event(type, { n: 1 }, { type })),
    );
    await ann.untilEvent('to.hub');
    const received = await bo.untilEvent('to.hub');
    assert.deepEqual(received.data, { n: 1 });
    assert.equal(new CloudEvent(received).type, 'to.hub');
    await ann.untilEvent('to.group');
    await bo.untilEvent('to.user');
    await send(cloud, event('end', {}, { type: 'to.hub' }));
    await Promise.all([ann, bo].map((client) => client.untilEvent('end')));
    assert.deepEqual(
        ann
            .events()
            .map(({ id }) => id)
            .toSorted(),
        ['end', 'to.group', 'to.hub'],
    );
    assert.deepEqual(
        bo
            .events()
            .map(({ id }) => id)
            .toSorted(),
        ['end', 'to.hub', 'to.user'],
    );
    assert.ok(ann.received.every(({ dataType }) => dataType === 'json'));
    assert.equal(ann.received.find(({ group }) => group === 'g').kind, 'group-message');
    assert.deepEqual(elsewhere.received, []);
    [ann, bo, elsewhere].forEach((client) => client.stop());
});

test('Web PubSub: an event of EventGridSchema', async () => {
    const client = await browser('grid', 'ann');
    await plain.put(toHub({ hub: 'grid' }), 'to-grid');
    await send(plain, sample.EventGridSchema('grid-1', { a: 1 }));
    const received = await client.untilEvent('grid-1');
    assert.deepEqual(
        [received.eventType, received.data, received.metadataVersion],
        ['t', { a: 1 }, '1'],
    );
    client.stop();
    await grid.arm.eventSubscriptions.beginDeleteAndWait(plain.id, 'to-grid');
});

/* ---------------------------------------------------------------- MQTT topics */

const toMqtt = (topic, more) => ({
    destination: { endpointType: 'MqttTopic', properties: { topic, ...more } },
});

/* The event of a message, in the strictest reading; but that "#1" is no URI (3.7). */
function read(received) {
    const one = MQTT.toEvent(message(received), true);
    assert.ok(one.dataschema?.startsWith('#') || one.validate());
    return one;
}

test('an MQTT topic, with what stands for the event in it', async () => {
    const device = await open();
    await device.hears('out/#');
    await cloud.put({
        ...toMqtt('out/{type}/{subject}/{id}'),
        filter: { subjectBeginsWith: '/to' },
    });
    await send(cloud, event('mqtt-1', { n: 1 }, { subject: '/to/x' }));
    await post(
        cloud,
        event('mqtt+2', 'text', { subject: '/to/y#', datacontenttype: 'text/plain' }),
    );
    const [first, second] = [await device.take(), await device.take()].toSorted((a, b) =>
        a.topic < b.topic ? -1 : 1,
    );
    assert.equal(first.topic, 'out/t/to/x/mqtt-1');
    assert.equal(second.topic, 'out/t/to/y%23/mqtt%2B2');
    assert.deepEqual([read(first).id, read(first).data], ['mqtt-1', { n: 1 }]);
    assert.equal(read(second).data, 'text');
    assert.equal(first.packet.qos, 1);
    await device.endAsync();
});

test('an MQTT topic keeps the last event', async () => {
    await cloud.put({
        ...toMqtt('kept/last', { retain: true }),
        filter: { subjectBeginsWith: 'kept' },
    });
    const witness = await open();
    await witness.hears('kept/#');
    await send(cloud, event('kept-1', {}, { subject: 'kept' }));
    await witness.take();
    const late = await open();
    await late.hears('kept/#');
    const received = await late.take();
    assert.equal(received.packet.retain, true);
    assert.equal(read(received).id, 'kept-1');
    await Promise.all([witness.endAsync(), late.endAsync()]);
});

/* ---------------------------------------------------------------- other event topics */

const toTopic = (topic) => ({
    destination: { endpointType: 'EventGridTopic', properties: { topicName: topic.name } },
});

test('a chain of event topics', async () => {
    const chain = [];
    for (let index = 0; index < 5; index += 1) {
        chain.push(await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' }));
    }
    for (const [index, topic] of chain.slice(0, -1).entries()) {
        await topic.put(toTopic(chain[index + 1]));
    }
    const endpoint = await chain.at(-1).hears();
    await send(chain[0], event('chained', { deep: [1, { x: 'ü' }] }));
    const [received] = (await endpoint.takeEvent('chained')).events;
    assert.deepEqual(
        [received.source, received.type, received.data],
        ['/here', 't', { deep: [1, { x: 'ü' }] }],
    );
});

test('from EventGridSchema to a topic of CloudEvents', async () => {
    const from = await grid.topic();
    const to = await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' });
    await from.put({ ...toTopic(to), eventDeliverySchema: 'CloudEventSchemaV1_0' });
    const endpoint = await to.hears();
    await send(from, sample.EventGridSchema('converted', { a: 1 }));
    const [received] = (await endpoint.takeEvent('converted')).events;
    assert.deepEqual([received.type, received.data], ['t', { a: 1 }]);
});

test('a loop of event topics ends: TooManyHops', async () => {
    const [one, two] = [await grid.topic(), await grid.topic()];
    const deadLetterDestination = {
        endpointType: 'StorageBlob',
        properties: { blobContainerName: 'loops' },
    };
    const there = await one.put({ ...toTopic(two), deadLetterDestination }, 'there');
    const back = await two.put({ ...toTopic(one), deadLetterDestination }, 'back');
    const endpoint = await one.hears();
    await send(one, sample.EventGridSchema('round'));
    const letter = await Promise.any(
        [there, back].map((name) => untilDeadLetter(server, 'loops', name, 'round')),
    );
    assert.equal(letter.deadLetterReason, 'TooManyHops');
    await until('rounds', () => endpoint.ids().length >= 4);
    assert.ok(endpoint.ids().length <= 9, `${endpoint.ids().length}`);
});

/* ---------------------------------------------------------------- $events (CloudEvents over MQTT) */

const made = (id, more = {}) =>
    new CloudEvent({
        id,
        source: '/device',
        type: 'made',
        datacontenttype: 'application/json',
        data: { n: 1.5 },
        ext: 'v',
        subject: 'ü/é',
        ...more,
    });

test('events over HTTP come to MQTT clients, each once, from either process', async () => {
    const device = await open();
    await device.hears('$events/cloud');
    for (const process of [0, 1]) {
        const at = await socketAt(server, process);
        const id = `http-${process}`;
        const body = {
            specversion: '1.0',
            ...event(
                id,
                { x: [1] },
                { subject: 'sub', ext1: 'v', n: 5, time: '2030-01-02T03:04:05Z' },
            ),
        };
        const { status } = await cloud.post(body, {
            at,
            headers: { 'content-type': 'application/cloudevents+json' },
        });
        assert.equal(status, 200);
        const received = await device.take();
        assert.equal(received.topic, '$events/cloud');
        const one = read(received);
        assert.deepEqual(
            [one.id, one.source, one.type, one.subject, one.ext1, one.data],
            [id, '/here', 't', 'sub', 'v', { x: [1] }],
        );
        assert.equal(Date.parse(one.time), Date.parse('2030-01-02T03:04:05Z'));
        at.destroy();
    }
    await send(cloud, event('http-end'));
    assert.equal(read(await device.take()).id, 'http-end');
    assert.deepEqual(device.received, []);
    await device.endAsync();
});

test('events of EventGridSchema come to MQTT clients as CloudEvents', async () => {
    const device = await open();
    await device.hears('$events/plain');
    await send(plain, sample.EventGridSchema('grid-mqtt', { a: 1 }));
    const one = read(await device.take());
    assert.deepEqual([one.id, one.type, one.subject, one.data], ['grid-mqtt', 't', 's', { a: 1 }]);
    assert.ok(one.source.endsWith(plain.path), one.source);
    await device.endAsync();
});

for (const mode of ['binary', 'structured']) {
    test(`an MQTT client publishes, ${mode}: webhooks and MQTT clients get it, each once`, async () => {
        const [sender, hearer] = [await open(), await open()];
        await hearer.hears('$events/cloud');
        const endpoint = await cloud.hears();
        const id = `mqtt-${mode}`;
        const one = MQTT[mode](made(id));
        await sender.publishAsync('$events/cloud', JSON.stringify(one.body), properties(one));
        const delivery = await endpoint.takeEvent(id);
        const [received] = [
            HTTP.toEvent({ headers: delivery.headers, body: delivery.text }),
        ].flat();
        assert.equal(received.validate(), true);
        const { source, type, ext, subject, data } = received;
        assert.deepEqual(
            [source, type, ext, subject, data],
            ['/device', 'made', 'v', 'ü/é', { n: 1.5 }],
        );
        assert.deepEqual(read(await hearer.take()).data, { n: 1.5 });
        await sender.publishAsync(
            '$events/cloud',
            JSON.stringify(MQTT.binary(made(`${id}-end`)).body),
            properties(MQTT.binary(made(`${id}-end`))),
        );
        await endpoint.takeEvent(`${id}-end`);
        assert.equal(read(await hearer.take()).id, `${id}-end`);
        assert.deepEqual(endpoint.ids(), [id, `${id}-end`]);
        assert.deepEqual(hearer.received, []);
        await Promise.all([sender.endAsync(), hearer.endAsync()]);
    });
}

test('binary data and text pass', async () => {
    const sender = await open();
    const endpoint = await cloud.hears();
    const headers = { id: 'bytes', source: '/s', type: 't', specversion: '1.0' };
    const bytes = Buffer.from([0, 255, 1]);
    await sender.publishAsync(
        '$events/cloud',
        bytes,
        properties({ PUBLISH: { 'Content Type': 'application/octet-stream' }, headers }),
    );
    const { text } = await endpoint.takeEvent('bytes');
    assert.equal(JSON.parse(text).data_base64, bytes.toString('base64'));
    await sender.publishAsync(
        '$events/cloud',
        'tü',
        properties({
            PUBLISH: { 'Content Type': 'text/plain' },
            headers: { ...headers, id: 'text' },
        }),
    );
    assert.equal(JSON.parse((await endpoint.takeEvent('text')).text).data, 'tü');
    await sender.endAsync();
});

test('what is no event goes nowhere, and the next one does', async () => {
    const sender = await open();
    const endpoint = await cloud.hears();
    const good = MQTT.binary(made('good'));
    await sender.publishAsync('$events/cloud', 'nonsense', { qos: 1 });
    await sender.publishAsync('$events/cloud', '{"id":1}', {
        qos: 1,
        properties: { contentType: 'application/cloudevents+json' },
    });
    const { id, ...headers } = good.headers;
    assert.ok(id);
    await sender.publishAsync('$events/cloud', '1', properties({ ...good, headers }));
    await sender.publishAsync('$events/nothing', JSON.stringify(good.body), properties(good));
    await sender.publishAsync('$events/cloud', JSON.stringify(good.body), properties(good));
    await endpoint.takeEvent('good');
    assert.equal(endpoint.deliveries.length, 1);
    await sender.endAsync();
});

test('a domain: the second level is the domain topic', async () => {
    const domain = await grid.domain({ inputSchema: 'CloudEventSchemaV1_0' }, 'shops');
    const endpoint = await grid.domainTopic(domain, 'berlin').hears();
    const device = await open();
    await device.hears('$events/shops/berlin');
    await send(domain, event('over-http', {}, { source: 'berlin' }));
    assert.equal(read(await device.take()).id, 'over-http');
    const one = MQTT.binary(made('over-mqtt'));
    await device.publishAsync('$events/shops/berlin', JSON.stringify(one.body), properties(one));
    await endpoint.takeEvent('over-mqtt');
    await device.endAsync();
});

test('who has no rule neither publishes nor hears', async () => {
    const device = await open();
    const { reasonCode } = await new Promise((resolve) => {
        device.publish('$events/shops/paris', 'x', { qos: 1 }, (error, packet) =>
            resolve(packet ?? { reasonCode: error.code }),
        );
    });
    assert.equal(reasonCode, 0x87);
    const [granted] = await device
        .subscribeAsync('$events/shops/paris', { qos: 1 })
        .catch(() => [{ qos: 0x87 }]);
    assert.ok(granted.qos >= 0x80, `${granted.qos}`);
    await device.endAsync();
});

await run();
