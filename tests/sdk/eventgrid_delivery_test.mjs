/* Deliveries to webhooks: headers, batches, delivery attributes, what each status leads to, delays,
 * dead letters, endpoints that hang or are slow, signatures, https (spec/eventgrid.md 3.5 to 3.8,
 * section 4). The table of delays runs at a hundredth (event_grid.retry_scale).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import https from 'node:https';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { AUTHORITY, certificate, unknownCertificate } from './lib/certificates.mjs';
import { deadLetterFiles, untilDeadLetter } from './lib/dead_letters.mjs';
import { Grid, MAPPING, consent, sample } from './lib/eventgrid.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const SCALE = 0.01;
const grid = await Grid.start({ retry_scale: SCALE }, { bridge: { webhook_ca: AUTHORITY } });
const { server } = grid;
const schemas = {
    EventGridSchema: await grid.topic(),
    CloudEventSchemaV1_0: await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' }),
    CustomEventSchema: await grid.topic({
        inputSchema: 'CustomEventSchema',
        inputSchemaMapping: MAPPING,
    }),
};
const { EventGridSchema: plain, CloudEventSchemaV1_0: cloud } = schemas;

const files = (container) => ({
    deadLetterDestination: {
        endpointType: 'StorageBlob',
        properties: {
            resourceId: '/subscriptions/x/storageAccounts/sa',
            blobContainerName: container,
        },
    },
});
const retries = (more) => ({ retryPolicy: { probation: false, ...more } });
const publish = (topic, ...ids) =>
    topic.publisher().send(ids.map((id) => sample[topic.schema](id)));
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/* ---------------------------------------------------------------- headers (4.1) */

const TRANSPORT = [
    'host',
    'content-length',
    'connection',
    'accept',
    'accept-encoding',
    'user-agent',
];

/* Without those of HTTP itself. */
const headersOf = (delivery) =>
    Object.fromEntries(
        Object.entries(delivery.headers).filter(([name]) => !TRANSPORT.includes(name)),
    );

const cloudHeaders = (type) => ({
    'content-type': `application/${type}+json; charset=utf-8`,
    'aeg-metadata-version': '1.0',
    origin: 'eventgrid.azure.net',
});
const gridHeaders = (dataVersion) => ({
    'content-type': 'application/json; charset=utf-8',
    'aeg-data-version': dataVersion,
    'aeg-metadata-version': '1',
});

/* [schema of the topic, properties, of the destination, headers] */
const shapes = [
    ['EventGridSchema', {}, {}, gridHeaders('1')],
    ['EventGridSchema', {}, { maxEventsPerBatch: 10 }, gridHeaders('1')],
    [
        'EventGridSchema',
        { eventDeliverySchema: 'CloudEventSchemaV1_0' },
        {},
        cloudHeaders('cloudevents'),
    ],
    ['CloudEventSchemaV1_0', {}, {}, cloudHeaders('cloudevents')],
    ['CloudEventSchemaV1_0', {}, { maxEventsPerBatch: 10 }, cloudHeaders('cloudevents-batch')],
    ['CustomEventSchema', {}, {}, undefined],
    ['CustomEventSchema', { eventDeliverySchema: 'EventGridSchema' }, {}, gridHeaders('7')],
];

for (const [index, [schema, properties, destination, expected]] of shapes.entries()) {
    test(`headers: ${schema} ${JSON.stringify({ ...properties, ...destination })}`, async () => {
        const endpoint = await schemas[schema].hears(properties, destination);
        await publish(schemas[schema], `headers-${index}`);
        const delivery = await endpoint.takeEvent(`headers-${index}`);
        const { 'aeg-output-event-id': outputId, ...headers } = headersOf(delivery);
        assert.match(outputId, GUID);
        const always = {
            'aeg-event-type': 'Notification',
            'aeg-subscription-name': endpoint.subscription.toUpperCase(),
            'aeg-delivery-count': '0',
        };
        if (expected) {
            assert.deepEqual(headers, { ...always, ...expected });
        } else {
            assert.deepEqual({ ...headers, ...always }, headers);
            assert.equal(headers['content-type'], 'application/json; charset=utf-8');
        }
        const isArray = delivery.text.startsWith('[');
        assert.equal(
            isArray,
            expected?.['content-type'] !== cloudHeaders('cloudevents')['content-type'],
        );
    });
}

