/* The example of examples/event-to-browser, in a headless Chromium: an event reaches the page through the
 * function, and without it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { atEnd, explain, run, test } from './lib/runner.mjs';
import { freePort, Server } from './lib/server.mjs';

const CHROMIUM = '/usr/bin/chromium';
const EXAMPLE = new URL('../../examples/event-to-browser', import.meta.url).pathname;
const KEY = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64');
for (const needed of [CHROMIUM, path.join(EXAMPLE, 'node_modules')]) {
    if (!fs.existsSync(needed)) {
        console.log(`left out: ${needed} is missing`);
        process.exit(77);
    }
}

const port = await freePort();
const configuration = fs
    .readFileSync(path.join(EXAMPLE, 'pubgrid.yaml'), 'utf8')
    .replace('@KEY@', KEY)
    .replace('@FUNCTION_PORT@', port);
const server = await Server.start({ more: configuration });

const said = [];
const program = spawn('node', [path.join(EXAMPLE, 'function.mjs')], {
    env: { ...process.env, CONNECTION_STRING: `Endpoint=${server.httpUrl('')};AccessKey=${server.keys[0]};Version=1.0;`, FUNCTION_PORT: port },
});
const started = new Promise((resolve) => {
    program.stdout.once('data', resolve);
});
program.stderr.on('data', (text) => said.push(`${text}`));
atEnd('the function ends', () => program.kill());
explain(() => `the function said:\n${said.join('')}`);
await started;

const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
atEnd('the browser ends', () => browser.close());

const publish = () =>
    promisify(execFile)('node', [path.join(EXAMPLE, 'publish.mjs')], {
        env: {
            ...process.env,
            TOPIC_ENDPOINT: server.httpUrl('/topics/prices/api/events'),
            TOPIC_KEY: KEY,
        },
    });

async function open() {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.getByRole('status').getByText('Live').waitFor();
    return page;
}
const column = (page, group) => page.locator(`[data-group=${group}] li`);

test('an event reaches two pages, through the function and without it', async () => {
    const pages = [await open(), await open()];
    await publish();
    for (const page of pages) {
        for (const symbol of ['PUB', 'GRID']) {
            await column(page, 'direct').filter({ hasText: symbol }).waitFor();
            await column(page, 'function').filter({ hasText: symbol }).waitFor();
        }
        const through = await column(page, 'function').first().textContent();
        assert.match(through, /[▲▼] \d+\.\d\d/, 'the function has added the direction');
        const straight = await column(page, 'direct').first().textContent();
        assert.doesNotMatch(straight, /[▲▼]/);
    }
});

await run();
