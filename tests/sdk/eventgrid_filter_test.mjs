/* Filters of event subscriptions, made over the official management client and seen from the webhook:
 * each operator on each kind of value, with and without arrays, keys of each schema, simple filters,
 * limits (spec/eventgrid.md 3.3, 3.4), and what goes beyond Azure.
 *
 * Each row is an event subscription; all rows of a topic get the same events in one request. A second
 * request follows: once a row has got what it wants of that, what it did not want of the first would
 * have come, too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { Grid, MAPPING, sample } from './lib/eventgrid.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const grid = await Grid.start();

/* Of a request with several events. */
const TYPES = {
    EventGridSchema: 'application/json',
    CloudEventSchemaV1_0: 'application/cloudevents-batch+json',
    CustomEventSchema: 'application/json',
};

/* rows: [what, filter, names of the events that pass]; a name with ? in front may pass or not. */
async function check(topic, events, rows) {
    const hearers = await Promise.all(
        rows.map(async ([what, filter, names]) => {
            const words = names.split(' ').filter(Boolean);
            const endpoint = grid.endpoint();
            const destination = endpoint.destination({ maxEventsPerBatch: 100 });
            const { enableExtendedFiltering } = filter;
            await (enableExtendedFiltering
                ? topic.put({
                      destination: endpoint.rawDestination({ maxEventsPerBatch: 100 }),
                      filter,
                  })
                : topic.subscribe({ destination, filter }));
            return { what, endpoint, words };
        }),
    );
    for (const round of ['1', '2']) {
        const { status, text } = await topic.post(
            events.map(([name, make]) => make(`${round}:${name}`)),
            { headers: { 'content-type': TYPES[topic.schema] } },
        );
        assert.equal(status, 200, text);
    }
    for (const { what, endpoint, words } of hearers) {
        const wanted = words.filter((name) => !name.startsWith('?'));
        const doubtful = words.filter((name) => name.startsWith('?')).map((name) => name.slice(1));
        assert.ok(wanted.length > 0, what);
        const got = (round) => [
            ...new Set(
                endpoint
                    .ids()
                    .filter((id) => id.startsWith(round))
                    .map((id) => id.slice(2)),
            ),
        ];
        await until(`${what}: ${wanted} of ${got('1')} and ${got('2')}`, () =>
            ['1', '2'].every((round) => wanted.every((name) => got(round).includes(name))),
        );
        const known = got('1').filter((name) => !doubtful.includes(name));
        assert.deepEqual(known.toSorted(), wanted.toSorted(), what);
    }
}

/* ---------------------------------------------------------------- operators on values */

const values = {
    none: undefined,
    null: null,
    five: 5,
    seven: 7.5,
    ten: 10,
    hello: 'Hello',
    world: 'WORLD',
    digit: '5',
    yes: true,
    no: false,
    object: { a: 1 },
    texts: ['hello', 'x'],
    others: ['x', 'y'],
    numbers: [5, 9],
    mixed: ['hello', 5],
    empty: [],
};
const valueEvents = Object.entries(values).map(([name, k]) => [
    name,
    (id) => sample.EventGridSchema(id, { k }),
]);
const ARRAYS = 'texts others numbers mixed empty';
const but = (...names) =>
    Object.keys(values)
        .filter((name) => !names.includes(name))
        .join(' ');

/* [operator, value or values, what passes, and with arrays (?: may or may not)]. Without, the key of an
 * array counts as missing. */