/* ---------------------------------------------------------------- batches (3.6) */

/* The endpoint lets the first delivery wait, so that the rest is at hand when that is answered. */
function holdFirst(endpoint) {
    let release;
    const held = new Promise((resolve) => {
        release = resolve;
    });
    endpoint.answer = async () => {
        if (endpoint.deliveries.length === 1) {
            await held;
        }
        return { status: 200 };
    };
    return release;
}

const numbered = (name, count) => Array.from({ length: count }, (_, index) => `${name}-${index}`);
const sizes = ({ deliveries }) => deliveries.map(({ text }) => JSON.parse(text).length);

test('batches: what is at hand, up to the limit', async () => {
    const one = { maxEventsPerBatch: 4, maxConcurrentRequests: 1 };
    for (const topic of [plain, cloud]) {
        const endpoint = await topic.hears({}, one);
        const release = holdFirst(endpoint);
        const ids = numbered('batch', 10);
        await publish(topic, 'first');
        await until('the first', () => endpoint.deliveries.length === 1);
        await publish(topic, ...ids);
        release();
        await until('all', () => ids.every((id) => endpoint.ids().includes(id)));
        assert.deepEqual(endpoint.ids().toSorted(), ['first', ...ids].toSorted());
        assert.ok(Math.max(...sizes(endpoint)) <= 4, `${sizes(endpoint)}`);
        assert.ok(Math.max(...sizes(endpoint)) > 1, `${sizes(endpoint)}`);
    }
});

test('batches: the size is a soft bound, a larger event goes alone', async () => {
    const endpoint = await plain.hears(
        {},
        { maxEventsPerBatch: 100, preferredBatchSizeInKilobytes: 2, maxConcurrentRequests: 1 },
    );
    const release = holdFirst(endpoint);
    await publish(plain, 'size-first');
    await until('the first', () => endpoint.deliveries.length === 1);
    const small = numbered('size', 6).map((id) =>
        sample.EventGridSchema(id, { x: 'x'.repeat(500) }),
    );
    await plain
        .publisher()
        .send([sample.EventGridSchema('large', { x: 'x'.repeat(10_000) }), ...small]);
    release();
    await until('all', () => endpoint.ids().length === 8);
    for (const { text } of endpoint.deliveries) {
        assert.ok(text.length < 3000 || JSON.parse(text).length === 1, text.slice(0, 100));
    }
    assert.ok(Math.max(...sizes(endpoint)) > 1);
});

test('batches: one answer for all of them', async () => {
    const endpoint = await plain.hears(retries(), {
        maxEventsPerBatch: 10,
        maxConcurrentRequests: 1,
    });
    endpoint.answer = ({ headers }) => ({
        status: headers['aeg-delivery-count'] === '0' ? 500 : 200,
    });
    const ids = numbered('whole', 5);
    await publish(plain, ...ids);
    const of = (count) =>
        endpoint.deliveries
            .filter(({ headers }) => headers['aeg-delivery-count'] === count)
            .flatMap(({ text }) => JSON.parse(text).map(({ id }) => id));
    await until('all again', () => ids.every((id) => of('1').includes(id)));
    assert.deepEqual(of('1').toSorted(), of('0').toSorted());
});

/* ---------------------------------------------------------------- delivery attributes (3.5) */

const fixed = (name, value, isSecret = false) => ({
    name,
    type: 'Static',
    properties: { value, isSecret },
});
const dynamic = (name, sourceField) => ({ name, type: 'Dynamic', properties: { sourceField } });

