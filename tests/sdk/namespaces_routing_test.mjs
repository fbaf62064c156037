/* MQTT messages as events (spec/eventgrid.md 6.6) and events about MQTT clients (2.3): MQTT.js publishes,
 * webhooks of event subscriptions get CloudEvents that npm's cloudevents accepts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { CloudEvent, HTTP, MQTT } from 'cloudevents';
import assert from 'node:assert/strict';
import { message, properties } from './lib/binding.mjs';
import { connectMqtt } from './lib/device.mjs';
import { ACCOUNT, GROUP, Grid, PROVIDER } from './lib/eventgrid.mjs';
import { mqttProperties } from './lib/namespaces.mjs';
import { passwordSection } from './lib/passwords.mjs';
import { bridges } from './lib/processes.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const MOST_ENRICHMENTS = {
    static: [{ key: 'site', value: 'w"1' }],
    dynamic: [
        { key: 'who', value: '${client.authenticationName}' },
        { key: 'floor', value: '${client.attributes.floor}' },
        { key: 'rooms', value: '${client.attributes.rooms}' },
        { key: 'topic', value: '${mqtt.message.topicName}' },
        { key: 'response', value: '${mqtt.message.responseTopic}' },
        { key: 'correlation', value: '${mqtt.message.correlationData}' },
        { key: 'pfi', value: '${mqtt.message.pfi}' },
        { key: 'unit', value: "${mqtt.message.userProperties['unit of it']}" },
    ],
};

/* One account, and anonymous clients from this machine. */
const grid = await Grid.start(
    {
        namespaces: [
            {
                name: 'Plant',
                properties: mqttProperties({
                    maximumClientSessionsPerAuthenticationName: 10,
                    routeTopicResourceId: 'topics/orders',
                    routingEnrichments: MOST_ENRICHMENTS,
                }),
                clients: [
                    {
                        name: 'device',
                        properties: {
                            authenticationName: 'dev-1',
                            attributes: { floor: 3, rooms: ['a', 'b'] },
                        },
                    },
                ],
            },
        ],
    },
    {
        more: `access:\n  - publish: ["#", "$events/orders"]\n    subscribe: ["#", "$events/orders"]
${passwordSection('dev-1')}  allow_anonymous: yes\n`,
    },
);
const { server } = grid;
const orders = await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' }, 'orders');
const endpoint = grid.endpoint();
await orders.subscribe({
    destination: endpoint.destination(),
    eventDeliverySchema: 'CloudEventSchemaV1_0',
});

const open = (options = {}) => connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, options);
const device = await open({ username: 'dev-1', password: 'dev-1' });

/* The event that a message with this subject becomes, as npm's cloudevents reads it. */
async function routed(subject) {
    const delivery = await endpoint.take(({ text }) => JSON.parse(text).subject === subject);
    const event = HTTP.toEvent({ headers: delivery.headers, body: delivery.text });
    assert.ok(event instanceof CloudEvent && event.validate());
    return { event, raw: JSON.parse(delivery.text) };
}

const publish = (topic, payload, properties = {}, client = device) =>
    client.publishAsync(topic, payload, { qos: 1, properties });

/* ---------------------------------------------------------------- the table of 6.6 */

