/* What happens to MQTT clients of a namespace, as events of a system topic: sessions that are connected
 * and disconnected, with the reasons, client resources that are made, changed and deleted
 * (spec/eventgrid.md 2.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { EventGridDeserializer, isSystemEvent } from '@azure/eventgrid';
import assert from 'node:assert/strict';
import { ACCOUNT, GROUP, Grid, PROVIDER, Source, fresh } from './lib/eventgrid.mjs';
import { Namespace, mqttProperties } from './lib/namespaces.mjs';
import { connectAs, passwordSection } from './lib/passwords.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const source = `/subscriptions/${ACCOUNT}/resourceGroups/${GROUP}${PROVIDER}/namespaces/devices`;
const grid = await Grid.start(
    {
        namespaces: [
            {
                name: 'devices',
                properties: mqttProperties(),
            },
        ],
        system_topics: [
            {
                name: 'life',
                properties: { source, topicType: 'Microsoft.EventGrid.Namespaces' },
            },
        ],
    },
    { more: passwordSection('Device', 'banned') },
);
const { server } = grid;
const namespace = new Namespace(grid, 'devices');
const life = new Source(grid, '/systemTopics/life', { schema: 'EventGridSchema', keys: [] });
const endpoint = await life.hears();
const deserializer = new EventGridDeserializer();

const connect = (...all) => connectAs(server, ...all);

/* The next event of this type with this subject. */
async function told(type, subject) {
    const delivery = await endpoint.take(({ text }) => {
        const events = JSON.parse(text);
        return events.some((one) => one.eventType.endsWith(type) && one.subject === subject);
    });
    const [event] = await deserializer.deserializeEventGridEvents(delivery.text);
    assert.equal(event.topic, source);
    assert.equal(event.dataVersion, '1');
    assert.ok(isSystemEvent(`Microsoft.EventGrid.${type}`, event));
    assert.ok(event.id.length > 0);
    return event.data;
}

const session = (user, id) => `clients/${user}/sessions/${id}`;
const connected = (user, id) => told('MQTTClientSessionConnected', session(user, id));
const disconnected = (user, id) => told('MQTTClientSessionDisconnected', session(user, id));

for (const protocolVersion of [4, 5]) {
    test(`version ${protocolVersion}: connected, and disconnected by itself`, async () => {
        const clientId = fresh('session');
        for (const time of [1, 2, 3]) {
            const client = await connect('Device', { clientId, protocolVersion });
            const data = {
                namespaceName: 'devices',
                clientAuthenticationName: 'Device',
                clientSessionName: clientId,
            };
            const begin = await connected('Device', clientId);
            assert.deepEqual({ ...begin, ...data }, begin);
            assert.equal(typeof begin.sequenceNumber, 'number');
            if (time === 1) {
                assert.equal(begin.sequenceNumber, 1);
            }
            await client.endAsync();
            const end = await disconnected('Device', clientId);
            assert.deepEqual({ ...end, ...data }, end);
            assert.equal(end.sequenceNumber, begin.sequenceNumber);
            assert.equal(end.disconnectionReason, 'ClientInitiatedDisconnect');
        }
    });
}

test('numbers go up with each connection of a session that stays', async () => {
    const clientId = fresh('session');
    const properties = { sessionExpiryInterval: 600 };
    const numbers = [];
    for (let time = 0; time < 3; time += 1) {
        const client = await connect('Device', { clientId, clean: false, properties });
        numbers.push((await connected('Device', clientId)).sequenceNumber);
        await client.endAsync();
        await disconnected('Device', clientId);
    }
    assert.deepEqual(numbers, [1, 2, 3]);
});

/* [reasons, how it ends, what the client is like] */
const endings = [
    [['ConnectionLost'], ({ client }) => client.stream.destroy()],
    [['ClientError'], ({ client }) => client.stream.write(Buffer.from([0, 0, 0, 0]))],
    [
        ['SessionTakenOver'],
        async ({ id, user }) => {
            const other = await connect(user, { clientId: id });
            other.end(true);
        },
    ],
    [
        ['ClientAuthorizationError', 'ClientAuthenticationError', 'ServerInitiatedDisconnect'],
        () => namespace.put('clients/banned', { state: 'Disabled' }),
        'banned',
    ],
];

for (const [reasons, end, user = 'Device'] of endings) {
    test(`disconnected: ${reasons[0]}`, async () => {
        const id = fresh('session');
        const client = await connect(user, { clientId: id });
        const { sequenceNumber } = await connected(user, id);
        await end({ client, id, user });
        const data = await disconnected(user, id);
        assert.equal(data.sequenceNumber, sequenceNumber);
        assert.ok(reasons.includes(data.disconnectionReason), data.disconnectionReason);
        client.end(true);
    });
}

test('a client that is silent too long', async () => {
    const clientId = fresh('session');
    const client = await connect('Device', { clientId, keepalive: 1 });
    await connected('Device', clientId);
    client.stream.pause();
    client.stream.write = () => true; // no ping gets out
    const { disconnectionReason } = await disconnected('Device', clientId);
    assert.equal(disconnectionReason, 'ConnectionLost');
    client.end(true);
});

test('a client resource: made, changed, deleted', async () => {
    const name = fresh('client');
    const properties = {
        authenticationName: `${name}-name`,
        attributes: { attribute1: 'value1', n: 5, list: ['a', 'b'] },
    };
    await namespace.put(`clients/${name}`, properties);
    const made = await told('MQTTClientCreatedOrUpdated', `clients/${name}`);
    const { createdOn, updatedOn, ...others } = made;
    assert.deepEqual(others, {
        namespaceName: 'devices',
        clientName: name,
        clientAuthenticationName: `${name}-name`,
        state: 'Enabled',
        attributes: properties.attributes,
    });
    assert.ok(Math.abs(Date.parse(createdOn) - Date.now()) < 60_000, createdOn);
    assert.ok(Date.parse(updatedOn) >= Date.parse(createdOn), updatedOn);
    await namespace.put(`clients/${name}`, { ...properties, state: 'Disabled' });
    const changed = await until('it is told', async () => {
        const data = await told('MQTTClientCreatedOrUpdated', `clients/${name}`);
        return data.state === 'Disabled' && data;
    });
    assert.equal(changed.createdOn, createdOn);
    assert.ok(Date.parse(changed.updatedOn) > Date.parse(updatedOn));
    await namespace.delete(`clients/${name}`);
    assert.deepEqual(
        { ...(await told('MQTTClientDeleted', `clients/${name}`)) },
        {
            namespaceName: 'devices',
            clientName: name,
            clientAuthenticationName: `${name}-name`,
        },
    );
});

await run();
