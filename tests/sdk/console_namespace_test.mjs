/* A namespace of Event Grid in the console: its clients and what they may do, its routes, its topics, and what waits in a queue.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { consoleUrl, fact, row, settled, signIn, view } from './lib/console.mjs';
import { otherAuthority } from './lib/certificates.mjs';
import { Grid } from './lib/eventgrid.mjs';
import { Namespace, deadLetters, mqttProperties } from './lib/namespaces.mjs';
import { Pages } from './lib/pages.mjs';
import { run, test } from './lib/runner.mjs';
import { deferred, until } from './lib/wait.mjs';

const grid = await Grid.start();
const { server } = grid;
const namespace = await Namespace.make(grid, {}, 'plant');
const topic = await namespace.topic({ eventRetentionInDays: 2 }, 'readings');
const queue = await topic.queue({ maxDeliveryCount: 5, receiveLockDurationInSeconds: 300, ...deadLetters('letters') }, { name: 'workers' });
await topic.subscribe({
    deliveryConfiguration: { deliveryMode: 'Push', push: { destination: { endpointType: 'MqttTopic', properties: { topic: 'seen/{id}' } } } },
}, 'screens');
await namespace.put('clients/pump-1', { attributes: { type: 'pump', floor: 2, areas: ['east', 'west'] }, description: 'in hall 1' });
await namespace.put('clients/gate', { authenticationName: 'gate.plant.example', state: 'Disabled' });
await namespace.put('clientGroups/pumps', { query: "attributes.type = 'pump'" });
await namespace.put('topicSpaces/telemetry', { topicTemplates: ['areas/${client.attributes.areas}/#', 'pumps/${client.authenticationName}/+'] });
await namespace.put('permissionBindings/pumps-tell', { clientGroupName: 'pumps', topicSpaceName: 'telemetry', permission: 'Publisher' });
await namespace.put('caCertificates/works', { encodedCertificate: otherAuthority('works').pem });
await namespace.must(200, 'PATCH', '', {
    properties: mqttProperties({
        maximumClientSessionsPerAuthenticationName: 3,
        routeTopicResourceId: topic.id,
        routes: [{ name: 'alarms', topicFilters: ['plant/+/alarm'], topicResourceId: topic.id }],
        routingEnrichments: { static: [{ key: 'site', value: 'works-1', valueType: 'String' }] },
    }),
});

const pages = await Pages.start('console-namespace', /WebSocket connection/);
const page = await pages.open(consoleUrl(server));
await signIn(page, server);
const QUEUE = '#events/namespaces/plant/topics/readings/eventSubscriptions/workers';

test('its clients, by name, and their sessions', async () => {
    await view(page, 'Events');
    await page.getByRole('link', { name: 'namespaces/plant', exact: true }).click();
    const pump = row(page, 'MQTT clients', 'pump-1');
    for (const text of ['in hall 1', 'Enabled', 'type = "pump"', 'floor = 2', 'areas = ["east","west"]', 'SubjectMatchesAuthenticationName']) {
        await pump.getByText(text).waitFor();
    }
    await row(page, 'MQTT clients', 'gate.plant.example').getByText('Disabled').waitFor();
    await page.getByLabel('Name contains').fill('gat');
    await page.getByRole('button', { name: 'Find' }).click();
    await pump.waitFor({ state: 'detached' });
    await page.getByLabel('Name contains').fill("no'body");
    await page.keyboard.press('Enter');
    await page.getByText('No client has such a name.').waitFor();
    await page.getByLabel('Name contains').fill('');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Find sessions of gate.plant.example' }).click();
    await page.getByText('No session fits').waitFor();
    assert.equal(await page.getByLabel('contains').inputValue(), 'gate.plant.example');
    await page.goBack();
});

test('groups, spaces, bindings, authorities and routes', async () => {
    await row(page, 'Client groups', 'pumps').getByText("attributes.type = 'pump'").waitFor();
    await row(page, 'Topic spaces', 'telemetry').getByText('pumps/${client.authenticationName}/+').waitFor();
    await row(page, 'Permission bindings', 'pumps-tell').getByText('publish to').waitFor();
    const year = String(new Date(Date.now() + 2 * 86400_000).getFullYear());
    await row(page, 'CA certificates', 'works').getByText(year).last().waitFor();
    await row(page, 'Routes', 'default').getByText('all topics').waitFor();
    await row(page, 'Routes', 'alarms').getByText('plant/+/alarm').waitFor();
    await row(page, 'Enrichments', 'site').getByText('works-1').waitFor();
    await fact(page, 'Sessions').getByText('3 of a name').waitFor();
    await settled(page);
    await pages.picture(page, 'namespace');
    await row(page, 'Routes', 'alarms').getByRole('link', { name: 'namespaces/plant/topics/readings' }).click();
    await page.getByRole('heading', { name: 'namespaces/plant/topics/readings' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Replay' }).count(), 0);
});

test('a queue: what waits, what is locked by whom, and how often it was delivered', async () => {
    await topic.publishIds('a', 'b', 'c', 'd');
    const [a, b, c] = await queue.receiveAll(3);
    await queue.must('release', b);
    await queue.must('reject', c);
    await page.getByRole('button', { name: 'workers' }).click();
    await fact(page, 'Waiting').getByText('2 events').waitFor();
    await fact(page, 'Locked by receivers').getByText('1').waitFor();
    await row(page, 'Events at hand', a.event.id).getByText('Locked').waitFor();
    await row(page, 'Events at hand', b.event.id).getByText('Ready').waitFor();
    assert.deepEqual(await row(page, 'Events at hand', b.event.id).getByRole('cell').nth(2).textContent(), '1');
    await row(page, 'Attempts to deliver', b.event.id).getByText('Released').waitFor();
    await settled(page);
    await pages.picture(page, 'queue');
    await queue.must('acknowledge', a);
    await fact(page, 'Locked by receivers').getByText('0').waitFor();
    const [later] = await queue.receiveAll(1);
    await queue.must('release', later, '&releaseDelayInSeconds=600');
    await fact(page, 'Released with a delay').getByText('1').waitFor();
    await fact(page, 'Waiting').getByText('1 event').waitFor();
});

test('its dead letter goes back into the queue', async () => {
    await page.goto(consoleUrl(server, QUEUE));
    await page.reload();
    await row(page, 'Dead letters', 'Event was rejected.').waitFor();
    await page.getByRole('button', { name: 'Send again', exact: true }).click();
    await fact(page, 'Waiting').getByText('2 events').waitFor();
});

test('a receiver that waits is seen', async () => {
    const empty = await topic.queue({}, { name: 'idle' });
    const waiting = empty.receive(1);
    await page.goto(consoleUrl(server, QUEUE.replace('workers', 'idle')));
    await page.reload();
    await fact(page, 'Receivers that wait').getByText('1').waitFor();
    await page.getByText('It keeps none').waitFor();
    await topic.publishIds('for-who-waits');
    assert.equal((await waiting).length, 1);
});

test('a push tells what waits for it', async () => {
    await page.goto(consoleUrl(server, QUEUE.replace('workers', 'screens')));
    await page.reload();
    await fact(page, 'Being delivered').getByText('0').waitFor();
    await row(page, 'Attempts to deliver', 'Delivered').first().waitFor();
});

test('what is not there is said', async () => {
    await page.goto(consoleUrl(server, '#events/namespaces/none'));
    await page.getByRole('alert').getByText('There is no namespaces/none.').waitFor();
    await page.goto(consoleUrl(server, QUEUE.replace('workers', 'none')));
    await page.getByRole('alert').getByText('It has no event subscription none.').waitFor();
});

/* What the page was told before, it has dealt with then. */
const caughtUp = (of) => of.evaluate(() => fetch('/console/').then((answer) => answer.text()));

