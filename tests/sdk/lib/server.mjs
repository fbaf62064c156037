/* `pubgrid serve` from $BIN with two bridge processes and a store and ports of its own, and
 * connections to it.
 *
 *     const server = await Server.start({ hubs: [{ name: 'open', anonymous_connect_policy: 'allow' }] });
 *     const peer = await server.connect('hub', { user: 'ann' });
 *
 * It is stopped when the tests have run (lib/runner.mjs), and must then end well: with status 0 and
 * without a word of a sanitizer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { JSON_V1, Peer } from './peer.mjs';
import { freePort } from './ports.mjs';
import { bridges, processOf } from './processes.mjs';
import { atEnd, explain } from './runner.mjs';
import { EVERYTHING, inSeconds, sign } from './tokens.mjs';
import { until } from './wait.mjs';

const here = path.dirname(new URL(import.meta.url).pathname);
export const BIN = process.env.BIN ?? path.resolve(here, '../../../build/dev/bin');
const LOG_LINES = 30; // shown when something fails
const CONNECTIONS_MAX = 32; // until each bridge process has got one, before we look anew

/* YAML for a list of objects; what is deeper in them is in flow style, which JSON is. */
const list = (items) =>
    items
        .map(
            (item) =>
                `  - ${Object.entries(item)
                    .map(([name, value]) => `${name}: ${plain(value)}`)
                    .join('\n    ')}\n`,
        )
        .join('');

const plain = (value) => (typeof value === 'object' ? JSON.stringify(value) : value);

function configuration({
    folder,
    mqttPort,
    mqttListeners,
    httpPort,
    listeners,
    hubs,
    bridge,
    more,
}) {
    const further = listeners.map((listener) => `    - ${JSON.stringify(listener)}\n`);
    const doors = mqttListeners.map((listener) => `  - ${JSON.stringify(listener)}\n`);
    const options = Object.entries(bridge).map(([name, value]) => `  ${name}: ${value}\n`);
    return `workers: 2
listeners:
  - tcp://127.0.0.1:${mqttPort}
${doors.join('')}store:
  path: ${folder}/store
bridge:
  listeners:
    - http://127.0.0.1:${httpPort}
${further.join('')}${options.join('')}${hubs.length ? `hubs:\n${list(hubs)}` : ''}${more}`;
}

export class Server {
    /* hubs, bridge, listeners (further ones of the bridge), mqttListeners (of the broker): what the
     * configuration says of them; more: further text of it. */
    static async start({
        hubs = [],
        bridge = {},
        listeners = [],
        mqttListeners = [],
        more = '',
    } = {}) {
        const server = new Server();
        server.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pubgrid-sdk-'));
        server.mqttPort = await freePort();
        server.httpPort = await freePort();
        server.processes = bridge.processes ?? 2;
        server.config = path.join(server.folder, 'pubgrid.yaml');
        fs.writeFileSync(
            server.config,
            configuration({
                ...server,
                listeners,
                mqttListeners,
                hubs,
                bridge: { ...bridge, processes: server.processes },
                more,
            }),
        );
        server.#spawn();
        atEnd('the server ends well', () => server.stop());
        explain(() => `the server's log ends:\n${server.logEnd()}`);
        process.once('exit', () => server.#leave());
        await server.ready();
        server.keys = server.readKeys();
        return server;
    }

    #spawn() {
        const log = fs.openSync(path.join(this.folder, 'log'), 'a');
        this.process = spawn(path.join(BIN, 'pubgrid'), ['serve', '-c', this.config], {
            stdio: ['ignore', log, log],
        });
        fs.closeSync(log);
        this.ended = once(this.process, 'exit');
    }

