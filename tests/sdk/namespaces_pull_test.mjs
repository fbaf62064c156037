/* Pull delivery of namespaces with the official, unmodified client: events are sent, received,
 * acknowledged, released, rejected, their locks renewed, with all that this client makes of them
 * (spec/eventgrid.md 5.2, 5.3). What it does not send or show is in namespaces_raw_test.mjs, what takes
 * its time in namespaces_locks_test.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { EventGridSenderClient } from '@azure/eventgrid-namespaces';
import assert from 'node:assert/strict';
import { Grid } from './lib/eventgrid.mjs';
import { Namespace, NamespaceTopic, WAIT, idsOf } from './lib/namespaces.mjs';
import { run, test } from './lib/runner.mjs';

const grid = await Grid.start();
const namespace = await Namespace.make(grid);
const topic = await namespace.topic();

const event = (id, more = {}) => ({ id, source: '/here', type: 't', data: { id }, ...more });
const DEFAULT_TYPE = 'application/cloudevents+json; charset=utf-8'; // the client's own, however odd

/* The error with which the official client fails. */
const failure = (promise) =>
    promise.then(
        (value) => assert.fail(`it succeeds: ${JSON.stringify(value)}`),
        (error) => error,
    );

const receive = async (receiver, options = {}) =>
    (await receiver.receiveEvents({ maxWaitTime: WAIT, ...options })).details;

/* So many, in as many calls as it takes. */
async function receiveAll(receiver, count) {
    const all = [];
    while (all.length < count) {
        const some = await receive(receiver, { maxEvents: count - all.length });
        assert.ok(some.length > 0, `${all.length} of ${count} came`);
        all.push(...some);
    }
    return all;
}

const tokensOf = (received) => received.map(({ brokerProperties }) => brokerProperties.lockToken);

const waits = []; // of receivers to which nothing must come
const staysEmpty = (client) => waits.push(receive(client));

/* ---------------------------------------------------------------- publish and receive */

test('one event: all of it arrives', async () => {
    const queue = await topic.queue();
    const time = new Date('2031-02-03T04:05:06.789Z');
    const sent = event('one', {
        time,
        subject: 'about',
        dataSchema: 'http://schema.example/x',
        dataContentType: 'application/json',
        data: { text: 'ü😀', deep: [{ n: 1.5 }], nothing: null },
    });
    await topic.sender().sendEvents(sent);
    const [{ brokerProperties, event: got }, ...others] = await receive(queue.client());
    assert.equal(others.length, 0);
    assert.equal(brokerProperties.deliveryCount, 1);
    assert.ok(brokerProperties.lockToken.length > 0);
    assert.deepEqual(got, { ...sent, specVersion: '1.0' });
});

test('one event: what the client fills in', async () => {
    const queue = await topic.queue();
    const before = Date.now();
    await topic.sender().sendEvents({ source: '/here', type: 't', data: [1] });
    const [{ event: got }] = await receive(queue.client());
    assert.match(got.id, /^[0-9a-f-]{36}$/);
    assert.ok(got.time.getTime() >= before && got.time.getTime() <= Date.now());
    assert.deepEqual([got.dataContentType, got.data], [DEFAULT_TYPE, [1]]);
    assert.deepEqual([got.subject, got.dataSchema], [undefined, undefined]);
});

test('a batch: each event once, no more than maxEvents at a time', async () => {
    const queue = await topic.queue();
    const ids = Array.from({ length: 7 }, (_, index) => `batch-${index}`);
    await topic.sender().sendEvents(ids.map((id) => event(id)));
    const client = queue.client();
    const seen = [];
    while (seen.length < ids.length) {
        const some = await receive(client, { maxEvents: 3 });
        assert.ok(some.length >= 1 && some.length <= 3, `${some.length}`);
        seen.push(...idsOf(some));
    }
    assert.deepEqual(seen.toSorted(), ids);
});

