/* Publishing to and receiving from topics of namespaces by plain requests, for what the official client
 * does not send or show: extension attributes, binary mode, SAS tokens, addresses by Host, every error,
 * answers byte by byte (spec/eventgrid.md 1.7, 5.1 to 5.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Grid } from './lib/eventgrid.mjs';
import { Namespace, NamespaceTopic, WAIT, cloudEvent } from './lib/namespaces.mjs';
import { run, test } from './lib/runner.mjs';

const grid = await Grid.start({
    namespaces: [{ name: 'default', topics: [{ name: 'declared' }] }],
});
const { server } = grid;
const namespace = await Namespace.make(grid);
const topic = await namespace.topic();

const typed = (type, more = {}) => ({ headers: { 'content-type': type, ...more } });
const STRUCTURED = typed('application/cloudevents+json');
const BATCH = typed('application/cloudevents-batch+json');

/* The event of a request, as it is received. */
async function roundTrip(body, how) {
    const queue = await topic.queue();
    const answer = await topic.post(':publish', body, how);
    assert.deepEqual([answer.status, answer.text], [200, '{}'], answer.text);
    assert.match(answer.headers['content-type'], /^application\/json/);
    const taken = await queue.take();
    await queue.must('acknowledge', taken);
    return taken.event;
}

/* ---------------------------------------------------------------- publish */

test('extension attributes keep their types, data its bytes', async () => {
    const event = cloudEvent('extended', {
        text: 'ü',
        number: 5,
        flag: false,
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        data: { z: 1, a: [null, 'x'] },
    });
    assert.deepEqual(await roundTrip(event, STRUCTURED), event);
    const queue = await topic.queue();
    const text =
        '{"specversion":"1.0","id":"b","source":"/s","type":"t","data":{"n":12345678901234567890.10,"a":1}}';
    await topic.post(':publish', text, STRUCTURED);
    const query = `&maxWaitTime=${WAIT}`;
    const { text: answer } = await queue.post('receive', undefined, { query });
    assert.ok(answer.includes('{"n":12345678901234567890.10,"a":1}'), answer);
});

test('what is received has nothing that was not sent, and no null', async () => {
    const event = cloudEvent('bare');
    assert.deepEqual(await roundTrip(event, STRUCTURED), event);
    const nulls = { ...event, subject: null, datacontenttype: null };
    assert.deepEqual(await roundTrip(nulls, STRUCTURED), event);
    for (const data of [0, '', false, { a: null }]) {
        assert.deepEqual((await roundTrip({ ...event, data }, STRUCTURED)).data, data);
    }
    const bytes = { ...event, data_base64: 'AAEC/w==' };
    assert.deepEqual(await roundTrip(bytes, STRUCTURED), bytes);
});

const CE = {
    'ce-specversion': '1.0',
    'ce-id': 'binary',
    'ce-source': '/here',
    'ce-type': 't',
};

/* [what, body, headers, the event] */
const binaries = [
    ['JSON', '{"a":1}', { 'content-type': 'application/json' }, { data: { a: 1 } }],
    ['JSON text', '"t"', { 'content-type': 'application/json' }, { data: 't' }],
    [
        'JSON with a charset',
        '{"a":"ü"}',
        { 'content-type': 'application/json; charset=utf-8' },
        { data: { a: 'ü' } },
    ],
    [
        'bytes',
        Buffer.from([0, 1, 2, 255]),
        { 'content-type': 'application/octet-stream' },
        { data_base64: 'AAEC/w==' },
    ],
    ['text', 'hello', { 'content-type': 'text/plain' }, { data_base64: 'aGVsbG8=' }],
    ['XML', '<a/>', { 'content-type': 'application/xml' }, { data_base64: 'PGEvPg==' }],
    [
        'attributes',
        '1',
        {
            'content-type': 'application/json',
            'ce-subject': 'a%20b%C3%BC',
            'ce-time': '2031-02-03T04:05:06Z',
            'ce-dataschema': 'http://s.example/x',
            'ce-mine': 'yes',
        },
        {
            data: 1,
            subject: 'a bü',
            time: '2031-02-03T04:05:06Z',
            dataschema: 'http://s.example/x',
            mine: 'yes',
        },
    ],
];

for (const [what, body, headers, expected] of binaries) {
    test(`binary mode: ${what}`, async () => {
        const { time, ...event } = await roundTrip(body, { headers: { ...CE, ...headers } });
        assert.deepEqual(
            { ...event, ...(expected.time && { time }) },
            {
                ...cloudEvent('binary'),
                datacontenttype: headers['content-type'],
                ...expected,
            },
        );
    });
}

