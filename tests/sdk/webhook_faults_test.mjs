/* Event handlers that hang, refuse, break off, redirect or talk nonsense: the client gets its failed
 * acknowledgement in time, other clients see nothing, and no frame is ever malformed
 * (spec/webpubsub.md 7.4 to 7.6, 2.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_V1, Peer } from './lib/peer.mjs';
import { connectBoth } from './lib/processes.mjs';
import { freePort } from './lib/ports.mjs';
import './lib/protobuf.mjs';
import { Hub, cut } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until, within } from './lib/wait.mjs';
import { Webhook, hubConfig } from './lib/webhook.mjs';

const TIMEOUT = 1000;
const BUSY = 15_000; // ms that a busy machine may add

const hook = await Webhook.start();
const impatient = { timeout: `${TIMEOUT}ms`, attempts: 1, skipsValidation: true };
const closedPort = await freePort();
const broken = (template) => [
    hook.handler({ userEvents: '', skipsValidation: true }),
    { template, systemEvents: [], userEvents: '*', ...impatient },
];
const server = await Server.start({
    hubs: [
        hubConfig('_default', { handlers: [hook.handler(impatient)] }),
        hubConfig('patient', { handlers: [hook.handler({ ...impatient, attempts: 3 })] }),
        hubConfig('refused', { handlers: broken(`http://127.0.0.1:${closedPort}/{event}`) }),
        hubConfig('unknown', { handlers: broken('http://no-such-host.invalid/{event}') }),
        hubConfig('door', {
            handlers: [hook.handler({ ...impatient, template: `http://127.0.0.1:${closedPort}/` })],
        }),
    ],
});

const newHub = () => Hub.fresh(server, 'Faults');
const event = (name = 'e', more = {}) => ({ type: 'event', event: name, data: 1, ...more });
const isEvent = ({ event: name }) => name === 'e';
const answerEvents = (hub, answer) =>
    hook.answer(hub.name, (call, response) => (isEvent(call) ? answer(call, response) : undefined));

/* ---------------------------------------------------------------- faults of user events */

const hang = () => 'done';
const socketEnds = (text) => (call, response) => {
    response.socket.end(text);
    return 'done';
};

const faults = {
    'it hangs': hang,
    'it hangs after the header': (call, response) => {
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 5 });
        response.write('x');
        return 'done';
    },
    'it hangs up at once': (call, response) => {
        response.socket.destroy();
        return 'done';
    },
    'it breaks off in the body': socketEnds(
        'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nabc',
    ),
    'it breaks off in a chunk': socketEnds(
        'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab',
    ),
    'it breaks off in the header': socketEnds('HTTP/1.1 200 OK\r\nContent-Ty'),
    'it does not speak HTTP': socketEnds('220 mail.example ESMTP\r\n\r\n'),
    'a status that is none': socketEnds('HTTP/1.1 999999 X\r\nContent-Length: 0\r\n\r\n'),
    'a length that is none': socketEnds('HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx'),
    'it redirects': () => ({
        status: 302,
        headers: { location: `http://127.0.0.1:${hook.port}/elsewhere/e` },
    }),
    'it redirects for good': () => ({
        status: 308,
        headers: { location: `http://127.0.0.1:${hook.port}/elsewhere/e` },
    }),
    'it fails with 500': () => ({ status: 500, body: 'secret' }),
    'it fails with 503': () => ({ status: 503, headers: { 'retry-after': '100' } }),
    'it fails with 404': () => ({ status: 404 }),
    'it fails with 429': () => ({ status: 429 }),
    'it says 100 for ever': socketEnds(`${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(2000)}`),
    'it answers 20 MB': () => ({
        status: 200,
        headers: { 'content-type': 'text/plain' },
        body: Buffer.alloc(20_000_000, 'x'),
    }),
    'it answers without end': (call, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' });
        const pour = () => {
            while (!response.destroyed && response.write('x'.repeat(65_536))) {
                /* more */
            }
        };
        response.on('drain', pour);
        pour();
        return 'done';
    },
    'a header of a megabyte': (call, response) => {
        const line = `x-a: ${'x'.repeat(60_000)}\r\n`;
        response.socket.end(`HTTP/1.1 200 OK\r\n${line.repeat(20)}Content-Length: 0\r\n\r\n`);
        return 'done';
    },
};

