/* Publishing to event topics and domains: the official publisher in all three schemas, with keys and
 * with SAS tokens; what it cannot send as plain requests, with each error of spec/eventgrid.md 1.5; and
 * what comes out in each delivery schema (3.7), read by the official deserializer and by npm's
 * cloudevents (4.9).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import {
    AzureKeyCredential,
    AzureSASCredential,
    EventGridDeserializer,
    generateSharedAccessSignature,
} from '@azure/eventgrid';
import { HTTP } from 'cloudevents';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Grid, MAPPING, sample } from './lib/eventgrid.mjs';
import { socketAt } from './lib/processes.mjs';
import { run, test } from './lib/runner.mjs';

const KEY = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64');
const grid = await Grid.start({
    topics: [{ name: 'declared', key1: KEY, properties: { inputSchema: 'CloudEventSchemaV1_0' } }],
});
const custom = { inputSchema: 'CustomEventSchema', inputSchemaMapping: MAPPING };
const topics = {
    EventGridSchema: await grid.topic(),
    CloudEventSchemaV1_0: await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' }),
    CustomEventSchema: await grid.topic(custom),
};
const { EventGridSchema: plain, CloudEventSchemaV1_0: cloud, CustomEventSchema: own } = topics;
const deserializer = new EventGridDeserializer();
const IN_ORDER = [sample.EventGridSchema('1'), sample.EventGridSchema('2')];
const cloudEvent = (more = {}) => ({
    specversion: '1.0',
    ...sample.CloudEventSchemaV1_0('1'),
    ...more,
});

const CLOUD = { 'content-type': 'application/cloudevents+json' };
const CLOUD_BATCH = { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' };

const fails = async (promise, status, code) => {
    const error = await promise.then(
        () => assert.fail('it succeeds'),
        (reason) => reason,
    );
    assert.equal(error.statusCode, status, error.message);
    assert.equal(error.code, code);
    return error;
};

/* What npm's cloudevents makes of a delivery, in its strictest reading; but that "#1" is no URI, which it
 * asks of a dataschema, is as with Azure (3.7). */
function read({ headers, text }) {
    const events = [HTTP.toEvent({ headers, body: text })].flat();
    for (const event of events.filter(({ dataschema }) => !dataschema?.startsWith('#'))) {
        assert.equal(event.validate(), true);
    }
    return events;
}

/* ---------------------------------------------------------------- the official publisher */

for (const [schema, topic] of Object.entries(topics)) {
    test(`the official publisher, ${schema}: both keys, SAS token, both processes`, async () => {
        const endpoint = await topic.hears();
        const credentials = [
            ...topic.keys.map((key) => new AzureKeyCredential(key)),
            new AzureSASCredential(
                await generateSharedAccessSignature(
                    topic.endpoint,
                    new AzureKeyCredential(topic.keys[1]),
                    new Date('2099-12-31T00:05:09Z'),
                ),
            ),
        ];
        for (const [index, credential] of credentials.entries()) {
            const id = `${schema}-${index}`;
            await topic.publisher({ credential }).send([sample[schema](id)]);
            await endpoint.takeEvent(id);
        }
        for (const process of [0, 1]) {
            const at = await socketAt(grid.server, process);
            const id = `${schema}-at-${process}`;
            const body = [{ specversion: '1.0', ...sample[schema](id) }];
            const headers = schema === 'CloudEventSchemaV1_0' ? CLOUD_BATCH : {};
            const { status, text } = await topic.post(body, { at, headers });
            assert.deepEqual([status, text], [200, '']);
            await endpoint.takeEvent(id);
            at.destroy();
        }
    });
}

test('a topic that the configuration declares, with its key', async () => {
    const { name } = await grid.arm.topics.get('rg', 'declared');
    assert.equal(name, 'declared');
    const endpoint = grid.server.httpUrl('/topics/declared/api/events');
    const credential = new AzureKeyCredential(KEY);
    await cloud.publisher({ endpoint, credential }).send([sample.CloudEventSchemaV1_0('1')]);
    const other = new AzureKeyCredential(Buffer.alloc(32, 'x').toString('base64'));
    await fails(
        cloud.publisher({ endpoint, credential: other }).send([sample.CloudEventSchemaV1_0('1')]),
        401,
        'Unauthorized',
    );
});

