/* examples/blob-added: a file that is put into the folder, by a page or by hand, is on all pages.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Demo } from './lib/demo.mjs';
import { run, test } from './lib/runner.mjs';

const demo = await Demo.start('blob-added');
const blob = (page, name) => page.getByRole('figure', { name });

test('what a page uploads is seen by the back-end, and so by all pages', async () => {
    const [one, other] = [await demo.open(), await demo.open({ look: 'dark' })];
    for (let i = 1; i <= 3; i += 1) {
        await one.getByRole('button', { name: 'Paint a picture' }).click();
        await other.getByRole('figure').nth(i - 1).waitFor();
    }
    await one.getByLabel('Files').setInputFiles([
        { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('a line\n') },
    ]);
    await blob(other, 'notes.txt').getByText('text/plain, 7 bytes').waitFor();
    const image = other.getByRole('figure').locator('img').first();
    assert.ok(await image.evaluate((img) => img.decode().then(() => img.naturalWidth === 640)));
    await demo.picture(one, 'light');
    await demo.picture(other, 'dark');
});

test('so is what comes into the folder by hand, and what goes', async () => {
    const file = path.join(demo.folder, 'pictures', 'hand.csv');
    const page = await demo.open();
    fs.writeFileSync(file, '1,2,3\n');
    await blob(page, 'hand.csv').getByText('text/csv, 6 bytes').waitFor();
    fs.appendFileSync(file, '4,5,6\n');
    await blob(page, 'hand.csv').getByText('12 bytes').waitFor();
    const late = await demo.open({ look: 'phone' });
    await blob(late, 'hand.csv').waitFor();
    await demo.picture(late, 'phone');
    await blob(late, 'notes.txt').getByRole('button', { name: 'Remove' }).click();
    await blob(page, 'notes.txt').waitFor({ state: 'detached' });
    fs.rmSync(file);
    await blob(page, 'hand.csv').waitFor({ state: 'detached' });
    await blob(late, 'hand.csv').waitFor({ state: 'detached' });
});

test('a blob in a folder is that one, an SVG is a picture, and what cannot be is said', async () => {
    const folder = path.join(demo.folder, 'pictures');
    const page = await demo.open();
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="9" height="9"/></svg>';
    fs.writeFileSync(path.join(folder, 'one.svg'), svg);
    fs.mkdirSync(path.join(folder, 'blobs'));
    fs.writeFileSync(path.join(folder, 'blobs/one.svg'), svg);
    for (const name of ['one.svg', 'blobs/one.svg']) {
        const image = page.getByRole('figure', { name, exact: true }).locator('img');
        await image.waitFor();
        assert.ok(await image.evaluate((img) => img.decode().then(() => img.naturalWidth === 40)), name);
    }
    await blob(page, 'blobs/one.svg').getByRole('button', { name: 'Remove' }).click();
    await blob(page, 'blobs/one.svg').waitFor({ state: 'detached' });
    assert.deepEqual([fs.existsSync(path.join(folder, 'blobs/one.svg')), fs.existsSync(path.join(folder, 'one.svg'))], [false, true]);
    const known = JSON.parse(fs.readFileSync(path.join(demo.folder, 'blobs.json'))); // what the next run begins with
    assert.ok(known.some(([name]) => name === 'one.svg'));
    await page.evaluate(() => { window.fetch = async () => new Response('no space', { status: 507 }); });
    await page.getByRole('button', { name: 'Paint a picture' }).click();
    await page.getByRole('alert').getByText('no space').waitFor();
});

await run();
