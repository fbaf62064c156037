/* examples/sensor: a device's readings are charted on two pages, one of which switches it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { Demo } from './lib/demo.mjs';
import { connectMqtt } from './lib/device.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const demo = await Demo.start('sensor');

const degrees = async (page) => parseFloat(await page.locator('#degrees').textContent());
const points = (page) =>
    page.locator('svg .line').evaluate((path) => (path.getAttribute('d') ?? '').split(/[ML]/).length - 1);
const heater = (page, state) => page.locator('#heater', { hasText: new RegExp(`^${state}$`) }).waitFor();
const toggle = (page) => page.getByRole('switch', { name: 'Heater' });

test('readings are charted, and a page switches the heater', async () => {
    const [one, other] = [await demo.open(), await demo.open({ look: 'dark' })];
    for (const page of [one, other]) {
        await page.locator('#device', { hasText: 'online' }).waitFor(); // retained
        await heater(page, 'off');
        await until('there are readings', async () => (await points(page)) > 3);
    }
    const cold = await degrees(other);
    await toggle(one).click();
    await heater(other, 'on');
    await until('it gets warmer', async () => (await degrees(other)) > cold + 1);
    await until('the chart shows it', async () => (await points(other)) > 12);
    await demo.picture(one, 'light');
    await demo.picture(other, 'dark');
    const late = await demo.open({ look: 'phone' });
    await heater(late, 'on');
    await toggle(late).click();
    await heater(one, 'off');
    await until('there are readings', async () => (await points(late)) > 6);
    await demo.picture(late, 'phone');
});

test('a device that is away is said to be', async () => {
    const page = await demo.open();
    await page.locator('#device', { hasText: 'online' }).waitFor();
    const [, port] = /-p (\d+)/.exec(demo.said);
    // Takes its session over, again and again: the device is back after a second.
    const thief = await connectMqtt(`mqtt://127.0.0.1:${port}`, { clientId: 'greenhouse-1', reconnectPeriod: 50 });
    await page.locator('#device', { hasText: 'offline' }).waitFor();
    assert.ok(await toggle(page).isDisabled());
    await thief.endAsync(true);
    await page.locator('#device', { hasText: 'online' }).waitFor(); // it comes back by itself
});

test('what others say on its topics ends neither the device nor the chart', async () => {
    const page = await demo.open();
    await until('there are readings', async () => (await points(page)) > 1);
    const [, port] = /-p (\d+)/.exec(demo.said);
    const other = await connectMqtt(`mqtt://127.0.0.1:${port}`);
    for (const name of ['switch', 'temperature']) {
        for (const text of ['on', 'null', '21.5']) {
            await other.publishAsync(`greenhouse/${name}`, text, { qos: 1 });
        }
    }
    await other.endAsync();
    const before = await points(page);
    await until('it goes on', async () => (await points(page)) > before + 1);
    assert.doesNotMatch(await page.locator('svg .line').getAttribute('d'), /NaN/);
    await toggle(page).click();
    await heater(page, 'on');
});

await run();
