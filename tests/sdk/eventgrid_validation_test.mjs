/* Consent of webhooks: the handshake of EventGridSchema and of a schema of one's own, that of
 * CloudEvents, by hand, not at all, and the word at the end (spec/eventgrid.md 4.7, 4.8).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { Grid, MAPPING, consent, fresh, json, sample } from './lib/eventgrid.mjs';
import { freePort } from './lib/ports.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const latePort = await freePort();
const lateUrl = `http://127.0.0.1:${latePort}/late?code=secret`;
const declared = (name, properties) => ({ name, properties });
const late = (more) => ({
    destination: { endpointType: 'WebHook', properties: { endpointUrl: lateUrl } },
    ...more,
});
const KEY = Buffer.alloc(32, 'k').toString('base64');
const grid = await Grid.start({
    topics: [
        {
            name: 'declared',
            key1: KEY,
            eventSubscriptions: [
                declared('late', late()),
                declared('late-cloud', late({ eventDeliverySchema: 'CloudEventSchemaV1_0' })),
            ],
        },
    ],
});
const plain = await grid.topic();
const cloud = await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' });
const own = await grid.topic({ inputSchema: 'CustomEventSchema', inputSchemaMapping: MAPPING });

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/* The state in which the subscription is, as the management client sees it. */
const stateOf = async (topic, name) =>
    (await grid.arm.eventSubscriptions.get(topic.id, name)).provisioningState;

/* Subscribes an endpoint whose consent is this; resolves to { endpoint, name }, and `error` if it fails
 * or `poller`, which is done when the subscription is in force: the client waits for a hand, too. */
async function subscribe(topic, consents, more = {}) {
    const endpoint = grid.endpoint();
    const name = fresh('sub');
    endpoint.consent = consents;
    const info = { destination: endpoint.destination(), ...more };
    const { eventSubscriptions } = grid.arm;
    const begun = await eventSubscriptions
        .beginCreateOrUpdate(topic.id, name, info, { updateIntervalInMs: 100 })
        .then(
            (poller) => ({ poller }),
            (error) => ({ error }),
        );
    return { endpoint, name, ...begun };
}

const isThere = (topic, name) =>
    grid.arm.eventSubscriptions.get(topic.id, name).then(
        () => true,
        (error) => (error.statusCode === 404 ? false : assert.fail(error)),
    );

/* ---------------------------------------------------------------- EventGridSchema (4.7) */

for (const topic of [plain, own]) {
    test(`${topic.schema}: the question, header by header`, async () => {
        const { endpoint, name, error } = await subscribe(topic, consent);
        assert.equal(error, undefined);
        assert.equal(endpoint.asked.length, 1);
        const [{ method, headers, text }] = endpoint.asked;
        assert.equal(method, 'POST');
        assert.equal(headers['aeg-event-type'], 'SubscriptionValidation');
        assert.match(headers['content-type'], /^application\/json/);
        const events = JSON.parse(text);
        assert.equal(events.length, 1);
        const [{ id, subject, data, eventType, eventTime, metadataVersion, ...rest }] = events;
        assert.match(id, GUID);
        assert.ok(rest.topic.endsWith(topic.path), rest.topic);
        assert.equal(subject, '');
        assert.equal(eventType, 'Microsoft.EventGrid.SubscriptionValidationEvent');
        assert.ok(Math.abs(Date.parse(eventTime) - Date.now()) < 60_000);
        assert.equal(metadataVersion, '1');
        assert.ok(['1', '2'].includes(rest.dataVersion));
        assert.match(data.validationCode, GUID);
        assert.ok(data.validationUrl.startsWith('http'), data.validationUrl);
        assert.equal(await stateOf(topic, name), 'Succeeded');
    });
}

const codeOf = ({ text }) => JSON.parse(text)[0].data.validationCode;

/* What is consent at once, what waits for somebody's hand, and what is refused. */
const answers = {
    'the code': [consent, 'Succeeded'],
    'the code in PascalCase': [(asked) => json({ ValidationResponse: codeOf(asked) }), 'Succeeded'],
    'the code, as another type': [
        (asked) => ({ ...consent(asked), headers: { 'content-type': 'application/problem+json' } }),
        'Succeeded',
    ],
    'another code': [() => json({ validationResponse: 'x' }), 'AwaitingManualAction'],
    'no code': [() => json({}), 'AwaitingManualAction'],
    'no JSON': [() => ({ status: 200, body: 'hello' }), 'AwaitingManualAction'],
    'an empty body': [() => ({ status: 200 }), 'AwaitingManualAction'],
    'the code with 202': [(asked) => ({ ...consent(asked), status: 202 }), undefined],
    400: [() => ({ status: 400 }), undefined],
    404: [() => ({ status: 404 }), undefined],
    500: [() => ({ status: 500, body: 'broken' }), undefined],
    'a redirect': [() => ({ status: 302, headers: { location: '/elsewhere' } }), undefined],
    'a closed connection': [
        (_, response) => {
            response.socket.destroy();
            return 'done';
        },
        undefined,
    ],
};

