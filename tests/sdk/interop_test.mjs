/* One tree: whatever is sent by whomever reaches every kind of receiver as what it can be there
 * (spec/webpubsub.md 1.5, 2.2, 3.3, 5.1, 6.4), and nothing malformed ever reaches a browser.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { WebPubSubJsonReliableProtocol } from '@azure/web-pubsub-client';
import { connectMqtt } from './lib/device.mjs';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_RELIABLE, PROTOBUF_V1 } from './lib/peer.mjs';
import { anyOf } from './lib/protobuf.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';

const server = await Server.start({
    hubs: [
        { name: 'wild', wildcards: true },
        { name: 'old', protobuf_json_as_text: true },
        { name: 'bare', retained_on_join: false },
    ],
});
const deviceUrl = `mqtt://127.0.0.1:${server.mqttPort}`;
const hubUrl = (hub, who) => server.url(hub, { door: 'clients/mqtt', ...who });

const any = anyOf('type.googleapis.com/x.Y', [8, 1]);
const anyBytes = Buffer.from(any, 'base64');
const samples = {
    text: {
        dataType: 'text',
        data: 'h\u00e9 "q" \ud83d\ude00',
        bytes: Buffer.from('h\u00e9 "q" \ud83d\ude00'),
    },
    emptyText: { dataType: 'text', data: '', bytes: Buffer.alloc(0) },
    json: {
        dataType: 'json',
        data: { a: [1.5, 'x', null] },
        bytes: Buffer.from('{"a":[1.5,"x",null]}'),
    },
    zero: { dataType: 'json', data: 0, bytes: Buffer.from('0') },
    jsonText: { dataType: 'json', data: 'x', bytes: Buffer.from('"x"') },
    binary: { dataType: 'binary', data: 'AP+A', bytes: Buffer.from([0, 255, 128]) },
    emptyBinary: { dataType: 'binary', data: '', bytes: Buffer.alloc(0) },
    protobuf: { dataType: 'protobuf', data: any, bytes: anyBytes },
};

/* ---------------------------------------------------------------- all to all */

const protocols = [JSON_V1, JSON_RELIABLE, PROTOBUF_V1, PROTOBUF_RELIABLE];

/* Each: { send(sample), check(sample) } of one client in group g; check() takes the next message. */
async function subprotocolClient(protocol) {
    const peer = await server.connect('all', { protocol });
    await peer.join('g');
    return {
        send: ({ dataType, data }) =>
            peer.must({ type: 'sendToGroup', group: 'g', dataType, data, noEcho: true }),
        async check({ dataType, data }) {
            const message = await peer.take({ type: 'message' });
            assert.deepEqual(
                [message.dataType, message.data, message.from, message.group],
                [dataType, data, 'group', 'g'],
            );
        },
    };
}

async function rawClient() {
    const peer = await server.connectRaw('all', '&webpubsub_mode=sendToGroup&group=g&noEcho=true', {
        groups: 'g',
    });
    return {
        sends: ({ dataType }) => dataType === 'text' || dataType === 'binary',
        send: ({ dataType, bytes }) => peer.sendRaw(dataType === 'text' ? bytes.toString() : bytes),
        async check({ dataType, bytes }) {
            const frame = await peer.take(() => true);
            const isText = dataType === 'text' || dataType === 'json';
            assert.deepEqual(frame, isText ? { text: bytes.toString() } : { binary: bytes });
        },
    };
}

const contentTypes = {
    json: 'application/json',
    binary: 'application/octet-stream',
    protobuf: 'application/x-protobuf',
};

/* MQTT 5 says what the bytes are, both ways. */
async function mqttClient(url, topic) {
    const client = await connectMqtt(url);
    await client.subscribeAsync({ [topic]: { qos: 1, nl: true } });
    return {
        send: ({ dataType, bytes }) =>
            client.publishAsync(topic, bytes, {
                qos: 1,
                properties: {
                    ...(contentTypes[dataType] && { contentType: contentTypes[dataType] }),
                    ...(dataType === 'text' && { payloadFormatIndicator: true }),
                },
            }),
        async check({ dataType, bytes }) {
            const { payload, packet, topic: came } = await client.take();
            assert.equal(came, topic);
            assert.deepEqual(payload, bytes);
            const { contentType, payloadFormatIndicator = false } = packet.properties ?? {};
            if (contentTypes[dataType]) {
                assert.equal(contentType, contentTypes[dataType]);
            } else {
                assert.ok(
                    payloadFormatIndicator || /^text\//.test(contentType),
                    'is marked as text',
                );
            }
        },
    };
}

