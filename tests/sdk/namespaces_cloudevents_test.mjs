/* MQTT messages of a namespace as events: each row of the table of what becomes of them, each enrichment,
 * the CloudEvents MQTT binding in both modes and both ways as npm's `cloudevents` reads and writes it,
 * routes beyond the one that Azure has (spec/eventgrid.md 5.7, 6.6).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { CloudEvent, HTTP, MQTT } from 'cloudevents';
import assert from 'node:assert/strict';
import { connectMqtt } from './lib/device.mjs';
import { ACCOUNT, GROUP, Grid, PROVIDER, fresh } from './lib/eventgrid.mjs';
import {
    Namespace,
    NamespaceTopic,
    Queue,
    mqttProperties,
    queueProperties,
} from './lib/namespaces.mjs';
import { connectAs, passwordSection } from './lib/passwords.mjs';
import { bridges } from './lib/processes.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const provider = `/subscriptions/${ACCOUNT}/resourceGroups/${GROUP}${PROVIDER}`;
const dynamic = {
    name: '${client.authenticationName}',
    room: '${client.attributes.room}',
    floor: '${client.attributes.floor}',
    types: '${client.attributes.deviceTypes}',
    nothing: '${client.attributes.nothing}',
    at: '${mqtt.message.topicName}',
    answer: '${mqtt.message.responseTopic}',
    correlation: '${mqtt.message.correlationData}',
    pfi: '${mqtt.message.pfi}',
    one: '${mqtt.message.userProperties.one}',
    odd: "${mqtt.message.userProperties['an odd one']}",
};
const enrichments = {
    static: [{ key: 'plant', value: 'p1', valueType: 'String' }],
    dynamic: Object.entries(dynamic).map(([key, value]) => ({ key, value })),
};
const ENRICHED = ['plant', ...Object.keys(dynamic)];

const topics = ['routed', 'alarms'].map((name) => ({
    name,
    eventSubscriptions: [{ name: 'all', properties: queueProperties() }],
}));
const grid = await Grid.start(
    {
        namespaces: [
            {
                name: 'devices',
                properties: mqttProperties({
                    routeTopicResourceId: `${provider}/namespaces/devices/topics/routed`,
                    routes: [
                        {
                            name: 'alarms',
                            topicFilters: ['plant/+/alarm', 'alarms/#'],
                            topicResourceId: 'namespaces/devices/topics/alarms',
                        },
                        {
                            name: 'custom',
                            topicFilters: ['custom/#'],
                            topicResourceId: `${provider}/topics/custom`,
                        },
                    ],
                    routingEnrichments: enrichments,
                }),
                topics,
                clients: [
                    {
                        name: 'device',
                        properties: {
                            attributes: { room: '345', floor: 12, deviceTypes: ['Fan', 'Light'] },
                        },
                    },
                ],
            },
        ],
        topics: ['custom', 'out'].map((name) => ({
            name,
            properties: { inputSchema: 'CloudEventSchemaV1_0' },
        })),
    },
    {
        more: `${passwordSection('device')}access:
  - publish: ["#"]
    subscribe: ["#", "$events/#"]
`,
    },
);
const { server } = grid;
const namespace = await new Namespace(grid, 'devices').readKeys();
const queueOf = (name) => new Queue(new NamespaceTopic(namespace, name), 'all');
const [routed, alarms] = ['routed', 'alarms'].map(queueOf);

const connect = (options) => connectAs(server, 'device', options);
const five = await connect();
const three = await connect({ protocolVersion: 4 });

/* The next event of this queue, without its enrichments, which are `enriched`. */
async function next(queue) {
    const { event, lockToken } = await queue.take();
    await queue.must('acknowledge', lockToken);
    const isEnriched = ([key]) => ENRICHED.includes(key);
    const entries = Object.entries(event);
    return {
        event: Object.fromEntries(entries.filter((entry) => !isEnriched(entry))),
        enriched: Object.fromEntries(entries.filter(isEnriched)),
    };
}

/* ---------------------------------------------------------------- the table (6.6) */