for (const [what, [consents, state]] of Object.entries(answers)) {
    test(`EventGridSchema, the answer is ${what}`, async () => {
        const { endpoint, name, error } = await subscribe(plain, consents);
        if (state) {
            assert.equal(error, undefined, error?.message);
            assert.equal(await stateOf(plain, name), state);
            return;
        }
        assert.equal(error?.statusCode, 400, error?.message);
        assert.match(error.message, /^Webhook validation handshake failed for http/);
        assert.equal(await isThere(plain, name), false);
        assert.ok(endpoint.asked.length > 0);
    });
}

test('nobody is there to ask: the subscription is not made', async () => {
    const name = fresh('sub');
    const destination = { endpointType: 'WebHook', endpointUrl: `http://127.0.0.1:${latePort}/x` };
    const error = await plain.subscribe({ destination }, name).catch((reason) => reason);
    assert.equal(error.statusCode, 400);
    assert.match(error.message, /^Webhook validation handshake failed for http/);
    assert.equal(await isThere(plain, name), false);
});

/* GET of a URL of a question, as somebody does it by hand. */
async function open(url, method = 'GET') {
    const request = http.request(url, { method });
    request.end();
    const [response] = await once(request, 'response');
    const chunks = [];
    for await (const chunk of response) {
        chunks.push(chunk);
    }
    return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
}

test('by hand: nothing is delivered until the URL is opened, and then all', async () => {
    const { endpoint, name, poller } = await subscribe(plain, () => ({ status: 200 }));
    const url = JSON.parse(endpoint.asked[0].text)[0].data.validationUrl;
    const witness = await plain.hears();
    await plain.publisher().send([sample.EventGridSchema('by-hand-1')]);
    await witness.takeEvent('by-hand-1');
    assert.deepEqual(endpoint.deliveries, []);
    assert.equal(await stateOf(plain, name), 'AwaitingManualAction');
    const forged = new URL(url);
    for (const [key, value] of new URL(url).searchParams) {
        forged.searchParams.set(
            key,
            value.replace(/[0-9a-f]/g, (digit) => (digit === '1' ? '2' : '1')),
        );
    }
    assert.ok((await open(forged.href)).status >= 400);
    assert.equal(await stateOf(plain, name), 'AwaitingManualAction');
    const { status, text } = await open(url);
    assert.equal(status, 200);
    assert.match(text, /Webhook successfully validated as a subscription endpoint/);
    assert.equal((await poller.pollUntilDone()).provisioningState, 'Succeeded');
    await plain.publisher().send([sample.EventGridSchema('by-hand-2')]);
    await endpoint.takeEvent('by-hand-2');
});

test('asked again when the endpoint changes, and not when something else does', async () => {
    const { endpoint, name } = await subscribe(plain, consent);
    const update = (info) => grid.arm.eventSubscriptions.beginUpdateAndWait(plain.id, name, info);
    await update({ labels: ['x'] });
    assert.equal(endpoint.asked.length, 1);
    const other = grid.endpoint();
    await update({ destination: other.destination() });
    assert.equal(other.asked.length, 1);
    const bad = grid.endpoint();
    bad.consent = () => ({ status: 500 });
    const error = await update({ destination: bad.destination() }).catch((reason) => reason);
    assert.equal(error.statusCode, 400);
    await plain.publisher().send([sample.EventGridSchema('after-update')]);
    await other.takeEvent('after-update');
    assert.deepEqual([...endpoint.deliveries, ...bad.deliveries], []);
});

/* ---------------------------------------------------------------- CloudEvents (4.8) */

const cloudOnly =
    (headers, status = 200) =>
    () => ({ status, headers });
const allowing = (origin) => cloudOnly({ 'WebHook-Allowed-Origin': origin });

test('CloudEvents: the question, header by header, with the query', async () => {
    const endpoint = grid.endpoint();
    const destination = endpoint.destination({ endpointUrl: `${endpoint.url}?code=a%20b` });
    await cloud.subscribe({ destination });
    assert.equal(endpoint.asked.length, 1);
    const [{ method, headers, search, text }] = endpoint.asked;
    assert.equal(method, 'OPTIONS');
    assert.equal(search, '?code=a%20b');
    assert.equal(headers['webhook-request-origin'], 'eventgrid.azure.net');
    assert.ok(headers['webhook-request-callback'].startsWith('http'));
    assert.match(headers['webhook-request-rate'], /^\d+$/);
    assert.equal(text, '');
});

