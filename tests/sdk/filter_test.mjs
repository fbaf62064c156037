/* The `filter` of REST calls (spec/webpubsub.md 6.8): who gets the message, for each form of the
 * grammar, and what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { JSON_RELIABLE, JSON_V1, PROTOBUF_V1 } from './lib/peer.mjs';
import { connectAt } from './lib/processes.mjs';
import './lib/protobuf.mjs';
import { Hub, cut, idOf } from './lib/rest.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';

const server = await Server.start();
const hub = Hub.fresh(server);

/* name: [user, groups, subprotocol]; every second one is at the other bridge process. */
const crowd = {
    alice: ['alice', ['g1'], JSON_V1],
    bob: ['Bob', ['g1', 'g2'], JSON_RELIABLE],
    carol: ['t1-carol', ['g2', 'g3', 'a b', 'x'], PROTOBUF_V1],
    quote: ["o'b", [], JSON_V1],
    nobody: [undefined, ['g3'], JSON_V1],
};
const everybody = Object.keys(crowd);
const peers = {};
for (const [name, [user, groups, protocol]] of Object.entries(crowd)) {
    const process = everybody.indexOf(name) % 2;
    peers[name] = await connectAt(server, process, hub.name, { user, groups, protocol });
}
const { alice, bob } = peers;

const query = (filter) => `?filter=${encodeURIComponent(filter)}`;

/* The names of those who get a message with this filter. */
async function receivers(filter, where = '') {
    const mine = `${Math.random()}`;
    const { status, text } = await hub.send(where, mine, query(filter));
    assert.equal(status, 202, `${filter}: ${text}`);
    await hub.drain(Object.values(peers));
    return everybody.filter((name) => peers[name].data().includes(mine));
}

const ALL = everybody.join(' ');
const WITH_USER = 'alice bob carol quote';

/* filter: who gets it. */
const filters = {
    // typical ones
    "userId ne 'alice'": 'bob carol quote nobody',
    "'g1' in groups and not ('g2' in groups)": 'alice',
    'userId eq null': 'nobody',
    "startswith(userId,'t1-')": 'carol',
    'length(groups) gt 3': 'carol',
    [`connectionId in ('${idOf(alice)}','${idOf(bob)}')`]: 'alice bob',
    "userId ne 'o''b'": 'alice bob carol nobody',
    "userId eq 'o''b'": 'quote',
    // identifiers
    "USERID eq 'alice'": 'alice',
    [`ConnectionId eq '${idOf(bob)}'`]: 'bob',
    "'g1' in Groups": 'alice bob',
    "'a b' in groups": 'carol',
    "'G1' in groups": '',
    "protocol eq 'json.webpubsub.azure.v1'": 'alice quote nobody',
    "startswith(protocol,'json.reliable')": 'bob',
    "contains(protocol,'protobuf')": 'carol',
    // literals and operators
    true: ALL,
    false: '',
    'not false': ALL,
    'not (not true)': ALL,
    'null eq null': ALL,
    'null ne null': '',
    'userId ne null': WITH_USER,
    'null eq userId': 'nobody',
    '1 eq 1': ALL,
    '-1 lt 0': ALL,
    '1 ge 2': '',
    '2 le 2': ALL,
    'true eq true': ALL,
    'length(groups) eq 0': 'quote',
    'length(groups) ge 2': 'bob carol',
    'length(groups) lt 2': 'alice quote nobody',
    'length(groups) le 1': 'alice quote nobody',
    'length(groups) ne 1': 'bob carol quote',
    "userId in ('alice','Bob','zoe')": 'alice bob',
    "userId in ('alice')": 'alice',
    "not (userId in ('alice'))": 'bob carol quote nobody',
    // precedence: not, comparison, and, or
    "userId eq 'alice' or userId eq 'Bob' and 'g3' in groups": 'alice',
    "(userId eq 'alice' or userId eq 'Bob') and 'g2' in groups": 'bob',
    "not (userId eq 'alice') and 'g1' in groups": 'bob',
    'true or true and false': ALL,
    "'g1' in groups or 'g3' in groups": 'alice bob carol nobody',
    // functions
    "tolower(userId) eq 'bob'": 'bob',
    "toupper(userId) eq 'ALICE'": 'alice',
    "trim('  x ') eq 'x'": ALL,
    "substring(userId,3) eq 'carol'": 'carol',
    "substring(userId,0,2) eq 't1'": 'carol',
    "endswith(userId,'ob')": 'bob',
    "contains(userId,'li')": 'alice',
    "contains(userId,'''')": 'quote',
    "indexof(userId,'b') eq 2": 'bob quote',
    "indexof(userId,'zz') eq -1": ALL,
    "concat(userId,'!') eq 'alice!'": 'alice',
    'length(userId) eq 5': 'alice',
    'length(userId) gt 3': 'alice carol',
    "length('ü') eq 1": ALL,
    "toupper(substring(trim(' alice '),0,1)) eq 'A'": ALL,
    // null
    "startswith(userId,'')": WITH_USER,
    'contains(userId,null)': '',
    'length(null) eq null': ALL,
    "indexof(null,'x') eq -1": ALL,
    // symbols, which Azure's own samples have
    'length(userId) > 3': 'alice carol',
    "userId == 'alice' and length(groups) <= 1": 'alice',
    "userId != 'alice' and length(groups) >= 4": 'carol',
    'length(groups) < 1': 'quote',
    // white space and case
    "  userId   eq\t'alice'  ": 'alice',
    "((((userId eq 'alice'))))": 'alice',
    "startswith( userId , 'ali' )": 'alice',
    // empty: no filter
    '': ALL,
};

