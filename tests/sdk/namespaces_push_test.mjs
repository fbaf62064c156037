/* Event subscriptions of namespace topics that push, and filters of both modes: headers, retries, the
 * handshake, dead letters with the headers that were sent (spec/eventgrid.md 5.4 to 5.6). The table of
 * delays runs at a hundredth.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { HTTP } from 'cloudevents';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Grid, fresh } from './lib/eventgrid.mjs';
import { Namespace, cloudEvent, deadLetters, idsOf, queueProperties } from './lib/namespaces.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const SCALE = 0.01;
const grid = await Grid.start({ retry_scale: SCALE });
const namespace = await Namespace.make(grid);
const topic = await namespace.topic();

/* The topic pushes to an endpoint of its own. */
async function pushes(push = {}, destination = {}, more = {}) {
    const endpoint = grid.endpoint();
    const name = fresh('push');
    const shown = await topic.subscribe(
        {
            deliveryConfiguration: {
                deliveryMode: 'Push',
                push: { destination: endpoint.rawDestination(destination), ...push },
            },
            ...more,
        },
        name,
    );
    return Object.assign(endpoint, { subscription: name, shown });
}

/* ---------------------------------------------------------------- requests (5.5) */

test('an event: one structured CloudEvent with these headers', async () => {
    const endpoint = await pushes();
    const event = cloudEvent('pushed', { data: { a: 1 }, mine: 'x', subject: 's' });
    await topic.publish(event);
    const { headers, events, method, text } = await endpoint.takeEvent('pushed');
    assert.equal(method, 'POST');
    assert.deepEqual(JSON.parse(text), event);
    assert.equal(events.length, 1);
    const { 'aeg-output-event-id': id, ...others } = headers;
    assert.match(id, /^[0-9a-f-]{36}$/);
    const expected = {
        'content-type': 'application/cloudevents+json; charset=utf-8',
        'aeg-event-type': 'Notification',
        'aeg-subscription-name': endpoint.subscription.toUpperCase(),
        'aeg-delivery-count': '0',
        'aeg-metadata-version': '1.0',
        'aeg-compatibility-mode-enabled': 'false',
    };
    assert.deepEqual({ ...others, ...expected }, others);
    const parsed = HTTP.toEvent({ headers, body: text });
    assert.deepEqual([parsed.id, parsed.mine, parsed.data], ['pushed', 'x', { a: 1 }]);
});

test('the handshake is asked by OPTIONS, and nothing comes before consent', async () => {
    const endpoint = await pushes();
    assert.equal(endpoint.shown.properties.provisioningState, 'Succeeded');
    const [{ method, headers }, ...others] = endpoint.asked;
    assert.equal(others.length, 0);
    assert.equal(method, 'OPTIONS');
    assert.equal(headers['webhook-request-origin'], 'eventgrid.azure.net');
    assert.ok(URL.canParse(headers['webhook-request-callback']));
});

test('an endpoint that does not want it is not subscribed', async () => {
    const endpoint = grid.endpoint();
    endpoint.consent = () => ({ status: 403 });
    const push = { destination: endpoint.rawDestination() };
    await namespace.fails(400, 'PUT', `/topics/${topic.name}/eventSubscriptions/unwanted`, {
        properties: { deliveryConfiguration: { deliveryMode: 'Push', push } },
    });
    await namespace.fails(404, 'GET', `/topics/${topic.name}/eventSubscriptions/unwanted`);
});

test('an endpoint that answers nothing of it waits for somebody to open the callback', async () => {
    const endpoint = grid.endpoint();
    endpoint.consent = () => ({ status: 200 });
    const below = `topics/${topic.name}/eventSubscriptions/manual`;
    const push = { destination: endpoint.rawDestination() };
    await namespace.put(below, { deliveryConfiguration: { deliveryMode: 'Push', push } });
    const state = async () => (await namespace.get(below)).properties.provisioningState;
    assert.equal(await state(), 'AwaitingManualAction');
    const { headers } = endpoint.asked[0];
    assert.equal((await fetch(headers['webhook-request-callback'])).status, 200);
    await until('it is validated', async () => (await state()) === 'Succeeded');
    await topic.publishIds('after-consent');
    await endpoint.takeEvent('after-consent');
});

