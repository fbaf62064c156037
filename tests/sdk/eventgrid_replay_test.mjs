/* What Azure does not have: the log of all attempts, dead letters that are looked at and sent again, one
 * event or all since a time out of the archive, and the dry run of an event; by REST
 * (/api/eventgrid, docs/eventgrid.md) and by `pubgrid event`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { deadLetterFiles, untilDeadLetter } from './lib/dead_letters.mjs';
import { Grid, MAPPING, sample } from './lib/eventgrid.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const grid = await Grid.start({ retry_scale: 0.001 });
const { server } = grid;

const letters = (container) => ({
    deadLetterDestination: {
        endpointType: 'StorageBlob',
        properties: { blobContainerName: container },
    },
});
const retries = (maxDeliveryAttempts) => ({
    retryPolicy: { probation: false, maxDeliveryAttempts },
});
const below = (topic, endpoint, what) =>
    `${topic.path}/eventSubscriptions/${endpoint.subscription}/${what}`;
const publish = (topic, ...ids) =>
    topic.publisher().send(ids.map((id) => sample[topic.schema](id)));

/* The JSON of an answer that succeeds. */
async function must(method, target, body) {
    const { status, text, json } = await grid.own(method, target, body);
    assert.equal(status, 200, `${method} ${target}: ${status} ${text}`);
    return json;
}

/* What `pubgrid event ...` prints, one object a line. */
const lines = (...words) => {
    const [first, ...rest] = words;
    const text = server.cli('event', first, ...rest, '--json');
    return text
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
};

/* ---------------------------------------------------------------- the log */

test('the log has each attempt: time, status, outcome, latency, next attempt', async () => {
    const topic = await grid.topic();
    const endpoint = await topic.hears(retries(3));
    const slow = 50;
    endpoint.answer = async () => {
        await new Promise((resolve) => {
            setTimeout(resolve, slow);
        });
        return { status: endpoint.deliveries.length < 3 ? 503 : 200 };
    };
    const well = await topic.hears();
    await publish(topic, 'logged');
    await well.takeEvent('logged');
    const log = await until('three attempts', async () => {
        const { value } = await must('GET', below(topic, endpoint, 'log'));
        return value.length === 3 && value;
    });
    const attempts = log.toReversed();
    assert.deepEqual(
        attempts.map(({ attempt }) => attempt),
        [1, 2, 3],
    );
    assert.deepEqual(
        attempts.map(({ status }) => status),
        [503, 503, 200],
    );
    assert.deepEqual(
        attempts.map(({ outcome }) => outcome),
        ['Busy', 'Busy', 'Delivered'],
    );
    for (const { eventId, time, latencyMs } of attempts) {
        assert.equal(eventId, 'logged');
        assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, time);
        assert.ok(latencyMs >= slow - 5 && latencyMs < 20_000, `${latencyMs}`);
    }
    assert.ok(Date.parse(attempts[0].nextAttempt) >= Date.parse(attempts[0].time));
    assert.equal(attempts[2].nextAttempt, null);
    const failures = await must('GET', `${below(topic, endpoint, 'log')}?failures=true`);
    assert.deepEqual(
        failures.value.map(({ status }) => status),
        [503, 503],
    );
    const one = await must('GET', `${below(topic, endpoint, 'log')}?top=1`);
    assert.deepEqual(
        one.value.map(({ attempt }) => attempt),
        [3],
    );
    const all = await must('GET', `${topic.path}/log`);
    assert.deepEqual(
        [...new Set(all.value.map(({ eventSubscription }) => eventSubscription))].toSorted(),
        [endpoint.subscription, well.subscription].toSorted(),
    );
    const printed = lines('subscription', 'log', topic.name, endpoint.subscription);
    assert.deepEqual(printed.map(({ status }) => status).toSorted(), [200, 503, 503]);
    const text = server.cli('event', 'subscription', 'log', topic.name, endpoint.subscription);
    assert.match(text, /503.*Busy.*logged/);
});

/* ---------------------------------------------------------------- dead letters */

const lettersOf = async (topic, endpoint, query = '') =>
    must('GET', `${below(topic, endpoint, 'deadLetters')}${query}`);
const count = (endpoint) =>
    deadLetterFiles(server, 'dead', endpoint.subscription).flatMap(({ events }) => events).length;

