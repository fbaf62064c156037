/* Who may do what over MQTT, as a device finds out: queries of client groups and topic templates line by
 * line, permission bindings, what is refused and how, beside the access rules of the configuration
 * (spec/eventgrid.md 6.3). That changes count at once is in namespaces_changes_test.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { Grid } from './lib/eventgrid.mjs';
import { Namespace } from './lib/namespaces.mjs';
import { connectAs, passwordSection } from './lib/passwords.mjs';
import {
    mayPublish,
    maySubscribe,
    permit,
    publishCode,
    subscribeCode,
} from './lib/permissions.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const NOT_AUTHORIZED = 0x87;
const access = 'access:\n  - user: ruled\n    publish: ["rules/#"]\n    subscribe: ["rules/#"]\n';
const grid = await Grid.start(
    {
        namespaces: [
            {
                name: 'devices',
                properties: { topicSpacesConfiguration: { state: 'Enabled' } },
            },
        ],
    },
    { more: `${passwordSection('Probe', 'nobody', 'ruled', 'other')}${access}` },
);
const { server } = grid;
const namespace = new Namespace(grid, 'devices');

const connect = (user, options = {}) =>
    connectAs(server, user, { clientId: `${user}-session`, ...options });
const probe = await connect('Probe');
const setProbe = (attributes) => namespace.put('clients/Probe', { attributes });

/* ---------------------------------------------------------------- queries */

await namespace.put('clientGroups/asked', { query: 'attributes.never = 1' });
await namespace.put('topicSpaces/asked', { topicTemplates: ['asked/#'] });
await namespace.put('permissionBindings/asked', {
    clientGroupName: 'asked',
    topicSpaceName: 'asked',
    permission: 'Publisher',
});

const SENSOR = { type: 'sensor', floor: 5, sensors: ['motion', 'humidity'], negative: -3 };
/* [query, is a client with the attributes of SENSOR in it?] */
const queries = [
    ["attributes.type = 'sensor'", true],
    ['attributes.type = "sensor"', true],
    ["attributes.type='sensor'", true],
    ["attributes.type = 'Sensor'", false],
    ["attributes.type = 'sens'", false],
    ["attributes.Type = 'sensor'", false],
    ["attributes.type <> 'fan'", true],
    ["attributes.type <> 'sensor'", false],
    ["attributes.type != 'fan'", true],
    ["attributes.type != 'sensor'", false],
    ["attributes.type IN ['fan', 'sensor']", true],
    ["attributes.type in ['fan','light']", false],
    ['attributes.floor = 5', true],
    ["attributes.floor = '5'", false],
    ['attributes.type = 5', false],
    ['attributes.floor <> 5', false],
    ['attributes.floor <> 6', true],
    ['attributes.floor < 6', true],
    ['attributes.floor < 5', false],
    ['attributes.floor <= 5', true],
    ['attributes.floor <= 4', false],
    ['attributes.floor > 4', true],
    ['attributes.floor > 5', false],
    ['attributes.floor >= 5', true],
    ['attributes.floor >= 6', false],
    ['attributes.floor IN [1,5]', true],
    ['attributes.floor IN [1,2]', false],
    ['attributes.negative = -3', true],
    ['attributes.negative < -2', true],
    ['attributes.type < 6', false],
    ["attributes.sensors = 'motion'", true],
    ["attributes.sensors = 'humidity'", true],
    ["attributes.sensors = 'light'", false],
    ["attributes.sensors IN ['light', 'humidity']", true],
    ["attributes.sensors IN ['light']", false],
    ["attributes.missing = 'x'", false],
    ["attributes.missing <> 'x'", false],
    ["attributes.missing IN ['x']", false],
    ['attributes.missing < 5', false],
    ["authenticationName = 'Probe'", true],
    ["authenticationName = 'other'", false],
    ["authenticationName <> 'other'", true],
    ["authenticationName IN ['client1','Probe']", true],
    ["authenticationName IN ['client1','client2']", false],
    ["attributes.type = 'sensor' AND attributes.floor = 5", true],
    ["attributes.type = 'sensor' and attributes.floor = 6", false],
    ["attributes.type = 'fan' OR attributes.floor = 5", true],
    ["attributes.type = 'fan' or attributes.floor = 6", false],
    ["attributes.type = 'sensor' OR attributes.floor = 6 AND attributes.floor = 7", true],
    ["(attributes.type = 'sensor' OR attributes.floor = 6) AND attributes.floor = 7", false],
    ["attributes.floor = 7 AND attributes.floor = 6 OR attributes.type = 'sensor'", true],
    [
        '(attributes.sensors = "motion" or attributes.sensors = "humidity") or attributes.type = "home-sensors"',
        true,
    ],
    ['attributes.sensors IN ["motion","humidity"] and attributes.floor <= 5', true],
    ["((attributes.type = 'sensor'))", true],
];