for (const [what, answer] of Object.entries(faults)) {
    test(`${what}: a failed ack in time, and nobody else is disturbed`, async () => {
        const hub = newHub();
        const bystander = await server.connect(`Bystander${hub.name}`, { groups: ['g'] });
        const [peer, other] = await hub.both({ groups: ['g'] });
        answerEvents(hub, (call, response) =>
            call.text === '"good"'
                ? { headers: { 'content-type': 'text/plain' }, body: 'ok' }
                : answer(call, response),
        );
        const begin = Date.now();
        const failed = peer.fails('InternalServerError', event('e', { data: 'bad' }));
        await other.must(event('e', { data: 'good' }));
        assert.equal((await other.take({ type: 'message' })).data, 'ok');
        await bystander.must(event('e', { data: 'good' }));
        await bystander.must({ type: 'sendToGroup', group: 'g', data: 1 });
        await failed;
        assert.ok(Date.now() - begin < TIMEOUT + BUSY, `${Date.now() - begin} ms`);
        await peer.must(event('e', { data: 'good' }));
        assert.equal((await peer.take({ type: 'message' })).data, 'ok');
        await hub.drain(peer, other);
        assert.deepEqual([peer.data(), other.data()], [['ok'], ['ok']]);
        assert.ok(!hook.calls.some(({ hub: name }) => name === 'elsewhere'));
        cut(peer, other, bystander);
    });
}

for (const name of ['refused', 'unknown']) {
    test(`a handler that cannot be reached: ${name}`, async () => {
        for (const peer of await connectBoth(server, name, {})) {
            await peer.fails('InternalServerError', event());
            peer.send({ type: 'invoke', invocationId: 'i', target: 'event', event: 'e', data: 1 });
            assert.equal((await peer.take({ type: 'invokeResponse' })).success, false);
            await peer.ping();
            peer.cut();
        }
        const raw = await server.connectRaw(name);
        raw.socket.send('x');
        assert.equal((await raw.closed).code, 1011);
    });
}

test('an answer of almost a megabyte is delivered', async () => {
    const hub = newHub();
    const body = 'x'.repeat((1 << 20) - 1000);
    answerEvents(hub, () => ({ headers: { 'content-type': 'text/plain' }, body }));
    const peer = await hub.connect();
    await peer.must(event());
    assert.equal((await peer.take({ type: 'message' })).data, body);
    peer.cut();
});

test('answers of all shapes: chunked, without a length, compressed by nobody', async () => {
    const hub = newHub();
    const peer = await hub.connect();
    const chunked = (call, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' });
        response.write('x');
        response.end('y');
        return 'done';
    };
    const untilClosed = socketEnds('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nxy');
    const continued = socketEnds(
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nxy',
    );
    const created = () => ({ status: 201, headers: { 'content-type': 'text/plain' }, body: 'xy' });
    for (const answer of [chunked, untilClosed, continued, created]) {
        answerEvents(hub, answer);
        await peer.must(event());
        assert.equal((await peer.take({ type: 'message' })).data, 'xy');
    }
    peer.cut();
});

test('what may pass is tried again, what may not is not', async () => {
    const statuses = { 500: 3, 503: 3, 408: 3, 400: 1, 404: 1, 429: 1 };
    const peer = await server.connect('patient');
    for (const [status, attempts] of Object.entries(statuses)) {
        let calls = 0;
        hook.answer('patient', (call) => {
            calls += isEvent(call);
            return isEvent(call) ? { status: Number(status) } : undefined;
        });
        await peer.fails('InternalServerError', event());
        assert.equal(calls, attempts, status);
    }
    let calls = 0;
    hook.answer('patient', (call) => {
        calls += isEvent(call);
        return isEvent(call) && calls < 2
            ? { status: 503 }
            : { headers: { 'content-type': 'text/plain' }, body: 'ok' };
    });
    await peer.must(event());
    assert.equal((await peer.take({ type: 'message' })).data, 'ok');
    peer.cut();
});