const cloudAnswers = {
    'the origin': [allowing('eventgrid.azure.net'), 'Succeeded'],
    'the origin in another case': [allowing('EventGrid.Azure.net'), 'Succeeded'],
    'any origin': [allowing('*'), 'Succeeded'],
    'with a rate': [
        cloudOnly({ 'webhook-allowed-origin': '*', 'webhook-allowed-rate': '100' }),
        'Succeeded',
    ],
    204: [cloudOnly({ 'webhook-allowed-origin': '*' }, 204), 'Succeeded'],
    'no origin': [cloudOnly({}), 'AwaitingManualAction'],
    'another origin': [allowing('example.com'), undefined],
    404: [cloudOnly({ 'webhook-allowed-origin': '*' }, 404), undefined],
    405: [cloudOnly({}, 405), undefined],
    500: [cloudOnly({}, 500), undefined],
};

for (const [what, [consents, state]] of Object.entries(cloudAnswers)) {
    test(`CloudEvents, the answer is ${what}`, async () => {
        const { name, error } = await subscribe(cloud, consents);
        if (state) {
            assert.equal(error, undefined, error?.message);
            assert.equal(await stateOf(cloud, name), state);
        } else {
            assert.equal(error?.statusCode, 400, error?.message);
            assert.equal(await isThere(cloud, name), false);
        }
    });
}

for (const method of ['GET', 'POST']) {
    test(`CloudEvents by hand: ${method} of the callback`, async () => {
        const { endpoint, name } = await subscribe(cloud, cloudOnly({}));
        const callback = endpoint.asked[0].headers['webhook-request-callback'];
        assert.equal((await open(callback, method)).status, 200);
        await until('it is in force', async () => (await stateOf(cloud, name)) === 'Succeeded');
        await cloud.publisher().send([sample.CloudEventSchemaV1_0(`callback-${method}`)]);
        await endpoint.takeEvent(`callback-${method}`);
    });
}

test('EventGridSchema delivered as CloudEvents is asked in their way', async () => {
    const more = { eventDeliverySchema: 'CloudEventSchemaV1_0' };
    const { endpoint, error } = await subscribe(plain, consent, more);
    assert.equal(error, undefined);
    assert.deepEqual(
        endpoint.asked.map(({ method }) => method),
        ['OPTIONS'],
    );
});

/* ---------------------------------------------------------------- without, later, and the end */

test('skipValidation: nobody is asked', async () => {
    for (const topic of [plain, cloud]) {
        const endpoint = grid.endpoint();
        endpoint.consent = () => ({ status: 500 });
        await topic.put({ destination: endpoint.rawDestination({ skipValidation: true }) });
        const id = `unasked-${topic.schema}`;
        await topic.publisher().send([sample[topic.schema](id)]);
        await endpoint.takeEvent(id);
        assert.deepEqual(endpoint.asked, []);
    }
});

test('the endpoint is told when its subscription is deleted', async () => {
    const { endpoint, name } = await subscribe(plain, consent);
    const { id } = await grid.arm.eventSubscriptions.get(plain.id, name);
    await grid.arm.eventSubscriptions.beginDeleteAndWait(plain.id, name);
    await until('the farewell', () => endpoint.farewells.length > 0);
    const [{ method, headers, text }] = endpoint.farewells;
    assert.equal(method, 'POST');
    assert.equal(headers['aeg-event-type'], 'SubscriptionDeletion');
    const [{ eventType, data }] = JSON.parse(text);
    assert.equal(eventType, 'Microsoft.EventGrid.SubscriptionDeletedEvent');
    assert.equal(data.eventSubscriptionId.toLowerCase(), id.toLowerCase());
    assert.equal(await isThere(plain, name), false);
});

test('a declared subscription waits for an endpoint that starts later', async () => {
    const asked = [];
    const events = [];
    const endpoint = http.createServer((request, response) => {
        const chunks = [];
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('end', () => {
            const call = {
                ...request,
                method: request.method,
                headers: request.headers,
                text: Buffer.concat(chunks).toString(),
            };
            const isQuestion =
                call.method === 'OPTIONS' ||
                call.headers['aeg-event-type'] === 'SubscriptionValidation';
            (isQuestion ? asked : events).push(call);
            const { status, headers, body } = isQuestion ? consent(call) : { status: 200 };
            response.writeHead(status, headers).end(body);
        });
    });
    endpoint.unref();
    await plain
        .publisher({
            endpoint: grid.server.httpUrl('/topics/declared/api/events'),
            credential: { key: KEY },
        })
        .send([sample.EventGridSchema('before')]);
    endpoint.listen(latePort, '127.0.0.1');
    await until(
        'both are asked',
        () => new Set(asked.map(({ method }) => method)).size === 2,
        40_000,
    );
    const publisher = plain.publisher({
        endpoint: grid.server.httpUrl('/topics/declared/api/events'),
        credential: { key: KEY },
    });
    await publisher.send([sample.EventGridSchema('after')]);
    await until(
        'both have all events',
        () =>
            ['before', 'after'].every(
                (id) => events.filter(({ text }) => text.includes(`"${id}"`)).length >= 2,
            ),
        40_000,
    );
    endpoint.close();
});

await run();