test('every sender, every type, every receiver', async () => {
    const clients = {};
    for (const protocol of protocols) {
        clients[protocol] = await subprotocolClient(protocol);
    }
    clients.plain = await rawClient();
    clients['MQTT over TCP'] = await mqttClient(deviceUrl, 'all/g');
    clients['MQTT over WebSocket'] = await mqttClient(server.httpUrl('/mqtt', 'ws'), 'all/g');
    clients['MQTT in the hub'] = await mqttClient(hubUrl('all'), 'g');
    for (const [from, sender] of Object.entries(clients)) {
        for (const [name, sample] of Object.entries(samples)) {
            if (sender.sends && !sender.sends(sample)) {
                continue;
            }
            await sender.send(sample);
            for (const [to, receiver] of Object.entries(clients)) {
                if (to !== from) {
                    await receiver.check(sample).catch((error) => {
                        throw new Error(`${name} from ${from} to ${to}: ${error.message}`);
                    });
                }
            }
        }
    }
});

test('protobuf clients of the old schema get JSON as text', async () => {
    const peer = await server.connect('old', { protocol: PROTOBUF_V1 });
    await peer.join('g');
    await peer.must({ type: 'sendToGroup', group: 'g', data: { a: 1 } });
    const { dataType, data } = await peer.take({ type: 'message' });
    assert.deepEqual([dataType, data], ['text', '{"a":1}']);
    peer.cut();
});

/* ---------------------------------------------------------------- devices */

test('a device and a browser talk', async () => {
    const device = await connectMqtt(deviceUrl);
    await device.subscribeAsync('factory/#', { qos: 1 });
    const browser = await server.connect('Factory', { user: 'ann' });
    await browser.join('line1/temp');
    await device.publishAsync('factory/line1/temp', '21.5', {
        qos: 1,
        properties: { userProperties: { unit: 'C', place: 'hall' } },
    });
    const message = await browser.take({ type: 'message' });
    assert.deepEqual(message, {
        type: 'message',
        from: 'group',
        group: 'line1/temp',
        dataType: 'text',
        data: '21.5',
        metadata: { unit: 'C', place: 'hall' },
    });
    assert.equal((await device.take()).topic, 'factory/line1/temp');
    await browser.must({
        type: 'sendToGroup',
        group: 'line1/set',
        dataType: 'text',
        data: '20',
        metadata: { by: 'hand' },
        ttlSeconds: 60,
    });
    const { topic, text, packet } = await device.take();
    assert.deepEqual([topic, text], ['factory/line1/set', '20']);
    assert.equal(packet.properties.userProperties.by, 'hand');
    assert.ok(packet.properties.messageExpiryInterval <= 60);
    await device.endAsync();
    browser.cut();
});

test('a group whose name has wildcards in it is escaped in the topic', async () => {
    const device = await connectMqtt(deviceUrl);
    await device.subscribeAsync('names/#');
    const browser = await server.connect('names');
    await browser.must({ type: 'sendToGroup', group: 'a+b#c%d', data: 1 });
    const { topic } = await device.take();
    assert.equal(topic, 'names/a%2Bb%23c%25d');
    await browser.join('a+b#c%d');
    await device.publishAsync(topic, 'x');
    assert.equal((await browser.take({ type: 'message' })).group, 'a+b#c%d');
    await device.endAsync();
    browser.cut();
});

test('who joins gets the retained message, where the hub has it so', async () => {
    const device = await connectMqtt(deviceUrl);
    for (const hub of ['plant', 'bare']) {
        await device.publishAsync(`${hub}/g`, 'kept', { qos: 1, retain: true });
    }
    for (const protocol of [JSON_V1, JSON_RELIABLE, PROTOBUF_V1]) {
        const peer = await server.connect('plant', { protocol });
        await peer.join('g');
        assert.equal((await peer.take({ type: 'message' })).data, 'kept');
        await peer.join('g'); // again: not once more
        await peer.drain();
        assert.deepEqual(peer.data(), ['kept']);
        peer.cut();
    }
    const bare = await server.connect('bare');
    await bare.join('g');
    await bare.drain();
    assert.deepEqual(bare.data(), []);
    bare.cut();
    const given = await server.connect('plant', { groups: 'g', roles: [] });
    assert.equal((await given.take({ type: 'message' })).data, 'kept');
    given.cut();
    await device.endAsync();
});

