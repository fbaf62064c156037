/* examples/fan-out: a service that is down misses nothing, and the others do not notice.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { inTurn } from '../../examples/shared/site.mjs';
import { Demo } from './lib/demo.mjs';
import { run, test } from './lib/runner.mjs';
import { deferred, until } from './lib/wait.mjs';

const demo = await Demo.start('fan-out');
const number = (page, service, what) =>
    page.getByRole('region', { name: service, exact: true }).locator(`[data-is=${what}]`).textContent();
const shows = (page, service, what, expected) =>
    until(`${service}: ${expected} ${what}`, async () => Number(await number(page, service, what)) === expected);

test('a service that is down misses nothing', async () => {
    const [one, other] = [await demo.open(), await demo.open({ look: 'dark' })];
    await one.getByRole('button', { name: 'Place an order' }).click();
    for (const service of ['billing', 'stock', 'shipping']) {
        await shows(other, service, 'done', 1);
    }
    await one.getByRole('switch', { name: 'stock is up' }).click();
    await other.getByRole('switch', { name: 'stock is up', checked: false }).waitFor();
    await other.getByRole('button', { name: 'Place 10' }).click();
    await shows(one, 'billing', 'done', 11);
    await shows(one, 'shipping', 'done', 11);
    await shows(one, 'stock', 'waiting', 10);
    await until('stock is tried again', async () => Number(await number(one, 'stock', 'attempts')) > 15);
    await demo.picture(one, 'light');
    await demo.picture(other, 'dark');
    const late = await demo.open({ look: 'phone' });
    await shows(late, 'stock', 'waiting', 10);
    await late.getByRole('switch', { name: 'stock is up' }).click();
    for (const page of [one, other, late]) {
        await shows(page, 'stock', 'done', 11);
        await shows(page, 'stock', 'waiting', 0);
    }
    await demo.picture(late, 'phone');
    const { orders, services } = JSON.parse(fs.readFileSync(path.join(demo.folder, 'orders.json'))); // for the next run
    assert.deepEqual([orders.length, services.stock.done.length], [11, 11]);
});

test('what services tell does not overtake what is older, and goes on behind a failure', async () => {
    const { promise, resolve } = deferred();
    const told = [];
    const steps = [
        async () => { await promise; told.push('older'); throw new Error('lost'); },
        async () => told.push('newer'),
    ];
    const tell = inTurn(() => steps.shift()());
    const [older, newer] = [tell(), tell()];
    resolve();
    await assert.rejects(older, /lost/);
    await newer;
    assert.deepEqual(told, ['older', 'newer']);
});

test('an order that was not accepted is not placed, and that is said', async () => {
    await demo.pubgrid('event', 'topic', 'regenerate-key', 'orders', 'key1'); // the shop has the old one
    const answer = await fetch(`${demo.url}order`, { method: 'POST', body: '{"count":1}' });
    assert.equal(answer.status, 500);
    assert.match(await answer.text(), /\w/);
    assert.equal((await (await fetch(`${demo.url}state`)).json()).orders.length, 11);
});

await run();
