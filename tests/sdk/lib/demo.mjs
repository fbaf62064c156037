/* An example of examples/, started as a user starts it, in a headless Chromium.
 *
 *     const demo = await Demo.start('whiteboard');
 *     const page = await demo.open();
 *     await demo.picture(page, 'two-people');
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Pages } from './pages.mjs';
import { freePort } from './ports.mjs';
import { atEnd, explain } from './runner.mjs';
import { within } from './wait.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const EXAMPLES = path.resolve(here, '../../../examples');
const BIN = path.resolve(process.env.BIN ?? path.join(here, '../../../build/dev/bin'));
const START_MS = 60_000;

/* Examples run on Debian 12 with its Node.js 18, which has no global `crypto`: a newer one does without. */
const WITHOUT_CRYPTO = '--no-experimental-global-webcrypto';
const NODE_OPTIONS = process.allowedNodeEnvironmentFlags.has(WITHOUT_CRYPTO) ? WITHOUT_CRYPTO : '';

if (!fs.existsSync(path.join(EXAMPLES, 'node_modules'))) {
    console.log('left out: the npm packages of examples/ are missing');
    process.exit(77);
}

export class Demo {
    static async start(name) {
        const demo = new Demo();
        demo.name = name;
        demo.folder = fs.mkdtempSync(path.join(os.tmpdir(), `pubgrid-demo-${name}-`));
        await demo.#spawn();
        demo.pages = await Pages.start(name);
        demo.url = await within(() => `it starts; it says ${demo.said}`, demo.#started, START_MS);
        return demo;
    }

    #started;

    async #spawn() {
        this.said = '';
        const ports = {
            PUBGRID_DEMO_PORT: await freePort(),
            PUBGRID_SITE_PORT: await freePort(),
            PUBGRID_MQTT_PORT: await freePort(),
        };
        this.process = spawn('node', [path.join(EXAMPLES, 'demo.mjs'), this.name], {
            env: {
                ...process.env,
                BIN,
                NODE_OPTIONS,
                PUBGRID_DEMO_FOLDER: this.folder,
                ...ports,
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
        const page = await this.pages.open(`${this.url}${target}`, look);
        if (live) {
            await page.getByRole('status').getByText('Live').waitFor();
        }
        return page;
    }

    picture(page, what) {
        return this.pages.picture(page, what);
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
