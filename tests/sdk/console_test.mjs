/* The console at /console/, in a headless Chromium, as a person uses it: with keyboard and mouse, light, dark, on a phone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { confirm, consoleUrl, fact, row, settled, signIn, view } from './lib/console.mjs';
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
    - name: kept
      properties: {inputSchema: CloudEventSchemaV1_0, eventRetentionInDays: 1}
      eventSubscriptions:
        - name: late
          properties: {destination: {endpointType: MqttTopic, properties: {topic: "late/{type}"}}}
    - name: own
      properties:
        inputSchema: CustomEventSchema
        inputSchemaMapping:
          inputSchemaMappingType: Json
          properties:
            id: {sourceField: key}
            eventType: {sourceField: kind}
            subject: {sourceField: about, defaultValue: none}
            dataVersion: {defaultValue: "1"}
  domains:
    - name: shops
      topics:
        - name: berlin
          eventSubscriptions:
            - name: audit
              properties: {destination: {endpointType: MqttTopic, properties: {topic: "audit/{type}"}}}
`,
});
/* The contrast of two colours '#rrggbb' (WCAG 2, 1.4.3). */
function contrast(...colours) {
    const [light, dark] = colours.map((colour) => [1, 3, 5]
        .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
        .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0)).sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
}

const CONSOLE = consoleUrl(server);
const pages = await Pages.start('console', /40[01]|ERR_FAILED|ERR_CONNECTION_REFUSED|WebSocket connection/);
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

test('a server that cannot be reached is said, and the key is still there', async () => {
    await page.route('**/api/hubs', (route) => route.abort());
    await page.reload();
    await page.getByRole('alert').getByText('cannot be reached').waitFor();
    await page.unroute('**/api/hubs');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('status').getByText('Live').waitFor();
});

test('numbers are live', async () => {
    const publisher = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'press' });
    const published = page.locator('figure').filter({ hasText: 'Messages a second' }).getByText(/^published/);
    await until('a rate is shown', async () => {
        await publisher.publishAsync('news', 'x');
        return /published [1-9]/.test(await published.textContent());
    });
    assert.ok((await page.locator('canvas').count()) >= 5);
    const times = new Set();
    await until('there is something to see of it', async () => {
        // Ever more, so that each second has a number of its own.
        await Promise.all(Array.from({ length: 1 + 5 * times.size }, () => publisher.publishAsync('news', 'x')));
        return times.add(await published.textContent()).size > 5;
    });
    await pages.picture(page, 'overview');
    publisher.end(true);
});

test('the overview counts what the other views list, nothing of the server itself', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'one-of-two' });
    await device.subscribeAsync(['count/a', 'count/b']);
    await device.publishAsync('count/this', 'x', { qos: 1, retain: true });
    const read = async (name) => Number(await fact(page, name).textContent());
    await until('its retained message is counted', async () => (await read('Retained messages')) === 1);
    await until('it and this page are counted', async () => (await read('Sessions')) === 2);
    const subscriptions = await read('Subscriptions');
    await view(page, 'Connections');
    await row(page, 'Sessions', 'this page').waitFor();
    const rows = page.getByRole('region', { name: 'Sessions' }).locator('tbody tr');
    const counts = await rows.locator('td:nth-child(5)').allTextContents();
    assert.equal(counts.length, 2);
    assert.equal(counts.reduce((sum, count) => sum + Number(count), 0), subscriptions);
    await page.getByLabel('also those of the bridge').check();
    await page.getByRole('button', { name: 'Find' }).click();
    await row(page, 'Sessions', '$wps//staff').first().waitFor();
    await device.publishAsync('count/this', '', { qos: 1, retain: true });
    device.end(true);
});

test('an address that leads nowhere ends at the overview, and says so', async () => {
    for (const hash of ['#constructor', '#__proto__', '#topics/%', '#nothing/at/all']) {
        await page.goto(`${CONSOLE}${hash}`);
        await page.getByRole('alert').getByText(`no place ${hash};`).waitFor();
        await page.getByRole('heading', { name: 'Overview' }).waitFor();
    }
    await page.goto(`${CONSOLE}#topics/house%2F%23`);
    await page.getByRole('heading', { name: 'Topics', exact: true }).waitFor();
    assert.equal(await page.getByLabel('Topic filter').inputValue(), 'house/#');
    assert.equal(await page.getByRole('alert').count(), 0);
});

