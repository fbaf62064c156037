/* Ports of loopback for the servers of tests, each for one test only: tests/ports.py says how, and shares
 * the blocks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import net from 'node:net';

const FIRST = 11_000;
const BLOCKS = 550;
const SIZE = 20;

const left = []; // ports of this process's last block that nobody has got

/* Resolves to whoever listens at this port now; to nothing if it is taken. */
const listen = (port) =>
    new Promise((resolve) => {
        const server = net.createServer().unref();
        server.once('error', () => resolve(undefined));
        server.listen(port, '127.0.0.1', () => resolve(server));
    });

/* Makes a block ours until the process ends, by listening on its first port. */
async function claim() {
    for (;;) {
        const first = FIRST + Math.floor(Math.random() * BLOCKS) * SIZE;
        if (await listen(first)) {
            left.push(...Array.from({ length: SIZE - 1 }, (_, index) => first + 1 + index));
            return;
        }
    }
}

/* A port that this process has not had before. */
export async function freePort() {
    for (;;) {
        if (!left.length) {
            await claim();
        }
        const port = left.shift();
        const probe = await listen(port);
        if (probe) {
            await new Promise((resolve) => {
                probe.close(resolve);
            });
            return port;
        }
    }
}
