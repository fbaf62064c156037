/* What is changed about who may do what over MQTT counts when the change is answered: for connections
 * that are open and subscriptions that are there, in every way in which a device can lose or get a
 * permission (spec/eventgrid.md 6.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Grid, fresh } from './lib/eventgrid.mjs';
import { Namespace, mqttProperties } from './lib/namespaces.mjs';
import { connectAs, passwordSection } from './lib/passwords.mjs';
import { mayPublish, maySubscribe, permit, publishCode } from './lib/permissions.mjs';
import { run, test } from './lib/runner.mjs';
import { within } from './lib/wait.mjs';

const users = ['publisher', 'device', 'doomed', 'banned', 'kept'];
const grid = await Grid.start(
    {
        namespaces: [
            {
                name: 'devices',
                properties: mqttProperties(),
                clients: [{ name: 'publisher', properties: { attributes: { kind: 'publisher' } } }],
                clientGroups: [
                    {
                        name: 'publishers',
                        properties: { query: "attributes.kind = 'publisher'" },
                    },
                ],
                topicSpaces: [
                    { name: 'everything', properties: { topicTemplates: ['#'] } },
                    { name: 'marks', properties: { topicTemplates: ['marks'] } },
                ],
                permissionBindings: [
                    ['publish', 'publishers', 'everything', 'Publisher'],
                    ['watch', 'publishers', 'everything', 'Subscriber'],
                    ['marks', '$all', 'marks', 'Subscriber'],
                ].map(([name, clientGroupName, topicSpaceName, permission]) => ({
                    name,
                    properties: { clientGroupName, topicSpaceName, permission },
                })),
            },
        ],
    },
    { more: passwordSection(...users) },
);
const { server } = grid;
const namespace = new Namespace(grid, 'devices');

const connect = (...all) => connectAs(server, ...all);
const publisher = await connect('publisher');

/* What `client`, who hears `marks`, has got until now of what `publisher` has sent before. */
async function heard(client) {
    const mark = fresh('mark');
    await publishCode(publisher, 'marks', mark);
    await client.take(({ text }) => text === mark);
    return client.received.splice(0).map(({ text }) => text);
}

/* A device that hears news/# because of its attribute; what was made for that. */
async function listener(user = 'device') {
    const topic = `news/${fresh('topic')}`;
    await namespace.put(`clients/${user}`, { attributes: { kind: 'listener', area: 'a1' } });
    const made = await permit(namespace, {
        query: "attributes.kind = 'listener'",
        templates: [`${topic}/\${client.attributes.area}/#`],
        permissions: ['Subscriber', 'Publisher'],
    });
    const client = await connect(user);
    const filter = `${topic}/a1/#`;
    assert.ok(await maySubscribe(client, filter));
    assert.ok(await maySubscribe(client, 'marks'));
    const news = `${topic}/a1/x`;
    await publishCode(publisher, news, 'before');
    assert.deepEqual(await heard(client), ['before']);
    const clear = async () => {
        for (const binding of made.bindings) {
            await namespace.delete(`permissionBindings/${binding}`);
        }
        await namespace.delete(`clientGroups/${made.group}`);
        await namespace.delete(`topicSpaces/${made.space}`);
        client.end(true);
    };
    return { ...made, client, user, topic, news, filter, clear };
}

const put = (child, properties) => namespace.put(child, properties);
/* [what, how it is done, how the permission is given again] */
const losses = [
    [
        'the attribute that had it in the group',
        ({ user }) => put(`clients/${user}`, { attributes: { kind: 'other', area: 'a1' } }),
        ({ user }) => put(`clients/${user}`, { attributes: { kind: 'listener', area: 'a1' } }),
    ],
    [
        'the attribute that is in the template',
        ({ user }) => put(`clients/${user}`, { attributes: { kind: 'listener', area: 'a2' } }),
        ({ user }) => put(`clients/${user}`, { attributes: { kind: 'listener', area: 'a1' } }),
    ],
    [
        'the query',
        ({ group }) => put(`clientGroups/${group}`, { query: "attributes.kind = 'none'" }),
        ({ group }) => put(`clientGroups/${group}`, { query: "attributes.kind = 'listener'" }),
    ],
    [
        'the template',
        ({ space }) => put(`topicSpaces/${space}`, { topicTemplates: ['elsewhere/#'] }),
        ({ space, topic }) => put(`topicSpaces/${space}`, { topicTemplates: [`${topic}/#`] }),
    ],
    [
        'the bindings',
        async ({ bindings }) => {
            for (const binding of bindings) {
                await namespace.delete(`permissionBindings/${binding}`);
            }
        },
        async ({ bindings, group, space }) => {
            for (const [index, permission] of ['Subscriber', 'Publisher'].entries()) {
                const names = { clientGroupName: group, topicSpaceName: space };
                await put(`permissionBindings/${bindings[index]}`, { ...names, permission });
            }
        },
    ],
];