test('delivery attributes: static, secret, dynamic', async () => {
    const endpoint = await plain.hears(
        {},
        {
            deliveryAttributeMappings: [
                fixed('X-Static', 'a value'),
                fixed('Authorization', 'Bearer secret', true),
                dynamic('X-Text', 'data.k'),
                dynamic('X-Number', 'data.n'),
                dynamic('X-Bool', 'data.b'),
                dynamic('X-Object', 'data'),
                dynamic('X-Nothing', 'data.nothing'),
                dynamic('X-Id', 'id'),
                dynamic('X-Subject', 'subject'),
            ],
        },
    );
    const data = { k: 'text', n: 1.5, b: true };
    await plain.publisher().send([sample.EventGridSchema('attributes', data)]);
    const { headers } = await endpoint.takeEvent('attributes');
    assert.deepEqual(
        Object.entries(headers).filter(([name]) => /^x-|^auth/.test(name)),
        Object.entries({
            'x-static': 'a value',
            authorization: 'Bearer secret',
            'x-text': 'text',
            'x-number': '1.5',
            'x-bool': 'true',
            'x-id': 'attributes',
            'x-subject': 's',
        }).toSorted(
            ([a], [b]) => Object.keys(headers).indexOf(a) - Object.keys(headers).indexOf(b),
        ),
    );
    assert.equal(endpoint.asked[0].headers['x-static'], 'a value');
});

test('delivery attributes: no event gets another header than its own, in a batch neither', async () => {
    const endpoint = await plain.hears(
        {},
        {
            maxEventsPerBatch: 100,
            maxConcurrentRequests: 1,
            deliveryAttributeMappings: [dynamic('X-Key', 'data.k')],
        },
    );
    const release = holdFirst(endpoint);
    await publish(plain, 'keys-first');
    await until('the first', () => endpoint.deliveries.length === 1);
    const keys = ['a', 'a', 'b', 'b\r\nX-Bad: 1', 'c', undefined, 'ü'];
    await plain
        .publisher()
        .send(keys.map((k, index) => sample.EventGridSchema(`key-${index}`, { k })));
    release();
    await until('all', () => endpoint.ids().length === keys.length + 1);
    for (const { headers, text } of endpoint.deliveries) {
        assert.equal(headers['x-bad'], undefined);
        for (const { data } of JSON.parse(text)) {
            if (/^[a-c]?$/.test(data.k ?? '')) {
                assert.equal(headers['x-key'], data.k);
            }
        }
    }
});

/* ---------------------------------------------------------------- statuses (4.2, 4.3) */

const seconds = (table) => table * SCALE * 1000;

/* Status and the least delay before the next attempt in seconds of the table; none: it is the end. */
const delays = { 404: 300, 408: 120, 503: 30, 500: 10, 302: 10, 429: 10, 205: 10, 418: 10 };

test('each status that is no success is tried again, not before its time', async () => {
    const endpoints = await Promise.all(
        Object.keys(delays).map(async (status) => {
            const endpoint = await plain.hears(retries());
            endpoint.answer = () => ({
                status: endpoint.deliveries.length === 1 ? Number(status) : 200,
                headers: { location: `${endpoint.url}/elsewhere` },
            });
            return [status, endpoint];
        }),
    );
    await publish(plain, 'statuses');
    for (const [status, endpoint] of endpoints) {
        const first = await endpoint.takeEvent('statuses');
        const second = await endpoint.takeEvent('statuses');
        assert.deepEqual(
            [first, second].map(({ headers }) => headers['aeg-delivery-count']),
            ['0', '1'],
        );
        assert.notEqual(first.headers['aeg-output-event-id'], undefined);
        assert.equal(second.url, first.url, 'a redirect is not followed');
        assert.equal(second.text, first.text);
        assert.ok(
            second.at - first.at >= seconds(delays[status]),
            `${status}: ${second.at - first.at} ms`,
        );
    }
});

