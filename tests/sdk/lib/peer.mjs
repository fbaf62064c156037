/* A client that knows nothing: a WebSocket (npm's `ws`) whose frames a test writes and reads one by
 * one. JSON and protobuf frames look the same to the test (lib/protobuf.mjs), plain ones are
 * { text } or { binary }.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import WebSocket from 'ws';
import { deferred, within } from './wait.mjs';

const MARK = 'mark '; // begins what drain() sends

export const JSON_V1 = 'json.webpubsub.azure.v1';
export const JSON_RELIABLE = 'json.reliable.webpubsub.azure.v1';
export const PROTOBUF_V1 = 'protobuf.webpubsub.azure.v1';
export const PROTOBUF_RELIABLE = 'protobuf.reliable.webpubsub.azure.v1';

const json = {
    encode: (frame) => JSON.stringify(frame),
    decode(data, isBinary) {
        assert.equal(isBinary, false, 'a binary frame on a JSON connection');
        return JSON.parse(data.toString());
    },
};
const plain = {
    encode: (frame) => frame,
    decode: (data, isBinary) => (isBinary ? { binary: data } : { text: data.toString() }),
};
const codecs = new Map([
    [JSON_V1, json],
    [JSON_RELIABLE, json],
]);

/* For lib/protobuf.mjs, whose package only its users need. */
export function addCodec(subprotocol, codec) {
    codecs.set(subprotocol, codec);
}

/* Does `frame` have what `wanted` has? A function decides by itself. */
function matches(frame, wanted) {
    return typeof wanted === 'function'
        ? wanted(frame)
        : Object.entries(wanted).every(([name, value]) => isDeepStrictEqual(frame[name], value));
}

export class Peer {
    frames = []; // all that came
    #untaken = [];
    #waiting = []; // { wanted, resolve, reject }
    #malformed;
    #closed = deferred();
    #ackId = 0;

    constructor(url, subprotocols = JSON_V1, options = {}) {
        const { codec, ...socketOptions } = options;
        this.url = url;
        this.subprotocols = subprotocols;
        this.socket = new WebSocket(url, subprotocols ?? [], {
            perMessageDeflate: false,
            ...socketOptions,
        });
        this.socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
        this.socket.on('error', () => {}); // `close` follows
        this.socket.on('close', (code, reason) => {
            this.#closed.resolve({ code, reason: reason.toString() });
        });
        this.codec = codec ?? codecs.get([subprotocols ?? ''].flat()[0]) ?? plain;
    }

    /* An open one; rejects if the server refuses: the error's `status` is its HTTP status. */
    static async open(url, subprotocols, options) {
        const peer = new Peer(url, subprotocols, options);
        const opened = deferred();
        peer.socket.on('open', opened.resolve);
        peer.socket.on('unexpected-response', (request, response) => {
            opened.reject(
                Object.assign(new Error(`refused with ${response.statusCode}`), {
                    status: response.statusCode,
                }),
            );
            request.destroy();
        });
        peer.socket.on('error', opened.reject);
        await within(() => `open ${url}`, opened.promise);
        return peer;
    }

    #receive(data, isBinary) {
        let frame;
        try {
            frame = this.codec.decode(data, isBinary);
        } catch (error) {
            // a frame that must never come fails whatever is waited for
            this.#malformed ??= error;
            this.#waiting.splice(0).forEach(({ reject }) => reject(error));
            this.cut();
            return;
        }
        this.frames.push(frame);
        const index = this.#waiting.findIndex(({ wanted }) => matches(frame, wanted));
        if (index < 0) {
            this.#untaken.push(frame);
        } else {
            this.#waiting.splice(index, 1)[0].resolve(frame);
        }
    }

    /* The first frame that matches and that nobody has taken yet. */
    take(wanted) {
        const index = this.#untaken.findIndex((frame) => matches(frame, wanted));
        if (index >= 0) {
            return Promise.resolve(this.#untaken.splice(index, 1)[0]);
        }
        if (this.#malformed) {
            return Promise.reject(this.#malformed);
        }
        const { promise, resolve, reject } = deferred();
        this.#waiting.push({ wanted, resolve, reject });
        const what = () =>
            `${wanted instanceof Function ? wanted : JSON.stringify(wanted)} on a socket in ` +
            `state ${this.socket.readyState}; left: ${JSON.stringify(this.#untaken.slice(-5))}`;
        return within(what, promise);
    }

    /* Resolves to { code, reason }. */
    get closed() {
        return within(
            () => `close; last frame: ${JSON.stringify(this.frames.at(-1))}`,
            this.#closed.promise,
        );
    }

    send(frame) {
        this.socket.send(this.codec.encode(frame));
    }

    /* Bytes or text as they are. */
    sendRaw(data) {
        this.socket.send(data);
    }

    nextAckId() {
        this.#ackId += 1;
        return this.#ackId;
    }

    /* Sends it with an ackId (its own, if it has one); resolves to the acknowledgement. */
    request(frame) {
        const ackId = frame.ackId ?? this.nextAckId();
        this.send({ ...frame, ackId });
        return this.take({ type: 'ack', ackId });
    }

    /* The same, and it has to succeed. */
    async must(frame) {
        const ack = await this.request(frame);
        assert.deepEqual(ack, { type: 'ack', ackId: ack.ackId, success: true });
        return ack;
    }

    async fails(name, frame) {
        const ack = await this.request(frame);
        assert.equal(ack.success, false);
        assert.equal(ack.error.name, name);
        assert.equal(typeof ack.error.message, 'string');
    }

    join(group) {
        return this.must({ type: 'joinGroup', group });
    }

    async ping() {
        this.send({ type: 'ping' });
        await this.take({ type: 'pong' });
    }

    /* Until a message of its own has come back from a group that it is in: then all that was sent to
     * the group before has come too. */
    async drain(group = 'g') {
        const data = `${MARK}${this.nextAckId()}`;
        await this.must({ type: 'sendToGroup', group, dataType: 'text', data });
        await this.take({ type: 'message', data });
    }

    messages() {
        return this.frames.filter(
            ({ type, data }) => type === 'message' && !String(data).startsWith(MARK),
        );
    }

    data() {
        return this.messages().map(({ data }) => data);
    }

    /* Without a close frame, as when the network dies. */
    cut() {
        this.socket.terminate();
    }

    async close(code = 1000) {
        this.socket.close(code);
        return this.closed;
    }

    /* The URL by which this connection is recovered (spec/webpubsub.md 4.2). */
    recoveryUrl({ token = this.connected.reconnectionToken, ...more } = {}) {
        const url = new URL(this.url);
        url.searchParams.set('awps_connection_id', this.connected.connectionId);
        url.searchParams.set('awps_reconnection_token', token);
        for (const [name, value] of Object.entries(more)) {
            url.searchParams.set(name, value);
        }
        return url.href;
    }

    /* The same connection on a new socket. */
    async recover(how) {
        const peer = await Peer.open(this.recoveryUrl(how), this.subprotocols);
        peer.connected = await peer.take({ type: 'system', event: 'connected' });
        assert.equal(peer.connected.connectionId, this.connected.connectionId);
        peer.#ackId = this.#ackId;
        return peer;
    }
}
