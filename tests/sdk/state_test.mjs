/* Group state: who is there, and what they say of themselves (spec/webpubsub.md 2.6, 3.1, 3.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_RELIABLE, PROTOBUF_V1 } from './lib/peer.mjs';
import './lib/protobuf.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until } from './lib/wait.mjs';

const server = await Server.start();

const set = (state) => ({ type: 'setGroupState', group: 'g', ...(state && { state }) });
const subscribe = { type: 'subscribeGroupState', group: 'g' };

let hubs = 0;
function newHub() {
    hubs += 1;
    return `state${hubs}`;
}

async function member(hub, user, protocol = JSON_V1) {
    const peer = await server.connect(hub, { user, protocol });
    await peer.join('g');
    return peer;
}

/* The one item of the next update, without its time, which is checked. */
async function nextItem(peer, wanted = () => true) {
    const { group, items } = await peer.take(
        (frame) => frame.type === 'groupStateUpdate' && wanted(frame.items[0]),
    );
    assert.equal(group, 'g');
    assert.equal(items.length, 1);
    const { updatedAt, ...item } = items[0];
    assert.ok(Math.abs(Date.now() - updatedAt) < 60_000, `updatedAt ${updatedAt}`);
    return item;
}

const itemOf = (peer, userId, state) => ({
    connectionId: peer.connected.connectionId,
    ...(userId && { userId }),
    ...(state && { state }),
});

for (const protocol of [JSON_V1, JSON_RELIABLE, PROTOBUF_V1, PROTOBUF_RELIABLE]) {
    test(`${protocol}: snapshot, then updates`, async () => {
        const hub = newHub();
        const ann = await member(hub, 'ann', protocol);
        const bo = await member(hub, 'bo', protocol);
        await ann.must(set({ mood: 'é', '': '' }));
        await bo.must(subscribe);
        const snapshot = await bo.take({ type: 'groupStateSnapshot' });
        assert.equal(snapshot.group, 'g');
        assert.deepEqual(
            snapshot.items.map(({ updatedAt, ...item }) => item),
            [itemOf(ann, 'ann', { mood: 'é', '': '' })],
        );
        await bo.must(set({ b: '1' }));
        assert.deepEqual(await nextItem(bo), itemOf(bo, 'bo', { b: '1' }));
        await ann.must(set({ mood: 'better' })); // replaces all of it
        assert.deepEqual(await nextItem(bo), itemOf(ann, 'ann', { mood: 'better' }));
        await ann.must(set());
        const { state, ...cleared } = await nextItem(bo);
        assert.equal(state, undefined);
        assert.equal(cleared.connectionId, ann.connected.connectionId);
        for (const { sequenceId } of bo.frames.filter(({ type }) =>
            type.startsWith('groupState'),
        )) {
            assert.equal(sequenceId !== undefined, protocol.includes('reliable'));
        }
        ann.cut();
        bo.cut();
    });
}

test('a snapshot of a group without any state is empty', async () => {
    const peer = await member(newHub());
    await peer.must(subscribe);
    assert.deepEqual((await peer.take({ type: 'groupStateSnapshot' })).items, []);
    peer.cut();
});

test('whoever goes takes the state along: by closing, leaving and breaking off', async () => {
    const hub = newHub();
    const watcher = await member(hub, 'watcher');
    await watcher.must(subscribe);
    await watcher.take({ type: 'groupStateSnapshot' });
    const ways = {
        close: (peer) => peer.close(1000),
        leave: (peer) => peer.must({ type: 'leaveGroup', group: 'g' }),
        cut: (peer) => peer.cut(),
    };
    for (const [name, go] of Object.entries(ways)) {
        const peer = await member(hub, name);
        await peer.must(set({ k: 'v' }));
        assert.deepEqual(await nextItem(watcher), itemOf(peer, name, { k: 'v' }));
        await go(peer);
        const item = await nextItem(watcher);
        assert.equal(item.connectionId, peer.connected.connectionId, name);
        assert.equal(item.state, undefined, name);
        peer.cut();
    }
    const late = await member(hub);
    await late.must(subscribe);
    assert.deepEqual((await late.take({ type: 'groupStateSnapshot' })).items, []);
    late.cut();
    watcher.cut();
});