for (const [query, isIn] of queries) {
    test(`query ${query}: ${isIn ? 'in' : 'out'}`, async () => {
        await setProbe(SENSOR);
        await namespace.put('clientGroups/asked', { query });
        assert.equal(await mayPublish(probe, 'asked/x'), isIn);
    });
}

test('the group of all: also clients that no resource names', async () => {
    const made = await permit(namespace, {
        group: '$all',
        templates: ['open/${client.authenticationName}'],
        permissions: 'Publisher',
    });
    assert.ok(made.space);
    const nobody = await connect('nobody');
    assert.deepEqual(
        [
            await mayPublish(probe, 'open/Probe'),
            await mayPublish(nobody, 'open/nobody'),
            await mayPublish(nobody, 'open/Probe'),
        ],
        [true, true, false],
    );
    await nobody.endAsync();
});

/* ---------------------------------------------------------------- templates */

await namespace.put('topicSpaces/tried', { topicTemplates: ['never'] });
for (const permission of ['Publisher', 'Subscriber']) {
    await namespace.put(`permissionBindings/tried-${permission.toLowerCase()}`, {
        clientGroupName: '$all',
        topicSpaceName: 'tried',
        permission,
    });
}

const ROOMS = { area: 'a1', floor: 7, rooms: ['r1', 'r2'], odd: 'x/y', wild: '+', empty: '' };
const NAME = '${client.authenticationName}';
const attribute = (key) => `\${client.attributes.${key}}`;
/* [template, topics that one may publish to, that not, filters that one may subscribe to, that not] */
const templates = [
    ['a/b', ['a/b'], ['a', 'a/b/c', 'A/b', 'a/c'], ['a/b'], ['a/+', 'a/#', '#']],
    [
        'a/+/c',
        ['a/x/c', 'a//c'],
        ['a/c', 'a/x/y/c', 'a/x'],
        ['a/+/c', 'a/x/c'],
        ['a/+/+', 'a/#', '+/+/c'],
    ],
    [
        'a/#',
        ['a', 'a/b', 'a/b/c'],
        ['b', 'ab'],
        ['a/#', 'a', 'a/+', 'a/+/c', 'a/b/#'],
        ['#', '+', '+/#', 'b'],
    ],
    ['#', ['a', 'b/c'], ['$SYS/x', '$x'], ['#', '+/#', 'a'], ['$x/#']],
    ['+', ['a'], ['a/b'], ['+', 'a'], ['#', '+/+']],
    [`d/${NAME}/t`, ['d/Probe/t'], ['d/other/t', 'd/x/t'], ['d/Probe/t'], ['d/+/t', 'd/other/t']],
    [`d/${NAME}/+`, ['d/Probe/x'], ['d/other/x'], ['d/Probe/+', 'd/Probe/x'], ['d/Probe/#']],
    [`${NAME}/#`, ['Probe', 'Probe/x'], ['other/x'], ['Probe/#'], ['+/#']],
    [`d/pre-${NAME}-post`, ['d/pre-Probe-post'], ['d/Probe', 'd/pre-other-post'], [], []],
    [
        'm/${client.authenticationName|.factory1}',
        ['m/Probe.factory1'],
        ['m/Probe', 'm/other.factory1'],
        ['m/Probe.factory1'],
        ['m/+'],
    ],
    [`areas/${attribute('area')}/#`, ['areas/a1/x'], ['areas/a2/x'], ['areas/a1/#'], ['areas/+/#']],
    [`f/${attribute('floor')}`, ['f/7'], ['f/8'], ['f/7'], []],
    [
        `r/${attribute('rooms')}/t`,
        ['r/r1/t', 'r/r2/t'],
        ['r/r3/t', 'r/r1,r2/t'],
        ['r/r1/t'],
        ['r/+/t'],
    ],
    [`r/${attribute('Rooms')}`, [], ['r/r1'], [], ['r/r1']],
    [`m/${attribute('missing')}`, [], ['m/', 'm/x', 'm'], [], ['m/+', 'm/']],
    [`o/${attribute('odd')}`, [], ['o/x/y'], [], ['o/x/y', 'o/+/y']],
    [`w/${attribute('wild')}`, [], ['w/x', 'w/a'], [], ['w/+', 'w/x']],
    [`e/${attribute('empty')}/x`, [], ['e//x'], [], ['e//x']],
    ['p/${dollar}x', ['p/$x'], ['p/x', 'p/${dollar}x'], ['p/$x'], []],
    [
        `${attribute('area')}/${NAME}/${attribute('floor')}`,
        ['a1/Probe/7'],
        ['a1/Probe/8', 'a1/other/7'],
        ['a1/Probe/7'],
        ['a1/+/7'],
    ],
    ['1/2/3/4/5/6/7/8', ['1/2/3/4/5/6/7/8'], ['1/2/3/4/5/6/7'], [], []],
    ['s/x', [], [], ['$share/g/s/x'], ['$share/g/s/#', '$share/g/t']],
];

