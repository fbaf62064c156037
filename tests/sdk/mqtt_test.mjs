/* MQTT.js over WebSocket: at /mqtt as on any broker, and at /clients/mqtt/hubs/{hub}, where topics
 * are the hub's groups (spec/webpubsub.md 5.1, and beyond it).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connectMqtt } from './lib/device.mjs';
import { Peer } from './lib/peer.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { upgrade } from './lib/upgrade.mjs';
import { within } from './lib/wait.mjs';

const server = await Server.start();
const doors = {
    '/mqtt': { url: () => server.httpUrl('/mqtt', 'ws'), prefix: 'tree/' },
    '/clients/mqtt/hubs/tree': {
        url: (who) => server.url('tree', { door: 'clients/mqtt', ...who }),
        prefix: '',
    },
};
const hubDoor = doors['/clients/mqtt/hubs/tree'];
const hubUrl = (who) => hubDoor.url(who);

const grantedOf = (packet) => packet.map(({ qos }) => qos);

for (const [door, { url, prefix }] of Object.entries(doors)) {
    for (const protocolVersion of [4, 5]) {
        const kind = `${door} version ${protocolVersion}`;
        let topics = 0;
        const newTopic = () => `${prefix}v${protocolVersion}/${(topics += 1)}`;
        const connect = (options) => connectMqtt(url(), { protocolVersion, ...options });

        test(`${kind}: every QoS both ways`, async () => {
            const topic = newTopic();
            const reader = await connect();
            const writer = await connect();
            for (const qos of [0, 1, 2]) {
                await reader.subscribeAsync(topic, { qos });
                for (const sent of [0, 1, 2]) {
                    await writer.publishAsync(topic, `${sent} to ${qos}`, { qos: sent });
                    const message = await reader.take();
                    assert.deepEqual(
                        [message.topic, message.text, message.packet.qos],
                        [topic, `${sent} to ${qos}`, Math.min(sent, qos)],
                    );
                }
            }
            await Promise.all([reader.endAsync(), writer.endAsync()]);
        });

        test(`${kind}: retained messages and wildcards`, async () => {
            const topic = newTopic();
            const writer = await connect();
            await writer.publishAsync(`${topic}/a/b`, 'kept', { qos: 1, retain: true });
            const reader = await connect();
            await reader.subscribeAsync(`${topic}/+/b`);
            const message = await reader.take();
            assert.deepEqual(
                [message.topic, message.text, message.packet.retain],
                [`${topic}/a/b`, 'kept', true],
            );
            await reader.subscribeAsync(`${topic}/#`);
            assert.equal((await reader.take()).text, 'kept');
            await Promise.all([reader.endAsync(), writer.endAsync()]);
        });

        test(`${kind}: shared subscriptions`, async () => {
            const topic = newTopic();
            const readers = [await connect(), await connect()];
            for (const reader of readers) {
                await reader.subscribeAsync(`$share/s/${topic}`, { qos: 1 });
            }
            const writer = await connect();
            const texts = [...Array(10).keys()].map(String);
            for (const text of texts) {
                await writer.publishAsync(topic, text, { qos: 1 });
            }
            const all = await Promise.all(
                readers.map(async (reader) => [
                    (await reader.take()).text,
                    (await reader.take()).text,
                    (await reader.take()).text,
                    (await reader.take()).text,
                    (await reader.take()).text,
                ]),
            );
            assert.deepEqual(all.flat().sort(), texts);
            await Promise.all([...readers, writer].map((client) => client.endAsync()));
        });

        test(`${kind}: a will`, async () => {
            const topic = newTopic();
            const reader = await connect();
            await reader.subscribeAsync(topic, { qos: 1 });
            const mortal = await connect({
                will: { topic, payload: Buffer.from('gone'), qos: 1, retain: false },
            });
            mortal.stream.destroy();
            const message = await reader.take();
            assert.deepEqual([message.topic, message.text], [topic, 'gone']);
            await reader.endAsync();
        });

        test(`${kind}: a session that is resumed`, async () => {
            const topic = newTopic();
            const options = {
                clientId: `resume${protocolVersion}${door.length}`,
                clean: false,
                ...(protocolVersion === 5 && { properties: { sessionExpiryInterval: 20 } }),
            };
            const first = await connect(options);
            await first.subscribeAsync(topic, { qos: 1 });
            await first.endAsync();
            const writer = await connect();
            await writer.publishAsync(topic, 'while away', { qos: 1 });
            const second = await connect(options);
            assert.equal((await second.take()).text, 'while away');
            assert.equal(second.connackPacket.sessionPresent, true);
            await Promise.all([second.endAsync(), writer.endAsync()]);
        });

        test(`${kind}: packets of a megabyte, and many small ones at once`, async () => {
            const topic = newTopic();
            const client = await connect();
            await client.subscribeAsync(topic, { qos: 1 });
            const large = Buffer.alloc(1_000_000, 'x');
            await client.publishAsync(topic, large, { qos: 1 });
            assert.equal((await client.take()).payload.compare(large), 0);
            const texts = [...Array(2000).keys()].map(String);
            await Promise.all(texts.map((text) => client.publishAsync(topic, text, { qos: 1 })));
            const got = [];
            for (const _ of texts) {
                got.push((await client.take()).text);
            }
            assert.deepEqual(got, texts);
            await client.endAsync();
        });
    }

    test(`${door}: properties of version 5`, async () => {
        const reader = await connectMqtt(url());
        const topic = `${prefix}properties`;
        await reader.subscribeAsync(topic, { qos: 1, properties: { subscriptionIdentifier: 7 } });
        const properties = {
            payloadFormatIndicator: true,
            messageExpiryInterval: 60,
            responseTopic: `${prefix}answers`,
            correlationData: Buffer.from([1, 2]),
            contentType: 'text/x',
            userProperties: { a: 'b' },
        };
        await reader.publishAsync(topic, 'x', { qos: 1, properties });
        const { packet } = await reader.take();
        assert.equal(packet.properties.subscriptionIdentifier, 7);
        assert.equal(packet.properties.responseTopic, `${prefix}answers`);
        assert.deepEqual(packet.properties.correlationData, Buffer.from([1, 2]));
        assert.equal(packet.properties.contentType, 'text/x');
        assert.equal(packet.properties.userProperties.a, 'b');
        await reader.endAsync();
    });

    test(`${door}: an identifier that the server chose`, async () => {
        const client = await connectMqtt(url(), { clientId: '' });
        assert.ok(client.connackPacket.properties.assignedClientIdentifier);
        await client.endAsync();
    });

    test(`${door}: taken over`, async () => {
        const clientId = `same${door.length}`;
        const first = await connectMqtt(url(), { clientId });
        const reason = once(first, 'disconnect');
        const second = await connectMqtt(url(), { clientId });
        assert.equal((await within(() => 'DISCONNECT', reason))[0].reasonCode, 0x8e);
        await second.endAsync();
    });

    test(`${door}: a packet in pieces, and two in one frame`, async () => {
        const connect = Buffer.from(
            '10100004' + '4d515454' + '0402003c' + '0004' + '70696563',
            'hex',
        );
        const ping = Buffer.from([0xc0, 0]);
        const peer = await Peer.open(url(), 'mqtt');
        for (const byte of connect) {
            peer.sendRaw(Buffer.from([byte]));
        }
        peer.sendRaw(Buffer.concat([ping, ping]));
        const bytes = () => Buffer.concat(peer.frames.map(({ binary }) => binary)).toString('hex');
        await peer.take(() => bytes().length >= 16);
        assert.equal(bytes(), '20020000d000d000');
        assert.equal(peer.socket.protocol, 'mqtt');
        peer.cut();
    });

    test(`${door}: text frames and packets that are malformed end it`, async () => {
        for (const message of [
            'text',
            Buffer.from([0x10, 0x01, 0x00]),
            Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]),
        ]) {
            const peer = await Peer.open(url(), 'mqtt');
            peer.sendRaw(message);
            await peer.closed;
        }
    });
}

test("the hub's door needs a token and the subprotocol", async () => {
    const status = async (url, how) => (await upgrade(url, { protocol: 'mqtt', ...how })).status;
    assert.equal(await status(hubUrl()), 101);
    assert.equal(await status(server.httpUrl('/clients/mqtt/hubs/tree', 'ws')), 401);
    assert.equal(await status(hubUrl({ key: 'x'.repeat(44) })), 401);
    assert.equal(await status(hubUrl({ aud: server.httpUrl('/client/hubs/tree') })), 401);
    const { headers } = await upgrade(hubUrl(), { protocol: 'mqtt' });
    assert.equal(headers['sec-websocket-protocol'], 'mqtt');
});

test('roles decide in the hub, topic by topic', async () => {
    const roles = ['webpubsub.joinLeaveGroup.a', 'webpubsub.sendToGroup.b'];
    const client = await connectMqtt(hubUrl({ roles }));
    const refused = async (promise) =>
        promise.then(
            () => 0,
            (error) => error.code ?? error.reasonCode ?? -1,
        );
    assert.deepEqual(grantedOf(await client.subscribeAsync('a', { qos: 1 })), [1]);
    assert.notEqual(await refused(client.subscribeAsync('b')), 0);
    assert.notEqual(await refused(client.subscribeAsync('#')), 0);
    await client.publishAsync('b', 'x', { qos: 1 });
    assert.equal(await refused(client.publishAsync('a', 'x', { qos: 1 })), 0x87);
    await client.endAsync();
});

test('the hub is all that its clients see', async () => {
    const inside = await connectMqtt(hubUrl());
    const outside = await connectMqtt(doors['/mqtt'].url());
    await inside.subscribeAsync('#', { qos: 1, rh: 2 });
    await outside.subscribeAsync('#', { qos: 1, rh: 2 });
    await outside.publishAsync('other/x', 'not inside', { qos: 1 });
    await outside.publishAsync('tree/deep/x', 'inside', { qos: 1 });
    const message = await inside.take();
    assert.deepEqual([message.topic, message.text], ['deep/x', 'inside']);
    await inside.publishAsync('y', 'from inside', { qos: 1 });
    assert.equal((await outside.take(({ text }) => text === 'from inside')).topic, 'tree/y');
    await Promise.all([inside.endAsync(), outside.endAsync()]);
});

test('groups of the token are subscriptions', async () => {
    const client = await connectMqtt(hubUrl({ groups: ['given'], roles: [] }));
    const sender = await server.connect('tree');
    await sender.must({ type: 'sendToGroup', group: 'given', dataType: 'text', data: 'x' });
    const message = await client.take();
    assert.deepEqual([message.topic, message.text], ['given', 'x']);
    sender.cut();
    await client.endAsync();
});

test("what is the bridge's own cannot be said or seen by others", async () => {
    const client = await connectMqtt(doors['/mqtt'].url());
    const taken = connectMqtt(doors['/mqtt'].url(), { clientId: '$wps/tree/x' });
    await assert.rejects(taken);
    const peer = await server.connect('tree');
    await peer.join('g');
    const code = await client
        .publishAsync('tree/g', 'x', {
            qos: 1,
            properties: { userProperties: { '$wps.from': 'root' } },
        })
        .then(
            () => 0,
            (error) => error.code,
        );
    await peer.drain();
    assert.ok(code !== 0 || peer.messages().every(({ fromUserId }) => fromUserId === undefined));
    await client.endAsync().catch(() => {});
    peer.cut();
});

await run();