const bytes = Buffer.from([0, 1, 2, 255]);
const asBytes = (payload) => ({
    data_base64: Buffer.from(payload).toString('base64'),
    datacontenttype: 'application/octet-stream',
});
const JSON_TYPE = 'application/json; charset=utf-8';
/* [what, client, payload, properties, what the event has beside the rest] */
const rows = [
    ['MQTT 3.1.1', three, '{"a":1}', {}, asBytes('{"a":1}')],
    ['MQTT 3.1.1, nothing', three, '', {}, undefined],
    ['MQTT 5', five, '{"a":1}', {}, asBytes('{"a":1}')],
    ['MQTT 5, bytes', five, bytes, {}, asBytes(bytes)],
    ['PFI 0', five, 'text', { payloadFormatIndicator: false }, asBytes('text')],
    [
        'JSON by content type',
        five,
        '{"a":[1,"ü"]}',
        { contentType: JSON_TYPE },
        { data: { a: [1, 'ü'] } },
    ],
    ['JSON, a number', five, '42.50', { contentType: JSON_TYPE }, { data: 42.5 }],
    [
        'JSON by content type that is none',
        five,
        'no {',
        { contentType: JSON_TYPE },
        { data: 'no {' },
    ],
    ['PFI 1, JSON', five, '{"b":2}', { payloadFormatIndicator: true }, { data: { b: 2 } }],
    ['PFI 1, text', five, 'hello "ü"', { payloadFormatIndicator: true }, { data: 'hello "ü"' }],
    [
        'PFI 1, both',
        five,
        '[1]',
        { payloadFormatIndicator: true, contentType: JSON_TYPE },
        { data: [1] },
    ],
];

for (const [what, client, payload, properties, expected] of rows) {
    test(`a message: ${what}`, async () => {
        const topic = `row/${fresh('x')}`;
        const before = Date.now();
        await client.publishAsync(topic, payload, {
            qos: 1,
            ...(client === five && { properties }),
        });
        const { event } = await next(routed);
        const { id, time, data, data_base64: base64, datacontenttype, ...others } = event;
        assert.deepEqual(others, {
            specversion: '1.0',
            type: 'MQTT.EventPublished',
            source: 'devices',
            subject: topic,
        });
        assert.match(id, /^[0-9a-f-]{36}$/);
        assert.match(time, /T.*(Z|[+-]\d\d:\d\d)$/);
        const at = Date.parse(time);
        assert.ok(at >= before - 2000 && at <= Date.now() + 2000, time);
        if (!expected) {
            return;
        }
        assert.deepEqual(data, expected.data);
        assert.equal(base64, expected.data_base64);
        if (expected.datacontenttype) {
            assert.equal(datacontenttype, expected.datacontenttype);
        } else {
            assert.match(datacontenttype ?? 'application/json', /^application\/json/);
        }
    });
}

test('each message has an id of its own, each QoS is routed', async () => {
    const ids = new Set();
    for (const qos of [0, 1, 2]) {
        await five.publishAsync('row/qos', `${qos}`, { qos });
        const { event } = await next(routed);
        assert.equal(Buffer.from(event.data_base64, 'base64').toString(), `${qos}`);
        ids.add(event.id);
    }
    assert.equal(ids.size, 3);
});

/* ---------------------------------------------------------------- enrichments */

test('enrichments: each of them', async () => {
    await five.publishAsync('rich/topic', 'x', {
        qos: 1,
        properties: {
            payloadFormatIndicator: true,
            responseTopic: 'answer/here',
            correlationData: bytes,
            userProperties: { one: ['1', '2'], 'an odd one': 'ü' },
        },
    });
    const { enriched } = await next(routed);
    assert.deepEqual(enriched, {
        plant: 'p1',
        name: 'device',
        room: '345',
        floor: enriched.floor,
        types: 'Fan,Light',
        nothing: '',
        at: 'rich/topic',
        answer: 'answer/here',
        correlation: bytes.toString('base64'),
        pfi: 1,
        one: '1,2',
        odd: 'ü',
    });
    assert.equal(Number(enriched.floor), 12);
});

test('enrichments: what is missing is an empty text', async () => {
    const nobody = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, {
        clientId: fresh('anonymous'),
        protocolVersion: 4,
    });
    await nobody.publishAsync('rich/topic', 'x', { qos: 1 });
    const { enriched } = await next(routed);
    const { pfi, ...others } = enriched;
    assert.ok(['', 0].includes(pfi), `${pfi}`);
    for (const [key, value] of Object.entries(others)) {
        const expected = { plant: 'p1', at: 'rich/topic' }[key] ?? '';
        assert.equal(value, expected, key);
    }
    await nobody.endAsync();
});