test('endpoints: any version, further queries, the short path, the wrong one', async () => {
    await plain.publisher({ apiVersion: '2099-01-01' }).send(IN_ORDER);
    await plain.publisher({ endpoint: `${plain.endpoint}?x=1` }).send(IN_ORDER);
    await plain
        .publisher({ endpoint: grid.server.httpUrl(`/topics/${plain.name}/events`) })
        .send(IN_ORDER);
    const gone = grid.server.httpUrl('/topics/nothing/api/events');
    await fails(plain.publisher({ endpoint: gone }).send(IN_ORDER), 404, 'NotFound');
    await cloud.publisher().send([sample.CloudEventSchemaV1_0('1')], { channelName: 'chan1' });
});

test('the official publisher is told what is wrong', async () => {
    const empty = await fails(plain.publisher().send([]), 400, 'BadRequest');
    assert.match(empty.message, /configured to receive event in 'EventGridEvent' schema/);
    await fails(
        plain.publisher({ credential: new AzureKeyCredential('eA==') }).send(IN_ORDER),
        401,
        'Unauthorized',
    );
    await fails(
        cloud.publisher({ schema: 'EventGridSchema' }).send(IN_ORDER),
        415,
        'UnsupportedMediaType',
    ).catch(async () =>
        fails(cloud.publisher({ schema: 'EventGridSchema' }).send(IN_ORDER), 400, 'BadRequest'),
    );
});

/* ---------------------------------------------------------------- Host header (1.1) */

test('by Host header: the first label is the topic or the domain', async () => {
    const endpoint = await plain.hears();
    const domain = await grid.domain();
    const { port } = new URL(plain.endpoint);
    let count = 0;
    for (const host of [
        `${plain.name}.localhost:${port}`,
        `${plain.name}.westus-1.eventgrid.azure.net`,
    ]) {
        for (const target of [
            '/api/events?api-version=2018-01-01',
            '/?api-version=2018-01-01',
            '/',
        ]) {
            count += 1;
            const body = [sample.EventGridSchema(`host-${count}`)];
            const { status, text } = await plain.post(body, { target, headers: { host } });
            assert.equal(status, 200, `${host} ${target} ${text}`);
            await endpoint.takeEvent(`host-${count}`);
        }
    }
    const headers = { host: `${domain.name}.localhost` };
    const body = [sample.EventGridSchema('1', {}, { topic: 'some' })];
    assert.equal((await domain.post(body, { target: '/api/events', headers })).status, 200);
    const nobody = { host: 'nothing.localhost' };
    assert.equal(
        (await plain.post(IN_ORDER, { target: '/api/events', headers: nobody })).status,
        404,
    );
    const none = { host: '127.0.0.1' };
    assert.equal(
        (await plain.post(IN_ORDER, { target: '/api/events', headers: none })).status,
        404,
    );
});

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
    ['another key', signed(at, '2099-12-31T00:05:09', plus, KEY), 401],
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
        [KEY, 401],
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

/* ---------------------------------------------------------------- what is taken (1.6 to 1.8) */

test('EventGridSchema: what may be left out, and what is added', async () => {
    const endpoint = await plain.hears();
    const least = {
        id: 'least',
        subject: '',
        eventType: 't',
        eventTime: '2030-01-02T03:04:05.1234567Z',
    };
    assert.equal((await plain.post(least)).status, 400, 'an empty subject is none');
    least.subject = 's';
    assert.equal((await plain.post(least)).status, 200, 'a bare object');
    const { text, events } = await endpoint.takeEvent('least');
    assert.ok(Array.isArray(JSON.parse(text)));
    assert.deepEqual(
        { ...events[0], data: null },
        {
            ...least,
            topic: plain.id.replace(/.*/, events[0].topic),
            data: null,
            dataVersion: '',
            metadataVersion: '1',
        },
    );
    assert.match(events[0].topic, new RegExp(`^/subscriptions/.*${plain.path}$`));
    const [event] = await deserializer.deserializeEventGridEvents(text);
    assert.equal(event.id, 'least');
    const more = {
        metadataVersion: '1',
        topic: events[0].topic,
        unknown: 1,
        dataVersion: undefined,
    };
    const full = await plain.post([sample.EventGridSchema('full', null, more)]);
    assert.equal(full.status, 200, full.text);
    const delivery = await endpoint.takeEvent('full');
    assert.equal((await deserializer.deserializeEventGridEvents(delivery.text))[0].data, null);
    assert.equal('unknown' in delivery.events[0], false);
});

