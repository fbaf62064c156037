/* The page at /, in a headless Chromium: two tabs chat, a device joins in, a cut is overcome.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { connectMqtt } from './lib/device.mjs';
import { Pages } from './lib/pages.mjs';
import { run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { until } from './lib/wait.mjs';

const server = await Server.start();
const pages = await Pages.start('page', /WebSocket connection|net::ERR/); // while a connection is cut
const { browser } = pages;
const openTab = (context, fragment = '') => pages.tab(context, server.httpUrl(`/${fragment}`));

const stateOf = (tab, text) => tab.getByRole('status').filter({ hasText: text }).waitFor();
const messages = (tab) => tab.getByRole('log');

async function join(tab, name, group) {
    await tab.getByLabel('Your name').fill(name);
    if (group) {
        await tab.getByLabel('Group').fill(group);
    }
    await tab.getByRole('button', { name: 'Join' }).click();
    await messages(tab).getByText('You are in').waitFor();
    await stateOf(tab, 'Connected');
}

async function say(tab, text) {
    await tab.getByRole('textbox', { name: 'Message' }).fill(text);
    await tab.getByRole('button', { name: 'Send' }).click();
}

test('the files, and what their headers say', async () => {
    const types = {
        '/': 'text/html',
        '/theme.css': 'text/css',
        '/page.css': 'text/css',
        '/page.js': 'text/javascript',
        '/reliable.js': 'text/javascript',
        '/icon.svg': 'image/svg+xml',
    };
    for (const [path, type] of Object.entries(types)) {
        const answer = await fetch(server.httpUrl(path));
        assert.equal(answer.status, 200, path);
        assert.ok(answer.headers.get('content-type').startsWith(type), path);
        assert.match(answer.headers.get('content-security-policy'), /default-src 'self'/);
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
        assert.ok((await answer.text()).length > 100);
        const etag = answer.headers.get('etag');
        const again = await fetch(server.httpUrl(path), { headers: { 'if-none-match': etag } });
        assert.equal(again.status, 304, path);
    }
    for (const path of ['/page.c', '/index', '/x']) {
        assert.equal((await fetch(server.httpUrl(path))).status, 404, path);
    }
});

test('negotiate', async () => {
    const answer = await fetch(server.httpUrl(`/negotiate?user=${encodeURIComponent('Ann é&')}`));
    assert.equal(answer.headers.get('content-type').split(';')[0], 'application/json');
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    const url = new URL((await answer.json()).url);
    assert.equal(url.href.split('?')[0], server.httpUrl('/client/hubs/playground', 'ws'));
    const claims = JSON.parse(
        Buffer.from(url.searchParams.get('access_token').split('.')[1], 'base64url'),
    );
    assert.equal(claims.sub, 'Ann é&');
    assert.equal((await fetch(server.httpUrl('/negotiate'))).status, 400);
});

test('two tabs chat and see each other', async () => {
    const context = await browser.newContext();
    const ann = await openTab(context);
    const bo = await openTab(context);
    await join(ann, 'Ann', 'lobby');
    await join(bo, 'Bo', 'lobby');
    const here = (tab) =>
        tab.getByRole('list').filter({ hasText: 'Bo' }).filter({ hasText: 'Ann' });
    await here(ann).getByText('Ann (you)').waitFor();
    await here(bo).getByText('Bo (you)').waitFor();
    await say(ann, 'Hello <b>Bo</b>');
    await messages(bo).getByText('Hello <b>Bo</b>', { exact: true }).waitFor();
    await say(bo, 'Hello Ann');
    await messages(ann).getByText('Hello Ann').waitFor();
    await until(
        "Bo's own message is acknowledged",
        async () => (await messages(bo).locator('.waiting').count()) === 0,
    );
    assert.equal(await messages(ann).getByText('Hello').count(), 2);
    await bo.getByRole('button', { name: 'Leave' }).click();
    await ann.getByText('Bo', { exact: true }).waitFor({ state: 'hidden' });
    await context.close();
});

test('a device chats along', async () => {
    const context = await browser.newContext();
    const tab = await openTab(context, '#machines/1');
    await join(tab, 'Ann');
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`);
    await device.subscribeAsync('playground/machines/1', { qos: 1 });
    await device.publishAsync('playground/machines/1', '21.5 °C', { qos: 1 });
    await messages(tab).getByText('21.5 °C').waitFor();
    await device.take();
    await say(tab, 'Thanks');
    assert.equal((await device.take()).text, 'Thanks');
    await device.endAsync();
    await context.close();
});

test('a cut, and kill -9 of the bridge and the broker, are overcome', async () => {
    const context = await browser.newContext();
    const ann = await openTab(context);
    const bo = await openTab(context);
    await join(ann, 'Ann', 'cuts');
    await join(bo, 'Bo', 'cuts');
    const faults = {
        cut: () => ann.getByRole('button', { name: 'Cut the connection' }).click(),
        bridge: () => server.kill('pubgrid-bridge'),
        broker: () => server.kill('pubgrid-broker'),
    };
    for (const [name, fault] of Object.entries(faults)) {
        await fault();
        await say(bo, `after ${name} from Bo`);
        await say(ann, `after ${name} from Ann`);
        await messages(ann).getByText(`after ${name} from Bo`).waitFor();
        await messages(bo).getByText(`after ${name} from Ann`).waitFor();
        await stateOf(ann, 'Connected');
    }
    for (const tab of [ann, bo]) {
        assert.equal(
            await messages(tab)
                .getByText(/^after/)
                .count(),
            6,
        );
        assert.equal(await messages(tab).getByText('You are in').count(), 1); // the same connection all along
    }
    await context.close();
});

test('the code to copy', async () => {
    const context = await browser.newContext();
    const tab = await openTab(context);
    await tab.getByLabel('Group').fill("it's+1");
    const snippets = {
        Browser: ["joinGroup', group: 'it\\'s+1'", 'json.webpubsub.azure.v1'],
        'MQTT device': ["mosquitto_sub -h 127.0.0.1 -t 'playground/it'\\''s%2B1'", 'mosquitto_pub'],
        'npm client': ["joinGroup('it\\'s+1')", '@azure/web-pubsub-client'],
        'Your own hub': ['pubgrid token --hub myhub'],
    };
    for (const [name, parts] of Object.entries(snippets)) {
        await tab.getByRole('tab', { name }).click();
        assert.equal(await tab.getByRole('tab', { name }).getAttribute('aria-selected'), 'true');
        const code = await tab.getByRole('tabpanel').innerText();
        for (const part of parts) {
            assert.ok(code.includes(part), `${part} in ${code}`);
        }
    }
    await tab.getByRole('tab', { name: 'Your own hub' }).press('ArrowRight');
    assert.equal(
        await tab.getByRole('tab', { name: 'Browser' }).getAttribute('aria-selected'),
        'true',
    );
    await context.close();
});

test("the browser's snippet works as it stands", async () => {
    const context = await browser.newContext();
    const tab = await openTab(context, '#snippet');
    const code = await tab.getByRole('tabpanel').innerText();
    const hello = tab.waitForEvent('console', async (message) => {
        const [frame] = await Promise.all(message.args().map((arg) => arg.jsonValue()));
        return frame?.type === 'message' && frame.data === 'Hello';
    });
    await tab.evaluate(`(async () => { ${code} })()`);
    await hello;
    await context.close();
});

test("a phone's width, light and dark", async () => {
    for (const colorScheme of ['light', 'dark']) {
        const context = await browser.newContext({
            colorScheme,
            viewport: { width: 360, height: 700 },
        });
        const tab = await openTab(context);
        const overflow = () =>
            tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok((await overflow()) <= 0);
        await join(tab, 'Ann', 'a group with quite a long name, so that it has to wrap somewhere');
        await say(tab, 'x'.repeat(300));
        await messages(tab).getByText('xxx').waitFor();
        assert.ok((await overflow()) <= 0);
        const back = await tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.equal(Number(back.match(/\d+/)[0]) < 128, colorScheme === 'dark');
        await context.close();
    }
});

test('nothing went wrong in the browser meanwhile', async () => {
    assert.deepEqual(pages.complaints, []);
});

await run();
