/* The reliable subprotocols: sequence, recovery, bounds (spec/webpubsub.md 4).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_RELIABLE, Peer } from './lib/peer.mjs';
import './lib/protobuf.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { inSeconds } from './lib/tokens.mjs';
import { until } from './lib/wait.mjs';

const server = await Server.start({
    hubs: [
        { name: 'brief', recovery_window: '1s' },
        { name: 'small', reliable_messages_maximum: 20 },
    ],
});

const protocols = [JSON_RELIABLE, PROTOBUF_RELIABLE];
const numbers = (first, last) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index);
const sequences = (peer) =>
    peer.frames
        .filter(({ sequenceId }) => sequenceId !== undefined)
        .map(({ sequenceId }) => sequenceId);

/* A reliable member of group g, and one who sends there. */
async function pair(name, protocol = JSON_RELIABLE, who = {}) {
    const hub = `${name}${protocols.indexOf(protocol)}`;
    const peer = await server.connect(hub, { protocol, user: 'ann', ...who });
    await peer.join('g');
    const sender = await server.connect(hub, { user: 'bo' });
    return { hub, peer, sender };
}

const say = (sender, data, more) => sender.must({ type: 'sendToGroup', group: 'g', data, ...more });

async function sayAll(sender, first, last) {
    await Promise.all(numbers(first, last).map((number) => say(sender, number)));
}

/* Is the recovery refused as it should be: accepted, then closed with 1008? */
async function isRefused(url, protocol = JSON_RELIABLE) {
    const peer = await Peer.open(url, protocol);
    assert.equal((await peer.closed).code, 1008);
    assert.deepEqual(
        peer.frames.filter(({ event }) => event === 'connected'),
        [],
    );
}

for (const protocol of protocols) {
    const kind = protocol.split('.')[0];

    test(`${kind}: sequence ids begin at 1 and only messages have one`, async () => {
        const { peer, sender } = await pair('sequence', protocol);
        await sayAll(sender, 1, 10);
        await peer.take({ type: 'message', data: 10 });
        await peer.ping();
        assert.deepEqual(sequences(peer), numbers(1, 10));
        assert.deepEqual(
            peer.messages().map(({ sequenceId }) => sequenceId),
            numbers(1, 10),
        );
        assert.equal(peer.connected.sequenceId, undefined);
        peer.close();
        sender.cut();
    });

    test(`${kind}: recovery replays what was not acknowledged, then goes on`, async () => {
        const { peer, sender } = await pair('replay', protocol);
        await sayAll(sender, 1, 5);
        await peer.take({ type: 'message', data: 5 });
        peer.send({ type: 'sequenceAck', sequenceId: 3 });
        await peer.ping();
        peer.cut();
        await sayAll(sender, 6, 8);
        const again = await peer.recover();
        await say(sender, 9);
        await again.take({ type: 'message', data: 9 });
        assert.equal(again.frames[0].event, 'connected');
        const first = sequences(again)[0];
        assert.ok(first <= 4, `begins with ${first}`);
        assert.deepEqual(sequences(again), numbers(first, 9));
        assert.deepEqual(again.data(), numbers(first, 9));
        again.close();
        sender.cut();
    });

    test(`${kind}: what was acknowledged is not replayed`, async () => {
        const { peer, sender } = await pair('acknowledged', protocol);
        await sayAll(sender, 1, 50);
        await peer.take({ type: 'message', data: 50 });
        peer.send({ type: 'sequenceAck', sequenceId: 50 });
        await say(peer, 51); // behind the acknowledgement, so that has been read
        peer.cut();
        const again = await peer.recover();
        await say(again, 52);
        await again.take({ type: 'message', data: 52 });
        assert.deepEqual(sequences(again), [51, 52]);
        again.close();
        sender.cut();
    });
}

test("a second recovery, with the token of the first one's connected, and with the old one", async () => {
    const { peer, sender } = await pair('twice');
    peer.cut();
    const second = await peer.recover();
    second.cut();
    await say(sender, 1);
    const third = await second.recover({ token: peer.connected.reconnectionToken });
    third.cut();
    const fourth = await third.recover();
    assert.equal((await fourth.take({ type: 'message' })).data, 1);
    fourth.close();
    sender.cut();
});