/* [what, body, content type and headers, status] */
const good = JSON.stringify(cloudEvent('x'));
const large = (size) => JSON.stringify(cloudEvent('x', { data: 'x'.repeat(size) }));
const many = (count) => JSON.stringify(Array.from({ length: count }, () => cloudEvent('x')));
const refusals = [
    ['no JSON', '{', STRUCTURED, 400],
    ['nothing', '', STRUCTURED, 400],
    ['an array where one event is said', `[${good}]`, STRUCTURED, 400],
    ['one event where an array is said', good, BATCH, 400],
    ['an array with something else', `[${good},1]`, BATCH, 400],
    ['a batch with one bad event', `[${good},{"specversion":"1.0"}]`, BATCH, 400],
    ...['specversion', 'id', 'source', 'type'].map((name) => [
        `no ${name}`,
        JSON.stringify({ ...cloudEvent('x'), [name]: undefined }),
        STRUCTURED,
        400,
    ]),
    ['an empty id', JSON.stringify(cloudEvent('')), STRUCTURED, 400],
    ['a number as type', JSON.stringify(cloudEvent('x', { type: 5 })), STRUCTURED, 400],
    ['a time that is none', JSON.stringify(cloudEvent('x', { time: 'noon' })), STRUCTURED, 400],
    [
        'data twice',
        JSON.stringify(cloudEvent('x', { data: 1, data_base64: 'AA==' })),
        STRUCTURED,
        400,
    ],
    ['EventGrid events', '[{"id":"1","subject":"s","eventType":"t"}]', BATCH, 400],
    ['another content type', good, typed('text/plain'), 415],
    ['binary without a source', '1', { headers: { ...CE, 'ce-source': '' } }, 400],
    ['binary and structured', good, { headers: { ...CE, ...STRUCTURED.headers } }, 400],
    ['an event that is too large', large(1_100_000), STRUCTURED, 413],
    ['a request that is too large', `[${large(800_000)},${large(800_000)}]`, BATCH, 413],
];

for (const [what, body, how, status] of refusals) {
    test(`publish ${what}: ${status}, and nothing of it is kept`, async () => {
        const answer = await topic.post(':publish', body, how);
        assert.equal(answer.status, status, answer.text.slice(0, 500));
        const { code, message, ...others } = answer.json.error;
        assert.ok(code && message, answer.text);
        assert.ok(Array.isArray(others.details ?? []));
    });
}

test('what was refused is not received', async () => {
    const queue = await topic.queue();
    for (const [, body, how] of refusals.filter(([, , , status]) => status !== 413)) {
        await topic.post(':publish', body, how);
    }
    await topic.publishIds('after');
    assert.equal((await queue.take()).event.id, 'after');
});

test('a thousand events in a request', async () => {
    const answer = await topic.post(':publish', many(1000), BATCH);
    assert.deepEqual([answer.status, answer.text], [200, '{}']);
});

/* ---------------------------------------------------------------- receive */

test('nothing there: exactly an empty list', async () => {
    const queue = await topic.queue();
    const query = `&maxEvents=10&maxWaitTime=${WAIT}`;
    const { status, text, headers } = await queue.post('receive', undefined, { query });
    assert.deepEqual([status, text], [200, '{"value":[]}']);
    assert.match(headers['content-type'], /^application\/json/);
    assert.equal(Number(headers['content-length']), text.length);
});

const outOfRange = [
    'maxEvents=0',
    'maxEvents=101',
    'maxEvents=-1',
    'maxEvents=x',
    'maxEvents=1.5',
    'maxEvents=',
    'maxWaitTime=9',
    'maxWaitTime=121',
    'maxWaitTime=x',
    'maxWaitTime=10s',
];

for (const query of outOfRange) {
    test(`receive with ${query}: 400 that says so`, async () => {
        const queue = await topic.queue();
        const answer = await queue.post('receive', undefined, { query: `&${query}` });
        assert.equal(answer.status, 400, answer.text);
        assert.ok(answer.json.error.message.includes(query.split('=')[0]), answer.text);
    });
}

test('parameters of the edges are taken, whatever the case of their names', async () => {
    const queue = await topic.queue();
    for (const query of ['maxEvents=1&maxWaitTime=10', 'maxevents=100&MAXWAITTIME=120']) {
        await topic.publishIds('edge');
        const answer = await queue.post('receive', undefined, { query: `&${query}` });
        assert.equal(answer.status, 200, answer.text);
        await queue.must('acknowledge', answer.json.value);
    }
});

/* ---------------------------------------------------------------- lock tokens */

const bodies = [
    ['no body', undefined],
    ['no JSON', '{'],
    ['an array', '[]'],
    ['no tokens', '{}'],
    ['a text', '{"lockTokens":"x"}'],
    ['numbers', '{"lockTokens":[1]}'],
    ['null', '{"lockTokens":null}'],
];