test('maxEvents is 1 if it is not said', async () => {
    const queue = await topic.queue();
    await topic.sender().sendEvents([event('a'), event('b')]);
    assert.equal((await receive(queue.client())).length, 1);
});

test('an empty batch is taken', async () => {
    await topic.sender().sendEvents([]);
});

test('data of each kind, as this client shows it', async () => {
    const queue = await topic.queue();
    const client = queue.client();
    const bytes = new Uint8Array([0, 1, 2, 255]);
    /* [data, what is received]: what is false is lost, bytes become base64 (5.3). */
    const cases = [
        ['text', 'text'],
        [42, 42],
        [true, true],
        [
            [1, 'two', null],
            [1, 'two', null],
        ],
        [0, undefined],
        ['', undefined],
        [false, undefined],
        [null, undefined],
        [undefined, undefined],
        [bytes, Buffer.from(bytes).toString('base64')],
    ];
    for (const [data, expected] of cases) {
        const binary = data instanceof Uint8Array && {
            dataContentType: 'application/octet-stream',
        };
        await topic.sender().sendEvents(event('data', { data, ...binary }));
        const [{ event: got, brokerProperties }] = await receive(client);
        assert.deepEqual(got.data, expected);
        await client.acknowledgeEvents([brokerProperties.lockToken]);
    }
});

test('each subscription gets each event', async () => {
    const queues = [await topic.queue(), await topic.queue()];
    await topic.sender().sendEvents(event('both'));
    for (const queue of queues) {
        assert.deepEqual(idsOf(await receive(queue.client())), ['both']);
    }
});

test('nothing there: an empty answer after maxWaitTime', async () => {
    const queue = await topic.queue();
    const begin = performance.now();
    assert.deepEqual(await receive(queue.client()), []);
    const seconds = (performance.now() - begin) / 1000;
    assert.ok(seconds > WAIT - 0.5 && seconds < WAIT + 20, `${seconds} s`);
});

test('a receiver that waits gets the event at once when it is there', async () => {
    const queue = await topic.queue();
    const waiting = receive(queue.client(), { maxWaitTime: 60 });
    const begin = performance.now();
    await topic.sender().sendEvents(event('late'));
    assert.deepEqual(idsOf(await waiting), ['late']);
    assert.ok(performance.now() - begin < 20_000);
});

/* ---------------------------------------------------------------- what becomes of them */

test('acknowledged: gone, and the token is lost', async () => {
    const lone = await namespace.topic();
    const queue = await lone.queue();
    const client = queue.client();
    await lone.sender().sendEvents([event('a'), event('b')]);
    const tokens = tokensOf(await receiveAll(client, 2));
    const { succeededLockTokens, failedLockTokens } = await client.acknowledgeEvents(tokens);
    assert.deepEqual([succeededLockTokens.toSorted(), failedLockTokens], [tokens.toSorted(), []]);
    const again = await client.acknowledgeEvents(tokens);
    assert.deepEqual(again.succeededLockTokens, []);
    assert.deepEqual(
        again.failedLockTokens.map(({ lockToken, error }) => [lockToken, error.code]),
        tokens.map((token) => [token, 'TokenLost']),
    );
    staysEmpty(client);
});

test('a failure of one token is none of another', async () => {
    const queue = await topic.queue();
    const client = queue.client();
    await topic.sender().sendEvents(event('partly'));
    const [token] = tokensOf(await receive(client));
    const answer = await client.acknowledgeEvents(['bad', token]);
    assert.deepEqual(answer.succeededLockTokens, [token]);
    assert.equal(answer.failedLockTokens.length, 1);
    const [{ lockToken, error }] = answer.failedLockTokens;
    assert.deepEqual([lockToken, error.code], ['bad', 'BadToken']);
    assert.ok(error.message);
});

