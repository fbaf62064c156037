/* The console, open in a headless Chromium while something else loads the server: it goes from view to view until SIGTERM, and
 * then says how long they took to show (console.sh).
 *
 *     console_watch.mjs URL KEYS FIFO      a line goes into FIFO when the console is live
 *
 * SPDX-License-Identifier: Apache-2.0 */
import fs from 'node:fs';
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../sdk/package.json', import.meta.url))('playwright-core');
const [url, keys, fifo] = process.argv.slice(2);
const VIEWS = ['Overview', 'Connections', 'Topics', 'Hubs', 'Events', 'Playground'];
const PAUSE_MS = 500; // a person looks at each

let isOver = false;
process.on('SIGTERM', () => {
    isOver = true;
});

const browser = await chromium.launch({
    handleSIGTERM: false,
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const page = await browser.newPage();
await page.goto(url);
await page.getByLabel('Access key').fill(/^primary: (.+)$/m.exec(fs.readFileSync(keys, 'utf8'))[1]);
await page.getByRole('button', { name: 'Sign in' }).click();
await page.getByRole('status').getByText('Live').waitFor();
fs.writeFileSync(fifo, 'live\n');

const took = [];
while (!isOver) {
    for (const name of VIEWS) {
        const began = performance.now();
        await page.getByRole('navigation').getByRole('link', { name }).click();
        await page.getByRole('heading', { name, exact: true }).waitFor();
        await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
        took.push(performance.now() - began);
        await page.waitForTimeout(name === 'Overview' ? 4 * PAUSE_MS : PAUSE_MS);
    }
}
await browser.close();
took.sort((a, b) => a - b);
const ms = (part) => Math.round(took[Math.min(took.length - 1, Math.floor(took.length * part))]);
console.log(`A view was there after ${ms(0.5)} ms (median), ${ms(1)} ms (longest of ${took.length}).`);
