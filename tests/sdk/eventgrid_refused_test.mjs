/* Requests of publishers that are refused, each with exactly the answer of spec/eventgrid.md 1.5, and the
 * credentials that are taken or not (1.4): keys, and SAS tokens as each library writes them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Grid, MAPPING, sample } from './lib/eventgrid.mjs';
import { run, test } from './lib/runner.mjs';

const grid = await Grid.start();
const topics = {
    EventGridSchema: await grid.topic(),
    CloudEventSchemaV1_0: await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' }),
    CustomEventSchema: await grid.topic({
        inputSchema: 'CustomEventSchema',
        inputSchemaMapping: MAPPING,
    }),
};
const { EventGridSchema: plain, CloudEventSchemaV1_0: cloud, CustomEventSchema: own } = topics;
const IN_ORDER = [sample.EventGridSchema('1'), sample.EventGridSchema('2')];
const cloudEvent = (more = {}) => ({
    specversion: '1.0',
    ...sample.CloudEventSchemaV1_0('1'),
    ...more,
});

const OTHER_KEY = Buffer.alloc(32, 'x').toString('base64');
const CLOUD = { 'content-type': 'application/cloudevents+json' };
const CLOUD_BATCH = { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' };

/* ---------------------------------------------------------------- errors (1.5) */

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const STAMP = "\\d+/\\d+/\\d{4} \\d+:\\d\\d:\\d\\d [AP]M \\(UTC\\)'";

/* The answer has exactly the shape of 1.5. */
function checkError(answer, status, code, detail, message = /./) {
    const { headers, text, error } = answer;
    assert.equal(answer.status, status, text);
    assert.equal(error?.code, code, text);
    assert.match(error.message, message);
    assert.equal(headers['api-supported-versions'], '2018-01-01');
    assert.match(headers['x-ms-request-id'], GUID);
    if (detail) {
        assert.equal(error.details[0].code, detail, text);
        assert.equal(error.details[0].message, error.message);
    }
    const tail = new RegExp(`Report '${headers['x-ms-request-id']}:\\d+:${STAMP}`, 'i');
    assert.equal(tail.test(error.message), status !== 413, error.message);
    assert.ok(text.startsWith('{\n    "error": {\n        "code"'), text);
}

const unauthorized = [401, 'Unauthorized', 'Unauthorized'];
const badJson = [400, 'BadRequest', 'InputJsonInvalid'];
const noHeader = [400, 'BadRequest', 'InvalidCloudEventHeader'];
const noMedia = [415, 'UnsupportedMediaType', 'InvalidContentType'];
const tooLarge = [413, 'PayloadTooLarge', 'PayloadTooLarge'];
const invalidSas = [400, 'BadRequest', 'InvalidSas'];
const bearer = (text) => ({ key: null, headers: { authorization: text } });
const token = (text) => ({ key: null, headers: { 'aeg-sas-token': text } });
const LARGE = 'x'.repeat(1_049_600);