for (const [what, body] of bodies) {
    test(`lock tokens, ${what}: 400`, async () => {
        const queue = await topic.queue();
        for (const action of ['acknowledge', 'release', 'reject', 'renewLock']) {
            const answer = await queue.post(action, body);
            assert.equal(answer.status, 400, `${action}: ${answer.text}`);
            assert.ok(answer.json.error.code && answer.json.error.message);
        }
    });
}

test('both lists are always there', async () => {
    const queue = await topic.queue();
    await topic.publishIds('listed');
    const { lockToken } = await queue.take();
    for (const action of ['renewLock', 'acknowledge']) {
        const { status, json } = await queue.post(action, { lockTokens: [lockToken] });
        assert.equal(status, 200);
        assert.deepEqual(json, { failedLockTokens: [], succeededLockTokens: [lockToken] });
    }
    const { json } = await queue.post('acknowledge', { lockTokens: [] });
    assert.deepEqual(json, { failedLockTokens: [], succeededLockTokens: [] });
});

const garbage = ['', 'x', 'CgMKATESCQoHdG9rZW4tMRgB', '../..', '\u0000', 'ü'.repeat(1000)];

test('tokens that nobody has given are bad', async () => {
    const queue = await topic.queue();
    await topic.publishIds('guarded');
    const { lockToken } = await queue.take();
    const tampered = [0, lockToken.length - 1].map((at) => {
        const letter = lockToken[at] === 'A' ? 'B' : 'A';
        return lockToken.slice(0, at) + letter + lockToken.slice(at + 1);
    });
    for (const token of [...garbage, ...tampered]) {
        const { failedLockTokens, succeededLockTokens } = await queue.settle('acknowledge', token);
        assert.deepEqual(succeededLockTokens, []);
        const [{ error, ...rest }] = failedLockTokens;
        assert.deepEqual(rest, { lockToken: token });
        assert.ok(['BadToken', 'TokenLost'].includes(error.code), error.code);
        assert.ok(error.message);
    }
    await queue.must('acknowledge', lockToken);
});

test('a token twice in a request succeeds once', async () => {
    const queue = await topic.queue();
    await topic.publishIds('twice');
    const { lockToken } = await queue.take();
    const answer = await queue.settle('acknowledge', [lockToken, lockToken]);
    assert.ok(answer.succeededLockTokens.length >= 1);
    assert.ok(answer.succeededLockTokens.length + answer.failedLockTokens.length <= 2);
});

test('release for other times: 400', async () => {
    const queue = await topic.queue();
    await topic.publishIds('delayed');
    const { lockToken } = await queue.take();
    for (const delay of ['1', '11', '-1', 'x', '', '10.0', '86400']) {
        const query = `&releaseDelayInSeconds=${delay}`;
        const answer = await queue.post('release', { lockTokens: [lockToken] }, { query });
        assert.equal(answer.status, 400, `${delay}: ${answer.text}`);
        assert.ok(answer.json.error.message.includes('releaseDelayInSeconds'), answer.text);
    }
    await queue.must('release', lockToken, '&releaseDelayInSeconds=0');
    assert.equal((await queue.take()).deliveryCount, 2);
});

/* ---------------------------------------------------------------- addresses, credentials, methods */

/* [base path, headers, name of the topic, status] */
const { path } = namespace;
const bases = [
    [path, {}, topic.name, 200],
    [path.toUpperCase(), {}, topic.name.toUpperCase(), 200],
    [`/${namespace.name}`, {}, topic.name, 200],
    ['', { host: `${namespace.name}.localhost` }, topic.name, 200],
    ['', { host: `${namespace.name}.westus-1.eventgrid.azure.net` }, topic.name, 200],
    ['', {}, 'declared', 200],
    ['', { host: 'nobody.example' }, 'declared', 200],
    ['/namespaces/default', {}, 'declared', 200],
    ['/default', {}, 'declared', 200],
    ['', {}, topic.name, 404],
    ['/nobody', {}, topic.name, 404],
    [path, {}, 'declared', 404],
];
const declared = await new Namespace(grid, 'default').readKeys();

for (const [base, headers, name, status] of bases) {
    const host = headers.host ? ` at ${headers.host}` : '';
    test(`address ${base}/topics/${name}:publish${host}: ${status}`, async () => {
        const there = new NamespaceTopic(namespace, name);
        const answer = await there.post(':publish', good, {
            base,
            key: name === 'declared' ? declared.keys[0] : topic.keys[0],
            headers: { ...STRUCTURED.headers, ...headers },
        });
        assert.equal(answer.status, status, answer.text);
    });
}

const encoded = (text) => encodeURIComponent(text);