test('each success is the end', async () => {
    const endpoints = await Promise.all(
        [200, 201, 202, 203, 204].map(async (status) => {
            const endpoint = await plain.hears(files('successes'));
            endpoint.answer = () => ({ status });
            return endpoint;
        }),
    );
    await publish(plain, 'successes');
    await Promise.all(endpoints.map((endpoint) => endpoint.takeEvent('successes')));
    const late = await plain.hears(retries());
    late.answer = () => ({ status: late.deliveries.length < 4 ? 500 : 200 });
    await publish(plain, 'after');
    await until('three retries', () => late.deliveries.length === 4);
    for (const endpoint of endpoints) {
        await endpoint.takeEvent('after');
        assert.deepEqual(endpoint.ids(), ['successes', 'after']);
        assert.deepEqual(deadLetterFiles(server, 'successes', endpoint.subscription), []);
    }
});

const ends = { 400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 413: 'PayloadTooLarge' };

test('statuses without a second attempt: a dead letter at once', async () => {
    const endpoints = await Promise.all(
        Object.entries(ends).map(async ([status, outcome]) => {
            const endpoint = await plain.hears(files('at-once'));
            endpoint.answer = () => ({ status: Number(status) });
            return [Number(status), outcome, endpoint];
        }),
    );
    await publish(plain, 'ends');
    for (const [status, outcome, endpoint] of endpoints) {
        const letter = await untilDeadLetter(server, 'at-once', endpoint.subscription, 'ends');
        assert.equal(endpoint.deliveries.length, 1, status);
        assert.equal(letter.deadLetterReason, `UndeliverableDueTo${outcome}`);
        assert.equal(letter.lastDeliveryOutcome, outcome);
        assert.equal(letter.deliveryAttempts, 1);
        assert.equal(letter.lastHttpStatusCode, status);
    }
});

/* ---------------------------------------------------------------- retries (3.8, 4.4) */

test('the delivery count goes up, the delays follow the table, the identifier stays', async () => {
    const table = [10, 30, 60, 300];
    const endpoint = await plain.hears(retries());
    endpoint.answer = () => ({ status: endpoint.deliveries.length <= table.length ? 500 : 200 });
    await publish(plain, 'table');
    await until('all attempts', () => endpoint.deliveries.length === table.length + 1);
    const { deliveries } = endpoint;
    assert.deepEqual(
        deliveries.map(({ headers }) => headers['aeg-delivery-count']),
        ['0', '1', '2', '3', '4'],
    );
    assert.deepEqual([...new Set(endpoint.ids())], ['table']);
    for (const [index, delay] of table.entries()) {
        const waited = deliveries[index + 1].at - deliveries[index].at;
        assert.ok(waited >= seconds(delay), `attempt ${index + 2} after ${waited} ms`);
    }
});

test('delays of the subscription replace the table', async () => {
    const endpoint = await plain.hears(retries({ backoffInSeconds: [100] }));
    endpoint.answer = () => ({ status: endpoint.deliveries.length < 3 ? 500 : 200 });
    await publish(plain, 'backoff');
    await until('three attempts', () => endpoint.deliveries.length === 3);
    const [first, second, third] = endpoint.deliveries;
    assert.ok(second.at - first.at >= seconds(100));
    assert.ok(third.at - second.at >= seconds(100));
});

test('Retry-After is honoured', async () => {
    const endpoint = await plain.hears(retries());
    endpoint.answer = () =>
        endpoint.deliveries.length === 1
            ? { status: 429, headers: { 'retry-after': '300' } }
            : { status: 200 };
    await publish(plain, 'retry-after');
    await until('two attempts', () => endpoint.deliveries.length === 2);
    const [first, second] = endpoint.deliveries;
    assert.ok(second.at - first.at >= seconds(300), `${second.at - first.at} ms`);
});

/* Between then and now. */
const isRecent = (time) => Math.abs(Date.parse(time) - Date.now()) < 60_000;