test('delivery attributes become headers', async () => {
    const endpoint = await pushes(
        {},
        {
            deliveryAttributeMappings: [
                { name: 'X-S', type: 'Static', properties: { value: 'v', isSecret: false } },
                { name: 'X-D', type: 'Dynamic', properties: { sourceField: 'data.k' } },
                { name: 'X-Sub', type: 'Dynamic', properties: { sourceField: 'subject' } },
            ],
        },
    );
    await topic.publish(cloudEvent('attributes', { subject: 'about', data: { k: 5 } }));
    const { headers } = await endpoint.takeEvent('attributes');
    assert.deepEqual([headers['x-s'], headers['x-d'], headers['x-sub']], ['v', '5', 'about']);
});

/* ---------------------------------------------------------------- retries */

test('retries: counted, the same event, until it is taken', async () => {
    const endpoint = await pushes();
    endpoint.answer = () => ({ status: endpoint.deliveries.length < 4 ? 500 : 200 });
    await topic.publishIds('again');
    await until('four', () => endpoint.deliveries.length === 4);
    assert.deepEqual(
        endpoint.deliveries.map(({ headers }) => headers['aeg-delivery-count']),
        ['0', '1', '2', '3'],
    );
    assert.deepEqual(endpoint.ids(), ['again', 'again', 'again', 'again']);
    const [first, second, third, fourth] = endpoint.deliveries.map(({ at }) => at);
    assert.ok(third - second > 10_000 * SCALE * 0.8, `${third - second}`); // after 10 s
    assert.ok(fourth - third > 30_000 * SCALE * 0.8, `${fourth - third}`); // after 30 s
    assert.ok(second >= first);
});