const operators = [
    ['NumberIn', [5, 6], 'five', 'five numbers mixed'],
    [
        'NumberNotIn',
        [5, 6],
        but('five'),
        `${but('five', 'numbers', 'mixed', 'empty', 'texts', 'others')} ?empty ?texts ?others`,
    ],
    ['NumberLessThan', 7.5, 'five', 'five numbers mixed'],
    ['NumberLessThanOrEquals', 7.5, 'five seven', 'five seven numbers mixed'],
    ['NumberGreaterThan', 7.5, 'ten', 'ten numbers'],
    ['NumberGreaterThanOrEquals', 7.5, 'seven ten', 'seven ten numbers'],
    [
        'NumberInRange',
        [
            [4, 5],
            [9.5, 10],
        ],
        'five ten',
        'five ten numbers mixed',
    ],
    [
        'NumberNotInRange',
        [
            [4, 5],
            [9.5, 10],
        ],
        `seven ${but('five', 'seven', 'ten').replace(/(\w+)/g, '?$1')}`,
        `seven ${but('five', 'seven', 'ten', 'numbers', 'mixed').replace(/(\w+)/g, '?$1')}`,
    ],
    ['BoolEquals', true, 'yes', 'yes'],
    ['BoolEquals', false, 'no', 'no'],
    ['StringIn', ['hello', '5'], 'hello digit', 'hello digit texts mixed'],
    [
        'StringNotIn',
        ['HELLO'],
        but('hello'),
        `${but('hello', 'texts', 'mixed', 'numbers', 'empty')} ?numbers ?empty`,
    ],
    ['StringBeginsWith', ['he', 'wo'], 'hello world', 'hello world texts mixed'],
    ['StringEndsWith', ['LLO'], 'hello', 'hello texts mixed'],
    ['StringContains', ['ell', 'zz'], 'hello', 'hello texts mixed'],
    ['StringNotBeginsWith', ['he'], 'world digit', 'world digit others ?numbers ?empty'],
    ['StringNotEndsWith', ['lo', 'zz'], 'world digit', 'world digit others ?numbers ?empty'],
    ['StringNotContains', ['ell'], 'world digit', 'world digit others ?numbers ?empty'],
    ['IsNullOrUndefined', undefined, `none null ${ARRAYS} ?object`, 'none null ?object ?empty'],
    [
        'IsNotNull',
        undefined,
        'five seven ten hello world digit yes no ?object',
        `five seven ten hello world digit yes no texts others numbers mixed ?object ?empty`,
    ],
];

const advanced = (key, operatorType, given) => ({
    key,
    operatorType,
    ...(Array.isArray(given) ? { values: given } : given !== undefined && { value: given }),
});
const one = (...filter) => ({ advancedFilters: [advanced(...filter)] });

for (const [index, what] of ['alone', 'on arrays'].entries()) {
    const rows = operators.map(([operator, given, ...names]) => [
        `${operator} ${JSON.stringify(given)}`,
        { ...one('data.k', operator, given), enableAdvancedFilteringOnArrays: index === 1 },
        names[index],
    ]);
    test(`each operator, ${what}`, async () => check(await grid.topic(), valueEvents, rows));
}

/* ---------------------------------------------------------------- keys, case, simple filters */

const event =
    (more, data = {}) =>
    (id) =>
        sample.EventGridSchema(id, data, more);

test('keys of EventGridSchema, simple filters, AND', async () => {
    const topic = await grid.topic();
    const events = [
        ['a', event({ subject: '/blobs/A.jpg', eventType: 'Blob.Created', dataVersion: '2' })],
        ['b', event({ subject: '/BLOBS/b.JPG', eventType: 'blob.created' })],
        ['c', event({ subject: '/other/c.png', eventType: 'Blob.Deleted' })],
        ['d', event({ subject: '/blobs/d' }, { o: { p: { q: 'deep' } }, n: 1 })],
        ['e', event({ subject: '/e' }, { o: { p: 'flat' }, n: 2 })],
        ['g', event({ subject: '/g' }, { k: 'İı', n: 1 })],
        ['h', event({ subject: '/h' }, { k: 'ÉTÉ straße' })],
    ];
    const all = 'a b c d e g h';
    await check(topic, events, [
        ['no filter', {}, all],
        ['subjectBeginsWith', { subjectBeginsWith: '/BLOBS/' }, 'a b d'],
        [
            'subjectBeginsWith, case',
            { subjectBeginsWith: '/BLOBS/', isSubjectCaseSensitive: true },
            'b',
        ],
        ['subjectEndsWith', { subjectEndsWith: '.jpg' }, 'a b'],
        ['subjectEndsWith, case', { subjectEndsWith: '.jpg', isSubjectCaseSensitive: true }, 'a'],
        ['both ends', { subjectBeginsWith: '/b', subjectEndsWith: 'G' }, 'a b'],
        ['types', { includedEventTypes: ['BLOB.CREATED'] }, 'a b'],
        ['several types', { includedEventTypes: ['blob.created', 'Blob.Deleted'] }, 'a b c'],
        ['all types', { includedEventTypes: ['All'] }, all],
        ['types and subject', { includedEventTypes: ['t'], subjectBeginsWith: '/blobs' }, 'd'],
        [
            'types and values',
            { includedEventTypes: ['t'], ...one('data.n', 'NumberIn', [1]) },
            'd g',
        ],
        ['Subject', one('Subject', 'StringEndsWith', ['.PNG']), 'c'],
        ['EventType', one('EventType', 'StringIn', ['blob.deleted']), 'c'],
        ['DataVersion', one('DataVersion', 'StringIn', ['2']), 'a'],
        ['Topic', one('Topic', 'StringEndsWith', [`/${topic.name.toUpperCase()}`]), all],
        ['ID', one('ID', 'StringEndsWith', [':B']), 'b'],
        ['case of keys', one('DATA.O.P.Q', 'StringIn', ['deep']), 'd'],
        ['in an object', one('data.o.p.q', 'StringIn', ['DEEP']), 'd'],
        ['not an object', one('data.o.p', 'StringIn', ['flat']), 'e'],
        ['no such key', one('data.o.p.q', 'IsNullOrUndefined'), 'a b c e g h'],
        ['dotless i is no i', one('data.k', 'StringContains', ['i', 'é']), 'h'],
        ['sharp s is no ss', one('data.k', 'StringContains', ['STRASSE', 'ı']), 'g'],
        [
            'two filters',
            {
                advancedFilters: [
                    advanced('data.n', 'NumberGreaterThan', 0),
                    advanced('data.o.p', 'StringIn', ['flat']),
                ],
            },
            'e',
        ],
        [
            'the same key twice',
            {
                advancedFilters: [
                    advanced('data.n', 'NumberIn', [1, 2]),
                    advanced('data.n', 'NumberNotIn', [1]),
                    advanced('data.n', 'IsNotNull'),
                ],
            },
            'e',
        ],
    ]);
});

