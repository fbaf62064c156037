/* Which of the bridge processes has a connection: the kernel spreads connections over them, so a test
 * that needs two different ones opens connections until it has them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { until } from './wait.mjs';

const HEX = 16;
const portOf = (address) => Number.parseInt(address.split(':')[1], HEX);

/* The inode of the server's end of the connection that comes from `port`. */
function inodeOf(server, port) {
    const [, ...lines] = fs.readFileSync('/proc/net/tcp', 'utf8').trim().split('\n');
    for (const line of lines) {
        const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
        if (portOf(local) === server.httpPort && portOf(remote) === port) {
            return inode;
        }
    }
    return undefined;
}

function hasInode(pid, inode) {
    try {
        return fs.readdirSync(`/proc/${pid}/fd`).some((fd) => {
            try {
                return fs.readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
            } catch {
                return false; // it was closed while we looked
            }
        });
    } catch {
        return false; // it has ended
    }
}

/* The process identifiers of the bridges, in a fixed order. */
export function bridges(server) {
    return server
        .children()
        .filter(({ name }) => name === 'pubgrid-bridge')
        .map(({ pid }) => pid)
        .sort((a, b) => a - b);
}

/* The index in bridges() of the process that has accepted this TCP connection. */
export function processOf(server, socket) {
    return until('a bridge process has the connection', () => {
        const inode = inodeOf(server, socket.localPort);
        const index =
            inode && inode !== '0' ? bridges(server).findIndex((pid) => hasInode(pid, inode)) : -1;
        return index < 0 ? undefined : { index };
    }).then(({ index }) => index);
}

/* Calls open(), which resolves to something with a socket, until one is at this process. */
async function atProcess(server, wanted, open, socketOf, discard) {
    assert.ok(wanted < bridges(server).length);
    for (;;) {
        const one = await open();
        if ((await processOf(server, socketOf(one))) === wanted) {
            return one;
        }
        await discard(one);
    }
}

/* A WebSocket client (lib/server.mjs, connect) at this bridge process. */
export function connectAt(server, process, hub, who) {
    return atProcess(
        server,
        process,
        () => server.connect(hub, who),
        (peer) => peer.socket._socket,
        (peer) => peer.close(1000),
    );
}

/* One at each of the two. */
export async function connectBoth(server, hub, who) {
    return [await connectAt(server, 0, hub, who), await connectAt(server, 1, hub, who)];
}

/* A TCP connection to this bridge process, for HTTP requests. */
export function socketAt(server, process) {
    return atProcess(
        server,
        process,
        async () => {
            const socket = net.connect(server.httpPort, '127.0.0.1');
            socket.on('error', () => {});
            await once(socket, 'connect');
            return socket;
        },
        (socket) => socket,
        (socket) => socket.destroy(),
    );
}