/* [what, topic, body, how, status, code, detail, message] */
const errors = [
    ['no credential', plain, IN_ORDER, { key: null }, ...unauthorized, /aeg-sas-key/],
    [
        'a wrong key',
        plain,
        IN_ORDER,
        { key: 'eHh4' },
        ...unauthorized,
        /not authorized for 127\.0\.0\.1/,
    ],
    ['a key of another topic', plain, IN_ORDER, { key: cloud.keys[0] }, ...unauthorized],
    ['an empty key', plain, IN_ORDER, { key: null, headers: { 'aeg-sas-key': '' } }, ...invalidSas],
    ['a malformed token', plain, IN_ORDER, token('nonsense'), ...invalidSas],
    ['a token without s', plain, IN_ORDER, token('r=x&e=12%2F31%2F2099'), ...invalidSas],
    ['a bearer that is none', plain, IN_ORDER, bearer('Bearer xyz'), ...unauthorized],
    ['an unknown scheme', plain, IN_ORDER, bearer('Basic eDp5'), ...unauthorized],
    [
        'a wrong path',
        plain,
        IN_ORDER,
        { target: `/topics/${plain.name}/api/nothing` },
        404,
        'NotFound',
        'ResourceNotFound',
    ],
    [
        'no such topic',
        plain,
        IN_ORDER,
        { target: '/topics/no-topic/api/events' },
        404,
        'NotFound',
        'ResourceNotFound',
    ],
    [
        'another method',
        plain,
        undefined,
        { method: 'GET' },
        405,
        'MethodNotAllowed',
        'MethodNotAllowed',
    ],
    ['DELETE', plain, undefined, { method: 'DELETE' }, 405, 'MethodNotAllowed', 'MethodNotAllowed'],
    ['PUT', plain, IN_ORDER, { method: 'PUT' }, 405, 'MethodNotAllowed', 'MethodNotAllowed'],
    ['a large request', plain, 'x'.repeat(1_536_001), {}, ...tooLarge, /\(1536000\)/],
    ['a large event', plain, [sample.EventGridSchema('1', LARGE)], {}, ...tooLarge, /\(1049600\)/],
    ['a large cloud event', cloud, cloudEvent({ data: LARGE }), { headers: CLOUD }, ...tooLarge],
    ['no body', plain, '', {}, ...badJson, /Unexpected end when reading JSON/],
    ['bad JSON', plain, '[{', {}, ...badJson],
    ['JSON and more', plain, `${JSON.stringify(IN_ORDER)}x`, {}, ...badJson],
    ['an empty array', plain, [], {}, ...badJson, /'EventGridEvent' schema/],
    ['a string', plain, '"x"', {}, ...badJson, /'EventGridEvent' schema/],
    ['a number in the array', plain, '[1]', {}, ...badJson],
    ['no property at all', plain, [{}], {}, ...badJson, /requires 'subject' property/],
    ['no id', plain, [{ subject: 's' }], {}, ...badJson, /requires 'id' property/],
    [
        'no type',
        plain,
        [{ subject: 's', id: '1' }],
        {},
        ...badJson,
        /requires 'eventType' property/,
    ],
    [
        'no time',
        plain,
        [{ subject: 's', id: '1', eventType: 't' }],
        {},
        ...badJson,
        /requires 'eventTime' property/,
    ],
    [
        'a time that is none',
        plain,
        [sample.EventGridSchema('1', {}, { eventTime: 'noon' })],
        {},
        ...badJson,
    ],
    ['a number as id', plain, [sample.EventGridSchema(1)], {}, ...badJson],
    [
        'metadataVersion 2',
        plain,
        [sample.EventGridSchema('1', {}, { metadataVersion: '2' })],
        {},
        ...badJson,
    ],
    [
        'another topic',
        plain,
        [sample.EventGridSchema('1', {}, { topic: 'other' })],
        {},
        ...unauthorized,
    ],
    [
        'another content type',
        cloud,
        cloudEvent(),
        { headers: { 'content-type': 'text/plain' } },
        ...noMedia,
        /application\/cloudevents\+json/,
    ],
    ['no id', cloud, cloudEvent({ id: undefined }), { headers: CLOUD }, ...badJson, /'id'/],
    ['an empty id', cloud, cloudEvent({ id: '' }), { headers: CLOUD }, ...badJson, /'id'/],
    [
        'no type',
        cloud,
        cloudEvent({ type: undefined }),
        { headers: CLOUD },
        ...badJson,
        /'eventType'/,
    ],
    [
        'no source',
        cloud,
        cloudEvent({ source: undefined }),
        { headers: CLOUD },
        ...badJson,
        /'source'/,
    ],
    [
        'no specversion',
        cloud,
        cloudEvent({ specversion: undefined }),
        { headers: CLOUD },
        ...badJson,
        /'specversion'/,
    ],
    [
        'a time without a zone',
        cloud,
        cloudEvent({ time: '2030-01-01T00:00:00' }),
        { headers: CLOUD },
        ...badJson,
        /'time' was not a valid date\/time/,
    ],
    ['data twice', cloud, cloudEvent({ data_base64: 'eA==' }), { headers: CLOUD }, ...badJson],
    ['an array as one object', cloud, [cloudEvent()], {}, ...badJson, /StartArray/],
    ['an array as one event', cloud, [cloudEvent()], { headers: CLOUD }, ...badJson],
    ['an object as a batch', cloud, cloudEvent(), { headers: CLOUD_BATCH }, ...badJson],
    ['no object', own, '[1]', {}, ...badJson],
    ['bad JSON', own, '{', {}, ...badJson],
];