const cloudEvent = (more) => (id) => ({
    specversion: '1.0',
    id,
    source: '/here',
    type: 't',
    ...more,
});

test('keys of CloudEvents: attributes, extensions, data alone', async () => {
    const topic = await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' });
    const events = [
        ['a', cloudEvent({ source: '/A', type: 'x', subject: 'SUB' })],
        ['b', cloudEvent({ source: '/b', ext: 'Value', n: 5, flag: true })],
        ['c', cloudEvent({ data: 'just Text', datacontenttype: 'text/plain' })],
        ['d', cloudEvent({ data: 17 })],
        ['e', cloudEvent({ data: { n: 1 }, time: '2030-01-02T03:04:05Z' })],
    ];
    await check(topic, events, [
        ['source', one('source', 'StringIn', ['/a']), 'a'],
        ['type', one('type', 'StringIn', ['X']), 'a'],
        ['id', one('id', 'StringEndsWith', [':c']), 'c'],
        ['specversion', one('specversion', 'StringIn', ['1.0']), 'a b c d e'],
        ['subject', one('subject', 'StringIn', ['sub']), 'a'],
        ['subjectBeginsWith', { subjectBeginsWith: 'sU' }, 'a'],
        ['an extension', one('ext', 'StringBeginsWith', ['val']), 'b'],
        ['an extension in another case', one('EXT', 'StringIn', ['value']), 'b'],
        ['a number', one('n', 'NumberIn', [5]), 'b'],
        ['a bool', one('flag', 'BoolEquals', true), 'b'],
        ['no extension', one('ext', 'IsNullOrUndefined'), 'a c d e'],
        ['data as text', one('data', 'StringContains', ['text']), 'c'],
        ['data as number', one('data', 'NumberGreaterThan', 16), 'd'],
        ['data of an object', one('data.n', 'NumberIn', [1]), 'e'],
        ['type', { includedEventTypes: ['X'] }, 'a'],
    ]);
});

test('keys of a schema of its own: the fields of the event', async () => {
    const inputSchemaMapping = MAPPING;
    const topic = await grid.topic({ inputSchema: 'CustomEventSchema', inputSchemaMapping });
    const own = (more) => (id) => sample.CustomEventSchema(id, more);
    const events = [
        ['a', own({ color: 'Red', size: { w: 5 } })],
        ['b', own({ color: 'blue', kind: 'special' })],
        ['c', own({ about: '/c/x' })],
    ];
    await check(topic, events, [
        ['a field', one('color', 'StringIn', ['red']), 'a'],
        ['in another case', one('Color', 'StringIn', ['BLUE']), 'b'],
        ['a deep one', one('size.w', 'NumberIn', [5]), 'a'],
        ['the mapped type', { includedEventTypes: ['special'] }, 'b'],
        ['the mapped subject', { subjectBeginsWith: '/c' }, 'c'],
        ['a field that is not there', one('color', 'IsNullOrUndefined'), 'c'],
    ]);
});

/* ---------------------------------------------------------------- limits, odd forms, beyond Azure */

const strings = (count, length = 1) =>
    Array.from({ length: count }, (_, i) => `${i}`.padEnd(length, 'x'));