test('dead letters: listed in pages, one is sent again, then all', async () => {
    const topic = await grid.topic();
    const endpoint = await topic.hears({ ...letters('dead'), ...retries(1) });
    endpoint.answer = () => ({ status: 500 });
    const ids = Array.from({ length: 7 }, (_, index) => `dead-${index}`);
    await publish(topic, ...ids);
    await until('all are dead', () => count(endpoint) === ids.length);
    const listed = await lettersOf(topic, endpoint);
    const flat = (value) => value.flatMap((letter) => letter.event ?? letter);
    assert.deepEqual(
        flat(listed.value)
            .map(({ id, eventId }) => eventId ?? id)
            .toSorted(),
        ids,
    );
    const paged = [];
    for (let after = ''; after !== undefined && after !== null;) {
        const page = await lettersOf(
            topic,
            endpoint,
            `?top=3${after && `&after=${encodeURIComponent(after)}`}`,
        );
        paged.push(...page.value);
        after = page.next;
    }
    assert.equal(paged.length, ids.length);
    const shown = lines('dead-letter', 'list', topic.name, endpoint.subscription);
    assert.ok(JSON.stringify(shown).includes('MaxDeliveryAttemptsExceeded'));
    endpoint.answer = () => ({ status: 200 });
    const first = await must('POST', below(topic, endpoint, 'resend'), { id: 'dead-3' });
    assert.equal(first.events, 1);
    await until('it came', () => endpoint.ids().filter((id) => id === 'dead-3').length === 2);
    const again = endpoint.deliveries.at(-1);
    assert.equal(again.headers['aeg-delivery-count'], '0');
    assert.equal(JSON.parse(again.text)[0].deadLetterReason, undefined);
    await until('it is no dead letter any more', () => count(endpoint) === ids.length - 1);
    const rest = await must('POST', below(topic, endpoint, 'resend'), {});
    assert.equal(rest.events, ids.length - 1);
    await until('all came', () =>
        ids.every((id) => endpoint.ids().filter((one) => one === id).length === 2),
    );
    await until('none is left', () => count(endpoint) === 0);
    assert.deepEqual((await lettersOf(topic, endpoint)).value, []);
});

test('dead letters of CloudEvents come back as they were', async () => {
    const topic = await grid.topic({ inputSchema: 'CloudEventSchemaV1_0' });
    const endpoint = await topic.hears({ ...letters('dead'), ...retries(1) });
    endpoint.answer = () => ({ status: 400 });
    await publish(topic, 'cloud');
    await untilDeadLetter(server, 'dead', endpoint.subscription, 'cloud');
    endpoint.answer = () => ({ status: 200 });
    server.cli('event', 'dead-letter', 'resend', topic.name, endpoint.subscription, 'cloud');
    await until('it came', () => endpoint.deliveries.length === 2);
    const [before, after] = endpoint.deliveries.map(({ text }) => JSON.parse(text));
    assert.deepEqual(after, before);
});

test('dead letters of a schema of its own come back as they were', async () => {
    const topic = await grid.topic({
        inputSchema: 'CustomEventSchema',
        inputSchemaMapping: MAPPING,
    });
    const endpoint = await topic.hears({ ...letters('dead'), ...retries(1) });
    endpoint.answer = () => ({ status: 413 });
    await topic.publisher().send([{ key: 'own', n: 9 }]);
    await until('it is dead', () => count(endpoint) === 1);
    endpoint.answer = () => ({ status: 200 });
    await must('POST', below(topic, endpoint, 'resend'), {});
    await until('it came', () => endpoint.deliveries.length === 2);
    assert.deepEqual(JSON.parse(endpoint.deliveries[1].text), [{ key: 'own', n: 9 }]);
});

/* ---------------------------------------------------------------- the archive */

/* A topic that keeps its events; the management client does not know the property. */
async function keeping(properties = {}) {
    const topic = await grid.topic(properties);
    const { status, text } = await grid.manage('PATCH', topic.path, {
        properties: { eventRetentionInDays: 2 },
    });
    assert.ok([200, 201, 202].includes(status), text);
    return topic;
}

/* All of these are in the archive, which is written when events are acknowledged there. */
const archived = (...ids) =>
    until(`${ids} are archived`, () => {
        const folder = path.join(server.folder, 'store/archive');
        const text = fs.existsSync(folder)
            ? fs
                  .readdirSync(folder, { recursive: true, withFileTypes: true })
                  .filter((entry) => entry.isFile())
                  .map((entry) =>
                      fs.readFileSync(
                          path.join(entry.parentPath ?? entry.path, entry.name),
                          'utf8',
                      ),
                  )
                  .join('')
            : '';
        return ids.every((id) => text.includes(id));
    });

const times = (endpoint, id) => endpoint.ids().filter((one) => one === id).length;