test('a view that was left while it was loading opens nothing', async () => {
    const asked = deferred(), held = deferred();
    const other = await pages.open(consoleUrl(server));
    await signIn(other, server);
    await other.route('**/readings/eventSubscriptions?*', async (route) => {
        asked.resolve();
        await held.promise;
        await route.continue();
    });
    await other.goto(consoleUrl(server, QUEUE));
    await asked.promise;
    await view(other, 'Topics');
    const answer = other.waitForResponse('**/readings/eventSubscriptions?*');
    held.resolve();
    await (await answer).finished();
    await caughtUp(other);
    assert.equal(new URL(other.url()).hash, '#topics');
    await other.context().close();
});

test('who answers slowly is not asked once more meanwhile', async () => {
    const held = deferred();
    let asked = 0;
    const other = await pages.open(consoleUrl(server));
    await signIn(other, server);
    await other.clock.install();
    await other.route('**/workers/queue', async (route) => {
        asked++;
        await held.promise;
        await route.continue();
    });
    await other.goto(consoleUrl(server, QUEUE));
    await until('the queue is looked at', () => asked > 0);
    await other.clock.runFor(8000);
    await caughtUp(other);
    assert.equal(asked, 1);
    held.resolve();
    await fact(other, 'Waiting').getByText('event').waitFor();
    await settled(other);
    await other.clock.runFor(4000);
    await until('it is looked at again', () => asked > 1);
    await other.context().close();
});

test('a next page that is asked for twice comes once', async () => {
    const held = deferred();
    const other = await pages.open(consoleUrl(server));
    await signIn(other, server);
    await other.route('**/plant/clients?*', async (route) => {
        const url = route.request().url();
        if (/skipToken/i.test(url)) {
            await held.promise;
        }
        await route.continue({ url: url.replace('top=100', 'top=1') });
    });
    await other.goto(consoleUrl(server, '#events/namespaces/plant'));
    const more = other.getByRole('button', { name: 'More' });
    await more.click();
    await more.click();
    held.resolve();
    await more.waitFor({ state: 'detached' });
    assert.equal(await row(other, 'MQTT clients', 'Find').count(), 2);
    await other.context().close();
});

test('in the dark, and on a phone', async () => {
    for (const look of ['dark', 'phone']) {
        const other = await pages.open(consoleUrl(server), look);
        await signIn(other, server);
        for (const [name, hash, what] of [['namespace', '#events/namespaces/plant', 'CA certificates'], ['queue', QUEUE, 'Dead letters']]) {
            await other.goto(consoleUrl(server, hash));
            await other.getByRole('heading', { name: what }).waitFor();
            await settled(other);
            await pages.picture(other, `${name}-${look}`);
        }
        await other.context().close();
    }
});

await run();
