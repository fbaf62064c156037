/* A TCP proxy that stands for a bad network: it cuts, stalls and delays. Bytes keep their order and
 * their values; nothing but time is reordered.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { once } from 'node:events';
import net from 'node:net';

export class Proxy {
    #target;
    #pairs = new Set();
    #stalled = false;
    #delay = 0; // ms that every chunk is held back
    connections = 0; // so many have come

    static async start(targetPort) {
        const proxy = new Proxy();
        proxy.#target = targetPort;
        proxy.server = net.createServer((socket) => proxy.#accept(socket)).listen(0, '127.0.0.1');
        await once(proxy.server, 'listening');
        proxy.port = proxy.server.address().port;
        return proxy;
    }

    #accept(client) {
        const server = net.connect(this.#target, '127.0.0.1');
        const pair = { client, server };
        this.connections += 1;
        this.#pairs.add(pair);
        for (const [from, to] of [
            [client, server],
            [server, client],
        ]) {
            from.setNoDelay(true);
            from.on('data', (chunk) => this.#pass(from, to, chunk));
            from.on('error', () => {});
            from.on('close', () => {
                to.destroy();
                this.#pairs.delete(pair);
            });
            if (this.#stalled) {
                from.pause();
            }
        }
    }

    /* Chunks of one direction wait for the same time each, so they stay in order. */
    #pass(from, to, chunk) {
        if (this.#delay) {
            setTimeout(() => !to.destroyed && to.write(chunk), this.#delay);
        } else if (!to.write(chunk)) {
            from.pause();
            to.once('drain', () => !this.#stalled && from.resume());
        }
    }

    get open() {
        return this.#pairs.size;
    }

    /* Every connection breaks, in the middle of whatever is under way. */
    cut() {
        for (const { client, server } of this.#pairs) {
            client.resetAndDestroy();
            server.resetAndDestroy();
        }
    }

    stall(stalled = true) {
        this.#stalled = stalled;
        for (const socket of [...this.#pairs].flatMap(({ client, server }) => [client, server])) {
            if (stalled) {
                socket.pause();
            } else {
                socket.resume();
            }
        }
    }

    /* Takes effect for what comes from now on; it may only grow, so that nothing is overtaken. */
    set delay(milliseconds) {
        this.#delay = Math.max(milliseconds, this.#delay);
    }

    stop() {
        this.cut();
        this.server.close();
    }
}