test('too many attempts: a dead letter with the reason, in the layout of the blobs', async () => {
    const endpoint = await plain.hears({
        ...files('attempts'),
        ...retries({ maxDeliveryAttempts: 3 }),
    });
    endpoint.answer = () => ({ status: 503 });
    const fresh = await plain.hears();
    await plain.publisher().send([sample.EventGridSchema('attempts', { big: 1 })]);
    await fresh.takeEvent('attempts');
    const { file, ...letter } = await untilDeadLetter(
        server,
        'attempts',
        endpoint.subscription,
        'attempts',
    );
    assert.equal(endpoint.deliveries.length, 3);
    assert.match(
        file,
        new RegExp(
            `^attempts/${endpoint.subscription.toUpperCase()}/20\\d\\d/[1-9]\\d?/[1-9]\\d?/(0|[1-9]\\d?)/[0-9a-f-]{36}\\.json$`,
        ),
    );
    const [delivered] = JSON.parse(endpoint.deliveries[0].text);
    const {
        deadLetterReason,
        deliveryAttempts,
        lastDeliveryOutcome,
        publishTime,
        lastDeliveryAttemptTime,
        lastHttpStatusCode,
        ...event
    } = letter;
    assert.deepEqual(event, delivered);
    assert.deepEqual(
        [deadLetterReason, deliveryAttempts, lastDeliveryOutcome, lastHttpStatusCode],
        ['MaxDeliveryAttemptsExceeded', 3, 'Busy', 503],
    );
    assert.ok(isRecent(publishTime) && isRecent(lastDeliveryAttemptTime));
    assert.ok(Date.parse(publishTime) <= Date.parse(lastDeliveryAttemptTime));
});

test('a dead letter of CloudEvents has its reason in lower case', async () => {
    const endpoint = await cloud.hears({
        ...files('cloud'),
        ...retries({ maxDeliveryAttempts: 1 }),
    });
    endpoint.answer = () => ({ status: 404 });
    await publish(cloud, 'cloud-letter');
    const { file, ...letter } = await untilDeadLetter(
        server,
        'cloud',
        endpoint.subscription,
        'cloud-letter',
    );
    assert.ok(file);
    assert.equal(letter.deadletterreason, 'MaxDeliveryAttemptsExceeded');
    assert.equal(letter.deliveryattempts, 1);
    assert.equal(letter.lastdeliveryoutcome, 'NotFound');
    assert.ok(isRecent(letter.publishtime) && isRecent(letter.lastdeliveryattempttime));
    assert.deepEqual(
        Object.keys(letter).filter((name) => /[A-Z]/.test(name)),
        [],
    );
});

test('dead letters as events of another topic', async () => {
    const graves = await grid.topic();
    const visitor = await graves.hears();
    const endpoint = await plain.hears({
        deadLetterDestination: {
            endpointType: 'EventGridTopic',
            properties: { topicName: graves.name },
        },
    });
    endpoint.answer = () => ({ status: 400 });
    await publish(plain, 'grave');
    const { text } = await visitor.take(({ text: body }) => body.includes('grave'));
    assert.ok(text.includes('"t"'), text);
});

/* ---------------------------------------------------------------- endpoints that are ill */

test('an endpoint that hangs: TimedOut, and others are not slowed down', async () => {
    const hanging = await plain.hears(
        { ...files('hanging'), ...retries({ maxDeliveryAttempts: 2 }) },
        { requestTimeoutInSeconds: 1 },
    );
    hanging.answer = () => 'done';
    const quick = await plain.hears();
    const ids = numbered('quick', 100);
    await publish(plain, ...ids); // one after the other, they would hang for 200 s
    await until('all at the quick one', () => ids.every((id) => quick.ids().includes(id)));
    const letter = await untilDeadLetter(server, 'hanging', hanging.subscription, ids[0]);
    assert.deepEqual(
        [letter.deadLetterReason, letter.lastDeliveryOutcome, letter.deliveryAttempts],
        ['MaxDeliveryAttemptsExceeded', 'TimedOut', 2],
    );
    await grid.arm.eventSubscriptions.beginDeleteAndWait(plain.id, hanging.subscription);
});

test('probation: a failing endpoint is spared, and gets all when it is back', async () => {
    const endpoint = await plain.hears({}, { maxConcurrentRequests: 4 });
    let isIll = true;
    endpoint.answer = () => ({ status: isIll ? 503 : 200 });
    const ids = numbered('probation', 100);
    await publish(plain, ...ids);
    await until('ten failures', () => endpoint.deliveries.length >= 10);
    const other = await plain.hears();
    await publish(plain, 'meanwhile');
    await other.takeEvent('meanwhile');
    assert.ok(endpoint.deliveries.length < 100, `${endpoint.deliveries.length} attempts`);
    isIll = false;
    const all = [...ids, 'meanwhile'];
    const delivered = () => new Set(endpoint.ids());
    await until('all events', () => {
        const ok = delivered();
        return all.every((id) => ok.has(id));
    });
});