for (const [what, topic, body, how, ...expected] of errors) {
    test(`refused, ${topic.schema}: ${what}`, async () => {
        const answer = await topic.post(body, how);
        checkError(answer, ...expected);
        if (answer.status === 405) {
            const allowed = answer.headers.allow.split(/, */).toSorted();
            assert.deepEqual(allowed, ['OPTIONS', 'POST']);
        }
    });
}

const BINARY = { 'ce-specversion': '1.0', 'ce-id': 'b', 'ce-source': '/s', 'ce-type': 't' };

const binaryErrors = [
    ...Object.keys(BINARY).map((name) => [
        `without ${name}`,
        '1',
        { [name]: undefined },
        ...noHeader,
        new RegExp(`${name} header is missing`),
    ]),
    ['with an empty id', '1', { 'ce-id': '' }, ...noHeader, /ce-id/],
    ['with another content type', '1', { 'content-type': 'text/plain' }, ...noMedia],
    ['and structured at once', cloudEvent(), CLOUD, 400, 'BadRequest'],
    ['without a body', '', {}, 400, 'BadRequest'],
    ['with a time that is none', '1', { 'ce-time': 'noon' }, 400, 'BadRequest'],
];
for (const [what, body, more, ...expected] of binaryErrors) {
    test(`CloudEvents, binary, ${what}`, async () => {
        const all = { ...BINARY, 'content-type': 'application/json', ...more };
        const headers = Object.fromEntries(
            Object.entries(all).filter(([, value]) => value !== undefined),
        );
        checkError(await cloud.post(body, { headers }), ...expected);
    });
}

test('all or nothing: one bad event, and none of the batch is taken', async () => {
    const endpoint = await plain.hears();
    const ids = ['a', 'b', 'c'].map((id) => `all-${id}`);
    const bad = ids.map((id) => sample.EventGridSchema(id));
    delete bad[2].subject;
    checkError(await plain.post(bad), ...badJson, /'subject'/);
    await plain.publisher().send([sample.EventGridSchema('all-good')]);
    await endpoint.takeEvent('all-good');
    assert.deepEqual(endpoint.ids(), ['all-good']);
});

test('5000 events in a request, and no more', async () => {
    const events = Array.from({ length: 5001 }, (_, index) => sample.EventGridSchema(`${index}`));
    const many = await plain.post(events.slice(1));
    assert.equal(many.status, 200, many.text);
    const answer = await plain.post(events);
    assert.ok([400, 413].includes(answer.status), `${answer.status}`);
});

test('OPTIONS says what the topic takes', async () => {
    const names = { EventGridSchema: 'EventGridEvent', CloudEventSchemaV1_0: 'CloudEventV10' };
    for (const [schema, topic] of Object.entries(topics)) {
        const { status, headers } = await topic.post(undefined, { method: 'OPTIONS', key: null });
        assert.equal(status, 200);
        assert.deepEqual(headers.allow.split(/, */).toSorted(), ['OPTIONS', 'POST']);
        assert.equal(headers['api-supported-versions'], '2018-01-01');
        assert.match(headers['x-ms-request-id'], GUID);
        assert.equal(
            headers['aeg-input-event-schema'],
            names[schema] ?? headers['aeg-input-event-schema'],
        );
        assert.ok(headers['aeg-input-event-schema']);
    }
});

