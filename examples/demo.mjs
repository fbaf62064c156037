/* Starts an example: a server with a store and ports of its own, and the example's programs.
 *
 *     node examples/demo.mjs NAME     (./dev demo NAME builds the server before)
 *
 * In the environment: BIN, the folder of the programs; PUBGRID_DEMO_PORT, PUBGRID_SITE_PORT and
 * PUBGRID_MQTT_PORT, 0: any free one; PUBGRID_DEMO_FOLDER, where store and logs are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const bin = path.resolve(process.env.BIN ?? path.join(here, '../build/release/bin'));
const name = process.argv[2];

if (!name || !fs.existsSync(path.join(here, name, 'example.json'))) {
    console.error('usage: node demo.mjs NAME, a folder beside it with an example.json');
    process.exit(2);
}

/* The port that is wanted, or any. Taken: that is said. */
function freePort(variable, otherwise) {
    const wanted = Number(process.env[variable] ?? otherwise);
    return new Promise((resolve, reject) => {
        const probe = net.createServer();
        probe.once('error', () => reject(new Error(`port ${wanted} is taken: set ${variable}`)));
        probe.listen(wanted, '127.0.0.1', () => {
            const { port } = probe.address();
            probe.close(() => resolve(port));
        });
    });
}

const example = JSON.parse(fs.readFileSync(path.join(here, name, 'example.json')));
const folder = path.resolve(process.env.PUBGRID_DEMO_FOLDER ?? path.join(here, '../run/demo', name));
const config = path.join(folder, 'pubgrid.yaml');
const children = [];

function start(program, words, environment = {}) {
    const file = path.join(folder, `${path.basename(words[0], '.mjs')}.log`);
    const log = fs.openSync(file, 'w');
    const child = spawn(program, words, {
        env: { ...process.env, ...environment },
        stdio: ['ignore', log, log],
    });
    fs.closeSync(log);
    child.log = () => fs.readFileSync(file, 'utf8');
    child.once('error', stop);
    child.once('exit', (code, signal) =>
        stop(new Error(`${words[0]} has ended (${code ?? signal}):\n${child.log()}`)),
    );
    children.push(child);
    return child;
}

/* The last that was started ends first. */
let isStopping = false;
async function stop(error) {
    if (isStopping) {
        return;
    }
    isStopping = true;
    for (const child of children.reverse()) {
        if (child.exitCode === null && child.signalCode === null) {
            const ended = new Promise((resolve) => {
                child.once('exit', resolve);
            });
            child.kill('SIGTERM');
            await ended;
        }
    }
    if (error) {
        console.error(error.message);
    }
    process.exit(error ? 1 : 0);
}

async function until(condition) {
    while (!isStopping && !(await condition())) {
        await sleep(50);
    }
}

const answers = (url) =>
    new Promise((resolve) => {
        http.get(url, (response) => resolve(response.resume().statusCode === 200)).on('error', () =>
            resolve(false),
        );
    });

const fill = (text, values) => text.replace(/@([A-Z_]+)@/g, (whole, value) => values[value] ?? whole);

function configure(ports, key) {
    const values = { KEY: key, SITE_PORT: ports.site, FOLDER: folder };
    const wanted = fill(fs.readFileSync(path.join(here, name, 'pubgrid.yaml'), 'utf8'), values);
    fs.writeFileSync(
        config,
        `${wanted}
store: {path: "${folder}/store"}
listeners: ["tcp://127.0.0.1:${ports.mqtt}"]
bridge:
  listeners: ["http://127.0.0.1:${ports.http}"]
`,
    );
}

async function startAll(programs = [], environment = {}) {
    for (const program of programs) {
        const [file, ...words] = program.split(' ');
        const child = start('node', [path.join(here, name, file), ...words], environment);
        await until(() => child.log().includes('\n')); // it says when it is there
    }
}

async function run() {
    const ports = {
        http: await freePort('PUBGRID_DEMO_PORT', 8090),
        site: await freePort('PUBGRID_SITE_PORT', 7071),
        mqtt: await freePort('PUBGRID_MQTT_PORT', 1884),
    };
    const server = `http://127.0.0.1:${ports.http}`;
    const key = randomBytes(32).toString('base64');
    for (const made of ['', ...(example.folders ?? [])]) {
        fs.mkdirSync(path.join(folder, made), { recursive: true });
    }
    configure(ports, key);
    const keys = execFileSync(path.join(bin, 'pubgrid'), ['keys', '-c', config, '--create'], { encoding: 'utf8' });
    const environment = {
        CONNECTION_STRING: keys.match(/Endpoint=.*/)[0],
        SERVER: server,
        TOPIC_KEY: key,
        SITE_PORT: ports.site,
        MQTT: `mqtt://127.0.0.1:${ports.mqtt}`,
        FOLDER: folder,
        PUBGRID: path.join(bin, 'pubgrid'),
        PUBGRID_CONFIG: config,
    };
    await startAll(example.webhooks, environment); // they are asked for their consent at once
    // The programs come after the server, which would ask them for their consent and find nobody for a while.
    start(path.join(bin, 'pubgrid'), ['serve', '-c', config, '--set', 'event_grid.validation=false']);
    await until(() => answers(`${server}/readyz`));
    await startAll(example.programs, environment);
    const site = `http://127.0.0.1:${ports.site}/`;
    console.log(`${example.title}\n\n  Open   ${site}`);
    const places = { FOLDER: folder, CONFIG: config, MQTT_PORT: ports.mqtt };
    for (const line of example.try ?? []) {
        console.log(`  ${fill(line, places)}`);
    }
    console.log(`  Read   examples/${name}; logs and store are in ${folder}\n\nCtrl-C ends it.`);
}

process.on('SIGINT', () => stop());
process.on('SIGTERM', () => stop());
run().catch(stop);