test('data passes byte by byte', async () => {
    const data =
        '{"z":9007199254740993,"a":1.0,"a":1e400,"s":"\\ud83d\\ude00\\u00e9 ü \\/","d":[[[[[{"":null}]]]]], "e":-0}';
    const endpoint = await plain.hears();
    const toCloud = await plain.hears({ eventDeliverySchema: 'CloudEventSchemaV1_0' });
    const body = `\ufeff[{"id":"raw","subject":"s","eventType":"t","eventTime":"2030-01-01T00:00:00Z","data":${data}}]`;
    const answer = await plain.post(body);
    assert.equal(answer.status, 200, answer.text);
    for (const hearer of [endpoint, toCloud]) {
        const { text } = await hearer.takeEvent('raw');
        assert.ok(text.includes(`"data":${data}`), text);
    }
});

test('CloudEvents, structured: content types, one and many, extensions, data of all kinds', async () => {
    const endpoint = await cloud.hears();
    const bodies = [
        ['application/cloudevents+json', cloudEvent({ id: 'c1' })],
        [
            'application/cloudevents+json; charset=utf-8',
            cloudEvent({ id: 'c2', data: undefined, data_base64: 'AQID' }),
        ],
        ['application/json', cloudEvent({ id: 'c3', data: 'text', datacontenttype: 'text/plain' })],
        [
            'APPLICATION/CLOUDEVENTS-BATCH+JSON',
            [cloudEvent({ id: 'c4', ext1: 'v', n: 5, b: true })],
        ],
        ['application/cloudevents+json', cloudEvent({ id: 'c5', data: undefined })],
        [
            'application/cloudevents+json',
            cloudEvent({
                id: 'c6',
                time: '2030-01-01T00:00:00+01:00',
                subject: 'sub',
                dataschema: 'http://x/y',
            }),
        ],
    ];
    for (const [type, body] of bodies) {
        const { status, text } = await cloud.post(body, { headers: { 'content-type': type } });
        assert.equal(status, 200, text);
        const [sent] = [body].flat();
        const delivery = await endpoint.takeEvent(sent.id);
        assert.equal(
            delivery.headers['content-type'],
            'application/cloudevents+json; charset=utf-8',
        );
        assert.deepEqual(JSON.parse(delivery.text), JSON.parse(JSON.stringify(sent)));
        const [event] = read(delivery);
        assert.equal(event.id, sent.id);
        const [official] = await deserializer.deserializeCloudEvents(delivery.text);
        assert.equal(official.type, 't');
    }
    const nulls = await cloud.post(cloudEvent({ id: 'empty', subject: null, ext: null }), {
        headers: CLOUD,
    });
    assert.equal(nulls.status, 200, nulls.text);
    const { text } = await endpoint.takeEvent('empty');
    assert.ok(!text.includes('null'), text);
});

const BINARY = { 'ce-specversion': '1.0', 'ce-id': 'b', 'ce-source': '/s', 'ce-type': 't' };

test('CloudEvents, binary: headers become attributes', async () => {
    const endpoint = await cloud.hears();
    const headers = {
        ...BINARY,
        'ce-id': 'b%C3%BC%20%22',
        'ce-subject': 'a%2Fb',
        'ce-time': '2030-01-02T03:04:05Z',
        'ce-dataschema': 'http://x/y',
        'ce-ext1': 'v%25',
        'ce-raw': Buffer.from('é').toString('latin1'),
        'content-type': 'application/json; charset=utf-8',
    };
    const { status, text } = await cloud.post(Buffer.from('{"a":1.50}'), { headers }); // text would make Node encode `raw` anew
    assert.equal(status, 200, text);
    const delivery = await endpoint.takeEvent('bü "');
    const { datacontenttype, data, ...rest } = JSON.parse(delivery.text);
    assert.match(datacontenttype, /^application\/json/);
    assert.deepEqual(data, { a: 1.5 });
    assert.deepEqual(rest, {
        specversion: '1.0',
        id: 'bü "',
        source: '/s',
        type: 't',
        subject: 'a/b',
        time: '2030-01-02T03:04:05Z',
        dataschema: 'http://x/y',
        ext1: 'v%',
        raw: 'é',
    });
    assert.ok(delivery.text.includes('{"a":1.50}'));
    assert.equal(read(delivery)[0].subject, 'a/b');
});