/* ---------------------------------------------------------------- credentials (1.4) */

/* A token as it would be made by a library that escapes so. */
function signed(resource, expiry, escape, key = plain.keys[0]) {
    const text = `r=${escape(resource)}&e=${escape(expiry)}`;
    const signature = createHmac('sha256', Buffer.from(key, 'base64'))
        .update(text)
        .digest('base64');
    return `${text}&s=${escape(signature)}`;
}

const plus = (text) => encodeURIComponent(text).replace(/%20/g, '+');
const lower = (text) => plus(text).replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase());
const bareSignature = (text) => (text.endsWith('=') ? text : encodeURIComponent(text)); // in `s` only

const at = `${plain.endpoint}`;
const tokens = [
    [
        'JavaScript',
        signed(`${at}?apiVersion=2018-01-01`, '12/31/2099 12:05:09 AM', encodeURIComponent),
        200,
    ],
    ['.NET', signed(at, '6/15/2099 6:20:15 PM', lower), 200],
    [
        '.NET with a query',
        signed(`${at}?api-version=2018-01-01`, '12/1/2099 12:00:00 PM', lower),
        200,
    ],
    ['Java', signed(`${at}?api-version=2018-01-01`, '6/5/2099 6:2:5 PM', plus), 200],
    ['Python', signed(`${at}?apiVersion=2018-01-01`, '2099-12-31T00:05:09', plus), 200],
    ['Python with a zone', signed(at, '2099-12-31 00:05:09+00:00', plus), 200],
    ['a bare signature', signed(at, '2099-12-31T00:05:09', bareSignature), 200],
    ['the second key', signed(at, '2099-12-31T00:05:09', plus, plain.keys[1]), 200],
    ['expired', signed(at, '1/2/2020 1:02:03 AM', encodeURIComponent), 401],
    ['expired, .NET', signed(at, '6/15/2017 6:20:15 PM', lower), 401],
    ['expired, Python', signed(at, '2020-12-31T00:05:09', plus), 401],
    ['another key', signed(at, '2099-12-31T00:05:09', plus, OTHER_KEY), 401],
    ['no date', signed(at, 'tomorrow', plus), 400],
];

for (const [what, text, status] of tokens) {
    test(`SAS token: ${what}`, async () => {
        assert.equal((await plain.post(IN_ORDER, token(text))).status, status, text);
        const scheme = bearer(`SharedAccessSignature ${text}`);
        assert.equal((await plain.post(IN_ORDER, scheme)).status, status, text);
    });
}

test('SAS token: each part is signed', async () => {
    const good = signed(at, '2099-12-31T00:05:09', plus);
    for (const bad of [
        good.replace('2099', '2098'),
        good.replace('127', '128'),
        good.replace(/s=./, 's=%00'),
    ]) {
        const { status } = await plain.post(IN_ORDER, token(bad));
        assert.ok([400, 401].includes(status), `${status} ${bad}`);
    }
    assert.equal((await plain.post(IN_ORDER, token(good.replace('2099', '2098')))).status, 401);
});

test('the key in the query', async () => {
    for (const [key, status] of [
        [plain.keys[0], 200],
        [plain.keys[1], 200],
        [OTHER_KEY, 401],
    ]) {
        const target = `${plain.target}?aeg-sas-key=${encodeURIComponent(key)}`;
        assert.equal((await plain.post(IN_ORDER, { key: null, target })).status, status);
    }
});

test('a topic without local authentication takes no keys', async () => {
    const topic = await grid.topic({ disableLocalAuth: true });
    assert.equal((await topic.post(IN_ORDER)).status, 401);
    const text = signed(topic.endpoint, '2099-12-31T00:05:09', plus, topic.keys[0]);
    assert.equal((await topic.post(IN_ORDER, token(text))).status, 401);
});

await run();