test('a device is found, looked at, closed', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'boiler-7' });
    const said = deferred();
    device.on('disconnect', said.resolve);
    await device.subscribeAsync('house/+/set', { qos: 1 });
    await view(page, 'Connections');
    await page.getByLabel('contains').fill('boiler');
    await page.getByRole('button', { name: 'Find' }).click();
    assert.equal(new URL(page.url()).hash, '#connections/boiler');
    await page.getByRole('button', { name: 'boiler-7' }).click();
    await row(page, 'Subscriptions', 'house/+/set').waitFor();
    await pages.picture(page, 'connections');
    await page.getByRole('button', { name: 'Close the connection' }).click();
    await confirm(page, 'Close it');
    assert.equal((await within(() => 'DISCONNECT', said.promise)).reasonCode, 0x98);
    await page.getByText('No session fits').waitFor();
});

test('what is looked at is on the screen, however long the list above it', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'boiler-9' });
    await device.subscribeAsync('house/+/set');
    const size = page.viewportSize();
    await page.setViewportSize({ width: size.width, height: 420 });
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('button', { name: 'boiler-9' }).click();
    const seen = page.getByRole('button', { name: 'Close the connection' });
    await seen.waitFor();
    await until('it is on the screen', () => seen.evaluate((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        return top > 0 && bottom < window.innerHeight;
    }));
    await page.setViewportSize(size);
    device.end(true);
});

test('what the broker does not answer is said', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'boiler-8' });
    const other = await pages.open(CONSOLE);
    let isCut = false;
    await other.routeWebSocket((url) => url.pathname.endsWith('/$system'), (socket) => {
        const broker = socket.connectToServer();
        socket.onMessage((message) => isCut || broker.send(message));
    });
    await other.reload();
    await signIn(other, server);
    await view(other, 'Connections');
    await other.getByRole('button', { name: 'boiler-8' }).click();
    await other.getByRole('button', { name: 'End the session' }).waitFor();
    await other.clock.install();
    isCut = true;
    await other.getByRole('button', { name: 'End the session' }).click();
    await confirm(other, 'End it');
    await until('it is said', async () => {
        await other.clock.runFor(1000);
        return (await other.getByRole('alert').getByText('does not answer').count()) > 0;
    });
    await other.context().close();
    device.end(true);
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
    await device.publishAsync('house', 'of brick', { qos: 1, retain: true });
    await view(page, 'Topics');
    await page.getByText('cellar').click();
    await page.getByRole('listitem').filter({ hasText: /^cellar/ }).getByRole('button', { name: 'temp' }).click();
    await page.getByText('12.5').waitFor();
    await page.getByText('QoS 1, 4 B').waitFor();
    await page.getByRole('button', { name: 'house itself' }).click();
    await page.getByText('of brick').waitFor();
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

test('what is retained does not end a watch, however much it is', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'attic' });
    const topics = Array.from({ length: 250 }, (_, i) => `attic/${i}`);
    await Promise.all(topics.map((topic) => device.publishAsync(topic, 'x', { qos: 1, retain: true })));
    await page.getByLabel('Topic filter').fill('attic/#');
    await page.getByRole('button', { name: 'Watch live' }).click();
    await until('what comes is seen', async () => {
        await device.publishAsync('attic/now', 'x');
        return (await row(page, 'Messages', 'attic/now').count()) > 0;
    });
    assert.equal(await page.getByText('watch fewer topics').count(), 0);
    await Promise.all(topics.map((topic) => device.publishAsync(topic, '', { qos: 1, retain: true })));
    device.end(true);
});

test('what the server says of itself is a topic like others', async () => {
    await page.getByLabel('Topic filter').fill('$SYS/broker/version');
    await page.getByRole('button', { name: 'Show retained' }).click();
    await page.getByText('broker', { exact: true }).click();
    await page.getByRole('button', { name: 'version' }).click();
    await page.getByText(/^pubgrid version/).waitFor();
});

test('a message is seen beside a long tree, and below it on a phone', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'rows' });
    const topics = Array.from({ length: 45 }, (_, i) => `rows/${100 + i}`);
    await Promise.all(topics.map((topic) => device.publishAsync(topic, `of ${topic}`, { qos: 1, retain: true })));
    const size = page.viewportSize();
    await page.getByLabel('Topic filter').fill('rows/#');
    await page.getByRole('button', { name: 'Show retained' }).click();
    for (const width of [size.width, 390]) {
        await page.setViewportSize({ width, height: 500 });
        for (const name of ['144', '100']) {
            await page.getByRole('button', { name }).click();
            const seen = page.getByText(`of rows/${name}`);
            await seen.waitFor();
            await until('it is on the screen', () => seen.evaluate((element) => {
                const { top, bottom } = element.getBoundingClientRect();
                return top > 0 && bottom < window.innerHeight;
            }));
        }
    }
    await page.setViewportSize(size);
    await Promise.all(topics.map((topic) => device.publishAsync(topic, '', { qos: 1, retain: true })));
    device.end(true);
});