test('CloudEvents, binary: an event of npm cloudevents', async () => {
    const endpoint = await cloud.hears();
    const [event] = read({
        headers: CLOUD,
        text: JSON.stringify(
            cloudEvent({ id: 'npm', data: { x: 1 }, datacontenttype: 'application/json' }),
        ),
    });
    const { headers, body } = HTTP.binary(event);
    const { status, text } = await cloud.post(body, { headers });
    assert.equal(status, 200, text);
    assert.deepEqual(read(await endpoint.takeEvent('npm'))[0].data, { x: 1 });
});

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

test('a schema of its own: mapped, defaults, and the original as data', async () => {
    const toGrid = await own.hears({ eventDeliverySchema: 'EventGridSchema' });
    const toCloud = await own.hears({ eventDeliverySchema: 'CloudEventSchemaV1_0' });
    const asIs = await own.hears();
    const full = {
        key: 'own-1',
        at: '2030-01-02T03:04:05Z',
        kind: 'k',
        about: 'a',
        more: { x: [1] },
    };
    const events = [full, { key: 'own-2', n: 1 }];
    const { status, text } = await own.post(events);
    assert.equal(status, 200, text);
    const [first, second] = [await toGrid.takeEvent('own-1'), await toGrid.takeEvent('own-2')];
    const [one] = await deserializer.deserializeEventGridEvents(first.text);
    const [two] = await deserializer.deserializeEventGridEvents(second.text);
    assert.deepEqual(
        [one.id, one.eventType, one.subject, one.dataVersion],
        ['own-1', 'k', 'a', '7'],
    );
    assert.equal(one.eventTime.toISOString(), '2030-01-02T03:04:05.000Z');
    assert.deepEqual(one.data, full);
    assert.deepEqual([two.eventType, two.subject], ['unkind', 'anything']);
    assert.ok(Math.abs(two.eventTime - Date.now()) < 60_000, `${two.eventTime}`);
    assert.deepEqual(two.data, events[1]);
    const [cloudEventOf] = read(await toCloud.takeEvent('own-1'));
    assert.deepEqual([cloudEventOf.type, cloudEventOf.subject], ['k', 'a']);
    assert.deepEqual(cloudEventOf.data, full);
    const unchanged = await asIs.takeEvent('own-1');
    assert.deepEqual(JSON.parse(unchanged.text), [full]);
    assert.equal(unchanged.headers['content-type'], 'application/json; charset=utf-8');
});

test('a schema of its own: identifiers are made if there are none', async () => {
    const endpoint = await own.hears({ eventDeliverySchema: 'EventGridSchema' });
    assert.equal((await own.post([{ mark: 'x' }])).status, 200);
    const { events } = await endpoint.take(({ text }) => text.includes('"mark"'));
    assert.ok(events[0].id.length > 10, events[0].id);
});

/* ---------------------------------------------------------------- conversions (3.7) */