for (const [template, topics, otherTopics, filters, otherFilters] of templates) {
    test(`template ${template}`, async () => {
        await setProbe(ROOMS);
        await namespace.put('topicSpaces/tried', { topicTemplates: ['never', template] });
        const allowed = async (names, check) => {
            const found = [];
            for (const name of names) {
                if (await check(probe, name)) {
                    found.push(name);
                }
            }
            return found;
        };
        const published = await allowed([...topics, ...otherTopics], mayPublish);
        const subscribed = await allowed([...filters, ...otherFilters], maySubscribe);
        if (subscribed.length) {
            await probe.unsubscribeAsync(subscribed);
        }
        assert.deepEqual([published, subscribed], [topics, filters]);
    });
}

/* ---------------------------------------------------------------- bindings, refusals */

test('each permission is one of its own', async () => {
    await setProbe({ kind: 'split' });
    const query = "attributes.kind = 'split'";
    for (const [permissions, expected] of [
        ['Publisher', [true, false]],
        ['Subscriber', [false, true]],
        [
            ['Publisher', 'Subscriber'],
            [true, true],
        ],
    ]) {
        const made = await permit(namespace, { query, templates: ['split'], permissions });
        const may = [await mayPublish(probe, 'split'), await maySubscribe(probe, 'split')];
        assert.deepEqual(may, expected, `${permissions}`);
        await probe.unsubscribeAsync('split');
        for (const binding of made.bindings) {
            await namespace.delete(`permissionBindings/${binding}`);
        }
        await namespace.delete(`clientGroups/${made.group}`);
        await namespace.delete(`topicSpaces/${made.space}`);
    }
});

test('without a binding nothing is allowed, and MQTT 5 is told', async () => {
    const client = await connect('other');
    assert.equal(await publishCode(client, 'nothing'), NOT_AUTHORIZED);
    assert.equal(await subscribeCode(client, 'nothing'), NOT_AUTHORIZED);
    assert.ok(client.connected);
    await client.endAsync();
});

test('MQTT 3.1.1: SUBACK 0x80; who publishes what he must not loses the connection', async () => {
    const client = await connect('other', { protocolVersion: 4, clientId: 'three' });
    assert.equal(await subscribeCode(client, 'nothing'), 0x80);
    client.publish('nothing', 'x', { qos: 1 }, () => {});
    await until('it is closed', () => !client.connected);
    client.end(true);
});

test('what is not allowed reaches nobody, neither as QoS 0 nor as a will', async () => {
    const watcher = await connect('ruled', { clientId: 'watcher' });
    assert.equal(await maySubscribe(watcher, 'rules/#'), true);
    const will = { topic: 'rules/will', payload: 'will', qos: 1 };
    const client = await connect('other', { clientId: 'willing', will }).catch(() => undefined);
    if (client) {
        client.publish('rules/zero', 'x', { qos: 0 });
        assert.equal(await publishCode(client, 'rules/one'), NOT_AUTHORIZED);
        client.stream.destroy();
        client.end(true);
    }
    await publishCode(watcher, 'rules/mark', 'mark');
    assert.equal((await watcher.take()).topic, 'rules/mark');
    assert.deepEqual(watcher.received, []);
    await watcher.endAsync();
});

test('rules of the configuration hold beside the bindings', async () => {
    const client = await connect('ruled');
    assert.deepEqual(
        [await mayPublish(client, 'rules/x'), await mayPublish(client, 'other/x')],
        [true, false],
    );
    await client.endAsync();
});

test('the name of a client is found whatever its case', async () => {
    await namespace.put('clients/ruled-one', {
        authenticationName: 'RULED',
        attributes: { kind: 'cased' },
    });
    await permit(namespace, {
        query: "attributes.kind = 'cased'",
        templates: ['cased'],
        permissions: 'Publisher',
    });
    const client = await connect('ruled');
    assert.equal(await mayPublish(client, 'cased'), true);
    await client.endAsync();
});

await run();
