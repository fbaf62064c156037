/* `pubgrid namespace` as the person at the terminal uses it, with a real server: what it makes works, and
 * is what the management shows. What it asks the server, word for word, is in e2e/namespace_test.py.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { AUTHORITY } from './lib/certificates.mjs';
import { connectMqtt } from './lib/device.mjs';
import { Grid } from './lib/eventgrid.mjs';
import { Namespace, NamespaceTopic, Queue } from './lib/namespaces.mjs';
import { passwordSection } from './lib/passwords.mjs';
import { mayPublish } from './lib/permissions.mjs';
import { run, test } from './lib/runner.mjs';

const grid = await Grid.start({}, { more: passwordSection('pump-1') });
const { server } = grid;
const namespace = new Namespace(grid, 'plant');
const cli = (...words) => server.cli('namespace', ...words);

test('a topic with a queue, from nothing to a received event', async () => {
    cli('create', 'plant', '--mqtt', '--sessions', '5');
    cli('topic', 'create', 'plant', 'readings', '--retention-days', '3');
    cli('subscription', 'create', 'plant', 'readings', 'workers', '--event-ttl', 'PT1H');
    const [, key] = /key1: (\S+)/.exec(cli('keys', 'plant'));
    const topic = new NamespaceTopic(new Namespace(grid, 'plant', [key]), 'readings');
    await topic.publishIds('by-hand');
    const queue = new Queue(topic, 'workers');
    const taken = await queue.take();
    assert.equal(taken.event.id, 'by-hand');
    await queue.must('acknowledge', taken);
    const { properties } = await namespace.get('topics/readings/eventSubscriptions/workers');
    assert.equal(properties.deliveryConfiguration.queue.eventTimeToLive, 'PT1H');
});

test('a client that may publish, until its binding is deleted', async () => {
    cli('client', 'create', 'plant', 'pump-1', '--attributes', '{"type":"pump"}');
    cli('group', 'create', 'plant', 'pumps', '--query', "attributes.type = 'pump'");
    cli(
        'space',
        'create',
        'plant',
        'upwards',
        '--topic-template',
        'up/${client.authenticationName}',
    );
    const binding = ['--group', 'pumps', '--space', 'upwards', '--permission', 'Publisher'];
    cli('binding', 'create', 'plant', 'send', ...binding);
    cli('certificate', 'create', 'plant', 'authority', '--certificate', AUTHORITY);
    const client = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, {
        clientId: 'pump',
        username: 'pump-1',
        password: 'pump-1',
    });
    assert.equal(await mayPublish(client, 'up/pump-1'), true);
    assert.throws(() => cli('group', 'delete', 'plant', 'pumps')); // it is in use
    cli('binding', 'delete', 'plant', 'send');
    assert.equal(await mayPublish(client, 'up/pump-1'), false);
    await client.endAsync();
});

test('lists, and what is deleted', async () => {
    for (const [what, name] of [
        ['client', 'pump-1'],
        ['group', 'pumps'],
        ['space', 'upwards'],
        ['certificate', 'authority'],
    ]) {
        assert.ok(cli(what, 'list', 'plant').includes(name), what);
        assert.equal(JSON.parse(cli(what, 'show', 'plant', name)).name, name);
        cli(what, 'delete', 'plant', name);
        assert.ok(!cli(what, 'list', 'plant').includes(name), what);
    }
    assert.ok(cli('list').includes('plant'));
    cli('delete', 'plant');
    await namespace.fails(404, 'GET', '');
    assert.throws(() => cli('show', 'plant'));
});

await run();