test('names fit the screen, however long they are', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'wide' });
    const name = 'x'.repeat(400), topic = `${name}/${name}/${name}`;
    await device.publishAsync(topic, name, { qos: 1, retain: true });
    await page.getByLabel('Topic filter').fill(`${name}/#`);
    await page.getByRole('button', { name: 'Watch live' }).click();
    await page.getByRole('button', { name: 'Show retained' }).click();
    await page.getByRole('group').nth(1).getByText(name).first().click();
    await page.getByRole('button', { name }).click();
    await page.getByText('QoS 1, 400 B').waitFor();
    await pages.picture(page, 'topics-wide');
    await device.publishAsync(topic, '', { qos: 1, retain: true });
    device.end(true);
});

test('settings of a hub', async () => {
    const ben = await server.connect('game', { user: 'ben', groups: ['red'] });
    await view(page, 'Hubs');
    await page.getByRole('link', { name: 'game' }).click();
    await page.getByText('1 connection, 1 user, 1 group').waitFor();
    await page.getByRole('button', { name: 'Change settings' }).click();
    const editor = page.getByRole('dialog').getByLabel('JSON');
    await editor.fill('{"anonymousConnectPolicy":"allow"}');
    await confirm(page, 'Set');
    await page.getByRole('button', { name: 'As in the configuration' }).waitFor();
    await pages.picture(page, 'hubs');
    await page.getByRole('button', { name: 'Change settings' }).click();
    await editor.fill('{"anonymousConnectPolicy":"perhaps"}');
    await confirm(page, 'Set');
    await page.getByRole('dialog').getByRole('alert').getByText(/allow/).waitFor();
    assert.equal(await editor.inputValue(), '{"anonymousConnectPolicy":"perhaps"}'); // is there to be mended
    await editor.fill('{"anonymousConnectPolicy":"deny"}');
    await confirm(page, 'Set');
    await row(page, 'Hubs', 'game').getByText('runTime').waitFor();
    await page.getByRole('button', { name: 'As in the configuration' }).click();
    await confirm(page, 'Take back');
    await page.getByRole('button', { name: 'As in the configuration' }).waitFor({ state: 'detached' });
    await row(page, 'Hubs', 'game').getByText('none of its own').waitFor();
    ben.cut();
});

test('hubs are listed when the page begins there, and all of their users', async () => {
    const people = await Promise.all(Array.from({ length: 103 }, (_, i) => server.connect('crowd', { user: `person-${i}` })));
    await page.goto(`${CONSOLE}#hubs/crowd`);
    await page.reload();
    await row(page, 'Hubs', 'crowd').getByText('103').waitFor();
    const users = page.getByRole('region', { name: 'Users' }).locator('tbody tr');
    await page.getByRole('button', { name: 'More' }).click();
    await until('all are there', async () => (await users.count()) === 103);
    people.forEach((person) => person.cut());
    await row(page, 'Hubs', 'crowd').waitFor({ state: 'detached' });
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
    await row(page, 'Dead letters', 'UndeliverableDueTo').waitFor();
    await settled(page);
    await pages.picture(page, 'events');
    webhook.status = 200;
    await page.getByRole('button', { name: 'Send again', exact: true }).click();
    await page.getByText('On the way again: 1 event.').waitFor();
    await row(page, 'Attempts to deliver', '200').waitFor();
    await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
});

