/* examples/stock-ticker: two pages show the same prices, live; who comes late has the past, too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { Demo } from './lib/demo.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const demo = await Demo.start('stock-ticker');

const price = (page, symbol) => page.getByRole('row', { name: symbol }).locator('.price').textContent();
const points = (page) =>
    page.locator('#chart .line').evaluate((path) => path.getAttribute('d').split(/[ML]/).length - 1);

test('prices change, and are the same on two pages', async () => {
    const [one, other] = [await demo.open(), await demo.open({ look: 'dark' })];
    const first = await price(one, 'PUB');
    await until('the price changes', async () => (await price(one, 'PUB')) !== first);
    await until('both pages show the same', async () => {
        const shown = await Promise.all([one, other].map((page) => price(page, 'GRID')));
        return shown[0] === shown[1] && /^\d+\.\d\d$/.test(shown[0]);
    });
    await until('there is a chart', async () => (await points(other)) > 12);
    await demo.picture(other, 'dark');
});

test('who comes late sees what was before, and chooses what to see', async () => {
    const early = await demo.open();
    await until('there is a past', async () => (await points(early)) > 8);
    const late = await demo.open({ look: 'phone' });
    assert.ok((await points(late)) > 8);
    await late.getByRole('button', { name: 'MQTT' }).click();
    await late.getByRole('heading', { name: /^MQTT, the last/ }).waitFor();
    await until('the chart shows its price', async () => (await late.locator('#now').textContent()) === (await price(late, 'MQTT')));
    await demo.picture(late, 'phone');
    await demo.picture(early, 'light');
});

test('a price is read while it flashes, whichever way it went, also in the chosen row', async () => {
    for (const look of ['light', 'dark']) {
        const page = await demo.open({ look });
        await until('there is a chart', async () => (await points(page)) > 8);
        for (const direction of ['good', 'bad']) {
            // As when all prices change at once: what really comes turns single rows back.
            await page.locator('.price, .change').evaluateAll((cells, direction) => cells.forEach((cell) => {
                cell.className = `number ${cell.matches('.price') ? 'price flash' : 'change'} ${direction}`;
            }), direction);
            await demo.pages.isAccessible(page, `${look}, ${direction}`);
        }
    }
});

test('a page that could not fetch the past tries again', async () => {
    const page = await demo.open();
    await page.route('**/history', (route) => route.fulfill({ body: 'not now' }), { times: 1 });
    await page.reload();
    await page.getByRole('status').getByText('Live').waitFor();
    assert.match(await price(page, 'PUB'), /^\d+\.\d\d$/);
});

await run();