test('wildcards where the hub allows them, for who may join all that they name', async () => {
    const device = await connectMqtt(deviceUrl);
    const all = await server.connect('wild');
    await all.join('line1/+');
    await all.join('deep/#');
    for (const topic of [
        'line1/temp',
        'line1/temp/x',
        'line2/temp',
        'deep',
        'deep/a/b',
        'line1/end',
    ]) {
        await device.publishAsync(`wild/${topic}`, topic, { qos: 1 });
    }
    await all.take({ data: 'line1/end' });
    assert.deepEqual(
        all.messages().map(({ group, data }) => [group, data]),
        [
            ['line1/temp', 'line1/temp'],
            ['deep', 'deep'],
            ['deep/a/b', 'deep/a/b'],
            ['line1/end', 'line1/end'],
        ],
    );
    await all.must({ type: 'leaveGroup', group: 'line1/+' });
    await device.publishAsync('wild/line1/temp', 'no more', { qos: 1 });
    await device.publishAsync('wild/deep/end', 'end', { qos: 1 });
    await all.take({ data: 'end' });
    assert.ok(!all.data().includes('no more'));
    const few = await server.connect('wild', { roles: ['webpubsub.joinLeaveGroup.line1/temp'] });
    await few.fails('Forbidden', { type: 'joinGroup', group: 'line1/+' });
    await few.fails('Forbidden', { type: 'joinGroup', group: '#' });
    await few.join('line1/temp');
    all.cut();
    few.cut();
    await device.endAsync();
});

/* ---------------------------------------------------------------- never malformed */

const payloads = {
    'not UTF-8': Buffer.from([0xff, 0xfe]),
    'a surrogate': Buffer.from([0xed, 0xa0, 0x80]),
    'an overlong slash': Buffer.from([0xc0, 0xaf]),
    'a NUL': Buffer.from('a\0b'),
    'no JSON': Buffer.from('{"a":'),
    'JSON and more': Buffer.from('1 2'),
    'JSON null': Buffer.from('null'),
    nothing: Buffer.alloc(0),
    'a number': Buffer.from('01'),
    'a bad escape': Buffer.from('"\\x"'),
    'a lone surrogate': Buffer.from('"\\ud800"'),
    deep: Buffer.from(`${'['.repeat(5000)}${']'.repeat(5000)}`),
    'control characters': Buffer.from('"\n\u0001"'),
    'a separator': Buffer.from('"\u2028"'),
    'no Any': Buffer.from([0x0a, 0xff]),
};
const declared = [
    undefined,
    'application/json',
    'text/plain',
    'text/plain; charset=utf-16',
    'application/octet-stream',
    'application/x-protobuf',
    'application/json; charset=utf-8',
    'nonsense',
    '',
];

test('whatever a device publishes, what a browser gets is well-formed', async () => {
    const device = await connectMqtt(deviceUrl);
    const official = WebPubSubJsonReliableProtocol();
    const json = await server.connect('never', { protocol: JSON_RELIABLE });
    const protobuf = await server.connect('never', { protocol: PROTOBUF_V1 });
    const raw = await server.connectRaw('never', '', { groups: 'g' });
    await json.join('g');
    await protobuf.join('g');
    json.socket.on('message', (data, isBinary) => {
        assert.equal(isBinary, false);
        official.parseMessages(data.toString()); // the client that dies of bad frames
    });
    let sent = 0;
    for (const [name, payload] of Object.entries(payloads)) {
        for (const contentType of declared) {
            sent += 1;
            await device.publishAsync('never/g', payload, {
                qos: 1,
                properties: {
                    ...(contentType !== undefined && { contentType }),
                    userProperties: { id: String(sent), 'Bad Key': name, bad: 'v\u00e4lue\n' },
                },
            });
        }
    }
    const isLast = ({ metadata }) => metadata?.id === String(sent);
    await json.take(isLast);
    await protobuf.take(isLast);
    for (const peer of [json, protobuf]) {
        assert.deepEqual(
            peer.messages().map(({ metadata }) => Number(metadata.id)),
            [...Array(sent).keys()].map((i) => i + 1),
        );
        for (const { dataType, data } of peer.messages()) {
            assert.ok(dataType === 'json' || typeof data === 'string', `${dataType} ${data}`);
            assert.notEqual(data, undefined);
        }
    }
    assert.equal(raw.socket.readyState, raw.socket.OPEN);
    await device.endAsync();
    json.cut();
    protobuf.cut();
    raw.cut();
});

await run();