for (const [what, take, giveBack] of losses) {
    test(`a device that loses ${what} gets nothing more, at once`, async () => {
        const device = await listener();
        const { client, news, filter } = device;
        await take(device);
        await publishCode(publisher, news, 'after');
        assert.deepEqual(await heard(client), []);
        assert.equal(await mayPublish(client, news), false);
        assert.equal(await maySubscribe(client, filter), false);
        assert.ok(client.connected);
        await giveBack(device);
        assert.equal(await mayPublish(client, news), true);
        assert.equal(await maySubscribe(client, filter), true);
        await publishCode(publisher, news, 'again');
        const own = (text) => text === 'x'; // what it has published itself by now
        assert.deepEqual(
            (await heard(client)).filter((text) => !own(text)),
            ['again'],
        );
        await device.clear();
    });
}

test('what waits for a device that is away is not delivered when it may not have it any more', async () => {
    const device = await listener('kept');
    const { news, filter, group, clear } = device;
    const session = {
        clientId: 'away',
        clean: false,
        properties: { sessionExpiryInterval: 600 },
    };
    const client = await connect('kept', session);
    assert.ok(await maySubscribe(client, filter));
    await maySubscribe(client, 'marks');
    await client.endAsync();
    await put(`clientGroups/${group}`, { query: "attributes.kind = 'none'" });
    await publishCode(publisher, news, 'missed');
    const back = await connect('kept', session);
    assert.equal(back.connackPacket.sessionPresent, true);
    assert.deepEqual(await heard(back), []);
    back.end(true);
    await clear();
});

/* Until the server has ended it; resolves to the reason code, if there is one. */
function ended(client) {
    let code;
    client.on('disconnect', (packet) => {
        code = packet.reasonCode;
    });
    return within(
        () => 'the end of the connection',
        once(client, 'close').then(() => code),
    );
}

test('a client that is disabled loses its connection, and is not let in', async () => {
    const { client, clear } = await listener('banned');
    const end = ended(client);
    await put('clients/banned', { state: 'Disabled' });
    assert.ok([0x87, 0x98].includes(await end));
    await assert.rejects(connect('banned'));
    await put('clients/banned', { state: 'Enabled' });
    (await connect('banned')).end(true);
    await clear();
});

test('a client that is deleted has no permission of its own any more', async () => {
    const { client, news, clear } = await listener('doomed');
    client.on('error', () => {});
    await namespace.delete('clients/doomed');
    await publishCode(publisher, news, 'after');
    if (client.connected) {
        const closed = once(client, 'close').then(() => []);
        assert.deepEqual(await Promise.race([heard(client), closed]), []);
    }
    assert.ok(!client.received.some(({ text }) => text === 'after'));
    await clear();
});

test('changes while messages flow: none comes after the answer', async () => {
    const device = await listener();
    const { client, news, group, clear } = device;
    let sent = 0;
    let isDone = false;
    const flowing = (async () => {
        while (!isDone) {
            sent += 1;
            await publishCode(publisher, news, `flow-${sent}`);
        }
    })();
    await client.take(({ text }) => text.startsWith('flow-'));
    await put(`clientGroups/${group}`, { query: "attributes.kind = 'none'" });
    const last = sent; // what is on its way now may have been decided before
    const until = sent + 20;
    while (sent < until) {
        await new Promise((resolve) => {
            setImmediate(resolve);
        });
    }
    isDone = true;
    await flowing;
    const late = (await heard(client)).filter((text) => Number(text.split('-')[1]) > last);
    assert.deepEqual(late, []);
    await clear();
});

await run();