test('released: at once again, counted, the old token lost', async () => {
    const queue = await topic.queue();
    const client = queue.client();
    await topic.sender().sendEvents(event('released'));
    for (const options of [{}, { releaseDelay: 0 }]) {
        const [{ brokerProperties }] = await receive(client);
        const { lockToken } = brokerProperties;
        const answer = await client.releaseEvents([lockToken], options);
        assert.deepEqual(answer.succeededLockTokens, [lockToken]);
        const { failedLockTokens } = await client.acknowledgeEvents([lockToken]);
        assert.equal(failedLockTokens[0].error.code, 'TokenLost');
    }
    const [{ event: got, brokerProperties }] = await receive(client);
    assert.deepEqual([got.id, brokerProperties.deliveryCount], ['released', 3]);
});

test('released for a while: not there meanwhile', async () => {
    const away = await namespace.topic();
    const delays = [10, 60, 600, 3600];
    const queues = [];
    for (const _ of delays) {
        queues.push(await away.queue());
    }
    await away.sender().sendEvents(event('away'));
    const tries = queues.map(async (queue, index) => {
        const client = queue.client();
        const releaseDelay = delays[index];
        const [token] = tokensOf(await receive(client));
        const begin = performance.now();
        const answer = await client.releaseEvents([token], { releaseDelay });
        assert.deepEqual(answer.succeededLockTokens, [token]);
        const isShort = releaseDelay === 10;
        const [next] = await receive(client, { maxWaitTime: isShort ? 30 : WAIT });
        if (!isShort) {
            assert.equal(next, undefined);
            return;
        }
        assert.equal(next.brokerProperties.deliveryCount, 2);
        assert.ok(performance.now() - begin > 1000 * (releaseDelay - 1));
    });
    await Promise.all(tries);
});

test('released for another time: refused', async () => {
    const queue = await topic.queue();
    const client = queue.client();
    await topic.sender().sendEvents(event('odd'));
    const [token] = tokensOf(await receive(client));
    for (const releaseDelay of [1, 30, -10, 7200]) {
        const error = await failure(client.releaseEvents([token], { releaseDelay }));
        assert.equal(error.statusCode, 400, error.message);
        assert.ok(error.code && error.message);
    }
    assert.deepEqual((await client.acknowledgeEvents([token])).succeededLockTokens, [token]);
});

test('rejected: gone', async () => {
    const lone = await namespace.topic();
    const queue = await lone.queue();
    const client = queue.client();
    await lone.sender().sendEvents(event('rejected'));
    const [token] = tokensOf(await receive(client));
    assert.deepEqual((await client.rejectEvents([token])).succeededLockTokens, [token]);
    const { failedLockTokens } = await client.acknowledgeEvents([token]);
    assert.equal(failedLockTokens[0].error.code, 'TokenLost');
    staysEmpty(client);
});

test('renewed: the same token stays good', async () => {
    const queue = await topic.queue();
    const client = queue.client();
    await topic.sender().sendEvents(event('renewed'));
    const [token] = tokensOf(await receive(client));
    for (let times = 0; times < 3; times += 1) {
        assert.deepEqual((await client.renewEventLocks([token])).succeededLockTokens, [token]);
    }
    assert.deepEqual((await client.acknowledgeEvents([token])).succeededLockTokens, [token]);
    const { failedLockTokens } = await client.renewEventLocks([token, '']);
    assert.deepEqual(
        failedLockTokens.map(({ error }) => error.code),
        ['TokenLost', 'BadToken'],
    );
});

test('a token of another subscription is none', async () => {
    const [one, other] = [await topic.queue(), await topic.queue()];
    await topic.sender().sendEvents(event('mine'));
    const [token] = tokensOf(await receive(one.client()));
    for (const action of ['acknowledgeEvents', 'releaseEvents', 'rejectEvents']) {
        const answer = await other.client()[action]([token]);
        assert.deepEqual(answer.succeededLockTokens, []);
        assert.equal(answer.failedLockTokens.length, 1);
    }
    assert.deepEqual((await one.client().acknowledgeEvents([token])).succeededLockTokens, [token]);
});

