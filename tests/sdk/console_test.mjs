/* The console at /console/, in a headless Chromium, as a person uses it: with keyboard and mouse, light, dark, on a phone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { connectMqtt } from './lib/device.mjs';
import { Pages } from './lib/pages.mjs';
import { atEnd, run, test } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';
import { deferred, until, within } from './lib/wait.mjs';

const webhook = http.createServer((request, response) => { // takes one kind of event only
    request.on('data', () => {}).on('end', () => response.writeHead(webhook.status).end());
});
webhook.status = 400;
webhook.listen(0, '127.0.0.1');
await once(webhook, 'listening');
atEnd('the webhook ends', () => webhook.close());
const endpointUrl = `http://127.0.0.1:${webhook.address().port}/`;

const server = await Server.start({
    more: `event_grid:
  topics:
    - name: orders
      properties: {inputSchema: CloudEventSchemaV1_0}
      eventSubscriptions:
        - name: billing
          properties:
            destination: {endpointType: WebHook, properties: {endpointUrl: "${endpointUrl}", skipValidation: true}}
            deadLetterDestination: {endpointType: StorageBlob, properties: {resourceId: x, blobContainerName: letters}}
        - name: shipping
          properties:
            destination: {endpointType: WebHook, properties: {endpointUrl: "${endpointUrl}", skipValidation: true}}
            filter: {includedEventTypes: [Order.Shipped]}
`,
});
const CONSOLE = server.httpUrl('/console/');
const pages = await Pages.start('console', /40[01]|WebSocket connection/);

async function signIn(page) {
    await page.getByLabel('Access key').fill(server.keys[0]);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByRole('status').getByText('Live').waitFor();
}

const view = (page, name) => page.getByRole('navigation').getByRole('link', { name }).click();
const row = (page, table, text) => page.getByRole('region', { name: table }).getByRole('row').filter({ hasText: text });
const confirm = (page, name) => page.getByRole('dialog').getByRole('button', { name }).click();

const page = await pages.open(CONSOLE);

test('the address without a slash leads there', async () => {
    const answer = await fetch(server.httpUrl('/console'), { redirect: 'manual' });
    assert.deepEqual([answer.status, answer.headers.get('location')], [308, 'console/']);
    assert.equal((await fetch(server.httpUrl('/console/nothing'))).status, 404);
});

test('without an access key one sees nothing', async () => {
    await pages.isAccessible(page, 'signing in');
    await page.getByLabel('Access key').fill('no key of this server');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('not an access key').waitFor();
    assert.equal(await page.getByRole('navigation').count(), 0);
});

test('a connection string is good, too, and is remembered', async () => {
    await page.getByLabel('Access key').fill(`Endpoint=http://x;AccessKey=${server.keys[1]};Version=1.0;`);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.reload();
    await page.getByRole('status').getByText('Live').waitFor();
});

test('numbers are live', async () => {
    const publisher = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'press' });
    const published = page.locator('figure').filter({ hasText: 'Messages a second' }).getByText(/^published/);
    await until('a rate is shown', async () => {
        await publisher.publishAsync('news', 'x');
        return /published [1-9]/.test(await published.textContent());
    });
    const sessions = page.locator('dl div').filter({ hasText: 'Sessions' }).locator('dd');
    await until('sessions are counted', async () => Number(await sessions.textContent()) > 0);
    assert.ok((await page.locator('canvas').count()) >= 5);
    const times = new Set();
    await until('there is something to see of it', async () => {
        await publisher.publishAsync('news', 'x');
        return times.add(await published.textContent()).size > 5;
    });
    await pages.picture(page, 'overview');
    publisher.end(true);
});

test('a device is found, looked at, closed', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'boiler-7' });
    const said = deferred();
    device.on('disconnect', said.resolve);
    await device.subscribeAsync('house/+/set', { qos: 1 });
    await view(page, 'Connections');
    await page.getByLabel('contains').fill('boiler');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('button', { name: 'boiler-7' }).click();
    await row(page, 'Subscriptions', 'house/+/set').waitFor();
    await pages.picture(page, 'connections');
    await page.getByRole('button', { name: 'Close the connection' }).click();
    await confirm(page, 'Close it');
    assert.equal((await within(() => 'DISCONNECT', said.promise)).reasonCode, 0x98);
    await page.getByText('No session fits').waitFor();
});

test('a browser is told why it was closed', async () => {
    const ann = await server.connect('chat', { user: 'ann' });
    await page.getByLabel('contains').fill('ann');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('button', { name: ann.connected.connectionId }).click();
    await page.getByRole('button', { name: 'Close the connection' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('closed for the night');
    await confirm(page, 'Close it');
    assert.match((await ann.take({ type: 'system', event: 'disconnected' })).message, /closed for the night/);
});

test('retained messages, and those that come', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'sensor' });
    await device.publishAsync('house/cellar/temp', '12.5', { qos: 1, retain: true });
    await device.publishAsync('house/attic/temp', '21', { qos: 1, retain: true });
    await view(page, 'Topics');
    await page.getByText('cellar').click();
    await page.getByRole('listitem').filter({ hasText: /^cellar/ }).getByRole('button', { name: 'temp' }).click();
    await page.getByText('12.5').waitFor();
    await page.getByLabel('Topic filter').fill('house/#');
    await page.getByRole('button', { name: 'Watch live' }).click();
    await page.getByText('Watching house/#').waitFor();
    await until('it is seen', async () => {
        await device.publishAsync('house/door', 'open');
        return (await row(page, 'Messages', 'house/door').count()) > 0;
    });
    await pages.picture(page, 'topics');
    await page.getByRole('button', { name: 'Clear it' }).click();
    await page.getByRole('listitem').filter({ hasText: /^cellar/ }).waitFor({ state: 'detached' });
    device.end(true);
});

test('too many messages end a watch, and nothing else', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'flood' });
    await page.getByLabel('Topic filter').fill('flood/#');
    await page.getByRole('button', { name: 'Watch live' }).click();
    await until('it ends', async () => {
        for (let i = 0; i < 500; i++) {
            device.publish('flood/x', 'x');
        }
        return (await page.getByText('watch fewer topics').count()) > 0;
    });
    await page.getByRole('status').getByText('Live').waitFor();
    device.end(true);
});

test('settings of a hub', async () => {
    const ben = await server.connect('game', { user: 'ben', groups: ['red'] });
    await view(page, 'Hubs');
    await until('the hub is listed', async () => {
        await view(page, 'Overview');
        await view(page, 'Hubs');
        await page.getByRole('region', { name: 'Hubs' }).waitFor();
        return (await page.getByRole('link', { name: 'game' }).count()) > 0;
    });
    await page.getByRole('link', { name: 'game' }).click();
    await page.getByText('1 connections, 1 users, 1 groups').waitFor();
    await page.getByRole('button', { name: 'Change settings' }).click();
    const editor = page.getByRole('dialog').getByLabel('JSON');
    await editor.fill('{"anonymousConnectPolicy":"allow"}');
    await confirm(page, 'Set');
    await page.getByRole('button', { name: 'As in the configuration' }).waitFor();
    await pages.picture(page, 'hubs');
    await page.getByRole('button', { name: 'Change settings' }).click();
    await editor.fill('{"anonymousConnectPolicy":"perhaps"}');
    await confirm(page, 'Set');
    await page.getByRole('alert').getByText(/allow/).waitFor();
    await page.getByRole('button', { name: 'As in the configuration' }).click();
    await confirm(page, 'Take back');
    await page.getByRole('button', { name: 'As in the configuration' }).waitFor({ state: 'detached' });
    ben.cut();
});

test('an event: who would get it, who got it, its dead letter, again', async () => {
    await view(page, 'Events');
    await page.getByRole('link', { name: 'topics/orders' }).click();
    await page.getByRole('button', { name: 'Which subscriptions' }).click();
    await row(page, 'Who would get it', 'billing').getByText('yes').waitFor();
    await row(page, 'Who would get it', 'shipping').getByText('includedEventTypes').waitFor();
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await page.getByText('Published.').waitFor();
    await page.getByRole('button', { name: 'billing' }).click();
    await row(page, 'Attempts to deliver', '400').waitFor();
    await until('the dead letter is listed', async () => {
        await page.getByRole('button', { name: 'billing' }).click();
        await page.getByText(/Dead letters/).waitFor();
        await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
        return (await row(page, 'Dead letters', 'UndeliverableDueTo').count()) > 0;
    });
    await pages.picture(page, 'events');
    webhook.status = 200;
    await page.getByRole('button', { name: 'Send again', exact: true }).click();
    await row(page, 'Attempts to deliver', '200').waitFor();
    await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
});

test('an event that is wrong is explained', async () => {
    await page.getByLabel('Event', { exact: true }).fill('{"specversion":"1.0"}');
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await page.getByRole('alert').getByText(/400/).waitFor();
});

test('trying things out', async () => {
    await view(page, 'Playground');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    const frames = page.getByRole('log', { name: 'Frames' });
    await frames.getByText('"event":"connected"').waitFor();
    await page.getByRole('button', { name: 'Join' }).click();
    await frames.getByText('"ackId":1,"success":true').waitFor();
    await page.getByLabel('Topic filter').fill('playground/lobby');
    await page.getByRole('button', { name: 'Subscribe' }).click();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('log', { name: 'MQTT' }).getByText('playground/lobby (QoS 0): hello').waitFor();
    await page.getByLabel('Topic', { exact: true }).fill('playground/lobby');
    await page.getByLabel('Payload').fill('from a device');
    await page.getByRole('button', { name: 'Publish' }).click();
    await frames.getByText('from a device').waitFor();
    await pages.picture(page, 'playground');
});

test('the keyboard is enough', async () => {
    await page.goto(CONSOLE);
    await page.getByRole('status').getByText('Live').waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
    for (const name of ['Overview', 'Connections', 'Topics']) {
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate(() => document.activeElement.textContent), name);
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Topics', exact: true }).waitFor();
});

test('a killed bridge is overcome', async () => {
    await server.kill('pubgrid-bridge');
    await server.kill('pubgrid-bridge');
    await page.getByRole('status').getByText('Live').waitFor();
    await view(page, 'Connections');
    await row(page, 'Sessions', 'console-').waitFor();
});

test('in the dark, and on a phone', async () => {
    for (const look of ['dark', 'phone']) {
        const other = await pages.open(CONSOLE, look);
        await signIn(other);
        for (const name of ['Overview', 'Connections', 'Topics', 'Hubs', 'Events', 'Playground']) {
            await view(other, name);
            await other.getByRole('heading', { name, exact: true }).waitFor();
            await other.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
            await pages.picture(other, `${name.toLowerCase()}-${look}`);
        }
        await other.context().close();
    }
});

test('signing out forgets the key', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

await run();
