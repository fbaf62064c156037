/* REST requests byte by byte (spec/webpubsub.md 6): nothing is escaped, normalized or tried again, so
 * that a test sees what the server says to exactly this request.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { connectBoth, socketAt } from './processes.mjs';
import { inSeconds, sign } from './tokens.mjs';
import { deferred, within } from './wait.mjs';

export const API_VERSION = '2024-12-01'; // what the JavaScript SDK sends

/* Names of groups and users that are easily spoilt on their way through a URL. */
export const ODD_NAMES = [
    'a/b',
    'a b',
    'ü',
    'a%b',
    'a%2Fb',
    'a:b',
    ':send',
    '😀',
    "o'b",
    'a?b#c&d=e;f',
    'a+b',
    '+',
    '#',
];

/* The token that the SDKs make for a request: its whole URL is the audience (6.2). */
export function restToken(server, target, { key = server.keys[0], ...claims } = {}) {
    const all = { aud: server.httpUrl(target), iat: inSeconds(0), exp: inSeconds(3600), ...claims };
    return sign(all, key);
}

/* body: text or bytes, sent with Content-Length, or an array of them, sent chunked. token: null for
 * none; claims: what it says otherwise. at: a socket (lib/processes.mjs). Resolves to
 * { status, headers, text, json }; json is undefined if there is none. */
export async function call(server, method, target, { body, headers, token, claims, at } = {}) {
    const answer = deferred();
    const bearer = token === undefined ? restToken(server, target, claims) : token;
    const isChunked = Array.isArray(body);
    const request = http.request({
        host: '127.0.0.1',
        port: server.httpPort,
        method,
        path: target,
        ...(at ? { createConnection: () => at, agent: undefined } : { agent: false }),
        headers: {
            ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
            ...(body !== undefined && !isChunked && { 'content-length': Buffer.byteLength(body) }),
            ...(body === undefined && /P/.test(method) && { 'content-length': 0 }),
            ...(at && { connection: 'keep-alive' }),
            ...headers,
        },
    });
    request.on('error', answer.reject);
    request.on('response', (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', answer.reject);
        response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const isJson = /^application\/json/.test(response.headers['content-type'] ?? '');
            answer.resolve({
                status: response.statusCode,
                headers: response.headers,
                text,
                json: isJson && text ? JSON.parse(text) : undefined,
            });
        });
    });
    [body ?? []].flat().forEach((part) => request.write(part));
    request.end();
    return within(() => `an answer to ${method} ${target}`, answer.promise);
}

/* A hub of the server, with its clients and its REST operations: `path` is what follows
 * /api/hubs/HUB, and gets the api-version. */
export class Hub {
    static #count = 0;

    /* One that nobody else uses. */
    static fresh(server, prefix = 'hub') {
        Hub.#count += 1;
        return new Hub(server, `${prefix}${Hub.#count}`);
    }

    constructor(server, name) {
        Object.assign(this, { server, name });
    }

    target(path, version = API_VERSION) {
        const query = `${path.includes('?') ? '&' : '?'}api-version=${version}`;
        return `/api/hubs/${this.name}${path}${query}`;
    }

    call(method, path, how) {
        return call(this.server, method, this.target(path), how);
    }

    async status(method, path, how) {
        return (await this.call(method, path, how)).status;
    }

    /* It succeeds with this status; resolves to its JSON. */
    async must(expected, method, path, how) {
        const { status, text, json } = await this.call(method, path, how);
        assert.equal(status, expected, `${method} ${path}: ${status} ${text}`);
        return json;
    }

    /* A message as text. `where`: '', '/groups/G', '/users/U' or '/connections/C', escaped. */
    send(where, text, query = '', how = {}) {
        return this.call('POST', `${where}/:send${query}`, {
            body: text,
            ...how,
            headers: { 'content-type': 'text/plain', ...how.headers },
        });
    }

    /* JSON to an action such as ':addToGroups'. */
    post(action, value) {
        return this.call('POST', `/${action}`, {
            body: JSON.stringify(value),
            headers: { 'content-type': 'application/json' },
        });
    }

    /* A client, as Server.connect(). */
    connect(who) {
        return this.server.connect(this.name, who);
    }

    /* Two clients, one at each bridge process. */
    both(who) {
        return connectBoth(this.server, this.name, who);
    }

    /* Sends to all, and waits until these have got it, and so all that was sent before. */
    async drain(...peers) {
        const end = `mark ${Math.random()}`; // Peer.data() leaves it out
        assert.equal((await this.send('', end)).status, 202);
        await Promise.all(peers.flat().map((peer) => peer.take({ type: 'message', data: end })));
    }

    /* A socket at this bridge process that several calls may use, one after the other. */
    socketAt(process) {
        return socketAt(this.server, process);
    }
}

export const idOf = (peer) => peer.connected.connectionId;

export const cut = (...peers) => peers.flat().forEach((peer) => peer.cut());
