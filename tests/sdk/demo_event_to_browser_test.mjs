/* examples/event-to-browser: an event reaches the page through the function, and without it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { Demo } from './lib/demo.mjs';
import { run, test } from './lib/runner.mjs';

const demo = await Demo.start('event-to-browser');
const column = (page, group) => page.locator(`[data-group=${group}] li`);

test('an event reaches two pages, through the function and without it', async () => {
    const pages = [await demo.open(), await demo.open({ look: 'phone' })];
    for (const page of pages) {
        for (const symbol of ['PUB', 'GRID']) {
            await column(page, 'direct').filter({ hasText: symbol }).first().waitFor();
            await column(page, 'function').filter({ hasText: symbol }).first().waitFor();
        }
        const through = await column(page, 'function').first().textContent();
        assert.match(through, /[▲▼] \d+\.\d\d/, 'the function has added the direction');
        const straight = await column(page, 'direct').first().textContent();
        assert.doesNotMatch(straight, /[▲▼]/);
    }
    await column(pages[0], 'direct').nth(9).waitFor();
    await demo.picture(pages[0], 'light');
    await demo.picture(pages[1], 'phone');
});

await run();
