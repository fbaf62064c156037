/* examples/vm-created: the function is run for a virtual machine, and for nothing else.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { Demo } from './lib/demo.mjs';
import { run, test } from './lib/runner.mjs';
import { deferred } from './lib/wait.mjs';

const demo = await Demo.start('vm-created');
const happened = (page, name) => page.locator('[data-group=activity] li', { hasText: name });
const done = (page, name) => page.locator('[data-group=function] li', { hasText: name });

async function create(page, kind, name) {
    await page.getByLabel('Kind').selectOption(kind);
    await page.getByLabel('Name').fill(name);
    await page.getByRole('button', { name: 'Create' }).click();
}

test('a function is run when a virtual machine is created', async () => {
    const [one, other] = [await demo.open(), await demo.open({ look: 'dark' })];
    await create(one, 'storage account', 'files');
    await happened(other, 'files').getByText('Microsoft.Storage/storageAccounts/write: Succeeded').waitFor();
    await create(one, 'virtual machine', 'web-1');
    await done(one, 'web-1').waitFor();
    await create(one, 'virtual machine', 'web-2');
    for (const page of [one, other]) {
        await done(page, 'web-1').getByText('owner=team-1').waitFor();
        await done(page, 'web-2').getByText('10.0.0.5').waitFor();
        await happened(page, 'web-1').waitFor();
        assert.equal(await done(page, 'files').count(), 0);
    }
    await demo.picture(one, 'light');
    await demo.picture(other, 'dark');
});

test('so it is when the event comes from the command line, and who comes late sees what was done', async () => {
    const page = await demo.open({ look: 'phone' });
    const id = '/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/db-1';
    const { stdout } = await demo.pubgrid(
        ...['event', 'send', 'systemTopics/azure', '--template', 'ResourceWriteSuccess', '--resource-id', id],
    );
    assert.match(stdout, /^Accepted: [\da-f-]{36}\.$/m);
    await done(page, 'db-1').waitFor();
    await done(page, 'web-1').waitFor();
    await demo.picture(page, 'phone');
});

test('what is written while a machine is created stays', async () => {
    const page = await demo.open();
    const { promise, resolve } = deferred();
    await page.route('**/create', (route) => promise.then(() => route.continue()));
    await create(page, 'virtual machine', 'slow-1');
    await page.getByLabel('Name').fill('next-7');
    const answered = page.waitForResponse('**/create');
    resolve();
    await answered;
    await done(page, 'slow-1').waitFor();
    assert.equal(await page.getByLabel('Name').inputValue(), 'next-7');
});

test('a page proposes a name that is free', async () => {
    const [one, other] = [await demo.open(), await demo.open()];
    assert.equal(await one.getByLabel('Name').inputValue(), 'vm-1');
    await one.getByRole('button', { name: 'Create' }).click();
    await done(other, 'vm-1').waitFor();
    assert.equal(await one.getByLabel('Name').inputValue(), 'vm-2');
    await other.getByRole('button', { name: 'Create' }).click();
    await done(one, 'vm-2').waitFor();
    await one.reload();
    await done(one, 'vm-2').waitFor();
    assert.equal(await one.getByLabel('Name').inputValue(), 'vm-3');
});

await run();
