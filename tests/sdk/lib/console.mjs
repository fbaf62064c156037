/* The console at /console/ as a person uses it: what several tests of it do.
 *
 * SPDX-License-Identifier: Apache-2.0 */

export const consoleUrl = (server, hash = '') => `${server.httpUrl('/console/')}${hash}`;

export async function signIn(page, server) {
    await page.getByLabel('Access key').fill(server.keys[0]);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('status').getByText('Live').waitFor();
}

export const view = (page, name) => page.getByRole('navigation').getByRole('link', { name }).click();
export const row = (page, table, text) => page.getByRole('region', { name: table, exact: true }).getByRole('row').filter({ hasText: text });
export const confirm = (page, name) => page.getByRole('dialog').getByRole('button', { name }).click();

/* A name and its value, of tiles and of facts. */
export const fact = (page, name) => page.locator('dt').filter({ hasText: new RegExp(`^${name}$`) }).locator('xpath=following-sibling::dd[1]');

/* Until all of the view is there. */
export const settled = (page) => page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