test('who has unsubscribed hears no more', async () => {
    const hub = newHub();
    const ann = await member(hub, 'ann');
    const bo = await member(hub, 'bo');
    for (const peer of [ann, bo]) {
        await peer.must(subscribe);
        await peer.take({ type: 'groupStateSnapshot' });
    }
    await ann.must({ type: 'unsubscribeGroupState', group: 'g' });
    await bo.must(set({ k: 'v' }));
    await nextItem(bo);
    await bo.must({ type: 'sendToGroup', group: 'g', data: 1 });
    await ann.take({ type: 'message' });
    assert.deepEqual(
        ann.frames.filter(({ type }) => type === 'groupStateUpdate'),
        [],
    );
    ann.cut();
    bo.cut();
});

test('messages of the group and its states do not mix', async () => {
    const hub = newHub();
    const peer = await member(hub, 'ann');
    await peer.must(set({ k: 'v' }));
    await peer.drain();
    assert.deepEqual(peer.messages(), []);
    assert.deepEqual(
        peer.frames.filter(({ type }) => /State/.test(type)),
        [],
    );
    peer.cut();
});

test('states need the right to join', async () => {
    const peer = await server.connect(newHub(), {
        roles: ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup.h'],
    });
    for (const request of [
        subscribe,
        { ...subscribe, type: 'unsubscribeGroupState' },
        set({ k: 'v' }),
        set(),
    ]) {
        await peer.fails('Forbidden', request);
        await peer.must({ ...request, group: 'h' });
    }
    await peer.fails('BadRequest', { ...set({ k: 'v'.repeat(1 << 14) }), group: 'h' });
    peer.cut();
});

test('a reliable connection that recovers keeps its state and misses no update', async () => {
    const hub = newHub();
    const ann = await member(hub, 'ann', JSON_RELIABLE);
    const bo = await member(hub, 'bo', JSON_RELIABLE);
    await ann.must(set({ k: '1' }));
    await bo.must(subscribe);
    await bo.take({ type: 'groupStateSnapshot' });
    ann.cut();
    bo.cut();
    const annAgain = await ann.recover();
    await annAgain.must(set({ k: '2' }));
    const boAgain = await bo.recover();
    const item = await nextItem(boAgain, ({ state }) => state?.k === '2');
    assert.deepEqual(item, itemOf(ann, 'ann', { k: '2' }));
    const late = await member(hub);
    await late.must(subscribe);
    const { items } = await late.take({ type: 'groupStateSnapshot' });
    assert.deepEqual(
        items.map(({ state }) => state),
        [{ k: '2' }],
    );
    annAgain.close();
    boAgain.close();
    late.cut();
});

for (const protocol of [JSON_V1, JSON_RELIABLE]) {
    test(`hundreds of members (${protocol})`, async () => {
        const hub = newHub();
        const COUNT = 200;
        const peers = await Promise.all(
            Array.from({ length: COUNT }, async (_, index) => {
                const peer = await member(hub, `u${index}`);
                await peer.must(set({ index: String(index) }));
                return peer;
            }),
        );
        const watcher = await member(hub, 'watcher', protocol);
        await watcher.must(subscribe);
        const { items } = await watcher.take({ type: 'groupStateSnapshot' });
        const found = items.map(({ state }) => Number(state.index)).sort((a, b) => a - b);
        assert.deepEqual(found, [...Array(COUNT).keys()]);
        peers.forEach((peer) => peer.cut());
        watcher.cut();
    });
}

/* Of its only bridge: the will comes when no bridge is there to hear it. */
test('whoever goes with a killed bridge takes the state along', async () => {
    const lonely = await Server.start({ bridge: { processes: 1 } });
    const connect = async () => {
        const peer = await lonely.connect('h', { user: 'ann', protocol: JSON_V1 });
        await peer.join('g');
        return peer;
    };
    const peer = await connect();
    await peer.must(set({ k: 'v' }));
    await lonely.kill('pubgrid-bridge');
    await peer.closed;
    await lonely.ready();
    await until('an empty snapshot', async () => {
        const late = await connect();
        await late.must(subscribe);
        const { items } = await late.take({ type: 'groupStateSnapshot' });
        late.cut();
        return items.length === 0;
    });
});

await run();
