/* examples/chat: people in rooms see each other, talk, and find what was said before.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { Demo } from './lib/demo.mjs';
import { run, test } from './lib/runner.mjs';
import { until } from './lib/wait.mjs';

const demo = await Demo.start('chat');
const open = (name, look) => demo.open({ look, target: `?name=${name}` });
const messages = (page) => page.getByRole('log').getByRole('listitem');
const sees = (page, text) => messages(page).filter({ hasText: text }).waitFor();
const here = async (page) =>
    (await page.getByRole('list', { name: 'Here' }).getByRole('listitem').allTextContents()).sort().join();

async function say(page, text) {
    await page.getByLabel('Message', { exact: true }).fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
}

test('people talk, and see who is there', async () => {
    const anna = await demo.open({ live: false });
    await anna.getByLabel('Your name').fill('Anna');
    await anna.getByRole('button', { name: 'Come in' }).click();
    const ben = await open('Ben', 'dark');
    for (const page of [anna, ben]) {
        await until('both are there', async () => (await here(page)) === 'Anna,Ben');
    }
    await say(anna, 'Hello, Ben!');
    await sees(ben, 'Hello, Ben!');
    await say(ben, '<b>Hello</b> & how are you?');
    await sees(anna, '<b>Hello</b> & how are you?');
    await say(anna, 'Very well. I am drawing on the whiteboard, and the tomatoes are warm.');
    await sees(ben, 'the tomatoes are warm');
    await demo.picture(anna, 'light');
    await demo.picture(ben, 'dark');

    const late = await open('Cleo', 'phone');
    await sees(late, 'Hello, Ben!');
    assert.equal(await messages(late).count(), 3);
    await demo.picture(late, 'phone');
    await late.context().close();
    await until('she has gone', async () => (await here(anna)) === 'Anna,Ben');
});

test('a room is for itself', async () => {
    const [dora, emil] = [await open('Dora'), await open('Emil')];
    await until('all are there', async () => (await here(emil)) === 'Anna,Ben,Dora,Emil');
    await dora.getByRole('button', { name: 'Garden' }).click();
    await until('she is alone', async () => (await here(dora)) === 'Dora');
    assert.equal(await messages(dora).count(), 0);
    await say(dora, 'Is anybody here?');
    await sees(dora, 'Is anybody here?');
    await until('she has left the lobby', async () => (await here(emil)) === 'Anna,Ben,Emil');
    assert.equal(await messages(emil).filter({ hasText: 'anybody' }).count(), 0);
    await emil.getByRole('button', { name: 'Garden' }).click();
    await sees(emil, 'Is anybody here?');
    await say(emil, 'I am.');
    await sees(dora, 'I am.');
});

test('a name is what was written, and a room that is not there is refused', async () => {
    const name = 'Жанна 100% %41 😀';
    const [zhanna, fritz] = [await open(encodeURIComponent(name)), await open('Fritz')];
    await until('her name is there', async () => (await here(fritz)).split(',').includes(name));
    await say(zhanna, 'This is mine.');
    await zhanna.locator('li.mine').filter({ hasText: 'This is mine.' }).waitFor();
    await fritz.evaluate(async () => {
        const { live } = await import('/live.js');
        const onopen = () => other.event('enter', { room: 'Nowhere' });
        const other = live({ negotiate: 'negotiate?name=Gast', onopen });
    });
    await fritz.getByRole('alert').waitFor(); // what is refused is said
    await open('Hans');
    await until('presence goes on', async () => (await here(fritz)).split(',').includes('Hans'));
    assert.ok(!(await here(fritz)).includes('Gast'));
});

test('who reads what was before is left there', async () => {
    const [reader, writer] = [await open('Ida'), await open('Jan')];
    const log = reader.getByRole('log');
    for (let i = 0; i < 40; i++) {
        await say(writer, `Line ${i}`);
    }
    await sees(reader, 'Line 39');
    assert.ok((await log.evaluate((at) => at.scrollHeight - at.scrollTop - at.clientHeight)) < 2);
    await log.evaluate((at) => at.scrollTo(0, 0));
    await say(writer, 'The last one');
    await sees(reader, 'The last one');
    assert.equal(await log.evaluate((at) => at.scrollTop), 0);
});

await run();