    /* Nothing stays behind, whatever happened. */
    #leave() {
        if (this.process.exitCode === null) {
            for (const { pid } of [this.process, ...this.children()]) {
                process.kill(pid, 'SIGKILL');
            }
        }
        fs.rmSync(this.folder, { recursive: true, force: true });
    }

    get log() {
        return fs.readFileSync(path.join(this.folder, 'log'), 'utf8');
    }

    /* Both doors are open: MQTT, and bridges whose broker is there. */
    async ready() {
        await until(
            'the server is ready',
            async () => {
                if (this.process.exitCode !== null) {
                    throw new Error(
                        `the server has ended with ${this.process.exitCode}:\n${this.logEnd()}`,
                    );
                }
                return (await opens(this.mqttPort)) && (await this.#allAnswer());
            },
            60_000,
        ).catch((error) => {
            throw new Error(`${error.message}\n${this.logEnd()}`);
        });
    }

    logEnd() {
        return this.log.split('\n').slice(-LOG_LINES).join('\n');
    }

    /* Each bridge process has said so itself: which one a connection gets to is for the kernel to
     * choose, and one that was just started may not have opened its door yet. */
    async #allAnswer() {
        const ready = new Set();
        for (let connections = 0; connections < CONNECTIONS_MAX; connections += 1) {
            const pid = await this.#readyBridge();
            if (!pid) {
                return false;
            }
            ready.add(pid);
            const pids = bridges(this);
            if (pids.length === this.processes && pids.every((one) => ready.has(one))) {
                return true;
            }
        }
        return false;
    }

    /* The process that has answered that it serves; undefined if the one that was asked does not. */
    async #readyBridge() {
        const agent = new http.Agent({ keepAlive: true }); // the socket outlives the answer
        try {
            const request = http.get(this.httpUrl('/readyz'), { agent });
            const [response] = await once(request, 'response');
            response.resume();
            return response.statusCode === 200
                ? bridges(this)[await processOf(this, request.socket)]
                : undefined;
        } catch {
            return undefined; // nobody is there, or ends
        } finally {
            agent.destroy();
        }
    }

    readKeys() {
        return [...this.cli('keys').matchAll(/AccessKey=([^;\s]+)/g)].map(([, key]) => key);
    }

    /* What `pubgrid COMMAND -c CONFIG ...` prints. */
    cli(command, ...words) {
        return execFileSync(path.join(BIN, 'pubgrid'), [command, '-c', this.config, ...words], {
            encoding: 'utf8',
        });
    }

    httpUrl(target, scheme = 'http', port = this.httpPort) {
        return `${scheme}://127.0.0.1:${port}${target}`;
    }

    /* What a token for this hub says, unless `claims` say otherwise. */
    token(
        hub,
        {
            user,
            roles = EVERYTHING,
            groups,
            key = this.keys[0],
            door = 'client',
            port,
            ...claims
        } = {},
    ) {
        return sign(
            {
                aud: this.httpUrl(`/${door}/hubs/${hub}`, 'http', port),
                iat: inSeconds(0),
                exp: inSeconds(3600),
                sub: user,
                role: roles,
                'webpubsub.group': groups,
                ...claims,
            },
            key,
        );
    }

    /* A URL for a client of this hub: who, as for token(); `port` is that of a proxy. */
    url(hub, who = {}, query = '') {
        const target = `/${who.door ?? 'client'}/hubs/${hub}?access_token=${this.token(hub, who)}${query}`;
        return this.httpUrl(target, 'ws', who.port);
    }

    /* A connected client; `connected` is the frame that said so, where the subprotocol has one. */
    async connect(hub, { protocol = JSON_V1, query = '', ...who } = {}) {
        const peer = await Peer.open(this.url(hub, who, query), protocol ?? undefined);
        if (peer.socket.protocol) {
            peer.connected = await peer.take({ type: 'system', event: 'connected' });
        }
        return peer;
    }

    /* A plain WebSocket, in the mode that the query says. */
    connectRaw(hub, query = '', who = {}) {
        return Peer.open(this.url(hub, who, query), null);
    }

    /* The processes that serve has started: [{ name: 'pubgrid-broker', pid }, ...] */
    children() {
        const read = (file) => {
            try {
                return fs.readFileSync(`/proc/${file}`, 'utf8');
            } catch {
                return ''; // it ended while we looked
            }
        };
        const { pid: parent } = this.process;
        const pids = read(`${parent}/task/${parent}/children`).match(/\d+/g) ?? [];
        return pids.map((pid) => ({
            name: path.basename(read(`${pid}/cmdline`).split('\0')[0]),
            pid: Number(pid),
        }));
    }

    /* kill -9 of one of those, or of all of this name; done when the supervisor has others in their place.
     * Before that, what was killed may still take connections. */
    async kill(name, { all = false } = {}) {
        const pids = () =>
            this.children()
                .filter((child) => child.name === name)
                .map(({ pid }) => pid);
        const before = pids();
        assert.ok(before.length > 0, `${name} runs`);
        const victims = all ? before : [before[Math.floor(Math.random() * before.length)]];
        victims.forEach((pid) => process.kill(pid, 'SIGKILL'));
        await until(`another ${name}`, () => {
            const now = pids();
            return now.length === before.length && !now.some((pid) => victims.includes(pid));
        });
    }

    /* It ends well, and is there again with the same files. */
    async restart() {
        await this.stop();
        this.#spawn();
        await this.ready();
    }

    async stop() {
        this.process.kill('SIGTERM');
        const [status] = await this.ended;
        const { log } = this;
        assert.ok(!/Sanitizer|runtime error:|assertion/i.test(log), `the log says:\n${log}`);
        assert.equal(status, 0, `the log ends:\n${this.logEnd()}`);
    }
}

function opens(port) {
    return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');
        socket.on('connect', () => {
            socket.destroy();
            resolve(true);
        });
        socket.on('error', () => resolve(false));
    });
}