test('what is refreshed leaves the keyboard where it was, and the address names what is open', async () => {
    const attempts = page.getByRole('region', { name: 'Attempts to deliver' });
    await attempts.focus();
    const before = await attempts.elementHandle();
    await until('it is another table', async () => !(await before.evaluate((element) => element.isConnected)));
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Attempts to deliver');
    assert.match(page.url(), /#events\/topics\/orders\/eventSubscriptions\/billing$/);
    await page.reload();
    await page.getByRole('heading', { name: 'Event subscription billing' }).waitFor();
    await fact(page, 'Being delivered').getByText('0').waitFor();
});

test('an event that is to be tried again is counted', async () => {
    webhook.status = 503;
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await row(page, 'Attempts to deliver', 'Busy').waitFor();
    await fact(page, 'Waiting for another attempt').getByText('1').waitFor();
    webhook.status = 200;
});

test('only topics that keep events offer a replay of them', async () => {
    const replay = page.getByRole('button', { name: 'Replay' });
    await page.getByRole('button', { name: 'Publish', exact: true }).waitFor();
    assert.equal(await replay.count(), 0);
    await page.getByRole('link', { name: 'topics/kept' }).click();
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await page.getByText('Published.').waitFor();
    await replay.click();
    await page.getByRole('dialog').getByLabel('Accepted since').fill('2020-01-01T00:00');
    await pages.picture(page, 'replay');
    await confirm(page, 'Replay');
    await page.getByText('On the way again: 1 event.').waitFor();
});

test('a topic of a domain has its event subscriptions, and events that are for it', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'auditor' });
    await device.subscribeAsync('audit/#');
    await page.getByRole('link', { name: 'domains/shops/topics/berlin' }).click();
    await page.getByRole('button', { name: 'Which subscriptions' }).click();
    await row(page, 'Who would get it', 'audit').getByText('yes').waitFor();
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    assert.equal((await device.take()).topic, 'audit/Console.Tried');
    device.end(true);
});

test('an event in a schema of one\'s own is there to begin with', async () => {
    await page.getByRole('link', { name: 'topics/own' }).click();
    const editor = page.getByLabel('Event', { exact: true });
    await until('it is another one', async () => /"key"/.test(await editor.inputValue()));
    assert.deepEqual(Object.keys(JSON.parse(await editor.inputValue())), ['key', 'about', 'kind', 'color']);
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await page.getByText('Published.').waitFor();
});

test('an event that is wrong is explained', async () => {
    await page.getByLabel('Event', { exact: true }).fill('{"specversion":"1.0"}');
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await page.getByRole('alert').getByText(/400/).waitFor();
});

test('trying things out', async () => {
    await view(page, 'Playground');
    await page.getByText('want a connection').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Join' }).isDisabled());
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

test('a shared subscription gets its messages', async () => {
    await page.getByLabel('Topic filter').fill('$share/us/work/#');
    await page.getByRole('button', { name: 'Subscribe' }).click();
    await page.getByLabel('Topic', { exact: true }).fill('work/1');
    await page.getByLabel('Payload').fill('to be done');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByRole('log', { name: 'MQTT' }).getByText('work/1 (QoS 0): to be done').waitFor();
});

test('a topic or a filter that is none is said, and ends nothing', async () => {
    const messages = page.getByRole('log', { name: 'MQTT' });
    await page.getByRole('combobox', { name: 'QoS' }).last().selectOption('1');
    await page.getByLabel('Topic', { exact: true }).fill('house/#');
    await page.getByRole('button', { name: 'Publish' }).click();
    await messages.getByText('neither + nor #').waitFor();
    for (const filter of ['a/#/b', 'a+', '$share/group', '$share//a', '$share/g+/a']) {
        await page.getByLabel('Topic filter').fill(filter);
        await page.getByRole('button', { name: 'Subscribe' }).click();
        await messages.getByText(`'${filter}' is no topic filter`).waitFor();
    }
    await view(page, 'Topics');
    await page.getByLabel('Topic filter').fill('a/#/b');
    for (const name of ['Show retained', 'Watch live']) {
        await page.getByRole('button', { name }).click();
    }
    await until('both are said', async () => (await page.getByRole('alert').getByText("'a/#/b' is no topic filter").count()) === 2);
    await page.getByRole('status').getByText('Live').waitFor();
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
    await page.locator('.skip').focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'view');
    assert.equal(await page.getByRole('alert').count(), 0);
});

test('the link to what is there shows it anew', async () => {
    await view(page, 'Connections');
    await row(page, 'Sessions', 'this page').waitFor();
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'late-comer' });
    await view(page, 'Connections');
    await row(page, 'Sessions', 'late-comer').waitFor();
    device.end(true);
});

test('what was opened stays open when it is read again', async () => {
    const device = await connectMqtt(`mqtt://127.0.0.1:${server.mqttPort}`, { clientId: 'builder' });
    await device.publishAsync('house/cellar/shelf/jar', 'plums', { qos: 1, retain: true });
    await view(page, 'Topics');
    await page.getByText('cellar').click();
    await page.getByText('shelf').click();
    await page.getByRole('button', { name: 'jar' }).waitFor();
    await device.publishAsync('house/cellar/shelf/box', 'nails', { qos: 1, retain: true });
    await page.getByRole('button', { name: 'Show retained' }).click();
    await page.getByRole('button', { name: 'box' }).click();
    await page.getByText('nails').waitFor();
    device.end(true);
});