/* ---------------------------------------------------------------- faults of connect */

const status = (promise) =>
    promise.then(
        (peer) => peer.cut() ?? 101,
        (error) => error.status,
    );

test('connect: who cannot be asked lets nobody in', async () => {
    assert.equal(await status(server.connect('door')), 500);
    for (const [what, answer] of Object.entries(faults)) {
        const hub = newHub();
        hook.answer(hub.name, (call, response) =>
            call.event === 'connect' ? answer(call, response) : undefined,
        );
        const expected = /404|429/.test(what) ? Number(what.slice(-3)) : 500;
        const begin = Date.now();
        assert.equal(await status(hub.connect()), expected, what);
        assert.ok(Date.now() - begin < TIMEOUT + BUSY, what);
        assert.deepEqual(hook.events(hub.name), ['connect'], what);
    }
});

const json = (text) => ({ headers: { 'content-type': 'application/json' }, body: text });

/* The body of a 200 to connect: 101 or 500. */
const connects = {
    '': 101,
    null: 101,
    '{}': 101,
    ' { } ': 101,
    '{"userId":"x","unknown":{"a":[1]}}': 101,
    '{"USERID":"x","Groups":["g"],"roles":[],"subProtocol":"json.webpubsub.azure.v1"}': 101,
    '{"subprotocol":null,"userId":null,"groups":null,"roles":null}': 101,
    '{': 500,
    '[]': 500,
    '"x"': 500,
    1: 500,
    '{"userId":1}': 500,
    '{"userId":["x"]}': 500,
    '{"groups":"g"}': 500,
    '{"groups":[1]}': 500,
    '{"groups":[" "]}': 500,
    '{"groups":{}}': 500,
    '{"roles":"x"}': 500,
    '{"roles":[{}]}': 500,
    '{"subprotocol":1}': 500,
    '{"subprotocol":"not.offered"}': 500,
    '{"subprotocol":"a\\r\\nb: c"}': 500,
    '{"userId":"x"} y': 500,
    [`{"groups":["${'x'.repeat(1025)}"]}`]: 500,
    [`${'['.repeat(100_000)}`]: 500,
    [`{"userId":"${'x'.repeat(2_000_000)}"}`]: 500,
};

test('connect: answers that are read, and such that make no sense', async () => {
    for (const [text, expected] of Object.entries(connects)) {
        const hub = newHub();
        hook.answer(hub.name, ({ event: name }) => (name === 'connect' ? json(text) : undefined));
        assert.equal(await status(hub.connect()), expected, text.slice(0, 80));
    }
    for (const bytes of [Buffer.from([0x7b, 0xff]), Buffer.from('{"userId":"\xff"}', 'latin1')]) {
        const hub = newHub();
        hook.answer(hub.name, ({ event: name }) => (name === 'connect' ? json(bytes) : undefined));
        assert.equal(await status(hub.connect()), 500);
    }
});

test('connect: the headers of the answer cannot slip into the handshake', async () => {
    const hub = newHub();
    hook.answer(hub.name, ({ event: name }) =>
        name === 'connect'
            ? {
                  status: 200,
                  headers: {
                      'sec-websocket-protocol': 'other',
                      'x-other': 'y',
                      'ce-connectionState': 's',
                      'content-type': 'application/json',
                  },
                  body: '{}',
              }
            : undefined,
    );
    const peer = await hub.connect();
    assert.equal(peer.socket.protocol, JSON_V1);
    await peer.ping();
    peer.cut();
});

test('connect: a client that leaves while it is being asked about disturbs nobody', async () => {
    const hub = newHub();
    const waiting = [];
    hook.answer(hub.name, ({ event: name, userId }) =>
        name === 'connect' && userId === 'slow'
            ? new Promise((resolve) => {
                  waiting.push(resolve);
              })
            : undefined,
    );
    const hasty = Array.from(
        { length: 20 },
        () => new Peer(server.url(hub.name, { user: 'slow' })),
    );
    await until('all are asked about', () => waiting.length === hasty.length);
    cut(hasty);
    const peer = await hub.connect({ user: 'quick' });
    waiting.forEach((resolve) => resolve({ status: 204 }));
    await peer.must(event());
    peer.cut();
});