for (const [filter, expected] of Object.entries(filters)) {
    test(`who gets it: ${filter}`, async () => {
        assert.equal((await receivers(filter)).join(' '), expected);
    });
}

test('of a group and of a user', async () => {
    assert.deepEqual(await receivers("userId ne 'alice'", '/groups/g1'), ['bob']);
    assert.deepEqual(await receivers("'g2' in groups", '/users/alice'), []);
    assert.deepEqual(await receivers("'g1' in groups", '/users/alice'), ['alice']);
    assert.deepEqual(await receivers('true', '/groups/nothing'), []);
});

test('groups joined and left count at once', async () => {
    await alice.join('now');
    assert.deepEqual(await receivers("'now' in groups"), ['alice']);
    await alice.must({ type: 'leaveGroup', group: 'now' });
    assert.deepEqual(await receivers("'now' in groups"), []);
    await hub.must(200, 'PUT', `/groups/now/connections/${idOf(bob)}`);
    assert.deepEqual(await receivers("'now' in groups"), ['bob']);
    await hub.must(204, 'DELETE', `/groups/now/connections/${idOf(bob)}`);
    assert.deepEqual(await receivers("'now' in groups"), []);
});

const deep = (count) => `${'('.repeat(count)}true${')'.repeat(count)}`;
const clauses = (count) => Array(count).fill("userId ne 'x'").join(' and ');

const bad = [
    'null',
    'userId',
    "'x'",
    '1',
    'x',
    'nothing eq 1',
    'userId eq',
    'eq userId',
    "userId = 'x'",
    "userId eq 'x",
    'userId eq x',
    'userId eq "x"',
    "userId eq 'x' and",
    "userId eq 'x' xor true",
    "(userId eq 'x'",
    "userId eq 'x')",
    '()',
    'not',
    'not userId',
    "userId gt 'x'",
    'true gt false',
    'userId eq 1',
    "length(groups) eq 'x'",
    "groups eq 'g1'",
    "'g1' in userId",
    'userId in ()',
    "userId in ('a',)",
    "userId in 'a'",
    '1 in groups',
    'startswith(userId)',
    "startswith(userId,'a','b')",
    'startswith(userId,1)',
    'length()',
    'length(1)',
    'nothing(userId)',
    "true or userId gt 'x'", // both sides are checked
    "false and (1 eq 'x')",
    "substring(userId,'x') eq 'x'",
    '99999999999999999999 eq 1',
    '1.5 eq 1',
    "userId eq 'a' userId eq 'b'",
    '\0',
    deep(5000),
    clauses(5000),
    `userId eq '${'x'.repeat(6000)}' ${'and true '.repeat(200)}x`,
];

for (const filter of bad) {
    test(`refused: ${JSON.stringify(filter).slice(0, 50)}`, async () => {
        const how = { body: 'x', headers: { 'content-type': 'text/plain' } };
        const answer = await hub.call('POST', `/:send${query(filter)}`, how);
        if (filter.length < 1000) {
            assert.equal(answer.status, 400);
            assert.equal(answer.json.code, 'Error.BadRequest');
            assert.match(answer.json.message, /filter/i);
        } else {
            assert.ok([400, 414, 431].includes(answer.status), String(answer.status));
        }
    });
}

test('depth and number of clauses that are allowed', async () => {
    assert.deepEqual(await receivers(deep(50)), everybody);
    assert.deepEqual(await receivers(clauses(50)), everybody);
});

test('end', async () => {
    await alice.ping();
    cut(Object.values(peers));
});

await run();
