/* Publishing to event topics and domains: the official publisher in all three schemas, with keys and
 * with SAS tokens; what it cannot send as plain requests (spec/eventgrid.md 1.1, 1.6 to 1.8, 2.1); and
 * what comes out in each delivery schema (3.7), read by the official deserializer and by npm's
 * cloudevents (4.9). What is refused is in eventgrid_refused_test.mjs.
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
import { Grid, MAPPING, fails, sample } from './lib/eventgrid.mjs';
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
    await fails(cloud.publisher({ schema: 'EventGridSchema' }).send(IN_ORDER), 400, 'BadRequest');
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
    await fails(domain.publisher().send([sample.EventGridSchema('1')]), 400, 'BadRequest');
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