/* ---------------------------------------------------------------- frames */

const bad = {
    'text that is not UTF-8': ['text/plain', Buffer.from([0x66, 0xff, 0xfe])],
    'text with a surrogate': ['text/plain', Buffer.from([0xed, 0xa0, 0x80])],
    'text in another charset': ['text/plain; charset=iso-8859-1', Buffer.from([0xfc])],
    'text in no charset': ['text/plain; charset=nothing', 'x'],
    'text with control characters': ['text/plain', '\u0000\u0001\u2028"\\\u007f'],
    'JSON null': ['application/json', 'null'],
    'JSON null with spaces': ['application/json', ' null '],
    'JSON of nothing but spaces': ['application/json', '  '],
    'JSON that is none': ['application/json', '{"a":'],
    'JSON with more behind': ['application/json', '{} {}'],
    'JSON that closes the frame': ['application/json', '1}{"type":"pong"'],
    'JSON not in UTF-8': ['application/json', Buffer.from([0x22, 0xff, 0x22])],
    'JSON with a BOM': ['application/json', '\ufeff{}'],
    'JSON with a lone surrogate': ['application/json', '"\\ud800"'],
    'JSON with a control character': ['application/json', '"\u0001"'],
    'JSON with line ends': ['application/json', '{\r\n"a":\n1}'],
    'deep JSON': ['application/json', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    NaN: ['application/json', 'NaN'],
    'an Any that is none': ['application/x-protobuf', Buffer.from([0xff])],
    'a type that is none': ['text', 'x'],
    'an empty type': ['', 'x'],
    'a type of many parameters': [`text/plain${';a=b'.repeat(1000)}`, 'x'],
};

test('no answer becomes a malformed frame', async () => {
    const hub = newHub();
    const protocols = [JSON_V1, JSON_RELIABLE, PROTOBUF_V1];
    const peers = await Promise.all(protocols.map((protocol) => hub.connect({ protocol })));
    for (const [what, [type, body]] of Object.entries(bad)) {
        answerEvents(hub, () => ({ headers: { 'content-type': type }, body }));
        for (const peer of peers) {
            const ack = await within(() => what, peer.request(event()));
            assert.equal(typeof ack.success, 'boolean', what);
            peer.send({
                type: 'invoke',
                invocationId: what,
                target: 'event',
                event: 'e',
                dataType: 'json',
                data: 1,
            });
            const answer = await peer.take({ type: 'invokeResponse', invocationId: what });
            assert.equal(typeof answer.success, 'boolean', what);
        }
    }
    answerEvents(hub, () => undefined);
    for (const peer of peers) {
        await peer.must(event()); // still there: Peer closes at a frame that is malformed
        for (const { dataType, data } of peer.messages()) {
            assert.ok(dataType && data !== undefined);
        }
        if (peer.socket.protocol !== PROTOBUF_V1) {
            peer.messages()
                .filter(({ dataType }) => dataType === 'text')
                .forEach(({ data }) => assert.equal(typeof data, 'string'));
        }
    }
    cut(peers);
});

test('plain WebSockets get well-formed frames or 1011', async () => {
    const hub = newHub();
    for (const [what, [type, body]] of Object.entries(bad)) {
        hook.answer(hub.name, ({ event: name, text }) => {
            const answers = {
                x: { headers: { 'content-type': type }, body },
                end: { headers: { 'content-type': 'text/plain' }, body: 'end' },
            };
            return name === 'message' ? answers[text] : undefined;
        });
        const raw = await server.connectRaw(hub.name);
        raw.socket.send('x');
        raw.socket.send('end');
        const end = raw.take({ text: 'end' });
        const closed = raw.closed.then(({ code }) => assert.equal(code, 1011, what));
        await Promise.any([end, closed]);
        raw.cut();
    }
});

await run();