test('without Payload Format Indicator: bytes, from the namespace, about the topic', async () => {
    const before = Date.now();
    await publish('rows/bytes', Buffer.from([0, 0xff]));
    const { raw } = await routed('rows/bytes');
    assert.equal(raw.specversion, '1.0');
    assert.equal(raw.type, 'MQTT.EventPublished');
    assert.equal(raw.source, 'Plant');
    assert.equal(raw.data_base64, 'AP8=');
    assert.equal(raw.datacontenttype, 'application/octet-stream');
    assert.match(raw.id, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    assert.ok(Math.abs(Date.parse(raw.time) - before) < 60_000);
});

test('MQTT 3.1.1, QoS 0 too: bytes', async () => {
    const old = await open({ protocolVersion: 4 });
    await old.publishAsync('rows/old', '{"a":1}', { qos: 0 });
    const { raw } = await routed('rows/old');
    assert.equal(Buffer.from(raw.data_base64, 'base64').toString(), '{"a":1}');
    await old.endAsync();
});

test('a Content Type of bytes is kept', async () => {
    await publish('rows/png', 'x', { contentType: 'image/png' });
    const { raw } = await routed('rows/png');
    assert.equal(raw.datacontenttype, 'image/png');
    assert.equal(raw.data_base64, 'eA==');
});

test('JSON by its Content Type, or by Payload Format Indicator 1', async () => {
    const type = 'application/json; charset=utf-8';
    await publish('rows/json', '{"n": 1.50}', { contentType: type });
    const typed = await routed('rows/json');
    assert.equal(typed.raw.datacontenttype, type);
    assert.deepEqual(typed.event.data, { n: 1.5 });
    await publish('rows/pfi', '[1]', { payloadFormatIndicator: true });
    assert.deepEqual((await routed('rows/pfi')).event.data, [1]);
});

test('text that is no JSON is a text', async () => {
    await publish('rows/text', '21.5 °C', { payloadFormatIndicator: true });
    const { raw } = await routed('rows/text');
    assert.equal(raw.data, '21.5 °C');
    assert.ok(!('datacontenttype' in raw));
});

/* ---------------------------------------------------------------- the CloudEvents binding, both ways */

const original = () =>
    new CloudEvent({
        id: 'own-id',
        source: '/devices/1',
        type: 'reading',
        subject: 'binding',
        time: '2030-01-02T03:04:05.678Z',
        site: 'mine',
        data: { t: 21.5 },
    });

for (const mode of ['binary', 'structured']) {
    test(`a CloudEvent in ${mode} mode keeps its attributes, and leaves as one`, async () => {
        const event = original().cloneWith({ subject: mode, id: mode });
        const made = MQTT[mode](event);
        const body = typeof made.body === 'string' ? made.body : JSON.stringify(made.body);
        await device.publishAsync('binding/topic', body, properties(made));
        const { event: got } = await routed(mode);
        for (const name of ['id', 'source', 'type', 'subject', 'time', 'site']) {
            assert.equal(got[name], event[name], name);
        }
        assert.deepEqual(got.data, { t: 21.5 });
        assert.equal(got.who, 'dev-1'); // enriched all the same
    });
}

test('a routed event reaches MQTT clients as a CloudEvent of the binding', async () => {
    const listener = await open();
    await listener.subscribeAsync('$events/orders', { qos: 1 });
    await publish('back/again', '{"a":1}', { payloadFormatIndicator: true });
    const received = await listener.take(
        ({ packet }) => packet.properties?.userProperties?.subject === 'back/again',
    );
    const event = MQTT.toEvent(message(received), true);
    assert.ok(event.validate());
    assert.equal(event.type, 'MQTT.EventPublished');
    assert.deepEqual(event.data, { a: 1 });
    await routed('back/again');
    await listener.endAsync();
});

/* ---------------------------------------------------------------- enrichments */

test('each enrichment', async () => {
    await publish('enriched', 'x', {
        payloadFormatIndicator: true,
        responseTopic: 'answer/here',
        correlationData: Buffer.from([1, 2, 3]),
        userProperties: { 'unit of it': ['C', 'F'] },
    });
    const { raw } = await routed('enriched');
    const { site, who, floor, rooms, topic, response, correlation, pfi, unit } = raw;
    assert.deepEqual(
        { site, who, floor, rooms, topic, response, correlation, pfi, unit },
        {
            site: 'w"1',
            who: 'dev-1',
            floor: '3',
            rooms: 'a,b',
            topic: 'enriched',
            response: 'answer/here',
            correlation: 'AQID',
            pfi: 1,
            unit: 'C,F',
        },
    );
});

test('what is missing is empty', async () => {
    const stranger = await open();
    await publish('bare', 'x', {}, stranger);
    const { raw } = await routed('bare');
    for (const name of ['who', 'floor', 'rooms', 'response', 'correlation', 'pfi', 'unit']) {
        assert.equal(raw[name], '', name);
    }
    await stranger.endAsync();
});

/* ---------------------------------------------------------------- nothing is lost */

test('kill -9 of the broker and of all bridges loses nothing that was acknowledged', async () => {
    const sent = [];
    for (const name of ['pubgrid-bridge', 'pubgrid-broker', 'pubgrid-bridge']) {
        const client = await open();
        let killed;
        for (let i = 0; i < 50; i += 1) {
            const topic = `crash/${sent.length}`;
            await publish(topic, 'x', {}, client);
            sent.push(topic);
            if (i === 25) {
                killed = server.kill(name, { all: true });
                if (name === 'pubgrid-broker') {
                    break;
                }
            }
        }
        client.end(true);
        await killed;
        await server.ready();
    }
    await until('all have come', () => {
        const came = new Set(endpoint.deliveries.map(({ text }) => JSON.parse(text).subject));
        return sent.every((topic) => came.has(topic));
    });
    /* What came twice is known by its id. */
    const ids = new Map();
    for (const { text } of endpoint.deliveries) {
        const { subject, id } = JSON.parse(text);
        assert.equal(ids.get(subject) ?? id, id, subject);
        ids.set(subject, id);
    }
    assert.equal(bridges(server).length, 2);
});

/* ---------------------------------------------------------------- life-cycle events */

const id = `/subscriptions/${ACCOUNT}/resourceGroups/${GROUP}${PROVIDER}/namespaces/Plant`;

test('connections and clients are events of the namespace system topic', async () => {
    const events = grid.endpoint();
    const made = await grid.own('PUT', '/systemTopics/clients', {
        properties: { source: id, topicType: 'Microsoft.EventGrid.Namespaces' },
    });
    assert.ok(made.status < 300, made.text);
    const subscribed = await grid.own('PUT', '/systemTopics/clients/eventSubscriptions/all', {
        properties: { destination: events.rawDestination() },
    });
    assert.ok(subscribed.status < 300, subscribed.text);
    const next = async (type, wanted = () => true) => {
        const { events: list } = await events.take(({ text }) => {
            const [event] = JSON.parse(text);
            return event.eventType === `Microsoft.EventGrid.${type}` && wanted(event.data);
        });
        assert.equal(list[0].topic, id);
        return list[0];
    };
    const ofPhone = ({ clientSessionName }) => clientSessionName === 'phone';
    const connect = () =>
        open({
            username: 'dev-1',
            password: 'dev-1',
            clientId: 'phone',
            clean: false,
            properties: { sessionExpiryInterval: 100 },
        });
    await until('the broker tells', async () => {
        const probe = await open({ clientId: 'probe' });
        await probe.endAsync();
        return events.deliveries.length > 0;
    });

    const first = await connect();
    const connected = await next('MQTTClientSessionConnected', ofPhone);
    assert.equal(connected.subject, 'clients/dev-1/sessions/phone');
    assert.deepEqual(connected.data, {
        namespaceName: 'Plant',
        clientAuthenticationName: 'dev-1',
        clientSessionName: 'phone',
        sequenceNumber: 1,
    });
    const second = await connect();
    const taken = await next('MQTTClientSessionDisconnected', ofPhone);
    assert.equal(taken.data.disconnectionReason, 'SessionTakenOver');
    assert.equal(taken.data.sequenceNumber, 1);
    assert.equal((await next('MQTTClientSessionConnected', ofPhone)).data.sequenceNumber, 2);
    await second.endAsync();
    const left = await next('MQTTClientSessionDisconnected', ofPhone);
    assert.equal(left.data.disconnectionReason, 'ClientInitiatedDisconnect');
    first.end(true);
    const third = await connect();
    third.stream.destroy();
    const lost = await next(
        'MQTTClientSessionDisconnected',
        ({ sequenceNumber }) => sequenceNumber === 3,
    );
    assert.equal(lost.data.disconnectionReason, 'ConnectionLost');

    const put = await grid.own('PUT', '/namespaces/Plant/clients/pump', {
        properties: { authenticationName: 'Pump-1', attributes: { floor: 2 } },
    });
    assert.ok(put.status < 300, put.text);
    const client = await next('MQTTClientCreatedOrUpdated');
    assert.equal(client.subject, 'clients/pump');
    assert.equal(client.data.clientAuthenticationName, 'Pump-1');
    assert.deepEqual(client.data.attributes, { floor: 2 });
    await grid.own('DELETE', '/namespaces/Plant/clients/pump');
    assert.equal((await next('MQTTClientDeleted')).data.clientName, 'pump');
});

await run();
device.end(true);