/* ---------------------------------------------------------------- CloudEvents over MQTT */

const original = (more = {}) =>
    new CloudEvent({
        id: fresh('event'),
        source: '/their/own',
        type: 'their.type',
        subject: 'their subject',
        time: '2031-02-03T04:05:06.000Z',
        datacontenttype: 'application/json',
        dataschema: 'http://schema.example/x',
        mine: 'extension',
        data: { a: [1, 'ü'] },
        ...more,
    });

/* A message of npm's cloudevents over MQTT.js. */
async function send(client, topic, message) {
    const headers = Object.entries(message.headers).filter(([, value]) => value !== undefined);
    const userProperties = Object.fromEntries(headers.map(([name, value]) => [name, `${value}`]));
    const { body } = message;
    const isBytes = typeof body === 'string' || body instanceof Uint8Array;
    await client.publishAsync(topic, isBytes ? Buffer.from(body) : JSON.stringify(body), {
        qos: 1,
        properties: {
            contentType: message.PUBLISH['Content Type'],
            ...(headers.length && { userProperties }), // with none in it MQTT.js sends nothing
        },
    });
}

const comparable = (event) => JSON.parse(JSON.stringify(event));

for (const mode of ['binary', 'structured']) {
    test(`CloudEvents in ${mode} mode stay what they are`, async () => {
        for (const more of [{}, { plant: 'theirs' }, { subject: undefined, data: [5] }]) {
            const event = original(more);
            await send(five, 'their/topic', MQTT[mode](event));
            const got = await next(routed);
            const { plant, ...expected } = comparable(event);
            assert.deepEqual(got.event, expected);
            assert.equal(got.enriched.plant, plant ?? 'p1');
            assert.equal(got.enriched.at, 'their/topic');
        }
    });

    test(`CloudEvents in ${mode} mode, to a webhook, as npm's cloudevents reads them`, async () => {
        const endpoint = grid.endpoint();
        const push = { destination: endpoint.rawDestination() };
        const child = `topics/alarms/eventSubscriptions/${mode}`;
        await namespace.put(child, { deliveryConfiguration: { deliveryMode: 'Push', push } });
        const event = original();
        await send(five, 'alarms/x', MQTT[mode](event));
        const { headers, text } = await endpoint.takeEvent(event.id);
        const parsed = HTTP.toEvent({ headers, body: text });
        for (const [name, value] of Object.entries(comparable(event))) {
            assert.deepEqual(comparable(parsed)[name], value, name);
        }
        await namespace.delete(child);
        await next(alarms);
        await next(routed);
    });
}

test('what has not all of the attributes is a message as any other', async () => {
    const userProperties = { specversion: '1.0', id: 'x', type: 't' };
    await five.publishAsync('half/event', 'x', { qos: 1, properties: { userProperties } });
    const { event } = await next(routed);
    assert.deepEqual([event.type, event.subject], ['MQTT.EventPublished', 'half/event']);
    assert.notEqual(event.id, 'x');
});

/* The event of a received message, as npm's cloudevents reads it; of data in JSON it leaves the parsing
 * to us. */
function eventOf({ packet, text }) {
    const { userProperties = {}, contentType } = packet.properties;
    return MQTT.toEvent({
        headers: { ...userProperties, datacontenttype: contentType },
        PUBLISH: { 'Content Type': contentType },
        body: JSON.parse(text),
    });
}

test("events to MQTT: both modes, as npm's cloudevents reads them", async () => {
    const listener = await connect();
    await listener.subscribeAsync(['$events/out', 'out/#'], { qos: 1 });
    const destination = { endpointType: 'MqttTopic', properties: { topic: 'out/{type}' } };
    const { status, text } = await grid.manage('PUT', '/topics/out/eventSubscriptions/mqtt', {
        properties: { destination },
    });
    assert.ok([200, 201].includes(status), text);
    const { json: keys } = await grid.manage('POST', '/topics/out/listKeys');
    const event = original({ data: { n: 1, t: 'ü' } });
    const message = HTTP.structured(event);
    const answer = await grid.request('POST', '/topics/out/api/events', undefined, {
        body: message.body,
        headers: { ...message.headers, 'aeg-sas-key': keys.key1 },
    });
    assert.equal(answer.status, 200, answer.text);
    for (const topic of ['$events/out', `out/${event.type}`]) {
        const received = await listener.take((one) => one.topic === topic);
        const parsed = comparable(eventOf(received));
        for (const [name, value] of Object.entries(comparable(event))) {
            assert.deepEqual(parsed[name], value, `${topic}: ${name}`);
        }
    }
    await listener.endAsync();
});