test('an endpoint that is gone: SocketError', async () => {
    const endpoint = await plain.hears({
        ...files('gone'),
        ...retries({ maxDeliveryAttempts: 1 }),
    });
    endpoint.answer = (_, response) => {
        response.socket.destroy();
        return 'done';
    };
    await publish(plain, 'gone');
    const letter = await untilDeadLetter(server, 'gone', endpoint.subscription, 'gone');
    assert.equal(letter.lastDeliveryOutcome, 'SocketError');
    assert.equal(letter.lastHttpStatusCode, undefined);
});

/* ---------------------------------------------------------------- signatures, https */

const secret = (letter) => `whsec_${Buffer.alloc(32, letter).toString('base64')}`;

test('Standard Webhooks: the official library verifies what comes', async () => {
    for (const [topic, destination] of [
        [plain, {}],
        [cloud, { maxEventsPerBatch: 10 }],
    ]) {
        const endpoint = await topic.hears(
            {},
            { ...destination, signingSecret: `${secret('a')} ${secret('b')}` },
        );
        const id = `signed-${topic.schema}`;
        await publish(topic, id);
        const { text, headers } = await endpoint.takeEvent(id);
        for (const letter of ['a', 'b']) {
            assert.ok(new StandardWebhook(secret(letter)).verify(text, headers));
        }
        assert.throws(() => new StandardWebhook(secret('c')).verify(text, headers));
        assert.throws(() => new StandardWebhook(secret('a')).verify(`${text} `, headers));
        const [{ method, headers: asked }] = endpoint.asked;
        assert.equal(
            'webhook-signature' in asked,
            method === 'POST',
            'OPTIONS has nothing to sign',
        );
    }
});

/* An https endpoint; calls: what came. */
async function secure({ certificate: cert, key }) {
    const calls = [];
    const endpoint = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) });
    endpoint.on('request', async (request, response) => {
        const chunks = [];
        for await (const chunk of request) {
            chunks.push(chunk);
        }
        const call = {
            method: request.method,
            headers: request.headers,
            text: Buffer.concat(chunks).toString(),
        };
        calls.push(call);
        const isQuestion = request.headers['aeg-event-type'] === 'SubscriptionValidation';
        const { status, headers, body } = isQuestion ? consent(call) : { status: 200 };
        response.writeHead(status, headers).end(body);
    });
    endpoint.listen(0, '127.0.0.1');
    await once(endpoint, 'listening');
    endpoint.unref();
    return { url: `https://127.0.0.1:${endpoint.address().port}/x`, calls };
}

test('https: a certificate of the own authority is trusted, another is not', async () => {
    const good = await secure(certificate('good'));
    await plain.subscribe({ destination: { endpointType: 'WebHook', endpointUrl: good.url } });
    await publish(plain, 'secure');
    await until('it came', () => good.calls.some(({ text }) => text.includes('"secure"')));
    const stranger = await secure(unknownCertificate('stranger'));
    const properties = { endpointUrl: stranger.url };
    const error = await plain
        .subscribe({ destination: { endpointType: 'WebHook', ...properties } })
        .catch((reason) => reason);
    assert.equal(error.statusCode, 400);
    const name = await plain.put({
        destination: {
            endpointType: 'WebHook',
            properties: { ...properties, skipValidation: true },
        },
        ...files('strangers'),
        ...retries({ maxDeliveryAttempts: 1 }),
    });
    await publish(plain, 'stranger');
    const letter = await untilDeadLetter(server, 'strangers', name, 'stranger');
    assert.equal(letter.lastDeliveryOutcome, 'SocketError');
    assert.deepEqual(stranger.calls, []);
});

await run();
