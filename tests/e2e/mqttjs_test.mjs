// MQTT.js against the broker: both versions, every QoS, properties, wills, retained messages,
// sessions that are resumed after a lost connection. Started by mqttjs_test.sh, which starts the
// broker and gives its port.
//
// Waiting is for the client's events, never for time.
//
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { connectAsync } from 'mqtt';

const url = `mqtt://127.0.0.1:${process.argv[2]}`;
const PATIENCE = 20000; // milliseconds until a condition that never comes true fails its test

// A client that collects its messages. `name` is its client identifier.
async function connect(name, version, more = {}) {
    const client = await connectAsync(url, {
        clientId: name, protocolVersion: version, reconnectPeriod: 10, ...more });
    client.got = [];
    client.on('message', (topic, payload, packet) => {
        client.got.push(packet);
        client.emit('got');
    });
    return client;
}

function once(client, event, what) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${what ?? event}`)), PATIENCE);
        client.once(event, (value) => {
            clearTimeout(timer);
            resolve(value);
        });
    });
}

// Takes as many messages as there are texts; they must be these, in order.
async function expect(client, ...texts) {
    while (client.got.length < texts.length) {
        await once(client, 'got', `${texts} but ${client.got.map((p) => p.payload)}`);
    }
    const taken = client.got.splice(0);
    assert.deepEqual(taken.map((packet) => packet.payload.toString()), texts);
    return taken;
}

// As expect(), in any order.
async function expectAll(client, ...texts) {
    while (client.got.length < texts.length) {
        await once(client, 'got', `${texts} but ${client.got.map((p) => p.payload)}`);
    }
    const got = client.got.splice(0).map((packet) => packet.payload.toString());
    assert.deepEqual(got.sort(), texts.sort());
}

async function everyQos(version) {
    const reader = await connect('reader', version);
    const writer = await connect('writer', version);
    for (const wanted of [0, 1, 2]) {
        const [granted] = await reader.subscribeAsync(`q/${wanted}/+`, { qos: wanted });
        assert.equal(granted.qos, wanted);
        for (const qos of [0, 1, 2]) {
            await writer.publishAsync(`q/${wanted}/${qos}`, `at ${qos}`, { qos });
            const [packet] = await expect(reader, `at ${qos}`);
            assert.equal(packet.qos, Math.min(qos, wanted));
        }
        await reader.unsubscribeAsync(`q/${wanted}/+`);
    }
    await Promise.all([reader.endAsync(), writer.endAsync()]);
}

async function manyInFlight(version) {
    const reader = await connect('reader', version);
    const writer = await connect('writer', version);
    const texts = Array.from({ length: 500 }, (_, number) => String(number));
    await reader.subscribeAsync('many', { qos: 2 });
    for (const qos of [1, 2]) {
        const completed = texts.map((text) => writer.publishAsync('many', text, { qos }));
        await expect(reader, ...texts);
        await Promise.all(completed);
    }
    await Promise.all([reader.endAsync(), writer.endAsync()]);
}

async function retained(version) {
    const client = await connect('client', version);
    await client.publishAsync('r/a', 'kept', { qos: 1, retain: true });
    await client.subscribeAsync('r/#', { qos: 1 });
    assert.equal((await expect(client, 'kept'))[0].retain, true);
    await client.publishAsync('r/a', '', { qos: 1, retain: true });
    assert.equal((await expect(client, ''))[0].retain, false);
    await client.endAsync();
}

async function will(version) {
    const reader = await connect('reader', version);
    await reader.subscribeAsync('will', { qos: 2 });
    const dying = await connect('dying', version, {
        will: { topic: 'will', payload: Buffer.from('lost'), qos: 2 }, reconnectPeriod: 0 });
    dying.stream.destroy();
    await expect(reader, 'lost');
    await reader.endAsync();
}

// The connection is lost again and again; the client connects by itself and misses nothing.
async function reconnect(version) {
    const keep = version === 5 ? { properties: { sessionExpiryInterval: 100 } } : {};
    const reader = await connect('keeper', version, { clean: false, ...keep });
    const writer = await connect('writer', version);
    await reader.subscribeAsync('keep', { qos: 2 });
    for (let round = 0; round < 5; round++) {
        const closed = once(reader, 'close');
        const back = once(reader, 'connect');
        reader.stream.destroy();
        await closed;
        await writer.publishAsync('keep', `qos 2, ${round}`, { qos: 2 });
        await writer.publishAsync('keep', `qos 1, ${round}`, { qos: 1 });
        assert.equal((await back).sessionPresent, true);
        // MQTT.js hands out a QoS 2 message when it is released, so order is within a QoS only.
        await expectAll(reader, `qos 2, ${round}`, `qos 1, ${round}`);
    }
    await reader.endAsync();
    await (await connect('keeper', version, { clean: true })).endAsync();
    await writer.endAsync();
}

async function properties() {
    const reader = await connect('reader', 5, { properties: { topicAliasMaximum: 10 } });
    const writer = await connect('writer', 5, { autoUseTopicAlias: true, autoAssignTopicAlias: true });
    const sent = {
        payloadFormatIndicator: true, contentType: 'text/plain', responseTopic: 'answers',
        correlationData: Buffer.from([1, 2]), userProperties: { one: '1', two: ['2', 'zwei'] } };
    await reader.subscribeAsync('p/#', { qos: 1, properties: { subscriptionIdentifier: 300 } });
    for (let round = 0; round < 3; round++) {
        await writer.publishAsync('p/q', 'hello', { qos: 1, properties: sent });
        const [packet] = await expect(reader, 'hello');
        assert.equal(packet.properties.subscriptionIdentifier, 300);
        const { userProperties, ...plain } = sent;
        for (const [name, value] of Object.entries(plain)) {
            assert.deepEqual(packet.properties[name], value, name);
        }
        assert.deepEqual({ ...packet.properties.userProperties }, userProperties);
    }
    await Promise.all([reader.endAsync(), writer.endAsync()]);
}

async function assignedIdentifier() {
    const client = await connectAsync(url, { clientId: '', protocolVersion: 5 });
    const name = once(client, 'connect');
    client.reconnect();
    assert.match((await name).properties.assignedClientIdentifier, /^pg-/);
    await client.endAsync();
}

async function takenOver(version) {
    const first = await connect('same', version, { reconnectPeriod: 0 });
    const closed = once(first, 'close');
    const reason = version === 5 ? once(first, 'disconnect') : Promise.resolve({ reasonCode: 0x8e });
    const second = await connect('same', version);
    assert.equal((await reason).reasonCode, 0x8e);
    await closed;
    await second.endAsync();
}

async function run(name, test, ...how) {
    const begin = performance.now();
    await test(...how);
    console.log(`ok ${name} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
}

try {
    for (const version of [4, 5]) {
        for (const test of [everyQos, manyInFlight, retained, will, reconnect, takenOver]) {
            await run(`${test.name} version ${version}`, test, version);
        }
    }
    await run('properties', properties);
    await run('assignedIdentifier', assignedIdentifier);
    process.exit(0);
} catch (error) {
    console.error(error);
    process.exit(1);
}