/* ---------------------------------------------------------------- routes */

test('routes: by topic filters, each to its topic', async () => {
    const mark = fresh('mark');
    for (const topic of ['plant/1/alarm', 'plant/1/other', 'alarms/a/b']) {
        await five.publishAsync(topic, mark, { qos: 1 });
    }
    const subjects = [(await next(alarms)).event.subject, (await next(alarms)).event.subject];
    assert.deepEqual(subjects.toSorted(), ['alarms/a/b', 'plant/1/alarm']);
    const all = [];
    for (let count = 0; count < 3; count += 1) {
        all.push((await next(routed)).event.subject);
    }
    assert.deepEqual(all.toSorted(), ['alarms/a/b', 'plant/1/alarm', 'plant/1/other']);
});

test('routes: to a custom topic with the CloudEvents schema', async () => {
    const endpoint = grid.endpoint();
    const { status, text } = await grid.manage('PUT', '/topics/custom/eventSubscriptions/hook', {
        properties: { destination: endpoint.rawDestination() },
    });
    assert.ok([200, 201].includes(status), text);
    await five.publishAsync('custom/x', '{"c":3}', {
        qos: 1,
        properties: { contentType: JSON_TYPE },
    });
    const { events } = await endpoint.take();
    const [{ type, subject, data, name }] = events;
    assert.deepEqual(
        [type, subject, data, name],
        ['MQTT.EventPublished', 'custom/x', { c: 3 }, 'device'],
    );
    await next(routed);
});

test('routing is changed while the server runs', async () => {
    const shown = await namespace.must(200, 'GET', '');
    const { topicSpacesConfiguration: before } = shown.properties;
    assert.deepEqual(before.routingEnrichments, enrichments);
    assert.ok(before.routeTopicResourceId.endsWith('/topics/routed'));
    const put = (more) =>
        namespace.must([200, 201], 'PUT', '', {
            location: 'westus',
            properties: mqttProperties({
                routeTopicResourceId: before.routeTopicResourceId,
                ...more,
            }),
        });
    await put({
        routingEnrichments: { static: [{ key: 'plant', value: 'p2', valueType: 'String' }] },
    });
    await until('the new enrichment counts', async () => {
        await five.publishAsync('changed/x', 'x', { qos: 1 });
        return (await next(routed)).enriched.plant === 'p2';
    });
    await put({ routeTopicResourceId: `${provider}/namespaces/devices/topics/alarms` });
    await until('the new topic counts', async () => {
        await five.publishAsync('moved/x', 'x', { qos: 1 });
        const [one] = await alarms.receive();
        return one !== undefined;
    });
    await put({ routeTopicResourceId: 'namespaces/devices/topics/routed' });
});

test('what is acknowledged to a device is routed, also if bridge processes die', async () => {
    const queue = await new NamespaceTopic(namespace, 'routed').queue();
    const sent = [];
    const publishing = (async () => {
        for (let number = 0; number < 200; number += 1) {
            await five.publishAsync('kept/x', `${number}`, { qos: 1 });
            sent.push(`${number}`);
        }
    })();
    for (const victim of bridges(server)) {
        process.kill(victim, 'SIGKILL');
        await until('another bridge', () => {
            const pids = bridges(server);
            return pids.length === server.processes && !pids.includes(victim);
        });
    }
    await publishing;
    await server.ready();
    const seen = new Set();
    await until('all of them', async () => {
        const some = await queue.receive(100).catch(() => []);
        for (const { event } of some) {
            seen.add(Buffer.from(event.data_base64 ?? '', 'base64').toString());
        }
        await queue.settle('acknowledge', some).catch(() => {});
        return sent.every((number) => seen.has(number));
    });
});

await run();