test('EventGridSchema as CloudEvents: each attribute, alone and in a batch', async () => {
    const as = { eventDeliverySchema: 'CloudEventSchemaV1_0' };
    const alone = await plain.hears(as);
    const batches = await plain.hears(as, { maxEventsPerBatch: 10 });
    const without = await plain.hears(as, { sendDataSchema: false });
    await plain
        .publisher()
        .send([
            sample.EventGridSchema('conv', { a: [1, null] }),
            sample.EventGridSchema('conv-2', {}, { dataVersion: '' }),
        ]);
    const single = await alone.takeEvent('conv');
    const event = JSON.parse(single.text);
    assert.deepEqual(event, {
        specversion: '1.0',
        id: 'conv',
        source: event.source,
        subject: 's',
        type: 't',
        time: event.time,
        dataschema: '#1',
        data: { a: [1, null] },
    });
    assert.ok(event.source.endsWith(plain.path));
    assert.equal(Date.parse(event.time), Date.parse('2030-01-02T03:04:05.006Z'));
    assert.deepEqual(read(single)[0].data, { a: [1, null] });
    assert.equal(JSON.parse((await alone.takeEvent('conv-2')).text).dataschema, '#');
    const batch = await batches.takeEvent('conv');
    assert.equal(
        batch.headers['content-type'],
        'application/cloudevents-batch+json; charset=utf-8',
    );
    assert.equal(read(batch)[0].id, 'conv'); // which it refuses with dataschema "#1"
    await deserializer.deserializeCloudEvents(batch.text);
    assert.equal('dataschema' in JSON.parse((await without.takeEvent('conv')).text), false);
});

test('conversions that do not exist are refused', async () => {
    const endpoint = grid.endpoint();
    for (const [topic, eventDeliverySchema] of [
        [plain, 'CustomInputSchema'],
        [cloud, 'EventGridSchema'],
        [cloud, 'CustomInputSchema'],
    ]) {
        const info = { destination: endpoint.destination(), eventDeliverySchema };
        const error = await topic.subscribe(info).catch((reason) => reason);
        assert.equal(error.statusCode, 400, `${topic.schema} as ${eventDeliverySchema}`);
    }
    assert.deepEqual(endpoint.asked, []);
});

/* ---------------------------------------------------------------- domains (2.1) */

const topicOf = (domain, name) =>
    new RegExp(`^/subscriptions/.*/domains/${domain.name}/topics/${name}$`);

test('a domain: the topic names the domain topic, its subscriptions and those of the domain hear', async () => {
    const domain = await grid.domain();
    const all = await domain.hears();
    const some = await grid.domainTopic(domain, 'berlin').hears();
    const events = ['berlin', 'paris'].map((topic) => sample.EventGridSchema(topic, {}, { topic }));
    await domain.publisher().send(events);
    for (const name of ['berlin', 'paris']) {
        const { text } = await all.takeEvent(name);
        const [event] = await deserializer.deserializeEventGridEvents(text);
        assert.match(event.topic, topicOf(domain, name));
    }
    await domain.publisher().send([sample.EventGridSchema('berlin-2', {}, { topic: 'BERLIN' })]);
    await some.takeEvent('berlin-2');
    assert.deepEqual(some.ids(), ['berlin', 'berlin-2']);
    const nowhere = await domain.post([sample.EventGridSchema('1')]);
    checkError(nowhere, 400, 'BadRequest', undefined, /topic/);
});

test('a domain of CloudEvents: the source names the domain topic', async () => {
    const domain = await grid.domain({ inputSchema: 'CloudEventSchemaV1_0' });
    const endpoint = await grid.domainTopic(domain, 'berlin').hears();
    await domain.publisher().send([sample.CloudEventSchemaV1_0('1', {}, { source: 'berlin' })]);
    const [event] = read(await endpoint.takeEvent('1'));
    assert.match(event.source, topicOf(domain, 'berlin'));
});

test('a domain with a schema of its own: a mapped field names the domain topic', async () => {
    const inputSchemaMapping = { ...MAPPING, topic: { sourceField: 'where' } };
    const domain = await grid.domain({ inputSchema: 'CustomEventSchema', inputSchemaMapping });
    const endpoint = await grid.domainTopic(domain, 'berlin').hears();
    const info = { eventDeliverySchema: 'EventGridSchema' };
    const converted = await grid.domainTopic(domain, 'berlin').hears(info);
    const event = { key: 'own', where: 'berlin', kind: 'k' };
    await domain.publisher().send([event]);
    assert.deepEqual((await endpoint.takeEvent('own')).events, [event]);
    const [official] = await deserializer.deserializeEventGridEvents(
        (await converted.takeEvent('own')).text,
    );
    assert.match(official.topic, topicOf(domain, 'berlin'));
});

await run();
