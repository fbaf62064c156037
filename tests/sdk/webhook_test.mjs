/* The requests to event handlers, header by header: signature, templates, first match, validation,
 * cookies, connections (spec/webpubsub.md 7.1 to 7.5). Answers that are bad are in
 * webhook_faults_test.mjs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_V1, Peer } from './lib/peer.mjs';
import './lib/protobuf.mjs';
import { Hub, cut, idOf } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until } from './lib/wait.mjs';
import { Webhook, hubConfig } from './lib/webhook.mjs';

const hook = await Webhook.start();
const at = (path) => `http://127.0.0.1:${hook.port}${path}`;
const only = (template, systemEvents, userEvents) => ({ template, systemEvents, userEvents });
const server = await Server.start({
    bridge: { public_endpoints: '["https://pub.example.com:8443"]' },
    hubs: [
        hubConfig('_default', { handlers: [hook.handler()] }),
        hubConfig('routes', {
            handlers: [
                only(at('/routes/connect/first?code=a%20b&e={event}'), ['connect'], ''),
                only(at('/routes/ab/{event}'), [], 'a, b'),
                only(at('/routes/a/{event}'), [], 'a'),
                only(at('/routes/rest/{event}/{hub}'), ['connect', 'connected'], '*'),
            ],
        }),
        hubConfig('some', { handlers: [only(at('/some/{event}'), [], 'known')] }),
        hubConfig('unchecked', { handlers: [hook.handler({ skipsValidation: true })] }),
    ],
});

const newHub = () => Hub.fresh(server, 'Webhook');
const event = (name, more) => ({ type: 'event', event: name, data: 1, ...more });
const posts = (hub) =>
    hook.calls.filter((call) => call.method === 'POST' && call.hub === hub.name.toLowerCase());
const take = (hub, name) => hook.take({ method: 'POST', hub: hub.name.toLowerCase(), event: name });

/* ---------------------------------------------------------------- headers */