for (const inputSchema of ['EventGridSchema', 'CloudEventSchemaV1_0']) {
    test(`replay, ${inputSchema}: what was accepted since then, to chosen subscriptions, by their filters`, async () => {
        const topic = await keeping({ inputSchema });
        const before = [`${inputSchema}-a`, `${inputSchema}-b`];
        await publish(topic, ...before);
        await archived(...before);
        const since = new Date(Date.now() + 1100 - (Date.now() % 1000)).toISOString();
        await until('a second later', () => Date.now() > Date.parse(since));
        const after = [`${inputSchema}-c`, `${inputSchema}-d`];
        await publish(topic, ...after);
        await archived(...after);
        const all = await topic.hears();
        const key = { EventGridSchema: 'ID', CloudEventSchemaV1_0: 'id' }[inputSchema];
        const some = await topic.hears({
            filter: { advancedFilters: [{ operatorType: 'StringEndsWith', key, values: ['-d'] }] },
        });
        const other = await topic.hears();
        await must('POST', `${topic.path}/replay`, {
            since,
            eventSubscriptions: [all.subscription, some.subscription],
        });
        await until('both', () => after.every((id) => all.ids().includes(id)));
        await some.takeEvent(after[1]);
        await must('POST', `${topic.path}/replay`, {
            since: '2020-01-01T00:00:00Z',
            eventSubscriptions: [all.subscription],
        });
        await until('all', () => [...before, ...after].every((id) => all.ids().includes(id)));
        assert.deepEqual(some.ids(), [after[1]]);
        assert.deepEqual(other.ids(), []);
        assert.equal(times(all, before[0]), 1);
    });
}

test('one event is sent again, to all or to one', async () => {
    const topic = await keeping();
    const [one, two] = [await topic.hears(), await topic.hears()];
    await publish(topic, 'again-1', 'again-2');
    await archived('again-1', 'again-2');
    await until('all', () => [one, two].every((endpoint) => endpoint.ids().length === 2));
    const { events } = await must('POST', `${topic.path}/resend`, {
        id: 'again-1',
        eventSubscriptions: [one.subscription],
    });
    assert.equal(events, 1);
    await until('the second time', () => times(one, 'again-1') === 2);
    assert.equal(times(two, 'again-1'), 1);
    server.cli('event', 'resend', topic.name, 'again-2');
    await until('at both', () => [one, two].every((endpoint) => times(endpoint, 'again-2') === 2));
    assert.equal(times(one, 'again-1'), 2);
});

test('a topic that keeps nothing has nothing to send again', async () => {
    const topic = await grid.topic();
    const endpoint = await topic.hears();
    await publish(topic, 'gone');
    await endpoint.takeEvent('gone');
    for (const [what, body] of [
        ['replay', { since: '2020-01-01T00:00:00Z' }],
        ['resend', { id: 'gone' }],
    ]) {
        const { status, json } = await grid.own('POST', `${topic.path}/${what}`, body);
        assert.ok([400, 404, 409].includes(status), `${what}: ${status}`);
        assert.ok(json.error.message.length > 5);
    }
    const bad = await grid.own('POST', `${(await keeping()).path}/replay`, { since: 'noon' });
    assert.equal(bad.status, 400);
});

/* ---------------------------------------------------------------- the dry run */

test('the dry run says who would get an event, and why the others would not', async () => {
    const topic = await grid.topic();
    const only = (value) => ({
        filter: {
            advancedFilters: [{ operatorType: 'StringIn', key: 'data.color', values: [value] }],
        },
    });
    const red = await topic.hears(only('red'));
    const blue = await topic.hears(only('blue'));
    const typed = await topic.hears({ filter: { includedEventTypes: ['other'] } });
    const event = sample.EventGridSchema('dry', { color: 'Red' });
    const answer = await must('POST', `${topic.path}/test`, [event]);
    const text = JSON.stringify(answer);
    for (const { subscription } of [red, blue, typed]) {
        assert.ok(text.includes(`"${subscription}"`), text);
    }
    assert.match(text, /data\.color/);
    const verdicts = answer.value[0].eventSubscriptions ?? answer.value;
    const taken = verdicts.filter(({ matches, matched, takes }) => matches ?? matched ?? takes);
    assert.deepEqual(
        taken.map(({ name, eventSubscription }) => name ?? eventSubscription),
        [red.subscription],
    );
    await topic.publisher().send([sample.EventGridSchema('wet', { color: 'red' })]);
    await red.takeEvent('wet');
    assert.deepEqual(red.ids(), ['wet']);
    const file = path.join(server.folder, 'event.json');
    fs.writeFileSync(file, JSON.stringify(event));
    const printed = server.cli('event', 'test', topic.name, file);
    assert.match(printed, new RegExp(red.subscription));
    assert.match(printed, new RegExp(`${blue.subscription}.*data\\.color`));
});

await run();