test('limits: 25 filters, 25 values in all, 512 characters', async () => {
    const topic = await grid.topic();
    const endpoint = grid.endpoint();
    const status = async (filter) =>
        topic.subscribe({ destination: endpoint.destination(), filter }, 'limits').then(
            () => 200,
            (error) => error.statusCode,
        );
    const filters = (count) => ({
        advancedFilters: Array.from({ length: count }, () => advanced('data.k', 'IsNotNull')),
    });
    assert.equal(await status(one('data.k', 'StringIn', strings(25))), 200);
    assert.equal(await status(one('data.k', 'StringIn', strings(26))), 400);
    const half = advanced('data.k', 'StringIn', strings(13));
    assert.equal(await status({ advancedFilters: [half, { ...half, values: strings(12) }] }), 200);
    assert.equal(await status({ advancedFilters: [half, half] }), 400);
    assert.equal(await status(filters(25)), 200);
    assert.equal(await status(filters(26)), 400);
    assert.equal(await status(one('data.k', 'StringIn', strings(1, 512))), 200);
    assert.equal(await status(one('data.k', 'StringIn', strings(1, 513))), 400);
});

/* PUT as it is written here. */
const raw = (topic, filter) => {
    const destination = grid.endpoint().rawDestination();
    const path = `${topic.path}/eventSubscriptions/raw`;
    return grid.manage('PUT', path, { properties: { destination, filter } });
};

test('`value` and `values` do for every operator; nonsense does not', async () => {
    const topic = await grid.topic();
    for (const [operator, value] of [
        ['StringContains', 'Contoso'],
        ['NumberIn', 5],
        ['BoolEquals', true],
    ]) {
        for (const given of [{ value }, { values: [value] }]) {
            const filter = {
                advancedFilters: [{ operatorType: operator, key: 'data.k', ...given }],
            };
            const { status, text } = await raw(topic, filter);
            assert.ok([200, 201].includes(status), `${text} ${JSON.stringify(filter)}`);
        }
    }
    for (const bad of [
        { operatorType: 'Nothing', key: 'data.k', values: ['x'] },
        { operatorType: 'StringIn', key: 'data.k' },
        { operatorType: 'StringIn', values: ['x'] },
        { operatorType: 'NumberIn', key: 'data.k', values: ['x'] },
        { operatorType: 'NumberInRange', key: 'data.k', values: [[2, 1]] },
        { operatorType: 'NumberInRange', key: 'data.k', values: [['1', 2]] },
        { operatorType: 'BoolEquals', key: 'data.k', value: 'x' },
        { operatorType: 'StringMatches', key: 'data.k', values: ['a*'] },
    ]) {
        const { status, text } = await raw(topic, { advancedFilters: [bad] });
        assert.equal(status, 400, JSON.stringify(bad));
        assert.match(JSON.parse(text).error.message, /advancedFilters|operator|key|value/i, text);
    }
});

test('beyond Azure: wildcards, OR across keys, more values', async () => {
    const topic = await grid.topic();
    const events = [
        ['a', event({ subject: '/shops/berlin/orders/1' }, { total: 5, city: 'Berlin' })],
        ['b', event({ subject: '/shops/paris/orders/22' }, { total: 500, city: 'paris' })],
        ['c', event({ subject: '/shops/berlin/returns/3' }, { city: 'berlin' })],
    ];
    const extended = (...advancedFilters) => ({ enableExtendedFiltering: true, advancedFilters });
    const any = (...filters) => ({ operatorType: 'Any', filters });
    await check(topic, events, [
        [
            'a wildcard',
            extended(advanced('Subject', 'StringMatches', ['/shops/*/orders/*'])),
            'a b',
        ],
        ['a place', extended(advanced('Subject', 'StringMatches', ['/SHOPS/*/?'])), 'a c'],
        ['no wildcard', extended(advanced('Subject', 'StringNotMatches', ['*/orders/*'])), 'c'],
        [
            'OR',
            extended(
                any(
                    advanced('data.total', 'NumberGreaterThan', 100),
                    advanced('data.city', 'StringIn', ['berlin']),
                ),
            ),
            'a b c',
        ],
        [
            'OR and AND',
            extended(
                any(
                    advanced('data.total', 'NumberGreaterThan', 100),
                    advanced('Subject', 'StringMatches', ['*returns*']),
                ),
                advanced('data.city', 'StringIn', ['berlin']),
            ),
            'c',
        ],
        [
            'many values',
            extended(advanced('data.city', 'StringIn', [...strings(200), 'paris'])),
            'b',
        ],
        [
            'many filters',
            extended(...Array.from({ length: 60 }, () => advanced('data.total', 'IsNotNull'))),
            'a b',
        ],
    ]);
});

await run();