test('a recovery while the old socket looks alive takes over', async () => {
    const { peer, sender } = await pair('takeover');
    const again = await peer.recover();
    assert.equal((await peer.closed).code, 1008);
    await say(sender, 1);
    assert.equal((await again.take({ type: 'message' })).data, 1);
    assert.deepEqual(peer.messages(), []);
    again.close();
    sender.cut();
});

test('a recovery that comes late does not end the connection of the one that came before it', async () => {
    const { peer, sender } = await pair('late');
    peer.cut();
    const now = await peer.recover();
    const late = await peer.recover(); // a try that its client has given up
    assert.equal((await now.closed).code, 1012); // not 1008: it recovers once more
    late.cut();
    await say(sender, 1);
    const again = await now.recover();
    assert.equal((await again.take({ type: 'message' })).data, 1);
    again.close();
    sender.cut();
});

test('two recoveries at once: one has it in the end', async () => {
    const { peer, sender } = await pair('race');
    peer.cut();
    const urls = numbers(1, 8).map(() => Peer.open(peer.recoveryUrl(), JSON_RELIABLE));
    const peers = await Promise.all(urls);
    const isOpen = ({ socket }) => socket.readyState === socket.OPEN;
    await until('one is left', () => peers.filter(isOpen).length === 1);
    const [winner] = peers.filter(isOpen);
    await say(sender, 1);
    assert.equal((await winner.take({ type: 'message' })).data, 1);
    winner.close();
    sender.cut();
});

test('the access token of a recovery may be expired, wrong or missing', async () => {
    const { hub, peer, sender } = await pair('token');
    peer.cut();
    const expired = server.token(hub, { exp: inSeconds(-3600) });
    const second = await peer.recover({ access_token: expired });
    second.cut();
    const third = await second.recover({ access_token: 'nonsense' });
    third.cut();
    const url = new URL(third.recoveryUrl());
    url.searchParams.delete('access_token');
    const fourth = await Peer.open(url.href, JSON_RELIABLE);
    await fourth.take({ event: 'connected' });
    fourth.close();
    sender.cut();
});

test('a recovery that cannot be is accepted and closed with 1008', async () => {
    const { hub, peer, sender } = await pair('hopeless');
    const other = await server.connect(hub, { protocol: JSON_RELIABLE });
    peer.cut();
    await isRefused(peer.recoveryUrl({ token: 'nonsense' }));
    await isRefused(peer.recoveryUrl({ token: other.connected.reconnectionToken }));
    await isRefused(peer.recoveryUrl({ token: server.token(hub) }));
    await isRefused(peer.recoveryUrl({ awps_connection_id: 'unknown' }));
    await isRefused(peer.recoveryUrl().replace(`/hubs/${hub}`, '/hubs/another'));
    await isRefused(peer.recoveryUrl(), PROTOBUF_RELIABLE);
    await isRefused(peer.recoveryUrl(), JSON_V1);
    const again = await peer.recover(); // none of these has harmed it
    again.close();
    other.close();
    sender.cut();
});

test('a client that closed with 1000 is gone, one that closed otherwise is not', async () => {
    const { peer, sender } = await pair('closed');
    await peer.close(1001);
    const second = await peer.recover();
    second.socket.close(); // without a code, as the official client's stop() does
    await second.closed;
    const third = await second.recover();
    await third.close(1000);
    await isRefused(third.recoveryUrl());
    sender.cut();
});

test('after the recovery window it is refused', async () => {
    const peer = await server.connect('brief', { protocol: JSON_RELIABLE });
    await peer.join('g');
    await peer.must({ type: 'setGroupState', group: 'g', state: { here: 'yes' } });
    const watcher = await server.connect('brief');
    await watcher.must({ type: 'subscribeGroupState', group: 'g' });
    await watcher.take({ type: 'groupStateSnapshot' });
    peer.cut();
    const { items } = await watcher.take({ type: 'groupStateUpdate' }); // it ends: its state is cleared
    assert.equal(items[0].connectionId, peer.connected.connectionId);
    assert.equal(items[0].state, undefined);
    await isRefused(peer.recoveryUrl());
    watcher.cut();
});