/* The dead letters of a subscription: [{ file, letter }]. */
function lettersOf(container, subscription) {
    const root = path.join(grid.server.folder, 'store/dead-letters', container);
    const files = fs.existsSync(root) ? fs.readdirSync(root, { recursive: true }) : [];
    return files
        .map(String)
        .filter((file) => file.endsWith('.json'))
        .filter((file) => file.toLowerCase().includes(`/${subscription}/`))
        .flatMap((file) => JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')));
}

const untilLetter = (container, { subscription }) =>
    until('a dead letter', () => lettersOf(container, subscription)[0]);

for (const status of [400, 401, 403, 404, 414]) {
    test(`${status}: no retry, a dead letter at once`, async () => {
        const endpoint = await pushes(deadLetters(`dead${status}`));
        endpoint.answer = () => ({ status });
        await topic.publishIds(`no-${status}`);
        const letter = await untilLetter(`dead${status}`, endpoint);
        assert.equal(letter.event.id, `no-${status}`);
        assert.equal(letter.deadLetterProperties.deliveryattempts, 1);
        assert.equal(endpoint.deliveries.length, 1);
    });
}

test('maxDeliveryCount: given up after so many, with the headers that were sent', async () => {
    const mapping = { name: 'Custom-Header-1', type: 'Static', properties: { value: 'value1' } };
    const endpoint = await pushes(
        { maxDeliveryCount: 3, ...deadLetters('tried') },
        { deliveryAttributeMappings: [mapping] },
    );
    endpoint.answer = () => ({ status: 503 });
    await topic.publishIds('tried');
    const letter = await untilLetter('tried', endpoint);
    assert.equal(endpoint.deliveries.length, 3);
    assert.equal(letter.event.id, 'tried');
    const { deadletterreason, deliveryattempts } = letter.deadLetterProperties;
    assert.equal(deadletterreason, 'Maximum delivery attempts was exceeded.');
    assert.equal(deliveryattempts, 3);
    const headers = Object.entries(letter.customDeliveryProperties ?? {});
    assert.deepEqual(
        headers.map(([name, value]) => [name.toLowerCase(), value]),
        [['custom-header-1', 'value1']],
    );
});

/* ---------------------------------------------------------------- filters (5.4) */

const advanced = (...filters) => ({ filters });
/* [what, filtersConfiguration, events that pass, events that do not] */
const filters = [
    ['types', { includedEventTypes: ['a', 'b'] }, [{ type: 'a' }, { type: 'B' }], [{ type: 'ab' }]],
    [
        'StringContains',
        advanced({ operatorType: 'StringContains', key: 'data.key1', values: ['v', 'w'] }),
        [{ data: { key1: 'xVx' } }],
        [{ data: { key1: 'x' } }, {}, { data: 'v' }],
    ],
    [
        'StringIn of an extension',
        advanced({ operatorType: 'StringIn', key: 'tenant', values: ['x'] }),
        [{ tenant: 'x' }],
        [{ tenant: 'y' }, {}],
    ],
    [
        'StringNotIn, which takes what is missing',
        advanced({ operatorType: 'StringNotIn', key: 'data.a', values: ['x'] }),
        [{ data: { a: 'y' } }, {}],
        [{ data: { a: 'X' } }],
    ],
    [
        'StringBeginsWith of the subject',
        advanced({ operatorType: 'StringBeginsWith', key: 'subject', values: ['/a'] }),
        [{ subject: '/A/b' }],
        [{ subject: '/b' }, {}],
    ],
    [
        'StringEndsWith of the source',
        advanced({ operatorType: 'StringEndsWith', key: 'source', values: ['/x'] }),
        [{ source: '/s/x' }],
        [{ source: '/x/s' }],
    ],
    [
        'NumberInRange',
        advanced({
            operatorType: 'NumberInRange',
            key: 'data.n',
            values: [
                [1, 2],
                [5, 6],
            ],
        }),
        [{ data: { n: 1 } }, { data: { n: 5.5 } }],
        [{ data: { n: 3 } }, { data: { n: '1' } }, {}],
    ],
    [
        'NumberGreaterThan',
        advanced({ operatorType: 'NumberGreaterThan', key: 'data.n', value: 5 }),
        [{ data: { n: 6 } }],
        [{ data: { n: 5 } }, {}],
    ],
    [
        'BoolEquals',
        advanced({ operatorType: 'BoolEquals', key: 'data.b', value: true }),
        [{ data: { b: true } }],
        [{ data: { b: false } }, { data: { b: 'true' } }],
    ],
    [
        'IsNullOrUndefined',
        advanced({ operatorType: 'IsNullOrUndefined', key: 'data.z' }),
        [{}, { data: { z: null } }],
        [{ data: { z: 0 } }],
    ],
    [
        'IsNotNull',
        advanced({ operatorType: 'IsNotNull', key: 'data.z' }),
        [{ data: { z: 0 } }],
        [{}, { data: { z: null } }],
    ],
    [
        'all of several',
        {
            includedEventTypes: ['a'],
            ...advanced(
                { operatorType: 'NumberLessThan', key: 'data.n', value: 5 },
                { operatorType: 'StringIn', key: 'data.s', values: ['x'] },
            ),
        },
        [{ type: 'a', data: { n: 1, s: 'x' } }],
        [
            { type: 'a', data: { n: 1 } },
            { type: 'a', data: { n: 9, s: 'x' } },
            { type: 't', data: { n: 1, s: 'x' } },
        ],
    ],
];

for (const [what, filtersConfiguration, taken, left] of filters) {
    test(`filter ${what}`, async () => {
        const queue = await topic.queue({}, { filtersConfiguration });
        const endpoint = await pushes({}, {}, { filtersConfiguration });
        const events = (name, list) =>
            list.map((more, index) => cloudEvent(`${name}-${index}`, more));
        const expected = events('taken', taken);
        await topic.publish([...events('left', left), ...expected]);
        const ids = expected.map(({ id }) => id);
        assert.deepEqual(idsOf(await queue.receiveAll(ids.length)).toSorted(), ids);
        await until('they are pushed', () => ids.every((id) => endpoint.ids().includes(id)));
        assert.deepEqual(
            endpoint.ids().filter((id) => id.startsWith('left')),
            [],
        );
    });
}

test('a filter is changed while the server runs', async () => {
    const type = (name) => ({ filtersConfiguration: { includedEventTypes: [name] } });
    const queue = await topic.queue({}, type('old'));
    const below = `/topics/${topic.name}/eventSubscriptions/${queue.name}`;
    await namespace.must([200, 201], 'PATCH', below, { properties: type('new') });
    const shown = await namespace.must(200, 'GET', below);
    assert.deepEqual(shown.properties.filtersConfiguration.includedEventTypes, ['new']);
    await topic.publish([cloudEvent('1', { type: 'old' }), cloudEvent('2', { type: 'new' })]);
    assert.equal((await queue.take()).event.id, '2');
});

test('a subscription that is deleted is gone, one of its name begins anew', async () => {
    const queue = await topic.queue();
    await topic.publishIds('before');
    const child = `topics/${topic.name}/eventSubscriptions/${queue.name}`;
    await namespace.delete(child);
    await namespace.fails(404, 'GET', `/${child}`);
    assert.equal((await queue.post('receive')).status, 404);
    await namespace.put(child, queueProperties());
    await topic.publishIds('anew');
    assert.equal((await queue.take()).event.id, 'anew');
});

await run();
