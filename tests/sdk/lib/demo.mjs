/* An example of examples/, started as a user starts it, in a headless Chromium.
 *
 *     const demo = await Demo.start('whiteboard');
 *     const page = await demo.open();
 *     await demo.picture(page, 'two-people');      build/.../screenshots/whiteboard-two-people.png
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { atEnd, explain } from './runner.mjs';
import { within } from './wait.mjs';

const CHROMIUM = '/usr/bin/chromium';
const here = import.meta.dirname;
const EXAMPLES = path.resolve(here, '../../../examples');
const BIN = path.resolve(process.env.BIN ?? path.join(here, '../../../build/dev/bin'));
const START_MS = 60_000;

const looks = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

for (const needed of [CHROMIUM, path.join(EXAMPLES, 'node_modules')]) {
    if (!fs.existsSync(needed)) {
        console.log(`left out: ${needed} is missing`);
        process.exit(77);
    }
}

export class Demo {
    static async start(name) {
        const demo = new Demo();
        demo.name = name;
        demo.complaints = []; // of pages
        demo.folder = fs.mkdtempSync(path.join(os.tmpdir(), `pubgrid-demo-${name}-`));
        demo.#spawn();
        demo.browser = await chromium.launch({
            executablePath: CHROMIUM,
            args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
        });
        atEnd('the browser ends, and no page has complained', async () => {
            await demo.browser.close();
            assert.deepEqual(demo.complaints, []);
        });
        demo.url = await within(() => `it starts; it says ${demo.said}`, demo.#started, START_MS);
        return demo;
    }

    #started;

    #spawn() {
        this.said = '';
        this.process = spawn('node', [path.join(EXAMPLES, 'demo.mjs'), this.name], {
            env: {
                ...process.env,
                BIN,
                PUBGRID_DEMO_FOLDER: this.folder,
                PUBGRID_DEMO_PORT: 0,
                PUBGRID_SITE_PORT: 0,
                PUBGRID_MQTT_PORT: 0,
            },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        const ended = once(this.process, 'exit');
        process.once('exit', () => this.process.kill('SIGTERM'));
        this.process.stderr.on('data', (text) => {
            this.said += text;
        });
        this.#started = new Promise((resolve, reject) => {
            readline.createInterface({ input: this.process.stdout }).on('line', (line) => {
                this.said += `${line}\n`;
                const found = /^ {2}Open +(\S+)/.exec(line);
                if (found) {
                    resolve(found[1]);
                }
            });
            ended.then(([code]) => reject(new Error(`it has ended (${code}): ${this.said}`)));
        });
        atEnd('the example ends well', async () => {
            this.process.kill('SIGTERM');
            assert.equal((await ended)[0], 0, this.said);
            fs.rmSync(this.folder, { recursive: true, force: true });
        });
        explain(() => this.#logs());
    }

    #logs() {
        const logs = fs.readdirSync(this.folder).filter((file) => file.endsWith('.log'));
        return logs
            .map((file) => `${file}:\n${fs.readFileSync(path.join(this.folder, file), 'utf8').slice(-3000)}`)
            .join('\n');
    }

    /* Another person's browser, at the page; `look`: light, dark or phone. */
    async open({ look = 'light', target = '', live = true } = {}) {
        const context = await this.browser.newContext(looks[look]);
        const page = await context.newPage();
        page.on('pageerror', (error) => this.complaints.push(error.message));
        page.on('console', (message) => {
            if (message.type() === 'error') {
                this.complaints.push(`${message.text()} (${message.location().url})`);
            }
        });
        await page.goto(`${this.url}${target}`);
        if (live) {
            await page.getByRole('status').getByText('Live').waitFor();
        }
        return page;
    }

    /* Is nothing wider than the screen? And a picture, to be looked at. */
    async picture(page, what) {
        const folder = path.join(BIN, '../screenshots');
        fs.mkdirSync(folder, { recursive: true });
        const { wide, screen } = await page.evaluate(() => ({
            wide: document.documentElement.scrollWidth,
            screen: document.documentElement.clientWidth,
        }));
        assert.ok(wide <= screen, `${what}: the page is ${wide} pixels wide, the screen ${screen}`);
        await page.screenshot({ path: path.join(folder, `${this.name}-${what}.png`) });
    }

    /* One of the example's programs, to its end. */
    run(program, ...words) {
        return promisify(execFile)('node', [path.join(EXAMPLES, this.name, program), ...words]);
    }

    /* `pubgrid ...` with the example's server. */
    pubgrid(...words) {
        return promisify(execFile)(path.join(BIN, 'pubgrid'), [
            ...words,
            '-c',
            path.join(this.folder, 'pubgrid.yaml'),
        ]);
    }
}