test('a killed bridge is overcome', async () => {
    await server.kill('pubgrid-bridge');
    await server.kill('pubgrid-bridge');
    await page.getByRole('status').getByText('Live').waitFor();
    await view(page, 'Connections');
    await row(page, 'Sessions', 'console-').waitFor();
});

test('of a server that starts anew nothing is shown that was before', async () => {
    const guest = await server.connect('lounge', { user: 'guest' });
    await view(page, 'Hubs');
    await row(page, 'Hubs', 'lounge').waitFor();
    await server.restart();
    guest.cut();
    await row(page, 'Hubs', 'lounge').waitFor({ state: 'detached' });
    await page.getByRole('status').getByText('Live').waitFor();
});

/* A page that is signed in, and whose way to the broker can be cut and mended. */
async function cuttable() {
    const other = await pages.open(CONSOLE);
    const sockets = new Set();
    let isCut = false;
    await other.routeWebSocket((url) => url.pathname.endsWith('/$system'), (socket) => {
        if (isCut) {
            socket.close();
            return;
        }
        socket.connectToServer();
        sockets.add(socket);
    });
    await other.reload();
    await signIn(other, server);
    const cut = async () => {
        isCut = true;
        await Promise.all([...sockets].map((socket) => socket.close()));
        await other.getByRole('status').getByText(/Not connected|Connecting/).waitFor();
    };
    return { other, cut, mend: () => { isCut = false; } };
}

test('what is asked while the server is away is refused at once, and read when it is back', async () => {
    const { other, cut, mend } = await cuttable();
    await view(other, 'Topics');
    await settled(other);
    await other.getByLabel('Topic filter').fill('house/#');
    await cut();
    await other.clock.install(); // no time passes
    await other.getByRole('button', { name: 'Show retained' }).click();
    await other.getByRole('alert').getByText('cannot be reached').waitFor();
    mend();
    await other.clock.resume();
    await other.getByText('cellar').waitFor();
    await other.reload();
    assert.equal(await other.getByLabel('Topic filter').inputValue(), 'house/#');
    await other.context().close();
});

test('a key that is none any more is said, and asked for', async () => {
    const { other, cut, mend } = await cuttable();
    const refusal = { status: 401, contentType: 'application/json', body: '{"error":{"code":"Unauthorized","message":"no"}}' };
    await other.route('**/api/hubs', (route) => route.fulfill(refusal));
    await cut();
    await other.getByRole('alert').getByText('not an access key').waitFor();
    assert.equal(await other.getByLabel('Access key').inputValue(), '');
    await other.unroute('**/api/hubs');
    mend();
    await signIn(other, server);
    await other.context().close();
});

test('in the dark, and on a phone', async () => {
    for (const look of ['dark', 'phone']) {
        const other = await pages.open(CONSOLE, look);
        await signIn(other, server);
        for (const name of ['Overview', 'Connections', 'Topics', 'Hubs', 'Events', 'Playground']) {
            await view(other, name);
            await other.getByRole('heading', { name, exact: true }).waitFor();
            await settled(other);
            await pages.picture(other, `${name.toLowerCase()}-${look}`);
        }
        for (const link of await other.getByRole('navigation').getByRole('link').all()) {
            const { x, width } = await link.boundingBox();
            assert.ok(x >= 0 && x + width <= other.viewportSize().width, `${look}: ${await link.textContent()} is on the screen`);
        }
        await other.context().close();
    }
});

/* Of what a page shows only for a moment, so that no picture of it is left to chance. */
test('each colour of text can be read on each ground, light and dark', async () => {
    for (const look of ['light', 'dark']) {
        const other = await pages.open(CONSOLE, look);
        const colours = await other.evaluate(() => {
            const style = getComputedStyle(document.documentElement);
            return Object.fromEntries(['text', 'soft', 'accent', 'bad', 'on-accent', 'good', 'warn', 'back', 'card', 'code',
                ...[1, 2, 3, 4, 5].map((i) => `series-${i}`)].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
        });
        const isGood = (front, ground, least) =>
            assert.ok(contrast(colours[front], colours[ground]) >= least, `${look}: ${front} on ${ground}`);
        ['text', 'soft', 'accent', 'bad'].forEach((front) => ['back', 'card', 'code'].forEach((ground) => isGood(front, ground, 4.5)));
        isGood('on-accent', 'accent', 4.5);
        ['good', 'warn', ...[1, 2, 3, 4, 5].map((i) => `series-${i}`)].forEach((front) => isGood(front, 'card', 3));
        await other.context().close();
    }
});

test('signing out forgets the key', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

await run();