function sas(key, { resource = topic.endpoint, expiry = '12/31/2037 12:05:09 AM' } = {}) {
    const unsigned = `r=${encoded(resource)}&e=${encoded(expiry)}`;
    const hmac = createHmac('sha256', Buffer.from(key, 'base64'));
    return `${unsigned}&s=${encoded(hmac.update(unsigned).digest('base64'))}`;
}

const SAS = 'SharedAccessSignature';
const [key1, key2] = topic.keys;
/* [what, the header Authorization, status] */
const credentials = [
    ['none', undefined, 401],
    ['a key', `SharedAccessKey ${key1}`, 200],
    ['the other key', `SharedAccessKey ${key2}`, 200],
    ['a key, the scheme in small letters', `sharedaccesskey ${key1}`, 200],
    ['a wrong key', `SharedAccessKey ${declared.keys[0]}`, 401],
    ['no key', 'SharedAccessKey ', 401],
    ['an unknown scheme', `Basic ${key1}`, 401],
    ['a SAS token', `${SAS} ${sas(key1)}`, 200],
    ['a SAS token of the other key', `${SAS} ${sas(key2)}`, 200],
    ['a SAS token, ISO 8601', `${SAS} ${sas(key1, { expiry: '2037-12-31T00:05:09Z' })}`, 200],
    ['a SAS token that has expired', `${SAS} ${sas(key1, { expiry: '1/1/2020 1:00:00 PM' })}`, 401],
    ['a SAS token of a wrong key', `${SAS} ${sas(declared.keys[0])}`, 401],
    ['a SAS token that is cut', `${SAS} ${sas(key1).slice(0, 20)}`, 400],
    ['a bearer token that is none', 'Bearer x.y.z', 401],
];

for (const [what, authorization, status] of credentials) {
    test(`credential, ${what}: ${status}`, async () => {
        const queue = await topic.queue();
        const headers = authorization === undefined ? {} : { authorization };
        const published = await topic.post(':publish', good, {
            key: null,
            headers: { ...STRUCTURED.headers, ...headers },
        });
        assert.equal(published.status, status, published.text);
        const tokens = { lockTokens: ['x'] };
        const settled = await queue.post('acknowledge', tokens, { key: null, headers });
        assert.equal(settled.status, status, settled.text);
        if (status === 401) {
            assert.equal(published.json.error.code, 'Unauthorized');
            assert.equal(settled.json.error.code, 'Unauthorized');
            const received = await queue.post('receive', undefined, { key: null, headers });
            assert.equal(received.status, 401);
        }
    });
}

test('a bearer token of the server', async () => {
    const queue = await topic.queue();
    const token = server.token('x', { aud: 'https://eventgrid.azure.net', roles: undefined });
    const bearer = { key: null, headers: { authorization: `Bearer ${token}` } };
    const answer = await topic.post(':publish', good, {
        ...bearer,
        headers: { ...bearer.headers, ...STRUCTURED.headers },
    });
    assert.equal(answer.status, 200, answer.text);
    const [one] = await queue.receive(1, bearer);
    assert.equal(one.event.id, 'x');
});

/* [method, what is below the topic, status] */
const methods = [
    ['GET', ':publish', 405],
    ['PUT', ':publish', 405],
    ['GET', '/eventsubscriptions/QUEUE:receive', 405],
    ['DELETE', '/eventsubscriptions/QUEUE:acknowledge', 405],
    ['POST', '', 404],
    ['POST', ':nothing', 404],
    ['POST', '/eventsubscriptions/QUEUE:nothing', 404],
    ['POST', '/eventsubscriptions/QUEUE', 404],
    ['POST', '/eventsubscriptions/nobody:receive', 404],
    ['POST', '/eventsubscriptions/nobody:renewLock', 404],
    ['POST', '/eventSubscriptions/QUEUE:renewLock', 200],
];

for (const [method, below, status] of methods) {
    test(`${method} ${below}: ${status}`, async () => {
        const queue = await topic.queue();
        const answer = await topic.post(
            below.replace('QUEUE', queue.name),
            { lockTokens: ['x'] },
            { method, headers: { 'content-type': 'application/json' } },
        );
        assert.equal(answer.status, status, answer.text);
        if (status !== 200) {
            assert.ok(answer.json.error.code && answer.json.error.message, answer.text);
        }
    });
}

test('a subscription that pushes cannot be received from', async () => {
    const name = 'pushed';
    const endpoint = grid.endpoint();
    const push = { destination: endpoint.rawDestination({ skipValidation: true }) };
    await topic.subscribe({ deliveryConfiguration: { deliveryMode: 'Push', push } }, name);
    const answer = await topic.post(`/eventsubscriptions/${name}:receive`);
    assert.equal(answer.status, 400, answer.text);
});

await run();