/* ---------------------------------------------------------------- addresses and keys */

/* [endpoint, whether the topic is found there] */
const endpoints = [
    [grid.server.httpUrl(namespace.path), true],
    [grid.server.httpUrl(`/${namespace.name}`), true],
    [grid.server.httpUrl(`/${namespace.name}/`), true],
    [grid.server.httpUrl(`/${namespace.name.toUpperCase()}`), true],
    [grid.server.httpUrl('/namespaces/nobody'), false],
    [grid.server.httpUrl('/nobody'), false],
];

for (const [endpoint, isThere] of endpoints) {
    test(`the endpoint ${endpoint}: ${isThere ? 'is' : 'is not'} there`, async () => {
        const queue = await topic.queue();
        const sends = topic.sender({ endpoint }).sendEvents(event('address'));
        if (!isThere) {
            assert.equal((await failure(sends)).statusCode, 404);
            return;
        }
        await sends;
        const client = queue.client({ endpoint });
        const [token] = tokensOf(await receive(client));
        assert.deepEqual((await client.acknowledgeEvents([token])).succeededLockTokens, [token]);
    });
}

test('keys: both of the namespace, both of the topic', async () => {
    const { key1, key2 } = await namespace.must(200, 'POST', `/topics/${topic.name}/listKeys`);
    const keys = [...namespace.keys, key1, key2];
    assert.equal(new Set(keys).size, 4);
    const queue = await topic.queue();
    for (const key of keys) {
        await topic.sender({ key }).sendEvents(event('key'));
        const client = queue.client({ key });
        const [token] = tokensOf(await receive(client));
        assert.deepEqual((await client.acknowledgeEvents([token])).succeededLockTokens, [token]);
    }
});

test('keys: those of another topic and of another namespace are not good here', async () => {
    const queue = await topic.queue();
    const other = await namespace.topic();
    const { key1 } = await namespace.must(200, 'POST', `/topics/${other.name}/listKeys`);
    const [foreign] = (await Namespace.make(grid)).keys;
    for (const key of [key1, foreign, 'nonsense']) {
        const sends = topic.sender({ key }).sendEvents(event('foreign'));
        assert.equal((await failure(sends)).statusCode, 401);
        const receives = queue.client({ key }).receiveEvents({ maxWaitTime: WAIT });
        assert.equal((await failure(receives)).statusCode, 401);
        const error = await failure(queue.client({ key }).acknowledgeEvents(['x']));
        assert.deepEqual([error.statusCode, error.code], [401, 'Unauthorized']);
    }
});

test('what is not there is not found', async () => {
    const queue = await topic.queue();
    const nobody = new NamespaceTopic(namespace, 'nobody');
    const attempts = [
        () => nobody.sender().sendEvents(event('x')),
        () => nobody.receiver(queue.name).receiveEvents({ maxWaitTime: WAIT }),
        () => topic.receiver('nobody').receiveEvents({ maxWaitTime: WAIT }),
        () => topic.receiver('nobody').acknowledgeEvents(['x']),
    ];
    for (const attempt of attempts) {
        const error = await failure(attempt());
        assert.equal(error.statusCode, 404, error.message);
        assert.ok(error.code && error.message);
    }
});

test('a bearer token over http is refused by the client itself', async () => {
    const credential = { getToken: async () => ({ token: 'x', expiresOnTimestamp: Infinity }) };
    const options = { allowInsecureConnection: true };
    const client = new EventGridSenderClient(topic.endpoint, credential, topic.name, options);
    assert.match((await failure(client.sendEvents(event('x')))).message, /https/);
});

test('what was acknowledged or rejected has not come again', async () => {
    assert.deepEqual(await Promise.all(waits), [[], []]);
});

await run();