test('ackIds of before the cut are still duplicates, also many of them', async () => {
    const { peer, sender } = await pair('duplicates');
    const watcher = await server.connect('duplicates0');
    await watcher.join('g');
    const send = (ackId) => ({ type: 'sendToGroup', group: 'g', data: ackId, ackId });
    await Promise.all(numbers(1001, 1300).map((ackId) => peer.must(send(ackId))));
    peer.cut();
    const again = await peer.recover();
    for (const ackId of numbers(1001, 1300)) {
        await again.fails('Duplicate', send(ackId));
    }
    await again.must(send(1301));
    await watcher.take({ type: 'message', data: 1301 });
    assert.deepEqual(watcher.data(), numbers(1001, 1301));
    again.close();
    watcher.cut();
    sender.cut();
});

test('a request whose acknowledgement was lost is not carried out twice', async () => {
    const { peer, sender } = await pair('lost');
    const watcher = await server.connect('lost0');
    await watcher.join('g');
    let now = peer;
    for (const number of numbers(1, 20)) {
        const request = { type: 'sendToGroup', group: 'g', data: number, ackId: 5000 + number };
        now.send(request);
        if (number % 2) {
            await watcher.take({ type: 'message', data: number });
        }
        now.cut();
        now = await now.recover();
        const ack = await now.request(request);
        assert.ok(ack.success || ack.error.name === 'Duplicate', JSON.stringify(ack));
    }
    await say(now, 'end');
    await watcher.take({ type: 'message', data: 'end' });
    assert.deepEqual(watcher.data(), [...numbers(1, 20), 'end']);
    now.close();
    watcher.cut();
    sender.cut();
});

test('groups, roles and user survive; what was joined without the right to it too', async () => {
    const { peer, sender } = await pair('survive', JSON_RELIABLE, {
        groups: ['given'],
        roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup.g'],
    });
    await peer.must({ type: 'joinGroup', group: 'h' });
    await peer.must({ type: 'leaveGroup', group: 'h' });
    peer.cut();
    const again = await peer.recover();
    assert.equal(again.connected.userId, 'ann');
    await sender.must({ type: 'sendToGroup', group: 'given', data: 1 });
    await sender.must({ type: 'sendToGroup', group: 'h', data: 2 });
    await say(again, 3);
    await again.take({ type: 'message', data: 3 });
    assert.deepEqual(again.data(), [1, 3]);
    await again.fails('Forbidden', { type: 'sendToGroup', group: 'h', data: 1 });
    again.close();
    sender.cut();
});

test('noEcho holds for a message that waits', async () => {
    const { peer, sender } = await pair('noecho');
    await say(peer, 1, { noEcho: true });
    peer.cut();
    await say(sender, 2);
    const again = await peer.recover();
    await again.take({ type: 'message', data: 2 });
    assert.deepEqual(again.data(), [2]);
    again.close();
    sender.cut();
});

test('a message lives only as long as its ttlSeconds while the receiver is away', async () => {
    const { peer, sender } = await pair('ttl');
    await peer.close(1001); // the server knows that it is away
    await say(sender, 'short', { ttlSeconds: 1 });
    await say(sender, 'long', { ttlSeconds: 300 });
    const begin = Date.now();
    await until('the second is over', () => Date.now() - begin > 1500);
    const again = await peer.recover();
    await again.take({ type: 'message', data: 'long' });
    assert.deepEqual(again.data(), ['long']);
    again.close();
    sender.cut();
});

test('too much that is not acknowledged closes with 1008 and is forgotten', async () => {
    const peer = await server.connect('small', { protocol: JSON_RELIABLE });
    await peer.join('g');
    const sender = await server.connect('small');
    for (const number of numbers(1, 60)) {
        await say(sender, number);
    }
    assert.equal((await peer.closed).code, 1008);
    await isRefused(peer.recoveryUrl());
    sender.cut();
});

test('many messages, acknowledged once a second', async () => {
    const { peer, sender } = await pair('many');
    const LAST = 5000;
    const timer = setInterval(() => {
        peer.send({ type: 'sequenceAck', sequenceId: sequences(peer).at(-1) ?? 0 });
    }, 1000);
    await sayAll(sender, 1, LAST);
    await peer.take({ type: 'message', data: LAST });
    clearInterval(timer);
    assert.deepEqual(peer.data(), numbers(1, LAST));
    assert.deepEqual(sequences(peer), numbers(1, LAST));
    peer.close();
    sender.cut();
});

await run();