test('headers of every event', async () => {
    const hub = newHub();
    for (const peer of await hub.both({ user: 'u', protocol: JSON_RELIABLE })) {
        await peer.must(event('e'));
        await peer.must(event('e'));
        await peer.close();
        const calls = [];
        for (const event of ['connect', 'connected', 'e', 'e', 'disconnected']) {
            calls.push(await hook.take({ connectionId: idOf(peer), event }));
        }
        const types = ['sys.connect', 'sys.connected', 'user.e', 'user.e', 'sys.disconnected'];
        for (const [index, { headers, url }] of calls.entries()) {
            const common = {
                'ce-specversion': '1.0',
                'ce-awpsversion': '1.0',
                'ce-type': `azure.webpubsub.${types[index]}`,
                'ce-id': String(index),
                'ce-connectionid': idOf(peer),
                'ce-hub': hub.name.toLowerCase(),
                'ce-eventname': types[index].split('.')[1],
                'ce-userid': 'u',
                'ce-source': `/hubs/${hub.name.toLowerCase()}/client/${idOf(peer)}`,
                'ce-subprotocol': index === 0 ? undefined : JSON_RELIABLE,
                'ce-connectionstate': undefined,
                'ce-physicalconnectionid': undefined,
                'ce-sessionid': undefined,
                authorization: undefined,
                'content-type': 'application/json',
            };
            for (const [name, value] of Object.entries(common)) {
                const got = name === 'content-type' ? headers[name].split(';')[0] : headers[name];
                assert.equal(got, value, `${name} of ${url}`);
            }
            assert.match(headers['ce-time'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
            assert.ok(Math.abs(Date.now() - Date.parse(headers['ce-time'])) < 60_000);
            assert.ok(headers['webhook-request-origin'].length > 0);
        }
        const [connect, connected, , , disconnected] = calls;
        assert.deepEqual(connect.json.subprotocols, [JSON_RELIABLE]);
        assert.deepEqual(connected.json, {});
        assert.equal(typeof disconnected.json, 'object');
    }
});

test('headers that have nothing to say are left out', async () => {
    const hub = newHub();
    const raw = await server.connectRaw(hub.name, '', { user: undefined });
    raw.socket.send('x');
    for (const name of ['connect', 'connected', 'message']) {
        const { headers } = await take(hub, name);
        for (const header of ['ce-userid', 'ce-subprotocol', 'ce-connectionstate', 'cookie']) {
            assert.equal(headers[header], undefined, `${header} of ${name}`);
        }
    }
    await raw.close();
});

test('user ids and event names that are no ASCII, or long, stay within their header', async () => {
    const hub = newHub();
    for (const user of ['ü', 'a b', 'a\r\nce-hub: other', 'x'.repeat(2000), '%41', '"']) {
        const peer = await hub.connect({ user });
        const { headers } = await hook.take(({ connectionId, event: name }) => {
            return connectionId === idOf(peer) && name === 'connected';
        });
        assert.equal(headers['ce-hub'], hub.name.toLowerCase());
        if (/^[\w" ]+$/.test(user)) {
            assert.equal(headers['ce-userid'], user);
        }
        await peer.close();
    }
});

test('the signature is that of both keys over the connection id', async () => {
    const hub = newHub();
    const peer = await hub.connect();
    await peer.must(event('e'));
    const expected = server.keys.map(
        (key) => `sha256=${createHmac('sha256', key).update(idOf(peer)).digest('hex')}`,
    );
    for (const name of ['connect', 'connected', 'e']) {
        const { headers } = await take(hub, name);
        assert.deepEqual(headers['ce-signature'].split(','), expected);
    }
    peer.cut();
});

test('bodies and their types', async () => {
    const hub = newHub();
    const peer = await hub.connect();
    const sent = [
        ['text', 'ü€', 'text/plain', Buffer.from('ü€')],
        ['json', { b: 1, a: 'ü' }, 'application/json', Buffer.from('{"b":1,"a":"ü"}')],
        ['binary', 'AP8=', 'application/octet-stream', Buffer.from([0, 255])],
        ['protobuf', 'CgF4EgF5', 'application/x-protobuf', Buffer.from('CgF4EgF5', 'base64')],
    ];
    for (const [dataType, data, type, body] of sent) {
        await peer.must(event('e', { dataType, data }));
        const call = await take(hub, 'e');
        assert.equal(call.headers['content-type'].split(';')[0], type);
        assert.equal(call.body.compare(body), 0, dataType);
    }
    peer.sendRaw('{"type":"event","event":"e","data":12345678901234567890.10,"ackId":99}');
    assert.equal((await take(hub, 'e')).text, '12345678901234567890.10');
    peer.cut();
});

test('metadata goes there and back', async () => {
    const hub = newHub();
    hook.answer(hub.name, ({ event: name }) =>
        name === 'e'
            ? {
                  headers: { 'content-type': 'text/plain', 'X-WebPubSub-Metadata-Back': 'b c' },
                  body: 'x',
              }
            : undefined,
    );
    const peer = await hub.connect();
    await peer.must(event('e', { metadata: { 'trace-id': 'a b', k: '~' } }));
    const { headers } = await take(hub, 'e');
    assert.equal(headers['x-webpubsub-metadata-trace-id'], 'a b');
    assert.equal(headers['x-webpubsub-metadata-k'], '~');
    assert.deepEqual((await peer.take({ type: 'message' })).metadata, { back: 'b c' });
    peer.cut();
});

test('state: opaque, kept until the next one, given up when it is empty', async () => {
    const hub = newHub();
    const states = ['opaque; "x"', undefined, 'x'.repeat(3000), undefined];
    hook.answer(hub.name, ({ event: name }) => {
        const state = ['connect', 'e'].includes(name) ? states.shift() : undefined;
        return state === undefined
            ? undefined
            : { status: 204, headers: { 'ce-connectionState': state } };
    });
    const peer = await hub.connect();
    const seen = [];
    for (let count = 0; count < 3; count += 1) {
        await peer.must(event('e'));
        seen.push((await take(hub, 'e')).headers['ce-connectionstate']);
    }
    assert.deepEqual(seen, ['opaque; "x"', 'opaque; "x"', 'x'.repeat(3000)]);
    peer.cut();
});

test('cookies of the application come back, to this connection alone', async () => {
    const hub = newHub();
    hook.answer(hub.name, ({ event: name, userId }) =>
        ['connect', 'e'].includes(name)
            ? {
                  status: 204,
                  headers: { 'set-cookie': [`who=${userId}; Path=/; HttpOnly`, `last=${name}`] },
              }
            : undefined,
    );
    const peers = [await hub.connect({ user: 'a' }), await hub.connect({ user: 'b' })];
    for (const peer of peers) {
        await peer.must(event('e'));
        await peer.must(event('f'));
    }
    for (const user of ['a', 'b']) {
        const cookiesOf = async (name) => {
            const { headers } = await hook.take(
                (call) => call.event === name && call.userId === user && call.method === 'POST',
            );
            return (headers.cookie ?? '').split('; ').sort();
        };
        assert.deepEqual(await cookiesOf('connect'), ['']);
        assert.deepEqual(await cookiesOf('e'), ['last=connect', `who=${user}`]);
        assert.deepEqual(await cookiesOf('f'), ['last=e', `who=${user}`]);
    }
    cut(peers);
});

/* ---------------------------------------------------------------- routing */

test('routing: the first handler that takes the event, its template expanded', async () => {
    const hub = new Hub(server, 'Routes');
    const peer = await hub.connect();
    for (const name of ['a', 'b', 'c', 'd.e-f_1']) {
        await peer.must(event(name));
    }
    await peer.close();
    await until('all are there', () => posts(hub).length >= 6);
    assert.deepEqual(
        posts(hub).map(({ url }) => url),
        [
            '/routes/connect/first?code=a%20b&e=connect',
            '/routes/rest/connected/routes',
            '/routes/ab/a',
            '/routes/ab/b',
            '/routes/rest/c/routes',
            '/routes/rest/d.e-f_1/routes',
        ],
    );
    const preflights = hook.calls.filter(
        ({ method, hub: name }) => method === 'OPTIONS' && name === 'routes',
    );
    assert.ok(preflights.length >= 3);
    for (const { url, headers } of preflights) {
        assert.match(url, /validate/);
        assert.equal(headers['ce-awpsversion'], '1.0');
        assert.ok(headers['webhook-request-origin']);
    }
});

test('routing: an event that no pattern takes fails', async () => {
    const hub = new Hub(server, 'some');
    const peer = await hub.connect({ user: 'u' });
    await peer.fails('InternalServerError', event('unknown'));
    await peer.must(event('known'));
    await peer.must(event('KNOWN'));
    await peer.close();
    assert.deepEqual(
        new Set(posts(hub).map(({ event: name }) => name.toLowerCase())),
        new Set(['known']),
    );
});

/* ---------------------------------------------------------------- validation */

/* What OPTIONS is answered: does an event pass then? */
const origin = 'pub.example.com';
const validations = [
    ['*', { 'webhook-allowed-origin': '*' }, true],
    ['the host', { 'webhook-allowed-origin': origin }, true],
    ['the host with its port', { 'webhook-allowed-origin': `${origin}:8443` }, true],
    ['in any case', { 'webhook-allowed-origin': origin.toUpperCase() }, true],
    ['a list with commas', { 'webhook-allowed-origin': `a.example,${origin}` }, true],
    ['a list with spaces', { 'webhook-allowed-origin': `a.example ${origin} b.example` }, true],
    ['several lines', { 'webhook-allowed-origin': ['a.example', origin] }, true],
    ['another host', { 'webhook-allowed-origin': 'other.example' }, false],
    ['a longer host', { 'webhook-allowed-origin': `${origin}.evil` }, false],
    ['a host around it', { 'webhook-allowed-origin': `x${origin}` }, false],
    ['no header', {}, false],
    ['an empty header', { 'webhook-allowed-origin': '' }, false],
];

for (const [what, headers, passes] of validations) {
    test(`validation: ${what}`, async () => {
        const hub = newHub();
        hook.answer(hub.name, ({ method }) =>
            method === 'OPTIONS' ? { status: 200, headers } : { status: 204 },
        );
        const status = await hub.connect().then(
            (peer) => peer.cut() ?? 101,
            (error) => error.status,
        );
        assert.equal(status, passes ? 101 : 500);
        assert.equal(posts(hub).length > 0, passes);
        const preflight = await hook.take({ method: 'OPTIONS', hub: hub.name.toLowerCase() });
        assert.equal(preflight.event, 'validate');
        assert.equal(preflight.headers['ce-awpsversion'], '1.0');
        assert.equal(preflight.headers['webhook-request-origin'].split(':')[0], origin);
        assert.equal(preflight.text, '');
    });
}

test('validation: an error status refuses, and it is tried again later', async () => {
    const hub = newHub();
    let status = 500;
    hook.answer(hub.name, ({ method }) =>
        method === 'OPTIONS'
            ? { status, headers: { 'webhook-allowed-origin': '*' } }
            : { status: 204 },
    );
    await assert.rejects(hub.connect(), { status: 500 });
    status = 200;
    await until('it is validated', () =>
        hub.connect().then(
            (peer) => peer.cut() ?? true,
            () => false,
        ),
    );
});

test('validation: GET where OPTIONS is not found', async () => {
    const hub = newHub();
    hook.answer(hub.name, ({ method }) => {
        const answers = {
            OPTIONS: { status: 404 },
            GET: { status: 200, headers: { 'webhook-allowed-origin': '*' } },
        };
        return answers[method] ?? { status: 204 };
    });
    const peer = await hub.connect();
    await peer.must(event('e'));
    peer.cut();
});

test('validation: done once for many events, and not at all if it is switched off', async () => {
    const hub = newHub();
    const peers = await hub.both({});
    for (let count = 0; count < 20; count += 1) {
        await peers[count % 2].must(event('e'));
    }
    const preflights = hook.calls.filter(
        (call) => call.method === 'OPTIONS' && call.hub === hub.name.toLowerCase(),
    );
    assert.ok(preflights.length >= 1 && preflights.length <= 2, String(preflights.length));
    hook.answer('unchecked', ({ method }) =>
        method === 'OPTIONS' ? { status: 500 } : { status: 204 },
    );
    const unchecked = await server.connect('unchecked');
    await unchecked.must(event('e'));
    assert.ok(!hook.calls.some((call) => call.method === 'OPTIONS' && call.hub === 'unchecked'));
    cut(peers, unchecked);
});

/* ---------------------------------------------------------------- connections */

test('TCP connections are used again', async () => {
    const hub = newHub();
    const peers = await hub.both({});
    for (let count = 0; count < 100; count += 1) {
        await peers[count % 2].must(event('e'));
    }
    const ports = new Set(posts(hub).map(({ port }) => port));
    assert.ok(ports.size <= 10, `${ports.size} connections for ${posts(hub).length} requests`);
    cut(peers);
});

test('many calls at once', async () => {
    const hub = newHub();
    hook.answer(hub.name, ({ event: name, text }) =>
        name === 'e' ? { headers: { 'content-type': 'application/json' }, body: text } : undefined,
    );
    const peers = await Promise.all(Array.from({ length: 100 }, () => hub.connect()));
    await Promise.all(
        peers.map(async (peer, index) => {
            await peer.must(event('e', { data: { index } }));
            assert.deepEqual((await peer.take({ type: 'message' })).data, { index });
        }),
    );
    cut(peers);
});

test('names of events: letters first, at most 128, the rest is refused', async () => {
    const hub = newHub();
    const peer = await hub.connect();
    await peer.must(event('e'.repeat(128)));
    for (const name of ['e'.repeat(129), '1e', 'a b', 'ü', 'a/b', '../x', '']) {
        const other = await hub.connect();
        other.send({ ...event(name), ackId: 1 });
        const outcome = await Promise.race([
            other.take({ type: 'ack' }).catch(() => undefined),
            other.closed,
        ]);
        assert.ok(
            outcome.success === false || outcome.code === 1007,
            `${name}: ${outcome.success}`,
        );
        other.cut();
    }
    peer.cut();
});

test('a protobuf client: every type of answer', async () => {
    const hub = newHub();
    const answers = [
        ['text/plain; charset=utf-8', 'ü', 'text', 'ü'],
        ['application/json', '{"a":"ü"}', 'json', { a: 'ü' }],
        ['application/octet-stream', Buffer.from([0, 255]), 'binary', 'AP8='],
        [undefined, 'x', 'binary', 'eA=='],
        ['image/png', 'x', 'binary', 'eA=='],
    ];
    const peers = [
        await hub.connect({ protocol: PROTOBUF_V1 }),
        await hub.connect({ protocol: JSON_V1 }),
    ];
    for (const [type, body, dataType, data] of answers) {
        hook.answer(hub.name, ({ event: name }) =>
            name === 'e' ? { headers: type ? { 'content-type': type } : {}, body } : undefined,
        );
        for (const peer of peers) {
            await peer.must(event('e'));
            const message = await peer.take({ type: 'message' });
            assert.deepEqual([message.dataType, message.data], [dataType, data]);
        }
    }
    cut(peers);
});

await run();
