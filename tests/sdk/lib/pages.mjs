/* Pages in a headless Chromium: who looks at them how, what they complain of, pictures of them.
 *
 *     const pages = await Pages.start('console');
 *     const page = await pages.open(url, 'dark');
 *     await pages.picture(page, 'overview');      build/.../screenshots/console-overview.png, and axe-core looks, too
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { atEnd } from './runner.mjs';

const AXE = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PATIENCE_MS = 60_000; // for what a page comes to show
const CHROMIUM = '/usr/bin/chromium';
const BIN = path.resolve(process.env.BIN ?? fileURLToPath(new URL('../../../build/dev/bin', import.meta.url)));

const looks = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

if (!fs.existsSync(CHROMIUM)) {
    console.log(`left out: ${CHROMIUM} is missing (Debian package chromium)`);
    process.exit(77);
}

export class Pages {
    /* `expected`: what the browser may write as an error. */
    static async start(name, expected = null) {
        const pages = new Pages();
        pages.name = name;
        pages.expected = expected;
        pages.complaints = []; // uncaught errors, what a policy or the server refused
        pages.browser = await chromium.launch({
            executablePath: CHROMIUM,
            args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
        });
        atEnd('the browser ends, and no page has complained', async () => {
            await pages.browser.close();
            assert.deepEqual(pages.complaints, []);
        });
        return pages;
    }

    /* Another person's browser, at the page; `look`: light, dark or phone. Without motion: what is half faded is no
     * state of a page that a picture or axe-core should catch. */
    async open(url, look = 'light') {
        return this.tab(await this.browser.newContext({ reducedMotion: 'reduce', ...looks[look] }), url);
    }

    /* A tab of somebody's browser. */
    async tab(context, url) {
        context.setDefaultTimeout(PATIENCE_MS);
        const page = await context.newPage();
        page.on('pageerror', (error) => this.complaints.push(error.message));
        page.on('console', (message) => {
            if (message.type() === 'error' && !this.expected?.test(message.text())) {
                this.complaints.push(`${message.text()} (${message.location().url})`);
            }
        });
        await page.goto(url);
        return page;
    }

    /* axe-core finds nothing serious, or worse. */
    async isAccessible(page, what) {
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
        const found = violations
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join('; ')}`);
        assert.deepEqual(found, [], what);
    }

    /* Is nothing wider than the screen, and all of it accessible? And a picture, to be looked at. */
    async picture(page, what) {
        await this.isAccessible(page, what);
        const folder = path.join(BIN, '../screenshots');
        fs.mkdirSync(folder, { recursive: true });
        const { wide, screen } = await page.evaluate(() => ({
            wide: document.documentElement.scrollWidth,
            screen: document.documentElement.clientWidth,
        }));
        assert.ok(wide <= screen, `${what}: the page is ${wide} pixels wide, the screen ${screen}`);
        await page.screenshot({ path: path.join(folder, `${this.name}-${what}.png`) });
    }
}
